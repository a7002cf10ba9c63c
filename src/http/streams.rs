//! Streams to RTMP servers. Their keys come in and never go out.

use axum::Json;
use axum::http::StatusCode;

use super::auth::{HostRoom, HostStream};
use super::body::JsonBody;
use super::error::Problem;
use super::rooms::unexpected;
use super::view;
use crate::domain::canvas::Wish;
use crate::protocol::rest;
use crate::rooms::api::{Action, Caller, Outcome};

/// Begin a stream.
#[utoipa::path(post, path = "/rooms/{room}/streams", tag = "streams", request_body = rest::NewStream,
    params(("room" = String, Path)), responses((status = 201, body = rest::Stream)), security(("token" = [])))]
pub(super) async fn start(
    HostRoom(room): HostRoom,
    JsonBody(body): JsonBody<rest::NewStream>,
) -> Result<(StatusCode, Json<rest::Stream>), Problem> {
    let rest::NewStream { url, layout, width, height, fps, bitrate } = body;
    let wish = Wish { width, height, fps, bitrate };
    match room.act(Caller::Host, Action::StartStream { url, layout, wish }).await? {
        Outcome::Stream(stream) => Ok((StatusCode::CREATED, Json(view::stream(stream)))),
        other => Err(unexpected(&other)),
    }
}

/// Every stream of a room, ended ones included.
#[utoipa::path(get, path = "/rooms/{room}/streams", tag = "streams",
    params(("room" = String, Path)), responses((status = 200, body = Vec<rest::Stream>)), security(("token" = [])))]
pub(super) async fn list(HostRoom(room): HostRoom) -> Result<Json<Vec<rest::Stream>>, Problem> {
    match room.act(Caller::Host, Action::Streams).await? {
        Outcome::Streams(streams) => Ok(Json(streams.into_iter().map(view::stream).collect())),
        other => Err(unexpected(&other)),
    }
}

/// End a stream.
#[utoipa::path(delete, path = "/streams/{stream}", tag = "streams",
    params(("stream" = String, Path)), responses((status = 204)), security(("token" = [])))]
pub(super) async fn end(HostStream(room, stream): HostStream) -> Result<StatusCode, Problem> {
    room.act(Caller::Host, Action::StopStream { stream: stream.id }).await?;
    Ok(StatusCode::NO_CONTENT)
}
