//! Holes: upstream ones are asked for and filled, downstream ones answered from the cache, key frames throttled.

use std::time::Duration;

use rtcp_types::{Fir, Nack, Packet, PayloadFeedback, Pli, TransportFeedback};

use super::harness::*;
use crate::rtp::vp8::{self, Descriptor};

fn nack(ssrc: u32, numbers: &[u16]) -> impl rtcp_types::RtcpPacketWriter + use<> {
    let nack = numbers.iter().fold(Nack::builder(), |nack, &number| nack.add_rtp_sequence(number));
    TransportFeedback::builder_owned(nack).sender_ssrc(9).media_ssrc(ssrc)
}

fn pli(ssrc: u32) -> impl rtcp_types::RtcpPacketWriter + use<> {
    PayloadFeedback::builder_owned(Pli::builder()).sender_ssrc(9).media_ssrc(ssrc)
}

/// The numbers the peer was asked for since the last call.
fn asked(net: &mut Net, peer: crate::domain::ids::PeerId) -> Vec<u16> {
    let compounds = net.rtcp(peer);
    let packets = compounds.iter().flat_map(|bytes| parse(bytes));
    let numbers = packets.filter_map(|packet| match packet {
        Packet::TransportFeedback(feedback) => {
            feedback.parse_fci::<Nack<'_>>().ok().map(|nack| nack.entries().collect::<Vec<_>>())
        }
        _ => None,
    });
    numbers.flatten().collect()
}

fn watching() -> Net {
    let mut net = Net::trio();
    net.assign(BOB, VIDEO_SLOT, Some(camera_of(ALICE)), 360);
    net.frame(ALICE, 65_530, true);
    net
}

#[test]
fn a_hole_is_asked_for_and_its_repair_goes_where_it_belongs() {
    let mut net = watching();
    net.frame(ALICE, 65_535, false);
    net.frame(ALICE, 65_538, false);
    net.pass(ms(20));
    assert_eq!(asked(&mut net, ALICE), [0, 1, 65_531, 65_532, 65_533, 65_534]);
    // One arrives late by itself, the others as RTX.
    net.frame(ALICE, 65_531, false);
    for (rtx, lost) in [65_532u64, 65_533, 65_534, 65_536, 65_537].into_iter().enumerate() {
        let mut payload = (lost as u16).to_be_bytes().to_vec();
        payload.extend(vp8::tests::packet(lost as u16, lost as u8, true, None));
        let timestamp = lost as u32 * 3000;
        let draft = Draft { payload_type: 97, timestamp, ..Draft::video(21, 500 + rtx as u64, payload) };
        net.send(ALICE, &draft);
        net.send(ALICE, &Draft { index: 600 + rtx as u64, ..draft });
    }
    let got = net.rtp(BOB, 200);
    let indices: Vec<u64> = got.iter().map(|packet| packet.index - got[0].index).collect();
    assert_eq!(indices, [0, 5, 8, 1, 2, 3, 4, 6, 7], "each once, in its place");
    for packet in &got {
        let back = packet.header.timestamp.wrapping_sub(got[0].header.timestamp);
        assert_eq!(u64::from(back), (packet.index - got[0].index) * 3000);
    }
    net.pass(ms(500));
    assert_eq!(asked(&mut net, ALICE), Vec::<u16>::new(), "nothing is missing any more");
    let counters = net.router.counters();
    assert_eq!((counters.nacks_sent, counters.repaired, counters.dropped.duplicate), (6, 5, 5));
}

#[test]
fn what_nobody_watches_is_not_repaired() {
    let mut net = Net::trio();
    net.frame(ALICE, 1, true);
    net.frame(ALICE, 5, false);
    net.frame(ALICE, 5000, false);
    net.pass(ms(1000));
    let counters = net.router.counters();
    assert_eq!((counters.nacks_sent, counters.plis_sent), (0, 0));
}

#[test]
fn reordering_is_not_loss() {
    let mut net = watching();
    net.frame(ALICE, 65_532, false);
    net.pass(ms(5));
    net.frame(ALICE, 65_531, false);
    net.pass(ms(300));
    assert_eq!(asked(&mut net, ALICE), Vec::<u16>::new());
}

