//! The whole vocabulary between the rooms and what carries their media: commands in, events out, nothing else.
//!
//! The room's actor sends [`MediaCommand`]s and hears [`MediaEvent`]s over two channels, so a test can play either end.

use std::sync::Arc;
use std::time::Duration;

use super::ids::{MediaKind, OutputId, ParticipantId, PeerId, Priority, SlotIndex, Source, TrackId};
use super::target::HlsWindow;

mod picture;

pub use picture::{More, Rect, Scene, Tile};

/// What a slot, or the mix, can be given to carry.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Feed {
    /// A participant's track, forwarded without decoding.
    Track(TrackId),
    /// The room's one composed picture.
    MixPicture(Rendition),
    /// The room's mixed sound.
    MixSound,
}

/// One encoding of the mix for viewers.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Rendition {
    /// The full picture in H.264, the same encoding that is recorded and streamed.
    Main,
    /// A small VP8 picture, 150 to 200 kbit/s with sound, that every client decodes.
    Low,
}

/// Which door a media session came through. It limits what the offer may hold.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum PeerKind {
    /// The page: microphone, camera, screen, screen sound and slots.
    Browser,
    /// A WHIP publisher: no slots.
    Whip,
    /// A WHEP viewer: one audio and one video slot.
    Whep,
}

/// One slot's new content.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Assignment {
    /// Which slot of the viewer.
    pub slot: SlotIndex,
    /// What it carries from now on; `None` empties it.
    pub feed: Option<Feed>,
    /// The height in pixels at which the viewer draws it: the smallest simulcast layer at least this high is sent.
    /// Ignored for sound.
    pub height: u16,
    /// Its rank among the viewer's slots where the line does not carry them all.
    pub priority: Priority,
}

/// What the room asks of its media.
#[derive(Debug, Clone, PartialEq)]
pub enum MediaCommand {
    /// Make a media session from this offer. Answered by `Answered` or `Refused`.
    Open {
        /// The new session's name.
        peer: PeerId,
        /// Whose it is (the CNAME of what it publishes).
        participant: ParticipantId,
        /// The door it came through.
        kind: PeerKind,
        /// The client's SDP, not looked at so far.
        offer: String,
    },
    /// End a media session. Nothing further is heard of it.
    Close {
        /// The session.
        peer: PeerId,
    },
    /// Fill or empty slots of a viewer. Slots not named stay as they are.
    Assign {
        /// The viewer's session.
        viewer: PeerId,
        /// The changes.
        slots: Vec<Assignment>,
    },
    /// Find out whether the viewer's line carries this much, though less is sent to it.
    Aim {
        /// The viewer's session.
        viewer: PeerId,
        /// bit/s; 0 ends it.
        bitrate: u32,
    },
    /// Drop (or stop dropping) a track where it enters: a mute by the host that no client can undo.
    Silence {
        /// The track.
        track: TrackId,
        /// True drops.
        silenced: bool,
    },
    /// What the mix shows and lets hear. Kept by the media side, drawn only while the mix is awake.
    Compose(Scene),
    /// Start a recording or a stream. Wakes the mix.
    Start {
        /// Its name.
        output: OutputId,
        /// What to make.
        job: OutputJob,
    },
    /// Keep each of these tracks, as its owner sends it, in a file of its own beside a recording. The list takes the
    /// place of the one before; nothing is kept of a recording for which none was ever given.
    KeepTracks {
        /// The recording.
        output: OutputId,
        /// All of them.
        tracks: Vec<OwnTrack>,
    },
    /// Leave out of a recording what comes from now on, or take it in again.
    Pause {
        /// The recording.
        output: OutputId,
        /// True pauses.
        paused: bool,
    },
    /// One picture of the mix as a JPEG. Wakes the mix for a moment. Answered by `Still`.
    Still(StillSize),
    /// End an output in order: the file is finished, the stream closed. Answered by `OutputEvent::Finished`.
    Stop {
        /// Which.
        output: OutputId,
    },
}

/// How large a still picture is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum StillSize {
    /// As the mix is.
    Full,
    /// 320x180, at most 5 kB: for the thinnest lines.
    Small,
}

/// What to make of the mix.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum OutputJob {
    /// A recording: written to `path` fragmented while it runs, then remuxed to fast start in place.
    Record {
        /// Where the finished file will be. While it runs the data is in `path` with `.partial` appended.
        path: std::path::PathBuf,
    },
    /// An HLS stream: segments and their playlist in this folder, relative to that of all of them.
    Hls {
        /// Named after the output.
        folder: std::path::PathBuf,
        /// How much stays.
        window: HlsWindow,
    },
    /// A stream to an RTMP, RTMPS or SRT server.
    Stream {
        /// The whole address with its key: never logged, never sent back.
        url: String,
    },
}

/// A track that is kept by itself.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct OwnTrack {
    /// Which.
    pub track: TrackId,
    /// Whose.
    pub participant: ParticipantId,
    /// Their name.
    pub name: String,
}

