//! The floor in a room: who is heard when, what it costs, and that no syllable is lost to it.

#![allow(clippy::unwrap_used, reason = "a test fails by it")]

mod room_support;

use audio::{CHANNELS, SAMPLE_RATE};
use room::Effect;
use room_support::*;
use signaling::{Bus, Change, FloorAction::*, FloorAnswer, FloorEvent, Mode, RoomPatch, TrackPatch};

fn floor_room() -> Sim {
    let mut sim = Sim::new();
    sim.set_room(RoomPatch { mode: Some(Mode::Floor), ..RoomPatch::default() });
    sim
}

/// Two who talk, with a tone each, and one who listens.
fn two_talkers() -> Sim {
    let mut sim = floor_room();
    for (member, hz) in [(1, 443.0), (2, 1_511.0)] {
        sim.join(member, Part::Both, TrackPatch::default());
        sim.talk(member, tone(hz, 0.2));
    }
    sim.join(3, Part::Hears, TrackPatch::default());
    sim
}

fn heard(sim: &Sim, hz: f64) -> f64 {
    tone_dbfs(&sim.just_heard(3), 0, hz)
}

/// The same by the power of pieces: while a permission that came late is caught up, periods are left out, to within a
/// sample.
fn heard_in_pieces(sim: &Sim, hz: f64) -> f64 {
    let heard = sim.just_heard(3);
    let pieces = heard.chunks_exact(960 * CHANNELS);
    let power: f64 = pieces.clone().map(|piece| 10_f64.powf(tone_dbfs(piece, 0, hz) / 10.0)).sum();
    10.0 * (power / pieces.len() as f64).log10()
}

fn floor_events(sim: &Sim) -> Vec<FloorEvent> {
    let changes =
        sim.control.iter().filter_map(|e| if let Effect::Patch { changes, .. } = e { Some(changes) } else { None });
    let events =
        changes.flatten().filter_map(|c| if let Change::Floor { events, .. } = c { Some(events) } else { None });
    events.flatten().cloned().collect()
}

#[test]
fn who_has_no_floor_is_not_heard_and_costs_nothing() {
    let mut sim = two_talkers();
    sim.run(ms(3_000));
    let counters = sim.room.counters();
    assert_eq!((counters.decodes, counters.encodes, counters.ticks, sim.sent), (0, 0, 0, 0));

    assert!(matches!(sim.floor(1, Request), FloorAnswer::Granted { left_ms: Some(30_000) }));
    sim.run(ms(1_000));
    assert!((heard_in_pieces(&sim, 443.0) + 14.0).abs() < 0.5, "{}", heard_in_pieces(&sim, 443.0));
    assert!(heard(&sim, 1_511.0) < -60.0);
    let counters = sim.room.counters();
    assert!(counters.decodes <= 51, "only the holder is decoded: {counters:?}");
    assert!(tone_dbfs(sim.ear(1).pcm.as_slice(), 0, 443.0) < -60.0, "not even the holder hears himself");
}

#[test]
fn the_floor_goes_from_one_to_the_next() {
    let mut sim = two_talkers();
    sim.floor(1, Request);
    sim.run(ms(1_000));
    assert_eq!(sim.floor(2, Request), FloorAnswer::Queued { position: 1 });
    sim.run(ms(1_000));
    assert!(heard(&sim, 443.0) > -15.0 && heard(&sim, 1_511.0) < -60.0);
    assert_eq!(sim.floor(1, Release), FloorAnswer::Released);
    sim.run(ms(1_500));
    assert!(heard(&sim, 443.0) < -60.0 && heard(&sim, 1_511.0) > -15.0, "2 has it now");
    sim.leave(2);
    sim.run(ms(500));
    let ids = [track_id(1), track_id(2)];
    let state = sim.room.state(sim.now);
    assert!(state.floor.holders.is_empty() && state.floor.queue.is_empty());
    let [one, two] = ids;
    let expected = [
        FloorEvent::Granted { id: one.clone() },
        FloorEvent::Queued { id: two.clone(), position: 1 },
        FloorEvent::Released { id: one },
        FloorEvent::Granted { id: two.clone() },
        FloorEvent::Revoked { id: two, reason: "left the room".into() },
        FloorEvent::Idle,
    ];
    assert_eq!(floor_events(&sim), expected);
    assert!(sim.events().contains(&"floor queued member 2 (1)".to_owned()), "{:?}", sim.events());
}

