//! The receive side of one talker: a jitter buffer, a decoder, and the sound that is decoded and
//! not yet played, for packets are 2.5 to 120 ms long and ticks are 10 or 20 ms.
//!
//! Sound has a place in media time ([`Playout::position`]), and packets have a time at which they
//! came; how the two differ from packet to packet says how much delay the network needs
//! (`playout/lateness.rs`), and that is the delay of the sound: at first none but to the next tick.
//! It is reached and left again by saying a piece twice or leaving one out, whole periods of the pitch
//! each (`playout/pace.rs`). What is lost is restored from what came later where that says it (a copy,
//! in-band FEC, DRED; `playout/sound.rs`), else what was heard is said on and fades (`playout/guess.rs`), corrected
//! by what comes after it where that is here (`playout/across.rs`). Delay from holding
//! a talker back is caught up at once, and faster ([`Playout::hold`], [`Playout::grant`]). Whatever a
//! packet says, nothing here grows without end, waits, or allocates in a steady stream.

mod across;
mod bridge;
mod guess;
mod hold;
mod lateness;
mod pace;
mod relay;
mod sound;

use std::time::Duration;

pub use self::hold::MAX_HOLD;
pub use self::relay::{Kept, Relay};
pub(crate) use self::sound::MIN_PAUSE;

use self::across::Losses;
use self::bridge::Bridge;
use self::guess::{Guess, Lift};
use self::hold::{CatchUp, Granted, MAX_HELD_SAMPLES};
use self::lateness::Lateness;
use crate::jitter::{Arrival, Buffer, Packet};
use crate::packet::{self, MAX_PACKET_SAMPLES};
use crate::splice::JOIN;
use crate::{CHANNELS, Decoder, FRAME_SAMPLES, Frame, FrameLength, SAMPLE_RATE};

/// How much delay a talker is given.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Settings {
    /// The least that a packet waits which came as early as any, whatever the network is like; at most 2 s.
    pub min: Duration,
    /// No packet is made to wait longer than this; at least 120 ms over the least, at most 4 s.
    pub max: Duration,
    /// Whether the caller moves its ticks by what [`Playout::slack`] says.
    pub is_followed: bool,
}

