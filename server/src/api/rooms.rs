//! Rooms and their settings.

use std::sync::Arc;

use axum::Json as JsonBody;
use axum::extract::State;
use axum::http::{StatusCode, header};
use axum::response::IntoResponse;
use signaling::{Command, Right, RoomName, RoomPatch, RoomState};

use super::Api;
use super::auth::Bearer;
use super::input::{Caller, InRoom, Json, MaybeJson};
use super::problems::Problem;

/// All rooms that the caller may see
#[utoipa::path(get, path = "/api/rooms", tag = "rooms", responses((status = 200, body = Vec<RoomState>)))]
pub async fn list(State(api): State<Arc<Api>>, bearer: Bearer) -> JsonBody<Vec<RoomState>> {
    let mut rooms = api.rooms.list().await;
    rooms.retain(|state| bearer.may(&state.room, Right::Listen).is_ok());
    JsonBody(rooms)
}

/// One room
#[utoipa::path(get, path = "/api/rooms/{room}", tag = "rooms", params(("room" = RoomName, Path)), responses(
    (status = 200, body = RoomState),
    (status = 404, body = signaling::Problem, content_type = "application/problem+json"),
))]
pub async fn state(
    State(api): State<Arc<Api>>,
    bearer: Bearer,
    InRoom(room): InRoom,
) -> Result<JsonBody<RoomState>, Problem> {
    bearer.may(&room, Right::Listen)?;
    Ok(JsonBody(api.rooms.state(&room).await?))
}

/// Make a room, or change its settings
///
/// The body may be left out. Needs the right `admin`.
#[utoipa::path(put, path = "/api/rooms/{room}", tag = "rooms", params(("room" = RoomName, Path)),
    request_body = Option<RoomPatch>, responses(
    (status = 201, description = "Made", body = RoomState, headers(("Location" = String, description = "The room"))),
    (status = 200, description = "Changed", body = RoomState),
    (status = "4XX", body = signaling::Problem, content_type = "application/problem+json"),
))]
pub async fn make(
    State(api): State<Arc<Api>>,
    bearer: Bearer,
    InRoom(room): InRoom,
    Caller(address): Caller,
    MaybeJson(settings): MaybeJson<RoomPatch>,
) -> Result<impl IntoResponse, Problem> {
    bearer.may(&room, Right::Admin)?;
    settings.check().map_err(Problem::invalid)?;
    let location = format!("/api/rooms/{room}");
    let (state, made) = api.rooms.make(room, settings, address).await?;
    let status = if made { StatusCode::CREATED } else { StatusCode::OK };
    Ok((status, [(header::LOCATION, location)], JsonBody(state)))
}

/// Change a room's settings
///
/// What is left out stays as it is. Needs the right `mix`.
#[utoipa::path(patch, path = "/api/rooms/{room}", tag = "rooms", params(("room" = RoomName, Path)),
    request_body = RoomPatch, responses(
    (status = 200, body = RoomState),
    (status = "4XX", body = signaling::Problem, content_type = "application/problem+json"),
))]
pub async fn change(
    State(api): State<Arc<Api>>,
    bearer: Bearer,
    InRoom(room): InRoom,
    Caller(address): Caller,
    Json(settings): Json<RoomPatch>,
) -> Result<JsonBody<RoomState>, Problem> {
    bearer.may(&room, Right::Mix)?;
    settings.check().map_err(Problem::invalid)?;
    Ok(JsonBody(api.rooms.command(&room, Command::SetRoom { settings }, address).await?.state))
}

/// Close a room
///
/// Everybody in it is hung up. Needs the right `admin`.
#[utoipa::path(delete, path = "/api/rooms/{room}", tag = "rooms", params(("room" = RoomName, Path)), responses(
    (status = 204),
    (status = 404, body = signaling::Problem, content_type = "application/problem+json"),
))]
pub async fn close(State(api): State<Arc<Api>>, bearer: Bearer, InRoom(room): InRoom) -> Result<StatusCode, Problem> {
    bearer.may(&room, Right::Admin)?;
    api.rooms.close(&room).await?;
    Ok(StatusCode::NO_CONTENT)
}
