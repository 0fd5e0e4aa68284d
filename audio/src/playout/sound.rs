//! What a talker sounds like next: the packet at the head, what restores the one before it, a guess,
//! or a pause; and how one gives way to the other without a click.
//!
//! A guess is what was just heard, said on in whole periods of its pitch. The decoder learns of a
//! loss only when it is certain: a packet that is merely late is decoded as if nothing had been.

use super::Playout;
use crate::CHANNELS;
use crate::opus::LOUDEST;
use crate::splice::{self, JOIN};

/// A guess is played at full level for this long, 30 ms …
const GUESS_FULL: usize = 1440;

/// … and is silent after this, 60 ms.
const GUESS_END: usize = 2880;

/// libopus guesses in multiples of 2.5 ms.
const UNIT: usize = 120;

/// Deep redundancy is decoded in multiples of 10 ms.
const DRED_UNIT: usize = 480;

/// … a frame at a time, 20 ms.
const DRED_PIECE: usize = 960;

/// No more is restored from deep redundancy at once, 200 ms.
const DRED_LONGEST: usize = 9600;

/// A step of the timestamp without loss is a pause of the talker (DTX) from here on; less is a sender
/// that counts in other steps than it sends.
pub(crate) const MIN_PAUSE: i64 = 960;

/// What was heard just now is said on from here.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Guess {
    /// Where in `pcm` it is taken from, per channel, and how much of it is repeated; none where
    /// nothing was heard.
    from: usize,
    lag: usize,
    /// The last sample that was heard.
    last: [f32; CHANNELS],
    /// The factor that makes it no louder than the last sound was.
    level: f32,
    /// Whether it is a whole number of periods.
    is_pitched: bool,
    /// Samples guessed so far.
    pub done: usize,
}

impl Playout {
    /// Adds some sound to `pcm`, or ends the stream; says whether it is guessed.
    pub(super) fn step(&mut self) -> bool {
        let Some(head) = self.buffer.head() else { return self.run_dry() };
        let Some(position) = self.position else {
            self.decode_head();
            return false;
        };
        let (media, gap) = (head.media, head.media - position);
        if self.buffer.gap_before_head() && gap >= UNIT as i64 {
            return self.bridge(gap as usize, media);
        }
        if gap >= MIN_PAUSE {
            self.forgive();
            let pause = self.until(media);
            if pause > 0 {
                self.pause(pause);
                return false;
            }
        }
        self.decode_head();
        false
    }

    /// Nothing waits: the guess goes on until it has faded, then the stream starts again as at first.
    fn run_dry(&mut self) -> bool {
        let left = GUESS_END.saturating_sub(self.guess.map_or(0, |guess| guess.done));
        if left == 0 {
            self.playing = false;
            return false;
        }
        let length = (self.tick - self.waiting_pcm()).min(left);
        self.say_on(length);
        self.credit += length;
        // What fades after the word that a pause begins is the noise of the talker's room, and no loss.
        if !self.pausing {
            self.count_guessed(length);
        }
        !self.pausing
    }

    /// Packets worth `gap` samples are missing before the head: restores what can be, guesses the rest.
    fn bridge(&mut self, gap: usize, media: i64) -> bool {
        let restorable = self.restorable(gap);
        let lost = gap - restorable;
        let open = lost.saturating_sub(self.credit);
        if open >= UNIT && self.credit < GUESS_END {
            let length = open.min(self.tick - self.waiting_pcm());
            self.say_on(length);
            self.credit += length;
            self.count_guessed(length);
            return true;
        }
        if restorable == 0 && self.credit >= GUESS_END {
            let pause = self.until(media);
            if pause > 0 {
                self.pause(pause);
                return true;
            }
        }
        self.miss(lost);
        if restorable > 0 {
            // What was guessed in its place already was a wait for it, unless it is too late for that.
            let over = self.credit.saturating_sub(lost).min(restorable).min(self.overdue(media - gap as i64));
            if over == 0 && self.credit > lost {
                self.complete_period();
            }
            self.restore(restorable, over, media);
        }
        self.decode_head();
        false
    }

    /// How many of the `gap` samples before the head it can restore.
    fn restorable(&mut self, gap: usize) -> usize {
        let Some(head) = self.buffer.head() else { return 0 };
        if self.stale {
            return 0;
        }
        if self.dred_ready == Some(head.sequence) {
            return self.dred_reach;
        }
        let fec = if head.shape.has_fec && self.speech && gap >= head.shape.frame_samples {
            head.shape.frame_samples
        } else {
            0
        };
        // A copy is nearer to the sound than a description.
        if gap < fec + DRED_UNIT {
            return fec;
        }
        let wanted = gap.min(DRED_LONGEST) / DRED_UNIT * DRED_UNIT;
        let reach = self.decoder.read_dred(&head.payload, wanted) / DRED_UNIT * DRED_UNIT;
        if reach <= fec {
            return fec;
        }
        self.lateness.see_restored(head.media - reach as i64, super::at(head.arrival));
        self.dred_ready = Some(head.sequence);
        self.dred_reach = reach;
        reach
    }