impl Default for Settings {
    /// As little as the network allows and at most 400 ms; ticks on a grid of their own.
    fn default() -> Self {
        Self { min: Duration::ZERO, max: Duration::from_millis(400), is_followed: false }
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
    /// Packets that were lost and played from what a later one describes of them (DRED).
    pub recovered_by_dred: u64,
    /// Packets that were lost and played from a redundant copy (RFC 2198).
    pub recovered_by_red: u64,
    /// Sound that was guessed.
    pub concealed: Duration,
    /// Sound that was cut out to bring the delay down.
    pub skipped: Duration,
    /// Sound that was said twice to bring the delay up.
    pub stretched: Duration,
    /// What waits now, as of the last tick.
    pub delay: Duration,
    /// How long the packet that was played last waited here, from its arrival to its first sample.
    pub wait: Duration,
    /// By how much the network makes every packet wait that came as early as any.
    pub target: Duration,
    /// How unevenly packets come: the interarrival jitter of RFC 3550 §6.4.1 and A.8, of this stream,
    /// from packets that came in order.
    pub jitter: Duration,
}

/// So much of what was heard is kept, to be said on or twice: 50 ms.
const HISTORY: usize = 2400;

/// What was heard before that is dropped when there is so much of it, 40 ms: each time, all that is kept moves.
const SPENT: usize = 2 * FRAME_SAMPLES;

/// One talker, from its packets to its frames.
#[derive(Debug)]
pub struct Playout {
    max: usize,
    buffer: Buffer,
    decoder: Decoder,
    lateness: Lateness,
    is_followed: bool,
    /// The tick of now, and its length, in samples.
    now: i64,
    tick: usize,
    /// Decoded sound, interleaved: first `heard` samples per channel that were played, then what was not.
    pcm: Vec<f32>,
    heard: usize,
    playing: bool,
    /// The media time at which the next packet begins if nothing is missing; `None` at a start.
    position: Option<i64>,
    /// Samples already played in place of what begins at `position`.
    credit: usize,
    /// How the last sound that is known is said on.
    guess: Option<Guess>,
    /// What the decoder guesses, where it does: interleaved stereo. Takes memory at the first time.
    made: Vec<f32>,
    lift: Lift,
    /// What corrects it where the next packet is here. Made at the first time.
    bridge: Option<Box<Bridge>>,
    /// The decoder has guessed since what it knew was saved.
    is_ahead: bool,
    /// Samples of it that count as guessed.
    guessed: usize,
    /// The last packet said that a pause begins.
    pausing: bool,
    /// A packet had a copy of the one before it.
    sends_fec: bool,
    /// A packet came with a copy of an earlier one.
    sends_red: bool,
    /// A packet described more of the past.
    sends_dred: bool,
    /// How packets are lost.
    losses: Losses,
    /// The last packet was of a speech mode: only then FEC applies.
    speech: bool,
    /// A new stream waits in the buffer while the old one is still to be faded out.
    restart: bool,
    /// The decoder missed packets because nobody listened.
    stale: bool,
    /// Nobody hears this tick.
    unheard: bool,
    /// The head whose deep redundancy the decoder holds, and how far it reaches.
    dred_ready: Option<i64>,
    dred_reach: usize,
    /// The fading end of what was cut off, added to the next frame.
    tail: [f32; JOIN * CHANNELS],
    tail_sounds: bool,
    /// Samples for which there was too much delay.
    excess_for: usize,
    /// Samples since a piece was cut out or said twice.
    since_change: usize,
    /// Samples for which there was too little.
    short_for: usize,
    /// See [`Self::slack`].
    slack: Option<i64>,
    /// What comes is kept and not played.
    held: bool,
    /// The oldest arrival that may be heard of what is held.
    held_from: Duration,
    /// The stream that starts next was held.
    granted: Option<Granted>,
    catching: Option<CatchUp>,
    /// It was taken up in the middle of a word.
    rejoined: bool,
    /// Samples per channel of the last packet that was decoded.
    packet: usize,
    concealed: u64,
    skipped: u64,
    stretched: u64,
    recovered_by_fec: u64,
    recovered_by_dred: u64,
    recovered_by_red: u64,
    undecodable: u64,
    delay: usize,
    wait: i64,
}

impl Playout {
    /// A talker of whom nothing came yet.
    pub fn new(settings: Settings) -> Self {
        let min = samples(settings.min.min(Duration::from_secs(2)));
        let max = samples(settings.max.min(Duration::from_secs(4))).max(min + MAX_PACKET_SAMPLES);
        Self {
            max,
            buffer: Buffer::new((max + 2 * MAX_PACKET_SAMPLES).max(MAX_HELD_SAMPLES)),
            decoder: Decoder::default(),
            lateness: Lateness::new(min, max, settings.is_followed),
            is_followed: settings.is_followed,
            now: 0,
            tick: FRAME_SAMPLES,
            pcm: Vec::new(),
            heard: 0,
            playing: false,
            position: None,
            credit: 0,
            guess: None,
            made: Vec::new(),
            lift: Lift::default(),
            bridge: None,
            is_ahead: false,
            guessed: 0,
            pausing: false,
            sends_fec: false,
            sends_red: false,
            sends_dred: false,
            losses: Losses::default(),
            speech: false,
            restart: false,
            stale: false,
            unheard: false,
            dred_ready: None,
            dred_reach: 0,
            tail: [0.0; JOIN * CHANNELS],
            tail_sounds: false,
            excess_for: 0,
            since_change: 0,
            short_for: 0,
            slack: None,
            held: false,
            held_from: Duration::ZERO,
            granted: None,
            catching: None,
            rejoined: false,
            packet: FRAME_SAMPLES,
            concealed: 0,
            skipped: 0,
            stretched: 0,
            recovered_by_fec: 0,
            recovered_by_dred: 0,
            recovered_by_red: 0,
            undecodable: 0,
            delay: 0,
            wait: 0,
        }
    }

    /// Takes a packet that came at `now`, whatever it holds.
    pub fn insert(&mut self, packet: Packet<'_>, now: Duration) -> Arrival {
        let arrival = self.buffer.insert(packet, now);
        match arrival {
            Arrival::Repeated | Arrival::Malformed => return arrival,
            Arrival::First => {
                self.restart = true;
                self.lateness.rebase();
            }
            _ => {}
        }
        let becomes_often = self.losses.see(arrival);
        if let (Some(media), Ok(shape)) = (self.buffer.media(packet.timestamp), packet::parse(packet.payload)) {
            self.lateness.see(media, shape.samples, at(now));
            self.sends_dred |= packet::may_have_dred(packet.payload);
            // What says more of the past than the packet before restores bursts too.
            self.lateness.set_restores(!self.losses.are_in_bursts() || self.sends_red || self.sends_dred);
            if shape.has_fec && !std::mem::replace(&mut self.sends_fec, true) {
                // Who sends copies was told of loss; they come a frame late.
                self.lateness.expect(shape.frame_samples);
            }
            if becomes_often && self.is_worth_waiting(packet.payload, shape) {
                self.lateness.expect(shape.frame_samples);
            }
            if (shape.has_fec || self.is_worth_waiting(packet.payload, shape))
                && self.buffer.is_missing(packet.sequence.wrapping_sub(1))
            {
                self.lateness.see_restored(media - shape.frame_samples as i64, at(now));
            }
        }
        arrival
    }

