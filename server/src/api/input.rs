//! What requests bring, read into types: names in the path, JSON, SDP. What cannot be read becomes a problem.

use axum::body::Bytes;
use axum::extract::{ConnectInfo, FromRequest, FromRequestParts, RawPathParams, Request};
use axum::http::{HeaderName, Method, header, request::Parts};
use serde::de::DeserializeOwned;
use signaling::{RoomName, TrackId};
use std::net::SocketAddr;

use super::problems::Problem;

/// `{room}` of the path.
pub struct InRoom(pub RoomName);

/// `{room}` and `{id}` of the path.
pub struct PeerPath {
    /// The room's name.
    pub room: RoomName,
    /// The id of the peer and its track.
    pub id: TrackId,
}

/// A JSON body.
pub struct Json<T>(pub T);

/// A JSON body that may be left out.
pub struct MaybeJson<T>(pub T);

/// An `application/sdp` body.
pub struct Sdp(pub String);

/// An `application/trickle-ice-sdpfrag` body (RFC 8840 §9).
pub struct Fragment(pub String);

/// Where the request came from, as the event log says it.
pub struct Caller(pub String);

/// What WHIP and WHEP offers are.
pub const SDP: &str = "application/sdp";
/// What a peer's `PATCH` takes.
pub const SDP_FRAGMENT: &str = "application/trickle-ice-sdpfrag";
/// RFC 5789 §3.1 and the Linked Data Platform §7.1; the http crate has no names for them.
pub const ACCEPT_PATCH: HeaderName = HeaderName::from_static("accept-patch");
/// See [`ACCEPT_PATCH`].
pub const ACCEPT_POST: HeaderName = HeaderName::from_static("accept-post");

impl<S: Send + Sync> FromRequestParts<S> for InRoom {
    type Rejection = Problem;

    async fn from_request_parts(parts: &mut Parts, state: &S) -> Result<Self, Problem> {
        let name = of_path(parts, state, "room").await?;
        // What makes a room is told what a name must be; to all others such a room is not there.
        let makes = parts.method == Method::POST || parts.method == Method::PUT;
        name.parse().map(Self).map_err(|error: signaling::InvalidName| {
            if makes { Problem::invalid(error.to_string()) } else { Problem::unknown_room(error.to_string()) }
        })
    }
}

impl<S: Send + Sync> FromRequestParts<S> for PeerPath {
    type Rejection = Problem;

    async fn from_request_parts(parts: &mut Parts, state: &S) -> Result<Self, Problem> {
        let InRoom(room) = InRoom::from_request_parts(parts, state).await?;
        let id = of_path(parts, state, "id").await?;
        let id = id.parse().map_err(|error: signaling::InvalidName| Problem::unknown_peer(error.to_string()))?;
        Ok(Self { room, id })
    }
}

async fn of_path<S: Send + Sync>(parts: &mut Parts, state: &S, name: &str) -> Result<String, Problem> {
    let params = RawPathParams::from_request_parts(parts, state)
        .await
        .map_err(|error| Problem::malformed("malformed-path", "Malformed path", error.body_text()))?;
    let value = params.iter().find(|(key, _)| *key == name).map(|(_, value)| value.to_owned());
    Ok(value.unwrap_or_default())
}

impl<S: Send + Sync, T: DeserializeOwned> FromRequest<S> for Json<T> {
    type Rejection = Problem;

    async fn from_request(request: Request, state: &S) -> Result<Self, Problem> {
        let header = if request.method() == Method::PATCH { ACCEPT_PATCH } else { ACCEPT_POST };
        let got = content_type(&request);
        let essence = got.as_deref().map(essence).unwrap_or_default();
        if essence != "application/json" && !(essence.starts_with("application/") && essence.ends_with("+json")) {
            return Err(Problem::media_type(header, "application/json", got.as_deref()));
        }
        read_json(&body(request, state).await?).map(Self)
    }
}

impl<S: Send + Sync, T: DeserializeOwned + Default> FromRequest<S> for MaybeJson<T> {
    type Rejection = Problem;

