//! Whatever a lone talker sends, and however he comes and goes, a hearer notices no change between his packets and the mix.

#![allow(clippy::unwrap_used, reason = "a test fails by it")]

mod forward_support;
mod room_support;

use audio::EncoderSettings;
use forward_support::*;
use room_support::{Part, largest_step, ms, tone_dbfs};
use signaling::{Command, RoomPatch};

/// Whole turns in 10 ms, so that windows of 20 ms and blocks of 10 are measured exactly.
const A_HZ: f64 = 1_000.0;
const B_HZ: f64 = 400.0;
const LOUD: f64 = 0.3;
const SOFT: f64 = 0.01;
const MUSIC: EncoderSettings = EncoderSettings {
    bitrate_bps: 96_000,
    complexity: 5,
    expected_loss_percent: 0,
    fec: false,
    dred: std::time::Duration::ZERO,
};

fn sine(hz: f64, amplitude: f64) -> Box<dyn FnMut(u64) -> f32> {
    Box::new(move |n| (amplitude * (n as f64 * hz / 48_000.0 * std::f64::consts::TAU).sin()) as f32)
}

/// 1 and 2 talk and hear, 3 hears.
fn scene(seed: u64) -> Scene {
    let mut scene = Scene::new(seed);
    scene.join(1, Part::Both);
    scene.join(2, Part::Both);
    scene.join(3, Part::Hears);
    scene
}

/// A second voice comes and goes, so often; before each, so long after the one before, the first is forwarded.
fn second_voices(scene: &mut Scene, times: usize, rest_ms: u64) {
    for time in 0..times {
        assert!(scene.is_forwarded_now(3), "before the second voice {time}");
        let wait = scene.random(40);
        scene.run(ms(wait));
        scene.talk(2, 960, MUSIC, sine(B_HZ, SOFT));
        scene.run(ms(400));
        assert!(!scene.is_forwarded_now(3), "during the second voice {time}");
        scene.hush(2);
        scene.run(ms(rest_ms));
    }
    assert!(scene.is_forwarded_now(3), "after the last second voice");
}

/// What a hearer of a steady tone would notice from 500 ms on: other levels, jumps, clicks and gaps.
fn faults(scene: &Scene) -> Vec<String> {
    let heard = scene.heard(3);
    let pcm = &heard.pcm[48_000..];
    let nominal = 20.0 * LOUD.log10();
    let mut faults = Vec::new();
    let mut before = None;
    for (n, window) in pcm.chunks_exact(960 * 2).enumerate() {
        let level = tone_dbfs(window, 0, A_HZ) - nominal;
        let phase = phase_of(window, A_HZ);
        let turn: f64 = before.replace(phase).map_or(0.0, |before: f64| (phase - before + 1.5).rem_euclid(1.0) - 0.5);
        if level.abs() >= 0.5 || turn.abs() >= 0.12 {
            faults.push(format!("{} ms: {level:.2} dB, {turn:.3} of a period", 500 + 20 * n));
        }
    }
    let step = f64::from(largest_step(pcm, 0));
    let steady = (LOUD * A_HZ + SOFT * B_HZ) / 48_000.0 * std::f64::consts::TAU;
    if step >= 1.1 * steady {
        faults.push(format!("a step of {step:.4}, the tones have {steady:.4}"));
    }
    if heard.gaps > 0 {
        faults.push(format!("{} gaps", heard.gaps));
    }
    faults
}

#[test]
fn packets_of_every_length_are_forwarded_and_no_change_is_heard() {
    for samples in [120, 480, 960, 1_920, 2_880] {
        let mut scene = scene(30 + samples as u64);
        scene.talk(1, samples, MUSIC, sine(A_HZ, LOUD));
        scene.run(ms(1_500));
        second_voices(&mut scene, 3, 4_800);
        let found = faults(&scene);
        assert!(found.is_empty(), "{samples} samples: {found:#?}");
    }
}

#[test]
fn in_a_room_of_10_ms_frames_no_change_is_heard() {
    for samples in [480, 960, 1_920] {
        let mut scene = scene(40 + samples as u64);
        let settings = RoomPatch { frame_ms: Some(10), ..RoomPatch::default() };
        scene.command(Command::SetRoom { settings });
        scene.talk(1, samples, MUSIC, sine(A_HZ, LOUD));
        scene.run(ms(1_500));
        second_voices(&mut scene, 3, 4_800);
        let found = faults(&scene);
        assert!(found.is_empty(), "{samples} samples: {found:#?}");
    }
}

