//! The net thread: one loop over the UDP socket, the TCP connections, the commands and the router's timers.

use std::collections::HashMap;
use std::io;
use std::net::SocketAddr;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::mpsc;
use std::time::{Duration, Instant, SystemTime};

use mio::{Interest, Token};

use crate::domain::ids::PeerId;
use crate::rtp::router::{Outbound, Router};

use super::limits::Strangers;
use super::net::{Command, NetEvent, NewPeer};
use super::path::{ConnectionId, Path};
use super::stun;
use super::tcp::{Connection, UNPROVEN};
use super::udp::{Arrival, Batch, Udp};
use super::wire::{Peer, Wire};

pub(super) const WAKER: Token = Token(0);
const UDP: Token = Token(1);
const LISTENER: Token = Token(2);
const FIRST_CONNECTION: usize = 3;

/// How often silence is looked for and budgets are filled again.
const SWEEP: Duration = Duration::from_secs(1);

/// UDP batches received before timers and commands have their turn.
const MOST_BATCHES: usize = 8;

/// Open TCP connections: more are closed at once.
const MOST_CONNECTIONS: usize = 1024;

/// Of those, from one address and not proven by a check yet.
const MOST_UNPROVEN: usize = 64;

pub(super) struct EventLoop {
    poll: mio::Poll,
    listener: mio::net::TcpListener,
    commands: mpsc::Receiver<Command>,
    published: Arc<AtomicUsize>,
    batch: Batch,
    wire: Wire,
    router: Router,
    by_ufrag: HashMap<String, PeerId>,
    by_address: HashMap<SocketAddr, PeerId>,
    by_connection: HashMap<ConnectionId, PeerId>,
    strangers: Strangers,
    next_connection: usize,
    next_sweep: Instant,
}

/// Where a packet came from.
#[derive(Clone, Copy)]
enum Origin {
    Udp(Arrival),
    Tcp(ConnectionId, SocketAddr),
}

impl Origin {
    fn path(self) -> Path {
        match self {
            Origin::Udp(arrival) => Path::Udp { remote: arrival.remote, local: arrival.local },
            Origin::Tcp(connection, _) => Path::Tcp(connection),
        }
    }

    fn remote(self) -> SocketAddr {
        match self {
            Origin::Udp(arrival) => arrival.remote,
            Origin::Tcp(_, remote) => remote,
        }
    }
}

impl EventLoop {
    pub(super) fn new(
        poll: mio::Poll,
        mut udp: Udp,
        mut listener: mio::net::TcpListener,
        (commands, published): (mpsc::Receiver<Command>, Arc<AtomicUsize>),
        seed: u64,
    ) -> io::Result<Self> {
        poll.registry().register(&mut udp.socket, UDP, Interest::READABLE)?;
        poll.registry().register(&mut listener, LISTENER, Interest::READABLE)?;
        let now = Instant::now();
        let unix = SystemTime::now().duration_since(SystemTime::UNIX_EPOCH).unwrap_or_default();
        Ok(Self {
            poll,
            listener,
            commands,
            published,
            batch: udp.batch(),
            wire: Wire::new(udp),
            router: Router::new(seed, now, unix),
            by_ufrag: HashMap::new(),
            by_address: HashMap::new(),
            by_connection: HashMap::new(),
            strangers: Strangers::new(),
            next_connection: FIRST_CONNECTION,
            next_sweep: now + SWEEP,
        })
    }

    pub(super) fn run(mut self) {
        let mut events = mio::Events::with_capacity(256);
        let mut udp_ready = true;
        let mut unread: Vec<ConnectionId> = Vec::new();
        loop {
            let timeout = if udp_ready || !unread.is_empty() { Duration::ZERO } else { self.time_left() };
            if let Err(error) = self.poll.poll(&mut events, Some(timeout))
                && error.kind() != io::ErrorKind::Interrupted
            {
                tracing::error!(%error, "the net thread can't wait for packets");
                return;
            }
            for event in &events {
                match event.token() {
                    WAKER => {}
                    UDP => udp_ready = true,
                    LISTENER => self.accept(),
                    Token(id) => unread.push(ConnectionId(id)),
                }
            }
            if !self.obey() {
                return;
            }
            if udp_ready {
                udp_ready = self.receive_udp();
            }
            unread = std::mem::take(&mut unread).into_iter().filter(|id| self.serve_connection(*id)).collect();
            self.keep_time();
        }
    }

    fn time_left(&self) -> Duration {
        let next = self.router.next_timeout().map_or(self.next_sweep, |next| next.min(self.next_sweep));
        next.saturating_duration_since(Instant::now())
    }

