//! The web client, built into the program, and what becomes of paths that nothing else answers.

use std::fmt::Write;

use axum::http::{HeaderMap, Method, StatusCode, Uri, header};
use axum::response::{Html, IntoResponse, Response};
use rust_embed::{EmbeddedFile, RustEmbed};

use super::problems;

/// The built client. A build without it is a server without pages.
#[derive(RustEmbed)]
#[folder = "../web-client/dist"]
#[allow_missing = true]
struct Client;

const INDEX: &str = "index.html";
const NOT_BUILT: &str = "<!doctype html><html lang=\"en\"><title>mixminus</title><p>This server was built without its \
    web client: run <code>npm ci &amp;&amp; npm run build</code> in <code>web-client</code>, then build the server again.</p></html>\n";

/// A file of the client, its one page for all of its own addresses, or a problem.
pub async fn fallback(method: Method, uri: Uri, headers: HeaderMap) -> Response {
    let path = uri.path();
    let is_page = path == "/" || path.starts_with("/room/");
    let file = if is_page { INDEX } else { path.trim_start_matches('/') };
    let found = Client::get(file);
    if found.is_none() && !is_page {
        return problems::not_found(&uri).into_response();
    }
    if method != Method::GET && method != Method::HEAD {
        let problem = problems::method_not_allowed(method, uri).await.with(header::ALLOW, "GET,HEAD");
        return problem.into_response();
    }
    match found {
        Some(found) => serve(file, found, &headers),
        None => Html(NOT_BUILT).into_response(),
    }
}

fn serve(path: &str, file: EmbeddedFile, headers: &HeaderMap) -> Response {
    let tag = entity_tag(&file);
    // Vite puts a hash into the names under assets/, so what a name holds never changes.
    let keep = if path.starts_with("assets/") { "public, max-age=31536000, immutable" } else { "no-cache" };
    let common = [(header::ETAG, tag.clone()), (header::CACHE_CONTROL, keep.to_owned())];
    if headers
        .get(header::IF_NONE_MATCH)
        .and_then(|value| value.to_str().ok())
        .is_some_and(|value| value.contains(&tag))
    {
        return (StatusCode::NOT_MODIFIED, common).into_response();
    }
    let own = [
        (header::CONTENT_TYPE, content_type(file.metadata.mimetype())),
        (header::X_CONTENT_TYPE_OPTIONS, "nosniff".to_owned()),
        (header::REFERRER_POLICY, "no-referrer".to_owned()),
    ];
    (common, own, file.data).into_response()
}

/// Whatever else the client's texts are, they are UTF-8.
fn content_type(mime: &str) -> String {
    if mime.starts_with("text/") { format!("{mime}; charset=utf-8") } else { mime.to_owned() }
}

/// Weak, because the same file goes out compressed and not.
fn entity_tag(file: &EmbeddedFile) -> String {
    let mut tag = String::from("W/\"");
    for byte in &file.metadata.sha256_hash()[..8] {
        write!(tag, "{byte:02x}").expect("a String takes everything");
    }
    tag + "\""
}