#[test]
fn what_stays_lost_costs_a_key_frame() {
    let mut net = watching();
    net.rtcp(ALICE);
    net.frame(ALICE, 65_532, false);
    net.pass(ms(300));
    assert!(net.router.counters().nacks_sent >= 3);
    assert_eq!(net.plis(ALICE, 20), 0, "there is still hope");
    net.pass(ms(500));
    assert_eq!(net.plis(ALICE, 20), 1);
}

#[test]
fn sound_is_not_asked_for_again() {
    let mut net = Net::trio();
    net.send(ALICE, &Draft::audio(10, 1, 50));
    net.send(ALICE, &Draft::audio(10, 5, 50));
    net.pass(ms(500));
    assert_eq!(asked(&mut net, ALICE), Vec::<u16>::new());
}

#[test]
fn a_viewers_nack_is_answered_by_rtx() {
    let mut net = watching();
    net.frame(ALICE, 65_531, false);
    net.frame(ALICE, 65_532, false);
    let got = net.rtp(BOB, 200);
    let lost = &got[1];
    net.feedback(BOB, nack(200, &[lost.header.sequence]));
    assert_eq!(net.rtp(BOB, 200).len(), 0);
    let again = net.rtp(BOB, 201);
    assert_eq!(again.len(), 1);
    assert_eq!(again[0].header.payload_type, 97);
    assert_eq!(again[0].header.timestamp, lost.header.timestamp);
    assert_eq!(again[0].payload[..2], lost.header.sequence.to_be_bytes());
    assert_eq!(again[0].payload[2..], lost.payload[..]);
    assert_eq!(again[0].elements.len(), 1, "transport-cc counts it too");
    net.feedback(BOB, nack(200, &[lost.header.sequence]));
    assert_eq!(net.rtp(BOB, 201).len(), 0, "not twice within a round trip");
    net.pass(ms(100));
    net.feedback(BOB, nack(200, &[lost.header.sequence, lost.header.sequence.wrapping_add(900)]));
    let again = net.rtp(BOB, 201);
    assert_eq!(again.len(), 1);
    assert_eq!(net.router.counters().rtx_sent, 2);
    for _ in 0..100 {
        net.pass(ms(100));
        net.feedback(BOB, nack(200, &[lost.header.sequence]));
    }
    assert!(net.rtp(BOB, 201).len() < 8, "and not for ever");
}

#[test]
fn without_rtx_the_packet_itself_is_sent_again() {
    let mut net = Net::new();
    net.join(ALICE, ordinary());
    let mut media = ordinary();
    media.slots[1].codecs = vec![vp8_codec(100, None)];
    net.join(BOB, media);
    net.assign(BOB, VIDEO_SLOT, Some(camera_of(ALICE)), 360);
    net.frame(ALICE, 1, true);
    net.broken = true;
    net.frame(ALICE, 2, false);
    net.broken = false;
    net.frame(ALICE, 4, false);
    let got = net.rtp(BOB, 200);
    assert_eq!(got[1].index, got[0].index + 3);
    let (lost, missing) = (got[0].header.sequence.wrapping_add(1), got[0].header.sequence.wrapping_add(2));
    net.feedback(BOB, nack(200, &[lost, missing]));
    let again = net.rtp(BOB, 200);
    assert_eq!(again.len(), 1, "what Alice's packet 3 would have been, nobody has");
    assert_eq!(again[0].index, got[0].index + 1);
    assert_eq!(again[0].payload, vp8::tests::packet(2, 2, true, None));
    net.frame(ALICE, 3, false);
    assert_eq!(net.rtp(BOB, 200)[0].index, got[0].index + 2, "when it comes it needs no asking");
}

