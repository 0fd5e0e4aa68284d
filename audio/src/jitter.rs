//! The jitter buffer: orders the packets of one stream, drops what came twice or too late, and
//! says what is missing. When to play is decided by [`crate::playout`].
//!
//! It is bounded in packets, bytes and time, whatever arrives; what it drops it counts. Payloads
//! lie in buffers that go round, so a steady stream allocates nothing.

use std::collections::VecDeque;
use std::time::Duration;

use crate::packet::{self, Shape};
use crate::playout::MIN_PAUSE;
use crate::{OpusError, SAMPLE_RATE};

/// One RTP packet of a talker, without its header.
#[derive(Clone, Copy, Debug)]
pub struct Packet<'a> {
    /// RTP sequence number.
    pub sequence: u16,
    /// RTP time in samples at 48 kHz (RFC 7587 §4.1).
    pub timestamp: u32,
    /// One Opus packet.
    pub payload: &'a [u8],
}

/// What a packet was to the stream when it came.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Arrival {
    /// A new stream: the first packet ever, or the first after a jump of sequence or time.
    First,
    /// The one after the newest so far.
    InOrder,
    /// A gap of so many packets opened before this one.
    Missing(u16),
    /// It fills a gap, in time to be played.
    OutOfOrder,
    /// It came before and is dropped.
    Repeated,
    /// What it held is already played over, and it is dropped.
    Late,
    /// Not an Opus packet; dropped.
    Malformed,
    /// It is kept, and the oldest packet made room for it.
    Overflow,
}

/// What arrived, in packets.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Counts {
    /// Well-formed packets, repeated and late ones included.
    pub received: u64,
    /// Came again.
    pub repeated: u64,
    /// Came after a packet that was sent later, and still in time.
    pub out_of_order: u64,
    /// Never came, as far as is known.
    pub missing: u64,
    /// Came after their place was played over.
    pub late: u64,
    /// Not Opus.
    pub malformed: u64,
    /// Dropped to keep the buffer bounded.
    pub discarded: u64,
}

/// A step of the sequence number beyond this is a new stream, not loss: 20 s of usual packets.
const MAX_SEQUENCE_STEP: i64 = 1000;

/// A timestamp may run ahead of the time that passed by so much, in samples; else it is a new stream.
const MAX_TIMESTAMP_AHEAD: i64 = 10 * SAMPLE_RATE as i64;

/// A later packet may lie before an earlier one by so much, in samples; else it is a new stream.
const MAX_TIMESTAMP_BACK: i64 = SAMPLE_RATE as i64;

/// More packets than 400 ms hold at 2.5 ms each.
const MAX_PACKETS: usize = 256;

/// More bytes than a second of Opus has at its highest rate, 510 kbit/s.
const MAX_BYTES: usize = 65_536;

/// The longest packet of 120 ms that Opus makes (six frames of 1275 bytes) fits.
const MAX_PAYLOAD: usize = 8_192;

/// Memory of payloads is taken in steps of so many bytes.
const PAYLOAD_STEP: usize = 256;

/// One packet that waits.
#[derive(Debug)]
pub(crate) struct Entry {
    /// Extended sequence number: rises, never wraps.
    pub sequence: i64,
    /// When it begins in samples of the stream's sound: its RTP time, where the sender counts right.
    pub media: i64,
    pub shape: Shape,
    /// A redundant copy, and the packet itself never came.
    pub is_copy: bool,
    pub arrival: Duration,
    pub payload: Vec<u8>,
}

/// The packets of one stream that wait to be played, in order.
#[derive(Debug)]
pub(crate) struct Buffer {
    entries: VecDeque<Entry>,
    spare: Vec<Vec<u8>>,
    spare_bytes: usize,
    bytes: usize,
    samples: usize,
    max_samples: usize,
    newest: Option<Newest>,
    /// Interarrival jitter (RFC 3550 §6.4.1), in samples.
    jitter: f64,
    /// The lowest sequence number that counts as part of the stream.
    first: i64,
    /// By how much the sender's RTP time is ahead of the sound it sends, and by how much more with
    /// each packet: nothing, if it counts right.
    skew: i64,
    odd: i64,
    /// What is below this is played or given up.
    next: i64,
    seen: Seen,
    counts: Counts,
}

