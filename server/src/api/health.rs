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
    let now = Now { rooms, peers, uptime: api.clock.now(), log_dropped: api.log.dropped() };
    let page = api.metrics.render(&now, api.rooms.counters());
    Ok(([(header::CONTENT_TYPE, "text/plain; version=0.0.4; charset=utf-8")], page))
}
