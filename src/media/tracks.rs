//! Each person's own media beside a recording: what they send, taken out of its packets and put into Matroska as it is.
//! One file per track, each in a pipeline of its own. Nothing here exists unless a recording asked for it.
//!
//! Times are the recording's: a file's offset is where its first frame belongs in the MP4, and pauses are cut out of both.

mod file;

use std::collections::HashMap;
use std::path::PathBuf;
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

use self::file::TrackFile;
use super::links::Links;
use super::mixer::lipsync::Group;
use super::pipeline::Time;
use super::window::Window;
use crate::domain::ids::{PeerId, TrackId};
use crate::domain::media::{OwnTrack, RecordedTrack};

/// Somebody who comes and goes all day must not fill the folder.
const MOST_FILES: usize = 1000;
/// How often is told how far they are.
const TELL: Duration = Duration::from_secs(1);
/// How long the last packets may take to be written.
const LAST_PACKETS: Duration = Duration::from_secs(3);

/// What the files of one recording stand on.
pub(crate) struct Joint {
    pub(crate) links: Arc<dyn Links>,
    pub(crate) time: Time,
    pub(crate) window: Arc<Window>,
    pub(crate) folder: PathBuf,
}

/// All files of one recording.
#[derive(Default)]
pub(crate) struct OwnMedia {
    running: HashMap<TrackId, TrackFile>,
    /// Being written to their end.
    ending: Vec<TrackFile>,
    done: Vec<RecordedTrack>,
    groups: HashMap<PeerId, Arc<Mutex<Group>>>,
    begun: usize,
    told: Option<Instant>,
}

impl OwnMedia {
    /// Keeps these tracks from now on and no others. A track that can't be kept is logged, and nothing else happens.
    pub(crate) fn follow(&mut self, joint: &Joint, tracks: &[OwnTrack]) {
        let wanted = |track: &TrackId| tracks.iter().any(|own| own.track == *track);
        let gone: Vec<TrackId> = self.running.keys().filter(|track| !wanted(track)).copied().collect();
        for file in gone.iter().filter_map(|track| self.running.remove(track)) {
            file.end();
            self.ending.push(file);
        }
        self.groups.retain(|peer, _| tracks.iter().any(|own| own.track.peer == *peer));
        for own in tracks {
            if !self.running.contains_key(&own.track) && self.begun < MOST_FILES {
                self.begin(joint, own);
            }
        }
        self.told.get_or_insert_with(Instant::now);
    }

    fn begin(&mut self, joint: &Joint, own: &OwnTrack) {
        self.begun += 1;
        let group = self.groups.entry(own.track.peer).or_default().clone();
        match TrackFile::open(joint, own, self.begun, group) {
            Ok(Some(file)) => drop(self.running.insert(own.track, file)),
            Ok(None) => {}
            Err(problem) => tracing::warn!(peer = %own.track.peer, %problem, "a track is not kept by itself"),
        }
    }

    /// No more media: what is on its way is still written.
    pub(crate) fn end(&mut self) {
        for (_, file) in self.running.drain() {
            file.end();
            self.ending.push(file);
        }
    }

    /// All files, when it is time to tell of them.
    pub(crate) fn tick(&mut self) -> Option<Vec<RecordedTrack>> {
        // What came before the recording's first frame is of no use, so the first key frame may have to be asked for again.
        self.running.values().for_each(TrackFile::want_key_frame);
        if self.told?.elapsed() < TELL {
            return None;
        }
        self.told = Some(Instant::now());
        for file in self.ending.extract_if(.., |file| file.is_written()) {
            self.done.extend(file.close());
        }
        Some(self.files())
    }

    fn files(&self) -> Vec<RecordedTrack> {
        let open = self.running.values().chain(&self.ending).filter_map(TrackFile::told);
        let mut files: Vec<_> = open.chain(self.done.iter().cloned()).collect();
        files.sort_by(|a, b| a.offset.total_cmp(&b.offset).then_with(|| a.file.cmp(&b.file)));
        files
    }

    /// Waits for the last packets, 3 s at most. `None`: there never was anything to keep.
    pub(crate) fn finish(&mut self) -> Option<Vec<RecordedTrack>> {
        self.told?;
        self.end();
        let limit = Instant::now() + LAST_PACKETS;
        for file in self.ending.drain(..) {
            file.wait_until(limit);
            self.done.extend(file.close());
        }
        Some(self.files())
    }
}
