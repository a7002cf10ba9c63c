//! The standard doors, WHIP (RFC 9725) and WHEP (draft-ietf-wish-whep): an offer in, an answer out, and a session that is
//! a membership like any other.

mod fragment;
mod hls;
mod session;

use axum::body::Body;
use axum::extract::rejection::QueryRejection;
use axum::extract::{Query, Request, State};
use axum::http::{HeaderMap, HeaderName, HeaderValue, StatusCode, header};
use axum::middleware::{Next, from_fn};
use axum::response::{IntoResponse, Response};
use axum::routing::options;
use serde::Deserialize;
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

pub(super) use session::Sessions;

use super::SharedApp;
use super::address::Client;
use super::auth::{Named, Shown, shown};
use super::error::Problem;
use super::{App, body, ice};
use crate::domain::error::{Reason, Refusal};
use crate::domain::words::{MediaState, ParticipantKind, ViewChoice};
use crate::rooms::api::JoinRequest;
use crate::rooms::handle::RoomHandle;

const SDP: &str = "application/sdp";
const FRAGMENT: &str = "application/trickle-ice-sdpfrag";
const SDP_LIMIT: usize = 256 * 1024;

/// Which door.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Door {
    Whip,
    Whep,
}

impl Door {
    fn name(self) -> &'static str {
        match self {
            Door::Whip => "whip",
            Door::Whep => "whep",
        }
    }
}

/// `?name=` and `?view=`. Others are the player's own business.
#[derive(Debug, Default, Deserialize)]
struct Wishes {
    name: Option<String>,
    view: Option<String>,
}

/// The routes of both doors, open to pages of every origin: players are embedded elsewhere.
pub(super) fn routes() -> OpenApiRouter<SharedApp> {
    OpenApiRouter::new()
        .routes(routes!(whip))
        .routes(routes!(whep))
        .routes(routes!(hls::playlist))
        .routes(routes!(hls::segment))
        .routes(routes!(change_whip, end_whip))
        .routes(routes!(change_whep, end_whep))
        .route("/rooms/{room}/whip", options(endpoint_options))
        .route("/rooms/{room}/whep", options(endpoint_options))
        .route("/rooms/{room}/whip/{session}", options(session_options))
        .route("/rooms/{room}/whep/{session}", options(session_options))
        .layer(from_fn(cross_origin))
}

/// Publish into a room (WHIP).
#[utoipa::path(post, path = "/rooms/{room}/whip", tag = "doors",
    params(("room" = String, Path, description = "The invitation, or the id with a token"),
        ("name" = Option<String>, Query, description = "Names the tile")),
    request_body(content = String, content_type = "application/sdp"),
    responses((status = 201, body = String, content_type = "application/sdp")))]
async fn whip(
    State(app): State<SharedApp>,
    Named(place): Named<String>,
    client: Client,
    wishes: Result<Query<Wishes>, QueryRejection>,
    request: Request,
) -> Result<Response, Problem> {
    open(app, Door::Whip, place, client, wishes, request).await
}

/// Watch a room's mixed view (WHEP).
#[utoipa::path(post, path = "/rooms/{room}/whep", tag = "doors",
    params(("room" = String, Path, description = "The invitation, or the id with a token"),
        ("name" = Option<String>, Query, description = "Names the viewer"),
        ("view" = Option<String>, Query, description = "`mix` (default) or `low`")),
    request_body(content = String, content_type = "application/sdp"),
    responses((status = 201, body = String, content_type = "application/sdp")))]
async fn whep(
    State(app): State<SharedApp>,
    Named(place): Named<String>,
    client: Client,
    wishes: Result<Query<Wishes>, QueryRejection>,
    request: Request,
) -> Result<Response, Problem> {
    open(app, Door::Whep, place, client, wishes, request).await
}

