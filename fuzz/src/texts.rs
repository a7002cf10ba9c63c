//! What is read as text, and connectivity checks.

use std::net::SocketAddr;

use sdp_types::Session;

use crate::domain::media::PeerKind;
use crate::protocol::client::ClientFrame;
use crate::sdp::{
    Candidate, CandidateTransport, DataChannel, Fragment, IceCredentials, Limits, Setup, TransportAnswer, parse_offer,
};
use crate::stun_messages;

/// Offers at every door: what is accepted is answered, with as many sections, and the answer is SDP.
pub fn sdp_offer(data: &[u8]) {
    let Ok(text) = std::str::from_utf8(data) else { return };
    for (kind, slots) in [(PeerKind::Browser, 25), (PeerKind::Whip, 0), (PeerKind::Whep, 1)] {
        let limits = Limits { audio_slots: slots.min(3), video_slots: slots };
        let Ok(mut offer) = parse_offer(text, kind, &limits) else { continue };
        let mut ssrc = 1000;
        offer.assign_ssrcs(|| {
            ssrc += 1;
            ssrc
        });
        let transport = TransportAnswer {
            ice: IceCredentials { ufrag: "srvr".into(), pwd: "serverserverserverserver".into() },
            fingerprint: ("sha-256".into(), ["5A"; 32].join(":")),
            setup: Setup::Active,
            data: offer.has_data().then_some(DataChannel { sctp_port: 5000, max_message_size: Some(65536) }),
        };
        let address = SocketAddr::from(([192, 0, 2, 1], 7882));
        let candidates = [Candidate { foundation: 1, transport: CandidateTransport::Udp, priority: 1, address }];
        let answered = offer.answer(&transport, &candidates, 7);
        let sections = Session::parse(answered.as_bytes()).expect("an answer is SDP").medias.len();
        assert_eq!(sections, Session::parse(data).expect("the offer was read").medias.len());
        Session::parse(offer.transport_offer().as_bytes()).expect("what webrtcbin hears is SDP");
        offer.restart_fragment(&transport, &candidates);
    }
    let _ = Fragment::parse(text);
    let _ = TransportAnswer::parse(text);
}

/// Binding requests. A few right ones are among the seeds, with the password `secret`.
pub fn stun(data: &[u8]) {
    let Some(check) = stun_messages::parse(data) else { return };
    let answer = check.answer(&stun_messages::key("secret"), SocketAddr::from(([192, 0, 2, 7], 5000)));
    assert!(answer.is_none_or(|answer| answer.len() <= 128), "an answer that is longer than a request amplifies");
}

/// What a page says over its WebSocket.
pub fn client(data: &[u8]) {
    let _ = serde_json::from_slice::<ClientFrame>(data);
}
