//! A room whose talkers send at any phase and in any packet size, and what its hearers would decode.
#![allow(dead_code, clippy::unwrap_used, reason = "each test binary uses its part of this, and fails by it")]

use std::{collections::BTreeMap, collections::BTreeSet, time::Duration};

use audio::{CHANNELS, Decoder, Encoder, EncoderSettings, MAX_DECODED};
use room::{Effect, Effects, MemberId, Room, Rtp, Settings};
use signaling::{Command, PersonalPatch, TrackId, TrackPatch, TrackStats, WishPatch};

use super::room_support::{self, Part, join, track_id};

type Voice = Box<dyn FnMut(u64) -> f32>;

pub struct Packet {
    pub sequence: u16,
    pub timestamp: u32,
    pub payload: Vec<u8>,
    pub at: Duration,
}

struct Talker {
    member: u64,
    ssrc: u32,
    voice: Voice,
    encoder: Encoder,
    samples: usize,
    sequence: u16,
    timestamp: u32,
    made: u64,
    due: Duration,
    is_on: bool,
}

pub struct Scene {
    pub room: Room,
    pub now: Duration,
    talkers: Vec<Talker>,
    sent: BTreeMap<u64, Vec<(Duration, Vec<u8>)>>,
    got: BTreeMap<u64, Vec<Packet>>,
    marks: Vec<Duration>,
    /// The last figures of the tracks, and how many get packets.
    pub stats: Option<(BTreeMap<TrackId, TrackStats>, u32)>,
    /// Ticks that were not taken with a packet.
    pub woken: u64,
    effects: Effects,
    random: u64,
}

impl Scene {
    pub fn new(seed: u64) -> Self {
        let now = Duration::from_secs(5);
        let encoder =
            EncoderSettings { bitrate_bps: 128_000, complexity: room::COMPLEXITY, ..EncoderSettings::default() };
        let settings = Settings { encoder, ..Settings::default() };
        Self {
            room: Room::new("scene".parse().unwrap(), settings, now),
            now,
            talkers: Vec::new(),
            sent: BTreeMap::new(),
            got: BTreeMap::new(),
            marks: Vec::new(),
            stats: None,
            woken: 0,
            effects: Effects::new(),
            random: seed.wrapping_mul(0x9E37_79B9_7F4A_7C15) | 1,
        }
    }

    pub fn random(&mut self, below: u64) -> u64 {
        self.random = self.random.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        (self.random >> 33) % below
    }

    pub fn join(&mut self, member: u64, part: Part) {
        self.got.entry(member).or_default();
        self.room.join(join(member, part, TrackPatch::default()), self.now, &mut self.effects);
        self.take();
    }

    pub fn command(&mut self, command: Command) {
        self.room.command(&command, "desk", self.now, &mut self.effects).unwrap();
        self.take();
    }

    pub fn wish(&mut self, hearer: u64, of: u64, gain_db: f32) {
        let wish = WishPatch { gain_db: Some(gain_db), ..WishPatch::default() };
        let tracks = BTreeMap::from([(track_id(of), Some(wish))]);
        self.command(Command::SetMix {
            id: track_id(hearer),
            mix: PersonalPatch { tracks, ..PersonalPatch::default() },
        });
    }

    /// Begins to send `voice` from now on, in packets of `samples`; the stream goes on if there was one.
    pub fn talk(&mut self, member: u64, samples: usize, encoder: EncoderSettings, voice: Voice) {
        let phase = Duration::from_micros(self.random(20_000));
        let now = self.now;
        match self.talkers.iter_mut().find(|talker| talker.member == member) {
            Some(talker) => {
                let away = now.saturating_sub(talker.due).as_micros() as u32 * 48 / 1_000;
                talker.timestamp = talker.timestamp.wrapping_add(away);
                (talker.voice, talker.samples, talker.made, talker.due) = (voice, samples, 0, now);
                talker.is_on = true;
            }
            None => self.talkers.push(Talker {
                member,
                ssrc: member as u32,
                voice,
                encoder: Encoder::new(encoder).unwrap(),
                samples,
                sequence: 65_500,
                timestamp: 4_294_000_000,
                made: 0,
                due: now + phase,
                is_on: true,
            }),
        }
    }

    fn talker(&mut self, member: u64) -> &mut Talker {
        self.talkers.iter_mut().find(|talker| talker.member == member).unwrap()
    }

    pub fn hush(&mut self, member: u64) {
        self.talkers.iter_mut().filter(|talker| talker.member == member).for_each(|talker| talker.is_on = false);
    }

