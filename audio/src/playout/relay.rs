//! A talker whose packets are forwarded: his last packets are kept as they came, so that his sound can be taken
//! up again at any sample of them, as if it had been decoded all the time.

use std::collections::VecDeque;

use super::Playout;
use crate::jitter::Packet;
use crate::packet;
use crate::{CHANNELS, Frame};

/// So much is kept, 240 ms: a decoder that begins there has come to the talker's levels, to within 0.1 dB, before
/// what is heard of it.
const KEPT_SAMPLES: i32 = 11_520;

/// More than that in packets of 2.5 ms.
const MAX_KEPT: usize = 128;

/// Longer payloads do not come over the internet in one piece.
const MAX_PAYLOAD: usize = 1_500;

/// A gap of more than this among what is kept stays silence.
const MAX_GAP: i64 = 2_880;

/// The last packets of one talker, in the order of their RTP times. Bounded, and allocates nothing in a steady stream.
#[derive(Debug, Default)]
pub struct Relay {
    packets: VecDeque<Kept>,
    spare: Vec<Vec<u8>>,
}

/// One packet that has come.
#[derive(Debug)]
pub struct Kept {
    /// RTP sequence number.
    pub sequence: u16,
    /// RTP time of its first sample.
    pub timestamp: u32,
    /// Samples per channel, 120 to 5760.
    pub samples: usize,
    /// Whether it is of a speech mode (SILK or hybrid), which predicts from more than the last frame.
    pub is_speech: bool,
    /// As it came.
    pub payload: Vec<u8>,
}

impl Kept {
    /// RTP time of the first sample after it.
    pub fn end(&self) -> u32 {
        self.timestamp.wrapping_add(self.samples as u32)
    }
}

impl Relay {
    /// Keeps a packet that is new; what is not Opus, or too long, is dropped. `begins` says that a new stream does.
    pub fn keep(&mut self, packet: Packet<'_>, begins: bool) {
        let Ok(shape) = packet::parse(packet.payload) else { return };
        if begins || packet.payload.len() > MAX_PAYLOAD {
            self.clear();
        }
        if packet.payload.len() > MAX_PAYLOAD {
            return;
        }
        let after = |kept: &Kept| ahead(kept.timestamp, packet.timestamp) < 0;
        let place = self.packets.partition_point(|kept| !after(kept));
        if place.checked_sub(1).is_some_and(|at| self.packets[at].timestamp == packet.timestamp) {
            return;
        }
        let mut payload = self.spare.pop().unwrap_or_else(|| Vec::with_capacity(MAX_PAYLOAD));
        payload.extend_from_slice(packet.payload);
        let kept = Kept {
            sequence: packet.sequence,
            timestamp: packet.timestamp,
            samples: shape.samples,
            is_speech: shape.is_speech,
            payload,
        };
        self.packets.insert(place, kept);
        let end = self.end().unwrap_or_default();
        while self.packets.len() > 2
            && (self.packets.len() > MAX_KEPT || ahead(self.packets[0].end(), end) >= KEPT_SAMPLES)
        {
            self.drop_first();
        }
    }

    /// Forgets all.
    pub fn clear(&mut self) {
        while !self.packets.is_empty() {
            self.drop_first();
        }
    }

    /// Forgets all, and gives the memory back.
    pub fn release(&mut self) {
        *self = Self::default();
    }

    /// RTP time after the newest packet; none if nothing is kept.
    pub fn end(&self) -> Option<u32> {
        self.packets.back().map(Kept::end)
    }

    /// All that is kept, oldest first.
    pub fn packets(&self) -> impl Iterator<Item = &Kept> + Clone {
        self.packets.iter()
    }

    /// All that begins at `timestamp` or later, oldest first.
    pub fn since(&self, timestamp: u32) -> impl Iterator<Item = &Kept> + Clone {
        self.packets.iter().skip_while(move |kept| ahead(timestamp, kept.timestamp) < 0)
    }

    fn drop_first(&mut self) {
        if let Some(Kept { mut payload, .. }) = self.packets.pop_front() {
            payload.clear();
            self.spare.push(payload);
        }
    }
}

/// How far RTP time `to` lies after `from`, in samples.
fn ahead(from: u32, to: u32) -> i32 {
    to.wrapping_sub(from) as i32
}

impl Playout {
    /// The talker's RTP time of the sample that [`Self::next`] plays next; none while nothing plays.
    pub fn next_timestamp(&self) -> Option<u32> {
        let position = self.position.filter(|_| self.playing && !self.restart)?;
        Some(self.buffer.timestamp(position + self.credit as i64 - self.waiting_pcm() as i64))
    }

    /// Whether delay from a hold is yet to be caught up.
    pub fn is_catching_up(&self) -> bool {
        self.granted.is_some() || self.catching.is_some()
    }

