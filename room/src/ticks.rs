//! Media time: steps of one frame, from when somebody begins to sound until nobody does.

use std::time::Duration;

use audio::{FrameLength, SAMPLE_RATE};

/// A caller that is later than this leaves steps out instead of making up for all of them.
const MAX_LATE: Duration = Duration::from_millis(100);

/// The first step after a pause comes so long after the packet that ended it: the next packets may be
/// so much later than they should, and are not waited for any longer than that.
const LEAD: Duration = Duration::from_millis(5);

/// Steps come earlier where all that they work on was here longer before than this, in samples: 1 ms …
const MOST_SLACK: i64 = 48;

/// … and later where something was not for so long, 0.5 ms: a clock that is slow goes on being late.
const LEAST_SLACK: i64 = 24;

/// They come earlier by this share of a step each at least, slowly: a hearer's jitter buffer takes it for a clock; by this share of what is left
/// where that is more, so that half of it is gone in 0.4 s …
const EARLIER: u32 = 200;
const OF_SLACK: u32 = 25;

/// … and later by this share of a step, since meanwhile something may be missing.
const LATER: u32 = 50;

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
    /// By how much the last step was taken later than it was due.
    late: Duration,
    next: u64,
}

impl Ticks {
    pub fn new(start: Duration) -> Self {
        Self { start, length: FrameLength::default(), due: start, late: Duration::ZERO, next: 0 }
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

    /// Moves the steps to come a little towards where the last one should have been: earlier if it could have been taken
    /// so many samples before and all that it worked on would have been here, or later if that is next to none.
    pub fn follow(&mut self, slack: i64) {
        let step = self.length.time();
        let time = |samples: i64| Duration::from_nanos(samples as u64 * 1_000_000_000 / u64::from(SAMPLE_RATE));
        let second = i64::from(SAMPLE_RATE);
        let slack =
            slack.clamp(-second, second) - (self.late.as_nanos() * u128::from(SAMPLE_RATE) / 1_000_000_000) as i64;
        if slack > MOST_SLACK {
            let more = time(slack - MOST_SLACK);
            self.due -= more.min((step / EARLIER).max(more / OF_SLACK)).min(step / LATER);
        } else if slack < LEAST_SLACK {
            self.due += time(LEAST_SLACK - slack).min(step / LATER);
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
        self.late = now.saturating_sub(self.due);
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
    fn steps_move_to_where_they_are_needed_and_no_farther() {
        let mut ticks = Ticks::new(ms(0));
        // Where steps are after so many more, in 0.1 ms, when what they need is there at such a time of each 20 ms.
        let mut take = |needed_ms: i64, late: Duration, steps| {
            for _ in 0..steps {
                let due = ticks.due();
                ticks.begin(due + late);
                let past = (due + late).as_micros() as i64 - needed_ms * 1000;
                ticks.follow(((past + 10_000).rem_euclid(20_000) - 10_000) * 48 / 1000);
            }
            (ticks.due().as_micros() as f64 / 100.0).round() as i64 % 200
        };
        assert_eq!(take(0, ms(0), 1), 4, "0.4 ms later each, for nothing is to spare");
        assert_eq!(take(0, ms(0), 50), 5, "0.5 ms are");
        assert_eq!(take(-2, ms(0), 10), 195, "0.1 ms earlier each");
        assert_eq!(take(-2, ms(0), 90), 190, "and stays 1 ms behind");
        assert_eq!(take(-2, ms(4), 90), 190, "a caller that is late changes nothing");
        assert_eq!(take(-10, ms(0), 2), 184, "0.32 ms earlier each where 8 ms more are left than are wanted");
        assert_eq!(take(-10, ms(0), 75), 110);
        assert_eq!(take(-6, ms(0), 2), 118, "0.4 ms later each");
        assert_eq!(take(-6, ms(0), 90), 145, "and no later than 0.5 ms behind");
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
