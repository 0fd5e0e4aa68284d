//! The rooms as HTTP sees them: async calls that find the worker, hand it a command and wait for the answer.

mod placement;

use std::net::IpAddr;
use std::ops::RangeInclusive;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering::Relaxed};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use signaling::{Command as DeskCommand, Kind, PersonalMix, RoomName, RoomPatch, RoomState, TrackId, TrackPatch};
use tokio::sync::{Semaphore, oneshot};
use uuid::Uuid;

pub use crate::peer::Side;
use crate::peer::{Answer, Identity, OfferError, Peer};
use crate::worker::counters::Counters;
use crate::worker::{self, Command, Guest, Handle, Join, Level, Registry, Reply};
pub use placement::Placement;
use placement::{Admission, Busy};

pub use crate::worker::{CommandError, Done, PeerError, Subscription, Trickled, UnknownRoom};

/// What the media side is told when it starts.
#[derive(Clone)]
pub struct Settings {
    /// How many workers; at least 1.
    pub workers: usize,
    /// The address that clients are told.
    pub media_ip: IpAddr,
    /// One port for each worker; None takes any free ones.
    pub media_ports: Option<RangeInclusive<u16>>,
    /// Peers at once; more get 503.
    pub max_peers: usize,
    /// Rooms at once; more get 503.
    pub max_rooms: usize,
    /// Which worker takes whom.
    pub placement: Placement,
    /// What every worker is told.
    pub worker: worker::Settings,
}

/// All rooms of this server. Cheap to clone.
#[derive(Clone)]
pub struct Rooms {
    inner: Arc<Inner>,
}

struct Inner {
    identity: Identity,
    workers: Vec<Handle>,
    registry: Arc<Registry>,
    /// Peer connections are built on blocking threads; more than the cores at once would only delay the ticks.
    building: Semaphore,
    draining: AtomicBool,
    admission: Mutex<Admission>,
    /// Joins that got 503 because the server had no place or too much to do.
    refused: AtomicU64,
    settings: Settings,
}

/// Who wants to join, and how.
pub struct JoinRequest {
    /// The room, made if it is not there.
    pub room: RoomName,
    /// The offer.
    pub sdp: String,
    /// What the peer does.
    pub side: Side,
    /// What people read on the strip; the room chooses when none.
    pub name: Option<String>,
    /// Where its track comes from.
    pub kind: Kind,
    /// Who it is, over reconnects; made up when none.
    pub client: Option<Uuid>,
    /// How its strip starts.
    pub strip: TrackPatch,
    /// Where the request came from, for the event log.
    pub address: String,
}

/// Who joined, and how to answer.
pub struct Joined {
    /// The id of the peer and of its track.
    pub id: TrackId,
    /// The SDP answer.
    pub answer: String,
    /// The entity tag of its ICE session, with its quotes.
    pub etag: String,
    /// Who it is, over reconnects.
    pub client: Uuid,
}

/// Why somebody cannot join.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum JoinError {
    /// The offer is not an SDP for WebRTC; the same one fails again.
    #[error("{0}")]
    BadSdp(String),
    /// The offer has no audio that fits; the same one fails again.
    #[error("{0}")]
    NoAudio(String),
    /// No place now; trying again later helps.
    #[error("the server is full")]
    Full {
        /// When to try again, seconds.
        retry_after_s: u32,
    },
    /// The workers have enough to do; trying again later helps.
    #[error("the server has too much to do")]
    Overloaded,
    /// The server is going down.
    #[error("the server is shutting down")]
    Draining,
}

const RETRY_AFTER_S: u32 = 2;

