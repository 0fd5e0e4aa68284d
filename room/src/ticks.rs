//! Media time: steps of one frame, from when somebody begins to sound until nobody does.

use std::time::Duration;

use audio::{FrameLength, SAMPLE_RATE};

/// A caller that is later than this leaves steps out instead of making up for all of them.
const MAX_LATE: Duration = Duration::from_millis(100);

/// The first step after a pause comes so long after the packet that ended it: the next packets may be
/// so much later than they should, and are not waited for any longer than that.
const LEAD: Duration = Duration::from_millis(5);

/// One step to take.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Step {
    /// One more than that of the step before; after a pause, more by about the steps that would have been.
    pub number: u64,
    /// Samples since the room began.
    pub media_time: u64,
    /// Steps left out just before it, because the caller came late.
    pub skipped: u64,
}

/// Which step comes next, and when.
#[derive(Debug)]
pub(super) struct Ticks {
    start: Duration,
    length: FrameLength,
    due: Duration,
    next: u64,
}

impl Ticks {
    pub fn new(start: Duration) -> Self {
        Self { start, length: FrameLength::default(), due: start, next: 0 }
    }

    /// When the next step is to be taken.
    pub fn due(&self) -> Duration {
        self.due
    }

    /// How long a step is.
    pub fn length(&self) -> FrameLength {
        self.length
    }

    /// Changes the length of steps, from the next on.
    pub fn set_length(&mut self, length: FrameLength) {
        self.length = length;
    }

    /// The number of the next step.
    pub fn next(&self) -> u64 {
        self.next
    }

    /// Samples at 48 kHz since the start, wrapping.
    pub fn media_time(&self, now: Duration) -> u32 {
        (now.saturating_sub(self.start).as_nanos() * u128::from(SAMPLE_RATE) / 1_000_000_000) as u32
    }

    /// Goes on after a pause, for a packet that came `now`; never before the next step is due.
    pub fn resume(&mut self, now: Duration) {
        let step = self.length.time();
        if let Some(pause) = (now + LEAD).checked_sub(self.due).filter(|pause| !pause.is_zero()) {
            self.next += pause.as_nanos().div_ceil(step.as_nanos()) as u64;
            self.due = now + LEAD;
        }
    }

    /// The step to take now; none before it is due.
    pub fn begin(&mut self, now: Duration) -> Option<Step> {
        let late = now.checked_sub(self.due)?;
        let skipped = if late > MAX_LATE { self.length.count(late) } else { 0 };
        let step = self.length.time();
        self.due += Duration::from_nanos(step.as_nanos() as u64 * skipped);
        self.next += skipped;
        let media_time = (self.due - self.start).as_nanos() * u128::from(SAMPLE_RATE) / 1_000_000_000;
        let number = self.next;
        self.next += 1;
        self.due += step;
        Some(Step { number, media_time: media_time as u64, skipped })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const fn ms(ms: u64) -> Duration {
        Duration::from_millis(ms)
    }

    const fn step(number: u64, ms: u64, skipped: u64) -> Option<Step> {
        Some(Step { number, media_time: ms * 48, skipped })
    }

    #[test]
    fn steps_stay_on_the_grid_whenever_they_are_taken() {
        let mut ticks = Ticks::new(ms(7));
        assert_eq!(ticks.begin(ms(6)), None);
        assert_eq!(ticks.begin(ms(9)), step(0, 0, 0));
        assert_eq!(ticks.begin(ms(26)), None);
        assert_eq!((ticks.due(), ticks.begin(ms(90))), (ms(27), step(1, 20, 0)));
        assert_eq!((ticks.due(), ticks.begin(ms(90))), (ms(47), step(2, 40, 0)));
    }

    #[test]
    fn a_pause_ends_soon_after_the_packet_that_ends_it() {
        let mut ticks = Ticks::new(ms(0));
        ticks.resume(ms(1001));
        assert_eq!(ticks.due(), ms(1006));
        assert_eq!(ticks.begin(ms(1006)), step(51, 1006, 0));
        assert_eq!(ticks.begin(ms(1530)), step(77, 1526, 25), "a long delay leaves steps out");
        ticks.resume(ms(1539));
        assert_eq!((ticks.due(), ticks.begin(ms(1546))), (ms(1546), step(78, 1546, 0)), "no step is taken early");
    }

    #[test]
    fn steps_of_another_length_begin_where_the_last_one_ends() {
        let mut ticks = Ticks::new(ms(0));
        assert_eq!(ticks.begin(ms(0)), step(0, 0, 0));
        ticks.set_length(FrameLength::Ms10);
        assert_eq!(ticks.begin(ms(20)), step(1, 20, 0));
        assert_eq!(ticks.begin(ms(30)), step(2, 30, 0));
    }
}
