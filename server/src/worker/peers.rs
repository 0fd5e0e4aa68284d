//! The peers of one worker, and how a datagram finds its own.
//!
//! The maps are looked up, never iterated: their order is nobody's business.
#![expect(clippy::disallowed_types, reason = "looked up, never iterated")]

use std::collections::HashMap;
use std::net::SocketAddr;
use std::time::Duration;

use signaling::TrackId;

use crate::peer::Peer;
use room::MemberId;

/// Where the room of a peer lives.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Home {
    /// On the same worker, in this slot.
    Here(usize),
    /// On that worker.
    Away(usize),
}

/// One peer and where it belongs.
pub struct Entry {
    /// The connection.
    pub peer: Box<Peer>,
    /// The public id.
    pub id: TrackId,
    /// Where its room is.
    pub home: Home,
    /// When it is given up if it has not connected.
    pub connect_by: Duration,
    /// When its timers are next looked at; every other time in the timer heap is void.
    pub timer: Duration,
    member: MemberId,
    ufrag: String,
    /// Addresses from which a check has succeeded, the newest last.
    addresses: Vec<SocketAddr>,
}

/// All peers of one worker: by member, by our ICE user fragment, and by address.
#[derive(Default)]
pub struct Peers {
    /// Whose they are: part of every member id, so that no two workers give the same.
    worker: u8,
    slots: Vec<Option<Entry>>,
    free: Vec<u32>,
    made: u32,
    /// How many have their room on another worker.
    guests: usize,
    by_ufrag: HashMap<String, MemberId>,
    by_address: HashMap<SocketAddr, MemberId>,
}

/// A member id is the worker, how many it had made, and the slot: 8, 32 and 24 bits.
const WORKER_SHIFT: u32 = 56;
const MADE_SHIFT: u32 = 24;
const SLOT_MASK: u64 = (1 << MADE_SHIFT) - 1;

/// On which worker a member's peer is.
pub fn worker_of(member: MemberId) -> usize {
    (member.0 >> WORKER_SHIFT) as usize
}

/// A peer that moves keeps this many addresses; older ones are forgotten.
const MAX_ADDRESSES: usize = 4;

impl Peers {
    /// None yet; `worker` is at most 255.
    pub fn new(worker: usize) -> Self {
        Self { worker: worker as u8, ..Self::default() }
    }

    /// Takes a peer in. Its member id is not used again, by no worker.
    pub fn insert(&mut self, peer: Box<Peer>, id: TrackId, home: Home, connect_by: Duration) -> MemberId {
        let slot = self.free.pop().unwrap_or_else(|| {
            self.slots.push(None);
            (self.slots.len() - 1) as u32
        });
        self.made += 1;
        self.guests += usize::from(is_guest(home));
        let number = u64::from(self.made) << MADE_SHIFT | u64::from(slot) & SLOT_MASK;
        let member = MemberId(u64::from(self.worker) << WORKER_SHIFT | number);
        let ufrag = peer.ufrag().to_owned();
        self.by_ufrag.insert(ufrag.clone(), member);
        let entry = Entry { peer, id, home, connect_by, timer: Duration::MAX, member, ufrag, addresses: Vec::new() };
        self.slots[slot as usize] = Some(entry);
        member
    }

    /// A peer that is still here.
    pub fn get_mut(&mut self, member: MemberId) -> Option<&mut Entry> {
        self.slots.get_mut((member.0 & SLOT_MASK) as usize)?.as_mut().filter(|entry| entry.member == member)
    }

    /// Lets a peer go, with everything that points at it.
    pub fn remove(&mut self, member: MemberId) -> Option<Entry> {
        self.get_mut(member)?;
        let slot = (member.0 & SLOT_MASK) as u32;
        let entry = self.slots[slot as usize].take()?;
        self.free.push(slot);
        self.guests -= usize::from(is_guest(entry.home));
        self.by_ufrag.remove(&entry.ufrag);
        for address in &entry.addresses {
            if self.by_address.get(address) == Some(&member) {
                self.by_address.remove(address);
            }
        }
        Some(entry)
    }

    /// Whose a check is, by the user fragment in it.
    pub fn by_ufrag(&self, ufrag: &str) -> Option<MemberId> {
        self.by_ufrag.get(ufrag).copied()
    }

    /// Whose a datagram is, by where it comes from.
    pub fn by_address(&self, address: SocketAddr) -> Option<MemberId> {
        self.by_address.get(&address).copied()
    }

    /// A check from this address has succeeded: what else comes from there is this peer's. True if that is news.
    pub fn bind(&mut self, member: MemberId, address: SocketAddr) -> bool {
        if self.by_address.get(&address) == Some(&member) {
            return false;
        }
        let Some(entry) = self.get_mut(member) else { return false };
        entry.addresses.push(address);
        let forgotten = (entry.addresses.len() > MAX_ADDRESSES).then(|| entry.addresses.remove(0));
        if let Some(forgotten) = forgotten.filter(|f| self.by_address.get(f) == Some(&member)) {
            self.by_address.remove(&forgotten);
        }
        self.by_address.insert(address, member);
        true
    }

    /// ICE was restarted: checks carry the new user fragment from now on.
    pub fn rename(&mut self, member: MemberId) {
        let Some(entry) = self.get_mut(member) else { return };
        let ufrag = entry.peer.ufrag().to_owned();
        let old = std::mem::replace(&mut entry.ufrag, ufrag.clone());
        self.by_ufrag.remove(&old);
        self.by_ufrag.insert(ufrag, member);
    }

    /// The peer with this public id in a room of this worker.
    pub fn find(&self, room: usize, id: &TrackId) -> Option<MemberId> {
        self.iter().find(|entry| entry.home == Home::Here(room) && entry.id == *id).map(|entry| entry.member)
    }

    /// Everybody.
    pub fn members(&self) -> Vec<MemberId> {
        self.iter().map(|entry| entry.member).collect()
    }

    /// How many there are.
    pub fn len(&self) -> usize {
        self.slots.len() - self.free.len()
    }

    /// Whether any has its room on another worker.
    pub fn has_guests(&self) -> bool {
        self.guests > 0
    }

    fn iter(&self) -> impl Iterator<Item = &Entry> {
        self.slots.iter().flatten()
    }
}

fn is_guest(home: Home) -> bool {
    matches!(home, Home::Away(_))
}
