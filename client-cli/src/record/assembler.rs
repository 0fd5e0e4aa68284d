//! Puts packets where their RTP timestamps say they belong: the pure half of the recorder.
//!
//! Law of this file: sample n of the recording is media time n, whatever the network does. What
//! comes late waits in order, what was lost leaves a hole of its own length, and a pause of the
//! sender is silence of its length. No clock is read: `now` is the time since the recording began.

use std::collections::BTreeMap;
use std::time::Duration;

use audio::packet_samples;
use bytes::Bytes;

/// One packet of 20 ms, the grid on which a recording lies.
const GRID: u64 = 960;
/// How long a packet is waited for once a later one is there.
pub const REORDER: Duration = Duration::from_millis(200);
/// How long nothing must come before the time that passes is written as silence.
pub const QUIET: Duration = Duration::from_millis(500);
/// The most of a hole that is concealed; concealment has faded out by then and the rest is silence.
const CONCEALED: u64 = 5 * GRID;
/// A jump of the sequence number by more than this is another stream, not loss (RFC 3550 §A.1).
const MAX_JUMP: i64 = 3_000;
/// A packet whose timestamp is this far from the clock (10 s) starts a new timeline.
const MAX_AWAY: i64 = 480_000;

/// What arrived, by its RTP header.
#[derive(Clone, Debug)]
pub struct Arrived {
    /// Which source; another one has another numbering.
    pub ssrc: u32,
    /// RTP sequence number.
    pub sequence: u16,
    /// RTP time, 48 kHz.
    pub timestamp: u32,
    /// Opus.
    pub payload: Bytes,
}

/// What comes next in the recording, without gap or overlap. Lengths are samples per channel.
#[derive(Clone, Debug, PartialEq)]
pub enum Piece {
    /// A packet as it came.
    Packet(Bytes, u64),
    /// A hole that a lost packet left; the packet after it, where it follows at once, may carry FEC.
    Lost(u64, Option<Bytes>),
    /// Nobody spoke.
    Silence(u64),
}

/// What became of the packets.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Counts {
    /// Packets in the recording.
    pub packets: u64,
    /// Packets that never came, or too late.
    pub lost: u64,
    /// Of those, the ones that came too late.
    pub late: u64,
    /// Packets that came more than once.
    pub repeated: u64,
    /// Packets that are no Opus.
    pub malformed: u64,
}

/// Orders one listener's packets in time.
#[derive(Debug, Default)]
pub struct Assembler {
    /// Samples handed out.
    position: u64,
    timeline: Option<Timeline>,
    waiting: BTreeMap<i64, Waiting>,
    counts: Counts,
}

/// Where one source's numbers stand in the recording.
#[derive(Debug)]
struct Timeline {
    ssrc: u32,
    /// Unwrapped sequence number, unwrapped timestamp and position of one packet: the newest so far.
    sequence: i64,
    timestamp: i64,
    position: i64,
    /// The sequence number that comes next in the recording; none before the first.
    next: Option<i64>,
    /// When that packet came. Its sound began then, as far as one can tell.
    heard: Duration,
}

#[derive(Debug)]
struct Waiting {
    position: u64,
    samples: u64,
    payload: Bytes,
    since: Duration,
}

impl Assembler {
    /// Takes a packet. Pieces come by [`Assembler::advance`], except those of a source that has
    /// just been replaced by another: `out` gets them.
    pub fn insert(&mut self, packet: Arrived, now: Duration, out: &mut Vec<Piece>) {
        let Ok(samples) = packet_samples(&packet.payload) else {
            self.counts.malformed += 1;
            return;
        };
        let samples = samples as u64;
        let place = self.timeline.as_ref().and_then(|timeline| timeline.place(&packet, now));
        let (sequence, position) = match place {
            Some(place) => place,
            None => {
                self.flush(out);
                let position = on_grid(self.position.max(clock(now)));
                let (sequence, timestamp) = (i64::from(packet.sequence), i64::from(packet.timestamp));
                self.timeline = Some(Timeline {
                    ssrc: packet.ssrc,
                    sequence,
                    timestamp,
                    position: position as i64,
                    next: None,
                    heard: now,
                });
                (sequence, position as i64)
            }
        };
        let timeline = self.timeline.as_mut().expect("it is there or was just made");
        let passed = timeline.next.is_some_and(|next| sequence < next);
        // Over a long pause the clocks of both ends have drifted apart, and its silence is written.
        let resumes = sequence > timeline.sequence && position - timeline.position > clock(QUIET) as i64;
        let position = if resumes { position.max(self.position as i64) } else { position };
        if passed || position < self.position as i64 {
            // Either it is in the recording already or its hole is.
            self.counts.late += 1;
            return;
        }
        let position = position as u64;
        timeline.newest(sequence, &packet, position as i64, now);
        let waiting = Waiting { position, samples, payload: packet.payload, since: now };
        if self.waiting.insert(sequence, waiting).is_some() {
            self.counts.repeated += 1;
        }
    }

