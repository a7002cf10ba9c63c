//! Peers that are in the room and mean harm, or have lost control: what they do is counted, bounded, dropped, and nobody
//! else notices. Every test has two bystanders, one of whom watches the other: not a packet of theirs may be missing.

use rtcp_types::{Fir, Nack, PayloadFeedback, Pli, TransportFeedback};

use super::harness::*;
use crate::domain::ids::PeerId;
use crate::rtp::vp8;

const FRAMES: u64 = 150;

/// For five seconds `publisher` sends its camera to `viewer` while something else happens; all of it must arrive.
fn while_watching(net: &mut Net, (publisher, viewer): (PeerId, PeerId), mut mischief: impl FnMut(&mut Net, u64)) {
    net.assign(viewer, SECOND_VIDEO_SLOT, Some(camera_of(publisher)), 360);
    for turn in 0..FRAMES {
        net.frame(publisher, 1 + turn, turn == 0);
        mischief(net, turn);
        net.pass(ms(33));
    }
    let got = net.rtp(viewer, 300);
    assert_eq!(got.len() as u64, FRAMES, "packets of the bystanders");
    assert!(got.windows(2).all(|pair| pair[1].index == pair[0].index + 1), "in one stream");
}

/// A frame's packet of 1100 bytes.
fn large(index: u64, key: bool) -> Draft {
    let mut payload = vp8::tests::packet(index as u16 & 0x7fff, index as u8, true, key.then_some(360));
    payload.resize(1100, 0x55);
    Draft::video(20, index, payload)
}

fn nack(ssrc: u32, numbers: &[u16]) -> impl rtcp_types::RtcpPacketWriter + use<> {
    let nack = numbers.iter().fold(Nack::builder(), |nack, &number| nack.add_rtp_sequence(number));
    TransportFeedback::builder_owned(nack).sender_ssrc(9).media_ssrc(ssrc)
}

/// Protects bytes that are not what an RTP packet should be, with a header of `clear` bytes.
fn authentic(mut packet: Vec<u8>, clear: usize, (ssrc, index): (u32, u64)) -> Vec<u8> {
    let length = packet.len();
    packet.resize(length + crate::rtp::srtp::TAG, 0);
    crate::rtp::srtp::Sender::new(&[ALICE.0 as u8; 30]).rtp(&mut packet, clear, length, ssrc, index);
    packet
}

#[test]
fn lengths_that_lie() {
    let mut net = Net::trio();
    let spoilt = |turn: u64| {
        let (mut packet, start) = Draft::video(20, 1 + turn, vec![0x90; 8]).element(MID, b"1").plain();
        match turn % 5 {
            // The extension ends after the packet; more CSRCs than bytes.
            0 => packet[14] = 0xff,
            1 => packet[0] |= 0x0f,
            // More padding than payload; none at all.
            2 => (packet[0], *packet.last_mut().unwrap()) = (packet[0] | 0x20, 200),
            3 => (packet[0], *packet.last_mut().unwrap()) = (packet[0] | 0x20, 0),
            // A VP8 descriptor that goes on after the payload.
            _ => {
                packet.truncate(start);
                packet.extend([0x90, 0xf0, 0x80]);
            }
        }
        authentic(packet, start, (20, 1 + turn))
    };
    while_watching(&mut net, (BOB, CAROL), |net, turn| net.deliver(ALICE, spoilt(turn)));
    assert_eq!(net.router.counters().dropped.malformed, FRAMES);
}

#[test]
fn two_publishers_with_the_same_ssrcs() {
    let mut net = Net::trio();
    net.assign(CAROL, VIDEO_SLOT, Some(camera_of(ALICE)), 360);
    // Every peer of the harness sends its camera as SSRC 20; here with the same numbers too.
    while_watching(&mut net, (BOB, CAROL), |net, turn| net.frame(ALICE, 1 + turn, turn == 0));
    assert_eq!(net.rtp(CAROL, 200).len() as u64, FRAMES);
}

