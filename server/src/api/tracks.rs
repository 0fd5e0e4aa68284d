//! The strips of a room's desk.

use std::sync::Arc;

use axum::Json as JsonBody;
use axum::extract::State;
use axum::http::StatusCode;
use signaling::{Command, Right, RoomName, TrackId, TrackPatch, TrackState};

use super::Api;
use super::auth::Bearer;
use super::input::{Caller, Json, PeerPath};
use super::problems::Problem;
use crate::rooms::CommandError;

/// Move a strip
///
/// What is left out stays as it is; every change is ramped. Needs the right `mix`.
#[utoipa::path(patch, path = "/api/rooms/{room}/tracks/{id}", tag = "rooms",
    params(("room" = RoomName, Path), ("id" = TrackId, Path)), request_body = TrackPatch, responses(
    (status = 200, description = "The strip as it is now", body = TrackState),
    (status = "4XX", body = signaling::Problem, content_type = "application/problem+json"),
))]
pub async fn change(
    State(api): State<Arc<Api>>,
    bearer: Bearer,
    PeerPath { room, id }: PeerPath,
    Caller(address): Caller,
    Json(strip): Json<TrackPatch>,
) -> Result<JsonBody<TrackState>, Problem> {
    bearer.may(&room, Right::Mix)?;
    strip.check().map_err(Problem::invalid)?;
    let done = api.rooms.command(&room, Command::SetTrack { id: id.clone(), strip }, address).await?;
    let track = done.state.tracks.into_iter().find(|track| track.id == id);
    track.map(JsonBody).ok_or_else(|| CommandError::UnknownTrack.into())
}

/// Remove a track
///
/// Its peer is hung up. Needs the right `mix`.
#[utoipa::path(delete, path = "/api/rooms/{room}/tracks/{id}", tag = "rooms",
    params(("room" = RoomName, Path), ("id" = TrackId, Path)), responses(
    (status = 204),
    (status = 404, body = signaling::Problem, content_type = "application/problem+json"),
))]
pub async fn remove(
    State(api): State<Arc<Api>>,
    bearer: Bearer,
    PeerPath { room, id }: PeerPath,
    Caller(address): Caller,
) -> Result<StatusCode, Problem> {
    bearer.may(&room, Right::Mix)?;
    api.rooms.command(&room, Command::RemoveTrack { id }, address).await?;
    Ok(StatusCode::NO_CONTENT)
}
