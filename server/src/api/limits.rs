//! What a request may cost: 64 KiB, 10 s to send it, 30 s to answer it.

use std::time::Duration;

use axum::body::{Body, Bytes, HttpBody};
use axum::extract::Request;
use axum::http::{HeaderMap, StatusCode, header};
use axum::middleware::Next;
use axum::response::{IntoResponse, Response};
use futures_util::StreamExt;
use tokio::time::timeout;

use super::problems::Problem;

/// The largest body. A browser's offer with one audio section has 2 to 6 KB.
pub const BODY_BYTES: usize = 64 * 1024;
/// From the first byte of a body to its last.
pub const BODY_WITHIN: Duration = Duration::from_secs(10);
/// A worker answers within milliseconds; this is for one that does not answer any more.
const ANSWER_WITHIN: Duration = Duration::from_secs(30);
/// What is read of a body that is too large before it is refused: who is still sending would
/// otherwise see a broken connection and not the answer.
const DISCARDED_BYTES: usize = 8 * 1024 * 1024;

/// Reads the whole body before anything else happens, so that every answer finds the connection in order.
pub async fn whole_body(request: Request, next: Next) -> Response {
    if request.body().is_end_stream() {
        return next.run(request).await;
    }
    let (parts, body) = request.into_parts();
    if is_announced_too_large(&parts.headers) {
        return too_large();
    }
    match timeout(BODY_WITHIN, read(body)).await {
        Ok(Ok(body)) => next.run(Request::from_parts(parts, body.into())).await,
        Ok(Err(problem)) => problem,
        Err(_) => {
            let detail = format!("the body must arrive within {} s", BODY_WITHIN.as_secs());
            closing(Problem::new(StatusCode::REQUEST_TIMEOUT, "timeout", "Too slow", detail))
        }
    }
}

/// Answers for a handler that does not.
pub async fn answer_in_time(request: Request, next: Next) -> Response {
    match timeout(ANSWER_WITHIN, next.run(request)).await {
        Ok(response) => response,
        Err(_) => Problem::unavailable("overloaded", "Overloaded", "the server did not find an answer in time", 5)
            .into_response(),
    }
}

async fn read(body: Body) -> Result<Bytes, Response> {
    let mut stream = body.into_data_stream();
    let mut whole = Vec::new();
    let mut seen = 0;
    while let Some(part) = stream.next().await {
        let part = part.map_err(|error| {
            closing(Problem::malformed("unreadable-body", "Unreadable body", format!("the body broke off: {error}")))
        })?;
        seen += part.len();
        if seen <= BODY_BYTES {
            whole.extend_from_slice(&part);
        } else if seen > DISCARDED_BYTES {
            break;
        }
    }
    if seen > BODY_BYTES { Err(too_large()) } else { Ok(whole.into()) }
}

/// Who asks before sending (RFC 9110 §10.1.1) is told at once.
fn is_announced_too_large(headers: &HeaderMap) -> bool {
    let length = headers.get(header::CONTENT_LENGTH).and_then(|value| value.to_str().ok()?.parse::<usize>().ok());
    headers.contains_key(header::EXPECT) && length.is_some_and(|length| length > BODY_BYTES)
}

fn too_large() -> Response {
    let detail = format!("a body has at most {BODY_BYTES} bytes");
    closing(Problem::new(StatusCode::PAYLOAD_TOO_LARGE, "too-large", "Too large", detail))
}

fn closing(problem: Problem) -> Response {
    problem.with(header::CONNECTION, "close").into_response()
}