    fn keep_time(&mut self) {
        let now = Instant::now();
        if self.router.next_timeout().is_some_and(|next| next <= now) {
            self.router.handle_timeout(now, &mut self.wire);
        }
        if self.next_sweep <= now {
            self.next_sweep = now + SWEEP;
            self.sweep(now);
        }
        self.wire.flush();
    }

    /// Finds who went silent, and connections that never proved anything; tells the metrics what was dropped.
    fn sweep(&mut self, now: Instant) {
        for peer in self.wire.peers.values_mut() {
            peer.fill_budgets();
            if peer.key.is_some() && !peer.silent && peer.connectivity.expired(now) {
                peer.silent = true;
                (peer.events)(NetEvent::Silent);
            }
        }
        let stale: Vec<ConnectionId> = (self.wire.connections.iter())
            .filter(|(id, connection)| !self.by_connection.contains_key(id) && now - connection.since > UNPROVEN)
            .map(|(id, _)| *id)
            .collect();
        stale.into_iter().for_each(|id| self.close(id));
        self.wire.drops.tell();
    }

    /// True while the socket may hold more.
    fn receive_udp(&mut self) -> bool {
        for _ in 0..MOST_BATCHES {
            // An error is an empty socket, or the ICMP message of some client that left.
            if self.wire.udp.receive(&mut self.batch).is_err() {
                return false;
            }
            let mut batch = std::mem::take(&mut self.batch);
            for number in 0..batch.len() {
                let (arrival, datagram) = batch.datagram(number);
                self.take(Origin::Udp(arrival), datagram);
            }
            self.batch = batch;
            self.wire.flush();
        }
        true
    }

    fn accept(&mut self) {
        while let Ok((mut stream, remote)) = self.listener.accept() {
            if self.wire.connections.len() >= MOST_CONNECTIONS || !self.admits_connection(remote) {
                self.wire.drops.connections += 1;
                continue;
            }
            let id = ConnectionId(self.next_connection);
            self.next_connection += 1;
            let interest = Interest::READABLE | Interest::WRITABLE;
            if self.poll.registry().register(&mut stream, Token(id.0), interest).is_ok() {
                let remote = SocketAddr::new(remote.ip().to_canonical(), remote.port());
                self.wire.connections.insert(id, Connection::new(stream, remote, Instant::now()));
            }
        }
    }

    /// Whether another connection from there may be opened.
    fn admits_connection(&mut self, remote: SocketAddr) -> bool {
        let ip = remote.ip().to_canonical();
        let unproven = (self.wire.connections.iter())
            .filter(|(id, connection)| connection.remote.ip() == ip && !self.by_connection.contains_key(id))
            .count();
        unproven < MOST_UNPROVEN && self.strangers.admits(Instant::now(), ip)
    }

    /// Reads and writes one connection; true while it may have more to read.
    fn serve_connection(&mut self, id: ConnectionId) -> bool {
        let Some(connection) = self.wire.connections.get_mut(&id) else { return false };
        let remote = connection.remote;
        let mut packets = Vec::new();
        let outcome = connection.flush().and_then(|()| connection.receive(&mut packets));
        for mut packet in packets {
            self.take(Origin::Tcp(id, remote), &mut packet);
        }
        self.wire.flush();
        outcome.unwrap_or_else(|_| {
            self.close(id);
            false
        })
    }

    fn close(&mut self, id: ConnectionId) {
        if let Some(mut connection) = self.wire.connections.remove(&id) {
            // It is dropped, and with it closed, in any case.
            let _ = self.poll.registry().deregister(&mut connection.stream);
        }
        if let Some(peer) = self.by_connection.remove(&id).and_then(|peer| self.wire.peers.get_mut(&peer)) {
            peer.connectivity.closed(id);
        }
    }

    /// One packet, told apart by its first byte (RFC 7983 section 7).
    fn take(&mut self, origin: Origin, packet: &mut [u8]) {
        match packet.first() {
            Some(0..=3) => self.check(origin, packet),
            Some(20..=63) => self.receive_dtls(origin, packet),
            Some(128..=191) => {
                if let Some(peer) = self.peer_at(origin) {
                    self.router.handle(Instant::now(), peer, packet, &mut self.wire);
                }
            }
            _ => {}
        }
    }

    fn peer_at(&self, origin: Origin) -> Option<PeerId> {
        match origin {
            Origin::Udp(arrival) => self.by_address.get(&arrival.remote).copied(),
            Origin::Tcp(connection, _) => self.by_connection.get(&connection).copied(),
        }
    }

    fn receive_dtls(&mut self, origin: Origin, record: &[u8]) {
        let Some(peer) = self.peer_at(origin).and_then(|peer| self.wire.peers.get_mut(&peer)) else { return };
        if let Some(left) = peer.dtls_budget.checked_sub(1) {
            peer.dtls_budget = left;
            (peer.events)(NetEvent::Dtls(record.to_vec()));
        } else {
            self.wire.drops.dtls += 1;
        }
    }

