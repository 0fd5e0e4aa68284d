//! Noise goes, the voice stays.

mod support;

use audio::{CHANNELS, Denoiser, Frame, level_dbfs};
use support::*;

/// A vowel that a throat could make: 100 to 140 Hz, formants, syllables; a second of it and one of pause.
fn speech(at: usize) -> f32 {
    let t = at as f64 / 48_000.0;
    if at % 96_000 >= 48_000 {
        return 0.0;
    }
    let swell = (std::f64::consts::PI * t * 4.0).sin().powi(2) * 0.9 + 0.1;
    let turns = 120.0 * t + 3.0 * (std::f64::consts::TAU * 0.9 * t).sin();
    let buzz: f64 = (1..=30)
        .map(|n| {
            let hz = 120.0 * f64::from(n);
            let formant = |at: f64, wide: f64| 1.0 / (1.0 + ((hz - at) / wide).powi(2));
            let loud = formant(600.0, 120.0) + 0.6 * formant(1_200.0, 150.0) + 0.3 * formant(2_500.0, 250.0) + 0.02;
            loud * (std::f64::consts::TAU * turns * f64::from(n)).sin()
        })
        .sum();
    (0.12 * swell * buzz) as f32
}

fn hiss(dice: &mut Dice) -> f32 {
    (dice.roll(2_001) as f32 / 1_000.0 - 1.0) * 0.012
}

fn frames(seconds: usize, mut signal: impl FnMut(usize) -> [f32; 2]) -> Vec<Frame> {
    (0..seconds * 50)
        .map(|number| {
            let mut frame = Frame::SILENCE;
            for (at, pair) in frame.samples_mut().chunks_exact_mut(CHANNELS).enumerate() {
                pair.copy_from_slice(&signal(number * 960 + at));
            }
            frame
        })
        .collect()
}

/// The mean power in dBFS of a part of each period of two seconds, after the first four seconds.
fn level_of(frames: &[Frame], part: std::ops::Range<usize>) -> f32 {
    let power = |frame: &Frame| 10_f32.powf(level_dbfs(frame) / 10.0);
    let of = frames.iter().enumerate().skip(200).filter(|(number, _)| part.contains(&(number % 100)));
    let powers: Vec<f32> = of.map(|(_, frame)| power(frame)).collect();
    10.0 * (powers.iter().sum::<f32>() / powers.len() as f32).log10()
}

#[test]
fn noise_in_pauses_goes_and_the_voice_stays_as_loud() {
    for is_stereo in [false, true] {
        let mut dice = Dice(77);
        let noisy = frames(16, |at| {
            let left = speech(at) + hiss(&mut dice);
            [left, if is_stereo { 0.7 * speech(at) + hiss(&mut dice) } else { left }]
        });
        let mut clean = noisy.clone();
        let mut denoiser = Denoiser::new();
        clean.iter_mut().for_each(|frame| denoiser.apply(frame));
        let pause = |frames: &[Frame]| level_of(frames, 65..95);
        let words = |frames: &[Frame]| level_of(frames, 2..48);
        assert!((words(&noisy) - pause(&noisy)).abs() > 12.0, "{} {}", words(&noisy), pause(&noisy));
        assert!(pause(&noisy) - pause(&clean) > 12.0, "stereo {is_stereo}: {} to {}", pause(&noisy), pause(&clean));
        assert!(
            (words(&noisy) - words(&clean)).abs() < 2.0,
            "stereo {is_stereo}: {} to {}",
            words(&noisy),
            words(&clean)
        );
        if !is_stereo {
            assert!(clean.iter().all(|frame| frame.left().eq(frame.right())), "mono stays mono");
        }
    }
}

#[test]
fn the_sound_comes_ten_milliseconds_later() {
    let input = frames(4, |at| [speech(at); 2]);
    let mut denoiser = Denoiser::new();
    let mut output = Vec::new();
    for frame in &input {
        let mut frame = frame.clone();
        denoiser.apply(&mut frame);
        output.extend(frame.left());
    }
    let input: Vec<f32> = input.iter().flat_map(|frame| frame.left().collect::<Vec<_>>()).collect();
    let found = audio::analysis::find(&input[9_600..33_600], &output[9_600..]).unwrap();
    assert_eq!(found.lag, Denoiser::DELAY_SAMPLES as isize, "{found:?}");
    assert!(found.likeness > 0.9, "{found:?}");
}

#[test]
fn switching_clicks_neither_on_nor_off_nor_between_mono_and_stereo() {
    let input = frames(6, |at| {
        let sample = 0.3 * (std::f64::consts::TAU * 220.0 * at as f64 / 48_000.0).sin() as f32;
        [sample, if (110_400..163_200).contains(&at) { 0.9 * sample } else { sample }]
    });
    let mut denoiser = Denoiser::new();
    let mut output = Vec::new();
    for (number, frame) in input.iter().enumerate() {
        denoiser.set(number % 77 < 60);
        let mut frame = frame.clone();
        denoiser.apply(&mut frame);
        output.extend_from_slice(frame.samples());
    }
    let steepest = 0.3 * std::f32::consts::TAU * 220.0 / 48_000.0;
    for channel in 0..2 {
        let step = audio::analysis::largest_step(&audio::analysis::channel(&output, channel));
        assert!(step < steepest * 2.0, "a step of {step} where the tone has {steepest}");
    }
}

#[test]
fn off_it_touches_nothing_and_its_tail_comes_out_when_it_is_on() {
    let mut denoiser = Denoiser::new();
    let input = frames(1, |at| [speech(at + 4_800); 2]);
    let mut frame = input[0].clone();
    denoiser.apply(&mut frame);
    assert!(denoiser.is_sounding());
    frame.clear();
    denoiser.apply(&mut frame);
    assert!(!frame.is_silent() && !denoiser.is_sounding(), "the last 10 ms");
    frame.clear();
    denoiser.apply(&mut frame);
    assert!(level_dbfs(&frame) < -60.0, "{}", level_dbfs(&frame));
    denoiser.set(false);
    denoiser.apply(&mut frame);
    assert!(denoiser.is_idle());
    for wanted in &input {
        let mut frame = wanted.clone();
        denoiser.apply(&mut frame);
        assert!(frame == *wanted);
    }
}

#[test]
fn whatever_goes_in_what_comes_out_is_finite_and_bounded() {
    let mut dice = Dice(21);
    let mut denoiser = Denoiser::new();
    for _ in 0..100 {
        let mut frame = Frame::SILENCE;
        for sample in frame.samples_mut() {
            *sample = match dice.roll(100) {
                0 => f32::NAN,
                1 => f32::INFINITY,
                2 => f32::MAX,
                value => value as f32 / 50.0 - 1.0,
            };
        }
        denoiser.set(dice.roll(10) > 0);
        denoiser.apply(&mut frame);
        assert!(denoiser.is_idle() || frame.samples().iter().all(|sample| sample.is_finite()));
    }
    let mut frame = Frame::SILENCE;
    denoiser.set(true);
    for _ in 0..50 {
        frame.clear();
        denoiser.apply(&mut frame);
    }
    let loudest = frame
        .samples()
        .iter()
        .fold(0.0, |most: f32, sample| if sample.is_finite() { most.max(sample.abs()) } else { 9.0 });
    assert!(loudest < 1e-3, "it has not forgotten: {loudest}");
}
