//! One WebSocket is one membership: `join` first, then requests in, events out.

mod convert;
mod frame;
mod session;

use axum::extract::State;
use axum::extract::ws::WebSocketUpgrade;
use axum::extract::ws::rejection::WebSocketUpgradeRejection;
use axum::http::{HeaderMap, HeaderValue, StatusCode, header};
use axum::response::Response;

use super::SharedApp;
use super::address::{Client, is_own_origin};
use super::auth::Named;
use super::error::Problem;
use crate::domain::error::{Reason, Refusal};

/// An offer with every slot takes about 25 kB.
const MAX_MESSAGE: usize = 256 * 1024;
/// What is read at all: up to here, who sends too much is told so before the socket is closed.
const MAX_READ: usize = 1024 * 1024;

/// Open a room's socket. What is wrong with the invitation is told over the socket: a page can't read the status.
#[utoipa::path(get, path = "/rooms/{room}/socket", tag = "signalling",
    params(("room" = String, Path, description = "The invitation")),
    responses((status = 101, description = "One JSON message a text frame; see docs/protocol.md")))]
pub(super) async fn open(
    State(app): State<SharedApp>,
    Named(invitation): Named<String>,
    client: Client,
    headers: HeaderMap,
    upgrade: Result<WebSocketUpgrade, WebSocketUpgradeRejection>,
) -> Result<Response, Problem> {
    if !is_own_origin(&headers, &app.state.config) {
        return Err(Refusal::new(Reason::Forbidden, "pages of other origins may not speak to this server").into());
    }
    let upgrade = upgrade.map_err(|_| {
        Problem::new(StatusCode::UPGRADE_REQUIRED, "upgrade_required", "this address speaks WebSocket only")
            .with(header::UPGRADE, HeaderValue::from_static("websocket"))
    })?;
    app.limits.join(client.address)?;
    let upgrade = upgrade.max_message_size(MAX_READ).max_frame_size(MAX_READ);
    Ok(upgrade.on_upgrade(move |socket| session::run(app, socket, invitation, client.base_url)))
}
