//! Automatic gain brings every voice to one level, and nobody hears it work.

mod support;

use audio::agc::{RANGE_DB, TARGET_DBFS};
use audio::{AutoGain, CHANNELS, Frame, db_to_gain, level_dbfs};
use support::*;

/// Sentences of 2.4 s and pauses of 0.8 s, over the soft hiss of a room.
fn sentences(words: f32, hiss: f32) -> impl FnMut(usize) -> [f32; 2] {
    let mut dice = Dice(9);
    move |at| {
        let noise = (dice.roll(2_001) as f32 / 1_000.0 - 1.0) * hiss;
        let speaks = at % 153_600 < 115_200;
        [noise + if speaks { voice(at)[0] * words } else { 0.0 }; 2]
    }
}

/// What came of each frame of 20 ms, before and after, dBFS, and the gain.
fn levelled(auto: &mut AutoGain, seconds: usize, mut signal: impl FnMut(usize) -> [f32; 2]) -> Vec<[f32; 3]> {
    let mut figures = Vec::new();
    for number in 0..seconds * 50 {
        let mut frame = Frame::SILENCE;
        for (at, pair) in frame.samples_mut().chunks_exact_mut(CHANNELS).enumerate() {
            pair.copy_from_slice(&signal(number * 960 + at));
        }
        let before = level_dbfs(&frame);
        auto.apply(&mut frame, before);
        figures.push([before, level_dbfs(&frame), auto.gain_db()]);
    }
    figures
}

/// The level of words: the mean power of what is within 15 dB of the loudest.
fn words_dbfs(levels: impl Iterator<Item = f32> + Clone) -> f32 {
    let loudest = levels.clone().fold(-127.0, f32::max);
    let loud: Vec<f32> =
        levels.filter(|level| *level > loudest - 15.0).map(|level| 10_f32.powf(level / 10.0)).collect();
    10.0 * (loud.iter().sum::<f32>() / loud.len() as f32).log10()
}

/// The factor for `voice` whose words are then so loud.
fn words_at(dbfs: f32) -> f32 {
    let frames = levelled(&mut AutoGain::new(), 10, voice);
    db_to_gain(dbfs - words_dbfs(frames.iter().map(|frame| frame[0])))
}

fn switched_on() -> AutoGain {
    let mut auto = AutoGain::new();
    auto.set(true);
    auto
}

#[test]
fn a_soft_talker_and_a_loud_one_come_to_the_target_and_stay() {
    for (from, within_s) in [(-40.0, 10), (-37.0, 10), (-30.0, 6), (-12.0, 3), (-8.5, 3)] {
        let frames = levelled(&mut switched_on(), 60, sentences(words_at(from), 0.0003));
        let then = &frames[within_s * 50..];
        for (which, part) in then.chunks_exact(160).enumerate() {
            let level = words_dbfs(part.iter().map(|frame| frame[1]));
            assert!((level - TARGET_DBFS).abs() < 2.0, "from {from}: {level:.1} dBFS in sentence {which}");
        }
        let gains = || then[100..].iter().map(|frame| frame[2]);
        let moved = gains().fold(f32::MIN, f32::max) - gains().fold(f32::MAX, f32::min);
        assert!(moved < 0.5, "from {from}: it pumps by {moved:.2} dB");
    }
}