/// A word: 20 ms of a high tone at its start and at its end, and 460 ms of a deep one between; `at` is in samples.
fn word(at: u64) -> Source {
    let (mut first, mut middle, mut last) = (tone(2_000.0, 0.3), tone(300.0, 0.3), tone(3_000.0, 0.3));
    Box::new(move |n| match n.checked_sub(at) {
        Some(0..960) => first(n),
        Some(960..23_040) => middle(n),
        Some(23_040..24_000) => last(n),
        _ => [0.0; 2],
    })
}

/// Where a tone begins to be there, and for how long it is, samples.
fn where_is(pcm: &[f32], hz: f64) -> Option<(usize, usize)> {
    let step = 48;
    let window = 240;
    let there: Vec<usize> = (0..pcm.len() / CHANNELS - window)
        .step_by(step)
        .filter(|at| tone_dbfs(&pcm[at * CHANNELS..(at + window) * CHANNELS], 0, hz) > -20.0)
        .collect();
    Some((*there.first()?, there.last()? - there.first()? + window))
}

#[test]
fn a_word_is_whole_although_the_permission_took_its_time() {
    for wait in [60, 250, 420] {
        let mut sim = floor_room();
        sim.join(1, Part::Both, TrackPatch::default());
        sim.join(2, Part::Both, TrackPatch::default());
        sim.join(3, Part::Hears, TrackPatch::default());
        sim.floor(2, Request);
        // 1 s of silence before the key goes down: the page sends that too.
        sim.talk(1, word(48_000));
        sim.run(ms(1_000));
        assert_eq!(sim.floor(1, Request), FloorAnswer::Queued { position: 1 });
        sim.run(ms(wait));
        sim.floor(2, Release);
        sim.run(ms(500 - wait));
        // The key goes up with the last sample.
        sim.run(ms(40));
        sim.floor(1, Release);
        sim.run(ms(1_500));

        let pcm = &sim.ear(3).pcm;
        let (first, first_length) = where_is(pcm, 2_000.0).expect("the first 20 ms are heard");
        let (_, middle) = where_is(pcm, 300.0).unwrap();
        let (last, last_length) = where_is(pcm, 3_000.0).expect("the last 20 ms are heard");
        let of = |length: usize| length as f64 / f64::from(SAMPLE_RATE) * 1000.0;
        assert!((14.0..30.0).contains(&of(first_length)), "{wait}: {} ms of the first 20", of(first_length));
        assert!((14.0..30.0).contains(&of(last_length)), "{wait}: {} ms of the last 20", of(last_length));
        assert!(last > first && of(middle) > 200.0, "{wait}: {} ms of 460", of(middle));
        // From where a window of 5 ms has begun to hold some of it, plus that window.
        let onset = &pcm[(first + 240) * CHANNELS..(first + 720) * CHANNELS];
        let level = tone_dbfs(onset, 0, 2_000.0);
        assert!((level + 10.5).abs() < 2.0, "{wait}: its first sound is at {level:.1} dBFS");
    }
}

#[test]
fn the_delay_of_a_late_permission_is_gone_within_two_seconds() {
    let mut sim = two_talkers();
    sim.floor(2, Request);
    sim.run(ms(1_000));
    sim.floor(1, Request);
    sim.run(ms(480));
    sim.floor(2, Release);
    sim.run(ms(200));
    let delay = sim.room.counters().receive.delay;
    assert!(delay > ms(250), "what came before the permission is played: {delay:?}");
    sim.run(ms(1_800));
    let delay = sim.room.counters().receive.delay;
    assert!(delay <= ms(70), "{delay:?}");
    let pcm = sim.ear(3).last(1.9, 0.0);
    let of_both = 0.2 * std::f32::consts::TAU * (443.0 + 1_511.0) / 48_000.0;
    assert!(largest_step(pcm, 0) < 1.3 * of_both, "no click: {}", largest_step(pcm, 0));
}

