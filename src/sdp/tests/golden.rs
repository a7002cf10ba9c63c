//! What is read of real offers, and what every answer must hold whoever offered.

use sdp_types::{Media, Session};

use super::*;
use crate::domain::ids::{MediaKind, Source};
use crate::rtp::description::{CodecName, Extensions};
use crate::sdp::section::values;

/// Every golden offer with its door.
pub(super) const ALL: [(&str, PeerKind); 23] = [
    ("chromium-k3m9", PeerKind::Browser),
    ("chromium-k3m9-trackless", PeerKind::Browser),
    ("chromium-k3m25", PeerKind::Browser),
    ("chromium-slots-only", PeerKind::Browser),
    ("chromium-data", PeerKind::Browser),
    ("chromium-whip", PeerKind::Whip),
    ("chromium-whip-sendrecv", PeerKind::Whip),
    ("chromium-whep", PeerKind::Whep),
    ("firefox-k3m9", PeerKind::Browser),
    ("firefox-k3m9-trackless", PeerKind::Browser),
    ("firefox-k3m25", PeerKind::Browser),
    ("firefox-slots-only", PeerKind::Browser),
    ("firefox-data", PeerKind::Browser),
    ("firefox-whip", PeerKind::Whip),
    ("firefox-whip-sendrecv", PeerKind::Whip),
    ("firefox-whep", PeerKind::Whep),
    ("gstreamer-whip", PeerKind::Whip),
    ("gstreamer-whip-h264", PeerKind::Whip),
    ("aiortc-whip", PeerKind::Whip),
    ("aiortc-whip-sendrecv", PeerKind::Whip),
    ("aiortc-whep", PeerKind::Whep),
    ("aiortc-whep-maxbundle", PeerKind::Whep),
    ("aiortc-room", PeerKind::Browser),
];

fn session(sdp: &str) -> Session {
    Session::parse(sdp.as_bytes()).unwrap()
}

/// RFC 9429, 5.3 and RFC 9143: what an answer may say depends on the offer.
#[test]
fn every_answer_keeps_to_its_offer() {
    for (name, kind) in ALL {
        let text = golden(name);
        let mut offer = read(&text, kind).unwrap_or_else(|e| panic!("{name}: {e}"));
        let answered = answer(&mut offer);
        assert!(answered.lines().count() == answered.matches("\r\n").count(), "{name}: every line ends with CR LF");
        let (offered, answered) = (session(&text), session(&answered));
        assert!(answered.has_attribute("ice-lite"), "{name}");
        assert_eq!(
            values(&answered.attributes, "group").collect::<Vec<_>>(),
            values(&offered.attributes, "group").collect::<Vec<_>>(),
            "{name}: all sections of the offer are taken, in its order"
        );
        assert_eq!(offered.medias.len(), answered.medias.len(), "{name}");
        for (theirs, ours) in offered.medias.iter().zip(&answered.medias) {
            let what = format!("{name}, {:?}", values(&ours.attributes, "mid").next());
            assert_eq!((&theirs.media, &theirs.proto), (&ours.media, &ours.proto), "{what}");
            assert!(ours.port == 9 && !ours.has_attribute("bundle-only"), "{what}");
            let subset = |attribute: &'static str, simplify: fn(&str) -> String| {
                let theirs: Vec<String> = values(&theirs.attributes, attribute).map(simplify).collect();
                values(&ours.attributes, attribute).map(simplify).all(|value| theirs.contains(&value))
            };
            assert!(subset("mid", str::to_owned) && subset("rtpmap", str::to_lowercase), "{what}");
            assert!(subset("rtcp-fb", str::to_owned), "{what}");
            // "8/sendonly uri" is the offer's side of "8 uri".
            assert!(subset("extmap", |v| v.replace("/sendonly", "").replace("/recvonly", "")), "{what}");
            let numbers = |fmt: &str| fmt.split(' ').map(str::to_owned).collect::<Vec<_>>();
            assert!(numbers(&ours.fmt).iter().all(|pt| numbers(&theirs.fmt).contains(pt)), "{what}");
        }
        let unlike = |media: &&Media| {
            let expected = if media.port == 0 { 0 } else { 3 };
            values(&media.attributes, "candidate").count() != expected
        };
        assert_eq!(
            answered.medias.iter().filter(unlike).count(),
            0,
            "{name}: candidates in every section that is used"
        );
    }
}

