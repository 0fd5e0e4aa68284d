//! What a room leaves out when its owner has too much to do: what is seen, then what few wish; never sound.

#![allow(clippy::unwrap_used, reason = "a test fails by it")]

mod room_support;

use room::{Effect, Shed};
use room_support::*;
use signaling::{TrackPatch, WishPatch};

const X: f64 = 443.0;
const Y: f64 = 1_511.0;

/// 1 (X) and 2 (Y) talk and hear, 3 and 4 hear; 3 wants to hear 1 at −12 dB.
fn room() -> Sim {
    let mut sim = Sim::new();
    for (member, hz) in [(1, X), (2, Y)] {
        sim.join(member, Part::Both, TrackPatch::default());
        sim.talk(member, tone(hz, 0.1));
    }
    sim.join(3, Part::Hears, TrackPatch::default());
    sim.join(4, Part::Hears, TrackPatch::default());
    sim.wish(3, 1, Some(WishPatch { gain_db: Some(-12.0), ..WishPatch::default() }));
    sim.run(ms(2_000));
    sim
}

#[track_caller]
fn assert_hears(sim: &Sim, member: u64, expected: f64) {
    for (hz, expected) in [(X, expected), (Y, -20.0)] {
        let level = tone_dbfs(sim.ear(member).last(0.4, 0.02), 0, hz);
        assert!((level - expected).abs() < 0.5, "{member} hears {hz} Hz at {level:.2} dBFS, not {expected}");
    }
}

fn meters(sim: &Sim) -> usize {
    sim.control.iter().filter(|effect| matches!(effect, Effect::Meters { .. })).count()
}

#[test]
fn meters_come_now_and_then_and_then_not_and_do_not_stand_still() {
    let mut sim = room();
    sim.room.set_watched(true);
    let mut counts = Vec::new();
    for shed in [Shed::Nothing, Shed::Meters, Shed::Levels, Shed::Nothing] {
        sim.room.shed(shed);
        sim.run(ms(400));
        let before = meters(&sim);
        sim.run(ms(2_000));
        counts.push(meters(&sim) - before);
        if shed == Shed::Levels {
            let last = sim
                .control
                .iter()
                .rev()
                .find_map(|e| if let Effect::Meters { levels, .. } = e { Some(levels) } else { None });
            assert!(last.unwrap().is_empty(), "the last ones are of silence");
        }
    }
    assert_eq!(counts, [50, 5, 0, 50]);
}

#[test]
fn who_is_heard_is_still_said_but_not_how_loud() {
    let mut sim = room();
    let levels = |sim: &Sim| sim.ear(4).packets.last().unwrap().contributors.clone();
    assert_eq!((levels(&sim).csrcs.len(), levels(&sim).levels.len()), (2, 2));
    sim.room.shed(Shed::Levels);
    sim.run(ms(100));
    assert_eq!((levels(&sim).csrcs.len(), levels(&sim).levels.len()), (2, 0));
}

#[test]
fn personal_mixes_go_and_come_back_and_their_wishes_are_kept() {
    let mut sim = room();
    assert_hears(&sim, 3, -32.0);
    sim.room.shed(Shed::Personal);
    sim.run(ms(1_500));
    assert_hears(&sim, 3, -20.0);
    assert_hears(&sim, 4, -20.0);
    let before = sim.room.counters().encodes;
    sim.run(ms(1_000));
    assert_eq!(sim.room.counters().encodes - before, 150, "the common mix and one for each talker");
    assert_eq!(sim.room.personal_mix(&track_id(3)).unwrap().tracks[&track_id(1)].gain_db, -12.0);

    // A wish of meanwhile waits too.
    sim.wish(4, 1, Some(WishPatch { gain_db: Some(6.0), ..WishPatch::default() }));
    sim.run(ms(1_000));
    assert_hears(&sim, 4, -20.0);
    let heard = sim.ear(3).pcm.len();
    sim.room.shed(Shed::Nothing);
    sim.run(ms(1_000));
    assert_hears(&sim, 3, -32.0);
    assert_hears(&sim, 4, -14.0);
    let steepest = |hz: f64| 0.1 * std::f64::consts::TAU * hz / 48_000.0;
    let step = largest_step(&sim.ear(3).pcm[heard..], 0);
    assert!(f64::from(step) < 1.1 * (steepest(X) + steepest(Y)), "no click: a step of {step}");
    sim.wish(4, 1, None);
    sim.run(ms(1_000));
    assert_hears(&sim, 4, -20.0);
}
