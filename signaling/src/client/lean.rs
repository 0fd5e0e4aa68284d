//! One WebRTC connection without a task or a socket of its own, for programs that hold thousands: webrtc-rs in its
//! sans-I/O form.
//!
//! Datagrams and the time go in, datagrams and packets come out. On the media path only `handle_read`,
//! `poll_media_read`, `handle_write` and `poll_write` of webrtc-rs are called; the sweep of its events runs for what is
//! not media, and its timers when due.

use std::{
    fmt,
    net::{IpAddr, SocketAddr},
    time::{Duration, Instant},
};

use bytes::{Bytes, BytesMut};
use reqwest::{StatusCode, Url, header};
use rtc::{
    crypto::{SignatureScheme, default_provider},
    ice::mdns::MulticastDnsMode,
    interceptor::{ReceiverReportBuilder, Registry, SenderReportBuilder, Slot},
    media_stream::MediaStreamTrack,
    peer_connection::{
        RTCPeerConnection, RTCPeerConnectionBuilder,
        certificate::{CertificateParams, RTCCertificate},
        configuration::{RTCConfigurationBuilder, media_engine::MediaEngine, setting_engine::SettingEngineBuilder},
        event::RTCPeerConnectionEvent,
        message::{RTCMessage, TaggedRTCMessage},
        sdp::RTCSessionDescription,
        state::RTCPeerConnectionState,
        transport::{CandidateConfig, CandidateHostConfig, RTCIceCandidate, RTCIceCandidateInit},
    },
    rtp_transceiver::{
        RTCRtpTransceiverDirection, RTCRtpTransceiverInit,
        rtp_sender::{RTCRtpCodecParameters, RTCRtpCodingParameters, RTCRtpEncodingParameters, RtpCodecKind},
    },
    sansio::Protocol,
    shared::{TaggedBytesMut, TransportContext, TransportProtocol, error::Error},
};

use super::{
    Client, Direction, JoinError, Packet, RequestError,
    connection::{ICE_KEEP_ALIVE, OPUS_PAYLOAD_TYPE, local_addresses, opus},
    rest::location,
};
use crate::{Offer, OfferAnswer, Role, RoomName, SdpKind, SessionDescription, TrackId};

/// Two thousand handshakes at once keep a small machine busy for many seconds: what has not answered for so long is gone.
const ICE_TIMEOUT: Duration = Duration::from_secs(10);

/// The certificate that the peers of a program show in DTLS. Cheap to clone.
#[derive(Clone)]
pub struct Identity(RTCCertificate);

impl Identity {
    /// Makes a new self-signed certificate. Fails only when the crypto library does.
    pub fn generate() -> Result<Self, JoinError> {
        let provider = default_provider().map_err(JoinError::local)?;
        let params = CertificateParams::new(vec!["mixminus".to_owned()]).map_err(JoinError::local)?;
        RTCCertificate::generate(provider.crypto(), SignatureScheme::EcdsaP256Sha256, params)
            .map(Self)
            .map_err(JoinError::local)
    }
}

impl fmt::Debug for Identity {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Identity(…)")
    }
}

/// Why a peer was not let in.
#[derive(Clone, Debug, PartialEq, thiserror::Error)]
pub enum AdmitError {
    /// 503: the server can take nobody now.
    #[error("the server takes nobody more now")]
    Full {
        /// When to ask again, if it says so.
        retry_after: Option<Duration>,
    },
    /// Anything else.
    #[error(transparent)]
    Request(#[from] RequestError),
}

/// What the server made of an offer.
#[derive(Clone, Debug)]
pub struct Admitted {
    /// The SDP answer.
    pub answer: String,
    location: Url,
}

impl Admitted {
    /// The id of the peer and, if it talks, of its track; none where the server names peers in another way.
    pub fn id(&self) -> Option<TrackId> {
        self.location.path_segments()?.next_back()?.parse().ok()
    }
}

impl Client {
    /// Brings an offer to the room by the door of its direction: WHIP, WHEP or `/api/offer`.
    pub async fn admit(&self, room: &RoomName, direction: Direction, offer: String) -> Result<Admitted, AdmitError> {
        let sdp = |door| {
            let request = self.http.post(self.url(&format!("{door}/{room}")));
            request.header(header::CONTENT_TYPE, "application/sdp").body(offer.clone())
        };
        let request = match direction {
            Direction::Send => sdp("whip"),
            Direction::Receive => sdp("whep"),
            Direction::Both => {
                let offer = SessionDescription { kind: SdpKind::Offer, sdp: offer.clone() };
                let role = Some(Role::Talker);
                let offer = Offer { offer, room: room.clone(), name: None, client_id: None, role };
                self.http.post(self.url("api/offer")).json(&offer)
            }
        };
        let response = self.answered(request).await?;
        if response.status() == StatusCode::SERVICE_UNAVAILABLE {
            let seconds =
                response.headers().get(header::RETRY_AFTER).and_then(|value| value.to_str().ok()?.parse().ok());
            return Err(AdmitError::Full { retry_after: seconds.map(Duration::from_secs) });
        }
        let response = self.accepted(response).await?;
        let location = location(&response)?;
        let answer = match direction {
            Direction::Both => self.parsed::<OfferAnswer>(response).await?.answer.sdp,
            Direction::Send | Direction::Receive => self.body(response).await?,
        };
        Ok(Admitted { answer, location })
    }

