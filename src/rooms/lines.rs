//! The lines to a room's clients: one bounded queue each. Who does not read is cut off, never waited for.

use std::collections::HashMap;

use tokio::sync::mpsc;
use tokio::task::{AbortHandle, JoinSet};

use crate::domain::room::ConnectionId;
use crate::protocol::server::{IceServer, ServerMessage};

/// So many messages may wait for a client that does not read, and one more that says goodbye.
const QUEUE: usize = 256;

/// Every line of one room.
#[derive(Default)]
pub(super) struct Lines {
    open: HashMap<ConnectionId, Line>,
    /// One watcher per line; ends when its client is gone.
    watchers: JoinSet<ConnectionId>,
    /// Lines that were cut because their client did not read.
    cut: Vec<ConnectionId>,
}

struct Line {
    messages: mpsc::Sender<ServerMessage>,
    ice_servers: Vec<IceServer>,
    watcher: AbortHandle,
}

impl Drop for Line {
    fn drop(&mut self) {
        // The watcher holds a sender; without this the client would wait for the end of its messages.
        self.watcher.abort();
    }
}

impl Lines {
    /// Opens a line and gives the client's end.
    pub(super) fn open(&mut self, id: ConnectionId, ice_servers: Vec<IceServer>) -> mpsc::Receiver<ServerMessage> {
        let (messages, receiver) = mpsc::channel(QUEUE + 1);
        let watched = messages.clone();
        let watcher = self.watchers.spawn(async move {
            watched.closed().await;
            id
        });
        self.open.insert(id, Line { messages, ice_servers, watcher });
        receiver
    }

    /// What the client was given for its `RTCPeerConnection`.
    pub(super) fn ice_servers(&self, id: ConnectionId) -> Vec<IceServer> {
        self.open.get(&id).map_or_else(Vec::new, |line| line.ice_servers.clone())
    }

    /// Tells a client something.
    pub(super) fn tell(&mut self, id: ConnectionId, message: ServerMessage) {
        let Some(line) = self.open.get(&id) else { return };
        // The last place is for the goodbye.
        if line.messages.capacity() > 1 && line.messages.try_send(message).is_ok() {
            return;
        }
        let message = "Your connection is too slow for the room's messages; join again.".to_owned();
        self.close(id, "slow", message);
        self.cut.push(id);
    }

    /// Says goodbye and closes the line.
    pub(super) fn close(&mut self, id: ConnectionId, code: &str, message: String) {
        if let Some(line) = self.open.remove(&id) {
            // It fits, or the client is gone.
            let _ = line.messages.try_send(ServerMessage::Closing { code: code.to_owned(), message });
        }
    }

    /// Forgets a line that never came to be.
    pub(super) fn forget(&mut self, id: ConnectionId) {
        self.open.remove(&id);
    }

    /// A line that was cut since the last call.
    pub(super) fn take_cut(&mut self) -> Option<ConnectionId> {
        self.cut.pop()
    }

    /// The next client that is gone. Pending while there are none.
    pub(super) async fn gone(&mut self) -> ConnectionId {
        loop {
            match self.watchers.join_next().await {
                Some(Ok(id)) => {
                    if self.open.remove(&id).is_some() {
                        return id;
                    }
                }
                // Aborted: its line was closed.
                Some(Err(_)) => {}
                None => std::future::pending().await,
            }
        }
    }
}
