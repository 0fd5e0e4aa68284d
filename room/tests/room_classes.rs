//! Hearers with a bad network get fewer bits and more guard; all others keep theirs.

#![allow(clippy::unwrap_used, reason = "a test fails by it")]

mod room_support;

use room::MemberId;
use room_support::*;
use signaling::TrackPatch;

/// Bits a second that a member was sent in the last second of `sim`.
fn bitrate(sim: &Sim, member: u64) -> usize {
    sim.ear(member).packets.iter().rev().take(50).map(|media| media.payload.len() * 8).sum()
}

#[test]
fn a_bad_network_costs_one_encode_and_nobody_else_a_bit() {
    let mut sim = Sim::new();
    sim.join(1, Part::Talks, strip(-3.0, 0.0));
    for hearer in 2..=9 {
        sim.join(hearer, Part::Hears, TrackPatch::default());
    }
    sim.talk(1, speech());
    sim.run(ms(2_000));
    let before = sim.room.counters().encodes;
    sim.run(ms(1_000));
    assert_eq!(sim.room.counters().encodes - before, 50, "one encoding for all");

    // Two lose much, the others nothing.
    let report = |sim: &mut Sim, loss: f32| {
        for hearer in 2..=9 {
            sim.room.reception_report(MemberId(hearer), if hearer < 4 { loss } else { 0.0 }, sim.now);
        }
    };
    for (loss, most) in [(0.05, 64_000), (0.15, 32_000), (0.4, 12_000)] {
        report(&mut sim, loss);
        sim.run(ms(1_000));
        let before = sim.room.counters().encodes;
        sim.run(ms(1_000));
        assert_eq!(sim.room.counters().encodes - before, 100, "one encoding more at {loss}");
        for poor in [2, 3] {
            let bps = bitrate(&sim, poor);
            assert!(bps < most * 5 / 4, "{bps} bit/s at {loss}");
        }
        assert!(bitrate(&sim, 4) > 60_000, "{}", bitrate(&sim, 4));
        let (poor, clean) = (sim.ear(2).last(1.0, 0.0), sim.ear(4).last(1.0, 0.0));
        let level = |pcm: &[f32]| 10.0 * (pcm.iter().map(|s| f64::from(s * s)).sum::<f64>() / pcm.len() as f64).log10();
        assert!((level(poor) - level(clean)).abs() < 2.0, "{} and {} at {loss}", level(poor), level(clean));
        // Silence between syllables needs no copy, and 12 kbit/s have no room for one.
        let (fec, clean) = (fec_share(&sim, 2), fec_share(&sim, 4));
        assert!((fec > 0.4 || most == 12_000) && clean == 0.0, "{fec} of the packets can replace one at {loss}");
    }

    for second in 1..=35 {
        report(&mut sim, 0.0);
        sim.run(ms(1_000));
        assert!(second > 9 || bitrate(&sim, 2) < 16_000, "it does not rise at once");
    }
    let before = sim.room.counters().encodes;
    sim.run(ms(1_000));
    assert_eq!(sim.room.counters().encodes - before, 50, "all hear the same again");
    assert_eq!(bitrate(&sim, 2), bitrate(&sim, 4));
}

/// Which share of a member's last packets carries a copy of the packet before.
fn fec_share(sim: &Sim, member: u64) -> f64 {
    let last = &sim.ear(member).payloads[sim.ear(member).payloads.len() - 50..];
    last.iter().filter(|payload| audio::has_fec(payload)).count() as f64 / last.len() as f64
}

/// A change of class is as little heard as any change of encoders. Between the two kinds of encoder 4 ms are heard twice, or not at all: of
/// 625 Hz those are two periods and a half, the most that can be off.
#[test]
fn a_change_of_class_does_not_click() {
    for hz in [500.0, 625.0, 687.5] {
        let mut sim = Sim::new();
        sim.join(1, Part::Talks, strip(-3.0, 0.0));
        sim.join(2, Part::Hears, TrackPatch::default());
        sim.talk(1, tone(hz, 0.3));
        sim.run(ms(1_000));
        for loss in [0.05, 0.15, 0.4] {
            sim.room.reception_report(MemberId(2), loss, sim.now);
            sim.run(ms(1_000));
        }
        for _ in 0..35 {
            sim.room.reception_report(MemberId(2), 0.0, sim.now);
            sim.run(ms(1_000));
        }
        let heard = sim.ear(2).last(38.0, 0.0);
        let step = (0.3 * 0.708 * std::f64::consts::TAU * hz / 48_000.0) as f32;
        assert!(largest_step(heard, 0) < 1.4 * step, "{hz} Hz: a click of {}", largest_step(heard, 0));
        for (at, window) in heard.chunks_exact(1920 * 2).enumerate() {
            let power = window.iter().step_by(2).map(|sample| f64::from(sample * sample)).sum::<f64>() / 1920.0;
            // Where 4 ms are whole periods, the tone itself goes on; elsewhere its phase jumps, and all that sounds is measured.
            let level = if hz == 500.0 { tone_dbfs(window, 0, hz) } else { 10.0 * (2.0 * power).log10() };
            assert!((level + 13.46).abs() < 2.0, "{hz} Hz: {level} dBFS at {} ms", at * 40);
        }
    }
}
