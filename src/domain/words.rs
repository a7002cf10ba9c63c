//! The closed sets of words that every layer shares, spelled as the wire spells them.
//!
//! The one file of the domain that knows serde and the description macros: two sets of the same words would only drift.

use serde::{Deserialize, Serialize};

use super::ids::Source;

macro_rules! words {
    ($(#[$doc:meta])* $name:ident { $($(#[$vdoc:meta])* $variant:ident),+ $(,)? }) => {
        $(#[$doc])*
        #[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize, utoipa::ToSchema)]
        #[serde(rename_all = "snake_case")]
        #[cfg_attr(test, derive(ts_rs::TS), ts(export_to = "words.ts"))]
        pub enum $name { $($(#[$vdoc])* $variant),+ }
    };
}

words!(/** What a room is for. */ Activity {
    /** Catching up with friends. */ CatchUp,
    /** The family. */ Family,
    /** A meeting. */ Work,
    /** A lesson. */ Class,
    /** A party. */ Party,
    /** A show for an audience. */ Show,
});

words!(/** What somebody may do. */ Role {
    /** Everything: the maker, and whom a host made one. */ Host,
    /** Take part. */ Guest,
});

words!(/** The door somebody came through. */ ParticipantKind {
    /** The page. */ Browser,
    /** A publisher by WHIP. */ Whip,
    /** A viewer by WHEP. */ Whep,
});

words!(/** What somebody is sent. */ ViewMode {
    /** Everybody in a tile of their own. */ Tiles,
    /** The mix as one picture. */ Mix,
    /** No pictures. */ Sound,
});

words!(/** What somebody wants to be sent. */ ViewChoice {
    /** Everybody, or as much of that as the line carries: the mix in a small size, or sound alone. */ Auto,
    /** Everybody in a tile of their own. */ Tiles,
    /** The mix as one picture, small on a thin line. */ Mix,
    /** No pictures. */ Sound,
});

words!(/** How the mix is laid out. */ Layout {
    /** `grid`, and `stage` while a screen is shared. */ Auto,
    /** Everybody and every screen the same size. */ Grid,
    /** Who speaks large, the others in a strip; a shared screen takes the large place. */ Speaker,
    /** A shared screen large, faces beside it; without one, who speaks. */ Stage,
});

words!(/** One medium of a participant. */ TrackSource {
    /** Their voice. */ Microphone,
    /** Their face. */ Camera,
    /** A shared screen or window. */ Screen,
    /** The sound of what they share. */ ScreenSound,
});

words!(/** How far a recording is. */ RecordingState {
    /** The first frame is on its way. */ Starting,
    /** It is written. */ Live,
    /** Nothing is written until it goes on. */ Paused,
    /** Being made into an ordinary MP4. */ Finishing,
    /** There to download. */ Complete,
    /** Ended by an error; what was written is kept. */ Failed,
});

words!(/** How far a recording is on its way to the operator's storage. */ UploadState {
    /** It waits for its turn. */ Pending,
    /** It is being sent. */ Uploading,
    /** The storage has all of it. */ Done,
    /** It did not work; another try follows by itself. */ Failed,
});

words!(/** How a stream does. */ StreamState {
    /** The first connection is being made. */ Connecting,
    /** The server takes it. */ Live,
    /** The server went away; we try again. */ Retrying,
    /** Ended by the host. */ Ended,
    /** Given up. */ Failed,
});

words!(/** A small sign of what somebody feels, seen by everybody for a moment. */ Reaction {
    /** A thumb up. */ ThumbsUp,
    /** A heart. */ Heart,
    /** Hands that clap. */ Clap,
    /** A laugh. */ Laugh,
    /** Surprise. */ Surprise,
    /** A party. */ Celebrate,
});

/// What a room lets its guests do; hosts may do everything. Says everything each time: what is left out is as in a new
/// room.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize, Serialize, utoipa::ToSchema)]
#[serde(deny_unknown_fields, default)]
#[cfg_attr(test, derive(ts_rs::TS), ts(export_to = "words.ts"))]
pub struct Rules {
    /// Guests may share their screen.
    pub guests_share: bool,
    /// Guests come in with their microphone off.
    pub join_muted: bool,
    /// Hosts may record.
    pub recording: bool,
    /// Whoever has the invitation is told the names of those who are in, before they come in.
    pub names_shown: bool,
}

impl Default for Rules {
    fn default() -> Self {
        Self { guests_share: true, join_muted: false, recording: true, names_shown: false }
    }
}

/// What somebody has switched on.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Deserialize, Serialize)]
#[serde(deny_unknown_fields, default)]
#[cfg_attr(test, derive(ts_rs::TS), ts(export_to = "words.ts"))]
pub struct MediaState {
    /// The microphone is on and not muted.
    pub microphone: bool,
    /// The camera is on.
    pub camera: bool,
    /// A screen is shared.
    pub screen: bool,
    /// The shared screen has sound.
    pub screen_sound: bool,
}

/// With which settings the picture is encoded.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize, Serialize, utoipa::ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum Encoder {
    /// The usual ones.
    Usual,
    /// Those for a machine that is too busy: a picture that is less sharp for the same bits.
    Cheaper,
}

/// What a recording's picture is from here on: less than asked for where the machine could not make it, and all again later.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize, utoipa::ToSchema)]
pub struct Pace {
    /// Seconds of the recording.
    pub at: f64,
    /// Pictures a second.
    pub fps: u32,
    /// Pixels. This and what follows are not in manifests of old.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub width: Option<u32>,
    /// Pixels.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub height: Option<u32>,
    /// How it is encoded.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub encoder: Option<Encoder>,
}

impl From<Source> for TrackSource {
    fn from(source: Source) -> Self {
        match source {
            Source::Microphone => Self::Microphone,
            Source::Camera => Self::Camera,
            Source::Screen => Self::Screen,
            Source::ScreenSound => Self::ScreenSound,
        }
    }
}

impl From<TrackSource> for Source {
    fn from(source: TrackSource) -> Self {
        match source {
            TrackSource::Microphone => Self::Microphone,
            TrackSource::Camera => Self::Camera,
            TrackSource::Screen => Self::Screen,
            TrackSource::ScreenSound => Self::ScreenSound,
        }
    }
}

impl MediaState {
    /// Whether this source is switched on.
    pub fn has(self, source: Source) -> bool {
        match source {
            Source::Microphone => self.microphone,
            Source::Camera => self.camera,
            Source::Screen => self.screen,
            Source::ScreenSound => self.screen_sound,
        }
    }

    /// Switches one source.
    pub fn set(&mut self, source: Source, on: bool) {
        match source {
            Source::Microphone => self.microphone = on,
            Source::Camera => self.camera = on,
            Source::Screen => self.screen = on,
            Source::ScreenSound => self.screen_sound = on,
        }
    }
}
