//! Sender and receiver reports of one peer (RFC 3550 §6.4): what it says of our stream, and what we say of its own.
//! There is no timer: a report goes out with a packet, when it is time, and who neither talks nor hears gets none.

use std::time::{Duration, Instant};

use bytes::{Bytes, BytesMut};
use rtc_rtcp::Packet;
use rtc_rtcp::reception_report::ReceptionReport;
use rtc_rtcp::source_description::{SdesType, SourceDescription, SourceDescriptionChunk, SourceDescriptionItem};
use rtc_rtcp::{receiver_report::ReceiverReport, sender_report::SenderReport};

/// While the peer talks: its encoder is to hear of loss soon.
const WHILE_IT_TALKS: Duration = Duration::from_secs(1);
/// While it only hears (RFC 3550 §6.2).
const WHILE_IT_HEARS: Duration = Duration::from_secs(5);
/// A sequence number so far ahead begins the count anew (RFC 3550 A.1).
const MAX_DROPOUT: u16 = 3_000;
/// And one so far behind is only late.
const MAX_MISORDER: u16 = 100;
const HZ: u64 = 48_000;

/// The reports of one peer.
pub struct Reports {
    ssrc: u32,
    start: Instant,
    due: Option<Instant>,
    sent: Sent,
    reception: Option<Reception>,
    /// Which share of our packets was lost, of 256, as last reported.
    lost: Option<u8>,
}

#[derive(Default)]
struct Sent {
    packets: u32,
    octets: u32,
    /// The last packet's timestamp, and when it went.
    last: Option<(u32, Instant)>,
    reported: u32,
}

/// What came of one stream (RFC 3550 A.3, A.8).
struct Reception {
    ssrc: u32,
    /// Of the first packet, and the highest so far with its cycles.
    base: u32,
    highest: u32,
    received: u32,
    expected_before: u32,
    received_before: u32,
    transit: u32,
    /// In 16ths of a sample.
    jitter: u32,
    /// The middle of the NTP time in their last report, and when it came.
    report: Option<(u32, Instant)>,
}

impl Reports {
    /// For the stream that we send with this SSRC.
    pub fn new(ssrc: u32, now: Instant) -> Self {
        Self { ssrc, start: now, due: None, sent: Sent::default(), reception: None, lost: None }
    }

    /// See [`super::Peer::approach`].
    pub fn approach(&self) -> u64 {
        u64::from(self.sent.packets) + u64::from(self.due.is_some())
    }

    /// We sent a packet of so many octets of payload.
    pub fn sent(&mut self, now: Instant, timestamp: u32, octets: usize) {
        self.sent.packets = self.sent.packets.wrapping_add(1);
        self.sent.octets = self.sent.octets.wrapping_add(octets as u32);
        self.sent.last = Some((timestamp, now));
        self.due.get_or_insert(now + WHILE_IT_HEARS);
    }

    /// A packet of the peer's came.
    pub fn received(&mut self, now: Instant, ssrc: u32, sequence: u16, timestamp: u32) {
        let arrival = samples(now.saturating_duration_since(self.start)) as u32;
        let transit = arrival.wrapping_sub(timestamp);
        match &mut self.reception {
            Some(reception) if reception.ssrc == ssrc => reception.add(sequence, transit),
            other => *other = Some(Reception::new(ssrc, sequence, transit)),
        }
        let soon = now + WHILE_IT_TALKS;
        self.due = Some(self.due.map_or(soon, |due| due.min(soon)));
    }

    /// Reads what the peer reports.
    pub fn read(&mut self, now: Instant, packets: &[Box<dyn Packet>]) {
        for packet in packets {
            let reports = if let Some(report) = packet.as_any().downcast_ref::<SenderReport>() {
                if let Some(reception) = self.reception.as_mut().filter(|r| r.ssrc == report.ssrc) {
                    let is_first = reception.report.replace(((report.ntp_time >> 16) as u32, now)).is_none();
                    if is_first {
                        // Who sends little, such as a short file, is to know its round trip all the same.
                        self.due = Some(now);
                    }
                }
                &report.reports
            } else if let Some(report) = packet.as_any().downcast_ref::<ReceiverReport>() {
                &report.reports
            } else {
                continue;
            };
            if let Some(report) = reports.iter().find(|report| report.ssrc == self.ssrc) {
                self.lost = Some(report.fraction_lost);
            }
        }
    }

    /// Which share of our packets was lost between the peer's last two reports, 0 to 1; none if none came since this was
    /// asked.
    pub fn take_loss(&mut self) -> Option<f32> {
        self.lost.take().map(|lost| f32::from(lost) / 256.0)
    }

