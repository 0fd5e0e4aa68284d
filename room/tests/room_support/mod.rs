//! A room with simulated time, talkers that send real Opus, and ears that decode what they get.
#![allow(dead_code, clippy::unwrap_used, reason = "each test binary uses its part of this, and fails by it")]

use std::{collections::BTreeMap, time::Duration};

use audio::{CHANNELS, Decoder, Encoder, EncoderSettings, FRAME_SAMPLES, FRAME_TIME, Frame, MAX_DECODED, SAMPLE_RATE};
use room::{Effect, Effects, Event, Join, Media, MemberId, Room, Rtp, Settings, Talk};
use signaling::{Command, FloorAction, FloorAnswer, Kind, PersonalPatch, RoomPatch, TrackId, TrackPatch, WishPatch};

pub const fn ms(ms: u64) -> Duration {
    Duration::from_millis(ms)
}

pub fn settings() -> Settings {
    Settings::default()
}

pub fn track_id(member: u64) -> TrackId {
    TrackId::from_random(u128::from(member))
}

/// How a member joins.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Part {
    Both,
    Talks,
    Hears,
}

pub fn join(member: u64, part: Part, strip: TrackPatch) -> Join {
    let kind = if part == Part::Both { Kind::Peer } else { Kind::Whip };
    let name = Some(format!("member {member}"));
    Join {
        member: MemberId(member),
        id: track_id(member),
        client: None,
        address: format!("10.0.0.{member}:4000").into(),
        talks: (part != Part::Hears).then_some(Talk { name, kind, strip, joined_at: 1_000 }),
        hears: part != Part::Talks,
    }
}

pub fn strip(gain_db: f32, pan: f32) -> TrackPatch {
    TrackPatch { gain_db: Some(gain_db), pan: Some(pan), ..TrackPatch::default() }
}

/// Makes the samples of both channels at a sample's number.
pub type Source = Box<dyn FnMut(u64) -> [f32; 2]>;

/// A sine in both channels.
pub fn tone(hz: f64, amplitude: f64) -> Source {
    Box::new(move |n| [sine(hz, amplitude, n); 2])
}

/// A sine of its own in each channel.
pub fn tones(left: (f64, f64), right: (f64, f64)) -> Source {
    Box::new(move |n| [sine(left.0, left.1, n), sine(right.0, right.1, n)])
}

/// Sounds like somebody who talks: harmonics of a gliding pitch, in syllables.
pub fn speech() -> Source {
    let mut turns = 0.0;
    Box::new(move |n| {
        let time = n as f64 / f64::from(SAMPLE_RATE);
        turns += (130.0 + 25.0 * (time * 1.7).sin()) / f64::from(SAMPLE_RATE);
        let voice: f64 = (1..25).map(|k| (f64::from(k) * turns * std::f64::consts::TAU).sin() / f64::from(k)).sum();
        let syllable = (time * 4.0 * std::f64::consts::PI).sin().max(0.0).sqrt();
        [(0.12 * syllable * voice) as f32; 2]
    })
}

fn sine(hz: f64, amplitude: f64, n: u64) -> f32 {
    let turns = (hz * n as f64 / f64::from(SAMPLE_RATE)).fract();
    (amplitude * (turns * std::f64::consts::TAU).sin()) as f32
}

/// One talker's sending side: Opus packets of 20 ms.
pub struct Sender {
    pub member: MemberId,
    pub ssrc: u32,
    pub sequence: u16,
    pub on: bool,
    source: Source,
    encoder: Encoder,
    frames: u64,
}

impl Sender {
    pub fn packet(&mut self) -> Vec<u8> {
        let mut frame = Frame::SILENCE;
        let first = self.frames * FRAME_SAMPLES as u64;
        for (n, pair) in frame.samples_mut().chunks_exact_mut(CHANNELS).enumerate() {
            pair.copy_from_slice(&(self.source)(first + n as u64));
        }
        let mut packet = vec![0; 1276];
        let length = self.encoder.encode(&frame, &mut packet).unwrap();
        packet.truncate(length);
        packet
    }
}

/// One hearer's receiving side: all it has decoded, with pauses as zeros, from its first packet on.
pub struct Ear {
    decoder: Decoder,
    pub pcm: Vec<f32>,
    pub packets: Vec<Media>,
    /// What was in them.
    pub payloads: Vec<Vec<u8>>,
    begin: u32,
    /// When the last packet came.
    pub heard_at: Duration,
}

impl Ear {
    fn new() -> Self {
        Self {
            decoder: Decoder::new().unwrap(),
            pcm: Vec::new(),
            packets: Vec::new(),
            payloads: Vec::new(),
            begin: 0,
            heard_at: Duration::ZERO,
        }
    }

