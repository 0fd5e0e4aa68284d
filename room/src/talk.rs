//! The floor of a room: what its commands do, and what it does to the tracks.

use std::{sync::Arc, time::Duration};

use signaling::{
    Bus, Change, FloorAction, FloorAnswer, FloorEvent, FloorHolder, FloorState, FloorWaiter, Mode, RoomSettings,
    TrackId,
};

use super::{
    CommandError, Effect, Effects, Event, MemberId, Room,
    floor::{Answer, Floor, Happened, Settings},
    track::Track,
};

impl Room {
    /// Asks for the floor, gives it back, or, for the desk, gives and takes it. In an open room, and for a track
    /// that needs no floor, all may talk.
    pub(super) fn floor_command(
        &mut self,
        id: &TrackId,
        action: FloorAction,
        priority: u8,
        now: Duration,
        effects: &mut Effects,
    ) -> Result<FloorAnswer, CommandError> {
        let gated = self.desk_settings.mode == Mode::Floor;
        let member = self.members.iter_mut().find(|m| m.track.as_ref().is_some_and(|t| t.id == *id));
        let (who, track) =
            member.and_then(|m| Some((m.id, m.track.as_deref_mut()?))).ok_or(CommandError::UnknownTrack)?;
        if !gated || track.bus != Bus::Voice {
            return Ok(match action {
                FloorAction::Request | FloorAction::Grant => FloorAnswer::Granted { left_ms: None },
                FloorAction::Release | FloorAction::Revoke => FloorAnswer::Released,
            });
        }
        let happened = &mut self.happened;
        let priority_of =
            |floor: &Floor| floor.holders(now).find(|holder| holder.who == who).map(|holder| holder.priority);
        let before = priority_of(&self.floor);
        let answer = match action {
            FloorAction::Request => {
                if !self.floor.may_talk(who) {
                    track.ask(now);
                }
                let answer = self.floor.request(who, priority, now, happened);
                if let Answer::Denied(_) = answer {
                    track.give_up();
                }
                answer_of(answer)
            }
            FloorAction::Grant => {
                self.floor.grant(who, priority, now, happened);
                let left = self.floor.holders(now).find(|holder| holder.who == who).and_then(|holder| holder.left);
                FloorAnswer::Granted { left_ms: left.map(ms) }
            }
            FloorAction::Release => {
                self.floor.release(who, now, happened);
                FloorAnswer::Released
            }
            FloorAction::Revoke => {
                self.floor.revoke(who, now, happened);
                FloorAnswer::Released
            }
        };
        let is_raised = self.happened.is_empty() && priority_of(&self.floor) != before;
        self.carry_out_floor(now, effects);
        if is_raised {
            self.tell_floor(Vec::new(), now);
        }
        Ok(answer)
    }

    /// Does what is due by the floor's timers.
    pub(super) fn floor_tick(&mut self, now: Duration, effects: &mut Effects) {
        if self.floor_due().is_some_and(|at| at <= now) {
            self.floor.tick(now, &mut self.happened);
            self.carry_out_floor(now, effects);
        }
    }

    /// When the floor wants to be looked at.
    pub(super) fn floor_due(&self) -> Option<Duration> {
        if self.desk_settings.mode == Mode::Floor { self.floor.due() } else { None }
    }

    /// A member is about to go.
    pub(super) fn floor_leave(&mut self, who: MemberId, now: Duration, effects: &mut Effects) {
        self.floor.leave(who, now, &mut self.happened);
        self.carry_out_floor(now, effects);
    }

    /// The room has other settings from now on.
    pub(super) fn floor_set(&mut self, was: Mode, now: Duration, effects: &mut Effects) {
        self.floor.set(floor_settings(&self.desk_settings), now, &mut self.happened);
        let mode = self.desk_settings.mode;
        if mode != was {
            self.floor.clear(now, &mut self.happened);
        }
        if self.happened.is_empty() && self.floor.holders(now).len() > 0 {
            // What is left of a time may be another now.
            self.tell_floor(Vec::new(), now);
        }
        self.carry_out_floor(now, effects);
        if mode != was {
            for track in self.tracks_mut() {
                gate(track, mode, now);
            }
            self.wake(now);
        }
    }

    /// A track has come, or is on another bus from now on.
    pub(super) fn floor_admit(&mut self, who: MemberId, now: Duration, effects: &mut Effects) {
        let mode = self.desk_settings.mode;
        let place = self.places.get(&who).copied();
        let Some(track) = place.and_then(|place| self.members[place].track.as_deref_mut()) else { return };
        if track.bus != Bus::Voice {
            self.floor.release(who, now, &mut self.happened);
            self.carry_out_floor(now, effects);
        }
        if let Some(track) = self.members[place.unwrap_or_default()].track.as_deref_mut() {
            gate(track, mode, now);
        }
        self.wake(now);
    }

