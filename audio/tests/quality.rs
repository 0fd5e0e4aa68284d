//! How much of a tone is heard damaged, and how late, on networks that lose, repeat and reorder.
//!
//! A window of 10 ms is damaged if the level of the tone is off by more than 1 dB, or if what is there
//! beside the tone is above −20 dB relative to it. In-band FEC exists for what the encoder takes for
//! speech, and a steady tone is not: `voice.rs` looks at that.
#![allow(clippy::print_stdout)] // The delay that wholeness costs is read from the output.

mod support;

use std::time::Duration;

use audio::{EncoderSettings, Frame, FrameLength, Packet, Playout, PlayoutSettings};
use support::*;

const HZ: f64 = 440.0;
const AMPLITUDE: f64 = 0.3;

/// What came of a stream: windows of 10 ms and how many of them are damaged, and each tick's figures.
struct Outcome {
    windows: usize,
    damaged: usize,
    waits: Vec<Duration>,
    targets: Vec<Duration>,
    stats: audio::Stats,
}

impl Outcome {
    fn share(&self) -> f64 {
        self.damaged as f64 / self.windows as f64
    }

    fn print(&self, name: &str) {
        let mut waits = self.waits.clone();
        waits.sort();
        let at = |share: usize| waits[(waits.len() * share / 100).min(waits.len() - 1)];
        println!(
            "{name}: {:.2} % of {} windows damaged, wait p50 {:.1?} p95 {:.1?}, target {:.1?}, fec {} dred {} red {} concealed {:.0?}",
            100.0 * self.share(),
            self.windows,
            at(50),
            at(95),
            self.targets.last().expect("a tick"),
            self.stats.recovered_by_fec,
            self.stats.recovered_by_dred,
            self.stats.recovered_by_red,
            self.stats.concealed,
        );
    }
}

/// Level of the tone and of what is beside it, as amplitudes, by least squares.
fn measure(window: &[f32]) -> (f64, f64) {
    let (mut ss, mut sc, mut cc, mut xs, mut xc, mut xx) = (0.0, 0.0, 0.0, 0.0, 0.0, 0.0);
    for (at, &x) in window.iter().enumerate() {
        let (s, c) = (std::f64::consts::TAU * HZ * at as f64 / 48_000.0).sin_cos();
        let x = f64::from(x);
        ss += s * s;
        sc += s * c;
        cc += c * c;
        xs += x * s;
        xc += x * c;
        xx += x * x;
    }
    let det = ss * cc - sc * sc;
    let (a, b) = ((xs * cc - xc * sc) / det, (xc * ss - xs * sc) / det);
    let rest = (xx - a * xs - b * xc).max(0.0) / window.len() as f64;
    (a.hypot(b), (2.0 * rest).sqrt())
}

fn is_damaged(window: &[f32], amplitude: f64) -> bool {
    let (level, rest) = measure(window);
    let off = 20.0 * (level / amplitude).log10();
    off.abs() > 1.0 || rest > 0.1 * level
}

