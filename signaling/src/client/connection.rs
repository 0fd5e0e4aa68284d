//! One WebRTC connection to the server: the only file that builds on webrtc's async form.

use std::{
    net::{IpAddr, SocketAddr, UdpSocket},
    sync::{Arc, Weak},
    time::{Duration, Instant},
};

use reqwest::Url;
use rtc::{
    ice::mdns::MulticastDnsMode,
    interceptor::{Registry, Slot},
    media_stream::MediaStreamTrack,
    peer_connection::configuration::{
        interceptor_registry::configure_rtcp_reports,
        media_engine::{MIME_TYPE_OPUS, MediaEngine},
        setting_engine::SettingEngineBuilder,
    },
    peer_connection::transport::RTCDtlsTransportState,
    rtp,
    rtp_transceiver::{
        RTCRtpTransceiverDirection, RTCRtpTransceiverInit,
        rtp_sender::{
            RTCRtpCodec, RTCRtpCodecParameters, RTCRtpCodingParameters, RTCRtpEncodingParameters, RtpCodecKind,
        },
    },
};
use tokio::{
    sync::{mpsc, watch},
    time::MissedTickBehavior,
};
use uuid::Uuid;
use webrtc::{
    media_stream::{
        track_local::{TrackLocal, static_rtp::TrackLocalStaticRTP},
        track_remote::{TrackRemote, TrackRemoteEvent},
    },
    peer_connection::{
        PeerConnection, PeerConnectionBuilder, PeerConnectionEventHandler, RTCConfigurationBuilder,
        RTCIceGatheringState, RTCPeerConnectionState, RTCSessionDescription,
    },
};

use super::{Client, JoinError, feedback, listener::Packet};

/// The payload type that our offers give Opus.
pub(super) const OPUS_PAYLOAD_TYPE: u8 = 111;
/// Stereo both ways, FEC both ways; the server's answer says what it sends.
const OPUS_FMTP: &str = "minptime=10;useinbandfec=1;stereo=1;sprop-stereo=1";
/// Nearest to the wire: see [`feedback::Feedback`].
const FEEDBACK_SLOT: usize = 500;
/// ICE: quiet for this long is an interruption, for as long again a hang-up (RFC 7675).
const ICE_TIMEOUT: Duration = Duration::from_secs(4);
pub(super) const ICE_KEEP_ALIVE: Duration = Duration::from_secs(2);
/// How often to look whether the server has said goodbye: webrtc keeps the DTLS state but tells nobody.
const GOODBYE_LOOK: Duration = Duration::from_millis(200);
/// A server on the same continent connects in under a second.
const CONNECT_TIMEOUT: Duration = Duration::from_secs(10);
/// Host candidates are there at once; this bounds a machine that has none.
const GATHER_TIMEOUT: Duration = Duration::from_secs(3);
/// Why a connection ended that the server has closed.
const HUNG_UP: &str = "the server hung up";
/// Packets waiting for the reader: 20 s of 20 ms packets, after which new ones are dropped.
const RECEIVE_QUEUE: usize = 1_000;

/// Where a connection stands.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum State {
    /// ICE and DTLS are on their way.
    Connecting,
    /// Media flows.
    Connected,
    /// The network is silent; it may come back.
    Interrupted,
    /// Over, and why.
    Ended(String),
}

/// Which ways the audio section goes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Direction {
    /// Talks: WHIP.
    Send,
    /// Hears: WHEP.
    Receive,
    /// Talks and hears: `/api/offer`.
    Both,
}

/// A connection before the server has answered.
pub(super) struct Offering {
    peer: Arc<dyn PeerConnection>,
    state: Arc<watch::Sender<State>>,
    reports: feedback::Shared,
    outgoing: Option<Outgoing>,
    incoming: mpsc::Receiver<Packet>,
    /// The offer with all candidates.
    pub(super) sdp: String,
}

/// The sending half's track and SSRC.
#[derive(Clone)]
pub(super) struct Outgoing {
    track: Arc<TrackLocalStaticRTP>,
    ssrc: u32,
}

/// A connected peer of the room; shared by its sending and its receiving half.
pub(super) struct Connection {
    client: Client,
    location: Url,
    peer: Arc<dyn PeerConnection>,
    state: Arc<watch::Sender<State>>,
    pub(super) reports: feedback::Shared,
}

