//! What the registry and the rooms' actors share: the index of all that runs, and where names come from.

use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, OnceLock, PoisonError};

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;

use super::OpenMedia;
use crate::domain::canvas::Canvas;
use crate::domain::ids::{OutputId, PeerId, RoomId};
use crate::domain::target::Targets;
use crate::domain::words::RecordingState;
use crate::rooms::api::{Recording, RoomRecord, Store, Stream, Upload};
use crate::rooms::handle::RoomHandle;

/// What the registry and the actors share.
pub(in crate::rooms) struct Shared {
    pub(in crate::rooms) store: Arc<dyn Store>,
    pub(in crate::rooms) open_media: OpenMedia,
    pub(in crate::rooms) base_url: String,
    pub(super) canvas: OnceLock<Canvas>,
    pub(super) targets: OnceLock<Targets>,
    /// The running actors.
    pub(in crate::rooms) actors: TaskTracker,
    /// The server stops.
    pub(in crate::rooms) stop: CancellationToken,
    pub(super) last_peer: AtomicU64,
    /// Held for look-ups only, never across an await.
    pub(super) index: Mutex<Index>,
}

#[derive(Default)]
pub(super) struct Index {
    pub(super) rooms: HashMap<RoomId, RoomHandle>,
    pub(super) invitations: HashMap<String, RoomId>,
    pub(super) old_invitations: HashMap<String, RoomId>,
    pub(super) recordings: BTreeMap<OutputId, Recording>,
    pub(super) streams: HashMap<RoomId, Vec<Stream>>,
    pub(super) uploads: HashMap<OutputId, Upload>,
}

impl Index {
    pub(super) fn with_upload(&self, recording: &Recording) -> Recording {
        Recording { upload: self.uploads.get(&recording.id).cloned(), ..recording.clone() }
    }
}

/// What the actors need of the index.
impl Shared {
    pub(in crate::rooms) fn canvas(&self) -> Canvas {
        self.canvas.get().copied().unwrap_or_default()
    }

    pub(in crate::rooms) fn targets(&self) -> Targets {
        self.targets.get().copied().unwrap_or_default()
    }

    pub(super) fn index(&self) -> MutexGuard<'_, Index> {
        self.index.lock().unwrap_or_else(PoisonError::into_inner)
    }

    pub(in crate::rooms) fn recordings_of(&self, room: RoomId) -> Vec<Recording> {
        let index = self.index();
        let of_room = index.recordings.values().filter(|recording| recording.room == room);
        let mut recordings: Vec<_> = of_room.map(|recording| index.with_upload(recording)).collect();
        recordings.sort_by_key(|recording| recording.started_at);
        recordings
    }

    /// The rooms that record now, and how much all of them wrote.
    pub(in crate::rooms) fn recording_now(&self) -> (Vec<RoomHandle>, u64) {
        let index = self.index();
        let is_running =
            |state| matches!(state, RecordingState::Starting | RecordingState::Live | RecordingState::Paused);
        let running: Vec<_> = index.recordings.values().filter(|recording| is_running(recording.state)).collect();
        let bytes = |one: &&Recording| one.bytes + one.tracks.iter().map(|track| track.bytes).sum::<u64>();
        let written = running.iter().map(bytes).sum();
        let rooms: BTreeSet<RoomId> = running.iter().map(|recording| recording.room).collect();
        (rooms.iter().filter_map(|room| index.rooms.get(room).cloned()).collect(), written)
    }

    pub(in crate::rooms) fn recording(&self, id: OutputId) -> Option<Recording> {
        let index = self.index();
        index.recordings.get(&id).map(|recording| index.with_upload(recording))
    }

    pub(in crate::rooms) fn put_recording(&self, recording: Recording) {
        self.index().recordings.insert(recording.id, recording);
    }

    pub(in crate::rooms) fn forget_recording(&self, id: OutputId) {
        let mut index = self.index();
        index.recordings.remove(&id);
        index.uploads.remove(&id);
    }

    pub(in crate::rooms) fn put_streams(&self, room: RoomId, streams: Vec<Stream>) {
        self.index().streams.insert(room, streams);
    }

    pub(in crate::rooms) fn renew_invitation(&self, room: RoomId, old: String, new: String) {
        let mut index = self.index();
        index.invitations.remove(&old);
        index.old_invitations.insert(old, room);
        index.invitations.insert(new, room);
    }

    /// The room has ended; the store answers for it from now on.
    pub(in crate::rooms) fn forget_room(&self, record: &RoomRecord) {
        let mut index = self.index();
        index.rooms.remove(&record.id);
        index.streams.remove(&record.id);
        index.invitations.remove(&record.invitation);
        for code in &record.old_invitations {
            index.old_invitations.remove(code);
        }
    }

    /// A name for a media session, never used before in this process.
    pub(in crate::rooms) fn next_peer(&self) -> PeerId {
        PeerId(self.last_peer.fetch_add(1, Ordering::Relaxed) + 1)
    }

    /// An id for a recording or a stream, unique across restarts.
    pub(in crate::rooms) fn random_output(&self) -> OutputId {
        OutputId(self.random_number())
    }

    pub(in crate::rooms) fn random_number(&self) -> u64 {
        u64::from_ne_bytes(random())
    }

    /// 128 random bits in 22 characters that an address can hold.
    pub(in crate::rooms) fn random_code(&self) -> String {
        URL_SAFE_NO_PAD.encode(random::<16>())
    }
}

fn random<const N: usize>() -> [u8; N] {
    let mut bytes = [0; N];
    getrandom::fill(&mut bytes).expect("a system without randomness cannot keep a room private");
    bytes
}
