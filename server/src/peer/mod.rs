//! One WebRTC peer: ICE-lite, DTLS, SRTP, one Opus track each way. The only module that names webrtc-rs.
//!
//! Sans-I/O: datagrams and the time go in, datagrams and media come out; it owns no socket and reads no
//! clock. On the media path only `handle_read`, `poll_media_read`, `handle_write` and `poll_write` of
//! webrtc-rs are called; the sweep of its events runs for what is not media, and its timers when due.

pub mod red;
mod reports;
mod sdp;
pub mod stun;

use std::net::SocketAddr;
use std::time::{Duration, Instant};

use bytes::{Bytes, BytesMut};
use rtc::crypto::{SignatureScheme, default_provider};
use rtc::ice::mdns::MulticastDnsMode;
use rtc::interceptor::{Registry, Slot};
use rtc::media_stream::MediaStreamTrack;
use rtc::peer_connection::certificate::{CertificateParams, RTCCertificate};
use rtc::peer_connection::configuration::RTCConfigurationBuilder;
use rtc::peer_connection::configuration::interceptor_registry::configure_rtcp_reports;
use rtc::peer_connection::configuration::media_engine::{MIME_TYPE_OPUS, MediaEngine};
use rtc::peer_connection::configuration::setting_engine::SettingEngineBuilder;
use rtc::peer_connection::event::RTCPeerConnectionEvent;
use rtc::peer_connection::message::{RTCMessage, TaggedRTCMessage};
use rtc::peer_connection::sdp::RTCSessionDescription;
use rtc::peer_connection::state::RTCPeerConnectionState;
use rtc::peer_connection::transport::{
    CandidateConfig, CandidateHostConfig, RTCDtlsTransportState, RTCIceCandidate, RTCIceCandidateInit,
};
use rtc::peer_connection::{RTCPeerConnection, RTCPeerConnectionBuilder};
use rtc::rtp_transceiver::rtp_sender::{
    RTCRtpCodec, RTCRtpCodecParameters, RTCRtpCodingParameters, RTCRtpEncodingParameters,
    RTCRtpHeaderExtensionCapability, RtpCodecKind,
};
use rtc::sansio::Protocol;
use rtc::shared::{TaggedBytesMut, TransportContext, TransportProtocol};

use reports::{Mailbox, ReportReader};
pub use sdp::Fragment;

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

/// The certificate that every peer of this process shows in DTLS.
#[derive(Clone)]
pub struct Identity {
    certificate: RTCCertificate,
}

impl Identity {
    /// Makes a new self-signed certificate. Fails only when the crypto library does.
    pub fn generate() -> anyhow::Result<Self> {
        let provider = default_provider()?;
        let certificate = RTCCertificate::generate(
            provider.crypto(),
            SignatureScheme::EcdsaP256Sha256,
            CertificateParams::new(vec!["mixminus".to_owned()])?,
        )?;
        Ok(Self { certificate })
    }
}

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
pub struct Outgoing {
    /// One more than the last.
    pub sequence: u16,
    /// In samples at 48 kHz.
    pub timestamp: u32,
    /// The first after a pause.
    pub marker: bool,
    /// One Opus packet; shared by all who hear the same.
    pub payload: Bytes,
    /// Who is heard in it, at most 15 (RFC 3550 §5.1).
    pub csrcs: Vec<u32>,
    /// How loud, in the same order (RFC 6465 §3); shared, and sent where the peer asked for it.
    pub levels: Bytes,
    /// The peer loses packets: each is to carry the one before it, if the peer can read that.
    pub is_guarded: bool,
}

/// One peer connection.
pub struct Peer {
    connection: RTCPeerConnection,
    /// The address in our candidate: what the peer sends to.
    local: SocketAddr,
    side: Side,
    bitrate_bps: u32,
    /// The offer as answered, for an ICE restart by fragment.
    offer: String,
    ufrag: String,
    remote_ufrag: String,
    payload_type: u8,
    /// The payload type of redundant audio, if the peer offered it.
    red_type: Option<u8>,
    /// What was last sent, for the copy in the next: sequence, timestamp and payload.
    last: Option<(u16, u32, Bytes)>,
    /// Where the peer wants the levels of contributors.
    levels_id: Option<u8>,
    ssrc: u32,
    state: Connection,
    ignored: u64,
    reports: Mailbox,
    /// The last nomination, and where it came from, until the connection stands.
    nomination: Option<(SocketAddr, Vec<u8>)>,
}

