//! The floor of a room, from the side of who talks: ask for it, wait for it, hear when it is lost.

use std::collections::VecDeque;

use anyhow::{Context, bail};
use signaling::client::{Client, Events, EventsError};
use signaling::{
    Bus, Change, FloorAction, FloorAnswer, FloorEvent, FloorRequest, FloorState, Mode, RoomName, ServerMessage, TrackId,
};

/// What the floor says to one of our tracks.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Word {
    /// It may talk; for so long, ms, if there is a limit.
    Granted(Option<u64>),
    /// It waits; 1 is next.
    Queued(u32),
    /// It may not talk and does not wait.
    Denied(String),
    /// So much of its time is left, ms.
    Warned(u64),
    /// Its time is over; it is heard for a moment more.
    Revoking(String),
    /// It is not heard any more.
    Revoked(String),
    /// It talked freely, and has to ask from now on.
    Needed,
}

impl Word {
    /// As people read it behind the track's name.
    pub fn sentence(&self) -> String {
        match self {
            Self::Granted(None) => "has the floor".into(),
            Self::Granted(Some(left_ms)) => format!("has the floor, {} left", seconds(*left_ms)),
            Self::Queued(position) => format!("waits for the floor, number {position}"),
            Self::Denied(reason) => format!("does not get the floor: {reason}"),
            Self::Warned(left_ms) => format!("has {} of its time left", seconds(*left_ms)),
            Self::Revoking(reason) => format!("has to end: {reason}"),
            Self::Revoked(reason) => format!("has lost the floor: {reason}"),
            Self::Needed => "needs the floor from now on".into(),
        }
    }
}

/// `12 s`.
pub fn seconds(ms: u64) -> String {
    format!("{} s", ms.div_ceil(1_000))
}

/// Our tracks of one room and where they stand.
pub struct Floor {
    client: Client,
    room: RoomName,
    priority: Option<u8>,
    /// None for a token that may talk but not listen.
    events: Option<Events>,
    standing: Standing,
    words: VecDeque<(usize, Word)>,
}

impl Floor {
    /// Follows a room for the sake of these tracks, which are voices in it.
    pub async fn follow(
        client: &Client,
        room: &RoomName,
        priority: Option<u8>,
        tracks: Vec<TrackId>,
    ) -> anyhow::Result<Self> {
        let mut standing = Standing::new(tracks);
        let events = match client.events(room).await {
            Ok(mut events) => {
                if let Some(first) = events.next().await {
                    standing.hear(&first?.0, &mut Vec::new());
                }
                Some(events)
            }
            Err(EventsError::Request(error)) if error.problem().is_some_and(|problem| problem.status == 403) => {
                standing.mode = Mode::Floor;
                None
            }
            Err(error) => return Err(error).with_context(|| format!("room {room}")),
        };
        Ok(Self { client: client.clone(), room: room.clone(), priority, events, standing, words: VecDeque::new() })
    }

    /// Whether one has to ask in this room; unknown to a token that may not listen, which asks in any case.
    pub fn is_needed(&self) -> bool {
        self.standing.mode == Mode::Floor
    }

    /// How many may talk at once; none if that is not known.
    pub fn places(&self) -> Option<usize> {
        self.standing.holders.filter(|_| self.standing.mode == Mode::Floor)
    }

    /// Whether all of our tracks may talk.
    pub fn is_ours(&self) -> bool {
        self.standing.places.iter().all(|place| self.standing.may_talk(place))
    }

    /// Whether one of our tracks neither talks nor waits, and has to ask to do so.
    pub fn stands_outside(&self, which: usize) -> bool {
        let place = &self.standing.places[which];
        place.stands == Stands::Outside && !self.standing.may_talk(place)
    }

    /// Presses the key of one of our tracks; the answer comes by [`Floor::next`].
    pub async fn ask(&mut self, which: usize) -> anyhow::Result<()> {
        let request = FloorRequest { action: FloorAction::Request, priority: self.priority };
        let id = &self.standing.places[which].id;
        let answer = self.client.floor(&self.room, id, request).await.with_context(|| format!("room {}", self.room))?;
        if self.events.is_none() && matches!(answer, FloorAnswer::Queued { .. }) {
            self.release(which).await;
            bail!("the floor of room {} is taken, and to wait for it needs a token with the right listen", self.room);
        }
        let mut words = Vec::new();
        self.standing.answer(which, answer, &mut words);
        self.words.extend(words);
        Ok(())
    }

