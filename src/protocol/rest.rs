//! The bodies of the JSON API. Numbers that a person may get wrong are wider than their range, so that -1 is answered
//! with the limit (422) and not with a remark on types.

use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use super::server::DiskView;
use crate::domain::words::{
    Activity, Layout, Pace, ParticipantKind, RecordingState, Role, Rules, StreamState, TrackSource, UploadState,
    ViewMode,
};

/// `POST /rooms`
#[derive(Debug, Default, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct NewRoom {
    /// 1 to 80 characters; named after the activity unless given.
    #[schema(max_length = 80)]
    pub name: Option<String>,
    /// What the room is for; `catch_up` unless given.
    pub activity: Option<Activity>,
    /// 2 to 50; 50 unless given.
    #[schema(minimum = 2, maximum = 50)]
    pub max_participants: Option<i64>,
    /// Nobody but hosts comes in.
    pub locked: Option<bool>,
    /// Hosts let people in one by one.
    pub lobby: Option<bool>,
    /// The layout of the mix; `auto` unless given.
    pub layout: Option<Layout>,
    /// What guests may do.
    pub rules: Option<Rules>,
}

/// A room and its secrets: told once, to its maker.
#[derive(Debug, Serialize, ToSchema)]
pub struct CreatedRoom {
    /// Names the room in the API. Not a secret, and no way in.
    pub id: String,
    /// Its name.
    pub name: String,
    /// Its theme.
    pub activity: Activity,
    /// The code whose link lets people in.
    pub invitation: String,
    /// The link to share.
    pub url: String,
    /// The maker's own link; the token is in its fragment.
    pub host_url: String,
    /// Shown as `Authorization: Bearer`.
    pub host_token: String,
    /// How many it holds.
    pub max_participants: u32,
    /// Nobody but hosts comes in.
    pub locked: bool,
    /// Hosts let people in one by one.
    pub lobby: bool,
    /// What guests may do.
    pub rules: Rules,
    /// RFC 3339, UTC.
    pub created_at: String,
}

/// A room as it is now.
#[derive(Debug, Serialize, ToSchema)]
pub struct Room {
    /// Its id.
    pub id: String,
    /// Its name.
    pub name: String,
    /// Its theme.
    pub activity: Activity,
    /// Nobody but hosts comes in.
    pub locked: bool,
    /// Hosts let people in one by one.
    pub lobby: bool,
    /// How the mix is laid out.
    pub layout: Layout,
    /// What guests may do.
    pub rules: Rules,
    /// How many are in it.
    pub participants: u32,
    /// Their names in order of arrival, where the host lets them be shown.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub names: Option<Vec<String>>,
    /// How many it holds.
    pub max_participants: u32,
    /// It is being recorded.
    pub recording: bool,
    /// It is being streamed.
    pub live: bool,
}

/// `PATCH /rooms/{id}`: what is absent stays.
#[derive(Debug, Default, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct RoomChange {
    /// 1 to 80 characters.
    #[schema(max_length = 80)]
    pub name: Option<String>,
    /// A new theme.
    pub activity: Option<Activity>,
    /// The lock.
    pub locked: Option<bool>,
    /// The lobby.
    pub lobby: Option<bool>,
    /// The layout of the mix.
    pub layout: Option<Layout>,
    /// What guests may do, all of it.
    pub rules: Option<Rules>,
}

/// The room's present invitation.
#[derive(Debug, Serialize, ToSchema)]
pub struct Invitation {
    /// The code.
    pub invitation: String,
    /// The link to share.
    pub url: String,
}

/// Where a recording can be watched for a while without a token.
#[derive(Debug, Serialize, ToSchema)]
pub struct RecordingLink {
    /// A path of this server.
    pub url: String,
    /// RFC 3339, UTC; earlier when the server restarts.
    pub expires_at: String,
}

/// Somebody in the room.
#[derive(Debug, Serialize, ToSchema)]
pub struct Participant {
    /// Their id.
    pub id: String,
    /// Their name.
    pub name: String,
    /// What they may do.
    pub role: Role,
    /// The door they came through.
    pub kind: ParticipantKind,
    /// RFC 3339, UTC.
    pub joined_at: String,
    /// It is on.
    pub microphone: bool,
    /// It is on.
    pub camera: bool,
    /// They share a screen.
    pub screen: bool,
    /// What they are sent.
    pub view: ViewMode,
}

/// `PATCH /rooms/{id}/participants/{pid}`: what is absent stays.
#[derive(Debug, Default, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct ParticipantChange {
    /// True mutes; false lets them unmute.
    pub muted: Option<bool>,
    /// What they may do.
    pub role: Option<Role>,
}

/// `POST /rooms/{id}/recordings`
#[derive(Debug, Default, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct NewRecording {
    /// Changes the layout of the mix for everybody: the mix is encoded once.
    pub layout: Option<Layout>,
    /// Pixels, even; from the height in 16:9 unless given. 409 where the mix is already made in another size.
    #[schema(minimum = 640, maximum = 1920)]
    pub width: Option<i64>,
    /// Pixels, even; from the width in 16:9 unless given. 1280x720 unless either is.
    #[schema(minimum = 360, maximum = 1080)]
    pub height: Option<i64>,
    /// Frames a second; 30 unless given.
    #[schema(minimum = 10, maximum = 60)]
    pub fps: Option<i64>,
    /// bit/s of the picture; from size and rate unless given.
    #[schema(minimum = 100_000, maximum = 20_000_000)]
    pub bitrate: Option<i64>,
    /// Each person's own media as well, not transcoded.
    pub tracks: Option<bool>,
}

