//! Peers with ears and voices, driven by the test itself: each has a socket, says a tone and decodes what it hears.
#![allow(dead_code, reason = "each test file uses its part")]

use std::collections::BTreeSet;
use std::net::{Ipv4Addr, SocketAddr, UdpSocket};
use std::time::{Duration, Instant};

use audio::{CHANNELS, Decoder, Encoder, EncoderSettings, FRAME_SAMPLES, FRAME_TIME, Frame, MAX_DECODED, MAX_ENCODED};
use bytes::Bytes;
use server::clock::Clock;
use signaling::client::{AdmitError, Admitted, Client, Direction, Identity, LeanPeer, Progress};
use signaling::{RoomName, TrackId};

/// What has not happened by then does not happen.
const PATIENCE: Duration = Duration::from_secs(25);
/// Of every tone, dBFS of its peak.
pub const LOUD_DB: f64 = -20.0;
/// Over which a level is measured: whole periods of all multiples of 20 Hz.
const WINDOW: usize = 9600;

/// RFC 6347 §4.1, RFC 5246 §6.2.1.
const DTLS_ALERT: u8 = 21;

fn now() -> Instant {
    let clock = Clock::start();
    clock.instant(clock.now())
}

/// One peer of a test.
pub struct Member {
    pub id: TrackId,
    /// Tells the workers apart.
    pub port: u16,
    /// What it says, Hz.
    pub tone: Option<f64>,
    /// The packets that it sent and that it got.
    pub sent: Vec<Bytes>,
    pub got: Vec<Bytes>,
    /// The left of all it has heard.
    pub heard: Vec<f32>,
    /// Packets that are missing between the first that it got and the last.
    pub missing: i64,
    /// The server has said goodbye (a DTLS alert).
    is_told: bool,
    peer: LeanPeer,
    socket: UdpSocket,
    admitted: Option<Admitted>,
    encoder: Encoder,
    decoder: Decoder,
    first: Option<u16>,
    frames: u32,
    speaks_at: Instant,
}

impl Member {
    pub fn is_connected(&self) -> bool {
        self.peer.progress() == Progress::Connected
    }

    pub fn is_over(&self) -> bool {
        self.is_told || self.peer.progress() == Progress::Ended
    }

    /// How loud a tone is in what it has just heard, dBFS.
    pub fn level_of(&self, hz: f64) -> f64 {
        let Some(start) = self.heard.len().checked_sub(WINDOW) else { return -150.0 };
        let (mut re, mut im) = (0.0, 0.0);
        for (n, sample) in self.heard[start..].iter().enumerate() {
            let turn = std::f64::consts::TAU * hz * n as f64 / 48_000.0;
            re += f64::from(*sample) * turn.cos();
            im += f64::from(*sample) * turn.sin();
        }
        20.0 * (2.0 * (re * re + im * im).sqrt() / WINDOW as f64).max(1e-7).log10()
    }

    fn step(&mut self, now: Instant) {
        let mut buffer = [0; 2048];
        while let Ok((length, from)) = self.socket.recv_from(&mut buffer) {
            self.is_told |= buffer[0] == DTLS_ALERT;
            let Self { peer, got, heard, decoder, first, missing, .. } = self;
            peer.receive(now, from, &buffer[..length], |packet| {
                let first = *first.get_or_insert(packet.sequence);
                let came = got.len() as i64 + 1;
                *missing = i64::from(packet.sequence.wrapping_sub(first)) + 1 - came;
                let mut out = [0.0; MAX_DECODED];
                let samples = decoder.decode(&packet.payload, &mut out).expect("it is Opus");
                heard.extend(out[..samples * CHANNELS].iter().step_by(CHANNELS));
                got.push(packet.payload);
            });
        }
        if self.peer.poll_timeout().is_some_and(|at| at <= now) {
            self.peer.handle_timeout(now);
        }
        while let Some(hz) = self.tone.filter(|_| self.is_connected() && self.speaks_at <= now) {
            let packet = self.frame(hz);
            self.peer.send(now, self.frames as u16, self.frames.wrapping_mul(FRAME_SAMPLES as u32), packet.clone());
            self.sent.push(packet);
            self.frames += 1;
            self.speaks_at = (self.speaks_at + FRAME_TIME).max(now.checked_sub(FRAME_TIME * 5).unwrap_or(now));
        }
        while let Some((to, datagram)) = self.peer.poll_transmit() {
            // On loopback it fails only when the server has gone.
            _ = self.socket.send_to(&datagram, to);
        }
    }

