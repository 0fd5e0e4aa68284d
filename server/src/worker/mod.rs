//! One thread, one UDP port, the peers on it and the rooms they are in; each datagram runs to its end here.
//!
//! Nothing on the way of a packet locks or waits. Commands come over a bounded queue and are
//! taken between datagrams; every tick is as near to its time as the datagram before it lets it be.
//!
//! A peer may be on another worker than its room ([`away`]): then decrypted packets go to the room and encoded ones come
//! back, over bounded queues ([`links`]).

mod away;
mod command;
mod commands;
pub mod counters;
mod links;
mod load;
mod peers;
mod registry;
mod rooms;
mod shedding;
mod sockets;

use std::cmp::Reverse;
use std::collections::BinaryHeap;
use std::io::{self, ErrorKind};
use std::net::{IpAddr, SocketAddr};
use std::sync::Arc;
use std::sync::mpsc::{Receiver, SyncSender, TrySendError, sync_channel};
use std::time::Duration;

use mio::{Events, Poll, Token, Waker};

use crate::clock::{self, Clock};
use crate::event_log::EventLog;
use crate::peer::stun::{self, Datagram};
use crate::peer::{Connection, Outgoing, Received};
use room::{Effects, MemberId, Rtp};

use away::Away;
pub use command::{Command, CommandError, Done, Guest, Join, PeerError, Reply, Subscription, Trickled, UnknownRoom};
use counters::Counters;
use links::{Control, Door, Links};
use load::Load;
use peers::{Home, Peers, worker_of};
pub use registry::Registry;
use rooms::Rooms;
pub use shedding::Level;
use shedding::Shedding;
use sockets::Sockets;

/// What a worker is told when it starts.
#[derive(Clone)]
pub struct Settings {
    /// How its rooms are.
    pub room: room::Settings,
    /// The server's clock.
    pub clock: Clock,
    /// Where events go.
    pub log: EventLog,
    /// Which worker has which room.
    pub registry: Arc<Registry>,
    /// Share of a core that a worker may use before it leaves things out.
    pub budget: f32,
}

/// The API's end of a worker.
pub struct Handle {
    /// The address that the worker's peers send to.
    pub media: SocketAddr,
    /// What it counts.
    pub counters: Arc<Counters>,
    commands: SyncSender<Command>,
    waker: Arc<Waker>,
}

/// The worker takes no more commands now. Trying again helps.
#[derive(Clone, Copy, Debug, thiserror::Error)]
#[error("the media worker is overloaded")]
pub struct Overloaded;

impl Handle {
    /// Hands over a command without waiting.
    pub fn send(&self, command: Command) -> Result<(), Overloaded> {
        match self.commands.try_send(command) {
            Ok(()) => self.waker.wake().map_err(|_| Overloaded),
            Err(TrySendError::Full(_) | TrySendError::Disconnected(_)) => Err(Overloaded),
        }
    }
}

/// Commands that wait for a worker; more are refused.
const COMMAND_QUEUE: usize = 1024;
/// Datagrams read before ticks and commands get their turn.
const BATCH: usize = 64;
/// Peers that are looked at before their packets are sent: what that needs of them fits into a core's own memory.
const NEAR: usize = 64;
/// A peer that has not connected by then is let go.
const CONNECT_WITHIN: Duration = Duration::from_secs(20);
const SOCKET: Token = Token(0);
const WAKE: Token = Token(1);
const MEDIA: Token = Token(2);

