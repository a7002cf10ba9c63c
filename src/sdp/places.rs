//! What each section of an offer becomes: a source, a slot, nothing, or the data channel. And what all of them must agree on.

use std::collections::BTreeMap;

use sdp_types::{Group, GroupSemantics, RtpMap, Session};

use crate::domain::ids::{MediaKind, Source};
use crate::domain::media::PeerKind;

use super::codec::{Chosen, RECEIVED, choose, slot_order};
use super::offer::Limits;
use super::problem::OfferProblem;
use super::section::{Section, SectionKind, same_encoding, values};

pub(super) const MID: &str = "urn:ietf:params:rtp-hdrext:sdes:mid";
pub(super) const RID: &str = "urn:ietf:params:rtp-hdrext:sdes:rtp-stream-id";
pub(super) const REPAIRED_RID: &str = "urn:ietf:params:rtp-hdrext:sdes:repaired-rtp-stream-id";
pub(super) const AUDIO_LEVEL: &str = "urn:ietf:params:rtp-hdrext:ssrc-audio-level";
pub(super) const TRANSPORT_CC: &str = "http://www.ietf.org/id/draft-holmer-rmcat-transport-wide-cc-extensions-01";
/// The header extensions this server speaks.
const OURS: [&str; 5] = [MID, RID, REPAIRED_RID, AUDIO_LEVEL, TRANSPORT_CC];

/// What a section is to the server.
#[derive(Debug, Clone)]
pub(super) enum Place {
    /// The client publishes by it, in this codec.
    Receive(Source, Chosen),
    /// The server sends by it, in one of these codecs. Never empty.
    Slot(Vec<Chosen>),
    /// Kept in the bundle and never used.
    Inactive(Vec<Chosen>),
    /// Port 0: not in the bundle.
    Off,
    /// The data channel's.
    Data,
}

/// Counts what was given out, to give each section its place in turn.
pub(super) struct Places<'a> {
    kind: PeerKind,
    limits: &'a Limits,
    sources: [usize; 2],
    slots: [usize; 2],
    data: bool,
}

impl<'a> Places<'a> {
    pub(super) fn new(kind: PeerKind, limits: &'a Limits) -> Self {
        Self { kind, limits, sources: [0; 2], slots: [0; 2], data: false }
    }

    /// The place of the next section.
    pub(super) fn next(&mut self, section: &Section) -> Result<Place, OfferProblem> {
        match section.kind {
            _ if section.off => Ok(Place::Off),
            SectionKind::Data if self.data => Err(OfferProblem::TwoDataSections),
            SectionKind::Data => {
                self.data = true;
                Ok(Place::Data)
            }
            SectionKind::Media(media) => self.next_media(section, media),
        }
    }

    fn next_media(&mut self, section: &Section, media: MediaKind) -> Result<Place, OfferProblem> {
        let no_codec = || OfferProblem::NoCodec { mid: section.mid.clone(), kind: media };
        let sends = section.direction.has_send() && self.kind != PeerKind::Whep;
        let receives = section.direction.has_recv() && self.kind != PeerKind::Whip;
        if sends && let Some(source) = self.next_source(media)? {
            let codec = choose(section, media, RECEIVED).into_iter().next().ok_or_else(no_codec)?;
            return Ok(Place::Receive(source, codec));
        }
        let codecs = choose(section, media, slot_order(self.kind));
        if !sends && receives && self.next_slot(media)? {
            return if codecs.is_empty() { Err(no_codec()) } else { Ok(Place::Slot(codecs)) };
        }
        Ok(if codecs.is_empty() { Place::Off } else { Place::Inactive(codecs) })
    }

    /// The source of the next section that sends: a person first, then their screen. `None` leaves it unused.
    fn next_source(&mut self, media: MediaKind) -> Result<Option<Source>, OfferProblem> {
        let count = &mut self.sources[index(media)];
        *count += 1;
        match (media, *count) {
            (MediaKind::Audio, 1) => Ok(Some(Source::Microphone)),
            (MediaKind::Video, 1) => Ok(Some(Source::Camera)),
            (MediaKind::Video, 2) => Ok(Some(Source::Screen)),
            (MediaKind::Audio, 2) => Ok(Some(Source::ScreenSound)),
            _ if self.kind == PeerKind::Browser => Err(OfferProblem::TooManySources(media)),
            _ => Ok(None),
        }
    }

    /// Whether the next section that receives is given a slot.
    fn next_slot(&mut self, media: MediaKind) -> Result<bool, OfferProblem> {
        let limit = match media {
            MediaKind::Audio => self.limits.audio_slots,
            MediaKind::Video => self.limits.video_slots,
        };
        let count = &mut self.slots[index(media)];
        *count += 1;
        match *count <= limit {
            false if self.kind == PeerKind::Browser => Err(OfferProblem::TooManySlots { kind: media, limit }),
            given => Ok(given),
        }
    }

