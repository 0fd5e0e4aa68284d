//! Simulated networks: what the assembler hands out is the sender's time, sample for sample.

use super::*;

const MS_20: Duration = Duration::from_millis(20);

/// A small generator, so that every run sees the same network.
struct Dice(u64);

impl Dice {
    fn roll(&mut self, below: u64) -> u64 {
        self.0 = self.0.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        (self.0 >> 33) % below
    }
}

/// A packet of 20 ms that carries its own number: a TOC byte of CELT 20 ms stereo, then 4 bytes.
fn payload(number: u32) -> Bytes {
    let mut bytes = vec![0xfc];
    bytes.extend(number.to_be_bytes());
    Bytes::from(bytes)
}

fn number(payload: &Bytes) -> u32 {
    u32::from_be_bytes(payload[1..5].try_into().unwrap())
}

/// The sender: packet n at n × 20 ms. It starts just before its numbers wrap.
fn packet(sequence: u32, time: u32) -> Arrived {
    Arrived {
        ssrc: 7,
        sequence: (sequence as u16).wrapping_add(65_000),
        timestamp: (time * 960).wrapping_add(u32::MAX - 30_000),
        payload: payload(time),
    }
}

/// Runs arrivals (time, packet) through an assembler that is advanced every 20 ms, for `length`.
fn run(mut arrivals: Vec<(Duration, Arrived)>, length: Duration) -> (Vec<Piece>, Counts) {
    arrivals.sort_by_key(|(time, _)| *time);
    let mut assembler = Assembler::default();
    let mut out = Vec::new();
    let mut arrivals = arrivals.into_iter().peekable();
    let mut now = Duration::ZERO;
    while now < length {
        while let Some((time, packet)) = arrivals.next_if(|(time, _)| *time <= now) {
            assembler.insert(packet, time, &mut out);
        }
        assembler.advance(now, &mut out);
        now += MS_20;
    }
    assembler.finish(length, 0, &mut out);
    assert_eq!(out.iter().map(samples).sum::<u64>(), assembler.position());
    (out, assembler.counts())
}

fn samples(piece: &Piece) -> u64 {
    match piece {
        Piece::Packet(_, samples) | Piece::Lost(samples, _) | Piece::Silence(samples) => *samples,
    }
}

/// Where each packet starts in the recording, by its number.
fn starts(pieces: &[Piece]) -> Vec<(u32, u64)> {
    let mut at = 0;
    let mut starts = Vec::new();
    for piece in pieces {
        if let Piece::Packet(payload, _) = piece {
            starts.push((number(payload), at));
        }
        at += samples(piece);
    }
    starts
}

fn assert_all_at_their_times(pieces: &[Piece]) {
    let starts = starts(pieces);
    let (first, origin) = starts[0];
    for (number, at) in &starts {
        assert_eq!(*at - origin, u64::from(number - first) * 960, "packet {number}");
    }
}

#[test]
fn sixty_seconds_with_jitter_and_reordering_have_no_gap_drop_or_repeat() {
    let mut dice = Dice(1);
    let arrivals = (0..3_000).map(|n| (MS_20 * n + Duration::from_millis(5 + dice.roll(150)), packet(n, n))).collect();
    let (pieces, counts) = run(arrivals, Duration::from_secs(61));
    assert_eq!(counts, Counts { packets: 3_000, ..Default::default() });
    let numbers: Vec<u32> = starts(&pieces).iter().map(|(number, _)| *number).collect();
    assert_eq!(numbers, (0..3_000).collect::<Vec<_>>());
    assert_all_at_their_times(&pieces);
    assert!(!pieces.iter().any(|piece| matches!(piece, Piece::Lost(..))));
}

#[test]
fn what_is_lost_leaves_a_hole_of_its_length_and_the_rest_stays_in_time() {
    let mut dice = Dice(2);
    let kept: Vec<u32> = (0..3_000).filter(|n| *n == 0 || dice.roll(10) != 0).collect();
    let arrivals = kept.iter().map(|n| (MS_20 * *n + Duration::from_millis(dice.roll(60)), packet(*n, *n))).collect();
    let (pieces, counts) = run(arrivals, Duration::from_secs(61));
    assert_eq!(counts.packets, kept.len() as u64);
    assert_eq!(counts.lost, u64::from(kept.last().unwrap() + 1) - kept.len() as u64);
    assert_all_at_their_times(&pieces);
}

#[test]
fn a_single_loss_is_given_the_packet_after_it_for_its_fec() {
    let arrivals = (0..10).filter(|n| *n != 4).map(|n| (MS_20 * n, packet(n, n))).collect();
    let (pieces, _) = run(arrivals, Duration::from_millis(200));
    assert!(pieces.contains(&Piece::Lost(960, Some(payload(5)))), "{pieces:?}");
}

#[test]
fn a_long_loss_is_concealed_for_100_ms_and_then_silence() {
    let arrivals = (0..100).filter(|n| !(10..60).contains(n)).map(|n| (MS_20 * n, packet(n, n))).collect();
    let (pieces, counts) = run(arrivals, Duration::from_secs(2));
    assert_eq!(counts.lost, 50);
    assert_eq!(pieces.iter().filter(|piece| matches!(piece, Piece::Lost(960, None))).count(), 5);
    assert_all_at_their_times(&pieces);
}

#[test]
fn a_pause_of_the_sender_is_silence_of_its_length_and_no_loss() {
    // Ten packets, 30 s of nothing, ten more: numbers run on, time has moved.
    let arrivals = (0..20).map(|n| {
        let time = if n < 10 { n } else { n + 1_500 };
        (MS_20 * time, packet(n, time))
    });
    let (pieces, counts) = run(arrivals.collect(), Duration::from_secs(31));
    assert_eq!(counts, Counts { packets: 20, ..Default::default() });
    assert_all_at_their_times(&pieces);
}