#[test]
fn who_talks_too_long_is_warned_then_heard_for_the_grace_and_then_not() {
    let mut sim = two_talkers();
    let (talk, warning) = (Some(2_000), Some(500));
    sim.set_room(RoomPatch {
        floor_talk_ms: talk,
        floor_warning_ms: warning,
        floor_grace_ms: Some(400),
        ..RoomPatch::default()
    });
    sim.floor(1, Request);
    sim.run(ms(1_900));
    let id = track_id(1);
    assert_eq!(floor_events(&sim).last(), Some(&FloorEvent::Warned { id: id.clone(), left_ms: 500 }));
    sim.run(ms(300));
    assert!(matches!(floor_events(&sim).last(), Some(FloorEvent::Revoking { .. })));
    assert!(heard(&sim, 443.0) > -15.0);
    assert!(matches!(sim.floor(1, Request), FloorAnswer::Denied { .. }), "first let go of the key");
    sim.run(ms(600));
    assert!(heard(&sim, 443.0) < -60.0);
    assert!(floor_events(&sim).iter().any(|event| matches!(event, FloorEvent::Revoked { .. })));
    assert!(matches!(sim.floor(1, Request), FloorAnswer::Granted { .. }), "the next press is a new one");
}

#[test]
fn what_the_desk_takes_is_silent_at_once_and_does_not_click() {
    let mut sim = two_talkers();
    assert!(matches!(sim.floor(2, Grant), FloorAnswer::Granted { .. }));
    sim.run(ms(1_000));
    sim.floor(2, Revoke);
    let before = sim.ear(3).pcm.len();
    sim.run(ms(600));
    let after = &sim.ear(3).pcm[before..];
    let sounding = after.chunks_exact(CHANNELS).rposition(|pair| pair[0].abs() > 0.001).unwrap_or(0);
    assert!(sounding < 48 * 45, "still heard after {} ms", sounding / 48);
    let step = largest_step(&sim.ear(3).pcm[before - 4_800..], 0);
    assert!(step < 0.2 * 1_511.0 / 48_000.0 * 6.3 * 1.6, "{step}");
}

#[test]
fn a_program_needs_no_floor_and_an_open_room_has_none() {
    let mut sim = two_talkers();
    sim.floor(1, Request);
    sim.run(ms(500));
    sim.set(2, TrackPatch { bus: Some(Bus::Program), ..TrackPatch::default() });
    sim.set_room(RoomPatch { duck_db: Some(0.0), ..RoomPatch::default() });
    sim.run(ms(2_000));
    let levels = (heard(&sim, 443.0), heard(&sim, 1_511.0));
    assert!(levels.0 > -15.0 && levels.1 > -15.0, "{levels:?}");
    sim.set(1, TrackPatch { bus: Some(Bus::Announcement), ..TrackPatch::default() });
    assert!(sim.room.state(sim.now).floor.holders.is_empty(), "who needs no floor gives it back");
    sim.set(1, TrackPatch { bus: Some(Bus::Voice), ..TrackPatch::default() });
    sim.run(ms(800));
    assert!(heard(&sim, 443.0) < -60.0, "a voice again, without the floor");
    sim.set_room(RoomPatch { mode: Some(Mode::Open), ..RoomPatch::default() });
    sim.run(ms(800));
    let levels = (heard(&sim, 443.0), heard(&sim, 1_511.0));
    assert!(levels.0 > -15.0 && levels.1 > -15.0, "{levels:?}");
    assert!(matches!(sim.floor(1, Request), FloorAnswer::Granted { left_ms: None }));
    sim.set_room(RoomPatch { mode: Some(Mode::Floor), ..RoomPatch::default() });
    sim.run(ms(800));
    assert!(heard(&sim, 443.0) < -60.0);
}

#[test]
fn who_sends_nothing_loses_the_floor() {
    let mut sim = two_talkers();
    sim.floor(1, Request);
    sim.floor(2, Request);
    sim.run(ms(1_000));
    sim.sender(1).on = false;
    sim.run(ms(4_100));
    let state = sim.room.state(sim.now);
    assert_eq!(state.floor.holders.iter().map(|h| h.id.clone()).collect::<Vec<_>>(), [track_id(2)]);
}
