//! Sender and receiver reports: loss, jitter, and lips in sync.

use rtcp_types::{CompoundBuilder, Packet, SdesItem, SenderReport};

use super::harness::*;
use crate::domain::ids::PeerId;
use crate::rtp::clock::WallClock;

/// (SSRC, NTP, RTP, packets) of each sender report a peer got, and the names.
type Reports = (Vec<(u32, u64, u32, u32)>, Vec<(u32, String)>);

fn reports(net: &mut Net, peer: PeerId) -> Reports {
    let mut all = Reports::default();
    for compound in net.rtcp(peer) {
        for packet in parse(&compound) {
            match packet {
                Packet::Sr(sr) => all.0.push((sr.ssrc(), sr.ntp_timestamp(), sr.rtp_timestamp(), sr.packet_count())),
                Packet::Sdes(sdes) => all.1.extend(sdes.chunks().flat_map(|chunk| {
                    let names = chunk.items().filter(|item| item.type_() == SdesItem::CNAME);
                    names.map(|item| (chunk.ssrc(), item.get_value_string().unwrap())).collect::<Vec<_>>()
                })),
                _ => {}
            }
        }
    }
    all
}

fn clock(net: &Net) -> WallClock {
    WallClock::new(net.start, std::time::Duration::from_secs(1_700_000_000))
}

fn sender_report(net: &mut Net, peer: PeerId, ssrc: u32, ntp: u64, rtp: u32) {
    let report = SenderReport::builder(ssrc).ntp_timestamp(ntp).rtp_timestamp(rtp);
    net.send_rtcp(peer, &CompoundBuilder::default().add_packet(report));
}

#[test]
fn reports_come_after_the_first_packet_and_every_second() {
    let mut net = Net::trio();
    net.assign(BOB, VIDEO_SLOT, Some(camera_of(ALICE)), 360);
    net.frame(ALICE, 1, true);
    net.pass(ms(5));
    let (first, names) = reports(&mut net, BOB);
    assert_eq!(first.len(), 1);
    assert_eq!((first[0].0, first[0].3), (200, 1));
    assert_eq!(names, [(200, super::super::super::description::SERVER_CNAME.to_owned())]);
    net.pass(ms(5000));
    assert_eq!(reports(&mut net, BOB).0.len(), 5);
    assert_eq!(reports(&mut net, CAROL).0.len(), 0);
}

#[test]
fn before_the_publishers_report_arrival_gives_the_time() {
    let mut net = Net::trio();
    net.assign(BOB, AUDIO_SLOT, Some(microphone_of(ALICE)), 0);
    net.send(ALICE, &Draft::audio(10, 100, 50));
    let sent = net.rtp(BOB, 100)[0].header.timestamp;
    net.pass(ms(1005));
    let (reports, _) = reports(&mut net, BOB);
    let (_, ntp, rtp, _) = *reports.last().unwrap();
    let at = net.start + ms(1000);
    assert_eq!(ntp, clock(&net).ntp(at));
    assert_eq!(rtp.wrapping_sub(sent), 48_000);
}

/// Alice's clock is far off and her reports travel with different delays; sound and picture captured at the same moment
/// must still be at the same NTP time for Bob.
#[test]
fn sound_and_picture_of_a_publisher_stay_together() {
    let mut net = Net::trio();
    net.assign(BOB, AUDIO_SLOT, Some(microphone_of(ALICE)), 0);
    net.assign(BOB, VIDEO_SLOT, Some(camera_of(ALICE)), 360);
    // Captured at the same moment, by Alice's clock.
    let captured: u64 = 1000 << 32;
    let (audio, video) = (96_000u32, 3000u32);
    net.pass(ms(40));
    net.send(ALICE, &Draft::audio(10, 100, 50));
    net.pass(ms(160));
    net.frame(ALICE, 1, true);
    let (audio_out, video_out) = (net.rtp(BOB, 100)[0].header.timestamp, net.rtp(BOB, 200)[0].header.timestamp);
    let later = captured + (1 << 31);
    sender_report(&mut net, ALICE, 10, later, audio + 24_000);
    net.pass(ms(90));
    sender_report(&mut net, ALICE, 20, later, video + 45_000);
    net.rtcp(BOB);
    net.pass(ms(1100));
    let (reports, names) = reports(&mut net, BOB);
    let of = |ssrc| *reports.iter().rev().find(|report| report.0 == ssrc).unwrap();
    let captured_at = |ssrc, sent: u32, rate: i64| {
        let (_, ntp, rtp, _) = of(ssrc);
        let back = i64::from(rtp.wrapping_sub(sent) as i32);
        ntp as i64 - (back << 32) / rate
    };
    let apart = captured_at(100, audio_out, 48_000) - captured_at(200, video_out, 90_000);
    assert!(apart.unsigned_abs() < (1 << 32) / 500, "{} ms apart", (apart * 1000) >> 32);
    assert!(
        names.iter().any(|(ssrc, _)| *ssrc == 100)
            && names.iter().all(|(_, name)| name == super::super::super::description::SERVER_CNAME)
    );
}