#[test]
fn one_ssrc_for_voice_and_picture() {
    let mut net = Net::trio();
    net.assign(CAROL, AUDIO_SLOT, Some(microphone_of(ALICE)), 0);
    net.assign(CAROL, VIDEO_SLOT, Some(camera_of(ALICE)), 360);
    while_watching(&mut net, (BOB, CAROL), |net, turn| {
        // The offer says that it is the camera's.
        net.send(ALICE, &Draft::audio(20, 1 + 2 * turn, 90));
        net.frame(ALICE, 2 + 2 * turn, true);
    });
    assert_eq!((net.rtp(CAROL, 100).len(), net.rtp(CAROL, 200).len()), (0, FRAMES as usize), "the voice has none");
    let dropped = net.router.counters().dropped;
    assert_eq!((dropped.unknown_stream, dropped.payload_type), (1, FRAMES - 1), "before and after it was bound");
}

#[test]
fn payload_types_that_were_never_agreed_on() {
    let mut net = Net::trio();
    while_watching(&mut net, (BOB, CAROL), |net, turn| {
        // With a known SSRC, and with ever new ones.
        let odd = |ssrc, payload_type| Draft { payload_type, ..Draft::video(ssrc, 1 + turn, vec![0x10; 30]) };
        net.send(ALICE, &odd(20, 120));
        net.send(ALICE, &odd(1000 + turn as u32, 0));
    });
    let dropped = net.router.counters().dropped;
    assert_eq!((dropped.payload_type, dropped.unknown_stream), (0, 2 * FRAMES), "nothing is bound by them");
    net.frame(ALICE, 1000, true);
    assert_eq!(net.router.counters().dropped.unknown_stream, 2 * FRAMES, "and the camera still comes in");
}

#[test]
fn numbers_that_jump_by_thirty_thousand() {
    let mut net = Net::trio();
    net.assign(CAROL, VIDEO_SLOT, Some(camera_of(ALICE)), 360);
    let mut index = 1000;
    while_watching(&mut net, (BOB, CAROL), |net, turn| {
        index += [30_000, 1, 0][turn as usize % 3];
        net.frame(ALICE, if turn % 3 == 2 { index - 30_000 } else { index }, true);
    });
    let got = net.rtp(CAROL, 200);
    assert!(got.windows(2).all(|pair| pair[1].index == pair[0].index + 1), "no hole of thousands reaches a viewer");
    let counters = net.router.counters();
    // Back is a replay to SRTP, forward a new start.
    assert_eq!((got.len() as u64, counters.dropped.replay, counters.nacks_sent), (FRAMES * 2 / 3, FRAMES / 3, 0));
}

/// A viewer counts rollovers by what it saw last: what adds up to half the numbers unseen would end its slot for good.
#[test]
fn leaps_that_no_viewer_sees() {
    let mut net = Net::trio();
    net.assign(CAROL, AUDIO_SLOT, Some(microphone_of(ALICE)), 0);
    let mut index = 1;
    net.send(ALICE, &Draft::audio(10, index, 90));
    while_watching(&mut net, (BOB, CAROL), |net, turn| {
        index += 20_000;
        let nothing = Draft { payload: vec![], padding: 4, ..Draft::audio(10, index, 90) };
        net.send(ALICE, &nothing);
        if turn % 10 == 9 {
            index += 1;
            net.send(ALICE, &Draft::audio(10, index, 90));
        }
    });
    let heard = net.rtp(CAROL, 100);
    assert_eq!(heard.len() as u64, 1 + FRAMES / 10);
    assert!(heard.windows(2).all(|pair| pair[1].index == pair[0].index + 1));
}

#[test]
fn feedback_without_end() {
    let mut net = Net::trio();
    net.assign(BOB, SECOND_VIDEO_SLOT, Some(camera_of(ALICE)), 360);
    while_watching(&mut net, (ALICE, CAROL), |net, turn| {
        for round in 0..100u8 {
            match round % 3 {
                0 => net.feedback(BOB, PayloadFeedback::builder_owned(Pli::builder()).sender_ssrc(9).media_ssrc(300)),
                1 => net.feedback(
                    BOB,
                    PayloadFeedback::builder_owned(Fir::builder().add_ssrc(300, turn as u8 ^ round)).sender_ssrc(9),
                ),
                _ => net.feedback(BOB, nack(300, &std::array::from_fn::<u16, 100, _>(|n| n as u16 * 600))),
            }
        }
    });
    let counters = net.router.counters();
    println!("15,000 compounds in 5 s: {counters:?}");
    assert!(counters.dropped.rtcp_flood > 11_000, "{counters:?}");
    let asked = net.plis(ALICE, 20);
    assert!((1..=12).contains(&asked), "key frames asked of the publisher in 5 s: {asked}");
    assert!(net.rtp(BOB, 301).len() <= 6 * FRAMES as usize);
}

