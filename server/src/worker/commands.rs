//! What a worker does with each command.

use std::time::Duration;

use signaling::{PersonalMix, RoomName, RoomPatch, RoomState, ServerMessage, TrackId};

use super::command::{Command, CommandError, Done, Guest, Join, PeerError, Reply, Trickled, UnknownRoom};
use super::counters::Counters;
use super::links::Control;
use super::peers::{Home, worker_of};
use super::{CONNECT_WITHIN, Worker};
use crate::peer::{Fragment, Side};
use room::{self, MemberId, Room, Talk};

impl Worker {
    /// Carries out one command. Whoever asked may have gone: then the answer falls to the floor.
    pub(super) fn command(&mut self, command: Command) {
        let now = self.now();
        match command {
            Command::Join(join, reply) => self.join(*join, reply, now),
            Command::Trickle { room, id, fragment, if_match, reply } => match self.peer(&room, &id) {
                // Where the peer is the answer is given.
                Ok(member) if worker_of(member) != self.index => {
                    self.links.control(worker_of(member), Control::Trickle { member, fragment, if_match, reply });
                }
                Ok(member) => {
                    let _ = reply.send(self.trickle(member, &fragment, if_match.as_deref(), now));
                }
                Err(error) => {
                    let _ = reply.send(Err(error));
                }
            },
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
            Command::CloseAll { reason, reply } => {
                let slots: Vec<usize> = self.rooms.iter().map(|(slot, _)| slot).collect();
                for slot in slots {
                    self.close_room(slot, reason, now);
                }
                let _ = reply.send(());
            }
            Command::Stop { reply } => self.stopped = Some(reply),
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

    /// Hosts a peer, and brings it to its room: on this worker or on another.
    fn join(&mut self, Join { peer, home, guest }: Join, reply: Reply<()>, now: Duration) {
        let (side, id) = (peer.side(), guest.id.clone());
        let slot = (home == self.index).then(|| self.room_slot(&guest.room, now));
        let place = slot.map_or(Home::Away(home), Home::Here);
        let member = self.peers.insert(peer, id, place, now + CONNECT_WITHIN);
        Counters::set(&self.counters.peers, self.peers.len() as u64);
        match slot {
            Some(slot) => {
                self.admit(member, guest, side, slot, now);
                let _ = reply.send(());
            }
            None => self.links.control(home, Control::Join { member, side, guest: Box::new(guest), reply }),
        }
        self.reschedule_peer(member, now);
    }

    /// Makes a peer, wherever it is, a member of a room of this worker.
    pub(super) fn admit(&mut self, member: MemberId, guest: Guest, side: Side, slot: usize, now: Duration) {
        let talks = side.talks().then(|| Talk {
            name: guest.name,
            kind: guest.kind,
            strip: guest.strip,
            joined_at: crate::clock::wall_clock_ms(),
        });
        let join = room::Join {
            member,
            id: guest.id,
            client: guest.client,
            address: guest.address.into(),
            talks,
            hears: side.hears(),
        };
        if let Some(room) = self.rooms.get_mut(slot) {
            room.room.join(join, now, &mut self.effects);
        }
        self.deliver(slot, now);
    }

    pub(super) fn room_slot(&mut self, name: &RoomName, now: Duration) -> usize {
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
        let found = self.peers.find(slot, id).or_else(|| self.away.find(slot, id));
        found.ok_or(PeerError::UnknownPeer)
    }

    pub(super) fn trickle(
        &mut self,
        member: MemberId,
        fragment: &str,
        if_match: Option<&str>,
        now: Duration,
    ) -> Result<Trickled, PeerError> {
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
