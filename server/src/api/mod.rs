//! HTTP and WebSocket: token, limits, parse, then one call of [`Rooms`]. No rule of a room lives here.

mod auth;
mod floor;
mod health;
mod input;
mod limits;
mod offer;
mod openapi;
mod peers;
mod personal;
mod problems;
mod rooms;
mod serve;
mod socket;
mod tracks;
mod web;
mod whip;

use std::sync::Arc;
use std::time::Duration;

use axum::Router;
use axum::extract::{MatchedPath, Request, State};
use axum::http::{HeaderValue, Method, header};
use axum::middleware::{self, Next};
use axum::response::Response;
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;
use tower_http::compression::CompressionLayer;
use tower_http::cors::{AllowHeaders, Any, CorsLayer};
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

pub use auth::Tokens;
pub use serve::serve;

use crate::clock::Clock;
use crate::event_log::EventLog;
use crate::metrics::Metrics;
use crate::rooms::Rooms;

/// What every handler can reach.
pub struct Api {
    /// The rooms.
    pub rooms: Rooms,
    /// What this API counts.
    pub metrics: Metrics,
    /// Only to say how many lines it lost.
    pub log: EventLog,
    /// The server's clock.
    pub clock: Clock,
    /// `None` asks nobody for a token.
    pub tokens: Option<Tokens>,
    /// WebSockets that are open.
    pub sockets: TaskTracker,
    /// Cancelled when HTTP ends; what is still open then ends too.
    pub closing: CancellationToken,
}

/// All paths of the server.
pub fn router(api: Arc<Api>) -> Router {
    let (guarded, mut documentation) = guarded().split_for_parts();
    let (open, more) = open().split_for_parts();
    documentation.merge(more);
    guarded
        .route_layer(middleware::from_fn_with_state(Arc::clone(&api), auth::ask_for_token))
        .merge(open)
        .merge(openapi::router(documentation))
        .method_not_allowed_fallback(problems::method_not_allowed)
        .fallback(web::fallback)
        .layer(middleware::from_fn(limits::whole_body))
        .layer(middleware::from_fn(limits::answer_in_time))
        .layer(CompressionLayer::new())
        .layer(cross_origin())
        .layer(middleware::from_fn(say_what_is_taken))
        .layer(middleware::from_fn_with_state(Arc::clone(&api), count))
        .with_state(api)
}

/// What may ask for a token.
fn guarded() -> OpenApiRouter<Arc<Api>> {
    OpenApiRouter::with_openapi(openapi::base())
        .routes(routes!(offer::offer))
        .routes(routes!(peers::exists, peers::trickle, peers::hang_up))
        .routes(routes!(whip::whip, whip::whip_exists))
        .routes(routes!(whip::whep, whip::whep_exists))
        .routes(routes!(rooms::list))
        .routes(routes!(rooms::state, rooms::make, rooms::change, rooms::close))
        .routes(routes!(tracks::change, tracks::remove))
        .routes(routes!(floor::floor))
        .routes(routes!(floor::alert))
        .routes(routes!(personal::mix, personal::set_mix))
        .routes(routes!(socket::follow))
        .routes(routes!(health::metrics))
}

/// What never asks for a token.
fn open() -> OpenApiRouter<Arc<Api>> {
    OpenApiRouter::new().routes(routes!(health::health)).routes(routes!(health::ready))
}

/// Any page may use the API: what protects it is the token, and no cookie exists.
fn cross_origin() -> CorsLayer {
    CorsLayer::new()
        .allow_origin(Any)
        .allow_methods([Method::GET, Method::POST, Method::PUT, Method::PATCH, Method::DELETE])
        // A star would not stand for Authorization (Fetch, CORS protocol), so what is asked for is allowed.
        .allow_headers(AllowHeaders::mirror_request())
        .expose_headers([
            header::LOCATION,
            header::ETAG,
            header::LINK,
            header::RETRY_AFTER,
            header::WWW_AUTHENTICATE,
            input::ACCEPT_PATCH,
            input::ACCEPT_POST,
        ])
        .max_age(Duration::from_secs(3600))
}

/// `OPTIONS` tells what a `POST` or `PATCH` takes (RFC 9725 §4.2, RFC 5789 §3.1).
async fn say_what_is_taken(request: Request, next: Next) -> Response {
    let route = (request.method() == Method::OPTIONS).then(|| route(&request).to_owned());
    let mut response = next.run(request).await;
    let headers = response.headers_mut();
    match route.as_deref() {
        Some("/whip/{room}" | "/whep/{room}") => {
            headers.insert(input::ACCEPT_POST, HeaderValue::from_static(input::SDP));
        }
        Some("/api/rooms/{room}/peers/{id}") => {
            headers.insert(input::ACCEPT_PATCH, HeaderValue::from_static(input::SDP_FRAGMENT));
        }
        _ => {}
    }
    response
}

async fn count(State(api): State<Arc<Api>>, request: Request, next: Next) -> Response {
    let (method, route, start) = (request.method().clone(), route(&request).to_owned(), api.clock.now());
    let response = next.run(request).await;
    api.metrics.request(&method, &route, response.status(), api.clock.now().saturating_sub(start));
    response
}

/// The pattern that the path matched; `other` for files of the web client and for what is nowhere.
fn route(request: &Request) -> &str {
    request.extensions().get::<MatchedPath>().map_or("other", MatchedPath::as_str)
}