#[test]
fn publishers_hear_what_arrived() {
    let mut net = Net::trio();
    net.pass(ms(100));
    for index in 0..200u64 {
        if index % 10 != 5 {
            net.send(ALICE, &Draft::audio(10, 65_500 + index, 50));
        }
        if index == 60 {
            sender_report(&mut net, ALICE, 10, 0x0001_0002_0003_0004, 0);
        }
        net.pass(ms(20));
    }
    let mut blocks = Vec::new();
    for compound in net.rtcp(ALICE) {
        for packet in parse(&compound) {
            let Packet::Rr(report) = packet else { continue };
            blocks.extend(report.report_blocks().map(|block| {
                (
                    block.ssrc(),
                    block.fraction_lost(),
                    block.last_sender_report_timestamp(),
                    block.extended_sequence_number(),
                )
            }));
        }
    }
    assert_eq!(blocks.len(), 4, "about one a second");
    assert!(blocks.iter().all(|block| block.0 == 10));
    assert!((20..=30).contains(&blocks[3].1), "a tenth of 256: {}", blocks[3].1);
    assert_eq!((blocks[0].2, blocks[3].2), (0, 0x0002_0003));
    assert!(blocks[3].3 > 65_536);
}

#[test]
fn the_round_trip_is_measured_by_the_viewers_reports() {
    let mut net = Net::trio();
    net.assign(BOB, VIDEO_SLOT, Some(camera_of(ALICE)), 360);
    net.frame(ALICE, 1, true);
    for _ in 0..40 {
        net.pass(ms(1000));
        let (reports, _) = reports(&mut net, BOB);
        let Some(&(_, ntp, _, _)) = reports.last() else { continue };
        let sent_at = net.now - net.start;
        let age = sent_at.as_micros() % 1_000_000;
        // 120 ms on the way there and back, and held for 500 ms.
        net.pass(ms(620) - std::time::Duration::from_micros(age as u64));
        let block = rtcp_types::ReportBlock::builder(200)
            .last_sender_report_timestamp((ntp >> 16) as u32)
            .delay_since_last_sender_report_timestamp(1 << 15);
        let report = rtcp_types::ReceiverReport::builder(9).add_report_block(block);
        net.send_rtcp(BOB, &CompoundBuilder::default().add_packet(report));
        let rest = 1_000_000 - (net.now - net.start).as_micros() as u64 % 1_000_000;
        net.pass(std::time::Duration::from_micros(rest % 1_000_000));
    }
    let measured = net.router.round_trip(BOB).unwrap();
    assert!((ms(110)..ms(130)).contains(&measured), "{measured:?}");
}

/// An encoder adds redundancy for the loss it hears of: a voice is told the worst of its own line and its listeners'.
#[test]
fn a_voice_is_told_what_its_listeners_lose() {
    let mut net = Net::trio();
    net.assign(BOB, AUDIO_SLOT, Some(microphone_of(ALICE)), 0);
    net.assign(BOB, VIDEO_SLOT, Some(camera_of(ALICE)), 360);
    let mut index = 0;
    let mut told = |net: &mut Net| {
        for _ in 0..50 {
            index += 1;
            net.send(ALICE, &Draft::audio(10, index, 90));
            net.frame(ALICE, index, index == 1);
            net.pass(ms(20));
        }
        let mut told = std::collections::BTreeMap::new();
        for compound in net.rtcp(ALICE) {
            for packet in parse(&compound) {
                if let Packet::Rr(report) = packet {
                    told.extend(report.report_blocks().map(|block| (block.ssrc(), block.fraction_lost())));
                }
            }
        }
        (told[&10], told[&20])
    };
    assert_eq!(told(&mut net), (0, 0));
    let lost = |ssrc, fraction| rtcp_types::ReportBlock::builder(ssrc).fraction_lost(fraction);
    let report = |fraction| {
        let report = rtcp_types::ReceiverReport::builder(9);
        CompoundBuilder::default()
            .add_packet(report.add_report_block(lost(100, fraction)).add_report_block(lost(200, fraction)))
    };
    net.send_rtcp(BOB, &report(13));
    assert_eq!(told(&mut net), (13, 0), "pictures are sent again instead");
    net.send_rtcp(BOB, &report(200));
    assert_eq!(told(&mut net).0, 64, "bounded");
    for _ in 0..10 {
        told(&mut net);
    }
    assert_eq!(told(&mut net), (0, 0), "an old report counts no more");
    net.send_rtcp(BOB, &report(30));
    net.assign(BOB, AUDIO_SLOT, None, 0);
    assert_eq!(told(&mut net), (0, 0), "nor one of somebody who listens no more");
}
