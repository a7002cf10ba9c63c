//! The page, embedded in the program: `web/dist` as `npm run build` left it.

use std::borrow::Cow;
use std::sync::LazyLock;

use axum::body::Body;
use axum::extract::{Request, State};
use axum::http::{HeaderMap, HeaderName, HeaderValue, StatusCode, header};
use axum::middleware::Next;
use axum::response::{IntoResponse, Response};
use rust_embed::{EmbeddedFile, RustEmbed};

use super::SharedApp;
use super::address::{Client, host};
use super::auth::Named;
use super::card;
use super::error::Problem;
use super::files::{has, text};
use super::head::{self, Manifest};
use crate::config::{Config, TlsMode};

#[derive(RustEmbed)]
#[folder = "web/dist"]
#[allow_missing = true]
struct Dist;

/// Told when the program was built without its page.
const MISSING: &str = "<!doctype html><html lang=\"en\"><meta charset=\"utf-8\"><title>Veranda</title>\
    <h1>Veranda</h1><p>The server runs, but it was built without its page. \
    Run <code>npm ci &amp;&amp; npm run build</code> in <code>web</code> and build again, or use <code>script/server</code>.</p>";

/// `/`, the start page.
pub(super) async fn home(headers: HeaderMap) -> Response {
    page(head::HOME, &headers, None, |html| html)
}

/// `/privacy`: what is kept where.
pub(super) async fn privacy(headers: HeaderMap) -> Response {
    page(head::PRIVACY, &headers, None, |html| html)
}

/// `/r/{invitation}`: the same page, with what a chat shows of the link.
pub(super) async fn room(
    State(app): State<SharedApp>,
    Named(invitation): Named<String>,
    client: Client,
    headers: HeaderMap,
) -> Response {
    let found = app.state.rooms.find(&invitation).await.ok().map(|room| room.state().record);
    // By its invitation alone: an id is no way in.
    let found = found.filter(|record| record.invitation == invitation);
    let data = found.as_ref().map(|room| format!("/api/v1/rooms/{}", room.invitation));
    page(head::ROOM, &headers, data.as_deref(), |html| card::page(&html, &client.base_url, found.as_ref()))
}

/// The one page, which reads its own address, made ready for `view`.
fn page(view: &str, headers: &HeaderMap, data: Option<&str>, dress: impl FnOnce(String) -> String) -> Response {
    static MANIFEST: LazyLock<Manifest> =
        LazyLock::new(|| Dist::get(".vite/manifest.json").map(|file| Manifest::read(&file.data)).unwrap_or_default());
    let html = match Dist::get("index.html") {
        Some(file) => dress(MANIFEST.page(&String::from_utf8_lossy(&file.data), view, headers, data)),
        None => MISSING.to_owned(),
    };
    let common = [
        (header::CONTENT_TYPE, "text/html; charset=utf-8"),
        (header::CACHE_CONTROL, "no-cache"),
        (header::VARY, "accept-language"),
    ];
    (common, html).into_response()
}

/// `/assets/…`, whose names change with their content.
pub(super) async fn asset(Named(path): Named<String>, headers: HeaderMap) -> Result<Response, Problem> {
    let path = format!("assets/{path}");
    let file = Dist::get(&path).ok_or_else(Problem::no_such_page)?;
    // As the build made it: smaller than what a server has time for.
    let compressed = if takes_brotli(&headers) { Dist::get(&format!("{path}.br")) } else { None };
    let brotli = compressed.is_some();
    let mut response = embedded(&path, compressed.unwrap_or(file), &headers);
    response.headers_mut().insert(header::VARY, HeaderValue::from_static("accept-encoding"));
    if brotli {
        response.headers_mut().insert(header::CONTENT_ENCODING, HeaderValue::from_static("br"));
    }
    Ok(response)
}

/// What lies beside `index.html`: icon, manifest. Everything else that no route knows ends here as well.
pub(super) async fn other(request: Request) -> Result<Response, Problem> {
    let path = request.uri().path().trim_start_matches('/');
    let is_file = !path.contains('/') && path != "index.html";
    let file = if is_file { Dist::get(path) } else { None };
    file.map(|file| embedded(path, file, request.headers())).ok_or_else(Problem::no_such_page)
}

fn takes_brotli(headers: &HeaderMap) -> bool {
    let accepted = text(headers, header::ACCEPT_ENCODING).unwrap_or_default();
    accepted.split(',').map(str::trim).any(|encoding| encoding == "br")
}

fn embedded(path: &str, file: EmbeddedFile, headers: &HeaderMap) -> Response {
    let hash: String = file.metadata.sha256_hash()[..16].iter().map(|byte| format!("{byte:02x}")).collect();
    let etag = format!("\"{hash}\"");
    let cache = if path.starts_with("assets/") { "public, max-age=31536000, immutable" } else { "no-cache" };
    let kind = mime_guess::from_path(path).first_or_octet_stream();
    let kind = if kind.type_() == "text" { format!("{kind}; charset=utf-8") } else { kind.to_string() };
    let common =
        [(header::CACHE_CONTROL, cache.to_owned()), (header::ETAG, etag.clone()), (header::CONTENT_TYPE, kind)];
    if text(headers, header::IF_NONE_MATCH).is_some_and(|tags| has(tags, &etag)) {
        return (StatusCode::NOT_MODIFIED, common).into_response();
    }
    let body = match file.data {
        Cow::Borrowed(bytes) => Body::from(bytes),
        Cow::Owned(bytes) => Body::from(bytes),
    };
    (common, body).into_response()
}

/// Headers that keep a page to itself, on every answer: they do no harm where no browser looks.
pub(super) async fn protect(State(app): State<SharedApp>, request: Request, next: Next) -> Response {
    let policy = content_security_policy(request.headers(), &app.state.config);
    let mut response = next.run(request).await;
    let headers = response.headers_mut();
    for (name, value) in [
        (header::REFERRER_POLICY, "no-referrer"),
        (header::X_CONTENT_TYPE_OPTIONS, "nosniff"),
        (
            HeaderName::from_static("permissions-policy"),
            "camera=(self), microphone=(self), display-capture=(self), geolocation=(), payment=(), usb=()",
        ),
    ] {
        headers.insert(name, HeaderValue::from_static(value));
    }
    if let Ok(policy) = HeaderValue::try_from(policy) {
        headers.insert(header::CONTENT_SECURITY_POLICY, policy);
    }
    response
}

/// Safari before 15.4 does not count a WebSocket to the same host as 'self', so it is named.
fn content_security_policy(headers: &HeaderMap, config: &Config) -> String {
    let scheme = if config.tls == TlsMode::Off { "ws" } else { "wss" };
    let mut sockets = host(headers).map_or_else(String::new, |host| format!(" {scheme}://{host}"));
    if let Some(url) = &config.public_url {
        let scheme = if url.as_str().starts_with("https") { "wss" } else { "ws" };
        sockets.push_str(&format!(" {scheme}://{}", url.authority()));
    }
    let embedders: String = config.embed_allow.iter().map(|origin| format!(" {}", origin.as_str())).collect();
    format!(
        "default-src 'self'; script-src 'self'; connect-src 'self'{sockets}; img-src 'self' data: blob:; media-src 'self' blob:; \
         style-src 'self'; object-src 'none'; base-uri 'none'; form-action 'self'; frame-ancestors 'self'{embedders}"
    )
}