/// The same sound goes on in another stream, whose numbers begin anywhere: the hearer's do not jump.
#[test]
fn another_ssrc_goes_on_in_the_hearers_numbers() {
    let mut scene = scene(50);
    scene.talk(1, 960, MUSIC, sine(A_HZ, LOUD));
    for _ in 0..5 {
        scene.run(ms(1_010));
        scene.renew(1);
        scene.run(ms(500));
        assert!(scene.is_forwarded_now(3));
    }
    let heard = scene.heard(3);
    let ends = scene.packets(3).windows(2).map(|pair| pair[1].timestamp.wrapping_sub(pair[0].timestamp) as i32 - 960);
    let most = ends.map(i32::abs).max().unwrap();
    assert!(most <= 1, "no packet begins more than a rounded sample from where the last one ended: {most}");
    let nominal = 20.0 * LOUD.log10();
    for (n, window) in heard.pcm[48_000..].chunks_exact(960 * 2).enumerate() {
        let level = tone_dbfs(window, 0, A_HZ) - nominal;
        assert!(level.abs() < 0.5, "{} ms: {level:.2} dB", 500 + 20 * n);
    }
    assert_eq!(scene.room.counters().encodes, 0);
}

/// Which 10 ms of what was heard have a tone, all of them together, ms.
fn sounded_ms(heard: &Heard, hz: f64) -> usize {
    let blocks = heard.pcm.chunks_exact(480 * 2);
    10 * blocks.filter(|block| (tone_dbfs(block, 0, hz) - 20.0 * LOUD.log10()).abs() < 3.0).count()
}

/// Fades of 5 ms, so that a step that is found is none of the talker's.
fn word(hz: f64, length_ms: u64) -> Box<dyn FnMut(u64) -> f32> {
    Box::new(move |n| {
        let (t, length) = (n as f64 / 48_000.0, length_ms as f64 / 1_000.0);
        let fade = (t / 0.005).min((length - t) / 0.005).clamp(0.0, 1.0);
        (LOUD * fade * (t * hz * std::f64::consts::TAU).sin()) as f32
    })
}

/// One stops and another begins, at once or after a pause: each word is heard whole, once.
#[test]
fn one_talker_gives_way_to_another_and_no_word_is_cut() {
    for pause in [0, 60, 250, 1_200] {
        let mut scene = scene(60 + pause);
        for _ in 0..6 {
            for (member, hz) in [(1, A_HZ), (2, B_HZ)] {
                scene.talk(member, 960, MUSIC, word(hz, 1_500));
                scene.run(ms(1_560));
                scene.hush(member);
                scene.run(ms(pause));
            }
        }
        scene.run(ms(1_000));
        let heard = scene.heard(3);
        for hz in [A_HZ, B_HZ] {
            let sounded = sounded_ms(&heard, hz);
            assert!(
                (6 * 1_450..=6 * 1_530).contains(&sounded),
                "{hz} Hz for {sounded} ms of {}, {pause} ms apart",
                6 * 1_500
            );
        }
        let step = f64::from(largest_step(&heard.pcm, 0));
        let steady = LOUD * A_HZ / 48_000.0 * std::f64::consts::TAU;
        assert!(step < 1.15 * steady, "a step of {step:.4}, the tone has {steady:.4}, {pause} ms apart");
    }
}

/// With DTX nothing comes in a pause but a sign of life each 400 ms: words after it are forwarded from their first packet.
#[test]
fn with_dtx_every_word_is_forwarded_whole_and_pauses_cost_nothing() {
    let mut scene = scene(70);
    for _ in 0..6 {
        scene.talk(1, 960, MUSIC, word(A_HZ, 1_500));
        scene.run(ms(1_560));
        scene.hush(1);
        for _ in 0..3 {
            scene.send_dtx(1);
            scene.run(ms(400));
        }
    }
    let heard = scene.heard(3);
    let sounded = sounded_ms(&heard, A_HZ);
    assert!((6 * 1_450..=6 * 1_530).contains(&sounded), "{sounded} ms of {}", 6 * 1_500);
    let step = f64::from(largest_step(&heard.pcm, 0));
    let steady = LOUD * A_HZ / 48_000.0 * std::f64::consts::TAU;
    assert!(step < 1.15 * steady, "a step of {step:.4}, the tone has {steady:.4}");
    let counters = scene.room.counters();
    assert_eq!((counters.decodes, counters.encodes), (0, 0));
    assert_eq!(counters.forwarded, counters.sent);
}

