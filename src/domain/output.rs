//! One recording or one stream: how far it is. States only move forward; what comes late changes nothing.

use std::path::{Path, PathBuf};
use std::time::Duration;

use super::canvas::Canvas;
use super::ids::OutputId;
use super::media::{OutputEvent, Sent};
use super::words::{Layout, RecordingState, StreamState};

use super::target::HlsWindow;
pub use super::target::StreamUrl;

/// A recording of the mix.
#[derive(Debug, Clone, PartialEq)]
pub struct Recording {
    /// Its id.
    pub id: OutputId,
    /// The room's name when it began.
    pub room_name: String,
    /// The layout when it began.
    pub layout: Layout,
    /// Its size and rate.
    pub canvas: Canvas,
    /// When it was asked for.
    pub started_at: Duration,
    /// How far.
    pub state: RecordingState,
    /// Seconds of media.
    pub duration: f64,
    /// Bytes of the file.
    pub bytes: u64,
    /// What went wrong.
    pub error: Option<String>,
    /// Where its file will be, once the store has said so.
    pub path: Option<PathBuf>,
    /// Stop as soon as it has begun: it was stopped before the store said where to write.
    pub stop_asked: bool,
}

impl Recording {
    /// A recording that was just asked for.
    pub fn new(id: OutputId, room_name: String, layout: Layout, canvas: Canvas, started_at: Duration) -> Self {
        let state = RecordingState::Starting;
        let (path, error, stop_asked) = (None, None, false);
        Self { id, room_name, layout, canvas, started_at, state, duration: 0.0, bytes: 0, error, path, stop_asked }
    }

    /// Whether it still takes media, or is being finished.
    pub fn runs(&self) -> bool {
        !matches!(self.state, RecordingState::Complete | RecordingState::Failed)
    }

    /// The finished file's name.
    pub fn file(&self) -> Option<&Path> {
        if self.state != RecordingState::Complete {
            return None;
        }
        self.path.as_deref().and_then(Path::file_name).map(Path::new)
    }

    /// Takes in what the media side tells. True when the state changed.
    pub fn on(&mut self, event: OutputEvent) -> bool {
        if !self.runs() {
            return false;
        }
        let before = self.state;
        match event {
            OutputEvent::Live if self.state == RecordingState::Starting => self.state = RecordingState::Live,
            OutputEvent::Live | OutputEvent::Retrying { .. } | OutputEvent::Sent(_) => {}
            OutputEvent::Progress { bytes, duration } => (self.bytes, self.duration) = (bytes, duration),
            OutputEvent::Finishing => self.state = RecordingState::Finishing,
            OutputEvent::Finished { bytes, duration } => {
                (self.bytes, self.duration) = (bytes, duration);
                self.state = RecordingState::Complete;
            }
            OutputEvent::Failed { error } => self.fail(error),
        }
        before != self.state
    }

    /// Ends it by an error.
    pub fn fail(&mut self, error: String) {
        self.state = RecordingState::Failed;
        self.error = Some(error);
    }
}

/// A stream of the mix to somebody's server.
#[derive(Debug, Clone, PartialEq)]
pub struct Stream {
    /// Its id.
    pub id: OutputId,
    /// The address without its key.
    pub url: String,
    /// Scheme and host alone: what guests may see.
    pub host: String,
    /// When it was asked for.
    pub started_at: Duration,
    /// How it does.
    pub state: StreamState,
    /// Tries after the first.
    pub retries: u32,
    /// What went wrong last.
    pub error: Option<String>,
    sent: Sent,
    /// It goes to players that come for it (HLS), in this manner.
    pub hls: Option<HlsWindow>,
}

impl Stream {
    /// A stream that was just asked for.
    pub fn new(id: OutputId, url: &StreamUrl, started_at: Duration) -> Self {
        let (url, host) = (url.without_key(), url.host());
        let (state, sent) = (StreamState::Connecting, Sent::default());
        Self { id, url, host, started_at, state, retries: 0, error: None, sent, hls: None }
    }

    /// One that players come for.
    pub fn hls(id: OutputId, window: HlsWindow, started_at: Duration) -> Self {
        let url = window.address().to_owned();
        let (state, sent, hls) = (StreamState::Connecting, Sent::default(), Some(window));
        Self { id, host: url.clone(), url, started_at, state, retries: 0, error: None, sent, hls }
    }

    /// Whether it still takes media, or tries to.
    pub fn runs(&self) -> bool {
        !matches!(self.state, StreamState::Ended | StreamState::Failed)
    }

    /// What went out; nothing goes while it is not live.
    pub fn sent(&self) -> Sent {
        Sent { bitrate: if self.state == StreamState::Live { self.sent.bitrate } else { 0 }, ..self.sent }
    }

    /// Takes in what the media side tells. True when something changed that people see.
    pub fn on(&mut self, event: OutputEvent) -> bool {
        if !self.runs() {
            return false;
        }
        let before = (self.state, self.retries);
        match event {
            OutputEvent::Live => (self.state, self.error) = (StreamState::Live, None),
            OutputEvent::Retrying { error, retries } => {
                (self.state, self.error, self.retries) = (StreamState::Retrying, Some(error), retries);
            }
            OutputEvent::Sent(sent) => self.sent = sent,
            OutputEvent::Progress { .. } | OutputEvent::Finishing => {}
            OutputEvent::Finished { .. } => self.state = StreamState::Ended,
            OutputEvent::Failed { error } => (self.state, self.error) = (StreamState::Failed, Some(error)),
        }
        before != (self.state, self.retries)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_recording_only_moves_forward() {
        let mut recording = Recording::new(OutputId(1), "Room".into(), Layout::Grid, Canvas::default(), Duration::ZERO);
        assert!(recording.on(OutputEvent::Live));
        assert!(!recording.on(OutputEvent::Progress { bytes: 10, duration: 1.0 }));
        assert!(recording.on(OutputEvent::Finishing));
        assert!(!recording.on(OutputEvent::Live));
        assert_eq!(recording.file(), None);
        recording.path = Some("/data/o1/Room.mp4".into());
        assert!(recording.on(OutputEvent::Finished { bytes: 20, duration: 2.0 }));
        assert_eq!(recording.file(), Some(Path::new("Room.mp4")));
        assert!(!recording.on(OutputEvent::Failed { error: "late".into() }));
        assert_eq!((recording.state, recording.bytes, recording.error), (RecordingState::Complete, 20, None));
    }

    #[test]
    fn a_stream_comes_back_until_it_is_ended() {
        let url = StreamUrl::parse("rtmp://a.example/app/key").unwrap();
        let mut stream = Stream::new(OutputId(1), &url, Duration::ZERO);
        assert!(stream.on(OutputEvent::Live));
        assert!(stream.on(OutputEvent::Retrying { error: "away".into(), retries: 1 }));
        assert!(stream.on(OutputEvent::Retrying { error: "away".into(), retries: 2 }));
        assert!(stream.on(OutputEvent::Live));
        assert_eq!((stream.retries, stream.error.as_deref()), (2, None));
        assert!(stream.on(OutputEvent::Finished { bytes: 0, duration: 0.0 }));
        assert!(!stream.on(OutputEvent::Live));
        assert_eq!(stream.state, StreamState::Ended);
    }
}
