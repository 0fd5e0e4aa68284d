//! The two sockets of a worker, both on its one port. STUN, DTLS and what nobody knows come to the first and wake the
//! worker. RTP and RTCP come to the second, by a filter in the kernel on the first byte (RFC 7983 §7): while all rooms
//! mix, nothing that comes is wanted before the next step, and so nobody is woken for it. When it came says the kernel.

use std::io::{self, ErrorKind, IoSliceMut};
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr};
use std::os::fd::AsRawFd;
use std::time::Duration;

use mio::{Interest, Registry, Token, net::UdpSocket};
use nix::libc::{BPF_ABS, BPF_B, BPF_JGE, BPF_JGT, BPF_JMP, BPF_K, BPF_LD, BPF_RET, sock_filter, sock_fprog};
use nix::sys::socket::sockopt::{AttachReusePortCbpf, ReceiveTimestampns};
use nix::sys::socket::{ControlMessageOwned, MsgFlags, SockaddrStorage, recvmsg, setsockopt};
use rustix::net::{AddressFamily, SendFlags, SocketFlags, SocketType, sockopt};

/// Bytes that the kernel keeps for a worker that is busy: what a thousand peers send when all join at once.
const RECEIVE_BUFFER: usize = 4 << 20;

/// A datagram that was read.
#[derive(Clone, Copy, Debug)]
pub struct Came {
    /// Bytes of it in the buffer.
    pub length: usize,
    /// Where it is from.
    pub from: SocketAddr,
    /// When the kernel took it in, since 1970; none where that is not noted.
    pub at: Option<Duration>,
}

/// Both sockets of a worker.
pub struct Sockets {
    first: Side,
    /// None where the kernel has no such filter: then all comes to the first.
    media: Option<Side>,
    /// Whether media wakes the worker.
    is_watched: bool,
    /// Room for what the kernel notes beside a datagram.
    notes: Vec<u8>,
}

struct Side {
    socket: UdpSocket,
    token: Token,
    /// It was not seen empty since it last woke the worker.
    may_have_more: bool,
}

impl Sockets {
    /// Binds both. Where this machine does not have `ip` (a forwarded port, an elastic address) they take all interfaces.
    /// Media wakes the worker, for now.
    pub fn open(ip: IpAddr, port: u16, registry: &Registry, tokens: [Token; 2]) -> io::Result<Self> {
        let first = match std::net::UdpSocket::bind((ip, port)) {
            Err(error) if error.kind() == ErrorKind::AddrNotAvailable => {
                let any =
                    if ip.is_ipv4() { IpAddr::V4(Ipv4Addr::UNSPECIFIED) } else { IpAddr::V6(Ipv6Addr::UNSPECIFIED) };
                std::net::UdpSocket::bind((any, port))?
            }
            bound => bound?,
        };
        first.set_nonblocking(true)?;
        // What we send fits into every path and is never cut up; then the kernel need not number it for those who put it
        // together again, a thirtieth of its work. IPv6 numbers only what it cuts up.
        _ = sockopt::set_ip_mtu_discover(&first, sockopt::Ipv4PathMtuDiscovery::DO);
        let media =
            beside(&first).inspect_err(|error| tracing::info!(%error, "Media shares a socket with the rest")).ok();
        let side = |socket, token| {
            let mut side = Side { socket: UdpSocket::from_std(socket), token, may_have_more: true };
            // The kernel gives as much of it as it allows (`net.core.rmem_max`); nothing depends on it.
            _ = sockopt::set_socket_recv_buffer_size(&side.socket, RECEIVE_BUFFER);
            registry.register(&mut side.socket, token, Interest::READABLE)?;
            io::Result::Ok(side)
        };
        let [first_token, media_token] = tokens;
        Ok(Self {
            first: side(first, first_token)?,
            media: media.map(|media| side(media, media_token)).transpose()?,
            is_watched: true,
            notes: nix::cmsg_space!(nix::sys::time::TimeSpec),
        })
    }

    /// The port of both.
    pub fn port(&self) -> io::Result<u16> {
        Ok(self.first.socket.local_addr()?.port())
    }

    /// Whether media is to wake the worker from now on. Where it is not, [`Sockets::look`] looks for it.
    pub fn watch(&mut self, is_wanted: bool, registry: &Registry) {
        let Some(media) = self.media.as_mut().filter(|_| is_wanted != self.is_watched) else { return };
        let done = if is_wanted {
            // What waits already wakes it at once.
            registry.register(&mut media.socket, media.token, Interest::READABLE)
        } else {
            registry.deregister(&mut media.socket)
        };
        // What failed is tried again the next time round.
        self.is_watched ^= done.is_ok();
    }

