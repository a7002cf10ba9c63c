//! What the server sends over a browser's WebSocket: one JSON object a text frame, told apart by `type`.

use serde::Serialize;

use crate::domain::disk::Disk;
use crate::domain::words::{
    Activity, Layout, MediaState, ParticipantKind, Reaction, RecordingState, Role, Rules, StreamState, TrackSource,
    ViewMode,
};

/// Everything the server can say.
#[derive(Debug, Clone, PartialEq, Serialize)]
#[serde(tag = "type", rename_all = "snake_case")]
#[cfg_attr(test, derive(ts_rs::TS), ts(export_to = "server.ts", optional_fields))]
pub enum ServerMessage {
    /// You wait until a host lets you in.
    Waiting {},
    /// You are in. After `join`, or after a host admitted you.
    Welcome {
        /// The version the server speaks.
        protocol: u32,
        /// Your id.
        you: String,
        /// What you may do.
        role: Role,
        /// Give this in `join` to take your place again.
        resume: String,
        /// The room.
        room: RoomView,
        /// Everybody, you included, in order of arrival.
        participants: Vec<ParticipantView>,
        /// For the `RTCPeerConnection`: TURN with time-limited credentials, where the operator has one.
        ice_servers: Vec<IceServer>,
        /// How many `recvonly` sections an offer may hold.
        slots: SlotLimits,
    },
    /// The answer to `offer`.
    Answer {
        /// The SDP, complete with candidates.
        sdp: String,
    },
    /// The session broke: make a new `RTCPeerConnection` and offer again. A refused offer is an `error` instead.
    MediaLost {
        /// Why, in plain words.
        reason: String,
    },
    /// What nobody takes of your simulcast: send no more than this many layers, from the lowest up, and the largest of them no
    /// larger than it is looked at. Each new session begins with all.
    Layers {
        /// Whose.
        source: TrackSource,
        /// At least 1.
        layers: u8,
        /// Lines that are enough for the largest of them; all it has, where there is none.
        #[serde(skip_serializing_if = "Option::is_none")]
        height: Option<u16>,
    },
    /// What each of your slots shows now; slots not named did not change. After an `answer` all are empty.
    Slots {
        /// The changes.
        slots: Vec<SlotView>,
    },
    /// Somebody came in.
    ParticipantJoined {
        /// Who.
        participant: ParticipantView,
    },
    /// Something about somebody changed.
    ParticipantChanged {
        /// All about them, as it is now.
        participant: ParticipantView,
    },
    /// Somebody is gone.
    ParticipantLeft {
        /// Who.
        participant: String,
    },
    /// Who is heard now, loudest first.
    Speaking {
        /// Their ids.
        participants: Vec<String>,
    },
    /// The room changed, its recordings and streams included.
    RoomChanged {
        /// All of it, as it is now.
        room: RoomView,
    },
    /// To hosts: who waits to be let in.
    WaitingChanged {
        /// Everybody who waits, longest first.
        waiting: Vec<WaitingView>,
    },
    /// To hosts: the new invitation, or the present one after `welcome`.
    Invitation {
        /// The code.
        invitation: String,
        /// The link to share.
        url: String,
    },
    /// A host muted you: your microphone is off for everybody until you unmute yourself.
    Muted {},
    /// To those who are sent sound alone because of their line: the room now, every ten seconds.
    Still {
        /// A JPEG of at most 5 kB, base64.
        jpeg: String,
    },
    /// To hosts: how much of a stream went out; about once a second while it is live.
    StreamSent {
        /// Which.
        stream: String,
        /// Bytes.
        #[cfg_attr(test, ts(type = "number"))]
        bytes: u64,
        /// bit/s over the last seconds.
        bitrate: u32,
        /// Frames left out because the server was slow.
        #[cfg_attr(test, ts(type = "number"))]
        dropped: u64,
        /// Seconds it has been live.
        duration: f64,
    },
    /// A host asks you to unmute.
    UnmuteAsked {},
    /// What you shared is no longer shown: a host ended it, or guests may not share here. Stop capturing.
    ShareStopped {},
    /// What was written: after `welcome` all that is kept, then each line as it comes.
    Chat {
        /// Oldest first.
        lines: Vec<ChatLine>,
    },
    /// Somebody reacted.
    Reacted {
        /// Who.
        participant: String,
        /// With what.
        reaction: Reaction,
    },
    /// A request was carried out.
    Done {
        /// Its number.
        request: u32,
    },
    /// A request was refused. The socket stays open unless `closing` follows.
    Error {
        /// A stable word of `docs/protocol.md`.
        code: String,
        /// One sentence a person can act on.
        message: String,
        /// The request's number, where it had one.
        #[serde(skip_serializing_if = "Option::is_none")]
        request: Option<u32>,
    },
    /// The last message before the socket is closed.
    Closing {
        /// `left`, `removed`, `flooded`, `ended`, `replaced`, `refused`, `shutdown`, `slow`, or an error's code.
        code: String,
        /// One sentence.
        message: String,
    },
}

