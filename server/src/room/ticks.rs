//! Media time: a grid of 20 ms that begins with the room.

use std::time::Duration;

use audio::FRAME_TIME;

/// A caller that is later than this leaves steps out instead of making up for all of them.
const MAX_LATE: Duration = Duration::from_millis(100);

/// Which 20 ms step comes next.
#[derive(Debug)]
pub(super) struct Ticks {
    start: Duration,
    next: u64,
}

impl Ticks {
    pub fn new(start: Duration) -> Self {
        Self { start, next: 0 }
    }

    /// When the next step is to be taken.
    pub fn due(&self) -> Duration {
        self.start + Duration::from_nanos(self.next.saturating_mul(FRAME_TIME.as_nanos() as u64))
    }

    /// Goes on after a pause: the next step is the first on the grid from now on.
    pub fn resume(&mut self, now: Duration) {
        self.next = self.next.max(self.elapsed(now, FRAME_TIME - Duration::from_nanos(1)));
    }

    /// The number of the step to take now, and how many are left out before it; none before it is due.
    pub fn begin(&mut self, now: Duration) -> Option<(u64, u64)> {
        let late = now.checked_sub(self.due())?;
        let expected = self.next;
        if late > MAX_LATE {
            self.next = self.elapsed(now, Duration::ZERO);
        }
        let number = self.next;
        self.next += 1;
        Some((number, number - expected))
    }

    fn elapsed(&self, now: Duration, plus: Duration) -> u64 {
        ((now.saturating_sub(self.start) + plus).as_nanos() / FRAME_TIME.as_nanos()) as u64
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const fn ms(ms: u64) -> Duration {
        Duration::from_millis(ms)
    }

    #[test]
    fn steps_stay_on_the_grid_whenever_they_are_taken() {
        let mut ticks = Ticks::new(ms(7));
        assert_eq!(ticks.begin(ms(6)), None);
        assert_eq!(ticks.begin(ms(9)), Some((0, 0)));
        assert_eq!(ticks.begin(ms(26)), None);
        assert_eq!((ticks.due(), ticks.begin(ms(90))), (ms(27), Some((1, 0))));
        assert_eq!((ticks.due(), ticks.begin(ms(90))), (ms(47), Some((2, 0))));
    }

    #[test]
    fn a_pause_and_a_long_delay_leave_steps_out() {
        let mut ticks = Ticks::new(ms(0));
        ticks.resume(ms(1001));
        assert_eq!(ticks.due(), ms(1020));
        assert_eq!(ticks.begin(ms(1020)), Some((51, 0)));
        assert_eq!(ticks.begin(ms(1530)), Some((76, 24)));
        ticks.resume(ms(1531));
        assert_eq!(ticks.due(), ms(1540), "no step is taken twice");
    }
}
