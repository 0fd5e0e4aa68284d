//! The floor: what one packet to a listener costs when nothing is done but SRTP and one system call. See bench/README.md.
//!
//! `floor [--payload BYTES] [--to ADDRESS] [--namespace NAME] [DESTINATIONS…]` prints one line of JSON for each number of
//! destinations. The receiver is another process, in that network namespace where one is named. Only the processor time
//! of the sending thread counts, and only while it sends: what the kernel does in its name (the way through the loopback,
//! waking who reads) is in it.

use std::io::{BufRead, BufReader, Write};
use std::net::{IpAddr, SocketAddr, UdpSocket};
use std::process::{Child, Command, Stdio};
use std::time::Duration;

use anyhow::{Context as _, bail};
use mio::{Events, Interest, Poll, Token};
use rtc_rtp::Header;
use rtc_shared::marshal::Marshal;
use rtc_srtp::{context::Context, protection_profile::ProtectionProfile};
use rustix::net::{MMsgHdr, SendAncillaryBuffer, SendFlags, SocketAddrAny, addr::SocketAddrArg, sendmmsg};
use rustix::time::{ClockId, clock_gettime};

/// Repeats of each figure; the median of them is told.
const REPEATS: usize = 5;
/// In each repeat, at least.
const PACKETS: usize = 10_000;
/// Of one `sendmmsg`; the kernel takes 1024 at most.
const BATCH: usize = 64;
/// What DTLS agrees on between webrtc-rs and webrtc-rs, and with browsers.
const PROFILE: ProtectionProfile = ProtectionProfile::AeadAes128Gcm;
/// So long the receiver hears nothing before it says so: some packets were lost.
const QUIET: Duration = Duration::from_millis(20);

fn main() -> anyhow::Result<()> {
    let mut arguments = std::env::args().skip(1);
    let (mut payload, mut to, mut namespace, mut counts) = (160_usize, IpAddr::from([127, 0, 0, 1]), None, Vec::new());
    while let Some(argument) = arguments.next() {
        let mut value = || arguments.next().with_context(|| format!("{argument} wants a value"));
        match argument.as_str() {
            "--payload" => payload = value()?.parse()?,
            "--to" => to = value()?.parse()?,
            "--namespace" => namespace = Some(value()?),
            "--receive" => return receive(value()?.parse()?, value()?.parse()?),
            count => counts.push(count.parse::<usize>().with_context(|| format!("no number: {count}"))?),
        }
    }
    if counts.is_empty() {
        counts = vec![10, 100, 1_000, 2_000];
    }
    for count in counts {
        measure(count, payload, to, namespace.as_deref())?;
    }
    Ok(())
}

/// The other process.
struct Receiver {
    process: Child,
    addresses: Vec<SocketAddr>,
}

impl Receiver {
    fn start(count: usize, ip: IpAddr, namespace: Option<&str>) -> anyhow::Result<Self> {
        let own = std::env::current_exe()?;
        let mut command = match namespace {
            None => Command::new(own),
            Some(name) => {
                let mut command = Command::new("ip");
                command.args(["netns", "exec", name]).arg(own);
                command
            }
        };
        let mut process = command
            .args(["--receive", &ip.to_string(), &count.to_string()])
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .spawn()?;
        let mut line = String::new();
        let out = process.stdout.take().context("standard output is piped")?;
        BufReader::new(out).read_line(&mut line)?;
        let ports = line.split_whitespace().map(str::parse).collect::<Result<Vec<u16>, _>>()?;
        let addresses: Vec<_> = ports.into_iter().map(|port| SocketAddr::new(ip, port)).collect();
        if addresses.len() != count {
            bail!("the receiver has {} of {count} sockets; is `ulimit -n` high enough?", addresses.len());
        }
        Ok(Self { process, addresses })
    }
}

impl Drop for Receiver {
    fn drop(&mut self) {
        // It ends with its standard input.
        drop(self.process.stdin.take());
        _ = self.process.wait();
    }
}

/// Reads from `count` sockets, whose ports it prints, until standard input ends; after each round of `count` packets it
/// sends one back, so that nobody sends into full buffers.
fn receive(ip: IpAddr, count: usize) -> anyhow::Result<()> {
    let mut poll = Poll::new()?;
    let mut sockets = Vec::with_capacity(count);
    let mut ports = String::new();
    for at in 0..count {
        let mut socket = mio::net::UdpSocket::bind((ip, 0).into())?;
        poll.registry().register(&mut socket, Token(at), Interest::READABLE)?;
        ports.push_str(&format!("{} ", socket.local_addr()?.port()));
        sockets.push(socket);
    }
    writeln!(std::io::stdout(), "{ports}")?;
    std::thread::spawn(|| {
        let mut nothing = String::new();
        _ = std::io::stdin().read_line(&mut nothing);
        std::process::exit(0);
    });
    let (mut events, mut buffer) = (Events::with_capacity(1024), [0; 2048]);
    let (mut got, mut sender) = (0, None);
    loop {
        poll.poll(&mut events, sender.map(|_| QUIET))?;
        for event in &events {
            let socket = &sockets[event.token().0];
            while let Ok((_, from)) = socket.recv_from(&mut buffer) {
                got += 1;
                sender = Some(from);
            }
        }
        if let Some(from) = sender.filter(|_| got >= count || events.is_empty()) {
            sockets[0].send_to(&(got as u64).to_be_bytes(), from)?;
            (got, sender) = (0, None);
        }
    }
}

/// One way to bring packets to the kernel.
type Way = fn(&UdpSocket, &[SocketAddr], &mut [Context], &mut Packet) -> anyhow::Result<usize>;

