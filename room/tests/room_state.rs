//! The state of a room, what changes it, and what its subscribers see of that.

#![allow(clippy::unwrap_used, reason = "a test fails by it")]

#[path = "room_support/operations.rs"]
mod operations;
mod room_support;

use std::collections::BTreeMap;

use operations::{Operation, operations, payloads};
use proptest::prelude::*;
use room::{CommandError, Effect, Effects, Join, MemberId, Room, Rtp};
use room_support::*;
use signaling::{Bus, Change, Command, Mode, PersonalMix, PersonalPatch, RoomPatch, RoomState, TrackId, TrackPatch};
use uuid::Uuid;

/// What a subscriber does with a patch.
fn apply(state: &mut RoomState, change: &Change) {
    match change {
        Change::Room { settings } => {
            assert_ne!(state.settings.patch(settings), RoomPatch::default(), "a change that changes nothing");
        }
        Change::Listeners { listeners } => state.listeners = *listeners,
        Change::Joined { track } => state.tracks.push(track.clone()),
        Change::Track { id, strip } => {
            let track = state.tracks.iter_mut().find(|t| t.id == *id).expect("a strip of a track that is here");
            track.gain_db = strip.gain_db.unwrap_or(track.gain_db);
            track.pan = strip.pan.unwrap_or(track.pan);
            track.muted = strip.muted.unwrap_or(track.muted);
            track.name = strip.name.clone().unwrap_or(track.name.clone());
            track.bus = strip.bus.unwrap_or(track.bus);
            track.auto_gain = strip.auto_gain.unwrap_or(track.auto_gain);
            track.denoise = strip.denoise.unwrap_or(track.denoise);
            if let Some(group) = &strip.group {
                track.group = Some(group.clone()).filter(|group| !group.is_empty());
            }
        }
        Change::Talking { id, talking } => {
            let track = state.tracks.iter_mut().find(|t| t.id == *id).expect("a voice of a track that is here");
            assert_ne!(track.talking, *talking, "a change that changes nothing");
            track.talking = *talking;
        }
        Change::Left { id } => {
            let before = state.tracks.len();
            state.tracks.retain(|t| t.id != *id);
            assert_eq!(state.tracks.len() + 1, before, "who leaves was here");
        }
        Change::Floor { floor, .. } => state.floor = floor.clone(),
    }
}

/// A patch is older than the state, and levels and what is left of a time are those of the moment.
fn without_levels(mut state: RoomState) -> RoomState {
    state.tracks.iter_mut().for_each(|t| t.level_dbfs = signaling::LEVEL_FLOOR_DBFS);
    for holder in &mut state.floor.holders {
        (holder.held_ms, holder.left_ms) = (0, holder.left_ms.map(|_| 0));
    }
    state.floor.queue.iter_mut().for_each(|waiter| waiter.waited_ms = 0);
    state
}

/// Whom a model of the room, simpler than the room, expects in it.
#[derive(Default)]
struct Model {
    members: BTreeMap<MemberId, Expected>,
    order: Vec<MemberId>,
    master_gain_db: f32,
    mode: Mode,
    holders: usize,
}

struct Expected {
    id: TrackId,
    client: Option<Uuid>,
    talks: Option<(String, f32, f32, bool)>,
    hears: bool,
    /// Wishes about tracks that are not here any more are forgotten, or follow their client.
    mix: PersonalMix,
}