    /// Takes a copy of an earlier packet that came with a later one (RFC 2198), after that one was
    /// inserted. It is played if the packet itself has not come, and its place is not played over; it
    /// counts nowhere but in [`Stats::recovered_by_red`]. Says whether it is of use so far.
    pub fn insert_redundant(&mut self, packet: Packet<'_>, now: Duration) -> bool {
        self.sends_red = true;
        let is_used = self.buffer.insert_copy(packet, now);
        if let (true, Some(media)) = (is_used, self.buffer.media(packet.timestamp)) {
            self.lateness.see_restored(media, at(now));
        }
        is_used
    }

    /// Writes the next frame, as long as `out` is. To be called once a tick while not [`Self::is_idle`].
    pub fn next(&mut self, out: &mut Frame, now: Duration) -> Played {
        self.unheard = false;
        self.tick = out.length().samples();
        let samples = out.samples_mut();
        let guessing = !self.held && self.advance(now);
        let length = self.waiting_pcm().min(self.tick) * CHANNELS;
        samples[..length].copy_from_slice(&self.ahead()[..length]);
        samples[length..].fill(0.0);
        self.hear(length / CHANNELS);
        if std::mem::take(&mut self.tail_sounds) {
            for (sample, tail) in samples.iter_mut().zip(&self.tail) {
                *sample += tail;
            }
        } else if length == 0 {
            return Played::Silence;
        }
        if guessing { Played::Concealed } else { Played::Voice }
    }

    /// Lets one frame pass unheard, in place of [`Self::next`] for a talker who is muted: the delay is
    /// kept, nothing is decoded.
    pub fn pass(&mut self, length: FrameLength, now: Duration) {
        self.tail_sounds = false;
        if self.held {
            return;
        }
        self.unheard = true;
        self.tick = length.samples();
        if !std::mem::replace(&mut self.stale, true) {
            // What is left of it must not sound between silence and silence.
            self.pcm.fill(0.0);
            self.guess = None;
        }
        self.advance(now);
        self.tail_sounds = false;
        self.hear(self.waiting_pcm().min(self.tick));
    }

    /// Whether nothing is to be played and nothing is left to fade: a tick need not call [`Self::next`].
    /// What is held does not count.
    pub fn is_idle(&self) -> bool {
        let is_waiting = !self.held && (self.playing || !self.buffer.is_empty());
        !is_waiting && !self.tail_sounds && self.waiting_pcm() == 0
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
            recovered_by_fec: self.recovered_by_fec,
            recovered_by_dred: self.recovered_by_dred,
            recovered_by_red: self.recovered_by_red,
            concealed: duration(self.concealed),
            skipped: duration(self.skipped),
            stretched: duration(self.stretched),
            delay: duration(self.delay as u64),
            wait: duration(self.wait.max(0) as u64),
            target: duration(self.lateness.target() as u64),
            jitter: self.buffer.jitter(),
        }
    }

    /// The media time of the sample that is heard next, in samples of the stream since its RTP time of
    /// zero; `None` before a stream has begun. In a guess it stands still.
    pub fn position(&self) -> Option<i64> {
        Some(self.position? - self.waiting_pcm() as i64)
    }

    /// Changes the least delay; the delay follows as it does after a burst. At most 2 s, and at most 120 ms
    /// below the maximum.
    pub fn set_min(&mut self, min: Duration) {
        self.lateness.set_min(samples(min.min(Duration::from_secs(2))).min(self.max - MAX_PACKET_SAMPLES));
    }

    /// Forgets the stream: the next packet is the first of a new one. For a change of SSRC.
    pub fn reset(&mut self) {
        self.buffer.clear();
        self.lateness.rebase();
        self.restart = true;
    }

