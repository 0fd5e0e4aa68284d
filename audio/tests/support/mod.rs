//! A talker, a network and a room's tick, all in simulated time: the same result each run.
// Each test file takes what it needs, and a failure of the bench itself is a failure of the test.
#![allow(dead_code, clippy::unwrap_used)]

use std::time::Duration;

use audio::{
    Arrival, CHANNELS, Decoder, Encoder, EncoderSettings, FRAME_SAMPLES, FRAME_TIME, Frame, MAX_DECODED, MAX_ENCODED,
    Packet, Played, Playout,
};

/// A packet with the time at which its talker sent it.
#[derive(Clone, Debug)]
pub struct Sent {
    pub at: Duration,
    pub sequence: u16,
    pub timestamp: u32,
    pub samples: usize,
    pub payload: Vec<u8>,
}

impl Sent {
    pub fn packet(&self) -> Packet<'_> {
        Packet { sequence: self.sequence, timestamp: self.timestamp, payload: &self.payload }
    }
}

/// How a talker encodes.
pub struct Talker {
    pub channels: opus::Channels,
    pub bitrate: i32,
    /// Speech mode with FEC for this percentage of loss.
    pub fec: Option<i32>,
    pub first_sequence: u16,
    pub first_timestamp: u32,
}

impl Default for Talker {
    fn default() -> Self {
        Self {
            channels: opus::Channels::Stereo,
            bitrate: 128_000,
            fec: None,
            first_sequence: 65_500,
            first_timestamp: u32::MAX - 48_000,
        }
    }
}

impl Talker {
    /// Packets of the given lengths (samples per channel), one after the other, of a signal that is a
    /// function of the sample's number.
    pub fn send(&self, lengths: &[usize], signal: impl Fn(usize) -> [f32; 2]) -> Vec<Sent> {
        let application = if self.fec.is_some() { opus::Application::Voip } else { opus::Application::Audio };
        let mut encoder = opus::Encoder::new(48_000, self.channels, application).unwrap();
        encoder.set_bitrate(opus::Bitrate::Bits(self.bitrate)).unwrap();
        encoder.set_complexity(2).unwrap();
        if let Some(percent) = self.fec {
            encoder.set_inband_fec(true).unwrap();
            encoder.set_packet_loss_perc(percent).unwrap();
            encoder.set_signal(opus::Signal::Voice).unwrap();
        }
        let mut position = 0;
        let mut sent = Vec::new();
        for (index, &samples) in lengths.iter().enumerate() {
            let pcm: Vec<f32> = (position..position + samples)
                .flat_map(|at| {
                    let [left, right] = signal(at);
                    if self.channels == opus::Channels::Mono { vec![left] } else { vec![left, right] }
                })
                .collect();
            let timestamp = self.first_timestamp.wrapping_add(position as u32);
            position += samples;
            sent.push(Sent {
                at: time(position),
                sequence: self.first_sequence.wrapping_add(index as u16),
                timestamp,
                samples,
                payload: encoder.encode_vec_float(&pcm, 8_000).unwrap(),
            });
        }
        sent
    }
}

/// The time that so many samples take.
pub fn time(samples: usize) -> Duration {
    Duration::from_nanos(samples as u64 * 1_000_000_000 / 48_000)
}

pub fn ms(milliseconds: u64) -> Duration {
    Duration::from_millis(milliseconds)
}

/// A sweep that is different at every moment of a minute, in both channels.
pub fn sweep(at: usize) -> [f32; 2] {
    let t = at as f64 / 48_000.0;
    let phase = std::f64::consts::TAU * (200.0 * t + 0.5 * 50.0 * t * t);
    [0.5 * phase.sin() as f32, 0.3 * (phase * 1.5).cos() as f32]
}

pub fn tone(frequency: f64, amplitude: f64) -> impl Fn(usize) -> [f32; 2] {
    move |at| [(amplitude * (std::f64::consts::TAU * frequency * at as f64 / 48_000.0).sin()) as f32; 2]
}

/// Something like a voice: a buzz with overtones that swells in syllables, four a second.
pub fn voice(at: usize) -> [f32; 2] {
    let t = at as f64 / 48_000.0;
    let swell = (std::f64::consts::PI * t * 4.0).sin().powi(2) * 0.9 + 0.1;
    let pitch = 120.0 * t + 2.0 * (std::f64::consts::TAU * 0.7 * t).sin();
    let buzz: f64 = (1..=12).map(|n| (std::f64::consts::TAU * pitch * f64::from(n)).sin() / f64::from(n)).sum();
    [(0.2 * swell * buzz) as f32; 2]
}

/// Noise that is a function of the sample's number, −1 to 1.
pub fn hiss(at: usize) -> f64 {
    let mixed = (at as u64).wrapping_mul(0x9E37_79B9_7F4A_7C15) ^ 0x5DEE_CE66;
    Dice(mixed | 1).roll(2001) as f64 / 1000.0 - 1.0
}

