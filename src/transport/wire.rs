//! What the net thread knows of its peers, and everything that sending to them needs.

use std::collections::HashMap;
use std::time::Instant;

use crate::domain::ids::PeerId;
use crate::rtp::router::{Outbound, RouterEvent};

use super::drops::SocketDrops;
use super::net::{EventHandler, NetEvent};
use super::outbox::{Destination, Mark, Outbox};
use super::path::{ConnectionId, Connectivity, Path};
use super::sender::Sender;
use super::stun::IntegrityKey;
use super::tcp::Connection;
use super::udp::Udp;

/// DTLS records one peer may send per sweep: a handshake has about ten.
const DTLS_BUDGET: u32 = 100;

/// Connectivity checks one peer may send per sweep from addresses it has proven: a browser sends some 20 at the start.
const CHECK_BUDGET: u32 = 200;

/// Everything that sending needs: split from the loop so that the router can hand out packets while it works.
pub(super) struct Wire {
    pub(super) udp: Udp,
    pub(super) peers: HashMap<PeerId, Peer>,
    pub(super) connections: HashMap<ConnectionId, Connection>,
    pub(super) drops: SocketDrops,
    outbox: Outbox,
    sender: Sender,
}

/// A media session: who it is, where it is, what it may still send, and who hears of it.
pub(super) struct Peer {
    pub(super) ufrag: String,
    pub(super) key: Option<IntegrityKey>,
    pub(super) connectivity: Connectivity,
    pub(super) dtls_budget: u32,
    pub(super) check_budget: u32,
    pub(super) silent: bool,
    mark: Mark,
    pub(super) events: EventHandler,
}

impl Outbound for Wire {
    fn transmit(&mut self, peer: PeerId, datagram: &[u8]) {
        if self.outbox.is_full() {
            self.flush();
        }
        // Who consents no more is sent nothing (RFC 7675 section 5.1), until a check says otherwise.
        let Some(peer) = self.peers.get_mut(&peer).filter(|peer| !peer.silent) else { return };
        match peer.connectivity.current() {
            Some(Path::Udp { remote, local }) => {
                self.outbox.add(Destination { remote, local }, &mut peer.mark, datagram);
            }
            Some(Path::Tcp(connection)) => self.send_tcp(connection, datagram),
            None => {}
        }
    }

    fn event(&mut self, event: RouterEvent) {
        let (peer, event) = match event {
            RouterEvent::TrackStarted(track) => (track.peer, NetEvent::TrackStarted(track.source)),
            RouterEvent::Level { peer, level } => (peer, NetEvent::Level(level)),
            RouterEvent::KeyFrameWanted(track) => (track.peer, NetEvent::KeyFrameWanted(track.source)),
            RouterEvent::Line { peer, estimate, needed } => (peer, NetEvent::Line { estimate, needed }),
            RouterEvent::Watched { track, layers, height } => {
                (track.peer, NetEvent::Watched { source: track.source, layers, height })
            }
        };
        if let Some(peer) = self.peers.get(&peer) {
            (peer.events)(event);
        }
    }
}

impl Wire {
    pub(super) fn new(udp: Udp) -> Self {
        let (sender, outbox) = (Sender::new(&udp), Outbox::new(udp.cuts()));
        let (peers, connections) = (HashMap::new(), HashMap::new());
        Self { udp, peers, connections, drops: SocketDrops::default(), outbox, sender }
    }

    /// Sends a packet by a path that need not be its peer's present one.
    pub(super) fn answer(&mut self, path: Path, packet: &[u8]) {
        if self.outbox.is_full() {
            self.flush();
        }
        match path {
            Path::Udp { remote, local } => {
                self.outbox.add(Destination { remote, local }, &mut Mark::default(), packet);
            }
            Path::Tcp(connection) => self.send_tcp(connection, packet),
        }
    }

    fn send_tcp(&mut self, connection: ConnectionId, packet: &[u8]) {
        if let Some(connection) = self.connections.get_mut(&connection) {
            self.drops.backlog += u64::from(!connection.send(packet));
        }
    }

    /// Sends the datagrams that wait: at the end of every step of the loop, so that none waits for what comes next.
    pub(super) fn flush(&mut self) {
        if !self.outbox.is_empty() {
            self.sender.send(&self.udp, &mut self.outbox, &mut self.drops);
        }
    }
}

impl Peer {
    /// What it may send until the next sweep.
    pub(super) fn fill_budgets(&mut self) {
        (self.dtls_budget, self.check_budget) = (DTLS_BUDGET, CHECK_BUDGET);
    }

    pub(super) fn new(now: Instant, key: Option<IntegrityKey>, ufrag: String, events: EventHandler) -> Self {
        let (connectivity, mark) = (Connectivity::new(now), Mark::default());
        let (dtls_budget, check_budget) = (DTLS_BUDGET, CHECK_BUDGET);
        Self { ufrag, key, connectivity, dtls_budget, check_budget, silent: false, mark, events }
    }
}
