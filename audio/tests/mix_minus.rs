//! Everybody hears everybody else, as loud as the desk says, and never himself.

mod support;

use audio::{Bus, Frame, FrameLength, Strip, Talking, analysis, level_dbfs, peak_dbfs};
use support::*;

const TALKERS: usize = 8;

fn pitch(talker: usize) -> f64 {
    300.0 + 170.0 * talker as f64
}

fn strip(talker: usize) -> Strip {
    Strip::new(-30.0 + 6.5 * talker as f32, -1.0 + 0.28 * talker as f32, false)
}

#[test]
fn the_own_tone_is_gone_and_the_others_are_what_their_strips_say() {
    let mut strips: Vec<Strip> = (0..TALKERS).map(strip).collect();
    let mut mixes = vec![Vec::new(); TALKERS];
    let mut bus = Bus::new();
    let (mut input, mut out) = (Frame::SILENCE, Frame::SILENCE);
    let mut own = vec![Frame::SILENCE; TALKERS];
    for number in 0..50 {
        bus.clear();
        for talker in 0..TALKERS {
            for (at, pair) in input.samples_mut().chunks_exact_mut(2).enumerate() {
                pair.copy_from_slice(&tone(pitch(talker), 0.9)(number * 960 + at));
            }
            strips[talker].apply(&input, &mut own[talker]);
            bus.add(&own[talker]);
        }
        assert_eq!(bus.tracks(), TALKERS);
        for talker in 0..TALKERS {
            bus.minus(&own[talker], &mut out);
            mixes[talker].extend_from_slice(out.samples());
        }
    }
    for (hearer, mix) in mixes.iter().enumerate() {
        for ear in 0..2 {
            let heard = analysis::channel(mix, ear);
            assert!(analysis::tone_dbfs(&heard, pitch(hearer) as f32) < -100.0, "{hearer} hears itself");
            for talker in (0..TALKERS).filter(|&talker| talker != hearer) {
                let angle = (-1.0 + 0.28 * talker as f64 + 1.0) * std::f64::consts::FRAC_PI_4;
                let pan = 2_f64.sqrt() * [angle.cos(), angle.sin()][ear];
                let gain = -30.0 + 6.5 * talker as f64 + 20.0 * (0.9 * pan).log10();
                let level = analysis::tone_dbfs(&heard, pitch(talker) as f32);
                if gain > -90.0 {
                    assert!(
                        (f64::from(level) - gain).abs() < 0.01,
                        "{talker} in ear {ear} of {hearer}: {level} for {gain}"
                    );
                } else {
                    assert!(level < -90.0);
                }
            }
        }
    }
}

#[test]
fn a_lone_talker_hears_exact_silence() {
    let mut bus = Bus::new();
    let mut frame = Frame::SILENCE;
    frame.samples_mut().fill(0.123);
    let mut out = frame.clone();
    bus.add(&frame);
    bus.minus(&frame, &mut out);
    assert!(out.is_silent());
    bus.copy(&mut out);
    assert_eq!(out, frame);
    bus.clear();
    bus.copy(&mut out);
    assert!(out.is_silent());
}

#[test]
fn meters_read_a_full_scale_sine_as_zero_in_the_louder_channel() {
    let mut frame = Frame::SILENCE;
    assert_eq!((level_dbfs(&frame), peak_dbfs(&frame)), (-127.0, -127.0));
    for (at, pair) in frame.samples_mut().chunks_exact_mut(2).enumerate() {
        *pair.first_chunk_mut().unwrap() = [tone(1000.0, 0.1)(at)[0], tone(1000.0, 1.0)(at)[1]];
    }
    assert!(level_dbfs(&frame).abs() < 0.01, "{}", level_dbfs(&frame));
    assert!(peak_dbfs(&frame).abs() < 0.01);
    frame.samples_mut()[7] = f32::NAN;
    assert!(!level_dbfs(&frame).is_nan());
}

#[test]
fn talking_starts_with_a_word_and_ends_after_it() {
    let mut talking = Talking::default();
    assert!(!talking.update(-20.0, FrameLength::Ms20), "one loud frame is a click");
    assert!(!talking.update(-80.0, FrameLength::Ms20));
    assert!(!talking.update(-49.0, FrameLength::Ms20));
    assert!(talking.update(-49.0, FrameLength::Ms20));
    for _ in 0..14 {
        assert!(talking.update(-90.0, FrameLength::Ms20), "a pause between words");
    }
    assert!(talking.update(-54.0, FrameLength::Ms20), "a soft sound goes on");
    for _ in 0..14 {
        assert!(talking.update(-90.0, FrameLength::Ms20));
    }
    assert!(!talking.update(-90.0, FrameLength::Ms20), "300 ms of silence");
    assert!(!talking.is_talking());
}
