//! A lone talker is forwarded: what it costs, what everybody gets, and that neither change is heard.

#![allow(clippy::unwrap_used, reason = "a test fails by it")]
#![allow(clippy::print_stdout, reason = "the figures are read from the output")]

mod forward_support;
mod room_support;

use std::{collections::BTreeMap, sync::OnceLock};

use audio::EncoderSettings;
use forward_support::*;
use room_support::{Part, ms, tone_dbfs, track_id};
use signaling::{Command, PersonalPatch, RoomPatch, TrackPatch, WishPatch};

/// Whole turns in 20 ms, so that each window of 20 ms is measured exactly.
const A_HZ: f64 = 1_000.0;
const B_HZ: f64 = 400.0;
const FIRST_HZ: f64 = 700.0;
/// The amplitude of the second voice, so low that where it begins it hardly disturbs how the first is measured.
const SECOND: f64 = 0.01;

/// Second voices in each scene: with four scenes there are more than a thousand changes, there and back.
const CYCLES: usize = 126;

/// 1 talks all the time, 2 comes and goes, 3 hears what all hear, 4 hears 2 softer, 5 hears 1 softer.
fn changes(seed: u64, voice: fn(u64) -> f64, is_watched: bool, samples: usize) -> Scene {
    let mut scene = Scene::new(seed);
    for member in [1, 2] {
        scene.join(member, Part::Both);
    }
    for member in [3, 4, 5] {
        scene.join(member, Part::Hears);
    }
    scene.room.set_watched(is_watched);
    scene.wish(4, 2, -6.0);
    if seed.is_multiple_of(2) {
        scene.wish(5, 1, -6.0);
    }
    let encoder = EncoderSettings { bitrate_bps: 96_000, complexity: 5, ..EncoderSettings::default() };
    scene.talk(1, samples, encoder, Box::new(move |n| voice(n) as f32));
    scene.run(ms(2_000));
    for _ in 0..CYCLES {
        let begin = 0.1 + scene.random(9_600) as f64 / 48_000.0;
        let length = 0.2 + scene.random(400) as f64 / 1_000.0;
        // The first 60 ms are told from the rest by their pitch.
        let second = move |n: u64| {
            let t = n as f64 / 48_000.0;
            let hz = if t < 0.06 { FIRST_HZ } else { B_HZ };
            let fade = (t / 0.005).min((length - t) / 0.005).clamp(0.0, 1.0);
            SECOND * fade * (t * hz * std::f64::consts::TAU).sin()
        };
        scene.run(std::time::Duration::from_secs_f64(begin));
        scene.mark();
        scene.talk(2, 960, encoder, Box::new(move |n| second(n) as f32));
        scene.run(std::time::Duration::from_secs_f64(length));
        scene.hush(2);
        let before = scene.room.counters().forwarded;
        scene.run_until(ms(30_000), |scene| scene.room.counters().forwarded > before);
    }
    scene.run(ms(500));
    scene
}

/// Runs what is to be found wrong with each scene, all at once.
fn faults_of<const N: usize>(
    scenes: [(u64, bool, usize); N],
    faults: impl Fn(u64, bool, usize) -> Vec<String> + Sync,
) -> Vec<String> {
    std::thread::scope(|scope| {
        let faults = &faults;
        let threads = scenes.map(|(seed, watched, samples)| scope.spawn(move || faults(seed, watched, samples)));
        threads.into_iter().flat_map(|thread| thread.join().unwrap()).collect()
    })
}

/// Those who hear different packets; who hears the same is heard once.
fn hearers(scene: &Scene) -> Vec<u64> {
    let payloads = |hearer| scene.packets(hearer).iter().map(|packet| &packet.payload);
    let mut all: Vec<u64> = vec![3];
    for hearer in [4, 5] {
        if all.iter().all(|known| !payloads(*known).eq(payloads(hearer))) {
            all.push(hearer);
        }
    }
    all
}

fn tone_of_a(n: u64) -> f64 {
    0.3 * (n as f64 * A_HZ / 48_000.0 * std::f64::consts::TAU).sin()
}