#[test]
fn it_is_slow_up_quicker_down_and_smooth() {
    let loud = words_at(-8.0);
    let soft = words_at(-36.0);
    let mut from_loud = sentences(loud, 0.0003);
    let mut from_soft = sentences(soft, 0.0003);
    let step = 20 * 48_000;
    let frames = levelled(&mut switched_on(), 40, |at| if at < step { from_soft(at) } else { from_loud(at) });
    for pair in frames.windows(50) {
        let moved = pair[49][2] - pair[0][2];
        assert!((-8.1..3.1).contains(&moved), "{moved} dB in a second");
    }
    let gain = |second: usize| frames[second * 50 - 1][2];
    assert!(gain(20) > 12.0 && gain(25) < -6.0, "{} and 5 s after a loud voice {}", gain(20), gain(25));

    // A step of the gain from frame to frame would be heard as one from sample to sample.
    let mut auto = switched_on();
    let mut samples = Vec::new();
    for number in 0..500 {
        let mut frame = Frame::SILENCE;
        for (at, pair) in frame.samples_mut().chunks_exact_mut(CHANNELS).enumerate() {
            let at = number * 960 + at;
            pair.copy_from_slice(&tone(100.0, if at % 48_000 < 38_400 { 0.01 } else { 0.0 })(at));
        }
        let before = level_dbfs(&frame);
        auto.apply(&mut frame, before);
        samples.extend(frame.left());
    }
    assert!(auto.gain_db() > 15.0);
    let steepest = db_to_gain(auto.gain_db()) * 0.01 * std::f32::consts::TAU * 100.0 / 48_000.0;
    assert!(audio::analysis::largest_step(&samples) < steepest * 1.02);
}

#[test]
fn noise_alone_is_not_raised_and_pauses_hold_the_gain() {
    for hiss in [0.002, 0.02, 0.2] {
        let frames = levelled(&mut switched_on(), 30, sentences(0.0, hiss));
        assert!(frames.iter().all(|frame| frame[2] == 0.0), "hiss {hiss}");
    }
    let mut auto = switched_on();
    levelled(&mut auto, 20, sentences(words_at(-34.0), 0.0003));
    let held = auto.gain_db();
    assert!(held > 11.0);
    levelled(&mut auto, 60, sentences(0.0, 0.001));
    assert_eq!(auto.gain_db(), held, "a minute without a word");
}

#[test]
fn the_range_ends_where_it_says() {
    let softest = levelled(&mut switched_on(), 30, sentences(words_at(-50.0), 0.0));
    let loudest = levelled(&mut switched_on(), 30, sentences(words_at(0.0), 0.0));
    assert!((softest[1_499][2] - RANGE_DB.1).abs() < 0.4 && softest.iter().all(|frame| frame[2] <= RANGE_DB.1));
    assert!((loudest[1_499][2] - RANGE_DB.0).abs() < 0.4 && loudest.iter().all(|frame| frame[2] >= RANGE_DB.0));
}

#[test]
fn off_it_does_nothing_and_going_off_it_comes_back_without_a_step() {
    let mut auto = AutoGain::new();
    let frames = levelled(&mut auto, 10, sentences(words_at(-40.0), 0.0003));
    assert!(auto.is_idle() && frames.iter().all(|frame| frame[0] == frame[1]));
    auto.set(true);
    levelled(&mut auto, 10, sentences(words_at(-40.0), 0.0003));
    let gain = db_to_gain(auto.gain_db());
    auto.set(false);
    assert!(!auto.is_idle());
    let mut frame = Frame::SILENCE;
    frame.samples_mut().fill(0.01);
    auto.apply(&mut frame, -40.0);
    let samples: Vec<f32> = frame.left().collect();
    assert!((samples[0] - 0.01 * gain).abs() < 1e-4 && samples[959] == 0.01, "{} {}", samples[0], samples[959]);
    assert!(auto.is_idle() && auto.gain_db() == 0.0);
}

#[test]
fn no_level_however_wrong_harms_it() {
    let mut auto = switched_on();
    let mut frame = Frame::SILENCE;
    frame.samples_mut().fill(0.5);
    for level in [f32::NAN, f32::INFINITY, f32::NEG_INFINITY, f32::MAX, f32::MIN, 1e9, -127.0, -20.0].repeat(50) {
        auto.apply(&mut frame, level);
        assert!((RANGE_DB.0..=RANGE_DB.1).contains(&auto.gain_db()), "{level}: {}", auto.gain_db());
        frame.samples_mut().fill(0.5);
    }
}
