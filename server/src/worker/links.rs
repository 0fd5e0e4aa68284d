//! How workers hand each other media and news.
//!
//! Each worker has an inbox that all others write to. Its queue for media is bounded and taken from as fast as the worker
//! turns round; when it is full media is dropped and counted: for real time, late is lost. News is never lost: there is
//! no more of it than peers that come, move and go, and requests that wait for an answer. Nothing here locks or waits,
//! and batches of packets go back to where they were filled, so that in steady state nothing is allocated for them.

use std::net::SocketAddr;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering::SeqCst};
use std::sync::mpsc::{Receiver, Sender, SyncSender, TrySendError, channel, sync_channel};

use mio::Waker;
use room::{Effects, MemberId};

use super::command::{Guest, PeerError, Reply, Trickled};
use super::counters::Counters;
use super::peers::worker_of;
use crate::peer::{Received, Side};

/// Media that waits for a worker: each is one packet of a peer, or all packets of one step of a room.
const QUEUE: usize = 4096;
/// Empty batches that are kept.
const SPARE: usize = 32;

/// Media, or what belongs to it.
pub enum Handed {
    /// From a peer to its room, decrypted.
    Packet(MemberId, Received),
    /// Which share of our packets a peer has lost (RFC 3550 §6.4.1).
    Report(MemberId, f32),
    /// From a room to peers of the worker that gets it; and who wants the batch back.
    Batch(Effects, usize),
    /// Emptied.
    Spent(Effects),
}

/// What must arrive.
pub enum Control {
    /// To the room: the peer is on the worker that its id names.
    Join { member: MemberId, side: Side, guest: Box<Guest>, reply: Reply<()> },
    /// To the room: the peer is gone.
    Gone(MemberId, &'static str),
    /// To the room: the peer's media comes from here now.
    Address(MemberId, SocketAddr),
    /// To the peer: the room has let go of it.
    HangUp(MemberId),
    /// To the peer.
    Trickle { member: MemberId, fragment: String, if_match: Option<String>, reply: Reply<Result<Trickled, PeerError>> },
}

/// The way into a worker's inbox.
pub struct Door {
    media: SyncSender<Handed>,
    control: Sender<Control>,
    waker: Arc<Waker>,
    /// It has been woken and not looked yet.
    is_woken: AtomicBool,
}

/// What has been handed to a worker.
pub struct Inbox {
    media: Receiver<Handed>,
    control: Receiver<Control>,
}

impl Door {
    /// A way in, and what comes by it. The waker is that of the worker.
    pub fn new(waker: &Arc<Waker>) -> (Self, Inbox) {
        let ((media, taken), (control, told)) = (sync_channel(QUEUE), channel());
        let door = Self { media, control, waker: Arc::clone(waker), is_woken: AtomicBool::new(false) };
        (door, Inbox { media: taken, control: told })
    }

    fn wake(&self) {
        if !self.is_woken.swap(true, SeqCst) {
            // It fails only for a worker that has ended.
            let _ = self.waker.wake();
        }
    }
}

/// One worker's links to all others.
pub struct Links {
    own: usize,
    doors: Arc<[Door]>,
    inbox: Inbox,
    /// Who has been handed something and not been woken yet.
    touched: Vec<bool>,
    /// Being filled, for each worker.
    batches: Vec<Option<Effects>>,
    spare: Vec<Effects>,
    counters: Arc<Counters>,
}

impl Links {
    /// Of the worker with this number, whose inbox it is.
    pub fn new(own: usize, doors: Arc<[Door]>, inbox: Inbox, counters: Arc<Counters>) -> Self {
        let touched = vec![false; doors.len()];
        let batches = doors.iter().map(|_| None).collect();
        Self { own, doors, inbox, touched, batches, spare: Vec::new(), counters }
    }

    /// Hands over what must arrive; the other one is woken by [`Links::wake`]. A worker that has ended does not mind.
    pub fn control(&mut self, worker: usize, control: Control) {
        if let Some(door) = self.doors.get(worker) {
            let _ = door.control.send(control);
            self.touched[worker] = true;
        }
    }

    /// Hands over media; if the queue is full it is dropped and counted. The other one is woken by [`Links::wake`].
    pub fn hand(&mut self, worker: usize, handed: Handed) {
        let Some(door) = self.doors.get(worker) else { return };
        match door.media.try_send(handed) {
            Ok(()) => self.touched[worker] = true,
            Err(TrySendError::Full(handed) | TrySendError::Disconnected(handed)) => {
                let lost = match &handed {
                    Handed::Packet(..) => 1,
                    Handed::Batch(batch, _) => batch.media.len() as u64,
                    Handed::Report(..) | Handed::Spent(_) => 0,
                };
                Counters::add(&self.counters.handover_drops, lost);
                if let Handed::Batch(batch, _) = handed {
                    self.keep(batch);
                }
            }
        }
    }

    /// Takes the packets to peers of other workers out of `effects`, and hands each worker its own at once: it sends
    /// while this one does.
    pub fn hand_out(&mut self, effects: &mut Effects) {
        let Effects { media, bytes, contributors, .. } = effects;
        media.retain(|media| {
            let worker = worker_of(media.to);
            if worker == self.own {
                return true;
            }
            let batch = self.batches[worker].get_or_insert_with(|| {
                let mut batch = self.spare.pop().unwrap_or_default();
                batch.bytes.extend_from_slice(bytes);
                batch.contributors.extend_from_slice(contributors);
                batch
            });
            batch.media.push(media.clone());
            false
        });
        for worker in 0..self.batches.len() {
            if let Some(batch) = self.batches[worker].take() {
                self.hand(worker, Handed::Batch(batch, self.own));
                self.doors[worker].wake();
            }
        }
    }

    /// A batch has come back, or has not gone.
    pub fn keep(&mut self, mut batch: Effects) {
        if self.spare.len() < SPARE {
            batch.clear();
            self.spare.push(batch);
        }
    }

    /// Wakes all who have been handed something.
    pub fn wake(&mut self) {
        for (door, touched) in self.doors.iter().zip(&mut self.touched) {
            if std::mem::take(touched) {
                door.wake();
            }
        }
    }

    /// Before looking: what is handed over from now on wakes again.
    pub fn look(&self) {
        self.doors[self.own].is_woken.store(false, SeqCst);
    }

    /// The next news.
    pub fn told(&self) -> Option<Control> {
        self.inbox.control.try_recv().ok()
    }

    /// The next media.
    pub fn handed(&self) -> Option<Handed> {
        self.inbox.media.try_recv().ok()
    }
}
