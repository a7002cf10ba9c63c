//! The JSON beside each recording: written to a temporary name, synced, then renamed, so there is always a whole one.

use std::fs::{self, File};
use std::io::{ErrorKind, Write};
use std::path::Path;
use std::time::SystemTime;

use serde::{Deserialize, Serialize};
use time::OffsetDateTime;

use super::at;
use crate::domain::ids::OutputId;
use crate::domain::media::RecordedTrack;
use crate::domain::words::{Layout, Pace, RecordingState, TrackSource};
use crate::rooms::api::{Recording, StoreError};

const NAME: &str = "manifest.json";
const TEMPORARY: &str = ".manifest.json.new";

/// A [`Recording`] as the file spells it.
#[derive(Debug, Serialize, Deserialize)]
struct Manifest {
    id: String,
    room: String,
    room_name: String,
    state: RecordingState,
    layout: Layout,
    width: u32,
    height: u32,
    fps: u32,
    #[serde(with = "time::serde::rfc3339")]
    started_at: OffsetDateTime,
    #[serde(default, with = "time::serde::rfc3339::option", skip_serializing_if = "Option::is_none")]
    first_frame_at: Option<OffsetDateTime>,
    duration: f64,
    bytes: u64,
    files: Vec<String>,
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    tracks: Vec<Track>,
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pace: Vec<Pace>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    error: Option<String>,
}

/// A [`RecordedTrack`] as the file spells it.
#[derive(Debug, Serialize, Deserialize)]
struct Track {
    participant: String,
    name: String,
    kind: TrackSource,
    codec: String,
    file: String,
    offset: f64,
    duration: f64,
    bytes: u64,
}

impl From<&RecordedTrack> for Track {
    fn from(track: &RecordedTrack) -> Self {
        Self {
            participant: track.participant.to_string(),
            name: track.name.clone(),
            kind: track.source.into(),
            codec: track.codec.clone(),
            file: track.file.clone(),
            offset: track.offset,
            duration: track.duration,
            bytes: track.bytes,
        }
    }
}

impl Track {
    fn read(self) -> Result<RecordedTrack, String> {
        Ok(RecordedTrack {
            participant: self.participant.parse().map_err(|_| "participant is not an id")?,
            name: self.name,
            source: self.kind.into(),
            codec: self.codec,
            file: self.file,
            offset: self.offset,
            duration: self.duration,
            bytes: self.bytes,
        })
    }
}

impl From<&Recording> for Manifest {
    fn from(recording: &Recording) -> Self {
        Self {
            id: recording.id.to_string(),
            room: recording.room.to_string(),
            room_name: recording.room_name.clone(),
            state: recording.state,
            layout: recording.layout,
            width: recording.width,
            height: recording.height,
            fps: recording.fps,
            started_at: OffsetDateTime::from(recording.started_at),
            first_frame_at: recording.first_frame_at.map(OffsetDateTime::from),
            duration: recording.duration,
            bytes: recording.bytes,
            files: recording.files.clone(),
            tracks: recording.tracks.iter().map(Track::from).collect(),
            pace: recording.pace.clone(),
            error: recording.error.clone(),
        }
    }
}

impl Manifest {
    /// A file name in a manifest is never a way out of its folder, whoever wrote it.
    fn read(self) -> Result<Recording, String> {
        let tracks = self.tracks.iter().map(|track| &track.file);
        if let Some(file) = self.files.iter().chain(tracks).find(|file| file.contains('/') || file.starts_with('.')) {
            return Err(format!("{file:?} is not a file name"));
        }
        Ok(Recording {
            id: self.id.parse().map_err(|_| "id is not one")?,
            room: self.room.parse().map_err(|_| "room is not an id")?,
            room_name: self.room_name,
            state: self.state,
            layout: self.layout,
            width: self.width,
            height: self.height,
            fps: self.fps,
            started_at: SystemTime::from(self.started_at),
            first_frame_at: self.first_frame_at.map(SystemTime::from),
            duration: self.duration,
            bytes: self.bytes,
            files: self.files,
            tracks: self.tracks.into_iter().map(Track::read).collect::<Result<_, _>>()?,
            pace: self.pace,
            error: self.error,
            disk: None,
            upload: None,
        })
    }
}

pub(super) fn write(folder: &Path, recording: &Recording) -> Result<(), StoreError> {
    let text = serde_json::to_vec_pretty(&Manifest::from(recording)).map_err(|error| StoreError(error.to_string()))?;
    let temporary = folder.join(TEMPORARY);
    let write = || -> std::io::Result<()> {
        fs::create_dir_all(folder)?;
        let mut file = File::create(&temporary)?;
        file.write_all(&text)?;
        file.sync_all()?;
        fs::rename(&temporary, folder.join(NAME))?;
        File::open(folder)?.sync_all()
    };
    write().map_err(|error| at(folder, &error))
}

/// The manifest of one folder; `None` where there is none or it can't be understood (the log says why): one damaged
/// recording must not keep the server from starting.
pub(super) fn read(folder: &Path) -> Option<Recording> {
    let path = folder.join(NAME);
    let text = match fs::read(&path) {
        Ok(text) => text,
        Err(error) if error.kind() == ErrorKind::NotFound => return None,
        Err(error) => {
            tracing::warn!(path = %path.display(), %error, "a manifest can't be read");
            return None;
        }
    };
    let manifest = serde_json::from_slice::<Manifest>(&text).map_err(|error| error.to_string());
    match manifest.and_then(Manifest::read) {
        Ok(recording) if folder_id(folder) == Some(recording.id) => Some(recording),
        Ok(recording) => {
            tracing::warn!(path = %path.display(), id = %recording.id, "a manifest lies in another recording's folder");
            None
        }
        Err(error) => {
            tracing::warn!(path = %path.display(), error, "a manifest can't be understood");
            None
        }
    }
}

/// Which recording a folder is by its name.
pub(super) fn folder_id(folder: &Path) -> Option<OutputId> {
    folder.file_name()?.to_str()?.parse().ok()
}

pub(super) fn read_all(recordings: &Path) -> Result<Vec<Recording>, StoreError> {
    let entries = fs::read_dir(recordings).map_err(|error| at(recordings, &error))?;
    let mut found: Vec<_> = entries.flatten().filter_map(|entry| read(&entry.path())).collect();
    found.sort_by_key(|recording| (recording.started_at, recording.id));
    Ok(found)
}
