//! Offers that no client sends by accident, each with the sentence it is answered by.

use super::*;
use crate::domain::ids::MediaKind;

type Edit = fn(&str) -> String;

/// A real offer (data, microphone, camera, two slots), spoilt in one way each.
const SPOILT: &[(&str, Edit, &str)] = &[
    ("empty", |_| String::new(), "The offer is empty."),
    ("blank", |_| " \r\n\r\n".into(), "The offer is empty."),
    ("huge", |o| o.to_owned() + &"a=x\r\n".repeat(60_000), "limit is 262144."),
    ("garbage", |_| "hello".into(), "The offer is not SDP:"),
    ("binary", |_| "\0\u{1}\u{2}=\u{7f}".into(), "The offer is not SDP:"),
    ("JSON", |_| "{\"type\":\"offer\"}".into(), "The offer is not SDP:"),
    ("no version", |o| o.replace("v=0\r\n", ""), "The offer is not SDP:"),
    ("no sections", |o| o[..o.find("m=").unwrap()].into(), "The offer has no media section."),
    ("500 sections", |o| o.to_owned() + &"m=audio 9 UDP/TLS/RTP/SAVPF 0\r\n".repeat(495), "has 500 media sections"),
    ("unknown kind", |o| o.replace("m=video", "m=text"), "Section 1 is of the kind \"text\""),
    ("plain RTP", |o| o.replace("UDP/TLS/RTP/SAVPF", "RTP/AVP"), "Section 0 uses the protocol \"RTP/AVP\""),
    (
        "old data channel",
        |o| o.replace("UDP/DTLS/SCTP webrtc-datachannel", "DTLS/SCTP 5000"),
        "the protocol \"DTLS/SCTP\"",
    ),
    ("bad payload type", |o| o.replacen("SAVPF 111 ", "SAVPF 300 ", 1), "Section 0 lists a payload type that is not"),
    ("no mid", |o| o.replace("a=mid:2\r\n", ""), "Section 2 has no a=mid."),
    ("empty mid", |o| o.replace("a=mid:2\r\n", "a=mid:\r\n"), "The a=mid of section 2 is not"),
    ("long mid", |o| o.replace("a=mid:2\r\n", "a=mid:aaaaaaaaaaaaaaaaa\r\n"), "The a=mid of section 2 is not"),
    ("mid of two words", |o| o.replace("a=mid:2\r\n", "a=mid:2 3\r\n"), "The a=mid of section 2 is not"),
    ("duplicate mid", |o| o.replace("a=mid:2\r\n", "a=mid:1\r\n"), "Two sections have the a=mid \"1\"."),
    ("no bundle", |o| o.replace("a=group:BUNDLE 0 1 2 3 4\r\n", ""), "Section \"0\" is not in the BUNDLE group"),
    ("half a bundle", |o| o.replace("BUNDLE 0 1 2 3 4", "BUNDLE 0 1 3 4"), "Section \"2\" is not in the BUNDLE group"),
    (
        "two bundles",
        |o| o.replace("BUNDLE 0 1 2 3 4", "BUNDLE 0 1\r\na=group:BUNDLE 2 3 4"),
        "must have one BUNDLE group",
    ),
    ("bundled twice", |o| o.replace("BUNDLE 0 1 2 3 4", "BUNDLE 0 1 2 3 4 0"), "must have one BUNDLE group"),
    ("no rtcp-mux", |o| o.replacen("a=rtcp-mux\r\n", "", 1), "Section \"0\" has no a=rtcp-mux."),
    ("no ufrag", |o| o.replace("a=ice-ufrag:", "a=x:"), "The a=ice-ufrag must have 4 to 256"),
    ("short ufrag", |o| o.replace("a=ice-ufrag:", "a=ice-ufrag:abc\r\na=x:"), "The a=ice-ufrag must have 4 to 256"),
    ("long ufrag", |o| o.replace("a=ice-ufrag:", &format!("a=ice-ufrag:{}", "a".repeat(256))), "The a=ice-ufrag must"),
    ("ufrag with a space", |o| o.replace("a=ice-ufrag:", "a=ice-ufrag:a b c d"), "The a=ice-ufrag must have 4 to 256"),
    ("no pwd", |o| o.replace("a=ice-pwd:", "a=x:"), "The a=ice-pwd must have 22 to 256"),
    ("short pwd", |o| o.replace("a=ice-pwd:", "a=ice-pwd:short\r\na=x:"), "The a=ice-pwd must have 22 to 256"),
    ("no fingerprint", |o| o.replace("a=fingerprint:", "a=x:"), "The offer has no sha-256 a=fingerprint."),
    (
        "weak fingerprint",
        |o| o.replace("fingerprint:sha-256", "fingerprint:sha-1"),
        "The offer has no sha-256 a=fingerprint.",
    ),
    ("short fingerprint", |o| o.replace("sha-256 ", "sha-256 AB:CD\r\na=x:"), "An a=fingerprint is malformed"),
    ("odd fingerprint", |o| o.replace("sha-256 ", "sha-256 XY:"), "An a=fingerprint is malformed"),
    ("no setup", |o| o.replace("a=setup:actpass\r\n", ""), "The a=setup must be actpass, active or passive."),
    (
        "bad setup",
        |o| o.replace("a=setup:actpass", "a=setup:holdconn"),
        "The a=setup must be actpass, active or passive.",
    ),
    (
        "one payload type, two codecs in a section",
        |o| o.replacen("a=rtpmap:96 VP8/90000", "a=rtpmap:96 VP8/90000\r\na=rtpmap:96 H264/90000", 1),
        "Payload type 96 means two things",
    ),
    (
        "one payload type, two codecs in the bundle",
        |o| o.replacen("a=rtpmap:96 VP8/90000", "a=rtpmap:96 H264/90000", 1),
        "Payload type 96 means two things",
    ),
    (
        "one extension id, two meanings",
        |o| o.replacen("a=extmap:4 urn:ietf:params:rtp-hdrext:sdes:mid", "a=extmap:4 urn:example", 1),
        "Header extension id 4 has two meanings",
    ),
    (
        "one extension, two ids",
        |o| {
            o.replacen(
                "a=extmap:4 urn:ietf:params:rtp-hdrext:sdes:mid",
                "a=extmap:9 urn:ietf:params:rtp-hdrext:sdes:mid",
                1,
            )
        },
        "has two meanings, or its extension two ids",
    ),
    (
        "no Opus",
        |o| o.replace("opus/48000/2", "speex/48000/2"),
        "Section \"0\" offers no codec that this server forwards (Opus).",
    ),
    (
        "no video codec",
        |o| o.replace("VP8/90000", "VP7/90000").replace("packetization-mode=1", "packetization-mode=0"),
        "Section \"1\" offers no codec that this server forwards (VP8, or H.264",
    ),
    (
        "two data channels",
        |o| {
            let data = o[o.find("m=application").unwrap()..].replace("a=mid:4", "a=mid:5");
            o.replace("BUNDLE 0 1 2 3 4", "BUNDLE 0 1 2 3 4 5") + &data
        },
        "The offer has more than one application section; the limit is 1.",
    ),
];

