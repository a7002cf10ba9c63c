//! The front door of the running rooms, as `http` sees it: plain values in and out.
//!
//! A caller is known before it gets here (`http/auth.rs` checks tokens); what it may do is decided in `domain`.

use std::sync::Arc;
use std::time::SystemTime;

use tokio::sync::mpsc;

use crate::domain::canvas::Wish;
use crate::domain::disk::Disk;
use crate::domain::ids::{OutputId, ParticipantId, RoomId};
use crate::domain::media::{RecordedTrack, Sent};
use crate::domain::words::{
    Activity, Layout, MediaState, Pace, ParticipantKind, Reaction, RecordingState, Role, Rules, StreamState,
    UploadState, ViewChoice, ViewMode,
};
use crate::protocol::server::{IceServer, ServerMessage};

mod store;

pub use self::store::{RecordingTimeline, RoomRecord, Store, StoreError};
pub use crate::domain::room::Caller;

/// What makes a room. Checked by `Rooms::create` (422 names the field).
#[derive(Debug, Clone)]
pub struct NewRoom {
    /// 1 to 80 characters after trimming; a name after the activity unless given.
    pub name: Option<String>,
    /// `CatchUp` unless given.
    pub activity: Option<Activity>,
    /// 2 to 50; 50 unless given.
    pub max_participants: Option<u32>,
    /// False unless given.
    pub locked: bool,
    /// False unless given.
    pub lobby: bool,
    /// `Auto` unless given.
    pub layout: Option<Layout>,
    /// What guests may do; everything unless given.
    pub rules: Option<Rules>,
}

/// A room as it is now.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RoomState {
    /// Its settings.
    pub record: RoomRecord,
    /// How many are in it.
    pub participants: u32,
    /// Their names in order of arrival, where the rules let them be shown to whoever has the invitation.
    pub names: Option<Vec<String>>,
    /// A recording runs.
    pub recording: bool,
    /// A stream runs.
    pub live: bool,
    /// A host ended it; `Rooms::find` finds it no more.
    pub ended: bool,
}

/// Somebody who wants in.
#[derive(Debug, Clone)]
pub struct JoinRequest {
    /// Their name; checked here (1 to 60 characters after trimming, control characters refused).
    pub name: String,
    /// Their door.
    pub kind: ParticipantKind,
    /// They showed the host token (or an API key): host, whatever the lock says.
    pub host: bool,
    /// A resume token from an earlier `welcome`.
    pub resume: Option<String>,
    /// What is on.
    pub media: MediaState,
    /// For WHEP: what they want to see.
    pub view: ViewChoice,
    /// For WHEP: the small picture whatever their line (`?view=low`).
    pub low: bool,
    /// Handed on in `welcome`.
    pub ice_servers: Vec<IceServer>,
}

/// A place in the room (or at its door). Dropping `messages` is leaving by accident: the place is kept 30 s.
#[derive(Debug)]
pub struct Membership {
    /// Who.
    pub participant: ParticipantId,
    /// What to tell them, `welcome` or `waiting` first. Bounded: who does not read is disconnected. After `closing`
    /// it ends.
    pub messages: mpsc::Receiver<ServerMessage>,
}

/// What can be asked of a room.
#[derive(Debug, Clone)]
pub enum Action {
    /// A new media session from this offer; `Outcome::Answer`.
    Offer {
        /// The SDP.
        sdp: String,
    },
    /// What the member has on.
    Media(MediaState),
    /// What the member draws.
    View {
        /// How.
        mode: ViewChoice,
        /// Most wanted first.
        tiles: Vec<crate::protocol::client::ViewTile>,
    },
    /// The member leaves for good.
    Leave,
    /// The member writes to everybody.
    Chat {
        /// As typed.
        text: String,
    },
    /// The member reacts.
    React(Reaction),
    /// The member raises a hand, or lowers it.
    RaiseHand(bool),
    /// Host: settings; what is `None` stays.
    ChangeRoom {
        /// A new name.
        name: Option<String>,
        /// A new theme.
        activity: Option<Activity>,
        /// The lock.
        locked: Option<bool>,
        /// The lobby.
        lobby: Option<bool>,
        /// The mix's layout.
        layout: Option<Layout>,
        /// What guests may do.
        rules: Option<Rules>,
    },
    /// Host: `Outcome::Room` with the new invitation.
    RenewInvitation,
    /// Host.
    Mute {
        /// Whom.
        participant: ParticipantId,
        /// Mute, or end the mute.
        muted: bool,
    },
    /// Host: everybody who is no host.
    MuteAll,
    /// Host.
    AskToUnmute {
        /// Whom.
        participant: ParticipantId,
    },
    /// Host.
    StopShare {
        /// Whose.
        participant: ParticipantId,
    },
    /// Host.
    LowerHand {
        /// Whose.
        participant: ParticipantId,
    },
    /// Host.
    SetRole {
        /// Whom.
        participant: ParticipantId,
        /// To what.
        role: Role,
    },
    /// Host.
    Remove {
        /// Whom.
        participant: ParticipantId,
    },
    /// Host.
    Admit {
        /// Whom.
        participant: ParticipantId,
        /// In, or refused.
        admitted: bool,
    },
    /// Host: everybody leaves, recordings are finished, the room is gone.
    EndRoom,
    /// Host: `Outcome::Recording`.
    StartRecording {
        /// Unless `None`, changes the room's layout of the mix.
        layout: Option<Layout>,
        /// The size of the mix; `Conflict` where outputs that run have another.
        wish: Wish,
        /// Each person's own media as well.
        tracks: bool,
    },
    /// Host: `Outcome::Recording`; `Conflict` where its state does not allow it.
    PauseRecording {
        /// Which.
        recording: OutputId,
        /// True pauses, false goes on.
        paused: bool,
    },
    /// Host: `Outcome::Recording`.
    StopRecording {
        /// Which.
        recording: OutputId,
    },
    /// Host: the file and its manifest are gone; 409 while it runs.
    DeleteRecording {
        /// Which.
        recording: OutputId,
    },
    /// Host: `Outcome::Stream`.
    StartStream {
        /// With the key.
        url: String,
        /// Unless `None`, changes the room's layout of the mix.
        layout: Option<Layout>,
        /// The size of the mix; `Conflict` where outputs that run have another.
        wish: Wish,
    },
    /// Host: `Outcome::Stream`.
    StopStream {
        /// Which.
        stream: OutputId,
    },
    /// Host: `Outcome::Participants`.
    Participants,
    /// Host: `Outcome::Streams`.
    Streams,
    /// Host: `Outcome::Snapshot`; `Conflict` where there is nothing to see.
    Snapshot,
}

