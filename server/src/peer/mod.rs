//! One WebRTC peer: ICE-lite, DTLS, SRTP, one Opus track each way. The only module that names webrtc-rs.
//!
//! Sans-I/O: datagrams and the time go in, datagrams and media come out; it owns no socket and reads no clock. It is
//! built of webrtc-rs's layers and not of its peer connection, whose queues cost more than all the rest of a packet
//! (`docs/decisions.md`, 35): a packet to send is encrypted in the call that sends it, and no queue has it.

mod dtls;
mod ice;
pub mod red;
mod reports;
mod rtp;
mod sdp;
mod seal;
pub mod stun;

use std::collections::VecDeque;
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Instant;

use bytes::Bytes;
use rtc_rtp::header::Header;
use rtc_shared::error::Error;
use rtc_shared::marshal::Unmarshal;

pub use dtls::Identity;
use dtls::{Dtls, Event, Srtp};
use ice::{Credentials, Ice, Life};
use reports::Reports;
pub use sdp::Fragment;
use sdp::{Admitted, Ours};
use seal::Seal;

/// What the two sides of a connection do.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Side {
    /// `POST /api/offer`: talks and hears.
    Both,
    /// `POST /api/offer` as a listener: hears; what it sends is not asked for.
    ListenOnly,
    /// WHIP (RFC 9725): talks; the answer is `recvonly`.
    Whip,
    /// WHEP: hears; the answer is `sendonly`.
    Whep,
}

impl Side {
    /// Whether its media becomes a track.
    pub fn talks(self) -> bool {
        matches!(self, Self::Both | Self::Whip)
    }

    /// Whether it gets a mix.
    pub fn hears(self) -> bool {
        !matches!(self, Self::Whip)
    }

    fn wanted_direction(self) -> &'static str {
        match self {
            Self::Both => "sendrecv",
            Self::ListenOnly => "sendrecv or recvonly",
            Self::Whip => "sendonly",
            Self::Whep => "recvonly",
        }
    }
}

/// Why an offer is not answered. The offerer's fault; the same offer will fail again.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum OfferError {
    /// Not an SDP, or one without what WebRTC needs.
    #[error("{0}")]
    BadSdp(String),
    /// An SDP with nothing in it that an audio room can use.
    #[error("{0}")]
    NoAudio(String),
}

/// Why a fragment is not taken. The session stays as it is.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{0}")]
pub struct BadFragment(pub String);

/// What one offer is answered with.
pub struct Answer {
    /// The whole SDP, candidates included.
    pub sdp: String,
    /// The entity tag of the ICE session (RFC 9725 §4.3.1), with its quotes.
    pub etag: String,
}

/// How far a connection is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Connection {
    /// ICE or DTLS is not through.
    Connecting,
    /// Media flows.
    Connected,
    /// It failed, or the other side closed it. It does not come back.
    Ended,
}

/// An RTP packet as it came, its payload whole.
pub struct Received {
    /// The sender's stream.
    pub ssrc: u32,
    /// RFC 3550 §5.1.
    pub sequence: u16,
    /// In samples at 48 kHz (RFC 7587 §4.1).
    pub timestamp: u32,
    /// One Opus packet.
    pub payload: Bytes,
    /// A copy of an earlier packet, sent along with a later one (RFC 2198).
    pub is_copy: bool,
}

/// A packet to send: everything in the header that is not the peer's own.
pub struct Outgoing<'a> {
    /// One more than the last.
    pub sequence: u16,
    /// In samples at 48 kHz.
    pub timestamp: u32,
    /// The first after a pause.
    pub marker: bool,
    /// One Opus packet; shared by all who hear the same.
    pub payload: &'a [u8],
    /// Who is heard in it, at most 15 (RFC 3550 §5.1).
    pub csrcs: &'a [u32],
    /// How loud, in the same order (RFC 6465 §3); shared, and sent where the peer asked for it.
    pub levels: &'a [u8],
    /// The peer loses packets: each is to carry the one before it, if the peer can read that.
    pub is_guarded: bool,
}

