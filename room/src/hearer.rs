//! The sending side of one member: its own sequence and timestamps over bytes that it may share, be they a mix's or a
//! talker's own.

use std::ops::Range;

use super::{
    Contributors, Media, MemberId,
    class::{Class, Coding, Reports},
    personal::GroupId,
    ticks::Step,
};

/// A talker's packets that come so much later than his newest have no place any more: 5 s, far more than any network
/// turns round.
const OLDEST: u32 = 5 * 48_000;

/// Which mix a hearer hears. An own mix is that of the same member's track.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Source {
    Common,
    Own,
    Personal(GroupId),
}

/// One member's stream of packets.
#[derive(Debug)]
pub(super) struct Hearer {
    /// Which mix its last packet came from, and in which encoding; none of them yet if it is about to begin.
    pub source: Option<(Source, Option<Coding>)>,
    /// Which it hears in this tick.
    pub wanted: Source,
    /// What it reports of its network.
    pub reports: Reports,
    /// With whom it shares its personal mix; none: it hears what the desk says.
    pub group: Option<GroupId>,
    /// It gets a talker's packets as they came, and no mix.
    pub is_relayed: bool,
    /// But only those before this RTP time of his, and then a mix, at the latest in this tick.
    pub parts: Option<(u32, u64)>,
    /// It is about to get a talker's packets, and hears its mix in music quality: a decoder that comes from a speech mode
    /// begins anew with them, and is up to 10 dB off for 80 ms.
    leaves: bool,
    /// Since which tick it has heard a mix so.
    music: Option<u64>,
    /// By so many samples its packets of a mix lie before the frames of the mix, while it hears one without a break.
    shift: usize,
    /// Where that talker's numbers lie in its own; none before the first packet.
    map: Option<Map>,
    next_sequence: u16,
    /// Where the last packet ended.
    end: u32,
    timestamp_offset: u32,
    last_sent: Option<u64>,
}

/// A talker's numbers in a hearer's stream.
#[derive(Clone, Copy, Debug)]
struct Map {
    /// To be added.
    sequence: u16,
    timestamp: u32,
    /// The talker's RTP time from which on packets have a place here.
    first: u32,
}

/// What a header needs of a talker's packet.
#[derive(Clone, Copy, Debug)]
pub(super) struct Numbers {
    pub sequence: u16,
    pub timestamp: u32,
    pub samples: u32,
}

impl Hearer {
    /// Sequence and timestamp begin anywhere (RFC 3550 §5.1), the same each run for the same member.
    pub fn new(member: MemberId) -> Self {
        let bits = splitmix64(member.0);
        let timestamp_offset = (bits >> 32) as u32;
        Self {
            source: None,
            wanted: Source::Common,
            reports: Reports::default(),
            group: None,
            is_relayed: false,
            parts: None,
            leaves: false,
            music: None,
            shift: 0,
            map: None,
            next_sequence: bits as u16,
            end: timestamp_offset,
            timestamp_offset,
            last_sent: None,
        }
    }

    /// In which encoding it is to get its mix.
    pub fn coding(&self) -> Coding {
        let class = self.reports.class();
        let is_plain = self.leaves && class.carries_packets();
        Coding { class: if is_plain { Class::Clean } else { class }, shift: self.shift }
    }

    /// It is about to get a talker's packets. Says whether its decoder is ready for them: after `ticks` of music.
    pub fn prepare_to_leave(&mut self, tick: u64, ticks: u64) -> bool {
        self.leaves = true;
        self.music.is_some_and(|since| tick - since >= ticks)
    }

    /// It is not, or not any more.
    pub fn stay(&mut self) {
        self.leaves = false;
    }

    /// Begins a tick of so many samples: after a pause its packets lie on the frames of the mix.
    pub fn align(&mut self, tick: u64, samples: usize) {
        let goes_on = self.last_sent.is_some_and(|last| last + 1 == tick);
        self.shift = if goes_on { self.shift.min(samples - 1) } else { 0 };
    }

    /// Whether it hears a mix while others get a talker's packets.
    pub fn is_mixed(&self) -> bool {
        let needs = self.group.is_some() || self.source.is_some() || !self.reports.class().carries_packets();
        !self.is_relayed && needs
    }

    /// Whether it was sent a packet of a mix in this tick.
    pub fn heard_in(&self, tick: u64) -> bool {
        self.last_sent == Some(tick)
    }

