//! The receive side of one talker: a jitter buffer, a decoder, and the sound that is decoded and
//! not yet played, for packets are 2.5 to 120 ms long and ticks are 20 ms.
//!
//! It goes by how much sound waits, not by comparing clocks. A stream starts when the target waits.
//! Sound that is missing while later packets wait is recovered by FEC or guessed; when nothing
//! waits, the guess fades out, and the stream starts again as at first. A late burst is so played
//! in full, later: the delay grew. Delay that nothing needed for two seconds is cut out piece by
//! piece where it is least heard. Whatever a packet says, nothing here grows without end, waits, or
//! allocates in a steady stream.

use std::time::Duration;

use crate::jitter::{Arrival, Buffer, Packet};
use crate::packet::MAX_PACKET_SAMPLES;
use crate::splice::{self, JOIN, MAX_CUT, MIN_CUT};
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

/// A guess is played at full level for this long …
const CONCEAL_FULL: usize = 960;

/// … and is silent after this, in samples: 60 ms.
const CONCEAL_END: usize = 2880;

/// How much is guessed at once when nothing waits.
const CONCEAL_STEP: usize = 480;

/// libopus guesses in multiples of 2.5 ms.
const CONCEAL_UNIT: usize = 120;

/// A step of the timestamp without loss is a pause of the talker (DTX) from here on; less is a sender
/// that counts in other steps than it sends.
const MIN_PAUSE: i64 = 960;

/// How many ticks the delay must stay over the target before it is brought down: 2 s.
const EXCESS_TICKS: u32 = 100;

/// Cuts are at least so many ticks apart where sound is loud.
const CUT_TICKS: u32 = 3;

/// After so many ticks without a good place a cut is made where it is.
const CUT_ANYWHERE_TICKS: u32 = 6;

