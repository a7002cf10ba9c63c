//! One `m=` section of an offer as written: typed, bounded, not judged beyond its own syntax.
//!
//! What cannot be read and is not needed is passed over, as RFC 8866 asks; what is needed and missing is missed later.

use std::collections::BTreeMap;

use sdp_types::{
    Attribute, Direction, ExtMap, Fmtp, GroupSemantics, Media, Rid, RidDirection, RtcpFb, RtcpFbCcm, RtcpFbNack,
    RtcpFbPt, RtcpFbVal, RtpMap, Ssrc, SsrcGroup, TransportProto,
};

use crate::domain::ids::MediaKind;

use super::problem::{OfferProblem, excerpt};
use super::transport::TransportPart;

/// A mid travels in a one-byte header extension, which holds 16 bytes (RFC 8285, 4.2); so does a rid.
const MAX_NAME: usize = 16;
/// More layers than these are not received: simulcast here is small, medium, full.
const MAX_LAYERS: usize = 3;
/// SSRCs read of one section: media and retransmission of each layer, with room for oddities.
const MAX_SSRCS: usize = 16;

/// What a section is for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum SectionKind {
    Media(MediaKind),
    Data,
}

impl SectionKind {
    /// The word of the `m=` line.
    pub(super) fn name(self) -> &'static str {
        match self {
            Self::Media(MediaKind::Audio) => "audio",
            Self::Media(MediaKind::Video) => "video",
            Self::Data => "application",
        }
    }
}

/// The RTCP feedback offered for one payload type, as far as we speak it.
#[derive(Debug, Clone, Copy, Default)]
pub(super) struct Feedback {
    pub(super) nack: bool,
    pub(super) pli: bool,
    pub(super) fir: bool,
    pub(super) transport_cc: bool,
}

/// One payload type.
#[derive(Debug, Clone)]
pub(super) struct Format {
    pub(super) payload_type: u8,
    pub(super) map: RtpMap,
    pub(super) parameters: Vec<(String, String)>,
    pub(super) feedback: Feedback,
}

impl Format {
    /// Whether this is the encoding of that name and clock; names are not case-sensitive (RFC 8866, 6.6).
    pub(super) fn is(&self, name: &str, clock_rate: u32) -> bool {
        self.map.encoding_name.eq_ignore_ascii_case(name) && self.map.clock_rate == clock_rate
    }

    /// A parameter of `a=fmtp`.
    pub(super) fn parameter(&self, name: &str) -> Option<&str> {
        self.parameters.iter().find(|(n, _)| n.eq_ignore_ascii_case(name)).map(|(_, value)| value.as_str())
    }
}

/// One `m=` section.
#[derive(Debug, Clone)]
pub(super) struct Section {
    pub(super) kind: SectionKind,
    pub(super) protocol: String,
    /// The payload types as written, for a section answered with port 0.
    pub(super) written_formats: String,
    /// Offered with port 0 and not `bundle-only`: it is off already.
    pub(super) off: bool,
    pub(super) mid: String,
    pub(super) direction: Direction,
    /// In the order of preference.
    pub(super) formats: Vec<Format>,
    /// Id and URI; ids of the one-byte form only (1 to 14).
    pub(super) extensions: Vec<(u8, String)>,
    /// Simulcast layers that the client sends, at most [`MAX_LAYERS`].
    pub(super) layers: Vec<String>,
    /// SSRCs of media.
    pub(super) ssrcs: Vec<u32>,
    /// Media and its retransmission.
    pub(super) rtx_ssrcs: Vec<(u32, u32)>,
    pub(super) rtcp_mux: bool,
    pub(super) rtcp_rsize: bool,
    pub(super) transport: TransportPart,
}

impl Section {
    /// Reads section number `index` (from 0).
    pub(super) fn read(index: usize, media: &Media, session: Option<Direction>) -> Result<Self, OfferProblem> {
        let kind = read_kind(index, media)?;
        let attributes = &media.attributes;
        let formats = match kind {
            SectionKind::Media(_) => read_formats(index, media)?,
            SectionKind::Data => Vec::new(),
        };
        let (ssrcs, rtx_ssrcs) = read_ssrcs(attributes);
        Ok(Self {
            kind,
            protocol: media.proto.clone(),
            written_formats: media.fmt.clone(),
            off: media.port == 0 && !media.has_attribute("bundle-only"),
            mid: read_mid(index, attributes)?,
            direction: direction(attributes).or(session).unwrap_or_default(),
            formats,
            extensions: read_extensions(attributes),
            layers: read_layers(attributes),
            ssrcs,
            rtx_ssrcs,
            rtcp_mux: media.has_attribute("rtcp-mux"),
            rtcp_rsize: media.has_attribute("rtcp-rsize"),
            transport: TransportPart::read(attributes),
        })
    }