    /// A connectivity check: answered, and the path remembered, for whoever knows a peer's password.
    fn check(&mut self, origin: Origin, datagram: &[u8]) {
        let now = Instant::now();
        if !self.admits_check(now, origin) {
            self.wire.drops.checks += 1;
            return;
        }
        let Some(check) = stun::parse(datagram) else { return };
        let Some(&id) = self.by_ufrag.get(&check.ufrag) else { return };
        let Some(peer) = self.wire.peers.get_mut(&id) else { return };
        let Some(answer) = peer.key.as_ref().and_then(|key| check.answer(key, origin.remote())) else { return };
        let checked = peer.connectivity.checked(now, origin.path(), check.nominates);
        peer.silent = false;
        if checked.first_nomination {
            (peer.events)(NetEvent::PathFound);
        }
        if let Some(old) = checked.forgotten {
            self.by_address.remove(&old);
        }
        if let Some(new) = checked.new_address {
            self.by_address.insert(new, id);
        }
        if let Origin::Tcp(connection, _) = origin {
            self.by_connection.insert(connection, id);
        }
        self.wire.answer(origin.path(), &answer);
    }

    /// Whether a check from there is looked at: strangers have a budget by source, and who has proven an address one of
    /// their own, so that no flood of either keeps the other out.
    fn admits_check(&mut self, now: Instant, origin: Origin) -> bool {
        let Some(peer) = self.peer_at(origin).and_then(|peer| self.wire.peers.get_mut(&peer)) else {
            return self.strangers.admits(now, origin.remote().ip());
        };
        let left = peer.check_budget.checked_sub(1);
        peer.check_budget = left.unwrap_or(0);
        left.is_some()
    }

    /// Carries out what was asked. False when nobody can ask any more.
    fn obey(&mut self) -> bool {
        loop {
            match self.commands.try_recv() {
                Ok(command) => self.carry_out(command),
                Err(mpsc::TryRecvError::Empty) => break,
                Err(mpsc::TryRecvError::Disconnected) => return false,
            }
        }
        self.wire.flush();
        true
    }

    fn carry_out(&mut self, command: Command) {
        let now = Instant::now();
        let (router, wire) = (&mut self.router, &mut self.wire);
        match command {
            Command::AddPeer(new) => self.add_peer(now, *new),
            Command::AddPublisher { peer, cname, tracks, events } => {
                router.add_local_publisher(peer, &cname, &tracks);
                wire.peers.insert(peer, Peer::new(now, None, String::new(), events));
            }
            Command::SetKeys { peer, keys } => router.set_keys(peer, &keys),
            Command::Dtls { peer, record } => wire.transmit(peer, &record),
            Command::RemovePeer { peer } => self.remove_peer(now, peer),
            Command::Assign { viewer, slot, view } => router.assign(now, viewer, slot, view, wire),
            Command::Aim { viewer, bitrate } => router.aim_line(viewer, bitrate),
            Command::Silence { track, silenced } => router.silence(track, silenced),
            Command::Subscribe { id, track, height, sink } => router.subscribe(now, id, track, height, sink, wire),
            Command::Resize { id, height } => router.resize_subscription(now, id, height, wire),
            Command::Unsubscribe { id } => router.unsubscribe(id),
            Command::RequestKeyFrame { id } => router.request_key_frame(now, id, wire),
            Command::Publish { track, packet, composed } => {
                self.published.fetch_sub(1, Ordering::Relaxed);
                router.publish(now, track, &packet, composed, wire);
            }
            // Whoever asked may have given up waiting.
            Command::Counters(reply) => drop(reply.send((router.counters(), wire.drops))),
        }
    }

    fn add_peer(&mut self, now: Instant, new: NewPeer) {
        self.router.add_peer(new.peer, &new.cname, new.media);
        self.by_ufrag.insert(new.ufrag.clone(), new.peer);
        let key = stun::key(&new.password);
        self.wire.peers.insert(new.peer, Peer::new(now, Some(key), new.ufrag, new.events));
    }

    fn remove_peer(&mut self, now: Instant, id: PeerId) {
        self.router.remove_peer(now, id, &mut self.wire);
        let Some(peer) = self.wire.peers.remove(&id) else { return };
        self.by_ufrag.remove(&peer.ufrag);
        for address in peer.connectivity.addresses() {
            // The address may belong to the same browser's next session by now.
            if self.by_address.get(address) == Some(&id) {
                self.by_address.remove(address);
            }
        }
        let connections: Vec<ConnectionId> =
            self.by_connection.iter().filter(|(_, peer)| **peer == id).map(|(connection, _)| *connection).collect();
        connections.into_iter().for_each(|connection| self.close(connection));
    }
}