impl Offering {
    pub(super) async fn new(client: &Client, direction: Direction) -> Result<Self, JoinError> {
        let state = Arc::new(watch::Sender::new(State::Connecting));
        let (gathered_tx, mut gathered) = watch::channel(false);
        let (packets, incoming) = mpsc::channel(RECEIVE_QUEUE);
        let reports = feedback::Shared::default();
        let handler = Arc::new(Handler { state: Arc::clone(&state), gathered: gathered_tx, packets });
        let peer = build(local_addresses(client).await?, handler, reports.clone()).await.map_err(JoinError::local)?;
        let outgoing = attach(&*peer, direction).await.map_err(JoinError::local)?;

        let offer = peer.create_offer(None).await.map_err(JoinError::local)?;
        peer.set_local_description(offer).await.map_err(JoinError::local)?;
        // Late candidates are no loss: the server learns them from our checks.
        let _ = tokio::time::timeout(GATHER_TIMEOUT, gathered.wait_for(|done| *done)).await;
        let sdp = peer.local_description().await.ok_or_else(|| JoinError::local("no local description"))?.sdp;
        Ok(Self { peer, state, reports, outgoing, incoming, sdp })
    }

    /// Takes the server's answer and waits until media can flow. Where that fails the server is
    /// told, so that no ghost stays in the room.
    pub(super) async fn connect(
        self,
        client: &Client,
        answer: String,
        location: Url,
    ) -> Result<(Arc<Connection>, Option<Outgoing>, mpsc::Receiver<Packet>), JoinError> {
        let Self { peer, state, reports, outgoing, incoming, .. } = self;
        let connection = Arc::new(Connection { client: client.clone(), location, peer, state, reports });
        match connection.establish(answer).await {
            Ok(()) => Ok((connection, outgoing, incoming)),
            Err(error) => {
                connection.close().await;
                Err(error)
            }
        }
    }
}

impl Connection {
    async fn establish(&self, answer: String) -> Result<(), JoinError> {
        let answer = RTCSessionDescription::answer(answer).map_err(|e| JoinError::Answer(e.to_string()))?;
        self.peer.set_remote_description(answer).await.map_err(|e| JoinError::Answer(e.to_string()))?;
        tokio::spawn(look_for_goodbye(Arc::downgrade(&self.peer), Arc::clone(&self.state)));
        let mut state = self.state();
        let settled = state.wait_for(|state| *state != State::Connecting);
        match tokio::time::timeout(CONNECT_TIMEOUT, settled).await {
            Ok(Ok(state)) => match &*state {
                State::Ended(reason) => Err(JoinError::NotConnected(reason.clone())),
                _ => Ok(()),
            },
            Ok(Err(_)) => Err(JoinError::NotConnected("the connection's task has ended".into())),
            Err(_) => Err(JoinError::NotConnected(format!(
                "no answer on the media port within {} s; is UDP open between here and there?",
                CONNECT_TIMEOUT.as_secs()
            ))),
        }
    }

    /// Hangs up: DELETE, then the transports. A second call does nothing that hurts.
    pub(super) async fn close(&self) {
        change(&self.state, State::Ended("closed here".into()));
        let _ = self.client.hang_up(self.location.clone()).await;
        let _ = self.peer.close().await;
    }

    /// Where the connection stands, and every change of it.
    pub(super) fn state(&self) -> watch::Receiver<State> {
        self.state.subscribe()
    }

    /// The id of the peer and of its track: the last part of the Location.
    pub(super) fn id(&self) -> &str {
        self.location.path_segments().and_then(|mut parts| parts.next_back()).unwrap_or_default()
    }
}

impl Outgoing {
    pub(super) async fn send(&self, header: rtp::header::Header, payload: bytes::Bytes) -> Result<(), String> {
        let header = rtp::header::Header { version: 2, payload_type: OPUS_PAYLOAD_TYPE, ssrc: self.ssrc, ..header };
        self.track.write_rtp(rtp::Packet { header, payload }).await.map_err(|e| e.to_string())
    }
}

/// Hands the connection's news on. Its callbacks run on the connection's own task and must not wait.
struct Handler {
    state: Arc<watch::Sender<State>>,
    gathered: watch::Sender<bool>,
    packets: mpsc::Sender<Packet>,
}

