//! What a talker sounds like next: the packet at the head, what restores the one before it, a guess,
//! or a pause; and how one gives way to the other without a click.

use super::guess::{Guess, Lift, MADE_END};
use super::{HISTORY, Playout, SPENT};
use crate::splice::JOIN;
use crate::{CHANNELS, FRAME_SAMPLES};

/// libopus guesses in multiples of 2.5 ms.
pub(super) const UNIT: usize = 120;

/// Deep redundancy is decoded in multiples of 10 ms.
const DRED_UNIT: usize = 480;

/// … a frame at a time, 20 ms.
pub(super) const DRED_PIECE: usize = 960;

/// No more is restored from deep redundancy at once, 200 ms.
const DRED_LONGEST: usize = 9600;

/// A step of the timestamp without loss is a pause of the talker (DTX) from here on; less is a sender
/// that counts in other steps than it sends.
pub(crate) const MIN_PAUSE: i64 = 960;

/// So much sound is there with packets of 20 ms: what was heard, and what is decoded ahead and said twice.
const USUAL: usize = HISTORY + SPENT + 3 * FRAME_SAMPLES;

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
        let left = self.guess_end().saturating_sub(self.guess.map_or(0, |guess| guess.done));
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
        if restorable == 0 && self.may_say_across(open) {
            self.say_across(lost, open);
            return true;
        }
        if open >= UNIT && self.credit < self.guess_end() {
            let length = open.min(self.tick - self.waiting_pcm());
            self.say_on(length);
            self.credit += length;
            self.count_guessed(length);
            return true;
        }
        if restorable == 0 && self.credit >= self.guess_end() {
            let pause = self.until(media);
            if pause > 0 {
                self.pause(pause);
                return true;
            }
        }
        if restorable > 0 {
            // What was guessed in its place already was a wait for it, unless it is too late for that.
            let over = self.credit.saturating_sub(lost).min(restorable).min(self.overdue(media - gap as i64));
            if over == 0 && self.credit > lost {
                self.complete_period();
            }
            self.resume(lost);
            self.restore(restorable, over, media);
        } else {
            self.resume(lost);
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

    /// Tells the decoder that so many samples are lost for good.
    pub(super) fn miss(&mut self, lost: usize) {
        let lost = lost.min(MADE_END) / UNIT * UNIT;
        if self.stale || self.unheard || lost == 0 {
            return;
        }
        self.decoder.set_deep(self.speech && self.guess.is_none_or(|guess| guess.is_made));
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
        self.lift.fall(&mut self.pcm[from..]);
        self.position = Some(media);
        self.credit = 0;
        self.guessed = 0;
        self.dred_ready = None;
    }

    pub(super) fn count_guessed(&mut self, length: usize) {
        if !self.unheard {
            self.guessed += length;
            self.concealed += length as u64;
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
        if self.is_ahead {
            self.resume(0);
        }
        let Some(entry) = self.buffer.pop() else { return };
        self.wait = self.now + self.waiting_pcm() as i64 - super::at(entry.arrival);
        let from = self.grow(entry.shape.samples);
        if self.unheard {
            (self.guess, self.lift) = (None, Lift::default());
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
            self.lift.fall(&mut self.pcm[from..]);
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

    /// Appends zeros to `pcm` and returns where they begin.
    pub(super) fn grow(&mut self, length: usize) -> usize {
        let from = self.pcm.len();
        if self.pcm.capacity() == 0 {
            self.pcm.reserve_exact(USUAL * CHANNELS);
        }
        self.pcm.resize(from + length * CHANNELS, 0.0);
        from
    }
}
