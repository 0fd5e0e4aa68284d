//! What a process has used, as Linux says in `/proc`.

use std::collections::BTreeMap;
use std::fs;
use std::time::Duration;

use anyhow::{Context, bail};

/// `USER_HZ`: the unit of times in `/proc/PID/stat`, 100 on every Linux that Rust runs on (proc(5)).
const TICKS_PER_SECOND: f64 = 100.0;

/// Processor time and memory at one moment.
#[derive(Clone, Debug)]
pub struct Usage {
    /// In user and in kernel mode, of all threads, to 10 ms.
    cpu: Duration,
    /// Of each thread to the nanosecond, where the kernel tells: ten listeners take no 10 ms in a second.
    threads: BTreeMap<String, Duration>,
    /// What is in memory, kB.
    pub rss_kb: u64,
}

impl Usage {
    /// The processor time since then.
    pub fn cpu_since(&self, then: &Self) -> Duration {
        if self.threads.is_empty() || then.threads.is_empty() {
            return self.cpu.saturating_sub(then.cpu);
        }
        let before = |thread: &String| then.threads.get(thread).copied().unwrap_or_default();
        self.threads.iter().map(|(thread, now)| now.saturating_sub(before(thread))).sum()
    }
}

/// Of a process by its id; `self` is this one.
pub fn usage(pid: &str) -> anyhow::Result<Usage> {
    let read = |file: &str| {
        let path = format!("/proc/{pid}/{file}");
        fs::read_to_string(&path).with_context(|| format!("process {pid} cannot be measured: {path}"))
    };
    Ok(Usage { threads: threads(pid), ..parse(&read("stat")?, &read("status")?)? })
}

/// Empty where the kernel keeps no such account.
fn threads(pid: &str) -> BTreeMap<String, Duration> {
    let Ok(tasks) = fs::read_dir(format!("/proc/{pid}/task")) else { return BTreeMap::new() };
    let time = |task: fs::DirEntry| {
        let account = fs::read_to_string(task.path().join("schedstat")).ok()?;
        let spent = account.split(' ').next()?.parse().ok()?;
        Some((task.file_name().to_string_lossy().into_owned(), Duration::from_nanos(spent)))
    };
    tasks.flatten().filter_map(time).collect()
}

fn parse(stat: &str, status: &str) -> anyhow::Result<Usage> {
    // The program's name stands in brackets and may hold anything; utime and stime are the 14th and 15th field.
    let fields: Vec<&str> = stat.rsplit_once(") ").map_or("", |(_, rest)| rest).split(' ').collect();
    let ticks = |at: usize| fields.get(at).and_then(|field| field.parse::<u64>().ok());
    let rss = status.lines().find_map(|line| line.strip_prefix("VmRSS:")?.trim().strip_suffix(" kB")?.parse().ok());
    let (Some(user), Some(kernel), Some(rss_kb)) = (ticks(11), ticks(12), rss) else {
        bail!("/proc says something that is not understood");
    };
    let cpu = Duration::from_secs_f64((user + kernel) as f64 / TICKS_PER_SECOND);
    Ok(Usage { cpu, threads: BTreeMap::new(), rss_kb })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn time_and_memory_are_read_behind_any_name() {
        let stat = "42 (a ) b) S 1 42 42 0 -1 4194560 900 0 0 0 150 75 0 0 20 0 4 0 100 1000 200 18446744073709551615";
        let usage = parse(stat, "Name:\ta\nVmHWM:\t  900 kB\nVmRSS:\t  800 kB\n").unwrap();
        assert_eq!((usage.cpu, usage.rss_kb), (Duration::from_millis(2_250), 800));
        assert!(parse("", "").is_err());
    }

    #[test]
    fn time_is_that_of_the_threads_where_it_is_known_and_a_new_one_counts() {
        let at = |ms: u64, threads: &[(&str, u64)]| Usage {
            cpu: Duration::from_millis(ms),
            threads: threads.iter().map(|(name, us)| (name.to_string(), Duration::from_micros(*us))).collect(),
            rss_kb: 0,
        };
        let (then, now) = (at(10, &[("1", 500), ("2", 70)]), at(20, &[("1", 600), ("3", 5)]));
        assert_eq!(now.cpu_since(&then), Duration::from_micros(105));
        assert_eq!(at(20, &[]).cpu_since(&then), Duration::from_millis(10));
    }
}
