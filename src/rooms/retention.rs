//! Deletes recordings that the operator's policy lets go.

use std::time::{Duration, SystemTime};

use tokio::time::{MissedTickBehavior, interval};

use super::registry::Rooms;
use crate::domain::retention::{self, Kept, Policy};
use crate::domain::words::{RecordingState, UploadState};

const LOOK: Duration = Duration::from_secs(600);

/// For as long as the server runs. Where recordings are uploaded, those that are not yet stay.
pub(super) async fn keep(rooms: Rooms, policy: Policy, uploaded_first: bool) {
    let mut ticks = interval(LOOK);
    ticks.set_missed_tick_behavior(MissedTickBehavior::Delay);
    loop {
        ticks.tick().await;
        let now = SystemTime::now();
        let kept = rooms.all_recordings().into_iter().map(|recording| {
            let upload = recording.upload.as_ref();
            let ended = matches!(recording.state, RecordingState::Complete | RecordingState::Failed);
            let uploaded = upload.is_some_and(|upload| upload.state == UploadState::Done);
            let here = upload.is_none_or(|upload| upload.local);
            let bytes = recording.bytes + recording.tracks.iter().map(|track| track.bytes).sum::<u64>();
            Kept {
                id: recording.id,
                age: now.duration_since(recording.started_at).unwrap_or_default(),
                bytes: if here { bytes } else { 0 },
                may_go: ended && (uploaded || !uploaded_first || recording.state == RecordingState::Failed),
            }
        });
        for id in retention::due(policy, kept.collect()) {
            match rooms.delete_recording(id).await {
                Ok(()) => tracing::info!(recording = %id, "a recording is deleted: the retention's limit is reached"),
                Err(refusal) => tracing::warn!(recording = %id, %refusal, "a recording is not deleted"),
            }
        }
    }
}