#[derive(Clone, Copy, Debug)]
struct Newest {
    sequence: i64,
    timestamp: i64,
    samples: i64,
    arrival: Duration,
}

impl Buffer {
    /// A buffer that holds at most about `max_samples` (per channel) of sound.
    pub fn new(max_samples: usize) -> Self {
        Self {
            entries: VecDeque::new(),
            spare: Vec::new(),
            spare_bytes: 0,
            bytes: 0,
            samples: 0,
            max_samples,
            newest: None,
            jitter: 0.0,
            first: 0,
            skew: 0,
            odd: 0,
            next: 0,
            seen: Seen::default(),
            counts: Counts::default(),
        }
    }

    /// Takes a packet in.
    pub fn insert(&mut self, packet: Packet<'_>, now: Duration) -> Arrival {
        let shape = match check(packet.payload) {
            Ok(shape) => shape,
            Err(_) => {
                self.counts.malformed += 1;
                return Arrival::Malformed;
            }
        };
        self.counts.received += 1;
        let Some(newest) = self.newest else { return self.begin(packet, shape, now) };
        let step = i64::from(packet.sequence.wrapping_sub(newest.sequence as u16) as i16);
        let ahead = i64::from(packet.timestamp.wrapping_sub(newest.timestamp as u32) as i32);
        if step.abs() > MAX_SEQUENCE_STEP || (step > 0 && !newest.may_be_followed_by(step, ahead, now)) {
            self.clear();
            return self.begin(packet, shape, now);
        }
        let (sequence, timestamp) = (newest.sequence + step, newest.timestamp + ahead);
        let arrival = if step > 0 {
            self.seen.advance(newest.sequence, sequence);
            // RFC 3550 A.8.
            self.jitter += (newest.unevenness(ahead, now) - self.jitter) / 16.0;
            self.follow(step, ahead - newest.samples);
            self.newest = Some(Newest { sequence, timestamp, samples: shape.samples as i64, arrival: now });
            let gap = (step - 1) as u16;
            self.counts.missing += u64::from(gap);
            if gap == 0 { Arrival::InOrder } else { Arrival::Missing(gap) }
        } else if self.seen.has(newest.sequence, sequence) {
            self.counts.repeated += 1;
            return Arrival::Repeated;
        } else {
            if sequence < self.first {
                self.first = sequence;
            } else {
                self.counts.missing = self.counts.missing.saturating_sub(1);
            }
            self.seen.mark(sequence);
            if sequence < self.next {
                self.counts.late += 1;
                return Arrival::Late;
            }
            self.counts.out_of_order += 1;
            self.replace_copy(sequence);
            Arrival::OutOfOrder
        };
        self.keep(packet, sequence, timestamp, shape, now);
        match (self.bound(), arrival) {
            (true, Arrival::InOrder | Arrival::OutOfOrder) => Arrival::Overflow,
            (_, arrival) => arrival,
        }
    }

    /// Takes a copy of a packet in, which came with a later one; says whether it is of use: the packet
    /// itself is missing, and its place not played.
    pub fn insert_copy(&mut self, packet: Packet<'_>, now: Duration) -> bool {
        let (Some(newest), Ok(shape)) = (self.newest, check(packet.payload)) else { return false };
        let step = i64::from(packet.sequence.wrapping_sub(newest.sequence as u16) as i16);
        let ahead = i64::from(packet.timestamp.wrapping_sub(newest.timestamp as u32) as i32);
        let (sequence, timestamp) = (newest.sequence + step, newest.timestamp + ahead);
        let is_near = step < 0 && step > -MAX_SEQUENCE_STEP && ahead <= 0 && ahead > -MAX_TIMESTAMP_AHEAD;
        if !is_near
            || sequence < self.first.max(self.next)
            || self.seen.has(newest.sequence, sequence)
            || self.entries.iter().any(|entry| entry.sequence == sequence)
        {
            return false;
        }
        self.keep(packet, sequence, timestamp, shape, now);
        if let Some(entry) = self.entries.iter_mut().find(|entry| entry.sequence == sequence) {
            entry.is_copy = true;
        }
        self.bound();
        true
    }

    /// When a packet with this RTP time begins in the stream's sound, and whether there is a stream.
    pub fn media(&self, timestamp: u32) -> Option<i64> {
        let newest = self.newest?;
        Some(newest.timestamp + i64::from(timestamp.wrapping_sub(newest.timestamp as u32) as i32) - self.skew)
    }

