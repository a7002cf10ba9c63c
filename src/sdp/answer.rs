//! Writes the answer (RFC 9429, 5.3) and the tiny offer that webrtcbin is given in the client's place.

use sdp_types::{
    AddrType, Attribute, Bandwidth, BandwidthType, Connection, Media, MediaType, NetType, Origin, Session, Time,
    TransportProto,
};

use crate::domain::ids::{MediaKind, Source};
use crate::domain::media::PeerKind;
use crate::rtp::description::{Codec, CodecName, Slot};

use super::CNAME;
use super::codec::{Chosen, Sound, opus_parameters};
use super::offer::Offer;
use super::places::{Place, extensions, layers};
use super::section::{Section, SectionKind};
use super::transport::{Candidate, Setup, TransportAnswer};

/// The most a camera is asked to send, in kbit/s: all three layers of 720p (about 150 + 450 + 1100), which is what the
/// largest tile needs and a common uplink carries.
const CAMERA_KBPS: u64 = 1700;
/// The most a screen is asked to send, in kbit/s: text in full HD at a few frames a second must stay sharp after a scroll.
const SCREEN_KBPS: u64 = 2500;

/// The largest session id (RFC 9429, 5.2.1: 63 bits).
const SESSION_ID_BITS: u64 = u64::MAX >> 1;

impl Offer {
    /// The answer for the client, complete with candidates. SSRCs must have been assigned.
    pub fn answer(&self, transport: &TransportAnswer, candidates: &[Candidate], session_id: u64) -> String {
        let mut session = new_session(session_id);
        // The candidates answer to every check and start none (RFC 8445, 2.5).
        session.add_attribute_from_str("ice-lite");
        let bundle = self.answered_bundle(transport);
        if !self.bundle.is_empty() {
            session.add_attribute_with_value("group", group(&bundle));
        }
        session.add_attribute_with_value("msid-semantic", " WMS *");
        let mut slots = self.media.slots.iter();
        for (section, place) in &self.sections {
            let slot = if matches!(place, Place::Slot(_)) { slots.next() } else { None };
            let off = !bundle.contains(&section.mid.as_str());
            session.add_media(match off {
                true => switched_off(section),
                false => {
                    let mut media = self.section(section, place, slot, transport);
                    // In every section: RFC 9143 section 7.1.3 asks for the first alone, but aiortc with `max-bundle`
                    // listens to the last.
                    add_candidates(&mut media, candidates);
                    media
                }
            });
        }
        text(&session)
    }

    /// The mids of the sections answered, the offer's order kept.
    pub(super) fn answered_bundle(&self, transport: &TransportAnswer) -> Vec<&str> {
        let answered = |mid: &&str| {
            self.sections.iter().any(|(section, place)| match place {
                Place::Off => false,
                Place::Data => section.mid == *mid && transport.data.is_some(),
                Place::Receive(..) | Place::Slot(_) | Place::Inactive(_) => section.mid == *mid,
            })
        };
        let lone = || self.sections.iter().map(|(section, _)| section.mid.as_str());
        match self.bundle.is_empty() {
            true => lone().filter(answered).collect(),
            false => self.bundle.iter().map(String::as_str).filter(answered).collect(),
        }
    }

    /// One section of the answer.
    fn section(&self, section: &Section, place: &Place, slot: Option<&Slot>, transport: &TransportAnswer) -> Media {
        let (codecs, direction) = match place {
            Place::Receive(_, chosen) => (std::slice::from_ref(chosen), "recvonly"),
            Place::Slot(chosen) => (&chosen[..], "sendonly"),
            Place::Inactive(chosen) => (&chosen[..], "inactive"),
            Place::Off => return switched_off(section),
            Place::Data => return data(section, transport),
        };
        let mut media = new_media(section, &payload_types(codecs));
        if let (PeerKind::Browser, Place::Receive(source, _)) = (self.kind, place) {
            let limit = match source {
                Source::Camera => Some(CAMERA_KBPS),
                Source::Screen => Some(SCREEN_KBPS),
                Source::Microphone | Source::ScreenSound => None,
            };
            media.add_bandwidths(limit.map(|kbps| Bandwidth::new(BandwidthType::As, kbps)));
        }
        add_transport(&mut media, section, transport);
        media.add_attribute_from_str(direction);
        media.add_attribute_from_str("rtcp-mux");
        if section.rtcp_rsize {
            media.add_attribute_from_str("rtcp-rsize");
        }
        for (id, uri) in extensions(section, place) {
            media.add_attribute_with_value("extmap", format_args!("{id} {uri}"));
        }
        let sound = match place {
            Place::Receive(source, _) => Sound::Received(*source),
            _ => Sound::Sent,
        };
        for chosen in codecs {
            let opus = || opus_parameters(section, self.kind, sound);
            let parameters = (chosen.codec.name == CodecName::Opus).then(opus).or_else(|| chosen.parameters.clone());
            add_codec(&mut media, &chosen.codec, parameters);
        }
        add_simulcast(&mut media, layers(section, place));
        if let Some(slot) = slot {
            self.add_source(&mut media, slot);
        }
        media
    }

