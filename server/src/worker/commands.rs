//! What a worker does with each command.

use std::time::Duration;

use signaling::{PersonalMix, RoomName, RoomPatch, RoomState, ServerMessage, TrackId};

use super::command::{Command, CommandError, Done, Join, PeerError, Trickled, UnknownRoom};
use super::counters::Counters;
use super::{CONNECT_WITHIN, Worker};
use crate::peer::Fragment;
use room::{self, MemberId, Room, Talk};

impl Worker {
    /// Carries out one command. Whoever asked may have gone: then the answer falls to the floor.
    pub(super) fn command(&mut self, command: Command) {
        let now = self.now();
        match command {
            Command::Join(join, reply) => {
                self.join(*join, now);
                let _ = reply.send(());
            }
            Command::Trickle { room, id, fragment, if_match, reply } => {
                let _ = reply.send(self.trickle(&room, &id, &fragment, if_match.as_deref(), now));
            }
            Command::HangUp { room, id, reply } => {
                let found = self.peer(&room, &id);
                if let Ok(member) = found {
                    self.leave(member, "hung up", now);
                }
                let _ = reply.send(found.map(|_| ()));
            }
            Command::Desk { room, command, by, reply } => {
                let _ = reply.send(self.desk(&room, &command, &by, now));
            }
            Command::Personal { room, id, reply } => {
                let _ = reply.send(self.personal(&room, &id));
            }
            Command::Make { room, settings, by, reply } => {
                let _ = reply.send(self.make(room, settings, &by, now));
            }
            Command::Close { room, reason, reply } => {
                let found = self.rooms.find(&room);
                if let Some(slot) = found {
                    self.close_room(slot, reason, now);
                    // Where somebody is arriving the place stays, and the room is made again there.
                    self.settings.registry.release(&room);
                }
                let _ = reply.send(found.map(|_| ()).ok_or(UnknownRoom));
            }
            Command::State { room, reply } => {
                let _ = reply.send(self.state(&room, now).ok_or(UnknownRoom));
            }
            Command::List { reply } => {
                let _ = reply.send(self.rooms.iter().map(|(_, entry)| entry.room.state(now)).collect());
            }
            Command::Subscribe { room, reply } => {
                let slot = self.rooms.find(&room);
                let subscription = slot.and_then(|slot| Some(self.rooms.get_mut(slot)?.subscribe(now)));
                let _ = reply.send(subscription.ok_or(UnknownRoom));
            }
            Command::Stop { reason, reply } => {
                let slots: Vec<usize> = self.rooms.iter().map(|(slot, _)| slot).collect();
                for slot in slots {
                    self.close_room(slot, reason, now);
                }
                self.stopped = Some(reply);
            }
        }
    }

    /// Hangs up everybody in a room, tells those who follow it, and forgets it.
    pub(super) fn close_room(&mut self, slot: usize, reason: &str, now: Duration) {
        if let Some(room) = self.rooms.get_mut(slot) {
            room.room.close(reason, now, &mut self.effects);
        }
        self.deliver(slot, now);
        if let Some(room) = self.rooms.get_mut(slot) {
            room.tell(&ServerMessage::Closed { reason: reason.to_owned() });
        }
        self.rooms.remove(slot);
        self.count_rooms();
    }

    fn join(&mut self, join: Join, now: Duration) {
        let slot = self.room_slot(&join.room, now);
        let side = join.peer.side();
        let member = self.peers.insert(join.peer, join.id.clone(), slot, now + CONNECT_WITHIN);
        Counters::set(&self.counters.peers, self.peers.len() as u64);
        let talks = side.talks().then(|| Talk {
            name: join.name,
            kind: join.kind,
            strip: join.strip,
            joined_at: crate::clock::wall_clock_ms(),
        });
        let join = room::Join {
            member,
            id: join.id,
            client: join.client,
            address: join.address.into(),
            talks,
            hears: side.hears(),
        };
        if let Some(room) = self.rooms.get_mut(slot) {
            room.room.join(join, now, &mut self.effects);
        }
        self.deliver(slot, now);
        self.reschedule_peer(member, now);
    }

