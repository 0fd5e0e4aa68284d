//! The desk's part of a track: what a client finds again when it joins again.

use std::sync::Arc;

use signaling::{Bus, TrackPatch};

/// The desk's part of a track, which outlives it when its client joins again.
#[derive(Clone, Debug, PartialEq)]
pub struct Settings {
    pub name: Option<Arc<str>>,
    pub gain_db: f32,
    pub pan: f32,
    pub muted: bool,
    pub bus: Bus,
    pub group: Option<Arc<str>>,
    pub auto_gain: bool,
    pub denoise: bool,
}

impl Default for Settings {
    fn default() -> Self {
        Self {
            name: None,
            gain_db: 0.0,
            pan: 0.0,
            muted: false,
            bus: Bus::Voice,
            group: None,
            auto_gain: false,
            denoise: false,
        }
    }
}

impl Settings {
    /// These, with what the patch says in their place; a value out of its range says nothing.
    pub fn patched(mut self, patch: &TrackPatch) -> Self {
        if patch.check().is_ok() {
            self.gain_db = patch.gain_db.unwrap_or(self.gain_db);
            self.pan = patch.pan.unwrap_or(self.pan);
            self.muted = patch.muted.unwrap_or(self.muted);
            self.name = patch.name.as_deref().map(Arc::from).or(self.name);
            self.bus = patch.bus.unwrap_or(self.bus);
            self.group = patch.group.as_deref().map_or(self.group, group_named);
            self.auto_gain = patch.auto_gain.unwrap_or(self.auto_gain);
            self.denoise = patch.denoise.unwrap_or(self.denoise);
        }
        self
    }
}

/// An empty name is no group.
pub(super) fn group_named(name: &str) -> Option<Arc<str>> {
    (!name.is_empty()).then(|| name.into())
}
