//! What is kept across restarts, and by whom.

use std::time::SystemTime;

use super::Recording;
use crate::domain::error::{Reason, Refusal};
use crate::domain::ids::{OutputId, RoomId};
use crate::domain::timeline::PersonTimes;
use crate::domain::words::{Activity, Layout, Rules};

/// A room's settings and secrets: what is kept across restarts.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RoomRecord {
    /// Its id.
    pub id: RoomId,
    /// Its name.
    pub name: String,
    /// Its theme.
    pub activity: Activity,
    /// The present invitation's code: 128 random bits, base64url without padding (22 characters).
    pub invitation: String,
    /// Codes that were replaced: they answer 410.
    pub old_invitations: Vec<String>,
    /// The host token: 128 random bits, base64url without padding. Kept because `host_url` cannot be made again without it.
    pub host_token: String,
    /// 2 to 50.
    pub max_participants: u32,
    /// Nobody new comes in.
    pub locked: bool,
    /// Hosts let people in one by one.
    pub lobby: bool,
    /// The layout of the mix.
    pub layout: Layout,
    /// What guests may do.
    pub rules: Rules,
    /// When it was made.
    pub created_at: SystemTime,
}

/// Who was there, spoke and shared a screen, in a recording's seconds: the other JSON beside the file.
#[derive(Debug, Clone, PartialEq)]
pub struct RecordingTimeline {
    /// Of which.
    pub recording: OutputId,
    /// Seconds of media so far.
    pub duration: f64,
    /// In order of arrival.
    pub people: Vec<PersonTimes>,
}

/// Where rooms and manifests are kept: `storage` fills it, tests use one in memory. Calls may block briefly (SQLite, one
/// small file); the actors call them through `spawn_blocking`.
pub trait Store: Send + Sync + 'static {
    /// Every room that was kept.
    fn rooms(&self) -> Result<Vec<RoomRecord>, StoreError>;
    /// Keep this, or what it has become.
    fn save_room(&self, room: &RoomRecord) -> Result<(), StoreError>;
    /// Forget a room; its invitations answer 410 from then on (`Store::ended`).
    fn end_room(&self, room: &RoomRecord) -> Result<(), StoreError>;
    /// Whether this invitation or this id belonged to a room that ended.
    fn ended(&self, invitation_or_id: &str) -> Result<bool, StoreError>;
    /// The file a new recording becomes: `DATA/recordings/{id}/{name}.mp4`, its folder made.
    fn recording_path(&self, recording: &Recording) -> Result<std::path::PathBuf, StoreError>;
    /// Write the manifest (to a temporary name, then renamed).
    fn save_recording(&self, recording: &Recording) -> Result<(), StoreError>;
    /// Every manifest there is.
    fn recordings(&self) -> Result<Vec<Recording>, StoreError>;
    /// Write who was there, beside the manifest.
    fn save_timeline(&self, timeline: &RecordingTimeline) -> Result<(), StoreError> {
        let _ = timeline;
        Ok(())
    }
    /// Bytes that may still be written where recordings go; `None` where nobody knows.
    fn free_space(&self) -> Option<u64> {
        None
    }
    /// Delete a recording's folder.
    fn delete_recording(&self, recording: OutputId) -> Result<(), StoreError>;
}

/// The store failed: full, read-only, damaged.
#[derive(Debug, Clone, thiserror::Error)]
#[error("{0}")]
pub struct StoreError(pub String);

impl From<StoreError> for Refusal {
    fn from(error: StoreError) -> Self {
        Refusal::new(Reason::Unavailable, format!("the data folder can't be written: {error}"))
    }
}
