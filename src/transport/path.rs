//! Where a peer is: the path in use, the others it has shown, and whether it still consents.

use std::net::{IpAddr, SocketAddr};
use std::time::{Duration, Instant};

/// A client checks every 2.5 to 5 s (RFC 7675 section 5.1); after this long without one it is gone.
pub(super) const CONSENT: Duration = Duration::from_secs(15);

/// How long a new session may take to show its first check.
pub(super) const FIRST_CHECK: Duration = Duration::from_secs(30);

/// A client that checked over UDP so recently needs no TCP, even when it nominates both: Firefox does, in the order in which
/// they succeed (aggressive nomination, where the pair of higher priority is the one to use).
const UDP_FRESH: Duration = Duration::from_secs(6);

/// After this long without a check the path in use is given up for any other that is checked: behind a NAT that gave the
/// client another port, some clients (aiortc, Firefox) go on with checks that nominate nothing. Two intervals of theirs.
const PATH_FRESH: Duration = Duration::from_secs(12);
/// Most UDP addresses kept for one peer: an attacker who knows one password can't fill the table.
const MOST_ADDRESSES: usize = 8;

/// A TCP connection's number in the event loop.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub(super) struct ConnectionId(pub usize);

/// A way to a client that has proven itself by a check.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Path {
    /// From this address to the local one it spoke to.
    Udp { remote: SocketAddr, local: Option<IpAddr> },
    /// Over a connection the client opened.
    Tcp(ConnectionId),
}

/// The state of one peer's connectivity.
#[derive(Debug)]
pub(super) struct Connectivity {
    current: Option<Path>,
    /// When the path in use was checked last.
    current_check: Option<Instant>,
    nominated: bool,
    addresses: Vec<SocketAddr>,
    last_check: Option<Instant>,
    last_udp_check: Option<Instant>,
    since: Instant,
}

/// What a check changed.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Checked {
    /// The first nomination: DTLS may start.
    pub(super) first_nomination: bool,
    /// An address not seen before, and one that had to make room for it.
    pub(super) new_address: Option<SocketAddr>,
    pub(super) forgotten: Option<SocketAddr>,
}

impl Connectivity {
    pub(super) fn new(now: Instant) -> Self {
        let (last_check, last_udp_check) = (None, None);
        let (current, current_check) = (None, None);
        let addresses = Vec::new();
        Self { current, current_check, nominated: false, addresses, last_check, last_udp_check, since: now }
    }

    /// Where to send.
    pub(super) fn current(&self) -> Option<Path> {
        self.current
    }

    /// Every UDP address this peer has shown.
    pub(super) fn addresses(&self) -> &[SocketAddr] {
        &self.addresses
    }

    /// A proven check came by `path`. The last nominated path is used (the client's new address after a change of network
    /// simply wins); before any nomination the first proven one.
    pub(super) fn checked(&mut self, now: Instant, path: Path, nominates: bool) -> Checked {
        self.last_check = Some(now);
        let first_nomination = nominates && !self.nominated;
        if (nominates && !self.better_than(now, path)) || self.current.is_none() || self.current_is_silent(now) {
            self.current = Some(path);
        }
        if self.current == Some(path) {
            self.current_check = Some(now);
        }
        if matches!(path, Path::Udp { .. }) {
            self.last_udp_check = Some(now);
        }
        self.nominated |= nominates;
        let (mut new_address, mut forgotten) = (None, None);
        if let Path::Udp { remote, .. } = path
            && !self.addresses.contains(&remote)
        {
            if self.addresses.len() == MOST_ADDRESSES {
                forgotten = Some(self.addresses.remove(0));
            }
            self.addresses.push(remote);
            new_address = Some(remote);
        }
        Checked { first_nomination, new_address, forgotten }
    }

    /// Whether the present path is UDP that works and `path` is not.
    fn better_than(&self, now: Instant, path: Path) -> bool {
        let fresh = self.last_udp_check.is_some_and(|last| now.saturating_duration_since(last) <= UDP_FRESH);
        matches!((self.current, path), (Some(Path::Udp { .. }), Path::Tcp(_))) && fresh
    }