impl Model {
    fn join(&mut self, join: &Join) {
        let before =
            self.order.iter().copied().find(|m| join.client.is_some() && self.members[m].client == join.client);
        let mix = before.filter(|m| self.members[m].hears && join.hears).map(|m| self.members[&m].mix.clone());
        if let Some(before) = before.filter(|m| self.members[m].talks.is_some()) {
            let old = self.members[&before].id.clone();
            for expected in self.members.values_mut() {
                if let Some(wish) = expected.mix.tracks.remove(&old).filter(|_| join.talks.is_some()) {
                    expected.mix.tracks.insert(join.id.clone(), wish);
                }
            }
        }
        let mix = mix.map(|mut mix| {
            if let Some(old) = before.map(|m| self.members[&m].id.clone())
                && let Some(wish) = mix.tracks.remove(&old).filter(|_| join.talks.is_some())
            {
                mix.tracks.insert(join.id.clone(), wish);
            }
            mix
        });
        let inherited =
            before.and_then(|m| self.members[&m].talks.clone()).unwrap_or(("guest".into(), 0.0, 0.0, false));
        before.into_iter().for_each(|m| self.leave(m));
        let talks = join.talks.as_ref().map(|talk| {
            let (name, gain_db, pan, muted) = inherited;
            let strip = &talk.strip;
            let named = TrackPatch { name: talk.name.clone().or(strip.name.clone()), ..strip.clone() };
            if named.check().is_err() {
                return (name, gain_db, pan, muted);
            }
            (
                named.name.unwrap_or(name),
                strip.gain_db.unwrap_or(gain_db),
                strip.pan.unwrap_or(pan),
                strip.muted.unwrap_or(muted),
            )
        });
        let expected = Expected {
            id: join.id.clone(),
            client: join.client,
            talks,
            hears: join.hears,
            mix: mix.unwrap_or_default(),
        };
        self.members.insert(join.member, expected);
        self.order.push(join.member);
    }

    fn leave(&mut self, member: MemberId) {
        if let Some(gone) = self.members.remove(&member) {
            self.members.values_mut().for_each(|expected| _ = expected.mix.tracks.remove(&gone.id));
        }
        self.order.retain(|m| *m != member);
    }

    fn check_floor(&self, state: &RoomState) {
        let (holders, queue) = (&state.floor.holders, &state.floor.queue);
        let limit = if self.mode == Mode::Floor { self.holders.max(1) } else { 0 };
        assert!(holders.len() <= limit, "{holders:?}");
        assert!(queue.is_empty() || holders.len() == limit, "somebody waits for a free floor");
        for id in holders.iter().map(|h| &h.id).chain(queue.iter().map(|w| &w.id)) {
            let track = state.tracks.iter().find(|t| t.id == *id).expect("who has left neither talks nor waits");
            assert_eq!(track.bus, Bus::Voice);
        }
    }

    fn tracks(&self) -> Vec<MemberId> {
        self.order.iter().copied().filter(|m| self.members[m].talks.is_some()).collect()
    }

    fn check(&self, state: &RoomState) {
        assert_eq!((state.settings.master_gain_db, state.settings.mode), (self.master_gain_db, self.mode));
        self.check_floor(state);
        assert_eq!(state.listeners as usize, self.members.values().filter(|m| m.hears).count());
        let strips: Vec<_> =
            state.tracks.iter().map(|t| (t.id.clone(), (t.name.clone(), t.gain_db, t.pan, t.muted))).collect();
        let expected: Vec<_> =
            self.tracks().iter().map(|m| &self.members[m]).map(|m| (m.id.clone(), m.talks.clone().unwrap())).collect();
        assert_eq!(strips, expected);
    }
}

struct Subject {
    room: Room,
    model: Model,
    seen: RoomState,
    version: u64,
    now: std::time::Duration,
    next_member: u64,
    sequences: BTreeMap<MemberId, u16>,
    sent: BTreeMap<MemberId, (u16, u32, u32)>,
    effects: Effects,
}

impl Subject {
    fn new() -> Self {
        let room = Room::new("model".parse().unwrap(), settings(), ms(77));
        let seen = room.state(ms(77));
        Self {
            room,
            model: Model::default(),
            seen,
            version: 0,
            now: ms(77),
            next_member: 1,
            sequences: BTreeMap::new(),
            sent: BTreeMap::new(),
            effects: Effects::new(),
        }
    }

