//! Which of this machine's addresses clients are told.

use std::net::{IpAddr, Ipv6Addr, SocketAddr};

use crate::sdp::{Candidate, CandidateTransport};

/// Most addresses told: each costs every client a round of checks.
const MOST: usize = 8;

/// The local addresses a client could reach: no link-local, multicast or unspecified ones. Loopback comes last, and only
/// so that a page on this machine works without a network.
pub fn usable() -> std::io::Result<Vec<IpAddr>> {
    let mut addresses: Vec<IpAddr> =
        if_addrs::get_if_addrs()?.iter().map(if_addrs::Interface::ip).filter(|ip| is_usable(*ip)).collect();
    addresses.sort_by_key(|ip| (ip.is_loopback(), ip.is_ipv6(), *ip));
    addresses.dedup();
    addresses.truncate(MOST);
    Ok(addresses)
}

fn is_usable(ip: IpAddr) -> bool {
    match ip {
        IpAddr::V4(ip) => !ip.is_link_local() && !ip.is_multicast() && !ip.is_unspecified() && !ip.is_broadcast(),
        IpAddr::V6(ip) => !is_link_local_v6(ip) && !ip.is_multicast() && !ip.is_unspecified(),
    }
}

/// RFC 4291 section 2.5.6: fe80::/10.
fn is_link_local_v6(ip: Ipv6Addr) -> bool {
    ip.segments()[0] & 0xffc0 == 0xfe80
}

/// Host candidates for these addresses, UDP before TCP, with the priorities of RFC 8445 section 5.1.2.1 and RFC 6544
/// section 4.2.
pub fn candidates(addresses: &[IpAddr], port: u16) -> Vec<Candidate> {
    let udp = addresses.iter().enumerate().map(|(place, ip)| Candidate {
        foundation: foundation(1, place),
        transport: CandidateTransport::Udp,
        priority: priority(126, 65_535 - local_preference(place)),
        address: SocketAddr::new(*ip, port),
    });
    let tcp = addresses.iter().enumerate().map(|(place, ip)| Candidate {
        foundation: foundation(101, place),
        transport: CandidateTransport::TcpPassive,
        // Direction preference 4 (passive) in the upper three bits of the local preference.
        priority: priority(90, (4 << 13) + 8191 - local_preference(place)),
        address: SocketAddr::new(*ip, port),
    });
    udp.chain(tcp).collect()
}

/// Candidates of one base and type share a foundation; ours all differ (RFC 8445 section 5.1.1.3).
fn foundation(first: u32, place: usize) -> u32 {
    first + local_preference(place)
}

fn local_preference(place: usize) -> u32 {
    u32::try_from(place).unwrap_or(0)
}

fn priority(type_preference: u32, local_preference: u32) -> u32 {
    (type_preference << 24) + (local_preference << 8) + 255
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn addresses_nobody_can_reach_are_not_told() {
        for bad in ["169.254.1.1", "fe80::1", "0.0.0.0", "::", "224.0.0.1", "ff02::1"] {
            assert!(!is_usable(bad.parse().unwrap()), "{bad}");
        }
        for good in ["192.0.2.1", "10.0.0.1", "127.0.0.1", "::1", "fd00::2", "2001:db8::1"] {
            assert!(is_usable(good.parse().unwrap()), "{good}");
        }
    }

    #[test]
    fn udp_is_preferred_to_tcp_and_the_first_address_to_the_second() {
        let all = candidates(&["192.0.2.1".parse().unwrap(), "2001:db8::1".parse().unwrap()], 7882);
        let priorities: Vec<u32> = all.iter().map(|candidate| candidate.priority).collect();
        assert!(priorities.is_sorted_by(|a, b| a > b), "{priorities:?}");
        assert_eq!(priorities[0], 2_130_706_431);
    }
}