    /// After the last section: whether the whole makes sense at this door.
    pub(super) fn finish(&self) -> Result<(), OfferProblem> {
        match self.kind {
            PeerKind::Whip if self.sources == [0; 2] => Err(OfferProblem::NothingSent),
            PeerKind::Whep if self.slots == [0; 2] => Err(OfferProblem::NothingReceived),
            PeerKind::Browser if self.sources == [0; 2] && self.slots == [0; 2] => Err(OfferProblem::NothingToDo),
            _ => Ok(()),
        }
    }
}

fn index(media: MediaKind) -> usize {
    match media {
        MediaKind::Audio => 0,
        MediaKind::Video => 1,
    }
}

/// The extensions of a section's answer: offered, ours, and of use there.
pub(super) fn extensions<'a>(section: &'a Section, place: &Place) -> Vec<(u8, &'a str)> {
    let simulcast = matches!(place, Place::Receive(..)) && !layers(section, place).is_empty();
    let of_use = |uri: &str| match uri {
        MID | TRANSPORT_CC => true,
        AUDIO_LEVEL => section.kind == SectionKind::Media(MediaKind::Audio),
        RID | REPAIRED_RID => simulcast,
        _ => false,
    };
    section.extensions.iter().map(|(id, uri)| (*id, uri.as_str())).filter(|(_, uri)| of_use(uri)).collect()
}

/// The simulcast layers taken: none where packets could not say which layer they are of.
pub(super) fn layers<'a>(section: &'a Section, place: &Place) -> &'a [String] {
    match place {
        Place::Receive(source, _) if source.kind() == MediaKind::Video && section.extension(RID).is_some() => {
            &section.layers
        }
        _ => &[],
    }
}

/// The mids of the one bundle in its order (the first carries the transport, RFC 9143), or an empty list where a lone section
/// needs no group.
pub(super) fn bundle(session: &Session, sections: &[Section]) -> Result<Vec<String>, OfferProblem> {
    let groups = values(&session.attributes, "group").filter_map(|v| v.parse::<Group>().ok());
    let bundle = |g: &Group| matches!(&g.semantics, GroupSemantics::Other(name) if name.eq_ignore_ascii_case("BUNDLE"));
    let mut bundles = groups.filter(bundle);
    let Some(group) = bundles.next() else {
        return match sections {
            [_] => Ok(Vec::new()),
            [first, ..] => Err(OfferProblem::NotBundled(first.mid.clone())),
            [] => Err(OfferProblem::NoSections),
        };
    };
    let mut places: BTreeMap<&str, usize> = BTreeMap::new();
    for (place, mid) in group.mid_tags.iter().enumerate().filter(|(_, mid)| !mid.is_empty()) {
        if places.insert(mid, place).is_some() {
            return Err(OfferProblem::BadBundle);
        }
    }
    if bundles.next().is_some() {
        return Err(OfferProblem::BadBundle);
    }
    let mut order: Vec<(usize, &str)> = Vec::new();
    for section in sections.iter().filter(|s| !s.off) {
        let place = places.get(section.mid.as_str()).ok_or_else(|| OfferProblem::NotBundled(section.mid.clone()))?;
        order.push((*place, &section.mid));
    }
    order.sort_unstable();
    Ok(order.into_iter().map(|(_, mid)| mid.to_owned()).collect())
}

/// What sections of one bundle must not say differently: mids, payload types, extension ids, SSRCs.
pub(super) fn agree(sections: &[Section]) -> Result<(), OfferProblem> {
    let mut mids: BTreeMap<&str, ()> = BTreeMap::new();
    let mut maps: BTreeMap<u8, &RtpMap> = BTreeMap::new();
    let mut uris: BTreeMap<u8, &str> = BTreeMap::new();
    let mut ids: BTreeMap<&str, u8> = BTreeMap::new();
    let mut ssrcs: BTreeMap<u32, &str> = BTreeMap::new();
    for section in sections {
        if mids.insert(&section.mid, ()).is_some() {
            return Err(OfferProblem::DuplicateMid(section.mid.clone()));
        }
        for format in &section.formats {
            let known = maps.entry(format.payload_type).or_insert(&format.map);
            if !same_encoding(known, &format.map) {
                return Err(OfferProblem::PayloadTypeTwice(format.payload_type));
            }
        }
        for (id, uri) in &section.extensions {
            let other_meaning = *uris.entry(*id).or_insert(uri) != uri;
            let other_id = OURS.contains(&uri.as_str()) && *ids.entry(uri).or_insert(*id) != *id;
            if other_meaning || other_id {
                return Err(OfferProblem::ExtensionTwice(*id));
            }
        }
        let repairs = section.rtx_ssrcs.iter().map(|(_, rtx)| rtx);
        for ssrc in section.ssrcs.iter().chain(repairs) {
            if *ssrcs.entry(*ssrc).or_insert(&section.mid) != section.mid {
                return Err(OfferProblem::SsrcTwice(*ssrc));
            }
        }
    }
    Ok(())
}