    /// Lets go of the key. That the track or the server is gone is as good.
    pub async fn release(&self, which: usize) {
        release(&self.client, &self.room, &self.standing.places[which].id).await;
    }

    /// The next word to one of our tracks. Never comes back once the room cannot be followed any more: what is sent
    /// there says why.
    pub async fn next(&mut self) -> (usize, Word) {
        loop {
            if let Some(word) = self.words.pop_front() {
                return word;
            }
            let Some(Ok((message, _))) = (match &mut self.events {
                Some(events) => events.next().await,
                None => None,
            }) else {
                return std::future::pending().await;
            };
            let mut words = Vec::new();
            self.standing.hear(&message, &mut words);
            self.words.extend(words);
        }
    }
}

/// Gives the floor of a track back.
pub async fn release(client: &Client, room: &RoomName, id: &TrackId) {
    let _ = client.floor(room, id, FloorRequest { action: FloorAction::Release, priority: None }).await;
}

/// Where our tracks stand: pure.
struct Standing {
    mode: Mode,
    holders: Option<usize>,
    places: Vec<Place>,
}

struct Place {
    id: TrackId,
    bus: Bus,
    stands: Stands,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Stands {
    Outside,
    Waits(u32),
    Talks,
}

impl Standing {
    fn new(tracks: Vec<TrackId>) -> Self {
        let place = |id| Place { id, bus: Bus::Voice, stands: Stands::Outside };
        Self { mode: Mode::Open, holders: None, places: tracks.into_iter().map(place).collect() }
    }

    fn may_talk(&self, place: &Place) -> bool {
        place.stands == Stands::Talks || self.mode == Mode::Open || place.bus != Bus::Voice
    }

    fn answer(&mut self, which: usize, answer: FloorAnswer, words: &mut Vec<(usize, Word)>) {
        let place = &mut self.places[which];
        match answer {
            FloorAnswer::Granted { left_ms } => {
                place.stands = Stands::Talks;
                words.push((which, Word::Granted(left_ms)));
            }
            FloorAnswer::Queued { position } => {
                place.stands = Stands::Waits(position);
                words.push((which, Word::Queued(position)));
            }
            FloorAnswer::Denied { reason } => {
                place.stands = Stands::Outside;
                words.push((which, Word::Denied(reason)));
            }
            FloorAnswer::Released => place.stands = Stands::Outside,
        }
    }

    fn hear(&mut self, message: &ServerMessage, words: &mut Vec<(usize, Word)>) {
        match message {
            ServerMessage::Snapshot { state, .. } => {
                self.mode = state.settings.mode;
                self.holders = Some(state.settings.floor_holders.into());
                for (which, place) in self.places.iter_mut().enumerate() {
                    let track = state.tracks.iter().find(|track| track.id == place.id);
                    place.bus = track.map_or(place.bus, |track| track.bus);
                    let holds = state.floor.holders.iter().find(|holder| holder.id == place.id);
                    match (place.stands, holds) {
                        (Stands::Talks, None) if self.mode == Mode::Floor => {
                            place.stands = Stands::Outside;
                            words.push((which, Word::Revoked("somebody else has it".into())));
                        }
                        (Stands::Waits(_), Some(holder)) => {
                            place.stands = Stands::Talks;
                            words.push((which, Word::Granted(holder.left_ms)));
                        }
                        _ => {}
                    }
                }
                self.queue(&state.floor, words);
            }
            ServerMessage::Patch { changes, .. } => changes.iter().for_each(|change| self.change(change, words)),
            _ => {}
        }
    }

