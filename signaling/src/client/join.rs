//! Joining a room.

use std::sync::Arc;

use uuid::Uuid;

use super::{
    Client, Listener, Publisher, RequestError,
    connection::{Direction, Offering},
};
use crate::{Bus, Kind, Offer, OfferAnswer, Role, RoomName, SdpKind, SessionDescription, TrackPatch};

/// Why a room could not be joined.
#[derive(Debug, Clone, PartialEq, thiserror::Error)]
pub enum JoinError {
    /// The server was not reached or said no.
    #[error(transparent)]
    Request(#[from] RequestError),
    /// The server's answer makes no sense to us: a fault of one of both, a retry does not help.
    #[error("the server's SDP answer cannot be used: {0}")]
    Answer(String),
    /// HTTP works, media does not: the network's fault, a retry may help.
    #[error("the room was joined but no media connection came about: {0}")]
    NotConnected(String),
    /// This machine's fault: no interface, no socket.
    #[error("a media connection cannot be set up on this machine: {0}")]
    Local(String),
}

impl JoinError {
    pub(super) fn local(error: impl ToString) -> Self {
        Self::Local(error.to_string())
    }

    /// Whether joining again may succeed.
    pub fn retry_helps(&self) -> bool {
        match self {
            Self::Request(error) => error.retry_helps(),
            Self::NotConnected(_) => true,
            Self::Answer(_) | Self::Local(_) => false,
        }
    }
}

/// How a track that is published by WHIP shall look on the desk.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Publish {
    /// What people read on the strip.
    pub name: Option<String>,
    /// `file` for a pushed file.
    pub kind: Option<Kind>,
    /// −60 to +20 dB.
    pub gain_db: Option<f32>,
    /// −1 (left) to +1 (right).
    pub pan: Option<f32>,
    /// What it is to the others; none: a voice.
    pub bus: Option<Bus>,
    /// Its voice is brought to one level with all others.
    pub auto_gain: bool,
    /// What is no voice is taken out of it.
    pub denoise: bool,
}

/// Talks and listens on one connection.
#[derive(Debug)]
pub struct Duplex {
    /// The caller's id: sent again, it takes the place of this connection and keeps its strip.
    pub client_id: Uuid,
    /// The sending half.
    pub publisher: Publisher,
    /// The receiving half. Closing either closes both.
    pub listener: Listener,
}

impl Client {
    /// Joins as a publisher by `POST /whip/{room}` and waits until media can flow.
    pub async fn publish(&self, room: &RoomName, publish: &Publish) -> Result<Publisher, JoinError> {
        let mut url = self.url(&format!("whip/{room}"));
        {
            let mut query = url.query_pairs_mut();
            if let Some(name) = &publish.name {
                query.append_pair("name", name);
            }
            if publish.kind == Some(Kind::File) {
                query.append_pair("kind", "file");
            }
            if let Some(gain_db) = publish.gain_db {
                query.append_pair("gain_db", &gain_db.to_string());
            }
            if let Some(pan) = publish.pan {
                query.append_pair("pan", &pan.to_string());
            }
            match publish.bus {
                None | Some(Bus::Voice) => {}
                Some(Bus::Program) => _ = query.append_pair("bus", "program"),
                Some(Bus::Announcement) => _ = query.append_pair("bus", "announcement"),
            }
            for (key, is_on) in [("auto_gain", publish.auto_gain), ("denoise", publish.denoise)] {
                if is_on {
                    query.append_pair(key, "true");
                }
            }
        }
        let offering = Offering::new(self, Direction::Send).await?;
        let (answer, location) = self.post_sdp(url, offering.sdp.clone()).await?;
        let (connection, outgoing, _) = offering.connect(self, answer, location).await?;
        Ok(Publisher::new(connection, outgoing.expect("a sending offer has a track")))
    }

    /// Joins as a listener by `POST /whep/{room}` and waits until media can flow.
    pub async fn listen(&self, room: &RoomName) -> Result<Listener, JoinError> {
        let offering = Offering::new(self, Direction::Receive).await?;
        let (answer, location) = self.post_sdp(self.url(&format!("whep/{room}")), offering.sdp.clone()).await?;
        let (connection, _, incoming) = offering.connect(self, answer, location).await?;
        Ok(Listener::new(connection, incoming))
    }

    /// Joins as a talker who hears the mix, by `POST /api/offer`. `strip` is set once the track is
    /// there.
    pub async fn join(
        &self,
        room: &RoomName,
        name: Option<String>,
        client_id: Option<Uuid>,
        strip: &TrackPatch,
    ) -> Result<Duplex, JoinError> {
        let offering = Offering::new(self, Direction::Both).await?;
        let offer = SessionDescription { kind: SdpKind::Offer, sdp: offering.sdp.clone() };
        let offer = Offer { offer, room: room.clone(), name, client_id, role: Some(Role::Talker) };
        let (answered, location) = self.post_json::<OfferAnswer>("api/offer", &offer).await?;
        let (connection, outgoing, incoming) = offering.connect(self, answered.answer.sdp, location).await?;
        let publisher = Publisher::new(Arc::clone(&connection), outgoing.expect("a sending offer has a track"));
        let listener = Listener::new(connection, incoming);
        if *strip != TrackPatch::default() {
            self.change_track(room, &answered.track_id, strip).await?;
        }
        Ok(Duplex { client_id: answered.client_id, publisher, listener })
    }
}
