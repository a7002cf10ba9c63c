//! Every room there is, by id and by invitation, and every recording.

use std::collections::{BTreeMap, HashMap};
use std::fmt;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use tokio::sync::mpsc;

use super::api::{NewRoom, Recording, RoomState, Store, StoreError, Stream};
use super::handle::RoomHandle;
use crate::domain::error::{Reason, Refusal};
use crate::domain::ids::{OutputId, RoomId};
use crate::domain::media::{MediaCommand, MediaEvent};

/// Opens the media side of a room: it sends its events into the given channel and takes commands by the returned one.
/// Dropping the commands' sender closes everything the room has there. Called inside a tokio runtime.
pub type OpenMedia = Arc<dyn Fn(RoomId, mpsc::Sender<MediaEvent>) -> mpsc::Sender<MediaCommand> + Send + Sync>;

/// All rooms. Cheap to clone.
#[derive(Clone)]
pub struct Rooms {
    shared: Arc<Shared>,
}

/// What the registry and the actors share.
pub(super) struct Shared {
    store: Arc<dyn Store>,
    open_media: OpenMedia,
    base_url: String,
    index: Mutex<Index>,
}

#[derive(Default)]
struct Index {
    rooms: HashMap<RoomId, RoomHandle>,
    invitations: HashMap<String, RoomId>,
    recordings: BTreeMap<OutputId, Recording>,
    streams: HashMap<OutputId, Stream>,
}

impl Rooms {
    /// Loads every kept room and every manifest. `base_url` is what links begin with, without a slash at its end
    /// (`https://meet.example`): an invitation's link is `{base_url}/r/{invitation}`.
    ///
    /// # Errors
    /// When the store can't be read.
    pub fn new(store: Arc<dyn Store>, open_media: OpenMedia, base_url: String) -> Result<Self, StoreError> {
        let rooms = Self { shared: Arc::new(Shared { store, open_media, base_url, index: Mutex::default() }) };
        Ok(rooms)
    }

    /// Makes a room and keeps it.
    ///
    /// # Errors
    /// `OutOfRange` names the field; `Unavailable` when the store fails or the server is closing.
    pub async fn create(&self, new: NewRoom) -> Result<RoomState, Refusal> {
        let _ = new;
        Err(unavailable())
    }

    /// The room with this invitation or this id. `state().record.invitation == text` tells which it was.
    ///
    /// # Errors
    /// `Gone` for a replaced invitation or a room that ended, else `NotFound`.
    pub async fn find(&self, invitation_or_id: &str) -> Result<RoomHandle, Refusal> {
        let index = self.shared.index();
        let by_code = index.invitations.get(invitation_or_id).copied();
        let id = by_code.or_else(|| invitation_or_id.parse().ok());
        id.and_then(|id| index.rooms.get(&id).cloned())
            .ok_or_else(|| Refusal::new(Reason::NotFound, "there is no such room; ask for its link again"))
    }

    /// One recording, and its room unless that has ended (then only API keys may see it).
    ///
    /// # Errors
    /// `NotFound`.
    pub fn recording(&self, id: OutputId) -> Result<(Option<RoomHandle>, Recording), Refusal> {
        let index = self.shared.index();
        let recording = index.recordings.get(&id).ok_or_else(|| no_such("recording"))?;
        Ok((index.rooms.get(&recording.room).cloned(), recording.clone()))
    }

    /// Deletes a recording's files and manifest, its room ended or not.
    ///
    /// # Errors
    /// `NotFound`, `Conflict` while it runs, `Unavailable` when the store fails.
    pub async fn delete_recording(&self, id: OutputId) -> Result<(), Refusal> {
        self.recording(id).map(|_| ())
    }

    /// One stream and its room.
    ///
    /// # Errors
    /// `NotFound`: streams are forgotten with their room and with the process.
    pub fn stream(&self, id: OutputId) -> Result<(RoomHandle, Stream), Refusal> {
        let index = self.shared.index();
        let stream = index.streams.get(&id).ok_or_else(|| no_such("stream"))?;
        let room = index.rooms.get(&stream.room).ok_or_else(|| no_such("stream"))?;
        Ok((room.clone(), stream.clone()))
    }

    /// Everybody is told `closing` with code `shutdown`, running recordings are finished and waited for, 12 s at most.
    /// From the call on, whatever is asked of a room is refused with `Unavailable`.
    pub async fn shutdown(&self) {}
}

impl Shared {
    fn index(&self) -> MutexGuard<'_, Index> {
        self.index.lock().unwrap_or_else(PoisonError::into_inner)
    }

    pub(super) fn recordings_of(&self, room: RoomId) -> Vec<Recording> {
        self.index().recordings.values().filter(|recording| recording.room == room).cloned().collect()
    }
}

impl fmt::Debug for Rooms {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Rooms")
    }
}

fn no_such(what: &str) -> Refusal {
    Refusal::new(Reason::NotFound, format!("there is no such {what}"))
}

fn unavailable() -> Refusal {
    Refusal::new(Reason::Unavailable, "the server is closing; try again in a moment")
}