    /// Whether the path in use has not been checked for longer than a client that still uses it would take.
    fn current_is_silent(&self, now: Instant) -> bool {
        self.current_check.is_some_and(|last| now.saturating_duration_since(last) > PATH_FRESH)
    }

    /// A connection closed: it is no path any more. The peer's next check brings another.
    pub(super) fn closed(&mut self, connection: ConnectionId) {
        if self.current == Some(Path::Tcp(connection)) {
            self.current = None;
        }
    }

    /// Whether the peer has been silent for too long.
    pub(super) fn expired(&self, now: Instant) -> bool {
        match self.last_check {
            Some(last) => now.saturating_duration_since(last) > CONSENT,
            None => now.saturating_duration_since(self.since) > FIRST_CHECK,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn udp(port: u16) -> Path {
        Path::Udp { remote: SocketAddr::from(([192, 0, 2, 1], port)), local: None }
    }

    #[test]
    fn the_last_nominated_path_is_used() {
        let now = Instant::now();
        let mut peer = Connectivity::new(now);
        assert!(!peer.checked(now, udp(1), false).first_nomination);
        assert_eq!(peer.current(), Some(udp(1)), "the first proven path carries DTLS already");
        assert!(peer.checked(now, udp(2), true).first_nomination);
        assert_eq!(peer.current(), Some(udp(2)));
        peer.checked(now, udp(1), false);
        assert_eq!(peer.current(), Some(udp(2)), "a plain check moves nothing");
        assert!(!peer.checked(now, udp(3), true).first_nomination, "a new network is not a new session");
        assert_eq!(peer.current(), Some(udp(3)));
    }

    #[test]
    fn tcp_takes_over_only_from_udp_that_went_silent() {
        let now = Instant::now();
        let mut peer = Connectivity::new(now);
        peer.checked(now, udp(1), true);
        peer.checked(now + UDP_FRESH, Path::Tcp(ConnectionId(3)), true);
        assert_eq!(peer.current(), Some(udp(1)));
        peer.checked(now + UDP_FRESH + Duration::from_millis(1), Path::Tcp(ConnectionId(3)), true);
        assert_eq!(peer.current(), Some(Path::Tcp(ConnectionId(3))));
        peer.checked(now + UDP_FRESH * 2, udp(1), true);
        assert_eq!(peer.current(), Some(udp(1)), "and gives way again");
    }

    #[test]
    fn a_client_whose_port_changed_is_followed_even_if_it_nominates_no_more() {
        let now = Instant::now();
        let mut peer = Connectivity::new(now);
        peer.checked(now, udp(1), true);
        for second in [5, 10, 12] {
            peer.checked(now + Duration::from_secs(second), udp(2), false);
            assert_eq!(peer.current(), Some(udp(1)), "it may only try another path, after {second} s");
        }
        peer.checked(now + Duration::from_secs(13), udp(2), false);
        assert_eq!(peer.current(), Some(udp(2)));
        assert!(!peer.expired(now + Duration::from_secs(13) + CONSENT), "it consents all the while");
    }

    #[test]
    fn a_silent_peer_expires() {
        let now = Instant::now();
        let mut peer = Connectivity::new(now);
        assert!(!peer.expired(now + FIRST_CHECK));
        peer.checked(now, udp(1), true);
        assert!(!peer.expired(now + CONSENT));
        assert!(peer.expired(now + CONSENT + Duration::from_millis(1)));
    }

    #[test]
    fn addresses_are_bounded_and_the_oldest_is_forgotten() {
        let now = Instant::now();
        let mut peer = Connectivity::new(now);
        for port in 0..8 {
            assert_eq!(peer.checked(now, udp(port), false).forgotten, None);
        }
        assert_eq!(peer.checked(now, udp(8), false).forgotten, Some(SocketAddr::from(([192, 0, 2, 1], 0))));
        assert_eq!(peer.addresses().len(), MOST_ADDRESSES);
    }

    #[test]
    fn a_closed_connection_is_no_path() {
        let now = Instant::now();
        let mut peer = Connectivity::new(now);
        peer.checked(now, Path::Tcp(ConnectionId(4)), true);
        peer.closed(ConnectionId(5));
        assert!(peer.current().is_some());
        peer.closed(ConnectionId(4));
        assert_eq!(peer.current(), None);
    }
}