#[test]
fn silence_before_the_first_and_after_the_last_packet_is_written_by_the_clock() {
    let arrivals = (0..50).map(|n| (Duration::from_secs(3) + MS_20 * n, packet(n, n))).collect();
    let (pieces, _) = run(arrivals, Duration::from_secs(10));
    assert_eq!(pieces.iter().map(samples).sum::<u64>(), 10 * 48_000);
    assert_eq!(starts(&pieces)[0], (0, 3 * 48_000));
}

#[test]
fn a_room_in_which_nobody_speaks_grows_as_time_passes() {
    let mut assembler = Assembler::default();
    let mut out = Vec::new();
    assembler.advance(Duration::from_secs(5), &mut out);
    assert_eq!(assembler.position(), clock(Duration::from_secs(5) - QUIET));
    assembler.finish(Duration::from_secs(5), 0, &mut out);
    assert_eq!(assembler.position(), 5 * 48_000);
    assembler.finish(Duration::from_secs(5), 6 * 48_000, &mut out);
    assert_eq!(assembler.position(), 6 * 48_000);
}

#[test]
fn repeated_and_late_packets_are_counted_and_not_heard_twice() {
    let mut arrivals: Vec<_> = (0..100).map(|n| (MS_20 * n, packet(n, n))).collect();
    arrivals.push((MS_20 * 50, packet(50, 50)));
    arrivals.push((MS_20 * 60, packet(30, 30)));
    let (pieces, counts) = run(arrivals, Duration::from_secs(2));
    assert_eq!(counts.packets, 100);
    assert_eq!(counts.late + counts.repeated, 2);
    assert_all_at_their_times(&pieces);
}

#[test]
fn a_stall_of_the_network_shorter_than_the_wait_loses_nothing() {
    // Nothing for 400 ms, then all at once.
    let arrivals = (0..200)
        .map(|n| {
            let time = MS_20 * n;
            let stalled = time >= Duration::from_secs(2) && time < Duration::from_millis(2_400);
            (if stalled { Duration::from_millis(2_400) } else { time }, packet(n, n))
        })
        .collect();
    let (pieces, counts) = run(arrivals, Duration::from_secs(4));
    assert_eq!(counts, Counts { packets: 200, ..Default::default() });
    assert_all_at_their_times(&pieces);
}

#[test]
fn a_sender_whose_clock_drifts_is_followed_without_gap_or_repeat() {
    // 500 ppm fast and slow for ten minutes: 0.3 s away from our clock at the end.
    for micros in [19_990, 20_010] {
        let arrivals = (0..30_000).map(|n| (Duration::from_micros(micros) * n, packet(n, n))).collect();
        let (pieces, counts) = run(arrivals, Duration::from_micros(micros) * 30_000);
        assert_eq!((counts.lost, counts.late), (0, 0));
        assert_all_at_their_times(&pieces);
        let unspoken = pieces.iter().filter(|piece| matches!(piece, Piece::Silence(_))).map(samples).sum::<u64>();
        assert!(unspoken <= 960, "{unspoken} samples of silence in speech");
    }
}

#[test]
fn another_source_goes_on_where_the_clock_stands() {
    let mut arrivals: Vec<_> = (0..50).map(|n| (MS_20 * n, packet(n, n))).collect();
    arrivals.extend((0..50).map(|n| {
        let other =
            Arrived { ssrc: 8, sequence: 9 + n as u16, timestamp: 1_000_000 + n * 960, payload: payload(1_000 + n) };
        (Duration::from_secs(5) + MS_20 * n, other)
    }));
    let (pieces, counts) = run(arrivals, Duration::from_secs(6));
    assert_eq!(counts, Counts { packets: 100, ..Default::default() });
    let starts = starts(&pieces);
    assert_eq!((starts[0], starts[50]), ((0, 0), (1_000, 5 * 48_000)));
    assert_eq!(pieces.iter().map(samples).sum::<u64>(), 6 * 48_000);
}

#[test]
fn after_a_pause_of_hours_with_drifting_clocks_nothing_is_lost() {
    // The sender is 100 ppm slow: 3.6 s in ten hours, for which silence was written already.
    let pause = 1_800_000;
    let arrivals = (0..100).map(|n| {
        let time = if n < 50 { n } else { n + pause };
        (Duration::from_nanos(20_002_000) * time, packet(n, time))
    });
    let (pieces, counts) = run(arrivals.collect(), Duration::from_nanos(20_002_000) * (pause + 101));
    assert_eq!(counts, Counts { packets: 100, ..Default::default() });
    assert_all_at_their_times(&pieces[pieces.len() - 50..]);
}

#[test]
fn random_packets_never_panic() {
    let mut dice = Dice(3);
    for _ in 0..200 {
        let mut assembler = Assembler::default();
        let mut out = Vec::new();
        for step in 0..200_u32 {
            let now = Duration::from_millis(u64::from(step) * dice.roll(50));
            let bytes: Vec<u8> = (0..dice.roll(8)).map(|_| dice.roll(256) as u8).collect();
            let wild = dice.roll(4) == 0;
            let packet = Arrived {
                ssrc: dice.roll(2) as u32,
                sequence: if wild { dice.roll(65_536) as u16 } else { step as u16 },
                timestamp: if wild { dice.roll(1 << 32) as u32 } else { step * 960 },
                payload: Bytes::from(bytes),
            };
            assembler.insert(packet, now, &mut out);
            assembler.advance(now, &mut out);
        }
        assembler.finish(Duration::from_secs(10), 0, &mut out);
        assert_eq!(out.iter().map(samples).sum::<u64>(), assembler.position());
    }
}