/// From here on two ends are alike enough to be joined.
const ALIKE: f32 = 0.7;

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

    /// Adds some sound to `pcm`, or ends the stream; says whether it is guessed.
    fn step(&mut self) -> bool {
        let Some(head) = self.buffer.head() else { return self.run_dry() };
        let (sequence_gap, shape) = (self.buffer.gap_before_head(), head.shape);
        let Some(position) = self.position else {
            self.decode_head();
            return false;
        };
        let gap = head.timestamp - position;
        let open = (gap - self.credit as i64).max(0);
        if sequence_gap && open >= CONCEAL_UNIT as i64 && self.credit < CONCEAL_END {
            let open = (open as usize).min(CONCEAL_END - self.credit);
            return self.bridge(open, shape.frame_samples, shape.has_fec && self.speech);
        }
        if !sequence_gap && gap >= MIN_PAUSE {
            self.forgive();
            // A pause is where delay is best brought down: it is cut short by what waits too long.
            let surplus = self.waiting().saturating_sub(self.target) as i64;
            if open > surplus {
                self.pause((open - surplus) as usize);
                return false;
            }
        }
        self.decode_head();
        false
    }

    /// Nothing waits: the guess goes on until it has faded, then the stream starts again as at first.
    fn run_dry(&mut self) -> bool {
        if self.guessed >= CONCEAL_END {
            self.playing = false;
            return false;
        }
        self.guess(CONCEAL_STEP);
        if self.pausing {
            // What fades is the noise of the talker's room, and no loss.
            self.concealed = self.concealed.saturating_sub(CONCEAL_STEP as u64);
        }
        !self.pausing
    }

    /// Fills `open` samples, or a part of them, before a head that waits.
    fn bridge(&mut self, open: usize, frame: usize, fec: bool) -> bool {
        if fec && (frame..frame + CONCEAL_UNIT).contains(&open) {
            self.recover(frame);
            return false;
        }
        let before = if fec && open > frame { open - frame } else { open };
        let length = before.min(CONCEAL_FULL) / CONCEAL_UNIT * CONCEAL_UNIT;
        if length == 0 {
            self.decode_head();
            return false;
        }
        self.guess(length);
        true
    }

    /// Appends a guess that fades with the time since the last sound that is known.
    fn guess(&mut self, length: usize) {
        let from = self.grow(length);
        let out = &mut self.pcm[from..];
        if self.stale || self.decoder.conceal(out).is_err() {
            out.fill(0.0);
        }
        for pair in out.chunks_exact_mut(CHANNELS) {
            self.guessed += 1;
            let left = CONCEAL_END.saturating_sub(self.guessed) as f32;
            self.gain = self.gain.min(left / (CONCEAL_END - CONCEAL_FULL) as f32);
            pair[0] *= self.gain;
            pair[1] *= self.gain;
        }
        self.credit += length;
        if !self.unheard {
            self.concealed += length as u64;
        }
    }

    /// Appends the last `length` samples before the head from the copy that it carries.
    fn recover(&mut self, length: usize) {
        let from = self.grow(length);
        let out = &mut self.pcm[from..];
        let Some(head) = self.buffer.head() else { return };
        if self.stale || self.decoder.decode_fec(&head.payload, out).is_err() {
            out.fill(0.0);
        }
        raise(&mut self.gain, out);
        self.guessed = 0;
        self.credit += length;
        self.recovered += 1;
    }

    /// Appends silence, faded into.
    fn pause(&mut self, length: usize) {
        if self.gain > 0.0 {
            let from = self.grow(JOIN);
            self.fade_out(from);
            self.gain = 0.0;
            self.credit += JOIN;
        } else {
            let length = length.min(FRAME_SAMPLES);
            self.grow(length);
            self.credit += length;
        }
    }

    /// Appends the packet at the head.
    fn decode_head(&mut self) {
        let Some(entry) = self.buffer.pop() else { return };
        let from = self.grow(entry.shape.samples);
        let out = &mut self.pcm[from..];
        if !self.unheard {
            if std::mem::take(&mut self.stale) {
                // A reset fails only on a decoder that was never made.
                let _ = self.decoder.reset();
                self.gain = 0.0;
            }
            if self.decoder.decode(&entry.payload, out).is_err() {
                self.undecodable += 1;
                out.fill(0.0);
            }
            raise(&mut self.gain, out);
        }
        self.position = Some(entry.timestamp + entry.shape.samples as i64);
        self.credit = 0;
        self.guessed = 0;
        // One byte or none after the first: the encoder has gone quiet (RFC 6716 §3.1, DTX).
        self.pausing = entry.payload.len() <= 2;
        self.speech = entry.shape.is_speech;
        self.buffer.recycle(entry);
    }

    /// What was guessed was a pause, as the next packet shows.
    fn forgive(&mut self) {
        self.concealed = self.concealed.saturating_sub(self.credit.min(self.guessed) as u64);
        self.guessed = 0;
    }

    /// More waits than ever may: the oldest is dropped at once.
    fn skip_forward(&mut self) {
        if self.playing {
            self.cut_off();
        }
        let before = self.waiting();
        while let Some(head) = self.buffer.head()
            && self.buffer.samples() - head.shape.samples >= self.target.max(1)
        {
            self.buffer.discard();
        }
        self.skipped += (before - self.waiting()) as u64;
        self.position = None;
        self.credit = 0;
        self.watch = Watch::default();
    }

    /// Brings delay down that nothing needed for a while: cuts a piece out of what comes next, a
    /// whole number of its periods, or a longer one where it is quiet.
    fn shorten(&mut self) {
        self.watch.since_cut += 1;
        if self.watch.excess < MIN_CUT {
            return;
        }
        while self.waiting_pcm() < MAX_CUT + JOIN && !self.buffer.is_empty() && !self.head_is_apart() {
            self.decode_head();
        }
        let longest = self.watch.excess.min(MAX_CUT).min(self.waiting_pcm().saturating_sub(JOIN));
        if longest < MIN_CUT {
            return;
        }
        let cut = if self.unheard || splice::is_quiet(&self.pcm[..(longest + JOIN) * CHANNELS]) {
            longest
        } else if self.watch.since_cut < CUT_TICKS {
            return;
        } else {
            match splice::best_cut(&self.pcm, longest) {
                (cut, alike) if alike >= ALIKE => cut,
                _ if self.watch.since_cut >= CUT_ANYWHERE_TICKS => longest,
                _ => return,
            }
        };
        splice::join(&mut self.pcm, cut);
        self.pcm.drain(..cut * CHANNELS);
        self.watch.excess -= cut;
        self.watch.since_cut = 0;
        self.skipped += cut as u64;
    }

    /// Whether something is missing, or paused, between what is decoded and the head.
    fn head_is_apart(&self) -> bool {
        let (Some(position), Some(head)) = (self.position, self.buffer.head()) else { return false };
        self.buffer.gap_before_head() || head.timestamp - position >= MIN_PAUSE || self.credit > 0
    }

    /// Drops what is decoded; the next frame fades out of it.
    fn cut_off(&mut self) {
        if !self.unheard && (self.playing || !self.pcm.is_empty()) {
            let from = self.waiting_pcm().min(JOIN);
            self.pcm.truncate(from * CHANNELS);
            if from < JOIN {
                let from = self.grow(JOIN);
                self.fade_out(from);
            }
            for (at, (pair, tail)) in
                self.pcm.chunks_exact(CHANNELS).zip(self.tail.chunks_exact_mut(CHANNELS)).enumerate()
            {
                let left = 1.0 - (at + 1) as f32 / JOIN as f32;
                tail[0] = pair[0] * left;
                tail[1] = pair[1] * left;
            }
            self.tail_sounds = true;
        }
        self.pcm.clear();
        self.gain = 0.0;
        self.position = None;
        self.credit = 0;
        self.guessed = 0;
    }

    /// Overwrites `pcm` from there with the decoder's guess, at the gain of now falling to nothing.
    fn fade_out(&mut self, from: usize) {
        let out = &mut self.pcm[from..];
        if self.stale || self.decoder.conceal(out).is_err() {
            out.fill(0.0);
        }
        let length = out.len() / CHANNELS;
        for (at, pair) in out.chunks_exact_mut(CHANNELS).enumerate() {
            let gain = self.gain * (1.0 - (at + 1) as f32 / length as f32);
            pair[0] *= gain;
            pair[1] *= gain;
        }
    }

    /// Appends zeros to `pcm` and returns where they begin.
    fn grow(&mut self, length: usize) -> usize {
        let from = self.pcm.len();
        self.pcm.resize(from + length * CHANNELS, 0.0);
        from
    }
}

