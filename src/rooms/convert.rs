//! A room in the words of the wire and of the API: the only file of this folder that knows all three vocabularies.

use std::time::{Duration, SystemTime};

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use time::OffsetDateTime;
use time::format_description::well_known::Rfc3339;

use super::api::{Action, Participant, Recording, RoomRecord, Stream};
use crate::domain::ids::{OutputId, ParticipantId, PeerId, Source};
use crate::domain::media::Sent;
use crate::domain::output;
use crate::domain::participant::Member;
use crate::domain::room::{Act, News, Room, Settings, Shown};
use crate::domain::slots::{self, WantedTile};
use crate::domain::talk::Line;
use crate::domain::words::{Role, TrackSource};
use crate::protocol::PROTOCOL_VERSION;
use crate::protocol::client::ViewTile;
use crate::protocol::server::{
    ChatLine, DiskView, FeedView, IceServer, ParticipantView, PictureView, RecordingView, RoomView, ServerMessage,
    SlotLimits, SlotView, StreamView, WaitingView,
};

/// So many replaced invitations still answer that they are old; older ones are unknown.
const MAX_OLD_INVITATIONS: usize = 1000;

/// Random material an action may need.
pub(super) struct Fresh {
    pub(super) peer: PeerId,
    pub(super) output: OutputId,
    pub(super) invitation: String,
}

/// An action as the room takes it.
pub(super) fn act(action: Action, fresh: Fresh) -> Act {
    match action {
        Action::Offer { sdp } => Act::Offer { peer: fresh.peer, sdp },
        Action::Media(media) => Act::Media(media),
        Action::View { mode, tiles } => Act::View { mode, tiles: tiles.iter().filter_map(wanted_tile).collect() },
        Action::Leave => Act::Leave,
        Action::Chat { text } => Act::Chat { text },
        Action::React(reaction) => Act::React(reaction),
        Action::RaiseHand(raised) => Act::RaiseHand(raised),
        Action::MuteAll => Act::MuteAll,
        Action::AskToUnmute { participant } => Act::AskToUnmute { participant },
        Action::StopShare { participant } => Act::StopShare { participant },
        Action::LowerHand { participant } => Act::LowerHand { participant },
        Action::ChangeRoom { name, activity, locked, lobby, layout, rules } => {
            Act::ChangeRoom { name, activity, locked, lobby, layout, rules }
        }
        Action::RenewInvitation => Act::RenewInvitation { invitation: fresh.invitation },
        Action::Mute { participant, muted } => Act::Mute { participant, muted },
        Action::SetRole { participant, role } => Act::SetRole { participant, role },
        Action::Remove { participant } => Act::Remove { participant },
        Action::Admit { participant, admitted } => Act::Admit { participant, admitted },
        Action::EndRoom => Act::EndRoom,
        Action::StartRecording { layout, wish, tracks } => {
            Act::StartRecording { output: fresh.output, layout, wish, tracks }
        }
        Action::PauseRecording { recording, paused } => Act::PauseRecording { output: recording, paused },
        Action::StopRecording { recording } => Act::StopRecording { output: recording },
        Action::DeleteRecording { recording } => Act::DeleteRecording { output: recording },
        Action::StartStream { url, layout, wish } => Act::StartStream { output: fresh.output, url, layout, wish },
        Action::StopStream { stream } => Act::StopStream { output: stream },
        Action::Participants => Act::Participants,
        Action::Streams => Act::Streams,
        Action::Snapshot => Act::Snapshot,
    }
}

/// What a view names; an id that is none is of nobody in the room.
fn wanted_tile(tile: &ViewTile) -> Option<WantedTile> {
    let participant = tile.participant.parse().ok()?;
    Some(WantedTile { participant, source: tile.source.into(), height: tile.height, pinned: tile.pinned })
}

/// A room with what it does not know itself: its secrets, its address and what time it is elsewhere.
pub(super) struct View<'a> {
    pub(super) room: &'a Room,
    pub(super) record: &'a RoomRecord,
    pub(super) base_url: &'a str,
    /// The wall clock at the origin of the room's own.
    pub(super) epoch: SystemTime,
}