#[test]
fn each_is_refused_by_its_own_sentence() {
    let good = golden("chromium-data");
    assert!(read(&good, PeerKind::Browser).is_ok());
    for (name, spoil, sentence) in SPOILT {
        let spoilt = spoil(&good);
        assert_ne!(spoilt, good, "{name}: the edit changes something");
        let problem = read(&spoilt, PeerKind::Browser).map(|_| ()).expect_err(name).to_string();
        assert!(problem.contains(sentence), "{name}: {problem}");
        assert!(
            problem.len() < 250 && problem.ends_with('.') && !problem.contains(char::is_control),
            "{name}: {problem}"
        );
    }
}

#[test]
fn the_wrong_sections_for_a_door() {
    let receive = |section: &str| format!("{section}a=recvonly\n");
    let (listen, watch) = (receive(OPUS), receive(VP8));
    let refused = |sections: &[&str], kind| read(&written(sections), kind).map(|_| ()).unwrap_err();
    assert_eq!(refused(&[&listen, &watch], PeerKind::Whip), OfferProblem::NothingSent);
    let (speak, show) = (format!("{OPUS}a=sendonly\n"), format!("{VP8}a=sendonly\n"));
    assert_eq!(refused(&[&speak, &show], PeerKind::Whep), OfferProblem::NothingReceived);
    let nothing = format!("{OPUS}a=inactive\n");
    assert_eq!(refused(&[&nothing], PeerKind::Browser), OfferProblem::NothingToDo);
    let data = "m=application 9 UDP/DTLS/SCTP webrtc-datachannel\na=sctp-port:5000\n";
    assert_eq!(refused(&[data], PeerKind::Browser), OfferProblem::NothingToDo);
    let three = refused(&[&speak, &show, &show, &show], PeerKind::Browser);
    assert_eq!(three, OfferProblem::TooManySources(MediaKind::Video));
    let four = refused(&[&listen, &listen, &listen, &listen], PeerKind::Browser);
    assert_eq!(four, OfferProblem::TooManySlots { kind: MediaKind::Audio, limit: 3 });
}

/// Two sections that name one SSRC could not be told apart.
#[test]
fn an_ssrc_belongs_to_one_section() {
    let one = format!("{VP8}a=sendonly\na=ssrc:5 cname:x\n");
    let two = format!("{OPUS}a=sendonly\na=ssrc:5 cname:x\n");
    assert_eq!(read(&written(&[&two, &one]), PeerKind::Browser).unwrap_err(), OfferProblem::SsrcTwice(5));
}

/// Work is linear in the text: an offer that is as long as it may be takes a few milliseconds; the limit leaves room for a loaded machine.
#[test]
fn the_longest_offers_are_read_quickly() {
    let base = golden("chromium-data");
    let room = MAX_OFFER_BYTES - base.len() - 100;
    for line in [
        "a=rtpmap:96 VP8/90000\r\n",
        "a=fmtp:96 a=b;c=d\r\n",
        "a=rtcp-fb:* nack\r\n",
        "a=extmap:1 u\r\n",
        "a=rid:x send\r\n",
    ] {
        let long = base.clone() + &line.repeat(room / line.len());
        let started = std::time::Instant::now();
        let _ = read(&long, PeerKind::Browser);
        assert!(started.elapsed().as_secs() < 5, "{line} took {:?}", started.elapsed());
    }
    let many = base.replace("a=simulcast", "a=x") + &format!("a=simulcast:send {}\r\n", "q;".repeat(room / 2 - 20));
    assert!(read(&many, PeerKind::Browser).is_ok());
}
