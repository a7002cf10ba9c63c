//! What a negotiation settled about one peer: the joint between [`crate::sdp`], which reads it from the offer, and the
//! router, which works by it. Payload types and extension ids are the client's and hold for this peer alone.

use crate::domain::ids::{MediaKind, Source};

/// The CNAME of everything the server sends: one endpoint, one clock (RFC 3550 section 6.5.1).
pub const SERVER_CNAME: &str = "veranda";

/// The codecs this server forwards.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum CodecName {
    /// RFC 7587, 48 kHz.
    Opus,
    /// RFC 7741.
    Vp8,
    /// RFC 6184, packetization-mode=1, constrained baseline.
    H264,
}

/// A codec under this peer's payload type.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Codec {
    /// Which.
    pub name: CodecName,
    /// Its payload type.
    pub payload_type: u8,
    /// The payload type of its retransmissions (RFC 4588), where the client offered one.
    pub rtx: Option<u8>,
    /// RTP clock in Hz.
    pub clock_rate: u32,
    /// Generic NACK was agreed (RFC 4585).
    pub nack: bool,
    /// Picture loss indication was agreed (RFC 4585).
    pub pli: bool,
    /// Full intra request was agreed (RFC 5104).
    pub fir: bool,
    /// Transport-wide feedback was agreed (draft-holmer-rmcat-transport-wide-cc-extensions-01).
    pub transport_cc: bool,
}

/// Ids of the header extensions agreed with this peer (RFC 8285); one meaning per id in the whole bundle.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Extensions {
    /// `urn:ietf:params:rtp-hdrext:sdes:mid`
    pub mid: Option<u8>,
    /// `urn:ietf:params:rtp-hdrext:sdes:rtp-stream-id`
    pub rid: Option<u8>,
    /// `urn:ietf:params:rtp-hdrext:sdes:repaired-rtp-stream-id`
    pub repaired_rid: Option<u8>,
    /// `urn:ietf:params:rtp-hdrext:ssrc-audio-level` (RFC 6464)
    pub audio_level: Option<u8>,
    /// `http://www.ietf.org/id/draft-holmer-rmcat-transport-wide-cc-extensions-01`
    pub transport_cc: Option<u8>,
}

/// A section by which the peer publishes.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Receive {
    /// `a=mid`
    pub mid: String,
    /// What it carries.
    pub source: Source,
    /// The one codec of the answer.
    pub codec: Codec,
    /// Simulcast layers in the offer's order, smallest first; empty without simulcast.
    pub rids: Vec<String>,
    /// SSRCs that the offer names (`a=ssrc`), media only. Firefox names them, Chromium's simulcast does not.
    pub ssrcs: Vec<u32>,
    /// `a=ssrc-group:FID`: (media, retransmission).
    pub rtx_ssrcs: Vec<(u32, u32)>,
}

/// A section by which the server sends: one slot.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Slot {
    /// `a=mid`
    pub mid: String,
    /// Audio or video.
    pub kind: MediaKind,
    /// Everything it may carry; never empty.
    pub codecs: Vec<Codec>,
    /// The slot's one SSRC, whoever is shown.
    pub ssrc: u32,
    /// The SSRC of its retransmissions.
    pub rtx_ssrc: u32,
}

/// One peer, negotiated.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct PeerMedia {
    /// What it publishes.
    pub receives: Vec<Receive>,
    /// What it can be sent, in the order of the offer.
    pub slots: Vec<Slot>,
    /// Extension ids.
    pub extensions: Extensions,
}
