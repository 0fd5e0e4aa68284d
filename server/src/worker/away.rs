//! Peers on another worker than their room. The room stays whole where it is: there the mixes are made, once for each
//! distinct one, and all its rules hold as they are. What is spread is what many listeners cost: ICE, SRTP and sending.

use std::collections::BTreeMap;
use std::net::SocketAddr;
use std::time::Duration;

use signaling::TrackId;

use super::counters::Counters;
use super::links::{Control, Handed};
use super::peers::{Home, worker_of};
use super::{Worker, rtp};
use crate::peer::{Received, stun::Datagram};
use room::MemberId;

/// What is taken from other workers before the socket and ticks get their turn.
const BATCH: usize = 256;

/// Members of this worker's rooms whose peers are elsewhere.
#[derive(Default)]
pub struct Away {
    members: BTreeMap<MemberId, (usize, TrackId)>,
}

impl Away {
    /// Whether there is nobody.
    pub fn is_empty(&self) -> bool {
        self.members.is_empty()
    }

    /// The slot of a member's room.
    pub fn slot(&self, member: MemberId) -> Option<usize> {
        self.members.get(&member).map(|(slot, _)| *slot)
    }

    /// The peer with this public id in a room.
    pub fn find(&self, room: usize, id: &TrackId) -> Option<MemberId> {
        self.members.iter().find(|(_, (slot, its))| *slot == room && its == id).map(|(member, _)| *member)
    }
}

impl Worker {
    /// Takes what other workers have handed over, one batch at most. True if there may be more.
    pub(super) fn take_handed(&mut self) -> bool {
        self.links.look();
        while let Some(control) = self.links.told() {
            self.told(control);
        }
        for _ in 0..BATCH {
            let Some(handed) = self.links.handed() else { return false };
            match handed {
                Handed::Packet(member, packet) => self.packet_from_away(member, &packet),
                Handed::Report(member, loss) => {
                    let now = self.now();
                    let slot = self.away.slot(member);
                    if let Some(room) = slot.and_then(|slot| self.rooms.get_mut(slot)) {
                        room.room.reception_report(member, loss, now);
                    }
                }
                Handed::Batch(mut batch, from) => {
                    std::mem::swap(&mut self.effects, &mut batch);
                    self.send_media(self.now());
                    std::mem::swap(&mut self.effects, &mut batch);
                    self.links.hand(from, Handed::Spent(batch));
                }
                Handed::Spent(batch) => self.links.keep(batch),
            }
        }
        true
    }

    fn told(&mut self, control: Control) {
        let now = self.now();
        match control {
            Control::Join { member, side, guest, reply } => {
                let slot = self.room_slot(&guest.room, now);
                self.away.members.insert(member, (slot, guest.id.clone()));
                self.admit(member, *guest, side, slot, now);
                let _ = reply.send(());
            }
            Control::Gone(member, reason) => {
                let Some((slot, _)) = self.away.members.remove(&member) else { return };
                if let Some(room) = self.rooms.get_mut(slot) {
                    room.room.leave(member, reason, now, &mut self.effects);
                }
                self.deliver(slot, now);
            }
            Control::Address(member, address) => {
                if let Some(slot) = self.away.slot(member) {
                    self.set_address(slot, member, address);
                }
            }
            Control::HangUp(member) => self.close_peer(member),
            Control::Trickle { member, fragment, if_match, reply } => {
                let _ = reply.send(self.trickle(member, &fragment, if_match.as_deref(), now));
            }
        }
    }

    /// The room has let go of a member whose peer is elsewhere.
    pub(super) fn hang_up_away(&mut self, member: MemberId) {
        if self.away.members.remove(&member).is_some() {
            self.links.control(worker_of(member), Control::HangUp(member));
        }
    }

    fn packet_from_away(&mut self, member: MemberId, packet: &Received) {
        let now = self.now();
        let Some(slot) = self.away.slot(member) else { return };
        self.catch_up(slot, now);
        let Some(room) = self.rooms.get_mut(slot) else { return };
        room.room.packet(member, rtp(packet), now, &mut self.effects);
        self.deliver(slot, now);
    }

    /// A datagram of a peer whose room is elsewhere.
    pub(super) fn datagram_away(
        &mut self,
        member: MemberId,
        kind: Datagram,
        from: SocketAddr,
        datagram: &[u8],
        now: Duration,
    ) {
        let Some(entry) = self.peers.get_mut(member) else { return };
        let Home::Away(home) = entry.home else { return };
        let before = entry.peer.ignored();
        entry.peer.receive(self.settings.clock.instant(now), from, datagram, |packet| {
            self.links.hand(home, Handed::Packet(member, packet));
        });
        if let Some(loss) = entry.peer.take_report() {
            self.links.hand(home, Handed::Report(member, loss));
        }
        Counters::add(&self.counters.datagrams_dropped, entry.peer.ignored() - before);
        self.transmit(member, (kind == Datagram::Stun).then_some(from));
        if kind != Datagram::Media {
            self.reschedule_peer(member, now);
        }
    }
}