/// A computer that is too busy to read its microphone leaves sound out: the RTP time jumps, and no packet is missing.
/// Whoever leaves right after that, or is joined by a second voice, holds nobody up.
#[test]
fn a_microphone_that_skips_holds_nobody_up() {
    for skip in [10, 20, 60, 150, 400, 2_000, 9_000] {
        for packets in 1..=4 {
            for leaves in [true, false] {
                let mut scene = scene(1_000 + skip + packets);
                scene.talk(1, 960, MUSIC, sine(A_HZ, LOUD));
                scene.run(ms(1_500));
                assert!(scene.is_forwarded_now(3));
                scene.skip(1, ms(skip));
                scene.run(ms(20 * packets));
                if leaves {
                    scene.leave(1);
                }
                scene.talk(2, 960, MUSIC, sine(B_HZ, LOUD));
                scene.run(ms(600));
                let heard = scene.heard(3);
                let end = &heard.pcm[heard.pcm.len() - 960 * 20..];
                let level = tone_dbfs(end, 0, B_HZ) - 20.0 * LOUD.log10();
                assert!(level.abs() < 1.0, "{level:.1} dB, after {skip} ms and {packets} packets, left: {leaves}");
            }
        }
    }
}

/// Whatever happens to a lone talker's stream, and to the room meanwhile: who talks then is heard.
#[test]
fn whatever_befalls_a_stream_the_next_voice_is_heard() {
    for seed in 0..100 {
        let mut scene = scene(2_000 + seed);
        scene.talk(1, [120, 480, 960, 2_880][seed as usize % 4], MUSIC, sine(A_HZ, LOUD));
        scene.run(ms(1_200));
        for _ in 0..30 {
            let most = [40, 300, 1_500][scene.random(3) as usize];
            let some = scene.random(most);
            match scene.random(9) {
                0 => scene.skip(1, ms(some * 6)),
                1 => scene.lose(1, some as u16),
                2 => scene.renew(1),
                3 => scene.send_dtx(1),
                4 => scene.hush(1),
                5 => scene.wish(3, 1, -(some as f32) / 100.0),
                6 => {
                    scene.talk(2, 960, MUSIC, sine(B_HZ, SOFT));
                    scene.run(ms(some / 2));
                    scene.hush(2);
                }
                7 => {
                    scene.leave(1);
                    scene.run(ms(some / 8));
                    scene.join(1, Part::Both);
                }
                _ => scene.run(ms(some)),
            }
            if scene.random(3) == 0 {
                let samples = [120, 480, 960, 2_880][scene.random(4) as usize];
                scene.talk(1, samples, MUSIC, sine(A_HZ, LOUD));
            }
            let rest = scene.random(60);
            scene.run(ms(rest));
        }
        scene.leave(1);
        scene.talk(2, 960, MUSIC, sine(B_HZ, LOUD));
        scene.run(ms(900));
        let heard = scene.heard_since(3, scene.now - ms(300));
        assert!(heard.len() >= 2 * 48 * 280, "{} samples of 300 ms, seed {seed}", heard.len() / 2);
        for frame in heard[heard.len() - 960 * 20..].chunks_exact(960 * 2) {
            let level = tone_dbfs(frame, 0, B_HZ) - 20.0 * LOUD.log10();
            assert!(level.abs() < 1.0, "{level:.1} dB, seed {seed}");
        }
    }
}

/// Syllables of a low voice over a little noise, as `moves` of the support tells them from each other.
fn voice(n: u64) -> f64 {
    let t = n as f64 / 48_000.0;
    let phase = 150.0 * t + 3.0 * (t * 1.7).sin();
    let word = ((t * 2.3).sin() + 0.55).clamp(0.0, 1.0) * (0.6 + 0.4 * (t * 23.0).sin());
    let sound: f64 = (1..=12).map(|k| (phase * f64::from(k) * std::f64::consts::TAU).sin() / f64::from(k)).sum();
    // Never quite silent: a mix that stops in a pause would be no gap.
    let noise = (n.wrapping_mul(0x9E37_79B9_7F4A_7C15) >> 40) as f64 / 8_388_608.0 - 1.0;
    0.12 * word * sound + 0.004 * noise
}

#[test]
fn a_speech_mode_comes_back_to_packets_in_a_pause_and_nothing_is_missed() {
    let silk = EncoderSettings { bitrate_bps: 16_000, expected_loss_percent: 20, fec: true, ..MUSIC };
    let mut scene = scene(80);
    scene.talk(1, 960, silk, Box::new(|n| voice(n) as f32));
    scene.run(ms(2_500));
    let is_speech = |payload: &&[u8]| payload[0] >> 3 < 16;
    let speech = scene.sent_by(1).iter().filter(|payload| is_speech(payload)).count();
    assert!(speech > 100, "{speech} packets of SILK or hybrid (RFC 6716 §3.1)");
    // Back only in a pause, when all else fits too.
    second_voices(&mut scene, 3, 12_000);
    let heard = scene.heard(3);
    let moves = heard.moves(voice);
    let worst = moves.iter().copied().max().unwrap();
    assert!(worst <= 370 && moves.len() > 30, "{worst} samples of {} windows", moves.len());
    assert_eq!(heard.gaps, 0);
}
