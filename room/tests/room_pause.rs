//! Pauses: what is sent after the last voice, and what the next one begins with.

#![allow(clippy::unwrap_used, reason = "a test fails by it")]

mod room_support;

use room::{Effect, Event, MemberId};
use room_support::*;
use signaling::TrackPatch;

#[test]
fn a_silent_room_sends_200_ms_of_silence_and_then_sleeps() {
    let mut sim = Sim::new();
    sim.join(1, Part::Both, TrackPatch::default());
    sim.join(2, Part::Hears, TrackPatch::default());
    assert_eq!(sim.room.wake_at(), None, "nothing to do before the first packet");
    sim.talk(1, tone(300.0, 0.3));
    sim.run(ms(1_000));
    let timeout = settings().stream_timeout;
    sim.sender(1).on = false;
    sim.run(ms(1_000));
    let ear = sim.ear(2);
    assert!(peak(ear.last(0.04, 0.0)) < 1e-4, "the decoder ends at −80 dBFS or less: {}", peak(ear.last(0.04, 0.0)));
    assert!(peak(ear.last(0.4, 0.2)) > 0.1, "200 ms after the voice, not more");
    let ticks = sim.room.counters().ticks;
    let sent = sim.sent;
    sim.run(ms(20_000));
    assert_eq!((sim.room.counters().ticks, sim.sent), (ticks, sent));
    // Packets do not move the time-out on: it is looked at once for all that came.
    assert!(sim.room.wake_at() > Some(timeout), "only to see whether the stream is too old: {:?}", sim.room.wake_at());

    sim.run(ms(10_000));
    assert_eq!(sim.room.wake_at(), None);
    assert!(sim.events().contains(&"dropped stream member 1 (nothing for 30 s)".to_owned()), "{:?}", sim.events());
    assert_eq!(sim.room.mixes(), 0, "all encoders are let go");
    assert_eq!(sim.room.state(sim.now).tracks.len(), 1, "who also hears stays");

    sim.sender(1).on = true;
    sim.run(ms(1_500));
    assert_eq!(sim.count_events(|e| matches!(e, Event::NewStream { .. })), 2);
    assert!((tone_dbfs(sim.ear(2).last(1.0, 0.1), 0, 300.0) + 10.46).abs() < 0.5);
}

#[test]
fn media_time_goes_on_over_a_pause_and_the_sequence_does_not_skip() {
    let mut sim = Sim::new();
    // Not as he came: so he is mixed.
    sim.join(1, Part::Talks, strip(-3.0, 0.0));
    sim.join(2, Part::Hears, TrackPatch::default());
    sim.talk(1, tone(300.0, 0.3));
    let mut heard_at = Vec::new();
    for _ in 0..3 {
        sim.sender(1).on = true;
        for _ in 0..50 {
            let before = sim.ear(2).packets.len();
            sim.run(ms(20));
            // The tick of these 20 ms was at their begin.
            heard_at.extend(std::iter::repeat_n(sim.now - ms(20), sim.ear(2).packets.len() - before));
        }
        sim.sender(1).on = false;
        for _ in 0..150 {
            let before = sim.ear(2).packets.len();
            sim.run(ms(20));
            heard_at.extend(std::iter::repeat_n(sim.now - ms(20), sim.ear(2).packets.len() - before));
        }
    }
    let packets = &sim.ear(2).packets;
    assert_eq!(packets.len(), heard_at.len());
    for (pair, at) in packets.windows(2).zip(heard_at.windows(2)) {
        assert_eq!(pair[1].sequence, pair[0].sequence.wrapping_add(1));
        let elapsed = (at[1] - at[0]).as_millis() as u32;
        assert_eq!(pair[1].timestamp.wrapping_sub(pair[0].timestamp), elapsed * 48, "the timestamp is the time");
        assert_eq!(pair[1].marker, elapsed > 20, "the marker begins a talk");
    }
    assert_eq!(packets.iter().filter(|p| p.marker).count(), 3);
}

#[test]
fn two_hearers_share_bytes_and_never_headers() {
    let mut sim = Sim::new();
    sim.join(1, Part::Talks, TrackPatch::default());
    for member in [2, 3] {
        sim.join(member, Part::Hears, TrackPatch::default());
    }
    sim.talk(1, tone(300.0, 0.3));
    sim.run(ms(500));
    let (a, b) = (sim.ear(2), sim.ear(3));
    assert_eq!(a.packets.len(), b.packets.len());
    for (a, b) in a.packets.iter().zip(&b.packets) {
        assert_eq!(a.payload, b.payload);
        assert_ne!(a.sequence, b.sequence);
        assert_ne!(a.timestamp, b.timestamp);
    }
}