/// A room as its members see it.
#[derive(Debug, Clone, PartialEq, Serialize)]
#[cfg_attr(test, derive(ts_rs::TS), ts(export_to = "server.ts", optional_fields))]
pub struct RoomView {
    /// Its id.
    pub id: String,
    /// Its name.
    pub name: String,
    /// Its theme.
    pub activity: Activity,
    /// Nobody new comes in.
    pub locked: bool,
    /// Hosts let people in one by one.
    pub lobby: bool,
    /// The layout of the mix.
    pub layout: Layout,
    /// What guests may do.
    pub rules: Rules,
    /// What recordings and streams are being made in; none while there are none.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub picture: Option<PictureView>,
    /// For hosts: the disk that is recorded to is nearly full.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub disk: Option<DiskView>,
    /// How many it holds.
    pub max_participants: u32,
    /// Recordings that run or are being finished, and those that ended since the room was opened.
    pub recordings: Vec<RecordingView>,
    /// Streams, ended ones included.
    pub streams: Vec<StreamView>,
}

/// The mix's picture.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[cfg_attr(test, derive(ts_rs::TS), ts(export_to = "server.ts"))]
pub struct PictureView {
    /// Pixels.
    pub width: u32,
    /// Pixels.
    pub height: u32,
    /// Frames a second.
    pub fps: u32,
}

/// A disk that is nearly full.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, utoipa::ToSchema)]
#[cfg_attr(test, derive(ts_rs::TS), ts(export_to = "server.ts", optional_fields))]
pub struct DiskView {
    /// Bytes.
    #[cfg_attr(test, ts(type = "number"))]
    pub free: u64,
    /// At the rate at which is being recorded now; unknown at first.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub minutes_left: Option<u32>,
}

impl From<Disk> for DiskView {
    fn from(disk: Disk) -> Self {
        Self { free: disk.free, minutes_left: disk.minutes_left }
    }
}

/// Somebody in the room.
#[derive(Debug, Clone, PartialEq, Serialize)]
#[cfg_attr(test, derive(ts_rs::TS), ts(export_to = "server.ts", optional_fields))]
pub struct ParticipantView {
    /// Their id.
    pub id: String,
    /// Their name.
    pub name: String,
    /// What they may do.
    pub role: Role,
    /// Their door.
    pub kind: ParticipantKind,
    /// RFC 3339, UTC.
    pub joined_at: String,
    /// What they have on.
    pub media: MediaState,
    /// Muted by a host.
    pub muted_by_host: bool,
    /// What they are sent.
    pub view: ViewMode,
    /// Their line carries less than they chose to see.
    pub weak: bool,
    /// Their hand is up; lower numbers were raised earlier.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub hand: Option<u32>,
    /// False while their connection is away and their place is kept.
    pub connected: bool,
}

