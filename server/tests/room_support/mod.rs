//! A room with simulated time, talkers that send real Opus, and ears that decode what they get.
#![allow(dead_code, clippy::unwrap_used, reason = "each test binary uses its part of this, and fails by it")]

use std::{collections::BTreeMap, time::Duration};

use audio::{CHANNELS, Decoder, Encoder, EncoderSettings, FRAME_SAMPLES, FRAME_TIME, Frame, MAX_DECODED, SAMPLE_RATE};
use server::room::{Effect, Effects, Event, Join, Media, MemberId, Room, Rtp, Settings, Talk};
use signaling::{Command, Kind, RoomPatch, TrackId, TrackPatch};

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
    begin: u32,
}

impl Ear {
    fn new() -> Self {
        Self { decoder: Decoder::new().unwrap(), pcm: Vec::new(), packets: Vec::new(), begin: 0 }
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
        assert_eq!(samples, FRAME_SAMPLES);
        self.pcm.extend_from_slice(&out[..samples * CHANNELS]);
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
        }
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
                    let rtp = Rtp { ssrc: sender.ssrc, sequence: sender.sequence, timestamp, payload: &payload };
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
        for media in &self.effects.media {
            self.ears.get_mut(&media.to).expect("media goes to hearers").hear(media, self.effects.payload(media));
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
