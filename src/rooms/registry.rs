//! Every room there is, by id and by invitation, and every recording.

use std::fmt;
use std::sync::atomic::AtomicU64;
use std::sync::{Arc, Mutex, OnceLock};
use std::time::{Duration, SystemTime};

use tokio::sync::mpsc;
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;

mod shared;

pub(super) use self::shared::Shared;
use super::api::{Action, Caller, NewRoom, Recording, RoomRecord, RoomState, Store, StoreError, Stream, Upload};
use super::disk;
use super::handle::RoomHandle;
use super::retention;
use crate::domain::canvas::Canvas;
use crate::domain::error::{Reason, Refusal};
use crate::domain::ids::{OutputId, RoomId};
use crate::domain::media::{MediaCommand, MediaEvent};
use crate::domain::participant::{self, MAX_ROOM_NAME};
use crate::domain::retention::Policy;
use crate::domain::target::Targets;
use crate::domain::words::{Activity, Layout, RecordingState};

/// Opens the media side of a room: it sends its events into the given channel and takes commands by the returned one.
/// Dropping the commands' sender closes everything the room has there. Called inside a tokio runtime.
pub type OpenMedia = Arc<dyn Fn(RoomId, mpsc::Sender<MediaEvent>) -> mpsc::Sender<MediaCommand> + Send + Sync>;

/// Recordings have this long to be finished when the server stops.
const SHUTDOWN_LIMIT: Duration = Duration::from_secs(12);
/// The largest room.
const MAX_PARTICIPANTS: u32 = 50;
/// Longer than any invitation or id: not looked up.
const MAX_KEY: usize = 64;

/// All rooms. Cheap to clone.
#[derive(Clone)]
pub struct Rooms {
    shared: Arc<Shared>,
}

impl Rooms {
    /// Loads every kept room and every manifest. `base_url` is what links begin with, without a slash at its end
    /// (`https://meet.example`): an invitation's link is `{base_url}/r/{invitation}`. Recordings that a crash left must
    /// have been recovered before: what is not finished here counts as failed.
    ///
    /// # Errors
    /// When the store can't be read.
    pub fn new(store: Arc<dyn Store>, open_media: OpenMedia, base_url: String) -> Result<Self, StoreError> {
        let shared = Shared {
            store,
            open_media,
            base_url,
            canvas: OnceLock::new(),
            targets: OnceLock::new(),
            actors: TaskTracker::new(),
            stop: CancellationToken::new(),
            last_peer: AtomicU64::new(0),
            index: Mutex::default(),
        };
        let rooms = Self { shared: Arc::new(shared) };
        for record in rooms.shared.store.rooms()? {
            rooms.insert(record);
        }
        for recording in rooms.shared.store.recordings()? {
            rooms.shared.put_recording(abandoned(recording));
        }
        Ok(rooms)
    }

    /// The picture of the mix where nobody asks for another; 1280x720 at 30 frames a second unless told. Counts for
    /// rooms that are opened from now on.
    pub fn set_canvas(&self, canvas: Canvas) {
        // The first word counts: there is one server, and one set of templates.
        let _ = self.shared.canvas.set(canvas);
    }

    /// Warns rooms that record when less than this many bytes are free, or little time is left. Called within tokio.
    pub fn watch_disk(&self, limit: u64) {
        tokio::spawn(disk::watch(Arc::clone(&self.shared), limit));
    }

    /// Deletes recordings by this policy from now on; where they are uploaded, only those that are. Called within tokio.
    pub fn retain(&self, policy: Policy, uploaded_first: bool) {
        if policy.is_on() {
            tokio::spawn(retention::keep(self.clone(), policy, uploaded_first));
        }
    }

    /// Every recording of every room.
    pub fn all_recordings(&self) -> Vec<Recording> {
        let index = self.shared.index();
        index.recordings.values().map(|recording| index.with_upload(recording)).collect()
    }