    /// Tells the decoder that so many samples are lost for good. A speech mode predicts from what it
    /// decoded last, and its own guess of that is too soft for long after: it is nearer to the truth
    /// to hear the last packet again.
    fn miss(&mut self, lost: usize) {
        let lost = lost.min(GUESS_END) / UNIT * UNIT;
        if self.stale || self.unheard || lost == 0 {
            return;
        }
        if self.speech && !self.last_payload.is_empty() && lost >= self.packet {
            for _ in 0..(lost / self.packet).min(2) {
                let from = self.grow(self.packet);
                let _ = self.decoder.decode(&self.last_payload, &mut self.pcm[from..]);
                self.pcm.truncate(from);
            }
            return;
        }
        let from = self.grow(lost);
        // It fails on nothing but a wrong length, and is heard by nobody.
        let _ = self.decoder.conceal(&mut self.pcm[from..]);
        self.pcm.truncate(from);
    }

    /// Appends the last `length` samples before the head but for the first `over`.
    fn restore(&mut self, length: usize, over: usize, media: i64) {
        let from = self.grow(length);
        let Some(head) = self.buffer.head() else { return };
        let frame = head.shape.frame_samples;
        let copied = if head.shape.has_fec && self.speech && length >= frame { frame } else { 0 };
        let out = &mut self.pcm[from..];
        let (described, copy) = out.split_at_mut((length - copied) * CHANNELS);
        let mut before = length;
        for piece in described.chunks_mut(DRED_PIECE * CHANNELS) {
            if self.decoder.decode_dred(before, piece).is_err() {
                piece.fill(0.0);
            }
            before -= piece.len() / CHANNELS;
        }
        if copied > 0 {
            if self.decoder.decode_fec(&head.payload, copy).is_err() {
                copy.fill(0.0);
            }
            self.recovered_by_fec += 1;
        }
        let packet = self.packet.max(UNIT);
        self.recovered_by_dred += ((length - copied) / packet) as u64;
        self.pcm.drain(from..from + over * CHANNELS);
        self.merge(from);
        self.position = Some(media);
        self.credit = 0;
        self.guessed = 0;
        self.dred_ready = None;
    }

    /// Appends a guess that fades with the time since the last sound that is known.
    fn say_on(&mut self, length: usize) {
        let known = self.waiting_pcm() + self.heard;
        let mut guess = self.guess.unwrap_or_else(|| {
            let (lag, alike) = splice::best_period(&self.pcm);
            let last = self.pcm.last_chunk().copied().unwrap_or_default();
            let level = splice::fall(&self.pcm, lag);
            Guess { from: known - lag, lag, last, level, is_pitched: alike >= super::pace::ALIKE, done: 0 }
        });
        let from = self.grow(length);
        for at in 0..length {
            let gain = guess.gain();
            let pair = self.said(&guess);
            let to = from + at * CHANNELS;
            self.pcm[to] = pair[0] * gain;
            self.pcm[to + 1] = pair[1] * gain;
            guess.done += 1;
        }
        self.guess = Some(guess);
    }

    fn count_guessed(&mut self, length: usize) {
        if !self.unheard {
            self.guessed += length;
            self.concealed += length as u64;
        }
    }

    /// What comes next was late only: it fits after a whole number of periods of the guess.
    fn complete_period(&mut self) {
        let Some(guess) = self.guess.filter(|guess| guess.is_pitched && !self.unheard) else { return };
        let rest = (guess.lag - guess.done % guess.lag) % guess.lag;
        if rest > 0 && guess.done + rest <= GUESS_END {
            self.say_on(rest);
            self.stretched += rest as u64;
        }
    }

    /// The next sample of a guess, at full level.
    fn said(&self, guess: &Guess) -> [f32; 2] {
        if guess.lag == 0 {
            // Too little is known to say it on.
            let left = 1.0 - (guess.done + 1).min(JOIN) as f32 / JOIN as f32;
            return guess.last.map(|sample| sample * left);
        }
        let at = (guess.from + guess.done % guess.lag) * CHANNELS;
        let mut pair = [self.pcm[at], self.pcm[at + 1]];
        let since = guess.done % guess.lag;
        if since < JOIN {
            // Where the piece begins it does not fit to its own end to the bit.
            let (end, begin) = ((guess.from + guess.lag - 1) * CHANNELS, guess.from.saturating_sub(1) * CHANNELS);
            let left = 1.0 - (since + 1) as f32 / JOIN as f32;
            for (channel, sample) in pair.iter_mut().enumerate() {
                *sample += (self.pcm[end + channel] - self.pcm[begin + channel]) * left;
            }
        }
        // It falls to the level within the same time.
        let fallen = guess.done.min(JOIN) as f32 / JOIN as f32;
        let level = 1.0 + (guess.level - 1.0) * fallen;
        pair.map(|sample| (sample * level).clamp(-LOUDEST, LOUDEST))
    }

