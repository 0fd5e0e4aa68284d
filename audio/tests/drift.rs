//! A talker whose clock is off by 500 parts in a million, for two hours: nothing is guessed, the delay
//! stays, and so does the pitch.
#![allow(clippy::print_stdout)] // The figures are read from the output.

mod support;

use std::time::Duration;

use audio::{FRAME_TIME, Frame, Packet, Playout, PlayoutSettings, Stats, analysis};
use support::*;

struct Heard {
    stats: Stats,
    longest_wait: Duration,
    largest_step: f32,
    /// One second of each minute.
    minutes: Vec<Vec<f32>>,
}

/// Plays a second of sound (50 packets) over and over. It has whole periods, so it has no seam.
fn hear(second: &[Sent], parts_per_million: i64, time: Duration) -> Heard {
    let mut playout = Playout::new(PlayoutSettings::default());
    let mut heard =
        Heard { stats: playout.stats(), longest_wait: Duration::ZERO, largest_step: 0.0, minutes: Vec::new() };
    let mut frame = Frame::SILENCE;
    let period = (20_000_000 - 20 * parts_per_million) as u64;
    let mut number = 0_u64;
    let mut last = None;
    for tick in 0..(time.as_millis() / FRAME_TIME.as_millis()) as u64 {
        let now = FRAME_TIME * tick as u32 + ms(7);
        while Duration::from_nanos(number * period) <= now {
            let payload = &second[number as usize % second.len()].payload;
            let packet = Packet { sequence: number as u16, timestamp: (number as u32).wrapping_mul(960), payload };
            playout.insert(packet, Duration::from_nanos(number * period));
            number += 1;
        }
        playout.next(&mut frame, now);
        heard.longest_wait = heard.longest_wait.max(playout.stats().wait);
        for sample in frame.left() {
            let step = last.map_or(0.0, |last: f32| (sample - last).abs());
            heard.largest_step = heard.largest_step.max(step);
            last = Some(sample);
        }
        match tick % 3000 {
            1000 => heard.minutes.push(frame.left().collect()),
            1001..1050 => heard.minutes.last_mut().expect("a minute").extend(frame.left()),
            _ => {}
        }
    }
    heard.stats = playout.stats();
    heard
}

fn second_of(signal: impl Fn(usize) -> [f32; 2]) -> Vec<Sent> {
    let talker = Talker { channels: opus::Channels::Mono, bitrate: 40_000, ..Talker::default() };
    talker.send(&[960; 150], signal).split_off(100)
}

/// A buzz at 120 Hz with vibrato, which swells in four syllables a second.
fn speech_like(at: usize) -> [f32; 2] {
    let t = at as f64 / 48_000.0;
    let swell = (std::f64::consts::PI * t * 4.0).sin().powi(2) * 0.8 + 0.2;
    let pitch = 120.0 * t + 0.3 * (std::f64::consts::TAU * t).sin();
    let buzz: f64 = (1..=10).map(|n| (std::f64::consts::TAU * pitch * f64::from(n)).sin() / f64::from(n)).sum();
    [(0.2 * swell * buzz) as f32; 2]
}

fn assert_bounded(heard: &Heard, parts_per_million: i64, time: Duration) {
    assert_eq!(heard.stats.concealed, Duration::ZERO, "{parts_per_million}");
    assert_eq!((heard.stats.missing, heard.stats.late, heard.stats.discarded), (0, 0, 0));
    // A tick, a piece of a period that could not be cut out, and what is left alone so as not to flap.
    assert!(heard.longest_wait <= ms(38), "{parts_per_million}: {:?}", heard.longest_wait);
    let (skipped, stretched) = (heard.stats.skipped, heard.stats.stretched);
    let wanted = time / 2_000;
    assert!(skipped.abs_diff(stretched).abs_diff(wanted) <= ms(60), "{parts_per_million}: {skipped:?}, {stretched:?}");
    assert!(skipped + stretched < wanted * 3 / 2, "hardly to and fro: {skipped:?}, {stretched:?}");
}

#[test]
fn two_hours_of_a_tone_are_whole_and_in_tune() {
    let second = second_of(tone(440.0, 0.3));
    let time = Duration::from_secs(7200);
    for parts_per_million in [500, -500] {
        let heard = hear(&second, parts_per_million, time);
        assert_bounded(&heard, parts_per_million, time);
        let own = 0.3 * std::f32::consts::TAU * 440.0 / 48_000.0;
        assert!(heard.largest_step < 1.3 * own, "{} of {own}", heard.largest_step);
        let mut most_cents = 0.0_f64;
        for minute in &heard.minutes {
            let cents = analysis::cents(analysis::pitch_hz(minute, 440.0).unwrap(), 440.0);
            assert!(cents.abs() < 10.0, "{cents}");
            most_cents = most_cents.max(cents.abs());
            let levels = analysis::tone_levels_dbfs(minute, 440.0, 2_400);
            assert!(levels.iter().all(|level| (level + 10.46).abs() < 0.5), "{levels:?}");
        }
        assert_eq!(heard.minutes.len(), 120);
        let (Stats { concealed, .. }, longest) = (heard.stats, heard.longest_wait);
        println!(
            "{parts_per_million} ppm: {concealed:?} concealed, longest wait {longest:.1?}, off by {most_cents:.2} cents at most"
        );
    }
}

#[test]
fn twenty_minutes_of_speech_are_whole_and_do_not_click() {
    let second = second_of(speech_like);
    let time = Duration::from_secs(1200);
    let even = hear(&second, 0, ms(10_000));
    assert_eq!(even.stats.skipped + even.stats.stretched, Duration::ZERO);
    for parts_per_million in [500, -500] {
        let heard = hear(&second, parts_per_million, time);
        assert_bounded(&heard, parts_per_million, time);
        assert!(heard.largest_step < 1.2 * even.largest_step, "{} of {}", heard.largest_step, even.largest_step);
    }
}