#[async_trait::async_trait]
impl PeerConnectionEventHandler for Handler {
    async fn on_ice_gathering_state_change(&self, state: RTCIceGatheringState) {
        if state == RTCIceGatheringState::Complete {
            let _ = self.gathered.send(true);
        }
    }

    async fn on_connection_state_change(&self, state: RTCPeerConnectionState) {
        let state = match state {
            RTCPeerConnectionState::Connected => State::Connected,
            RTCPeerConnectionState::Disconnected => State::Interrupted,
            RTCPeerConnectionState::Failed => State::Ended("the network to the server is gone".into()),
            RTCPeerConnectionState::Closed => State::Ended(HUNG_UP.into()),
            _ => return,
        };
        change(&self.state, state);
    }

    async fn on_track(&self, track: Arc<dyn TrackRemote>) {
        let packets = self.packets.clone();
        tokio::spawn(async move {
            // webrtc drops in silence what is not read at once, so this task only moves packets on.
            while let Some(event) = track.poll().await {
                match event {
                    TrackRemoteEvent::OnRtpPacket(packet) => {
                        let packet = Packet {
                            sequence: packet.header.sequence_number,
                            timestamp: packet.header.timestamp,
                            marker: packet.header.marker,
                            ssrc: packet.header.ssrc,
                            payload: packet.payload,
                            arrival: Instant::now(),
                        };
                        if let Err(mpsc::error::TrySendError::Closed(_)) = packets.try_send(packet) {
                            return;
                        }
                    }
                    TrackRemoteEvent::OnEnded => return,
                    _ => {}
                }
            }
        });
    }
}

/// What has ended stays ended, for its first reason.
fn change(state: &watch::Sender<State>, to: State) {
    state.send_if_modified(|now| {
        let changed = !matches!(now, State::Ended(_)) && *now != to;
        if changed {
            *now = to;
        }
        changed
    });
}

/// Ends the connection when the server has closed DTLS, some seconds before ICE would notice. A
/// listener to whom nobody has spoken yet has no transport to ask; ICE notices for it.
async fn look_for_goodbye(peer: Weak<dyn PeerConnection>, state: Arc<watch::Sender<State>>) {
    let mut looks = tokio::time::interval(GOODBYE_LOOK);
    looks.set_missed_tick_behavior(MissedTickBehavior::Delay);
    loop {
        looks.tick().await;
        if matches!(*state.borrow(), State::Ended(_)) {
            return;
        }
        let Some(peer) = peer.upgrade() else { return };
        if is_dtls_closed(&*peer).await {
            change(&state, State::Ended(HUNG_UP.into()));
        }
    }
}

async fn is_dtls_closed(peer: &dyn PeerConnection) -> bool {
    let transport = match (peer.get_senders().await.first(), peer.get_receivers().await.first()) {
        (Some(sender), _) => sender.transport().await,
        (None, Some(receiver)) => receiver.transport().await,
        (None, None) => return false,
    };
    match transport {
        Ok(Some(transport)) => transport.state().await.is_ok_and(|state| state == RTCDtlsTransportState::Closed),
        _ => false,
    }
}

async fn build(
    addresses: Vec<SocketAddr>,
    handler: Arc<Handler>,
    reports: feedback::Shared,
) -> webrtc::error::Result<Arc<dyn PeerConnection>> {
    let mut media = MediaEngine::default();
    media.register_codec(
        RTCRtpCodecParameters { rtp_codec: opus(), payload_type: OPUS_PAYLOAD_TYPE },
        RtpCodecKind::Audio,
    )?;
    let settings = SettingEngineBuilder::new()
        .with_multicast_dns_mode(MulticastDnsMode::Disabled)
        .with_include_loopback_candidate(true)
        .with_ice_timeouts(Some(ICE_TIMEOUT), Some(ICE_TIMEOUT), Some(ICE_KEEP_ALIVE))
        .build();
    let interceptors =
        configure_rtcp_reports(Registry::new()).with(Slot::from(FEEDBACK_SLOT), feedback::Feedback::new(reports));
    let peer = PeerConnectionBuilder::new()
        .with_configuration(RTCConfigurationBuilder::new().build())
        .with_media_engine(media)
        .with_setting_engine(settings)
        .with_interceptor_registry(interceptors)
        .with_handler(handler)
        .with_udp_addrs(addresses)
        .build()
        .await?;
    Ok(Arc::new(peer))
}

