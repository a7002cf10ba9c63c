//! The mix: as a subscriber and as a publisher.

use rtcp_types::{CompoundBuilder, Packet, SenderReport};

use super::harness::*;
use crate::domain::ids::{PeerId, Source};
use crate::rtp::description::CodecName;
use crate::rtp::packet::Header;
use crate::rtp::router::RouterEvent;
use crate::rtp::vp8;

const MIX: PeerId = PeerId(50);

fn subscribed(height: u16) -> (Net, TestSink) {
    let mut net = Net::trio();
    let sink = TestSink::default();
    let boxed = Box::new(sink.clone());
    net.with(|router, now, out| router.subscribe(now, 1, camera_of(ALICE), height, boxed, out));
    (net, sink)
}

#[test]
fn a_subscription_gets_the_track_in_the_clear() {
    let (mut net, sink) = subscribed(360);
    net.frame(ALICE, 5, false);
    for index in 6..9 {
        net.frame(ALICE, index, index == 6);
    }
    let packets = sink.0.lock().unwrap().0.clone();
    assert_eq!(packets.len(), 3);
    let headers: Vec<Header> = packets.iter().map(|packet| Header::parse(packet).unwrap()).collect();
    assert!(headers.iter().all(|header| header.payload_type == 96 && header.payload == 12));
    assert!(headers.windows(2).all(|pair| pair[1].sequence == pair[0].sequence.wrapping_add(1)));
    assert_eq!(packets[0][12..], vp8::tests::packet(6, 6, true, Some(360)));
    assert_eq!(net.router.counters().delivered, 3);
}

#[test]
fn its_reports_come_at_once_and_again_with_the_publishers_first() {
    let (mut net, sink) = subscribed(360);
    net.frame(ALICE, 6, true);
    net.pass(ms(5));
    assert_eq!(sink.0.lock().unwrap().1.len(), 1);
    net.pass(ms(100));
    let report = SenderReport::builder(20).ntp_timestamp(5 << 32).rtp_timestamp(6 * 3000);
    net.send_rtcp(ALICE, &CompoundBuilder::default().add_packet(report));
    net.pass(ms(5));
    let (packets, reports) = sink.0.lock().unwrap().clone();
    assert_eq!(reports.len(), 2);
    let packets = Header::parse(&packets[0]).unwrap();
    let Packet::Sr(report) = &parse(&reports[1])[0] else { panic!("a sender report") };
    assert_eq!(report.ssrc(), packets.ssrc);
    let since = report.rtp_timestamp().wrapping_sub(packets.timestamp);
    assert!(since <= 5 * 90, "the publisher said: now: {since}");
    net.pass(ms(3000));
    assert_eq!(sink.0.lock().unwrap().1.len(), 5);
}

#[test]
fn key_frames_resizing_and_the_end() {
    let (mut net, sink) = subscribed(360);
    net.frame(ALICE, 6, true);
    net.pass(ms(1000));
    net.with(|router, now, out| router.request_key_frame(now, 1, out));
    net.with(|router, now, out| router.request_key_frame(now, 1, out));
    net.with(|router, now, out| router.request_key_frame(now, 77, out));
    net.with(|router, now, out| router.resize_subscription(now, 1, 180, out));
    assert_eq!(net.plis(ALICE, 20), 1);
    net.router.unsubscribe(1);
    net.frame(ALICE, 7, true);
    assert_eq!(sink.0.lock().unwrap().0.len(), 1);
    assert_eq!(std::sync::Arc::strong_count(&sink.0), 1, "the sink is dropped");
}

#[test]
fn a_subscription_survives_its_publisher() {
    let (mut net, sink) = subscribed(360);
    net.frame(ALICE, 6, true);
    net.with(|router, now, out| router.remove_peer(now, ALICE, out));
    net.pass(ms(3000));
    net.with(|router, now, out| router.resize_subscription(now, 1, 90, out));
    net.with(|router, now, out| router.request_key_frame(now, 1, out));
    assert_eq!(sink.0.lock().unwrap().0.len(), 1);
}

#[test]
fn the_mix_is_shown_like_anybody() {
    let mut net = Net::trio();
    net.router.add_local_publisher(
        MIX,
        "mix",
        &[(Source::Camera, CodecName::Vp8), (Source::Microphone, CodecName::Opus)],
    );
    net.assign(BOB, VIDEO_SLOT, Some(camera_of(MIX)), 720);
    net.assign(BOB, AUDIO_SLOT, Some(microphone_of(MIX)), 0);
    let publish = |net: &mut Net, index: u64, key: bool| {
        let payload = vp8::tests::packet(index as u16, 0, true, key.then_some(720));
        let (packet, _) = Draft::video(7, index, payload).plain();
        net.with(|router, now, out| router.publish(now, camera_of(MIX), &packet, now - ms(30), out));
    };
    publish(&mut net, 65_535, false);
    assert!(net.events.contains(&RouterEvent::KeyFrameWanted(camera_of(MIX))));
    publish(&mut net, 65_536, true);
    publish(&mut net, 65_537, false);
    let (sound, _) = Draft::audio(8, 1, 50).plain();
    net.with(|router, now, out| router.publish(now, microphone_of(MIX), &sound, now, out));
    let got = net.rtp(BOB, 200);
    assert_eq!((got.len(), net.rtp(BOB, 100).len()), (2, 1));
    assert_eq!(got[1].index, got[0].index + 1);
    net.pass(ms(5));
    let compounds = net.rtcp(BOB);
    let reports: Vec<_> = compounds.iter().flat_map(|bytes| parse(bytes)).collect();
    let of_video = reports.iter().find_map(|packet| match packet {
        Packet::Sr(report) if report.ssrc() == 200 => Some(report.rtp_timestamp()),
        _ => None,
    });
    let ahead = of_video.unwrap().wrapping_sub(got[1].header.timestamp);
    assert!((30 * 90 - 2..=35 * 90).contains(&ahead), "composed 30 ms before: {ahead}");
    net.events.clear();
    net.pass(ms(1000));
    let pli = rtcp_types::PayloadFeedback::builder_owned(rtcp_types::Pli::builder()).sender_ssrc(9).media_ssrc(200);
    net.feedback(BOB, pli);
    assert_eq!(net.events, [RouterEvent::KeyFrameWanted(camera_of(MIX))]);
}

#[test]
fn a_mix_that_starts_anew_goes_on_where_it_was() {
    let mut net = Net::trio();
    net.router.add_local_publisher(MIX, "mix", &[(Source::Camera, CodecName::Vp8)]);
    net.assign(BOB, VIDEO_SLOT, Some(camera_of(MIX)), 720);
    for (ssrc, index) in [(7, 40_000u64), (7, 40_001), (8, 3), (8, 4)] {
        let (packet, _) = Draft::video(ssrc, index, vp8::tests::packet(1, 1, true, Some(720))).plain();
        net.with(|router, now, out| router.publish(now, camera_of(MIX), &packet, now, out));
    }
    let indices: Vec<u64> = net.rtp(BOB, 200).iter().map(|packet| packet.index).collect();
    assert_eq!(indices, (indices[0]..indices[0] + 4).collect::<Vec<_>>());
}
