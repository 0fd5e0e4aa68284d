//! A look-ahead limiter, one for each mix. It must never let a peak over its ceiling, between the
//! samples too, must not allocate, and must leave alone what is below the ceiling.
//!
//! The gain each sample needs is held for a moment to both sides (a sliding minimum), let go slowly,
//! and smoothed by a moving average over the look-ahead. Every value that enters the average while a
//! peak passes is at most what that peak needs, so the average is too. Where no peak needs a gain
//! below one, the factor is one exactly and the sound is only delayed.

mod true_peak;

use crate::{CHANNELS, Frame, SAMPLE_RATE};
use true_peak::TAPS;

/// True peaks stay at or below this, dBTP: what EBU R128 asks of a programme.
pub const DEFAULT_CEILING_DBTP: f32 = -1.0;

/// Samples per channel that are worked on at once.
const BLOCK: usize = 96;
/// What the search for peaks needs of the past.
const CONTEXT: usize = TAPS - 1;
/// So long after it came in a sample's peak is known.
const KNOWN: usize = TAPS / 2;
/// So many samples before and after a peak have its gain, since the filter of whoever listens makes
/// the peak of all of them.
const HELD: usize = 12;
/// The gain moves this long, samples.
const SMOOTH: usize = Limiter::DELAY_SAMPLES - KNOWN - HELD + 1;
/// A needed gain is held so long, samples.
const HOLD: usize = SMOOTH + 2 * HELD;
const RELEASE_S: f64 = 0.150;

/// Closer to one than this is one: 0.001 dB, unheard, and the end of a release.
const UNITY: f64 = 0.9999;

/// What the search may miss, with four points for each sample (0.3 dB at 16 kHz) and a gain that
/// moves: measured with noise, squares and clipped noise up to 20 kHz.
const MISSED: f32 = 0.95;

/// Far over any sum of a room, and low enough that no product overflows.
const LOUDEST: f32 = 1e6;

/// Keeps one mix under its ceiling. Both channels get the same gain, so the image stays in place.
#[derive(Clone, Debug)]
pub struct Limiter {
    ceiling: f32,
    release: f64,
    /// The last samples in, which come out next.
    delay: [f32; Limiter::DELAY_SAMPLES * CHANNELS],
    /// Whether `delay` holds anything but zeros.
    sounding: bool,
    minimum: Minimum,
    /// In f64, for the last steps of a release are too small for f32.
    released: f64,
    /// The last `SMOOTH` released gains, a ring, and their sum.
    gains: [f32; SMOOTH],
    sum: f64,
    at: usize,
    /// How many samples in a row have had nothing but unity to do.
    at_unity: usize,
}

impl Default for Limiter {
    fn default() -> Self {
        Self::new(DEFAULT_CEILING_DBTP)
    }
}

impl Limiter {
    /// Samples per channel by which the sound comes later: 2 ms, look-ahead and search together.
    pub const DELAY_SAMPLES: usize = 96;

    /// A limiter with nothing in its delay. The ceiling is held to −60 to 0 dBTP; NaN is the default.
    pub fn new(ceiling_dbtp: f32) -> Self {
        let ceiling_dbtp = if ceiling_dbtp.is_nan() { DEFAULT_CEILING_DBTP } else { ceiling_dbtp.clamp(-60.0, 0.0) };
        Self {
            ceiling: MISSED * 10.0_f32.powf(ceiling_dbtp / 20.0),
            release: 1.0 - (-1.0 / (RELEASE_S * f64::from(SAMPLE_RATE))).exp(),
            delay: [0.0; Self::DELAY_SAMPLES * CHANNELS],
            sounding: false,
            minimum: Minimum::new(),
            released: 1.0,
            gains: [1.0; SMOOTH],
            sum: SMOOTH as f64,
            at: 0,
            at_unity: SMOOTH,
        }
    }

    /// Limits one frame of any length in place, delayed by [`Self::DELAY_SAMPLES`], and returns the
    /// largest gain reduction of the frame in decibels, 0 or more. What is not finite becomes zero.
    pub fn process(&mut self, frame: &mut Frame) -> f32 {
        let mut lowest = 1.0_f32;
        for block in frame.samples_mut().chunks_mut(BLOCK * CHANNELS) {
            for sample in &mut *block {
                *sample = if sample.is_finite() { sample.clamp(-LOUDEST, LOUDEST) } else { 0.0 };
            }
            lowest = lowest.min(self.limit(block));
        }
        self.sounding = self.delay.iter().any(|&sample| sample != 0.0);
        -20.0 * lowest.log10()
    }

