//! Offers of real clients (`tests/golden/offers`: Chromium 156, Firefox 153, aiortc 1.16, GStreamer 1.22), their answers, and offers of no client.

mod arbitrary;
mod fragments;
mod golden;
mod hostile;
mod rules;

use super::*;
use crate::domain::media::PeerKind;

/// The text of a golden offer.
pub(super) fn golden(name: &str) -> String {
    let path = format!("{}/tests/golden/offers/{name}.sdp", env!("CARGO_MANIFEST_DIR"));
    std::fs::read_to_string(&path).unwrap_or_else(|e| panic!("{path}: {e}"))
}

/// What the page may have.
pub(super) const PAGE: Limits = Limits { audio_slots: 3, video_slots: 25 };
/// What a WHEP viewer may have.
pub(super) const VIEWER: Limits = Limits { audio_slots: 1, video_slots: 1 };

/// Reads an offer by the door's usual limits.
pub(super) fn read(sdp: &str, kind: PeerKind) -> Result<Offer, OfferProblem> {
    parse_offer(sdp, kind, if kind == PeerKind::Browser { &PAGE } else { &VIEWER })
}

/// A transport as webrtcbin might answer.
pub(super) fn transport(offer: &Offer) -> TransportAnswer {
    TransportAnswer {
        ice: IceCredentials { ufrag: "srvr".into(), pwd: "serverserverserverserver".into() },
        fingerprint: ("sha-256".into(), ["5A"; 32].join(":")),
        setup: Setup::Active,
        data: offer.has_data().then_some(DataChannel { sctp_port: 5000, max_message_size: Some(65536) }),
    }
}

/// One candidate of each sort.
pub(super) fn candidates() -> Vec<Candidate> {
    let udp = "192.0.2.1:7882".parse().unwrap();
    let v6 = "[2001:db8::1]:7882".parse().unwrap();
    let candidate = |foundation, transport, priority, address| Candidate { foundation, transport, priority, address };
    vec![
        candidate(1, CandidateTransport::Udp, 2_130_706_431, udp),
        candidate(2, CandidateTransport::Udp, 2_130_706_175, v6),
        candidate(3, CandidateTransport::TcpPassive, 2_105_458_943, udp),
    ]
}

/// The whole way: SSRCs count from 1001.
pub(super) fn answer(offer: &mut Offer) -> String {
    let mut ssrc = 1000;
    offer.assign_ssrcs(|| {
        ssrc += 1;
        ssrc
    });
    offer.answer(&transport(offer), &candidates(), 7)
}

/// An offer of a few sections written by hand, with bare line feeds; each section brings its own lines after the m-line.
pub(super) fn written(sections: &[&str]) -> String {
    let mids: Vec<String> = (0..sections.len()).map(|n| format!("s{n}")).collect();
    let mut sdp = format!(
        "v=0\no=- 1 2 IN IP4 127.0.0.1\ns=-\nt=0 0\na=group:BUNDLE {}\na=ice-ufrag:abcd\na=ice-pwd:{}\na=setup:actpass\n\
         a=fingerprint:sha-256 {}\n",
        mids.join(" "),
        "p".repeat(22),
        ["AB"; 32].join(":"),
    );
    for (mid, section) in mids.iter().zip(sections) {
        sdp += &format!("{}\na=mid:{mid}\na=rtcp-mux\n", section.trim());
    }
    sdp
}

pub(super) const OPUS: &str = "m=audio 9 UDP/TLS/RTP/SAVPF 111\na=rtpmap:111 opus/48000/2\n";
pub(super) const VP8: &str =
    "m=video 9 UDP/TLS/RTP/SAVPF 96 97\na=rtpmap:96 VP8/90000\na=rtpmap:97 rtx/90000\na=fmtp:97 apt=96\n";
