//! One peer, whichever way it joined: trickle ICE, ICE restart, hang-up (RFC 9725 §4.2 and §4.3).

use std::sync::Arc;

use axum::extract::State;
use axum::http::{HeaderMap, StatusCode, header};
use axum::response::{IntoResponse, Response};
use signaling::{RoomName, TrackId};

use super::Api;
use super::auth::Bearer;
use super::input::{Fragment, PeerPath, SDP_FRAGMENT};
use super::problems::Problem;
use crate::rooms::{PeerError, Trickled};

/// Tags in one `If-Match` that are tried; a client has one or two.
const MOST_TAGS: usize = 8;

/// The address of a peer. Its last part is the id of the peer and its track.
pub fn location(room: &RoomName, id: &TrackId) -> String {
    format!("/api/rooms/{room}/peers/{id}")
}

/// Nothing: a session has no representation
///
/// RFC 9725 §4.1 wants success without content.
#[utoipa::path(get, path = "/api/rooms/{room}/peers/{id}", tag = "join", responses(
    (status = 204),
    (status = 404, body = signaling::Problem, content_type = "application/problem+json"),
), params(("room" = RoomName, Path), ("id" = TrackId, Path)))]
pub async fn exists(
    State(api): State<Arc<Api>>,
    bearer: Bearer,
    PeerPath { room, id }: PeerPath,
) -> Result<StatusCode, Problem> {
    bearer.may_something(&room)?;
    check_exists(&api, &room, &id).await?;
    Ok(StatusCode::NO_CONTENT)
}

/// Trickle candidates, or restart ICE
///
/// Candidates come with `If-Match` and the ETag of the ICE session, a restart with `If-Match: *` (RFC 9725 §4.3.1,
/// §4.3.3). A fragment that cannot be used leaves the session as it was.
#[utoipa::path(patch, path = "/api/rooms/{room}/peers/{id}", tag = "join", params(
    ("room" = RoomName, Path), ("id" = TrackId, Path),
    ("If-Match" = String, Header, description = "The ETag of the ICE session, or * to restart it"),
), request_body(content = String, content_type = "application/trickle-ice-sdpfrag"), responses(
    (status = 204, description = "Candidates were taken"),
    (status = 200, description = "ICE was restarted", body = String, content_type = "application/trickle-ice-sdpfrag",
        headers(("ETag" = String, description = "The new ICE session"))),
    (status = 412, description = "If-Match names another ICE session", body = signaling::Problem, content_type = "application/problem+json"),
    (status = 422, description = "Malformed fragment", body = signaling::Problem, content_type = "application/problem+json"),
    (status = 428, description = "If-Match is missing", body = signaling::Problem, content_type = "application/problem+json"),
))]
pub async fn trickle(
    State(api): State<Arc<Api>>,
    bearer: Bearer,
    PeerPath { room, id }: PeerPath,
    headers: HeaderMap,
    Fragment(fragment): Fragment,
) -> Result<Response, Problem> {
    bearer.may_something(&room)?;
    let mut done = None;
    for tag in entity_tags(&headers) {
        let tried = api.rooms.trickle(&room, &id, fragment.clone(), Some(tag)).await;
        let is_stale = matches!(tried, Err(PeerError::StaleEtag(_)));
        done = Some(tried);
        if !is_stale {
            break;
        }
    }
    match done {
        Some(Ok(Trickled::Added)) => Ok(StatusCode::NO_CONTENT.into_response()),
        Some(Ok(Trickled::Restarted { fragment, etag })) => {
            let headers = [(header::CONTENT_TYPE, SDP_FRAGMENT.to_owned()), (header::ETAG, etag)];
            Ok((headers, fragment).into_response())
        }
        Some(Err(error)) => Err(error.into()),
        None => {
            check_exists(&api, &room, &id).await?;
            Err(precondition_required())
        }
    }
}

/// Hang up
///
/// The track goes with the peer. `If-Match` is ignored (RFC 9725 §4.3.1).
#[utoipa::path(delete, path = "/api/rooms/{room}/peers/{id}", tag = "join", responses(
    (status = 200),
    (status = 404, body = signaling::Problem, content_type = "application/problem+json"),
), params(("room" = RoomName, Path), ("id" = TrackId, Path)))]
pub async fn hang_up(
    State(api): State<Arc<Api>>,
    bearer: Bearer,
    PeerPath { room, id }: PeerPath,
) -> Result<StatusCode, Problem> {
    bearer.may_something(&room)?;
    api.rooms.hang_up(&room, &id).await?;
    Ok(StatusCode::OK)
}

/// The members of `If-Match` (RFC 9110 §13.1.1). The example of RFC 9725 §4.3.3 puts the star into
/// quotes, so both forms are one.
fn entity_tags(headers: &HeaderMap) -> Vec<String> {
    let values = headers.get_all(header::IF_MATCH).iter().filter_map(|value| value.to_str().ok());
    let tags = values.flat_map(|value| value.split(',')).map(str::trim).filter(|tag| !tag.is_empty());
    tags.map(|tag| if tag == "\"*\"" { "*".to_owned() } else { tag.to_owned() }).take(MOST_TAGS).collect()
}

/// No session ever has this tag, so a peer that is there refuses it and stays as it is.
const NO_TAG: &str = "none";

async fn check_exists(api: &Api, room: &RoomName, id: &TrackId) -> Result<(), PeerError> {
    match api.rooms.trickle(room, id, String::new(), Some(NO_TAG.to_owned())).await {
        Err(error @ (PeerError::UnknownRoom | PeerError::UnknownPeer)) => Err(error),
        _ => Ok(()),
    }
}

/// RFC 9725 §4.3.1, RFC 6585 §3.
fn precondition_required() -> Problem {
    let detail = "If-Match is missing: the ETag of the ICE session, or * to restart it";
    Problem::new(StatusCode::PRECONDITION_REQUIRED, "precondition-required", "If-Match required", detail)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn if_match_may_list_tags_and_quote_its_star() {
        let tags = |values: &[&'static str]| {
            let mut headers = HeaderMap::new();
            for value in values {
                headers.append(header::IF_MATCH, (*value).parse().unwrap());
            }
            entity_tags(&headers)
        };
        assert_eq!(tags(&[]), Vec::<String>::new());
        assert_eq!(tags(&[" "]), Vec::<String>::new());
        assert_eq!(tags(&["*"]), ["*"]);
        assert_eq!(tags(&["\"*\""]), ["*"]);
        assert_eq!(tags(&["\"a\", \"b\"", "\"c\""]), ["\"a\"", "\"b\"", "\"c\""]);
    }
}
