//! The sending side of one member: its own sequence and timestamps over bytes that it may share.

use std::ops::Range;

use audio::FRAME_SAMPLES;

use super::{Media, MemberId};

/// Which mix a hearer's last packet came from. An own mix is that of the same member's track.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Source {
    Common,
    Own,
}

/// One member's stream of packets.
#[derive(Debug)]
pub(super) struct Hearer {
    pub source: Option<Source>,
    next_sequence: u16,
    timestamp_offset: u32,
    last_sent: Option<u64>,
}

impl Hearer {
    /// Sequence and timestamp begin anywhere (RFC 3550 §5.1), the same each run for the same member.
    pub fn new(member: MemberId) -> Self {
        let bits = splitmix64(member.0);
        Self { source: None, next_sequence: bits as u16, timestamp_offset: (bits >> 32) as u32, last_sent: None }
    }

    /// The header of this hearer's next packet. `tick` counts 20 ms since the room began.
    pub fn next(&mut self, to: MemberId, tick: u64, source: Source, payload: Range<usize>) -> Media {
        let media_time = tick.wrapping_mul(FRAME_SAMPLES as u64) as u32;
        let media = Media {
            to,
            sequence: self.next_sequence,
            timestamp: self.timestamp_offset.wrapping_add(media_time),
            marker: self.last_sent.is_none_or(|last| last + 1 != tick),
            payload,
        };
        self.next_sequence = self.next_sequence.wrapping_add(1);
        self.last_sent = Some(tick);
        self.source = Some(source);
        media
    }
}

/// Steele, Lea and Flood's mixing function: neighbouring ids give unlike bits.
fn splitmix64(seed: u64) -> u64 {
    let z = seed.wrapping_add(0x9E37_79B9_7F4A_7C15);
    let z = (z ^ (z >> 30)).wrapping_mul(0xBF58_476D_1CE4_E5B9);
    let z = (z ^ (z >> 27)).wrapping_mul(0x94D0_49BB_1331_11EB);
    z ^ (z >> 31)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_pause_shows_in_the_timestamp_and_the_marker_but_not_in_the_sequence() {
        let to = MemberId(3);
        let mut hearer = Hearer::new(to);
        let sent: Vec<Media> = [10, 11, 12, 100, 101].map(|tick| hearer.next(to, tick, Source::Common, 0..1)).into();
        for (pair, ticks) in sent.windows(2).zip([1, 1, 88, 1u32]) {
            assert_eq!(pair[1].sequence, pair[0].sequence.wrapping_add(1));
            assert_eq!(pair[1].timestamp.wrapping_sub(pair[0].timestamp), ticks * 960);
        }
        assert_eq!(sent.iter().map(|m| m.marker).collect::<Vec<_>>(), [true, false, false, true, false]);
    }

    #[test]
    fn members_begin_at_different_numbers() {
        let first = |id| Hearer::new(MemberId(id)).next(MemberId(id), 0, Source::Common, 0..1);
        assert_ne!(first(1).sequence, first(2).sequence);
        assert_ne!(first(1).timestamp, first(2).timestamp);
    }
}