/// How loud each contributor is (RFC 6465 §3).
const LEVELS_URI: &str = "urn:ietf:params:rtp-hdrext:csrc-audio-level";
const OPUS_PAYLOAD_TYPE: u8 = 111;
/// Redundant audio; the peer's own number counts where it offers one.
const RED_PAYLOAD_TYPE: u8 = 63;
/// Always 48000, whatever is inside (RFC 7587 §4.1).
const OPUS_CLOCK_HZ: u32 = 48_000;
/// Without a check for this long the peer counts as away, after twice that as gone (RFC 7675 asks for
/// consent within 30 s; a ghost on the air for so long is what people complain of).
const ICE_AWAY: Duration = Duration::from_secs(4);
const ICE_KEEPALIVE: Duration = Duration::from_secs(2);

impl Peer {
    /// Answers an offer. `media` is the address in our one candidate. Takes about 1 ms of CPU, so it runs
    /// off the worker.
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
        let bad =
            |error: rtc::shared::error::Error| OfferError::BadSdp(format!("the offer cannot be answered: {error}"));
        let reports = Mailbox::default();
        let mut connection = build(identity, ReportReader::new(ssrc, reports.clone()), now).map_err(bad)?;
        if side.hears() {
            connection.add_track(our_track(ssrc)).map_err(bad)?;
        }
        let remote_ufrag = sdp::attribute(&offer, "ice-ufrag").unwrap_or_default().to_owned();
        let description = RTCSessionDescription::offer(offer.clone()).map_err(bad)?;
        connection.set_remote_description(now, description).map_err(bad)?;
        connection.add_local_candidate(host_candidate(media).map_err(bad)?).map_err(bad)?;
        connection.add_local_candidate(RTCIceCandidateInit::default()).map_err(bad)?;
        let mut peer = Self {
            connection,
            local: media,
            side,
            bitrate_bps,
            offer,
            ufrag: String::new(),
            remote_ufrag,
            payload_type: OPUS_PAYLOAD_TYPE,
            red_type: None,
            last: None,
            levels_id: None,
            ssrc,
            state: Connection::Connecting,
            ignored: 0,
            reports,
            nomination: None,
        };
        let answer = peer.create_answer(now)?;
        Ok((peer, answer))
    }

    /// Our ICE user fragment, by which the first datagram finds this peer. Changes with an ICE restart.
    pub fn ufrag(&self) -> &str {
        &self.ufrag
    }

    /// The entity tag of the present ICE session, with its quotes.
    pub fn etag(&self) -> String {
        format!("\"{}\"", self.ufrag)
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
        self.reports.take()
    }

    /// Takes one datagram to its end; media goes to `media`. A broken datagram is dropped and counted.
    pub fn receive(&mut self, now: Instant, from: SocketAddr, datagram: &[u8], mut media: impl FnMut(Received)) {
        let is_media = stun::classify(datagram) == stun::Datagram::Media;
        self.read(now, from, datagram);
        if self.state == Connection::Connecting {
            self.nominate_again(now, from, datagram);
        }
        while let Some(TaggedRTCMessage { message, .. }) = self.connection.poll_media_read() {
            match message {
                RTCMessage::RtpPacket(_, packet) if packet.header.payload_type == self.payload_type => {
                    media(Received {
                        ssrc: packet.header.ssrc,
                        sequence: packet.header.sequence_number,
                        timestamp: packet.header.timestamp,
                        payload: packet.payload,
                        is_copy: false,
                    })
                }
                RTCMessage::RtpPacket(_, packet) if Some(packet.header.payload_type) == self.red_type => {
                    match red::parse(&packet.payload, self.payload_type) {
                        Some(blocks) => unfold(&packet.header, blocks, &mut media),
                        None => self.ignored += 1,
                    }
                }
                _ => self.ignored += 1,
            }
        }
        if !is_media || self.state != Connection::Connected {
            self.sweep();
        }
        if stun::is_dtls_alert(datagram) && self.is_dtls_closed() {
            self.state = Connection::Ended;
        }
    }

    fn read(&mut self, now: Instant, from: SocketAddr, datagram: &[u8]) {
        let message = TaggedBytesMut {
            now,
            transport: TransportContext {
                local_addr: self.local,
                peer_addr: from,
                transport_protocol: TransportProtocol::UDP,
                ecn: None,
            },
            message: BytesMut::from(datagram),
        };
        if self.connection.handle_read(message).is_err() {
            self.ignored += 1;
        }
    }

    /// webrtc-rs leaves a check with USE-CANDIDATE unanswered until a check of its own for the pair has succeeded; the
    /// client would repeat it only after half a second. So it is kept, and read again when our check is answered.
    fn nominate_again(&mut self, now: Instant, from: SocketAddr, datagram: &[u8]) {
        if stun::is_nomination(datagram) {
            self.nomination = Some((from, datagram.to_vec()));
        } else if stun::is_binding_success(datagram)
            && let Some((_, nomination)) = self.nomination.take_if(|(nominated, _)| *nominated == from)
        {
            self.read(now, from, &nomination);
        }
    }

    /// Queues one packet for [`Peer::poll_transmit`]. Before the connection stands it is dropped.
    pub fn send(&mut self, now: Instant, packet: Outgoing) {
        if self.state != Connection::Connected {
            return;
        }
        let before = self.last.replace((packet.sequence, packet.timestamp, packet.payload.clone()));
        let pair = before.filter(|(sequence, ..)| packet.is_guarded && sequence.wrapping_add(1) == packet.sequence);
        let pair = self.red_type.zip(pair).and_then(|(red_type, (_, timestamp, before))| {
            let offset = packet.timestamp.wrapping_sub(timestamp);
            Some((red_type, red::pair(self.payload_type, offset, &before, &packet.payload)?))
        });
        let (payload_type, payload) = pair.unwrap_or((self.payload_type, packet.payload));
        let mut header = rtc::rtp::Header {
            version: 2,
            marker: packet.marker,
            payload_type,
            sequence_number: packet.sequence,
            timestamp: packet.timestamp,
            ssrc: self.ssrc,
            csrc: packet.csrcs,
            ..Default::default()
        };
        if let Some(id) = self.levels_id.filter(|_| !packet.levels.is_empty()) {
            // An id and at most 15 bytes are what the form is made for (RFC 8285 §4.2).
            _ = header.set_extension(id, packet.levels);
        }
        let packet = rtc::rtp::Packet { header, payload };
        let message = RTCMessage::RtpPacket(String::new(), packet);
        if self.connection.handle_write(TaggedRTCMessage { now, message }).is_err() {
            self.ignored += 1;
        }
    }

    /// The next datagram to send, and where to.
    pub fn poll_transmit(&mut self) -> Option<(SocketAddr, BytesMut)> {
        self.connection.poll_write().map(|message| (message.transport.peer_addr, message.message))
    }

    /// When [`Peer::handle_timeout`] is due.
    pub fn poll_timeout(&mut self) -> Option<Instant> {
        self.connection.poll_timeout()
    }

    /// Runs the timers that are due.
    pub fn handle_timeout(&mut self, now: Instant) {
        if self.connection.handle_timeout(now).is_err() {
            self.ignored += 1;
        }
        self.sweep();
    }

    /// Takes a trickled fragment. Candidates change nothing (we are ICE-lite); other credentials restart ICE, and then the
    /// answer's fragment comes back. If that fails the session goes on as it was.
    pub fn patch(&mut self, fragment: &Fragment<'_>, now: Instant) -> Result<Option<String>, BadFragment> {
        let Some((ufrag, pwd)) = fragment.credentials.filter(|(ufrag, _)| *ufrag != self.remote_ufrag) else {
            return Ok(None);
        };
        let renewed = sdp::with_credentials(&self.offer, ufrag, pwd);
        let bad = |error: rtc::shared::error::Error| BadFragment(format!("ICE cannot be restarted: {error}"));
        let description = RTCSessionDescription::offer(renewed.clone()).map_err(bad)?;
        self.connection.set_remote_description(now, description).map_err(bad)?;
        self.connection.add_local_candidate(host_candidate(self.local).map_err(bad)?).map_err(bad)?;
        self.connection.add_local_candidate(RTCIceCandidateInit::default()).map_err(bad)?;
        let answer = self.create_answer(now).map_err(|error| BadFragment(error.to_string()))?;
        self.offer = renewed;
        self.remote_ufrag = ufrag.to_owned();
        Ok(Some(sdp::restart_fragment(&answer.sdp)))
    }

    /// Says goodbye (DTLS close_notify); what is left to send comes out of [`Peer::poll_transmit`].
    pub fn close(&mut self) {
        // Closing fails only for layers that never opened, and the peer is dropped next.
        let _ = self.connection.close();
        self.state = Connection::Ended;
    }

    fn create_answer(&mut self, now: Instant) -> Result<Answer, OfferError> {
        let bad =
            |error: rtc::shared::error::Error| OfferError::BadSdp(format!("the offer cannot be answered: {error}"));
        let answer = self.connection.create_answer(None).map_err(bad)?;
        self.connection.set_local_description(now, answer).map_err(bad)?;
        let description = self
            .connection
            .local_description()
            .ok_or_else(|| OfferError::BadSdp("the offer left nothing to answer".into()))?;
        let (sdp, payload_type) = sdp::finish_answer(&description.sdp, self.bitrate_bps)?;
        self.payload_type = payload_type;
        self.red_type = sdp::red_payload_type(&sdp, payload_type);
        self.levels_id = sdp::extension_id(&sdp, LEVELS_URI);
        self.ufrag = sdp::attribute(&sdp, "ice-ufrag").unwrap_or_default().to_owned();
        self.sweep();
        Ok(Answer { sdp, etag: self.etag() })
    }

    /// Whether the other side has said goodbye (close_notify): webrtc-rs keeps the state, and raises no event.
    fn is_dtls_closed(&mut self) -> bool {
        let (sender, receiver) = (self.connection.get_senders().next(), self.connection.get_receivers().next());
        let state = match (sender, receiver) {
            (Some(id), _) => self.connection.rtp_sender(id).and_then(|sender| Some(sender.transport()?.state())),
            (None, Some(id)) => {
                self.connection.rtp_receiver(id).and_then(|receiver| Some(receiver.transport()?.state()))
            }
            (None, None) => None,
        };
        state == Some(RTCDtlsTransportState::Closed)
    }

    /// Drains everything that is not media: events, and the data channels that nobody asked for.
    fn sweep(&mut self) {
        while let Some(event) = self.connection.poll_event() {
            if let RTCPeerConnectionEvent::OnConnectionStateChangeEvent(state) = event {
                match state {
                    RTCPeerConnectionState::Connected if self.state == Connection::Connecting => {
                        self.state = Connection::Connected;
                        self.nomination = None;
                    }
                    RTCPeerConnectionState::Failed | RTCPeerConnectionState::Closed => self.state = Connection::Ended,
                    _ => {}
                }
            }
        }
        while self.connection.poll_read().is_some() {
            self.ignored += 1;
        }
    }
}