/// Binds a media port for each worker and starts the threads. `ip` is what clients are told.
pub fn start(ip: IpAddr, ports: &[u16], settings: &Settings) -> io::Result<Vec<Handle>> {
    let opened = ports.iter().map(|port| open(ip, *port)).collect::<io::Result<Vec<_>>>()?;
    let (doors, inboxes): (Vec<_>, Vec<_>) = opened.iter().map(|opened| Door::new(&opened.waker)).unzip();
    let doors: Arc<[Door]> = doors.into();
    let workers = opened.into_iter().zip(inboxes).enumerate();
    workers
        .map(|(index, (Opened { sockets, poll, waker, media }, inbox))| {
            let (commands, queue) = sync_channel(COMMAND_QUEUE);
            let counters = Arc::new(Counters::default());
            let worker = Worker {
                index,
                sockets,
                poll,
                queue,
                links: Links::new(index, Arc::clone(&doors), inbox, Arc::clone(&counters)),
                counters: Arc::clone(&counters),
                peers: Peers::new(index),
                away: Away::default(),
                rooms: Rooms::default(),
                timers: BinaryHeap::new(),
                effects: Effects::new(),
                hung_up: Vec::new(),
                packet: Vec::new(),
                load: Load::new(settings.clock.now()),
                shedding: Shedding::new(settings.budget),
                settings: settings.clone(),
                stopped: None,
            };
            std::thread::Builder::new().name(format!("worker-{index}")).spawn(move || worker.run())?;
            Ok(Handle { media, counters, commands, waker })
        })
        .collect()
}

struct Opened {
    sockets: Sockets,
    poll: Poll,
    waker: Arc<Waker>,
    media: SocketAddr,
}

fn open(ip: IpAddr, port: u16) -> io::Result<Opened> {
    let poll = Poll::new()?;
    let sockets = Sockets::open(ip, port, poll.registry(), [SOCKET, MEDIA])?;
    let media = SocketAddr::new(ip, sockets.port()?);
    let waker = Arc::new(Waker::new(poll.registry(), WAKE)?);
    Ok(Opened { sockets, poll, waker, media })
}

/// Hands a datagram to the kernel and counts it.
fn send(sockets: &Sockets, counters: &Counters, to: SocketAddr, datagram: &[u8]) {
    let is_sent = sockets.send(to, datagram);
    Counters::add(if is_sent { &counters.datagrams_out } else { &counters.send_failures }, 1);
}

/// What a peer received, as its room takes it.
fn rtp(packet: &Received) -> Rtp<'_> {
    let Received { ssrc, sequence, timestamp, ref payload, is_copy } = *packet;
    Rtp { ssrc, sequence, timestamp, payload, is_copy }
}

#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
enum Timer {
    Room(usize),
    Peer(MemberId),
}

struct Worker {
    index: usize,
    sockets: Sockets,
    poll: Poll,
    queue: Receiver<Command>,
    /// To the other workers.
    links: Links,
    counters: Arc<Counters>,
    /// Those whose datagrams come here, wherever their rooms are.
    peers: Peers,
    /// Those in our rooms whose datagrams go elsewhere.
    away: Away,
    rooms: Rooms,
    /// A room or peer says itself when it is next due; an entry with another time is void.
    timers: BinaryHeap<Reverse<(Duration, Timer)>>,
    effects: Effects,
    hung_up: Vec<MemberId>,
    /// What is sent next; its memory is used again.
    packet: Vec<u8>,
    load: Load,
    shedding: Shedding,
    settings: Settings,
    stopped: Option<Reply<()>>,
}

impl Worker {
    fn run(mut self) {
        let mut events = Events::with_capacity(4);
        let mut buffer = vec![0; 2048];
        let mut more_to_do = true;
        while self.stopped.is_none() {
            let waits_from = self.now();
            let timeout = if more_to_do { Some(Duration::ZERO) } else { self.until_next_timer(waits_from) };
            match self.poll.poll(&mut events, timeout) {
                Err(error) if error.kind() != ErrorKind::Interrupted => {
                    tracing::error!(%error, "Polling the media sockets failed; the worker ends");
                    break;
                }
                _ => {}
            }
            Counters::add(&self.counters.wakes, u64::from(!more_to_do));
            more_to_do = self.sockets.look(|token| events.iter().any(|event| event.token() == token))
                && self.read_batch(&mut buffer, waits_from);
            more_to_do |= self.take_handed();
            while let Ok(command) = self.queue.try_recv() {
                self.command(command);
            }
            self.run_timers();
            self.links.wake();
            self.measure_load();
            let is_wanted_at_once = self.peers.has_guests() || self.rooms.want_packets_at_once();
            self.sockets.watch(is_wanted_at_once, self.poll.registry());
        }
        self.take_handed();
        for member in self.peers.members() {
            self.close_peer(member);
        }
        if let Some(reply) = self.stopped.take() {
            let _ = reply.send(());
        }
    }

