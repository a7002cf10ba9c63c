//! Alive, ready, and how it goes.

use axum::extract::State;
use axum::http::{HeaderValue, header};
use axum::response::IntoResponse;

use super::SharedApp;
use super::error::Problem;
use crate::domain::error::{Reason, Refusal};

/// The process answers.
#[utoipa::path(get, path = "/healthz", tag = "health", responses((status = 200, body = String)))]
pub(super) async fn healthz() -> &'static str {
    "ok\n"
}

/// People may come.
#[utoipa::path(get, path = "/readyz", tag = "health", responses((status = 200, body = String)))]
pub(super) async fn readyz(State(app): State<SharedApp>) -> Result<&'static str, Problem> {
    if app.state.readiness.is_ready() {
        return Ok("ready\n");
    }
    Err(Refusal::new(Reason::Unavailable, "the server is starting or closing").into())
}

/// Prometheus text.
#[utoipa::path(get, path = "/metrics", tag = "health", responses((status = 200, body = String)))]
pub(super) async fn metrics(State(app): State<SharedApp>) -> Result<impl IntoResponse, Problem> {
    let storage = app.state.storage.clone();
    let rooms = tokio::task::spawn_blocking(move || storage.count_rooms()).await.map_err(std::io::Error::other)??;
    crate::metrics::rooms(rooms);
    let kind = HeaderValue::from_static("text/plain; version=0.0.4; charset=utf-8");
    Ok(([(header::CONTENT_TYPE, kind)], app.state.metrics.render()))
}