/// One peer connection.
pub struct Peer {
    ice: Ice,
    dtls: Dtls,
    srtp: Option<Box<Srtp>>,
    offer: Admitted,
    /// Our certificate, as the answer says it.
    fingerprint: Arc<str>,
    /// The address in our candidate: what the peer sends to.
    local: SocketAddr,
    side: Side,
    bitrate_bps: u32,
    /// How often the session was described.
    version: u32,
    /// Of what we send.
    ssrc: u32,
    /// What was last sent, for the copy in the next: sequence, timestamp and payload. Kept while packets are guarded.
    last: Option<(u16, u32, Bytes)>,
    state: Connection,
    ignored: u64,
    reports: Reports,
    /// What is to be sent and is not media.
    out: VecDeque<(SocketAddr, Bytes)>,
}

impl Peer {
    /// Answers an offer. `media` is the address in our one candidate. Takes some 0.1 ms of CPU.
    pub fn answer(
        identity: &Identity,
        media: SocketAddr,
        side: Side,
        bitrate_bps: u32,
        offer: &str,
        ssrc: u32,
        now: Instant,
    ) -> Result<(Self, Answer), OfferError> {
        let offer = sdp::admit(offer, side)?;
        let bad = |error: Error| OfferError::BadSdp(format!("the offer cannot be answered: {error}"));
        let ice = Ice::new(Arc::clone(&identity.provider), offer.remote.clone(), now).map_err(bad)?;
        let dtls = Dtls::new(identity, offer.begins, offer.fingerprints.clone()).map_err(bad)?;
        let peer = Self {
            ice,
            dtls,
            srtp: None,
            offer,
            fingerprint: Arc::clone(&identity.fingerprint),
            local: media,
            side,
            bitrate_bps,
            version: 0,
            ssrc,
            last: None,
            state: Connection::Connecting,
            ignored: 0,
            reports: Reports::new(ssrc, now),
            out: VecDeque::new(),
        };
        let answer = Answer { sdp: peer.describe(), etag: peer.etag() };
        Ok((peer, answer))
    }

    fn describe(&self) -> String {
        self.offer.answer(&Ours {
            media: self.local,
            credentials: self.ice.local(),
            fingerprint: &self.fingerprint,
            ssrc: self.ssrc,
            bitrate_bps: self.bitrate_bps,
            version: self.version,
        })
    }

    /// Our ICE user fragment, by which the first datagram finds this peer. Changes with an ICE restart.
    pub fn ufrag(&self) -> &str {
        &self.ice.local().ufrag
    }

    /// The entity tag of the present ICE session, with its quotes.
    pub fn etag(&self) -> String {
        format!("\"{}\"", self.ufrag())
    }

    /// What it does in the room.
    pub fn side(&self) -> Side {
        self.side
    }

    /// How far it is.
    pub fn state(&self) -> Connection {
        self.state
    }

    /// How many datagrams and packets were dropped because they were broken or not ours.
    pub fn ignored(&self) -> u64 {
        self.ignored
    }

    /// Which share of our packets the peer has lost between its last two reports, 0 to 1; none if it has not reported
    /// since this was asked.
    pub fn take_report(&mut self) -> Option<f32> {
        self.reports.take_loss()
    }

    /// Takes one datagram to its end; media goes to `media`. A broken datagram is dropped and counted.
    pub fn receive(&mut self, now: Instant, from: SocketAddr, datagram: &[u8], media: impl FnMut(Received)) {
        let read = match stun::classify(datagram) {
            stun::Datagram::Stun => self.read_stun(now, from, datagram),
            stun::Datagram::Dtls => self.read_dtls(now, datagram),
            stun::Datagram::Media if stun::is_rtcp(datagram) => self.read_rtcp(now, datagram),
            stun::Datagram::Media => self.read_rtp(now, datagram, media),
            stun::Datagram::Unknown => Err(Error::ErrUnhandledStunpacket),
        };
        if read.is_err() {
            self.ignored += 1;
        }
    }

    fn read_stun(&mut self, now: Instant, from: SocketAddr, datagram: &[u8]) -> Result<(), Error> {
        let answers = self.ice.read(now, from, datagram)?;
        self.out.extend(answers.into_iter().map(|answer| (from, answer.into())));
        if self.ice.selected().is_some() {
            let begun = self.dtls.begin(now);
            self.drain_dtls();
            begun?;
        }
        Ok(())
    }