    /// Whether the delay holds nothing but zeros: silence in gives silence out.
    pub fn is_quiet(&self) -> bool {
        !self.sounding
    }

    /// Works on at most [`BLOCK`] samples of both channels; gives the lowest gain.
    fn limit(&mut self, block: &mut [f32]) -> f32 {
        let mut peaks = [0.0; BLOCK];
        let peaks = &mut peaks[..block.len() / CHANNELS];
        let is_over = self.find_peaks(block, peaks);
        self.pass(block);
        if !is_over && self.at_unity >= SMOOTH {
            return 1.0;
        }
        let mut lowest = 1.0_f32;
        for (pair, peak) in block.chunks_exact_mut(CHANNELS).zip(peaks) {
            let gain = self.gain_for(*peak);
            lowest = lowest.min(gain);
            for sample in pair {
                // The clamp takes the last rounding of the product, nothing that is heard.
                *sample = (*sample * gain).clamp(-self.ceiling, self.ceiling);
            }
        }
        lowest
    }

    /// The peaks that are known now, each [`KNOWN`] samples late; says whether one is over the ceiling.
    /// Where that cannot be, none is looked for.
    fn find_peaks(&self, block: &[f32], peaks: &mut [f32]) -> bool {
        let past = &self.delay[self.delay.len() - CONTEXT * CHANNELS..];
        let loudest = past.iter().chain(block).fold(0.0_f32, |loudest, sample| loudest.max(sample.abs()));
        if loudest * true_peak::MOST <= self.ceiling {
            return false;
        }
        let mut channel = [0.0; CONTEXT + BLOCK];
        let channel = &mut channel[..CONTEXT + peaks.len()];
        for side in 0..CHANNELS {
            let pairs = past.chunks_exact(CHANNELS).chain(block.chunks_exact(CHANNELS));
            for (sample, pair) in channel.iter_mut().zip(pairs) {
                *sample = pair[side];
            }
            true_peak::raise(peaks, channel);
        }
        peaks.iter().any(|peak| *peak > self.ceiling)
    }

    /// Takes the block into the delay and what leaves it into the block.
    fn pass(&mut self, block: &mut [f32]) {
        let length = block.len();
        self.delay[..length].swap_with_slice(block);
        self.delay.rotate_left(length);
    }

    /// The gain for the sample that leaves the delay as this peak becomes known.
    fn gain_for(&mut self, peak: f32) -> f32 {
        let needed = if peak > self.ceiling { self.ceiling / peak } else { 1.0 };
        let held = self.minimum.push(needed);
        let mut released = self.released + (1.0 - self.released) * self.release;
        if released > UNITY {
            released = 1.0;
        }
        self.released = released.min(f64::from(held));
        let gain = self.released as f32;
        let oldest = std::mem::replace(&mut self.gains[self.at], gain);
        self.at = if self.at + 1 == SMOOTH { 0 } else { self.at + 1 };
        self.at_unity = if self.released == 1.0 { self.at_unity + 1 } else { 0 };
        if self.at_unity >= SMOOTH {
            self.sum = SMOOTH as f64;
            return 1.0;
        }
        self.sum += f64::from(gain) - f64::from(oldest);
        // Beside gains of a millionth the sum may round to just over one.
        ((self.sum / SMOOTH as f64) as f32).clamp(f32::MIN_POSITIVE, 1.0)
    }
}

/// The minimum of the last `HOLD` values: a queue of rising values in a ring of fixed size.
#[derive(Clone, Debug)]
struct Minimum {
    values: [(u32, f32); HOLD],
    first: usize,
    count: usize,
    time: u32,
}

impl Minimum {
    fn new() -> Self {
        Self { values: [(0, 1.0); HOLD], first: 0, count: 0, time: 0 }
    }

    fn push(&mut self, value: f32) -> f32 {
        self.time = self.time.wrapping_add(1);
        while self.count > 0 && self.values[self.slot(self.count - 1)].1 >= value {
            self.count -= 1;
        }
        if self.count > 0 && self.time.wrapping_sub(self.values[self.first].0) >= HOLD as u32 {
            self.first = self.slot(1);
            self.count -= 1;
        }
        self.values[self.slot(self.count)] = (self.time, value);
        self.count += 1;
        self.values[self.first].1
    }

    /// Where the value so many after the first stands.
    fn slot(&self, after: usize) -> usize {
        let slot = self.first + after;
        if slot < HOLD { slot } else { slot - HOLD }
    }
}
