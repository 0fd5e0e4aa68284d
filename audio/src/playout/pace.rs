//! Whether sound is played too late or too early for the network, and how it gets there: pieces are
//! cut out or said twice, whole periods of the pitch each, so the pitch stays.

use super::Playout;
use super::sound::MIN_PAUSE;
use crate::CHANNELS;
use crate::packet::MAX_PACKET_SAMPLES;
use crate::splice::{self, JOIN, MAX_CUT, MIN_CUT};

/// Changes are at least so much apart where sound is loud, in samples: 60 ms.
const APART: usize = 2880;

/// … and this, while more than 100 ms are to go: 40 ms.
const APART_FAR: usize = 1920;
const FAR: usize = 4800;

/// After so long without a good place it is done where it is: 120 ms.
const ANYWHERE: usize = 5760;

/// Delay is too much when it was for so long: 100 ms.
const LASTING: usize = 4800;

/// The longest piece said twice at once, 30 ms.
const MAX_REPEAT: usize = 1440;

/// So often a piece is cut out of quiet in one tick: 100 ms.
const QUIET_CUTS: usize = 5;

/// The shortest piece cut out of quiet, 1 ms: there is no period to respect.
const MIN_QUIET_CUT: usize = 48;

/// What is short by less than this, 5 ms, is left to ticks that follow …
const PATIENCE: i64 = 240;

/// … within so long, 0.5 s.
const PATIENT_FOR: usize = 24_000;

/// From here on two ends are alike enough to be joined.
pub(super) const ALIKE: f32 = 0.7;

impl Playout {
    /// How much sound is to wait before what begins at `media`, for it to be played at `offset` or
    /// at the first step of the packets' and the ticks' common grid after it, and a third of a packet more where that restores
    /// some of what is lost. Below zero it is overdue.
    fn lead(&self, media: i64, offset: i64) -> i64 {
        let packet = self.buffer.head().map_or(self.packet, |head| head.shape.samples);
        let grid = packet.clamp(1, self.tick) as i64;
        // Packets shorter than a tick are needed at its start, all of them.
        let wanted = offset + self.tick as i64 - grid + media - self.now;
        wanted.div_euclid(grid) * grid + if wanted.rem_euclid(grid) > 0 { grid } else { 0 } + self.a_third_for_bursts()
    }

    /// Where packets are lost in bursts, the last packet of each could be restored from the next. It is waited for only a third as
    /// long: when that comes, a third of the last one is still to be played.
    fn a_third_for_bursts(&self) -> i64 {
        let is_copied = self.sends_fec && !self.sends_red && !self.sends_dred;
        if is_copied && self.losses.are_in_bursts() { self.packet.min(self.tick) as i64 / 3 } else { 0 }
    }

    /// Samples that are to pass before what begins at `media` is due; none if it is overdue, and none
    /// if nothing could ever wait so long: then its time is wrong.
    pub(super) fn until(&self, media: i64) -> usize {
        let due = (self.lead(media, self.lateness.need()) - self.waiting_pcm() as i64).max(0) as usize;
        if due > self.max + MAX_PACKET_SAMPLES { 0 } else { due }
    }

    /// Samples by which what begins at `media` would be played too late, if it came after what waits.
    pub(super) fn overdue(&self, media: i64) -> usize {
        (self.waiting_pcm() as i64 - self.lead(media, self.lateness.enough())).max(0) as usize
    }

    /// By how many samples this tick could have come earlier and everything it works on would have been here all the
    /// same, as far as is known; below zero it should have come later. None if that is not known: in a guess, or a pause.
    pub fn slack(&self) -> Option<i64> {
        self.slack
    }

    pub(super) fn find_slack(&mut self) {
        self.slack = None;
        let is_steady = self.playing && !self.unheard && !self.held && self.guess.is_none() && !self.head_is_apart();
        let is_caught_up = self.granted.is_none() && self.catching.is_none();
        if let (Some(position), Some(need), true) =
            (self.position, self.lateness.known_need(), is_steady && is_caught_up)
        {
            // Of what is decoded whole ticks are left, and then packets are needed, the last one most.
            let waiting = self.waiting_pcm();
            let rest = self.tick - waiting % self.tick;
            let packet = self.packet.max(1);
            let last = position + ((rest - 1) / packet * packet) as i64;
            self.slack = Some(self.now + (waiting - waiting % self.tick) as i64 - need - last);
        }
    }

    /// Samples that wait and need not.
    pub(super) fn excess(&self) -> usize {
        let Some(media) = self.position.or(self.buffer.head().map(|head| head.media)) else { return 0 };
        self.overdue(media).min(self.waiting().saturating_sub(self.tick))
    }

    /// Samples by which the delay is too short.
    fn deficit(&self) -> usize {
        let Some(media) = self.position else { return 0 };
        self.until(media).min(self.max)
    }

