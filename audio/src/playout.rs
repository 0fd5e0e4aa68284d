//! The receive side of one talker: a jitter buffer, a decoder, and the sound that is decoded and
//! not yet played, for packets are 2.5 to 120 ms long and ticks are 20 ms.
//!
//! It goes by how much sound waits, not by comparing clocks. A stream starts when the target waits.
//! Sound that is missing while later packets wait is recovered by FEC or guessed; when nothing
//! waits, the guess fades out, and the stream starts again as at first. A late burst is so played
//! in full, later: the delay grew. Delay that nothing needed for two seconds is cut out piece by
//! piece where it is least heard. Whatever a packet says, nothing here grows without end, waits, or
//! allocates in a steady stream.

mod excess;
mod sound;

use std::time::Duration;

use self::excess::Watch;
use self::sound::MIN_PAUSE;
use crate::jitter::{Arrival, Buffer, Packet};
use crate::packet::MAX_PACKET_SAMPLES;
use crate::splice::JOIN;
use crate::{CHANNELS, Decoder, FRAME_SAMPLES, FRAME_TIME, Frame, SAMPLE_RATE};

/// How much delay a talker is given.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Settings {
    /// What waits before a stream starts, and what its delay returns to; at most 2 s.
    pub target: Duration,
    /// More than this never waits; at least 120 ms over the target, at most 4 s.
    pub max: Duration,
}

impl Default for Settings {
    fn default() -> Self {
        Self { target: Duration::from_millis(40), max: Duration::from_millis(400) }
    }
}

/// What a tick got to hear.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Played {
    /// What the talker sent, or its own copy of it.
    Voice,
    /// Sound that is guessed, all of it or a part.
    Concealed,
    /// Nothing.
    Silence,
}

/// What one talker's packets went through, summed over all its streams.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Stats {
    /// Well-formed packets, repeated and late ones included.
    pub received: u64,
    /// Packets that came again.
    pub repeated: u64,
    /// Packets that came after one that was sent later, and in time.
    pub out_of_order: u64,
    /// Packets that never came, as far as is known.
    pub missing: u64,
    /// Packets that came after their place was played over.
    pub late: u64,
    /// Packets that are not Opus.
    pub malformed: u64,
    /// Packets dropped because too much waited.
    pub discarded: u64,
    /// Packets that were lost and played from the copy in the next one.
    pub recovered_by_fec: u64,
    /// Sound that was guessed.
    pub concealed: Duration,
    /// Sound that was cut out to bring the delay down.
    pub skipped: Duration,
    /// What waits now, as of the last tick: the delay of this buffer.
    pub delay: Duration,
}

/// One talker, from its packets to its frames.
#[derive(Debug)]
pub struct Playout {
    target: usize,
    max: usize,
    buffer: Buffer,
    decoder: Decoder,
    /// Decoded and not yet played, interleaved.
    pcm: Vec<f32>,
    playing: bool,
    /// The RTP time at which the next packet begins if nothing is missing; `None` at a start.
    position: Option<i64>,
    /// Samples already played in place of what begins at `position`.
    credit: usize,
    /// Samples guessed in a row.
    guessed: usize,
    /// The factor of the last sample: falls while guessing, rises with the voice, so nothing clicks.
    gain: f32,
    /// The last packet said that a pause begins.
    pausing: bool,
    /// The last packet was of a speech mode: only then FEC applies.
    speech: bool,
    /// A new stream waits in the buffer while the old one is still to be faded out.
    restart: bool,
    /// The decoder missed packets because nobody listened.
    stale: bool,
    /// Nobody hears this tick.
    unheard: bool,
    /// The fading end of what was cut off, added to the next frame.
    tail: [f32; JOIN * CHANNELS],
    tail_sounds: bool,
    watch: Watch,
    concealed: u64,
    skipped: u64,
    recovered: u64,
    undecodable: u64,
    delay: usize,
}

impl Playout {
    /// A talker of whom nothing came yet.
    pub fn new(settings: Settings) -> Self {
        let target = samples(settings.target.min(Duration::from_secs(2)));
        let max = samples(settings.max.min(Duration::from_secs(4))).max(target + MAX_PACKET_SAMPLES);
        Self {
            target,
            max,
            buffer: Buffer::new(max + 2 * MAX_PACKET_SAMPLES),
            decoder: Decoder::new().expect("libopus takes 48 kHz stereo, and fails otherwise only without memory"),
            pcm: Vec::with_capacity(4 * FRAME_SAMPLES * CHANNELS),
            playing: false,
            position: None,
            credit: 0,
            guessed: 0,
            gain: 0.0,
            pausing: false,
            speech: false,
            restart: false,
            stale: false,
            unheard: false,
            tail: [0.0; JOIN * CHANNELS],
            tail_sounds: false,
            watch: Watch::default(),
            concealed: 0,
            skipped: 0,
            recovered: 0,
            undecodable: 0,
            delay: 0,
        }
    }

