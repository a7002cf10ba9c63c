//! What a room wants kept, in order and one at a time, off the room's own task. What has not begun yet is replaced by
//! what came later, so the queue cannot grow.

use std::collections::VecDeque;
use std::path::PathBuf;
use std::sync::Arc;

use tokio::sync::oneshot;
use tokio::task::JoinHandle;

use super::api::{Outcome, Recording, RecordingTimeline, RoomRecord, Store, StoreError};
use crate::domain::error::Refusal;
use crate::domain::ids::OutputId;

/// One thing to do.
pub(super) enum Job {
    /// Keep the settings.
    SaveRoom(RoomRecord),
    /// Forget the room.
    EndRoom(RoomRecord),
    /// Where to write.
    Prepare(Recording),
    /// Write the manifest.
    SaveRecording(Recording),
    /// Write who was there.
    SaveTimeline(RecordingTimeline),
    /// Delete its folder, and say so.
    DeleteRecording(OutputId, oneshot::Sender<Result<Outcome, Refusal>>),
}

/// What came of it.
pub(super) enum Done {
    /// Nothing anybody waits for; failures are logged.
    Kept,
    /// The room is forgotten.
    RoomEnded,
    /// Where to write, or why not.
    Prepared(OutputId, Result<PathBuf, String>),
    /// Deleted, or not.
    Deleted(OutputId, Result<(), StoreError>, oneshot::Sender<Result<Outcome, Refusal>>),
}

/// The queue of one room.
pub(super) struct StoreQueue {
    store: Arc<dyn Store>,
    waiting: VecDeque<Job>,
    running: Option<JoinHandle<Done>>,
}

impl StoreQueue {
    pub(super) fn new(store: Arc<dyn Store>) -> Self {
        Self { store, waiting: VecDeque::new(), running: None }
    }

    /// Queues a job.
    pub(super) fn push(&mut self, job: Job) {
        self.waiting.retain(|waiting| !replaces(&job, waiting));
        self.waiting.push_back(job);
    }

    /// Nothing waits and nothing runs.
    pub(super) fn is_idle(&self) -> bool {
        self.waiting.is_empty() && self.running.is_none()
    }

    /// The next result. Pending while there is nothing to do. Safe to cancel.
    pub(super) async fn next(&mut self) -> Done {
        if self.running.is_none() {
            let Some(job) = self.waiting.pop_front() else { return std::future::pending().await };
            let store = Arc::clone(&self.store);
            self.running = Some(tokio::task::spawn_blocking(move || job.run(&*store)));
        }
        let Some(running) = &mut self.running else { return std::future::pending().await };
        let done = running.await;
        self.running = None;
        done.unwrap_or_else(|error| {
            tracing::error!(%error, "the store failed");
            Done::Kept
        })
    }
}

fn replaces(new: &Job, old: &Job) -> bool {
    match (new, old) {
        (Job::SaveRoom(_), Job::SaveRoom(_)) => true,
        (Job::SaveRecording(new), Job::SaveRecording(old)) => new.id == old.id,
        (Job::SaveTimeline(new), Job::SaveTimeline(old)) => new.recording == old.recording,
        (Job::DeleteRecording(id, _), Job::SaveRecording(old)) => *id == old.id,
        (Job::DeleteRecording(id, _), Job::SaveTimeline(old)) => *id == old.recording,
        _ => false,
    }
}

impl Job {
    fn run(self, store: &dyn Store) -> Done {
        match self {
            Job::SaveRoom(record) => kept(store.save_room(&record), "a room's settings"),
            Job::EndRoom(record) => {
                kept(store.end_room(&record), "the end of a room");
                Done::RoomEnded
            }
            Job::Prepare(recording) => {
                let path = store.recording_path(&recording).map_err(|error| error.to_string());
                Done::Prepared(recording.id, path)
            }
            Job::SaveRecording(recording) => kept(store.save_recording(&recording), "a recording's manifest"),
            Job::SaveTimeline(timeline) => kept(store.save_timeline(&timeline), "a recording's timeline"),
            Job::DeleteRecording(id, reply) => Done::Deleted(id, store.delete_recording(id), reply),
        }
    }
}

fn kept(result: Result<(), StoreError>, what: &str) -> Done {
    if let Err(error) = result {
        tracing::error!(%error, "{what} could not be written");
    }
    Done::Kept
}
