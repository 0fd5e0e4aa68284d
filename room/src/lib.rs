//! A room: members, their strips, and the mix that each hears. It is pure: packets, commands and the
//! time go in, [`Effects`] come out. It reads no clock, does no I/O, starts no task and takes no lock,
//! so the same inputs give the same effects.
//!
//! Time is `now`: since any fixed start, the same one in every call, never going back.

#![deny(clippy::iter_over_hash_type)]

mod class;
mod command;
mod contributors;
mod effects;
mod event;
pub mod floor;
mod forward;
mod hearer;
mod member;
mod meters;
mod mix;
mod mixing;
mod personal;
mod shed;
mod stats;
mod talk;
mod ticks;
mod track;

use std::{cell::Cell, collections::BTreeMap, sync::Arc, time::Duration};

use audio::{EncoderSettings, PlayoutSettings, Stats};
use signaling::{AccessTimes, Change, PersonalMix, RoomName, RoomSettings, RoomState, TrackId};

pub use command::CommandError;
pub use effects::{Contributors, Effect, Effects, MasterMeters, Media};
pub use event::Event;
use floor::{Floor, Happened};
use forward::Came;
use member::Member;
pub use member::{Join, MemberId, Rtp, Talk};
use mixing::{Desk, REST};
pub use shed::Shed;
use ticks::Ticks;
use track::Track;

/// Who asks for the state finds levels in what he asks for next, if that is so soon: a lone talker whom nobody looks at
/// is not decoded.
const LOOK: Duration = Duration::from_secs(3);

/// Opus effort of a mix where nothing is configured: more is not heard in voices, and 7 costs half as much again
/// (`docs/decisions.md`, 45).
pub const COMPLEXITY: u8 = 1;

/// What holds for a room as long as it lives.
#[derive(Clone, Debug)]
pub struct Settings {
    /// Of every talker's jitter buffer.
    pub playout: PlayoutSettings,
    /// Of every mix's encoder.
    pub encoder: EncoderSettings,
    /// A stream that has sent nothing for so long is dropped.
    pub stream_timeout: Duration,
    /// So long a room with nobody in it stays.
    pub linger: Duration,
}

impl Default for Settings {
    /// What the server does when nothing is configured.
    fn default() -> Self {
        Self {
            playout: PlayoutSettings::default(),
            encoder: EncoderSettings { bitrate_bps: 128_000, complexity: COMPLEXITY, ..EncoderSettings::default() },
            stream_timeout: Duration::from_secs(30),
            linger: Duration::from_secs(30),
        }
    }
}

/// How soon a room wants what its members send ([`Room::wants`]).
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Wants {
    /// Nobody is here.
    #[default]
    Nothing,
    /// Before its next step: it mixes, and hands nothing on before.
    ForStep,
    /// As soon as it comes: it may be handed on, or there is no step to wait for.
    AtOnce,
}

/// Upper bounds of the buckets of [`Waits`], microseconds.
pub const WAIT_BUCKETS_US: [u64; 9] = [2_500, 5_000, 10_000, 15_000, 20_000, 40_000, 80_000, 160_000, 400_000];

/// How long sound waited in this server, in the jitter buffer and for the tick, a histogram.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Waits {
    /// Ticks of a talker whose sound waited at most each of [`WAIT_BUCKETS_US`], then the rest.
    pub buckets: [u64; WAIT_BUCKETS_US.len() + 1],
    /// All of them, microseconds.
    pub sum_us: u64,
}

impl Waits {
    fn add(&mut self, wait: Duration) {
        let us = wait.as_micros() as u64;
        let bucket = WAIT_BUCKETS_US.iter().position(|bound| us <= *bound).unwrap_or(WAIT_BUCKETS_US.len());
        self.buckets[bucket] += 1;
        self.sum_us += us;
    }
}

/// What a room has done since it began, for metrics.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Counters {
    /// Frames that a talker's decoder gave or concealed.
    pub decodes: u64,
    /// Frames encoded.
    pub encodes: u64,
    /// Frames that libopus refused; their hearers got nothing in that tick.
    pub failed_encodes: u64,
    /// Packets sent to hearers.
    pub sent: u64,
    /// Those of them that are a lone talker's own, as they came.
    pub forwarded: u64,
    /// Packets from members that are not here or do not talk.
    pub unwanted: u64,
    /// Steps of one frame taken.
    pub ticks: u64,
    /// Steps left out because the tick came more than 100 ms late.
    pub skipped_ticks: u64,
    /// From the arrival of a packet to the tick that plays it.
    pub waits: Waits,
    /// What the jitter buffers counted, also those of members that have left; `delay` is the longest now.
    pub receive: Stats,
}