    /// Who may talk and who waits, as of now.
    pub(super) fn floor_state(&self, now: Duration) -> FloorState {
        if self.desk_settings.mode == Mode::Open {
            return FloorState { access: self.access.clone(), ..FloorState::default() };
        }
        let holders = self.floor.holders(now).filter_map(|holder| {
            Some(FloorHolder {
                id: self.track(holder.who)?.id.clone(),
                priority: holder.priority,
                held_ms: ms(now.saturating_sub(holder.since)),
                left_ms: holder.left.map(ms),
                revoked: holder.revoking,
            })
        });
        let queue = self.floor.queue().filter_map(|waiting| {
            let waited_ms = ms(now.saturating_sub(waiting.since));
            Some(FloorWaiter { id: self.track(waiting.who)?.id.clone(), priority: waiting.priority, waited_ms })
        });
        FloorState { holders: holders.collect(), queue: queue.collect(), access: self.access.clone() }
    }

    /// A page has measured how long its key took.
    pub(super) fn add_access_time(&mut self, ms: u32, now: Duration) {
        self.access.add(ms);
        self.tell_floor(Vec::new(), now);
    }

    /// Opens and closes the tracks as the floor says, and tells everybody.
    fn carry_out_floor(&mut self, now: Duration, effects: &mut Effects) {
        if self.happened.is_empty() {
            return;
        }
        let mut happened = std::mem::take(&mut self.happened);
        let mut events = Vec::with_capacity(happened.len());
        for it in happened.drain(..) {
            let Some(who) = it.who() else {
                events.push(FloorEvent::Idle);
                continue;
            };
            let Some(place) = self.places.get(&who) else { continue };
            let member = &mut self.members[*place];
            let Some(track) = member.track.as_deref_mut() else { continue };
            match it {
                Happened::Granted { .. } => track.open(now),
                Happened::Released { .. } => track.close_after_tail(now),
                Happened::Revoked { .. } => track.close(now),
                Happened::Denied { .. } | Happened::Unqueued { .. } => track.give_up(),
                Happened::Queued { .. } | Happened::Revoking { .. } | Happened::Warned { .. } | Happened::Idle => {}
            }
            events.push(event_of(it, track.id.clone()));
            let event = Event::Floor { name: track.name.clone(), what: it };
            effects.control.push(Effect::Event { address: Arc::clone(&member.address), event });
        }
        self.happened = happened;
        self.tell_floor(events, now);
        self.wake(now);
    }

    fn tell_floor(&mut self, events: Vec<FloorEvent>, now: Duration) {
        let floor = self.floor_state(now);
        self.changes.push(Change::Floor { events, floor });
    }

    fn track(&self, who: MemberId) -> Option<&Track> {
        self.members[*self.places.get(&who)?].track.as_deref()
    }

    /// Ticks again if there is anything to play.
    fn wake(&mut self, now: Duration) {
        if !self.is_active && self.tracks_mut().any(|track| track.is_busy()) {
            self.is_active = true;
            self.ticks.resume(now);
        }
    }
}

/// Opens or closes a track that has neither asked nor been asked for.
fn gate(track: &mut Track, mode: Mode, now: Duration) {
    if mode == Mode::Floor && track.bus == Bus::Voice { track.close(now) } else { track.open(now) }
}

/// How the floor goes in a room with these settings.
pub(super) fn floor_settings(settings: &RoomSettings) -> Settings {
    let ms = |ms: u32| Duration::from_millis(u64::from(ms));
    Settings {
        holders: settings.floor_holders.into(),
        queue: settings.floor_queue.into(),
        talk: ms(settings.floor_talk_ms),
        warning: ms(settings.floor_warning_ms),
        grace: ms(settings.floor_grace_ms),
        preemption: settings.floor_preemption,
    }
}

fn answer_of(answer: Answer) -> FloorAnswer {
    match answer {
        Answer::Granted { left } => FloorAnswer::Granted { left_ms: left.map(ms) },
        Answer::Queued { position } => FloorAnswer::Queued { position: position as u32 },
        Answer::Denied(reason) => FloorAnswer::Denied { reason: reason.to_string() },
    }
}

fn event_of(it: Happened, id: TrackId) -> FloorEvent {
    match it {
        Happened::Granted { .. } => FloorEvent::Granted { id },
        Happened::Queued { position, .. } => FloorEvent::Queued { id, position: position as u32 },
        Happened::Denied { reason, .. } => FloorEvent::Denied { id, reason: reason.to_string() },
        Happened::Released { .. } => FloorEvent::Released { id },
        Happened::Revoking { cause, .. } => FloorEvent::Revoking { id, reason: cause.to_string() },
        Happened::Revoked { cause, .. } => FloorEvent::Revoked { id, reason: cause.to_string() },
        Happened::Unqueued { .. } => FloorEvent::Unqueued { id },
        Happened::Warned { left, .. } => FloorEvent::Warned { id, left_ms: ms(left) },
        Happened::Idle => FloorEvent::Idle,
    }
}

fn ms(time: Duration) -> u64 {
    time.as_millis() as u64
}
