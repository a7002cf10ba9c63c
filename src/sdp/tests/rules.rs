//! The rules that real offers show too little of.

use super::*;
use crate::domain::ids::Source;
use crate::rtp::description::CodecName;

const H264_HIGH: &str = "a=rtpmap:103 H264/90000\na=fmtp:103 packetization-mode=1;profile-level-id=64001f\n";

fn answered(sections: &[&str], kind: PeerKind) -> String {
    let mut offer = read(&written(sections), kind).unwrap();
    answer(&mut offer).replace("\r\n", "\n")
}

#[test]
fn h264_only_where_vp8_is_not_offered_and_only_baseline() {
    let section = |maps: &str| format!("m=video 9 UDP/TLS/RTP/SAVPF 100 101 102 103\na=sendonly\n{maps}");
    let at = |pt: u8, rest: &str| format!("a=rtpmap:{pt} H264/90000\na=fmtp:{pt} {rest}\n");
    let both = at(100, "packetization-mode=1;profile-level-id=42001f")
        + &at(101, "profile-level-id=42E01F; packetization-mode=1");
    let picked =
        |maps: &str| read(&written(&[&section(maps)]), PeerKind::Whip).map(|o| o.media.receives[0].codec.payload_type);
    assert_eq!(picked(&both), Ok(101), "42e01f is preferred, in any case and order");
    assert_eq!(picked(&at(100, "packetization-mode=1;profile-level-id=42001f")), Ok(100), "any 42 will do");
    assert_eq!(picked(&at(100, "packetization-mode=1")), Ok(100), "no profile is baseline (RFC 6184)");
    assert_eq!(picked(&(both.clone() + "a=rtpmap:102 VP8/90000\n")), Ok(102), "VP8 first");
    for bad in
        [H264_HIGH, &at(100, "profile-level-id=42e01f"), &at(100, "packetization-mode=1;profile-level-id=42\u{e9}1f")]
    {
        assert!(matches!(picked(bad), Err(OfferProblem::NoCodec { .. })), "{bad}");
    }
    let text = answered(&[&section(&at(100, "packetization-mode=1;profile-level-id=42c01E"))], PeerKind::Whip);
    assert!(
        text.contains("a=fmtp:100 level-asymmetry-allowed=1;packetization-mode=1;profile-level-id=42c01e\n"),
        "{text}"
    );
}

#[test]
fn simulcast_is_three_layers_of_the_first_alternatives() {
    let extensions = "a=extmap:4 urn:ietf:params:rtp-hdrext:sdes:mid\n\
                      a=extmap:10/sendonly urn:ietf:params:rtp-hdrext:sdes:rtp-stream-id\n";
    let rids: String = ["a", "b", "c", "d", "e"].map(|rid| format!("a=rid:{rid} send\n")).concat();
    let section = |extensions: &str, simulcast: &str| format!("{VP8}a=sendonly\n{extensions}{rids}{simulcast}\n");
    let layers = |section: String| read(&written(&[&section]), PeerKind::Whip).unwrap().media.receives[0].rids.clone();
    assert_eq!(layers(section(extensions, "a=simulcast:send a,b;~c;d;e")), ["a", "c", "d"]);
    assert_eq!(layers(section(extensions, "a=simulcast:recv x send b;c")), ["b", "c"]);
    assert_eq!(layers(section(extensions, "a=simulcast:send a;x;a")), ["a"], "unknown and repeated ones are left out");
    assert_eq!(layers(section(extensions, "a=simulcast:recv a;b")), [""; 0], "the client would receive these");
    assert_eq!(layers(section("", "a=simulcast:send a;b")), [""; 0], "nothing would tell the layers apart");
    let text = answered(&[&section(extensions, "a=simulcast:send a,b;~c;d;e")], PeerKind::Whip);
    assert!(text.contains("a=rid:a recv\na=rid:c recv\na=rid:d recv\na=simulcast:recv a;c;d\n"), "{text}");
    assert!(text.contains("a=extmap:10 urn"), "the offer's /sendonly is not repeated: {text}");
}

#[test]
fn further_sections_of_whip_and_whep_stay_unused() {
    let (speak, show) = (format!("{OPUS}a=sendonly\n"), format!("{VP8}a=sendrecv\n"));
    let publisher = [&*speak, &show, &show, &show];
    let offer = read(&written(&publisher), PeerKind::Whip).unwrap();
    assert_eq!(offer.sources(), [Source::Microphone, Source::Camera, Source::Screen]);
    let text = answered(&publisher, PeerKind::Whip);
    assert_eq!((text.matches("a=recvonly").count(), text.matches("a=inactive").count()), (3, 1), "{text}");
    assert!(
        text.contains("a=group:BUNDLE s0 s1 s2 s3\n") && !text.contains("m=video 0"),
        "unused ones stay bundled: {text}"
    );
    let listen = format!("{OPUS}a=recvonly\n");
    let text = answered(&[&listen, &listen, &show], PeerKind::Whep);
    assert_eq!((text.matches("a=sendonly").count(), text.matches("a=inactive").count()), (2, 1), "{text}");
    assert_eq!(text.matches("a=msid:mix ").count(), 2, "one stream, played in step: {text}");
}

