//! What can be wrong with an offer: one plain sentence each, with the limit, for the person who wrote the client.

use crate::domain::ids::MediaKind;

use super::{MAX_OFFER_BYTES, MAX_SECTIONS};

/// Why an offer cannot be answered. Excerpts of the offer are short and hold no control characters.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum OfferProblem {
    /// No text at all.
    #[error("The offer is empty.")]
    Empty,
    /// More text than is read.
    #[error("The offer has {0} bytes; the limit is {MAX_OFFER_BYTES}.")]
    TooLarge(usize),
    /// Not SDP (RFC 8866).
    #[error("The offer is not SDP: {0}.")]
    Unparsable(String),
    /// No `m=` line.
    #[error("The offer has no media section.")]
    NoSections,
    /// Too many `m=` lines.
    #[error("The offer has {0} media sections; the limit is {MAX_SECTIONS}.")]
    TooManySections(usize),
    /// A section of neither audio, video nor a data channel.
    #[error("Section {section} is of the kind \"{kind}\"; audio, video and application are understood.")]
    UnknownKind {
        /// Counted from 0.
        section: usize,
        /// As written, cut.
        kind: String,
    },
    /// Not DTLS-SRTP, or not SCTP over DTLS.
    #[error("Section {section} uses the protocol \"{protocol}\"; UDP/TLS/RTP/SAVPF and UDP/DTLS/SCTP are understood.")]
    UnknownProtocol {
        /// Counted from 0.
        section: usize,
        /// As written, cut.
        protocol: String,
    },
    /// `m=` lists something that is no payload type.
    #[error("Section {0} lists a payload type that is not a number from 0 to 127.")]
    BadPayloadType(usize),
    /// A section without `a=mid`.
    #[error("Section {0} has no a=mid.")]
    MissingMid(usize),
    /// `a=mid` of 0 or more than 16 characters, or of strange ones.
    #[error("The a=mid of section {0} is not a token of 1 to 16 characters.")]
    BadMid(usize),
    /// Two sections with one name.
    #[error("Two sections have the a=mid \"{0}\".")]
    DuplicateMid(String),
    /// A section outside the one bundle.
    #[error("Section \"{0}\" is not in the BUNDLE group; all sections share one transport.")]
    NotBundled(String),
    /// Two groups, or a mid twice in one.
    #[error("The offer must have one BUNDLE group that names each section once.")]
    BadBundle,
    /// RTP and RTCP on two ports.
    #[error("Section \"{0}\" has no a=rtcp-mux.")]
    NoRtcpMux(String),
    /// Missing or malformed `a=ice-ufrag`.
    #[error("The a=ice-ufrag must have 4 to 256 letters, digits, + or /.")]
    BadIceUfrag,
    /// Missing or malformed `a=ice-pwd`.
    #[error("The a=ice-pwd must have 22 to 256 letters, digits, + or /.")]
    BadIcePwd,
    /// No fingerprint by a hash we check.
    #[error("The offer has no sha-256 a=fingerprint.")]
    NoFingerprint,
    /// A fingerprint that is not its hash's length in hexadecimal pairs.
    #[error("An a=fingerprint is malformed; a sha-256 one is 32 hexadecimal pairs.")]
    BadFingerprint,
    /// Neither `actpass`, `active` nor `passive`.
    #[error("The a=setup must be actpass, active or passive.")]
    BadSetup,
    /// One payload type, two codecs.
    #[error("Payload type {0} means two things in one bundle.")]
    PayloadTypeTwice(u8),
    /// One extension id, two extensions, or one of ours under two ids.
    #[error("Header extension id {0} has two meanings, or its extension two ids, in one bundle.")]
    ExtensionTwice(u8),
    /// One SSRC, two sections.
    #[error("SSRC {0} is named in two sections.")]
    SsrcTwice(u32),
    /// No codec that we forward.
    #[error("Section \"{mid}\" offers no codec that this server forwards ({}).", codecs(*kind))]
    NoCodec {
        /// The section.
        mid: String,
        /// Its kind.
        kind: MediaKind,
    },
    /// More sections send than there are sources.
    #[error("The offer sends more {} than a participant may; the limit is 2 (one of a person, one of a screen).", name(*.0))]
    TooManySources(MediaKind),
    /// More sections receive than the door gives.
    #[error("The offer has more receiving {} sections than the limit of {limit}.", name(*kind))]
    TooManySlots {
        /// Audio or video.
        kind: MediaKind,
        /// How many there may be.
        limit: usize,
    },
    /// A publisher that publishes nothing.
    #[error("A WHIP offer needs at least one audio or video section that sends.")]
    NothingSent,
    /// A viewer that views nothing.
    #[error("A WHEP offer needs at least one audio or video section that receives.")]
    NothingReceived,
    /// Neither.
    #[error("The offer neither sends nor receives audio or video.")]
    NothingToDo,
    /// Two `m=application` sections.
    #[error("The offer has more than one application section; the limit is 1.")]
    TwoDataSections,
}

/// The plain name of a medium.
fn name(kind: MediaKind) -> &'static str {
    match kind {
        MediaKind::Audio => "audio",
        MediaKind::Video => "video",
    }
}

/// The codecs of a medium, for a sentence.
fn codecs(kind: MediaKind) -> &'static str {
    match kind {
        MediaKind::Audio => "Opus",
        MediaKind::Video => "VP8, or H.264 baseline with packetization-mode=1",
    }
}

/// A short, printable piece of what somebody else wrote.
pub(super) fn excerpt(text: &str) -> String {
    text.chars().take(80).map(|c| if c.is_control() { '?' } else { c }).collect()
}
