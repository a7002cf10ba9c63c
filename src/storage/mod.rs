//! What is kept across restarts: rooms in SQLite, recordings as folders with a manifest beside the file.
//!
//! ```text
//! DATA/veranda.sqlite3                       rooms, ended ones as far as a 410 and their recordings need it
//! DATA/recordings/{id}/manifest.json         what the recording is and how far
//! DATA/recordings/{id}/timeline.json         who was there, spoke and shared a screen
//! DATA/recordings/{id}/p…-camera-1.webm      somebody's own media, where it was asked for
//! DATA/recordings/{id}/Veranda … .mp4        the finished file
//! DATA/recordings/{id}/Veranda … .mp4.partial    the file while it runs
//! ```

mod database;
mod file_name;
mod manifest;
pub mod recover;
mod timeline;

use std::io::ErrorKind;
use std::path::{Path, PathBuf};
use std::sync::{Mutex, MutexGuard, PoisonError};

use crate::domain::ids::{OutputId, RoomId};
use crate::rooms::api::{Recording, RecordingTimeline, RoomRecord, Store, StoreError};

const RECORDINGS: &str = "recordings";
/// What a recording's file ends in while it is not finished.
pub const PARTIAL: &str = "partial";

/// The data folder.
#[derive(Debug)]
pub struct Storage {
    data: PathBuf,
    database: Mutex<rusqlite::Connection>,
}

impl Storage {
    /// Open the data folder, made when there is none.
    ///
    /// # Errors
    /// In one sentence, when it can't be made, written or understood.
    pub fn open(data: &Path) -> Result<Self, StoreError> {
        std::fs::create_dir_all(data.join(RECORDINGS)).map_err(|error| at(data, &error))?;
        let file = data.join("veranda.sqlite3");
        let database = database::open(&file).map_err(|error| StoreError(format!("{}: {error}", file.display())))?;
        Ok(Self { data: data.to_owned(), database: Mutex::new(database) })
    }

    /// The folder of one recording, whether it is there or not.
    pub fn recording_folder(&self, recording: OutputId) -> PathBuf {
        self.recordings_folder().join(recording.to_string())
    }

    /// Where a recording's timeline is, once there is one.
    pub fn timeline(&self, recording: OutputId) -> PathBuf {
        self.recording_folder(recording).join(timeline::NAME)
    }

    /// Where the segments of HLS streams are.
    pub fn segments(&self) -> PathBuf {
        self.data.join("hls")
    }

    /// Where all recordings are.
    pub fn recordings_folder(&self) -> PathBuf {
        self.data.join(RECORDINGS)
    }

    /// The room, ended or not, whose host token this is: an ended room's recordings still have an owner.
    ///
    /// # Errors
    /// When the database can't be read.
    pub fn room_of_host(&self, token: &str) -> Result<Option<RoomId>, StoreError> {
        database::room_of_host(&self.database(), token).map_err(|error| failed(&error))
    }

    /// How many rooms are kept, ended ones aside.
    ///
    /// # Errors
    /// When the database can't be read.
    pub fn count_rooms(&self) -> Result<u32, StoreError> {
        database::count(&self.database()).map_err(|error| failed(&error))
    }

    fn database(&self) -> MutexGuard<'_, rusqlite::Connection> {
        self.database.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Store for Storage {
    fn rooms(&self) -> Result<Vec<RoomRecord>, StoreError> {
        database::rooms(&self.database()).map_err(|error| failed(&error))
    }

    fn save_room(&self, room: &RoomRecord) -> Result<(), StoreError> {
        database::save(&mut self.database(), room).map_err(|error| failed(&error))
    }

    fn end_room(&self, room: &RoomRecord) -> Result<(), StoreError> {
        database::end(&mut self.database(), room).map_err(|error| failed(&error))
    }

    fn ended(&self, invitation_or_id: &str) -> Result<bool, StoreError> {
        database::ended(&self.database(), invitation_or_id).map_err(|error| failed(&error))
    }

    fn recording_path(&self, recording: &Recording) -> Result<PathBuf, StoreError> {
        let folder = self.recording_folder(recording.id);
        std::fs::create_dir_all(&folder).map_err(|error| unwritable(&folder, &error))?;
        Ok(folder.join(file_name::recording(&recording.room_name, recording.started_at)))
    }

    fn save_recording(&self, recording: &Recording) -> Result<(), StoreError> {
        manifest::write(&self.recording_folder(recording.id), recording)
    }

    fn save_timeline(&self, timeline: &RecordingTimeline) -> Result<(), StoreError> {
        timeline::write(&self.recording_folder(timeline.recording), timeline)
    }

    fn free_space(&self) -> Option<u64> {
        let room = nix::sys::statvfs::statvfs(&self.recordings_folder()).ok()?;
        Some(room.blocks_available() * room.fragment_size())
    }

    fn recordings(&self) -> Result<Vec<Recording>, StoreError> {
        manifest::read_all(&self.recordings_folder())
    }

    fn delete_recording(&self, recording: OutputId) -> Result<(), StoreError> {
        let folder = self.recording_folder(recording);
        match std::fs::remove_dir_all(&folder) {
            Err(error) if error.kind() != std::io::ErrorKind::NotFound => Err(at(&folder, &error)),
            _ => Ok(()),
        }
    }
}

/// Why nothing can be recorded, for a host; for the operator, where, in the log.
fn unwritable(folder: &Path, error: &std::io::Error) -> StoreError {
    tracing::error!(folder = %folder.display(), %error, "a recording has no place");
    let reason = match error.kind() {
        ErrorKind::ReadOnlyFilesystem => "its data folder can only be read",
        ErrorKind::PermissionDenied => "it may not write to its data folder",
        ErrorKind::StorageFull | ErrorKind::QuotaExceeded => "its disk is full",
        _ => "its data folder cannot be used",
    };
    StoreError(format!("the server cannot write recordings: {reason}"))
}

fn failed(error: &rusqlite::Error) -> StoreError {
    StoreError(error.to_string())
}

fn at(path: &Path, error: &std::io::Error) -> StoreError {
    StoreError(format!("{}: {error}", path.display()))
}

#[cfg(test)]
mod tests;