impl Rooms {
    /// Starts the workers and binds their ports.
    pub fn start(settings: Settings) -> anyhow::Result<Self> {
        let identity = Identity::generate()?;
        let ports: Vec<u16> = match &settings.media_ports {
            Some(range) => range.clone().take(settings.workers).collect(),
            None => vec![0; settings.workers],
        };
        let workers = worker::start(settings.media_ip, &ports, &settings.worker).map_err(|error| {
            anyhow::anyhow!("cannot open the media ports {ports:?} on {}: {error}", settings.media_ip)
        })?;
        let admission = Admission::new(settings.placement, settings.worker.budget, workers.len());
        let inner = Inner {
            identity,
            building: Semaphore::new(workers.len()),
            workers,
            registry: Arc::clone(&settings.worker.registry),
            draining: AtomicBool::new(false),
            admission: Mutex::new(admission),
            refused: AtomicU64::new(0),
            settings,
        };
        Ok(Self { inner: Arc::new(inner) })
    }

    /// Answers an offer and puts the peer into its room. The peer connection is built off the worker. Who is refused is
    /// refused at once.
    pub async fn join(&self, request: JoinRequest) -> Result<Joined, JoinError> {
        let joined = self.try_join(request).await;
        if matches!(joined, Err(JoinError::Full { .. } | JoinError::Overloaded)) {
            self.inner.refused.fetch_add(1, Relaxed);
        }
        joined
    }

    async fn try_join(&self, request: JoinRequest) -> Result<Joined, JoinError> {
        if self.is_draining() {
            return Err(JoinError::Draining);
        }
        let full = JoinError::Full { retry_after_s: RETRY_AFTER_S };
        if self.counts().1 >= self.inner.settings.max_peers {
            return Err(full);
        }
        let mut arrival = self.arrive(&request.room).ok_or(full.clone())?;
        let admitted = self.admission().admit(arrival.worker, &self.busy(), self.now());
        let host = admitted.map_err(|_| JoinError::Overloaded)?;
        let (peer, answer) = self.build_peer(host, request.side, request.sdp).await?;
        let id = TrackId::from_random(Uuid::new_v4().as_u128());
        let client = request.client.unwrap_or_else(Uuid::new_v4);
        let guest = Guest {
            room: request.room,
            id: id.clone(),
            client: request.client,
            address: request.address,
            name: request.name,
            kind: request.kind,
            strip: request.strip,
        };
        let join = Join { peer, home: arrival.worker, guest };
        self.send_arriving(host, &mut arrival, |reply| Command::Join(Box::new(join), reply)).await.ok_or(full)?;
        Ok(Joined { id, answer: answer.sdp, etag: answer.etag, client })
    }

    /// Takes a fragment for a peer: candidates, or new credentials that restart ICE.
    pub async fn trickle(
        &self,
        room: &RoomName,
        id: &TrackId,
        fragment: String,
        if_match: Option<String>,
    ) -> Result<Trickled, PeerError> {
        let worker = self.inner.registry.find(room).ok_or(PeerError::UnknownRoom)?;
        let (room, id) = (room.clone(), id.clone());
        self.ask(worker, |reply| Command::Trickle { room, id, fragment, if_match, reply })
            .await
            .unwrap_or(Err(PeerError::Overloaded))
    }

    /// Hangs a peer up; its track goes with it.
    pub async fn hang_up(&self, room: &RoomName, id: &TrackId) -> Result<(), PeerError> {
        let worker = self.inner.registry.find(room).ok_or(PeerError::UnknownRoom)?;
        let (room, id) = (room.clone(), id.clone());
        self.ask(worker, |reply| Command::HangUp { room, id, reply }).await.unwrap_or(Err(PeerError::Overloaded))
    }

    /// All rooms, by name.
    pub async fn list(&self) -> Vec<RoomState> {
        let mut rooms = Vec::new();
        for worker in 0..self.inner.workers.len() {
            rooms.extend(self.ask(worker, |reply| Command::List { reply }).await.unwrap_or_default());
        }
        rooms.sort_by(|a, b| a.room.cmp(&b.room));
        rooms
    }

    /// One room.
    pub async fn state(&self, room: &RoomName) -> Result<RoomState, UnknownRoom> {
        let worker = self.inner.registry.find(room).ok_or(UnknownRoom)?;
        let room = room.clone();
        self.ask(worker, |reply| Command::State { room, reply }).await.unwrap_or(Err(UnknownRoom))
    }