    fn take(&mut self, operation: &Operation, payloads: &[Vec<u8>]) {
        let Self { room, model, now, effects, .. } = self;
        match operation.clone() {
            Operation::Join { part, client, name, strip } => {
                let mut join = join(self.next_member, part, strip);
                join.client = client.map(|c| Uuid::from_u128(u128::from(c)));
                if let Some(talk) = &mut join.talks {
                    talk.name = name;
                }
                self.next_member += 1;
                model.join(&join);
                room.join(join, *now, effects);
            }
            Operation::Leave(n) => {
                // Also members that never were, and that have left already.
                let member = MemberId(n as u64);
                model.leave(member);
                room.leave(member, "hung up", *now, effects);
            }
            Operation::Packet { member, ssrc, skip, payload } => {
                let member = model.order.get(member).copied().unwrap_or(MemberId(9_999));
                let sequence = self.sequences.entry(member).or_default();
                *sequence = sequence.wrapping_add(skip);
                let timestamp = u32::from(*sequence) * 960;
                room.packet(
                    member,
                    Rtp { ssrc, sequence: *sequence, timestamp, payload: &payloads[payload], is_copy: false },
                    *now,
                    effects,
                );
            }
            Operation::SetTrack { track, strip } => {
                let member = model.tracks().get(track).copied();
                let id = member.map_or(track_id(9_999), |m| model.members[&m].id.clone());
                let done = room.command(&Command::SetTrack { id, strip: strip.clone() }, "desk", *now, effects);
                match (member, strip.check()) {
                    (None, _) => assert_eq!(done, Err(CommandError::UnknownTrack)),
                    (_, Err(why)) => assert_eq!(done, Err(CommandError::OutOfRange(why))),
                    (Some(member), Ok(())) => {
                        assert_eq!(done, Ok(None));
                        let talks = model.members.get_mut(&member).unwrap().talks.as_mut().unwrap();
                        talks.0 = strip.name.unwrap_or(talks.0.clone());
                        talks.1 = strip.gain_db.unwrap_or(talks.1);
                        talks.2 = strip.pan.unwrap_or(talks.2);
                        talks.3 = strip.muted.unwrap_or(talks.3);
                    }
                }
            }
            Operation::SetRoom(settings) => {
                let done = room.command(&Command::SetRoom { settings: settings.clone() }, "desk", *now, effects);
                match settings.check() {
                    Err(why) => assert_eq!(done, Err(CommandError::OutOfRange(why))),
                    Ok(()) => {
                        model.master_gain_db = settings.master_gain_db.unwrap_or(model.master_gain_db);
                        model.mode = settings.mode.unwrap_or(model.mode);
                        model.holders = settings.floor_holders.map_or(model.holders, usize::from);
                    }
                }
            }
            Operation::Floor { track, action, priority } => {
                let member = model.tracks().get(track).copied();
                let id = member.map_or(track_id(9_999), |m| model.members[&m].id.clone());
                let command = Command::Floor { id, action, priority: Some(priority) };
                let done = room.command(&command, "desk", *now, effects);
                assert_eq!(done.is_ok_and(|answer| answer.is_some()), member.is_some(), "who asks is answered");
            }
            Operation::SetMix { member, track, wish, volume_db } => {
                let track = model.tracks().get(track).map_or(track_id(9_999), |m| model.members[m].id.clone());
                let expected = model.order.get(member).map(|m| &model.members[m]);
                let id = expected.map_or(track_id(9_998), |expected| expected.id.clone());
                let hears = expected.is_some_and(|expected| expected.hears);
                let patch = PersonalPatch { volume_db, tracks: BTreeMap::from([(track, wish)]) };
                let done = room.command(&Command::SetMix { id: id.clone(), mix: patch.clone() }, "desk", *now, effects);
                match patch.check() {
                    Err(why) => assert_eq!(done, Err(CommandError::OutOfRange(why))),
                    Ok(()) if !hears => assert_eq!(done, Err(CommandError::UnknownPeer)),
                    Ok(()) => {
                        assert_eq!(done, Ok(None));
                        model.members.values_mut().filter(|m| m.id == id).for_each(|m| m.mix.patch(&patch));
                    }
                }
            }
            Operation::Remove(track) => {
                let member = model.tracks().get(track).copied();
                let id = member.map_or(track_id(9_999), |m| model.members[&m].id.clone());
                let done = room.command(&Command::RemoveTrack { id }, "desk", *now, effects);
                assert_eq!(done.is_ok(), member.is_some());
                member.into_iter().for_each(|m| model.leave(m));
            }
            Operation::Wait(time) => {
                let end = *now + ms(time);
                while let Some(at) = room.wake_at().filter(|at| *at <= end) {
                    *now = at.max(*now);
                    room.tick(*now, effects);
                }
                *now = end;
            }
            Operation::Watch(watched) => room.set_watched(watched),
        }
        self.check();
    }