async fn open(
    app: SharedApp,
    door: Door,
    place: String,
    client: Client,
    wishes: Result<Query<Wishes>, QueryRejection>,
    request: Request,
) -> Result<Response, Problem> {
    let (parts, body) = request.into_parts();
    let Query(wishes) = wishes.map_err(|error| Problem::invalid(error.body_text()))?;
    let (room, host) = enter(&app, &place, &parts.headers).await?;
    if !body::is_type(&parts.headers, SDP) {
        return Err(body::unsupported(SDP));
    }
    require_acceptable(&parts.headers)?;
    let offer = text(&parts.headers, body).await?;
    app.limits.join(client.address)?;
    let join = join_request(&app, door, wishes, host, &offer)?;
    let servers = join.ice_servers.clone();
    let opened = app.sessions.open(door, place.clone(), room, join, offer).await?;
    let location = format!("/api/v1/rooms/{place}/{}/{}", door.name(), opened.session);
    let mut response = (StatusCode::CREATED, opened.answer).into_response();
    let headers = response.headers_mut();
    headers.insert(header::CONTENT_TYPE, HeaderValue::from_static(SDP));
    headers.insert(header::LOCATION, HeaderValue::try_from(location).map_err(|_| Problem::no_such_page())?);
    headers.insert(header::ETAG, entity_tag(&opened.etag)?);
    headers.insert(header::CACHE_CONTROL, HeaderValue::from_static("no-store"));
    headers.insert("accept-patch", HeaderValue::from_static(FRAGMENT));
    for link in ice::links(&servers) {
        headers.append(header::LINK, link);
    }
    Ok(response)
}

/// The room, and whether whoever comes is host: the invitation lets in guests, a token hosts.
async fn enter(app: &App, place: &str, headers: &HeaderMap) -> Result<(RoomHandle, bool), Problem> {
    let shown = shown(headers);
    let room = app.state.rooms.find(place).await?;
    match shown {
        Shown::Token(token) => app.require_host(&room, token).await.map(|()| (room, true)),
        Shown::Other => Err(Problem::bad_token()),
        Shown::Nothing if room.state().record.invitation == place => Ok((room, false)),
        Shown::Nothing => Err(Problem::token_needed()),
    }
}

fn join_request(app: &App, door: Door, wishes: Wishes, host: bool, offer: &str) -> Result<JoinRequest, Problem> {
    let low = match wishes.view.as_deref() {
        None | Some("mix") => false,
        Some("low") if door == Door::Whep => true,
        Some(_) => return Err(Problem::invalid("view: is not one of mix, low")),
    };
    let sends = |kind: &str| door == Door::Whip && offer.lines().any(|line| line.starts_with(kind));
    let (kind, name, view) = match door {
        Door::Whip => (ParticipantKind::Whip, "WHIP", ViewChoice::Tiles),
        Door::Whep => (ParticipantKind::Whep, "WHEP", ViewChoice::Mix),
    };
    Ok(JoinRequest {
        name: wishes.name.unwrap_or_else(|| name.to_owned()),
        kind,
        host,
        resume: None,
        media: MediaState { microphone: sends("m=audio"), camera: sends("m=video"), ..MediaState::default() },
        view,
        low,
        ice_servers: ice::servers(&app.state.config, std::time::SystemTime::now()),
    })
}

/// 406 where the client would not take an SDP answer.
fn require_acceptable(headers: &HeaderMap) -> Result<(), Problem> {
    let Some(accept) = headers.get(header::ACCEPT).and_then(|value| value.to_str().ok()) else { return Ok(()) };
    let mut kinds = accept.split(',').map(|kind| kind.split(';').next().unwrap_or_default().trim());
    if kinds.any(|kind| kind.is_empty() || ["*/*", "application/*", SDP].contains(&kind)) {
        return Ok(());
    }
    Err(Problem::new(StatusCode::NOT_ACCEPTABLE, "not_acceptable", "the answer is application/sdp"))
}

async fn text(headers: &HeaderMap, body: Body) -> Result<String, Problem> {
    let bytes = body::read(headers, body, SDP_LIMIT).await?;
    if bytes.is_empty() {
        return Err(Problem::invalid("the body is empty"));
    }
    String::from_utf8(bytes.into()).map_err(|_| Problem::invalid("the body is no text"))
}

/// Trickle candidates, or restart ICE (RFC 9725, section 4.3).
#[utoipa::path(patch, path = "/rooms/{room}/whip/{session}", tag = "doors",
    params(("room" = String, Path), ("session" = String, Path)),
    request_body(content = String, content_type = "application/trickle-ice-sdpfrag"),
    responses((status = 204), (status = 200, body = String, content_type = "application/trickle-ice-sdpfrag")))]
async fn change_whip(
    State(app): State<SharedApp>,
    Named((place, session)): Named<(String, String)>,
    request: Request,
) -> Result<Response, Problem> {
    change(&app, Door::Whip, &place, &session, request).await
}

/// Trickle candidates, or restart ICE.
#[utoipa::path(patch, path = "/rooms/{room}/whep/{session}", tag = "doors",
    params(("room" = String, Path), ("session" = String, Path)),
    request_body(content = String, content_type = "application/trickle-ice-sdpfrag"),
    responses((status = 204), (status = 200, body = String, content_type = "application/trickle-ice-sdpfrag")))]
