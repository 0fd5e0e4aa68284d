//! Personal mixes: each hears as he wishes, the others do not notice, and equal wishes cost one encode.

#![allow(clippy::unwrap_used, reason = "a test fails by it")]

mod room_support;

use std::collections::BTreeMap;

use room_support::*;
use signaling::{Command, PersonalPatch, TrackPatch, WishPatch};

const X: f64 = 443.0;
const Y: f64 = 1_511.0;

fn gain(gain_db: f32) -> Option<WishPatch> {
    Some(WishPatch { gain_db: Some(gain_db), ..WishPatch::default() })
}

/// 1 (X) and 2 (Y) talk and hear, `listeners` more hear, from 3 on.
fn room(listeners: u64) -> Sim {
    let mut sim = Sim::new();
    for (member, hz) in [(1, X), (2, Y)] {
        sim.join(member, Part::Both, TrackPatch::default());
        sim.talk(member, tone(hz, 0.1));
    }
    for member in 3..3 + listeners {
        sim.join(member, Part::Hears, TrackPatch::default());
    }
    sim.run(ms(1_000));
    sim
}

fn level(sim: &Sim, member: u64, channel: usize, hz: f64) -> f64 {
    tone_dbfs(sim.ear(member).last(0.5, 0.02), channel, hz)
}

fn assert_hears(sim: &Sim, member: u64, expected: [(f64, f64); 2], when: &str) {
    for (hz, expected) in expected {
        for channel in [0, 1] {
            let level = level(sim, member, channel, hz);
            let fits = if expected < -60.0 { level < -60.0 } else { (level - expected).abs() < 0.5 };
            assert!(fits, "{when}: member {member} hears {hz} Hz at {level:.2} dBFS in {channel}, not {expected}");
        }
    }
}

/// Encodes in a second.
fn encodes(sim: &mut Sim) -> u64 {
    let before = sim.room.counters().encodes;
    sim.run(ms(1_000));
    sim.room.counters().encodes - before
}

#[test]
fn one_turns_another_down_and_nobody_else_notices() {
    let mut sim = room(2);
    sim.wish(3, 1, gain(-12.0));
    sim.run(ms(1_000));
    assert_hears(&sim, 3, [(X, -32.0), (Y, -20.0)], "who wished it");
    assert_hears(&sim, 4, [(X, -20.0), (Y, -20.0)], "who did not");
    assert_hears(&sim, 2, [(X, -20.0), (Y, -99.0)], "the other talker");
    sim.set(1, strip(-6.0, 0.0));
    sim.run(ms(1_000));
    assert_hears(&sim, 3, [(X, -38.0), (Y, -20.0)], "on top of the desk");
    assert_hears(&sim, 4, [(X, -26.0), (Y, -20.0)], "the desk's");
    sim.wish(3, 1, None);
    sim.run(ms(1_000));
    assert_hears(&sim, 3, [(X, -26.0), (Y, -20.0)], "as the desk says again");
    let step = largest_step(&sim.ear(3).pcm[9_600..], 0);
    let of_both = std::f64::consts::TAU * 0.1 * (X + Y) / 48_000.0;
    assert!(f64::from(step) < 1.3 * of_both, "no click: {step} of {of_both}");
}

#[test]
fn equal_wishes_cost_one_encode_whoever_has_them() {
    let mut sim = room(22);
    let plain = encodes(&mut sim);
    assert_eq!(plain, 3 * 50, "two talkers and the mix of both");
    for member in 3..23 {
        sim.wish(member, 1, gain(-12.0));
        sim.run(ms(40));
    }
    sim.run(ms(200));
    assert_eq!(encodes(&mut sim), 4 * 50, "twenty wishes");
    for member in 3..23 {
        assert_hears(&sim, member, [(X, -32.0), (Y, -20.0)], "one of twenty");
    }
    assert_hears(&sim, 23, [(X, -20.0), (Y, -20.0)], "no wish");
    sim.wish(3, 2, gain(-6.0));
    sim.run(ms(200));
    assert_eq!(encodes(&mut sim), 5 * 50, "one wishes something else");
    for member in 3..23 {
        sim.wish(member, 1, None);
        sim.wish(member, 2, None);
    }
    sim.run(ms(1_500));
    assert_eq!(encodes(&mut sim), 3 * 50, "and nobody wishes anything");
    assert_eq!(sim.room.mixes(), 3);
}

