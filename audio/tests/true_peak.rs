//! However loud the sum, no meter finds a true peak over the ceiling; and what is quiet costs little.

mod support;

use audio::limiter::DEFAULT_CEILING_DBTP;
use audio::loudness::Loudness;
use audio::{CHANNELS, Frame, Limiter};
use support::*;

/// The true peak in dBTP by an interpolation of our own, 16 points to a sample and 64 samples wide.
fn true_peak_dbtp(interleaved: &[f32]) -> f64 {
    const POINTS: usize = 16;
    const WIDE: usize = 64;
    let taps: Vec<Vec<f32>> = (0..POINTS)
        .map(|point| {
            let taps = (0..WIDE).map(|tap| {
                let t = tap as f64 - (WIDE / 2 - 1) as f64 - point as f64 / POINTS as f64;
                let window = (std::f64::consts::FRAC_PI_2 * t / (WIDE / 2) as f64).cos().powi(2);
                if t == 0.0 {
                    1.0
                } else {
                    ((std::f64::consts::PI * t).sin() / (std::f64::consts::PI * t) * window) as f32
                }
            });
            taps.collect()
        })
        .collect();
    let mut most = 0.0_f32;
    for channel in 0..CHANNELS {
        let samples = audio::analysis::channel(interleaved, channel);
        for window in
            samples.windows(WIDE).filter(|window| window[WIDE / 2 - 4..WIDE / 2 + 4].iter().any(|s| s.abs() > 0.4))
        {
            for taps in &taps {
                let sum: f32 = window.iter().zip(taps).map(|(sample, tap)| sample * tap).sum();
                most = most.max(sum.abs());
            }
        }
    }
    20.0 * f64::from(most).log10()
}

fn true_peak_after_r128(interleaved: &[f32]) -> f64 {
    let mut meter = Loudness::new();
    let mut frame = Frame::SILENCE;
    for piece in interleaved.chunks_exact(frame.samples().len()) {
        frame.samples_mut().copy_from_slice(piece);
        meter.add(&frame);
    }
    meter.figures().true_peak
}

/// Gives both channels of each sample.
type Signal = Box<dyn FnMut(usize) -> [f32; 2]>;

/// Thirty-two talkers at full scale, in the worst ways that they could be.
fn crowds() -> Vec<(&'static str, Signal)> {
    let sine =
        |hz: f64, at: usize, phase: f64| (std::f64::consts::TAU * (hz * at as f64 / 48_000.0 + phase)).sin() as f32;
    let mut noise = Dice(3);
    let mut roll = move || noise.roll(2_001) as f32 / 1_000.0 - 1.0;
    let mut other = Dice(4);
    let mut bits = Dice(5);
    let mut bursts = Dice(6);
    let (mut held, mut left) = (0.0, 0_u64);
    vec![
        ("noise", Box::new(move |_| [(0..32).map(|_| roll()).sum(), (0..32).map(|_| roll()).sum()])),
        (
            "tones",
            Box::new(move |at| [(0..32).map(|n| sine(220.0 * 1.13_f64.powi(n), at, 0.1 * f64::from(n))).sum(); 2]),
        ),
        ("all in phase", Box::new(move |at| [32.0 * sine(997.0, at, 0.0), 32.0 * sine(441.0, at, 0.2)])),
        ("a quarter of the rate", Box::new(move |at| [32.0 * sine(12_000.0, at, 0.125); 2])),
        ("16 kHz", Box::new(move |at| [32.0 * sine(16_000.0, at, 1.0 / 24.0), 32.0 * sine(19_200.0, at, 0.05)])),
        ("a square", Box::new(move |at| [if at / 53 % 2 == 0 { 32.0 } else { -32.0 }; 2])),
        (
            "squares",
            Box::new(move |at| [(0..32).map(|n| if at / (20 + 3 * n) % 2 == 0 { 1.0 } else { -1.0 }).sum(); 2]),
        ),
        ("clipped noise", Box::new(move |_| [if other.roll(2) == 0 { 32.0 } else { -32.0 }; 2])),
        // The pattern whose middle between two samples is highest.
        (
            "the worst pattern",
            Box::new(move |at| {
                let way = at % 64;
                let sign = if (way < 32) == (way % 2 == 0) { 1.0 } else { -1.0 };
                [if (24..40).contains(&way) { sign * 32.0 } else { 0.0 }; 2]
            }),
        ),
        (
            "steps",
            Box::new(move |_| {
                if left == 0 {
                    held = bits.roll(65) as f32 - 32.0;
                    left = bits.roll(300) + 1;
                }
                left -= 1;
                [held; 2]
            }),
        ),
        (
            "clicks",
            Box::new(move |_| {
                [if bursts.roll(500) == 0 { 32.0 } else { 0.3 }, if bursts.roll(5_000) == 0 { -32.0 } else { 0.0 }]
            }),
        ),
        (
            "swells",
            Box::new(move |at| {
                let loud = 32.0 * sine(3.0, at, 0.0).powi(2);
                [loud * sine(5_000.0 + (at / 480) as f64, at, 0.0), loud * sine(180.0, at, 0.0)]
            }),
        ),
    ]
}

