//! Many peers on one thread: what takes a task or a lock for each packet elsewhere is a loop here, so that a machine can
//! carry the server and those who measure it.

use std::cmp::Reverse;
use std::collections::{BTreeMap, BinaryHeap};
use std::io::ErrorKind;
use std::net::UdpSocket;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::mpsc::{Receiver, Sender, channel};
use std::thread::JoinHandle;
use std::time::{Duration, Instant};

use audio::{CHANNELS, Decoder, FRAME_SAMPLES, FRAME_TIME, MAX_DECODED, packet_samples};
use bytes::Bytes;
use signaling::client::{LeanPeer, Packet, Progress};
use tokio::sync::oneshot;

use super::stream::Stream;

/// A peer whose offer was answered, and what it does.
pub struct Member {
    pub peer: LeanPeer,
    /// Its own; not blocking.
    pub socket: UdpSocket,
    /// What it says, again and again.
    pub says: Option<Arc<Vec<Bytes>>>,
    /// Somebody in the room talks whom it should hear.
    pub hears: bool,
    /// It decodes what it hears.
    pub decodes: bool,
    /// Told once it is connected; dropped if it never will be.
    pub connected: Option<oneshot::Sender<()>>,
}

/// What the peers have counted since they joined.
#[derive(Clone, Debug, Default)]
pub struct Counts {
    pub connected: usize,
    pub ended: usize,
    /// Of those who should hear somebody: packets that came, and that were sent as far as their numbers tell.
    pub received: u64,
    pub expected: u64,
    /// For so long they have listened, together: each from its first packet on, or from a second after it was connected.
    pub listened: Duration,
    /// How many those are.
    pub listeners: usize,
    /// The longest time between two packets to one of them since the count before.
    pub longest_gap: Duration,
    /// Opus, without headers.
    pub bytes: u64,
    /// Samples per channel in those packets, undecoded.
    pub samples: u64,
    /// Sent more than a frame late: this program had no time.
    pub sent_late: u64,
    /// Of those who decode, by their tickets: the sum of squares and how many samples.
    pub heard: BTreeMap<Ticket, (f64, u64)>,
}

/// Which of the peers of a crowd.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Ticket(usize);

enum Order {
    Join(Ticket, Box<Member>),
    /// All who have something to say begin, those who join later too.
    Talk,
    /// Whether it should hear somebody.
    Hears(Ticket, bool),
    /// One says goodbye.
    Part(Ticket),
    Count(Sender<Counts>),
    Leave,
}

/// The end of a thread of peers by which it is told what to do. Dropped, it waits until all have said goodbye.
pub struct Crowd {
    orders: Sender<Order>,
    tickets: AtomicUsize,
    thread: Option<JoinHandle<()>>,
}

impl Crowd {
    /// Starts a thread without peers.
    pub fn start() -> std::io::Result<Self> {
        let (orders, queue) = channel();
        let thread = std::thread::Builder::new().name("crowd".into()).spawn(move || Loop::new(queue).run())?;
        Ok(Self { orders, tickets: AtomicUsize::new(0), thread: Some(thread) })
    }

    /// A peer begins to connect.
    pub fn join(&self, member: Member) -> Ticket {
        let ticket = Ticket(self.tickets.fetch_add(1, Ordering::Relaxed));
        self.order(Order::Join(ticket, Box::new(member)));
        ticket
    }

    /// All who have something to say begin, those who join later as soon as they are connected.
    pub fn talk(&self) {
        self.order(Order::Talk);
    }

    /// Whether somebody in its room talks whom it should hear, where that has become another.
    pub fn hears(&self, ticket: Ticket, hears: bool) {
        self.order(Order::Hears(ticket, hears));
    }

    /// One says goodbye.
    pub fn part(&self, ticket: Ticket) {
        self.order(Order::Part(ticket));
    }

    /// What has been counted up to now; waits for the thread.
    pub fn count(&self) -> Counts {
        let (reply, counts) = channel();
        self.order(Order::Count(reply));
        counts.recv().expect("the thread runs as long as this end lives")
    }

    fn order(&self, order: Order) {
        // It fails only when the thread has ended, which it does after Leave alone.
        _ = self.orders.send(order);
    }
}

impl Drop for Crowd {
    fn drop(&mut self) {
        self.order(Order::Leave);
        // The goodbyes have left before this program may end; a panic there has been printed.
        _ = self.thread.take().map(JoinHandle::join);
    }
}

/// It looks for packets and orders so often and is not woken by them. To wake a reader on the same machine is work of who
/// sends, and would be counted as the server's: a third of what a packet costs it, and less the busier the reader is. To
/// tell an epoll is work too, a twelfth: so it asks each socket.
const PAUSE: Duration = Duration::from_millis(1);
/// So many of them at a time, in turn: 2 000 within 4 ms.
const LOOKS: usize = 500;
/// Who has got no packet for so long after it was connected gets none.
const FIRST_PACKET: Duration = Duration::from_secs(1);

#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
enum Timer {
    Peer(usize),
    Talk(usize),
}

