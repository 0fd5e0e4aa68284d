//! Hearers with a bad network get a mix of the lone talker, each in the bits that his network carries; all others go on
//! getting his packets, and neither notices when one comes or goes.

#![allow(clippy::unwrap_used, reason = "a test fails by it")]

mod forward_support;
mod room_support;

use std::time::Duration;

use audio::EncoderSettings;
use forward_support::*;
use room::MemberId;
use room_support::{Part, largest_step, ms, tone_dbfs, track_id};

/// Whole turns in 20 ms, so that each window of 20 ms is measured exactly.
const A_HZ: f64 = 1_000.0;
const B_HZ: f64 = 400.0;
const LOUD: f64 = 0.3;

fn sine(hz: f64, amplitude: f64) -> Box<dyn FnMut(u64) -> f32> {
    Box::new(move |n| (amplitude * (n as f64 * hz / 48_000.0 * std::f64::consts::TAU).sin()) as f32)
}

/// 1 talks in packets of so many samples, 2 may, 3 to 6 hear.
fn scene(seed: u64, samples: usize) -> Scene {
    let mut scene = Scene::new(seed);
    for member in [1, 2] {
        scene.join(member, Part::Both);
    }
    for member in 3..=6 {
        scene.join(member, Part::Hears);
    }
    let encoder = EncoderSettings { bitrate_bps: 96_000, complexity: 5, ..EncoderSettings::default() };
    scene.talk(1, samples, encoder, sine(A_HZ, LOUD));
    scene.run(ms(2_000));
    scene
}

fn report(scene: &mut Scene, hearer: u64, loss: f32) {
    scene.room.reception_report(MemberId(hearer), loss, scene.now);
}

/// Reports a clean network each second for so long.
fn recover(scene: &mut Scene, hearer: u64, seconds: u64) {
    for _ in 0..seconds {
        scene.run(ms(1_000));
        report(scene, hearer, 0.0);
    }
}

/// Decodes and encodes within a second, for each 50 steps.
fn work(scene: &mut Scene) -> (u64, u64) {
    let before = scene.room.counters();
    scene.run(ms(1_000));
    let now = scene.room.counters();
    let (ticks, decodes) = (now.ticks - before.ticks, now.decodes - before.decodes);
    (50 * decodes / ticks, 50 * (now.encodes - before.encodes) / ticks)
}

/// What is wrong with a steady tone that was heard: gaps, clicks, and 20 ms that are too soft, too loud or jump.
fn faults(scene: &Scene, hearer: u64, db: f64, second: f64) -> Vec<String> {
    let heard = scene.heard(hearer);
    let pcm = &heard.pcm[48_000..];
    let nominal = 20.0 * LOUD.log10();
    let steady = LOUD * A_HZ / 48_000.0 * std::f64::consts::TAU + second * B_HZ / 48_000.0 * std::f64::consts::TAU;
    let mut faults = Vec::new();
    let mut before = None;
    for (n, window) in pcm.chunks_exact(960 * 2).enumerate() {
        let level = tone_dbfs(window, 0, A_HZ) - nominal;
        let phase = phase_of(window, A_HZ);
        let turn: f64 = before.replace(phase).map_or(0.0, |before: f64| (phase - before + 1.5).rem_euclid(1.0) - 0.5);
        if level.abs() >= db || turn.abs() >= 0.12 {
            faults.push(format!("hearer {hearer}, {} ms: {level:.2} dB, {turn:.3} of a period", 500 + 20 * n));
        }
    }
    let step = f64::from(largest_step(pcm, 0));
    if step >= 1.2 * steady {
        faults.push(format!("hearer {hearer}: a step of {step:.4}, the tone has {steady:.4}"));
    }
    if heard.gaps > 0 {
        faults.push(format!("hearer {hearer}: {} gaps", heard.gaps));
    }
    faults
}

#[test]
fn one_poor_network_costs_one_decode_and_one_encode_and_the_others_get_every_packet() {
    let mut scene = scene(1, 960);
    assert_eq!(work(&mut scene), (0, 0));
    report(&mut scene, 4, 0.15);
    scene.run(ms(500));
    assert!(!scene.is_forwarded_now(4) && scene.is_forwarded_now(3));
    assert_eq!(work(&mut scene), (50, 50), "one decode and one encode a tick");
    report(&mut scene, 5, 0.2);
    scene.run(ms(500));
    assert!(!scene.is_forwarded_now(5));
    assert_eq!(work(&mut scene), (50, 50), "two of one class share theirs");
    report(&mut scene, 6, 0.4);
    scene.run(ms(500));
    assert_eq!(work(&mut scene), (50, 100), "another class is another encode");
    for hearer in [2, 3] {
        let got: Vec<&[u8]> = scene.packets(hearer).iter().map(|packet| &packet.payload[..]).collect();
        assert_eq!(got, scene.sent_by(1), "what {hearer} got");
    }
    // 15 % of what is lost is guarded, and nobody gets more bits than his network carries.
    let bits = |hearer: u64| scene.packets(hearer).iter().rev().take(50).map(|p| p.payload.len() * 8).sum::<usize>();
    assert!(bits(4) < 40_000 && bits(6) < 16_000 && bits(3) > 60_000, "{} {} {}", bits(4), bits(6), bits(3));
    let mut found = Vec::new();
    for hearer in 3..=6 {
        found.extend(faults(&scene, hearer, if hearer == 3 { 0.5 } else { 1.5 }, 0.0));
    }
    assert!(found.is_empty(), "{found:#?}");
}

