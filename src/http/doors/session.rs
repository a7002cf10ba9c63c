//! The sessions behind the standard doors. Each has a task that hears its membership's messages; when they end, the
//! session is gone.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use tokio::sync::mpsc::Receiver;
use tokio::sync::oneshot;

use super::Door;
use super::fragment::{self, Fragment};
use crate::domain::error::{Reason, Refusal};
use crate::domain::ids::ParticipantId;
use crate::http::error::Problem;
use crate::http::rooms::unexpected;
use crate::metrics::Present;
use crate::protocol::server::ServerMessage;
use crate::rooms::api::{Action, Caller, JoinRequest, Outcome};
use crate::rooms::handle::RoomHandle;

/// Every session there is, by the last part of its address: 128 random bits that nobody else knows.
#[derive(Clone, Default)]
pub(in crate::http) struct Sessions(Arc<Mutex<HashMap<String, Session>>>);

struct Session {
    door: Door,
    /// The room as the address spells it.
    place: String,
    member: Member,
    etag: String,
    ufrag: Option<String>,
    /// Our side of ICE, for restarts.
    ours: String,
    /// Dropped with the session; its task then leaves the room.
    hold: oneshot::Sender<()>,
}

#[derive(Clone)]
struct Member {
    room: RoomHandle,
    participant: ParticipantId,
}

impl Member {
    async fn act(&self, action: Action) -> Result<Outcome, Refusal> {
        self.room.act(Caller::Member(self.participant), action).await
    }
}

/// A session just made.
pub(super) struct Opened {
    pub(super) session: String,
    pub(super) answer: String,
    pub(super) etag: String,
}

impl Sessions {
    /// Join, negotiate, and keep the place for as long as the session lives. Dropping this future leaves the room.
    pub(super) async fn open(
        &self,
        door: Door,
        place: String,
        room: RoomHandle,
        join: JoinRequest,
        offer: String,
    ) -> Result<Opened, Problem> {
        let (session, etag) = (random()?, entity_tag()?);
        let membership = room.join(join).await?;
        let member = Member { room, participant: membership.participant };
        let (hold, released) = oneshot::channel();
        tokio::spawn(self.clone().follow(session.clone(), door, member.clone(), membership.messages, released));
        let ufrag = fragment::ufrag(&offer);
        let answer = match member.act(Action::Offer { sdp: offer }).await? {
            Outcome::Answer { sdp } => sdp,
            other => return Err(unexpected(&other)),
        };
        let ours = fragment::ours(&answer);
        let entry = Session { door, place, member, etag: etag.clone(), ufrag, ours, hold };
        let mut table = self.table();
        table.insert(session.clone(), entry);
        // The task lets go before it removes the session, so whichever of the two comes last finds it.
        if table.get(&session).is_none_or(|entry| entry.hold.is_closed()) {
            table.remove(&session);
            return Err(Refusal::new(Reason::Unavailable, "the session ended while it was made; try again").into());
        }
        drop(table);
        Ok(Opened { session, answer, etag })
    }

    /// The session's present ICE session; `None` when there is no such session.
    pub(super) fn etag(&self, door: Door, place: &str, session: &str) -> Option<String> {
        self.table().get(session).filter(|found| found.is(door, place)).map(|found| found.etag.clone())
    }

    /// Take a fragment: candidates need nothing (an ICE-lite agent learns them from the client's checks), other
    /// credentials are a restart, answered with a new tag and our side. The outer `None`: no such session.
    pub(super) fn change(
        &self,
        door: Door,
        place: &str,
        session: &str,
        sent: &Fragment,
    ) -> Option<Option<(String, String)>> {
        let mut table = self.table();
        let found = table.get_mut(session).filter(|found| found.is(door, place))?;
        if sent.ufrag.is_none() || sent.ufrag == found.ufrag {
            return Some(None);
        }
        found.ufrag.clone_from(&sent.ufrag);
        found.etag = entity_tag().ok()?;
        Some(Some((found.etag.clone(), found.ours.clone())))
    }

    /// End a session; `None` when there is none.
    pub(super) async fn end(&self, door: Door, place: &str, session: &str) -> Option<()> {
        let found = {
            let mut table = self.table();
            table.get(session).filter(|found| found.is(door, place))?;
            table.remove(session)?
        };
        // Gone already is as good as left.
        let _ = found.member.act(Action::Leave).await;
        Some(())
    }

    async fn follow(
        self,
        session: String,
        door: Door,
        member: Member,
        mut messages: Receiver<ServerMessage>,
        mut released: oneshot::Receiver<()>,
    ) {
        let _present = Present::new(door.name());
        loop {
            let message = tokio::select! {
                message = messages.recv() => message,
                _ = &mut released => Some(ServerMessage::MediaLost { reason: String::new() }),
            };
            match message {
                None | Some(ServerMessage::Closing { .. }) => break,
                // Without its media there is nothing left of such a session: its client offers again for a new one.
                Some(ServerMessage::MediaLost { .. }) => {
                    let _ = member.act(Action::Leave).await;
                    break;
                }
                Some(_) => {}
            }
        }
        drop(released);
        self.table().remove(&session);
    }

    fn table(&self) -> MutexGuard<'_, HashMap<String, Session>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Session {
    fn is(&self, door: Door, place: &str) -> bool {
        self.door == door && self.place == place
    }
}

fn random() -> Result<String, Problem> {
    let mut bytes = [0; 16];
    getrandom::fill(&mut bytes).map_err(std::io::Error::other)?;
    Ok(URL_SAFE_NO_PAD.encode(bytes))
}

fn entity_tag() -> Result<String, Problem> {
    random().map(|text| format!("\"{text}\""))
}
