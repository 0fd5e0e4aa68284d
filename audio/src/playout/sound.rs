//! What a talker sounds like next: the packet at the head, its copy of the one before, a guess, or
//! a pause; and how one gives way to the other without a click.

use super::Playout;
use crate::splice::JOIN;
use crate::{CHANNELS, FRAME_SAMPLES};

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
pub(super) const MIN_PAUSE: i64 = 960;

impl Playout {
    /// Adds some sound to `pcm`, or ends the stream; says whether it is guessed.
    pub(super) fn step(&mut self) -> bool {
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
    pub(super) fn decode_head(&mut self) {
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
    pub(super) fn forgive(&mut self) {
        self.concealed = self.concealed.saturating_sub(self.credit.min(self.guessed) as u64);
        self.guessed = 0;
    }

    /// Drops what is decoded; the next frame fades out of it.
    pub(super) fn cut_off(&mut self) {
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
    pub(super) fn fade_out(&mut self, from: usize) {
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
    pub(super) fn grow(&mut self, length: usize) -> usize {
        let from = self.pcm.len();
        self.pcm.resize(from + length * CHANNELS, 0.0);
        from
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