    fn now(&self) -> Duration {
        self.settings.clock.now()
    }

    fn until_next_timer(&self, now: Duration) -> Option<Duration> {
        // Who leaves nothing out need not be woken to find that out.
        let measure = (self.shedding.level() > Level::Nothing).then(|| self.load.due());
        let timer = self.timers.peek().map(|Reverse((at, _))| *at);
        timer.into_iter().chain(measure).min().map(|at| at.saturating_sub(now))
    }

    /// Reads what is there, one batch at most. True if there may be more. Nothing is taken for older than `waits_from`, when
    /// all before was done: the rooms never go back in time.
    fn read_batch(&mut self, buffer: &mut [u8], waits_from: Duration) -> bool {
        let since_1970 = clock::since_1970();
        let now = self.now();
        for _ in 0..BATCH {
            let came = match self.sockets.receive(buffer) {
                Ok(came) => came,
                Err(error) if error.kind() == ErrorKind::WouldBlock => return false,
                // ICMP's, of what was sent earlier.
                Err(_) => continue,
            };
            Counters::add(&self.counters.datagrams_in, 1);
            // The clock on the wall may be set at any time; then it is only as good as that.
            let at = came
                .at
                .map_or_else(|| self.now(), |at| now.saturating_sub(since_1970.saturating_sub(at)).max(waits_from));
            self.datagram(came.from, &buffer[..came.length], at);
        }
        self.sockets.may_have_more()
    }

    /// A datagram came at `now`, or a little before.
    fn datagram(&mut self, from: SocketAddr, datagram: &[u8], now: Duration) {
        let kind = stun::classify(datagram);
        let member = match kind {
            Datagram::Stun => match stun::local_ufrag(datagram) {
                Some(ufrag) => self.peers.by_ufrag(ufrag),
                None => self.peers.by_address(from),
            },
            Datagram::Dtls | Datagram::Media => self.peers.by_address(from),
            Datagram::Unknown => None,
        };
        let Some((member, entry)) = member.and_then(|member| Some((member, self.peers.get_mut(member)?))) else {
            return Counters::add(&self.counters.datagrams_dropped, 1);
        };
        let Home::Here(slot) = entry.home else { return self.datagram_away(member, kind, from, datagram, now) };
        self.catch_up(slot, now);
        let (Some(entry), Some(room)) = (self.peers.get_mut(member), self.rooms.get_mut(slot)) else { return };
        let before = entry.peer.ignored();
        entry.peer.receive(self.settings.clock.instant(now), from, datagram, |packet| {
            room.room.packet(member, rtp(&packet), now, &mut self.effects);
        });
        if let Some(loss) = entry.peer.take_report() {
            room.room.reception_report(member, loss, now);
        }
        Counters::add(&self.counters.datagrams_dropped, entry.peer.ignored() - before);
        self.transmit(member, (kind == Datagram::Stun).then_some(from));
        self.deliver(slot, now);
        if kind != Datagram::Media {
            self.reschedule_peer(member, now);
        }
    }

