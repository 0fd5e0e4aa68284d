//! What the desk may ask of a room.

use std::{sync::Arc, time::Duration};

use signaling::{Change, Command, Mode, RoomPatch, TrackId, TrackPatch};

use super::{Effect, Effects, Event, Room};

/// Why a command was refused; nothing of it was done.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum CommandError {
    /// The track is not here, or no longer.
    #[error("no track has this id in this room")]
    UnknownTrack,
    /// A value is out of its range; says which, and what would be right.
    #[error("{0}")]
    OutOfRange(String),
    /// Rooms have no floor control yet.
    #[error("mode must be open: this server has no floor control")]
    FloorUnavailable,
}

impl Room {
    /// Does a command, whole or not at all. `by` is who asks: an address, or `desk`. What is already
    /// as asked makes no patch and no event.
    pub fn command(
        &mut self,
        command: &Command,
        by: &str,
        now: Duration,
        effects: &mut Effects,
    ) -> Result<(), CommandError> {
        let done = match command {
            Command::SetRoom { settings } => self.set_room(settings, by, effects),
            Command::SetTrack { id, strip } => self.set_track(id, strip, by, effects),
            Command::RemoveTrack { id } => self.remove_track(id, by, now, effects),
        };
        self.publish(effects);
        done
    }

    fn set_room(&mut self, patch: &RoomPatch, by: &str, effects: &mut Effects) -> Result<(), CommandError> {
        patch.check().map_err(CommandError::OutOfRange)?;
        if patch.mode == Some(Mode::Floor) {
            return Err(CommandError::FloorUnavailable);
        }
        if let Some(gain_db) = patch.master_gain_db.filter(|g| *g != self.master_gain_db) {
            self.master_gain_db = gain_db;
            self.desk.set_master_gain_db(gain_db, self.is_active);
            let settings = RoomPatch { master_gain_db: Some(gain_db), mode: None };
            self.changes.push(Change::Room { settings });
            let by: Arc<str> = by.into();
            effects.control.push(Effect::Event { address: by.clone(), event: Event::Master { gain_db, by } });
        }
        Ok(())
    }

    fn set_track(
        &mut self,
        id: &TrackId,
        patch: &TrackPatch,
        by: &str,
        effects: &mut Effects,
    ) -> Result<(), CommandError> {
        let track = self.tracks_mut().find(|t| t.id == *id).ok_or(CommandError::UnknownTrack)?;
        patch.check().map_err(CommandError::OutOfRange)?;
        let old = track.name.clone();
        let strip = track.set(patch);
        if strip == TrackPatch::default() {
            return Ok(());
        }
        let name = track.name.clone();
        let by: Arc<str> = by.into();
        let events = [
            strip.name.is_some().then(|| Event::Renamed { old, name: name.clone(), by: by.clone() }),
            strip.gain_db.map(|gain_db| Event::Gain { name: name.clone(), gain_db, by: by.clone() }),
            strip.pan.map(|pan| Event::Pan { name: name.clone(), pan, by: by.clone() }),
            strip.muted.map(|muted| Event::Muted { name: name.clone(), muted, by: by.clone() }),
        ];
        let lines = events.into_iter().flatten().map(|event| Effect::Event { address: by.clone(), event });
        effects.control.extend(lines);
        self.changes.push(Change::Track { id: id.clone(), strip });
        Ok(())
    }

    fn remove_track(
        &mut self,
        id: &TrackId,
        by: &str,
        now: Duration,
        effects: &mut Effects,
    ) -> Result<(), CommandError> {
        let has_it = |m: &super::Member| m.track.as_ref().is_some_and(|t| t.id == *id);
        let member = self.members.iter().find(|m| has_it(m)).ok_or(CommandError::UnknownTrack)?.id;
        self.hang_up(member, &format!("removed by {by}"), now, effects);
        Ok(())
    }
}