#[test]
fn a_nack_for_everything_costs_no_more_than_a_share_of_the_media() {
    let mut net = Net::trio();
    net.assign(BOB, VIDEO_SLOT, Some(camera_of(ALICE)), 360);
    let (mut index, mut media, mut again, mut newest) = (0, 0, 0, 0u16);
    while_watching(&mut net, (CAROL, ALICE), |net, _| {
        for _ in 0..6 {
            index += 1;
            net.send(ALICE, &large(index, index == 1));
        }
        for packet in net.rtp(BOB, 200) {
            media += packet.payload.len();
            newest = packet.header.sequence;
        }
        for _ in 0..3 {
            let numbers: [u16; 200] = std::array::from_fn(|back| newest.wrapping_sub(back as u16));
            net.feedback(BOB, nack(200, &numbers));
            again += net.rtp(BOB, 201).iter().map(|packet| packet.payload.len()).sum::<usize>();
        }
    });
    let counters = net.router.counters();
    println!("{media} bytes of media, {again} sent again; {counters:?}");
    assert!(again > 100_000, "{again}");
    assert!(again <= media / 2 + 96_000 + 5 * 16_000 + 5_000, "{again} of {media}");
    assert!(counters.rtx_refused > 10_000);
}

#[test]
fn a_publisher_at_ten_times_its_rate() {
    let mut net = Net::trio();
    net.assign(CAROL, AUDIO_SLOT, Some(microphone_of(ALICE)), 0);
    net.assign(CAROL, VIDEO_SLOT, Some(camera_of(ALICE)), 360);
    let (mut index, mut carried) = (0, 0);
    while_watching(&mut net, (BOB, CAROL), |net, turn| {
        net.send(ALICE, &Draft::audio(10, 1 + turn, 90));
        // 25 Mbit/s.
        for _ in 0..94 {
            index += 1;
            net.send(ALICE, &large(index, index.is_multiple_of(30)));
        }
        carried += net.rtp(CAROL, 200).iter().map(|packet| packet.payload.len()).sum::<usize>();
    });
    let counters = net.router.counters();
    println!("{} packets of 1100 bytes sent, {carried} bytes carried in 5 s, {counters:?}", index);
    assert!(counters.dropped.over_ceiling > index / 3, "{counters:?}");
    assert!(carried <= 1_500_000 * 6, "{carried}");
    assert_eq!(net.rtp(CAROL, 100).len() as u64, FRAMES, "their own voice goes on");
}

#[test]
fn stale_keys_and_replays() {
    let mut net = Net::trio();
    let old: Vec<Vec<u8>> = (1..=FRAMES).map(|index| net.protect(ALICE, &large(index, true))).collect();
    net.assign(CAROL, VIDEO_SLOT, Some(camera_of(ALICE)), 360);
    while_watching(&mut net, (BOB, CAROL), |net, turn| {
        // Each three times.
        for _ in 0..3 {
            net.deliver(ALICE, old[turn as usize].clone());
        }
    });
    assert_eq!(net.rtp(CAROL, 200).len() as u64, FRAMES);
    assert_eq!(net.router.counters().dropped.replay, 2 * FRAMES);
    // Alice comes back with new keys; what was recorded of her is worth nothing.
    net.router.add_peer(ALICE, "again", ordinary());
    net.router.set_keys(ALICE, &crate::rtp::router::SrtpKeys { receive: [77; 30], send: [ALICE.0 as u8 + 100; 30] });
    for packet in old {
        net.deliver(ALICE, packet);
    }
    assert_eq!(net.router.counters().dropped.tag, FRAMES);
    assert_eq!(net.rtp(CAROL, 200).len(), 0);
}
