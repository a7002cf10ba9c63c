//! Which of the offered codecs are taken, and what the answer says about each.

use crate::domain::ids::{MediaKind, Source};
use crate::domain::media::PeerKind;
use crate::rtp::description::{Codec, CodecName};

use super::section::{Format, Section};

/// H.264 as every browser speaks it: constrained baseline, level 3.1.
const COMMON_PROFILE: &str = "42e01f";
/// What a missing `profile-level-id` means (RFC 6184, 8.1): baseline, level 1.
const DEFAULT_PROFILE: &str = "420010";

/// A codec taken, with its `a=fmtp` in the answer.
#[derive(Debug, Clone)]
pub(super) struct Chosen {
    pub(super) codec: Codec,
    pub(super) parameters: Option<String>,
}

/// What the client's media is received in: VP8 if offered, which every viewer decodes.
pub(super) const RECEIVED: [CodecName; 2] = [CodecName::Vp8, CodecName::H264];

/// The order of a slot's codecs in the answer. The mix is H.264 first of all, people are VP8.
pub(super) fn slot_order(kind: PeerKind) -> [CodecName; 2] {
    match kind {
        PeerKind::Whep => [CodecName::H264, CodecName::Vp8],
        PeerKind::Browser | PeerKind::Whip => [CodecName::Vp8, CodecName::H264],
    }
}

/// Each codec that we forward and the section offers, once, video in the asked order.
pub(super) fn choose(section: &Section, kind: MediaKind, video: [CodecName; 2]) -> Vec<Chosen> {
    let names = match kind {
        MediaKind::Audio => &[CodecName::Opus][..],
        MediaKind::Video => &video[..],
    };
    names.iter().filter_map(|name| best(section, *name).map(|format| take(section, *name, format))).collect()
}

/// The best offered format of a codec.
fn best(section: &Section, name: CodecName) -> Option<&Format> {
    let formats = section.formats.iter();
    match name {
        CodecName::Opus => {
            formats.clone().find(|f| f.is("opus", 48_000) && f.map.encoding_params.as_deref() == Some("2"))
        }
        CodecName::Vp8 => formats.clone().find(|f| f.is("VP8", 90_000)),
        CodecName::H264 => {
            let usable = |f: &&Format| f.is("H264", 90_000) && f.parameter("packetization-mode") == Some("1");
            let baseline = formats.clone().filter(usable).filter(|f| profile(f).starts_with("42"));
            baseline.min_by_key(|f| profile(f) != COMMON_PROFILE)
        }
    }
}

/// `profile-level-id` in lower case; empty if it is not six hexadecimal digits.
fn profile(format: &Format) -> String {
    let written = format.parameter("profile-level-id").unwrap_or(DEFAULT_PROFILE).to_ascii_lowercase();
    let well_formed = written.len() == 6 && written.bytes().all(|b| b.is_ascii_hexdigit());
    if well_formed { written } else { String::new() }
}

fn take(section: &Section, name: CodecName, format: &Format) -> Chosen {
    let parameters = (name == CodecName::H264)
        .then(|| format!("level-asymmetry-allowed=1;packetization-mode=1;profile-level-id={}", profile(format)));
    let codec = Codec {
        name,
        payload_type: format.payload_type,
        rtx: section.rtx_of(format.payload_type),
        clock_rate: format.map.clock_rate,
        nack: format.feedback.nack,
        pli: format.feedback.pli,
        fir: format.feedback.fir,
        transport_cc: format.feedback.transport_cc,
    };
    Chosen { codec, parameters }
}

/// What a section is to the server, as far as sound goes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Sound {
    /// The client sends this.
    Received(Source),
    /// The server sends.
    Sent,
}

/// Opus' `a=fmtp`: what we would like to receive (RFC 7587, 7.1). Forward error correction and silence not sent, always.
///
/// A microphone stays mono, which a browser's offer of `stereo=1` says nothing about; a screen's sound is music or
/// film. A WHIP publisher and the receiving side are taken at their word.
pub(super) fn opus_parameters(section: &Section, kind: PeerKind, sound: Sound) -> String {
    let says = |name| section.formats.iter().filter(|f| f.is("opus", 48_000)).any(|f| f.parameter(name) == Some("1"));
    let stereo = match sound {
        Sound::Received(Source::ScreenSound) => true,
        Sound::Received(_) => kind == PeerKind::Whip && (says("stereo") || says("sprop-stereo")),
        Sound::Sent => says("stereo"),
    };
    let both = if stereo { ";stereo=1;sprop-stereo=1" } else { "" };
    format!("minptime=10;useinbandfec=1;usedtx=1{both}")
}
