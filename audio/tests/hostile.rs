//! Whatever arrives: no panic, nothing that is not finite, bounded memory, and the next honest
//! packet is heard.

mod support;

use std::time::Duration;

use audio::{Arrival, Frame, FrameLength, Packet, Played, Playout, PlayoutSettings, analysis, packet_samples};
use proptest::collection::vec;
use proptest::prelude::*;
use support::*;

fn playout() -> Playout {
    Playout::new(PlayoutSettings::default())
}

/// Plays `second` after `first` on the same playout and asserts that it starts cleanly.
fn assert_restarts(change: impl Fn(&mut Sent), first_arrival: Arrival) {
    let mut sent = Talker::default().send(&[960; 300], tone(300.0, 0.4));
    for packet in &mut sent[150..] {
        change(packet);
    }
    let mut playout = playout();
    let heard = listen(&mut playout, &delayed(&sent, |_| ms(5)), ms(4), ms(6025));
    assert_eq!(heard.arrivals[150], first_arrival);
    assert!(heard.arrivals[151..].iter().all(|&arrival| arrival == Arrival::InOrder));
    let stats = playout.stats();
    assert_eq!((stats.missing, stats.late, stats.repeated), (0, 0, 0));
    // It waits for its target again, and what still waited of the old stream is not played.
    let gap = heard.played[heard.start()..].iter().filter(|&&played| played == Played::Silence).count();
    assert!(gap <= 2, "{gap} frames of silence");
    let left = analysis::channel(&heard.samples, 0);
    assert!(analysis::largest_step(&left) < 0.03, "{}", analysis::largest_step(&left));
    assert!((analysis::tone_dbfs(&left[170 * 960..290 * 960], 300.0) + 7.96).abs() < 0.1);
}

#[test]
fn a_jump_of_the_sequence_number_starts_a_new_stream() {
    assert_restarts(|packet| packet.sequence = packet.sequence.wrapping_add(20_000), Arrival::First);
    assert_restarts(|packet| packet.sequence = packet.sequence.wrapping_sub(5_000), Arrival::First);
}

#[test]
fn a_jump_of_the_timestamp_starts_a_new_stream() {
    assert_restarts(|packet| packet.timestamp = packet.timestamp.wrapping_add(48_000 * 3600), Arrival::First);
    assert_restarts(|packet| packet.timestamp = packet.timestamp.wrapping_sub(48_000 * 30), Arrival::First);
    assert_restarts(|packet| packet.timestamp = packet.timestamp.wrapping_add(1 << 31), Arrival::First);
}

#[test]
fn a_reset_starts_a_new_stream() {
    let sent = Talker::default().send(&[960; 100], tone(300.0, 0.4));
    let arrivals = delayed(&sent, |_| ms(5));
    let mut playout = playout();
    let first = listen(&mut playout, &arrivals[..50], ms(4), ms(1010));
    playout.reset();
    assert!(!playout.is_idle(), "the old stream is still to be faded out");
    let mut frame = Frame::SILENCE;
    playout.next(&mut frame, ms(1024));
    let mut ending = first.samples;
    ending.extend_from_slice(frame.samples());
    assert!(analysis::largest_step(&analysis::channel(&ending, 0)) < 0.03);
    assert!(frame.samples()[480..].iter().all(|&sample| sample == 0.0));
    assert!(playout.is_idle());
    // The very same packets are new now.
    assert_eq!(playout.insert(arrivals[0].1, ms(2000)), Arrival::First);
    assert_eq!(playout.insert(arrivals[1].1, ms(2000)), Arrival::InOrder);
    assert_eq!(playout.next(&mut frame, ms(2004)), Played::Voice);
}

#[test]
fn what_is_not_opus_is_refused_and_a_running_stream_does_not_notice() {
    let sent = Talker::default().send(&[960; 100], sweep);
    let mut arrivals = delayed(&sent, |_| ms(5));
    let long = vec![0xFC; 9000];
    let junk: [&[u8]; 6] = [&[], &[0xFF], &[0xFF, 0x00], &[0xFB, 0xC4, 250, 250, 250, 1], &[0xFD, 0], &long];
    for (number, payload) in (10..90_u64).zip(junk.iter().cycle()) {
        let honest = &sent[number as usize];
        let packet = Packet { sequence: honest.sequence, timestamp: honest.timestamp, payload };
        arrivals.push((ms(20 * number), packet));
    }
    let mut playout = playout();
    let heard = listen(&mut playout, &arrivals, ms(4), ms(2025));
    assert_eq!(playout.stats().malformed, 80);
    assert_eq!(heard.arrivals.iter().filter(|&&arrival| arrival == Arrival::Malformed).count(), 80);
    let wanted = decoded(&sent);
    let start = heard.start() * 1920;
    assert!(heard.samples[start + 480..][..180_000] == wanted[480..][..180_000]);
}

