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
const BODY_BYTES: usize = 64 * 1024;
/// From the first byte of a body to its last.
const BODY_WITHIN: Duration = Duration::from_secs(10);
/// A worker answers within milliseconds; this is for one that does not answer any more.
const ANSWER_WITHIN: Duration = Duration::from_secs(30);
/// What is read of a body that is too large before it is refused: who is still sending would
/// otherwise see a broken connection and not the answer.
const DISCARDED_BYTES: usize = 8 * 1024 * 1024;

/// Reads the whole body before anything else happens, so that every answer finds the connection in order.
pub async fn whole_body(request: Request, next: Next) -> Response {
    whole_body_within(BODY_WITHIN, request, next).await
}

async fn whole_body_within(within: Duration, request: Request, next: Next) -> Response {
    if request.body().is_end_stream() {
        return next.run(request).await;
    }
    let (parts, body) = request.into_parts();
    if is_announced_too_large(&parts.headers) {
        return too_large();
    }
    match timeout(within, read(body)).await {
        Ok(Ok(body)) => next.run(Request::from_parts(parts, body.into())).await,
        Ok(Err(problem)) => problem,
        Err(_) => {
            let detail = format!("the body must arrive within {} s", within.as_secs_f32());
            closing(Problem::new(StatusCode::REQUEST_TIMEOUT, "timeout", "Too slow", detail))
        }
    }
}

/// Answers for a handler that does not.
pub async fn answer_in_time(request: Request, next: Next) -> Response {
    answer_within(ANSWER_WITHIN, request, next).await
}

async fn answer_within(within: Duration, request: Request, next: Next) -> Response {
    match timeout(within, next.run(request)).await {
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

#[cfg(test)]
mod tests {
    use super::*;
    use axum::{Router, middleware, routing};
    use std::convert::Infallible;
    use tower::ServiceExt;

    const SOON: Duration = Duration::from_millis(20);

    async fn send(body: Body) -> StatusCode {
        let router = Router::new()
            .route("/echo", routing::post(async |body: Bytes| body))
            .layer(middleware::from_fn(|request, next| whole_body_within(SOON, request, next)));
        router.oneshot(Request::post("/echo").body(body).unwrap()).await.unwrap().status()
    }

    #[tokio::test]
    async fn a_body_that_never_ends_is_given_up() {
        let first = futures_util::stream::iter([Ok::<_, Infallible>("v=0")]);
        let body = Body::from_stream(first.chain(futures_util::stream::pending()));
        assert_eq!(send(body).await, StatusCode::REQUEST_TIMEOUT);
    }

    #[tokio::test]
    async fn a_body_that_breaks_off_is_the_clients_fault() {
        let parts = [Ok("v=0"), Err(std::io::Error::other("gone"))];
        assert_eq!(send(Body::from_stream(futures_util::stream::iter(parts))).await, StatusCode::BAD_REQUEST);
    }

    #[tokio::test]
    async fn a_body_may_be_as_large_as_the_limit_and_no_larger() {
        assert_eq!(send(Body::from(vec![0; BODY_BYTES])).await, StatusCode::OK);
        assert_eq!(send(Body::from(vec![0; BODY_BYTES + 1])).await, StatusCode::PAYLOAD_TOO_LARGE);
        let endless = futures_util::stream::repeat_with(|| Ok::<_, Infallible>(vec![0; BODY_BYTES]));
        assert_eq!(send(Body::from_stream(endless)).await, StatusCode::PAYLOAD_TOO_LARGE);
    }

    #[tokio::test]
    async fn a_handler_that_hangs_is_answered_for() {
        let router = Router::new()
            .route("/never", routing::get(std::future::pending::<()>))
            .layer(middleware::from_fn(|request, next| answer_within(SOON, request, next)));
        let answer = router.oneshot(Request::get("/never").body(Body::empty()).unwrap()).await.unwrap();
        assert_eq!(answer.status(), StatusCode::SERVICE_UNAVAILABLE);
        assert!(answer.headers().contains_key(header::RETRY_AFTER));
    }
}
