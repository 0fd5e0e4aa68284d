//! A look-ahead limiter, one for each mix. It must never let a sample over its ceiling, must not
//! allocate, and must leave alone what is below the ceiling.
//!
//! The gain each sample needs is held for the length of the look-ahead (a sliding minimum), let go
//! slowly, and smoothed by a moving average as long as the look-ahead. Every value that enters the
//! average while a peak passes is at most what that peak needs, so the average is too. Where no
//! sample needs a gain below one, the factor is one exactly and the sound is only delayed.

use crate::{CHANNELS, FRAME_SAMPLES, Frame, SAMPLE_RATE};

/// Samples per channel by which the limiter delays its signal: 2 ms.
pub const LOOKAHEAD_SAMPLES: usize = 96;

/// Peaks stay at or below this, −1.5 dBFS: room for what Opus adds to a waveform.
pub const DEFAULT_CEILING_DBFS: f32 = -1.5;

const WINDOW: usize = LOOKAHEAD_SAMPLES + 1;
const RELEASE_S: f64 = 0.150;

/// Closer to one than this is one: 0.001 dB, unheard, and the end of a release.
const UNITY: f64 = 0.9999;

/// Keeps one mix under its ceiling. Both channels get the same gain, so the image stays in place.
#[derive(Clone, Debug)]
pub struct Limiter {
    ceiling: f32,
    release: f64,
    /// The last samples in, which come out next.
    delay: [f32; LOOKAHEAD_SAMPLES * CHANNELS],
    /// Whether `delay` holds anything but zeros.
    sounding: bool,
    minimum: Minimum,
    /// In f64, for the last steps of a release are too small for f32.
    released: f64,
    /// The last `WINDOW` released gains, a ring, and their sum.
    gains: [f32; WINDOW],
    sum: f64,
    at: usize,
    /// How many samples in a row have had nothing but unity to do.
    at_unity: usize,
}

impl Default for Limiter {
    fn default() -> Self {
        Self::new(DEFAULT_CEILING_DBFS)
    }
}

impl Limiter {
    /// A limiter with nothing in its delay. The ceiling is held to −60 to 0 dBFS; NaN is the default.
    pub fn new(ceiling_dbfs: f32) -> Self {
        let ceiling_dbfs = if ceiling_dbfs.is_nan() { DEFAULT_CEILING_DBFS } else { ceiling_dbfs.clamp(-60.0, 0.0) };
        Self {
            ceiling: 10.0_f32.powf(ceiling_dbfs / 20.0),
            release: 1.0 - (-1.0 / (RELEASE_S * f64::from(SAMPLE_RATE))).exp(),
            delay: [0.0; LOOKAHEAD_SAMPLES * CHANNELS],
            sounding: false,
            minimum: Minimum::new(),
            released: 1.0,
            gains: [1.0; WINDOW],
            sum: WINDOW as f64,
            at: 0,
            at_unity: WINDOW,
        }
    }

    /// Limits one frame in place, delayed by [`LOOKAHEAD_SAMPLES`], and returns the largest gain
    /// reduction of the frame in decibels, 0 or more. What is not finite becomes zero.
    pub fn process(&mut self, frame: &mut Frame) -> f32 {
        let mut peak = 0.0_f32;
        for sample in frame.samples_mut() {
            if !sample.is_finite() {
                *sample = 0.0;
            }
            peak = peak.max(sample.abs());
        }
        let reduction = if peak <= self.ceiling && self.at_unity >= WINDOW {
            self.pass(frame);
            0.0
        } else {
            self.limit(frame)
        };
        self.sounding = self.delay.iter().any(|&sample| sample != 0.0);
        reduction
    }

    /// Whether the delay holds nothing but zeros: silence in gives silence out.
    pub fn is_quiet(&self) -> bool {
        !self.sounding
    }

    fn pass(&mut self, frame: &mut Frame) {
        let samples = frame.samples_mut();
        let (kept, split) = (self.delay, samples.len() - self.delay.len());
        self.delay.copy_from_slice(&samples[split..]);
        samples.copy_within(..split, kept.len());
        samples[..kept.len()].copy_from_slice(&kept);
    }

    fn limit(&mut self, frame: &mut Frame) -> f32 {
        let mut lowest = 1.0_f32;
        let samples = frame.samples_mut();
        for index in 0..FRAME_SAMPLES {
            let pair = &mut samples[index * CHANNELS..][..CHANNELS];
            let peak = pair[0].abs().max(pair[1].abs());
            let gain = self.gain_for(peak);
            lowest = lowest.min(gain);
            let slot = index % LOOKAHEAD_SAMPLES * CHANNELS;
            for (channel, sample) in pair.iter_mut().enumerate() {
                let late = std::mem::replace(&mut self.delay[slot + channel], *sample);
                // The clamp takes the last rounding of the product, nothing that is heard.
                *sample = (late * gain).clamp(-self.ceiling, self.ceiling);
            }
        }
        -20.0 * lowest.log10()
    }

    /// The gain for the sample that leaves the delay as one with this peak enters it.
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
        self.at = (self.at + 1) % WINDOW;
        self.at_unity = if self.released == 1.0 { self.at_unity + 1 } else { 0 };
        if self.at_unity >= WINDOW {
            self.sum = WINDOW as f64;
            return 1.0;
        }
        self.sum += f64::from(gain) - f64::from(oldest);
        // Beside gains of 10⁻³⁸ the sum may round to just under zero.
        ((self.sum / WINDOW as f64) as f32).clamp(f32::MIN_POSITIVE, 1.0)
    }
}

// The delay is a ring that `limit` walks a whole number of times, so that `pass` finds it in order.
const _: () = assert!(FRAME_SAMPLES.is_multiple_of(LOOKAHEAD_SAMPLES));

/// The minimum of the last `WINDOW` values: a queue of rising values in a ring of fixed size.
#[derive(Clone, Debug)]
struct Minimum {
    values: [(u32, f32); WINDOW],
    first: usize,
    count: usize,
    time: u32,
}

impl Minimum {
    fn new() -> Self {
        Self { values: [(0, 1.0); WINDOW], first: 0, count: 0, time: 0 }
    }

    fn push(&mut self, value: f32) -> f32 {
        self.time = self.time.wrapping_add(1);
        while self.count > 0 && self.values[(self.first + self.count - 1) % WINDOW].1 >= value {
            self.count -= 1;
        }
        if self.count > 0 && self.time.wrapping_sub(self.values[self.first].0) >= WINDOW as u32 {
            self.first = (self.first + 1) % WINDOW;
            self.count -= 1;
        }
        self.values[(self.first + self.count) % WINDOW] = (self.time, value);
        self.count += 1;
        self.values[self.first].1
    }
}