    /// The report that is due, not yet encrypted.
    pub fn poll(&mut self, now: Instant) -> Option<BytesMut> {
        self.due.take_if(|due| *due <= now)?;
        let reports = self.reception.as_mut().map(|reception| reception.report(now)).into_iter().collect();
        let report: Box<dyn Packet> = match self.sent.last {
            Some((timestamp, at)) if self.sent.reported != self.sent.packets => {
                self.sent.reported = self.sent.packets;
                Box::new(SenderReport {
                    ssrc: self.ssrc,
                    // Time since the peer joined is as good as the time of day (RFC 3550 §6.4.1).
                    ntp_time: ntp(now.saturating_duration_since(self.start)),
                    rtp_time: timestamp.wrapping_add(samples(now.saturating_duration_since(at)) as u32),
                    packet_count: self.sent.packets,
                    octet_count: self.sent.octets,
                    reports,
                    profile_extensions: Bytes::new(),
                })
            }
            _ => Box::new(ReceiverReport { ssrc: self.ssrc, reports, profile_extensions: Bytes::new() }),
        };
        let name = SourceDescriptionItem { sdes_type: SdesType::SdesCname, text: Bytes::from_static(b"mixminus") };
        let names = SourceDescription { chunks: vec![SourceDescriptionChunk { source: self.ssrc, items: vec![name] }] };
        rtc_rtcp::packet::marshal(&[report, Box::new(names)]).ok()
    }
}

impl Reception {
    fn new(ssrc: u32, sequence: u16, transit: u32) -> Self {
        let first = u32::from(sequence);
        Self {
            ssrc,
            base: first,
            highest: first,
            received: 1,
            expected_before: 0,
            received_before: 0,
            transit,
            jitter: 0,
            report: None,
        }
    }

    fn add(&mut self, sequence: u16, transit: u32) {
        let ahead = sequence.wrapping_sub(self.highest as u16);
        if ahead < MAX_DROPOUT {
            self.highest = self.highest.wrapping_add(u32::from(ahead));
        } else if ahead < u16::MAX - MAX_MISORDER {
            *self = Self { report: self.report, ..Self::new(self.ssrc, sequence, transit) };
            return;
        }
        self.received = self.received.wrapping_add(1);
        let difference = (transit.wrapping_sub(self.transit) as i32).unsigned_abs();
        self.transit = transit;
        // A jump of the stream's clock is no jitter.
        if u64::from(difference) < HZ {
            self.jitter = self.jitter + difference - ((self.jitter + 8) >> 4);
        }
    }

    fn report(&mut self, now: Instant) -> ReceptionReport {
        let expected = self.highest.wrapping_sub(self.base).wrapping_add(1);
        let expected_since = expected.wrapping_sub(self.expected_before);
        let lost_since = expected_since.saturating_sub(self.received.wrapping_sub(self.received_before));
        (self.expected_before, self.received_before) = (expected, self.received);
        let (last_sender_report, delay) =
            self.report.map_or((0, 0), |(ntp, at)| (ntp, (self::ntp(now.saturating_duration_since(at)) >> 16) as u32));
        ReceptionReport {
            ssrc: self.ssrc,
            fraction_lost: (u64::from(lost_since) * 256 / u64::from(expected_since.max(1))).min(255) as u8,
            total_lost: expected.saturating_sub(self.received).min(0x7F_FFFF),
            last_sequence_number: self.highest,
            jitter: self.jitter >> 4,
            last_sender_report,
            delay,
        }
    }
}

fn samples(time: Duration) -> u64 {
    time.as_micros() as u64 * HZ / 1_000_000
}

/// 32 bits of seconds and 32 of their fraction (RFC 3550 §4).
fn ntp(time: Duration) -> u64 {
    let fraction = (u64::from(time.subsec_nanos()) << 32) / 1_000_000_000;
    (time.as_secs() << 32) | fraction
}

#[cfg(test)]
mod tests {
    use super::*;

    fn start() -> Instant {
        crate::clock::Clock::start().instant(Duration::ZERO)
    }

    const fn ms(ms: u64) -> Duration {
        Duration::from_millis(ms)
    }

    fn sent(reports: &mut Reports, now: Instant) -> Option<Vec<Box<dyn Packet>>> {
        let mut bytes = reports.poll(now)?.freeze();
        Some(rtc_rtcp::packet::unmarshal(&mut bytes).expect("it can be read"))
    }