    /// Names what a slot sends. Slots of a page are strangers to each other; a WHEP viewer's picture and sound are one stream,
    /// so that they are played in step.
    fn add_source(&self, media: &mut Media, slot: &Slot) {
        let mid = &slot.mid;
        match self.kind {
            PeerKind::Whep => media.add_attribute_with_value("msid", format_args!("mix mix-{mid}")),
            PeerKind::Browser | PeerKind::Whip => {
                media.add_attribute_with_value("msid", format_args!("slot-{mid} slot-{mid}-track"));
            }
        }
        let repaired = slot.codecs.iter().any(|codec| codec.rtx.is_some());
        if repaired {
            media.add_attribute_with_value("ssrc-group", format_args!("FID {} {}", slot.ssrc, slot.rtx_ssrc));
        }
        for ssrc in [Some(slot.ssrc), repaired.then_some(slot.rtx_ssrc)].into_iter().flatten() {
            media.add_attribute_with_value("ssrc", format_args!("{ssrc} cname:{CNAME}"));
        }
    }

    /// The offer that webrtcbin is given in the client's place: one audio section that will never carry a packet, the
    /// client's transport, and the data channel if there is one. Candidates are not needed: the agent is ICE-lite.
    pub fn transport_offer(&self) -> String {
        let mut session = new_session(1);
        let mids = if self.has_data() { &["0", "1"][..] } else { &["0"][..] };
        session.add_attribute_with_value("group", group(mids));
        let mut audio = Media::new(MediaType::Audio, 9, TransportProto::UdpTlsRtpSavpf, 111);
        self.add_client_transport(&mut audio, "0");
        audio.add_attribute_from_str("sendonly");
        audio.add_attribute_from_str("rtcp-mux");
        audio.add_attribute_with_value("rtpmap", "111 opus/48000/2");
        session.add_media(audio);
        if self.has_data() {
            let mut data = Media::new(MediaType::Application, 9, TransportProto::UdpDtlsSctp, "webrtc-datachannel");
            self.add_client_transport(&mut data, "1");
            data.add_attribute_with_value("sctp-port", 5000);
            session.add_media(data);
        }
        text(&session)
    }

    fn add_client_transport(&self, media: &mut Media, mid: &str) {
        media.add_connection(nowhere());
        media.add_attribute_with_value("mid", mid);
        media.add_attribute_with_value("ice-ufrag", &self.ice.ufrag);
        media.add_attribute_with_value("ice-pwd", &self.ice.pwd);
        for (hash, value) in &self.fingerprints {
            media.add_attribute_with_value("fingerprint", format_args!("{hash} {value}"));
        }
        // A client that leaves it open opens DTLS itself, once it has a path: a ClientHello of ours can come before Firefox
        // listens, and would be repeated a second later.
        let setup = if self.setup == Setup::ActPass { Setup::Active } else { self.setup };
        media.add_attribute_with_value("setup", setup);
    }
}

/// A session without sections.
fn new_session(id: u64) -> Session {
    let origin = Origin::new(id & SESSION_ID_BITS, 2, NetType::In, AddrType::Ip4, "127.0.0.1");
    let mut session = Session::new(origin, "-");
    session.add_time(Time::new(0, 0));
    session
}

fn text(session: &Session) -> String {
    session.to_string()
}

