//! A talker who sends before it may be heard: what comes is kept, a little of it; with the
//! permission it is played from its first sound on, and the delay that this cost is caught up.

use std::time::Duration;

use super::Playout;
use super::pace::ALIKE;
use crate::CHANNELS;
use crate::packet::MAX_PACKET_SAMPLES;
use crate::splice::{self, JOIN, MAX_CUT, MIN_CUT};

/// The most that is ever kept before permission.
pub const MAX_HOLD: Duration = Duration::from_millis(500);

/// A decoder joins a running stream too soft or too loud, and is right after about this time: it hears
/// so much of what is not to be heard by others.
const WARM_UP: Duration = Duration::from_millis(120);

/// What may wait while a hold is caught up: all of it, and the longest packet or what warms up.
pub(super) const MAX_HELD_SAMPLES: usize = 24_000 + MAX_PACKET_SAMPLES;

/// So much is played before the first sound, 20 ms: a consonant begins softer than what counts as quiet.
const LEAD: usize = 960;

/// The shortest fade into sound that has no quiet before it: 2 ms.
const SHORT_FADE: usize = 96;

/// From the start on nothing is cut for so long: 60 ms.
const UNCUT: usize = 2880;

/// The cuts are spread over 1.4 s of play: 500 ms become speech at 1.35 times its pace.
const CATCH_UP: usize = 67_200;

/// A pace below this draws a small excess out for nothing: an eighth.
const MIN_PACE: usize = 8;

/// A cut that is due is made where it is after so many ticks without a good place.
const TRIES: u32 = 2;

/// A hold that has ended, and nothing has played yet.
#[derive(Clone, Copy, Debug)]
pub(super) struct Granted {
    /// What came before is not to be heard.
    since: Duration,
}

/// Delay from a hold, on its way out.
#[derive(Clone, Copy, Debug)]
pub(super) struct CatchUp {
    /// Samples played so far.
    played: usize,
    /// What is to be cut out of [`CATCH_UP`].
    whole: usize,
    /// Samples cut out ahead of the pace; below zero a cut is overdue.
    ahead: isize,
    tries: u32,
}

impl Playout {
    /// Keeps what comes without playing it, for a talker who must not be heard yet: to be called
    /// after each [`Self::insert`] until [`Self::grant`]. Packets that came more than `keep` before
    /// `now` will not be heard, nor any older than [`MAX_HOLD`]; they count nowhere, for they are no
    /// loss. A stream that plays stops: the next tick fades it out, and then it is idle. Decodes nothing
    /// of what is held, and allocates nothing.
    pub fn hold(&mut self, keep: Duration, now: Duration) {
        if !std::mem::replace(&mut self.held, true) {
            self.stop();
        }
        self.held_from = now.saturating_sub(keep.min(MAX_HOLD));
        self.forget_before(self.held_from.saturating_sub(WARM_UP));
        while self.buffer.samples() > MAX_HELD_SAMPLES {
            self.buffer.forget();
        }
    }

    /// Ends the hold. What came before `since` (when the talker's key went down), or longer before `now`
    /// than was to be kept or than [`MAX_HOLD`], is not heard. The rest
    /// plays from the next tick on, if the target waits, and else as soon as a new stream would.
    /// Quiet at its start (below −50 dBFS) is left out as far as it delays, but for 20 ms before the
    /// first sound; from that on all is heard. What waits over the target is then cut out within 2 s
    /// of play, never in the first 60 ms, a whole number of periods each or where it is quiet. Does
    /// nothing if nothing is held.
    pub fn grant(&mut self, since: Duration, now: Duration) {
        if !std::mem::take(&mut self.held) {
            return;
        }
        // Nothing may have come, and nothing been held, for long.
        let since = since.max(self.held_from).max(now.saturating_sub(MAX_HOLD));
        self.forget_before(since.saturating_sub(WARM_UP));
        self.restart = false;
        self.tail_sounds = false;
        self.granted = Some(Granted { since });
    }

    /// Whether it waits for [`Self::grant`].
    pub fn is_held(&self) -> bool {
        self.held
    }

