//! How much later a voice is heard because a server stands between: everything but the client's own frame and codec.

#![allow(clippy::unwrap_used, reason = "a test fails by it")]

mod room_support;

use std::time::Duration;

use audio::{CHANNELS, Decoder, Encoder, EncoderSettings, FRAME_SAMPLES, Frame, MAX_DECODED};
use room::{Effects, MemberId, Room, Rtp};
use room_support::*;
use signaling::TrackPatch;

/// Decoded packets of one stream, one behind the other, and where in it they begin, and when they came.
struct Stream {
    decoder: Decoder,
    first: Option<u32>,
    came: Vec<(usize, Duration)>,
    pcm: Vec<f32>,
}

impl Stream {
    fn new() -> Self {
        Self { decoder: Decoder::new().unwrap(), first: None, came: Vec::new(), pcm: Vec::new() }
    }

    fn hear(&mut self, payload: &[u8], timestamp: u32, at: Duration) {
        let place = timestamp.wrapping_sub(*self.first.get_or_insert(timestamp)) as usize;
        self.came.push((place, at));
        let mut out = [0.0; MAX_DECODED];
        let samples = self.decoder.decode(payload, &mut out).unwrap();
        self.pcm.resize(self.pcm.len().max(place + samples), 0.0);
        for (n, pair) in out[..samples * CHANNELS].chunks_exact(CHANNELS).enumerate() {
            self.pcm[place + n] = pair[0];
        }
    }

    /// When a sample could be heard, ms.
    fn time_ms(&self, sample: usize) -> f64 {
        let (place, at) = self.came[self.came.partition_point(|(place, _)| *place <= sample) - 1];
        at.as_secs_f64() * 1000.0 + (sample - place) as f64 / 48.0
    }
}

/// How much later than without a server one hears, after so many seconds, a talker with this strip, whose packets come at
/// this phase of the others' and up to `jitter_ms` late, ms.
fn added_ms(strip: TrackPatch, phase: Duration, jitter_ms: f64, others: u64, after_s: u32) -> f64 {
    added_by_late(strip, phase, |_, dice| jitter_ms * dice, others, after_s)
}

/// The same where `late` says how late each packet is, ms, from when it was sent, ms, and a number from 0 to 1.
fn added_by_late(strip: TrackPatch, phase: Duration, late: impl Fn(u32, f64) -> f64, others: u64, after_s: u32) -> f64 {
    let mut room = Room::new("delay".parse().unwrap(), settings(), Duration::ZERO);
    let mut effects = Effects::new();
    room.join(join(1, Part::Talks, strip.clone()), Duration::ZERO, &mut effects);
    room.join(join(2, Part::Hears, TrackPatch::default()), Duration::ZERO, &mut effects);
    let mut talkers = vec![(1, Encoder::new(EncoderSettings::default()).unwrap(), speech(), phase)];
    for other in 0..others {
        // Soft tones of others, whose packets come at phases of their own.
        room.join(join(10 + other, Part::Talks, strip.clone()), Duration::ZERO, &mut effects);
        let encoder = Encoder::new(EncoderSettings::default()).unwrap();
        talkers.push((10 + other, encoder, tone(3_000.0 + 700.0 * other as f64, 0.001), ms(13 * (other + 1) % 20)));
    }
    let mut arrivals = Vec::new();
    let (mut seed, mut direct) = (phase.as_nanos() as u64 + 1, Stream::new());
    for n in 0..100 + 50 * after_s {
        for (member, encoder, source, phase) in &mut talkers {
            let mut frame = Frame::SILENCE;
            for (at, pair) in frame.samples_mut().chunks_exact_mut(CHANNELS).enumerate() {
                pair.copy_from_slice(&source(u64::from(n) * FRAME_SAMPLES as u64 + at as u64));
            }
            let mut payload = vec![0; 1276];
            let length = encoder.encode(&frame, &mut payload).unwrap();
            payload.truncate(length);
            seed = seed.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1);
            let dice = (seed >> 33) as f64 / (1_u64 << 31) as f64;
            let late = Duration::from_secs_f64(late(20 * n, dice) / 1000.0);
            let at = ms(1_000) + *phase + ms(20) * n;
            if *member == 1 {
                direct.hear(&payload, n * 960, at);
            }
            arrivals.push((at + late, *member, n, payload));
        }
    }
    arrivals.sort_by_key(|(at, ..)| *at);
    let mut heard = Stream::new();
    let mut take = |effects: &mut Effects, now| {
        for media in &effects.media {
            heard.hear(effects.payload(media), media.timestamp, now);
        }
        effects.clear();
    };
    for (at, member, n, payload) in &arrivals {
        while let Some(due) = room.wake_at().filter(|due| due < at) {
            room.tick(due, &mut effects);
            take(&mut effects, due);
        }
        let rtp = Rtp { ssrc: 1, sequence: *n as u16, timestamp: n * 960, payload, is_copy: false };
        room.packet(MemberId(*member), rtp, *at, &mut effects);
        take(&mut effects, *at);
    }
    let sample = 48_000 * after_s as usize;
    let later = later_by(&direct.pcm, &heard.pcm, sample);
    heard.time_ms((sample as i64 + later) as usize) - direct.time_ms(sample)
}

