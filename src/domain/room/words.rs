//! What goes into a room and what comes out of it.

use std::path::PathBuf;
use std::sync::Arc;

use super::Parting;
use crate::domain::canvas::Wish;
use crate::domain::disk::Disk;
use crate::domain::error::Refusal;
use crate::domain::ids::{OutputId, ParticipantId, PeerId, Source};
use crate::domain::media::{MediaCommand, MediaEvent};
use crate::domain::participant::Join;
use crate::domain::slots::WantedTile;
use crate::domain::words::{Activity, Layout, MediaState, Reaction, Role, Rules, ViewChoice};

/// A line to one client, for as long as it lasts. Never used twice by one room.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct ConnectionId(pub u64);

/// Somebody waits for a [`Reply`]. Never used twice by one room.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct RequestId(pub u64);

/// Who asks.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Caller {
    /// The room's host token or an API key.
    Host,
    /// A member, over its own socket.
    Member(ParticipantId),
}

/// Everything that can happen to a room. Random numbers come with it: the room makes none.
#[derive(Debug)]
pub enum Input {
    /// Somebody wants in. Answered by [`Reply::Joined`].
    Join {
        /// Who waits for the reply.
        request: RequestId,
        /// Who and how.
        join: Join,
    },
    /// Somebody asks for something.
    Act {
        /// Who waits for the reply.
        request: RequestId,
        /// Who asks.
        caller: Caller,
        /// For what.
        act: Act,
    },
    /// A client's line broke, or it did not read what it was told.
    Disconnected(ConnectionId),
    /// Something happened to the media.
    Media(MediaEvent),
    /// The media side failed as a whole: all sessions and outputs are lost.
    MediaGone,
    /// The store knows where to write a recording, or can't. Answers [`Effect::Prepare`].
    Prepared {
        /// The recording.
        output: OutputId,
        /// The file it becomes, or what is wrong.
        path: Result<PathBuf, String>,
    },
    /// The disk that recordings go to is nearly full, or no more.
    Disk(Option<Disk>),
    /// The server stops: everybody goes, recordings are finished.
    Shutdown,
    /// The time of [`super::Room::next_timer`] has come.
    Tick,
}

/// What can be asked of a room.
#[derive(Debug, Clone)]
pub enum Act {
    /// A new media session.
    Offer {
        /// Its name.
        peer: PeerId,
        /// SDP.
        sdp: String,
    },
    /// What the member has on.
    Media(MediaState),
    /// What the member draws.
    View {
        /// How.
        mode: ViewChoice,
        /// Most wanted first.
        tiles: Vec<WantedTile>,
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
    /// Host: a new invitation ends the old.
    RenewInvitation {
        /// The new code.
        invitation: String,
    },
    /// Host.
    Mute {
        /// Whom.
        participant: ParticipantId,
        /// Mute, or end the mute.
        muted: bool,
    },
    /// Host: everybody who is no host.
    MuteAll,
    /// Host: asks somebody to unmute, who may say no.
    AskToUnmute {
        /// Whom.
        participant: ParticipantId,
    },
    /// Host: ends what somebody shares.
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
    /// Host: the room is gone.
    EndRoom,
    /// Host.
    StartRecording {
        /// Its id.
        output: OutputId,
        /// Unless `None`, changes the room's layout of the mix.
        layout: Option<Layout>,
        /// The size of the mix. Refused where outputs that run have another.
        wish: Wish,
        /// Each person's own media as well.
        tracks: bool,
    },
    /// Host: leave out what happens from now on, or take it in again. Refused where the state does not allow it.
    PauseRecording {
        /// Which.
        output: OutputId,
        /// True pauses.
        paused: bool,
    },
    /// Host.
    StopRecording {
        /// Which.
        output: OutputId,
    },
    /// Host: its file goes, and it leaves the list. Refused while it runs.
    DeleteRecording {
        /// Which.
        output: OutputId,
    },
    /// Host.
    StartStream {
        /// Its id.
        output: OutputId,
        /// With the key.
        url: String,
        /// Unless `None`, changes the room's layout of the mix.
        layout: Option<Layout>,
        /// The size of the mix. Refused where outputs that run have another.
        wish: Wish,
    },
    /// Host.
    StopStream {
        /// Which.
        output: OutputId,
    },
    /// Host: who is here.
    Participants,
    /// Host: what is streamed.
    Streams,
    /// Host: what the mix shows.
    Snapshot,
}

/// What came of a request. Lists and things are read from the room itself, right after `handle`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Reply {
    /// They have a place, or stand at the door. An old place has its old id.
    Joined(ParticipantId),
    /// Nothing to tell.
    Done,
    /// The room.
    Room,
    /// The answer to an offer.
    Answer(String),
    /// Everybody.
    Participants,
    /// Somebody.
    Participant(ParticipantId),
    /// A recording.
    Recording(OutputId),
    /// A stream.
    Stream(OutputId),
    /// All streams.
    Streams,
    /// A JPEG.
    Snapshot(Arc<[u8]>),
}