/// One room. Its owner calls [`Room::tick`] when [`Room::wake_at`] says so.
pub struct Room {
    name: RoomName,
    settings: Settings,
    desk_settings: RoomSettings,
    /// Of use only in the mode `floor`.
    floor: Floor,
    /// What the floor has just said, not yet carried out.
    happened: Vec<Happened>,
    /// How long people waited for it, as their pages measured.
    access: AccessTimes,
    /// When the last call light went on.
    last_alert: Option<Duration>,
    /// In the order of joining.
    members: Vec<Member>,
    places: BTreeMap<MemberId, usize>,
    leaving: Vec<Box<Track>>,
    desk: Desk,
    ticks: Ticks,
    /// The next tick has something to do.
    is_active: bool,
    /// The next step works on packets of one who is not forwarded.
    is_awaited: bool,
    /// When memory that nothing uses is to be given back.
    rest_at: Option<Duration>,
    /// No stream is too old before this.
    next_timeout: Option<Duration>,
    is_watched: bool,
    /// When the state was last asked for: then levels are to be had for a while.
    looked: Cell<Option<Duration>>,
    version: u64,
    changes: Vec<Change>,
    published_listeners: u32,
    empty_since: Option<Duration>,
    counters: Counters,
}

impl Room {
    /// An empty room; its media time begins now.
    pub fn new(name: RoomName, settings: Settings, now: Duration) -> Self {
        let desk_settings = RoomSettings::default();
        Self {
            name,
            desk: Desk::new(&desk_settings, settings.encoder),
            floor: Floor::new(talk::floor_settings(&desk_settings)),
            desk_settings,
            happened: Vec::new(),
            access: AccessTimes::default(),
            last_alert: None,
            members: Vec::new(),
            places: BTreeMap::new(),
            leaving: Vec::new(),
            settings,
            ticks: Ticks::new(now),
            is_active: false,
            is_awaited: false,
            rest_at: None,
            next_timeout: None,
            is_watched: false,
            looked: Cell::new(None),
            version: 0,
            changes: Vec::new(),
            published_listeners: 0,
            empty_since: Some(now),
            counters: Counters::default(),
        }
    }

    /// Takes a member in. If its client is here already, that connection is hung up, and the strip
    /// goes on as it was where `join` does not say otherwise.
    pub fn join(&mut self, join: Join, now: Duration, effects: &mut Effects) {
        if self.places.contains_key(&join.member) {
            self.remove(join.member, "joined again", now, effects);
        }
        let before = self.members.iter().find(|m| m.client.is_some() && m.client == join.client);
        let inherited = before.and_then(|m| m.track.as_ref()).map(|t| t.settings()).unwrap_or_default();
        let before_track = before.and_then(|m| m.track.as_ref()).map(|t| t.id.clone());
        if let (Some(before), Some(track)) = (before, &before_track) {
            self.desk.forget_track(before.id, track, join.talks.as_ref().map(|_| &join.id));
        }
        let wish = before.and_then(|m| m.hearer.as_ref()).map(|h| self.desk.personal(h)).unwrap_or_default();
        if let Some(before) = before.map(|m| m.id) {
            self.hang_up(before, "the same client joined again", now, effects);
            // Nobody may hear itself, not even the last 20 ms of the connection before.
            self.leaving.pop_if(|track| Some(&track.id) == before_track.as_ref());
        }
        let mut member = Member::new(join, inherited, now);
        if let Some(hearer) = &mut member.hearer {
            self.desk.set_personal(hearer, wish);
        }
        let (id, talks) = (member.id, member.track.is_some());
        match &member.track {
            Some(track) => {
                self.note(&member.address, Event::Joined { name: track.name.clone() }, effects);
                self.changes.push(Change::Joined { track: track.state() });
                if member.hearer.is_none() {
                    self.expect_timeout(now);
                }
            }
            None => self.note(&member.address, Event::ListenerJoined, effects),
        }
        self.places.insert(member.id, self.members.len());
        self.members.push(member);
        self.empty_since = None;
        if talks {
            self.floor_admit(id, now, effects);
        }
        self.publish(effects);
    }