    fn read_dtls(&mut self, now: Instant, datagram: &[u8]) -> Result<(), Error> {
        // Nothing is answered to whom no check has verified.
        if self.ice.selected().is_none() {
            return Err(Error::ErrUnhandledStunpacket);
        }
        let event = self.dtls.read(now, datagram);
        self.drain_dtls();
        match event? {
            Some(Event::Connected(srtp)) => {
                self.srtp = Some(srtp);
                self.ice.heard(now);
                if self.state == Connection::Connecting {
                    self.state = Connection::Connected;
                }
            }
            Some(Event::Closed) => self.state = Connection::Ended,
            None => {}
        }
        Ok(())
    }

    fn read_rtcp(&mut self, now: Instant, datagram: &[u8]) -> Result<(), Error> {
        let srtp = self.srtp.as_mut().ok_or(Error::HandshakeInProgress)?;
        let mut plain = srtp.remote.decrypt_rtcp(datagram)?;
        self.ice.heard(now);
        self.reports.read(now, &rtc_rtcp::packet::unmarshal(&mut plain)?);
        Ok(())
    }

    fn read_rtp(&mut self, now: Instant, datagram: &[u8], mut media: impl FnMut(Received)) -> Result<(), Error> {
        let srtp = self.srtp.as_mut().ok_or(Error::HandshakeInProgress)?;
        let mut plain = srtp.remote.decrypt_rtp(datagram)?.freeze();
        self.ice.heard(now);
        let rtc_rtp::Packet { header, payload } = rtc_rtp::Packet::unmarshal(&mut plain)?;
        let is_red = Some(header.payload_type) == self.offer.red_type;
        if header.payload_type != self.offer.payload_type && !is_red {
            self.ignored += 1;
            return Ok(());
        }
        self.reports.received(now, header.ssrc, header.sequence_number, header.timestamp);
        if !is_red {
            media(Received {
                ssrc: header.ssrc,
                sequence: header.sequence_number,
                timestamp: header.timestamp,
                payload,
                is_copy: false,
            });
        } else if let Some(blocks) = red::parse(&payload, self.offer.payload_type) {
            unfold(&header, blocks, &mut media);
        } else {
            self.ignored += 1;
        }
        self.report(now);
        Ok(())
    }

    /// Looks at what [`Peer::send`] needs, so that it is near then. Of many peers one after the other the memory brings it for
    /// several at once; in the middle of sending it would be waited for, a tenth of what a packet costs. The number
    /// says nothing.
    pub fn approach(&self) -> u64 {
        let seal = self.srtp.as_ref().and_then(|srtp| srtp.seal.as_ref()).map_or(0, Seal::approach);
        seal + self.reports.approach() + u64::from(self.ice.selected().is_some()) + self.state as u64
    }

    /// Makes one packet, encrypted, in `datagram`, whatever was in there; says where it is to go. None before the connection
    /// stands, and then it is dropped. Reports that go with it come out of [`Peer::poll_transmit`].
    pub fn send(&mut self, now: Instant, packet: &Outgoing<'_>, datagram: &mut Vec<u8>) -> Option<SocketAddr> {
        let to = self.ice.selected()?;
        if self.state != Connection::Connected {
            return None;
        }
        let pair = self.guard(packet);
        let (payload_type, payload) = match &pair {
            Some((red_type, pair)) => (*red_type, &pair[..]),
            None => (self.offer.payload_type, packet.payload),
        };
        let levels = self.offer.levels_id.map(|id| (id, packet.levels));
        datagram.clear();
        rtp::header(self.ssrc, payload_type, packet, levels, datagram);
        let header = datagram.len();
        datagram.extend_from_slice(payload);
        if self.encrypt(packet.sequence, header, datagram).is_err() {
            self.ignored += 1;
            return None;
        }
        self.reports.sent(now, packet.timestamp, payload.len());
        self.report(now);
        Some(to)
    }

    fn encrypt(&mut self, sequence: u16, header: usize, packet: &mut Vec<u8>) -> Result<(), Error> {
        let srtp = self.srtp.as_mut().ok_or(Error::HandshakeInProgress)?;
        if let Some(seal) = &mut srtp.seal {
            return seal.seal(self.ssrc, sequence, header, packet);
        }
        let encrypted = srtp.local.encrypt_rtp(packet)?;
        packet.clear();
        packet.extend_from_slice(&encrypted);
        Ok(())
    }

