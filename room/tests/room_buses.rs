//! Voices push programs down, announcements push all others down, and all come back.

#![allow(clippy::unwrap_used, reason = "a test fails by it")]

mod room_support;

use room_support::*;
use signaling::{Bus, RoomPatch, TrackPatch};

fn on(bus: Bus) -> TrackPatch {
    TrackPatch { bus: Some(bus), ..TrackPatch::default() }
}

const MUSIC: f64 = 443.0;
const VOICE: f64 = 1_511.0;
const GONG: f64 = 2_711.0;

/// Music that plays all the time; a voice and an announcement that come when they are turned on.
fn room() -> Sim {
    let mut sim = Sim::new();
    sim.join(1, Part::Talks, on(Bus::Program));
    sim.join(2, Part::Both, on(Bus::Voice));
    sim.join(3, Part::Talks, on(Bus::Announcement));
    sim.join(4, Part::Hears, TrackPatch::default());
    for (member, hz) in [(1, MUSIC), (2, VOICE), (3, GONG)] {
        sim.talk(member, tone(hz, 0.1));
        sim.sender(member).on = member == 1;
    }
    sim.run(ms(1_000));
    sim
}

fn assert_levels(sim: &Sim, member: u64, levels: [(f64, f64); 3], when: &str) {
    let pcm = sim.ear(member).last(0.5, 0.02);
    for (hz, expected) in levels {
        let level = tone_dbfs(pcm, 0, hz);
        if expected < -60.0 {
            assert!(level < -60.0, "{when}: {hz} Hz at {level:.1} dBFS, not silent");
        } else {
            assert!((level - expected).abs() < 0.5, "{when}: {hz} Hz at {level:.2} dBFS, not {expected}");
        }
    }
}

#[test]
fn a_voice_ducks_the_program_for_as_long_as_it_talks() {
    let mut sim = room();
    assert_levels(&sim, 4, [(MUSIC, -20.0), (VOICE, -99.0), (GONG, -99.0)], "alone");
    sim.sender(2).on = true;
    sim.run(ms(1_000));
    assert_levels(&sim, 4, [(MUSIC, -32.0), (VOICE, -20.0), (GONG, -99.0)], "under the voice");
    assert_levels(&sim, 2, [(MUSIC, -32.0), (VOICE, -99.0), (GONG, -99.0)], "in the talker's own ears");
    sim.sender(2).on = false;
    sim.run(ms(3_000));
    assert_levels(&sim, 4, [(MUSIC, -20.0), (VOICE, -99.0), (GONG, -99.0)], "after it");
    let step = largest_step(&sim.ear(4).pcm[96_000..], 0);
    let of_both = std::f64::consts::TAU * 0.1 * (MUSIC + VOICE) / 48_000.0;
    assert!(f64::from(step) < 1.3 * of_both, "no click: {step} of {of_both}");
}

#[test]
fn an_announcement_dims_voices_and_programs() {
    let mut sim = room();
    sim.sender(2).on = true;
    sim.sender(3).on = true;
    sim.run(ms(1_200));
    assert_levels(&sim, 4, [(MUSIC, -52.0), (VOICE, -40.0), (GONG, -20.0)], "under the announcement");
    sim.sender(3).on = false;
    sim.run(ms(2_500));
    assert_levels(&sim, 4, [(MUSIC, -32.0), (VOICE, -20.0), (GONG, -99.0)], "after it");
}

#[test]
fn depth_is_a_setting_and_a_muted_voice_ducks_nothing() {
    let mut sim = room();
    sim.set_room(RoomPatch { duck_db: Some(6.0), ..RoomPatch::default() });
    sim.sender(2).on = true;
    sim.run(ms(1_000));
    assert_levels(&sim, 4, [(MUSIC, -26.0), (VOICE, -20.0), (GONG, -99.0)], "six decibels");
    sim.set(2, TrackPatch { muted: Some(true), ..TrackPatch::default() });
    sim.run(ms(3_000));
    assert_levels(&sim, 4, [(MUSIC, -20.0), (VOICE, -99.0), (GONG, -99.0)], "muted");
    sim.set(1, on(Bus::Voice));
    sim.set(2, TrackPatch { muted: Some(false), ..TrackPatch::default() });
    sim.run(ms(1_000));
    assert_levels(&sim, 4, [(MUSIC, -20.0), (VOICE, -20.0), (GONG, -99.0)], "a voice is not ducked by a voice");
}