    fn hear(&mut self, media: &Media, payload: &[u8]) {
        if self.packets.is_empty() {
            self.begin = media.timestamp;
        }
        let at = media.timestamp.wrapping_sub(self.begin) as usize * CHANNELS;
        assert!(at >= self.pcm.len(), "media time goes back");
        assert!(at - self.pcm.len() < 600 * CHANNELS * SAMPLE_RATE as usize, "media time jumps");
        self.pcm.resize(at, 0.0);
        let mut out = [0.0; MAX_DECODED];
        let samples = self.decoder.decode(payload, &mut out).unwrap();
        self.pcm.extend_from_slice(&out[..samples * CHANNELS]);
        self.payloads.push(payload.to_vec());
        self.packets.push(media.clone());
    }

    /// The last `seconds`, ending `before_end` seconds before now.
    pub fn last(&self, seconds: f64, before_end: f64) -> &[f32] {
        let index = |s: f64| (s * f64::from(SAMPLE_RATE)) as usize * CHANNELS;
        let end = self.pcm.len() - index(before_end);
        &self.pcm[end - index(seconds)..end]
    }
}

/// A room, its talkers and its ears.
pub struct Sim {
    pub room: Room,
    pub now: Duration,
    pub senders: Vec<Sender>,
    pub ears: BTreeMap<MemberId, Ear>,
    pub control: Vec<Effect>,
    /// Packets to hearers, in this many ticks.
    pub sent: usize,
    effects: Effects,
    is_deaf: bool,
}

impl Sim {
    pub fn new() -> Self {
        Self::with(settings())
    }

    pub fn with(settings: Settings) -> Self {
        let now = Duration::from_secs(5);
        Self {
            room: Room::new("sim".parse().unwrap(), settings, now),
            now,
            senders: Vec::new(),
            ears: BTreeMap::new(),
            control: Vec::new(),
            sent: 0,
            effects: Effects::new(),
            is_deaf: false,
        }
    }

    /// From now on nobody decodes what he gets.
    pub fn deafen(&mut self) {
        self.is_deaf = true;
    }

    pub fn join(&mut self, member: u64, part: Part, strip: TrackPatch) {
        self.join_as(join(member, part, strip));
    }

    pub fn join_as(&mut self, join: Join) {
        if join.hears {
            self.ears.insert(join.member, Ear::new());
        }
        self.room.join(join, self.now, &mut self.effects);
        self.take();
    }

    /// Lets a member send what `source` makes, at 64 kbit/s, in stereo.
    pub fn talk(&mut self, member: u64, source: Source) {
        self.talk_with(member, source, EncoderSettings { bitrate_bps: 96_000, ..EncoderSettings::default() });
    }

    pub fn talk_with(&mut self, member: u64, source: Source, encoder: EncoderSettings) {
        self.senders.push(Sender {
            member: MemberId(member),
            ssrc: member as u32,
            sequence: 65_500,
            on: true,
            source,
            encoder: Encoder::new(encoder).unwrap(),
            frames: 0,
        });
    }

    pub fn sender(&mut self, member: u64) -> &mut Sender {
        self.senders.iter_mut().find(|s| s.member == MemberId(member)).unwrap()
    }

    pub fn leave(&mut self, member: u64) {
        self.senders.retain(|s| s.member != MemberId(member));
        self.room.leave(MemberId(member), "hung up", self.now, &mut self.effects);
        self.take();
    }

    pub fn set(&mut self, member: u64, strip: TrackPatch) {
        let command = Command::SetTrack { id: track_id(member), strip };
        self.room.command(&command, "desk", self.now, &mut self.effects).unwrap();
        self.take();
    }

    pub fn command(&mut self, command: Command) -> Option<FloorAnswer> {
        let done = self.room.command(&command, "desk", self.now, &mut self.effects).unwrap();
        self.take();
        done
    }

    pub fn set_room(&mut self, settings: RoomPatch) {
        self.command(Command::SetRoom { settings });
    }

    pub fn floor(&mut self, member: u64, action: FloorAction) -> FloorAnswer {
        self.command(Command::Floor { id: track_id(member), action, priority: None }).unwrap()
    }

    /// Changes what one member wants to hear of another.
    pub fn wish(&mut self, hearer: u64, of: u64, wish: Option<WishPatch>) {
        let mix = PersonalPatch { tracks: BTreeMap::from([(track_id(of), wish)]), ..PersonalPatch::default() };
        self.command(Command::SetMix { id: track_id(hearer), mix });
    }

