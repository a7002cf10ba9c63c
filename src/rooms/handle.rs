//! The front door of one room: a bounded inbox in, a watched snapshot out.

use std::fmt;
use std::sync::{Arc, OnceLock, Weak};

use tokio::sync::{mpsc, oneshot, watch};

use super::actor::{self, Request};
use super::api::{Action, Caller, JoinRequest, Membership, Outcome, Recording, RoomRecord, RoomState};
use super::registry::Shared;
use crate::domain::disk::Disk;
use crate::domain::error::{Reason, Refusal};
use crate::domain::ids::RoomId;

/// A room, whether it runs or sleeps. Cheap to clone; the room's actor starts with the first `join` or `act`.
#[derive(Clone)]
pub struct RoomHandle {
    inner: Arc<Inner>,
}

/// What of a [`RoomState`] is not its record.
#[derive(Clone, PartialEq, Eq)]
pub(super) struct Present {
    pub(super) participants: u32,
    pub(super) names: Option<Vec<String>>,
    pub(super) recording: bool,
    pub(super) live: bool,
    pub(super) ended: bool,
}

struct Inner {
    id: RoomId,
    shared: Weak<Shared>,
    state: watch::Sender<RoomState>,
    inbox: OnceLock<mpsc::Sender<Request>>,
}

impl RoomHandle {
    pub(super) fn new(shared: Weak<Shared>, state: RoomState) -> Self {
        let id = state.record.id;
        Self { inner: Arc::new(Inner { id, shared, state: watch::Sender::new(state), inbox: OnceLock::new() }) }
    }

    /// Which room.
    pub fn id(&self) -> RoomId {
        self.inner.id
    }

    /// The room as it is now: settings, secrets and counts. Never waits.
    pub fn state(&self) -> RoomState {
        self.inner.state.borrow().clone()
    }

    /// Take a place, or stand at the door of a room with a lobby.
    ///
    /// # Errors
    /// `OutOfRange` for a bad name, `Locked`, `RoomFull`, `Removed`, `NotAdmitted` (a WHIP or WHEP guest of a room with
    /// a lobby), `Gone`, `Unavailable`.
    pub async fn join(&self, join: JoinRequest) -> Result<Membership, Refusal> {
        let (reply, answer) = oneshot::channel();
        self.send(Request::Join { join, reply }, answer).await
    }

    /// Ask something of the room. An `Offer` is answered when the media side has its SDP, or after 10 s with
    /// `Unavailable`.
    ///
    /// # Errors
    /// `Forbidden` for a guest doing what hosts do, `NotFound`, `Conflict`, `OutOfRange`, `BadOffer`, `Gone`,
    /// `Unavailable`.
    pub async fn act(&self, caller: Caller, action: Action) -> Result<Outcome, Refusal> {
        let (reply, answer) = oneshot::channel();
        self.send(Request::Act { caller, action, reply }, answer).await
    }

    /// The disk is nearly full, or no more. A room that is too busy hears it next time.
    pub(super) fn tell_disk(&self, disk: Option<Disk>) {
        if let Some(inbox) = self.inner.inbox.get() {
            let _ = inbox.try_send(Request::Disk(disk));
        }
    }

    /// Every recording of this room, oldest first, those of earlier runs of the server included.
    pub fn recordings(&self) -> Vec<Recording> {
        self.inner.shared.upgrade().map_or_else(Vec::new, |shared| shared.recordings_of(self.inner.id))
    }

    /// Makes the snapshot what the room is now; nothing is copied while nothing changes.
    pub(super) fn publish(&self, record: &RoomRecord, now: Present) {
        self.inner.state.send_if_modified(|state| {
            let settings = state.record != *record;
            if settings {
                state.record.clone_from(record);
            }
            let Present { participants, names, recording, live, ended } = now;
            let before = (state.participants, state.recording, state.live, state.ended);
            let after = (participants, recording, live, ended);
            let changed = settings || before != after || state.names != names;
            (state.participants, state.recording, state.live, state.ended) = after;
            state.names = names;
            changed
        });
    }

    async fn send<T>(&self, request: Request, answer: oneshot::Receiver<Result<T, Refusal>>) -> Result<T, Refusal> {
        let shared = self.inner.shared.upgrade().ok_or_else(closing)?;
        let inbox = self.inner.inbox.get_or_init(|| actor::start(shared, self.clone()));
        inbox.send(request).await.map_err(|_| closing())?;
        answer.await.map_err(|_| closing())?
    }
}

impl fmt::Debug for RoomHandle {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("RoomHandle").field(&self.inner.id).finish()
    }
}

fn closing() -> Refusal {
    Refusal::new(Reason::Unavailable, "the room is closing; try again in a moment")
}