    fn room_slot(&mut self, name: &RoomName, now: Duration) -> usize {
        self.rooms.find(name).unwrap_or_else(|| {
            let room = Room::new(name.clone(), self.settings.room.clone(), now);
            let slot = self.rooms.insert(room);
            self.count_rooms();
            slot
        })
    }

    fn count_rooms(&self) {
        Counters::set(&self.counters.rooms, self.rooms.iter().count() as u64);
    }

    fn state(&mut self, name: &RoomName, now: Duration) -> Option<RoomState> {
        let slot = self.rooms.find(name)?;
        Some(self.rooms.get_mut(slot)?.room.state(now))
    }

    fn personal(&mut self, name: &RoomName, peer: &TrackId) -> Result<PersonalMix, CommandError> {
        let slot = self.rooms.find(name).ok_or(CommandError::UnknownRoom)?;
        let entry = self.rooms.get_mut(slot).ok_or(CommandError::UnknownRoom)?;
        entry.room.personal_mix(peer).ok_or(CommandError::UnknownPeer)
    }

    fn peer(&self, room: &RoomName, id: &TrackId) -> Result<MemberId, PeerError> {
        let slot = self.rooms.find(room).ok_or(PeerError::UnknownRoom)?;
        self.peers.find(slot, id).ok_or(PeerError::UnknownPeer)
    }

    fn trickle(
        &mut self,
        room: &RoomName,
        id: &TrackId,
        fragment: &str,
        if_match: Option<&str>,
        now: Duration,
    ) -> Result<Trickled, PeerError> {
        let member = self.peer(room, id)?;
        let entry = self.peers.get_mut(member).ok_or(PeerError::UnknownPeer)?;
        let etag = entry.peer.etag();
        // `*` is how a client that has no tag any more asks for a restart (RFC 9725 §4.3.3).
        if if_match.is_some_and(|given| given != "*" && given != etag) {
            return Err(PeerError::StaleEtag(etag));
        }
        let fragment = Fragment::parse(fragment).map_err(PeerError::BadFragment)?;
        let restarted = entry.peer.patch(&fragment).map_err(|bad| PeerError::BadFragment(bad.0))?;
        let Some(fragment) = restarted else { return Ok(Trickled::Added) };
        let etag = entry.peer.etag();
        self.peers.rename(member);
        self.transmit(member, None);
        self.reschedule_peer(member, now);
        Ok(Trickled::Restarted { fragment, etag })
    }

    fn desk(
        &mut self,
        room: &RoomName,
        command: &signaling::Command,
        by: &str,
        now: Duration,
    ) -> Result<Done, CommandError> {
        let slot = self.rooms.find(room).ok_or(CommandError::UnknownRoom)?;
        let entry = self.rooms.get_mut(slot).ok_or(CommandError::UnknownRoom)?;
        let done = entry.room.command(command, by, now, &mut self.effects);
        let state = entry.room.state(now);
        self.deliver(slot, now);
        done.map(|floor| Done { state, floor }).map_err(CommandError::from)
    }

    fn make(
        &mut self,
        name: RoomName,
        settings: RoomPatch,
        by: &str,
        now: Duration,
    ) -> Result<(RoomState, bool), CommandError> {
        let made = self.rooms.find(&name).is_none();
        let slot = self.room_slot(&name, now);
        match self.desk(&name, &signaling::Command::SetRoom { settings }, by, now) {
            Ok(done) => Ok((done.state, made)),
            Err(error) => {
                if made {
                    self.close_room(slot, "never made", now);
                }
                Err(error)
            }
        }
    }
}

impl From<room::CommandError> for CommandError {
    fn from(error: room::CommandError) -> Self {
        match error {
            room::CommandError::UnknownTrack => Self::UnknownTrack,
            room::CommandError::OutOfRange(detail) => Self::OutOfRange(detail),
            room::CommandError::UnknownPeer => Self::UnknownPeer,
            error @ room::CommandError::TooOften => Self::TooOften(error.to_string()),
        }
    }
}