#[derive(Clone, Debug)]
enum Step {
    /// An honest packet of the next number.
    Honest,
    /// An honest payload under any header near the stream's.
    Near(i16, i32),
    /// Any header, any payload.
    Wild(u16, u32, Vec<u8>),
    /// A first byte and a count that make sense, and random bytes: reaches the decoder.
    Plausible(i16, u8, Vec<u8>),
    Ticks(u8),
    Passes(u8),
    Target(u16),
    Reset,
    Leap(u32),
}

fn step() -> impl Strategy<Value = Step> {
    prop_oneof![
        8 => Just(Step::Honest),
        4 => (-1200..1200_i16, -60_000..60_000_i32).prop_map(|(s, t)| Step::Near(s, t)),
        2 => (any::<u16>(), any::<u32>(), vec(any::<u8>(), 0..80)).prop_map(|(s, t, p)| Step::Wild(s, t, p)),
        4 => (-5..30_i16, any::<u8>(), vec(any::<u8>(), 0..300)).prop_map(|(s, toc, p)| Step::Plausible(s, toc & 0xFC, p)),
        8 => (1..12_u8).prop_map(Step::Ticks),
        1 => (1..12_u8).prop_map(Step::Passes),
        1 => (0..5000_u16).prop_map(Step::Target),
        1 => Just(Step::Reset),
        1 => any::<u32>().prop_map(Step::Leap),
    ]
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 200, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn nothing_that_arrives_breaks_a_playout(steps in vec(step(), 1..300)) {
        let honest = Talker { bitrate: 32_000, ..Talker::default() }.send(&[960; 20], |at| tone(300.0, 0.4)(at));
        let mut playout = playout();
        let mut frame = Frame::SILENCE;
        let mut now = Duration::ZERO;
        let (mut sequence, mut timestamp) = (0_u16, 0_u32);
        for step in steps {
            match step {
                Step::Honest => {
                    sequence = sequence.wrapping_add(1);
                    timestamp = timestamp.wrapping_add(960);
                    playout.insert(Packet { sequence, timestamp, payload: &honest[usize::from(sequence % 20)].payload }, now);
                }
                Step::Near(s, t) => {
                    sequence = sequence.wrapping_add(s as u16);
                    timestamp = timestamp.wrapping_add(t as u32);
                    playout.insert(Packet { sequence, timestamp, payload: &honest[0].payload }, now);
                }
                Step::Wild(sequence, timestamp, payload) => {
                    playout.insert(Packet { sequence, timestamp, payload: &payload }, now);
                }
                Step::Plausible(s, toc, mut payload) => {
                    sequence = sequence.wrapping_add(s as u16);
                    timestamp = timestamp.wrapping_add((s as u32).wrapping_mul(960));
                    payload.insert(0, toc);
                    playout.insert(Packet { sequence, timestamp, payload: &payload }, now);
                }
                Step::Ticks(count) => for _ in 0..count {
                    now += audio::FRAME_TIME;
                    playout.next(&mut frame, now);
                    prop_assert!(frame.samples().iter().all(|sample| sample.abs() <= 16.0), "finite and bounded");
                    prop_assert!(playout.stats().delay <= ms(5000));
                },
                Step::Passes(count) => for _ in 0..count {
                    now += audio::FRAME_TIME;
                    playout.pass(FrameLength::Ms20, now);
                },
                Step::Target(target) => playout.set_min(ms(u64::from(target))),
                Step::Reset => playout.reset(),
                Step::Leap(millis) => now += ms(u64::from(millis)),
            }
        }
        // However it was treated, it falls silent, and then hears an honest talker.
        for _ in 0..300 {
            now += audio::FRAME_TIME;
            playout.next(&mut frame, now);
        }
        prop_assert!(playout.is_idle());
        playout.set_min(ms(0));
        playout.reset();
        let mut voice = 0;
        for number in 0..60 {
            now += audio::FRAME_TIME;
            let (sequence, timestamp) = (number as u16, number as u32 * 960);
            playout.insert(Packet { sequence, timestamp, payload: &honest[number % 20].payload }, now);
            voice += usize::from(playout.next(&mut frame, now) == Played::Voice);
        }
        // It may have learned to wait for 400 ms.
        prop_assert!(voice >= 36, "{voice} of 60 packets");
    }
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 20_000, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn the_length_of_a_packet_is_read_as_libopus_reads_it(
        head in vec(any::<u8>(), 0..3),
        code in 0..4_u8,
        // Small bytes make lengths that fit, 254 and 255 make padding.
        body in vec(prop_oneof![4 => 0..6_u8, 1 => 250..=255_u8, 1 => any::<u8>()], 0..200),
    ) {
        let mut payload = [head, body].concat();
        if let Some(first) = payload.first_mut() {
            *first = *first & 0xFC | code;
        }
        let parsed = if payload.is_empty() { None } else { opus::packet::parse(&payload).ok() };
        let theirs = parsed.map(|_| opus::packet::get_nb_samples(&payload, 48_000).unwrap());
        prop_assert_eq!(packet_samples(&payload).ok(), theirs);
    }
}
