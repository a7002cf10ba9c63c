//! What strangers may cost: connectivity checks and connections of addresses that have proven nothing yet, by source.
//! A flood from one of them is dropped before it is looked at, and nobody else notices.

use std::collections::hash_map::RandomState;
use std::hash::BuildHasher;
use std::net::IpAddr;
use std::time::Instant;

use crate::rtp::bucket::{Bucket, Rate};

/// Checks and connections of one source. Fifty people behind one address who come at once send a browser's check each 50 ms
/// and per pair until they are answered, so some hundred a second for a moment.
const STRANGER: Rate = Rate { per_second: 200.0, burst: 500.0 };

/// Sources told apart. Two that fall together share a budget; who falls with whom is drawn anew in every process.
const PLACES: usize = 4096;

/// See the module. Its size is fixed, whatever comes.
pub(super) struct Strangers {
    hasher: RandomState,
    buckets: Vec<Bucket>,
}

impl Strangers {
    pub(super) fn new() -> Strangers {
        Strangers { hasher: RandomState::new(), buckets: vec![Bucket::default(); PLACES] }
    }

    /// Whether something from that address is looked at now.
    pub(super) fn admits(&mut self, now: Instant, source: IpAddr) -> bool {
        let place = self.hasher.hash_one(prefix(source)) as usize % PLACES;
        self.buckets[place].take(now, STRANGER, 1.0)
    }
}

/// What one customer of a network has: an IPv4 address, or a /64 of IPv6 (RFC 6177).
fn prefix(source: IpAddr) -> u64 {
    match source.to_canonical() {
        IpAddr::V4(address) => u64::from(address.to_bits()),
        IpAddr::V6(address) => (address.to_bits() >> 64) as u64,
    }
}

#[cfg(test)]
mod tests {
    use std::net::{Ipv4Addr, Ipv6Addr};
    use std::time::Duration;

    use super::*;

    #[test]
    fn a_flood_from_one_address_leaves_the_others_alone() {
        let (mut strangers, start) = (Strangers::new(), Instant::now());
        let flooder = IpAddr::from([198, 51, 100, 7]);
        let mut admitted = 0;
        for micros in (0..10_000_000).step_by(100) {
            admitted += u32::from(strangers.admits(start + Duration::from_micros(micros), flooder));
        }
        assert!((2490..=2500).contains(&admitted), "{admitted} of 100,000 in ten seconds");
        let now = start + Duration::from_secs(10);
        let others = (0..200).filter(|&n| strangers.admits(now, Ipv4Addr::new(203, 0, 113, n).into())).count();
        assert!(others >= 195, "{others}: at most some share the flooder's place");
    }

    #[test]
    fn addresses_of_one_ipv6_network_are_one_source() {
        let (mut strangers, now) = (Strangers::new(), Instant::now());
        let address = |host| IpAddr::from(Ipv6Addr::new(0x2001, 0xdb8, 0, 1, 0, 0, 0, host));
        assert_eq!((0..1000).filter(|&host| strangers.admits(now, address(host))).count(), 500);
        assert!(strangers.admits(now, Ipv6Addr::new(0x2001, 0xdb8, 0, 2, 0, 0, 0, 1).into()));
    }
}