struct Seat {
    peer: LeanPeer,
    socket: UdpSocket,
    hears: bool,
    connected: Option<oneshot::Sender<()>>,
    /// From then on it should hear somebody.
    listens: Option<Instant>,
    last: Option<Instant>,
    longest_gap: Duration,
    /// When the peer is next due; a timer with another time is void.
    due: Option<Instant>,
    says: Option<Arc<Vec<Bytes>>>,
    /// Packets said.
    said: u64,
    stream: Stream,
    received: u64,
    bytes: u64,
    samples: u64,
    ear: Option<Ear>,
}

struct Ear {
    decoder: Decoder,
    energy: f64,
    samples: u64,
}

struct Loop {
    queue: Receiver<Order>,
    /// By ticket; who has left leaves an empty one.
    seats: Vec<Option<Box<Seat>>>,
    /// Whose socket is looked at next, and when one was last.
    next: usize,
    looked: Instant,
    /// All who have something to say say it.
    talking: bool,
    timers: BinaryHeap<Reverse<(Instant, Timer)>>,
    sent_late: u64,
    pcm: Vec<f32>,
}

impl Loop {
    fn new(queue: Receiver<Order>) -> Self {
        let (seats, timers, looked) = (Vec::new(), BinaryHeap::new(), Instant::now());
        Self { queue, seats, next: 0, looked, talking: false, timers, sent_late: 0, pcm: vec![0.0; MAX_DECODED] }
    }

    fn run(mut self) {
        let mut buffer = vec![0; 2048];
        loop {
            let next = self.timers.peek().map(|Reverse((at, _))| at.saturating_duration_since(Instant::now()));
            std::thread::sleep(next.map_or(PAUSE, |next| next.min(PAUSE)));
            self.look(&mut buffer);
            while let Ok(order) = self.queue.try_recv() {
                match order {
                    Order::Join(ticket, member) => self.join(ticket.0, *member),
                    Order::Talk => self.talk(),
                    Order::Hears(Ticket(number), hears) => {
                        if let Some(Some(seat)) = self.seats.get_mut(number) {
                            seat.hears = hears;
                        }
                    }
                    Order::Part(Ticket(number)) => {
                        if let Some(seat) = self.seats.get_mut(number).and_then(Option::take) {
                            self.say_goodbye(seat);
                        }
                    }
                    // Who asked is gone: nobody misses the answer.
                    Order::Count(reply) => _ = reply.send(self.count()),
                    Order::Leave => return self.leave(),
                }
            }
            self.run_timers();
        }
    }

    /// Reads from the next sockets in turn, if it is time.
    fn look(&mut self, buffer: &mut [u8]) {
        if self.looked.elapsed() < PAUSE {
            return;
        }
        self.looked = Instant::now();
        for _ in 0..self.seats.len().min(LOOKS) {
            self.next = (self.next + 1) % self.seats.len();
            self.read(self.next, buffer);
        }
    }

    fn join(&mut self, number: usize, member: Member) {
        let ear = member.decodes.then(|| Decoder::new().ok()).flatten();
        if self.seats.len() <= number {
            // Tickets of others may come later.
            self.seats.resize_with(number + 1, || None);
        }
        if self.talking && member.says.is_some() {
            self.timers.push(Reverse((Instant::now(), Timer::Talk(number))));
        }
        self.seats[number] = Some(Box::new(Seat {
            peer: member.peer,
            socket: member.socket,
            hears: member.hears,
            connected: member.connected,
            listens: None,
            last: None,
            longest_gap: Duration::ZERO,
            due: None,
            says: member.says,
            said: 0,
            stream: Stream::default(),
            received: 0,
            bytes: 0,
            samples: 0,
            ear: ear.map(|decoder| Ear { decoder, energy: 0.0, samples: 0 }),
        }));
        self.settle(number);
    }

    /// Talkers begin within one frame, evenly spread, as people do not speak in step.
    fn talk(&mut self) {
        let now = Instant::now();
        self.talking = true;
        let speaks = |at: &usize| self.seats[*at].as_ref().is_some_and(|seat| seat.says.is_some());
        let talkers: Vec<usize> = (0..self.seats.len()).filter(speaks).collect();
        for (place, talker) in talkers.iter().enumerate() {
            let phase = FRAME_TIME.mul_f64(place as f64 / talkers.len() as f64);
            self.timers.push(Reverse((now + phase, Timer::Talk(*talker))));
        }
        for seat in self.seats.iter_mut().flatten().filter(|seat| seat.peer.progress() == Progress::Connected) {
            seat.listens = Some(now + FIRST_PACKET);
        }
    }

