//! Packets that others overtake, on a network that is uneven besides: steps follow what comes, and wait for those.

#![allow(clippy::unwrap_used, reason = "a test fails by it")]

mod room_support;

use std::time::Duration;

use room::{Effects, MemberId, Room, Rtp};
use room_support::*;
use signaling::TrackPatch;

const PACKETS: u64 = 2_000;

/// When each packet comes: evenly spread up to `jitter_ms` late in their order, and 5 % of them 30 ms later than that.
fn arrivals(jitter_ms: u64, mut seed: u64) -> Vec<(Duration, u64)> {
    let mut roll = |below: u64| {
        seed = seed.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        (seed >> 33) % below
    };
    let (mut latest, mut arrivals) = (Duration::ZERO, Vec::new());
    for number in 0..PACKETS {
        let at = ms(20 * number) + Duration::from_micros(roll(1 + 1_000 * jitter_ms));
        latest = latest.max(at);
        arrivals.push((latest + if roll(100) < 5 { ms(30) } else { ms(0) }, number));
    }
    arrivals.sort();
    arrivals
}

/// Packets that came too late, and sound that was guessed, once the first 3 s had shown what the network is like.
fn too_late(payloads: &[Vec<u8>], jitter_ms: u64, seed: u64) -> (u64, Duration) {
    let (mut room, mut effects) = (Room::new("overtaken".parse().unwrap(), settings(), Duration::ZERO), Effects::new());
    room.join(join(1, Part::Talks, strip(-3.0, 0.0)), Duration::ZERO, &mut effects);
    room.join(join(2, Part::Hears, TrackPatch::default()), Duration::ZERO, &mut effects);
    let mut before = None;
    for (at, number) in arrivals(jitter_ms, seed) {
        while let Some(due) = room.wake_at().filter(|due| *due < at) {
            room.tick(due, &mut effects);
        }
        if at > ms(3_000) {
            before.get_or_insert(room.counters().receive);
        }
        let (sequence, timestamp) = (number as u16, number as u32 * 960);
        let rtp = Rtp { ssrc: 1, sequence, timestamp, payload: &payloads[number as usize], is_copy: false };
        room.packet(MemberId(1), rtp, at, &mut effects);
        effects.clear();
    }
    let (before, after) = (before.unwrap(), room.counters().receive);
    assert!(after.out_of_order > 50, "{after:?}");
    (after.late - before.late, after.concealed - before.concealed)
}

#[test]
fn what_is_overtaken_comes_in_time_also_where_the_network_is_uneven() {
    let mut sim = Sim::new();
    sim.talk(1, speech());
    let payloads: Vec<_> = (0..PACKETS).map(|_| sim.sender(1).packet()).collect();
    for jitter_ms in [0, 3, 8] {
        let late: Vec<_> = (1..=4).map(|seed| too_late(&payloads, jitter_ms, seed)).collect();
        println!("{jitter_ms} ms: {late:?}");
        assert!(late.iter().all(|late| *late == (0, Duration::ZERO)), "{jitter_ms} ms: {late:?}");
    }
}