/// The answers themselves, to be read by people when they change.
#[test]
fn answers() {
    for name in ["chromium-k3m9", "firefox-data", "chromium-whep", "firefox-whip", "aiortc-whep", "aiortc-whip"] {
        let (_, kind) = ALL.iter().find(|(golden, _)| *golden == name).unwrap();
        let mut offer = read(&golden(name), *kind).unwrap();
        insta::assert_snapshot!(
            name,
            answer(&mut offer).replace("\r\n", "\n").replace(&["5A"; 32].join(":"), "FINGERPRINT")
        );
    }
}

#[test]
fn the_pages_offer_by_chromium() {
    let offer = read(&golden("chromium-k3m9"), PeerKind::Browser).unwrap();
    let media = &offer.media;
    assert_eq!(offer.sources(), Source::ALL);
    let camera = &media.receives[1];
    assert_eq!((camera.mid.as_str(), camera.codec.name, camera.codec.payload_type), ("1", CodecName::Vp8, 96));
    assert_eq!((camera.codec.rtx, &camera.rids[..]), (Some(97), &["q".to_owned(), "h".into(), "f".into()][..]));
    assert!(camera.codec.nack && camera.codec.pli && camera.codec.fir && camera.codec.transport_cc);
    assert!(camera.ssrcs.is_empty(), "Chromium names no SSRCs of simulcast");
    assert_eq!(media.receives[2].ssrcs.len(), 1, "but those of a single stream");
    assert_eq!(media.receives[2].rtx_ssrcs[0].0, media.receives[2].ssrcs[0]);
    assert_eq!(media.receives[2].rids, [""; 0]);
    let expected =
        Extensions { mid: Some(4), rid: Some(10), repaired_rid: Some(11), audio_level: Some(1), transport_cc: Some(3) };
    assert_eq!(media.extensions, expected);
    assert_eq!(media.slots.len(), 12);
    assert!(media.slots[..3].iter().all(|slot| slot.kind == MediaKind::Audio && slot.codecs.len() == 1));
    let video: Vec<_> = media.slots[3].codecs.iter().map(|c| (c.name, c.payload_type, c.rtx)).collect();
    assert_eq!(video, [(CodecName::Vp8, 96, Some(97)), (CodecName::H264, 108, Some(109))]);
    assert!(offer.slots().iter().all(|slot| slot.h264 == (slot.kind == MediaKind::Video)));
    assert_eq!((offer.setup, offer.fingerprints.len()), (Setup::ActPass, 1));
}

#[test]
fn the_pages_offer_by_firefox() {
    let offer = read(&golden("firefox-k3m9"), PeerKind::Browser).unwrap();
    let camera = &offer.media.receives[1];
    assert_eq!((camera.codec.name, camera.codec.payload_type, camera.codec.rtx), (CodecName::Vp8, 120, Some(124)));
    assert_eq!((camera.rids.len(), camera.ssrcs.len(), camera.rtx_ssrcs.len()), (3, 3, 3));
    assert!(camera.rtx_ssrcs.iter().zip(&camera.ssrcs).all(|((media, _), ssrc)| media == ssrc));
    let expected =
        Extensions { mid: Some(3), rid: Some(9), repaired_rid: Some(10), audio_level: Some(1), transport_cc: Some(7) };
    assert_eq!(offer.media.extensions, expected, "\"9/sendonly\" is id 9");
    assert!(offer.slots().iter().all(|slot| !slot.h264), "Debian's Firefox has no H.264");
    let microphone = &offer.media.receives[0].codec;
    assert!(microphone.transport_cc && !microphone.nack, "what Firefox offers for Opus");
}

#[test]
fn twenty_five_slots_and_no_slots() {
    for name in ["chromium-k3m25", "firefox-k3m25"] {
        assert_eq!(read(&golden(name), PeerKind::Browser).unwrap().media.slots.len(), 28, "{name}");
        let fewer = Limits { audio_slots: 3, video_slots: 9 };
        let refused = parse_offer(&golden(name), PeerKind::Browser, &fewer).unwrap_err();
        assert_eq!(refused, OfferProblem::TooManySlots { kind: MediaKind::Video, limit: 9 });
    }
    let listener = read(&golden("chromium-slots-only"), PeerKind::Browser).unwrap();
    assert_eq!((listener.sources().len(), listener.media.slots.len()), (0, 2));
}