async fn attach(peer: &dyn PeerConnection, direction: Direction) -> webrtc::error::Result<Option<Outgoing>> {
    let init = |direction| Some(RTCRtpTransceiverInit { direction, ..Default::default() });
    if direction == Direction::Receive {
        peer.add_transceiver_from_kind(RtpCodecKind::Audio, init(RTCRtpTransceiverDirection::Recvonly)).await?;
        return Ok(None);
    }
    let ssrc = (Uuid::new_v4().as_u128() & 0xffff_ffff) as u32;
    let encoding = RTCRtpEncodingParameters {
        rtp_coding_parameters: RTCRtpCodingParameters { ssrc: Some(ssrc), ..Default::default() },
        codec: opus(),
        ..Default::default()
    };
    let track = MediaStreamTrack::new(
        "mixminus".to_owned(),
        Uuid::new_v4().to_string(),
        "audio".to_owned(),
        RtpCodecKind::Audio,
        vec![encoding],
    );
    let track = Arc::new(TrackLocalStaticRTP::new(track));
    let way = match direction {
        Direction::Send => RTCRtpTransceiverDirection::Sendonly,
        _ => RTCRtpTransceiverDirection::Sendrecv,
    };
    let mut init = init(way).unwrap_or_default();
    init.send_encodings = track.track().await.codings().to_vec();
    peer.add_transceiver_from_track(track.clone(), Some(init)).await?;
    Ok(Some(Outgoing { track, ssrc }))
}

pub(super) fn opus() -> RTCRtpCodec {
    RTCRtpCodec {
        mime_type: MIME_TYPE_OPUS.to_owned(),
        clock_rate: 48_000,
        channels: 2,
        sdp_fmtp_line: OPUS_FMTP.to_owned(),
        rtcp_feedback: vec![],
    }
}

/// The addresses of this machine from which packets to the server leave, with port 0: loopback for
/// a server on loopback, otherwise the interface of the route. One for each family that the
/// server's name has.
pub(super) async fn local_addresses(client: &Client) -> Result<Vec<SocketAddr>, JoinError> {
    let host = client.server.host_str().unwrap_or_default().trim_matches(['[', ']']).to_owned();
    let port = client.server.port_or_known_default().unwrap_or(80);
    let servers = tokio::net::lookup_host((host.as_str(), port)).await.map_err(|e| client.unreachable(&e))?;
    let mut local: Vec<IpAddr> = servers.filter_map(route_to).collect();
    local.sort();
    local.dedup();
    if local.is_empty() {
        return Err(JoinError::local(format!("no network interface leads to {host}")));
    }
    Ok(local.into_iter().map(|ip| SocketAddr::new(ip, 0)).collect())
}

/// Asks the system for the route by connecting a datagram socket, which sends nothing.
fn route_to(server: SocketAddr) -> Option<IpAddr> {
    let any: IpAddr = if server.is_ipv4() { [0; 4].into() } else { [0; 16].into() };
    let socket = UdpSocket::bind((any, 0)).ok()?;
    socket.connect(server).ok()?;
    socket.local_addr().ok().map(|address| address.ip())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn a_server_on_loopback_is_reached_from_loopback() {
        for server in ["http://127.0.0.1:8080", "http://localhost:8080"] {
            let client = Client::new(server, None).unwrap();
            let addresses = local_addresses(&client).await.unwrap();
            assert!(!addresses.is_empty());
            assert!(addresses.iter().all(|a| a.ip().is_loopback() && a.port() == 0), "{addresses:?}");
        }
    }

    #[tokio::test]
    async fn an_offer_has_one_opus_section_with_its_candidates() {
        let client = Client::new("http://127.0.0.1:8080", None).unwrap();
        for (direction, line) in
            [(Direction::Send, "a=sendonly"), (Direction::Receive, "a=recvonly"), (Direction::Both, "a=sendrecv")]
        {
            let offering = Offering::new(&client, direction).await.unwrap();
            let sdp = &offering.sdp;
            assert_eq!(sdp.matches("m=").count(), 1, "{sdp}");
            for wanted in [line, "a=rtpmap:111 opus/48000/2", "127.0.0.1", "typ host", "a=setup:actpass"] {
                assert!(sdp.contains(wanted), "{wanted} is missing in {sdp}");
            }
            offering.peer.close().await.unwrap();
        }
    }
}
