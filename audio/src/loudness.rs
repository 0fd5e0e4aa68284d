//! Loudness of a stream of frames after EBU R128 and ITU-R BS.1770, by `ebur128`.

use ebur128::{EbuR128, Mode};

use crate::meter::FLOOR_DBFS;
use crate::{CHANNELS, Frame, SAMPLE_RATE};

/// Measures one stream. A frame costs about 18 µs; ask for figures ten times a second, not for every frame.
pub struct Loudness {
    meter: EbuR128,
}

/// Figures of one moment. LUFS are `None` below the gate of −70 or before enough was heard.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct Figures {
    /// The whole stream so far, gated. LUFS.
    pub integrated: Option<f64>,
    /// The last 3 s. LUFS.
    pub short_term: Option<f64>,
    /// The last 0.4 s. LUFS.
    pub momentary: Option<f64>,
    /// The loudest moment so far of either channel, between samples too. dBTP, −∞ for silence.
    pub true_peak: f64,
}

impl Loudness {
    /// A meter that has heard nothing.
    pub fn new() -> Self {
        let mode = Mode::I | Mode::S | Mode::M | Mode::TRUE_PEAK | Mode::HISTOGRAM;
        let meter = EbuR128::new(CHANNELS as u32, SAMPLE_RATE, mode).expect("stereo at 48 kHz is always measured");
        Self { meter }
    }

    /// Hears a frame.
    pub fn add(&mut self, frame: &Frame) {
        self.meter.add_frames_f32(frame.samples()).expect("a frame is whole pairs of samples");
    }

    /// The figures now.
    pub fn figures(&self) -> Figures {
        let heard = |loudness: Result<f64, ebur128::Error>| loudness.ok().filter(|lufs| *lufs > -70.0);
        let peak = (0..CHANNELS as u32).filter_map(|channel| self.meter.true_peak(channel).ok()).fold(0.0, f64::max);
        Figures {
            integrated: heard(self.meter.loudness_global()),
            short_term: heard(self.meter.loudness_shortterm()),
            momentary: heard(self.meter.loudness_momentary()),
            true_peak: 20.0 * peak.log10(),
        }
    }

    /// Forgets everything.
    pub fn reset(&mut self) {
        self.meter.reset();
    }
}

impl Default for Loudness {
    fn default() -> Self {
        Self::new()
    }
}

/// The three figures of a desk's master, for a stream that runs for days: without the true peak, which
/// is most of the cost of [`Loudness`], and with −127 where nothing can be said, as all meters here do.
pub struct LoudnessMeter {
    meter: EbuR128,
}

impl LoudnessMeter {
    /// A meter that has heard nothing.
    pub fn new() -> Self {
        let mode = Mode::I | Mode::S | Mode::M | Mode::HISTOGRAM;
        let meter = EbuR128::new(CHANNELS as u32, SAMPLE_RATE, mode).expect("stereo at 48 kHz is always measured");
        Self { meter }
    }

    /// Hears a frame. Allocates nothing, and memory does not grow: the past is counted in a histogram
    /// of 0.1 LU.
    pub fn add(&mut self, frame: &Frame) {
        self.meter.add_frames_f32(frame.samples()).expect("a frame is whole pairs of samples");
    }

    /// The last 0.4 s in LUFS, not gated; −127 for silence.
    pub fn momentary_lufs(&self) -> f32 {
        floored(self.meter.loudness_momentary())
    }

    /// The last 3 s in LUFS, not gated; −127 for silence.
    pub fn short_term_lufs(&self) -> f32 {
        floored(self.meter.loudness_shortterm())
    }

    /// Everything since the start or the last reset in LUFS, gated at −70 LUFS and at 10 LU below the
    /// mean (ITU-R BS.1770-4 §5.6); −127 while nothing has passed the gate.
    pub fn integrated_lufs(&self) -> f32 {
        floored(self.meter.loudness_global())
    }

    /// Forgets everything.
    pub fn reset(&mut self) {
        self.meter.reset();
    }
}

impl Default for LoudnessMeter {
    fn default() -> Self {
        Self::new()
    }
}

fn floored(lufs: Result<f64, ebur128::Error>) -> f32 {
    // NaN too becomes the floor.
    lufs.map_or(FLOOR_DBFS, |lufs| (lufs as f32).max(FLOOR_DBFS))
}
