//! How much of a core a worker uses. It looks only when it runs anyway: an idle worker is not woken for this.

use std::time::Duration;

use rustix::time::{ClockId, clock_gettime};

/// Over so long at least.
pub const WINDOW: Duration = Duration::from_millis(500);

/// Where the last window ended.
#[derive(Debug)]
pub struct Load {
    at: Duration,
    cpu: Duration,
}

impl Load {
    /// The first window begins now.
    pub fn new(now: Duration) -> Self {
        Self { at: now, cpu: Duration::ZERO }
    }

    /// When the window may end.
    pub fn due(&self) -> Duration {
        self.at + WINDOW
    }

    /// Ends the window if it has been long enough, and says which share of it was spent working. `cpu` is all time
    /// spent so far.
    pub fn measure(&mut self, now: Duration, cpu: impl FnOnce() -> Duration) -> Option<f32> {
        if now < self.due() {
            return None;
        }
        let cpu = cpu();
        let (worked, window) = (cpu.saturating_sub(self.cpu), now.saturating_sub(self.at));
        (self.at, self.cpu) = (now, cpu);
        Some(worked.as_secs_f32() / window.as_secs_f32())
    }
}

/// CPU time that the calling thread has taken, also inside the kernel.
pub fn cpu_time() -> Duration {
    let time = clock_gettime(ClockId::ThreadCPUTime);
    Duration::new(time.tv_sec as u64, time.tv_nsec as u32)
}

#[cfg(test)]
mod tests {
    use super::*;

    const fn ms(ms: u64) -> Duration {
        Duration::from_millis(ms)
    }

    #[test]
    fn a_window_ends_when_it_is_long_enough_and_whoever_was_idle_has_a_long_one() {
        let mut load = Load::new(ms(1000));
        assert_eq!(load.measure(ms(1499), || panic!("it does not look yet")), None);
        assert_eq!(load.measure(ms(1500), || ms(250)), Some(0.5));
        assert_eq!(load.measure(ms(3500), || ms(450)), Some(0.1));
    }
}