    /// Hands out what is certain at `now`: packets whose turn it is, holes that nothing filled in
    /// time, and silence where nothing comes.
    pub fn advance(&mut self, now: Duration, out: &mut Vec<Piece>) {
        while let Some(entry) = self.waiting.first_key_value() {
            let in_turn = self.timeline.as_ref().is_some_and(|timeline| timeline.next == Some(*entry.0));
            // What came first after the hole has waited longest, whatever its number is.
            let waited = self.waiting.values().map(|waiting| now.saturating_sub(waiting.since)).max();
            if !in_turn && waited.is_none_or(|waited| waited < REORDER) {
                return;
            }
            self.take_first(out);
        }
        let reached = match &self.timeline {
            Some(timeline) => timeline.at(now.saturating_sub(QUIET)),
            None => clock(now.saturating_sub(QUIET)),
        };
        self.silence_until(reached / GRID * GRID, out);
    }

    /// Ends the recording at `now`: hands out what waits, and silence up to that moment, at least
    /// up to `position`.
    pub fn finish(&mut self, now: Duration, position: u64, out: &mut Vec<Piece>) {
        self.flush(out);
        let reached = self.timeline.as_ref().map_or(clock(now), |timeline| timeline.at(now));
        self.silence_until(on_grid(reached).max(position), out);
    }

    /// Samples per channel handed out so far.
    #[cfg(test)]
    pub fn position(&self) -> u64 {
        self.position
    }

    /// What became of the packets so far.
    pub fn counts(&self) -> Counts {
        self.counts
    }

    fn flush(&mut self, out: &mut Vec<Piece>) {
        while !self.waiting.is_empty() {
            self.take_first(out);
        }
    }

    fn take_first(&mut self, out: &mut Vec<Piece>) {
        let Some((sequence, packet)) = self.waiting.pop_first() else { return };
        let Some(timeline) = &mut self.timeline else { return };
        let missing = timeline.next.map_or(0, |next| (sequence - next).max(0)) as u64;
        timeline.next = Some(sequence + 1);
        let Some(hole) = packet.position.checked_sub(self.position) else {
            // A sender whose packets overlap in time: the first one stays.
            self.counts.late += 1;
            return;
        };
        self.counts.lost += missing;
        self.fill(hole, missing * packet.samples, &packet, out);
        self.position += packet.samples;
        self.counts.packets += 1;
        out.push(Piece::Packet(packet.payload, packet.samples));
    }

    /// Fills a hole before `next`: first what was lost, packet by packet, then silence. Lost
    /// packets lie right behind the last one that came, since a sender that pauses loses none.
    fn fill(&mut self, hole: u64, lost: u64, next: &Waiting, out: &mut Vec<Piece>) {
        let concealed = hole.min(lost).min(CONCEALED);
        let mut left = concealed;
        while left > 0 {
            let length = left.min(next.samples);
            left -= length;
            let fec = (left == 0 && concealed == hole).then(|| next.payload.clone());
            out.push(Piece::Lost(length, fec));
        }
        self.position += concealed;
        self.silence_until(self.position + hole - concealed, out);
    }

    fn silence_until(&mut self, position: u64, out: &mut Vec<Piece>) {
        if let Some(samples) = position.checked_sub(self.position).filter(|samples| *samples > 0) {
            self.position = position;
            out.push(Piece::Silence(samples));
        }
    }
}

impl Timeline {
    /// Unwrapped sequence number and position of a packet; none if it is of another timeline.
    fn place(&self, packet: &Arrived, now: Duration) -> Option<(i64, i64)> {
        let step = i64::from(packet.sequence.wrapping_sub(self.sequence as u16) as i16);
        let time = i64::from(packet.timestamp.wrapping_sub(self.timestamp as u32) as i32);
        let position = self.position + time;
        let away = position - self.at(now) as i64;
        let same = packet.ssrc == self.ssrc && step.abs() <= MAX_JUMP && away.abs() <= MAX_AWAY;
        same.then_some((self.sequence + step, position))
    }

    /// Where the recording stands at `now` by the newest packet.
    fn at(&self, now: Duration) -> u64 {
        self.position as u64 + clock(now.saturating_sub(self.heard))
    }

    fn newest(&mut self, sequence: i64, packet: &Arrived, position: i64, now: Duration) {
        if sequence >= self.sequence {
            let time = i64::from(packet.timestamp.wrapping_sub(self.timestamp as u32) as i32);
            self.timestamp += time;
            self.sequence = sequence;
            self.position = position;
            self.heard = now;
        }
    }
}

/// Samples per channel in a time.
fn clock(time: Duration) -> u64 {
    (time.as_nanos() * 48 / 1_000_000) as u64
}

fn on_grid(position: u64) -> u64 {
    (position + GRID / 2) / GRID * GRID
}

#[cfg(test)]
#[path = "assembler_tests.rs"]
mod tests;