    pub fn set_master(&mut self, gain_db: f32) {
        let settings = RoomPatch { master_gain_db: Some(gain_db), ..RoomPatch::default() };
        self.room.command(&Command::SetRoom { settings }, "desk", self.now, &mut self.effects).unwrap();
        self.take();
    }

    pub fn packet(&mut self, member: u64, rtp: Rtp<'_>) {
        self.room.packet(MemberId(member), rtp, self.now, &mut self.effects);
        self.take();
    }

    /// Runs for so long: every 20 ms each talker that is on sends, 3 ms after the grid.
    pub fn run(&mut self, time: Duration) {
        for _ in 0..time.as_nanos() / FRAME_TIME.as_nanos() {
            let end = self.now + FRAME_TIME;
            self.ticks_until(self.now + ms(3));
            self.now += ms(3);
            for sender in &mut self.senders {
                if sender.on {
                    let payload = sender.packet();
                    let timestamp = (sender.frames as u32).wrapping_mul(960);
                    let rtp = Rtp {
                        ssrc: sender.ssrc,
                        sequence: sender.sequence,
                        timestamp,
                        payload: &payload,
                        is_copy: false,
                    };
                    self.room.packet(sender.member, rtp, self.now, &mut self.effects);
                    sender.sequence = sender.sequence.wrapping_add(1);
                }
                sender.frames += 1;
            }
            self.ticks_until(end);
            self.now = end;
        }
    }

    /// The events so far, as the log has them.
    pub fn events(&self) -> Vec<String> {
        self.control
            .iter()
            .filter_map(|e| if let Effect::Event { event, .. } = e { Some(event.to_string()) } else { None })
            .collect()
    }

    pub fn count_events(&self, is: impl Fn(&Event) -> bool) -> usize {
        self.control.iter().filter(|e| matches!(e, Effect::Event { event, .. } if is(event))).count()
    }

    pub fn ear(&self, member: u64) -> &Ear {
        &self.ears[&MemberId(member)]
    }

    /// The last 300 ms that a member heard until now, also if nothing came.
    pub fn just_heard(&self, member: u64) -> Vec<f32> {
        let ear = self.ear(member);
        let silent = (self.now - ear.heard_at).saturating_sub(FRAME_TIME).min(ms(300));
        let silent = silent.as_millis() as usize * 48 * CHANNELS;
        let wanted = 300 * 48 * CHANNELS;
        let mut pcm = vec![0.0; wanted];
        let sound = (wanted - silent).min(ear.pcm.len());
        pcm[wanted - silent - sound..wanted - silent].copy_from_slice(&ear.pcm[ear.pcm.len() - sound..]);
        pcm
    }

    fn ticks_until(&mut self, end: Duration) {
        self.take();
        while let Some(at) = self.room.wake_at().filter(|at| *at < end) {
            let at = at.max(self.now);
            self.room.tick(at, &mut self.effects);
            assert!(self.room.wake_at().is_none_or(|next| next > at), "a tick does what is due");
            self.take();
        }
    }

    fn take(&mut self) {
        for media in self.effects.media.iter().filter(|_| !self.is_deaf) {
            let ear = self.ears.get_mut(&media.to).expect("media goes to hearers");
            ear.hear(media, self.effects.payload(media));
            ear.heard_at = self.now;
        }
        self.sent += self.effects.media.len();
        self.control.append(&mut self.effects.control);
        self.effects.clear();
    }
}

/// The level of a sine at `hz` in one channel, dBFS; exact if it has whole turns in `pcm`.
pub fn tone_dbfs(pcm: &[f32], channel: usize, hz: f64) -> f64 {
    let samples = pcm.len() / CHANNELS;
    let (mut re, mut im) = (0.0, 0.0);
    for (n, pair) in pcm.chunks_exact(CHANNELS).enumerate() {
        let angle = (hz * n as f64 / f64::from(SAMPLE_RATE)).fract() * std::f64::consts::TAU;
        re += f64::from(pair[channel]) * angle.cos();
        im += f64::from(pair[channel]) * angle.sin();
    }
    20.0 * (2.0 * re.hypot(im) / samples as f64).max(1e-9).log10()
}

pub fn peak(pcm: &[f32]) -> f32 {
    pcm.iter().fold(0.0, |peak, s| peak.max(s.abs()))
}

/// The largest difference between neighbours of one channel.
pub fn largest_step(pcm: &[f32], channel: usize) -> f32 {
    let samples: Vec<f32> = pcm.chunks_exact(CHANNELS).map(|pair| pair[channel]).collect();
    samples.windows(2).fold(0.0, |step, pair| step.max((pair[1] - pair[0]).abs()))
}