    /// The RTP time of a media time.
    pub fn timestamp(&self, media: i64) -> u32 {
        (media + self.skew) as u32
    }

    /// Whether this packet of the stream, near its newest, has not come and can still be played.
    pub fn is_missing(&self, sequence: u16) -> bool {
        let Some(newest) = self.newest else { return false };
        let sequence = newest.sequence + i64::from(sequence.wrapping_sub(newest.sequence as u16) as i16);
        sequence >= self.first.max(self.next) && sequence < newest.sequence && !self.seen.has(newest.sequence, sequence)
    }

    /// The packet that plays next, if any waits.
    pub fn head(&self) -> Option<&Entry> {
        self.entries.front()
    }

    /// Whether packets before the head are missing.
    pub fn gap_before_head(&self) -> bool {
        self.head().is_some_and(|head| head.sequence != self.next)
    }

    /// Takes the head out; what comes before it is late from now on. Give its payload back by
    /// [`Self::recycle`].
    pub fn pop(&mut self) -> Option<Entry> {
        let entry = self.entries.pop_front()?;
        self.next = entry.sequence + 1;
        self.bytes -= entry.payload.len();
        self.samples -= entry.shape.samples;
        Some(entry)
    }

    /// Takes a payload's memory back for packets to come.
    pub fn recycle(&mut self, entry: Entry) {
        let mut payload = entry.payload;
        let bytes = self.spare_bytes + payload.capacity();
        if bytes <= MAX_BYTES && self.spare.len() < MAX_PACKETS {
            payload.clear();
            self.spare_bytes = bytes;
            self.spare.push(payload);
        }
    }

    /// Gives back the memory that waits for packets.
    pub fn release(&mut self) {
        (self.spare, self.spare_bytes) = (Vec::new(), 0);
        self.entries.shrink_to_fit();
    }

    /// Samples per channel that wait, gaps not counted.
    pub fn samples(&self) -> usize {
        self.samples
    }

    /// Whether nothing waits.
    pub fn is_empty(&self) -> bool {
        self.entries.is_empty()
    }

    /// Drops everything, keeps the counts; the next packet is the first of a new stream.
    pub fn clear(&mut self) {
        while let Some(entry) = self.pop() {
            self.recycle(entry);
        }
        self.newest = None;
        self.jitter = 0.0;
    }

    /// Drops the head uncounted: nobody was to hear it.
    pub fn forget(&mut self) {
        if let Some(entry) = self.pop() {
            self.recycle(entry);
        }
    }

    /// Drops the head to get rid of delay, and counts it.
    pub fn discard(&mut self) {
        if let Some(entry) = self.pop() {
            self.counts.discarded += 1;
            self.recycle(entry);
        }
    }

    /// The interarrival jitter of this stream, from packets that came in order.
    pub fn jitter(&self) -> Duration {
        Duration::from_secs_f64(self.jitter / f64::from(SAMPLE_RATE))
    }

    /// What arrived so far, over all streams.
    pub fn counts(&self) -> Counts {
        self.counts
    }

    fn begin(&mut self, packet: Packet<'_>, shape: Shape, now: Duration) -> Arrival {
        let (sequence, timestamp) = (i64::from(packet.sequence), i64::from(packet.timestamp));
        self.newest = Some(Newest { sequence, timestamp, samples: shape.samples as i64, arrival: now });
        (self.skew, self.odd) = (0, 0);
        self.jitter = 0.0;
        self.first = sequence;
        // What was sent just before the first packet may still come in time.
        self.next = i64::MIN;
        self.seen = Seen::default();
        self.seen.mark(sequence);
        self.keep(packet, sequence, timestamp, shape, now);
        Arrival::First
    }

    /// The packet itself is better than the copy that came first.
    fn replace_copy(&mut self, sequence: i64) {
        let copy = self.entries.iter().position(|entry| entry.is_copy && entry.sequence == sequence);
        if let Some(entry) = copy.and_then(|at| self.entries.remove(at)) {
            self.bytes -= entry.payload.len();
            self.samples -= entry.shape.samples;
            self.recycle(entry);
        }
    }