    /// The header of this hearer's next packet of a mix, so many samples long. It begins where the last one ended, but
    /// after a pause where media time is.
    pub fn next(
        &mut self,
        to: MemberId,
        step: Step,
        samples: usize,
        source: Source,
        payload: (Range<usize>, Contributors),
    ) -> Media {
        let goes_on = self.last_sent.is_some_and(|last| last + 1 == step.number);
        let timestamp = if goes_on { self.end } else { self.resumed_at(step.media_time as u32) };
        let media = self.push(to, timestamp, samples, payload);
        self.last_sent = Some(step.number);
        let coding = self.coding();
        self.source = Some((source, Some(coding)));
        self.music = (coding.class == Class::Clean).then(|| self.music.unwrap_or(step.number));
        media
    }

    /// The header of a piece of a mix between two ticks: it begins where the last one ended.
    pub fn piece(&mut self, to: MemberId, samples: usize, payload: (Range<usize>, Contributors)) -> Media {
        self.push(to, self.end, samples, payload)
    }

    /// From now on it gets a talker's packets. `goes_on` says that the first of them begins where its last one ended.
    pub fn relay(&mut self, goes_on: Option<Numbers>) {
        self.is_relayed = true;
        (self.parts, self.leaves, self.music) = (None, false, None);
        self.map = goes_on.map(|numbers| self.map_of(numbers, self.end));
    }

    /// Whether a talker's packet comes after all that it has got of him, where his numbers in its stream are known.
    pub fn is_yet_to_get(&self, packet: Numbers) -> bool {
        let number = self.map.map(|map| packet.sequence.wrapping_add(map.sequence));
        number.is_some_and(|number| number.wrapping_sub(self.next_sequence) as i16 >= 0)
    }

    /// The talker begins another stream.
    pub fn forget_map(&mut self) {
        self.map = None;
        self.parts = None;
    }

    /// It gets a mix again: from this tick on without a break, in packets that lie so many samples before its frames, or
    /// after a pause.
    pub fn mix_again(&mut self, goes_on: Option<(u64, usize)>) {
        self.is_relayed = false;
        self.parts = None;
        self.map = None;
        self.source = Some((Source::Common, None));
        self.last_sent = goes_on.and_then(|(number, _)| number.checked_sub(1));
        self.shift = goes_on.map_or(0, |(_, shift)| shift);
    }

    /// The header of a talker's packet; none if it has no place in this stream. `media_time` is in samples since the
    /// room began.
    pub fn relayed(
        &mut self,
        to: MemberId,
        packet: Numbers,
        media_time: u32,
        (payload, contributors): (Range<usize>, Contributors),
    ) -> Option<Media> {
        let is_first = self.is_first();
        let mut map = match self.map {
            Some(map) => map,
            None => self.map_of(packet, self.resumed_at(media_time)),
        };
        let age = packet.timestamp.wrapping_sub(map.first);
        if (age as i32) < 0 {
            return None;
        }
        // Numbers wrap: what is older than any packet can be makes way.
        if age > 2 * OLDEST {
            map.first = packet.timestamp.wrapping_sub(OLDEST);
        }
        self.map = Some(map);
        let sequence = packet.sequence.wrapping_add(map.sequence);
        let timestamp = packet.timestamp.wrapping_add(map.timestamp);
        let marker = is_first || (sequence == self.next_sequence && timestamp != self.end);
        let end = timestamp.wrapping_add(packet.samples);
        if sequence.wrapping_sub(self.next_sequence) as i16 >= 0 {
            self.next_sequence = sequence.wrapping_add(1);
        }
        self.end = later(self.end, end);
        let is_guarded = self.is_guarded();
        Some(Media { to, sequence, timestamp, marker, payload, is_guarded, contributors })
    }

    fn map_of(&self, packet: Numbers, timestamp: u32) -> Map {
        Map {
            sequence: self.next_sequence.wrapping_sub(packet.sequence),
            timestamp: timestamp.wrapping_sub(packet.timestamp),
            first: packet.timestamp,
        }
    }

    /// Where a packet begins after a pause: at media time, and never before the last one has ended.
    fn resumed_at(&self, media_time: u32) -> u32 {
        let timestamp = self.timestamp_offset.wrapping_add(media_time);
        if self.is_first() { timestamp } else { later(timestamp, self.end) }
    }

    fn is_guarded(&self) -> bool {
        matches!(self.reports.class(), Class::Lossy | Class::Poor)
    }

    fn is_first(&self) -> bool {
        self.source.is_none() && self.end == self.timestamp_offset
    }

