//! What a process has used, as Linux says in `/proc`.

use std::fs;
use std::time::Duration;

use anyhow::{Context, bail};

/// `USER_HZ`: the unit of times in `/proc/PID/stat`, 100 on every Linux that Rust runs on (proc(5)).
const TICKS_PER_SECOND: f64 = 100.0;

/// Processor time and memory at one moment.
#[derive(Clone, Copy, Debug)]
pub struct Usage {
    /// In user and in kernel mode, of all threads.
    pub cpu: Duration,
    /// What is in memory, kB.
    pub rss_kb: u64,
}

/// Of a process by its id; `self` is this one.
pub fn usage(pid: &str) -> anyhow::Result<Usage> {
    let read = |file: &str| {
        let path = format!("/proc/{pid}/{file}");
        fs::read_to_string(&path).with_context(|| format!("process {pid} cannot be measured: {path}"))
    };
    parse(&read("stat")?, &read("status")?)
}

fn parse(stat: &str, status: &str) -> anyhow::Result<Usage> {
    // The program's name stands in brackets and may hold anything; utime and stime are the 14th and 15th field.
    let fields: Vec<&str> = stat.rsplit_once(") ").map_or("", |(_, rest)| rest).split(' ').collect();
    let ticks = |at: usize| fields.get(at).and_then(|field| field.parse::<u64>().ok());
    let rss = status.lines().find_map(|line| line.strip_prefix("VmRSS:")?.trim().strip_suffix(" kB")?.parse().ok());
    let (Some(user), Some(kernel), Some(rss_kb)) = (ticks(11), ticks(12), rss) else {
        bail!("/proc says something that is not understood");
    };
    Ok(Usage { cpu: Duration::from_secs_f64((user + kernel) as f64 / TICKS_PER_SECOND), rss_kb })
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
}
