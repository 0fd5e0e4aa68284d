//! What the desk may ask of a room.

use std::{sync::Arc, time::Duration};

use audio::FrameLength;
use signaling::{
    Change, Command, FloorAnswer, MAX_WISHES, PersonalPatch, RoomPatch, RoomSettings, TrackId, TrackPatch,
};

use super::{Effect, Effects, Event, MemberId, Room};

/// A call light goes on at most so often.
const ALERT_EVERY: Duration = Duration::from_millis(500);

/// Why a command was refused; nothing of it was done.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum CommandError {
    /// The track is not here, or no longer.
    #[error("no track has this id in this room")]
    UnknownTrack,
    /// The peer is not here, or no longer, or does not hear.
    #[error("no peer that hears has this id in this room")]
    UnknownPeer,
    /// A value is out of its range; says which, and what would be right.
    #[error("{0}")]
    OutOfRange(String),
    /// Another call light is on just now; trying again helps.
    #[error("a call light goes on at most twice a second")]
    TooOften,
}

impl Room {
    /// Does a command, whole or not at all. `by` is who asks: an address, or `desk`. What is already
    /// as asked makes no patch and no event. Answers what became of a request for the floor.
    pub fn command(
        &mut self,
        command: &Command,
        by: &str,
        now: Duration,
        effects: &mut Effects,
    ) -> Result<Option<FloorAnswer>, CommandError> {
        // What is due by now was before it.
        self.floor_tick(now, effects);
        let done = match command {
            Command::SetRoom { settings } => self.set_room(settings, by, now, effects),
            Command::SetTrack { id, strip } => self.set_track(id, strip, by, now, effects),
            Command::RemoveTrack { id } => self.remove_track(id, by, now, effects),
            Command::SetMix { id, mix } => self.set_mix(id, mix),
            Command::Alert { from, to } => self.alert(from.as_ref(), to.as_ref(), by, now, effects),
            Command::Signal { from, to, data } => self.signal(from, to, data, effects),
            Command::Report { id, access_ms, rtt_ms } => self.report(id, *access_ms, *rtt_ms, now),
            // It is the socket's own affair.
            Command::Identify { id } => self.track_named(id).map(drop),
            Command::Floor { id, action, priority } => {
                let answer = self.floor_command(id, *action, priority.unwrap_or(0), now, effects);
                self.publish(effects);
                return answer.map(Some);
            }
        };
        self.publish(effects);
        done.map(|()| None)
    }

    fn set_room(
        &mut self,
        patch: &RoomPatch,
        by: &str,
        now: Duration,
        effects: &mut Effects,
    ) -> Result<(), CommandError> {
        patch.check().map_err(CommandError::OutOfRange)?;
        let was = self.desk_settings.mode;
        let settings = self.desk_settings.patch(patch);
        if settings == RoomPatch::default() {
            return Ok(());
        }
        self.changes.push(Change::Room { settings: settings.clone() });
        let by: Arc<str> = by.into();
        if let Some(gain_db) = settings.master_gain_db {
            self.desk.set_master_gain_db(gain_db, self.is_active);
            let event = Event::Master { gain_db, by: by.clone() };
            effects.control.push(Effect::Event { address: by.clone(), event });
        }
        let others = RoomPatch { master_gain_db: None, ..settings };
        if others != RoomPatch::default() {
            let event = Event::Set { what: in_words(&others).into(), by: by.clone() };
            effects.control.push(Effect::Event { address: by, event });
            self.desk.set_ducking(&self.desk_settings);
            self.ticks.set_length(frame_length(&self.desk_settings));
            self.floor_set(was, now, effects);
        }
        Ok(())
    }

