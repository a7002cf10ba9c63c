//! Shows how an offer would be answered: reads it from standard input, writes the answer with a made-up transport.
//!
//! `cargo run --example answer_offer -- browser|whip|whep < offer.sdp`. For the offer of a client nobody has seen yet.

use std::io::Read;

use anyhow::bail;
use veranda::domain::media::PeerKind;
use veranda::sdp::{
    Candidate, CandidateTransport, DataChannel, IceCredentials, Limits, Setup, TransportAnswer, parse_offer,
};

fn main() -> anyhow::Result<()> {
    let (kind, limits) = match std::env::args().nth(1).as_deref() {
        Some("browser") => (PeerKind::Browser, Limits { audio_slots: 3, video_slots: 25 }),
        Some("whip") => (PeerKind::Whip, Limits { audio_slots: 0, video_slots: 0 }),
        Some("whep") => (PeerKind::Whep, Limits { audio_slots: 1, video_slots: 1 }),
        _ => bail!("say which door: browser, whip or whep"),
    };
    let mut text = String::new();
    std::io::stdin().read_to_string(&mut text)?;
    let mut offer = parse_offer(&text, kind, &limits)?;
    let mut ssrc = 1000;
    offer.assign_ssrcs(|| {
        ssrc += 1;
        ssrc
    });
    let transport = TransportAnswer {
        ice: IceCredentials { ufrag: "server".into(), pwd: "madeupmadeupmadeupmadeup".into() },
        fingerprint: ("sha-256".into(), ["5A"; 32].join(":")),
        setup: if offer.setup == Setup::Active { Setup::Passive } else { Setup::Active },
        data: offer.has_data().then_some(DataChannel { sctp_port: 5000, max_message_size: None }),
    };
    let candidate = |foundation, transport, priority| {
        let address = std::net::SocketAddr::from(([127, 0, 0, 1], 9));
        Candidate { foundation, transport, priority, address }
    };
    let candidates = [
        candidate(1, CandidateTransport::Udp, 2_130_706_431),
        candidate(2, CandidateTransport::TcpPassive, 2_105_458_943),
    ];
    print!("{}", offer.answer(&transport, &candidates, 1));
    Ok(())
}