/// What came of it.
#[derive(Debug, Clone)]
pub enum Outcome {
    /// Nothing to tell.
    Done,
    /// The room as it is now.
    Room(RoomState),
    /// The answer to an offer. A WebSocket member also hears it as a message.
    Answer {
        /// SDP.
        sdp: String,
    },
    /// Everybody in the room.
    Participants(Vec<Participant>),
    /// One person.
    Participant(Participant),
    /// One recording.
    Recording(Recording),
    /// One stream.
    Stream(Stream),
    /// All streams, ended ones included.
    Streams(Vec<Stream>),
    /// A JPEG of the mix.
    Snapshot(Arc<[u8]>),
}

/// Somebody in the room, as the API tells it.
#[derive(Debug, Clone)]
pub struct Participant {
    /// Their id.
    pub id: ParticipantId,
    /// Their name.
    pub name: String,
    /// What they may do.
    pub role: Role,
    /// Their door.
    pub kind: ParticipantKind,
    /// Since when.
    pub joined_at: SystemTime,
    /// What is on.
    pub media: MediaState,
    /// What they are sent.
    pub view: ViewMode,
}

/// A recording: also its manifest, the JSON beside the file.
#[derive(Debug, Clone, PartialEq)]
pub struct Recording {
    /// Its id.
    pub id: OutputId,
    /// Its room.
    pub room: RoomId,
    /// The room's name when it began: part of the file's name.
    pub room_name: String,
    /// How far.
    pub state: RecordingState,
    /// Of the mix.
    pub layout: Layout,
    /// Pixels.
    pub width: u32,
    /// Pixels.
    pub height: u32,
    /// Frames a second.
    pub fps: u32,
    /// When the host pressed the button.
    pub started_at: SystemTime,
    /// When the first frame of the file was composed.
    pub first_frame_at: Option<SystemTime>,
    /// Seconds of media.
    pub duration: f64,
    /// Bytes of the file.
    pub bytes: u64,
    /// File names in the recording's folder: the MP4 first. Empty until there is one.
    pub files: Vec<String>,
    /// Files of people's own media.
    pub tracks: Vec<RecordedTrack>,
    /// Where the machine could not make all pictures.
    pub pace: Vec<Pace>,
    /// What went wrong.
    pub error: Option<String>,
    /// Where it goes is nearly full; only while it runs.
    pub disk: Option<Disk>,
    /// On its way to the operator's storage, where there is one.
    pub upload: Option<Upload>,
}

/// How far a recording is on its way to the operator's storage.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Upload {
    /// How far.
    pub state: UploadState,
    /// Bytes that are there.
    pub sent: u64,
    /// Bytes of all its files.
    pub total: u64,
    /// Where, as `s3://bucket/folder`.
    pub location: String,
    /// The files are here as well.
    pub local: bool,
    /// What went wrong.
    pub error: Option<String>,
}

/// A stream.
#[derive(Debug, Clone, PartialEq)]
pub struct Stream {
    /// Its id.
    pub id: OutputId,
    /// Its room.
    pub room: RoomId,
    /// Without the key.
    pub url: String,
    /// How it does.
    pub state: StreamState,
    /// Tries after the first.
    pub retries: u32,
    /// When it was asked for.
    pub started_at: SystemTime,
    /// What went wrong last.
    pub error: Option<String>,
    /// What went out.
    pub sent: Sent,
    /// Where players find it, of HLS.
    pub playlist: Option<String>,
}
