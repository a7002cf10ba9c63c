//! A still picture of the mix, for dashboards.

use axum::http::header;
use axum::response::{IntoResponse, Response};

use super::auth::HostRoom;
use super::error::Problem;
use super::rooms::unexpected;
use crate::rooms::api::{Action, Caller, Outcome};

/// The present picture of the room's mix. Not more than one is made a second.
#[utoipa::path(get, path = "/rooms/{room}/mix.jpg", tag = "rooms",
    params(("room" = String, Path)), responses((status = 200, content_type = "image/jpeg")), security(("token" = [])))]
pub(super) async fn show(HostRoom(room): HostRoom) -> Result<Response, Problem> {
    match room.act(Caller::Host, Action::Snapshot).await? {
        Outcome::Snapshot(jpeg) => {
            let kind = [(header::CONTENT_TYPE, "image/jpeg"), (header::CACHE_CONTROL, "no-store")];
            Ok((kind, jpeg.to_vec()).into_response())
        }
        other => Err(unexpected(&other)),
    }
}
