//! One recording or one stream: how far it is. States only move forward; what comes late changes nothing.

use std::path::{Path, PathBuf};
use std::time::Duration;

use super::canvas::Canvas;
use super::ids::OutputId;
use super::media::{OutputEvent, OwnTrack, Quality, RecordedTrack, Sent};
use super::target::HlsWindow;
pub use super::target::StreamUrl;
use super::timeline::Timeline;
use super::words::{Encoder, Layout, Pace, RecordingState, StreamState};

/// Changes of pace that are kept; a bound.
const MOST_PACES: usize = 1000;

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
    /// When its first frame was composed.
    pub first_frame: Option<Duration>,
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
    /// Each person's own media is kept as well.
    pub own_media: bool,
    /// What of it was asked for last.
    pub following: Vec<OwnTrack>,
    /// The files of it.
    pub tracks: Vec<RecordedTrack>,
    /// Who was there, and when.
    pub timeline: Timeline,
    /// Where the machine could not make all pictures.
    pub pace: Vec<Pace>,
}

impl Recording {
    /// A recording that was just asked for.
    pub fn new(id: OutputId, room_name: String, layout: Layout, canvas: Canvas, started_at: Duration) -> Self {
        let state = RecordingState::Starting;
        Self {
            id,
            room_name,
            layout,
            canvas,
            started_at,
            first_frame: None,
            state,
            duration: 0.0,
            bytes: 0,
            error: None,
            path: None,
            stop_asked: false,
            own_media: false,
            following: Vec::new(),
            tracks: Vec::new(),
            timeline: Timeline::default(),
            pace: Vec::new(),
        }
    }

    /// Whether it still takes media, or is being finished.
    pub fn runs(&self) -> bool {
        !matches!(self.state, RecordingState::Complete | RecordingState::Failed)
    }

    /// Whether it takes, or will take, what the mix makes.
    pub fn takes_media(&self) -> bool {
        matches!(self.state, RecordingState::Starting | RecordingState::Live | RecordingState::Paused)
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
        let (tracks, paces) = (self.tracks.len(), self.pace.len());
        match event {
            OutputEvent::Live if self.state == RecordingState::Starting => self.state = RecordingState::Live,
            OutputEvent::Live | OutputEvent::Retrying { .. } | OutputEvent::Placed { .. } | OutputEvent::Sent(_) => {}
            OutputEvent::Pace(quality) => self.pace(quality),
            OutputEvent::Tracks(tracks) => self.tracks = tracks,
            OutputEvent::Interrupted { error } => {
                self.state = RecordingState::Finishing;
                self.error = Some(error);
            }
            OutputEvent::Progress { bytes, duration } => (self.bytes, self.duration) = (bytes, duration),
            OutputEvent::Finishing => self.state = RecordingState::Finishing,
            OutputEvent::Finished { bytes, duration } => {
                (self.bytes, self.duration) = (bytes, duration);
                self.state = RecordingState::Complete;
            }
            OutputEvent::Failed { error } => self.fail(error),
        }
        before != self.state || tracks != self.tracks.len() || paces != self.pace.len()
    }

    fn pace(&mut self, quality: Quality) {
        let Quality { fps, width, height, cheaper } = quality;
        let encoder = Some(if cheaper { Encoder::Cheaper } else { Encoder::Usual });
        if self.pace.len() < MOST_PACES {
            self.pace.push(Pace { at: self.duration, fps, width: Some(width), height: Some(height), encoder });
        }
    }

    /// Pictures a second, while they are fewer than asked for.
    pub fn slower(&self) -> Option<u32> {
        self.pace.last().map(|pace| pace.fps).filter(|fps| *fps < self.canvas.fps)
    }

    /// The picture's height, while it is smaller than asked for.
    pub fn smaller(&self) -> Option<u32> {
        self.pace.last().and_then(|pace| pace.height).filter(|height| *height < self.canvas.height)
    }

    /// Whether the picture is encoded by cheaper settings than usual.
    pub fn is_cheaper(&self) -> bool {
        self.pace.last().is_some_and(|pace| pace.encoder == Some(Encoder::Cheaper))
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
            OutputEvent::Progress { .. }
            | OutputEvent::Finishing
            | OutputEvent::Pace(_)
            | OutputEvent::Placed { .. }
            | OutputEvent::Tracks(_)
            | OutputEvent::Interrupted { .. } => {}
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
    fn what_was_made_of_the_picture_is_noted_where_it_changed() {
        let mut recording = Recording::new(OutputId(1), "Room".into(), Layout::Grid, Canvas::default(), Duration::ZERO);
        let quality = |fps, height, cheaper| Quality { fps, width: height * 16 / 9, height, cheaper };
        let told = |recording: &Recording| (recording.slower(), recording.smaller(), recording.is_cheaper());
        assert_eq!(told(&recording), (None, None, false));
        recording.on(OutputEvent::Progress { bytes: 1, duration: 7.5 });
        assert!(recording.on(OutputEvent::Pace(quality(10, 720, false))));
        assert_eq!(told(&recording), (Some(10), None, false));
        recording.on(OutputEvent::Pace(quality(10, 360, true)));
        assert_eq!(told(&recording), (Some(10), Some(360), true));
        recording.on(OutputEvent::Pace(quality(30, 720, false)));
        assert_eq!(told(&recording), (None, None, false));
        let (at, last) = (recording.pace[0].at, recording.pace[1]);
        assert_eq!((at, last.width, last.height, last.encoder), (7.5, Some(640), Some(360), Some(Encoder::Cheaper)));
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