    #[test]
    fn reports_of_our_stream_are_taken_once_from_receivers_and_from_senders() {
        let mut ours = Reports::new(7, start());
        let report = |ssrc, fraction_lost| ReceptionReport { ssrc, fraction_lost, ..ReceptionReport::default() };
        let mut read = |packet: Box<dyn Packet>| {
            ours.read(start(), &[packet]);
            (ours.take_loss(), ours.take_loss())
        };
        let two = vec![report(6, 255), report(7, 64)];
        assert_eq!(read(Box::new(ReceiverReport { reports: two, ..Default::default() })), (Some(0.25), None));
        let one = vec![report(7, 0)];
        assert_eq!(read(Box::new(SenderReport { reports: one, ..Default::default() })), (Some(0.0), None));
        let other = vec![report(6, 255)];
        assert_eq!(read(Box::new(ReceiverReport { reports: other, ..Default::default() })), (None, None));
    }

    #[test]
    fn a_talker_is_told_each_second_what_it_lost_and_a_silent_one_nothing() {
        let start = start();
        let mut reports = Reports::new(7, start);
        // A quarter is lost, over a wrap of the sequence; a packet 5 ms late every other time.
        for n in (0..200_u64).filter(|n| n % 4 != 1) {
            let late = if n % 2 == 0 { 5 } else { 0 };
            reports.received(start + ms(20 * n + late), 9, (65_500 + n) as u16, (960 * n) as u32);
            if let Some(packets) = sent(&mut reports, start + ms(20 * n + late)) {
                let report = packets[0].as_any().downcast_ref::<ReceiverReport>().expect("we send nothing").clone();
                let about = &report.reports[0];
                assert_eq!((report.ssrc, about.ssrc), (7, 9));
                assert!((60..=70).contains(&about.fraction_lost), "{about:?}");
                assert_eq!(about.last_sequence_number, (65_500 + n) as u32);
                assert!((50..=240).contains(&about.jitter), "{about:?}");
                assert_eq!(packets.len(), 2, "with our name (RFC 3550 §6.1)");
            }
        }
        assert!(sent(&mut reports, start + ms(60_000)).is_some(), "the last one");
        assert!(sent(&mut reports, start + ms(120_000)).is_none());
    }

    #[test]
    fn a_hearer_is_told_how_much_was_sent_and_how_long_ago_it_reported() {
        let start = start();
        let mut reports = Reports::new(7, start);
        for n in 0..=250_u64 {
            reports.sent(start + ms(20 * n), 1_000 + (960 * n) as u32, 100);
        }
        assert!(sent(&mut reports, start + ms(4_999)).is_none());
        reports.received(start + ms(5_000), 9, 1, 0);
        let theirs = SenderReport { ssrc: 9, ntp_time: 0x0001_0002_0003_0004, ..Default::default() };
        reports.read(start + ms(5_000), &[Box::new(theirs)]);
        let packets = sent(&mut reports, start + ms(5_500)).expect("it is time");
        let report = packets[0].as_any().downcast_ref::<SenderReport>().expect("we send");
        assert_eq!((report.packet_count, report.octet_count), (251, 25_100));
        assert_eq!(report.rtp_time, 1_000 + 48 * 5_500);
        assert_eq!(report.ntp_time, 5 << 32 | 1 << 31);
        let about = &report.reports[0];
        assert_eq!((about.last_sender_report, about.delay, about.fraction_lost), (0x0002_0003, 1 << 15, 0));
    }

    #[test]
    fn the_first_report_of_a_sender_is_answered_at_once_and_the_others_in_their_time() {
        let start = start();
        let mut reports = Reports::new(7, start);
        let mut answered_at = |at: u64| {
            reports.received(start + ms(at), 9, 1, 0);
            let theirs = SenderReport { ssrc: 9, ntp_time: 0x0001_0002_0003_0004, ..Default::default() };
            reports.read(start + ms(at), &[Box::new(theirs)]);
            (at..at + 2_000).step_by(20).find(|later| sent(&mut reports, start + ms(*later)).is_some())
        };
        assert_eq!(answered_at(0), Some(0));
        assert_eq!(answered_at(1_000), Some(2_000));
    }

    #[test]
    fn a_stream_that_jumps_is_not_lost_and_nothing_overflows() {
        let start = start();
        let mut reports = Reports::new(7, start);
        for (n, sequence) in [10_u16, 11, 40_000, 40_001, 39_999, 0, 65_535].into_iter().enumerate() {
            reports.received(start + ms(20 * n as u64), 9, sequence, u32::from(sequence).wrapping_mul(0x0100_0000));
        }
        let packets = sent(&mut reports, start + ms(2_000)).unwrap();
        let report = packets[0].as_any().downcast_ref::<ReceiverReport>().unwrap();
        assert!(report.reports[0].total_lost < 10, "{report:?}");
    }
}
