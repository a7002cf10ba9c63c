//! Tokens: whose they are and what they open. Compared in constant time, never logged.

use std::time::SystemTime;

use axum::extract::{FromRequestParts, Path, Query, RawPathParams};
use axum::http::request::Parts;
use axum::http::{HeaderMap, header};
use serde::Deserialize;
use serde::de::DeserializeOwned;
use subtle::ConstantTimeEq;

use super::error::Problem;
use super::{App, SharedApp};
use crate::domain::ids::{ParticipantId, RoomId};
use crate::rooms::api::{Recording, Stream};
use crate::rooms::handle::RoomHandle;

/// What a request shows.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Shown<'a> {
    /// No `Authorization` at all.
    Nothing,
    /// `Bearer`, with this.
    Token(&'a str),
    /// Another scheme, or bytes that are no text: a token nobody knows.
    Other,
}

/// The request's token (RFC 6750, section 2.1).
pub(super) fn shown(headers: &HeaderMap) -> Shown<'_> {
    let Some(value) = headers.get(header::AUTHORIZATION) else { return Shown::Nothing };
    let split = value.to_str().ok().and_then(|text| text.split_once(' '));
    match split {
        Some((scheme, token)) if scheme.eq_ignore_ascii_case("bearer") && !token.trim().is_empty() => {
            Shown::Token(token.trim())
        }
        _ => Shown::Other,
    }
}

impl App {
    /// Whether this is one of the configured API keys. Looks at all of them, so time does not tell which came close.
    pub(super) fn is_api_key(&self, token: &str) -> bool {
        self.state.config.api_keys.iter().fold(false, |found, key| found | same(key, token))
    }

    /// Whether this token is host in this room.
    pub(super) fn is_host(&self, room: &RoomHandle, token: &str) -> bool {
        self.is_api_key(token) | same(&room.state().record.host_token, token)
    }

    /// Refuse unless this token is host in this room: 403 for the host of another one, 401 for nobody.
    pub(super) async fn require_host(&self, room: &RoomHandle, token: &str) -> Result<(), Problem> {
        if self.is_host(room, token) {
            return Ok(());
        }
        match self.room_of_host(token).await? {
            Some(_) => Err(Problem::not_yours()),
            None => Err(Problem::bad_token()),
        }
    }

    /// Refuse unless this token may see this recording; an ended room's recordings still belong to its host.
    async fn require_owner(
        &self,
        room: Option<&RoomHandle>,
        recording: &Recording,
        token: &str,
    ) -> Result<(), Problem> {
        match room {
            Some(room) => self.require_host(room, token).await,
            None if self.is_api_key(token) => Ok(()),
            None => match self.room_of_host(token).await? {
                Some(room) if room == recording.room => Ok(()),
                Some(_) => Err(Problem::not_yours()),
                None => Err(Problem::bad_token()),
            },
        }
    }

    /// Which room's host token this is, ended rooms included.
    pub(super) async fn room_of_host(&self, token: &str) -> Result<Option<RoomId>, Problem> {
        let (storage, token) = (self.state.storage.clone(), token.to_owned());
        let found = tokio::task::spawn_blocking(move || storage.room_of_host(&token)).await;
        match found {
            Ok(found) => Ok(found?),
            Err(error) => Err(std::io::Error::other(error).into()),
        }
    }
}

/// The token of a call that needs one.
pub(super) fn required(headers: &HeaderMap) -> Result<&str, Problem> {
    match shown(headers) {
        Shown::Token(token) => Ok(token),
        Shown::Nothing => Err(Problem::token_needed()),
        Shown::Other => Err(Problem::bad_token()),
    }
}

/// `{room}` of a host call, its token found good. Stands before the body, so that only hosts learn of mistakes in theirs.
#[derive(Debug)]
pub(super) struct HostRoom(pub(super) RoomHandle);

impl FromRequestParts<SharedApp> for HostRoom {
    type Rejection = Problem;

    async fn from_request_parts(parts: &mut Parts, app: &SharedApp) -> Result<Self, Problem> {
        let id = parameter(parts, app, "room").await?;
        let token = required(&parts.headers)?;
        let room = app.state.rooms.find(&id).await?;
        app.require_host(&room, token).await?;
        Ok(Self(room))
    }
}

/// `{room}` and `{participant}` of a host call; whether there is such a participant, the room knows.
#[derive(Debug)]
pub(super) struct HostParticipant(pub(super) RoomHandle, pub(super) ParticipantId);

impl FromRequestParts<SharedApp> for HostParticipant {
    type Rejection = Problem;

