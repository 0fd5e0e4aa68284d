//! Delay that nothing needs: when it is too much, and how it is brought down.

use super::Playout;
use super::sound::MIN_PAUSE;
use crate::splice::{self, JOIN, MAX_CUT, MIN_CUT};
use crate::{CHANNELS, FRAME_SAMPLES};

/// How many ticks the delay must stay over the target before it is brought down: 2 s.
const EXCESS_TICKS: u32 = 100;

/// Cuts are at least so many ticks apart where sound is loud.
const CUT_TICKS: u32 = 3;

/// After so many ticks without a good place a cut is made where it is.
const CUT_ANYWHERE_TICKS: u32 = 6;

/// From here on two ends are alike enough to be joined.
const ALIKE: f32 = 0.7;

impl Playout {
    /// More waits than ever may: the oldest is dropped at once.
    pub(super) fn skip_forward(&mut self) {
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
    pub(super) fn shorten(&mut self) {
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
}

/// How long more waits than is needed.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Watch {
    /// Ticks for which more than the target and one frame waited.
    ticks: u32,
    /// The least that waited in that time.
    least: usize,
    /// What is yet to be cut out.
    excess: usize,
    since_cut: u32,
}

impl Watch {
    pub fn see(&mut self, waiting: usize, target: usize) {
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