    /// Hangs up by DELETE. That it is gone already is as good.
    pub async fn dismiss(&self, admitted: Admitted) -> Result<(), RequestError> {
        self.hang_up(admitted.location).await
    }

    /// The address of this machine from which packets to the server leave.
    pub async fn local_address(&self) -> Result<IpAddr, JoinError> {
        let addresses = local_addresses(self).await?;
        addresses.first().map(SocketAddr::ip).ok_or_else(|| JoinError::local("no network interface leads there"))
    }
}

/// How far a [`LeanPeer`] is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Progress {
    /// ICE or DTLS is not through.
    Connecting,
    /// Media flows.
    Connected,
    /// It failed, or the server closed it. It does not come back.
    Ended,
}

/// One peer on a socket of the caller, which is its own: the server tells peers apart by their address.
pub struct LeanPeer {
    connection: RTCPeerConnection,
    local: SocketAddr,
    ssrc: u32,
    progress: Progress,
}

impl LeanPeer {
    /// A peer that sends from `local`, and its offer with that one candidate. Takes about 1 ms of CPU.
    pub fn offer(
        identity: &Identity,
        local: SocketAddr,
        direction: Direction,
        ssrc: u32,
        now: Instant,
    ) -> Result<(Self, String), JoinError> {
        let connection = offered(identity, local, direction, ssrc, now).map_err(JoinError::local)?;
        let sdp = connection.local_description().ok_or_else(|| JoinError::local("no local description"))?.sdp;
        Ok((Self { connection, local, ssrc, progress: Progress::Connecting }, sdp))
    }

    /// Takes the server's answer; checks go out by [`LeanPeer::poll_transmit`] from now on.
    pub fn answer(&mut self, sdp: String, now: Instant) -> Result<(), JoinError> {
        let wrong = |error: Error| JoinError::Answer(error.to_string());
        let answer = RTCSessionDescription::answer(sdp).map_err(wrong)?;
        self.connection.set_remote_description(now, answer).map_err(wrong)?;
        self.sweep();
        Ok(())
    }

    /// How far it is.
    pub fn progress(&self) -> Progress {
        self.progress
    }

    /// Takes one datagram to its end; media goes to `media`. A broken datagram is dropped.
    pub fn receive(&mut self, now: Instant, from: SocketAddr, datagram: &[u8], mut media: impl FnMut(Packet)) {
        let transport = TransportContext {
            local_addr: self.local,
            peer_addr: from,
            transport_protocol: TransportProtocol::UDP,
            ecn: None,
        };
        // What does not decrypt is an attack or noise on the socket: either way nothing to act on.
        _ = self.connection.handle_read(TaggedBytesMut { now, transport, message: BytesMut::from(datagram) });
        while let Some(TaggedRTCMessage { message, .. }) = self.connection.poll_media_read() {
            if let RTCMessage::RtpPacket(_, packet) = message {
                media(Packet {
                    sequence: packet.header.sequence_number,
                    timestamp: packet.header.timestamp,
                    marker: packet.header.marker,
                    ssrc: packet.header.ssrc,
                    payload: packet.payload,
                    arrival: now,
                });
            }
        }
        if !is_media(datagram) || self.progress != Progress::Connected {
            self.sweep();
        }
    }

    /// Queues one Opus packet for [`LeanPeer::poll_transmit`]. Before the connection stands it is dropped.
    pub fn send(&mut self, now: Instant, sequence: u16, timestamp: u32, payload: Bytes) {
        if self.progress != Progress::Connected {
            return;
        }
        let header = rtc::rtp::Header {
            version: 2,
            payload_type: OPUS_PAYLOAD_TYPE,
            sequence_number: sequence,
            timestamp,
            ssrc: self.ssrc,
            ..Default::default()
        };
        let message = RTCMessage::RtpPacket(String::new(), rtc::rtp::Packet { header, payload });
        // It fails only for a connection that is closing, which the next sweep says.
        _ = self.connection.handle_write(TaggedRTCMessage { now, message });
    }

    /// The next datagram to send, and where to.
    pub fn poll_transmit(&mut self) -> Option<(SocketAddr, BytesMut)> {
        self.connection.poll_write().map(|message| (message.transport.peer_addr, message.message))
    }

    /// When [`LeanPeer::handle_timeout`] is due.
    pub fn poll_timeout(&mut self) -> Option<Instant> {
        self.connection.poll_timeout()
    }

