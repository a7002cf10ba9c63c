//! Recordings: begin, end, list, delete. The file itself is in [`super::files`].

use std::time::SystemTime;

use axum::Json;
use axum::extract::State;
use axum::http::{HeaderMap, StatusCode, header};
use axum::response::IntoResponse;

use super::auth::{self, HostRecording, HostRoom, Named};
use super::body::JsonBody;
use super::error::Problem;
use super::links::LIFETIME;
use super::rooms::unexpected;
use super::{App, SharedApp, view};
use crate::domain::canvas::Wish;
use crate::domain::error::{Reason, Refusal};
use crate::domain::ids::RoomId;
use crate::protocol::rest;
use crate::rooms::api::{Action, Caller, Outcome, Recording, Store};
use crate::rooms::handle::RoomHandle;

/// Begin a recording.
#[utoipa::path(post, path = "/rooms/{room}/recordings", tag = "recordings", request_body = rest::NewRecording,
    params(("room" = String, Path)), responses((status = 201, body = rest::Recording)), security(("token" = [])))]
pub(super) async fn start(
    HostRoom(room): HostRoom,
    JsonBody(body): JsonBody<rest::NewRecording>,
) -> Result<(StatusCode, Json<rest::Recording>), Problem> {
    let rest::NewRecording { layout, width, height, fps, bitrate, tracks } = body;
    let wish = Wish { width, height, fps, bitrate };
    let tracks = tracks.unwrap_or(false);
    match room.act(Caller::Host, Action::StartRecording { layout, wish, tracks }).await? {
        Outcome::Recording(recording) => Ok((StatusCode::CREATED, Json(view::recording(recording)))),
        other => Err(unexpected(&other)),
    }
}

/// Every recording of a room, oldest first; those of an ended room too.
#[utoipa::path(get, path = "/rooms/{room}/recordings", tag = "recordings",
    params(("room" = String, Path)), responses((status = 200, body = Vec<rest::Recording>)), security(("token" = [])))]
pub(super) async fn list(
    State(app): State<SharedApp>,
    Named(id): Named<String>,
    headers: HeaderMap,
) -> Result<Json<Vec<rest::Recording>>, Problem> {
    let token = auth::required(&headers)?;
    let recordings = match app.state.rooms.find(&id).await {
        Ok(room) => {
            app.require_host(&room, token).await?;
            room.recordings()
        }
        Err(refusal) if refusal.reason == Reason::Gone => match id.parse() {
            Ok(id) => recordings_of_ended(&app, id, token).await?,
            Err(_) => return Err(refusal.into()),
        },
        Err(refusal) => return Err(refusal.into()),
    };
    Ok(Json(recordings.into_iter().map(view::recording).collect()))
}

async fn recordings_of_ended(app: &App, room: RoomId, token: &str) -> Result<Vec<Recording>, Problem> {
    if !app.is_api_key(token) {
        match app.room_of_host(token).await? {
            Some(own) if own == room => {}
            Some(_) => return Err(Problem::not_yours()),
            None => return Err(Problem::bad_token()),
        }
    }
    let storage = app.state.storage.clone();
    let all = tokio::task::spawn_blocking(move || storage.recordings()).await.map_err(std::io::Error::other)??;
    Ok(all.into_iter().filter(|recording| recording.room == room).collect())
}

/// One recording.
#[utoipa::path(get, path = "/recordings/{recording}", tag = "recordings",
    params(("recording" = String, Path)), responses((status = 200, body = rest::Recording)), security(("token" = [])))]
pub(super) async fn show(HostRecording(_room, recording): HostRecording) -> Json<rest::Recording> {
    Json(view::recording(recording))
}

/// Finish a recording: it is `complete` soon after.
#[utoipa::path(post, path = "/recordings/{recording}/stop", tag = "recordings",
    params(("recording" = String, Path)), responses((status = 200, body = rest::Recording)), security(("token" = [])))]
pub(super) async fn stop(HostRecording(room, recording): HostRecording) -> Result<Json<rest::Recording>, Problem> {
    change(room, Action::StopRecording { recording: recording.id }).await
}

/// Leave out what happens from now on: it is in no file.
#[utoipa::path(post, path = "/recordings/{recording}/pause", tag = "recordings",
    params(("recording" = String, Path)), responses((status = 200, body = rest::Recording)), security(("token" = [])))]
pub(super) async fn pause(HostRecording(room, recording): HostRecording) -> Result<Json<rest::Recording>, Problem> {
    change(room, Action::PauseRecording { recording: recording.id, paused: true }).await
}

/// Go on with a paused recording.
#[utoipa::path(post, path = "/recordings/{recording}/resume", tag = "recordings",
    params(("recording" = String, Path)), responses((status = 200, body = rest::Recording)), security(("token" = [])))]
pub(super) async fn resume(HostRecording(room, recording): HostRecording) -> Result<Json<rest::Recording>, Problem> {
    change(room, Action::PauseRecording { recording: recording.id, paused: false }).await
}

async fn change(room: Option<RoomHandle>, action: Action) -> Result<Json<rest::Recording>, Problem> {
    let Some(room) = room else {
        return Err(Refusal::new(Reason::Conflict, "the recording has ended with its room").into());
    };
    match room.act(Caller::Host, action).await? {
        Outcome::Recording(recording) => Ok(Json(view::recording(recording))),
        other => Err(unexpected(&other)),
    }
}

/// A link by which a player gets the file, for six hours and without a token.
#[utoipa::path(post, path = "/recordings/{recording}/link", tag = "recordings", params(("recording" = String, Path)),
    responses((status = 201, body = rest::RecordingLink)), security(("token" = [])))]
pub(super) async fn link(
    State(app): State<SharedApp>,
    HostRecording(_room, recording): HostRecording,
) -> (StatusCode, Json<rest::RecordingLink>) {
    let until = SystemTime::now() + LIFETIME;
    let key = app.links.key(recording.id, until);
    let url = format!("/api/v1/recordings/{}/file?key={key}", recording.id);
    (StatusCode::CREATED, Json(rest::RecordingLink { url, expires_at: view::time(until) }))
}

/// Who was there, spoke and shared a screen, in the recording's seconds. While it runs, as it was a few seconds ago.
#[utoipa::path(get, path = "/recordings/{recording}/timeline", tag = "recordings",
    params(("recording" = String, Path)), responses((status = 200, body = rest::Timeline)), security(("token" = [])))]
pub(super) async fn timeline(
    State(app): State<SharedApp>,
    HostRecording(_room, recording): HostRecording,
) -> Result<impl IntoResponse, Problem> {
    let text = tokio::fs::read(app.state.storage.timeline(recording.id)).await;
    let text = text.map_err(|error| match error.kind() {
        std::io::ErrorKind::NotFound => Problem::no_such("timeline of this recording"),
        _ => error.into(),
    })?;
    Ok(([(header::CONTENT_TYPE, "application/json")], text))
}

/// Delete a recording and its files.
#[utoipa::path(delete, path = "/recordings/{recording}", tag = "recordings",
    params(("recording" = String, Path)), responses((status = 204)), security(("token" = [])))]
pub(super) async fn delete(
    State(app): State<SharedApp>,
    HostRecording(_room, recording): HostRecording,
) -> Result<StatusCode, Problem> {
    app.state.rooms.delete_recording(recording.id).await?;
    Ok(StatusCode::NO_CONTENT)
}