    /// Gives back what only one who talks needs: the decoder, and what was heard. For one who has been [`Self::is_idle`]
    /// for long; he may talk on at any time, and begins then as after any pause.
    pub fn release(&mut self) {
        if !self.is_idle() {
            return;
        }
        self.decoder.release();
        (self.pcm, self.made, self.bridge) = (Vec::new(), Vec::new(), None);
        (self.heard, self.guess) = (0, Some(Guess::silence()));
        (self.is_ahead, self.stale, self.dred_ready) = (false, true, None);
        self.buffer.release();
    }

    /// Brings `pcm` up to one tick if it can, and says whether any of it is guessed.
    fn advance(&mut self, now: Duration) -> bool {
        self.now = at(now);
        self.slack = None;
        if std::mem::take(&mut self.restart) {
            self.cut_off();
            self.playing = false;
            self.stale = true;
        }
        if let Some(granted) = self.granted {
            self.warm_up(granted);
        }
        let waiting = self.waiting();
        self.delay = waiting;
        let is_catching = self.granted.is_some() || self.catching.is_some();
        if waiting
            > if is_catching { self.max.max(MAX_HELD_SAMPLES) } else { self.max + self.tick + MAX_PACKET_SAMPLES }
        {
            self.skip_forward();
        }
        if !self.playing {
            if !self.may_start(now) {
                return false;
            }
            self.start();
        }
        self.find_slack();
        match self.catching {
            Some(way) => self.catch_up(way),
            // While a guess goes on, nothing that is known lies ahead.
            None if self.guess.is_none() => self.adapt(),
            None => {}
        }
        let mut guessing = false;
        while self.playing && self.waiting_pcm() < self.tick {
            guessing |= self.step();
        }
        guessing
    }

    /// What is decoded and not played.
    fn ahead(&self) -> &[f32] {
        &self.pcm[self.heard * CHANNELS..]
    }

    /// Samples per channel that are decoded and not played.
    fn waiting_pcm(&self) -> usize {
        self.pcm.len() / CHANNELS - self.heard
    }

    /// Samples per channel that are here and not played.
    fn waiting(&self) -> usize {
        self.waiting_pcm() + self.buffer.samples()
    }

    /// So many samples per channel were played.
    fn hear(&mut self, length: usize) {
        self.heard += length;
        if self.heard < HISTORY + SPENT {
            return;
        }
        match self.guess {
            Some(guess) if guess.is_made => {}
            // It still says on what lies there.
            Some(guess) if !guess.is_over() => return,
            Some(_) => self.guess = Some(Guess::silence()),
            None => {}
        }
        let over = self.heard - HISTORY;
        self.pcm.drain(..over * CHANNELS);
        self.heard = HISTORY;
    }

    /// Forgets what was heard, and drops what was to be.
    fn forget_sound(&mut self) {
        self.pcm.clear();
        self.heard = 0;
        self.guess = None;
        if std::mem::take(&mut self.is_ahead) {
            self.decoder.restore();
        }
        self.guessed = 0;
        self.lift = Lift::default();
        self.position = None;
        self.credit = 0;
        self.dred_ready = None;
    }

    /// A stream starts in the tick in which its first packet is due; whatever the clocks say, that is not for ever.
    fn may_start(&self, now: Duration) -> bool {
        let Some(head) = self.buffer.head() else { return false };
        self.until(head.media) < self.tick || now.saturating_sub(head.arrival) >= duration(self.max as u64)
    }

    fn start(&mut self) {
        if let (Some(position), Some(head), false) = (self.position, self.buffer.head(), self.buffer.gap_before_head())
            && head.media - position >= MIN_PAUSE
        {
            self.forgive();
        }
        self.forget_sound();
        self.rejoined = false;
        self.playing = true;
        self.guess = Some(Guess::silence());
        if let Some(head) = self.buffer.head() {
            let due = self.until(head.media);
            self.grow(due.min(self.tick));
        }
        self.catching = None;
        if self.granted.take().is_some() {
            self.open();
        }
    }
}

/// A time in samples.
fn at(time: Duration) -> i64 {
    (time.as_nanos() * u128::from(SAMPLE_RATE) / 1_000_000_000).min(1 << 60) as i64
}

fn samples(time: Duration) -> usize {
    (time.as_micros() * u128::from(SAMPLE_RATE) / 1_000_000) as usize
}

fn duration(samples: u64) -> Duration {
    Duration::from_nanos(samples * 1_000_000_000 / u64::from(SAMPLE_RATE))
}