    fn check(&mut self) {
        for media in &self.effects.media {
            assert!(!self.effects.payload(media).is_empty());
            let (sequence, timestamp) = (media.sequence, media.timestamp);
            let samples = audio::packet_samples(self.effects.payload(media)).unwrap() as u32;
            if let Some((last, before, length)) = self.sent.insert(media.to, (sequence, timestamp, samples)) {
                let ahead = timestamp.wrapping_sub(before);
                if media.contributors.levels.is_empty() && ahead < length {
                    // A talker's own packet whose sender counts in other steps than it sends.
                } else if sequence == last.wrapping_add(1) {
                    assert!(ahead >= length && ahead < 1 << 31, "from {before} to {timestamp}");
                    assert_eq!(media.marker, ahead > length);
                } else {
                    // A talker's own packet: what is missing of him is missing here, and comes late if it does.
                    assert!(media.contributors.levels.is_empty(), "only what is forwarded has gaps");
                    let late = last.wrapping_sub(sequence) as i16 > 0;
                    assert_eq!(late, ahead >= 1 << 31, "from {before} to {timestamp}");
                }
            }
        }
        for effect in std::mem::take(&mut self.effects.control) {
            match effect {
                Effect::Patch { version, changes } => {
                    assert_eq!(version, self.version + 1);
                    assert!(!changes.is_empty());
                    self.version = version;
                    changes.iter().for_each(|c| apply(&mut self.seen, c));
                }
                // The room also hangs up by itself, after the time-out.
                Effect::HangUp { member, .. } => self.model.leave(member),
                Effect::Event { event, .. } => assert!(!event.to_string().is_empty()),
                Effect::Meters { levels, peaks, .. } => {
                    assert!(levels.values().chain(peaks.values()).all(|l| l.is_finite()));
                }
                Effect::Stats { tracks, .. } => assert!(tracks.values().all(|t| t.loss_percent <= 100.0)),
                Effect::Alert { .. } | Effect::Signal { .. } => panic!("nobody asked for it"),
            }
        }
        self.effects.clear();
        assert_eq!(self.room.version(), self.version);
        assert_eq!(
            without_levels(self.room.state(self.now)),
            without_levels(self.seen.clone()),
            "patches replayed give the state"
        );
        self.model.check(&self.room.state(self.now));
        assert_eq!(self.room.members(), self.model.order.len());
        for expected in self.model.members.values() {
            let mix = expected.hears.then(|| expected.mix.clone());
            assert_eq!(self.room.personal_mix(&expected.id), mix);
        }
        assert_eq!(self.room.is_empty(), self.model.order.is_empty());
        assert_eq!(self.room.expires_at().is_some(), self.room.is_empty());
        if self.room.is_empty() {
            assert_eq!((self.room.wake_at(), self.room.mixes()), (None, 0), "who leaves leaves no trace");
        }
    }
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 48, ..ProptestConfig::default() })]

    #[test]
    fn patches_replayed_give_the_state_whatever_happens(operations in prop::collection::vec(operations(), 1..250)) {
        let payloads = payloads();
        let mut subject = Subject::new();
        for operation in &operations {
            subject.take(operation, &payloads);
        }
        let ids: Vec<MemberId> = subject.model.order.clone();
        for MemberId(id) in ids {
            subject.take(&Operation::Leave(id as usize), &payloads);
        }
        prop_assert!(subject.room.is_empty());
    }
}