    /// Sends what a peer has to send besides media. `checked`: where a check came from, to be bound if it is answered
    /// with success.
    fn transmit(&mut self, member: MemberId, checked: Option<SocketAddr>) {
        let Some(entry) = self.peers.get_mut(member) else { return };
        let mut verified = None;
        while let Some((to, datagram)) = entry.peer.poll_transmit() {
            if checked == Some(to) && stun::is_binding_success(&datagram) {
                verified = checked;
            }
            send(&self.sockets, &self.counters, to, &datagram);
        }
        let home = entry.home;
        if let Some(address) = verified
            && self.peers.bind(member, address)
        {
            match home {
                Home::Here(slot) => self.set_address(slot, member, address),
                Home::Away(home) => self.links.control(home, Control::Address(member, address)),
            }
        }
    }

    fn set_address(&mut self, slot: usize, member: MemberId, address: SocketAddr) {
        if let Some(room) = self.rooms.get_mut(slot) {
            room.room.set_address(member, address.to_string().into());
        }
    }

    /// Carries out what the room asked for.
    fn deliver(&mut self, slot: usize, now: Duration) {
        if !self.effects.media.is_empty() {
            if !self.away.is_empty() {
                self.links.hand_out(&mut self.effects);
            }
            self.send_media(now);
        }
        if let Some(room) = self.rooms.get_mut(slot) {
            room.publish(&mut self.effects.control, &self.settings.log, now, &mut self.hung_up);
        }
        self.effects.clear();
        while let Some(member) = self.hung_up.pop() {
            self.close_peer(member);
        }
        self.reschedule_room(slot);
    }

    /// Sends the packets in `self.effects`, all to peers of this worker: encrypted and handed to the kernel one by one, from
    /// bytes that all share.
    fn send_media(&mut self, now: Duration) {
        let instant = self.settings.clock.instant(now);
        for some in self.effects.media.chunks(NEAR) {
            let seen = some.iter().filter_map(|media| Some(self.peers.get_mut(media.to)?.peer.approach()));
            std::hint::black_box(seen.sum::<u64>());
            for media in some {
                let Some(entry) = self.peers.get_mut(media.to) else { continue };
                let packet = Outgoing {
                    sequence: media.sequence,
                    timestamp: media.timestamp,
                    marker: media.marker,
                    payload: self.effects.payload(media),
                    csrcs: &self.effects.contributors[media.contributors.csrcs.clone()],
                    levels: &self.effects.bytes[media.contributors.levels.clone()],
                    is_guarded: media.is_guarded,
                };
                if let Some(to) = entry.peer.send(instant, &packet, &mut self.packet) {
                    send(&self.sockets, &self.counters, to, &self.packet);
                }
                while let Some((to, datagram)) = entry.peer.poll_transmit() {
                    send(&self.sockets, &self.counters, to, &datagram);
                }
            }
        }
    }

    /// Ends a connection: goodbye, and nothing of it stays. Its room has let go of it already.
    fn close_peer(&mut self, member: MemberId) {
        if worker_of(member) != self.index {
            return self.hang_up_away(member);
        }
        if let Some(entry) = self.peers.get_mut(member) {
            entry.peer.close(self.settings.clock.instant(self.settings.clock.now()));
        }
        self.transmit(member, None);
        self.peers.remove(member);
        Counters::set(&self.counters.peers, self.peers.len() as u64);
    }

    /// A peer goes by itself, or is sent away by somebody who is not its room.
    fn leave(&mut self, member: MemberId, reason: &'static str, now: Duration) {
        let home = self.peers.get_mut(member).map(|entry| entry.home);
        let slot = match home {
            Some(Home::Away(home)) => {
                self.links.control(home, Control::Gone(member, reason));
                return self.close_peer(member);
            }
            Some(Home::Here(slot)) => Some(slot),
            None => self.away.slot(member),
        };
        let Some(slot) = slot else { return };
        if let Some(room) = self.rooms.get_mut(slot) {
            room.room.leave(member, reason, now, &mut self.effects);
        }
        self.close_peer(member);
        self.deliver(slot, now);
    }

