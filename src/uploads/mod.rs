//! Finished recordings go to an S3-compatible store, where the operator named one. One file after the other, large ones in
//! parts; what was sent is noted beside the recording (`upload.json`), so that a restart goes on where it stopped.
//! A local file is deleted only after the store said that it has all of it, and only if the operator wants that.

mod bucket;
mod notes;

use std::collections::HashMap;
use std::sync::Arc;
use std::time::Duration;

use tokio::time::{Instant, sleep};

use self::bucket::{Bucket, Trouble};
use self::notes::Notes;
use crate::config::Config;
use crate::domain::ids::OutputId;
use crate::domain::words::UploadState;
use crate::rooms::api::{Recording, Upload};
use crate::rooms::registry::Rooms;
use crate::storage::Storage;

/// How often is looked for something to send.
const LOOK: Duration = Duration::from_secs(2);
/// The first pause after a failure; it doubles.
const FIRST_PAUSE: Duration = Duration::from_secs(5);
const LONGEST_PAUSE: Duration = Duration::from_secs(600);

/// Sends recordings, one at a time.
pub struct Uploads {
    rooms: Rooms,
    storage: Arc<Storage>,
    bucket: Bucket,
    keep_local: bool,
    /// When to try again, and how often it failed.
    tried: HashMap<OutputId, (Instant, u32)>,
}

impl Uploads {
    /// `None` where the operator named no bucket.
    ///
    /// # Errors
    /// In one line, when the settings can't be right.
    pub fn new(config: &Config, rooms: Rooms, storage: Arc<Storage>) -> Result<Option<Self>, String> {
        let Some(bucket) = Bucket::new(config)? else { return Ok(None) };
        Ok(Some(Self { rooms, storage, bucket, keep_local: config.upload_keep_local, tried: HashMap::new() }))
    }

    /// For as long as the server runs.
    pub async fn run(mut self) {
        loop {
            let finished = self.rooms.finished_recordings();
            for recording in finished.iter().filter(|recording| recording.upload.is_none()) {
                let notes = Notes::read(&self.storage.recording_folder(recording.id), recording);
                let state = if notes.done { UploadState::Done } else { UploadState::Pending };
                self.tell(recording, &notes, state, None);
            }
            for recording in self.rooms.finished_recordings() {
                let done = recording.upload.as_ref().is_some_and(|upload| upload.state == UploadState::Done);
                let due = self.tried.get(&recording.id).is_none_or(|(at, _)| *at <= Instant::now());
                if !done && due {
                    self.send(&recording).await;
                }
            }
            sleep(LOOK).await;
        }
    }

    async fn send(&mut self, recording: &Recording) {
        let folder = self.storage.recording_folder(recording.id);
        let mut notes = Notes::read(&folder, recording);
        let place = self.bucket.place(recording.id);
        let sent = if notes.done { Ok(()) } else { self.send_files(recording, &mut notes).await };
        match sent {
            Ok(()) => {
                self.tried.remove(&recording.id);
                notes.settle(&folder, self.keep_local);
                tracing::info!(recording = %recording.id, place, "a recording is uploaded");
                self.tell(recording, &notes, UploadState::Done, None);
            }
            Err(trouble) => {
                let (_, times) = self.tried.get(&recording.id).copied().unwrap_or((Instant::now(), 0));
                let pause = (FIRST_PAUSE * 2_u32.saturating_pow(times.min(10))).min(LONGEST_PAUSE);
                self.tried.insert(recording.id, (Instant::now() + pause, times + 1));
                let error = trouble.to_string();
                tracing::error!(recording = %recording.id, place, error, again_in = ?pause, "a recording is not uploaded");
                self.tell(recording, &notes, UploadState::Failed, Some(error));
            }
        }
    }

    async fn send_files(&self, recording: &Recording, notes: &mut Notes) -> Result<(), Trouble> {
        let folder = self.storage.recording_folder(recording.id);
        self.tell(recording, notes, UploadState::Uploading, None);
        for at in 0..notes.files.len() {
            while !notes.files[at].done {
                self.bucket.send_some(recording.id, &folder, &mut notes.files[at]).await?;
                notes.write(&folder)?;
                self.tell(recording, notes, UploadState::Uploading, None);
            }
        }
        Ok(())
    }

    fn tell(&self, recording: &Recording, notes: &Notes, state: UploadState, error: Option<String>) {
        let upload = Upload {
            state,
            sent: notes.sent(),
            total: notes.total(),
            location: self.bucket.place(recording.id),
            local: !notes.local_removed,
            error,
        };
        self.rooms.put_upload(recording.id, upload);
    }
}
