//! What automatic gain and noise suppression do to what others hear.

#![allow(clippy::unwrap_used, reason = "a test fails by it")]

mod room_support;

use audio::{CHANNELS, Denoiser, level_dbfs};
use room::Effect;
use room_support::*;
use signaling::TrackPatch;

/// Syllables, 700 ms of them and 300 ms of pause, over hiss.
fn voice(loud: f64, hiss: f32) -> Source {
    let mut state = 88_172_645_463_325_252_u64;
    Box::new(move |n| {
        state ^= state << 13;
        state ^= state >> 7;
        state ^= state << 17;
        let noise = hiss * ((state >> 40) as f32 / 8_388_608.0 - 1.0);
        let t = n as f64 / 48_000.0;
        let swell = if n % 48_000 < 33_600 { (std::f64::consts::PI * t * 5.0).sin().powi(2) } else { 0.0 };
        let buzz: f64 = (1..=30)
            .map(|k| {
                let formant = |at: f64, wide: f64| 1.0 / (1.0 + ((140.0 * f64::from(k) - at) / wide).powi(2));
                let strength = formant(600.0, 120.0) + 0.6 * formant(1_200.0, 150.0) + 0.02;
                strength * (std::f64::consts::TAU * 140.0 * t * f64::from(k)).sin()
            })
            .sum();
        [(loud * swell * buzz) as f32 + noise; 2]
    })
}

/// The level of each 20 ms, softest first, dBFS.
fn levels(pcm: &[f32]) -> Vec<f32> {
    let mut frame = audio::Frame::SILENCE;
    let size = frame.samples().len();
    let level = |piece: &[f32]| {
        frame.samples_mut().copy_from_slice(piece);
        level_dbfs(&frame)
    };
    let mut levels: Vec<f32> = pcm.chunks_exact(size).map(level).collect();
    levels.sort_by(f32::total_cmp);
    levels
}

/// The mean power of what is within 15 dB of the loudest, dBFS.
fn words(pcm: &[f32]) -> f32 {
    let levels = levels(pcm);
    let least = levels.last().unwrap() - 15.0;
    let powers: Vec<f32> =
        levels.iter().filter(|level| **level > least).map(|level| 10_f32.powf(level / 10.0)).collect();
    10.0 * (powers.iter().sum::<f32>() / powers.len() as f32).log10()
}

/// What a tenth of the time stays under, dBFS.
fn pause(pcm: &[f32]) -> f32 {
    let levels = levels(pcm);
    levels[levels.len() / 10]
}

fn heard_of(patch: TrackPatch, source: Source, seconds: u64) -> (Sim, Vec<f32>) {
    let mut sim = Sim::new();
    sim.join(1, Part::Talks, patch);
    sim.join(2, Part::Hears, TrackPatch::default());
    sim.talk(1, source);
    sim.run(ms(1_000 * seconds));
    let pcm = sim.ear(2).last(4.0, 0.0).to_vec();
    (sim, pcm)
}

#[test]
fn a_soft_talker_with_automatic_gain_is_as_loud_as_it_should_be_and_the_desk_sees_how_much_it_adds() {
    let (_, plain) = heard_of(TrackPatch::default(), voice(0.018, 0.0002), 6);
    assert!((-42.0..-33.0).contains(&words(&plain)), "{}", words(&plain));
    let mut sim = Sim::new();
    sim.join(1, Part::Talks, TrackPatch { auto_gain: Some(true), ..TrackPatch::default() });
    sim.join(2, Part::Hears, TrackPatch::default());
    sim.talk(1, voice(0.018, 0.0002));
    sim.room.set_watched(true);
    sim.run(ms(14_000));
    let loud = words(sim.ear(2).last(4.0, 0.0));
    assert!((loud - audio::agc::TARGET_DBFS).abs() < 2.0, "{loud} dBFS");
    let shown = sim.control.iter().rev().find_map(|effect| match effect {
        Effect::Stats { tracks, .. } => tracks[&track_id(1)].auto_gain_db,
        _ => None,
    });
    assert!((f64::from(shown.unwrap()) - f64::from(loud - words(&plain))).abs() < 1.5, "{shown:?}");
    // Off again it is as soft as it is said, and nothing is shown.
    sim.set(1, TrackPatch { auto_gain: Some(false), ..TrackPatch::default() });
    sim.control.clear();
    sim.run(ms(5_000));
    let soft = words(sim.ear(2).last(4.0, 0.0));
    assert!((soft - words(&plain)).abs() < 0.3, "{soft} dBFS");
    let shown =
        |effect: &Effect| matches!(effect, Effect::Stats { tracks, .. } if tracks[&track_id(1)].auto_gain_db.is_some());
    assert!(!sim.control.iter().any(shown));
}

#[test]
fn noise_in_the_pauses_of_a_talker_goes_and_his_words_stay() {
    let hissing = || voice(0.2, 0.01);
    let (_, noisy) = heard_of(TrackPatch::default(), hissing(), 9);
    let (mut sim, clean) = heard_of(TrackPatch { denoise: Some(true), ..TrackPatch::default() }, hissing(), 9);
    assert!(pause(&noisy) - pause(&clean) > 12.0, "{} to {}", pause(&noisy), pause(&clean));
    assert!((words(&noisy) - words(&clean)).abs() < 2.0, "{} to {}", words(&noisy), words(&clean));
    sim.set(1, TrackPatch { denoise: Some(false), ..TrackPatch::default() });
    sim.run(ms(5_000));
    assert!((pause(&noisy) - pause(sim.ear(2).last(4.0, 0.0))).abs() < 1.0, "and comes back when it is switched off");
}

#[test]
fn the_last_ten_milliseconds_of_a_word_are_not_held_back() {
    let heard = |denoise| {
        let mut sim = Sim::new();
        // At another gain than 0 dB he is never forwarded.
        sim.join(1, Part::Talks, TrackPatch { denoise: Some(denoise), ..strip(-1.0, 0.0) });
        sim.join(2, Part::Hears, TrackPatch::default());
        sim.talk(1, voice(0.2, 0.0));
        sim.run(ms(2_660));
        sim.sender(1).on = false;
        sim.run(ms(1_000));
        let pcm = &sim.ear(2).pcm;
        pcm.iter().rposition(|sample| sample.abs() > 0.003).unwrap() / CHANNELS
    };
    let later = heard(true) as f64 - heard(false) as f64;
    assert!(later > -480.0 && later < 2.0 * Denoiser::DELAY_SAMPLES as f64, "{later} samples");
}
