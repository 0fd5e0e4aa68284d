//! The strip of a mixing desk: gain, pan and mute of one track, and the master of a mix. Every
//! change is ramped over one frame, so none clicks.

use std::f32::consts::{FRAC_PI_4, SQRT_2};

use crate::{CHANNELS, Frame};

/// At and below this gain a strip is silent.
pub const MIN_GAIN_DB: f32 = -60.0;

/// The most a strip amplifies.
pub const MAX_GAIN_DB: f32 = 20.0;

/// The factor of a gain in decibels; −60 dB and less is 0.0 exactly, and so is NaN.
pub fn db_to_gain(db: f32) -> f32 {
    if db > MIN_GAIN_DB { 10.0_f32.powf(db / 20.0) } else { 0.0 }
}

/// Gain, pan and mute of one track.
#[derive(Clone, Debug)]
pub struct Strip {
    gain_db: f32,
    pan: f32,
    muted: bool,
    now: [f32; CHANNELS],
    wanted: [f32; CHANNELS],
}

impl Strip {
    /// A strip that is at its values from the first sample on. Values out of range are held to
    /// −60 to +20 dB and −1 to +1; NaN is 0 dB and centre.
    pub fn new(gain_db: f32, pan: f32, muted: bool) -> Self {
        let gain_db = accept(gain_db, MIN_GAIN_DB, MAX_GAIN_DB).unwrap_or(0.0);
        let pan = accept(pan, -1.0, 1.0).unwrap_or(0.0);
        let factors = factors(gain_db, pan, muted);
        Self { gain_db, pan, muted, now: factors, wanted: factors }
    }

    /// Gain in decibels, −60 (silence) to +20. Out of range is held to the range; NaN changes nothing.
    pub fn set_gain_db(&mut self, gain_db: f32) {
        self.gain_db = accept(gain_db, MIN_GAIN_DB, MAX_GAIN_DB).unwrap_or(self.gain_db);
        self.wanted = factors(self.gain_db, self.pan, self.muted);
    }

    /// Pan, −1 (left) to +1 (right). Out of range is held to the range; NaN changes nothing.
    pub fn set_pan(&mut self, pan: f32) {
        self.pan = accept(pan, -1.0, 1.0).unwrap_or(self.pan);
        self.wanted = factors(self.gain_db, self.pan, self.muted);
    }

    /// A muted strip is silent whatever its gain.
    pub fn set_muted(&mut self, muted: bool) {
        self.muted = muted;
        self.wanted = factors(self.gain_db, self.pan, self.muted);
    }

    /// The gain in decibels as set.
    pub fn gain_db(&self) -> f32 {
        self.gain_db
    }

    /// The pan as set.
    pub fn pan(&self) -> f32 {
        self.pan
    }

    /// Whether it is muted.
    pub fn muted(&self) -> bool {
        self.muted
    }

    /// Writes `input` through the strip to `output`. A change since the last frame is ramped over
    /// this one, linearly in each channel.
    pub fn apply(&mut self, input: &Frame, output: &mut Frame) {
        output.copy_from(input);
        ramp(output, self.now, self.wanted);
        self.now = self.wanted;
    }

    /// Whether whatever goes in comes out as zeros: muted or at −60 dB, and the ramp to it is done.
    pub fn is_silent(&self) -> bool {
        self.now == [0.0; CHANNELS] && self.wanted == [0.0; CHANNELS]
    }

    /// Whether what goes in comes out untouched, and nothing moves.
    pub fn is_unity(&self) -> bool {
        self.now == [1.0; CHANNELS] && self.wanted == [1.0; CHANNELS]
    }

    /// Ends a ramp at once. For a track that does not sound just now: it comes back at its new values.
    pub fn settle(&mut self) {
        self.now = self.wanted;
    }
}

/// One gain over a whole mix.
#[derive(Clone, Debug)]
pub struct Master {
    gain_db: f32,
    now: f32,
    wanted: f32,
}

impl Master {
    /// A master that is at its value from the first sample on; range and NaN as for [`Strip::new`].
    pub fn new(gain_db: f32) -> Self {
        let gain_db = accept(gain_db, MIN_GAIN_DB, MAX_GAIN_DB).unwrap_or(0.0);
        let factor = db_to_gain(gain_db);
        Self { gain_db, now: factor, wanted: factor }
    }

    /// Gain in decibels, −60 (silence) to +20. Out of range is held to the range; NaN changes nothing.
    pub fn set_gain_db(&mut self, gain_db: f32) {
        self.gain_db = accept(gain_db, MIN_GAIN_DB, MAX_GAIN_DB).unwrap_or(self.gain_db);
        self.wanted = db_to_gain(self.gain_db);
    }

    /// The gain in decibels as set.
    pub fn gain_db(&self) -> f32 {
        self.gain_db
    }

    /// Applies the gain in place to one of the mixes of this tick. All mixes of one tick get the
    /// same ramp; [`Self::advance`] ends the tick.
    pub fn apply(&self, frame: &mut Frame) {
        ramp(frame, [self.now; CHANNELS], [self.wanted; CHANNELS]);
    }

    /// Ends a tick: what this tick ramped to is where the next begins.
    pub fn advance(&mut self) {
        self.now = self.wanted;
    }

    /// Whether every mix stays as it is, and nothing moves.
    pub fn is_unity(&self) -> bool {
        self.now == 1.0 && self.wanted == 1.0
    }

    /// Whether every mix is zeros: at −60 dB, and the ramp to it is done.
    pub fn is_silent(&self) -> bool {
        self.now == 0.0 && self.wanted == 0.0
    }
}

fn accept(value: f32, low: f32, high: f32) -> Option<f32> {
    (!value.is_nan()).then(|| value.clamp(low, high))
}

/// Constant power, 0 dB in both channels at the centre, +3 dB in one at its side.
fn factors(gain_db: f32, pan: f32, muted: bool) -> [f32; CHANNELS] {
    if muted {
        return [0.0; CHANNELS];
    }
    let gain = db_to_gain(gain_db);
    let angle = (pan + 1.0) * FRAC_PI_4;
    // At the right end the cosine of a rounded π/2 is not quite zero, and silence is promised.
    let left = if pan < 1.0 { angle.cos() * SQRT_2 } else { 0.0 };
    let right = angle.sin() * SQRT_2;
    // At the centre the rounded factors are not quite one, and a track at unity stays untouched.
    if pan == 0.0 { [gain; CHANNELS] } else { [left * gain, right * gain] }
}

/// Multiplies by factors for left and right that go from one to the other over the frame.
pub(crate) fn ramp(frame: &mut Frame, from: [f32; CHANNELS], to: [f32; CHANNELS]) {
    let length = frame.length().samples() as f32;
    let pairs = frame.samples_mut().chunks_exact_mut(CHANNELS);
    if from == to {
        if to != [1.0; CHANNELS] {
            for pair in pairs {
                pair[0] *= to[0];
                pair[1] *= to[1];
            }
        }
        return;
    }
    for (index, pair) in pairs.enumerate() {
        let way = (index + 1) as f32 / length;
        pair[0] *= from[0] + (to[0] - from[0]) * way;
        pair[1] *= from[1] + (to[1] - from[1]) * way;
    }
}
