//! What is said while nothing is known: what was just heard, in whole periods of its pitch, or in a
//! speech mode what the decoder makes of it; and how that gives way to what is known again.
//!
//! The decoder's own guess moves it on, so what it knew is saved first. If what was missing is lost for
//! good and just as long as the guess, it goes on from there; else it knows again what it knew, and
//! learns of the loss when that is certain. So a packet that is merely late is decoded as if nothing
//! had been.

use super::Playout;
use super::sound::{DRED_PIECE, UNIT};
use crate::CHANNELS;
use crate::opus::LOUDEST;
use crate::splice::{self, JOIN};

/// A guess is played at full level for this long, 30 ms …
const GUESS_FULL: usize = 1440;

/// … and is silent after this, 60 ms.
pub(super) const GUESS_END: usize = 2880;

/// What the decoder guesses of a voice is trusted for longer, 200 ms: it falls by itself.
pub(super) const MADE_END: usize = 9600;

/// What repeats itself so exactly is a tone, and no voice.
const STEADY: f32 = 0.993;

/// … and this exactly, where the decoder's guess is corrected: a voice does it, too, for a moment.
const STEADIER: f32 = 0.9985;

/// By how much the decoder's guess of a voice is too soft, less one: 1.7 dB …
const SOFT: f32 = 0.216;

/// … and above [`DULL_FROM`] 1.7 dB more. Medians over recorded voices.
const DULL: f32 = 0.259;

/// Of how the sound differs from its lows, what remains after a sample: the lows end at 1 kHz.
const DULL_FROM: f32 = 0.877;

/// What the decoder guesses is lifted within 5 ms …
const RISE: f32 = 1.0 / JOIN as f32;

/// … and what follows it, which remembers a past too soft, falls within 20 ms to what it is.
const FALL: f32 = 1.0 / 960.0;

/// Makes of the decoder's guess what is as loud and as bright as a voice is, and lets go in the sound that is known.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Lift {
    /// 0 to 1.
    level: f32,
    low: [f32; CHANNELS],
}

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
    /// Whether the decoder says it, in `made`.
    pub is_made: bool,
    /// Samples guessed so far.
    pub done: usize,
}

impl Playout {
    /// How long a guess may be.
    pub(super) fn guess_end(&self) -> usize {
        self.guess.map_or(GUESS_END, |guess| guess.end())
    }

    /// After a guess: the decoder learns that so many samples are lost for good, and forgets what it guessed beside them.
    pub(super) fn resume(&mut self, lost: usize) {
        if std::mem::take(&mut self.is_ahead) {
            if let Some(guess) = self.guess.filter(|guess| guess.is_made) {
                if guess.done == lost && self.made.len() == lost * CHANNELS {
                    // What it decodes next fits to that of itself.
                    self.guess = None;
                    return;
                }
                self.make(guess.done + JOIN);
            }
            self.lift = Lift::default();
            self.decoder.restore();
        }
        self.miss(lost);
    }

    /// The decoder's own guess, of so many samples at least.
    fn make(&mut self, samples: usize) {
        let piece = self.packet.clamp(UNIT, DRED_PIECE);
        let most = (MADE_END + JOIN + piece) * CHANNELS;
        self.made.reserve_exact(most.saturating_sub(self.made.len()));
        while self.made.len() < samples * CHANNELS {
            let from = self.made.len();
            self.made.resize(from + piece * CHANNELS, 0.0);
            // It fails on nothing but a wrong length, and then stays silent.
            let _ = self.decoder.conceal(&mut self.made[from..]);
            self.lift.raise(&mut self.made[from..]);
        }
    }

    /// Appends a guess that fades with the time since the last sound that is known.
    pub(super) fn say_on(&mut self, length: usize) {
        self.say_on_unless(STEADY, length);
    }

    /// The same where the decoder's guess is corrected afterwards.
    pub(super) fn say_on_corrected(&mut self, length: usize) {
        self.say_on_unless(STEADIER, length);
    }