    /// Lets a member go; nothing if it is not here (any more). `reason` is for the event log.
    pub fn leave(&mut self, member: MemberId, reason: &str, now: Duration, effects: &mut Effects) {
        self.remove(member, reason, now, effects);
        self.publish(effects);
    }

    /// Hangs everybody up, because the room or the server closes.
    pub fn close(&mut self, reason: &str, now: Duration, effects: &mut Effects) {
        while let Some(member) = self.members.last() {
            self.hang_up(member.id, reason, now, effects);
        }
        self.publish(effects);
    }

    /// Takes in what a member sent. From a listener or from who is not here it is dropped and counted.
    pub fn packet(&mut self, member: MemberId, rtp: Rtp<'_>, now: Duration, effects: &mut Effects) {
        let place = self.places.get(&member).copied();
        let (id, member) = (member, place.and_then(|p| self.members.get_mut(p)));
        let Some((track, address)) = member.and_then(|m| Some((m.track.as_deref_mut()?, &m.address))) else {
            self.counters.unwanted += 1;
            return;
        };
        let began = !track.has_stream();
        let mut received = track.receive(rtp, now, self.settings.playout);
        if let Some(event) = received.event.take() {
            effects.control.push(Effect::Event { address: address.clone(), event });
        }
        let is_busy = track.is_busy();
        self.is_awaited |= is_busy && self.desk.only_forwards() != Some(id);
        self.floor.media(id, now);
        if began {
            self.expect_timeout(now);
        }
        if is_busy && !self.is_active {
            self.is_active = true;
            self.rest_at = Some(now + REST);
            self.ticks.resume(now);
        }
        if let Some(place) = place {
            let (media_time, number) = (self.ticks.media_time(now), self.ticks.next());
            let came = Came { place, rtp, received, now, media_time, number };
            self.desk.came(&came, &mut self.members, &mut self.counters, effects);
        }
    }

    /// A member's media comes from this address now: events carry it from here on.
    pub fn set_address(&mut self, member: MemberId, address: Arc<str>) {
        if let Some(member) = self.places.get(&member).and_then(|place| self.members.get_mut(*place)) {
            member.address = address;
        }
    }

    /// A hearer reports which share of our packets it has lost since its report before, 0 to 1 (RFC 3550 §6.4.1): the
    /// mix is encoded for it accordingly, from the next step on.
    pub fn reception_report(&mut self, member: MemberId, loss: f32, now: Duration) {
        let member = self.places.get(&member).and_then(|place| self.members.get_mut(*place));
        if let Some(hearer) = member.and_then(|member| member.hearer.as_mut()) {
            hearer.reports.take(loss, now);
        }
    }

    /// Does what is due: drops streams that went quiet, and takes one step if it is time for it.
    /// A caller that is late calls again until `wake_at` is in the future.
    pub fn tick(&mut self, now: Duration, effects: &mut Effects) {
        if self.next_timeout.is_some_and(|at| at <= now) {
            self.drop_quiet_streams(now, effects);
        }
        self.floor_tick(now, effects);
        if self.rest_at.is_some_and(|at| at <= now) {
            self.rest(now);
        }
        if self.is_active
            && let Some(step) = self.ticks.begin(now)
        {
            self.counters.ticks += 1;
            self.counters.skipped_ticks += step.skipped;
            let tick = mixing::Tick {
                step,
                length: self.ticks.length(),
                now,
                members: &mut self.members,
                leaving: &mut self.leaving,
                watched: self.is_watched && !self.desk.sheds(Shed::Levels),
                is_looked_at: !self.desk.sheds(Shed::Levels)
                    && self.looked.get().is_some_and(|at| now.saturating_sub(at) < LOOK),
                counters: &mut self.counters,
            };
            self.is_active = self.desk.tick(tick, &mut self.changes, effects);
            if let Some(slack) = self.desk.slack() {
                self.ticks.follow(slack);
            }
            self.is_awaited = false;
            if !self.is_active {
                self.rest_at = Some(now + REST);
            }
        }
        self.publish(effects);
    }