    fn forget_before(&mut self, time: Duration) {
        while self.buffer.head().is_some_and(|head| head.arrival < time) {
            self.buffer.forget();
        }
    }

    /// Lets the decoder hear what came just before what is to be heard.
    pub(super) fn warm_up(&mut self, granted: Granted) {
        while self.buffer.head().is_some_and(|head| head.arrival < granted.since) {
            if self.unheard {
                self.buffer.forget();
            } else {
                self.decode_head();
                self.forget_sound();
            }
        }
    }

    fn stop(&mut self) {
        self.cut_off();
        self.playing = false;
        self.restart = false;
        self.granted = None;
        self.catching = None;
        self.stale = true;
        self.delay = 0;
    }

    /// Begins a stream that was held: finds its first sound, and what is to be caught up.
    pub(super) fn open(&mut self) {
        if !self.unheard {
            if std::mem::take(&mut self.stale) {
                // A reset fails only on a decoder that was never made.
                let _ = self.decoder.reset();
            }
            self.guess = None;
            let quiet = self.drop_lead();
            let fade = quiet.clamp(SHORT_FADE, JOIN);
            let from = self.heard * CHANNELS;
            for (at, pair) in self.pcm[from..].chunks_exact_mut(CHANNELS).take(fade).enumerate() {
                let way = (at + 1) as f32 / fade as f32;
                pair[0] *= way;
                pair[1] *= way;
            }
        }
        let whole = self.excess().max(CATCH_UP / MIN_PACE);
        self.catching = Some(CatchUp { played: 0, whole, ahead: 0, tries: 0 });
    }

    /// Drops quiet at the start while more than the target waits, and returns how many quiet samples
    /// per channel are left before the first sound.
    fn drop_lead(&mut self) -> usize {
        loop {
            if self.head_is_apart() || self.buffer.is_empty() {
                return splice::quiet_lead(self.ahead());
            }
            self.decode_head();
            let quiet = splice::quiet_lead(self.ahead());
            let drop = quiet.saturating_sub(LEAD).min(self.excess());
            let from = self.heard * CHANNELS;
            self.pcm.drain(from..from + drop * CHANNELS);
            self.skipped += drop as u64;
            if self.waiting_pcm() > quiet - drop || self.excess() == 0 {
                return quiet - drop;
            }
        }
    }

    /// A tick of bringing down what a hold cost. It ends when no more waits than is needed.
    pub(super) fn catch_up(&mut self, mut way: CatchUp) {
        way.played += self.tick;
        way.ahead = (way.ahead - (way.whole * self.tick / CATCH_UP) as isize).max(-(MAX_CUT as isize));
        if way.played > UNCUT {
            let excess = self.excess();
            // A rest too short for this sound's period stays: to force it would be heard, and it is under a frame.
            if excess < MIN_CUT || (excess < MAX_CUT && way.tries > TRIES) {
                self.catching = None;
                return;
            }
            if let longest @ MIN_CUT.. = self.longest_cut(excess) {
                self.cut_by_pace(&mut way, longest);
            }
        }
        self.catching = Some(way);
    }

    /// Cuts at most `longest` out of what comes next, if it is due and the place is good.
    fn cut_by_pace(&mut self, way: &mut CatchUp, longest: usize) {
        let piece = &self.ahead()[..(longest + JOIN) * CHANNELS];
        if self.unheard || splice::is_quiet(piece) {
            self.cut_out(longest);
            return;
        }
        // The onset of a sound is what it is known by; a tick later it is over.
        if way.ahead > 0 || splice::has_onset(piece) {
            return;
        }
        let (best, alike) = splice::best_cut(piece, longest);
        if alike < ALIKE && (way.tries < TRIES || longest < MAX_CUT) {
            way.tries += 1;
            return;
        }
        let cut = if alike < ALIKE { longest } else { best };
        way.tries = 0;
        way.ahead += cut as isize;
        self.cut_out(cut);
    }
}

// What is held fits beside a packet that is as long as they come.
const _: () = assert!(MAX_HELD_SAMPLES - MAX_PACKET_SAMPLES == MAX_HOLD.as_millis() as usize * 48);