    /// Those that are complete, oldest first.
    pub fn finished_recordings(&self) -> Vec<Recording> {
        let is_complete = |recording: &Recording| recording.state == RecordingState::Complete;
        let mut finished: Vec<_> = self.all_recordings().into_iter().filter(is_complete).collect();
        finished.sort_by_key(|recording| recording.started_at);
        finished
    }

    /// Notes how far a recording's upload is. One that was deleted meanwhile is forgotten.
    pub fn put_upload(&self, recording: OutputId, upload: Upload) {
        let mut index = self.shared.index();
        if index.recordings.contains_key(&recording) {
            index.uploads.insert(recording, upload);
        }
    }

    /// Where streams may go; anywhere unless told. Counts for rooms that are opened from now on.
    pub fn set_targets(&self, targets: Targets) {
        let _ = self.shared.targets.set(targets);
    }

    /// Makes a room and keeps it.
    ///
    /// # Errors
    /// `OutOfRange` names the field; `Unavailable` when the store fails or the server is closing.
    pub async fn create(&self, new: NewRoom) -> Result<RoomState, Refusal> {
        if self.shared.stop.is_cancelled() {
            return Err(Refusal::new(Reason::Unavailable, "the server is closing; try again in a moment"));
        }
        let record = self.new_record(new)?;
        let (store, kept) = (Arc::clone(&self.shared.store), record.clone());
        let saved = tokio::task::spawn_blocking(move || store.save_room(&kept)).await;
        saved.map_err(|error| Refusal::new(Reason::Internal, error.to_string()))??;
        Ok(self.insert(record).state())
    }

    fn new_record(&self, new: NewRoom) -> Result<RoomRecord, Refusal> {
        let activity = new.activity.unwrap_or(Activity::CatchUp);
        let name = new.name.as_deref().unwrap_or_else(|| default_name(activity));
        let max_participants = new.max_participants.unwrap_or(MAX_PARTICIPANTS);
        if !(2..=MAX_PARTICIPANTS).contains(&max_participants) {
            let message = format!("max_participants must be 2 to {MAX_PARTICIPANTS}");
            return Err(Refusal::new(Reason::OutOfRange, message));
        }
        Ok(RoomRecord {
            id: RoomId(self.shared.random_number()),
            name: participant::check_name("name", name, MAX_ROOM_NAME)?,
            activity,
            invitation: self.shared.random_code(),
            old_invitations: Vec::new(),
            host_token: self.shared.random_code(),
            max_participants,
            locked: new.locked,
            lobby: new.lobby,
            layout: new.layout.unwrap_or(Layout::Auto),
            rules: new.rules.unwrap_or_default(),
            created_at: SystemTime::now(),
        })
    }

    fn insert(&self, record: RoomRecord) -> RoomHandle {
        let mut index = self.shared.index();
        let id = record.id;
        index.invitations.insert(record.invitation.clone(), id);
        index.old_invitations.extend(record.old_invitations.iter().map(|code| (code.clone(), id)));
        let state = RoomState { record, participants: 0, names: None, recording: false, live: false, ended: false };
        let handle = RoomHandle::new(Arc::downgrade(&self.shared), state);
        index.rooms.insert(id, handle.clone());
        handle
    }

    /// The room with this invitation or this id. `state().record.invitation == text` tells which it was.
    ///
    /// # Errors
    /// `Gone` for a replaced invitation or a room that ended, else `NotFound`.
    pub async fn find(&self, invitation_or_id: &str) -> Result<RoomHandle, Refusal> {
        let key = invitation_or_id;
        let is_old = {
            let index = self.shared.index();
            let id = index.invitations.get(key).copied().or_else(|| key.parse().ok());
            match id.and_then(|id| index.rooms.get(&id)) {
                Some(handle) if handle.state().ended => return Err(ended()),
                Some(handle) => return Ok(handle.clone()),
                None => {}
            }
            index.old_invitations.contains_key(key)
        };
        if is_old {
            return Err(Refusal::new(Reason::Gone, "this invitation was replaced; ask for the new link"));
        }
        if self.has_ended(key).await? {
            return Err(ended());
        }
        Err(Refusal::new(Reason::NotFound, "there is no such room; check the link"))
    }