    /// More waits than ever may: the oldest is dropped at once.
    pub(super) fn skip_forward(&mut self) {
        if self.playing {
            self.cut_off();
        }
        let before = self.waiting();
        let keep = self.lateness.target().min(self.max / 2).max(1);
        while let Some(head) = self.buffer.head()
            && self.buffer.samples() - head.shape.samples >= keep
        {
            self.buffer.discard();
        }
        self.skipped += (before - self.waiting()) as u64;
        self.position = None;
        self.credit = 0;
    }

    /// Brings the delay nearer to what the network needs.
    pub(super) fn adapt(&mut self) {
        self.since_change += self.tick;
        let excess = self.excess();
        if excess >= MIN_QUIET_CUT {
            // A tick that comes late makes all look late.
            self.excess_for += self.tick;
            if self.excess_for >= LASTING {
                self.shorten(excess);
            }
            return;
        }
        self.excess_for = 0;
        let deficit = self.deficit();
        self.short_for = if deficit > 0 { self.short_for + self.tick } else { 0 };
        let is_little = self.is_followed
            && self.short_for <= PATIENT_FOR
            && self.slack.is_some_and(|slack| (-PATIENCE..0).contains(&slack));
        if deficit > 0 && !is_little {
            self.lengthen(deficit);
        }
    }

    /// Cuts a piece out of what comes next, a whole number of its periods, or a longer one where it
    /// is quiet.
    fn shorten(&mut self, mut excess: usize) {
        // Where it is quiet there is room for all of it.
        for _ in 0..QUIET_CUTS {
            let longest = self.longest_cut(excess);
            if longest < MIN_QUIET_CUT || !splice::is_quiet(&self.ahead()[..(longest + JOIN) * CHANNELS]) {
                break;
            }
            self.cut_out(longest);
            self.since_change = 0;
            excess -= longest;
        }
        let longest = self.longest_cut(excess);
        // Where a talker was taken up again says nothing of his network; a rest under a frame goes in his next pause.
        if longest < MIN_CUT || (self.rejoined && excess < self.tick) {
            return;
        }
        let cut = if self.unheard {
            longest
        } else if self.since_change < if excess > FAR { APART_FAR } else { APART } {
            return;
        } else {
            match splice::best_cut(self.ahead(), longest) {
                (cut, alike) if alike >= ALIKE => cut,
                // A rest too short for this sound's period stays: to force it would be heard.
                _ if self.since_change >= ANYWHERE && longest == MAX_CUT => longest,
                _ => return,
            }
        };
        self.cut_out(cut);
        self.since_change = 0;
    }

    /// Says a piece of what was just heard again, a whole number of its periods, or any where it is
    /// quiet; rather more than is needed, for less than a step of the grid is of no use.
    fn lengthen(&mut self, deficit: usize) {
        while self.waiting_pcm() < JOIN {
            if self.buffer.is_empty() || self.head_is_apart() {
                return;
            }
            self.decode_head();
        }
        let longest = self.heard.min(MAX_REPEAT);
        let wanted = deficit.clamp(MIN_CUT, MAX_CUT);
        if longest < wanted {
            return;
        }
        let around = &self.pcm[(self.heard - wanted) * CHANNELS..(self.heard + JOIN) * CHANNELS];
        let length = if self.unheard || splice::is_quiet(around) {
            wanted
        } else if self.since_change < APART {
            return;
        } else {
            let over = splice::best_repeat(&self.pcm, self.heard, wanted, longest.min(wanted + MAX_CUT / 2));
            if over.1 >= ALIKE {
                over.0
            } else {
                match splice::best_repeat(&self.pcm, self.heard, MIN_CUT, wanted) {
                    (length, alike) if alike >= ALIKE => length,
                    _ if self.since_change >= ANYWHERE => over.0,
                    _ => return,
                }
            }
        };
        splice::repeat(&mut self.pcm, self.heard, length);
        self.heard -= length;
        self.stretched += length as u64;
        self.since_change = 0;
    }

    /// How much of `excess` can be cut out at once; decodes ahead for it as far as nothing is missing.
    pub(super) fn longest_cut(&mut self, excess: usize) -> usize {
        while self.waiting_pcm() < MAX_CUT + JOIN && !self.buffer.is_empty() && !self.head_is_apart() {
            self.decode_head();
        }
        excess.min(MAX_CUT).min(self.waiting_pcm().saturating_sub(JOIN))
    }

    /// Cuts so many samples per channel out of what comes next.
    pub(super) fn cut_out(&mut self, cut: usize) {
        splice::join(&mut self.pcm[self.heard * CHANNELS..], cut);
        let from = self.heard * CHANNELS;
        self.pcm.drain(from..from + cut * CHANNELS);
        self.skipped += cut as u64;
    }

    /// Whether something is missing, or paused, between what is decoded and the head.
    pub(super) fn head_is_apart(&self) -> bool {
        let (Some(position), Some(head)) = (self.position, self.buffer.head()) else { return false };
        self.buffer.gap_before_head() || head.media - position >= MIN_PAUSE || self.credit > 0
    }
}
