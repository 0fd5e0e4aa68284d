//! A short delay that moves so slowly that nobody hears it: half a per cent of pitch while it moves. It shifts a voice
//! by a few samples, to where its own packets begin.

use crate::{CHANNELS, Frame};

/// The longest delay, 2.5 ms: the shortest Opus frame.
pub const MAX_SLEW: usize = 120;

/// Samples of delay for each sample: 9 cents.
const RATE: f64 = 0.005;

/// Points of the polynomial between which a sample is found.
const POINTS: usize = 6;

/// What is remembered of the frame before, in samples per channel.
const KEPT: usize = MAX_SLEW + POINTS;

/// A delay of 0 to [`MAX_SLEW`] samples.
#[derive(Clone, Debug)]
pub struct Slew {
    kept: [f32; KEPT * CHANNELS],
    delay: f64,
    wanted: f64,
}

impl Default for Slew {
    fn default() -> Self {
        Self { kept: [0.0; KEPT * CHANNELS], delay: 0.0, wanted: 0.0 }
    }
}

impl Slew {
    /// Where the delay is, in samples; none while it moves.
    pub fn settled(&self) -> Option<usize> {
        (self.delay == self.wanted).then_some(self.delay as usize)
    }

    /// Lets the delay move to so many samples, at most [`MAX_SLEW`].
    pub fn move_to(&mut self, samples: usize) {
        self.wanted = samples.min(MAX_SLEW) as f64;
    }

    /// No delay, at once: between two streams.
    pub fn reset(&mut self) {
        *self = Self::default();
    }

    /// Delays a frame in place.
    pub fn apply(&mut self, frame: &mut Frame) {
        let before = self.kept;
        let kept = before.len();
        self.kept.copy_from_slice(&frame.samples()[frame.samples().len() - kept..]);
        if self.delay == 0.0 && self.wanted == 0.0 {
            return;
        }
        let input = frame.clone();
        let input = input.samples();
        let at = |index: usize, channel: usize| {
            let place = index * CHANNELS + channel;
            if place < kept { before[place] } else { input[place - kept] }
        };
        let last = KEPT + input.len() / CHANNELS - 1;
        for (n, pair) in frame.samples_mut().chunks_exact_mut(CHANNELS).enumerate() {
            self.delay = if (self.wanted - self.delay).abs() <= RATE {
                self.wanted
            } else {
                self.delay + RATE.copysign(self.wanted - self.delay)
            };
            let place = (KEPT + n) as f64 - self.delay;
            let whole = place.floor() as usize;
            let part = place - place.floor();
            if part == 0.0 {
                (pair[0], pair[1]) = (at(whole, 0), at(whole, 1));
                continue;
            }
            let first = (whole - (POINTS / 2 - 1)).min(last + 1 - POINTS);
            let weights = lagrange(place - first as f64);
            for (channel, sample) in pair.iter_mut().enumerate() {
                *sample = weights.iter().enumerate().map(|(k, weight)| weight * at(first + k, channel)).sum();
            }
        }
    }
}

/// The weights of points 0, 1, … for the value at `x`.
fn lagrange(x: f64) -> [f32; POINTS] {
    std::array::from_fn(|k| {
        let others = (0..POINTS).filter(|other| *other != k);
        others.map(|other| (x - other as f64) / (k as f64 - other as f64)).product::<f64>() as f32
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{FRAME_SAMPLES, SAMPLE_RATE};

    #[test]
    fn a_tone_comes_later_by_just_so_much_and_without_a_step() {
        const HZ: f64 = 997.0;
        let tone = |n: f64| (0.5 * (n * HZ / f64::from(SAMPLE_RATE) * std::f64::consts::TAU).sin()) as f32;
        let mut slew = Slew::default();
        let mut heard = Vec::new();
        for n in 0..60 {
            let mut frame = Frame::SILENCE;
            for (at, pair) in frame.samples_mut().chunks_exact_mut(CHANNELS).enumerate() {
                pair.fill(tone((n * FRAME_SAMPLES + at) as f64));
            }
            if n == 5 {
                slew.move_to(97);
            }
            if n == 40 {
                slew.move_to(13);
            }
            slew.apply(&mut frame);
            heard.extend(frame.left());
        }
        let error = |range: std::ops::Range<usize>, delay: f64| {
            range.map(|n| (heard[n] - tone(n as f64 - delay)).abs()).fold(0.0, f32::max)
        };
        assert_eq!(slew.settled(), Some(13));
        assert!(error(0..4 * FRAME_SAMPLES, 0.0) < 1e-6);
        assert!(error(30 * FRAME_SAMPLES..40 * FRAME_SAMPLES, 97.0) < 1e-4);
        assert!(error(59 * FRAME_SAMPLES..60 * FRAME_SAMPLES, 13.0) < 1e-4);
        let step = heard.windows(2).fold(0.0_f32, |most, pair| most.max((pair[1] - pair[0]).abs()));
        assert!(f64::from(step) < 0.5 * 1.007 * HZ / 48_000.0 * std::f64::consts::TAU, "{step}");
    }
}
