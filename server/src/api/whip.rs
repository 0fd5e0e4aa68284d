//! WHIP (RFC 9725) and WHEP (draft-ietf-wish-whep): one POST in, one peer out. What comes after is in `peers`.

use std::sync::Arc;

use axum::extract::{Query, State, rejection::QueryRejection};
use axum::http::{StatusCode, header};
use axum::response::{IntoResponse, Response};
use serde::Deserialize;
use signaling::{Bus, Kind, Right, RoomName, TrackPatch, check_track_name};

use super::Api;
use super::auth::Bearer;
use super::input::{ACCEPT_PATCH, Caller, InRoom, SDP, SDP_FRAGMENT, Sdp};
use super::peers::location;
use super::problems::Problem;
use crate::rooms::{JoinRequest, Side};

/// How a WHIP track starts. Keys that are not known are ignored: encoders append their own.
#[derive(Debug, Deserialize, utoipa::IntoParams)]
#[into_params(parameter_in = Query)]
pub struct Strip {
    /// What people read on the strip; default `guest`.
    name: Option<String>,
    /// `whip` (default) or `file`.
    kind: Option<Kind>,
    /// −60 to +20 dB.
    gain_db: Option<f32>,
    /// −1 (left) to +1 (right).
    pan: Option<f32>,
    /// Nobody hears it.
    muted: Option<bool>,
    /// `voice` (default), `program` or `announcement`.
    bus: Option<Bus>,
    /// Its voice is brought to one level with all others, slowly.
    auto_gain: Option<bool>,
    /// What is no voice is taken out of it; costs 10 ms.
    denoise: Option<bool>,
}

/// Publish a track
///
/// What it sends becomes a track; the last part of the Location is the track's id.
#[utoipa::path(post, path = "/whip/{room}", tag = "join", params(("room" = RoomName, Path), Strip),
    request_body(content = String, content_type = "application/sdp"), responses(
    (status = 201, description = "The answer, `recvonly`", body = String, content_type = "application/sdp", headers(
        ("Location" = String, description = "The session: PATCH to trickle or restart ICE, DELETE to hang up"),
        ("ETag" = String, description = "The ICE session, for If-Match"),
    )),
    (status = "4XX", body = signaling::Problem, content_type = "application/problem+json"),
    (status = 503, description = "Full or shutting down", body = signaling::Problem, content_type = "application/problem+json"),
))]
pub async fn whip(
    State(api): State<Arc<Api>>,
    bearer: Bearer,
    InRoom(room): InRoom,
    Caller(address): Caller,
    strip: Result<Query<Strip>, QueryRejection>,
    Sdp(sdp): Sdp,
) -> Result<Response, Problem> {
    bearer.may(&room, Right::Talk)?;
    let Query(strip) = strip.map_err(|error| Problem::invalid(format!("query: {}", error.body_text())))?;
    let (name, kind, strip) = strip.check()?;
    join(&api, JoinRequest { room, sdp, side: Side::Whip, name, kind, client: None, strip, address }).await
}

/// Hear a room's mix
#[utoipa::path(post, path = "/whep/{room}", tag = "join", params(("room" = RoomName, Path)),
    request_body(content = String, content_type = "application/sdp"), responses(
    (status = 201, description = "The answer, `sendonly`", body = String, content_type = "application/sdp", headers(
        ("Location" = String, description = "The session: PATCH to trickle or restart ICE, DELETE to hang up"),
        ("ETag" = String, description = "The ICE session, for If-Match"),
    )),
    (status = "4XX", body = signaling::Problem, content_type = "application/problem+json"),
    (status = 503, description = "Full or shutting down", body = signaling::Problem, content_type = "application/problem+json"),
))]
pub async fn whep(
    State(api): State<Arc<Api>>,
    bearer: Bearer,
    InRoom(room): InRoom,
    Caller(address): Caller,
    Sdp(sdp): Sdp,
) -> Result<Response, Problem> {
    bearer.may(&room, Right::Listen)?;
    let strip = TrackPatch::default();
    let request =
        JoinRequest { room, sdp, side: Side::Whep, name: None, kind: Kind::Peer, client: None, strip, address };
    join(&api, request).await
}

/// Nothing: the endpoint has no representation
///
/// RFC 9725 §4.1 wants success without content.
#[utoipa::path(get, path = "/whip/{room}", tag = "join", params(("room" = RoomName, Path)), responses((status = 204)))]
pub async fn whip_exists(bearer: Bearer, InRoom(room): InRoom) -> Result<StatusCode, Problem> {
    bearer.may_something(&room)?;
    Ok(StatusCode::NO_CONTENT)
}

/// Nothing: the endpoint has no representation
///
/// As with WHIP.
#[utoipa::path(get, path = "/whep/{room}", tag = "join", params(("room" = RoomName, Path)), responses((status = 204)))]
pub async fn whep_exists(bearer: Bearer, room: InRoom) -> Result<StatusCode, Problem> {
    whip_exists(bearer, room).await
}

async fn join(api: &Api, request: JoinRequest) -> Result<Response, Problem> {
    let room = request.room.clone();
    let joined = api.rooms.join(request).await?;
    let headers = [
        (header::LOCATION, location(&room, &joined.id)),
        (header::ETAG, joined.etag),
        (header::CONTENT_TYPE, SDP.to_owned()),
        (ACCEPT_PATCH, SDP_FRAGMENT.to_owned()),
    ];
    Ok((StatusCode::CREATED, headers, joined.answer).into_response())
}

impl Strip {
    fn check(self) -> Result<(Option<String>, Kind, TrackPatch), Problem> {
        let kind = self.kind.unwrap_or(Kind::Whip);
        if kind == Kind::Peer {
            return Err(Problem::invalid("query: kind must be whip or file, got peer"));
        }
        let name = self.name.filter(|name| !name.is_empty());
        name.as_deref().map_or(Ok(()), check_track_name).map_err(Problem::invalid)?;
        let Self { gain_db, pan, muted, bus, auto_gain, denoise, .. } = self;
        let strip = TrackPatch { gain_db, pan, muted, bus, auto_gain, denoise, ..TrackPatch::default() };
        strip.check().map_err(Problem::invalid)?;
        Ok((name, kind, strip))
    }
}
