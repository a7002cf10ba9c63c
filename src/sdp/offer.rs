//! An offer that passed: what the room and the router need of it, and what its answer must say.

use std::collections::BTreeSet;

use sdp_types::Session;

use crate::domain::ids::{MediaKind, Source};
use crate::domain::media::{PeerKind, SlotInfo};
use crate::rtp::description::{CodecName, Extensions, PeerMedia, Receive, Slot};

use super::places::{self, AUDIO_LEVEL, MID, Place, Places, REPAIRED_RID, RID, TRANSPORT_CC};
use super::problem::{OfferProblem, excerpt};
use super::section::{Section, direction};
use super::transport::{ClientTransport, IceCredentials, Setup, TransportPart};
use super::{MAX_OFFER_BYTES, MAX_SECTIONS};

/// What this kind of peer may have. A browser that asks for more is refused; other clients' further sections stay unused.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Limits {
    /// Audio sections by which the server sends.
    pub audio_slots: usize,
    /// Video sections by which the server sends.
    pub video_slots: usize,
}

/// An offer that can be answered.
#[derive(Debug, Clone)]
pub struct Offer {
    /// What it means for the router. SSRCs of slots are 0 until [`Offer::assign_ssrcs`].
    pub media: PeerMedia,
    /// The client's ICE credentials.
    pub ice: IceCredentials,
    /// Hash name and value of the client's certificate (sha-256 always among them): DTLS must show one of these.
    pub fingerprints: Vec<(String, String)>,
    /// The client's DTLS role.
    pub setup: Setup,
    pub(super) kind: PeerKind,
    pub(super) sections: Vec<(Section, Place)>,
    /// Mids in the order of the offer's group; empty for a lone section without one.
    pub(super) bundle: Vec<String>,
}

/// Reads and judges a client's offer.
pub fn parse_offer(sdp: &str, kind: PeerKind, limits: &Limits) -> Result<Offer, OfferProblem> {
    let session = parse_session(sdp)?;
    let whole = direction(&session.attributes);
    let mut sections = Vec::with_capacity(session.medias.len());
    for (index, media) in session.medias.iter().enumerate() {
        sections.push(Section::read(index, media, whole)?);
    }
    places::agree(&sections)?;
    let bundle = places::bundle(&session, &sections)?;
    if let Some(apart) = sections.iter().find(|s| !s.off && !s.rtcp_mux && !s.formats.is_empty()) {
        return Err(OfferProblem::NoRtcpMux(apart.mid.clone()));
    }
    let mut counted = Places::new(kind, limits);
    let mut placed = Vec::with_capacity(sections.len());
    for section in sections {
        let place = counted.next(&section)?;
        placed.push((section, place));
    }
    counted.finish()?;
    let transport = transport(&TransportPart::read(&session.attributes), &placed, &bundle)?;
    Ok(Offer {
        media: describe(&placed),
        ice: transport.ice,
        fingerprints: transport.fingerprints,
        setup: transport.setup,
        kind,
        sections: placed,
        bundle,
    })
}

/// The syntax, within bounds.
fn parse_session(sdp: &str) -> Result<Session, OfferProblem> {
    if sdp.trim().is_empty() {
        return Err(OfferProblem::Empty);
    }
    if sdp.len() > MAX_OFFER_BYTES {
        return Err(OfferProblem::TooLarge(sdp.len()));
    }
    let session = Session::parse(sdp.as_bytes()).map_err(|e| OfferProblem::Unparsable(excerpt(&e.to_string())))?;
    match session.medias.len() {
        0 => Err(OfferProblem::NoSections),
        1..=MAX_SECTIONS => Ok(session),
        many => Err(OfferProblem::TooManySections(many)),
    }
}

/// The transport of the bundle: that of its first section that is used and names one, else the session's.
fn transport(
    session: &TransportPart,
    placed: &[(Section, Place)],
    bundle: &[String],
) -> Result<ClientTransport, OfferProblem> {
    let used = || placed.iter().filter(|(_, place)| !matches!(place, Place::Off)).map(|(section, _)| section);
    let in_order = bundle.iter().filter_map(|mid| used().find(|s| s.mid == *mid)).chain(used());
    match in_order.map(|s| &s.transport).find(|t| t.has_ice()) {
        Some(part) => part.judge(session),
        None => session.judge(session),
    }
}

/// What the sections mean for the router.
fn describe(placed: &[(Section, Place)]) -> PeerMedia {
    let mut media = PeerMedia::default();
    for (section, place) in placed {
        match place {
            Place::Receive(source, chosen) => media.receives.push(Receive {
                mid: section.mid.clone(),
                source: *source,
                codec: chosen.codec.clone(),
                rids: places::layers(section, place).to_vec(),
                ssrcs: section.ssrcs.clone(),
                rtx_ssrcs: section.rtx_ssrcs.clone(),
            }),
            Place::Slot(chosen) => media.slots.push(Slot {
                mid: section.mid.clone(),
                kind: if chosen[0].codec.name == CodecName::Opus { MediaKind::Audio } else { MediaKind::Video },
                codecs: chosen.iter().map(|c| c.codec.clone()).collect(),
                ssrc: 0,
                rtx_ssrc: 0,
            }),
            Place::Inactive(_) | Place::Off | Place::Data => continue,
        }
        note_extensions(&mut media.extensions, section, place);
    }
    media
}

fn note_extensions(known: &mut Extensions, section: &Section, place: &Place) {
    for (id, uri) in places::extensions(section, place) {
        match uri {
            MID => known.mid = Some(id),
            RID => known.rid = Some(id),
            REPAIRED_RID => known.repaired_rid = Some(id),
            AUDIO_LEVEL => known.audio_level = Some(id),
            TRANSPORT_CC => known.transport_cc = Some(id),
            _ => {}
        }
    }
}

impl Offer {
    /// Gives each slot its SSRC and that of its retransmissions: all different, none 0, none that the client uses.
    /// `fresh` is randomness.
    pub fn assign_ssrcs(&mut self, mut fresh: impl FnMut() -> u32) {
        let receives = &self.media.receives;
        let repairs = receives.iter().flat_map(|r| r.rtx_ssrcs.iter().map(|(_, rtx)| *rtx));
        let named = receives.iter().flat_map(|r| r.ssrcs.iter().copied());
        let mut taken: BTreeSet<u32> = repairs.chain(named).chain([0]).collect();
        let mut next = || {
            let mut ssrc = fresh();
            // A poor source of randomness must not hang the server: count on from a collision.
            while !taken.insert(ssrc) {
                ssrc = ssrc.wrapping_add(1);
            }
            ssrc
        };
        for slot in &mut self.media.slots {
            slot.ssrc = next();
            slot.rtx_ssrc = next();
        }
    }

    /// The slots in order, as the room is told of them.
    pub fn slots(&self) -> Vec<SlotInfo> {
        let h264 = |slot: &Slot| slot.codecs.iter().any(|codec| codec.name == CodecName::H264);
        self.media.slots.iter().map(|s| SlotInfo { mid: s.mid.clone(), kind: s.kind, h264: h264(s) }).collect()
    }

    /// The sources the offer has a section for.
    pub fn sources(&self) -> Vec<Source> {
        self.media.receives.iter().map(|receive| receive.source).collect()
    }

    /// Whether the client offered a data channel.
    pub fn has_data(&self) -> bool {
        self.sections.iter().any(|(_, place)| matches!(place, Place::Data))
    }
}
