//! From a client's offer to an open session: what may block, on a thread of its own.

use std::sync::Arc;
use std::sync::mpsc::Sender;
use std::time::Instant;

use crate::domain::ids::PeerId;
use crate::domain::media::PeerKind;
use crate::domain::slots;
use crate::rtp::description::PeerMedia;
use crate::sdp::{self, TransportAnswer};
use crate::transport::net::{Net, NewPeer};

use super::engine::Input;
use super::peer::Session;

/// What is needed to open a session.
pub(super) struct OpenRequest {
    pub(super) peer: PeerId,
    pub(super) cname: String,
    pub(super) kind: PeerKind,
    pub(super) offer: String,
    pub(super) net: Net,
    pub(super) inbox: Sender<Input>,
}

/// An open session.
pub(super) struct Opened {
    pub(super) session: Session,
    pub(super) answer: String,
    pub(super) media: PeerMedia,
}

/// Opens it and tells the engine how it went.
pub(super) fn open(request: &OpenRequest) {
    let begun = Instant::now();
    let outcome = try_open(request);
    tracing::debug!(peer = %request.peer, took = ?begun.elapsed(), good = outcome.is_ok(), "a media session opened");
    if request.inbox.send(Input::Opened(request.peer, outcome)).is_err() {
        // The room is gone: the session ended with the message.
        request.net.remove_peer(request.peer);
    }
}

fn try_open(request: &OpenRequest) -> Result<Opened, String> {
    let mut offer =
        sdp::parse_offer(&request.offer, request.kind, &limits(request.kind)).map_err(|problem| problem.to_string())?;
    offer.assign_ssrcs(random_ssrc);
    let fingerprints = offer.fingerprints.iter().filter(|(name, _)| name == "sha-256").map(|(_, value)| value.clone());
    let (peer, net) = (request.peer, request.net.clone());
    let inbox = request.inbox.clone();
    let opened = Session::open(
        peer,
        &offer.transport_offer(),
        fingerprints.collect(),
        Arc::new(move |record| net.send_dtls(peer, record)),
        Arc::new(move |event| drop(inbox.send(Input::Session(peer, event)))),
    );
    let (session, own) = opened.map_err(|error| internal(peer, &error.to_string()))?;
    let mut transport = TransportAnswer::parse(&own).map_err(|problem| internal(peer, &problem.to_string()))?;
    transport.fingerprint = session.fingerprint();
    let answer = offer.answer(&transport, request.net.candidates(), u64::from(random_ssrc()));
    let inbox = request.inbox.clone();
    request.net.add_peer(NewPeer {
        peer,
        cname: request.cname.clone(),
        ufrag: transport.ice.ufrag.clone(),
        password: transport.ice.pwd.clone(),
        media: offer.media.clone(),
        events: Box::new(move |event| drop(inbox.send(Input::Net(peer, event)))),
    });
    Ok(Opened { session, answer, media: offer.media })
}

/// A viewer by WHEP has one picture and one sound; a publisher by WHIP is sent nothing.
fn limits(kind: PeerKind) -> sdp::Limits {
    let (audio_slots, video_slots) = match kind {
        PeerKind::Browser => (slots::MOST_SLOTS.0.into(), slots::MOST_SLOTS.1.into()),
        PeerKind::Whip => (0, 0),
        PeerKind::Whep => (1, 1),
    };
    sdp::Limits { audio_slots, video_slots }
}

/// What is our fault is told in the log; the client hears that it is.
fn internal(peer: PeerId, problem: &str) -> String {
    tracing::error!(%peer, problem, "a media session could not be opened");
    "the server could not open a media session; its log says why".into()
}

/// RFC 3550 section 8: SSRCs are random. Zero is avoided: many stacks take it for "none".
fn random_ssrc() -> u32 {
    let mut bytes = [0; 4];
    // The OS's randomness does not fail once it has started.
    let _ = getrandom::fill(&mut bytes);
    u32::from_ne_bytes(bytes).max(1)
}
