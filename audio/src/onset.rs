//! Whether a sound begins suddenly: only there does libopus need to look how short its blocks are to be.
//!
//! Nothing is allocated; a frame of 20 ms takes half a microsecond.

use crate::CHANNELS;

/// 2.5 ms: as short as the blocks of libopus are.
const BLOCK: usize = 120 * CHANNELS;
/// So much of what was loud still covers what comes one block later: 3 dB less in 6 ms.
const COVERS: f32 = 0.75;
/// A block that has so many times the power of what covers it, 8 dB, is a beginning. The pulses of a voice have less.
const RISE: f32 = 6.0;
/// The power of a block of noise at −120 dBFS: what is softer begins unheard.
const FAINT: f32 = 6.0 * 120.0 * 1e-12;

/// Follows one sound from frame to frame.
#[derive(Clone, Debug, Default)]
pub(crate) struct Onset {
    /// The last two samples of each channel.
    before: [f32; 2 * CHANNELS],
    /// What still covers, for each channel: the power of its second difference, in which what is high counts as the ear
    /// counts it.
    covers: [f32; CHANNELS],
    is_after: bool,
}

impl Onset {
    /// Looks at the next frame, interleaved stereo. True if something begins in it or began in the frame before, whose end
    /// is coded together with this one.
    pub fn follow(&mut self, samples: &[f32]) -> bool {
        let mut begins = false;
        for block in samples.chunks_exact(BLOCK) {
            let power = self.power(block);
            for (power, covers) in power.into_iter().zip(&mut self.covers) {
                begins |= power > RISE * *covers && power > FAINT;
                *covers = power.max(COVERS * *covers);
            }
        }
        std::mem::replace(&mut self.is_after, begins) || begins
    }

    /// Of each channel of a block.
    fn power(&mut self, block: &[f32]) -> [f32; CHANNELS] {
        const REACH: usize = 2 * CHANNELS;
        const LANES: usize = 4 * CHANNELS;
        let mut padded = [0.0; REACH + BLOCK];
        padded[..REACH].copy_from_slice(&self.before);
        padded[REACH..].copy_from_slice(block);
        self.before.copy_from_slice(&block[BLOCK - REACH..]);
        let mut lanes = [0.0_f32; LANES];
        for at in (0..BLOCK).step_by(LANES) {
            let window: &[f32] = &padded[at..at + LANES + REACH];
            for lane in 0..LANES {
                let second = window[lane + REACH] - 2.0 * window[lane + CHANNELS] + window[lane];
                lanes[lane] += second * second;
            }
        }
        let mut sums = [0.0; CHANNELS];
        lanes.iter().enumerate().for_each(|(lane, power)| sums[lane % CHANNELS] += power);
        sums
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{FRAME_SAMPLES, Frame};

    /// The first of `frames` frames of a sound, left only.
    fn heard(frames: usize, sound: impl Fn(usize) -> f32) -> Vec<bool> {
        let mut onset = Onset::default();
        let frame = |n: usize| {
            let mut frame = Frame::SILENCE;
            let samples = frame.samples_mut().chunks_exact_mut(CHANNELS).enumerate();
            samples.for_each(|(at, pair)| pair[0] = sound(n * FRAME_SAMPLES + at));
            frame
        };
        (0..frames).map(|n| onset.follow(frame(n).samples())).collect()
    }

    fn tone(at: usize) -> f32 {
        0.1 * (std::f32::consts::TAU * at as f32 * 440.0 / 48_000.0).sin()
    }

    #[test]
    fn what_begins_is_seen_in_its_frame_and_the_next_and_what_goes_on_is_not() {
        let begins = |frames: &[bool]| -> Vec<usize> { (0..frames.len()).filter(|n| frames[*n]).collect() };
        assert_eq!(begins(&heard(10, |_| 0.0)), [0; 0], "silence");
        assert_eq!(begins(&heard(50, tone)), [0, 1], "a tone");
        for start in [3 * FRAME_SAMPLES, 3 * FRAME_SAMPLES + 1, 4 * FRAME_SAMPLES - 1] {
            let gated = |at| if at < start { 0.0 } else { tone(at) };
            assert_eq!(begins(&heard(50, gated)), [3, 4], "from {start} on");
        }
        let swelling = |at| tone(at) * at as f32 / 48_000.0;
        assert!(begins(&heard(50, swelling)).iter().all(|n| *n < 2), "it swells, from nothing");
        let clicks = |at| tone(at) + if at % 24_000 == 12_345 { 0.2 } else { 0.0 };
        assert_eq!(begins(&heard(50, clicks)), [0, 1, 12, 13, 37, 38], "clicks in a tone");
    }

    #[test]
    fn the_pulses_of_a_voice_do_not_begin_each_time() {
        for pitch in [80, 120, 250] {
            let pulses = |at: usize| {
                (1..40)
                    .map(|n| (std::f32::consts::TAU * (at * n * pitch % 48_000) as f32 / 48_000.0).cos())
                    .sum::<f32>()
            };
            let begins = heard(50, |at| 0.01 * pulses(at)).into_iter().filter(|begins| *begins).count();
            assert!(begins <= 2, "{pitch} Hz: {begins} of 50");
        }
    }
}