    /// When [`Room::tick`] wants to be called; none until a packet or a command comes.
    pub fn wake_at(&self) -> Option<Duration> {
        let step = self.is_active.then(|| self.ticks.due());
        step.into_iter().chain(self.wake_without_step()).min()
    }

    /// Until when [`Room::tick`] may wait instead, if it is called before the next packet is taken in. While all that is
    /// heard is forwarded nobody waits for a step, and who is woken by the packet need not be woken for the step.
    pub fn wake_by(&self) -> Option<Duration> {
        let may_wait = !self.is_awaited && self.desk.only_forwards().is_some();
        let wait = if may_wait { self.ticks.length().time() } else { Duration::ZERO };
        let step = self.is_active.then(|| self.ticks.due() + wait);
        step.into_iter().chain(self.wake_without_step()).min()
    }

    fn wake_without_step(&self) -> Option<Duration> {
        self.rest_at.into_iter().chain(self.next_timeout).chain(self.floor_due()).min()
    }

    /// Whether the next tick has anything to do: somebody is heard, or has just been.
    pub fn is_mixing(&self) -> bool {
        self.is_active
    }

    /// How soon packets are wanted.
    pub fn wants(&self) -> Wants {
        match (self.members.is_empty(), self.is_active && !self.desk.forwards()) {
            (true, _) => Wants::Nothing,
            (false, true) => Wants::ForStep,
            (false, false) => Wants::AtOnce,
        }
    }

    /// When a room that is empty goes; none while somebody is here.
    pub fn expires_at(&self) -> Option<Duration> {
        self.empty_since.map(|since| since + self.settings.linger)
    }

    /// Whether somebody looks: then levels come every 40 ms while anything is heard.
    pub fn set_watched(&mut self, watched: bool) {
        self.is_watched = watched;
    }

    /// What is left out from the next step on, until this is called again.
    pub fn shed(&mut self, shed: Shed) {
        self.desk.shed(shed);
    }

    /// The state as it is after the patch with [`Room::version`]; the floor's times are as of now.
    /// Of a lone talker who has not been looked at the level is not known: it is when the state is asked for again.
    pub fn state(&self, now: Duration) -> RoomState {
        self.looked.set(Some(now));
        RoomState {
            room: self.name.clone(),
            settings: self.desk_settings.clone(),
            listeners: self.listeners(),
            floor: self.floor_state(now),
            tracks: self.members.iter().filter_map(|m| m.track.as_ref()).map(|t| t.state()).collect(),
        }
    }

    /// What one peer hears otherwise than the desk says; none if it is not here or does not hear.
    pub fn personal_mix(&self, peer: &TrackId) -> Option<PersonalMix> {
        let member = self.members.iter().find(|m| m.peer == *peer)?;
        Some(self.desk.personal(member.hearer.as_ref()?))
    }

    /// How many patches there have been.
    pub fn version(&self) -> u64 {
        self.version
    }

    /// The room's name.
    pub fn name(&self) -> &RoomName {
        &self.name
    }

    /// Whether nobody is here.
    pub fn is_empty(&self) -> bool {
        self.members.is_empty()
    }

    /// How many members are here.
    pub fn members(&self) -> usize {
        self.members.len()
    }

    /// How many members hear a mix.
    pub fn listeners(&self) -> u32 {
        self.members.iter().filter(|m| m.hearer.is_some()).count() as u32
    }

    /// How many mixes have an encoder now.
    pub fn mixes(&self) -> usize {
        self.desk.mixes(&self.members)
    }

    /// Frames decoded and encoded so far: whether a step had codec work, without asking every member.
    pub fn codec_frames(&self) -> u64 {
        self.counters.decodes + self.counters.encodes
    }

    /// What the room has done so far.
    pub fn counters(&self) -> Counters {
        let mut counters = self.counters;
        self.members.iter().filter_map(|m| m.track.as_ref()).for_each(|t| t.count(&mut counters));
        counters
    }

    /// Gives back memory that nothing uses; once more later, if somebody is heard.
    fn rest(&mut self, now: Duration) {
        self.rest_at = self.is_active.then(|| now + REST);
        if self.is_active {
            self.desk.rest(&mut self.members, now);
        } else {
            self.desk.fall_asleep(&mut self.members);
        }
    }

    fn tracks_mut(&mut self) -> impl Iterator<Item = &mut Track> {
        self.members.iter_mut().filter_map(|m| m.track.as_deref_mut())
    }

