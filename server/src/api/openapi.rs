//! `GET /api/openapi.json`, OpenAPI 3.1 of all of this, and a page to try it.

use std::sync::Arc;

use axum::Router;
use signaling::{ClientMessage, ServerMessage};
use utoipa::openapi::security::{HttpAuthScheme, HttpBuilder, SecurityScheme};
use utoipa::{Modify, OpenApi};
use utoipa_swagger_ui::SwaggerUi;

use super::Api;

#[derive(OpenApi)]
#[openapi(
    info(
        title = "mixminus",
        description = "Audio rooms: join over WebRTC, hear everybody but yourself, mix like on a desk.",
        license(name = "MIT OR Apache-2.0", identifier = "MIT OR Apache-2.0")
    ),
    tags(
        (name = "join", description = "Peers: talk, listen, publish, hang up"),
        (name = "rooms", description = "Rooms and the strips of their desks"),
        (name = "server", description = "The server itself"),
    ),
    components(schemas(ClientMessage, ServerMessage, signaling::Problem)),
    security(("token" = [])),
    modifiers(&Token)
)]
struct Documentation;

struct Token;

impl Modify for Token {
    fn modify(&self, openapi: &mut utoipa::openapi::OpenApi) {
        let mut bearer = HttpBuilder::new().scheme(HttpAuthScheme::Bearer).bearer_format("JWT").build();
        bearer.description =
            Some("Only where the server has a key. Claims: room, can (talk, listen, mix, admin), exp.".into());
        openapi.components.get_or_insert_default().add_security_scheme("token", SecurityScheme::Http(bearer));
    }
}

/// What the routes are added to.
pub fn base() -> utoipa::openapi::OpenApi {
    Documentation::openapi()
}

/// The document, and the page at `/api/docs`, which loads nothing from elsewhere.
pub fn router(documentation: utoipa::openapi::OpenApi) -> Router<Arc<Api>> {
    SwaggerUi::new("/api/docs").url("/api/openapi.json", documentation).into()
}