    /// Runs what was due when it was called; what falls due meanwhile waits for the socket's turn.
    fn run_timers(&mut self) {
        let limit = self.now();
        while let Some(Reverse((at, timer))) = self.timers.peek().copied().filter(|Reverse((at, _))| *at <= limit) {
            self.timers.pop();
            let now = self.now();
            match timer {
                Timer::Room(slot) => {
                    if self.rooms.get_mut(slot).is_some_and(|room| room.timer == at) {
                        self.room_due(slot, at, now);
                    }
                }
                Timer::Peer(member) => {
                    if self.peers.get_mut(member).is_some_and(|entry| entry.timer == at) {
                        self.peer_due(member, now);
                    }
                }
            }
        }
    }

    fn room_due(&mut self, slot: usize, at: Duration, now: Duration) {
        let linger = self.settings.room.linger;
        let Some(room) = self.rooms.get_mut(slot) else { return };
        room.timer = Duration::MAX;
        if room.gone_at().is_some_and(|gone| gone <= now) {
            if room.may_go(now, linger) && self.settings.registry.release(room.room.name()) {
                return self.close_room(slot, "empty for a while", now);
            }
            return self.reschedule_room(slot);
        }
        room.update_watched();
        if room.room.wake_at().is_some_and(|wake| wake <= now) {
            let frames = room.room.codec_frames();
            room.room.tick(now, &mut self.effects);
            let frames = room.room.codec_frames() - frames;
            room.count_now_and_then(&self.counters);
            let took = self.settings.clock.now().saturating_sub(now);
            room.took(took);
            self.counters.tick(took, now.saturating_sub(at), frames);
        }
        self.deliver(slot, now);
    }

    /// Before something comes to a room: a step that waited for it is taken, in the order in which it was due. A step that is
    /// only late is not: what came in time is to be in it.
    pub(super) fn catch_up(&mut self, slot: usize, now: Duration) {
        let Some(room) = self.rooms.get_mut(slot) else { return };
        if room.room.wake_at().is_some_and(|at| at <= now && at < room.timer) {
            self.room_due(slot, now, now);
        }
    }

    fn peer_due(&mut self, member: MemberId, now: Duration) {
        let Some(entry) = self.peers.get_mut(member) else { return };
        entry.timer = Duration::MAX;
        let reason = match entry.peer.state() {
            Connection::Connecting if entry.connect_by <= now => Some("never connected"),
            _ => {
                entry.peer.handle_timeout(self.settings.clock.instant(now));
                None
            }
        };
        if let Some(reason) = reason {
            return self.leave(member, reason, now);
        }
        self.transmit(member, None);
        self.reschedule_peer(member, now);
    }

    /// Notes when the peer's timers are next due, or lets it go if its connection has ended.
    fn reschedule_peer(&mut self, member: MemberId, now: Duration) {
        let Some(entry) = self.peers.get_mut(member) else { return };
        match entry.peer.state() {
            Connection::Ended => return self.leave(member, "connection lost", now),
            Connection::Connecting | Connection::Connected => {}
        }
        let asked = entry.peer.poll_timeout();
        let start = self.settings.clock.instant(Duration::ZERO);
        let mut at = asked.map_or(Duration::MAX, |at| at.saturating_duration_since(start));
        if entry.peer.state() == Connection::Connecting {
            at = at.min(entry.connect_by);
        }
        // A timer in the past would spin; a millisecond is finer than any protocol here needs.
        let at = at.max(now + Duration::from_millis(1));
        // A timer that has become later is looked at when it was due, and set anew: most never come to it.
        if at < entry.timer {
            entry.timer = at;
            self.timers.push(Reverse((at, Timer::Peer(member))));
        }
    }

    fn reschedule_room(&mut self, slot: usize) {
        let Some(room) = self.rooms.get_mut(slot) else { return };
        let at = room.room.wake_by().into_iter().chain(room.gone_at()).min().unwrap_or(Duration::MAX);
        if at != room.timer {
            room.timer = at;
            if at != Duration::MAX {
                self.timers.push(Reverse((at, Timer::Room(slot))));
            }
        }
        self.rooms.note_wants(slot);
    }
}