    fn hang_up(&mut self, member: MemberId, reason: &str, now: Duration, effects: &mut Effects) {
        effects.control.push(Effect::HangUp { member, reason: reason.into() });
        self.remove(member, reason, now, effects);
    }

    fn remove(&mut self, member: MemberId, reason: &str, now: Duration, effects: &mut Effects) {
        if !self.places.contains_key(&member) {
            return;
        }
        self.floor_leave(member, now, effects);
        let Some(place) = self.places.remove(&member) else { return };
        let member = self.members.remove(place);
        if let Some(hearer) = &member.hearer {
            self.desk.leave_group(hearer);
        }
        self.places.values_mut().filter(|p| **p > place).for_each(|p| *p -= 1);
        let reason: Arc<str> = reason.into();
        match member.track {
            Some(mut track) => {
                self.note(&member.address, Event::Left { name: track.name.clone(), reason }, effects);
                self.changes.push(Change::Left { id: track.id.clone() });
                self.desk.forget_track(member.id, &track.id, None);
                track.count(&mut self.counters);
                self.desk.talker_leaves(member.id, &mut track, now, &mut self.members, &mut self.counters);
                if track.fade_out() {
                    self.leaving.push(track);
                }
            }
            None => self.note(&member.address, Event::ListenerLeft { reason }, effects),
        }
        if self.members.is_empty() {
            self.empty_since = Some(now);
            self.leaving.clear();
            self.desk.release();
            self.is_active = false;
            self.rest_at = None;
        }
        self.find_next_timeout();
    }

    /// Drops each stream that has sent nothing for too long. Who only talks is hung up then; who also
    /// hears stays, and its next packet is a new stream.
    fn drop_quiet_streams(&mut self, now: Duration, effects: &mut Effects) {
        let timeout = self.settings.stream_timeout;
        let mut gone = Vec::new();
        for member in self.members.iter_mut().filter(|m| m.times_out(timeout).is_some_and(|at| at <= now)) {
            let Some(track) = &mut member.track else { continue };
            if track.has_stream() {
                let quiet_for = now.saturating_sub(track.last_packet());
                let event = Event::DroppedStream { name: track.name.clone(), quiet_for };
                effects.control.push(Effect::Event { address: member.address.clone(), event });
                track.drop_stream(&mut self.counters);
            }
            if member.hearer.is_none() {
                gone.push(member.id);
            }
        }
        for member in gone {
            self.hang_up(member, &format!("nothing sent for {} s", timeout.as_secs()), now, effects);
        }
        self.find_next_timeout();
    }

    fn find_next_timeout(&mut self) {
        self.next_timeout = self.members.iter().filter_map(|m| m.times_out(self.settings.stream_timeout)).min();
    }

    fn expect_timeout(&mut self, now: Duration) {
        let due = now + self.settings.stream_timeout;
        self.next_timeout = Some(self.next_timeout.map_or(due, |at| at.min(due)));
    }

    fn note(&self, address: &Arc<str>, event: Event, effects: &mut Effects) {
        effects.control.push(Effect::Event { address: address.clone(), event });
    }

    /// Makes one patch of all that changed since the last one.
    fn publish(&mut self, effects: &mut Effects) {
        let listeners = self.listeners();
        if listeners != self.published_listeners {
            self.published_listeners = listeners;
            self.changes.push(Change::Listeners { listeners });
        }
        if !self.changes.is_empty() {
            self.version += 1;
            let changes = std::mem::take(&mut self.changes);
            effects.control.push(Effect::Patch { version: self.version, changes });
        }
    }
}

fn add_stats(total: &mut Stats, more: &Stats) {
    total.received += more.received;
    total.repeated += more.repeated;
    total.out_of_order += more.out_of_order;
    total.missing += more.missing;
    total.late += more.late;
    total.malformed += more.malformed;
    total.discarded += more.discarded;
    total.recovered_by_fec += more.recovered_by_fec;
    total.recovered_by_dred += more.recovered_by_dred;
    total.recovered_by_red += more.recovered_by_red;
    total.concealed += more.concealed;
    total.skipped += more.skipped;
    total.stretched += more.stretched;
    total.delay = total.delay.max(more.delay);
    total.wait = total.wait.max(more.wait);
    total.target = total.target.max(more.target);
}
