//! Automatic gain of one voice: brings soft and loud talkers to one level, slowly, so that nobody
//! hears it work. It must not pump: the gain moves only while the voice sounds, towards what its
//! words are like over seconds, and stands still in pauses and near the goal. It allocates nothing.
//!
//! A voice is told from noise by level alone: it rises well over the floor that is heard between
//! syllables, which steady noise never does.

use crate::strip::{db_to_gain, ramp};
use crate::{CHANNELS, Frame, SAMPLE_RATE};

/// What words are brought to, dBFS as [`crate::level_dbfs`] reads it; near the −23 LUFS of EBU R128.
pub const TARGET_DBFS: f32 = -21.0;
/// The least and the most gain, dB.
pub const RANGE_DB: (f32, f32) = (-12.0, 18.0);

/// The gain rises so fast at most, dB/s; an error of this many decibels or more is worth that.
const UP_DB_S: f32 = 3.0;
/// And falls so fast: too loud hurts, too soft does not.
const DOWN_DB_S: f32 = 8.0;
/// The way is gone in so long, once it is less than a second's work at full rate.
const EASE_S: f32 = 0.7;
/// Nearer to the goal than this nothing moves; once it moves it goes to within `THERE_DB`.
const STAY_DB: f32 = 1.5;
const THERE_DB: f32 = 0.3;
/// The length of speech that a level is taken from, s, and that of a shout, which is followed sooner.
const SPEECH_S: f32 = 2.5;
const SHOUT_S: f32 = 0.4;
/// So far over the level of speech it is a shout, dB.
const SHOUT_DB: f32 = 7.0;
/// So much speech must be known before anything moves, s.
const KNOWN_S: f32 = 0.3;
/// Softer than this is no voice, dBFS.
const SILENCE_DBFS: f32 = -58.0;
/// A voice is so far over the floor of noise, dB.
const OVER_FLOOR_DB: f32 = 9.0;
/// The floor rises so fast, dB/s, and falls at once.
const FLOOR_UP_DB_S: f32 = 4.0;
/// A word goes on so long after its last loud frame, s.
const WORD_S: f32 = 0.25;

/// The automatic gain of one track.
#[derive(Clone, Debug)]
pub struct AutoGain {
    is_on: bool,
    gain_db: f32,
    /// The factor at the end of the last frame.
    factor: f32,
    /// Power of the words, and how many seconds of them are known, up to `SPEECH_S`.
    speech: f32,
    known_s: f32,
    /// Power of the last words.
    shout: f32,
    floor_dbfs: Option<f32>,
    /// What is left of the word.
    word_s: f32,
    moves: bool,
}

impl AutoGain {
    /// At 0 dB, off.
    pub fn new() -> Self {
        Self {
            is_on: false,
            gain_db: 0.0,
            factor: 1.0,
            speech: 0.0,
            known_s: 0.0,
            shout: 0.0,
            floor_dbfs: None,
            word_s: 0.0,
            moves: false,
        }
    }

    /// Switches it. On, it begins to listen, at 0 dB; off, the gain goes back to 0 dB in the next frame.
    pub fn set(&mut self, is_on: bool) {
        if is_on != self.is_on {
            *self = Self { is_on, factor: self.factor, ..Self::new() };
        }
    }

    /// Whether frames pass untouched.
    pub fn is_idle(&self) -> bool {
        !self.is_on && self.factor == 1.0
    }

    /// The gain at the end of the last frame, dB.
    pub fn gain_db(&self) -> f32 {
        self.gain_db
    }

    /// Brings the next frame, of any length, nearer to the target, in place. `level_dbfs` is its level
    /// before, as [`crate::level_dbfs`] reads it.
    pub fn apply(&mut self, frame: &mut Frame, level_dbfs: f32) {
        if self.is_on && level_dbfs.is_finite() {
            let seconds = (frame.samples().len() / CHANNELS) as f32 / SAMPLE_RATE as f32;
            self.listen(level_dbfs, seconds);
            if self.word_s > 0.0 && self.known_s >= KNOWN_S {
                self.approach(seconds);
            }
        }
        let factor = db_to_gain(self.gain_db);
        ramp(frame, [self.factor; CHANNELS], [factor; CHANNELS]);
        self.factor = factor;
    }

    fn listen(&mut self, level_dbfs: f32, seconds: f32) {
        let risen = self.floor_dbfs.map_or(level_dbfs, |floor| floor + FLOOR_UP_DB_S * seconds);
        let floor = level_dbfs.min(risen);
        self.floor_dbfs = Some(floor);
        if level_dbfs < SILENCE_DBFS || level_dbfs < floor + OVER_FLOOR_DB {
            self.word_s = (self.word_s - seconds).max(0.0);
            return;
        }
        self.word_s = WORD_S;
        let power = 10.0_f32.powf(level_dbfs / 10.0);
        self.known_s = (self.known_s + seconds).min(SPEECH_S);
        // At first a plain mean, later one that forgets.
        self.speech += (power - self.speech) * seconds / self.known_s;
        self.shout += (power - self.shout) * (seconds / self.known_s.min(SHOUT_S));
        if self.shout > self.speech * 10.0_f32.powf(SHOUT_DB / 10.0) {
            self.speech += (self.shout - self.speech) * (seconds / SHOUT_S);
        }
    }

    fn approach(&mut self, seconds: f32) {
        let speech_dbfs = 10.0 * self.speech.max(1e-12).log10();
        let goal = (TARGET_DBFS - speech_dbfs).clamp(RANGE_DB.0, RANGE_DB.1);
        let way = goal - self.gain_db;
        self.moves = way.abs() > if self.moves { THERE_DB } else { STAY_DB };
        if self.moves {
            self.gain_db += (way / EASE_S).clamp(-DOWN_DB_S, UP_DB_S) * seconds;
        }
    }
}

impl Default for AutoGain {
    fn default() -> Self {
        Self::new()
    }
}