    /// Makes a room, or changes it if it is there; says whether it was made.
    pub async fn make(&self, room: RoomName, settings: RoomPatch, by: String) -> Result<(RoomState, bool), MakeError> {
        if self.is_draining() {
            return Err(MakeError::Draining);
        }
        settings.check().map_err(CommandError::OutOfRange)?;
        let full = MakeError::Full { retry_after_s: RETRY_AFTER_S };
        let mut arrival = self.arrive(&room).ok_or(full.clone())?;
        let home = arrival.worker;
        let made = self.send_arriving(home, &mut arrival, |reply| Command::Make { room, settings, by, reply }).await;
        // A refused command leaves no room that was not there before; one that was keeps its place.
        arrival.made = matches!(made, Some(Ok(_)));
        Ok(made.ok_or(full)??)
    }

    /// Closes a room and hangs up everybody in it.
    pub async fn close(&self, room: &RoomName) -> Result<(), UnknownRoom> {
        let worker = self.inner.registry.find(room).ok_or(UnknownRoom)?;
        let room = room.clone();
        self.ask(worker, |reply| Command::Close { room, reason: "room closed", reply })
            .await
            .unwrap_or(Err(UnknownRoom))
    }

    /// How one peer hears.
    pub async fn personal_mix(&self, room: &RoomName, id: &TrackId) -> Result<PersonalMix, CommandError> {
        let worker = self.inner.registry.find(room).ok_or(CommandError::UnknownRoom)?;
        let (room, id) = (room.clone(), id.clone());
        self.ask(worker, |reply| Command::Personal { room, id, reply }).await.unwrap_or(Err(CommandError::Overloaded))
    }

    /// Moves the desk; answers with the state after it.
    pub async fn command(&self, room: &RoomName, command: DeskCommand, by: String) -> Result<Done, CommandError> {
        let worker = self.inner.registry.find(room).ok_or(CommandError::UnknownRoom)?;
        let room = room.clone();
        self.ask(worker, |reply| Command::Desk { room, command, by, reply })
            .await
            .unwrap_or(Err(CommandError::Overloaded))
    }

    /// Follows a room: its state now, and every change from here on.
    pub async fn subscribe(&self, room: &RoomName) -> Result<Subscription, UnknownRoom> {
        let worker = self.inner.registry.find(room).ok_or(UnknownRoom)?;
        let room = room.clone();
        self.ask(worker, |reply| Command::Subscribe { room, reply }).await.unwrap_or(Err(UnknownRoom))
    }

    /// Rooms and peers now.
    pub fn counts(&self) -> (usize, usize) {
        let peers = self.counters().map(|counters| Counters::get(&counters.peers) as usize).sum();
        (self.inner.registry.count(), peers)
    }

    /// Joins refused so far because there was no place, or too much to do.
    pub fn joins_refused(&self) -> u64 {
        self.inner.refused.load(Relaxed)
    }

    /// The counters of each worker.
    pub fn counters(&self) -> impl Iterator<Item = &Counters> {
        self.inner.workers.iter().map(|worker| &*worker.counters)
    }

    /// The media address of each worker.
    pub fn media_addresses(&self) -> Vec<std::net::SocketAddr> {
        self.inner.workers.iter().map(|worker| worker.media).collect()
    }

    /// Whether new peers are refused because the server goes down.
    pub fn is_draining(&self) -> bool {
        self.inner.draining.load(Relaxed)
    }

    /// Refuses new peers, tells and hangs up those who are in, closes all rooms and ends the workers.
    pub async fn drain(&self) {
        self.inner.draining.store(true, Relaxed);
        // No worker ends before all have said goodbye: peers may be on another one than their room.
        for worker in 0..self.inner.workers.len() {
            self.ask(worker, |reply| Command::CloseAll { reason: "server is shutting down", reply }).await;
        }
        for worker in 0..self.inner.workers.len() {
            self.ask(worker, |reply| Command::Stop { reply }).await;
        }
    }