/// A line of the chat.
#[derive(Debug, Clone, PartialEq, Serialize)]
#[cfg_attr(test, derive(ts_rs::TS), ts(export_to = "server.ts"))]
pub struct ChatLine {
    /// Counts up in the room.
    pub id: u32,
    /// Whose; they may have left since.
    pub participant: String,
    /// Their name when they wrote.
    pub name: String,
    /// Plain text: never to be shown as markup.
    pub text: String,
    /// RFC 3339, UTC.
    pub sent_at: String,
}

/// Somebody who waits to be let in.
#[derive(Debug, Clone, PartialEq, Serialize)]
#[cfg_attr(test, derive(ts_rs::TS), ts(export_to = "server.ts"))]
pub struct WaitingView {
    /// Their id, for `admit`.
    pub participant: String,
    /// Their name.
    pub name: String,
}

/// What one slot shows.
#[derive(Debug, Clone, PartialEq, Serialize)]
#[cfg_attr(test, derive(ts_rs::TS), ts(export_to = "server.ts", optional_fields))]
pub struct SlotView {
    /// The slot's `a=mid` in the answer.
    pub mid: String,
    /// What it carries; none when it is empty.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub feed: Option<FeedView>,
}

/// What a slot carries.
#[derive(Debug, Clone, PartialEq, Serialize)]
#[serde(tag = "kind", rename_all = "snake_case")]
#[cfg_attr(test, derive(ts_rs::TS), ts(export_to = "server.ts"))]
pub enum FeedView {
    /// Somebody's track.
    Track {
        /// Whose.
        participant: String,
        /// Which.
        source: TrackSource,
    },
    /// The mix, picture or sound by the slot's kind.
    Mix {},
}

/// A recording as everybody sees it.
#[derive(Debug, Clone, PartialEq, Serialize)]
#[cfg_attr(test, derive(ts_rs::TS), ts(export_to = "server.ts", optional_fields))]
pub struct RecordingView {
    /// Its id.
    pub id: String,
    /// How far it is.
    pub state: RecordingState,
    /// RFC 3339, UTC.
    pub started_at: String,
    /// Seconds of media so far.
    pub duration: f64,
    /// Pictures a second, while the machine cannot make as many as were asked for.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub slower: Option<u32>,
    /// The picture's height, while the machine cannot make it as large as was asked for.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub smaller: Option<u32>,
    /// The machine is so busy that the picture is encoded by cheaper settings: it is less sharp.
    #[serde(skip_serializing_if = "std::ops::Not::not")]
    #[cfg_attr(test, ts(optional, as = "Option<bool>"))]
    pub cheaper: bool,
    /// What went wrong.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub error: Option<String>,
}

/// A stream as everybody sees it: never its key.
#[derive(Debug, Clone, PartialEq, Serialize)]
#[cfg_attr(test, derive(ts_rs::TS), ts(export_to = "server.ts", optional_fields))]
pub struct StreamView {
    /// Its id.
    pub id: String,
    /// Scheme, host and application; the key is replaced by three dots. Hosts alone see more than the host name.
    pub url: String,
    /// How it does.
    pub state: StreamState,
    /// Tries after the first.
    pub retries: u32,
    /// RFC 3339, UTC.
    pub started_at: String,
    /// What went wrong last.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub error: Option<String>,
    /// Where players find it, of HLS.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub playlist: Option<String>,
}

/// An entry of `RTCConfiguration.iceServers`.
#[derive(Debug, Clone, PartialEq, Serialize)]
#[cfg_attr(test, derive(ts_rs::TS), ts(export_to = "server.ts", optional_fields))]
pub struct IceServer {
    /// `turn:` or `stun:` addresses.
    pub urls: Vec<String>,
    /// Time-limited.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub username: Option<String>,
    /// Time-limited.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub credential: Option<String>,
}

/// How many slots an offer may hold.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[cfg_attr(test, derive(ts_rs::TS), ts(export_to = "server.ts"))]
pub struct SlotLimits {
    /// `recvonly` audio sections.
    pub audio: u8,
    /// `recvonly` video sections.
    pub video: u8,
}
