//! The floor of a room, and its call light.

use std::sync::Arc;

use axum::Json as JsonBody;
use axum::extract::State;
use axum::http::StatusCode;
use signaling::{Alert, Command, FloorAction, FloorAnswer, FloorRequest, RoomName, TrackId};

use super::Api;
use super::auth::Bearer;
use super::input::{Caller, InRoom, Json, PeerPath};
use super::problems::Problem;

/// Ask for the floor, give it back, or give and take it from the desk
///
/// `request` and `release` need the right `talk`, `grant` and `revoke` need `mix`. To be denied is an answer, no
/// error. In an open room, and for a track that is no voice, all may talk.
#[utoipa::path(post, path = "/api/rooms/{room}/tracks/{id}/floor", tag = "rooms",
    params(("room" = RoomName, Path), ("id" = TrackId, Path)), request_body = FloorRequest, responses(
    (status = 200, description = "What became of it", body = FloorAnswer),
    (status = "4XX", body = signaling::Problem, content_type = "application/problem+json"),
))]
pub async fn floor(
    State(api): State<Arc<Api>>,
    bearer: Bearer,
    PeerPath { room, id }: PeerPath,
    Caller(address): Caller,
    Json(FloorRequest { action, priority }): Json<FloorRequest>,
) -> Result<JsonBody<FloorAnswer>, Problem> {
    let answer = carry_out(&api, &bearer, &room, Command::Floor { id, action, priority }, &address).await?;
    Ok(JsonBody(answer.unwrap_or(FloorAnswer::Released)))
}

/// Put on a call light
///
/// Everybody who follows the room sees it. Needs the right `talk` or `mix`.
#[utoipa::path(post, path = "/api/rooms/{room}/alerts", tag = "rooms", params(("room" = RoomName, Path)),
    request_body = Alert, responses(
    (status = 204),
    (status = 429, description = "Another one is on just now", body = signaling::Problem, content_type = "application/problem+json"),
    (status = "4XX", body = signaling::Problem, content_type = "application/problem+json"),
))]
pub async fn alert(
    State(api): State<Arc<Api>>,
    bearer: Bearer,
    InRoom(room): InRoom,
    Caller(address): Caller,
    Json(Alert { from, to }): Json<Alert>,
) -> Result<StatusCode, Problem> {
    carry_out(&api, &bearer, &room, Command::Alert { from, to }, &address).await?;
    Ok(StatusCode::NO_CONTENT)
}

/// Any command: whether the bearer may give it, then the room, and the time that a grant took.
pub async fn carry_out(
    api: &Api,
    bearer: &Bearer,
    room: &RoomName,
    command: Command,
    address: &str,
) -> Result<Option<FloorAnswer>, Problem> {
    bearer.may_command(room, &command)?;
    let asked = api.clock.now();
    let is_request = matches!(command, Command::Floor { action: FloorAction::Request, .. });
    let measured = match command {
        Command::Report { access_ms, .. } => access_ms,
        _ => None,
    };
    let floor = api.rooms.command(room, command, address.to_owned()).await?.floor;
    if let (true, Some(FloorAnswer::Granted { .. })) = (is_request, &floor) {
        api.metrics.floor_answer(api.clock.now().saturating_sub(asked));
    }
    if let Some(ms) = measured {
        api.metrics.floor_access(ms);
    }
    Ok(floor)
}
