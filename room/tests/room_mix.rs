//! What each member of a room hears, in each ear.

#![allow(clippy::unwrap_used, reason = "a test fails by it")]

mod room_support;

use audio::EncoderSettings;
use room_support::*;
use signaling::TrackPatch;

/// What gain, pan and master make of an amplitude, dBFS in one channel.
fn expected_dbfs(amplitude: f64, gain_db: f64, pan: f64, master_db: f64, channel: usize) -> f64 {
    let angle = (pan + 1.0) * std::f64::consts::FRAC_PI_4;
    let factor = [angle.cos(), angle.sin()][channel] * std::f64::consts::SQRT_2;
    20.0 * (amplitude * factor).max(1e-9).log10() + gain_db + master_db
}

// Tones have no whole number of turns in a frame: the rounding of Opus is then not the same in each
// frame, and its mean over a second is near 0 dB.

fn assert_level(pcm: &[f32], channel: usize, hz: f64, expected: f64, who: &str) {
    let measured = tone_dbfs(pcm, channel, hz);
    if expected <= -60.0 {
        assert!(measured <= -60.0, "{who}: {hz} Hz in channel {channel} is {measured:.1} dBFS, not silent");
    } else {
        assert!(
            (measured - expected).abs() <= 0.5,
            "{who}: {hz} Hz in channel {channel} is {measured:.2} dBFS, not {expected:.2}"
        );
    }
}

#[test]
fn everyone_hears_every_other_as_the_desk_says_and_never_itself() {
    const MASTER_DB: f64 = -3.0;
    // Tone, amplitude, gain and pan of six who talk and hear, and of a seventh who only talks.
    let talkers = [
        (353.0, 0.05, 6.0, -0.6),
        (659.0, 0.14, -6.0, 1.0),
        (1_061.0, 0.06, 3.0, 0.3),
        (1_709.0, 0.10, -4.5, -1.0),
        (2_711.0, 0.04, 9.0, 0.0),
        (4_297.0, 0.07, -2.0, 0.75),
        (6_911.0, 0.06, 2.5, -0.25),
    ];
    let mut sim = Sim::new();
    for (n, &(hz, amplitude, gain_db, pan)) in talkers.iter().enumerate() {
        let member = n as u64 + 1;
        let part = if member == 7 { Part::Talks } else { Part::Both };
        sim.join(member, part, strip(gain_db as f32, pan as f32));
        // Few bits make mono packets; the rest are stereo.
        let (bitrate_bps, complexity) = if [1, 2].contains(&member) { (16_000, 10) } else { (96_000, 5) };
        let encoder = EncoderSettings { bitrate_bps, complexity, ..EncoderSettings::default() };
        sim.talk_with(member, tone(hz, amplitude), encoder);
    }
    sim.join(8, Part::Hears, TrackPatch::default());
    sim.set_master(MASTER_DB as f32);
    for (member, is_stereo) in [(1, false), (2, false), (3, true), (7, true)] {
        let last = (0..100).map(|_| sim.sender(member).packet()).last().unwrap();
        assert_eq!(last[0] & 0x04 != 0, is_stereo, "the packets of {member}");
    }
    sim.run(ms(3_500));

    for hearer in [1, 2, 3, 4, 5, 6, 8] {
        let pcm = sim.ear(hearer).last(2.0, 0.1);
        for (n, &(hz, amplitude, gain_db, pan)) in talkers.iter().enumerate() {
            for channel in [0, 1] {
                let expected = match n as u64 + 1 == hearer {
                    true => -200.0,
                    false => expected_dbfs(amplitude, gain_db, pan, MASTER_DB, channel),
                };
                assert_level(pcm, channel, hz, expected, &format!("member {hearer}"));
            }
        }
    }
    assert!(!sim.ears.contains_key(&room::MemberId(7)), "who only talks is sent nothing");
}

