//! What was sent of one recording so far: `upload.json` in its folder.

use std::fs;
use std::path::Path;

use serde::{Deserialize, Serialize};

use crate::rooms::api::Recording;

const NAME: &str = "upload.json";
const TEMPORARY: &str = ".upload.json.new";
/// Of no use without the recording's media, but small: sent along and kept here.
const SMALL: [&str; 2] = ["timeline.json", "manifest.json"];

/// All files of a recording.
#[derive(Debug, Default, Serialize, Deserialize)]
pub(super) struct Notes {
    pub(super) files: Vec<FileNotes>,
    /// The store has all of it, verified.
    #[serde(default)]
    pub(super) done: bool,
    /// The local media were deleted after that.
    #[serde(default)]
    pub(super) local_removed: bool,
}

/// One file.
#[derive(Debug, Default, Serialize, Deserialize)]
pub(super) struct FileNotes {
    pub(super) name: String,
    /// Bytes.
    pub(super) size: u64,
    /// The store's name for an upload in parts.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(super) multipart: Option<String>,
    /// The store's names for the parts it has.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub(super) parts: Vec<String>,
    /// Bytes that the store has.
    #[serde(default)]
    pub(super) sent: u64,
    /// The store has it, and it has the right size.
    #[serde(default)]
    pub(super) done: bool,
}

impl Notes {
    /// What an earlier try left, or a beginning.
    pub(super) fn read(folder: &Path, recording: &Recording) -> Self {
        let kept = fs::read(folder.join(NAME)).ok().and_then(|text| serde_json::from_slice::<Self>(&text).ok());
        let own = |file: &FileNotes| !file.name.contains('/') && !file.name.starts_with('.');
        if let Some(kept) = kept.filter(|kept| kept.files.iter().all(own)) {
            return kept;
        }
        let tracks = recording.tracks.iter().map(|track| track.file.as_str());
        let mut names: Vec<&str> = recording.files.iter().map(String::as_str).collect();
        names.extend(tracks.chain(SMALL));
        let mut files: Vec<FileNotes> = Vec::new();
        for name in names {
            if let Ok(metadata) = fs::metadata(folder.join(name))
                && !files.iter().any(|file| file.name == name)
            {
                files.push(FileNotes { name: name.to_owned(), size: metadata.len(), ..FileNotes::default() });
            }
        }
        Self { files, ..Self::default() }
    }

    /// To a temporary name, synced, then renamed.
    pub(super) fn write(&self, folder: &Path) -> std::io::Result<()> {
        let text = serde_json::to_vec_pretty(self).map_err(std::io::Error::other)?;
        let temporary = folder.join(TEMPORARY);
        fs::write(&temporary, text)?;
        fs::File::open(&temporary)?.sync_all()?;
        fs::rename(&temporary, folder.join(NAME))
    }

    /// All of it is sent: noted first, and only then the media go, if they are to go.
    pub(super) fn settle(&mut self, folder: &Path, keep_local: bool) {
        self.done = true;
        let noted = self.write(folder);
        if let (Ok(()), false, false) = (&noted, keep_local, self.local_removed) {
            let media = self.files.iter().filter(|file| !SMALL.contains(&file.name.as_str()));
            let failed = media.filter_map(|file| fs::remove_file(folder.join(&file.name)).err()).count();
            self.local_removed = failed == 0;
        }
        if let Err(error) = noted.and_then(|()| self.write(folder)) {
            tracing::error!(folder = %folder.display(), %error, "it can't be noted that a recording was uploaded");
        }
    }

    pub(super) fn sent(&self) -> u64 {
        self.files.iter().map(|file| file.sent).sum()
    }

    pub(super) fn total(&self) -> u64 {
        self.files.iter().map(|file| file.size).sum()
    }
}