    fn change(&mut self, change: &Change, words: &mut Vec<(usize, Word)>) {
        match change {
            Change::Room { settings } => {
                self.holders = settings.floor_holders.map_or(self.holders, |holders| Some(holders.into()));
                let Some(mode) = settings.mode.filter(|mode| *mode != self.mode) else { return };
                self.mode = mode;
                for (which, place) in self.places.iter_mut().enumerate() {
                    if mode == Mode::Floor {
                        place.stands = Stands::Outside;
                        words.push((which, Word::Needed));
                    } else if place.stands != Stands::Talks {
                        words.push((which, Word::Granted(None)));
                    }
                }
            }
            Change::Track { id, strip } => {
                let Some(which) = self.which(id) else { return };
                let was = self.may_talk(&self.places[which]);
                self.places[which].bus = strip.bus.unwrap_or(self.places[which].bus);
                match (was, self.may_talk(&self.places[which])) {
                    (false, true) => words.push((which, Word::Granted(None))),
                    (true, false) => words.push((which, Word::Needed)),
                    _ => {}
                }
            }
            Change::Floor { events, floor } if self.mode == Mode::Floor => {
                events.iter().for_each(|event| self.event(event, floor, words));
                self.queue(floor, words);
            }
            _ => {}
        }
    }

    fn event(&mut self, event: &FloorEvent, floor: &FloorState, words: &mut Vec<(usize, Word)>) {
        let (id, stands, word) = match event {
            FloorEvent::Granted { id } => {
                let left_ms = floor.holders.iter().find(|holder| holder.id == *id).and_then(|holder| holder.left_ms);
                (id, Stands::Talks, Word::Granted(left_ms))
            }
            FloorEvent::Queued { id, position } => (id, Stands::Waits(*position), Word::Queued(*position)),
            FloorEvent::Denied { id, reason } => (id, Stands::Outside, Word::Denied(reason.clone())),
            FloorEvent::Warned { id, left_ms } => (id, Stands::Talks, Word::Warned(*left_ms)),
            FloorEvent::Revoking { id, reason } => (id, Stands::Talks, Word::Revoking(reason.clone())),
            FloorEvent::Revoked { id, reason } => (id, Stands::Outside, Word::Revoked(reason.clone())),
            FloorEvent::Released { id } => (id, Stands::Outside, Word::Revoked("it was given back".into())),
            FloorEvent::Unqueued { id } => (id, Stands::Outside, Word::Denied("it waits no longer".into())),
            FloorEvent::Idle => return,
        };
        let Some(which) = self.which(id) else { return };
        let place = &mut self.places[which];
        // What was answered already, or does not matter to a track that needs no floor, is no news.
        let is_news = place.stands != stands || matches!(word, Word::Warned(_) | Word::Revoking(_));
        place.stands = stands;
        if is_news && place.bus == Bus::Voice {
            words.push((which, word));
        }
    }

    /// A queue moves up without an event for each.
    fn queue(&mut self, floor: &FloorState, words: &mut Vec<(usize, Word)>) {
        for (which, place) in self.places.iter_mut().enumerate() {
            let Stands::Waits(was) = place.stands else { continue };
            let now = floor.queue.iter().position(|waiter| waiter.id == place.id).map(|at| at as u32 + 1);
            if let Some(now) = now.filter(|now| *now != was) {
                place.stands = Stands::Waits(now);
                words.push((which, Word::Queued(now)));
            }
        }
    }