impl View<'_> {
    /// News as a message. `ice_servers` are the addressee's own. `None` when its subject is gone again already.
    pub(super) fn message(&self, news: &News, ice_servers: Vec<IceServer>) -> Option<ServerMessage> {
        Some(match news {
            News::Waiting => ServerMessage::Waiting {},
            News::Welcome(id) => self.welcome(self.room.member(*id)?, ice_servers),
            News::Answer(sdp) => ServerMessage::Answer { sdp: sdp.clone() },
            News::MediaLost(reason) => ServerMessage::MediaLost { reason: reason.clone() },
            News::Layers { layers, height } => {
                ServerMessage::Layers { source: TrackSource::Camera, layers: *layers, height: *height }
            }
            News::Slots(slots) => ServerMessage::Slots { slots: slots.iter().map(slot).collect() },
            News::Joined(id) => ServerMessage::ParticipantJoined { participant: self.person(self.room.member(*id)?) },
            News::Changed(id) => ServerMessage::ParticipantChanged { participant: self.person(self.room.member(*id)?) },
            News::Left(id) => ServerMessage::ParticipantLeft { participant: id.to_string() },
            News::Speaking(ids) => {
                ServerMessage::Speaking { participants: ids.iter().map(ParticipantId::to_string).collect() }
            }
            News::Room { for_hosts } => ServerMessage::RoomChanged { room: self.room(*for_hosts) },
            News::WaitingList => ServerMessage::WaitingChanged { waiting: self.waiting() },
            News::Invitation => ServerMessage::Invitation {
                invitation: self.record.invitation.clone(),
                url: format!("{}/r/{}", self.base_url, self.record.invitation),
            },
            News::Muted => ServerMessage::Muted {},
            News::Still(jpeg) => ServerMessage::Still { jpeg: STANDARD.encode(jpeg) },
            News::Sent(id) => self.stream_sent(self.room.stream(*id)?),
            News::UnmuteAsked => ServerMessage::UnmuteAsked {},
            News::ShareStopped => ServerMessage::ShareStopped {},
            News::Chat { since } => {
                ServerMessage::Chat { lines: self.room.chat().since(*since).map(|line| self.chat_line(line)).collect() }
            }
            News::Reacted(id, reaction) => ServerMessage::Reacted { participant: id.to_string(), reaction: *reaction },
        })
    }

    fn welcome(&self, member: &Member, ice_servers: Vec<IceServer>) -> ServerMessage {
        ServerMessage::Welcome {
            protocol: PROTOCOL_VERSION,
            you: member.id.to_string(),
            role: member.role,
            resume: member.token.clone(),
            room: self.room(member.role == Role::Host),
            participants: self.room.members().iter().map(|member| self.person(member)).collect(),
            ice_servers,
            slots: SlotLimits { audio: slots::AUDIO_SLOTS, video: slots::VIDEO_SLOTS },
        }
    }

    fn room(&self, for_hosts: bool) -> RoomView {
        let settings = self.room.settings();
        RoomView {
            id: self.record.id.to_string(),
            name: settings.name.clone(),
            activity: settings.activity,
            locked: settings.locked,
            lobby: settings.lobby,
            layout: settings.layout,
            rules: settings.rules,
            picture: self.room.held_canvas().map(|canvas| PictureView {
                width: canvas.width,
                height: canvas.height,
                fps: canvas.fps,
            }),
            disk: self.room.disk().filter(|_| for_hosts).map(DiskView::from),
            max_participants: settings.max_participants,
            recordings: self.room.recordings().iter().map(|recording| self.recording_view(recording)).collect(),
            streams: self.room.streams().iter().map(|stream| self.stream_view(stream, for_hosts)).collect(),
        }
    }

    fn person(&self, member: &Member) -> ParticipantView {
        ParticipantView {
            id: member.id.to_string(),
            name: member.name.clone(),
            role: member.role,
            kind: member.kind,
            joined_at: rfc3339(self.wall(member.joined_at)),
            media: member.media,
            muted_by_host: member.muted_by_host,
            view: member.pictures().mode(),
            weak: member.line.is_reduced(),
            hand: member.hand,
            connected: member.connection.is_some(),
        }
    }

    fn chat_line(&self, line: &Line) -> ChatLine {
        ChatLine {
            id: line.id,
            participant: line.from.to_string(),
            name: line.name.clone(),
            text: line.text.clone(),
            sent_at: rfc3339(self.wall(line.at)),
        }
    }

    fn waiting(&self) -> Vec<WaitingView> {
        let view =
            |(id, name): (ParticipantId, &str)| WaitingView { participant: id.to_string(), name: name.to_owned() };
        self.room.waiting().map(view).collect()
    }

    fn recording_view(&self, recording: &output::Recording) -> RecordingView {
        RecordingView {
            id: recording.id.to_string(),
            state: recording.state,
            started_at: rfc3339(self.wall(recording.started_at)),
            duration: recording.duration,
            slower: recording.slower(),
            smaller: recording.smaller(),
            cheaper: recording.is_cheaper(),
            error: recording.error.clone(),
        }
    }

    fn stream_view(&self, stream: &output::Stream, for_hosts: bool) -> StreamView {
        StreamView {
            id: stream.id.to_string(),
            url: if for_hosts { stream.url.clone() } else { stream.host.clone() },
            state: stream.state,
            retries: stream.retries,
            started_at: rfc3339(self.wall(stream.started_at)),
            // What went wrong may name the server's application.
            error: stream.error.clone().filter(|_| for_hosts),
            playlist: self.playlist(stream),
        }
    }

    /// Where players find an HLS stream: everybody here has the invitation.
    fn playlist(&self, stream: &output::Stream) -> Option<String> {
        let invitation = &self.record.invitation;
        stream.hls.map(|_| format!("{}/api/v1/rooms/{invitation}/hls/index.m3u8", self.base_url))
    }

    fn stream_sent(&self, stream: &output::Stream) -> ServerMessage {
        let Sent { bytes, bitrate, dropped, seconds } = stream.sent();
        ServerMessage::StreamSent { stream: stream.id.to_string(), bytes, bitrate, dropped, duration: seconds }
    }

    /// Somebody, for the API.
    pub(super) fn participant(&self, member: &Member) -> Participant {
        Participant {
            id: member.id,
            name: member.name.clone(),
            role: member.role,
            kind: member.kind,
            joined_at: self.wall(member.joined_at),
            media: member.media,
            view: member.pictures().mode(),
        }
    }

    /// A recording, for the API and its manifest.
    pub(super) fn recording(&self, recording: &output::Recording) -> Recording {
        let file = recording.file().map(|file| file.to_string_lossy().into_owned());
        Recording {
            id: recording.id,
            room: self.record.id,
            room_name: recording.room_name.clone(),
            state: recording.state,
            layout: recording.layout,
            width: recording.canvas.width,
            height: recording.canvas.height,
            fps: recording.canvas.fps,
            started_at: self.wall(recording.started_at),
            first_frame_at: recording.first_frame.map(|at| self.wall(at)),
            duration: recording.duration,
            bytes: recording.bytes,
            files: file.into_iter().collect(),
            tracks: recording.tracks.clone(),
            pace: recording.pace.clone(),
            error: recording.error.clone(),
            disk: self.room.disk().filter(|_| recording.takes_media()),
            upload: None,
        }
    }

    /// A stream, for the API.
    pub(super) fn stream(&self, stream: &output::Stream) -> Stream {
        Stream {
            id: stream.id,
            room: self.record.id,
            url: stream.url.clone(),
            state: stream.state,
            retries: stream.retries,
            started_at: self.wall(stream.started_at),
            error: stream.error.clone(),
            sent: stream.sent(),
            playlist: self.playlist(stream),
        }
    }

    fn wall(&self, at: Duration) -> SystemTime {
        self.epoch + at
    }
}