    fn set_track(
        &mut self,
        id: &TrackId,
        patch: &TrackPatch,
        by: &str,
        now: Duration,
        effects: &mut Effects,
    ) -> Result<(), CommandError> {
        let member = self.track_named(id)?;
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
            in_words_of(&name, &strip).map(|what| Event::Set { what: what.into(), by: by.clone() }),
            strip
                .group
                .as_ref()
                .map(|group| Event::Set { what: format!("{name} group {group}").into(), by: by.clone() }),
        ];
        let lines = events.into_iter().flatten().map(|event| Effect::Event { address: by.clone(), event });
        effects.control.extend(lines);
        let has_bus = strip.bus.is_some();
        self.changes.push(Change::Track { id: id.clone(), strip });
        if has_bus {
            self.floor_admit(member, now, effects);
        }
        Ok(())
    }

    fn remove_track(
        &mut self,
        id: &TrackId,
        by: &str,
        now: Duration,
        effects: &mut Effects,
    ) -> Result<(), CommandError> {
        let member = self.track_named(id)?;
        self.hang_up(member, &format!("removed by {by}"), now, effects);
        Ok(())
    }

    fn set_mix(&mut self, id: &TrackId, patch: &PersonalPatch) -> Result<(), CommandError> {
        patch.check().map_err(CommandError::OutOfRange)?;
        let hearer = self.members.iter_mut().find(|m| m.peer == *id).and_then(|m| m.hearer.as_mut());
        let hearer = hearer.ok_or(CommandError::UnknownPeer)?;
        let mut wish = self.desk.personal(hearer);
        wish.patch(patch);
        if wish.tracks.len() > MAX_WISHES {
            let detail = format!("a personal mix names at most {MAX_WISHES} tracks");
            return Err(CommandError::OutOfRange(detail));
        }
        self.desk.set_personal(hearer, wish);
        Ok(())
    }

    fn alert(
        &mut self,
        from: Option<&TrackId>,
        to: Option<&TrackId>,
        by: &str,
        now: Duration,
        effects: &mut Effects,
    ) -> Result<(), CommandError> {
        let name = |id: &TrackId| self.name_of(id);
        let caller = from.map_or(Ok("the desk".into()), name)?;
        let called = to.map(name).transpose()?;
        if self.last_alert.is_some_and(|last| now < last + ALERT_EVERY) {
            return Err(CommandError::TooOften);
        }
        self.last_alert = Some(now);
        let event = Event::Alert { name: caller.clone(), to: called };
        effects.control.push(Effect::Event { address: by.into(), event });
        effects.control.push(Effect::Alert { from: from.cloned(), name: caller.to_string(), to: to.cloned() });
        Ok(())
    }

    fn signal(&self, from: &TrackId, to: &TrackId, data: &str, effects: &mut Effects) -> Result<(), CommandError> {
        self.track_named(from)?;
        self.track_named(to)?;
        let (from, to) = (from.clone(), to.clone());
        effects.control.push(Effect::Signal { from, to, data: data.to_owned() });
        Ok(())
    }

    fn report(
        &mut self,
        id: &TrackId,
        access_ms: Option<u32>,
        rtt_ms: Option<f32>,
        now: Duration,
    ) -> Result<(), CommandError> {
        let track = self.tracks_mut().find(|t| t.id == *id).ok_or(CommandError::UnknownTrack)?;
        if let Some(rtt_ms) = rtt_ms {
            if !(0.0..=60_000.0).contains(&rtt_ms) {
                return Err(CommandError::OutOfRange(format!("rtt_ms must be from 0 to 60000, got {rtt_ms}")));
            }
            track.watched.rtt_ms = Some(rtt_ms);
        }
        if let Some(access_ms) = access_ms {
            self.add_access_time(access_ms, now);
        }
        Ok(())
    }

    fn track_named(&self, id: &TrackId) -> Result<MemberId, CommandError> {
        let member = self.members.iter().find(|m| m.track.as_ref().is_some_and(|t| t.id == *id));
        member.map(|m| m.id).ok_or(CommandError::UnknownTrack)
    }

    fn name_of(&self, id: &TrackId) -> Result<Arc<str>, CommandError> {
        let track = self.members.iter().filter_map(|m| m.track.as_ref()).find(|t| t.id == *id);
        track.map(|t| t.name.clone()).ok_or(CommandError::UnknownTrack)
    }
}

/// How long a step is in a room with these settings.
fn frame_length(settings: &RoomSettings) -> FrameLength {
    if settings.frame_ms == 10 { FrameLength::Ms10 } else { FrameLength::Ms20 }
}

/// `mode floor, floor_holders 2`.
fn in_words(patch: &impl serde::Serialize) -> String {
    // Over text: 1.1f32 is written as 1.1 there, but not as a `Value`.
    let text = serde_json::to_string(patch).unwrap_or_default();
    let keys: serde_json::Map<String, serde_json::Value> = serde_json::from_str(&text).unwrap_or_default();
    let said: Vec<String> =
        keys.iter().map(|(key, value)| format!("{key} {}", value.to_string().replace('"', ""))).collect();
    said.join(", ")
}

/// `Ann bus program, denoise true`, of what has no event of its own.
fn in_words_of(name: &str, strip: &TrackPatch) -> Option<String> {
    let &TrackPatch { bus, auto_gain, denoise, .. } = strip;
    let set = TrackPatch { bus, auto_gain, denoise, ..TrackPatch::default() };
    (set != TrackPatch::default()).then(|| format!("{name} {}", in_words(&set)))
}