fn with_client(mut join: Join, client: u128) -> Join {
    join.client = Some(Uuid::from_u128(client));
    join
}

#[test]
fn a_client_that_comes_again_takes_its_own_place_and_keeps_its_strip() {
    let mut sim = Sim::new();
    sim.join_as(with_client(join(1, Part::Both, strip(-6.0, 0.5)), 7));
    sim.join(2, Part::Both, TrackPatch::default());
    sim.set(1, TrackPatch { name: Some("Ann".into()), muted: Some(true), ..TrackPatch::default() });
    sim.set(1, TrackPatch { auto_gain: Some(true), denoise: Some(true), ..TrackPatch::default() });
    assert_eq!(sim.events().last().unwrap(), "set Ann auto_gain true, denoise true by desk");
    sim.control.clear();
    let mut again = with_client(join(3, Part::Both, TrackPatch { muted: Some(false), ..TrackPatch::default() }), 7);
    again.talks.as_mut().unwrap().name = None;
    sim.join_as(again);

    let state = sim.room.state(sim.now);
    assert_eq!(state.tracks.iter().map(|t| t.id.clone()).collect::<Vec<_>>(), [track_id(2), track_id(3)]);
    let strip = &state.tracks[1];
    assert_eq!((strip.name.as_str(), strip.gain_db, strip.pan, strip.muted), ("Ann", -6.0, 0.5, false));
    assert!(strip.auto_gain && strip.denoise);
    assert_eq!(state.listeners, 2);
    let hung_up: Vec<_> =
        sim.control.iter().filter(|e| matches!(e, Effect::HangUp { member: MemberId(1), .. })).collect();
    assert_eq!(hung_up.len(), 1);
    let patches: Vec<_> = sim.control.iter().filter(|e| matches!(e, Effect::Patch { .. })).collect();
    let Effect::Patch { changes, .. } = patches[0] else { unreachable!() };
    assert!(matches!(&changes[..], [Change::Left { .. }, Change::Joined { .. }]), "one patch: {patches:?}");

    sim.control.clear();
    sim.leave(1);
    assert!(sim.control.is_empty(), "the hang-up comes back as a leave, and that is nothing new");
}

#[test]
fn the_same_value_again_is_no_change() {
    let mut sim = Sim::new();
    sim.join(1, Part::Both, strip(-6.0, 0.5));
    sim.control.clear();
    let version = sim.room.version();
    sim.set(1, strip(-6.0, 0.5));
    sim.set(1, TrackPatch::default());
    sim.set_master(0.0);
    assert_eq!(sim.room.version(), version);
    assert!(sim.control.is_empty());
    sim.set(1, strip(-6.0, -0.5));
    assert_eq!(sim.room.version(), version + 1);
    assert_eq!(sim.events(), ["pan member 1 −0.50 by desk"]);
}

#[test]
fn a_refused_command_changes_nothing() {
    let mut sim = Sim::new();
    sim.join(1, Part::Both, TrackPatch::default());
    let (state, version) = (sim.room.state(sim.now), sim.room.version());
    let mut effects = Effects::new();
    let set = |strip| Command::SetTrack { id: track_id(1), strip };
    let room = |settings| Command::SetRoom { settings };
    let half_wrong = TrackPatch { gain_db: Some(-3.0), pan: Some(1.5), ..TrackPatch::default() };
    let floor = RoomPatch { mode: Some(Mode::Floor), floor_holders: Some(17), ..RoomPatch::default() };
    for (command, error) in [
        (set(half_wrong), "pan must be from -1 to 1, got 1.5"),
        (
            room(RoomPatch { master_gain_db: Some(f32::NAN), ..RoomPatch::default() }),
            "master_gain_db must be from -60 to 20, got NaN",
        ),
        (room(floor), "floor_holders must be from 1 to 16, got 17"),
        (Command::SetTrack { id: track_id(2), strip: strip(0.0, 0.0) }, "no track has this id in this room"),
        (Command::RemoveTrack { id: track_id(2) }, "no track has this id in this room"),
    ] {
        let refused = sim.room.command(&command, "desk", sim.now, &mut effects);
        assert_eq!(refused.unwrap_err().to_string(), error);
    }
    assert!(effects.is_empty());
    assert_eq!((sim.room.state(sim.now), sim.room.version()), (state, version));
}