    async fn has_ended(&self, key: &str) -> Result<bool, Refusal> {
        if key.is_empty() || key.len() > MAX_KEY {
            return Ok(false);
        }
        let (store, key) = (Arc::clone(&self.shared.store), key.to_owned());
        let ended = tokio::task::spawn_blocking(move || store.ended(&key)).await;
        Ok(ended.map_err(|error| Refusal::new(Reason::Internal, error.to_string()))??)
    }

    /// One recording, and its room unless that has ended (then only API keys may see it).
    ///
    /// # Errors
    /// `NotFound`.
    pub fn recording(&self, id: OutputId) -> Result<(Option<RoomHandle>, Recording), Refusal> {
        let recording = self.shared.recording(id).ok_or_else(|| no_such("recording"))?;
        Ok((self.shared.index().rooms.get(&recording.room).cloned(), recording))
    }

    /// Deletes a recording's files and manifest, its room ended or not.
    ///
    /// # Errors
    /// `NotFound`, `Conflict` while it runs, `Unavailable` when the store fails.
    pub async fn delete_recording(&self, id: OutputId) -> Result<(), Refusal> {
        let (room, recording) = self.recording(id)?;
        if let Some(room) = room {
            return room.act(Caller::Host, Action::DeleteRecording { recording: id }).await.map(|_| ());
        }
        if !matches!(recording.state, RecordingState::Complete | RecordingState::Failed) {
            return Err(Refusal::new(Reason::Conflict, "the recording is not finished yet"));
        }
        let store = Arc::clone(&self.shared.store);
        let deleted = tokio::task::spawn_blocking(move || store.delete_recording(id)).await;
        deleted.map_err(|error| Refusal::new(Reason::Internal, error.to_string()))??;
        self.shared.forget_recording(id);
        Ok(())
    }

    /// One stream and its room.
    ///
    /// # Errors
    /// `NotFound`: streams are forgotten with their room and with the process.
    pub fn stream(&self, id: OutputId) -> Result<(RoomHandle, Stream), Refusal> {
        let index = self.shared.index();
        let stream = index.streams.values().flatten().find(|stream| stream.id == id);
        let stream = stream.ok_or_else(|| no_such("stream"))?;
        let room = index.rooms.get(&stream.room).ok_or_else(|| no_such("stream"))?;
        Ok((room.clone(), stream.clone()))
    }

    /// The room's HLS stream, the last one where there were several.
    pub fn hls(&self, room: RoomId) -> Option<Stream> {
        let index = self.shared.index();
        index.streams.get(&room)?.iter().rev().find(|stream| stream.playlist.is_some()).cloned()
    }

    /// Everybody is told `closing` with code `shutdown`, running recordings are finished and waited for, 12 s at most.
    /// From the call on, whatever is asked of a room is refused with `Unavailable`.
    pub async fn shutdown(&self) {
        self.shared.stop.cancel();
        self.shared.actors.close();
        if tokio::time::timeout(SHUTDOWN_LIMIT, self.shared.actors.wait()).await.is_err() {
            tracing::warn!("some recordings were not finished in time; they will be at the next start");
        }
    }
}

impl fmt::Debug for Rooms {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Rooms")
    }
}

/// A manifest of an earlier run of the server: nobody works on it any more.
fn abandoned(mut recording: Recording) -> Recording {
    if !matches!(recording.state, RecordingState::Complete | RecordingState::Failed) {
        recording.state = RecordingState::Failed;
        recording.error.get_or_insert_with(|| "the server stopped while it was recorded".to_owned());
    }
    recording
}

fn default_name(activity: Activity) -> &'static str {
    match activity {
        Activity::CatchUp => "Catch-up",
        Activity::Family => "Family",
        Activity::Work => "Meeting",
        Activity::Class => "Class",
        Activity::Party => "Party",
        Activity::Show => "Show",
    }
}

fn ended() -> Refusal {
    Refusal::new(Reason::Gone, "this room has ended")
}

fn no_such(what: &str) -> Refusal {
    Refusal::new(Reason::NotFound, format!("there is no such {what}"))
}
