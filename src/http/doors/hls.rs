//! HLS for any player: the playlist and its segments, while the room is live to it and for a minute afterwards.
//!
//! Whoever has the invitation may watch, also while the room is locked or has a lobby: the host made this for an audience. A
//! new invitation ends the old address.

use std::path::Path;
use std::time::Duration;

use axum::extract::State;
use axum::http::{HeaderMap, header};
use axum::response::{IntoResponse, Response};

use super::super::SharedApp;
use super::super::auth::Named;
use super::super::error::Problem;
use super::enter;
use crate::domain::error::{Reason, Refusal};
use crate::domain::ids::OutputId;
use crate::domain::words::StreamState;
use crate::rooms::api::Stream;

const PLAYLIST: &str = "index.m3u8";
/// A player that comes while the first segment is made waits so long for it.
const PATIENCE: Duration = Duration::from_secs(8);
const LOOK: Duration = Duration::from_millis(200);

/// The playlist of a room that is live to HLS.
#[utoipa::path(get, path = "/rooms/{room}/hls/index.m3u8", tag = "doors",
    params(("room" = String, Path, description = "The invitation, or the id with a token")),
    responses((status = 200, body = String, content_type = "application/vnd.apple.mpegurl")))]
pub(super) async fn playlist(
    State(app): State<SharedApp>,
    Named(place): Named<String>,
    headers: HeaderMap,
) -> Result<Response, Problem> {
    let stream = stream(&app, &place, &headers).await?;
    let path = folder(&app, &stream).join(PLAYLIST);
    let mut waited = Duration::ZERO;
    let text = loop {
        match read(&path).await? {
            Some(text) => break text,
            None if stream.state == StreamState::Ended || stream.state == StreamState::Failed => return Err(not_live()),
            None if waited >= PATIENCE => {
                return Err(Refusal::new(Reason::Conflict, "the first segment is still being made").into());
            }
            None => tokio::time::sleep(LOOK).await,
        }
        waited += LOOK;
    };
    let kind = [(header::CONTENT_TYPE, "application/vnd.apple.mpegurl"), (header::CACHE_CONTROL, "no-cache")];
    Ok((kind, text).into_response())
}

/// One segment of it.
#[utoipa::path(get, path = "/rooms/{room}/hls/{segment}", tag = "doors",
    params(("room" = String, Path, description = "The invitation, or the id with a token"), ("segment" = String, Path)),
    responses((status = 200, content_type = "video/mp2t")))]
pub(super) async fn segment(
    State(app): State<SharedApp>,
    Named((place, name)): Named<(String, String)>,
    headers: HeaderMap,
) -> Result<Response, Problem> {
    let stream = stream(&app, &place, &headers).await?;
    if !is_segment(stream.id, &name) {
        return Err(no_segment());
    }
    let bytes = read(&folder(&app, &stream).join(name)).await?.ok_or_else(no_segment)?;
    // A name is used once: segments never change.
    let kind = [(header::CONTENT_TYPE, "video/mp2t"), (header::CACHE_CONTROL, "public, max-age=3600, immutable")];
    Ok((kind, bytes).into_response())
}

async fn stream(app: &SharedApp, place: &str, headers: &HeaderMap) -> Result<Stream, Problem> {
    let (room, _) = enter(app, place, headers).await?;
    app.state.rooms.hls(room.id()).ok_or_else(not_live)
}

fn folder(app: &SharedApp, stream: &Stream) -> std::path::PathBuf {
    app.state.storage.segments().join(stream.id.to_string())
}

/// Whether the name is one that the server gives: `{stream}-{number}.ts`, nothing else of the disk.
fn is_segment(stream: OutputId, name: &str) -> bool {
    let number = name.strip_prefix(&format!("{stream}-")).and_then(|rest| rest.strip_suffix(".ts"));
    number.is_some_and(|number| (6..=9).contains(&number.len()) && number.bytes().all(|byte| byte.is_ascii_digit()))
}

async fn read(path: &Path) -> Result<Option<Vec<u8>>, Problem> {
    match tokio::fs::read(path).await {
        Ok(bytes) => Ok(Some(bytes)),
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => Ok(None),
        Err(error) => Err(error.into()),
    }
}

fn not_live() -> Problem {
    Refusal::new(Reason::NotFound, "this room is not live to HLS; its host begins that with a stream to hls:").into()
}

fn no_segment() -> Problem {
    Refusal::new(Reason::NotFound, "there is no such segment, or it is too old").into()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_names_that_were_given_are_read() {
        let stream = OutputId(0x7c);
        assert!(is_segment(stream, &format!("{stream}-000012.ts")));
        for name in
            ["index.new", "../x", "o7d-000001.ts", "o7c-1.ts", "o7c-00000a.ts", "o7c-000001.ts/..", "o7c-0000000001.ts"]
        {
            assert!(!is_segment(stream, name), "{name}");
        }
    }
}