    /// Takes a packet that came at `now`, whatever it holds.
    pub fn insert(&mut self, packet: Packet<'_>, now: Duration) -> Arrival {
        let arrival = self.buffer.insert(packet, now);
        if arrival == Arrival::First {
            self.restart = true;
        }
        arrival
    }

    /// Writes the next 20 ms. To be called once a tick while not [`Self::is_idle`].
    pub fn next(&mut self, out: &mut Frame, now: Duration) -> Played {
        self.unheard = false;
        let guessing = self.advance(now);
        let length = self.waiting_pcm().min(FRAME_SAMPLES) * CHANNELS;
        let samples = out.samples_mut();
        samples[..length].copy_from_slice(&self.pcm[..length]);
        samples[length..].fill(0.0);
        self.pcm.drain(..length);
        if std::mem::take(&mut self.tail_sounds) {
            for (sample, tail) in samples.iter_mut().zip(&self.tail) {
                *sample += tail;
            }
        } else if length == 0 {
            return Played::Silence;
        }
        if guessing { Played::Concealed } else { Played::Voice }
    }

    /// Lets 20 ms pass unheard, in place of [`Self::next`] for a talker who is muted: the delay is
    /// kept, nothing is decoded.
    pub fn pass(&mut self, now: Duration) {
        self.unheard = true;
        if !std::mem::replace(&mut self.stale, true) {
            // What is left of it must not sound between silence and silence.
            self.pcm.fill(0.0);
            self.gain = 0.0;
        }
        self.advance(now);
        let length = self.waiting_pcm().min(FRAME_SAMPLES) * CHANNELS;
        self.pcm.drain(..length);
        self.tail_sounds = false;
    }

    /// Whether nothing waits and nothing is left to fade: a tick need not call [`Self::next`].
    pub fn is_idle(&self) -> bool {
        !self.playing && !self.tail_sounds && self.pcm.is_empty() && self.buffer.is_empty()
    }

    /// What the packets went through so far.
    pub fn stats(&self) -> Stats {
        let counts = self.buffer.counts();
        Stats {
            received: counts.received,
            repeated: counts.repeated,
            out_of_order: counts.out_of_order,
            missing: counts.missing,
            late: counts.late,
            malformed: counts.malformed + self.undecodable,
            discarded: counts.discarded,
            recovered_by_fec: self.recovered,
            concealed: duration(self.concealed),
            skipped: duration(self.skipped),
            delay: duration(self.delay as u64),
        }
    }

    /// Changes the target; the delay follows as it does after a burst. At most 2 s, and at most 120 ms
    /// below the maximum.
    pub fn set_target(&mut self, target: Duration) {
        self.target = samples(target.min(Duration::from_secs(2))).min(self.max - MAX_PACKET_SAMPLES);
    }

    /// Forgets the stream: the next packet is the first of a new one. For a change of SSRC.
    pub fn reset(&mut self) {
        self.buffer.clear();
        self.restart = true;
    }

    /// Brings `pcm` up to one frame if it can, and says whether any of it is guessed.
    fn advance(&mut self, now: Duration) -> bool {
        if std::mem::take(&mut self.restart) {
            self.cut_off();
            self.playing = false;
            self.stale = true;
        }
        let waiting = self.waiting();
        self.delay = waiting;
        if waiting > self.max {
            self.skip_forward();
        }
        if !self.playing {
            if !self.may_start(now) {
                return false;
            }
            self.start();
        }
        self.watch.see(waiting, self.target);
        self.shorten();
        let mut guessing = false;
        while self.playing && self.waiting_pcm() < FRAME_SAMPLES {
            guessing |= self.step();
        }
        guessing
    }

    /// Samples per channel that are decoded.
    fn waiting_pcm(&self) -> usize {
        self.pcm.len() / CHANNELS
    }

    /// Samples per channel that are here and not played.
    fn waiting(&self) -> usize {
        self.waiting_pcm() + self.buffer.samples()
    }

    /// A stream starts when the target waits. A packet longer than a tick may be all that waits, and
    /// gets one tick of grace for the next to come a little later. A short word is not held for ever.
    fn may_start(&self, now: Duration) -> bool {
        let Some(head) = self.buffer.head() else { return false };
        let waited = now.saturating_sub(head.arrival);
        let enough = self.buffer.samples() >= self.target;
        let grace = head.shape.samples <= FRAME_SAMPLES || waited >= FRAME_TIME;
        (enough && grace) || waited >= duration(self.target as u64).max(FRAME_TIME)
    }

    fn start(&mut self) {
        if let (Some(position), Some(head), false) = (self.position, self.buffer.head(), self.buffer.gap_before_head())
            && head.timestamp - position >= MIN_PAUSE
        {
            self.forgive();
        }
        self.playing = true;
        self.position = None;
        self.credit = 0;
        self.gain = 0.0;
        self.watch = Watch::default();
    }
}

fn samples(time: Duration) -> usize {
    (time.as_micros() * u128::from(SAMPLE_RATE) / 1_000_000) as usize
}

fn duration(samples: u64) -> Duration {
    Duration::from_nanos(samples * 1_000_000_000 / u64::from(SAMPLE_RATE))
}