    /// The decoder guesses unless what was heard is as steady as that.
    fn say_on_unless(&mut self, steady: f32, length: usize) {
        let known = self.waiting_pcm() + self.heard;
        let mut guess = self.guess.unwrap_or_else(|| {
            let (lag, alike) = splice::best_period(&self.pcm);
            let last = self.pcm.last_chunk().copied().unwrap_or_default();
            let level = splice::fall(&self.pcm, lag);
            let is_made = self.speech && !self.stale && !self.unheard && alike < steady;
            self.decoder.set_deep(is_made);
            if is_made {
                self.decoder.save();
                self.is_ahead = true;
                self.made.clear();
                self.lift.low = last;
            }
            Guess { from: known - lag, lag, last, level, is_pitched: alike >= super::pace::ALIKE, is_made, done: 0 }
        });
        if guess.is_made {
            self.make(guess.done + length);
        }
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

    /// What comes next was late only: it fits after a whole number of periods of the guess.
    pub(super) fn complete_period(&mut self) {
        let Some(guess) = self.guess.filter(|guess| guess.is_pitched && !self.unheard) else { return };
        let rest = (guess.lag - guess.done % guess.lag) % guess.lag;
        if rest > 0 && guess.done + rest <= guess.end() {
            self.say_on(rest);
            self.stretched += rest as u64;
        }
    }

    /// The next sample of a guess, at full level.
    fn said(&self, guess: &Guess) -> [f32; 2] {
        if guess.is_made {
            let at = guess.done * CHANNELS;
            return [self.made[at], self.made[at + 1]];
        }
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
    pub(super) fn merge(&mut self, from: usize) {
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

    /// Appends a fade of 5 ms out of the last sound.
    pub(super) fn fade_out(&mut self) {
        let from = self.pcm.len();
        self.say_on(JOIN);
        for (at, pair) in self.pcm[from..].chunks_exact_mut(CHANNELS).enumerate() {
            let left = 1.0 - (at + 1) as f32 / JOIN as f32;
            pair[0] *= left;
            pair[1] *= left;
        }
        self.guess = Some(Guess::silence());
    }
}

impl Lift {
    fn raise(&mut self, samples: &mut [f32]) {
        self.lift(samples, RISE);
    }

    /// The sound that goes on from a guess falls to its own level.
    pub fn fall(&mut self, samples: &mut [f32]) {
        if self.level > 0.0 {
            self.lift(samples, -FALL);
        }
    }

    fn lift(&mut self, samples: &mut [f32], step: f32) {
        for pair in samples.chunks_exact_mut(CHANNELS) {
            self.level = (self.level + step).clamp(0.0, 1.0);
            for (sample, low) in pair.iter_mut().zip(&mut self.low) {
                let high = (*sample - *low) * DULL_FROM;
                *low = *sample - high;
                *sample = (*sample + self.level * (SOFT * *sample + DULL * high)).clamp(-LOUDEST, LOUDEST);
            }
        }
    }
}

impl Guess {
    /// The guess of one who was never heard: silence.
    pub fn silence() -> Self {
        Self { done: GUESS_END, ..Self::default() }
    }

    /// Whether it has faded out.
    pub fn is_over(&self) -> bool {
        self.done >= self.end()
    }

    fn end(&self) -> usize {
        if self.is_made { MADE_END } else { GUESS_END }
    }

    fn gain(&self) -> f32 {
        let left = self.end().saturating_sub(self.done) as f32;
        (left / (GUESS_END - GUESS_FULL) as f32).min(1.0)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// By how much the last 5 ms of a tone are louder, in dB, after so many samples of a guess and what follows it.
    fn lifted(hz: f32, guessed: usize, known: usize) -> f32 {
        let tone: Vec<f32> = (0..guessed + known)
            .flat_map(|at| [0.3 * (at as f32 * hz / 48_000.0 * std::f32::consts::TAU).sin(); CHANNELS])
            .collect();
        let mut heard = tone.clone();
        let mut lift = Lift::default();
        let (guess, rest) = heard.split_at_mut(guessed * CHANNELS);
        lift.raise(guess);
        lift.fall(rest);
        let power = |samples: &[f32]| samples[samples.len() - 480..].iter().map(|sample| sample * sample).sum::<f32>();
        10.0 * (power(&heard) / power(&tone)).log10()
    }

    #[test]
    fn a_guess_is_louder_and_brighter_and_what_follows_is_so_no_longer_than_20_ms() {
        assert!((lifted(200.0, 960, 0) - 1.7).abs() < 0.2, "{}", lifted(200.0, 960, 0));
        assert!((lifted(6000.0, 960, 0) - 3.3).abs() < 0.3, "{}", lifted(6000.0, 960, 0));
        assert!(lifted(200.0, 960, 480) > 0.5);
        assert_eq!(lifted(200.0, 960, 1200), 0.0);
    }
}
