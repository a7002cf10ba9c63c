//! Fragments of WHIP and WHEP clients.

use super::*;

const RESTART: &str = "a=ice-options:trickle ice2\r\na=group:BUNDLE 0 1\r\nm=audio 9 UDP/TLS/RTP/SAVPF 111\r\na=mid:0\r\n\
                       a=ice-ufrag:ysXw\r\na=ice-pwd:vw5LmwG4y/e6dPP/zAP9Gp5k\r\n\
                       a=candidate:1387637174 1 udp 2122260223 192.0.2.1 61764 typ host generation 0\r\n\
                       a=candidate:3471623853 1 udp 2122194687 198.51.100.2 61765 typ host generation 0\r\n\
                       a=end-of-candidates\r\n";

#[test]
fn a_restart_and_a_trickle() {
    let restart = Fragment::parse(RESTART).unwrap();
    let ice = restart.ice.as_ref().unwrap();
    assert_eq!((ice.ufrag.as_str(), restart.candidates, &restart.mids[..]), ("ysXw", 2, &["0".to_owned()][..]));
    // The same at session level, and with bare line feeds.
    let session =
        "a=ice-ufrag:ysXw\na=ice-pwd:vw5LmwG4y/e6dPP/zAP9Gp5k\nm=audio 9 RTP/AVP 0\na=mid:0\na=end-of-candidates\n";
    assert_eq!(Fragment::parse(session).unwrap().ice, restart.ice);
    let trickle = "m=audio 9 RTP/AVP 0\r\na=mid:0\r\na=candidate:1 1 udp 1 192.0.2.1 9 typ host\r\n";
    assert_eq!(Fragment::parse(trickle).unwrap(), Fragment { ice: None, candidates: 1, mids: vec!["0".into()] });
}

#[test]
fn bad_fragments() {
    let problem = |text: &str| Fragment::parse(text).unwrap_err().to_string();
    assert_eq!(problem(" \n"), "The fragment is empty.");
    assert!(problem("{}").starts_with("The fragment is not SDP:"));
    assert_eq!(problem(&"a=x\n".repeat(10_000)), "The fragment has 40000 bytes; the limit is 32768.");
    assert_eq!(problem(&"a=candidate:1\n".repeat(200)), "The fragment has 200 candidates; the limit is 128.");
    assert_eq!(problem(&"m=audio 9 RTP/AVP 0\n".repeat(65)), "The fragment has 65 media sections; the limit is 64.");
    assert!(problem("a=ice-ufrag:ysXw\r\n").contains("a=ice-pwd must have 22 to 256"));
    assert!(
        problem("a=ice-ufrag:y\r\na=ice-pwd:vw5LmwG4y/e6dPP/zAP9Gp5k\r\n").contains("a=ice-ufrag must have 4 to 256")
    );
}

#[test]
fn a_fragment_speaks_of_sections_that_exist() {
    let offer = read(&golden("chromium-whip"), PeerKind::Whip).unwrap();
    let fragment = Fragment::parse(RESTART).unwrap();
    assert_eq!(offer.check_fragment(&fragment), Ok(()));
    let stranger = Fragment::parse(&RESTART.replace("a=mid:0", "a=mid:99")).unwrap();
    let problem = offer.check_fragment(&stranger).unwrap_err().to_string();
    assert_eq!(problem, "The fragment speaks of section \"99\", which the offer does not have.");
}

#[test]
fn the_answer_to_a_restart() {
    let offer = read(&golden("firefox-whip"), PeerKind::Whip).unwrap();
    insta::assert_snapshot!(offer.restart_fragment(&transport(&offer), &candidates()).replace("\r\n", "\n"));
}
