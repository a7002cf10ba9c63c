//! A member of a room: a browser, a WHIP publisher, a WHEP viewer. All are the same kind of member.

use std::time::Duration;

use super::error::{Reason, Refusal};
use super::ids::{ParticipantId, PeerId, Source, TrackId};
use super::media::PeerKind;
use super::room::{ConnectionId, RequestId};
use super::slots::{Slot, WantedTile};
use super::talk::Pace;
use super::thin::{LineFit, Pictures};
use super::words::{MediaState, ParticipantKind, Role, ViewChoice};

/// The longest name of a person, in characters.
pub const MAX_NAME: usize = 60;
/// The longest name of a room, in characters.
pub const MAX_ROOM_NAME: usize = 80;

/// Somebody who wants in.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Join {
    /// The id they get, unless they take their old place.
    pub participant: ParticipantId,
    /// The resume token they get, unless they take their old place.
    pub token: String,
    /// Where they are told things.
    pub connection: ConnectionId,
    /// As typed.
    pub name: String,
    /// Their door.
    pub kind: ParticipantKind,
    /// They showed the host token or an API key.
    pub host: bool,
    /// A token from an earlier welcome.
    pub resume: Option<String>,
    /// What is on.
    pub media: MediaState,
    /// What they want to be sent.
    pub view: ViewChoice,
    /// WHEP: the small picture.
    pub low: bool,
}

/// Somebody in the room.
#[derive(Debug, Clone)]
pub struct Member {
    /// Who.
    pub id: ParticipantId,
    /// Checked.
    pub name: String,
    /// What they may do.
    pub role: Role,
    /// Their door.
    pub kind: ParticipantKind,
    /// Since when.
    pub joined_at: Duration,
    /// Proves that a new connection is the same person.
    pub token: String,
    /// What they have on, as everybody is told.
    pub media: MediaState,
    /// A host muted them, and they have not unmuted since.
    pub muted_by_host: bool,
    /// What they want to be sent.
    pub view: ViewChoice,
    /// How much of that their line carries.
    pub line: LineFit,
    /// What they draw.
    pub tiles: Vec<WantedTile>,
    /// The small picture of the mix even where they could take the full one.
    pub low: bool,
    /// Their hand is up: lower numbers were raised earlier.
    pub hand: Option<u32>,
    /// How fast they write and react.
    pub pace: Pace,
    /// Where they are told things; none while they are away.
    pub connection: Option<ConnectionId>,
    /// Since when they are away.
    pub away_since: Option<Duration>,
    /// Their media.
    pub session: Option<Session>,
}

impl Member {
    /// A newcomer. The name has been checked.
    pub fn new(join: Join, now: Duration) -> Self {
        Self {
            id: join.participant,
            name: join.name,
            role: if join.host { Role::Host } else { Role::Guest },
            kind: join.kind,
            joined_at: now,
            token: join.token,
            media: join.media,
            muted_by_host: false,
            view: join.view,
            line: LineFit::default(),
            tiles: Vec::new(),
            low: join.low,
            hand: None,
            pace: Pace::default(),
            connection: Some(join.connection),
            away_since: None,
            session: None,
        }
    }

    /// The track of this source, while it is switched on and its packets have come.
    pub fn live_track(&self, source: Source) -> Option<TrackId> {
        let session = self.session.as_ref()?;
        let live = self.media.has(source) && session.started.contains(&source);
        live.then_some(TrackId { peer: session.peer, source })
    }

    /// What their pictures are made of.
    pub fn pictures(&self) -> Pictures {
        self.line.pictures(self.view, self.low)
    }

    /// The door of their media.
    pub fn peer_kind(&self) -> PeerKind {
        match self.kind {
            ParticipantKind::Browser => PeerKind::Browser,
            ParticipantKind::Whip => PeerKind::Whip,
            ParticipantKind::Whep => PeerKind::Whep,
        }
    }
}

/// One media session of a member.
#[derive(Debug, Clone)]
pub struct Session {
    /// Its name.
    pub peer: PeerId,
    /// How far it is.
    pub phase: Phase,
    /// What can be sent to it.
    pub slots: Vec<Slot>,
    /// What its offer has a section for.
    pub sources: Vec<Source>,
    /// The tracks whose packets have come.
    pub started: Vec<Source>,
}

/// How far a media session is. Moves only forward.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Phase {
    /// The media side works on the answer.
    Offered {
        /// Who waits for it.
        request: RequestId,
        /// For how long.
        deadline: Duration,
    },
    /// The client has the answer.
    Answered,
    /// Media flows.
    Connected,
}

/// Trims and checks a name people will see.
///
/// # Errors
/// `OutOfRange` with field and limit.
pub fn check_name(field: &str, name: &str, max: usize) -> Result<String, Refusal> {
    let name = name.trim();
    let bad = |problem: String| Err(Refusal::new(Reason::OutOfRange, format!("{field} {problem}")));
    // Bytes first: nobody counts the characters of a megabyte.
    if name.len() > max * 4 || name.chars().count() > max {
        return bad(format!("must not be longer than {max} characters"));
    }
    if name.chars().any(is_forbidden) {
        return bad("must not hold control characters".into());
    }
    if name.chars().all(is_invisible) {
        return bad("must not be empty".into());
    }
    Ok(name.to_owned())
}

/// Control characters, line separators, and those that turn the direction of the text around them.
pub(super) fn is_forbidden(c: char) -> bool {
    c.is_control() || matches!(c, '\u{2028}' | '\u{2029}' | '\u{202a}'..='\u{202e}' | '\u{2066}'..='\u{2069}')
}

pub(super) fn is_invisible(c: char) -> bool {
    c.is_whitespace() || matches!(c, '\u{ad}' | '\u{200b}'..='\u{200f}' | '\u{2060}'..='\u{2064}' | '\u{feff}')
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_are_trimmed_and_checked() {
        let check = |name: &str| check_name("name", name, MAX_NAME);
        assert_eq!(check("  Zoë 🎈 O'Hara  "), Ok("Zoë 🎈 O'Hara".into()));
        assert_eq!(check("اسم").as_deref(), Ok("اسم"));
        assert!(check(&"é".repeat(60)).is_ok());
        let long = "x".repeat(10_000);
        for bad in ["", "   ", "\u{200b}\u{200b}", "a\u{202e}b", "a\nb", "a\u{0}b", &"é".repeat(61), &long] {
            assert!(check(bad).is_err_and(|refusal| refusal.reason == Reason::OutOfRange), "{bad:?}");
        }
    }
}