#[test]
fn aiortc_through_all_doors() {
    let publisher = read(&golden("aiortc-whip-sendrecv"), PeerKind::Whip).unwrap();
    assert_eq!(publisher.sources(), [Source::Microphone, Source::Camera]);
    assert!(publisher.media.slots.is_empty(), "a publisher is sent nothing");
    assert_eq!(publisher.fingerprints.len(), 3);
    assert_eq!(publisher.media.extensions.transport_cc, None);
    let viewer = read(&golden("aiortc-whep"), PeerKind::Whep).unwrap();
    let video: Vec<_> = viewer.media.slots[1].codecs.iter().map(|c| (c.name, c.payload_type)).collect();
    assert_eq!(video, [(CodecName::H264, 101), (CodecName::Vp8, 97)], "42e01f is preferred to 42001f, H.264 to VP8");
    // The same text at a viewer's door: what it sends is not taken, what it would receive is.
    let viewer = read(&golden("aiortc-whip-sendrecv"), PeerKind::Whep).unwrap();
    assert_eq!((viewer.sources().len(), viewer.media.slots.len()), (0, 2));
    let member = read(&golden("aiortc-room"), PeerKind::Browser).unwrap();
    assert_eq!((member.sources().len(), member.media.slots.len()), (2, 7));
}

/// Other people's GStreamer: sendrecv, no header extensions, no retransmission, an H.264 level of its own.
#[test]
fn gstreamer_publishes() {
    let publisher = read(&golden("gstreamer-whip"), PeerKind::Whip).unwrap();
    assert_eq!(publisher.sources(), [Source::Microphone, Source::Camera]);
    let camera = &publisher.media.receives[1];
    assert_eq!((camera.codec.name, camera.codec.rtx, camera.codec.nack), (CodecName::Vp8, None, false));
    assert_eq!(
        (camera.mid.as_str(), camera.ssrcs.len()),
        ("video1", 1),
        "told apart by SSRC, having no mid in packets"
    );
    let mut publisher = read(&golden("gstreamer-whip-h264"), PeerKind::Whip).unwrap();
    assert_eq!(publisher.media.receives[1].codec.name, CodecName::H264);
    assert!(answer(&mut publisher).contains("profile-level-id=42c015\r\n"));
}

/// The offer for webrtcbin says what the client said of its transport, and nothing else of it.
#[test]
fn webrtcbin_is_offered_the_transport_alone() {
    for (name, kind) in ALL {
        let offer = read(&golden(name), kind).unwrap();
        let text = offer.transport_offer();
        let tiny = session(&text);
        assert_eq!(tiny.medias.len(), 1 + usize::from(name.ends_with("data")), "{name}");
        for media in &tiny.medias {
            assert_eq!(values(&media.attributes, "ice-ufrag").next(), Some(offer.ice.ufrag.as_str()), "{name}");
            assert_eq!(values(&media.attributes, "ice-pwd").next(), Some(offer.ice.pwd.as_str()), "{name}");
            assert_eq!(values(&media.attributes, "fingerprint").count(), offer.fingerprints.len(), "{name}");
            assert_eq!(values(&media.attributes, "setup").next(), Some("active"), "{name}: the client opens DTLS");
        }
        assert!(!text.contains("candidate") && text.len() < 1500, "{name}");
    }
}

#[test]
fn slots_get_ssrcs_of_their_own() {
    let mut offer = read(&golden("firefox-k3m9"), PeerKind::Browser).unwrap();
    let theirs = offer.media.receives[0].ssrcs[0];
    // The worst randomness there is: always the same number, and one that the client uses.
    offer.assign_ssrcs(|| theirs);
    let mut all: Vec<u32> = offer.media.slots.iter().flat_map(|slot| [slot.ssrc, slot.rtx_ssrc]).collect();
    all.extend(offer.media.receives.iter().flat_map(|receive| receive.ssrcs.clone()));
    all.push(0);
    let count = all.len();
    all.sort_unstable();
    all.dedup();
    assert_eq!(all.len(), count);
}