#[test]
fn a_removed_track_is_hung_up() {
    let mut sim = Sim::new();
    sim.join(1, Part::Talks, TrackPatch::default());
    let mut effects = Effects::new();
    sim.room.command(&Command::RemoveTrack { id: track_id(1) }, "10.1.1.1:9", sim.now, &mut effects).unwrap();
    assert!(effects.control.iter().any(|e| matches!(e, Effect::HangUp { member: MemberId(1), .. })));
    assert!(effects.control.iter().any(
        |e| matches!(e, Effect::Event { event, .. } if event.to_string() == "left member 1: removed by 10.1.1.1:9")
    ));
    assert!(sim.room.state(sim.now).tracks.is_empty());
}

#[test]
fn a_listener_cannot_talk() {
    let mut sim = Sim::new();
    sim.join(1, Part::Hears, TrackPatch::default());
    let rtp = Rtp { ssrc: 1, sequence: 1, timestamp: 0, payload: &[0xfc, 0xff, 0xfe], is_copy: false };
    sim.packet(1, rtp);
    sim.packet(5, rtp);
    assert_eq!(sim.room.counters().unwanted, 2);
    assert_eq!(sim.room.wake_at(), None);
}

#[test]
fn what_happens_to_packets_is_in_the_event_log() {
    let payloads = payloads();
    let mut sim = Sim::new();
    sim.join(1, Part::Talks, TrackPatch::default());
    sim.control.clear();
    let order: [u16; 9] = [65_534, 65_535, 0, 1, 1, 5, 4, 6, 7];
    for sequence in order {
        let timestamp = u32::from(sequence.wrapping_add(100)) * 960;
        sim.packet(1, Rtp { ssrc: 1, sequence, timestamp, payload: &payloads[0], is_copy: false });
    }
    sim.packet(1, Rtp { ssrc: 1, sequence: 8, timestamp: 108 * 960, payload: &[0xff], is_copy: false });
    sim.packet(1, Rtp { ssrc: 2, sequence: 300, timestamp: 0, payload: &payloads[0], is_copy: false });
    assert_eq!(
        sim.events(),
        [
            "new stream member 1",
            "repeated packet 1",
            "missing packets 3",
            "out-of-order packet 4",
            "malformed packet 8",
            "new stream member 1"
        ]
    );
}

#[test]
fn the_same_inputs_give_the_same_effects() {
    let scene = || {
        let mut sim = Sim::new();
        for member in 1..=4 {
            sim.join(member, if member == 4 { Part::Hears } else { Part::Both }, TrackPatch::default());
        }
        sim.room.set_watched(true);
        for member in 1..=3 {
            sim.talk(member, tone(300.0 * member as f64, 0.2));
        }
        sim.run(ms(700));
        sim.set(2, strip(-9.0, 0.3));
        sim.sender(1).on = false;
        sim.run(ms(1_500));
        sim.leave(2);
        sim.run(ms(700));
        let heard: Vec<(MemberId, Vec<_>, Vec<u32>)> = sim
            .ears
            .iter()
            .map(|(member, ear)| (*member, ear.packets.clone(), ear.pcm.iter().map(|s| s.to_bits()).collect()))
            .collect();
        (heard, sim.control)
    };
    let (first, second) = (scene(), scene());
    assert!(first.0 == second.0, "media differs");
    assert_eq!(first.1, second.1);
}
