//! What the rooms say, as the wire says it.

use std::time::SystemTime;

use time::OffsetDateTime;
use time::format_description::well_known::Rfc3339;

use crate::domain::media::RecordedTrack;
use crate::protocol::rest;
use crate::rooms::api::{Participant, Recording, RoomRecord, RoomState, Stream, Upload};

/// RFC 3339 in UTC, to the millisecond.
pub(super) fn time(time: SystemTime) -> String {
    let time = OffsetDateTime::from(time);
    let time = time.replace_millisecond(time.millisecond()).unwrap_or(time);
    time.format(&Rfc3339).unwrap_or_default()
}

/// The link that lets people in.
pub(super) fn room_url(base_url: &str, invitation: &str) -> String {
    format!("{base_url}/r/{invitation}")
}

pub(super) fn created(record: RoomRecord, base_url: &str) -> rest::CreatedRoom {
    let url = room_url(base_url, &record.invitation);
    rest::CreatedRoom {
        id: record.id.to_string(),
        name: record.name,
        activity: record.activity,
        invitation: record.invitation,
        host_url: format!("{url}#host={}", record.host_token),
        url,
        host_token: record.host_token,
        max_participants: record.max_participants,
        locked: record.locked,
        lobby: record.lobby,
        rules: record.rules,
        created_at: time(record.created_at),
    }
}

pub(super) fn room(state: RoomState) -> rest::Room {
    rest::Room {
        id: state.record.id.to_string(),
        name: state.record.name,
        activity: state.record.activity,
        locked: state.record.locked,
        lobby: state.record.lobby,
        layout: state.record.layout,
        rules: state.record.rules,
        participants: state.participants,
        names: state.names,
        max_participants: state.record.max_participants,
        recording: state.recording,
        live: state.live,
    }
}

pub(super) fn invitation(state: RoomState, base_url: &str) -> rest::Invitation {
    let url = room_url(base_url, &state.record.invitation);
    rest::Invitation { invitation: state.record.invitation, url }
}

pub(super) fn participant(participant: Participant) -> rest::Participant {
    rest::Participant {
        id: participant.id.to_string(),
        name: participant.name,
        role: participant.role,
        kind: participant.kind,
        joined_at: time(participant.joined_at),
        microphone: participant.media.microphone,
        camera: participant.media.camera,
        screen: participant.media.screen,
        view: participant.view,
    }
}

fn upload(upload: Upload) -> rest::Upload {
    let Upload { state, sent, total, location, local, error } = upload;
    rest::Upload { state, sent, total, location, local, error }
}

fn track(track: RecordedTrack) -> rest::RecordedTrack {
    rest::RecordedTrack {
        participant: track.participant.to_string(),
        name: track.name,
        kind: track.source.into(),
        codec: track.codec,
        file: track.file,
        offset: track.offset,
        duration: track.duration,
        bytes: track.bytes,
    }
}

pub(super) fn recording(recording: Recording) -> rest::Recording {
    rest::Recording {
        id: recording.id.to_string(),
        room: recording.room.to_string(),
        state: recording.state,
        layout: recording.layout,
        width: recording.width,
        height: recording.height,
        fps: recording.fps,
        started_at: time(recording.started_at),
        first_frame_at: recording.first_frame_at.map(time),
        duration: recording.duration,
        bytes: recording.bytes,
        files: recording.files,
        tracks: recording.tracks.into_iter().map(track).collect(),
        pace: recording.pace,
        disk: recording.disk.map(Into::into),
        upload: recording.upload.map(upload),
        error: recording.error,
    }
}

pub(super) fn stream(stream: Stream) -> rest::Stream {
    rest::Stream {
        id: stream.id.to_string(),
        room: stream.room.to_string(),
        url: stream.url,
        state: stream.state,
        retries: stream.retries,
        bytes: stream.sent.bytes,
        bitrate: stream.sent.bitrate,
        dropped: stream.sent.dropped,
        duration: stream.sent.seconds,
        started_at: time(stream.started_at),
        error: stream.error,
        playlist: stream.playlist,
    }
}

#[cfg(test)]
mod tests {
    use std::time::{Duration, UNIX_EPOCH};

    use super::*;

    #[test]
    fn times_are_utc_to_the_millisecond() {
        assert_eq!(time(UNIX_EPOCH + Duration::new(1_795_342_800, 123_456_789)), "2026-11-22T10:20:00.123Z");
        assert_eq!(time(UNIX_EPOCH + Duration::from_secs(1_795_342_800)), "2026-11-22T10:20:00Z");
    }
}