    /// Learns from a packet `gap` samples after the end of the one before it how the sender counts.
    fn follow(&mut self, step: i64, gap: i64) {
        if step == 1 {
            self.odd = if (-(packet::MAX_PACKET_SAMPLES as i64)..MIN_PAUSE).contains(&gap) { gap } else { 0 };
        }
        self.skew += self.odd * step;
    }

    fn keep(&mut self, packet: Packet<'_>, sequence: i64, timestamp: i64, shape: Shape, arrival: Duration) {
        let mut payload = self.spare.pop().unwrap_or_else(|| {
            // All that are out now come back one day.
            self.spare.reserve(self.entries.len() + 1);
            Vec::new()
        });
        self.spare_bytes -= payload.capacity();
        // Sizes vary from packet to packet; in steps, every spare buffer soon fits every packet.
        payload.reserve(packet.payload.len().next_multiple_of(PAYLOAD_STEP));
        payload.extend_from_slice(packet.payload);
        self.bytes += payload.len();
        self.samples += shape.samples;
        let place = self.entries.partition_point(|entry| entry.sequence < sequence);
        let media = timestamp - self.skew;
        self.entries.insert(place, Entry { sequence, media, shape, is_copy: false, arrival, payload });
    }

    /// Drops the oldest until the bounds hold; the newest always stays.
    fn bound(&mut self) -> bool {
        let mut dropped = false;
        while self.entries.len() > 1
            && (self.entries.len() > MAX_PACKETS || self.bytes > MAX_BYTES || self.samples > self.max_samples)
        {
            self.discard();
            dropped = true;
        }
        dropped
    }
}

impl Newest {
    /// A pause moves the timestamp on with the time that passed; anything else far off is a new stream.
    fn may_be_followed_by(&self, step: i64, ahead: i64, now: Duration) -> bool {
        let passed = now.saturating_sub(self.arrival).as_millis().min(1 << 40) as i64 * i64::from(SAMPLE_RATE / 1000);
        let longest = passed + MAX_TIMESTAMP_AHEAD + step * packet::MAX_PACKET_SAMPLES as i64;
        (-MAX_TIMESTAMP_BACK..=longest).contains(&ahead)
    }

    /// How much farther apart the next packet came than its time is ahead, either way. In samples.
    fn unevenness(&self, ahead: i64, now: Duration) -> f64 {
        let passed = now.as_secs_f64() - self.arrival.as_secs_f64();
        (passed * f64::from(SAMPLE_RATE) - ahead as f64).abs()
    }
}

fn check(payload: &[u8]) -> Result<Shape, OpusError> {
    if payload.len() > MAX_PAYLOAD {
        return Err(OpusError::Malformed("it is longer than 120 ms of Opus can be"));
    }
    packet::parse(payload)
}

/// Which of the last 1024 sequence numbers came: tells what is repeated from what is late.
#[derive(Debug, Default)]
struct Seen([u64; Seen::WORDS]);

impl Seen {
    const WORDS: usize = 16;
    const BITS: i64 = 64 * Self::WORDS as i64;

    fn place(sequence: i64) -> (usize, u64) {
        let bit = sequence.rem_euclid(Self::BITS) as usize;
        (bit / 64, 1 << (bit % 64))
    }

    fn mark(&mut self, sequence: i64) {
        let (word, bit) = Self::place(sequence);
        self.0[word] |= bit;
    }

    fn has(&self, newest: i64, sequence: i64) -> bool {
        let (word, bit) = Self::place(sequence);
        newest - sequence < Self::BITS && self.0[word] & bit != 0
    }

    fn advance(&mut self, from: i64, to: i64) {
        for sequence in from + 1..to {
            let (word, bit) = Self::place(sequence);
            self.0[word] &= !bit;
        }
        self.mark(to);
    }
}

// A packet within reach of a step is within the window of what is remembered.
const _: () = assert!(MAX_SEQUENCE_STEP < Seen::BITS);

#[cfg(test)]
mod tests {
    use super::*;

    /// 20 ms of stereo CELT with a body that names its number.
    fn payload(number: u16) -> [u8; 3] {
        [0xFC, (number >> 8) as u8, number as u8]
    }

    fn insert(buffer: &mut Buffer, number: u16) -> Arrival {
        let timestamp = u32::from(number).wrapping_mul(960);
        buffer.insert(Packet { sequence: number, timestamp, payload: &payload(number) }, Duration::ZERO)
    }