    /// The worker was woken; by these sockets, or for another reason. Says whether there may be anything to read.
    pub fn look(&mut self, woken: impl Fn(Token) -> bool) -> bool {
        self.first.may_have_more |= woken(self.first.token);
        if let Some(media) = &mut self.media {
            media.may_have_more |= !self.is_watched || woken(media.token);
        }
        self.may_have_more()
    }

    /// Whether there may be anything to read still.
    pub fn may_have_more(&self) -> bool {
        self.first.may_have_more || self.media.as_ref().is_some_and(|media| media.may_have_more)
    }

    /// Reads one datagram, what is not media first. [`ErrorKind::WouldBlock`] if there is none; other errors are ICMP's,
    /// of what was sent earlier.
    pub fn receive(&mut self, buffer: &mut [u8]) -> io::Result<Came> {
        if self.first.may_have_more {
            match self.first.read(|socket| socket.recv_from(buffer)) {
                Err(error) if error.kind() == ErrorKind::WouldBlock => {}
                read => return read.map(|(length, from)| Came { length, from, at: None }),
            }
        }
        match self.media.as_mut().filter(|media| media.may_have_more) {
            Some(media) => media.read(|socket| noted(socket, buffer, &mut self.notes)),
            None => Err(ErrorKind::WouldBlock.into()),
        }
    }

    /// Hands a datagram to the kernel, by the bare call: that of libc prepares to be cancelled. False where the socket's
    /// buffer is full or the address cannot be reached: for real time, late is lost.
    pub fn send(&self, to: SocketAddr, datagram: &[u8]) -> bool {
        rustix::net::sendto(&self.first.socket, datagram, SendFlags::empty(), &to).is_ok()
    }
}

impl Side {
    fn read<T>(&mut self, read: impl FnOnce(&UdpSocket) -> io::Result<T>) -> io::Result<T> {
        read(&self.socket).inspect_err(|error| self.may_have_more &= error.kind() != ErrorKind::WouldBlock)
    }
}

/// Reads a datagram and when the kernel took it in.
fn noted(socket: &UdpSocket, buffer: &mut [u8], notes: &mut [u8]) -> io::Result<Came> {
    let mut parts = [IoSliceMut::new(buffer)];
    let read = recvmsg::<SockaddrStorage>(socket.as_raw_fd(), &mut parts, Some(notes), MsgFlags::MSG_DONTWAIT)?;
    let at = read.cmsgs()?.find_map(|note| match note {
        ControlMessageOwned::ScmTimestampns(at) => Some(at.into()),
        _ => None,
    });
    let from = read.address.as_ref().and_then(address).ok_or(ErrorKind::InvalidData)?;
    Ok(Came { length: read.bytes, from, at })
}

fn address(of: &SockaddrStorage) -> Option<SocketAddr> {
    let v4 = of.as_sockaddr_in().map(|v4| SocketAddr::V4((*v4).into()));
    v4.or_else(|| of.as_sockaddr_in6().map(|v6| SocketAddr::V6((*v6).into())))
}

/// Binds a second socket to the port of the first, for media. The first was bound while it did not share, so that two
/// servers never have one port together.
fn beside(first: &std::net::UdpSocket) -> io::Result<std::net::UdpSocket> {
    let here = first.local_addr()?;
    let family = if here.is_ipv4() { AddressFamily::INET } else { AddressFamily::INET6 };
    let flags = SocketFlags::CLOEXEC | SocketFlags::NONBLOCK;
    let media = rustix::net::socket_with(family, SocketType::DGRAM, flags, None)?;
    setsockopt(&media, ReceiveTimestampns, &true)?;
    sockopt::set_socket_reuseport(first, true)?;
    sockopt::set_socket_reuseport(&media, true)?;
    rustix::net::bind(&media, &here)?;
    // Which of the two, in the order in which they came.
    let code = |code: u32, jt, jf, k| sock_filter { code: code as u16, jt, jf, k };
    let mut filter = [
        code(BPF_LD | BPF_B | BPF_ABS, 0, 0, 0),
        code(BPF_JMP | BPF_JGE | BPF_K, 0, 2, 128),
        code(BPF_JMP | BPF_JGT | BPF_K, 1, 0, 191),
        code(BPF_RET | BPF_K, 0, 0, 1),
        code(BPF_RET | BPF_K, 0, 0, 0),
    ];
    let program = sock_fprog { len: filter.len() as u16, filter: filter.as_mut_ptr() };
    setsockopt(first, AttachReusePortCbpf, &program)?;
    Ok(media.into())
}