/// A voice of 130 to 170 Hz with its overtones, in words with pauses between, in a room that is never quite silent.
fn speech_like(n: u64) -> f64 {
    const LENGTH: u64 = 30 * 48_000;
    static MADE: OnceLock<Vec<f32>> = OnceLock::new();
    let made = MADE.get_or_init(|| (0..LENGTH).map(|n| make_speech(n) as f32).collect());
    f64::from(made[(n % LENGTH) as usize])
}

fn make_speech(n: u64) -> f64 {
    let t = n as f64 / 48_000.0;
    let phase = 150.0 * t + 3.0 * (t * 1.7).sin();
    let word = ((t * 2.3).sin() + 0.55).clamp(0.0, 1.0) * (0.6 + 0.4 * (t * 23.0).sin());
    let sound: f64 = (1..=12).map(|k| (phase * f64::from(k) * std::f64::consts::TAU).sin() / f64::from(k)).sum();
    let noise = (n.wrapping_mul(0x9E37_79B9_7F4A_7C15) >> 40) as f64 / 8_388_608.0 - 1.0;
    0.12 * word * sound + 0.004 * noise
}

#[test]
fn changes_with_a_steady_tone_are_not_heard() {
    let scenes = [(1, false, 960), (2, false, 960), (3, true, 960), (5, false, 480)];
    let faults = faults_of(scenes, |seed, is_watched, samples| {
        let mut faults = Vec::new();
        let scene = changes(seed, tone_of_a, is_watched, samples);
        let forwards = scene.forwards(3);
        assert!(forwards.len() > CYCLES, "seed {seed}: {} forwards", forwards.len());
        for hearer in hearers(&scene) {
            let gain_db = if hearer == 5 && seed % 2 == 0 { -6.0 } else { 0.0 };
            let heard = scene.heard(hearer);
            assert_eq!(heard.gaps, 0, "seed {seed}: {hearer}");
            let pcm = &heard.pcm[2 * 48_000..];
            let amplitude = 0.3 * 10f64.powf(gain_db / 20.0);
            let nominal = 20.0 * amplitude.log10();
            let mut worst = 0.0_f64;
            let mut phase_before = None;
            let mut jump = 0.0_f64;
            for window in pcm.chunks_exact(960 * 2) {
                worst = worst.max((tone_dbfs(window, 0, A_HZ) - nominal).abs());
                let phase = phase_of(window, A_HZ);
                if let Some(before) = phase_before.replace(phase) {
                    let turn = (phase - before + 1.5).rem_euclid(1.0) - 0.5;
                    jump = jump.max(turn.abs());
                }
            }
            let step = room_support::largest_step(pcm, 0);
            let steady = amplitude * A_HZ / 48_000.0 * std::f64::consts::TAU;
            let second = SECOND * FIRST_HZ / 48_000.0 * std::f64::consts::TAU;
            let steps = f64::from(step) / (steady + second);
            let found =
                format!("seed {seed}, hearer {hearer}: {worst:.2} dB, {jump:.3} of a period, {steps:.2} of its steps");
            println!("{found}; {} forwards", forwards.len());
            // A tenth of a period in 20 ms is his sound on its slow way to where his packets begin.
            if worst >= 0.5 || jump >= 0.12 || steps >= 1.1 {
                faults.push(found);
            }
            if hearer == 3 {
                faults.extend(scene.missing_words(&heard, FIRST_HZ, SECOND));
            }
        }
        faults
    });
    assert!(faults.is_empty(), "{faults:#?}");
}

#[test]
fn changes_with_a_voice_miss_and_repeat_nothing() {
    let scenes = [(11, false, 960), (12, true, 960), (13, false, 2_880), (15, false, 480)];
    let faults = faults_of(scenes, |seed, is_watched, samples| {
        let mut faults = Vec::new();
        let scene = changes(seed, speech_like, is_watched, samples);
        let forwards = scene.forwards(3);
        assert!(forwards.len() > CYCLES, "seed {seed}: {} forwards", forwards.len());
        for hearer in hearers(&scene) {
            let heard = scene.heard(hearer);
            let moves = heard.moves(speech_like);
            let worst = moves.iter().copied().max().unwrap_or(0);
            let (windows, gaps) = (moves.len(), heard.gaps);
            let found =
                format!("seed {seed}, hearer {hearer}: moved by {worst} samples, of {windows} windows, {gaps} gaps");
            println!("{found}; {} forwards", forwards.len());
            if worst > 240 || gaps > 0 || windows < 500 {
                faults.push(found);
            }
        }
        faults
    });
    assert!(faults.is_empty(), "{faults:#?}");
}