#[test]
fn a_stereo_source_is_balanced_by_the_two_factors() {
    let mut sim = Sim::new();
    sim.join(1, Part::Talks, strip(-2.0, 0.5));
    sim.join(2, Part::Hears, TrackPatch::default());
    sim.talk(1, tones((443.0, 0.2), (1_511.0, 0.1)));
    sim.run(ms(2_500));
    let pcm = sim.ear(2).last(1.0, 0.1);
    assert_level(pcm, 0, 443.0, expected_dbfs(0.2, -2.0, 0.5, 0.0, 0), "left");
    assert_level(pcm, 1, 1_511.0, expected_dbfs(0.1, -2.0, 0.5, 0.0, 1), "right");
    assert!(tone_dbfs(pcm, 0, 1_511.0) < -55.0 && tone_dbfs(pcm, 1, 443.0) < -55.0, "the sides stay apart");
}

#[test]
fn changes_of_the_desk_are_exact_and_do_not_click() {
    const HZ: f64 = 311.0;
    let moves: [(&str, TrackPatch, f64, f64, bool); 6] = [
        ("gain down", TrackPatch { gain_db: Some(-20.0), ..TrackPatch::default() }, -20.0, 0.0, false),
        ("gain up", TrackPatch { gain_db: Some(3.0), ..TrackPatch::default() }, 3.0, 0.0, false),
        ("hard left", TrackPatch { pan: Some(-1.0), ..TrackPatch::default() }, 3.0, -1.0, false),
        ("mute", TrackPatch { muted: Some(true), ..TrackPatch::default() }, 3.0, -1.0, true),
        (
            "unmute and to the right",
            TrackPatch { muted: Some(false), pan: Some(0.4), ..TrackPatch::default() },
            3.0,
            0.4,
            false,
        ),
        ("silence by the fader", TrackPatch { gain_db: Some(-60.0), ..TrackPatch::default() }, -60.0, 0.4, true),
    ];
    let mut sim = Sim::new();
    sim.join(1, Part::Both, TrackPatch::default());
    sim.join(2, Part::Hears, TrackPatch::default());
    sim.talk(1, tone(HZ, 0.25));
    sim.run(ms(2_000));
    let mut amplitude_before = 0.25f64;
    for (what, patch, gain_db, pan, silent) in moves {
        sim.set(1, patch);
        sim.run(ms(1_500));
        let pcm = sim.ear(2).last(1.0, 0.1);
        let mut loudest = amplitude_before;
        for channel in [0, 1] {
            let expected = if silent { -200.0 } else { expected_dbfs(0.25, gain_db, pan, 0.0, channel) };
            // While it is silent the ear's time stands still after 200 ms: look at the end alone.
            let pcm = if silent { sim.ear(2).last(0.1, 0.0) } else { pcm };
            assert_level(pcm, channel, HZ, expected, what);
            loudest = loudest.max(10f64.powf(expected / 20.0));
        }
        // A sine of this amplitude has this largest step; the ramp over 960 samples adds little.
        let allowed = (loudest * std::f64::consts::TAU * HZ / 48_000.0 + loudest / 960.0) * 1.2;
        let whole = if silent { sim.ear(2).last(0.4, 0.0) } else { sim.ear(2).last(1.6, 0.0) };
        for channel in [0, 1] {
            let step = largest_step(whole, channel);
            assert!(f64::from(step) <= allowed, "{what}: a step of {step} where {allowed} is allowed");
        }
        amplitude_before = loudest;
    }
}

#[test]
fn the_master_moves_every_mix_without_a_click() {
    let mut sim = Sim::new();
    for member in [1, 2] {
        sim.join(member, Part::Both, TrackPatch::default());
        sim.talk(member, tone(311.0 * member as f64, 0.2));
    }
    sim.join(3, Part::Hears, TrackPatch::default());
    sim.run(ms(2_000));
    sim.set_master(-12.0);
    sim.run(ms(1_500));
    for (hearer, hears) in [(1, vec![622.0]), (2, vec![311.0]), (3, vec![311.0, 622.0])] {
        let ear = sim.ear(hearer);
        for hz in hears {
            assert_level(ear.last(1.0, 1.6), 0, hz, expected_dbfs(0.2, 0.0, 0.0, 0.0, 0), "before");
            assert_level(ear.last(1.0, 0.1), 0, hz, expected_dbfs(0.2, 0.0, 0.0, -12.0, 0), "after");
        }
        let steady = largest_step(ear.last(1.0, 1.6), 0);
        assert!(largest_step(ear.last(2.6, 0.0), 0) <= steady * 1.2, "member {hearer} hears a click");
    }
}