/// A section that is off stays off, in its place, outside the group; the next one carries the candidates.
#[test]
fn sections_that_are_off() {
    let off = "m=video 0 UDP/TLS/RTP/SAVPF 96\na=sendonly\n";
    let unusable = "m=video 9 UDP/TLS/RTP/SAVPF 45\na=rtpmap:45 AV1/90000\na=inactive\n";
    let speak = format!("{OPUS}a=sendonly\n");
    let text = answered(&[off, unusable, &speak], PeerKind::Browser);
    assert!(text.contains("a=group:BUNDLE s2\n"), "{text}");
    assert_eq!(text.matches("m=video 0 UDP/TLS/RTP/SAVPF").count(), 2, "{text}");
    let last = &text[text.find("m=audio").unwrap()..];
    assert!(last.contains("a=candidate:1 1 udp 2130706431 192.0.2.1 7882 typ host\n"), "{text}");
    assert!(last.contains("a=candidate:2 1 udp 2130706175 2001:db8::1 7882 typ host\n"), "{text}");
    assert!(last.contains("a=candidate:3 1 tcp 2105458943 192.0.2.1 7882 typ host tcptype passive\n"), "{text}");
}

#[test]
fn a_lone_section_needs_no_group() {
    let lone = written(&[&format!("{VP8}a=sendonly\n")]).replace("a=group:BUNDLE s0\n", "");
    let mut offer = read(&lone, PeerKind::Whip).unwrap();
    let text = answer(&mut offer);
    assert!(!text.contains("a=group") && text.contains("a=candidate"), "{text}");
}

#[test]
fn the_bundles_order_is_the_offers() {
    let speak = format!("{OPUS}a=sendonly\n");
    let show = format!("{VP8}a=sendonly\na=ice-ufrag:tagged\n");
    let sdp = written(&[&speak, &show]).replace("BUNDLE s0 s1", "BUNDLE s1 s0 ghost");
    let mut offer = read(&sdp, PeerKind::Whip).unwrap();
    assert_eq!(offer.ice.ufrag, "tagged", "the first of the group has the transport (RFC 9143)");
    let text = answer(&mut offer);
    assert!(text.contains("a=group:BUNDLE s1 s0\r\n"), "{text}");
    assert_eq!(text.matches("a=end-of-candidates").count(), 2, "in both sections: {text}");
}

#[test]
fn sound_is_stereo_where_it_is_music() {
    let stereo = format!("{OPUS}a=fmtp:111 stereo=1;sprop-stereo=1\na=sendonly\n");
    let mono = format!("{OPUS}a=sendonly\n");
    let count = |sections: &[&str], kind| answered(sections, kind).matches("stereo=1;sprop-stereo=1").count();
    assert_eq!(count(&[&stereo], PeerKind::Browser), 0, "a voice is mono");
    assert_eq!(count(&[&mono, &mono], PeerKind::Browser), 1, "a screen is not");
    assert_eq!(
        (count(&[&stereo], PeerKind::Whip), count(&[&mono], PeerKind::Whip)),
        (1, 0),
        "a programme is what it says"
    );
}

#[test]
fn only_a_browser_is_told_how_much_to_send() {
    let show = format!("{VP8}a=sendonly\n");
    assert!(answered(&[&show, &show], PeerKind::Browser).contains("b=AS:2500"));
    assert!(!answered(&[&show, &show], PeerKind::Whip).contains("b=AS"));
}

/// Ids above 14 would need the two-byte form of RFC 8285.
#[test]
fn long_extension_ids_are_left_out() {
    let section = format!("{OPUS}a=sendonly\na=extmap:15 urn:ietf:params:rtp-hdrext:ssrc-audio-level\n");
    let offer = read(&written(&[&section]), PeerKind::Browser).unwrap();
    assert_eq!(offer.media.extensions.audio_level, None);
}

#[test]
fn a_data_channel_that_the_transport_refused_is_off() {
    let mut offer = read(&golden("firefox-data"), PeerKind::Browser).unwrap();
    assert!(answer(&mut offer).contains("a=max-message-size:65536\r\n"));
    let refused = TransportAnswer { data: None, ..transport(&offer) };
    let text = offer.answer(&refused, &[], 1);
    assert!(text.contains("a=group:BUNDLE 0 1 2 3\r\n") && text.contains("m=application 0 UDP/DTLS/SCTP"), "{text}");
}

/// What webrtcbin 1.22.0 answered to the transport offer made of `firefox-data`.
#[test]
fn webrtcbins_answer_is_read() {
    let text = include_str!("../../../tests/golden/answers/webrtcbin-1.22.sdp");
    let answer = TransportAnswer::parse(text).unwrap();
    assert_eq!((answer.ice.ufrag.as_str(), answer.setup), ("/SUKtPscobkLEfzdcY6REJ6D1IhJCn+o", Setup::Active));
    assert_eq!(answer.data, Some(DataChannel { sctp_port: 5000, max_message_size: None }));
    assert!(answer.fingerprint.0 == "sha-256" && answer.fingerprint.1.starts_with("A7:91:83:C5:"));
    let refused = TransportAnswer::parse(&text.replace("m=application 9", "m=application 0")).unwrap();
    assert_eq!(refused.data, None);
    for (missing, what) in [("a=ice-pwd", "ICE credentials"), ("a=fingerprint", "fingerprint"), ("a=setup", "setup")] {
        let problem = TransportAnswer::parse(&text.replace(missing, "a=x")).unwrap_err();
        assert_eq!(problem.to_string(), format!("webrtcbin's answer has no usable {what}"));
    }
    assert!(TransportAnswer::parse(&text.replace("setup:active", "setup:actpass")).is_err());
}

#[test]
fn a_slot_without_h264_has_vp8() {
    let section = format!("{}a=recvonly\n{H264_HIGH}", VP8.replace("96 97", "96 97 103"));
    let offer = read(&written(&[&section]), PeerKind::Whep).unwrap();
    let names: Vec<_> = offer.media.slots[0].codecs.iter().map(|c| c.name).collect();
    assert_eq!((names, offer.slots()[0].h264), (vec![CodecName::Vp8], false));
}