/// A recording.
#[derive(Debug, Serialize, ToSchema)]
pub struct Recording {
    /// Its id.
    pub id: String,
    /// Its room's id.
    pub room: String,
    /// How far it is.
    pub state: RecordingState,
    /// Of the mix.
    pub layout: Layout,
    /// Pixels.
    pub width: u32,
    /// Pixels.
    pub height: u32,
    /// Frames a second.
    pub fps: u32,
    /// RFC 3339, UTC.
    pub started_at: String,
    /// When the first frame of the file was composed. RFC 3339, UTC.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub first_frame_at: Option<String>,
    /// Seconds of media.
    pub duration: f64,
    /// Of the file.
    pub bytes: u64,
    /// File names, the MP4 first; empty until there is one.
    pub files: Vec<String>,
    /// People's own media, with what it takes to line them up with the MP4; empty unless asked for.
    pub tracks: Vec<RecordedTrack>,
    /// Where the machine could not make all pictures and made fewer; empty where it could.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub pace: Vec<Pace>,
    /// What went wrong. Of a `complete` one: why it ended early; what was recorded until then is in the file.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub error: Option<String>,
    /// The disk is nearly full; only while it runs.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub disk: Option<DiskView>,
    /// On its way to the operator's storage, where there is one.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub upload: Option<Upload>,
}

/// How far a recording is on its way to the operator's storage.
#[derive(Debug, Serialize, ToSchema)]
pub struct Upload {
    /// How far.
    pub state: UploadState,
    /// Bytes that are there.
    pub sent: u64,
    /// Bytes of all its files.
    pub total: u64,
    /// Where, as `s3://bucket/folder`.
    pub location: String,
    /// The files can be downloaded here as well.
    pub local: bool,
    /// What went wrong; another try follows by itself.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub error: Option<String>,
}

/// `GET /recordings/{id}/timeline`
#[derive(Debug, Serialize, ToSchema)]
pub struct Timeline {
    /// Of which recording.
    pub recording: String,
    /// Seconds of media.
    pub duration: f64,
    /// In order of arrival.
    pub participants: Vec<TimelinePerson>,
}

/// One person in a recording.
#[derive(Debug, Serialize, ToSchema)]
pub struct TimelinePerson {
    /// Their id.
    pub id: String,
    /// Their name.
    pub name: String,
    /// When they were in the room.
    pub present: Vec<Stretch>,
    /// When they spoke.
    pub spoke: Vec<Stretch>,
    /// When they shared a screen.
    pub screen: Vec<Stretch>,
}

/// Seconds of a recording.
#[derive(Debug, Serialize, ToSchema)]
pub struct Stretch {
    /// Its beginning.
    pub from: f64,
    /// Its end.
    pub to: f64,
}

/// A file of one person's own media.
#[derive(Debug, Serialize, ToSchema)]
pub struct RecordedTrack {
    /// Whose.
    pub participant: String,
    /// Their name.
    pub name: String,
    /// `microphone`, `camera`, `screen` or `screen_sound`.
    pub kind: TrackSource,
    /// `opus`, `vp8` or `h264`.
    pub codec: String,
    /// Its name, for `GET /recordings/{id}/tracks/{file}`.
    pub file: String,
    /// Seconds of the MP4 at which it begins.
    pub offset: f64,
    /// Seconds of media.
    pub duration: f64,
    /// Of the file.
    pub bytes: u64,
}

/// `POST /rooms/{id}/streams`
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct NewStream {
    /// `rtmp://`, `rtmps://` or `srt://`, with the key; or `hls:` (the last segments) or `hls:event` (all of them).
    pub url: String,
    /// Changes the layout of the mix for everybody: the mix is encoded once.
    pub layout: Option<Layout>,
    /// As of a recording.
    #[schema(minimum = 640, maximum = 1920)]
    pub width: Option<i64>,
    /// As of a recording.
    #[schema(minimum = 360, maximum = 1080)]
    pub height: Option<i64>,
    /// As of a recording.
    #[schema(minimum = 10, maximum = 60)]
    pub fps: Option<i64>,
    /// As of a recording.
    #[schema(minimum = 100_000, maximum = 20_000_000)]
    pub bitrate: Option<i64>,
}

/// A stream.
#[derive(Debug, Serialize, ToSchema)]
pub struct Stream {
    /// Its id.
    pub id: String,
    /// Its room's id.
    pub room: String,
    /// Without its key.
    pub url: String,
    /// How it does.
    pub state: StreamState,
    /// Tries after the first.
    pub retries: u32,
    /// RFC 3339, UTC.
    pub started_at: String,
    /// Bytes that went out.
    pub bytes: u64,
    /// bit/s over the last seconds; 0 while it is not live.
    pub bitrate: u32,
    /// Frames left out because the server was slow.
    pub dropped: u64,
    /// Seconds it has been live.
    pub duration: f64,
    /// What went wrong last.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub error: Option<String>,
    /// Where players find it, of HLS.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub playlist: Option<String>,
}

/// RFC 9457, `application/problem+json`.
#[derive(Debug, Serialize, ToSchema)]
pub struct Problem {
    /// `about:blank`: the status and the code say it all.
    #[serde(rename = "type")]
    pub kind: String,
    /// The status in words.
    pub title: String,
    /// The HTTP status.
    pub status: u16,
    /// One sentence a person can act on.
    pub detail: String,
    /// A stable word for programs.
    pub code: String,
}