#[test]
fn sixteen_at_full_scale_neither_clip_nor_wrap_and_stay_apart() {
    // Few bits make Opus overshoot most.
    let encoder = EncoderSettings { bitrate_bps: 64_000, ..EncoderSettings::default() };
    let mut sim = Sim::with(room::Settings { encoder, ..settings() });
    // No tone lies where the limiter's work on the others would put one.
    let hz = |n: u64| {
        [
            211.0, 347.0, 509.0, 643.0, 821.0, 977.0, 1_187.0, 1_361.0, 1_613.0, 1_823.0, 2_111.0, 2_393.0, 2_729.0,
            3_067.0, 3_469.0, 3_907.0, 4_409.0, 4_969.0,
        ][n as usize]
    };
    for member in 1..=16 {
        sim.join(member, Part::Both, TrackPatch::default());
        sim.talk(member, tone(hz(member), 1.0));
    }
    sim.join(17, Part::Hears, TrackPatch::default());
    sim.run(ms(3_000));
    for hearer in 1..=17 {
        let ear = sim.ear(hearer);
        // Until the second is there, the first goes out as he came.
        let mixed = peak(&ear.pcm[9_600..]);
        assert!(mixed <= 1.0, "member {hearer} hears {mixed} of full scale");
        let pcm = ear.last(2.0, 0.1);
        let loudest_gap = (0..=17).map(|n| tone_dbfs(pcm, 0, hz(n) + 75.0)).fold(-200.0, f64::max);
        for talker in (1..=16).filter(|t| *t != hearer) {
            let level = tone_dbfs(pcm, 0, hz(talker));
            assert!(level > loudest_gap + 12.0, "{hearer} hears {talker} at {level:.1}, and {loudest_gap:.1} between");
        }
        if hearer <= 16 {
            let own = tone_dbfs(pcm, 0, hz(hearer));
            assert!(own < loudest_gap.max(-45.0) + 6.0, "{hearer} hears itself at {own:.1}");
        }
    }
}

#[test]
fn talkers_cost_codec_work_and_listeners_do_not() {
    const HEARERS: u64 = 1_000;
    let mut sim = Sim::new();
    for member in 1..=3 {
        sim.join(member, Part::Both, TrackPatch::default());
        sim.talk(member, tone(311.0 * member as f64, 0.1));
    }
    for member in 4..4 + HEARERS {
        sim.join(member, Part::Hears, TrackPatch::default());
    }
    // What they would decode is no business of the room.
    sim.deafen();
    sim.run(ms(1_000));
    let mut before = sim.room.counters();
    for tick in 0..100 {
        sim.run(ms(20));
        let after = sim.room.counters();
        let done = (after.ticks - before.ticks, after.decodes - before.decodes, after.encodes - before.encodes);
        assert_eq!(done, (1, 3, 4), "ticks, decodes and encodes, {tick} ticks on");
        assert_eq!(after.sent - before.sent, 3 + HEARERS);
        before = after;
    }
    assert_eq!(sim.room.mixes(), 4);

    for member in 4..4 + HEARERS {
        sim.leave(member);
    }
    // Who looks at the meters is no hearer.
    sim.room.set_watched(true);
    let before = sim.room.counters();
    sim.run(ms(1_000));
    assert_eq!(sim.room.counters().encodes - before.encodes, 3 * 50, "a mix that nobody hears is not made");

    // Two fall silent: their encoders stay for a second, and then the third is forwarded to them, alone.
    sim.room.set_watched(false);
    for member in [2, 3] {
        sim.sender(member).on = false;
    }
    sim.run(ms(500));
    let before = sim.room.counters();
    sim.run(ms(200));
    assert_eq!(sim.room.counters().encodes - before.encodes, 2 * 10, "each goes on in his own mix");
    sim.run(ms(5_300));
    let before = sim.room.counters();
    sim.run(ms(1_000));
    let after = sim.room.counters();
    assert_eq!((after.decodes, after.encodes), (before.decodes, before.encodes), "a lone talker costs no codec work");
    assert_eq!(after.sent - before.sent, 2 * 50);
}

