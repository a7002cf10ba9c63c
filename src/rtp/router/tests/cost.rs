//! What a forwarded packet costs, and that it costs no memory.

use std::time::{Duration, Instant};

use super::harness::*;
use crate::domain::ids::PeerId;
use crate::rtp::Outbound;
use crate::rtp::router::{Router, RouterEvent, SrtpKeys};
use crate::rtp::srtp::{Sender, TAG};
use crate::rtp::vp8;

struct Nowhere(u64);

impl Outbound for Nowhere {
    fn transmit(&mut self, _: PeerId, datagram: &[u8]) {
        self.0 += datagram.len() as u64;
    }

    fn event(&mut self, _: RouterEvent) {}
}

/// `cargo test --lib router::tests::cost -- --ignored --nocapture`; the dev profile has opt-level 1.
#[test]
#[ignore = "a measurement"]
fn one_publisher_ten_viewers() {
    const PACKETS: u64 = 20_000;
    let start = Instant::now();
    let mut router = Router::new(1, start, Duration::from_secs(1_700_000_000));
    router.line_start = 30e6;
    let mut out = Nowhere(0);
    for peer in 1..=11 {
        router.add_peer(PeerId(peer), "somebody", ordinary());
        router.set_keys(PeerId(peer), &SrtpKeys { receive: [1; 30], send: [2; 30] });
        router.assign(start, PeerId(peer), VIDEO_SLOT, view(Some(camera_of(PeerId(1))), 360), &mut out);
    }
    let sender = Sender::new(&[1; 30]);
    let datagrams = (1..=PACKETS).map(|index| {
        let mut payload = vp8::tests::packet(index as u16, index as u8, true, (index == 1).then_some(360));
        payload.resize(1000, 7);
        let (mut packet, begin) =
            Draft::video(20, index, payload).element(TRANSPORT_CC, &(index as u16).to_be_bytes()).plain();
        let length = packet.len();
        packet.resize(length + TAG, 0);
        sender.rtp(&mut packet, begin, length, 20, index);
        packet
    });
    let mut datagrams: Vec<Vec<u8>> = datagrams.collect();
    let began = Instant::now();
    let mut now = start;
    for datagram in &mut datagrams {
        now += Duration::from_millis(1);
        router.handle(now, PeerId(1), datagram, &mut out);
        while router.next_timeout().is_some_and(|at| at <= now) {
            router.handle_timeout(now, &mut out);
        }
    }
    let spent = began.elapsed();
    let forwarded = router.counters().forwarded;
    assert!(forwarded >= PACKETS * 10);
    println!("{:.2} us per forwarded packet of 1 kB", spent.as_secs_f64() * 1e6 / forwarded as f64);
}
