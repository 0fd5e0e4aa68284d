//! Which worker has which room. Read and written by HTTP requests and when a room goes; never on the way of a packet.
#![expect(clippy::disallowed_types, reason = "looked up, never iterated")]

use std::collections::HashMap;
use std::sync::{Mutex, MutexGuard, PoisonError};

use signaling::RoomName;

/// Where every room lives.
#[derive(Debug, Default)]
pub struct Registry {
    rooms: Mutex<HashMap<RoomName, Place>>,
}

#[derive(Debug)]
struct Place {
    worker: usize,
    /// Requests on their way to the room: as long as there are any it stays where it is.
    arriving: usize,
    /// The worker has made it, or has been told to.
    exists: bool,
}

/// No more rooms fit.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Full;

impl Registry {
    /// Where a room lives, if it does.
    pub fn find(&self, room: &RoomName) -> Option<usize> {
        self.lock().get(room).map(|place| place.worker)
    }

    /// Where a room lives; a new one gets the place that `choose` says. It cannot go until [`Registry::arrived`].
    pub fn arrive(&self, room: &RoomName, max_rooms: usize, choose: impl FnOnce() -> usize) -> Result<usize, Full> {
        let mut rooms = self.lock();
        let count = rooms.len();
        if let Some(place) = rooms.get_mut(room) {
            place.arriving += 1;
            return Ok(place.worker);
        }
        if count >= max_rooms {
            return Err(Full);
        }
        let worker = choose();
        rooms.insert(room.clone(), Place { worker, arriving: 1, exists: false });
        Ok(worker)
    }

    /// The request that arrived is through. `made`: it went to the worker, which has the room from then on; a place
    /// that no request made use of is given back.
    pub fn arrived(&self, room: &RoomName, made: bool) {
        let mut rooms = self.lock();
        if let Some(place) = rooms.get_mut(room) {
            place.arriving = place.arriving.saturating_sub(1);
            place.exists |= made;
            if place.arriving == 0 && !place.exists {
                rooms.remove(room);
            }
        }
    }

    /// Lets a room go, unless somebody is arriving. True if it went.
    pub fn release(&self, room: &RoomName) -> bool {
        let mut rooms = self.lock();
        let free = rooms.get(room).is_none_or(|place| place.arriving == 0);
        if free {
            rooms.remove(room);
        }
        free
    }

    /// How many rooms there are.
    pub fn count(&self) -> usize {
        self.lock().len()
    }

    fn lock(&self) -> MutexGuard<'_, HashMap<RoomName, Place>> {
        // Nothing here panics half way, so what a poisoned lock guards is whole.
        self.rooms.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_room_stays_while_somebody_arrives() {
        let (registry, room) = (Registry::default(), "a".parse::<RoomName>().unwrap());
        assert_eq!(registry.arrive(&room, 1, || 1), Ok(1));
        assert!(!registry.release(&room));
        assert_eq!(registry.arrive(&room, 1, || 0), Ok(1), "it lives where it lives");
        registry.arrived(&room, true);
        registry.arrived(&room, true);
        assert_eq!(registry.arrive(&"b".parse().unwrap(), 1, || 0), Err(Full));
        assert!(registry.release(&room));
        assert_eq!(registry.find(&room), None);
    }

    #[test]
    fn who_fails_to_join_does_not_take_the_room_away_from_those_in_it() {
        let (registry, room) = (Registry::default(), "a".parse::<RoomName>().unwrap());
        registry.arrive(&room, 1, || 0).unwrap();
        registry.arrived(&room, true);
        registry.arrive(&room, 1, || 0).unwrap();
        registry.arrived(&room, false);
        assert_eq!(registry.find(&room), Some(0));
    }

    #[test]
    fn who_arrives_and_leaves_nothing_behind_leaves_no_room() {
        let (registry, room) = (Registry::default(), "a".parse::<RoomName>().unwrap());
        assert_eq!(registry.arrive(&room, 1, || 0), Ok(0));
        registry.arrived(&room, false);
        assert_eq!(registry.count(), 0);
    }
}