#[test]
fn a_muted_talker_costs_nothing() {
    let mut sim = Sim::new();
    sim.join(1, Part::Talks, TrackPatch::default());
    sim.join(2, Part::Hears, TrackPatch::default());
    sim.talk(1, tone(311.0, 0.1));
    sim.run(ms(500));
    sim.set(1, TrackPatch { muted: Some(true), ..TrackPatch::default() });
    sim.run(ms(1_000));
    let (before, sent) = (sim.room.counters(), sim.sent);
    sim.run(ms(5_000));
    let after = sim.room.counters();
    assert_eq!((after.decodes, after.encodes, sim.sent), (before.decodes, before.encodes, sent));
    assert_eq!(after.receive.received - before.receive.received, 250, "its packets are seen all the same");
    assert_eq!(sim.events().iter().filter(|e| e.starts_with("new stream")).count(), 1, "{:?}", sim.events());

    sim.set(1, TrackPatch { muted: Some(false), ..TrackPatch::default() });
    sim.run(ms(1_500));
    assert_level(sim.ear(2).last(1.0, 0.1), 0, 311.0, expected_dbfs(0.1, 0.0, 0.0, 0.0, 0), "after the mute");
    assert_eq!(sim.events().iter().filter(|e| e.starts_with("new stream")).count(), 1, "{:?}", sim.events());
}

#[test]
fn going_from_one_mix_to_another_is_not_heard() {
    const HZ: f64 = 311.0;
    let mut sim = Sim::new();
    for member in [1, 2] {
        sim.join(member, Part::Both, TrackPatch::default());
    }
    sim.join(3, Part::Hears, TrackPatch::default());
    sim.talk(1, tone(HZ, 0.3));
    sim.talk(2, tone(709.0, 0.2));
    sim.sender(2).on = false;
    sim.run(ms(2_000));
    let steady = largest_step(sim.ear(2).last(1.0, 0.0), 0);
    // Member 2 talks for a second: to its own mix, and a second later back to the common one.
    sim.sender(2).on = true;
    sim.run(ms(1_000));
    sim.sender(2).on = false;
    sim.run(ms(3_000));
    let ear = sim.ear(2);
    let whole = ear.last(5.0, 0.0);
    let step = largest_step(whole, 0);
    assert!(step <= steady * 1.1, "a step of {step} where the tone has {steady}");
    for (n, part) in whole.chunks_exact(4_800 * 2).enumerate() {
        assert_level(part, 0, HZ, expected_dbfs(0.3, 0.0, 0.0, 0.0, 0), &format!("tenth {n}"));
        let own = tone_dbfs(part, 0, 709.0);
        assert!(own < -50.0, "tenth {n}: hears itself at {own:.1}");
    }
    assert_eq!(ear.packets.windows(2).filter(|p| p[1].sequence != p[0].sequence.wrapping_add(1)).count(), 0);
    assert_eq!(ear.packets.iter().filter(|p| p.marker).count(), 1, "one talk, no pause");
}

#[test]
fn who_leaves_in_the_middle_of_a_word_is_not_a_click() {
    let mut sim = Sim::new();
    sim.join(1, Part::Both, TrackPatch::default());
    sim.join(2, Part::Hears, TrackPatch::default());
    sim.talk(1, tone(311.0, 0.3));
    sim.run(ms(1_000));
    let steady = largest_step(sim.ear(2).last(0.5, 0.0), 0);
    sim.leave(1);
    sim.run(ms(1_000));
    let ear = sim.ear(2);
    assert!(largest_step(ear.last(0.4, 0.0), 0) <= steady * 1.1);
    assert!(peak(ear.last(0.1, 0.0)) < 1e-3, "nothing of it is left");
    sim.run(ms(5_000));
    assert_eq!(sim.room.wake_at(), None, "memory has been given back, and nothing else is to come");
}
