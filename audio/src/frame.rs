//! The unit of sound: 20 ms, or 10 where a room wants it quicker; 48 kHz, interleaved stereo f32.

use std::fmt;
use std::time::Duration;

/// Samples per second and channel of all audio inside.
pub const SAMPLE_RATE: u32 = 48_000;

/// Left and right.
pub const CHANNELS: usize = 2;

/// Samples per channel of the usual frame, and of the longest.
pub const FRAME_SAMPLES: usize = 960;

/// How long the usual frame sounds.
pub const FRAME_TIME: Duration = Duration::from_millis(20);

/// How long a frame sounds, and the length of a tick.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum FrameLength {
    /// 480 samples per channel.
    Ms10,
    /// 960 samples per channel.
    #[default]
    Ms20,
}

impl FrameLength {
    /// Samples per channel.
    pub const fn samples(self) -> usize {
        match self {
            FrameLength::Ms10 => FRAME_SAMPLES / 2,
            FrameLength::Ms20 => FRAME_SAMPLES,
        }
    }

    /// How long it sounds.
    pub const fn time(self) -> Duration {
        match self {
            FrameLength::Ms10 => Duration::from_millis(10),
            FrameLength::Ms20 => FRAME_TIME,
        }
    }

    /// How many whole frames are in `time`.
    pub const fn count(self, time: Duration) -> u64 {
        (time.as_nanos() / self.time().as_nanos()) as u64
    }
}

/// Interleaved stereo samples of one [`FrameLength`], full scale at ±1.0; more is allowed before the limiter.
#[derive(Clone)]
pub struct Frame {
    samples: [f32; FRAME_SAMPLES * CHANNELS],
    length: FrameLength,
}

impl Frame {
    /// 20 ms of zeros.
    pub const SILENCE: Frame = Frame::silence(FrameLength::Ms20);

    /// A frame of zeros.
    pub const fn silence(length: FrameLength) -> Self {
        Self { samples: [0.0; FRAME_SAMPLES * CHANNELS], length }
    }

    /// How long it is.
    pub fn length(&self) -> FrameLength {
        self.length
    }

    /// Makes it as long as that. What it holds then is to be overwritten.
    pub fn set_length(&mut self, length: FrameLength) {
        self.length = length;
    }

    /// All 960 or 1920 samples: left, right, left, …
    pub fn samples(&self) -> &[f32] {
        &self.samples[..self.length.samples() * CHANNELS]
    }

    /// All 960 or 1920 samples, to be written: left, right, left, …
    pub fn samples_mut(&mut self) -> &mut [f32] {
        &mut self.samples[..self.length.samples() * CHANNELS]
    }

    /// The samples of the left channel.
    pub fn left(&self) -> impl ExactSizeIterator<Item = f32> + '_ {
        self.samples().chunks_exact(CHANNELS).map(|pair| pair[0])
    }

    /// The samples of the right channel.
    pub fn right(&self) -> impl ExactSizeIterator<Item = f32> + '_ {
        self.samples().chunks_exact(CHANNELS).map(|pair| pair[1])
    }

    /// Makes every sample zero.
    pub fn clear(&mut self) {
        self.samples_mut().fill(0.0);
    }

    /// Becomes like another frame.
    pub fn copy_from(&mut self, other: &Frame) {
        self.length = other.length;
        self.samples_mut().copy_from_slice(other.samples());
    }

    /// Adds another frame of the same length, sample by sample.
    pub fn add(&mut self, other: &Frame) {
        for (mine, theirs) in self.samples_mut().iter_mut().zip(other.samples()) {
            *mine += theirs;
        }
    }

    /// Subtracts another frame of the same length, sample by sample.
    pub fn subtract(&mut self, other: &Frame) {
        for (mine, theirs) in self.samples_mut().iter_mut().zip(other.samples()) {
            *mine -= theirs;
        }
    }

    /// Whether every sample is exactly zero.
    pub fn is_silent(&self) -> bool {
        self.samples().iter().all(|&sample| sample == 0.0)
    }
}

impl PartialEq for Frame {
    fn eq(&self, other: &Self) -> bool {
        self.samples() == other.samples()
    }
}

impl Default for Frame {
    fn default() -> Self {
        Self::SILENCE
    }
}

impl fmt::Debug for Frame {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let peak = self.samples().iter().fold(0.0_f32, |peak, sample| peak.max(sample.abs()));
        write!(f, "Frame {{ {} × 2, peak {peak} }}", self.length.samples())
    }
}
