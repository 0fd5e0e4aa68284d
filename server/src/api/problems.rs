//! Every error answer: RFC 9457 `application/problem+json`, and the one map from what went wrong to HTTP.

use axum::Json;
use axum::http::{HeaderName, HeaderValue, Method, StatusCode, Uri, header};
use axum::response::{IntoResponse, Response};

use crate::rooms::{CommandError, JoinError, MakeError, PeerError, UnknownRoom};

/// An error answer with the headers that belong to it.
#[derive(Debug)]
pub struct Problem(Box<Inner>);

#[derive(Debug)]
struct Inner {
    problem: signaling::Problem,
    headers: Vec<(HeaderName, HeaderValue)>,
}

impl Problem {
    /// `kind` is the last part of the type: `unknown-room`. `detail` says what was wrong and what would be right.
    pub fn new(status: StatusCode, kind: &str, title: &str, detail: impl Into<String>) -> Self {
        let problem = signaling::Problem {
            kind: format!("/problems/{kind}"),
            title: title.to_owned(),
            status: status.as_u16(),
            detail: detail.into(),
        };
        Self(Box::new(Inner { problem, headers: Vec::new() }))
    }

    /// Adds a header. A value that cannot stand in one is left out.
    pub fn with(mut self, name: HeaderName, value: &str) -> Self {
        if let Ok(value) = HeaderValue::from_str(value) {
            self.0.headers.push((name, value));
        }
        self
    }

    /// The body, for those who answer over a WebSocket.
    pub fn into_body(self) -> signaling::Problem {
        self.0.problem
    }

    /// 400: the text cannot be read at all.
    pub fn malformed(kind: &str, title: &str, detail: impl Into<String>) -> Self {
        Self::new(StatusCode::BAD_REQUEST, kind, title, detail)
    }

    /// 422: readable, but a value is out of its range, unknown or missing.
    pub fn invalid(detail: impl Into<String>) -> Self {
        Self::new(StatusCode::UNPROCESSABLE_ENTITY, "invalid-value", "Invalid value", detail)
    }

    /// 404 for a room.
    pub fn unknown_room(detail: impl Into<String>) -> Self {
        Self::new(StatusCode::NOT_FOUND, "unknown-room", "Unknown room", detail)
    }

    /// 404 for a peer or track.
    pub fn unknown_peer(detail: impl Into<String>) -> Self {
        Self::new(StatusCode::NOT_FOUND, "unknown-peer", "Unknown peer", detail)
    }

    /// 503: another time it works.
    pub fn unavailable(kind: &str, title: &str, detail: &str, retry_after_s: u32) -> Self {
        Self::new(StatusCode::SERVICE_UNAVAILABLE, kind, title, detail)
            .with(header::RETRY_AFTER, &retry_after_s.to_string())
    }

    /// 503 for what a worker could not take.
    pub fn overloaded() -> Self {
        Self::unavailable("overloaded", "Overloaded", "the server has too much to do", 2)
    }

    /// 503 while the server goes down.
    pub fn draining() -> Self {
        Self::unavailable("draining", "Shutting down", "the server is shutting down", 5)
    }

    /// 415; `header` is where HTTP says what would be right: `Accept-Post` or `Accept-Patch`.
    pub fn media_type(header: HeaderName, right: &str, got: Option<&str>) -> Self {
        let got = got.map_or("has none".to_owned(), |got| format!("is {got:?}"));
        let detail = format!("Content-Type must be {right}, and {got}");
        Self::new(StatusCode::UNSUPPORTED_MEDIA_TYPE, "media-type", "Unsupported media type", detail)
            .with(header, right)
    }
}

impl IntoResponse for Problem {
    fn into_response(self) -> Response {
        let Inner { problem, headers } = *self.0;
        let status = StatusCode::from_u16(problem.status).expect("it was made from one");
        let mut response = (status, Json(problem)).into_response();
        let problem_json = HeaderValue::from_static("application/problem+json");
        response.headers_mut().insert(header::CONTENT_TYPE, problem_json);
        response.headers_mut().insert(header::CACHE_CONTROL, HeaderValue::from_static("no-store"));
        response.headers_mut().extend(headers);
        response
    }
}

/// For a path that nothing answers.
pub fn not_found(uri: &Uri) -> Problem {
    let path: String = uri.path().chars().take(200).collect();
    Problem::new(
        StatusCode::NOT_FOUND,
        "unknown-path",
        "Not found",
        format!("there is nothing at {path}; see /api/docs"),
    )
}

/// For a method that the path does not take. axum adds `Allow`.
pub async fn method_not_allowed(method: Method, uri: Uri) -> Problem {
    let path: String = uri.path().chars().take(200).collect();
    let detail = format!("{path} does not take {method}; Allow says what it takes");
    Problem::new(StatusCode::METHOD_NOT_ALLOWED, "method", "Method not allowed", detail)
}

impl From<UnknownRoom> for Problem {
    fn from(error: UnknownRoom) -> Self {
        Self::unknown_room(error.to_string())
    }
}

impl From<JoinError> for Problem {
    fn from(error: JoinError) -> Self {
        match error {
            JoinError::BadSdp(detail) => Self::malformed("malformed-sdp", "Malformed SDP", detail),
            JoinError::NoAudio(detail) => {
                Self::new(StatusCode::UNPROCESSABLE_ENTITY, "unusable-offer", "Unusable offer", detail)
            }
            JoinError::Full { retry_after_s } => full(retry_after_s),
            JoinError::Overloaded => Self::overloaded(),
            JoinError::Draining => Self::draining(),
        }
    }
}

impl From<MakeError> for Problem {
    fn from(error: MakeError) -> Self {
        match error {
            MakeError::Command(error) => error.into(),
            MakeError::Full { retry_after_s } => full(retry_after_s),
            MakeError::Draining => Self::draining(),
        }
    }
}

impl From<CommandError> for Problem {
    fn from(error: CommandError) -> Self {
        match error {
            CommandError::UnknownRoom => Self::unknown_room(error.to_string()),
            CommandError::UnknownTrack => {
                Self::new(StatusCode::NOT_FOUND, "unknown-track", "Unknown track", error.to_string())
            }
            CommandError::OutOfRange(detail) => Self::invalid(detail),
            CommandError::Overloaded => Self::overloaded(),
            CommandError::UnknownPeer => Self::unknown_peer(error.to_string()),
            CommandError::TooOften(detail) => {
                Self::new(StatusCode::TOO_MANY_REQUESTS, "too-often", "Too often", detail)
                    .with(header::RETRY_AFTER, "1")
            }
        }
    }
}

impl From<PeerError> for Problem {
    fn from(error: PeerError) -> Self {
        let detail = error.to_string();
        match error {
            PeerError::UnknownRoom => Self::unknown_room(detail),
            PeerError::UnknownPeer => Self::unknown_peer(detail),
            PeerError::Overloaded => Self::overloaded(),
            PeerError::StaleEtag(etag) => {
                Self::new(StatusCode::PRECONDITION_FAILED, "stale-etag", "Another ICE session", detail)
                    .with(header::ETAG, &etag)
            }
            PeerError::BadFragment(_) => {
                Self::new(StatusCode::UNPROCESSABLE_ENTITY, "bad-fragment", "Unusable SDP fragment", detail)
            }
        }
    }
}

fn full(retry_after_s: u32) -> Problem {
    Problem::unavailable("full", "Server full", "the server has no place for more now", retry_after_s)
}