#[test]
fn a_lone_talker_that_nobody_looks_at_costs_no_codec_work_and_goes_out_bit_by_bit() {
    let mut scene = Scene::new(7);
    scene.join(1, Part::Both);
    for member in 2..=20 {
        scene.join(member, Part::Hears);
    }
    scene.talk(1, 960, EncoderSettings::default(), Box::new(|n| tone_of_a(n) as f32));
    scene.run(ms(5_000));
    let counters = scene.room.counters();
    assert_eq!((counters.decodes, counters.encodes), (0, 0));
    assert_eq!(counters.forwarded, counters.sent);
    let sent = scene.sent_by(1);
    for hearer in 2..=20 {
        let got: Vec<&[u8]> = scene.packets(hearer).iter().map(|packet| &packet.payload[..]).collect();
        assert_eq!(got, sent, "what {hearer} got");
        assert!(scene.packets(hearer).iter().zip(scene.sent_at(1)).all(|(got, at)| got.at == at), "in the same call");
    }
    assert!(scene.packets(1).is_empty(), "nobody hears himself");
}

#[test]
fn a_step_waits_for_the_next_packet_only_while_all_that_is_heard_is_forwarded() {
    let mut scene = Scene::new(7);
    scene.join(1, Part::Both);
    scene.join(2, Part::Both);
    let encoder = EncoderSettings::default();
    let woken_in_2_s = |scene: &mut Scene| {
        let before = (scene.woken, scene.room.counters().ticks);
        scene.run(ms(2_000));
        assert!((99..=101).contains(&(scene.room.counters().ticks - before.1)), "no step is left out");
        scene.woken - before.0
    };
    scene.talk(1, 960, encoder, Box::new(|n| tone_of_a(n) as f32));
    scene.run(ms(2_000));
    assert!(woken_in_2_s(&mut scene) <= 2);
    scene.room.set_watched(true);
    assert!(woken_in_2_s(&mut scene) >= 98, "the meters are drawn in time");
    scene.room.set_watched(false);
    scene.talk(2, 960, encoder, Box::new(|_| 0.0));
    scene.run(ms(500));
    assert!(woken_in_2_s(&mut scene) >= 98, "he may begin to speak");
    scene.hush(2);
    scene.run(ms(500));
    assert!(woken_in_2_s(&mut scene) <= 2);
}

#[test]
fn who_comes_and_goes_every_300_ms_makes_the_mix_stay() {
    let mut scene = Scene::new(8);
    scene.join(1, Part::Both);
    scene.join(2, Part::Both);
    scene.join(3, Part::Hears);
    let encoder = EncoderSettings::default();
    scene.talk(1, 960, encoder, Box::new(|n| tone_of_a(n) as f32));
    for _ in 0..50 {
        scene.talk(
            2,
            960,
            encoder,
            Box::new(|n| 0.2 * (n as f64 * B_HZ / 48_000.0 * std::f64::consts::TAU).sin() as f32),
        );
        scene.run(ms(300));
        scene.hush(2);
        scene.run(ms(300));
    }
    assert!(scene.forwards(3).len() <= 2, "{:?}", scene.forwards(3));
    scene.run(ms(5_000));
    assert!(scene.is_forwarded_now(3), "and when the second has gone the first is forwarded again");
}

#[test]
fn an_open_microphone_in_a_quiet_room_does_not_force_a_mix() {
    let mut scene = Scene::new(9);
    scene.join(1, Part::Both);
    scene.join(2, Part::Both);
    scene.join(3, Part::Hears);
    let encoder = EncoderSettings::default();
    scene.talk(1, 960, encoder, Box::new(|n| tone_of_a(n) as f32));
    scene.run(ms(500));
    let mut state = 1_u64;
    let noise = move |_| {
        state = state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1);
        ((state >> 40) as f32 / 8_388_608.0 - 1.0) * 0.0005
    };
    scene.talk(2, 960, encoder, Box::new(noise));
    scene.run(ms(3_000));
    assert!(scene.is_forwarded_now(3));
    assert_eq!(scene.room.counters().encodes, 0);
    assert!(scene.room.counters().decodes >= 140, "it is listened to, or it could not be told from a voice");
}