/// What to do next, in this order.
#[derive(Debug, Clone, PartialEq)]
pub enum Effect {
    /// Tell clients something.
    Tell {
        /// Whom.
        to: Vec<ConnectionId>,
        /// What.
        news: News,
    },
    /// Tell a client that it is over, and close its line.
    Close {
        /// Whose.
        connection: ConnectionId,
        /// Why.
        parting: Parting,
    },
    /// Answer a request.
    Reply {
        /// Which.
        request: RequestId,
        /// With what.
        reply: Result<Reply, Refusal>,
    },
    /// Ask the media side for something.
    Media(MediaCommand),
    /// The settings changed: keep them.
    SaveSettings,
    /// Ask the store where to write a recording; answered by [`Input::Prepared`].
    Prepare(OutputId),
    /// A recording's state changed: write its manifest.
    SaveRecording(OutputId),
    /// Write who was there, and when, beside a recording.
    SaveTimeline(OutputId),
    /// Delete a recording's folder and answer the request.
    DeleteRecording {
        /// Who waits.
        request: RequestId,
        /// Which.
        output: OutputId,
    },
    /// An output is new or told how far it is.
    Progress(OutputId),
    /// The room is gone for good: forget it.
    Ended,
}

/// News for clients: what changed; the rest is read from the room itself, right after `handle`.
#[derive(Debug, Clone, PartialEq)]
pub enum News {
    /// You wait at the door.
    Waiting,
    /// You are in.
    Welcome(ParticipantId),
    /// Your answer.
    Answer(String),
    /// Your media session broke.
    MediaLost(String),
    /// What of your camera is of use: so many layers from the lowest up, and the lines that are enough for the largest of them.
    Layers {
        /// At least 1.
        layers: u8,
        /// All it has, where there is none.
        height: Option<u16>,
    },
    /// What your slots show: mid and content.
    Slots(Vec<(String, Option<Shown>)>),
    /// Somebody came.
    Joined(ParticipantId),
    /// Somebody changed.
    Changed(ParticipantId),
    /// Somebody is gone.
    Left(ParticipantId),
    /// Who speaks, loudest first.
    Speaking(Vec<ParticipantId>),
    /// The room changed.
    Room {
        /// With the streams' addresses, without their keys.
        for_hosts: bool,
    },
    /// Who waits.
    WaitingList,
    /// The present invitation.
    Invitation,
    /// A host muted you.
    Muted,
    /// How much of a stream went out.
    Sent(OutputId),
    /// A small picture of the room: a JPEG.
    Still(Arc<[u8]>),
    /// A host asks you to unmute.
    UnmuteAsked,
    /// What you shared was ended: by a host, or by the room's rules.
    ShareStopped,
    /// Lines of the chat, from this number on.
    Chat {
        /// The first of them.
        since: u32,
    },
    /// Somebody reacted.
    Reacted(ParticipantId, Reaction),
}

/// What a slot shows.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Shown {
    /// Somebody's track.
    Track(ParticipantId, Source),
    /// The mix.
    Mix,
}
