//! What the router did, counted since it began.

use super::srtp::SrtpError;

/// Why a packet went no further.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Refusal {
    Malformed,
    UnknownPeer,
    NoKeys,
    Tag,
    Replay,
    UnknownStream,
    PayloadType,
    Duplicate,
    Silenced,
    Padding,
    Ceiling,
    Flood,
}

impl From<SrtpError> for Refusal {
    fn from(error: SrtpError) -> Refusal {
        match error {
            SrtpError::Malformed => Refusal::Malformed,
            SrtpError::Tag => Refusal::Tag,
            SrtpError::Replay => Refusal::Replay,
            SrtpError::TooManySsrcs => Refusal::UnknownStream,
        }
    }
}

/// Packets that went no further, by reason.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Drops {
    /// Not RTP, RTCP or the negotiated codec.
    pub malformed: u64,
    /// From a peer that is not here (any more).
    pub unknown_peer: u64,
    /// Before DTLS was done.
    pub no_keys: u64,
    /// Wrong authentication tag.
    pub tag: u64,
    /// Seen before, or too late to tell.
    pub replay: u64,
    /// No section of the offer could be found for its SSRC, or the peer used up its SSRCs.
    pub unknown_stream: u64,
    /// A payload type that was not agreed on.
    pub payload_type: u64,
    /// Repaired twice, or too late to be of use.
    pub duplicate: u64,
    /// Of a silenced track.
    pub silenced: u64,
    /// Without content: bandwidth probes.
    pub padding: u64,
    /// Of a track that is sent with far more than any camera or microphone needs.
    pub over_ceiling: u64,
    /// RTCP of a peer that sends it without end.
    pub rtcp_flood: u64,
}

/// Everything counted, since the router began.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Counters {
    /// Datagrams received: SRTP and SRTCP.
    pub received: u64,
    /// RTP packets sent to slots, without retransmissions.
    pub forwarded: u64,
    /// RTP packets handed to subscriptions.
    pub delivered: u64,
    /// RTP packets that the mix published.
    pub published: u64,
    /// Packets that went no further.
    pub dropped: Drops,
    /// Packets that publishers were asked to send again.
    pub nacks_sent: u64,
    /// Packets that viewers asked for again.
    pub nacks_received: u64,
    /// Holes that a retransmission filled.
    pub repaired: u64,
    /// Retransmissions sent to viewers.
    pub rtx_sent: u64,
    /// Retransmissions refused: asked for too often, or more than a viewer may have.
    pub rtx_refused: u64,
    /// Key frames asked of publishers.
    pub plis_sent: u64,
    /// Key frames viewers asked for.
    pub plis_received: u64,
    /// Transport-wide feedback messages sent to publishers.
    pub feedback_sent: u64,
    /// Transport-wide feedback messages from viewers.
    pub feedback_received: u64,
    /// Assignments refused because the slot cannot carry the track's codec.
    pub codec_mismatches: u64,
}

impl Counters {
    pub(crate) fn dropped(&mut self, reason: Refusal) {
        let drops = &mut self.dropped;
        *match reason {
            Refusal::Malformed => &mut drops.malformed,
            Refusal::UnknownPeer => &mut drops.unknown_peer,
            Refusal::NoKeys => &mut drops.no_keys,
            Refusal::Tag => &mut drops.tag,
            Refusal::Replay => &mut drops.replay,
            Refusal::UnknownStream => &mut drops.unknown_stream,
            Refusal::PayloadType => &mut drops.payload_type,
            Refusal::Duplicate => &mut drops.duplicate,
            Refusal::Silenced => &mut drops.silenced,
            Refusal::Padding => &mut drops.padding,
            Refusal::Ceiling => &mut drops.over_ceiling,
            Refusal::Flood => &mut drops.rtcp_flood,
        } += 1;
    }
}