/// A file of one person's own media, beside a recording.
#[derive(Debug, Clone, PartialEq)]
pub struct RecordedTrack {
    /// Its name in the recording's folder.
    pub file: String,
    /// Whose.
    pub participant: ParticipantId,
    /// Their name.
    pub name: String,
    /// What it is.
    pub source: Source,
    /// `opus`, `vp8` or `h264`.
    pub codec: String,
    /// Seconds of the recording at which it begins.
    pub offset: f64,
    /// Its seconds.
    pub duration: f64,
    /// Its size.
    pub bytes: u64,
}

/// What happened to the room's media.
#[derive(Debug, Clone, PartialEq)]
pub enum MediaEvent {
    /// The session's answer is ready.
    Answered {
        /// The session.
        peer: PeerId,
        /// The SDP for the client, complete with candidates.
        sdp: String,
        /// Its slots in order: what the room can assign.
        slots: Vec<SlotInfo>,
        /// The sources the offer has a section for.
        sources: Vec<Source>,
    },
    /// The offer was refused; the session does not exist.
    Refused {
        /// The session.
        peer: PeerId,
        /// One sentence that names what is wrong with the offer.
        problem: String,
    },
    /// DTLS is up: media flows.
    Connected {
        /// The session.
        peer: PeerId,
    },
    /// The session ended by itself: its client went silent or its pipeline failed. It is already closed.
    Lost {
        /// The session.
        peer: PeerId,
        /// For the log.
        cause: String,
    },
    /// The first packets of a track arrived.
    TrackStarted {
        /// The track.
        track: TrackId,
    },
    /// What of a simulcast track can be of use to anybody.
    Watched {
        /// The track.
        track: TrackId,
        /// 0 to as many as it has, from the lowest up.
        layers: u8,
        /// The largest of them may have so few lines, where that is worth making it anew.
        height: Option<u16>,
    },
    /// What a viewer's line carries, when it changed; at most once a second.
    Line {
        /// The viewer's session.
        peer: PeerId,
        /// bit/s
        estimate: u32,
        /// bit/s that the lowest layers of everything in its slots need, and voices.
        needed: u32,
    },
    /// Who is heard: sent up to fifty times a second, only while somebody is.
    Levels(Vec<Level>),
    /// A picture of the mix; none where it could not be made.
    Still {
        /// Which.
        size: StillSize,
        /// The JPEG.
        jpeg: Option<Arc<[u8]>>,
    },
    /// Something about an output.
    Output {
        /// Which.
        output: OutputId,
        /// What.
        event: OutputEvent,
    },
}

/// A slot of a session as negotiated.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SlotInfo {
    /// The section's `a=mid`, by which the client knows it.
    pub mid: String,
    /// Audio or video.
    pub kind: MediaKind,
    /// Whether it can carry H.264, and with it [`Rendition::Main`].
    pub h264: bool,
}

/// The loudness of one microphone.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Level {
    /// Whose microphone.
    pub peer: PeerId,
    /// RFC 6464: 0 is the loudest, 127 silence, in -dBov. The smallest since the last report.
    pub level: u8,
}

/// What of a stream went out, all its tries together.
#[derive(Debug, Clone, Copy, PartialEq, Default)]
pub struct Sent {
    /// Bytes.
    pub bytes: u64,
    /// bit/s over the last seconds; 0 while it is not live.
    pub bitrate: u32,
    /// Frames left out because the server was slow.
    pub dropped: u64,
    /// Seconds of media: how long it has been live.
    pub seconds: f64,
}

/// What is made of the mix's picture.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Quality {
    /// Pictures a second.
    pub fps: u32,
    /// Pixels.
    pub width: u32,
    /// Pixels.
    pub height: u32,
    /// By the encoder's cheaper settings.
    pub cheaper: bool,
}

/// The life of an output, as told by what makes it.
#[derive(Debug, Clone, PartialEq)]
pub enum OutputEvent {
    /// The first fragment is written, or the server takes the stream.
    Live,
    /// The destination is away; another try follows by itself.
    Retrying {
        /// In plain words, without the key.
        error: String,
        /// Tries so far.
        retries: u32,
    },
    /// How far it is; about once a second.
    Progress {
        /// Bytes written or sent so far.
        bytes: u64,
        /// Seconds of media so far.
        duration: f64,
    },
    /// The machine cannot make all of the picture: this from now on; or all of it again.
    Pace(Quality),
    /// Where a recording stands: so long ago it was at this second of itself. Told when it begins and when it goes on
    /// after a pause.
    Placed {
        /// Before now.
        ago: Duration,
        /// Seconds of the recording.
        at: f64,
    },
    /// The files of people's own media: all of them, about once a second.
    Tracks(Vec<RecordedTrack>),
    /// A recording can't go on, and is being finished with what it has.
    Interrupted {
        /// In plain words.
        error: String,
    },
    /// How a stream does; about once a second while it is live.
    Sent(Sent),
    /// A recording is being finished (remuxed).
    Finishing,
    /// Ended in order. Of a recording: the finished file's size and length.
    Finished {
        /// Bytes of the file, or sent.
        bytes: u64,
        /// Seconds of media.
        duration: f64,
    },
    /// Given up. What was written stays where it is.
    Failed {
        /// In plain words.
        error: String,
    },
}
