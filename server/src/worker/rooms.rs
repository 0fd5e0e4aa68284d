//! The rooms of one worker, and who follows them.

use std::sync::Arc;
use std::sync::atomic::{AtomicU32, Ordering::Relaxed};
use std::time::Duration;

use signaling::{RoomName, ServerMessage, TrackId};
use tokio::sync::broadcast;

use super::command::{Subscription, Update, Watching};
use super::counters::Counters;
use crate::event_log::EventLog;
use room::{Effect, MemberId, Room, Shed, Wants};

/// One room and its followers.
pub struct Entry {
    /// The room itself.
    pub room: Room,
    /// When it is next looked at; every other time in the timer heap is void.
    pub timer: Duration,
    wants: Wants,
    /// An open desk keeps an empty room until then.
    kept_until: Duration,
    updates: broadcast::Sender<Update>,
    watchers: Arc<AtomicU32>,
    counted: room::Counters,
    /// Ticks since the counters were last read.
    uncounted: u32,
    /// The longest tick since those who follow were last told.
    longest_tick: Duration,
}

/// All rooms of a worker, in slots.
#[derive(Default)]
pub struct Rooms {
    slots: Vec<Option<Entry>>,
    shed: Shed,
    /// How many want packets for their next step, and how many at once.
    wants: [usize; 2],
}

/// Updates that a follower may be behind; then it starts again with a snapshot. Meters at 25 Hz fill
/// it in 10 s.
const UPDATES: usize = 256;
/// Ticks: 1 s.
const COUNT_EVERY: u32 = 50;

impl Rooms {
    /// The slot of a room.
    pub fn find(&self, name: &RoomName) -> Option<usize> {
        self.slots.iter().position(|slot| slot.as_ref().is_some_and(|entry| entry.room.name() == name))
    }

    /// A room by its slot.
    pub fn get_mut(&mut self, slot: usize) -> Option<&mut Entry> {
        self.slots.get_mut(slot)?.as_mut()
    }

    /// Makes a room.
    pub fn insert(&mut self, mut room: Room) -> usize {
        room.shed(self.shed);
        let entry = Entry {
            room,
            timer: Duration::MAX,
            wants: Wants::Nothing,
            kept_until: Duration::ZERO,
            updates: broadcast::channel(UPDATES).0,
            watchers: Arc::default(),
            counted: room::Counters::default(),
            uncounted: 0,
            longest_tick: Duration::ZERO,
        };
        let slot = self.slots.iter().position(Option::is_none).unwrap_or_else(|| {
            self.slots.push(None);
            self.slots.len() - 1
        });
        self.slots[slot] = Some(entry);
        slot
    }

    /// Forgets a room.
    pub fn remove(&mut self, slot: usize) {
        self.want(slot, Wants::Nothing);
        self.slots[slot] = None;
    }

    /// How soon a room wants packets may have changed.
    pub fn note_wants(&mut self, slot: usize) {
        if let Some(wants) = self.get_mut(slot).map(|entry| entry.room.wants()) {
            self.want(slot, wants);
        }
    }

    fn want(&mut self, slot: usize, wants: Wants) {
        let Some(entry) = self.slots.get_mut(slot).and_then(Option::as_mut) else { return };
        let before = std::mem::replace(&mut entry.wants, wants);
        for (count, each) in self.wants.iter_mut().zip([Wants::ForStep, Wants::AtOnce]) {
            *count = *count + usize::from(wants == each) - usize::from(before == each);
        }
    }

    /// Whether what comes cannot wait until some room takes its next step, 20 ms at most.
    pub fn want_packets_at_once(&self) -> bool {
        !matches!(self.wants, [for_step, 0] if for_step > 0)
    }

    /// What all leave out from now on, also those to come.
    pub fn shed(&mut self, shed: Shed) {
        self.shed = shed;
        self.slots.iter_mut().flatten().for_each(|entry| entry.room.shed(shed));
    }

    /// Every room.
    pub fn iter(&self) -> impl Iterator<Item = (usize, &Entry)> {
        self.slots.iter().enumerate().filter_map(|(slot, entry)| Some((slot, entry.as_ref()?)))
    }
}