    async fn from_request(request: Request, state: &S) -> Result<Self, Problem> {
        let (parts, rest) = request.into_parts();
        let body = body(Request::from_parts(parts.clone(), rest), state).await?;
        if body.is_empty() {
            return Ok(Self(T::default()));
        }
        Json::from_request(Request::from_parts(parts, body.into()), state).await.map(|Json(value)| Self(value))
    }
}

impl<S: Send + Sync> FromRequest<S> for Sdp {
    type Rejection = Problem;

    async fn from_request(request: Request, state: &S) -> Result<Self, Problem> {
        text(request, state, SDP, ACCEPT_POST).await.map(Self)
    }
}

impl<S: Send + Sync> FromRequest<S> for Fragment {
    type Rejection = Problem;

    async fn from_request(request: Request, state: &S) -> Result<Self, Problem> {
        text(request, state, SDP_FRAGMENT, ACCEPT_PATCH).await.map(Self)
    }
}

impl<S: Send + Sync> FromRequestParts<S> for Caller {
    type Rejection = std::convert::Infallible;

    async fn from_request_parts(parts: &mut Parts, _: &S) -> Result<Self, Self::Rejection> {
        let address = parts.extensions.get::<ConnectInfo<SocketAddr>>();
        Ok(Self(address.map_or_else(|| "desk".to_owned(), |ConnectInfo(address)| address.to_string())))
    }
}

async fn text<S: Send + Sync>(request: Request, state: &S, right: &str, header: HeaderName) -> Result<String, Problem> {
    let got = content_type(&request);
    if got.as_deref().map(essence).unwrap_or_default() != right {
        return Err(Problem::media_type(header, right, got.as_deref()));
    }
    let body = body(request, state).await?;
    let text = String::from_utf8(body.into()).map_err(|error| {
        let at = error.utf8_error().valid_up_to();
        Problem::malformed(
            "malformed-sdp",
            "Malformed SDP",
            format!("SDP is UTF-8 text (RFC 8866 §5), and byte {at} is not"),
        )
    })?;
    if text.trim().is_empty() {
        return Err(Problem::malformed("malformed-sdp", "Malformed SDP", "the body is empty"));
    }
    Ok(text)
}

async fn body<S: Send + Sync>(request: Request, state: &S) -> Result<Bytes, Problem> {
    Bytes::from_request(request, state)
        .await
        .map_err(|error| Problem::malformed("unreadable-body", "Unreadable body", error.body_text()))
}

fn content_type(request: &Request) -> Option<String> {
    request.headers().get(header::CONTENT_TYPE).map(|value| String::from_utf8_lossy(value.as_bytes()).into_owned())
}

/// A media type without its parameters, in small letters.
fn essence(content_type: &str) -> String {
    content_type.split(';').next().unwrap_or_default().trim().to_ascii_lowercase()
}

/// Syntax errors are 400 with their position; a key or value that is not right is 422 by name.
fn read_json<T: DeserializeOwned>(body: &[u8]) -> Result<T, Problem> {
    let mut json = serde_json::Deserializer::from_slice(body);
    let value: Result<T, _> = serde_path_to_error::deserialize(&mut json);
    let syntax = |error: &serde_json::Error| Problem::malformed("malformed-json", "Malformed JSON", error.to_string());
    let value = value.map_err(|error| {
        let path = error.path().to_string();
        let error = error.into_inner();
        if !error.is_data() {
            return syntax(&error);
        }
        // The rest may be no JSON at all, and that goes first.
        match serde_json::from_slice::<serde::de::IgnoredAny>(body) {
            Err(error) => syntax(&error),
            Ok(_) if path == "." => Problem::invalid(error.to_string()),
            Ok(_) => Problem::invalid(format!("{path}: {error}")),
        }
    })?;
    json.end().map_err(|error| syntax(&error))?;
    // serde would take an array for the fields in their order.
    if body.trim_ascii_start().first() == Some(&b'[') {
        return Err(Problem::invalid("the body must be a JSON object, got an array"));
    }
    Ok(value)
}