    async fn from_request_parts(parts: &mut Parts, app: &SharedApp) -> Result<Self, Problem> {
        let HostRoom(room) = HostRoom::from_request_parts(parts, app).await?;
        let participant = parameter(parts, app, "participant").await?;
        Ok(Self(room, participant.parse().map_err(|_| Problem::no_such("participant"))?))
    }
}

/// `{recording}` of a host call, and its room unless that has ended.
#[derive(Debug)]
pub(super) struct HostRecording(pub(super) Option<RoomHandle>, pub(super) Recording);

impl FromRequestParts<SharedApp> for HostRecording {
    type Rejection = Problem;

    async fn from_request_parts(parts: &mut Parts, app: &SharedApp) -> Result<Self, Problem> {
        let id = parameter(parts, app, "recording").await?;
        let token = required(&parts.headers)?;
        let id = id.parse().map_err(|_| Problem::no_such("recording"))?;
        let (room, recording) = app.state.rooms.recording(id)?;
        app.require_owner(room.as_ref(), &recording, token).await?;
        Ok(Self(room, recording))
    }
}

/// `{recording}` of a host call, or of a link that a host made.
#[derive(Debug)]
pub(super) struct ReadableRecording(pub(super) Recording);

#[derive(Deserialize)]
struct LinkKey {
    key: String,
}

impl FromRequestParts<SharedApp> for ReadableRecording {
    type Rejection = Problem;

    async fn from_request_parts(parts: &mut Parts, app: &SharedApp) -> Result<Self, Problem> {
        let Ok(Query(LinkKey { key })) = Query::try_from_uri(&parts.uri) else {
            let HostRecording(_room, recording) = HostRecording::from_request_parts(parts, app).await?;
            return Ok(Self(recording));
        };
        let id = parameter(parts, app, "recording").await?.parse().map_err(|_| Problem::no_such("recording"))?;
        if !app.links.opens(id, &key, SystemTime::now()) {
            return Err(Problem::bad_token());
        }
        Ok(Self(app.state.rooms.recording(id)?.1))
    }
}

/// `{stream}` of a host call, and its room.
#[derive(Debug)]
pub(super) struct HostStream(pub(super) RoomHandle, pub(super) Stream);

impl FromRequestParts<SharedApp> for HostStream {
    type Rejection = Problem;

    async fn from_request_parts(parts: &mut Parts, app: &SharedApp) -> Result<Self, Problem> {
        let id = parameter(parts, app, "stream").await?;
        let token = required(&parts.headers)?;
        let id = id.parse().map_err(|_| Problem::no_such("stream"))?;
        let (room, stream) = app.state.rooms.stream(id)?;
        app.require_host(&room, token).await?;
        Ok(Self(room, stream))
    }
}

/// Parts of the path that need no token. What does not fit names nothing.
#[derive(Debug)]
pub(super) struct Named<T>(pub(super) T);

impl<T: DeserializeOwned + Send> FromRequestParts<SharedApp> for Named<T> {
    type Rejection = Problem;

    async fn from_request_parts(parts: &mut Parts, app: &SharedApp) -> Result<Self, Problem> {
        let path = Path::from_request_parts(parts, app).await.map_err(|_| Problem::no_such_page())?;
        Ok(Self(path.0))
    }
}

/// A part of the path. One that is no text names nothing.
async fn parameter(parts: &mut Parts, app: &SharedApp, name: &str) -> Result<String, Problem> {
    let parameters = RawPathParams::from_request_parts(parts, app).await.map_err(|_| Problem::no_such_page())?;
    let value = parameters.iter().find(|(key, _)| *key == name).map(|(_, value)| value.to_owned());
    value.ok_or_else(Problem::no_such_page)
}

fn same(known: &str, shown: &str) -> bool {
    // An empty secret would be one that everybody knows.
    !known.is_empty() && bool::from(known.as_bytes().ct_eq(shown.as_bytes()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_bearer_shows_a_token() {
        for (value, expected) in [
            ("Bearer abc", Shown::Token("abc")),
            ("bearer  abc ", Shown::Token("abc")),
            ("Bearer", Shown::Other),
            ("Bearer  ", Shown::Other),
            ("Basic abc", Shown::Other),
        ] {
            let headers = HeaderMap::from_iter([(header::AUTHORIZATION, value.parse().unwrap())]);
            assert_eq!(shown(&headers), expected, "{value}");
        }
        assert_eq!(shown(&HeaderMap::new()), Shown::Nothing);
    }

    #[test]
    fn an_empty_secret_opens_nothing() {
        assert!(same("a", "a") && !same("a", "b") && !same("a", "ab") && !same("", ""));
    }
}
