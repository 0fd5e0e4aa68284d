//! What the API may ask of a worker. Everything comes over one bounded queue; answers go back by a one-shot channel.

use std::sync::Arc;
use std::sync::atomic::{AtomicU32, Ordering::Relaxed};

use signaling::{FloorAnswer, Kind, PersonalMix, RoomName, RoomPatch, RoomState, TrackId, TrackPatch};
use tokio::sync::{broadcast, oneshot};
use uuid::Uuid;

use crate::peer::Peer;

/// A peer built off the worker that it is to be on, and what the room is to know of it.
pub struct Join {
    /// Answered already.
    pub peer: Box<Peer>,
    /// The worker where its room is.
    pub home: usize,
    /// What the room is to know.
    pub guest: Guest,
}

/// Who comes, as the room sees it.
pub struct Guest {
    /// The room, made if it is not there.
    pub room: RoomName,
    /// The id of the peer and of its track.
    pub id: TrackId,
    /// Who it is, over reconnects.
    pub client: Option<Uuid>,
    /// Where the HTTP request came from; the event log says so until media comes.
    pub address: String,
    /// What people read on the strip, if it says so.
    pub name: Option<String>,
    /// Where its track comes from.
    pub kind: Kind,
    /// How its strip starts.
    pub strip: TrackPatch,
}

/// The room is not there.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("there is no such room")]
pub struct UnknownRoom;

/// Why a command was refused. The caller's fault; nothing changed.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum CommandError {
    /// The room is not there.
    #[error("there is no such room")]
    UnknownRoom,
    /// The track is not in the room.
    #[error("there is no such track in the room")]
    UnknownTrack,
    /// A value out of its range.
    #[error("{0}")]
    OutOfRange(String),
    /// The peer is not in the room, or does not hear.
    #[error("there is no such peer that hears in the room")]
    UnknownPeer,
    /// Not so often; trying again helps.
    #[error("{0}")]
    TooOften(String),
    /// The worker takes no more commands now; trying again helps.
    #[error("the server has too much to do")]
    Overloaded,
}

/// Why a call for one peer was refused.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum PeerError {
    /// The room is not there.
    #[error("there is no such room")]
    UnknownRoom,
    /// The peer is not in the room, or not any more.
    #[error("there is no such peer in the room")]
    UnknownPeer,
    /// `If-Match` names another ICE session than the present one.
    #[error("If-Match does not name the present ICE session: its ETag is {0}")]
    StaleEtag(String),
    /// The fragment cannot be read or used; the session goes on as it was.
    #[error("{0}")]
    BadFragment(String),
    /// The worker takes no more commands now; trying again helps.
    #[error("the server has too much to do")]
    Overloaded,
}

/// What a command left behind.
#[derive(Clone, Debug, PartialEq)]
pub struct Done {
    /// The room after it.
    pub state: RoomState,
    /// What became of a request for the floor.
    pub floor: Option<FloorAnswer>,
}

/// What a fragment did.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Trickled {
    /// Candidates were taken.
    Added,
    /// ICE was restarted.
    Restarted {
        /// Our new credentials and candidate, `application/trickle-ice-sdpfrag`.
        fragment: String,
        /// The new session's entity tag.
        etag: String,
    },
}

/// A view of a room that follows it.
pub struct Subscription {
    /// A `ServerMessage::Snapshot` as JSON; the first update follows it without a gap.
    pub snapshot: Arc<str>,
    /// When it lags, subscribe again.
    pub updates: broadcast::Receiver<Update>,
    /// Meters are made only while somebody watches.
    #[expect(dead_code, reason = "it counts as long as it lives")]
    pub(super) watching: Watching,
}

/// One message to those who follow a room.
#[derive(Clone, Debug)]
pub struct Update {
    /// A `ServerMessage` as JSON.
    pub text: Arc<str>,
    /// Only for who speaks for this peer.
    pub to: Option<TrackId>,
}

/// Counts itself as a watcher of the room for as long as it lives.
pub(super) struct Watching(Arc<AtomicU32>);

impl Watching {
    pub(super) fn new(watchers: &Arc<AtomicU32>) -> Self {
        watchers.fetch_add(1, Relaxed);
        Self(Arc::clone(watchers))
    }
}

impl Drop for Watching {
    fn drop(&mut self) {
        self.0.fetch_sub(1, Relaxed);
    }
}

/// Where an answer goes. Who asked may be gone; then the answer is dropped.
pub type Reply<T> = oneshot::Sender<T>;

/// One request to a worker.
pub enum Command {
    /// A peer joins, on this worker; its room is made if it is not there.
    Join(Box<Join>, Reply<()>),
    /// A fragment for a peer, with its `If-Match`.
    Trickle {
        room: RoomName,
        id: TrackId,
        fragment: String,
        if_match: Option<String>,
        reply: Reply<Result<Trickled, PeerError>>,
    },
    /// A peer hangs up.
    HangUp { room: RoomName, id: TrackId, reply: Reply<Result<(), PeerError>> },
    /// A move of the desk.
    Desk { room: RoomName, command: signaling::Command, by: String, reply: Reply<Result<Done, CommandError>> },
    /// How one peer hears.
    Personal { room: RoomName, id: TrackId, reply: Reply<Result<PersonalMix, CommandError>> },
    /// Make the room, or change it if it is there. Answers with whether it was made.
    Make { room: RoomName, settings: RoomPatch, by: String, reply: Reply<Result<(RoomState, bool), CommandError>> },
    /// Close the room and hang up everybody in it.
    Close { room: RoomName, reason: &'static str, reply: Reply<Result<(), UnknownRoom>> },
    /// One room's state.
    State { room: RoomName, reply: Reply<Result<RoomState, UnknownRoom>> },
    /// All rooms' states.
    List { reply: Reply<Vec<RoomState>> },
    /// Follow a room.
    Subscribe { room: RoomName, reply: Reply<Result<Subscription, UnknownRoom>> },
    /// Close all rooms and hang up everybody in them.
    CloseAll { reason: &'static str, reply: Reply<()> },
    /// End the thread.
    Stop { reply: Reply<()> },
}