/// A word that begins at 0 s: a burst of noise as of a "t", then syllables of a gliding voice with
/// two formants, for as long as it is asked. Syllables differ in pitch, so each can be told.
pub fn word(t: f64, at: usize) -> f64 {
    if t < 0.0 {
        return 0.0;
    }
    if t < 0.020 {
        return 0.35 * hiss(at) * (1.0 - t / 0.025) * (t / 0.0005).min(1.0);
    }
    let t = t - 0.020;
    let syllable = (std::f64::consts::PI * t / 0.18).sin().abs().sqrt() * (t / 0.005).min(1.0);
    let phase = 115.0 * t + 20.0 * t.min(3.0) * t.min(3.0) + 2.0 * (std::f64::consts::TAU * 0.9 * t).sin();
    let pitch = 115.0 + 40.0 * t;
    let voiced: f64 = (1..=24)
        .map(|n| {
            let f = pitch * f64::from(n);
            let formant = |centre: f64, width: f64| 1.0 / (1.0 + ((f - centre) / width).powi(2));
            (formant(600.0, 120.0) + 0.5 * formant(1700.0, 200.0))
                * (std::f64::consts::TAU * phase * f64::from(n)).sin()
        })
        .sum();
    0.12 * syllable * voiced
}

/// Packets of 20 ms by the crate's own encoder.
pub fn encoded(settings: EncoderSettings, frames: usize, signal: impl Fn(usize) -> [f32; 2]) -> Vec<Sent> {
    let mut encoder = Encoder::new(settings).expect("an encoder");
    let mut frame = Frame::SILENCE;
    let mut packet = [0; MAX_ENCODED];
    (0..frames)
        .map(|number| {
            for (at, pair) in frame.samples_mut().chunks_exact_mut(2).enumerate() {
                pair.copy_from_slice(&signal(number * 960 + at));
            }
            let length = encoder.encode(&frame, &mut packet).expect("a packet");
            Sent {
                at: time((number + 1) * 960),
                sequence: number as u16,
                timestamp: number as u32 * 960,
                samples: 960,
                payload: packet[..length].to_vec(),
            }
        })
        .collect()
}

/// What all packets decode to with nothing between encoder and decoder.
pub fn decoded(sent: &[Sent]) -> Vec<f32> {
    let mut decoder = Decoder::new().unwrap();
    let mut piece = vec![0.0; MAX_DECODED];
    let mut all = Vec::new();
    for packet in sent {
        let samples = decoder.decode(&packet.payload, &mut piece).unwrap();
        assert_eq!(samples, packet.samples);
        all.extend_from_slice(&piece[..samples * CHANNELS]);
    }
    all
}

/// What a room heard.
#[derive(Default)]
pub struct Heard {
    pub samples: Vec<f32>,
    pub played: Vec<Played>,
    pub arrivals: Vec<Arrival>,
    /// The delay after each tick.
    pub delays: Vec<Duration>,
}

impl Heard {
    pub fn count(&self, what: Played) -> usize {
        self.played.iter().filter(|&&played| played == what).count()
    }

    /// The first frame that is not silence.
    pub fn start(&self) -> usize {
        self.played.iter().position(|&played| played != Played::Silence).expect("something is heard")
    }
}

/// Delivers packets at their times and ticks every 20 ms from `phase` on, until `end`.
pub fn listen(playout: &mut Playout, arrivals: &[(Duration, Packet<'_>)], phase: Duration, end: Duration) -> Heard {
    let mut order: Vec<&(Duration, Packet<'_>)> = arrivals.iter().collect();
    order.sort_by_key(|arrival| arrival.0);
    let mut order = order.into_iter().peekable();
    let mut heard = Heard::default();
    let mut frame = Frame::SILENCE;
    let mut now = phase;
    while now < end {
        while let Some((at, packet)) = order.next_if(|arrival| arrival.0 <= now) {
            heard.arrivals.push(playout.insert(*packet, *at));
        }
        let played = playout.next(&mut frame, now);
        assert!(frame.samples().iter().all(|sample| sample.is_finite()));
        assert_eq!(frame.samples().len(), FRAME_SAMPLES * CHANNELS);
        heard.samples.extend_from_slice(frame.samples());
        heard.played.push(played);
        heard.delays.push(playout.stats().delay);
        now += FRAME_TIME;
    }
    heard
}

/// Packets on a network that delays each by `delay(number)`.
pub fn delayed<'a>(sent: &'a [Sent], delay: impl Fn(usize) -> Duration) -> Vec<(Duration, Packet<'a>)> {
    sent.iter().enumerate().map(|(number, sent)| (sent.at + delay(number), sent.packet())).collect()
}

/// Numbers that are random enough for a network, and the same each run (xorshift64*).
pub struct Dice(pub u64);

impl Dice {
    pub fn roll(&mut self, below: u64) -> u64 {
        self.0 ^= self.0 >> 12;
        self.0 ^= self.0 << 25;
        self.0 ^= self.0 >> 27;
        (self.0.wrapping_mul(0x2545_F491_4F6C_DD1D) >> 33) % below
    }
}
