//! What Opus costs: one frame of 20 ms encoded, and one packet of 20 ms decoded. The sound is three voices, left, right
//! and in the middle; the effort is that of a room's mixes.
//!
//! `cargo bench -p mixminus-audio --bench codec`

#[path = "../tests/support/mod.rs"]
mod support;

use std::{f64::consts::TAU, time::Duration};

use audio::{Decoder, Encoder, EncoderSettings, Frame, MAX_DECODED, MAX_ENCODED, has_fec};
use criterion::Criterion;
use support::encoded;

/// Five seconds, over and over.
const FRAMES: usize = 250;

fn main() {
    let mut criterion = Criterion::default()
        .warm_up_time(Duration::from_millis(500))
        .measurement_time(Duration::from_millis(1_500))
        .nresamples(10_000)
        .configure_from_args();
    encode(&mut criterion);
    decode(&mut criterion);
    criterion.final_summary();
}

fn qualities() -> [(&'static str, EncoderSettings); 3] {
    let usual = EncoderSettings { bitrate_bps: 128_000, complexity: 1, ..EncoderSettings::default() };
    // Over 5 % of expected loss libopus goes to its speech modes: only they have FEC.
    let guarded = EncoderSettings { bitrate_bps: 64_000, complexity: 4, expected_loss_percent: 10, ..usual };
    let best = EncoderSettings { bitrate_bps: 256_000, ..usual };
    [("64 kbit/s, FEC", guarded), ("128 kbit/s", usual), ("256 kbit/s", best)]
}

fn encode(criterion: &mut Criterion) {
    let frames: Vec<Frame> = (0..FRAMES).map(frame).collect();
    let mut packet = [0; MAX_ENCODED];
    let mut group = criterion.benchmark_group("encode");
    for (name, settings) in qualities() {
        let mut encoder = Encoder::new(settings).expect("there is memory");
        let mut frames = frames.iter().cycle();
        group.bench_function(name, |b| {
            b.iter(|| frames.next().map(|frame| encoder.encode(frame, &mut packet)));
        });
    }
    group.finish();
}

fn decode(criterion: &mut Criterion) {
    let mut out = [0.0; MAX_DECODED];
    let mut group = criterion.benchmark_group("decode");
    for (name, settings) in qualities() {
        let sent = encoded(settings, FRAMES, voices);
        let guarded = sent.iter().filter(|sent| has_fec(&sent.payload)).count();
        assert_eq!(guarded > FRAMES / 2, settings.expected_loss_percent > 0, "{name}: {guarded} with FEC");
        let mut decoder = Decoder::new().expect("there is memory");
        let mut packets = sent.iter().cycle();
        group.bench_function(name, |b| {
            b.iter(|| packets.next().map(|packet| decoder.decode(&packet.payload, &mut out)));
        });
    }
    group.finish();
}

fn frame(number: usize) -> Frame {
    let mut frame = Frame::SILENCE;
    for (at, pair) in frame.samples_mut().chunks_exact_mut(2).enumerate() {
        pair.copy_from_slice(&voices(number * 960 + at));
    }
    frame
}

/// Three buzzes of their own pitch that swell as syllables do, each at its own time.
fn voices(at: usize) -> [f32; 2] {
    let t = at as f64 / 48_000.0;
    [(110.0, 0.3), (150.0, 0.5), (210.0, 0.7)].into_iter().fold([0.0; 2], |[left, right], (hz, pan)| {
        let turns = hz * t + 2.0 * (TAU * 0.4 * t + pan).sin();
        let swell = 0.1 + 0.9 * (TAU * (2.0 * t + pan)).sin().powi(2);
        let buzz: f64 = (1..=20).map(|n| (TAU * turns * f64::from(n)).sin() / f64::from(n)).sum();
        let voice = 0.1 * swell * buzz;
        [left + (voice * (1.0 - pan)) as f32, right + (voice * pan) as f32]
    })
}
