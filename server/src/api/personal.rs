//! What one peer hears otherwise than the desk says.

use std::sync::Arc;

use axum::Json as JsonBody;
use axum::extract::State;
use signaling::{Command, PersonalMix, PersonalPatch, Right, RoomName, TrackId};

use super::Api;
use super::auth::Bearer;
use super::input::{Caller, Json, PeerPath};
use super::problems::Problem;

/// A peer's personal mix
#[utoipa::path(get, path = "/api/rooms/{room}/peers/{id}/mix", tag = "rooms",
    params(("room" = RoomName, Path), ("id" = TrackId, Path)), responses(
    (status = 200, body = PersonalMix),
    (status = 404, body = signaling::Problem, content_type = "application/problem+json"),
))]
pub async fn mix(
    State(api): State<Arc<Api>>,
    bearer: Bearer,
    PeerPath { room, id }: PeerPath,
) -> Result<JsonBody<PersonalMix>, Problem> {
    bearer.may(&room, Right::Listen)?;
    Ok(JsonBody(api.rooms.personal_mix(&room, &id).await?))
}

/// Change a peer's personal mix
///
/// Only this peer hears it. What is left out stays as it is. Needs the right `listen`.
#[utoipa::path(patch, path = "/api/rooms/{room}/peers/{id}/mix", tag = "rooms",
    params(("room" = RoomName, Path), ("id" = TrackId, Path)), request_body = PersonalPatch, responses(
    (status = 200, description = "The mix as it is now", body = PersonalMix),
    (status = "4XX", body = signaling::Problem, content_type = "application/problem+json"),
))]
pub async fn set_mix(
    State(api): State<Arc<Api>>,
    bearer: Bearer,
    PeerPath { room, id }: PeerPath,
    Caller(address): Caller,
    Json(mix): Json<PersonalPatch>,
) -> Result<JsonBody<PersonalMix>, Problem> {
    bearer.may(&room, Right::Listen)?;
    mix.check().map_err(Problem::invalid)?;
    api.rooms.command(&room, Command::SetMix { id: id.clone(), mix }, address).await?;
    Ok(JsonBody(api.rooms.personal_mix(&room, &id).await?))
}
