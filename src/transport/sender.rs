//! Sends what waits in an [`Outbox`] with `sendmmsg`, each datagram from the local address its client spoke to.
//!
//! `nix` has the one `sendmmsg` that is safe to call and knows control messages (`rustix` has no IP_PKTINFO). Two of its habits
//! shape this file: control messages hold for a whole call, hence [`Call`], and their buffer must be exactly as large as
//! they are, hence one set of headers for each IP version.

use std::io::IoSlice;
use std::net::{IpAddr, SocketAddr};
use std::os::fd::AsRawFd;

use nix::errno::Errno;
use nix::libc::{in_addr, in_pktinfo, in6_addr, in6_pktinfo};
use nix::sys::socket::{ControlMessage, MsgFlags, MultiHeaders, SockaddrIn, SockaddrIn6, SockaddrLike, sendmmsg};

use super::drops::SocketDrops;
use super::outbox::{Call, MOST, Outbox, Run};
use super::udp::Udp;

/// Headers and addresses, allocated once. Not [`Send`]: it is made where it is used.
pub(super) enum Sender {
    Ipv4(Messages<SockaddrIn>),
    /// IPv4 clients have mapped addresses on such a socket.
    Ipv6(Messages<SockaddrIn6>),
    /// A kernel without UDP_SEGMENT.
    OneByOne,
}

pub(super) struct Messages<S> {
    addresses: Vec<Option<S>>,
    to_ipv4: MultiHeaders<S>,
    to_ipv6: MultiHeaders<S>,
}

impl Sender {
    pub(super) fn new(udp: &Udp) -> Sender {
        match (udp.cuts(), udp.dual_stack()) {
            (false, _) => Sender::OneByOne,
            (true, false) => Sender::Ipv4(Messages::new()),
            (true, true) => Sender::Ipv6(Messages::new()),
        }
    }

    /// Sends everything, and empties the outbox. What a full socket buffer does not take is dropped: media that waits is
    /// worth nothing.
    pub(super) fn send(&mut self, udp: &Udp, outbox: &mut Outbox, drops: &mut SocketDrops) {
        let mut runs = outbox.runs();
        let mut joins = true;
        while let Some(first) = runs.first() {
            let call = Call::first(runs);
            let sent = match self.call(udp, outbox, &runs[..call.runs], call.segment) {
                Ok(sent) => sent.max(1),
                Err(Errno::EINTR) => 0,
                Err(Errno::EAGAIN | Errno::ENOBUFS) => {
                    drops.buffer += runs.iter().map(|run| run.count as u64).sum::<u64>();
                    break;
                }
                // A tunnel, a device without checksums, a narrower one: the kernel can't cut there.
                Err(error) => {
                    let alone = one_by_one(udp, outbox, first, drops);
                    joins &= !(alone && first.count > 1 && matches!(error, Errno::EIO | Errno::EINVAL));
                    1
                }
            };
            runs = &runs[sent..];
        }
        if !joins {
            tracing::info!("datagrams can't be joined on the way out: every one goes alone");
            outbox.join_no_more();
        }
        outbox.clear();
    }

    /// One system call. How many of the runs were sent; an error is the first one's.
    fn call(&mut self, udp: &Udp, outbox: &Outbox, runs: &[Run], segment: usize) -> nix::Result<usize> {
        match self {
            Sender::Ipv4(messages) => messages.call(udp, outbox, runs, segment, |address| match address {
                SocketAddr::V4(address) => Some(address.into()),
                SocketAddr::V6(_) => None,
            }),
            Sender::Ipv6(messages) => messages.call(udp, outbox, runs, segment, |address| match address {
                SocketAddr::V4(_) => None,
                SocketAddr::V6(address) => Some(address.into()),
            }),
            Sender::OneByOne => Err(Errno::EOPNOTSUPP),
        }
    }
}

impl<S: SockaddrLike + Copy> Messages<S> {
    fn new() -> Self {
        Self {
            addresses: Vec::with_capacity(MOST),
            to_ipv4: MultiHeaders::preallocate(MOST, Some(nix::cmsg_space!(u16, in_pktinfo))),
            to_ipv6: MultiHeaders::preallocate(MOST, Some(nix::cmsg_space!(u16, in6_pktinfo))),
        }
    }

