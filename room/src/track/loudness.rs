//! How loud a track is, and was: who is heard beside others, and who makes a pause.

use super::Track;

/// Above this a voice is heard beside another, dBFS; below it, it is as good as silent.
const LOUD_DBFS: f32 = -60.0;
/// A voice that was heard is silent when it is below this: what lies around one level does not come and go.
const HUSHED_DBFS: f32 = -64.0;
/// So far below what it had of late, or below this level, a talker makes a pause, dB and dBFS.
const PAUSE_DB: f32 = 30.0;
const PAUSE_DBFS: f32 = -50.0;
/// So fast the level that a talker had of late is forgotten, dB in a tick: 5 dB/s.
const FORGET_DB: f32 = 0.1;

impl Track {
    /// Notes how loud the frame just played is.
    pub(super) fn weigh(&mut self, tick: u64) {
        self.lately_dbfs = (self.lately_dbfs - FORGET_DB).max(self.level_dbfs);
        if self.level_dbfs > HUSHED_DBFS {
            self.unhushed = Some(tick);
        }
        if self.level_dbfs > LOUD_DBFS {
            self.loud = Some(tick);
            self.hushed_ticks = 0;
        } else {
            self.hushed_ticks = if self.has_frame { self.hushed_ticks + 1 } else { 0 };
        }
    }

    /// Whether it was heard in this tick or one of the `ticks` before.
    pub fn loud_within(&self, tick: u64, ticks: u64) -> bool {
        self.loud.is_some_and(|last| tick - last <= ticks)
    }

    /// Whether it was more than hushed in this tick or one of the `ticks` before.
    pub fn unhushed_within(&self, tick: u64, ticks: u64) -> bool {
        self.unhushed.is_some_and(|last| tick - last <= ticks)
    }

    /// Whether nothing of it is to be heard: nothing comes, or silence has for so many ticks.
    pub fn is_silent_for(&self, ticks: u32) -> bool {
        !self.is_playing() || self.strip.is_silent() || self.hushed_ticks >= ticks
    }

    /// Whether it makes a pause now, between two words.
    pub fn is_in_pause(&self) -> bool {
        self.level_dbfs < PAUSE_DBFS || self.level_dbfs < self.lately_dbfs - PAUSE_DB
    }
}
