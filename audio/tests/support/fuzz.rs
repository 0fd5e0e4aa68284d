//! A stream of packets that somebody made to do harm, played as a room would.

use std::time::Duration;

use audio::{Encoder, EncoderSettings, Frame, FrameLength, MAX_ENCODED, Packet, Playout, PlayoutSettings};

/// What one talker may take at most outside libopus: what waits, what is spare, and decoded sound.
pub const MOST_BYTES: usize = 1 << 20;

/// Numbers that are random enough, and the same each run (xorshift64*).
struct Dice(u64);

impl Dice {
    fn roll(&mut self, below: usize) -> usize {
        self.0 ^= self.0 >> 12;
        self.0 ^= self.0 << 25;
        self.0 ^= self.0 >> 27;
        ((self.0.wrapping_mul(0x2545_F491_4F6C_DD1D) >> 33) % below as u64) as usize
    }

    fn byte(&mut self) -> u8 {
        self.roll(256) as u8
    }
}

/// Honest packets of every kind to be mutated: each length, speech and music, with FEC and with DRED.
fn honest() -> Vec<Vec<u8>> {
    let buzz = |at: usize| {
        let t = at as f64 / 48_000.0;
        let swell = (std::f64::consts::PI * t * 4.0).sin().powi(2) + 0.1;
        let sum: f64 = (1..=8).map(|n| (std::f64::consts::TAU * 130.0 * f64::from(n) * t).sin() / f64::from(n)).sum();
        (0.3 * swell * sum) as f32
    };
    let mut packets = Vec::new();
    for (channels, count) in [(opus::Channels::Mono, 1), (opus::Channels::Stereo, 2)] {
        for (application, bitrate) in [(opus::Application::Voip, 20_000), (opus::Application::Audio, 96_000)] {
            let mut encoder = opus::Encoder::new(48_000, channels, application).expect("an encoder");
            encoder.set_bitrate(opus::Bitrate::Bits(bitrate)).expect("a bit rate");
            encoder.set_inband_fec(true).expect("FEC");
            encoder.set_packet_loss_perc(20).expect("a loss");
            let mut at = 0;
            for samples in [120, 240, 480, 960, 1920, 2880, 3840, 4800, 5760].repeat(3) {
                let pcm: Vec<f32> = (at..at + samples).flat_map(|at| [buzz(at)].repeat(count)).collect();
                at += samples;
                packets.push(encoder.encode_vec_float(&pcm, 4_000).expect("a packet"));
            }
        }
    }
    for bitrate_bps in [32_000, 64_000] {
        let dred = Duration::from_millis(200);
        let settings = EncoderSettings { bitrate_bps, complexity: 5, expected_loss_percent: 20, fec: true, dred };
        let mut encoder = Encoder::new(settings).expect("an encoder");
        let mut frame = Frame::SILENCE;
        let mut out = [0; MAX_ENCODED];
        for number in 0..40 {
            for (at, pair) in frame.samples_mut().chunks_exact_mut(2).enumerate() {
                pair.fill(buzz(number * 960 + at));
            }
            let length = encoder.encode(&frame, &mut out).expect("a packet");
            packets.push(out[..length].to_vec());
        }
    }
    packets
}

/// Changes a packet in one of the ways that reach far: its table of contents, its lengths and
/// padding, its body, its end, or the body of another.
fn mutate(payload: &mut Vec<u8>, honest: &[Vec<u8>], dice: &mut Dice) {
    match dice.roll(10) {
        0 => {
            for _ in 0..1 + dice.roll(8) {
                let at = dice.roll(payload.len().max(1));
                if let Some(byte) = payload.get_mut(at) {
                    *byte ^= 1 << dice.roll(8);
                }
            }
        }
        1 => payload.truncate(dice.roll(payload.len() + 1)),
        2 => {
            if let Some(toc) = payload.first_mut() {
                *toc = dice.byte();
            }
        }
        3 => {
            // The same stream with its frames counted, padded, and given lengths.
            let body: Vec<u8> = payload.drain(1.min(payload.len())..).collect();
            if let Some(toc) = payload.first_mut() {
                *toc |= 3;
            }
            let padding = dice.roll(300);
            payload.push(dice.byte() & 0xC7 | 0x40);
            payload.extend(std::iter::repeat_n(255, padding / 254));
            payload.push((padding % 254) as u8);
            payload.extend_from_slice(&body);
            for _ in 0..padding {
                // Extensions: DRED is number 126 (draft-ietf-mlcodec-opus-dred).
                payload.push(if dice.roll(3) == 0 { 126 << 1 | 1 } else { dice.byte() });
            }
        }
        4 => {
            let other = &honest[dice.roll(honest.len())];
            let (keep, from) = (dice.roll(payload.len() + 1), dice.roll(other.len()));
            payload.truncate(keep);
            payload.extend_from_slice(&other[from..]);
        }
        5 => {
            let from = dice.roll(payload.len() + 1);
            for byte in &mut payload[from..] {
                *byte = dice.byte();
            }
        }
        6 => payload.extend((0..dice.roll(64)).map(|_| dice.byte()).collect::<Vec<_>>()),
        _ => {}
    }
}

