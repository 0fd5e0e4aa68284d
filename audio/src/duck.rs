//! Ducking: the gain of one bus is pushed down while a key, such as a voice, is active on another.
//!
//! It moves in decibels at a steady rate, tick by tick, and within a tick as a straight ramp, so
//! that no setting, however short, clicks. It allocates nothing.

use std::time::Duration;

use crate::strip::{MIN_GAIN_DB, db_to_gain, ramp};
use crate::{CHANNELS, Frame, FrameLength};

/// How far, and how fast.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct DuckSettings {
    /// How far down, in decibels, 0 to 60; 60 is silence.
    pub depth_db: f32,
    /// From no ducking to full depth; less than a tick is one tick.
    pub attack: Duration,
    /// How long it stays down after the key has ended: the length of a breath.
    pub hold: Duration,
    /// From full depth back; less than a tick is one tick.
    pub release: Duration,
}

impl Default for DuckSettings {
    fn default() -> Self {
        Self {
            depth_db: 12.0,
            attack: Duration::from_millis(100),
            hold: Duration::from_millis(500),
            release: Duration::from_millis(800),
        }
    }
}

/// Nearer than this is there.
const EXACT_DB: f32 = 1e-3;

/// The gain of one bus.
#[derive(Clone, Debug)]
pub struct Ducker {
    settings: DuckSettings,
    /// How far down it is, in decibels, 0 to 60.
    down_db: f32,
    /// What a whole attack or release moves: a shallower depth must not slow the way back.
    span_db: f32,
    /// Time yet to be held after the key.
    held: Duration,
    /// Factors at the start and the end of this tick.
    from: f32,
    to: f32,
}

impl Ducker {
    /// A bus at unity. A depth out of range is held to 0 to 60 dB; NaN is 0.
    pub fn new(settings: DuckSettings) -> Self {
        let settings = accept(settings);
        Self { settings, down_db: 0.0, span_db: settings.depth_db, held: Duration::ZERO, from: 1.0, to: 1.0 }
    }

    /// Changes the settings, at any moment: what is down moves to the new depth at the new rate.
    /// Range and NaN as for [`Self::new`].
    pub fn set(&mut self, settings: DuckSettings) {
        self.settings = accept(settings);
        self.span_db = self.settings.depth_db.max(self.down_db);
        self.held = self.held.min(self.settings.hold);
    }

    /// The settings, as they were taken.
    pub fn settings(&self) -> DuckSettings {
        self.settings
    }

    /// Begins the next tick, which is so long, in which the key is active or not.
    pub fn step(&mut self, is_keyed: bool, length: FrameLength) {
        let is_down = is_keyed || !self.held.is_zero();
        self.held = if is_keyed { self.settings.hold } else { self.held.saturating_sub(length.time()) };
        let wanted = if is_down { self.settings.depth_db } else { 0.0 };
        self.down_db = if wanted > self.down_db {
            (self.down_db + self.part(self.settings.attack, length)).min(wanted)
        } else {
            (self.down_db - self.part(self.settings.release, length)).max(wanted)
        };
        if (self.down_db - wanted).abs() < EXACT_DB {
            // The rounding of many steps would else leave a trace of a bus that is to be silent.
            self.down_db = wanted;
            self.span_db = self.settings.depth_db;
        }
        self.from = self.to;
        self.to = db_to_gain(-self.down_db);
    }

    /// Multiplies a frame of this tick in place; any number of frames in one tick get the same ramp.
    /// At unity it is left untouched, to the bit.
    pub fn apply(&self, frame: &mut Frame) {
        ramp(frame, [self.from; CHANNELS], [self.to; CHANNELS]);
    }

    /// The gain at the end of this tick in decibels, 0 to −60; −60 is silence.
    pub fn gain_db(&self) -> f32 {
        // Zero and not minus zero, which a display would show.
        0.0 - self.down_db
    }

    /// Whether this tick leaves sound as it is.
    pub fn is_unity(&self) -> bool {
        self.from == 1.0 && self.to == 1.0
    }

    /// Decibels of one tick of a movement that takes so long.
    fn part(&self, time: Duration, length: FrameLength) -> f32 {
        let tick = length.time();
        self.span_db * tick.as_secs_f32() / time.max(tick).as_secs_f32()
    }
}

fn accept(settings: DuckSettings) -> DuckSettings {
    let depth_db = if settings.depth_db.is_nan() { 0.0 } else { settings.depth_db.clamp(0.0, -MIN_GAIN_DB) };
    DuckSettings { depth_db, ..settings }
}
