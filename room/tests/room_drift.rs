//! Talkers whose clocks are off: the room's steps follow the slowest of those who are heard, so that nothing of him is
//! guessed, cut out or said twice.

#![allow(clippy::unwrap_used, reason = "a test fails by it")]

mod room_support;

use std::time::Duration;

use audio::{CHANNELS, Decoder, Encoder, EncoderSettings, FRAME_SAMPLES, Frame, MAX_DECODED, Stats};
use room::{Effects, MemberId, Room, Rtp};
use room_support::*;
use signaling::TrackPatch;

const TIME: Duration = Duration::from_secs(600);
const HZ: [f64; 2] = [440.0, 700.0];
const LOUD: f64 = 0.2;

/// A second of a tone, which has whole periods, from one that has gone on for long.
fn second_of(hz: f64) -> Vec<Vec<u8>> {
    let (mut encoder, mut source) = (Encoder::new(EncoderSettings::default()).unwrap(), tone(hz, LOUD));
    let mut frame = Frame::SILENCE;
    let packet = |number: u64| {
        for (at, pair) in frame.samples_mut().chunks_exact_mut(CHANNELS).enumerate() {
            pair.copy_from_slice(&source(number * FRAME_SAMPLES as u64 + at as u64));
        }
        let mut payload = vec![0; 1276];
        let length = encoder.encode(&frame, &mut payload).unwrap();
        payload.truncate(length);
        payload
    };
    (0..150).map(packet).collect::<Vec<_>>().split_off(100)
}

struct Heard {
    stats: Stats,
    /// Packets of the mix.
    packets: usize,
    /// From the fifth second on.
    left: Vec<f32>,
}

/// Each talks for so long with a clock that is so many parts in a million too fast, and one hears them.
fn hear(parts_per_million: &[i64]) -> Heard {
    let mut room = Room::new("drift".parse().unwrap(), settings(), Duration::ZERO);
    let mut effects = Effects::new();
    room.join(join(9, Part::Hears, TrackPatch::default()), Duration::ZERO, &mut effects);
    let mut talkers = Vec::new();
    for (at, ppm) in parts_per_million.iter().enumerate() {
        room.join(join(1 + at as u64, Part::Talks, strip(-3.0, 0.0)), Duration::ZERO, &mut effects);
        let period = Duration::from_nanos((20_000_000 - 20 * ppm) as u64);
        talkers.push((MemberId(1 + at as u64), second_of(HZ[at]), period, ms(7 * at as u64), 0_u32));
    }
    let mut heard = Heard { stats: Stats::default(), packets: 0, left: Vec::new() };
    let (mut decoder, mut out) = (Decoder::new().unwrap(), vec![0.0; MAX_DECODED]);
    loop {
        let next = talkers.iter_mut().min_by_key(|(.., due, _)| *due).unwrap();
        let due = room.wake_at().filter(|at| *at <= next.3);
        let now = due.unwrap_or(next.3);
        if now > TIME {
            break;
        }
        if due.is_some() {
            room.tick(now, &mut effects);
        } else {
            let (member, packets, period, due, number) = next;
            let payload = &packets[*number as usize % packets.len()];
            let timestamp = number.wrapping_mul(960);
            let rtp = Rtp { ssrc: 1, sequence: *number as u16, timestamp, payload, is_copy: false };
            room.packet(*member, rtp, now, &mut effects);
            *due += *period;
            *number += 1;
        }
        for media in &effects.media {
            let samples = decoder.decode(effects.payload(media), &mut out).unwrap();
            heard.packets += 1;
            if now > ms(5_000) {
                heard.left.extend(out[..samples * CHANNELS].chunks_exact(CHANNELS).map(|pair| pair[0]));
            }
        }
        effects.clear();
    }
    heard.stats = room.counters().receive;
    heard
}

/// No tenth of a second is softer or louder.
fn assert_steady(left: &[f32], hz: f64) {
    let pairs: Vec<f32> = left.iter().flat_map(|sample| [*sample; 2]).collect();
    let nominal = 20.0 * LOUD.log10() - 3.0;
    for (at, window) in pairs.chunks_exact(2 * 960 * 5).enumerate() {
        let level = tone_dbfs(window, 0, hz);
        assert!((level - nominal).abs() < 0.5, "{hz} Hz, {} s: {level} dBFS", at as f64 / 10.0);
    }
}

#[test]
fn steps_follow_the_clock_of_a_talker_who_is_alone() {
    for ppm in [-500, 500] {
        let Heard { stats, packets, left } = hear(&[ppm]);
        let changed = (stats.concealed, stats.skipped, stats.stretched, stats.late);
        assert_eq!(changed, (Duration::ZERO, Duration::ZERO, Duration::ZERO, 0), "{ppm}");
        // 15 packets in 10 minutes; a few more while the steps come to his phase.
        let wanted = 30_000 + 30_000 * ppm / 1_000_000;
        assert!((packets as i64).abs_diff(wanted) <= 3, "{ppm}: {packets}, not {wanted}");
        assert!(stats.wait <= ms(6), "{ppm}: {:?}", stats.wait);
        assert_steady(&left, HZ[0]);
    }
}

#[test]
fn of_two_talkers_the_slower_one_is_followed_and_the_other_is_cut_by_what_he_is_faster() {
    let Heard { stats, left, .. } = hear(&[-300, 300]);
    assert_eq!((stats.concealed, stats.late), (Duration::ZERO, 0));
    let gained = TIME * 600 / 1_000_000;
    assert!(stats.skipped.abs_diff(gained) <= ms(40), "{:?}", stats.skipped);
    assert!(stats.stretched <= ms(40), "{:?}", stats.stretched);
    assert_steady(&left, HZ[0]);
}