    fn frame(&mut self, hz: f64) -> Bytes {
        let mut frame = Frame::SILENCE;
        let start = self.frames as usize * FRAME_SAMPLES;
        for (n, pair) in frame.samples_mut().chunks_exact_mut(CHANNELS).enumerate() {
            let turn = (hz * (start + n) as f64 / 48_000.0).fract() * std::f64::consts::TAU;
            pair.fill((10_f64.powf(LOUD_DB / 20.0) * turn.sin()) as f32);
        }
        let mut packet = vec![0; MAX_ENCODED];
        let length = self.encoder.encode(&frame, &mut packet).expect("a frame can be encoded");
        packet.truncate(length);
        packet.into()
    }
}

/// All peers of a test, in one room.
pub struct Crowd {
    pub client: Client,
    pub room: RoomName,
    pub members: Vec<Member>,
    identity: Identity,
}

impl Crowd {
    pub fn new(server: SocketAddr, room: &str) -> Self {
        Self {
            client: Client::new(&format!("http://{server}"), None).expect("it is a URL"),
            room: room.parse().expect("it is a name"),
            members: Vec::new(),
            identity: Identity::generate().expect("there is a crypto library"),
        }
    }

    /// Brings one in and waits until it is connected.
    pub async fn join(&mut self, direction: Direction, tone: Option<f64>) {
        let socket = UdpSocket::bind((Ipv4Addr::LOCALHOST, 0)).expect("loopback has a port");
        socket.set_nonblocking(true).expect("a socket can be that");
        let local = socket.local_addr().expect("it is bound");
        let joins_at = now();
        let ssrc = self.members.len() as u32 + 1;
        let (mut peer, offer) = LeanPeer::offer(&self.identity, local, direction, ssrc, joins_at).expect("an offer");
        let begin = now();
        let admitted = loop {
            match self.client.admit(&self.room, direction, offer.clone()).await {
                Ok(admitted) => break admitted,
                // The server has too much to do now.
                Err(AdmitError::Full { .. }) => assert!(now() - begin < PATIENCE, "it is never let in"),
                Err(error) => panic!("it may not come in: {error}"),
            }
            self.step();
            tokio::time::sleep(Duration::from_millis(2)).await;
        };
        peer.answer(admitted.answer.clone(), now()).expect("the answer can be used");
        let candidate = admitted.answer.lines().find(|line| line.starts_with("a=candidate:")).expect("a candidate");
        let member = Member {
            id: admitted.id().expect("the Location ends with it"),
            port: candidate.split(' ').nth(5).and_then(|port| port.parse().ok()).expect("a port"),
            tone,
            sent: Vec::new(),
            got: Vec::new(),
            heard: Vec::new(),
            missing: 0,
            is_told: false,
            peer,
            socket,
            admitted: Some(admitted),
            encoder: Encoder::new(EncoderSettings::default()).expect("libopus has memory"),
            decoder: Decoder::new().expect("libopus has memory"),
            first: None,
            frames: 0,
            speaks_at: joins_at,
        };
        self.members.push(member);
        let last = self.members.len() - 1;
        self.until("it is connected", |members| members[last].is_connected()).await;
        self.members[last].speaks_at = now();
    }

    /// Hangs one up by DELETE.
    pub async fn dismiss(&mut self, member: usize) {
        let admitted = self.members[member].admitted.take().expect("it is in");
        self.client.dismiss(admitted).await.expect("it can leave");
    }

    /// One moment: all send what is due and take what has come.
    pub fn step(&mut self) {
        self.members.iter_mut().for_each(|member| member.step(now()));
    }

    /// Lets time go by until something holds.
    pub async fn until(&mut self, what: &str, holds: impl Fn(&[Member]) -> bool) {
        let begin = now();
        loop {
            self.step();
            if holds(&self.members) {
                return;
            }
            assert!(now() - begin < PATIENCE, "it does not come to be that {what}");
            tokio::time::sleep(Duration::from_millis(2)).await;
        }
    }

    /// Lets time go by until every hearer has got so many packets more.
    pub async fn packets(&mut self, more: usize) {
        let before: Vec<usize> = self.members.iter().map(|member| member.got.len()).collect();
        self.until("packets come", |members| {
            members.iter().zip(&before).all(|(member, before)| member.got.len() >= before + more)
        })
        .await;
    }

    /// Lets time go by until the server says that so many peers are there.
    pub async fn until_there_are(&mut self, peers: u32) {
        let begin = now();
        while self.client.health().await.expect("it is alive").peers != peers {
            assert!(now() - begin < PATIENCE, "there are never {peers} peers");
            self.step();
            tokio::time::sleep(Duration::from_millis(2)).await;
        }
    }

    /// On how many workers they are.
    pub fn workers(&self) -> usize {
        self.members.iter().map(|member| member.port).collect::<BTreeSet<_>>().len()
    }
}