#[cfg(test)]
mod tests {
    use std::net::UdpSocket;

    use mio::{Events, Poll};

    use super::*;

    const FIRST: Token = Token(0);
    const MEDIA: Token = Token(1);

    struct Bench {
        poll: Poll,
        sockets: Sockets,
        sender: UdpSocket,
    }

    impl Bench {
        fn new() -> Self {
            let poll = Poll::new().expect("there is an epoll");
            let localhost = IpAddr::V4(Ipv4Addr::LOCALHOST);
            let mut sockets = Sockets::open(localhost, 0, poll.registry(), [FIRST, MEDIA]).expect("there is a port");
            assert!(sockets.media.is_some(), "this kernel has the filter");
            let sender = UdpSocket::bind((localhost, 0)).expect("there is a port");
            sender.connect((localhost, sockets.port().expect("it is bound"))).expect("loopback");
            assert!(sockets.receive(&mut [0; 16]).is_err());
            Self { poll, sockets, sender }
        }

        /// On the loopback a datagram has arrived when it is sent.
        fn send(&self, datagram: &[u8]) {
            self.sender.send(datagram).expect("loopback");
        }

        /// Which sockets wake the worker.
        fn woken(&mut self) -> Vec<Token> {
            let mut events = Events::with_capacity(4);
            self.poll.poll(&mut events, Some(Duration::ZERO)).expect("it polls");
            events.iter().map(|event| event.token()).collect()
        }

        /// Whether anything may be there, and the first bytes of all that is.
        fn reads(&mut self) -> (bool, Vec<u8>) {
            let woken = self.woken();
            let may_be = self.sockets.look(|token| woken.contains(&token));
            let mut buffer = [0; 16];
            let (mut first, sender) = (Vec::new(), self.sender.local_addr().expect("it is bound"));
            while let Ok(came) = self.sockets.receive(&mut buffer) {
                assert_eq!((came.length, came.from), (3, sender));
                first.push(buffer[0]);
            }
            assert!(!self.sockets.may_have_more());
            (may_be, first)
        }
    }

    #[test]
    fn what_is_not_media_is_read_first_and_media_says_when_it_came() {
        let mut bench = Bench::new();
        let kinds = [127, 128, 20, 160, 0, 191, 192];
        kinds.iter().for_each(|kind| bench.send(&[*kind, 1, 2]));
        assert_eq!(bench.reads(), (true, vec![127, 20, 0, 192, 128, 160, 191]));
        assert_eq!(bench.reads(), (false, vec![]), "nothing twice");
        bench.send(&[]);
        assert_eq!(bench.woken(), [FIRST], "and nothing is nothing");

        let mut bench = Bench::new();
        let before = crate::clock::since_1970();
        bench.send(&[128, 1, 2]);
        bench.send(&[0, 1, 2]);
        let after = crate::clock::since_1970();
        bench.sockets.look(|_| true);
        let mut buffer = [0; 16];
        assert_eq!(bench.sockets.receive(&mut buffer).expect("STUN").at, None);
        let at = bench.sockets.receive(&mut buffer).expect("media").at.expect("it is noted");
        assert!((before..=after).contains(&at), "{before:?} {at:?} {after:?}");
    }

    #[test]
    fn media_that_may_wait_wakes_nobody_and_is_not_lost() {
        let mut bench = Bench::new();
        let registry = bench.poll.registry().try_clone().expect("an epoll can be shared");
        assert_eq!(bench.reads().1, [0; 0]);
        bench.sockets.watch(false, &registry);
        bench.send(&[128, 1, 2]);
        assert_eq!(bench.woken(), []);
        bench.send(&[20, 1, 2]);
        assert_eq!(bench.reads(), (true, vec![20, 128]), "whoever is awake finds it");
        bench.send(&[129, 1, 2]);
        bench.sockets.watch(true, &registry);
        assert_eq!(bench.reads(), (true, vec![129]), "what waits when it is to wake, wakes");
        bench.send(&[130, 1, 2]);
        assert_eq!(bench.woken(), [MEDIA]);
    }

    #[test]
    fn no_two_servers_have_one_port() {
        let bench = Bench::new();
        let (port, localhost) = (bench.sockets.port().expect("it is bound"), IpAddr::V4(Ipv4Addr::LOCALHOST));
        let other = Sockets::open(localhost, port, bench.poll.registry(), [Token(2), Token(3)]);
        assert_eq!(other.err().expect("it is taken").kind(), ErrorKind::AddrInUse);
    }
}
