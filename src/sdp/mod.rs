//! SDP: reads a client's offer, refuses what is wrong with it, and writes the answer. Pure: text in, text out.
//!
//! ```text
//! client's offer --parse_offer--> Offer --transport_offer--> webrtcbin (ICE and DTLS only)
//!                                   |                            |
//!                                   |<--TransportAnswer::parse---+
//!                                   +--answer--> client
//! ```
//!
//! The client offers once and the server never does (RFC 9429 calls this the simple case), whatever the door: the page, WHIP
//! (RFC 9725) or WHEP. webrtcbin never sees the client's text, only the few facts of it that were checked here, so nothing
//! a client writes can reach its parser.

mod answer;
mod codec;
mod fragment;
mod offer;
mod places;
mod problem;
mod section;
mod transport;

pub use fragment::{Fragment, FragmentProblem};
pub use offer::{Limits, Offer, parse_offer};
pub use problem::OfferProblem;
pub use transport::{
    Candidate, CandidateTransport, DataChannel, IceCredentials, Setup, TransportAnswer, TransportProblem,
};

pub use crate::rtp::description::SERVER_CNAME as CNAME;

/// The longest SDP read, in bytes. The largest real offer seen (Chromium, 25 video slots) has 142 kB.
pub const MAX_OFFER_BYTES: usize = 256 * 1024;

/// The most sections an offer may hold; the page's largest (25 video slots) has 32.
pub const MAX_SECTIONS: usize = 64;

#[cfg(test)]
mod tests;
