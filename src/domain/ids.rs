//! Names of things: identifiers and the closed sets every layer shares.
//!
//! An identifier is a number with a type and a short text form. The number comes from outside (the domain has no
//! randomness), so the same inputs always give the same ids.

use std::fmt;
use std::str::FromStr;

/// A text that is not an identifier of the asked kind.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct BadId;

impl fmt::Display for BadId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("not an identifier")
    }
}

impl std::error::Error for BadId {}

macro_rules! id {
    ($(#[$doc:meta])* $name:ident, $prefix:literal) => {
        $(#[$doc])*
        #[derive(Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
        pub struct $name(pub u64);

        impl fmt::Display for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                write!(f, concat!($prefix, "{:x}"), self.0)
            }
        }

        impl fmt::Debug for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                fmt::Display::fmt(self, f)
            }
        }

        impl FromStr for $name {
            type Err = BadId;

            fn from_str(text: &str) -> Result<Self, BadId> {
                let digits = text.strip_prefix($prefix).ok_or(BadId)?;
                let id = u64::from_str_radix(digits, 16).map(Self).map_err(|_| BadId)?;
                // One text per id: "+1", "01" and "A" are not what we hand out.
                if id.to_string() == text { Ok(id) } else { Err(BadId) }
            }
        }
    };
}

id!(/** A room, for as long as it is kept. Not a secret: the invitation is. */ RoomId, "r");
id!(/** A member of a room; kept when the member's media session is replaced. */ ParticipantId, "p");
id!(/** One media session: one webrtcbin in one pipeline. Never used twice in a process. */ PeerId, "m");
id!(/** A recording or a stream. Unique across restarts. */ OutputId, "o");

/// What a track carries, which is also its place in the client's offer.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Source {
    /// The first audio section that sends.
    Microphone,
    /// The first video section that sends.
    Camera,
    /// The second video section that sends.
    Screen,
    /// The second audio section that sends.
    ScreenSound,
}

impl Source {
    /// Every source, in the order of the browser's offer.
    pub const ALL: [Source; 4] = [Source::Microphone, Source::Camera, Source::Screen, Source::ScreenSound];

    /// The medium of this source.
    pub fn kind(self) -> MediaKind {
        match self {
            Source::Microphone | Source::ScreenSound => MediaKind::Audio,
            Source::Camera | Source::Screen => MediaKind::Video,
        }
    }
}

/// Audio or video.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum MediaKind {
    /// Opus, always.
    Audio,
    /// VP8 or H.264.
    Video,
}

/// One medium that a participant publishes, named by its media session.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct TrackId {
    /// The session that publishes it.
    pub peer: PeerId,
    /// Which of its media.
    pub source: Source,
}

/// A send transceiver of a peer: its place among that peer's slots, in the order of the offer (audio first).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct SlotIndex(pub u16);

/// Who is served first where a viewer's line does not carry everything. In order: the first is served first.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Priority {
    /// Sound: always.
    Voice,
    /// The one picture that stands for all: it was chosen because the line carries no more, and comes always as well.
    Only,
    /// Pictures the viewer pinned, and screens.
    Featured,
    /// Who has the floor.
    Speaker,
    /// Everybody else.
    Other,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_id_has_one_text() {
        let id = RoomId(0x1f);
        assert_eq!(id.to_string(), "r1f");
        assert_eq!("r1f".parse(), Ok(id));
        for bad in ["", "r", "1f", "p1f", "r01f", "r+1f", "r1F", "r1ffffffffffffffff"] {
            assert_eq!(bad.parse::<RoomId>(), Err(BadId), "{bad}");
        }
    }
}