    /// Reads until nothing is left: an edge is told of only once.
    fn read(&mut self, number: usize, buffer: &mut [u8]) {
        let (mut is_any, mut is_media) = (false, true);
        let now = Instant::now();
        let Some(Some(seat)) = self.seats.get_mut(number) else { return };
        loop {
            match seat.socket.recv_from(buffer) {
                Ok((length, from)) => {
                    is_any = true;
                    is_media &= matches!(buffer[0], 128..=191);
                    let Seat { peer, stream, received, bytes, samples, ear, listens, last, longest_gap, .. } =
                        &mut **seat;
                    peer.receive(now, from, &buffer[..length], |packet| {
                        stream.packet(packet.ssrc, packet.sequence);
                        *longest_gap = last.map_or(*longest_gap, |last| now.duration_since(last).max(*longest_gap));
                        if last.replace(now).is_none() {
                            *listens = Some(now);
                        }
                        *received += 1;
                        *bytes += packet.payload.len() as u64;
                        *samples += packet_samples(&packet.payload).unwrap_or(0) as u64;
                        if let Some(ear) = ear {
                            ear.hear(&packet, &mut self.pcm);
                        }
                    });
                }
                Err(error) if error.kind() == ErrorKind::WouldBlock => break,
                // An ICMP error of an earlier send: the timers of ICE see what comes of it.
                Err(_) => {}
            }
        }
        match (is_any, is_media) {
            (false, _) => {}
            (true, true) => seat.transmit(),
            (true, false) => self.settle(number),
        }
    }

    /// Sends what a peer has to send, and notes when it is next due.
    fn settle(&mut self, number: usize) {
        let Some(Some(seat)) = self.seats.get_mut(number) else { return };
        seat.transmit();
        match seat.peer.progress() {
            Progress::Connected => {
                // Who asked may have gone.
                _ = seat.connected.take().map(|told| told.send(()));
                if self.talking && seat.listens.is_none() {
                    seat.listens = Some(Instant::now() + FIRST_PACKET);
                }
            }
            Progress::Ended => seat.connected = None,
            Progress::Connecting => {}
        }
        let due = seat.peer.poll_timeout();
        if due != seat.due {
            seat.due = due;
            self.timers.extend(due.map(|at| Reverse((at, Timer::Peer(number)))));
        }
    }

    fn run_timers(&mut self) {
        let now = Instant::now();
        while let Some(Reverse((at, timer))) = self.timers.peek().copied()
            && at <= now
        {
            self.timers.pop();
            match timer {
                Timer::Peer(number) => {
                    let Some(Some(seat)) = self.seats.get_mut(number) else { continue };
                    if seat.due == Some(at) {
                        seat.due = None;
                        seat.peer.handle_timeout(now);
                        self.settle(number);
                    }
                }
                Timer::Talk(number) => {
                    let Some(Some(seat)) = self.seats.get_mut(number) else { continue };
                    self.sent_late += u64::from(now.duration_since(at) > FRAME_TIME);
                    seat.say(now);
                    self.timers.push(Reverse((at + FRAME_TIME, Timer::Talk(number))));
                }
            }
        }
    }

    fn count(&mut self) -> Counts {
        let mut counts = Counts { sent_late: self.sent_late, ..Counts::default() };
        let now = Instant::now();
        let seats = self.seats.iter_mut().enumerate();
        for (number, seat) in seats.filter_map(|(number, seat)| Some((number, seat.as_mut()?))) {
            match seat.peer.progress() {
                Progress::Connected => counts.connected += 1,
                Progress::Ended => counts.ended += 1,
                Progress::Connecting => {}
            }
            if seat.hears {
                counts.listeners += 1;
                counts.received += seat.received;
                counts.expected += seat.stream.expected();
                counts.bytes += seat.bytes;
                counts.samples += seat.samples;
                counts.listened += seat.listens.map_or(Duration::ZERO, |since| now.saturating_duration_since(since));
                // One that goes on is one too.
                let silent = seat.last.map_or(Duration::ZERO, |last| now.saturating_duration_since(last));
                counts.longest_gap = counts.longest_gap.max(std::mem::take(&mut seat.longest_gap)).max(silent);
                let ear = seat.ear.as_ref();
                counts.heard.extend(ear.map(|ear| (Ticket(number), (ear.energy, ear.samples))));
            }
        }
        counts
    }

    fn leave(&mut self) {
        for seat in std::mem::take(&mut self.seats).into_iter().flatten() {
            self.say_goodbye(seat);
        }
    }

    fn say_goodbye(&self, mut seat: Box<Seat>) {
        seat.peer.close();
        seat.transmit();
    }
}

impl Seat {
    fn transmit(&mut self) {
        while let Some((to, datagram)) = self.peer.poll_transmit() {
            // A full buffer: what is late is lost, and the server counts it.
            _ = self.socket.send_to(&datagram, to);
        }
    }

    fn say(&mut self, now: Instant) {
        let Some(packets) = &self.says else { return };
        let payload = packets[self.said as usize % packets.len()].clone();
        self.peer.send(now, self.said as u16, (self.said * FRAME_SAMPLES as u64) as u32, payload);
        self.said += 1;
        self.transmit();
    }
}

impl Ear {
    fn hear(&mut self, packet: &Packet, pcm: &mut [f32]) {
        // What cannot be decoded is not heard, and that is what shows.
        let Ok(samples) = self.decoder.decode(&packet.payload, pcm) else { return };
        let heard = &pcm[..samples * CHANNELS];
        self.energy += heard.iter().map(|sample| f64::from(sample * sample)).sum::<f64>();
        self.samples += heard.len() as u64;
    }
}