fn limited(limiter: &mut Limiter, frames: usize, signal: &mut dyn FnMut(usize) -> [f32; 2]) -> Vec<f32> {
    let mut all = Vec::new();
    for number in 0..frames {
        let mut frame = Frame::SILENCE;
        for (at, pair) in frame.samples_mut().chunks_exact_mut(CHANNELS).enumerate() {
            pair.copy_from_slice(&signal(number * 960 + at));
        }
        limiter.process(&mut frame);
        all.extend_from_slice(frame.samples());
    }
    all
}

/// The same without what lies over 20 kHz, as all sound is that has come through Opus.
fn as_opus_gives_it(mut signal: impl FnMut(usize) -> [f32; 2]) -> impl FnMut(usize) -> [f32; 2] {
    const WIDE: usize = 81;
    let taps: Vec<f32> = (0..WIDE)
        .map(|tap| {
            let t = tap as f64 - (WIDE / 2) as f64;
            let window = (std::f64::consts::FRAC_PI_2 * t / (WIDE / 2 + 1) as f64).cos().powi(2);
            let share = 20_000.0 / 24_000.0;
            let sinc =
                if t == 0.0 { share } else { (std::f64::consts::PI * share * t).sin() / (std::f64::consts::PI * t) };
            (sinc * window) as f32
        })
        .collect();
    let mut past = [[0.0; 2]; WIDE];
    move |at| {
        past[at % WIDE] = signal(at);
        let mut sum = [0.0; 2];
        for (tap, factor) in taps.iter().enumerate() {
            let pair = past[(at + WIDE - tap) % WIDE];
            sum[0] += factor * pair[0];
            sum[1] += factor * pair[1];
        }
        sum
    }
}

#[test]
fn the_true_peak_of_32_full_scale_talkers_is_under_the_ceiling() {
    for (name, signal) in crowds() {
        let output = limited(&mut Limiter::default(), 60, &mut as_opus_gives_it(signal));
        let (own, r128) = (true_peak_dbtp(&output), true_peak_after_r128(&output));
        assert!(
            own <= f64::from(DEFAULT_CEILING_DBTP) && r128 <= f64::from(DEFAULT_CEILING_DBTP),
            "{name}: {own:.2} and {r128:.2} dBTP"
        );
        assert!(own > -3.0, "{name}: no quieter than it must be, {own:.2} dBTP");
    }
}

#[test]
fn a_peak_between_samples_is_taken_down_and_the_same_samples_without_it_are_not() {
    // Both have no sample over −1.5 dBFS; the first goes to +1.5 dBTP between them.
    let amplitude = 10_f64.powf(1.5 / 20.0);
    let wave = |hz: f64, phase: f64, amplitude: f64| {
        move |at: usize| [(amplitude * (std::f64::consts::TAU * (hz * at as f64 / 48_000.0 + phase)).sin()) as f32; 2]
    };
    let hidden = limited(&mut Limiter::default(), 50, &mut wave(12_000.0, 0.125, amplitude));
    assert!((true_peak_dbtp(&hidden[9_600..]) - -1.25).abs() < 0.2, "{}", true_peak_dbtp(&hidden[9_600..]));
    let mut limiter = Limiter::default();
    let mut plain = wave(997.0, 0.0, 0.84);
    let output = limited(&mut limiter, 50, &mut plain);
    let delay = Limiter::DELAY_SAMPLES;
    assert!((delay..48_000).all(|at| output[at * 2] == plain(at - delay)[0]), "to the bit");
}