#[test]
fn when_the_network_recovers_he_gets_the_packets_again_and_nothing_is_decoded() {
    for (seed, samples) in [(2, 960), (3, 480), (4, 2_880)] {
        let mut scene = scene(seed, samples);
        report(&mut scene, 4, 0.15);
        scene.run(ms(1_000));
        assert!(!scene.is_forwarded_now(4), "{samples}");
        recover(&mut scene, 4, 14);
        assert!(scene.is_forwarded_now(4), "{samples}");
        assert_eq!(work(&mut scene), (0, 0), "{samples}");
        let got: Vec<&[u8]> = scene.packets(3).iter().map(|packet| &packet.payload[..]).collect();
        assert_eq!(got, scene.sent_by(1), "the others noticed nothing");
        let found: Vec<String> = [3, 4].iter().flat_map(|hearer| faults(&scene, *hearer, 1.5, 0.0)).collect();
        assert!(found.is_empty(), "{samples}: {found:#?}");
    }
}

/// Networks that come and go in any phase, with a second voice now and then: nobody hears a change.
#[test]
fn changes_of_one_and_of_all_together_are_not_heard() {
    const SECOND: f64 = 0.01;
    let mut found = Vec::new();
    for seed in 10..14 {
        let mut scene = scene(seed, if seed % 2 == 0 { 960 } else { 480 });
        let encoder = EncoderSettings::default();
        for round in 0..8 {
            let wait = scene.random(700);
            scene.run(ms(wait));
            report(&mut scene, 4 + round % 2, 0.12);
            let wait = scene.random(900);
            scene.run(ms(wait));
            if round % 3 != 2 {
                scene.talk(2, 960, encoder, sine(B_HZ, SECOND));
                scene.run(ms(300));
                scene.hush(2);
            }
            scene.run(ms(4_800));
            assert!(scene.is_forwarded_now(3) && !scene.is_forwarded_now(4 + round % 2), "seed {seed}, round {round}");
            if round % 2 == 1 {
                let now = scene.now;
                for hearer in [4, 5] {
                    for second in 1..=22 {
                        scene.room.reception_report(MemberId(hearer), 0.0, now + Duration::from_secs(second));
                    }
                }
                scene.run(ms(2_500));
                assert!(scene.is_forwarded_now(4) && scene.is_forwarded_now(5), "seed {seed}, round {round}");
            }
        }
        for hearer in 3..=6 {
            let db = if hearer == 4 || hearer == 5 { 1.5 } else { 0.5 };
            found.extend(faults(&scene, hearer, db, SECOND).into_iter().map(|fault| format!("seed {seed}: {fault}")));
        }
    }
    assert!(found.is_empty(), "{} {:#?}", found.len(), &found[..found.len().min(30)]);
}

/// What a desk is told: of each track whether it is forwarded, and whether its peer gets packets or a mix.
#[test]
fn who_looks_is_told_who_is_forwarded_and_who_hears_packets() {
    let mut scene = scene(20, 960);
    scene.room.set_watched(true);
    let encoder = EncoderSettings::default();
    scene.talk(2, 960, encoder, sine(B_HZ, 0.0001));
    let told = |scene: &Scene| {
        let (tracks, hearers) = scene.stats.clone().unwrap();
        let of = |member| tracks.get(&track_id(member)).map(|stats| (stats.forwarded, stats.hears_forwarded));
        (of(1), of(2), hearers)
    };
    scene.run(ms(1_500));
    assert_eq!(told(&scene), (Some((true, false)), Some((false, true)), 5));
    report(&mut scene, 2, 0.15);
    report(&mut scene, 3, 0.15);
    scene.run(ms(1_500));
    assert_eq!(told(&scene), (Some((true, false)), Some((false, false)), 3), "two hear a mix");
    scene.talk(2, 960, encoder, sine(B_HZ, 0.1));
    scene.run(ms(1_500));
    assert_eq!(told(&scene), (Some((false, false)), Some((false, false)), 0), "all hear a mix");
    scene.hush(2);
    scene.run(ms(6_000));
    assert_eq!(told(&scene).2, 3);
    scene.hush(1);
    scene.run(ms(3_000));
    assert_eq!(told(&scene), (Some((false, false)), Some((false, false)), 0), "silence is forwarded to nobody");
}