/// How long more waits than is needed.
#[derive(Clone, Copy, Debug, Default)]
struct Watch {
    /// Ticks for which more than the target and one frame waited.
    ticks: u32,
    /// The least that waited in that time.
    least: usize,
    /// What is yet to be cut out.
    excess: usize,
    since_cut: u32,
}

impl Watch {
    fn see(&mut self, waiting: usize, target: usize) {
        if waiting <= target {
            self.excess = 0;
        }
        if waiting <= target + FRAME_SAMPLES {
            self.ticks = 0;
            return;
        }
        self.least = if self.ticks == 0 { waiting } else { self.least.min(waiting) };
        self.ticks += 1;
        if self.ticks >= EXCESS_TICKS {
            self.excess = self.least - target;
            self.ticks = 0;
        }
    }
}

/// Brings the gain back to one within 5 ms.
fn raise(gain: &mut f32, samples: &mut [f32]) {
    if *gain >= 1.0 {
        return;
    }
    for pair in samples.chunks_exact_mut(CHANNELS) {
        *gain = (*gain + 1.0 / JOIN as f32).min(1.0);
        pair[0] *= *gain;
        pair[1] *= *gain;
    }
}

fn samples(time: Duration) -> usize {
    (time.as_micros() * u128::from(SAMPLE_RATE) / 1_000_000) as usize
}

fn duration(samples: u64) -> Duration {
    Duration::from_nanos(samples * 1_000_000_000 / u64::from(SAMPLE_RATE))
}