    fn drain(buffer: &mut Buffer) -> Vec<i64> {
        std::iter::from_fn(|| buffer.pop().map(|entry| entry.sequence)).collect()
    }

    #[test]
    fn packets_leave_in_the_order_they_were_sent() {
        let mut buffer = Buffer::new(48_000);
        let arrivals: Vec<_> = [10, 12, 11, 11, 9, 15].iter().map(|&n| insert(&mut buffer, n)).collect();
        use Arrival::*;
        assert_eq!(arrivals, [First, Missing(1), OutOfOrder, Repeated, OutOfOrder, Missing(2)]);
        assert_eq!(drain(&mut buffer), [9, 10, 11, 12, 15]);
        assert_eq!(insert(&mut buffer, 14), Late);
        assert_eq!(insert(&mut buffer, 14), Repeated);
        assert_eq!(insert(&mut buffer, 12), Repeated);
        let counts = buffer.counts();
        assert_eq!(
            counts,
            Counts { received: 9, repeated: 3, out_of_order: 2, missing: 1, late: 1, malformed: 0, discarded: 0 }
        );
    }

    #[test]
    fn the_sequence_number_wraps_unnoticed() {
        let mut buffer = Buffer::new(48_000);
        insert(&mut buffer, 65_534);
        let timestamp = |n: u32| (65_534 + n) * 960;
        for n in 1..5_u32 {
            let packet =
                Packet { sequence: 65_534_u16.wrapping_add(n as u16), timestamp: timestamp(n), payload: &payload(0) };
            assert_eq!(buffer.insert(packet, Duration::ZERO), Arrival::InOrder);
        }
        assert_eq!(drain(&mut buffer), [65_534, 65_535, 65_536, 65_537, 65_538]);
    }

    #[test]
    fn a_pause_is_no_jump_but_an_unexplained_timestamp_is() {
        let mut buffer = Buffer::new(48_000);
        let at = |sequence, seconds: u32| Packet { sequence, timestamp: seconds * 48_000, payload: &[0xFC, 0, 0] };
        assert_eq!(buffer.insert(at(1, 0), Duration::ZERO), Arrival::First);
        assert_eq!(buffer.insert(at(2, 600), Duration::from_secs(600)), Arrival::InOrder);
        assert_eq!(buffer.insert(at(3, 1200), Duration::from_secs(601)), Arrival::First);
        assert_eq!(buffer.insert(at(4, 1190), Duration::from_secs(601)), Arrival::First);
        assert_eq!(buffer.insert(at(2000, 1190), Duration::from_secs(601)), Arrival::First);
    }

    #[test]
    fn it_stays_bounded_and_counts_what_it_drops() {
        let mut buffer = Buffer::new(48_000);
        for number in 0..60 {
            insert(&mut buffer, number);
        }
        assert_eq!(buffer.samples(), 48_000);
        assert_eq!(buffer.counts().discarded, 10);
        assert_eq!(insert(&mut buffer, 60), Arrival::Overflow);

        let mut buffer = Buffer::new(usize::MAX);
        let mut big = vec![0; 8_000];
        big[0] = 0xFF;
        big[1] = 0x06 | 0x40;
        big[2] = 255;
        for number in 0..1000 {
            let small = number % 2 == 0;
            let packet = Packet { sequence: number, timestamp: 0, payload: if small { &[0xFC, 0, 0] } else { &big } };
            buffer.insert(packet, Duration::ZERO);
        }
        assert!(buffer.bytes <= MAX_BYTES && buffer.entries.len() <= MAX_PACKETS);
        buffer.clear();
        assert!(buffer.spare.iter().map(Vec::capacity).sum::<usize>() <= MAX_BYTES);
    }

    #[test]
    fn a_steady_stream_reuses_its_memory() {
        let mut buffer = Buffer::new(48_000);
        let mut places = Vec::new();
        for number in 0..1000 {
            insert(&mut buffer, number);
            if number >= 2 {
                let entry = buffer.pop().unwrap();
                if !places.contains(&entry.payload.as_ptr()) {
                    places.push(entry.payload.as_ptr());
                }
                buffer.recycle(entry);
            }
        }
        assert_eq!(places.len(), 3);
    }
}