    /// Runs the timers that are due.
    pub fn handle_timeout(&mut self, now: Instant) {
        // A layer that fails says so by an event.
        _ = self.connection.handle_timeout(now);
        self.sweep();
    }

    /// Says goodbye (DTLS close_notify); what is left to send comes out of [`LeanPeer::poll_transmit`].
    pub fn close(&mut self) {
        // It fails only for layers that never opened.
        _ = self.connection.close();
        self.progress = Progress::Ended;
    }

    fn sweep(&mut self) {
        while let Some(event) = self.connection.poll_event() {
            if let RTCPeerConnectionEvent::OnConnectionStateChangeEvent(state) = event {
                match state {
                    RTCPeerConnectionState::Connected if self.progress == Progress::Connecting => {
                        self.progress = Progress::Connected;
                    }
                    RTCPeerConnectionState::Failed | RTCPeerConnectionState::Closed => self.progress = Progress::Ended,
                    _ => {}
                }
            }
        }
        while self.connection.poll_read().is_some() {}
    }
}

impl fmt::Debug for LeanPeer {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("LeanPeer").field("local", &self.local).field("progress", &self.progress).finish()
    }
}

/// RTP and RTCP begin with 128 to 191 (RFC 7983 §7).
fn is_media(datagram: &[u8]) -> bool {
    matches!(datagram.first(), Some(128..=191))
}

fn offered(
    identity: &Identity,
    local: SocketAddr,
    direction: Direction,
    ssrc: u32,
    now: Instant,
) -> Result<RTCPeerConnection, Error> {
    let mut media = MediaEngine::default();
    let codec = RTCRtpCodecParameters { rtp_codec: opus(), payload_type: OPUS_PAYLOAD_TYPE };
    media.register_codec(codec, RtpCodecKind::Audio)?;
    let settings = SettingEngineBuilder::new()
        .with_multicast_dns_mode(MulticastDnsMode::Disabled)
        .with_include_loopback_candidate(true)
        .with_ice_timeouts(Some(ICE_TIMEOUT), Some(ICE_TIMEOUT), Some(ICE_KEEP_ALIVE))
        .build();
    let mut connection = RTCPeerConnectionBuilder::new()
        .with_configuration(RTCConfigurationBuilder::new().with_certificates(vec![identity.0.clone()]).build())
        .with_media_engine(media)
        .with_setting_engine(settings)
        .with_interceptor_registry(reports(local.port()))
        .build(now)?;
    let ways = match direction {
        Direction::Receive => RTCRtpTransceiverDirection::Recvonly,
        Direction::Send => RTCRtpTransceiverDirection::Sendonly,
        Direction::Both => RTCRtpTransceiverDirection::Sendrecv,
    };
    let mut init = RTCRtpTransceiverInit { direction: ways, ..Default::default() };
    if direction == Direction::Receive {
        connection.add_transceiver_from_kind(RtpCodecKind::Audio, Some(init))?;
    } else {
        let encoding = RTCRtpEncodingParameters {
            rtp_coding_parameters: RTCRtpCodingParameters { ssrc: Some(ssrc), ..Default::default() },
            codec: opus(),
            ..Default::default()
        };
        init.send_encodings = vec![encoding.clone()];
        let (stream, track) = ("mixminus".to_owned(), "audio".to_owned());
        let track = MediaStreamTrack::new(stream, track.clone(), track, RtpCodecKind::Audio, vec![encoding]);
        connection.add_transceiver_from_track(track, Some(init))?;
    }
    let offer = connection.create_offer(None)?;
    connection.set_local_description(now, offer)?;
    connection.add_local_candidate(host_candidate(local)?)?;
    connection.add_local_candidate(RTCIceCandidateInit::default())?;
    Ok(connection)
}

/// Receiver reports at an interval of its own, 2.5 to 7.5 s (RFC 3550 §6.2; browsers have 5 s for audio): those of two thousand
/// who began to hear at the same moment would else reach the server all at once, and overrun the buffer of its socket.
fn reports(port: u16) -> Registry {
    // Ports next to each other get intervals far apart.
    let interval = Duration::from_millis(2_500 + u64::from(port.wrapping_mul(40_503)) % 5_000);
    Registry::new()
        .with(Slot::ReceiverReport, ReceiverReportBuilder::new().with_interval(interval).build())
        .with(Slot::SenderReport, SenderReportBuilder::new().build())
}

fn host_candidate(local: SocketAddr) -> Result<RTCIceCandidateInit, Error> {
    let candidate = CandidateHostConfig {
        base_config: CandidateConfig {
            network: "udp".to_owned(),
            address: local.ip().to_string(),
            port: local.port(),
            component: 1,
            ..Default::default()
        },
        ..Default::default()
    }
    .new_candidate_host()?;
    RTCIceCandidate::from(&candidate).to_json()
}
