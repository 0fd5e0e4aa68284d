//! What the sound of a tick costs between decoding and encoding: the limiter of one mix, and the mixes of all who talk.
//!
//! `cargo bench -p mixminus-audio --bench desk`

#[path = "../tests/support/mod.rs"]
mod support;

use std::{hint::black_box, time::Duration};

use audio::{Bus, FRAME_SAMPLES, Frame, Limiter};
use criterion::{BenchmarkId, Criterion, Throughput};
use support::voice;

fn main() {
    let mut criterion = Criterion::default()
        .warm_up_time(Duration::from_millis(500))
        .measurement_time(Duration::from_millis(1_500))
        .nresamples(10_000)
        .configure_from_args();
    limiter(&mut criterion);
    mix(&mut criterion);
    criterion.final_summary();
}

/// One frame of 20 ms through the limiter; throughput is samples per channel.
fn limiter(criterion: &mut Criterion) {
    let mut group = criterion.benchmark_group("limiter");
    group.throughput(Throughput::Elements(FRAME_SAMPLES as u64));
    for (name, gain) in [("usual loudness", 1.0), ("over the ceiling", 10.0)] {
        let frames: Vec<Frame> = (0..50).map(|number| frame(number, gain)).collect();
        let mut limiter = Limiter::default();
        let deepest = frames.iter().map(|frame| limiter.process(&mut frame.clone())).fold(0.0, f32::max);
        assert_eq!(deepest > 0.0, gain > 1.0, "{name}: {deepest} dB");
        let mut frames = frames.iter().cycle();
        let mut work = Frame::SILENCE;
        group.bench_function(name, |b| {
            b.iter(|| {
                // It works in place, so each frame is copied first: some 0.1 µs.
                frames.next().into_iter().for_each(|frame| work.copy_from(frame));
                limiter.process(&mut work)
            });
        });
    }
    group.finish();
}

/// So many tracks added, and a mix for each without its own part; throughput is mixes.
fn mix(criterion: &mut Criterion) {
    let mut bus = Bus::new();
    let mut out = Frame::SILENCE;
    let mut group = criterion.benchmark_group("mix");
    for tracks in [2, 8, 32] {
        let tracks: Vec<Frame> = (0..tracks).map(|number| frame(number, 1.0)).collect();
        group.throughput(Throughput::Elements(tracks.len() as u64));
        group.bench_function(BenchmarkId::from_parameter(tracks.len()), |b| {
            b.iter(|| {
                bus.clear();
                for track in &tracks {
                    bus.add(track);
                }
                for own in &tracks {
                    bus.minus(own, &mut out);
                    black_box(&out);
                }
            });
        });
    }
    group.finish();
}

fn frame(number: usize, gain: f32) -> Frame {
    let mut frame = Frame::SILENCE;
    for (at, pair) in frame.samples_mut().chunks_exact_mut(2).enumerate() {
        pair.copy_from_slice(&voice(number * 960 + at).map(|sample| gain * sample));
    }
    frame
}