    /// The packet and the one before it as redundant audio, where that helps and the peer can read it.
    fn guard(&mut self, packet: &Outgoing<'_>) -> Option<(u8, Bytes)> {
        let red_type = self.offer.red_type.filter(|_| packet.is_guarded);
        let Some(red_type) = red_type else {
            self.last = None;
            return None;
        };
        let now = (packet.sequence, packet.timestamp, Bytes::copy_from_slice(packet.payload));
        let (sequence, timestamp, before) = self.last.replace(now)?;
        let offset = packet.timestamp.wrapping_sub(timestamp);
        let follows = sequence.wrapping_add(1) == packet.sequence;
        let pair = red::pair(self.offer.payload_type, offset, &before, packet.payload).filter(|_| follows)?;
        Some((red_type, pair))
    }

    /// Sends the report that is due, if one is.
    fn report(&mut self, now: Instant) {
        let Some(report) = self.reports.poll(now) else { return };
        let encrypted = self.srtp.as_mut().map(|srtp| srtp.local.encrypt_rtcp(&report));
        match (encrypted, self.ice.selected()) {
            (Some(Ok(encrypted)), Some(to)) => self.out.push_back((to, encrypted.freeze())),
            _ => self.ignored += 1,
        }
    }

    fn drain_dtls(&mut self) {
        while let Some(datagram) = self.dtls.poll_transmit() {
            if let Some(to) = self.ice.selected() {
                self.out.push_back((to, datagram.freeze()));
            }
        }
    }

    /// The next datagram to send that is not media, and where to.
    pub fn poll_transmit(&mut self) -> Option<(SocketAddr, Bytes)> {
        self.out.pop_front()
    }

    /// When [`Peer::handle_timeout`] is due.
    pub fn poll_timeout(&self) -> Option<Instant> {
        // Before it stands, the worker knows how long to wait for it.
        let life = (self.state == Connection::Connected).then(|| self.ice.due());
        life.into_iter().chain(self.dtls.due()).min()
    }

    /// Runs the timers that are due.
    pub fn handle_timeout(&mut self, now: Instant) {
        if self.dtls.handle_timeout(now).is_err() {
            self.ignored += 1;
        }
        self.drain_dtls();
        if self.state != Connection::Connected {
            return;
        }
        match (self.ice.handle_timeout(now), self.ice.selected()) {
            (Life::Gone, _) => self.state = Connection::Ended,
            (Life::Ask(ask), Some(to)) => self.out.push_back((to, ask.into())),
            _ => {}
        }
    }

    /// Takes a trickled fragment. Candidates change nothing (we are ICE-lite); other credentials restart ICE, and then the
    /// answer's fragment comes back. If that fails the session goes on as it was.
    pub fn patch(&mut self, fragment: &Fragment<'_>) -> Result<Option<String>, BadFragment> {
        let Some((ufrag, pwd)) = fragment.credentials.filter(|(ufrag, _)| *ufrag != self.ice.remote().ufrag) else {
            return Ok(None);
        };
        self.ice
            .restart(Credentials { ufrag: ufrag.to_owned(), pwd: pwd.to_owned() })
            .map_err(|error| BadFragment(format!("ICE cannot be restarted: {error}")))?;
        self.version += 1;
        Ok(Some(sdp::restart_fragment(&self.describe())))
    }

    /// Says goodbye (DTLS close_notify); what is left to send comes out of [`Peer::poll_transmit`].
    pub fn close(&mut self, now: Instant) {
        // Closing fails only for layers that never opened, and the peer is dropped next.
        _ = self.dtls.close(now);
        self.drain_dtls();
        self.state = Connection::Ended;
    }
}

/// Hands over the packets in one redundant packet, the newest first. Those before it are taken to be the last before it:
/// RFC 2198 tells only how old they are.
fn unfold(header: &Header, blocks: impl Iterator<Item = red::Block>, media: &mut impl FnMut(Received)) {
    let mut blocks: Vec<_> = blocks.collect();
    blocks.dedup_by_key(|block| block.offset);
    for (distance, block) in (0_u16..).zip(blocks.into_iter().rev()) {
        media(Received {
            ssrc: header.ssrc,
            sequence: header.sequence_number.wrapping_sub(distance),
            timestamp: header.timestamp.wrapping_sub(block.offset),
            payload: block.payload,
            is_copy: distance > 0,
        });
    }
}
