//! `POST /api/offer`: talk and listen over one audio section.

use std::sync::Arc;

use axum::Json as JsonBody;
use axum::extract::State;
use axum::http::{StatusCode, header};
use axum::response::IntoResponse;
use signaling::{Kind, Offer, OfferAnswer, Right, Role, SdpKind, SessionDescription, TrackPatch, check_track_name};

use super::Api;
use super::auth::Bearer;
use super::input::{ACCEPT_PATCH, Caller, Json, SDP_FRAGMENT};
use super::peers::location;
use super::problems::Problem;
use crate::rooms::{JoinRequest, Side};

/// Join a room to talk and listen
///
/// The answer has all candidates of the server; the offer need not have any. A talker needs the rights
/// `talk` and `listen`, a listener `listen`.
#[utoipa::path(post, path = "/api/offer", tag = "join", request_body = Offer, responses(
    (status = 201, body = OfferAnswer, headers(
        ("Location" = String, description = "The peer: PATCH to trickle or restart ICE, DELETE to hang up"),
        ("ETag" = String, description = "The ICE session, for If-Match"),
    )),
    (status = "4XX", body = signaling::Problem, content_type = "application/problem+json"),
    (status = 503, description = "Full or shutting down; Retry-After says when to try again", body = signaling::Problem,
        content_type = "application/problem+json"),
))]
pub async fn offer(
    State(api): State<Arc<Api>>,
    bearer: Bearer,
    Caller(address): Caller,
    Json(offer): Json<Offer>,
) -> Result<impl IntoResponse, Problem> {
    let side = match offer.role.unwrap_or_default() {
        Role::Talker => {
            bearer.may(&offer.room, Right::Talk)?;
            Side::Both
        }
        Role::Listener => Side::ListenOnly,
    };
    bearer.may(&offer.room, Right::Listen)?;
    if offer.offer.kind != SdpKind::Offer {
        return Err(Problem::invalid("offer.type must be \"offer\", got \"answer\""));
    }
    let name = offer.name.filter(|name| !name.is_empty());
    name.as_deref().map_or(Ok(()), check_track_name).map_err(Problem::invalid)?;
    let request = JoinRequest {
        room: offer.room.clone(),
        sdp: offer.offer.sdp,
        side,
        name,
        kind: Kind::Peer,
        client: offer.client_id,
        strip: TrackPatch::default(),
        address,
    };
    let joined = api.rooms.join(request).await?;
    let headers = [
        (header::LOCATION, location(&offer.room, &joined.id)),
        (header::ETAG, joined.etag),
        (ACCEPT_PATCH, SDP_FRAGMENT.to_owned()),
    ];
    let answer = OfferAnswer {
        answer: SessionDescription { kind: SdpKind::Answer, sdp: joined.answer },
        client_id: joined.client,
        room: offer.room,
        track_id: joined.id,
    };
    Ok((StatusCode::CREATED, headers, JsonBody(answer)))
}
