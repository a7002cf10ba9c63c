//! The task that owns one room.

use std::sync::Arc;

use tokio::sync::{mpsc, oneshot};

use super::api::{Action, Caller, JoinRequest, Membership, Outcome};
use super::handle::RoomHandle;
use super::registry::Shared;
use crate::domain::error::Refusal;

/// What a handle asks of the actor.
pub(super) enum Request {
    /// Somebody wants in.
    Join { join: JoinRequest, reply: oneshot::Sender<Result<Membership, Refusal>> },
    /// Somebody asks for something.
    Act { caller: Caller, action: Action, reply: oneshot::Sender<Result<Outcome, Refusal>> },
}

/// Starts the room's task and gives its inbox.
pub(super) fn start(shared: Arc<Shared>, handle: RoomHandle) -> mpsc::Sender<Request> {
    drop((shared, handle));
    mpsc::channel(1).0
}