/// What a run found; that it came back at all says that nothing broke.
pub struct Report {
    pub packets: u64,
    pub ticks: u64,
    /// The most bytes that were taken over those at the start of the run, as the caller counts them.
    pub most_bytes: usize,
    pub stats: audio::Stats,
}

/// Sends so many packets into one talker after the other and ticks in between. Panics on a sample
/// that is not finite, or over what a decoder may give.
pub fn run(packets: u64, seed: u64, bytes: impl Fn() -> usize) -> Report {
    let honest = honest();
    let mut dice = Dice(seed | 1);
    let mut payload = Vec::with_capacity(16_384);
    let before = bytes();
    let mut report = Report { packets: 0, ticks: 0, most_bytes: 0, stats: audio::Stats::default() };
    while report.packets < packets {
        let length = if dice.roll(2) == 0 { FrameLength::Ms10 } else { FrameLength::Ms20 };
        let max = Duration::from_millis(dice.roll(2000) as u64);
        let min = Duration::from_millis(dice.roll(100) as u64);
        let mut playout = Playout::new(PlayoutSettings { min, max, is_followed: dice.roll(2) == 0 });
        let mut frame = Frame::silence(length);
        let mut now = Duration::from_millis(dice.roll(1 << 30) as u64);
        let (mut sequence, mut timestamp) = (dice.roll(65_536) as u16, dice.roll(1 << 32) as u32);
        let mut honest_at = dice.roll(honest.len());
        for _ in 0..20_000.min(packets - report.packets) {
            report.packets += 1;
            if dice.roll(50) == 0 {
                honest_at = dice.roll(honest.len());
            }
            honest_at = (honest_at + 1) % honest.len();
            payload.clear();
            payload.extend_from_slice(&honest[honest_at]);
            if dice.roll(2) == 0 {
                mutate(&mut payload, &honest, &mut dice);
            }
            let samples = audio::packet_samples(&payload).unwrap_or(960) as u32;
            let (step, ahead) = match dice.roll(200) {
                0 => (dice.roll(65_536) as u16, dice.roll(1 << 32) as u32),
                1 => (1, dice.roll(1 << 20) as u32),
                2..6 => ((dice.roll(40) as u16).wrapping_sub(20), (dice.roll(40_000) as u32).wrapping_sub(20_000)),
                6..10 => (0, 0),
                10..30 => (2, 2 * samples),
                30..34 => (1 + dice.roll(30) as u16, samples * 7),
                _ => (1, samples),
            };
            sequence = sequence.wrapping_add(step);
            timestamp = timestamp.wrapping_add(ahead);
            let packet = Packet { sequence, timestamp, payload: &payload };
            if dice.roll(30) == 0 {
                let back = dice.roll(8) as u16;
                let timestamp = timestamp.wrapping_sub(u32::from(back) * samples);
                playout.insert_redundant(
                    Packet { sequence: sequence.wrapping_sub(back), timestamp, payload: &payload },
                    now,
                );
            }
            playout.insert(packet, now);
            match dice.roll(3_000) {
                0 => playout.reset(),
                1..4 => playout.hold(Duration::from_millis(dice.roll(800) as u64), now),
                4 => now += Duration::from_millis(dice.roll(1 << 20) as u64),
                5 => playout.set_min(Duration::from_millis(dice.roll(3_000) as u64)),
                6..12 => {
                    for _ in 0..dice.roll(40) {
                        now += length.time();
                        playout.pass(length, now);
                    }
                }
                _ => {}
            }
            if playout.is_held() && dice.roll(20) == 0 {
                playout.grant(now.saturating_sub(Duration::from_millis(dice.roll(600) as u64)), now);
            }
            for _ in 0..[0, 0, 0, 1, 1, 2][dice.roll(6)] {
                now += length.time();
                report.ticks += 1;
                playout.next(&mut frame, now);
                assert!(frame.samples().iter().all(|sample| sample.abs() <= 16.0), "finite and bounded");
            }
            report.most_bytes = report.most_bytes.max(bytes().saturating_sub(before));
        }
        let stats = playout.stats();
        report.stats.received += stats.received;
        report.stats.malformed += stats.malformed;
        report.stats.recovered_by_fec += stats.recovered_by_fec;
        report.stats.recovered_by_dred += stats.recovered_by_dred;
        report.stats.recovered_by_red += stats.recovered_by_red;
    }
    report
}