#[test]
fn a_nack_from_before_a_switch_finds_the_old_source() {
    let mut net = watching();
    net.frame(ALICE, 65_531, false);
    net.assign(BOB, VIDEO_SLOT, Some(camera_of(CAROL)), 360);
    net.frame(CAROL, 5, true);
    let got = net.rtp(BOB, 200);
    net.feedback(BOB, nack(200, &[got[1].header.sequence, got[2].header.sequence]));
    let again = net.rtp(BOB, 201);
    assert_eq!(again.len(), 2);
    assert_eq!((&again[0].payload[2..], &again[1].payload[2..]), (&got[1].payload[..], &got[2].payload[..]));
    let picture = |payload: &[u8]| Descriptor::parse(payload).unwrap().picture.unwrap().0;
    assert_eq!(picture(&again[1].payload[2..]), picture(&got[1].payload).wrapping_add(1) & 0x7fff, "shifted as before");
    net.with(|router, now, out| router.remove_peer(now, ALICE, out));
    net.pass(ms(100));
    net.feedback(BOB, nack(200, &[got[1].header.sequence]));
    assert_eq!(net.rtp(BOB, 201).len(), 0, "gone with its publisher");
}

#[test]
fn what_a_slot_carried_before_it_was_emptied_is_not_repaired() {
    let mut net = watching();
    net.frame(ALICE, 65_531, false);
    let lost = net.rtp(BOB, 200)[1].header.sequence;
    net.assign(BOB, VIDEO_SLOT, None, 0);
    net.feedback(BOB, nack(200, &[lost]));
    assert_eq!(net.rtp(BOB, 201).len(), 0);
    assert_eq!(net.router.counters().rtx_refused, 1);
}

#[test]
fn a_flood_of_nacks_is_bounded() {
    let mut net = watching();
    for index in 0..400 {
        net.frame(ALICE, 65_531 + index, false);
    }
    let numbers: Vec<u16> = net.rtp(BOB, 200).iter().map(|packet| packet.header.sequence).collect();
    for numbers in numbers.chunks(100) {
        for _ in 0..5 {
            net.feedback(BOB, nack(200, numbers));
        }
    }
    let again = net.rtp(BOB, 201).len();
    assert!((100..=200).contains(&again), "{again}");
}

#[test]
fn key_frame_requests_are_gathered_throttled_and_repeated() {
    let mut net = watching();
    net.assign(CAROL, VIDEO_SLOT, Some(camera_of(ALICE)), 360);
    net.pass(ms(1));
    net.rtcp(ALICE);
    net.frame(ALICE, 65_531, true);
    net.pass(ms(1000));
    for step in 0..100 {
        net.feedback(BOB, pli(200));
        let fir = PayloadFeedback::builder_owned(Fir::builder().add_ssrc(200, step)).sender_ssrc(9);
        net.feedback(CAROL, fir);
        net.frame(ALICE, 65_532 + u64::from(step), false);
        net.pass(ms(10));
    }
    let sent = net.plis(ALICE, 20);
    assert!((2..=3).contains(&sent), "one at once, then every half second: {sent}");
    net.frame(ALICE, 65_700, true);
    net.pass(ms(1000));
    net.rtcp(ALICE);
    net.frame(ALICE, 65_701, true);
    net.feedback(BOB, pli(200));
    assert_eq!(net.plis(ALICE, 20), 1, "long after the last request: at once");
    net.frame(ALICE, 65_702, true);
    net.feedback(BOB, pli(200));
    assert_eq!(net.plis(ALICE, 20), 0, "right after one: later");
    net.pass(Duration::from_millis(310));
    assert_eq!(net.plis(ALICE, 20), 1);
}

#[test]
fn a_jump_goes_on_with_a_key_frame() {
    let mut net = watching();
    net.rtcp(ALICE);
    net.pass(ms(1000));
    net.frame(ALICE, 70_000, false);
    assert_eq!(net.plis(ALICE, 20), 1);
    net.frame(ALICE, 70_001, true);
    let got = net.rtp(BOB, 200);
    assert_eq!(got.len(), 2);
    assert_eq!(got[1].index, got[0].index + 1, "no hole of thousands");
}

#[test]
fn a_publisher_that_cannot_repair_is_asked_for_a_key_frame() {
    let mut net = Net::new();
    let mut media = ordinary();
    media.receives[1].codec.nack = false;
    net.join(ALICE, media);
    net.join(BOB, ordinary());
    net.assign(BOB, VIDEO_SLOT, Some(camera_of(ALICE)), 360);
    net.frame(ALICE, 1, true);
    net.frame(ALICE, 3, false);
    net.pass(ms(50));
    assert_eq!((net.plis(ALICE, 20), net.router.counters().nacks_sent), (1, 0));
}