/// By how many samples the second stream has the sound of the first later, from this one on.
fn later_by(direct: &[f32], heard: &[f32], begin: usize) -> i64 {
    let window = &direct[begin..begin + 24_000];
    let likeness = |lag: i64| -> f32 {
        let start = (begin as i64 + lag) as usize;
        window.iter().zip(&heard[start..]).map(|(a, b)| a * b).sum()
    };
    let best = |lags: Vec<i64>| lags.into_iter().max_by(|a, b| likeness(*a).total_cmp(&likeness(*b))).unwrap();
    let coarse = best((-3_000..6_000).step_by(8).collect());
    best((coarse - 8..=coarse + 8).collect())
}

fn quantiles(mut delays: Vec<f64>) -> (f64, f64) {
    delays.sort_by(f64::total_cmp);
    (delays[delays.len() / 2], delays[delays.len() * 95 / 100])
}

#[test]
fn mixing_adds_20_ms_to_half_and_30_to_nearly_all() {
    for others in [0, 1, 3] {
        let phases = (0..40).map(|n| Duration::from_micros(487 * n));
        let (p50, p95) = quantiles(phases.map(|phase| added_ms(strip(-3.0, 0.0), phase, 0.5, others, 2)).collect());
        println!("mixed with {others} others: p50 {p50:.1} ms, p95 {p95:.1} ms");
        assert!(p50 <= 20.0 && p95 <= 30.0, "with {others} others p50 {p50:.1} ms, p95 {p95:.1} ms");
    }
}

#[test]
fn on_an_uneven_network_steps_come_when_the_last_packet_does_whatever_its_phase() {
    for jitter_ms in [30.0, 60.0] {
        let phases = (0..10).map(|n| Duration::from_micros(1_947 * n));
        let (p50, p95) = quantiles(phases.map(|phase| added_ms(strip(-3.0, 0.0), phase, jitter_ms, 0, 6)).collect());
        println!("mixed, {jitter_ms} ms of jitter: p50 {p50:.1} ms, p95 {p95:.1} ms");
        // The mix is 4.5 ms behind what is played, and steps some 2 behind what the network needs, or did of late.
        assert!(p95 <= jitter_ms + 12.0, "{jitter_ms}: p50 {p50:.1} ms, p95 {p95:.1} ms");
    }
}

#[test]
fn after_ten_seconds_of_spikes_the_delay_is_back_within_five() {
    // Each second from 2 to 12 s what is sent in 200 ms comes at their end; the last spike ends at 11.2 s.
    let spikes = |sent_ms: u32, dice: f64| {
        let into = sent_ms % 1_000;
        dice * 0.5 + if (2_000..12_000).contains(&sent_ms) && into < 200 { f64::from(200 - into) } else { 0.0 }
    };
    for n in 0..5 {
        let phase = Duration::from_micros(3_947 * n);
        let added = |after_s| added_by_late(strip(-3.0, 0.0), phase, spikes, 0, after_s);
        let (before, within, after) = (added(1), added(10), added(16));
        println!(
            "10 s of 200 ms spikes: {before:.1} ms before, {within:.1} within, {after:.1} from 4.8 s after the last one on"
        );
        assert!(within > 100.0, "{within:.1} ms: it is needed");
        assert!(after < before + 2.0, "{before:.1} ms before, {after:.1} after");
    }
}

#[test]
fn forwarding_adds_nothing() {
    let phases = (0..20).map(|n| Duration::from_micros(973 * n));
    let (p50, p95) = quantiles(phases.map(|phase| added_ms(TrackPatch::default(), phase, 0.5, 0, 2)).collect());
    println!("forwarded: p50 {p50:.1} ms, p95 {p95:.1} ms");
    assert!(p95 < 1.0, "p50 {p50:.1} ms, p95 {p95:.1} ms");
}