    /// A member's computer was too busy to read the microphone: so much of its sound is left out, no packet.
    pub fn skip(&mut self, member: u64, time: Duration) {
        let talker = self.talker(member);
        talker.timestamp = talker.timestamp.wrapping_add(time.as_millis() as u32 * 48);
    }

    /// So many packets of a member never come.
    pub fn lose(&mut self, member: u64, packets: u16) {
        let talker = self.talker(member);
        talker.sequence = talker.sequence.wrapping_add(packets);
        talker.timestamp = talker.timestamp.wrapping_add(u32::from(packets) * talker.samples as u32);
    }

    pub fn leave(&mut self, member: u64) {
        self.hush(member);
        self.room.leave(MemberId(member), "left", self.now, &mut self.effects);
        self.take();
    }

    /// What a member says goes on in another stream, whose numbers begin anywhere.
    pub fn renew(&mut self, member: u64) {
        let bits = self.random(1 << 31) as u32;
        let talker = self.talker(member);
        (talker.ssrc, talker.sequence, talker.timestamp) = (bits, bits as u16, bits.wrapping_mul(7));
    }

    /// Sends the sign of life of a pause: a packet without content, in the mode of the last one.
    pub fn send_dtx(&mut self, member: u64) {
        let (now, payload) = (self.now, vec![self.sent[&member].last().unwrap().1[0]]);
        let talker = self.talker(member);
        let away = now.saturating_sub(talker.due).as_micros() as u32 * 48 / 1_000;
        let timestamp = talker.timestamp.wrapping_add(away);
        let Talker { ssrc, sequence, .. } = *talker;
        talker.sequence = sequence.wrapping_add(1);
        let rtp = Rtp { ssrc, sequence, timestamp, payload: &payload, is_copy: false };
        self.room.packet(MemberId(member), rtp, now, &mut self.effects);
        self.sent.entry(member).or_default().push((now, payload));
        self.take();
    }

    /// A second voice begins now.
    pub fn mark(&mut self) {
        self.marks.push(self.now);
    }

    /// Runs until something is so, looking each 20 ms, and fails if it is not within so long.
    pub fn run_until(&mut self, most: Duration, is_so: impl Fn(&Self) -> bool) {
        let end = self.now + most;
        while !is_so(self) {
            assert!(self.now < end, "not within {most:?}");
            self.run(Duration::from_millis(20));
        }
    }

    pub fn run(&mut self, time: Duration) {
        let end = self.now + time;
        loop {
            let packet = self.talkers.iter().filter(|talker| talker.is_on).map(|talker| talker.due).min();
            let tick = self.room.wake_by().map(|at| at.max(self.now));
            let Some(next) = packet.into_iter().chain(tick).min().filter(|next| *next < end) else { break };
            self.now = next;
            if packet == Some(next) {
                // As the server does: what may be late is done before the next packet.
                if self.room.wake_at().is_some_and(|at| at <= next) {
                    self.room.tick(next, &mut self.effects);
                    self.take();
                }
                self.send();
            } else {
                self.room.tick(self.now, &mut self.effects);
                self.woken += 1;
            }
            self.take();
        }
        self.now = end;
    }

    fn send(&mut self) {
        let now = self.now;
        let talker = self.talkers.iter_mut().filter(|talker| talker.is_on).min_by_key(|talker| talker.due).unwrap();
        let mut pcm = vec![0.0; talker.samples.max(960) * CHANNELS];
        for (n, pair) in pcm.chunks_exact_mut(CHANNELS).take(talker.samples).enumerate() {
            pair.fill((talker.voice)(talker.made + n as u64));
        }
        let mut payload = vec![0; 1_276];
        let length = if talker.samples <= 960 {
            talker.encoder.encode_part(&pcm[..talker.samples * CHANNELS], &mut payload).unwrap()
        } else {
            // Several frames of 20 ms, each with its length, in one packet (RFC 6716 §3.2.5, code 3).
            let frames: Vec<Vec<u8>> = pcm
                .chunks_exact(960 * CHANNELS)
                .map(|frame| {
                    let mut out = vec![0; 1_276];
                    let length = talker.encoder.encode_part(frame, &mut out).unwrap();
                    out.truncate(length);
                    out
                })
                .collect();
            payload = vec![frames[0][0] | 3, 0x80 | frames.len() as u8];
            for frame in &frames[..frames.len() - 1] {
                let length = frame.len() - 1;
                if length < 252 {
                    payload.push(length as u8);
                } else {
                    payload.push(252 + (length % 4) as u8);
                    payload.push(((length - 252 - length % 4) / 4) as u8);
                }
            }
            frames.iter().for_each(|frame| payload.extend_from_slice(&frame[1..]));
            payload.len()
        };
        payload.truncate(length);
        let rtp = Rtp {
            ssrc: talker.ssrc,
            sequence: talker.sequence,
            timestamp: talker.timestamp,
            payload: &payload,
            is_copy: false,
        };
        self.room.packet(MemberId(talker.member), rtp, now, &mut self.effects);
        talker.sequence = talker.sequence.wrapping_add(1);
        talker.timestamp = talker.timestamp.wrapping_add(talker.samples as u32);
        talker.made += talker.samples as u64;
        talker.due += Duration::from_nanos(talker.samples as u64 * 1_000_000_000 / 48_000);
        self.sent.entry(talker.member).or_default().push((now, payload));
    }