    /// The payload type of the retransmissions of another (RFC 4588, 8.6).
    pub(super) fn rtx_of(&self, payload_type: u8) -> Option<u8> {
        let of = |f: &&Format| f.parameter("apt").and_then(|apt| apt.parse().ok()) == Some(payload_type);
        self.formats.iter().filter(|f| f.map.encoding_name.eq_ignore_ascii_case("rtx")).find(of).map(|f| f.payload_type)
    }

    /// The id offered for an extension.
    pub(super) fn extension(&self, uri: &str) -> Option<u8> {
        self.extensions.iter().find(|(_, offered)| offered == uri).map(|(id, _)| *id)
    }
}

/// The values of an attribute, in order; a flag has the value "".
pub(super) fn values<'a>(attributes: &'a [Attribute], name: &'a str) -> impl Iterator<Item = &'a str> {
    let named = attributes.iter().filter(move |a| a.attribute.eq_ignore_ascii_case(name));
    named.map(|a| a.value.as_deref().unwrap_or_default().trim())
}

/// The direction that a session or section states.
pub(super) fn direction(attributes: &[Attribute]) -> Option<Direction> {
    attributes.iter().filter(|a| a.value.is_none()).find_map(|a| a.attribute.parse().ok())
}

fn read_kind(index: usize, media: &Media) -> Result<SectionKind, OfferProblem> {
    let kind = match media.media.as_str() {
        "audio" => SectionKind::Media(MediaKind::Audio),
        "video" => SectionKind::Media(MediaKind::Video),
        "application" => SectionKind::Data,
        other => return Err(OfferProblem::UnknownKind { section: index, kind: excerpt(other) }),
    };
    let understood = match (kind, media.parse_transport_proto()) {
        // What an answerer must take (RFC 9429, 5.1.2). An old client's "RTP/SAVPF" means DTLS-SRTP as well.
        (
            SectionKind::Media(_),
            TransportProto::UdpTlsRtpSavpf
            | TransportProto::UdpTlsRtpSavp
            | TransportProto::TcpDtlsRtpSavpf
            | TransportProto::TcpDtlsRtpSavp
            | TransportProto::RtpSavpf
            | TransportProto::RtpSavp,
        ) => true,
        (SectionKind::Data, TransportProto::UdpDtlsSctp | TransportProto::TcpDtlsSctp) => {
            media.fmt.trim() == "webrtc-datachannel"
        }
        _ => false,
    };
    if !understood {
        return Err(OfferProblem::UnknownProtocol { section: index, protocol: excerpt(&media.proto) });
    }
    Ok(kind)
}

fn read_mid(index: usize, attributes: &[Attribute]) -> Result<String, OfferProblem> {
    let mid = values(attributes, "mid").next().ok_or(OfferProblem::MissingMid(index))?;
    // RFC 8866's token characters: nothing that could break a line or a group apart.
    let token = |b: u8| b.is_ascii_alphanumeric() || b"!#$%&'*+-.^_`{|}~".contains(&b);
    if (1..=MAX_NAME).contains(&mid.len()) && mid.bytes().all(token) {
        Ok(mid.to_owned())
    } else {
        Err(OfferProblem::BadMid(index))
    }
}

/// The payload types of the `m=` line that have an `a=rtpmap`, with what belongs to each.
fn read_formats(index: usize, media: &Media) -> Result<Vec<Format>, OfferProblem> {
    let mut maps: BTreeMap<u8, RtpMap> = BTreeMap::new();
    for map in values(&media.attributes, "rtpmap").filter_map(|v| v.parse::<RtpMap>().ok()) {
        if maps.get(&map.payload_type).is_some_and(|known| !same_encoding(known, &map)) {
            return Err(OfferProblem::PayloadTypeTwice(map.payload_type));
        }
        maps.insert(map.payload_type, map);
    }
    let mut parameters: BTreeMap<u8, Vec<(String, String)>> = BTreeMap::new();
    for fmtp in values(&media.attributes, "fmtp").filter_map(|v| v.parse::<Fmtp>().ok()) {
        let pair = |p: sdp_types::FmtpParam| (p.param.trim().to_owned(), p.val.unwrap_or_default().trim().to_owned());
        parameters.entry(fmtp.fmt).or_default().extend(fmtp.format_specific_params.into_iter().map(pair));
    }
    let feedback = read_feedback(&media.attributes);
    let mut formats: Vec<Format> = Vec::new();
    for written in media.fmt.split_ascii_whitespace() {
        let number = written.parse::<u8>().ok().filter(|pt| *pt < 128);
        let payload_type = number.ok_or(OfferProblem::BadPayloadType(index))?;
        // A static payload type without a map (RFC 3551) is a codec we don't forward.
        if let Some(map) = maps.remove(&payload_type) {
            formats.push(Format {
                payload_type,
                map,
                parameters: parameters.remove(&payload_type).unwrap_or_default(),
                feedback: feedback[usize::from(payload_type)],
            });
        }
    }
    Ok(formats)
}

