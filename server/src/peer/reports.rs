//! What a peer reports of our stream. webrtc-rs keeps reports to itself, and looks only into receiver
//! reports: who also talks sends his in sender reports (RFC 3550 §6.4.1).

use std::collections::VecDeque;
use std::sync::Arc;
use std::sync::atomic::{AtomicU32, Ordering};
use std::time::Instant;

use rtc::interceptor::{Interceptor, Packet, StreamInfo, TaggedPacket};
use rtc::rtcp::reception_report::ReceptionReport;
use rtc::rtcp::{receiver_report::ReceiverReport, sender_report::SenderReport};
use rtc::sansio::Protocol;
use rtc::shared::error::Error;

/// Where the last report waits to be taken.
#[derive(Clone, Debug, Default)]
pub struct Mailbox(Arc<AtomicU32>);

/// Nothing has come; a report has its share of lost packets in the lowest eight bits.
const NONE: u32 = 0;
const NEW: u32 = 1 << 8;

impl Mailbox {
    /// The share of packets lost between the last two reports, 0 to 1; none if none came since this was asked.
    pub fn take(&self) -> Option<f32> {
        if self.0.load(Ordering::Relaxed) == NONE {
            return None;
        }
        let report = self.0.swap(NONE, Ordering::Relaxed);
        Some((report & 0xFF) as f32 / 256.0)
    }
}

/// Reads reports of one stream as they pass by.
pub struct ReportReader {
    ssrc: u32,
    mailbox: Mailbox,
    inbound: VecDeque<TaggedPacket>,
    outbound: VecDeque<TaggedPacket>,
}

impl ReportReader {
    /// For the stream that we send.
    pub fn new(ssrc: u32, mailbox: Mailbox) -> Self {
        Self { ssrc, mailbox, inbound: VecDeque::new(), outbound: VecDeque::new() }
    }

    fn read(&self, reports: &[ReceptionReport]) {
        if let Some(report) = reports.iter().find(|report| report.ssrc == self.ssrc) {
            self.mailbox.0.store(NEW | u32::from(report.fraction_lost), Ordering::Relaxed);
        }
    }
}

impl Protocol<TaggedPacket, TaggedPacket, ()> for ReportReader {
    type Rout = TaggedPacket;
    type Wout = TaggedPacket;
    type Eout = ();
    type Error = Error;
    type Time = Instant;

    fn handle_read(&mut self, packet: TaggedPacket) -> Result<(), Self::Error> {
        if let Packet::Rtcp(packets) = &packet.message.packet {
            for packet in packets {
                if let Some(report) = packet.as_any().downcast_ref::<ReceiverReport>() {
                    self.read(&report.reports);
                } else if let Some(report) = packet.as_any().downcast_ref::<SenderReport>() {
                    self.read(&report.reports);
                }
            }
        }
        self.inbound.push_back(packet);
        Ok(())
    }

    fn poll_read(&mut self) -> Option<Self::Rout> {
        self.inbound.pop_front()
    }

    fn handle_write(&mut self, packet: TaggedPacket) -> Result<(), Self::Error> {
        self.outbound.push_back(packet);
        Ok(())
    }

    fn poll_write(&mut self) -> Option<Self::Wout> {
        self.outbound.pop_front()
    }

    fn handle_timeout(&mut self, _now: Instant) -> Result<(), Self::Error> {
        Ok(())
    }

    fn poll_timeout(&mut self) -> Option<Self::Time> {
        None
    }
}

impl Interceptor for ReportReader {
    fn bind_local_stream(&mut self, _info: &StreamInfo) {}
    fn unbind_local_stream(&mut self, _info: &StreamInfo) {}
    fn bind_remote_stream(&mut self, _info: &StreamInfo) {}
    fn unbind_remote_stream(&mut self, _info: &StreamInfo) {}
}

#[cfg(test)]
mod tests {
    use rtc::interceptor::AttributedPacket;
    use rtc::shared::TransportContext;

    use super::*;

    #[test]
    fn reports_of_our_stream_are_taken_once_from_receivers_and_from_senders() {
        let mailbox = Mailbox::default();
        let mut reader = ReportReader::new(7, mailbox.clone());
        let report = |ssrc, fraction_lost| ReceptionReport { ssrc, fraction_lost, ..ReceptionReport::default() };
        let now = crate::clock::Clock::start().instant(std::time::Duration::ZERO);
        let mut read = |packet: Box<dyn rtc::rtcp::Packet>| {
            let message = AttributedPacket::new(Packet::Rtcp(vec![packet]));
            reader.handle_read(TaggedPacket { now, transport: TransportContext::default(), message }).unwrap();
            assert!(reader.poll_read().is_some(), "others see it too");
        };
        assert_eq!(mailbox.take(), None);
        read(Box::new(ReceiverReport { reports: vec![report(6, 255), report(7, 64)], ..ReceiverReport::default() }));
        assert_eq!((mailbox.take(), mailbox.take()), (Some(0.25), None));
        read(Box::new(SenderReport { reports: vec![report(7, 0)], ..SenderReport::default() }));
        assert_eq!(mailbox.take(), Some(0.0));
        read(Box::new(ReceiverReport { reports: vec![report(6, 255)], ..ReceiverReport::default() }));
        assert_eq!(mailbox.take(), None);
    }
}