#[test]
fn a_talker_only_that_sends_nothing_is_hung_up_and_leaves() {
    let mut sim = Sim::new();
    sim.join(1, Part::Talks, TrackPatch::default());
    sim.join(2, Part::Talks, TrackPatch::default());
    sim.join(3, Part::Hears, TrackPatch::default());
    sim.talk(1, tone(300.0, 0.3));
    sim.run(ms(1_000));
    sim.sender(1).on = false;
    sim.run(ms(31_000));
    let hung_up: Vec<MemberId> = sim
        .control
        .iter()
        .filter_map(|e| if let Effect::HangUp { member, .. } = e { Some(*member) } else { None })
        .collect();
    assert_eq!(hung_up, [MemberId(2), MemberId(1)], "who never sent goes first");
    assert!(sim.room.state(sim.now).tracks.is_empty());
    let events = sim.events();
    for line in [
        "left member 2: nothing sent for 30 s",
        "dropped stream member 1 (nothing for 30 s)",
        "left member 1: nothing sent for 30 s",
    ] {
        assert!(events.iter().any(|e| e == line), "{line} is missing in {events:?}");
    }
    assert_eq!(sim.room.wake_at(), None);
}

#[test]
fn levels_are_shown_while_somebody_is_heard_and_once_more() {
    let mut sim = Sim::new();
    sim.join(1, Part::Talks, strip(-6.0, 0.0));
    sim.join(2, Part::Hears, TrackPatch::default());
    sim.talk(1, tone(300.0, 0.1));
    sim.run(ms(500));
    let meters = |sim: &Sim| -> Vec<(Option<f32>, f32)> {
        let level = |e: &Effect| match e {
            Effect::Meters { levels, master, .. } => Some((levels.get(&track_id(1)).copied(), master.level_dbfs)),
            _ => None,
        };
        sim.control.iter().filter_map(level).collect()
    };
    assert!(meters(&sim).is_empty(), "nobody looks");
    sim.room.set_watched(true);
    sim.run(ms(1_000));
    assert_eq!(meters(&sim).len(), 25);
    for (level, master) in meters(&sim) {
        assert!((level.unwrap() + 20.0).abs() < 0.5, "before the fader: {level:?}");
        assert!((master + 26.0).abs() < 0.5, "after the fader: {master}");
    }
    sim.leave(2);
    sim.control.clear();
    sim.run(ms(1_000));
    let (level, master) = meters(&sim)[20];
    assert!(
        (level.unwrap() + 20.0).abs() < 0.5 && (master + 26.0).abs() < 0.5,
        "also when nobody hears: {level:?} {master}"
    );
    sim.sender(1).on = false;
    sim.control.clear();
    sim.run(ms(2_000));
    let shown = meters(&sim);
    assert_eq!(shown.last(), Some(&(None, -127.0)), "the meters end at silence");
    assert!(shown.len() < 15, "and once: {}", shown.len());
}

#[test]
fn a_voice_begins_and_ends_as_patches() {
    let mut sim = Sim::new();
    sim.join(1, Part::Talks, TrackPatch::default());
    sim.talk(1, tone(300.0, 0.1));
    sim.room.set_watched(true);
    sim.run(ms(1_000));
    assert!(sim.room.state(sim.now).tracks[0].talking);
    assert!((sim.room.state(sim.now).tracks[0].level_dbfs + 20.0).abs() < 0.5);
    sim.sender(1).on = false;
    sim.run(ms(1_000));
    assert!(!sim.room.state(sim.now).tracks[0].talking);
    assert_eq!(sim.room.state(sim.now).tracks[0].level_dbfs, -127.0);
    let talking: Vec<bool> = sim
        .control
        .iter()
        .filter_map(|e| match e {
            Effect::Patch { changes, .. } => match changes[..] {
                [signaling::Change::Talking { talking, .. }] => Some(talking),
                _ => None,
            },
            _ => None,
        })
        .collect();
    assert_eq!(talking, [true, false]);
}