#[test]
fn whatever_the_desk_moves_is_heard_and_then_the_forward_returns() {
    let mut scene = Scene::new(10);
    scene.join(1, Part::Both);
    scene.join(3, Part::Hears);
    scene.talk(1, 960, EncoderSettings::default(), Box::new(|n| tone_of_a(n) as f32));
    let set = |scene: &mut Scene, strip: TrackPatch| scene.command(Command::SetTrack { id: track_id(1), strip });
    let master = |scene: &mut Scene, db: f32| {
        let settings = RoomPatch { master_gain_db: Some(db), ..RoomPatch::default() };
        scene.command(Command::SetRoom { settings });
    };
    scene.run(ms(1_000));
    type Step<'a> = (&'a dyn Fn(&mut Scene), f64);
    let steps: [Step<'_>; 6] = [
        (&|scene| set(scene, TrackPatch { gain_db: Some(-12.0), ..TrackPatch::default() }), -12.0),
        (&|scene| set(scene, TrackPatch { gain_db: Some(0.0), ..TrackPatch::default() }), 0.0),
        (&|scene| master(scene, -6.0), -6.0),
        (&|scene| master(scene, 0.0), 0.0),
        (&|scene| set(scene, TrackPatch { pan: Some(0.3), ..TrackPatch::default() }), -2.63),
        (&|scene| set(scene, TrackPatch { pan: Some(0.0), ..TrackPatch::default() }), 0.0),
    ];
    for (step, (change, gain_db)) in steps.iter().enumerate() {
        assert!(step % 2 == 1 || scene.is_forwarded_now(3), "step {step}");
        change(&mut scene);
        scene.run(ms(400));
        assert!(step % 2 == 1 || !scene.is_forwarded_now(3), "step {step}");
        scene.run(ms(3_300));
        let heard = scene.heard(3);
        let level = tone_dbfs(&heard.pcm[heard.pcm.len() - 9_600..], 0, A_HZ);
        let nominal = 20.0 * 0.3f64.log10() + gain_db;
        assert!((level - nominal).abs() < 0.5, "step {step}: {level}");
    }
    let heard = scene.heard(3);
    assert_eq!(heard.gaps, 0);
    let steady = 0.3 * A_HZ / 48_000.0 * std::f64::consts::TAU;
    assert!(f64::from(room_support::largest_step(&heard.pcm[48_000..], 0)) < 1.1 * steady);
}

#[test]
fn a_wish_of_one_is_his_alone_and_the_others_get_the_packets() {
    let mut scene = Scene::new(12);
    scene.join(1, Part::Both);
    scene.join(3, Part::Hears);
    scene.join(4, Part::Hears);
    scene.talk(1, 960, EncoderSettings::default(), Box::new(|n| tone_of_a(n) as f32));
    scene.run(ms(1_000));
    let mix = PersonalPatch {
        tracks: BTreeMap::from([(track_id(1), Some(WishPatch { gain_db: Some(-6.0), ..WishPatch::default() }))]),
        ..PersonalPatch::default()
    };
    scene.command(Command::SetMix { id: track_id(4), mix });
    scene.run(ms(5_000));
    assert!(scene.is_forwarded_now(3) && !scene.is_forwarded_now(4));
    for (hearer, gain_db) in [(3, 0.0), (4, -6.0)] {
        let heard = scene.heard(hearer);
        assert_eq!(heard.gaps, 0);
        let level = tone_dbfs(&heard.pcm[heard.pcm.len() - 9_600..], 0, A_HZ);
        assert!((level - 20.0 * 0.3f64.log10() - gain_db).abs() < 0.5, "{hearer}: {level}");
        let steady = 0.3 * A_HZ / 48_000.0 * std::f64::consts::TAU;
        let step = f64::from(room_support::largest_step(&heard.pcm[48_000..], 0));
        assert!(step < 1.1 * steady, "{hearer}: {step} of {steady}");
    }
}
