//! Settles what a crash left: every recording whose manifest says it still runs, and every file that is still partial.

use std::fs;
use std::path::{Path, PathBuf};

use super::{PARTIAL, Storage, at, manifest};
use crate::domain::media::RecordedTrack;
use crate::domain::words::RecordingState;
use crate::rooms::api::{Recording, Store, StoreError};

/// Makes the finished file out of the partial one and verifies it. Leaves the partial one alone; may find a finished
/// one that an earlier try left half-written.
pub type Finish<'a> = &'a dyn Fn(&Path, &Path) -> Result<(u64, f64), String>;

/// How many seconds a file of somebody's own media has, whose writer may have been killed.
pub type Length<'a> = &'a dyn Fn(&Path) -> Option<f64>;

/// What became of one recording.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Settled {
    /// Its folder.
    pub folder: PathBuf,
    /// Why it failed, when it did. What was written is still there.
    pub error: Option<String>,
}

/// Settle every recording that is neither complete nor failed. Call before the rooms are opened.
///
/// # Errors
/// When the data folder can't be read or a manifest not written; a file that can't be finished is no error but fails
/// that recording.
pub fn recover(storage: &Storage, finish: Finish<'_>, length: Length<'_>) -> Result<Vec<Settled>, StoreError> {
    let recordings = storage.recordings_folder();
    let entries = fs::read_dir(&recordings).map_err(|error| at(&recordings, &error))?;
    let mut settled = Vec::new();
    for folder in entries.flatten().map(|entry| entry.path()).filter(|path| path.is_dir()) {
        let outcome = match manifest::read(&folder) {
            Some(recording) if is_settled(recording.state) => continue,
            Some(mut recording) => {
                recording.tracks.retain_mut(|track| measure(&folder, track, length));
                settle(storage, &folder, recording, finish)?
            }
            // Without a manifest nobody knows whose it was; the operator still gets a whole file.
            None => match partial_file(&folder) {
                Some(partial) => finish_file(&partial, finish).err(),
                None => continue,
            },
        };
        settled.push(Settled { folder, error: outcome });
    }
    Ok(settled)
}

/// What a crash left of somebody's own media. False: nothing.
fn measure(folder: &Path, track: &mut RecordedTrack, length: Length<'_>) -> bool {
    let path = folder.join(&track.file);
    let found = fs::metadata(&path).ok().map(|metadata| metadata.len()).zip(length(&path));
    if let Some((bytes, seconds)) = found {
        (track.bytes, track.duration) = (bytes, seconds);
    }
    found.is_some()
}

fn is_settled(state: RecordingState) -> bool {
    matches!(state, RecordingState::Complete | RecordingState::Failed)
}

fn settle(
    storage: &Storage,
    folder: &Path,
    mut recording: Recording,
    finish: Finish<'_>,
) -> Result<Option<String>, StoreError> {
    let finished = match partial_file(folder) {
        Some(partial) => finish_file(&partial, finish),
        None => already_finished(folder, &recording),
    };
    match finished {
        Ok((file, bytes, duration)) => {
            recording.state = RecordingState::Complete;
            recording.files = file.file_name().map(|name| name.to_string_lossy().into_owned()).into_iter().collect();
            (recording.bytes, recording.duration, recording.error) = (bytes, duration, None);
        }
        Err(error) => {
            recording.state = RecordingState::Failed;
            recording.error = Some(error);
        }
    }
    storage.save_recording(&recording)?;
    Ok(recording.error)
}

/// Finishes one file and only then removes what it was made of.
fn finish_file(partial: &Path, finish: Finish<'_>) -> Result<(PathBuf, u64, f64), String> {
    let finished = partial.with_extension("");
    let (bytes, duration) = finish(partial, &finished)?;
    if !finished.is_file() {
        return Err("the finished file is not there".to_owned());
    }
    if let Err(error) = fs::remove_file(partial) {
        tracing::warn!(path = %partial.display(), %error, "a partial file stays beside the finished one");
    }
    Ok((finished, bytes, duration))
}

/// The crash came between the file and the manifest.
fn already_finished(folder: &Path, recording: &Recording) -> Result<(PathBuf, u64, f64), String> {
    let file = files(folder).find(|path| path.extension().is_some_and(|extension| extension == "mp4"));
    let file = file.ok_or("the server stopped before anything was written")?;
    let bytes = fs::metadata(&file).map_err(|error| error.to_string())?.len();
    Ok((file, bytes, recording.duration))
}

fn partial_file(folder: &Path) -> Option<PathBuf> {
    files(folder).find(|path| path.extension().is_some_and(|extension| extension == PARTIAL))
}

fn files(folder: &Path) -> impl Iterator<Item = PathBuf> {
    fs::read_dir(folder).into_iter().flatten().flatten().map(|entry| entry.path()).filter(|path| path.is_file())
}