/// A way to play a stream: what arrives, and copies of earlier packets that came with them.
struct Run<'a> {
    arrivals: Vec<(Duration, Packet<'a>)>,
    copies: Vec<(Duration, Packet<'a>)>,
    length: FrameLength,
    phase: Duration,
    from: Duration,
    to: Duration,
}

impl<'a> Run<'a> {
    fn new(arrivals: Vec<(Duration, Packet<'a>)>) -> Self {
        let to = arrivals.iter().map(|arrival| arrival.0).max().unwrap_or_default() - ms(200);
        let (length, phase, from) = (FrameLength::Ms20, ms(11), ms(1000));
        Self { arrivals, copies: Vec::new(), length, phase, from, to }
    }

    fn play(mut self) -> Outcome {
        self.arrivals.sort_by_key(|arrival| arrival.0);
        self.copies.sort_by_key(|copy| copy.0);
        let mut order = self.arrivals.iter().peekable();
        let mut copies = self.copies.iter().peekable();
        let mut playout = Playout::new(PlayoutSettings::default());
        let mut frame = Frame::silence(self.length);
        let stats = playout.stats();
        let mut outcome = Outcome { windows: 0, damaged: 0, waits: Vec::new(), targets: Vec::new(), stats };
        let mut now = self.phase;
        while now < self.to {
            while let Some((at, packet)) = order.next_if(|arrival| arrival.0 <= now) {
                playout.insert(*packet, *at);
            }
            while let Some((at, packet)) = copies.next_if(|copy| copy.0 <= now) {
                playout.insert_redundant(*packet, *at);
            }
            playout.next(&mut frame, now);
            if now >= self.from {
                let left: Vec<f32> = frame.left().collect();
                for window in left.chunks(480) {
                    outcome.windows += 1;
                    outcome.damaged += usize::from(is_damaged(window, AMPLITUDE));
                }
                outcome.waits.push(playout.stats().wait);
                outcome.targets.push(playout.stats().target);
            }
            now += self.length.time();
        }
        outcome.stats = playout.stats();
        outcome
    }
}

fn lossy<'a>(sent: &'a [Sent], percent: u64, seed: u64) -> Vec<(Duration, Packet<'a>)> {
    let mut dice = Dice(seed);
    delayed(sent, |_| ms(5)).into_iter().filter(|_| dice.roll(100) >= percent).collect()
}

#[test]
fn loss_without_fec_damages_less_than_half_of_what_was_lost() {
    let sent = encoded(EncoderSettings::default(), 3000, tone(HZ, AMPLITUDE));
    for (percent, most) in [(5, 0.02), (10, 0.04)] {
        for seed in [1, 2] {
            let outcome = Run::new(lossy(&sent, percent, seed)).play();
            outcome.print(&format!("{percent} % lost, no FEC"));
            assert!(outcome.share() <= most, "{percent} %: {}", outcome.share());
            assert_eq!(outcome.stats.recovered_by_fec, 0);
        }
    }
}

#[test]
fn what_is_reordered_or_repeated_damages_nothing() {
    let sent = encoded(EncoderSettings::default(), 3000, tone(HZ, AMPLITUDE));
    for late in [22, 30, 45] {
        for phase in [5, 11, 24] {
            let mut dice = Dice(9);
            let waits: Vec<_> = sent.iter().map(|_| ms(if dice.roll(100) < 5 { 5 + late } else { 5 })).collect();
            let run = Run { phase: ms(phase), from: ms(60), ..Run::new(delayed(&sent, |number| waits[number])) };
            let outcome = run.play();
            outcome.print(&format!("5 % reordered, {late} ms late"));
            assert_eq!(outcome.damaged, 0);
            assert!(outcome.stats.out_of_order > 50 || late == 22);
        }
    }
    let mut dice = Dice(9);
    let mut arrivals = delayed(&sent, |_| ms(5));
    arrivals.extend(delayed(&sent, |_| ms(12)).into_iter().filter(|_| dice.roll(100) < 5));
    let outcome = Run { from: ms(60), ..Run::new(arrivals) }.play();
    outcome.print("5 % repeated");
    assert_eq!(outcome.damaged, 0);
    assert!(outcome.stats.repeated > 100);
}

#[test]
fn on_a_clean_path_nothing_waits_longer_than_a_tick() {
    let sent = encoded(EncoderSettings::default(), 300, tone(HZ, AMPLITUDE));
    for (length, phases) in [(FrameLength::Ms20, 0..20), (FrameLength::Ms10, 0..10)] {
        for phase in phases {
            let run = Run { length, phase: ms(phase), ..Run::new(delayed(&sent, |_| ms(5))) };
            let outcome = run.play();
            let longest = *outcome.waits.iter().max().unwrap();
            // Ten milliseconds of a packet of twenty wait for the second tick; its first sample does not.
            assert!(longest < length.time(), "phase {phase} of {length:?}: {longest:?}");
            assert_eq!(outcome.damaged, 0);
            assert_eq!(outcome.stats.stretched + outcome.stats.skipped + outcome.stats.concealed, Duration::ZERO);
        }
    }
}

#[test]
fn packets_that_come_just_at_the_tick_get_one_more_frame_and_stay_there() {
    let sent = encoded(EncoderSettings::default(), 3000, tone(HZ, AMPLITUDE));
    for phase in [5, 6, 7] {
        let mut dice = Dice(3);
        let jitter: Vec<_> = sent.iter().map(|_| Duration::from_micros(dice.roll(2_000))).collect();
        let outcome = Run { phase: ms(phase), ..Run::new(delayed(&sent, |number| ms(5) + jitter[number])) }.play();
        assert_eq!(outcome.damaged, 0);
        assert!(outcome.waits.iter().all(|&wait| wait <= ms(28)), "{:?}", outcome.waits.iter().max());
        let stats = outcome.stats;
        assert!(stats.concealed <= ms(20) && stats.stretched + stats.skipped <= ms(50), "{stats:?}");
    }
}

#[test]
fn after_ten_seconds_of_spikes_the_delay_is_back_within_five() {
    let sent = encoded(EncoderSettings::default(), 1500, tone(HZ, AMPLITUDE));
    // From 5 to 15 s, each second what is sent in 200 ms comes at their end.
    let spike = |number: usize| {
        let at = 20 * (number as u64 + 1);
        let into = at % 1000;
        ms(5 + if (5_000..15_000).contains(&at) && into < 200 { 200 - into } else { 0 })
    };
    let outcome = Run { from: ms(11), ..Run::new(delayed(&sent, spike)) }.play();
    outcome.print("10 s of 200 ms spikes");
    let wait = |second: usize| outcome.waits[second * 50..second * 50 + 50].iter().max().unwrap();
    println!("longest wait of each second from the 14th on: {:.0?}", (14..28).map(wait).collect::<Vec<_>>());
    assert!(*wait(4) < ms(20));
    assert!(*wait(12) > ms(150), "it was needed: {:?}", wait(12));
    // The last spike ends at 14.2 s. A piece shorter than a period of the tone cannot be cut out.
    assert!((20..28).all(|second| *wait(second) < ms(25)), "{:?}", (14..28).map(wait).collect::<Vec<_>>());
    assert!(*wait(19) < ms(40), "{:?}", wait(19));
}

#[test]
fn redundant_copies_bring_back_what_was_lost_to_the_bit() {
    let sent = encoded(EncoderSettings::default(), 1500, tone(HZ, AMPLITUDE));
    let mut dice = Dice(4);
    let lost: Vec<bool> = sent.iter().map(|_| dice.roll(100) < 5).collect();
    let arrivals = |delay| delayed(&sent, delay).into_iter().zip(&lost).filter(|(_, lost)| !**lost).map(|(it, _)| it);
    let came: Vec<_> = arrivals(|_| ms(5)).collect();
    // Each packet that comes brings the one before it.
    let copies: Vec<_> = (1..sent.len())
        .filter(|&number| !lost[number])
        .map(|number| (sent[number].at + ms(5), sent[number - 1].packet()))
        .collect();
    let outcome = Run { copies, ..Run::new(came) }.play();
    outcome.print("5 % lost, copies");
    assert!(outcome.stats.recovered_by_red > 50);
    assert!(outcome.damaged <= 2 * lost.windows(2).filter(|pair| pair[0] && pair[1]).count());
    assert!(outcome.stats.missing > 50 && (outcome.stats.received as usize) < sent.len() - 50);
    assert_eq!(outcome.stats.repeated, 0);
}

#[test]
fn deep_redundancy_brings_bursts_back() {
    let dred = ms(200);
    let settings =
        EncoderSettings { bitrate_bps: 64_000, expected_loss_percent: 20, dred, ..EncoderSettings::default() };
    let sent = encoded(settings, 500, voice);
    let in_burst = |number: usize| number > 50 && number % 50 < 3;
    let arrivals: Vec<_> =
        delayed(&sent, |_| ms(5)).into_iter().enumerate().filter(|(n, _)| !in_burst(*n)).map(|(_, it)| it).collect();
    let outcome = Run::new(arrivals).play();
    outcome.print("bursts of three, DRED");
    let stats = outcome.stats;
    assert!(stats.recovered_by_dred + stats.recovered_by_fec >= stats.missing - 3, "{stats:?}");
    assert!(stats.recovered_by_dred >= stats.missing / 2, "{stats:?}");
    assert!(stats.concealed <= ms(200), "only until it is known that it pays to wait: {:?}", stats.concealed);
}