/// Before the slot where webrtc-rs takes receiver reports out of the way.
const REPORTS: Slot = Slot::Custom(9_900);

fn opus() -> RTCRtpCodec {
    RTCRtpCodec {
        mime_type: MIME_TYPE_OPUS.to_owned(),
        clock_rate: OPUS_CLOCK_HZ,
        channels: 2,
        sdp_fmtp_line: "minptime=10;useinbandfec=1".to_owned(),
        rtcp_feedback: vec![],
    }
}

/// Redundant audio of Opus.
fn red() -> RTCRtpCodec {
    RTCRtpCodec {
        mime_type: "audio/red".to_owned(),
        sdp_fmtp_line: format!("{OPUS_PAYLOAD_TYPE}/{OPUS_PAYLOAD_TYPE}"),
        ..opus()
    }
}

/// Hands over the packets in one redundant packet, the newest first. Those before it are taken to be the last before it:
/// RFC 2198 tells only how old they are.
fn unfold(header: &rtc::rtp::Header, blocks: impl Iterator<Item = red::Block>, media: &mut impl FnMut(Received)) {
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

fn build(
    identity: &Identity,
    reports: ReportReader,
    now: Instant,
) -> Result<RTCPeerConnection, rtc::shared::error::Error> {
    let mut media = MediaEngine::default();
    let codec = RTCRtpCodecParameters { rtp_codec: opus(), payload_type: OPUS_PAYLOAD_TYPE };
    media.register_codec(codec, RtpCodecKind::Audio)?;
    let red = RTCRtpCodecParameters { rtp_codec: red(), payload_type: RED_PAYLOAD_TYPE };
    media.register_codec(red, RtpCodecKind::Audio)?;
    let levels = RTCRtpHeaderExtensionCapability { uri: LEVELS_URI.to_owned() };
    media.register_header_extension(levels, RtpCodecKind::Audio, None)?;
    let settings = SettingEngineBuilder::new()
        .with_lite(true)
        .with_multicast_dns_mode(MulticastDnsMode::Disabled)
        .with_ice_timeouts(Some(ICE_AWAY), Some(ICE_AWAY), Some(ICE_KEEPALIVE))
        .build();
    RTCPeerConnectionBuilder::new()
        .with_configuration(
            RTCConfigurationBuilder::new().with_certificates(vec![identity.certificate.clone()]).build(),
        )
        .with_media_engine(media)
        .with_setting_engine(settings)
        .with_interceptor_registry(configure_rtcp_reports(Registry::new()).with(REPORTS, reports))
        .build(now)
}

fn our_track(ssrc: u32) -> MediaStreamTrack {
    let encoding = RTCRtpEncodingParameters {
        rtp_coding_parameters: RTCRtpCodingParameters { ssrc: Some(ssrc), ..Default::default() },
        codec: opus(),
        ..Default::default()
    };
    MediaStreamTrack::new("mixminus".into(), "mix".into(), "mix".into(), RtpCodecKind::Audio, vec![encoding])
}

fn host_candidate(media: SocketAddr) -> Result<RTCIceCandidateInit, rtc::shared::error::Error> {
    let candidate = CandidateHostConfig {
        base_config: CandidateConfig {
            network: "udp".to_owned(),
            address: media.ip().to_string(),
            port: media.port(),
            component: 1,
            ..Default::default()
        },
        ..Default::default()
    }
    .new_candidate_host()?;
    RTCIceCandidate::from(&candidate).to_json()
}
