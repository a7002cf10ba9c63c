//! The one UDP socket: batches in, and the local address that each client spoke to. Batches out: [`super::sender`].

use std::io::{self, IoSliceMut};
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr};

use quinn_udp::{BATCH_SIZE, RecvMeta, Transmit, UdpSocketState};
use socket2::{Domain, Protocol, Socket, Type};

use super::outbox::Destination;

/// Socket buffers: 50 publishers' key frames may arrive together. The kernel caps it at `net.core.{r,w}mem_max`.
const SOCKET_BUFFER: usize = 4 << 20;

/// The buffers that a batch of datagrams is received into.
#[derive(Default)]
pub(super) struct Batch {
    buffers: Vec<Vec<u8>>,
    metas: Vec<RecvMeta>,
    arrivals: Vec<(Arrival, Place)>,
}

/// Where in a batch a datagram is.
#[derive(Debug, Clone, Copy)]
struct Place {
    index: usize,
    start: usize,
    end: usize,
}

impl Batch {
    /// How many datagrams the last batch brought.
    pub(super) fn len(&self) -> usize {
        self.arrivals.len()
    }

    /// One of them, to be changed in place.
    pub(super) fn datagram(&mut self, number: usize) -> (Arrival, &mut [u8]) {
        let (arrival, place) = self.arrivals[number];
        (arrival, &mut self.buffers[place.index][place.start..place.end])
    }
}

/// The UDP socket.
pub(super) struct Udp {
    pub(super) socket: mio::net::UdpSocket,
    state: UdpSocketState,
    /// IPv4 clients are seen as mapped addresses on a dual-stack socket.
    dual_stack: bool,
}

/// One datagram: who sent it, and to which local address.
#[derive(Debug, Clone, Copy)]
pub(super) struct Arrival {
    pub(super) remote: SocketAddr,
    pub(super) local: Option<IpAddr>,
}

/// Opens a UDP and a TCP socket on the same port, for both IP versions where the machine has them.
pub(super) fn bind(port: u16) -> io::Result<(Udp, mio::net::TcpListener)> {
    // Port 0 takes a free UDP port; the same number may be taken for TCP, so try some.
    let tries = if port == 0 { 16 } else { 1 };
    let mut failure = io::Error::other("no port tried");
    for _ in 0..tries {
        match bind_once(port) {
            Ok(sockets) => return Ok(sockets),
            Err(error) => failure = error,
        }
    }
    Err(failure)
}

fn bind_once(port: u16) -> io::Result<(Udp, mio::net::TcpListener)> {
    let (udp, dual_stack) = match open(Domain::IPV6, Type::DGRAM, port) {
        Ok(socket) => (socket, true),
        Err(error) if error.kind() == io::ErrorKind::AddrInUse => return Err(error),
        Err(_) => (open(Domain::IPV4, Type::DGRAM, port)?, false),
    };
    // Less buffer than asked for is no reason not to start.
    let _ = udp.set_recv_buffer_size(SOCKET_BUFFER);
    let _ = udp.set_send_buffer_size(SOCKET_BUFFER);
    let udp: std::net::UdpSocket = udp.into();
    let port = udp.local_addr()?.port();
    let tcp = open(if dual_stack { Domain::IPV6 } else { Domain::IPV4 }, Type::STREAM, port)?;
    tcp.listen(128)?;
    Ok((Udp::new(udp, dual_stack)?, mio::net::TcpListener::from_std(tcp.into())))
}

fn open(domain: Domain, kind: Type, port: u16) -> io::Result<Socket> {
    let protocol = if kind == Type::DGRAM { Protocol::UDP } else { Protocol::TCP };
    let socket = Socket::new(domain, kind, Some(protocol))?;
    let any: IpAddr = if domain == Domain::IPV6 {
        socket.set_only_v6(false)?;
        Ipv6Addr::UNSPECIFIED.into()
    } else {
        Ipv4Addr::UNSPECIFIED.into()
    };
    if kind == Type::STREAM {
        // Connections of the last run in TIME_WAIT don't hold up a restart.
        socket.set_reuse_address(true)?;
    }
    socket.set_nonblocking(true)?;
    socket.bind(&SocketAddr::new(any, port).into())?;
    Ok(socket)
}

impl Udp {
    fn new(socket: std::net::UdpSocket, dual_stack: bool) -> io::Result<Self> {
        let state = UdpSocketState::new((&socket).into())?;
        Ok(Self { socket: mio::net::UdpSocket::from_std(socket), state, dual_stack })
    }

    /// Buffers for [`Self::receive`]: each takes a whole run of datagrams that the kernel joined (UDP_GRO).
    pub(super) fn batch(&self) -> Batch {
        let size = 1500 * self.state.gro_segments().clamp(1, 43);
        Batch {
            buffers: vec![vec![0; size]; BATCH_SIZE],
            metas: vec![RecvMeta::default(); BATCH_SIZE],
            arrivals: Vec::new(),
        }
    }

    pub(super) fn port(&self) -> io::Result<u16> {
        Ok(self.socket.local_addr()?.port())
    }

    /// Receives one batch: says of each datagram where it came from and where in the batch it is. `WouldBlock` when there
    /// is none.
    pub(super) fn receive(&self, batch: &mut Batch) -> io::Result<()> {
        batch.arrivals.clear();
        let mut slices: [IoSliceMut<'_>; BATCH_SIZE] = std::array::from_fn(|_| IoSliceMut::new(&mut []));
        for (slice, buffer) in slices.iter_mut().zip(&mut batch.buffers) {
            *slice = IoSliceMut::new(buffer);
        }
        let count = self.state.recv((&self.socket).into(), &mut slices, &mut batch.metas)?;
        for (index, meta) in batch.metas.iter().enumerate().take(count) {
            let local = meta.dst_ip.map(|ip| ip.to_canonical());
            let arrival = Arrival { remote: canonical(meta.addr), local };
            let mut start = 0;
            while start < meta.len {
                let end = (start + meta.stride.max(1)).min(meta.len);
                batch.arrivals.push((arrival, Place { index, start, end }));
                start = end;
            }
        }
        Ok(())
    }

    /// Whether the kernel cuts large datagrams (UDP_SEGMENT).
    pub(super) fn cuts(&self) -> bool {
        self.state.max_gso_segments() > 1
    }

    /// Whether it is an IPv6 socket, for both.
    pub(super) fn dual_stack(&self) -> bool {
        self.dual_stack
    }

    /// A client's address as this socket knows it.
    pub(super) fn destination(&self, remote: SocketAddr) -> SocketAddr {
        if self.dual_stack { mapped(remote) } else { remote }
    }

    /// Sends one datagram. A full socket buffer drops it.
    pub(super) fn send(&self, to: Destination, contents: &[u8]) -> io::Result<()> {
        let destination = self.destination(to.remote);
        let transmit = Transmit { destination, ecn: None, contents, segment_size: None, src_ip: to.local };
        self.state.try_send((&self.socket).into(), &transmit)
    }
}

/// An IPv4 client as IPv4, however the socket shows it.
fn canonical(address: SocketAddr) -> SocketAddr {
    SocketAddr::new(address.ip().to_canonical(), address.port())
}

fn mapped(address: SocketAddr) -> SocketAddr {
    match address.ip() {
        IpAddr::V4(ip) => SocketAddr::new(ip.to_ipv6_mapped().into(), address.port()),
        IpAddr::V6(_) => address,
    }
}
