//! Whatever comes from the network, nothing panics and nothing grows.

use proptest::prelude::*;
use rtcp_types::{CompoundBuilder, ReceiverReport, Unknown};

use super::harness::*;
use crate::rtp::packet::is_rtcp;
use crate::rtp::srtp::{RTCP_TRAILER, Sender};

proptest! {
    #![proptest_config(ProptestConfig { cases: 200, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn random_datagrams_are_dropped(datagrams in prop::collection::vec(prop::collection::vec(any::<u8>(), 0..80), 1..20)) {
        let mut net = Net::trio();
        for mut datagram in datagrams {
            if let Some(first) = datagram.first_mut() {
                *first = 0x80 | *first & 0x3f;
            }
            net.deliver(ALICE, datagram);
        }
        net.pass(ms(2000));
        prop_assert_eq!(net.rtcp(ALICE).len(), 0);
    }

    /// The peer itself is malicious: its packets are authentic.
    #[test]
    fn authentic_garbage_is_survived(
        packets in prop::collection::vec((prop::collection::vec(any::<u8>(), 12..100), 0u8..4), 1..40),
        rtcp in prop::collection::vec(prop::collection::vec(any::<u8>(), 0..60), 1..20),
    ) {
        let mut net = Net::trio();
        net.assign(BOB, VIDEO_SLOT, Some(camera_of(ALICE)), 360);
        net.assign(BOB, AUDIO_SLOT, Some(microphone_of(ALICE)), 360);
        net.frame(ALICE, 1, true);
        let mut sender = Sender::new(&[ALICE.0 as u8; 30]);
        for (mut packet, kind) in packets {
            packet[0] = 0x80 | packet[0] & 0x3f;
            packet[1] = packet[1] & 0x80 | [96, 97, 111, packet[1] & 0x3f][usize::from(kind)];
            let ssrc = [20, 21, 10, 5][usize::from(kind)];
            packet[8..12].copy_from_slice(&u32::to_be_bytes(ssrc));
            if is_rtcp(&packet) {
                continue;
            }
            let Some(header) = crate::rtp::packet::Header::parse(&packet) else { continue };
            let length = packet.len();
            packet.resize(length + 10, 0);
            sender.rtp(&mut packet, header.payload, length, ssrc, u64::from(header.sequence));
            net.deliver(ALICE, packet);
            net.pass(ms(3));
        }
        for body in rtcp {
            let mut body = body;
            body.resize(body.len().next_multiple_of(4).max(8), 0);
            for kind in 200..=207u8 {
                let mut datagram = body.clone();
                let count = datagram[0] & 0x1f;
                datagram[0] = 0x80 | count;
                datagram[1] = kind;
                let words = (datagram.len() / 4 - 1) as u16;
                datagram[2..4].copy_from_slice(&words.to_be_bytes());
                let length = datagram.len();
                datagram.resize(length + RTCP_TRAILER, 0);
                sender.rtcp(&mut datagram, length);
                net.deliver(ALICE, datagram.clone());
                net.deliver(BOB, datagram);
            }
        }
        net.pass(ms(3000));
    }
}

#[test]
fn unknown_rtcp_and_long_compounds_are_bounded() {
    let mut net = Net::trio();
    let mut compound = CompoundBuilder::default().add_packet(ReceiverReport::builder(9));
    for _ in 0..100 {
        compound = compound.add_packet(Unknown::builder(210, &[0; 4]));
    }
    net.send_rtcp(ALICE, &compound);
    net.pass(ms(1000));
}

#[test]
fn strangers_packets_leave_no_trace() {
    let mut net = Net::trio();
    for ssrc in 0..1000 {
        let stranger = Sender::new(&[99; 30]);
        let (mut packet, start) = Draft::video(ssrc, 1, vec![0x10, 0, 0, 0]).plain();
        let length = packet.len();
        packet.resize(length + 10, 0);
        stranger.rtp(&mut packet, start, length, ssrc, 1);
        net.deliver(ALICE, packet);
    }
    assert_eq!(net.router.counters().dropped.tag, 1000);
    assert_eq!(net.router.next_timeout(), None);
    net.frame(ALICE, 1, true);
    assert_eq!(net.router.counters().dropped.unknown_stream, 0);
}

#[test]
fn commands_about_nobody_do_nothing() {
    let mut net = Net::trio();
    let nobody = crate::domain::ids::PeerId(1234);
    net.assign(nobody, VIDEO_SLOT, Some(camera_of(ALICE)), 1);
    net.router.silence(camera_of(nobody), true);
    net.with(|router, now, out| {
        router.remove_peer(now, nobody, out);
        router.resize_subscription(now, 5, 5, out);
        router.request_key_frame(now, 5, out);
        router.publish(now, camera_of(nobody), &[0x80; 20], now, out);
        router.publish(now, camera_of(ALICE), &[0x80; 20], now, out);
        router.handle(now, nobody, &mut [0x80; 40], out);
    });
    net.router.unsubscribe(5);
    assert_eq!(net.router.counters().forwarded, 0);
}

/// The router moves to the net thread once, with its sinks.
#[test]
fn a_router_can_be_sent_to_its_thread() {
    fn sendable<T: Send>(_: &T) {}
    sendable(&Net::new().router);
}