    fn take(&mut self) {
        for media in &self.effects.media {
            let payload = self.effects.payload(media).to_vec();
            let packet = Packet { sequence: media.sequence, timestamp: media.timestamp, payload, at: self.now };
            self.got.get_mut(&media.to.0).unwrap().push(packet);
        }
        for effect in self.effects.control.drain(..) {
            if let Effect::Stats { tracks, forwarded, .. } = effect {
                self.stats = Some((tracks, forwarded));
            }
        }
        self.effects.clear();
    }

    pub fn packets(&self, hearer: u64) -> &[Packet] {
        &self.got[&hearer]
    }

    pub fn sent_by(&self, talker: u64) -> Vec<&[u8]> {
        self.sent[&talker].iter().map(|(_, payload)| &payload[..]).collect()
    }

    pub fn sent_at(&self, talker: u64) -> impl Iterator<Item = Duration> + '_ {
        self.sent[&talker].iter().map(|(at, _)| *at)
    }

    fn is_forwarded(&self, packet: &Packet, sent: &BTreeSet<&[u8]>) -> bool {
        sent.contains(&packet.payload[..])
    }

    /// Runs of packets that are somebody's own, by their number.
    pub fn forwards(&self, hearer: u64) -> Vec<usize> {
        let sent: BTreeSet<&[u8]> = self.sent.values().flatten().map(|(_, payload)| &payload[..]).collect();
        let own: Vec<bool> = self.got[&hearer].iter().map(|packet| self.is_forwarded(packet, &sent)).collect();
        own.chunk_by(|a, b| a == b).filter(|run| run[0]).map(<[bool]>::len).collect()
    }

    pub fn is_forwarded_now(&self, hearer: u64) -> bool {
        let sent: BTreeSet<&[u8]> = self.sent.values().flatten().map(|(_, payload)| &payload[..]).collect();
        let last = self.got[&hearer].last().filter(|packet| self.now - packet.at < Duration::from_millis(130));
        last.is_some_and(|packet| self.is_forwarded(packet, &sent))
    }

    /// All that a hearer decodes, put together by RTP time.
    pub fn heard(&self, hearer: u64) -> Heard {
        let packets = &self.got[&hearer];
        let begin = packets[0].timestamp;
        let mut order: Vec<&Packet> = packets.iter().collect();
        order.sort_by_key(|packet| packet.timestamp.wrapping_sub(begin));
        let mut decoder = Decoder::new().unwrap();
        let (mut pcm, mut gaps, mut came) = (Vec::new(), 0, Vec::new());
        let mut out = vec![0.0; MAX_DECODED];
        for (n, packet) in order.iter().enumerate() {
            let at = packet.timestamp.wrapping_sub(begin) as usize * CHANNELS;
            gaps += usize::from(at != pcm.len());
            pcm.resize(at, 0.0);
            assert!(n == 0 || packet.sequence == order[n - 1].sequence.wrapping_add(1), "sequence");
            let samples = decoder.decode(&packet.payload, &mut out).unwrap();
            came.push((packet.at, at / CHANNELS));
            pcm.extend_from_slice(&out[..samples * CHANNELS]);
        }
        Heard { pcm, gaps, came }
    }

    /// What a hearer decodes of what came since `from`, whatever was lost before.
    pub fn heard_since(&self, hearer: u64, from: Duration) -> Vec<f32> {
        let (mut decoder, mut pcm, mut out) = (Decoder::new().unwrap(), Vec::new(), vec![0.0; MAX_DECODED]);
        for packet in self.got[&hearer].iter().filter(|packet| packet.at >= from) {
            let samples = decoder.decode(&packet.payload, &mut out).unwrap();
            pcm.extend_from_slice(&out[..samples * CHANNELS]);
        }
        pcm
    }

    /// The first 60 ms of each second voice, at `hz`, that are not heard whole.
    pub fn missing_words(&self, heard: &Heard, hz: f64, amplitude: f64) -> Vec<String> {
        let mut faults = Vec::new();
        let nominal = 20.0 * amplitude.log10();
        let marks: Vec<usize> = self
            .marks
            .iter()
            .map(|mark| heard.came.iter().find(|(at, _)| at >= mark).map_or(heard.pcm.len() / 2, |(_, at)| *at))
            .collect();
        for (n, mark) in marks.iter().enumerate() {
            let from = (*mark).saturating_sub(4_800);
            let part = &heard.pcm[from * CHANNELS..((from + 19_200) * CHANNELS).min(heard.pcm.len())];
            let loud = part
                .chunks_exact(480 * CHANNELS)
                .filter(|block| room_support::tone_dbfs(block, 0, hz) > nominal - 12.0);
            let loud = loud.count() * 10;
            if !(50..=80).contains(&loud) {
                let levels: Vec<i32> = part
                    .chunks_exact(480 * CHANNELS)
                    .map(|block| room_support::tone_dbfs(block, 0, hz) as i32)
                    .collect();
                faults.push(format!("second voice {n}: {loud} ms of its first 60: {levels:?}"));
            }
        }
        faults
    }
}