fn slot((mid, shown): &(String, Option<Shown>)) -> SlotView {
    let feed = shown.map(|shown| match shown {
        Shown::Track(participant, source) => feed(participant, source),
        Shown::Mix => FeedView::Mix {},
    });
    SlotView { mid: mid.clone(), feed }
}

fn feed(participant: ParticipantId, source: Source) -> FeedView {
    FeedView::Track { participant: participant.to_string(), source: source.into() }
}

/// A time as the wire spells it, to the millisecond.
fn rfc3339(time: SystemTime) -> String {
    let time = OffsetDateTime::from(time);
    let time = time.replace_millisecond(time.millisecond()).unwrap_or(time);
    // Fails only for years of five digits.
    time.format(&Rfc3339).unwrap_or_default()
}

/// The settings a room begins with.
pub(super) fn settings(record: &RoomRecord) -> Settings {
    Settings {
        name: record.name.clone(),
        activity: record.activity,
        invitation: record.invitation.clone(),
        max_participants: record.max_participants,
        locked: record.locked,
        lobby: record.lobby,
        layout: record.layout,
        rules: record.rules,
    }
}

/// The record with what became of the settings.
pub(super) fn update_record(record: &mut RoomRecord, settings: &Settings) {
    record.name.clone_from(&settings.name);
    record.activity = settings.activity;
    record.locked = settings.locked;
    record.lobby = settings.lobby;
    record.layout = settings.layout;
    record.rules = settings.rules;
    if record.invitation != settings.invitation {
        let old = std::mem::replace(&mut record.invitation, settings.invitation.clone());
        record.old_invitations.push(old);
        if record.old_invitations.len() > MAX_OLD_INVITATIONS {
            record.old_invitations.remove(0);
        }
    }
}