#[test]
fn pan_mute_solo_and_volume_are_ones_own() {
    let mut sim = room(5);
    sim.wish(3, 1, Some(WishPatch { pan: Some(-1.0), ..WishPatch::default() }));
    sim.wish(4, 1, Some(WishPatch { muted: Some(true), ..WishPatch::default() }));
    sim.wish(5, 2, Some(WishPatch { solo: Some(true), ..WishPatch::default() }));
    let mix = PersonalPatch { volume_db: Some(-9.0), tracks: BTreeMap::new() };
    sim.command(Command::SetMix { id: track_id(6), mix });
    sim.run(ms(1_000));
    assert!((level(&sim, 3, 0, X) + 17.0).abs() < 0.5 && level(&sim, 3, 1, X) < -55.0, "hard left");
    assert_hears(&sim, 4, [(X, -99.0), (Y, -20.0)], "muted");
    assert_hears(&sim, 5, [(X, -99.0), (Y, -20.0)], "solo");
    assert_hears(&sim, 6, [(X, -29.0), (Y, -29.0)], "softer in all");
    assert_hears(&sim, 7, [(X, -20.0), (Y, -20.0)], "no wish");
    // Who comes later is not heard by who hears one alone.
    sim.join(20, Part::Talks, TrackPatch::default());
    sim.talk(20, tone(2_711.0, 0.1));
    sim.run(ms(1_000));
    assert!(level(&sim, 5, 0, 2_711.0) < -60.0 && (level(&sim, 7, 0, 2_711.0) + 20.0).abs() < 0.5);
}

#[test]
fn a_talker_with_wishes_still_never_hears_himself() {
    let mut sim = room(1);
    sim.wish(1, 2, gain(-10.0));
    sim.wish(2, 2, gain(10.0));
    sim.run(ms(1_000));
    assert_hears(&sim, 1, [(X, -99.0), (Y, -30.0)], "his own mix");
    assert_hears(&sim, 2, [(X, -20.0), (Y, -99.0)], "a wish about himself");
    assert_hears(&sim, 3, [(X, -20.0), (Y, -20.0)], "the others");
    // Silent for long enough he falls to the mix of those who wish the same, and comes back.
    sim.sender(1).on = false;
    sim.run(ms(2_500));
    assert_hears(&sim, 1, [(X, -99.0), (Y, -30.0)], "silent");
    sim.sender(1).on = true;
    sim.run(ms(1_000));
    assert_hears(&sim, 1, [(X, -99.0), (Y, -30.0)], "talking again");
    let step = largest_step(&sim.ear(1).pcm[9_600..], 0);
    assert!(f64::from(step) < 1.5 * std::f64::consts::TAU * 0.1 * Y / 48_000.0, "no click: {step}");
}

#[test]
fn a_wish_drawn_by_hand_ramps_at_every_step() {
    let mut sim = room(2);
    sim.wish(4, 1, gain(-3.0));
    for n in 0..60 {
        sim.wish(3, 1, gain(-0.5 * n as f32));
        sim.run(ms(40));
    }
    sim.run(ms(500));
    assert_hears(&sim, 3, [(X, -49.5), (Y, -20.0)], "drawn down");
    let step = largest_step(&sim.ear(3).pcm[9_600..], 0);
    let of_both = std::f64::consts::TAU * 0.1 * (X + Y) / 48_000.0;
    assert!(f64::from(step) < 1.3 * of_both, "no click: {step} of {of_both}");
}
