//! The unit of sound: 20 ms, 48 kHz, interleaved stereo f32, 960 × 2.

use std::fmt;
use std::time::Duration;

/// Samples per second and channel of all audio inside.
pub const SAMPLE_RATE: u32 = 48_000;

/// Left and right.
pub const CHANNELS: usize = 2;

/// Samples per channel of one frame.
pub const FRAME_SAMPLES: usize = 960;

/// How long one frame sounds, and the length of a tick.
pub const FRAME_TIME: Duration = Duration::from_millis(20);

/// 20 ms of sound: 960 × 2 interleaved samples, full scale at ±1.0; more is allowed before the limiter.
#[derive(Clone, PartialEq)]
pub struct Frame([f32; FRAME_SAMPLES * CHANNELS]);

impl Frame {
    /// A frame of zeros.
    pub const SILENCE: Frame = Frame([0.0; FRAME_SAMPLES * CHANNELS]);

    /// All 1920 samples: left, right, left, …
    pub fn samples(&self) -> &[f32] {
        &self.0
    }

    /// All 1920 samples, to be written: left, right, left, …
    pub fn samples_mut(&mut self) -> &mut [f32] {
        &mut self.0
    }

    /// The 960 samples of the left channel.
    pub fn left(&self) -> impl ExactSizeIterator<Item = f32> + '_ {
        self.0.chunks_exact(CHANNELS).map(|pair| pair[0])
    }

    /// The 960 samples of the right channel.
    pub fn right(&self) -> impl ExactSizeIterator<Item = f32> + '_ {
        self.0.chunks_exact(CHANNELS).map(|pair| pair[1])
    }

    /// Makes every sample zero.
    pub fn clear(&mut self) {
        self.0.fill(0.0);
    }

    /// Takes over the samples of another frame.
    pub fn copy_from(&mut self, other: &Frame) {
        self.0.copy_from_slice(&other.0);
    }

    /// Adds another frame, sample by sample.
    pub fn add(&mut self, other: &Frame) {
        for (mine, theirs) in self.0.iter_mut().zip(&other.0) {
            *mine += theirs;
        }
    }

    /// Subtracts another frame, sample by sample.
    pub fn subtract(&mut self, other: &Frame) {
        for (mine, theirs) in self.0.iter_mut().zip(&other.0) {
            *mine -= theirs;
        }
    }

    /// Whether every sample is exactly zero.
    pub fn is_silent(&self) -> bool {
        self.0.iter().all(|&sample| sample == 0.0)
    }
}

impl Default for Frame {
    fn default() -> Self {
        Self::SILENCE
    }
}

impl fmt::Debug for Frame {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let peak = self.0.iter().fold(0.0_f32, |peak, sample| peak.max(sample.abs()));
        write!(f, "Frame {{ 960 × 2, peak {peak} }}")
    }
}