async fn change_whep(
    State(app): State<SharedApp>,
    Named((place, session)): Named<(String, String)>,
    request: Request,
) -> Result<Response, Problem> {
    change(&app, Door::Whep, &place, &session, request).await
}

async fn change(app: &App, door: Door, place: &str, session: &str, request: Request) -> Result<Response, Problem> {
    let (parts, body) = request.into_parts();
    let etag = app.sessions.etag(door, place, session).ok_or_else(no_session)?;
    if !body::is_type(&parts.headers, FRAGMENT) {
        return Err(body::unsupported(FRAGMENT));
    }
    if let Some(wanted) = parts.headers.get(header::IF_MATCH).and_then(|value| value.to_str().ok())
        && !super::files::has(wanted, &etag)
    {
        let detail = "If-Match names another ICE session than the present one";
        return Err(Problem::new(StatusCode::PRECONDITION_FAILED, "precondition_failed", detail));
    }
    let sent = text(&parts.headers, body).await?;
    let sent = fragment::read(&sent).ok_or_else(|| Problem::invalid("the body is no SDP fragment"))?;
    match app.sessions.change(door, place, session, &sent).ok_or_else(no_session)? {
        None => Ok(StatusCode::NO_CONTENT.into_response()),
        Some((etag, ours)) => {
            let headers =
                [(header::CONTENT_TYPE, HeaderValue::from_static(FRAGMENT)), (header::ETAG, entity_tag(&etag)?)];
            Ok((headers, ours).into_response())
        }
    }
}

/// End a publisher's session.
#[utoipa::path(delete, path = "/rooms/{room}/whip/{session}", tag = "doors",
    params(("room" = String, Path), ("session" = String, Path)), responses((status = 200)))]
async fn end_whip(
    State(app): State<SharedApp>,
    Named((place, session)): Named<(String, String)>,
) -> Result<StatusCode, Problem> {
    app.sessions.end(Door::Whip, &place, &session).await.map(|()| StatusCode::OK).ok_or_else(no_session)
}

/// End a viewer's session.
#[utoipa::path(delete, path = "/rooms/{room}/whep/{session}", tag = "doors",
    params(("room" = String, Path), ("session" = String, Path)), responses((status = 200)))]
async fn end_whep(
    State(app): State<SharedApp>,
    Named((place, session)): Named<(String, String)>,
) -> Result<StatusCode, Problem> {
    app.sessions.end(Door::Whep, &place, &session).await.map(|()| StatusCode::OK).ok_or_else(no_session)
}

fn no_session() -> Problem {
    Refusal::new(Reason::NotFound, "there is no such session, or it has ended").into()
}

fn entity_tag(etag: &str) -> Result<HeaderValue, Problem> {
    HeaderValue::try_from(etag).map_err(|error| std::io::Error::other(error).into())
}

async fn endpoint_options() -> impl IntoResponse {
    let allow = HeaderValue::from_static("POST, OPTIONS");
    let sdp = HeaderValue::from_static(SDP);
    (
        StatusCode::NO_CONTENT,
        [
            (header::ALLOW, allow.clone()),
            (HeaderName::from_static("accept-post"), sdp),
            (header::ACCESS_CONTROL_ALLOW_METHODS, allow),
        ],
    )
}

async fn session_options() -> impl IntoResponse {
    let allow = HeaderValue::from_static("PATCH, DELETE, OPTIONS");
    let fragment = HeaderValue::from_static(FRAGMENT);
    (
        StatusCode::NO_CONTENT,
        [
            (header::ALLOW, allow.clone()),
            (HeaderName::from_static("accept-patch"), fragment),
            (header::ACCESS_CONTROL_ALLOW_METHODS, allow),
        ],
    )
}

/// What a page of another origin may send and see. There are no cookies, so nothing is given away.
async fn cross_origin(request: Request, next: Next) -> Response {
    let mut response = next.run(request).await;
    let headers = response.headers_mut();
    for (name, value) in [
        (header::ACCESS_CONTROL_ALLOW_ORIGIN, "*"),
        (header::ACCESS_CONTROL_ALLOW_HEADERS, "Authorization, Content-Type, If-Match"),
        (header::ACCESS_CONTROL_EXPOSE_HEADERS, "Location, Link, ETag, Accept-Patch, Retry-After"),
        (header::ACCESS_CONTROL_MAX_AGE, "86400"),
    ] {
        headers.insert(name, HeaderValue::from_static(value));
    }
    response
}