pub struct Heard {
    pub pcm: Vec<f32>,
    /// Times where RTP time jumped.
    pub gaps: usize,
    /// When packets came, and where they begin.
    came: Vec<(Duration, usize)>,
}

impl Heard {
    /// By how many samples the sound moves against what was spoken, from one loud window of 100 ms to the next.
    pub fn moves(&self, voice: fn(u64) -> f64) -> Vec<usize> {
        const WINDOW: usize = 4_800;
        const STAYS: f32 = 0.98;
        let left: Vec<f32> = self.pcm.chunks_exact(CHANNELS).map(|pair| pair[0]).collect();
        let mut offset: Option<i64> = None;
        let mut moves = Vec::new();
        for (n, window) in left.chunks_exact(WINDOW).enumerate() {
            let at = (n * WINDOW) as i64;
            let near = offset.unwrap_or(0);
            let spread = if offset.is_some() { 400 } else { 2_400 };
            let spoken: Vec<f32> = ((at + near - spread).max(0)..at + near + spread + WINDOW as i64)
                .map(|n| voice(n as u64) as f32)
                .collect();
            let base = (at + near - spread).max(0) - at;
            let energy: f32 = window.iter().map(|s| s * s).sum();
            if energy / (WINDOW as f32) < 1e-4 || at < 2 * 48_000 {
                continue;
            }
            let alike = |shift: usize| {
                let (mut product, mut power) = (0.0_f32, 1e-9_f32);
                for (heard, spoken) in window.iter().zip(&spoken[shift..]).step_by(4) {
                    product += heard * spoken;
                    power += spoken * spoken;
                }
                product / power.sqrt()
            };
            let last = spoken.len() - WINDOW;
            let coarse = (0..=last).step_by(8).max_by(|a, b| alike(*a).total_cmp(&alike(*b))).unwrap();
            let fine = (coarse.saturating_sub(8)..=(coarse + 8).min(last))
                .max_by(|a, b| alike(*a).total_cmp(&alike(*b)))
                .unwrap();
            // A voice is like itself a period later: only what is clearly more alike is a move, and one that was not
            // clear shows when the pitch changes.
            let stays = (near - base).clamp(0, last as i64) as usize;
            let is_clear = offset.is_none() || alike(stays) < STAYS * alike(fine);
            let found = if is_clear { base + fine as i64 } else { near };
            // A quarter of the samples is compared; where it is not sure, as where the second voice is loud, nothing is said.
            if alike(fine) < 0.95 * 0.5 * energy.sqrt() {
                continue;
            }
            if let Some(before) = offset {
                moves.push((found - before).unsigned_abs() as usize);
            }
            offset = Some(found);
        }
        moves
    }
}

/// Where in its turn a tone is at the start, 0 to 1.
pub fn phase_of(pcm: &[f32], hz: f64) -> f64 {
    let (mut re, mut im) = (0.0, 0.0);
    for (n, pair) in pcm.chunks_exact(CHANNELS).enumerate() {
        let angle = n as f64 * hz / 48_000.0 * std::f64::consts::TAU;
        re += f64::from(pair[0]) * angle.cos();
        im -= f64::from(pair[0]) * angle.sin();
    }
    im.atan2(re) / std::f64::consts::TAU
}