pub(super) fn group(mids: &[&str]) -> String {
    format!("BUNDLE {}", mids.join(" "))
}

/// The address of a section whose real one ICE finds (RFC 9429, 5.2.1).
fn nowhere() -> Connection {
    Connection::new(NetType::In, AddrType::Ip4, "0.0.0.0")
}

/// A section of the offered kind and protocol.
fn new_media(section: &Section, formats: &str) -> Media {
    let kind = match section.kind {
        SectionKind::Media(MediaKind::Audio) => MediaType::Audio,
        SectionKind::Media(MediaKind::Video) => MediaType::Video,
        SectionKind::Data => MediaType::Application,
    };
    let mut media = Media::new(kind, 9, TransportProto::UdpTlsRtpSavpf, formats);
    media.proto.clone_from(&section.protocol);
    media.add_connection(nowhere());
    media
}

/// Port 0, outside the bundle.
fn switched_off(section: &Section) -> Media {
    let mut media = new_media(section, &section.written_formats);
    media.port = 0;
    media.add_attribute_with_value("mid", &section.mid);
    media.add_attribute_from_str("inactive");
    media
}

fn data(section: &Section, transport: &TransportAnswer) -> Media {
    let mut media = new_media(section, "webrtc-datachannel");
    add_transport(&mut media, section, transport);
    if let Some(agreed) = transport.data {
        media.add_attribute_with_value("sctp-port", agreed.sctp_port);
        if let Some(size) = agreed.max_message_size {
            media.add_attribute_with_value("max-message-size", size);
        }
    }
    media
}

/// Name and transport of a section.
fn add_transport(media: &mut Media, section: &Section, transport: &TransportAnswer) {
    media.add_attribute_with_value("mid", &section.mid);
    media.add_attribute_with_value("ice-ufrag", &transport.ice.ufrag);
    media.add_attribute_with_value("ice-pwd", &transport.ice.pwd);
    let (hash, value) = &transport.fingerprint;
    media.add_attribute_with_value("fingerprint", format_args!("{hash} {value}"));
    media.add_attribute_with_value("setup", transport.setup);
}

/// All of them at once: there is no trickling from a server that knows its addresses.
pub(super) fn add_candidates(media: &mut Media, candidates: &[Candidate]) {
    media.add_attributes(candidates.iter().map(|c| Attribute::with_value("candidate", c)));
    media.add_attribute_from_str("end-of-candidates");
}

/// Each codec followed by its retransmissions.
pub(super) fn payload_types(codecs: &[Chosen]) -> String {
    let numbers = codecs.iter().flat_map(|c| [Some(c.codec.payload_type), c.codec.rtx]).flatten();
    numbers.map(|n| n.to_string()).collect::<Vec<_>>().join(" ")
}

fn add_codec(media: &mut Media, codec: &Codec, parameters: Option<String>) {
    let pt = codec.payload_type;
    let encoding = match codec.name {
        CodecName::Opus => "opus/48000/2",
        CodecName::Vp8 => "VP8/90000",
        CodecName::H264 => "H264/90000",
    };
    media.add_attribute_with_value("rtpmap", format_args!("{pt} {encoding}"));
    let feedback =
        [(codec.nack, "nack"), (codec.pli, "nack pli"), (codec.fir, "ccm fir"), (codec.transport_cc, "transport-cc")];
    for (_, name) in feedback.iter().filter(|(agreed, _)| *agreed) {
        media.add_attribute_with_value("rtcp-fb", format_args!("{pt} {name}"));
    }
    if let Some(parameters) = parameters {
        media.add_attribute_with_value("fmtp", format_args!("{pt} {parameters}"));
    }
    if let Some(rtx) = codec.rtx {
        media.add_attribute_with_value("rtpmap", format_args!("{rtx} rtx/{}", codec.clock_rate));
        media.add_attribute_with_value("fmtp", format_args!("{rtx} apt={pt}"));
    }
}

fn add_simulcast(media: &mut Media, layers: &[String]) {
    for rid in layers {
        media.add_attribute_with_value("rid", format_args!("{rid} recv"));
    }
    if !layers.is_empty() {
        media.add_attribute_with_value("simulcast", format_args!("recv {}", layers.join(";")));
    }
}
