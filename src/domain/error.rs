//! Refusals: what a caller may hear, each with the way out. Everything that can say no says it with one of these.

use std::fmt;

/// Why something was refused. The variants are the contract's codes; the text names field, limit and way out.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Refusal {
    /// The stable reason.
    pub reason: Reason,
    /// One sentence a person can act on. Holds no secrets.
    pub message: String,
}

impl Refusal {
    /// A refusal with its sentence.
    pub fn new(reason: Reason, message: impl Into<String>) -> Self {
        Self { reason, message: message.into() }
    }
}

impl fmt::Display for Refusal {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.message)
    }
}

impl std::error::Error for Refusal {}

/// The stable reasons; [`Reason::code`] is what the wire says.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Reason {
    /// Malformed: a person cannot have meant it. 400
    InvalidRequest,
    /// No token, or one that nobody knows. 401
    Unauthorized,
    /// A good token for something else, or a guest doing what hosts do. 403
    Forbidden,
    /// No such room, person, recording or stream. 404
    NotFound,
    /// The state does not allow it now. 409
    Conflict,
    /// It was, and is no more: an old invitation, an ended room. 410
    Gone,
    /// A value out of range; the message names field and limit. 422
    OutOfRange,
    /// The room is locked. 423
    Locked,
    /// Too often. 429
    TooMany,
    /// The room holds as many as it may. 409
    RoomFull,
    /// The host removed this session; it cannot come back. 403
    Removed,
    /// The host did not let this person in. 403
    NotAdmitted,
    /// The SDP cannot be answered. 422
    BadOffer,
    /// The server is full or closing. 503
    Unavailable,
    /// We failed; the log knows more. 500
    Internal,
}

impl Reason {
    /// The word on the wire.
    pub fn code(self) -> &'static str {
        match self {
            Reason::InvalidRequest => "invalid_request",
            Reason::Unauthorized => "unauthorized",
            Reason::Forbidden => "forbidden",
            Reason::NotFound => "not_found",
            Reason::Conflict => "conflict",
            Reason::Gone => "gone",
            Reason::OutOfRange => "out_of_range",
            Reason::Locked => "locked",
            Reason::TooMany => "too_many",
            Reason::RoomFull => "room_full",
            Reason::Removed => "removed",
            Reason::NotAdmitted => "not_admitted",
            Reason::BadOffer => "bad_offer",
            Reason::Unavailable => "unavailable",
            Reason::Internal => "internal",
        }
    }
}