impl Entry {
    /// Hands what is not media to those who follow the room and to the event log; who is to be hung up goes to `hung_up`.
    pub fn publish(&mut self, control: &mut Vec<Effect>, log: &EventLog, now: Duration, hung_up: &mut Vec<MemberId>) {
        for effect in control.drain(..) {
            let message = match effect {
                Effect::Patch { version, changes } => ServerMessage::Patch { version, changes },
                Effect::Meters { levels, peaks, master } => ServerMessage::Meters {
                    levels,
                    peaks,
                    master_dbfs: master.level_dbfs,
                    master_peak_dbfs: master.peak_dbfs,
                    reduction_db: master.reduction_db,
                    momentary_lufs: master.momentary_lufs,
                    short_term_lufs: master.short_term_lufs,
                    integrated_lufs: master.integrated_lufs,
                },
                Effect::Stats { tracks, mixes, forwarded } => {
                    let tick_ms = std::mem::take(&mut self.longest_tick).as_secs_f32() * 1000.0;
                    ServerMessage::Stats { tracks, mixes, tick_ms: (tick_ms * 100.0).round() / 100.0, forwarded }
                }
                Effect::Alert { from, name, to } => ServerMessage::Alert { from, name, to },
                Effect::Signal { from, to, data } => {
                    let only = Some(to.clone());
                    self.tell_one(&ServerMessage::Signal { from, to, data }, only);
                    continue;
                }
                Effect::Event { address, event } => {
                    log.record(now, &address, &event);
                    if !self.is_watched() {
                        continue;
                    }
                    let (address, event) = (address.to_string(), event.to_string());
                    ServerMessage::Event { at: now.as_millis() as u64, address, event }
                }
                Effect::HangUp { member, .. } => {
                    hung_up.push(member);
                    continue;
                }
            };
            self.tell(&message);
        }
    }

    /// Sends one message to all who follow. With nobody there it is not even written out.
    pub fn tell(&self, message: &ServerMessage) {
        self.tell_one(message, None);
    }

    fn tell_one(&self, message: &ServerMessage, to: Option<TrackId>) {
        if self.is_watched() {
            // Fails only when the last follower has gone meanwhile.
            let _ = self.updates.send(Update { text: json(message), to });
        }
    }

    /// A tick took so long.
    pub fn took(&mut self, time: Duration) {
        self.longest_tick = self.longest_tick.max(time);
    }

    /// A new follower: the state now, and everything after it.
    pub fn subscribe(&mut self, now: Duration) -> Subscription {
        let updates = self.updates.subscribe();
        let watching = Watching::new(&self.watchers);
        self.update_watched();
        let snapshot = ServerMessage::Snapshot { version: self.room.version(), state: self.room.state(now) };
        Subscription { snapshot: json(&snapshot), updates, watching }
    }

    /// Meters are made only while somebody follows.
    pub fn update_watched(&mut self) {
        self.room.set_watched(self.is_watched());
    }

    /// When the room goes if nobody comes.
    pub fn gone_at(&self) -> Option<Duration> {
        self.room.expires_at().map(|at| at.max(self.kept_until))
    }

    /// Whether nobody minds that the room goes now; an open desk keeps it for another while.
    pub fn may_go(&mut self, now: Duration, linger: Duration) -> bool {
        self.kept_until = now + linger;
        !self.is_watched()
    }

    /// After a tick: adds what the room has counted, once a second and before it goes to sleep, because reading the
    /// counters asks every member.
    pub fn count_now_and_then(&mut self, counters: &Counters) {
        self.uncounted += 1;
        if self.uncounted < COUNT_EVERY && self.room.is_mixing() {
            return;
        }
        self.uncounted = 0;
        let frames = |concealed: Duration| (concealed.as_micros() / audio::FRAME_TIME.as_micros()) as u64;
        let (now, before) = (self.room.counters(), self.counted);
        Counters::add(&counters.decodes, now.decodes - before.decodes);
        Counters::add(&counters.encodes, now.encodes - before.encodes);
        Counters::add(&counters.forwarded, now.forwarded - before.forwarded);
        let waits = now.waits.buckets.iter().zip(before.waits.buckets);
        for (bucket, (now, before)) in counters.wait_buckets.iter().zip(waits) {
            Counters::add(bucket, now - before);
        }
        Counters::add(&counters.wait_sum_us, now.waits.sum_us - before.waits.sum_us);
        // What was concealed may turn out to have been a pause, and is taken back.
        let concealed = frames(now.receive.concealed).saturating_sub(frames(before.receive.concealed));
        Counters::add(&counters.concealed_frames, concealed);
        self.counted = now;
    }

    fn is_watched(&self) -> bool {
        self.watchers.load(Relaxed) > 0
    }
}

fn json(message: &ServerMessage) -> Arc<str> {
    serde_json::to_string(message).expect("messages have string keys and no NaN").into()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn packets_may_wait_while_some_room_steps_and_none_wants_them_at_once() {
        let mut rooms = Rooms::default();
        let [a, b] = ["a", "b"].map(|name| {
            let name = name.parse().expect("it is a name");
            rooms.insert(Room::new(name, room::Settings::default(), Duration::ZERO))
        });
        assert!(rooms.want_packets_at_once(), "there is no step that they could wait for");
        rooms.want(a, Wants::ForStep);
        assert!(!rooms.want_packets_at_once());
        rooms.want(b, Wants::AtOnce);
        rooms.want(b, Wants::AtOnce);
        assert!(rooms.want_packets_at_once());
        rooms.remove(b);
        assert!(!rooms.want_packets_at_once(), "it has gone");
        rooms.note_wants(a);
        assert!(rooms.want_packets_at_once(), "it is empty");
    }
}