    fn which(&self, id: &TrackId) -> Option<usize> {
        self.places.iter().position(|place| place.id == *id)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const ANNA: &str = "x8Hk2mQp0VbT5nRzYcJd3A";
    const BEN: &str = "q3Rm8uJf5wZtN0bXk7Dy1E";

    /// A room in which Anna talks, and Ben, who is ours, has yet to ask.
    fn ben() -> Standing {
        let state = include_str!("../../signaling/examples/room-state.json");
        let mut standing = Standing::new(vec![BEN.parse().unwrap()]);
        let message = format!(r#"{{"type":"snapshot","version":1,"state":{state}}}"#);
        standing.hear(&serde_json::from_str(&message).unwrap(), &mut Vec::new());
        standing
    }

    fn hear(standing: &mut Standing, changes: &str) -> Vec<Word> {
        let mut words = Vec::new();
        let message = format!(r#"{{"type":"patch","version":2,"changes":[{changes}]}}"#);
        standing.hear(&serde_json::from_str(&message).unwrap(), &mut words);
        words.into_iter().map(|(_, word)| word).collect()
    }

    fn floor(events: &str, holders: &str, queue: &[&str]) -> String {
        let queue: Vec<_> = queue.iter().map(|id| format!(r#"{{"id":"{id}","priority":0,"waited_ms":5}}"#)).collect();
        let (queue, access) = (queue.join(","), r#"{"bounds_ms":[10],"counts":[0,0]}"#);
        format!(
            r#"{{"change":"floor","events":[{events}],"floor":{{"holders":[{holders}],"queue":[{queue}],"access":{access}}}}}"#
        )
    }

    #[test]
    fn one_waits_moves_up_talks_is_warned_and_loses_it_and_hears_each_once() {
        let mut ben = ben();
        assert!(ben.mode == Mode::Floor && !ben.may_talk(&ben.places[0]));
        let mut words = Vec::new();
        ben.answer(0, FloorAnswer::Queued { position: 2 }, &mut words);
        assert_eq!(words, [(0, Word::Queued(2))]);
        let queued = format!(r#"{{"event":"queued","id":"{BEN}","position":2}}"#);
        assert_eq!(hear(&mut ben, &floor(&queued, "", &[ANNA, BEN])), [], "the answer has said it");
        assert_eq!(hear(&mut ben, &floor("", "", &[BEN])), [Word::Queued(1)]);

        let granted = format!(r#"{{"event":"granted","id":"{BEN}"}}"#);
        let holder = format!(r#"{{"id":"{BEN}","priority":0,"held_ms":0,"left_ms":30000,"revoked":false}}"#);
        assert_eq!(hear(&mut ben, &floor(&granted, &holder, &[])), [Word::Granted(Some(30_000))]);
        assert!(ben.may_talk(&ben.places[0]));
        let warned = format!(r#"{{"event":"warned","id":"{BEN}","left_ms":5000}}"#);
        assert_eq!(hear(&mut ben, &floor(&warned, &holder, &[])), [Word::Warned(5_000)]);
        let over = format!(r#"{{"event":"revoking","id":"{BEN}","reason":"too long"}}"#);
        assert_eq!(hear(&mut ben, &floor(&over, &holder, &[])), [Word::Revoking("too long".into())]);
        let lost = format!(r#"{{"event":"revoked","id":"{BEN}","reason":"too long"}}"#);
        assert_eq!(hear(&mut ben, &floor(&lost, "", &[])), [Word::Revoked("too long".into())]);
        assert!(!ben.may_talk(&ben.places[0]));
        let others = format!(r#"{{"event":"granted","id":"{ANNA}"}}"#);
        assert_eq!(hear(&mut ben, &floor(&others, "", &[])), [], "what others get is theirs");
    }

    #[test]
    fn an_open_room_and_another_bus_set_free_who_waits() {
        let strip = |bus| format!(r#"{{"change":"track","id":"{BEN}","bus":"{bus}"}}"#);
        let gone = floor(&format!(r#"{{"event":"unqueued","id":"{BEN}"}}"#), "", &[]);
        for free in [r#"{"change":"room","mode":"open"}"#.to_owned(), strip("program")] {
            let mut ben = ben();
            ben.answer(0, FloorAnswer::Queued { position: 1 }, &mut Vec::new());
            assert_eq!(hear(&mut ben, &format!("{free},{gone}")), [Word::Granted(None)], "{free}");
            assert!(ben.may_talk(&ben.places[0]));
        }
        let mut ben = ben();
        hear(&mut ben, &strip("announcement"));
        assert_eq!(hear(&mut ben, &strip("voice")), [Word::Needed]);
        hear(&mut ben, r#"{"change":"room","mode":"open"}"#);
        assert_eq!(hear(&mut ben, r#"{"change":"room","mode":"floor"}"#), [Word::Needed]);
    }

    #[test]
    fn words_are_read_behind_a_name() {
        assert_eq!(Word::Granted(Some(29_001)).sentence(), "has the floor, 30 s left");
        assert_eq!(Word::Queued(2).sentence(), "waits for the floor, number 2");
        assert_eq!(Word::Revoked("x".into()).sentence(), "has lost the floor: x");
    }
}