    async fn build_peer(&self, worker: usize, side: Side, sdp: String) -> Result<(Box<Peer>, Answer), JoinError> {
        let _turn = self.inner.building.acquire().await.expect("the semaphore is never closed");
        let inner = Arc::clone(&self.inner);
        let built = tokio::task::spawn_blocking(move || {
            let clock = inner.settings.worker.clock;
            let media = inner.workers[worker].media;
            let bitrate = inner.settings.worker.room.encoder.bitrate_bps;
            let ssrc = Uuid::new_v4().as_u128() as u32;
            Peer::answer(&inner.identity, media, side, bitrate, &sdp, ssrc, clock.instant(clock.now()))
        });
        match built.await {
            Ok(Ok((peer, answer))) => Ok((Box::new(peer), answer)),
            Ok(Err(OfferError::BadSdp(detail))) => Err(JoinError::BadSdp(detail)),
            Ok(Err(OfferError::NoAudio(detail))) => Err(JoinError::NoAudio(detail)),
            // A panic inside the WebRTC library is a bug, but the offer brought it about: it must not read as ours.
            Err(_) => Err(JoinError::BadSdp("the offer cannot be processed".into())),
        }
    }

    /// Hands a command to a worker and waits for its answer. None when the worker is overloaded or has ended.
    async fn ask<T>(&self, worker: usize, command: impl FnOnce(Reply<T>) -> Command) -> Option<T> {
        let (reply, answer) = oneshot::channel();
        self.inner.workers[worker].send(command(reply)).ok()?;
        answer.await.ok()
    }

    /// As [`Rooms::ask`], for what makes the room if it is not there. From the moment that the worker has the command the
    /// room counts as made, whether or not the caller is still there for the answer.
    async fn send_arriving<T>(
        &self,
        worker: usize,
        arrival: &mut Arrival,
        command: impl FnOnce(Reply<T>) -> Command,
    ) -> Option<T> {
        let (reply, answer) = oneshot::channel();
        self.inner.workers[worker].send(command(reply)).ok()?;
        arrival.made = true;
        answer.await.ok()
    }

    fn arrive(&self, room: &RoomName) -> Option<Arrival> {
        let worker = self.inner.registry.arrive(room, self.inner.settings.max_rooms, || self.place_room()).ok()?;
        Some(Arrival { registry: Arc::clone(&self.inner.registry), room: room.clone(), worker, made: false })
    }

    fn place_room(&self) -> usize {
        self.admission().place_room(&self.busy(), self.now())
    }

    /// How the workers are.
    fn busy(&self) -> Vec<Busy> {
        let now = self.now();
        let busy = |counters: &Counters| Busy {
            load: counters.load(now),
            peers: Counters::get(&counters.peers),
            rooms: Counters::get(&counters.rooms),
            is_shedding_joins: Counters::get(&counters.shedding) >= Level::Joins as u64,
        };
        self.counters().map(busy).collect()
    }

    fn admission(&self) -> MutexGuard<'_, Admission> {
        // Nothing there panics half way, so what a poisoned lock guards is whole.
        self.inner.admission.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn now(&self) -> Duration {
        self.inner.settings.worker.clock.now()
    }
}

/// Why a room is not made.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum MakeError {
    /// A setting that cannot be.
    #[error(transparent)]
    Command(#[from] CommandError),
    /// No place for another room now.
    #[error("the server is full")]
    Full {
        /// When to try again, seconds.
        retry_after_s: u32,
    },
    /// The server is going down.
    #[error("the server is shutting down")]
    Draining,
}

/// Somebody on the way to a room. Until it is dropped the room's place is kept.
struct Arrival {
    registry: Arc<Registry>,
    room: RoomName,
    worker: usize,
    made: bool,
}

impl Drop for Arrival {
    fn drop(&mut self) {
        self.registry.arrived(&self.room, self.made);
    }
}