    /// Takes the talker's sound up at the sample of RTP time `start`: the decoder begins anew with the packets kept, and
    /// is warm at `start` if they begin well before it. What was never sent before `start` is silence, what has not
    /// come yet is guessed. Gives the number of packets decoded.
    pub fn rejoin(&mut self, relay: &Relay, start: u32) -> usize {
        let head = self.buffer.head().map(|head| head.media);
        let Some(start) = self.buffer.media(start) else { return 0 };
        // A reset fails only on a decoder that was never made.
        let _ = self.decoder.reset();
        self.forget_sound();
        (self.playing, self.restart, self.stale, self.unheard) = (true, false, false, false);
        (self.tail_sounds, self.pausing, self.rejoined) = (false, false, true);
        let mut decoded = 0;
        for kept in relay.packets() {
            let Some(at) = self.buffer.media(kept.timestamp).filter(|at| head.is_none_or(|head| *at < head)) else {
                break;
            };
            if let Some(end) = self.position.filter(|end| at > *end) {
                let is_pause = at - end > MAX_GAP;
                // A pause may be hours long: only what is heard of it is made.
                let begin = if is_pause { end.max(start).min(at) } else { end };
                let gap = (at - begin) as usize;
                let from = self.grow(gap);
                if !is_pause && gap.is_multiple_of(120) {
                    let _ = self.decoder.conceal(&mut self.pcm[from..]);
                }
            }
            let from = self.grow(kept.samples);
            if self.decoder.decode(&kept.payload, &mut self.pcm[from..]).is_err() {
                self.pcm[from..].fill(0.0);
            }
            decoded += 1;
            self.position = Some(at + kept.samples as i64);
            (self.packet, self.speech) = (kept.samples, kept.is_speech);
            self.pausing = kept.payload.len() <= 2;
            self.drop_until(start);
        }
        while let Some(entry) = self.buffer.head()
            && self.position.is_some_and(|position| entry.media < position)
        {
            self.buffer.forget();
        }
        let begin = self.position.or(head).unwrap_or(start) - self.waiting_pcm() as i64;
        if begin > start {
            let silence = ((begin - start) as usize).min(packet::MAX_PACKET_SAMPLES);
            let from = self.heard * CHANNELS;
            self.pcm.splice(from..from, std::iter::repeat_n(0.0, silence * CHANNELS));
        }
        while self.playing
            && let Some(position) = self.position
            && let credit = self.credit
            && position + (credit as i64) < start + self.waiting_pcm() as i64
        {
            self.step();
            if (self.position, self.credit) == (Some(position), credit) {
                self.pass_pause(start);
            }
            self.drop_until(start);
        }
        decoded
    }

    /// The next frame, without looking at the delay.
    pub fn preroll(&mut self, out: &mut Frame) {
        self.tick = out.length().samples();
        while self.playing && self.waiting_pcm() < self.tick {
            self.step();
        }
        let length = self.waiting_pcm().min(self.tick) * CHANNELS;
        let samples = out.samples_mut();
        samples[..length].copy_from_slice(&self.ahead()[..length]);
        samples[length..].fill(0.0);
        self.hear(length / CHANNELS);
    }

    /// Ends what [`Self::rejoin`] began: nothing plays.
    pub fn quit(&mut self) {
        self.forget_sound();
        (self.playing, self.stale, self.tail_sounds) = (false, true, false);
    }

    /// The next `samples` per channel, interleaved, which stay to be played; none if they have not all come, or are
    /// not as they were sent.
    pub fn peek(&mut self, samples: usize) -> Option<&[f32]> {
        while self.waiting_pcm() < samples {
            if self.buffer.is_empty() || self.head_is_apart() {
                return None;
            }
            self.decode_head();
        }
        let is_sent = !self.unheard && !self.stale && self.credit == 0 && self.guess.is_none();
        is_sent.then(|| &self.ahead()[..samples * CHANNELS])
    }

    /// Leaves out what lies before `start` of a pause before the head: time stands still here, so that it would never end.
    fn pass_pause(&mut self, start: i64) {
        let (Some(position), Some(head)) = (self.position, self.buffer.head()) else { return };
        if head.media < start {
            // It was sent on already, so the jitter buffer need not wait for its time.
            return self.decode_head();
        }
        self.credit = (start - position).max(0) as usize;
    }

    /// Drops what is decoded and lies before `start`.
    fn drop_until(&mut self, start: i64) {
        let Some(position) = self.position else { return };
        let begin = position + self.credit as i64 - self.waiting_pcm() as i64;
        let early = (start - begin).clamp(0, self.waiting_pcm() as i64) as usize;
        self.hear(early);
    }
}