    fn push(
        &mut self,
        to: MemberId,
        timestamp: u32,
        samples: usize,
        (payload, contributors): (Range<usize>, Contributors),
    ) -> Media {
        let (sequence, is_guarded) = (self.next_sequence, self.is_guarded());
        let marker = timestamp != self.end || self.is_first();
        let media = Media { to, sequence, timestamp, marker, payload, is_guarded, contributors };
        self.next_sequence = self.next_sequence.wrapping_add(1);
        self.end = timestamp.wrapping_add(samples as u32);
        media
    }

    /// Which mix its last packet came from.
    pub fn heard(&self) -> Option<Source> {
        self.source.map(|(source, _)| source)
    }

    /// Whether it has not heard what it wants in the encoding that it is to get.
    pub fn is_new(&self) -> bool {
        self.source != Some((self.wanted, Some(self.coding())))
    }
}

/// The later of two RTP times less than 12 hours apart.
pub(super) fn later(a: u32, b: u32) -> u32 {
    if (b.wrapping_sub(a) as i32) > 0 { b } else { a }
}

/// Steele, Lea and Flood's mixing function: neighbouring ids give unlike bits.
pub(super) fn splitmix64(seed: u64) -> u64 {
    let z = seed.wrapping_add(0x9E37_79B9_7F4A_7C15);
    let z = (z ^ (z >> 30)).wrapping_mul(0xBF58_476D_1CE4_E5B9);
    let z = (z ^ (z >> 27)).wrapping_mul(0x94D0_49BB_1331_11EB);
    z ^ (z >> 31)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn step(number: u64) -> Step {
        Step { number, media_time: number * 960, skipped: 0 }
    }

    #[test]
    fn a_pause_shows_in_the_timestamp_and_the_marker_but_not_in_the_sequence() {
        let to = MemberId(3);
        let mut hearer = Hearer::new(to);
        let sent: Vec<Media> = [10, 11, 12, 100, 101]
            .map(|number| hearer.next(to, step(number), 960, Source::Common, (0..1, Contributors::default())))
            .into();
        for (pair, ticks) in sent.windows(2).zip([1, 1, 88, 1u32]) {
            assert_eq!(pair[1].sequence, pair[0].sequence.wrapping_add(1));
            assert_eq!(pair[1].timestamp.wrapping_sub(pair[0].timestamp), ticks * 960);
        }
        assert_eq!(sent.iter().map(|m| m.marker).collect::<Vec<_>>(), [true, false, false, true, false]);
    }

    #[test]
    fn members_begin_at_different_numbers() {
        let first = |id| {
            Hearer::new(MemberId(id)).next(MemberId(id), step(0), 960, Source::Common, (0..1, Contributors::default()))
        };
        assert_ne!(first(1).sequence, first(2).sequence);
        assert_ne!(first(1).timestamp, first(2).timestamp);
    }

    #[test]
    fn a_talkers_numbers_keep_their_gaps_and_order_and_nothing_goes_back_before_the_change() {
        let to = MemberId(3);
        let mut hearer = Hearer::new(to);
        let last = hearer.next(to, step(10), 960, Source::Common, (0..1, Contributors::default()));
        let numbers = |sequence: u16, timestamp: u32| Numbers { sequence, timestamp, samples: 960 };
        hearer.relay(Some(numbers(65_535, 5_000)));
        let mut relayed =
            |sequence, timestamp| hearer.relayed(to, numbers(sequence, timestamp), 77, (0..1, Contributors::default()));
        let first = relayed(65_535, 5_000).unwrap();
        assert_eq!(first.sequence, last.sequence.wrapping_add(1));
        assert_eq!(first.timestamp, last.timestamp.wrapping_add(960));
        assert_eq!(relayed(65_534, 4_040), None, "from before the change");
        let third = relayed(1, 6_920).unwrap();
        let second = relayed(0, 5_960).unwrap();
        assert_eq!(third.sequence.wrapping_sub(first.sequence), 2);
        assert_eq!(second.sequence.wrapping_sub(first.sequence), 1);
        assert_eq!(second.timestamp.wrapping_sub(first.timestamp), 960);
        assert!(!hearer.is_yet_to_get(numbers(1, 6_920)) && hearer.is_yet_to_get(numbers(2, 7_880)));
        hearer.mix_again(Some((12, 0)));
        let mixed = hearer.next(to, step(12), 960, Source::Common, (0..1, Contributors::default()));
        assert_eq!(mixed.sequence, third.sequence.wrapping_add(1));
        assert_eq!(mixed.timestamp, third.timestamp.wrapping_add(960));
        assert!(!mixed.marker);
    }
}
