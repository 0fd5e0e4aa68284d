//! What the far end says about the packets we send: RTCP receiver reports (RFC 3550 §6.4).

use std::{
    collections::VecDeque,
    sync::{Arc, Mutex},
    time::{Duration, Instant},
};

use rtc::{
    interceptor::{Interceptor, Packet, StreamInfo, TaggedPacket},
    rtcp::{receiver_report::ReceiverReport, reception_report::ReceptionReport, sender_report::SenderReport},
    sansio::Protocol,
    shared::error::Error,
};

/// How many sender reports are remembered to find the one that a receiver report answers: at one a
/// second, half a minute.
const REMEMBERED_REPORTS: usize = 32;

/// How a publisher's packets arrive at the server, by its last receiver report.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct SendStats {
    /// Packets sent.
    pub sent: u64,
    /// Share of the packets lost between the last two reports, 0 to 1.
    pub fraction_lost: f32,
    /// Packets lost since the start.
    pub lost: u32,
    /// Interarrival jitter (RFC 3550 §6.4.1).
    pub jitter: Duration,
    /// Round-trip time; none until the server has answered a sender report.
    pub round_trip: Option<Duration>,
}

/// Shared between the interceptor on the connection's task and the publisher.
pub(super) type Shared = Arc<Mutex<Reports>>;

/// Pure: sender reports and receiver reports in, statistics out.
#[derive(Debug, Default)]
pub(super) struct Reports {
    /// The middle 32 bits of a sender report's NTP time, and when it left.
    sent: VecDeque<(u32, Instant)>,
    stats: SendStats,
}

impl Reports {
    pub(super) fn stats(&self) -> SendStats {
        self.stats
    }

    fn sender_report(&mut self, ntp: u64, now: Instant) {
        if self.sent.len() == REMEMBERED_REPORTS {
            self.sent.pop_front();
        }
        self.sent.push_back(((ntp >> 16) as u32, now));
    }

    fn receiver_report(&mut self, report: &ReceptionReport, now: Instant) {
        self.stats.fraction_lost = f32::from(report.fraction_lost) / 256.0;
        // 24 bits with a sign: repeated packets may make it negative.
        self.stats.lost = if report.total_lost & 0x80_0000 == 0 { report.total_lost & 0x7f_ffff } else { 0 };
        self.stats.jitter = Duration::from_secs_f64(f64::from(report.jitter) / 48_000.0);
        let answered = self.sent.iter().find(|(ntp, _)| *ntp == report.last_sender_report && *ntp != 0);
        if let Some((_, left)) = answered {
            let held = Duration::from_secs_f64(f64::from(report.delay) / 65_536.0);
            self.stats.round_trip = Some(now.saturating_duration_since(*left).saturating_sub(held));
        }
    }
}

/// Reads the reports that pass by and changes nothing. Belongs nearest to the wire, where what the
/// report generators write has its final form and time.
pub(super) struct Feedback {
    shared: Shared,
    read: VecDeque<TaggedPacket>,
    write: VecDeque<TaggedPacket>,
}

impl Feedback {
    pub(super) fn new(shared: Shared) -> Self {
        Self { shared, read: VecDeque::new(), write: VecDeque::new() }
    }

    fn with(&self, act: impl FnOnce(&mut Reports)) {
        act(&mut self.shared.lock().expect("no code panics while it holds the reports"));
    }
}

impl Protocol<TaggedPacket, TaggedPacket, ()> for Feedback {
    type Rout = TaggedPacket;
    type Wout = TaggedPacket;
    type Eout = ();
    type Error = Error;
    type Time = Instant;

    fn handle_read(&mut self, msg: TaggedPacket) -> Result<(), Error> {
        if let Packet::Rtcp(packets) = &msg.message.packet {
            for packet in packets {
                let packet = packet.as_any();
                let reports = packet
                    .downcast_ref::<ReceiverReport>()
                    .map(|report| &report.reports)
                    .or_else(|| packet.downcast_ref::<SenderReport>().map(|report| &report.reports));
                for report in reports.into_iter().flatten() {
                    self.with(|shared| shared.receiver_report(report, msg.now));
                }
            }
        }
        self.read.push_back(msg);
        Ok(())
    }

    fn poll_read(&mut self) -> Option<TaggedPacket> {
        self.read.pop_front()
    }

    fn handle_write(&mut self, msg: TaggedPacket) -> Result<(), Error> {
        match &msg.message.packet {
            Packet::Rtp(_) => self.with(|shared| shared.stats.sent += 1),
            Packet::Rtcp(packets) => {
                for report in packets.iter().filter_map(|packet| packet.as_any().downcast_ref::<SenderReport>()) {
                    self.with(|shared| shared.sender_report(report.ntp_time, msg.now));
                }
            }
            _ => {}
        }
        self.write.push_back(msg);
        Ok(())
    }

    fn poll_write(&mut self) -> Option<TaggedPacket> {
        self.write.pop_front()
    }
}

impl Interceptor for Feedback {
    fn bind_local_stream(&mut self, _info: &StreamInfo) {}
    fn unbind_local_stream(&mut self, _info: &StreamInfo) {}
    fn bind_remote_stream(&mut self, _info: &StreamInfo) {}
    fn unbind_remote_stream(&mut self, _info: &StreamInfo) {}
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn round_trip_time_is_what_passed_less_what_the_far_end_held() {
        let start = Instant::now();
        let mut reports = Reports::default();
        reports.sender_report(0x1234_5678_9abc_def0, start);
        let report = ReceptionReport {
            fraction_lost: 64,
            total_lost: 12,
            jitter: 480,
            last_sender_report: 0x5678_9abc,
            delay: 65_536 / 2,
            ..Default::default()
        };
        reports.receiver_report(&report, start + Duration::from_millis(540));
        let stats = reports.stats();
        assert_eq!(stats.round_trip, Some(Duration::from_millis(40)));
        assert_eq!((stats.fraction_lost, stats.lost, stats.jitter), (0.25, 12, Duration::from_millis(10)));
    }

    #[test]
    fn a_report_of_nothing_we_sent_gives_no_round_trip_and_no_loss_below_zero() {
        let mut reports = Reports::default();
        let now = Instant::now();
        reports.receiver_report(
            &ReceptionReport { last_sender_report: 7, total_lost: 0xff_fffe, ..Default::default() },
            now,
        );
        assert_eq!((reports.stats().round_trip, reports.stats().lost), (None, 0));
    }
}
