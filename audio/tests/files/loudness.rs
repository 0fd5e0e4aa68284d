//! Loudness reads as BS.1770 computes it.

use audio::Frame;
use audio::loudness::{Figures, Loudness};

use crate::tools::{frames, noise, run, sine};

fn measure(left: &[f32], right: &[f32]) -> Figures {
    let mut meter = Loudness::new();
    for frame in frames(left, right) {
        meter.add(&frame);
    }
    meter.figures()
}

/// BS.1770 is scaled so that 997 Hz in one channel reads 3.01 below its peak in dBFS; two channels add 3.01.
#[test]
fn a_sine_of_997_hz_reads_as_bs_1770_says() {
    let tone = sine(997.0, 0.1, 5 * 48_000, 48_000);
    let silence = vec![0.0; tone.len()];
    for (right, lufs) in [(&tone, -20.0), (&silence, -23.01)] {
        let figures = measure(&tone, right);
        for read in [figures.integrated, figures.short_term, figures.momentary] {
            assert!((read.unwrap() - lufs).abs() < 0.2, "{figures:?}");
        }
        assert!((figures.true_peak + 20.0).abs() < 0.2, "{figures:?}");
    }
}

#[test]
fn silence_has_no_loudness_and_does_not_lower_what_was_heard() {
    let mut meter = Loudness::new();
    assert_eq!(meter.figures().integrated, None);
    for frame in frames(&sine(997.0, 0.1, 240_000, 48_000), &sine(997.0, 0.1, 240_000, 48_000)) {
        meter.add(&frame);
    }
    for _ in 0..500 {
        meter.add(&Frame::SILENCE);
    }
    let figures = meter.figures();
    // The gate drops what is silent; two blocks of 0.4 s on the edge are half tone.
    assert!((figures.integrated.unwrap() + 20.0).abs() < 0.3, "{figures:?}");
    assert_eq!((figures.momentary, figures.short_term), (None, None));
    meter.reset();
    assert_eq!(meter.figures(), Loudness::new().figures());
    assert_eq!(meter.figures().true_peak, f64::NEG_INFINITY);
}

#[test]
fn peaks_between_samples_count() {
    // A quarter of the sample rate, an eighth of a turn off: every sample is 3 dB below the peak of the wave.
    let tone: Vec<f32> = (0..96_000).map(|n| 0.5 * if n % 4 < 2 { 1.0 } else { -1.0 } * 0.5_f32.sqrt()).collect();
    let figures = measure(&tone, &tone);
    assert!((figures.true_peak + 6.02).abs() < 0.4, "{figures:?}");
}

#[test]
fn ffmpeg_reads_the_same() {
    let left: Vec<f32> = noise(3, 480_000)
        .iter()
        .enumerate()
        .map(|(n, x)| (f32::from(*x) / 128.0 - 1.0) * (n % 96_000) as f32 / 200_000.0)
        .collect();
    let right: Vec<f32> = left.iter().rev().map(|x| 0.5 * x).collect();
    let bytes: Vec<u8> =
        left.iter().zip(&right).flat_map(|(l, r)| [l.to_le_bytes(), r.to_le_bytes()]).flatten().collect();
    let arguments = ["-f", "f32le", "-ar", "48000", "-ac", "2", "-i", "pipe:0", "-af", "ebur128", "-f", "null", "-"];
    let report = String::from_utf8(run("ffmpeg", &arguments, &bytes).stderr).unwrap();
    let line = report.lines().rev().find(|line| line.trim_start().starts_with("I:")).expect("a line with the loudness");
    let theirs: f64 = line.split_whitespace().nth(1).unwrap().parse().unwrap();
    let ours = measure(&left, &right).integrated.unwrap();
    assert!((ours - theirs).abs() < 0.15, "{ours} against {theirs}");
}
