//! What the net thread dropped before or after the router, and how `/metrics` hears of it.

/// Counted since the net thread began.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct SocketDrops {
    /// Connectivity checks of sources that send too many.
    pub checks: u64,
    /// DTLS records of peers that send too many.
    pub dtls: u64,
    /// TCP connections beyond what all or one source may open.
    pub connections: u64,
    /// Packets for TCP clients that read too slowly.
    pub backlog: u64,
    /// Datagrams that the UDP socket's full buffer did not take.
    pub buffer: u64,
    /// Datagrams that no network took: unreachable, or larger than the device carries.
    pub unsendable: u64,
}

impl SocketDrops {
    /// Tells the process's metrics.
    pub(super) fn tell(&self) {
        let Self { checks, dtls, connections, backlog, buffer, unsendable } = *self;
        let reasons = [
            ("checks", checks),
            ("dtls", dtls),
            ("connections", connections),
            ("backlog", backlog),
            ("buffer", buffer),
            ("unsendable", unsendable),
        ];
        for (reason, count) in reasons {
            metrics::counter!("veranda_socket_drops_total", "reason" => reason).absolute(count);
        }
    }
}
