//! What a browser sends over its WebSocket: one JSON object a text frame, told apart by `type`.

use serde::de::Error as _;
use serde::{Deserialize, Deserializer};
use serde_json::{Map, Value};

use crate::domain::words::{Activity, Layout, MediaState, Reaction, Role, Rules, TrackSource, ViewChoice};

/// A frame from the browser. `request`, where given, comes back in the `error` or `done` that answers it.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[cfg_attr(test, derive(ts_rs::TS), ts(export_to = "client.ts", optional_fields))]
pub struct ClientFrame {
    /// The sender's number for this message, told back with its outcome.
    #[serde(default)]
    pub request: Option<u32>,
    /// What is asked.
    #[serde(flatten, deserialize_with = "by_name")]
    pub message: ClientMessage,
}

/// A message by the name in `type`. serde alone would take a variant's number as well.
fn by_name<'de, D: Deserializer<'de>>(deserializer: D) -> Result<ClientMessage, D::Error> {
    let fields = Map::<String, Value>::deserialize(deserializer)?;
    if !fields.get("type").is_some_and(Value::is_string) {
        return Err(D::Error::custom("`type` must be the name of a message"));
    }
    serde_json::from_value(Value::Object(fields)).map_err(D::Error::custom)
}

/// Everything a browser can say.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(tag = "type", rename_all = "snake_case", deny_unknown_fields)]
#[cfg_attr(test, derive(ts_rs::TS), ts(export_to = "client.ts", optional_fields))]
pub enum ClientMessage {
    /// The first message, and only the first.
    Join {
        /// The version of this protocol the page speaks; another one is told to reload.
        protocol: u32,
        /// As others see it; 1 to 60 characters after trimming.
        name: String,
        /// From the fragment of the maker's link.
        #[serde(default)]
        host_token: Option<String>,
        /// From an earlier `welcome`: takes the same place again.
        #[serde(default)]
        resume: Option<String>,
        /// What is on at the start.
        #[serde(default)]
        media: MediaState,
    },
    /// A new media session: the SDP of a new `RTCPeerConnection`, made once.
    Offer {
        /// The offer.
        sdp: String,
    },
    /// What of my media is on. Says everything each time.
    Media {
        /// The state.
        media: MediaState,
    },
    /// What I draw, so that only that is sent.
    View {
        /// How.
        mode: ViewChoice,
        /// The people I draw, most wanted first; empty leaves the choice to the server.
        #[serde(default)]
        tiles: Vec<ViewTile>,
    },
    /// I leave for good: my place is not kept.
    Leave {},
    /// I write to everybody. Who comes later reads it as well.
    Chat {
        /// Plain text of 1 to 2000 characters.
        text: String,
    },
    /// I react.
    React {
        /// With what.
        reaction: Reaction,
    },
    /// I raise my hand, or lower it.
    RaiseHand {
        /// Up.
        raised: bool,
    },
    /// Host: change the room.
    ChangeRoom {
        /// A new name.
        #[serde(default)]
        name: Option<String>,
        /// A new theme.
        #[serde(default)]
        activity: Option<Activity>,
        /// Nobody new comes in.
        #[serde(default)]
        locked: Option<bool>,
        /// The host lets people in one by one.
        #[serde(default)]
        lobby: Option<bool>,
        /// How the mix is laid out.
        #[serde(default)]
        layout: Option<Layout>,
        /// What guests may do, all of it.
        #[serde(default)]
        rules: Option<Rules>,
    },
    /// Host: end the old invitation, make a new one. Answered by `invitation`.
    RenewInvitation {},
    /// Host: mute somebody's microphone, or let them unmute.
    Mute {
        /// Whom.
        participant: String,
        /// True mutes; false ends the host's mute (the person still unmutes by hand).
        muted: bool,
    },
    /// Host: mute everybody who is no host.
    MuteAll {},
    /// Host: ask somebody to unmute.
    AskToUnmute {
        /// Whom.
        participant: String,
    },
    /// Host: end what somebody shares.
    StopShare {
        /// Whose.
        participant: String,
    },
    /// Host: lower somebody's hand.
    LowerHand {
        /// Whose.
        participant: String,
    },
    /// Host: change what somebody may do.
    SetRole {
        /// Whom.
        participant: String,
        /// To what.
        role: Role,
    },
    /// Host: send somebody away.
    Remove {
        /// Whom.
        participant: String,
    },
    /// Host: let a waiting person in, or not.
    Admit {
        /// Whom, by the id in `waiting_changed`.
        participant: String,
        /// False refuses.
        admitted: bool,
    },
    /// Host: everybody leaves and the room is gone.
    EndRoom {},
    /// Host: record the mix to one MP4.
    StartRecording {
        /// As the room's layout from now on.
        #[serde(default)]
        layout: Option<Layout>,
        /// Pixels, even; from the height in 16:9 unless given.
        #[serde(default)]
        width: Option<i32>,
        /// Pixels, even; from the width in 16:9 unless given.
        #[serde(default)]
        height: Option<i32>,
        /// Frames a second.
        #[serde(default)]
        fps: Option<i32>,
        /// bit/s of the picture; from size and rate unless given.
        #[serde(default)]
        bitrate: Option<i32>,
        /// Each person's own media as well, not transcoded.
        #[serde(default)]
        tracks: Option<bool>,
    },
    /// Host: leave out of a recording what happens from now on.
    PauseRecording {
        /// Which.
        recording: String,
    },
    /// Host: go on with a paused recording.
    ResumeRecording {
        /// Which.
        recording: String,
    },
    /// Host: finish a recording.
    StopRecording {
        /// Which.
        recording: String,
    },
    /// Host: send the mix to a server, or to players.
    StartStream {
        /// `rtmp://`, `rtmps://` or `srt://`, with the key; or `hls:` or `hls:event`.
        url: String,
        /// As the room's layout from now on.
        #[serde(default)]
        layout: Option<Layout>,
        /// Pixels, even; from the height in 16:9 unless given.
        #[serde(default)]
        width: Option<i32>,
        /// Pixels, even; from the width in 16:9 unless given.
        #[serde(default)]
        height: Option<i32>,
        /// Frames a second.
        #[serde(default)]
        fps: Option<i32>,
        /// bit/s of the picture; from size and rate unless given.
        #[serde(default)]
        bitrate: Option<i32>,
    },
    /// Host: end a stream.
    StopStream {
        /// Which.
        stream: String,
    },
}

/// One thing a viewer draws.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields)]
#[cfg_attr(test, derive(ts_rs::TS), ts(export_to = "client.ts"))]
pub struct ViewTile {
    /// Whose.
    pub participant: String,
    /// `camera` or `screen`.
    pub source: TrackSource,
    /// The height in device pixels at which it is drawn.
    pub height: u16,
    /// Pinned by the viewer: never gives its slot to somebody else.
    #[serde(default)]
    pub pinned: bool,
}