/// Whether two maps mean one codec.
pub(super) fn same_encoding(a: &RtpMap, b: &RtpMap) -> bool {
    // One channel is what a missing channel count says (RFC 8866, 6.6).
    let channels = |map: &RtpMap| map.encoding_params.clone().unwrap_or_else(|| "1".to_owned());
    a.encoding_name.eq_ignore_ascii_case(&b.encoding_name) && a.clock_rate == b.clock_rate && channels(a) == channels(b)
}

/// By payload type; `*` counts for all (RFC 4585, 4.2).
fn read_feedback(attributes: &[Attribute]) -> [Feedback; 128] {
    let mut all = [Feedback::default(); 128];
    for fb in values(attributes, "rtcp-fb").filter_map(|v| v.parse::<RtcpFb>().ok()) {
        let named = match fb.pt {
            RtcpFbPt::Wildcard => &mut all[..],
            RtcpFbPt::Fmt(pt) if pt < 128 => &mut all[usize::from(pt)..=usize::from(pt)],
            RtcpFbPt::Fmt(_) => continue,
        };
        for feedback in named {
            match &fb.val {
                RtcpFbVal::Nack(None) => feedback.nack = true,
                RtcpFbVal::Nack(Some(RtcpFbNack::Pli)) => feedback.pli = true,
                RtcpFbVal::Ccm(RtcpFbCcm::Fir) => feedback.fir = true,
                RtcpFbVal::TransportCc => feedback.transport_cc = true,
                _ => {}
            }
        }
    }
    all
}

fn read_extensions(attributes: &[Attribute]) -> Vec<(u8, String)> {
    let mut extensions: Vec<(u8, String)> = Vec::new();
    for map in values(attributes, "extmap").filter_map(|v| v.parse::<ExtMap>().ok()) {
        let entry = (map.id, map.uri);
        // 15 and above need the two-byte form, which we neither send nor ask for. 14 ids have at most two lines each:
        // a third can only repeat a contradiction already seen.
        if entry.0 <= 14 && extensions.len() < 28 && !extensions.contains(&entry) {
            extensions.push(entry);
        }
    }
    extensions
}

/// The layers of `a=simulcast:send` (RFC 8853): of alternatives (`,`) the first, paused ones (`~`) too, if `a=rid` knows them.
fn read_layers(attributes: &[Attribute]) -> Vec<String> {
    let rids = values(attributes, "rid").filter_map(|v| v.parse::<Rid>().ok());
    let sent: Vec<String> = rids
        .filter(|rid| rid.direction == RidDirection::Send && rid.id.len() <= MAX_NAME)
        .map(|rid| rid.id)
        .take(MAX_SSRCS)
        .collect();
    let simulcast = values(attributes, "simulcast").next().unwrap_or_default();
    let mut words = simulcast.split_ascii_whitespace().skip_while(|word| *word != "send").skip(1);
    let mut layers: Vec<String> = Vec::new();
    for stream in words.next().unwrap_or_default().split(';') {
        let id = stream.split(',').next().unwrap_or_default().trim_start_matches('~');
        if layers.len() < MAX_LAYERS && sent.iter().any(|s| s == id) && !layers.iter().any(|l| l == id) {
            layers.push(id.to_owned());
        }
    }
    layers
}

/// The SSRCs of media, and those of retransmissions beside their media.
fn read_ssrcs(attributes: &[Attribute]) -> (Vec<u32>, Vec<(u32, u32)>) {
    let groups = values(attributes, "ssrc-group").filter_map(|v| v.parse::<SsrcGroup>().ok());
    let pairs: Vec<(u32, u32)> = groups
        .filter(|group| group.semantics == GroupSemantics::FID)
        .filter_map(|group| <[u32; 2]>::try_from(group.ssrc_ids).ok().map(|[media, rtx]| (media, rtx)))
        .take(MAX_SSRCS / 2)
        .collect();
    let mut ssrcs: Vec<u32> = Vec::new();
    for ssrc in values(attributes, "ssrc").filter_map(|v| v.parse::<Ssrc>().ok()).map(|s| s.ssrc_id) {
        if ssrcs.len() < MAX_SSRCS && !ssrcs.contains(&ssrc) && !pairs.iter().any(|(_, rtx)| *rtx == ssrc) {
            ssrcs.push(ssrc);
        }
    }
    (ssrcs, pairs)
}
