//! Joining over `POST /api/offer`.

use serde::{Deserialize, Serialize};
use uuid::Uuid;

use crate::{RoomName, TrackId};

/// The body of `POST /api/offer`. Keys that it does not know are ignored.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[cfg_attr(test, derive(ts_rs::TS), ts(optional_fields))]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct Offer {
    /// The caller's SDP with one `sendrecv` audio section.
    pub offer: SessionDescription,
    /// The room to join; made if it is not there.
    pub room: RoomName,
    /// What people read on the strip; at most 64 characters. Default: `guest`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub name: Option<String>,
    /// Who calls, over reconnects: a second call with the same id takes the place of the first and
    /// keeps its strip. Made up when left out.
    #[serde(rename = "clientId", default, skip_serializing_if = "Option::is_none")]
    #[cfg_attr(test, ts(type = "string"))]
    pub client_id: Option<Uuid>,
    /// Default: `talker`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub role: Option<Role>,
}

/// What a peer of `POST /api/offer` does.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
#[cfg_attr(test, derive(ts_rs::TS))]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub enum Role {
    /// Has a track and hears the mix.
    #[default]
    Talker,
    /// Hears the mix; what it sends is dropped.
    Listener,
}

/// An SDP with its type, as `RTCSessionDescription` has it.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[cfg_attr(test, derive(ts_rs::TS))]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct SessionDescription {
    /// `offer` or `answer`.
    #[serde(rename = "type")]
    pub kind: SdpKind,
    /// RFC 8866 text.
    pub sdp: String,
}

/// The type of a session description.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
#[cfg_attr(test, derive(ts_rs::TS))]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub enum SdpKind {
    /// From the client.
    Offer,
    /// From the server.
    Answer,
}

/// The body of the 201 to `POST /api/offer`.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[cfg_attr(test, derive(ts_rs::TS))]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct OfferAnswer {
    /// The server's SDP with all its candidates.
    pub answer: SessionDescription,
    /// The caller's id, made up if it sent none.
    #[serde(rename = "clientId")]
    #[cfg_attr(test, ts(type = "string"))]
    pub client_id: Uuid,
    /// The room joined.
    pub room: RoomName,
    /// The id of the peer and of its track; the last part of the `Location`.
    #[serde(rename = "trackId")]
    pub track_id: TrackId,
}
