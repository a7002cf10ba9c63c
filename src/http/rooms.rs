//! Rooms and the people in them.

use axum::Json;
use axum::extract::State;
use axum::http::{HeaderMap, StatusCode};

use super::address::Client;
use super::auth::{self, HostParticipant, HostRoom, Named};
use super::body::JsonBody;
use super::error::Problem;
use super::{SharedApp, view};
use crate::config::CreatePolicy;
use crate::domain::error::{Reason, Refusal};
use crate::protocol::rest;
use crate::rooms::api::{Action, Caller, NewRoom, Outcome, Participant, RoomState};
use crate::rooms::handle::RoomHandle;

/// Make a room.
#[utoipa::path(post, path = "/rooms", tag = "rooms", request_body = rest::NewRoom,
    responses((status = 201, body = rest::CreatedRoom)))]
pub(super) async fn create(
    State(app): State<SharedApp>,
    client: Client,
    headers: HeaderMap,
    JsonBody(body): JsonBody<rest::NewRoom>,
) -> Result<(StatusCode, Json<rest::CreatedRoom>), Problem> {
    may_create(&app, &headers).await?;
    app.limits.make_room(client.address)?;
    require_space(&app).await?;
    let new = NewRoom {
        name: body.name,
        activity: body.activity,
        max_participants: body.max_participants.map(saturate),
        locked: body.locked.unwrap_or(false),
        lobby: body.lobby.unwrap_or(false),
        layout: body.layout,
        rules: body.rules,
    };
    let state = app.state.rooms.create(new).await?;
    Ok((StatusCode::CREATED, Json(view::created(state.record, &client.base_url))))
}

async fn may_create(app: &SharedApp, headers: &HeaderMap) -> Result<(), Problem> {
    if app.state.config.create == CreatePolicy::Everyone {
        return Ok(());
    }
    let token = auth::required(headers)?;
    if app.is_api_key(token) {
        return Ok(());
    }
    match app.room_of_host(token).await? {
        Some(_) => Err(Refusal::new(Reason::Forbidden, "making rooms needs an API key").into()),
        None => Err(Problem::bad_token()),
    }
}

async fn require_space(app: &SharedApp) -> Result<(), Problem> {
    let storage = app.state.storage.clone();
    let kept = tokio::task::spawn_blocking(move || storage.count_rooms()).await.map_err(std::io::Error::other)??;
    if kept >= app.state.config.max_rooms {
        return Err(Refusal::new(Reason::Unavailable, "this server holds as many rooms as it may").into());
    }
    Ok(())
}

/// A value outside of any range stays outside of it, for the room to name the limit.
fn saturate(value: i64) -> u32 {
    u32::try_from(value).unwrap_or(if value < 0 { 0 } else { u32::MAX })
}

/// A room, by its invitation or, for its host, by its id.
#[utoipa::path(get, path = "/rooms/{room}", tag = "rooms",
    params(("room" = String, Path, description = "The invitation, or the id with a token")),
    responses((status = 200, body = rest::Room)))]
pub(super) async fn show(
    State(app): State<SharedApp>,
    Named(room): Named<String>,
    headers: HeaderMap,
) -> Result<Json<rest::Room>, Problem> {
    let handle = app.state.rooms.find(&room).await?;
    let state = handle.state();
    if state.record.invitation != room {
        app.require_host(&handle, auth::required(&headers)?).await?;
    }
    Ok(Json(view::room(state)))
}

/// Change a room.
#[utoipa::path(patch, path = "/rooms/{room}", tag = "rooms", request_body = rest::RoomChange,
    params(("room" = String, Path)), responses((status = 200, body = rest::Room)), security(("token" = [])))]