fn measure(count: usize, payload: usize, to: IpAddr, namespace: Option<&str>) -> anyhow::Result<()> {
    let receiver = Receiver::start(count, to, namespace)?;
    let unspecified: IpAddr = if to.is_ipv4() { [0, 0, 0, 0].into() } else { [0_u16; 8].into() };
    let socket = UdpSocket::bind((unspecified, 0))?;
    socket.set_read_timeout(Some(Duration::from_secs(1)))?;
    let mut contexts = contexts(count)?;
    let mut packet = Packet::new(payload)?;
    let mut figures = Vec::new();
    let mut lost = 0;
    for way in [send_each as Way, send_batches, only_encrypt] {
        let mut repeats = Vec::new();
        // The first one warms up.
        for _ in 0..=REPEATS {
            let (mut spent, mut rounds) = (Duration::ZERO, 0);
            while rounds * count < PACKETS {
                packet.next();
                let began = thread_time();
                let sent = way(&socket, &receiver.addresses, &mut contexts, &mut packet)?;
                spent += thread_time() - began;
                rounds += 1;
                if sent > 0 {
                    lost += count - acknowledged(&socket)?;
                }
            }
            repeats.push(spent.as_secs_f64() * 1e6 / (rounds * count) as f64);
        }
        repeats.remove(0);
        repeats.sort_by(f64::total_cmp);
        figures.push((repeats[REPEATS / 2] * 1e3).round() / 1e3);
    }
    let line = serde_json::json!({
        "destinations": count, "bytes": packet.bytes.len() + 16, "profile": "AEAD_AES_128_GCM",
        "sendto_us": figures[0], "sendmmsg_us": figures[1], "srtp_us": figures[2], "lost": lost,
    });
    Ok(writeln!(std::io::stdout(), "{line}")?)
}

/// How many packets of a round the receiver has got.
fn acknowledged(socket: &UdpSocket) -> anyhow::Result<usize> {
    let mut answer = [0; 8];
    socket.recv(&mut answer).context("the receiver is silent")?;
    Ok(u64::from_be_bytes(answer) as usize)
}

fn thread_time() -> Duration {
    let time = clock_gettime(ClockId::ThreadCPUTime);
    Duration::new(time.tv_sec as u64, time.tv_nsec as u32)
}

/// Each destination has keys of its own, as each listener has.
fn contexts(count: usize) -> anyhow::Result<Vec<Context>> {
    let provider = rtc_crypto::default_provider()?;
    let one = |at: usize| {
        let mut key = [7; 16];
        key[..8].copy_from_slice(&at.to_be_bytes());
        Ok(Context::new(&key, &[9; 12], PROFILE, None, None, provider.crypto())?)
    };
    (0..count).map(one).collect()
}

/// An RTP packet as a talker sends it.
struct Packet {
    header: Header,
    bytes: Vec<u8>,
}

impl Packet {
    fn new(payload: usize) -> anyhow::Result<Self> {
        let header = Header { version: 2, payload_type: 111, ssrc: 1, ..Default::default() };
        let mut bytes = header.marshal()?.to_vec();
        bytes.resize(bytes.len() + payload, 0x5a);
        Ok(Self { header, bytes })
    }

    fn next(&mut self) {
        self.header.sequence_number = self.header.sequence_number.wrapping_add(1);
        self.header.timestamp = self.header.timestamp.wrapping_add(960);
        self.bytes[2..4].copy_from_slice(&self.header.sequence_number.to_be_bytes());
        self.bytes[4..8].copy_from_slice(&self.header.timestamp.to_be_bytes());
    }
}

fn send_each(
    socket: &UdpSocket,
    to: &[SocketAddr],
    contexts: &mut [Context],
    packet: &mut Packet,
) -> anyhow::Result<usize> {
    for (to, context) in to.iter().zip(contexts) {
        let datagram = context.encrypt_rtp_with_header(&packet.bytes, &packet.header)?;
        socket.send_to(&datagram, to)?;
    }
    Ok(to.len())
}

fn send_batches(
    socket: &UdpSocket,
    to: &[SocketAddr],
    contexts: &mut [Context],
    packet: &mut Packet,
) -> anyhow::Result<usize> {
    for (to, contexts) in to.chunks(BATCH).zip(contexts.chunks_mut(BATCH)) {
        let mut datagrams = Vec::with_capacity(BATCH);
        for context in contexts {
            datagrams.push(context.encrypt_rtp_with_header(&packet.bytes, &packet.header)?);
        }
        let addresses: Vec<SocketAddrAny> = to.iter().map(SocketAddrArg::as_any).collect();
        let slices: Vec<_> = datagrams.iter().map(|datagram| [std::io::IoSlice::new(datagram)]).collect();
        let mut controls: Vec<_> = to.iter().map(|_| SendAncillaryBuffer::default()).collect();
        let mut messages: Vec<_> = addresses
            .iter()
            .zip(&slices)
            .zip(&mut controls)
            .map(|((to, slice), control)| MMsgHdr::new_with_addr(to, slice, control))
            .collect();
        let sent = sendmmsg(socket, &mut messages, SendFlags::empty())?;
        if sent != to.len() {
            bail!("sendmmsg took {sent} of {}", to.len());
        }
    }
    Ok(to.len())
}

/// What of it is SRTP.
fn only_encrypt(
    _: &UdpSocket,
    _: &[SocketAddr],
    contexts: &mut [Context],
    packet: &mut Packet,
) -> anyhow::Result<usize> {
    for context in contexts {
        std::hint::black_box(context.encrypt_rtp_with_header(&packet.bytes, &packet.header)?);
    }
    Ok(0)
}