    /// Fades from the guess into the sound that is known and begins at `from` in `pcm`.
    fn merge(&mut self, from: usize) {
        let Some(mut guess) = self.guess.take() else { return };
        let length = ((self.pcm.len() - from) / CHANNELS).min(JOIN);
        for at in 0..length {
            let way = (at + 1) as f32 / length as f32;
            let gain = guess.gain();
            let pair = self.said(&guess);
            for (channel, sample) in pair.iter().enumerate() {
                let to = &mut self.pcm[from + at * CHANNELS + channel];
                *to = sample * gain * (1.0 - way) + *to * way;
            }
            guess.done += 1;
        }
    }

    /// Appends silence, faded into.
    fn pause(&mut self, length: usize) {
        if self.guess.is_none_or(|guess| !guess.is_over()) && self.heard + self.waiting_pcm() > 0 {
            self.fade_out();
        } else {
            self.grow(length.min(self.tick));
        }
    }

    /// Appends the packet at the head.
    pub(super) fn decode_head(&mut self) {
        if !self.buffer.gap_before_head() {
            self.complete_period();
        }
        let Some(entry) = self.buffer.pop() else { return };
        self.wait = self.now + self.waiting_pcm() as i64 - super::at(entry.arrival);
        let from = self.grow(entry.shape.samples);
        if self.unheard {
            self.guess = None;
        } else {
            if std::mem::take(&mut self.stale) {
                // A reset fails only on a decoder that was never made.
                let _ = self.decoder.reset();
                self.guess = Some(Guess::silence());
            }
            let out = &mut self.pcm[from..];
            if self.decoder.decode(&entry.payload, out).is_err() {
                self.undecodable += 1;
                out.fill(0.0);
            }
            self.merge(from);
        }
        self.recovered_by_red += u64::from(entry.is_copy);
        self.packet = entry.shape.samples;
        self.position = Some(entry.media + entry.shape.samples as i64);
        self.credit = 0;
        self.guessed = 0;
        self.dred_ready = None;
        // One byte or none after the first: the encoder has gone quiet (RFC 6716 §3.1, DTX).
        self.pausing = entry.payload.len() <= 2;
        self.speech = entry.shape.is_speech;
        self.last_payload.clear();
        if self.speech {
            self.last_payload.extend_from_slice(&entry.payload);
        }
        self.buffer.recycle(entry);
    }

    /// What was guessed was a pause, as the next packet shows.
    pub(super) fn forgive(&mut self) {
        self.concealed = self.concealed.saturating_sub(std::mem::take(&mut self.guessed) as u64);
    }

    /// Drops what is decoded; the next frame fades out of it.
    pub(super) fn cut_off(&mut self) {
        if !self.unheard && (self.playing || self.waiting_pcm() > 0) {
            if self.waiting_pcm() < JOIN {
                self.say_on(JOIN - self.waiting_pcm());
            }
            let ahead = &self.pcm[self.heard * CHANNELS..];
            for (at, (pair, tail)) in ahead.chunks_exact(CHANNELS).zip(self.tail.chunks_exact_mut(CHANNELS)).enumerate()
            {
                let left = 1.0 - (at + 1) as f32 / JOIN as f32;
                tail[0] = pair[0] * left;
                tail[1] = pair[1] * left;
            }
            self.tail_sounds = true;
        }
        self.forget_sound();
    }

    /// Appends a fade of 5 ms out of the last sound.
    fn fade_out(&mut self) {
        let from = self.pcm.len();
        self.say_on(JOIN);
        for (at, pair) in self.pcm[from..].chunks_exact_mut(CHANNELS).enumerate() {
            let left = 1.0 - (at + 1) as f32 / JOIN as f32;
            pair[0] *= left;
            pair[1] *= left;
        }
        self.guess = Some(Guess::silence());
    }

    /// Appends zeros to `pcm` and returns where they begin.
    pub(super) fn grow(&mut self, length: usize) -> usize {
        let from = self.pcm.len();
        self.pcm.resize(from + length * CHANNELS, 0.0);
        from
    }
}

impl Guess {
    /// The guess of one who was never heard: silence.
    pub fn silence() -> Self {
        Self { done: GUESS_END, ..Self::default() }
    }

    /// Whether it has faded out.
    pub fn is_over(&self) -> bool {
        self.done >= GUESS_END
    }

    fn gain(&self) -> f32 {
        let left = GUESS_END.saturating_sub(self.done) as f32;
        (left / (GUESS_END - GUESS_FULL) as f32).min(1.0)
    }
}