    fn call(
        &mut self,
        udp: &Udp,
        outbox: &Outbox,
        runs: &[Run],
        segment: usize,
        address: impl Fn(SocketAddr) -> Option<S>,
    ) -> nix::Result<usize> {
        let Some(first) = runs.first() else { return Ok(0) };
        self.addresses.clear();
        self.addresses.extend(runs.iter().map(|run| address(udp.destination(run.to.remote))));
        let mut slices = [IoSlice::new(&[]); MOST];
        let mut free = &mut slices[..];
        let mut messages: [&[IoSlice<'_>]; MOST] = [&[]; MOST];
        for (message, run) in messages.iter_mut().zip(runs) {
            let (own, rest) = free.split_at_mut(run.count);
            own.iter_mut().zip(outbox.datagrams(run)).for_each(|(slice, datagram)| *slice = IoSlice::new(datagram));
            (*message, free) = (own, rest);
        }
        let messages = &messages[..runs.len()];
        let flags = MsgFlags::MSG_DONTWAIT;
        let (socket, segment) = (udp.socket.as_raw_fd(), segment as u16);
        let cut = ControlMessage::UdpGsoSegments(&segment);
        let sent = if first.to.remote.is_ipv4() {
            let from = ipv4_source(first.to.local);
            let control = [cut, ControlMessage::Ipv4PacketInfo(&from)];
            sendmmsg(socket, &mut self.to_ipv4, messages, &self.addresses, control, flags)?.count()
        } else {
            let from = ipv6_source(first.to.local);
            let control = [cut, ControlMessage::Ipv6PacketInfo(&from)];
            sendmmsg(socket, &mut self.to_ipv6, messages, &self.addresses, control, flags)?.count()
        };
        Ok(sent)
    }
}

/// Sends a run's datagrams each by its own. Whether all of them went.
fn one_by_one(udp: &Udp, outbox: &Outbox, run: &Run, drops: &mut SocketDrops) -> bool {
    let mut all = true;
    for datagram in outbox.datagrams(run) {
        if let Err(error) = udp.send(run.to, datagram) {
            all = false;
            let full = error.kind() == std::io::ErrorKind::WouldBlock;
            *if full { &mut drops.buffer } else { &mut drops.unsendable } += 1;
        }
    }
    all
}

/// IP_PKTINFO (`ip(7)`): the source address; the unspecified one leaves it to the kernel.
fn ipv4_source(local: Option<IpAddr>) -> in_pktinfo {
    let octets = match local {
        Some(IpAddr::V4(ip)) => ip.octets(),
        _ => [0; 4],
    };
    let source = in_addr { s_addr: u32::from_ne_bytes(octets) };
    in_pktinfo { ipi_ifindex: 0, ipi_spec_dst: source, ipi_addr: in_addr { s_addr: 0 } }
}

/// IPV6_PKTINFO (RFC 3542 section 6), likewise.
fn ipv6_source(local: Option<IpAddr>) -> in6_pktinfo {
    let s6_addr = match local {
        Some(IpAddr::V6(ip)) => ip.octets(),
        _ => [0; 16],
    };
    in6_pktinfo { ipi6_addr: in6_addr { s6_addr }, ipi6_ifindex: 0 }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::transport::outbox::{Destination, Mark};
    use crate::transport::udp;

    #[test]
    fn what_no_network_takes_holds_nothing_else_up() {
        let (udp, _) = udp::bind(0).unwrap();
        assert!(udp.cuts());
        let (mut sender, mut outbox, mut drops) = (Sender::new(&udp), Outbox::new(true), SocketDrops::default());
        let reader = std::net::UdpSocket::bind("127.0.0.1:0").unwrap();
        reader.set_read_timeout(Some(std::time::Duration::from_secs(5))).unwrap();
        let to = |remote: SocketAddr| Destination { remote, local: None };
        let (good, mut mark) = (to(reader.local_addr().unwrap()), Mark::default());
        // Broadcast is refused, and so is a source address that is not ours.
        let nowhere =
            [to(([255, 255, 255, 255], 9).into()), Destination { local: Some([192, 0, 2, 7].into()), ..good }];
        for length in [90, 90, 50] {
            outbox.add(good, &mut mark, &[1; 90][..length]);
            for bad in nowhere {
                outbox.add(bad, &mut Mark::default(), &[2; 70]);
            }
        }
        sender.send(&udp, &mut outbox, &mut drops);
        assert!(outbox.is_empty());
        let mut buffer = [0; 200];
        let lengths: Vec<_> = (0..3).map(|_| reader.recv(&mut buffer).unwrap()).collect();
        assert_eq!(lengths, [90, 90, 50]);
        assert_eq!(drops, SocketDrops { unsendable: 6, ..SocketDrops::default() });
        // None of that is a reason to join no more.
        mark = Mark::default();
        (0..2).for_each(|_| outbox.add(good, &mut mark, &[1; 90]));
        assert_eq!(outbox.runs().len(), 1);
    }
}
