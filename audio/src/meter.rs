//! Levels in dBFS, and who is talking.

use std::time::Duration;

use crate::{CHANNELS, FRAME_TIME, Frame, FrameLength};

/// What silence reads.
pub const FLOOR_DBFS: f32 = -127.0;

/// RMS of the louder channel after AES17: a full-scale sine reads 0 dBFS, silence −127.
pub fn level_dbfs(frame: &Frame) -> f32 {
    // Eight running sums for each channel: the compiler adds them side by side.
    let mut sums = [0.0_f32; 16];
    for block in frame.samples().chunks_exact(sums.len()) {
        for (sum, sample) in sums.iter_mut().zip(block) {
            *sum += sample * sample;
        }
    }
    let mut power = [0.0_f32; CHANNELS];
    for pair in sums.chunks_exact(CHANNELS) {
        power[0] += pair[0];
        power[1] += pair[1];
    }
    let mean = power[0].max(power[1]) / frame.length().samples() as f32;
    to_dbfs((2.0 * mean).sqrt())
}

/// The largest sample of either channel; full scale reads 0 dBFS, silence −127.
pub fn peak_dbfs(frame: &Frame) -> f32 {
    to_dbfs(frame.samples().iter().fold(0.0_f32, |peak, sample| peak.max(sample.abs())))
}

/// An amplitude in dBFS; 1.0 is 0, zero and NaN are −127.
pub fn to_dbfs(amplitude: f32) -> f32 {
    if amplitude > 0.0 { (20.0 * amplitude.log10()).max(FLOOR_DBFS) } else { FLOOR_DBFS }
}

/// When a track counts as talking.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct TalkingSettings {
    /// Louder than this is talk.
    pub on_dbfs: f32,
    /// For so long, in whole frames.
    pub on_after: Duration,
    /// Softer than this is silence.
    pub off_dbfs: f32,
    /// For so long.
    pub off_after: Duration,
}

impl Default for TalkingSettings {
    fn default() -> Self {
        Self { on_dbfs: -50.0, on_after: 2 * FRAME_TIME, off_dbfs: -55.0, off_after: Duration::from_millis(300) }
    }
}

/// Whether a track talks, with a hangover, so that words and not syllables switch it.
#[derive(Clone, Debug, Default)]
pub struct Talking {
    settings: TalkingSettings,
    loud_for: Duration,
    quiet_for: Duration,
    talking: bool,
}

impl Talking {
    /// A detector that says no.
    pub fn new(settings: TalkingSettings) -> Self {
        Self { settings, ..Self::default() }
    }

    /// Takes the level of the next frame, which is so long, and says whether the track talks.
    pub fn update(&mut self, level_dbfs: f32, length: FrameLength) -> bool {
        let lasts = |time: Duration, is: bool| if is { time + length.time() } else { Duration::ZERO };
        self.loud_for = lasts(self.loud_for, level_dbfs > self.settings.on_dbfs);
        self.quiet_for = lasts(self.quiet_for, level_dbfs < self.settings.off_dbfs);
        if self.loud_for >= self.settings.on_after.max(length.time()) {
            self.talking = true;
        } else if self.quiet_for >= self.settings.off_after {
            self.talking = false;
        }
        self.talking
    }

    /// Whether the track talks.
    pub fn is_talking(&self) -> bool {
        self.talking
    }
}
