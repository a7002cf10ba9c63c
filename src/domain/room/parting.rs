//! Why somebody is in the room no longer, for the wire, for people and for whoever still waits for an answer.

use crate::domain::error::{Reason, Refusal};

/// Why a line is closed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Parting {
    /// They left.
    Left,
    /// A host removed them.
    Removed,
    /// A host ended the room.
    Ended,
    /// They came back over another line.
    Replaced,
    /// A host did not let them in.
    Refused,
    /// The server stops.
    Shutdown,
    /// Their media session broke, and they have nothing else here (WHIP, WHEP).
    Lost,
    /// They wrote or reacted without end.
    Flooded,
}

impl Parting {
    /// The word on the wire.
    pub fn code(self) -> &'static str {
        match self {
            Parting::Left => "left",
            Parting::Removed => "removed",
            Parting::Ended => "ended",
            Parting::Replaced => "replaced",
            Parting::Refused => "refused",
            Parting::Shutdown => "shutdown",
            Parting::Lost => "lost",
            Parting::Flooded => "flooded",
        }
    }

    /// One sentence for people.
    pub fn message(self) -> &'static str {
        match self {
            Parting::Left => "You left the room.",
            Parting::Removed => "A host removed you from the room.",
            Parting::Ended => "The host ended the room for everybody.",
            Parting::Replaced => "You joined again from somewhere else; this connection is closed.",
            Parting::Refused => "The host did not let you in.",
            Parting::Shutdown => "The server is restarting; join again in a moment.",
            Parting::Lost => "The media connection was lost.",
            Parting::Flooded => "You sent too much at once and were removed from the room.",
        }
    }

    /// What a request that still waits is told.
    pub fn refusal(self) -> Refusal {
        let reason = match self {
            Parting::Left | Parting::Ended => Reason::Gone,
            Parting::Removed => Reason::Removed,
            Parting::Refused => Reason::NotAdmitted,
            Parting::Replaced => Reason::Conflict,
            Parting::Shutdown | Parting::Lost => Reason::Unavailable,
            Parting::Flooded => Reason::TooMany,
        };
        Refusal::new(reason, self.message())
    }
}