pub(super) async fn change(
    HostRoom(room): HostRoom,
    JsonBody(body): JsonBody<rest::RoomChange>,
) -> Result<Json<rest::Room>, Problem> {
    let rest::RoomChange { name, activity, locked, lobby, layout, rules } = body;
    let change = Action::ChangeRoom { name, activity, locked, lobby, layout, rules };
    let outcome = room.act(Caller::Host, change).await?;
    Ok(Json(view::room(state_after(&room, outcome))))
}

/// End the old invitation and make a new one.
#[utoipa::path(post, path = "/rooms/{room}/invitation", tag = "rooms",
    params(("room" = String, Path)), responses((status = 200, body = rest::Invitation)), security(("token" = [])))]
pub(super) async fn renew_invitation(
    HostRoom(room): HostRoom,
    client: Client,
) -> Result<Json<rest::Invitation>, Problem> {
    let outcome = room.act(Caller::Host, Action::RenewInvitation).await?;
    Ok(Json(view::invitation(state_after(&room, outcome), &client.base_url)))
}

/// End a room: everybody is told and disconnected, recordings are finished.
#[utoipa::path(delete, path = "/rooms/{room}", tag = "rooms",
    params(("room" = String, Path)), responses((status = 204)), security(("token" = [])))]
pub(super) async fn end(HostRoom(room): HostRoom) -> Result<StatusCode, Problem> {
    room.act(Caller::Host, Action::EndRoom).await?;
    Ok(StatusCode::NO_CONTENT)
}

/// Everybody in a room.
#[utoipa::path(get, path = "/rooms/{room}/participants", tag = "participants",
    params(("room" = String, Path)), responses((status = 200, body = Vec<rest::Participant>)), security(("token" = [])))]
pub(super) async fn participants(HostRoom(room): HostRoom) -> Result<Json<Vec<rest::Participant>>, Problem> {
    Ok(Json(everybody(&room).await?.into_iter().map(view::participant).collect()))
}

/// Mute somebody, or change what they may do.
#[utoipa::path(patch, path = "/rooms/{room}/participants/{participant}", tag = "participants",
    request_body = rest::ParticipantChange, params(("room" = String, Path), ("participant" = String, Path)),
    responses((status = 200, body = rest::Participant)), security(("token" = [])))]
pub(super) async fn change_participant(
    HostParticipant(room, participant): HostParticipant,
    JsonBody(body): JsonBody<rest::ParticipantChange>,
) -> Result<Json<rest::Participant>, Problem> {
    if let Some(role) = body.role {
        room.act(Caller::Host, Action::SetRole { participant, role }).await?;
    }
    if let Some(muted) = body.muted {
        room.act(Caller::Host, Action::Mute { participant, muted }).await?;
    }
    let found = everybody(&room).await?.into_iter().find(|person| person.id == participant);
    found.map(|person| Json(view::participant(person))).ok_or_else(|| Problem::no_such("participant"))
}

/// Send somebody away; their session can't come back.
#[utoipa::path(delete, path = "/rooms/{room}/participants/{participant}", tag = "participants",
    params(("room" = String, Path), ("participant" = String, Path)),
    responses((status = 204)), security(("token" = [])))]
pub(super) async fn remove_participant(
    HostParticipant(room, participant): HostParticipant,
) -> Result<StatusCode, Problem> {
    room.act(Caller::Host, Action::Remove { participant }).await?;
    Ok(StatusCode::NO_CONTENT)
}

async fn everybody(room: &RoomHandle) -> Result<Vec<Participant>, Problem> {
    match room.act(Caller::Host, Action::Participants).await? {
        Outcome::Participants(people) => Ok(people),
        other => Err(unexpected(&other)),
    }
}

fn state_after(room: &RoomHandle, outcome: Outcome) -> RoomState {
    match outcome {
        Outcome::Room(state) => state,
        _ => room.state(),
    }
}

/// The room answered another question than was asked.
pub(super) fn unexpected(outcome: &Outcome) -> Problem {
    tracing::error!(?outcome, "the room's answer does not fit the question");
    Refusal::new(Reason::Internal, "the server failed to answer").into()
}
