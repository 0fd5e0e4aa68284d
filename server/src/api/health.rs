//! What machines ask about the server: is it alive, is it ready, what does it count.

use std::sync::Arc;

use axum::Json;
use axum::extract::State;
use axum::http::header;
use axum::response::IntoResponse;
use signaling::{Health, Right};

use super::Api;
use super::auth::Bearer;
use super::problems::Problem;
use crate::metrics::Now;

/// Alive
#[utoipa::path(get, path = "/api/health", tag = "server", responses((status = 200, body = Health)), security(()))]
pub async fn health(State(api): State<Arc<Api>>) -> Json<Health> {
    let (rooms, peers) = api.rooms.counts();
    Json(Health {
        status: "ok".into(),
        version: env!("CARGO_PKG_VERSION").into(),
        uptime_s: api.clock.now().as_secs_f64(),
        rooms: rooms as u32,
        peers: peers as u32,
    })
}

/// Ready for more peers
#[utoipa::path(get, path = "/api/ready", tag = "server", security(()), responses(
    (status = 200, description = "`{\"status\":\"ready\"}`"),
    (status = 503, description = "Shutting down", body = signaling::Problem, content_type = "application/problem+json"),
))]
pub async fn ready(State(api): State<Arc<Api>>) -> Result<impl IntoResponse, Problem> {
    if api.rooms.is_draining() {
        return Err(Problem::draining());
    }
    Ok(([(header::CACHE_CONTROL, "no-store")], Json(serde_json::json!({ "status": "ready" }))))
}

/// Prometheus metrics
///
/// With a key this needs the right `admin` in every room.
#[utoipa::path(get, path = "/metrics", tag = "server", responses(
    (status = 200, body = String, content_type = "text/plain"),
))]
pub async fn metrics(State(api): State<Arc<Api>>, bearer: Bearer) -> Result<impl IntoResponse, Problem> {
    bearer.may_everywhere(Right::Admin)?;
    let (rooms, peers) = api.rooms.counts();
    let (log_dropped, joins_refused) = (api.log.dropped(), api.rooms.joins_refused());
    let now = Now { rooms, peers, uptime: api.clock.now(), log_dropped, joins_refused };
    let page = api.metrics.render(&now, api.rooms.counters());
    Ok(([(header::CONTENT_TYPE, "text/plain; version=0.0.4; charset=utf-8")], page))
}

#[cfg(test)]
mod tests {
    use axum::body::Body;
    use axum::http::{Request, StatusCode, header};
    use tower::ServiceExt;

    use crate::config::Config;

    #[tokio::test]
    async fn a_server_that_drains_is_alive_but_not_ready_and_takes_nobody() {
        let config = Config { listen: "127.0.0.1:0".parse().unwrap(), workers: 1, ..Config::default() };
        let server = crate::start(config).await.unwrap();
        let router = crate::api::router(server.api.clone());
        let ask = async |request: Request<Body>| router.clone().oneshot(request).await.unwrap();
        let get = |path: &str| Request::get(path).body(Body::empty()).unwrap();
        assert_eq!(ask(get("/api/ready")).await.status(), StatusCode::OK);
        server.api.rooms.drain().await;
        assert_eq!(ask(get("/api/health")).await.status(), StatusCode::OK);
        let offer = include_str!("../../tests/offers/browser.sdp");
        let join =
            Request::post("/whip/ward").header(header::CONTENT_TYPE, "application/sdp").body(offer.into()).unwrap();
        let make = Request::put("/api/rooms/ward").body(Body::empty()).unwrap();
        for request in [get("/api/ready"), join, make] {
            let answer = ask(request).await;
            assert_eq!(answer.status(), StatusCode::SERVICE_UNAVAILABLE);
            assert!(answer.headers().contains_key(header::RETRY_AFTER));
        }
        server.stop().await;
    }
}
