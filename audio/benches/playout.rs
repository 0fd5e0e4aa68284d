//! What it costs to receive one talker: each measurement takes a packet of 20 ms in (`Playout::insert`) and a frame of
//! 20 ms out (`Playout::next`), decoding included.
//!
//! `cargo bench -p mixminus-audio --bench playout`

#[path = "../tests/support/mod.rs"]
mod support;

use std::time::Duration;

use audio::{EncoderSettings, Frame, Packet, Played, Playout, PlayoutSettings, Stats};
use criterion::Criterion;
use support::{Dice, Sent, encoded, ms, voice};

/// Ten seconds of packets, sent over and over.
const PACKETS: usize = 500;

fn main() {
    let mut criterion = Criterion::default()
        .warm_up_time(Duration::from_millis(500))
        .measurement_time(Duration::from_millis(1_500))
        .nresamples(10_000)
        .configure_from_args();
    jitter_buffer(&mut criterion);
    criterion.final_summary();
}

fn jitter_buffer(criterion: &mut Criterion) {
    let plain = EncoderSettings { bitrate_bps: 64_000, complexity: 4, fec: false, ..EncoderSettings::default() };
    // Over 5 % of expected loss libopus goes to its speech modes: only they have FEC.
    let guarded = EncoderSettings { expected_loss_percent: 10, fec: true, ..plain };
    let (plain, guarded) = (encoded(plain, PACKETS, voice), encoded(guarded, PACKETS, voice));

    let mut clean = Stream::new(&plain, 0);
    let mut lossy = Stream::new(&plain, 5);
    let mut restored = Stream::new(&guarded, 5);
    assert!(clean.stats().missing == 0 && clean.stats().concealed.is_zero());
    assert!(lossy.stats().missing > 0 && lossy.stats().recovered_by_fec == 0);
    assert!(restored.stats().recovered_by_fec > restored.stats().missing / 2);

    let mut group = criterion.benchmark_group("jitter_buffer");
    group.bench_function("clean", |b| b.iter(|| clean.step()));
    group.bench_function("5 % lost", |b| b.iter(|| lossy.step()));
    group.bench_function("5 % lost, FEC", |b| b.iter(|| restored.step()));
    group.finish();
}

/// A talker whose packets all take as long, but for those that are lost.
struct Stream<'a> {
    playout: Playout,
    frame: Frame,
    sent: &'a [Sent],
    is_lost: Vec<bool>,
    number: u64,
}

impl<'a> Stream<'a> {
    /// One that has been on for all its packets once.
    fn new(sent: &'a [Sent], lost_percent: u64) -> Self {
        let mut dice = Dice(5);
        let mut stream = Self {
            playout: Playout::new(PlayoutSettings::default()),
            frame: Frame::SILENCE,
            sent,
            is_lost: sent.iter().map(|_| dice.roll(100) < lost_percent).collect(),
            number: 0,
        };
        for _ in sent {
            stream.step();
        }
        stream
    }

    fn step(&mut self) -> Played {
        let now = ms(20 * self.number);
        let at = self.number as usize % self.sent.len();
        if !self.is_lost[at] {
            let timestamp = (self.number as u32).wrapping_mul(960);
            let packet = Packet { sequence: self.number as u16, timestamp, payload: &self.sent[at].payload };
            self.playout.insert(packet, now);
        }
        self.number += 1;
        self.playout.next(&mut self.frame, now + ms(4))
    }

    fn stats(&self) -> Stats {
        self.playout.stats()
    }
}
