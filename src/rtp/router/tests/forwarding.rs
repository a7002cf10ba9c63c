//! Packets reach the slots of their track, and a slot changes its source without a seam.

use super::harness::*;
use crate::domain::ids::{PeerId, SlotIndex};
use crate::rtp::description::{Codec, CodecName};
use crate::rtp::router::{Counters, RouterEvent};
use crate::rtp::vp8::{self, Descriptor};

#[test]
fn a_packet_is_rewritten_for_the_slot() {
    let mut net = Net::trio();
    net.assign(BOB, VIDEO_SLOT, Some(camera_of(ALICE)), 360);
    for index in 65_530..65_540 {
        net.frame(ALICE, index, index == 65_530);
        net.pass(ms(33));
    }
    let got = net.rtp(BOB, 200);
    assert_eq!(got.len(), 10);
    assert_eq!(net.rtp(CAROL, 200).len(), 0);
    for (at, packet) in got.iter().enumerate() {
        assert_eq!(packet.header.payload_type, 96);
        assert_eq!(packet.index, got[0].index + at as u64);
        let advance = packet.header.timestamp.wrapping_sub(got[0].header.timestamp);
        assert_eq!(advance, 3000 * at as u32);
        let expected: Vec<(u8, Vec<u8>)> = vec![(TRANSPORT_CC, vec![0, at as u8]), (MID, b"3".to_vec())];
        assert_eq!(packet.elements, expected, "all incoming extensions are replaced");
    }
    assert_eq!(got[3].payload, vp8::tests::packet(65_533, 253, true, None));
    assert_eq!(net.router.counters().forwarded, 10);
    assert_eq!(net.events, [RouterEvent::TrackStarted(camera_of(ALICE))]);
}

#[test]
fn payload_types_are_each_viewers_own() {
    let mut net = Net::new();
    net.join(ALICE, ordinary());
    let mut media = ordinary();
    media.slots[1].codecs = vec![vp8_codec(120, Some(124))];
    media.extensions.transport_cc = Some(7);
    media.extensions.mid = None;
    net.join(BOB, media);
    net.assign(BOB, VIDEO_SLOT, Some(camera_of(ALICE)), 360);
    net.frame(ALICE, 1, true);
    let got = net.rtp(BOB, 200);
    assert_eq!(got[0].header.payload_type, 120);
    assert_eq!(got[0].elements, [(7, vec![0, 0])]);
}

#[test]
fn nothing_is_sent_before_a_key_frame_and_one_is_asked_for() {
    let mut net = Net::trio();
    net.frame(ALICE, 1, false);
    net.assign(BOB, VIDEO_SLOT, Some(camera_of(ALICE)), 360);
    assert_eq!(net.plis(ALICE, 20), 1);
    net.frame(ALICE, 2, false);
    assert_eq!(net.rtp(BOB, 200).len(), 0);
    net.frame(ALICE, 3, true);
    net.frame(ALICE, 4, false);
    assert_eq!(net.rtp(BOB, 200).len(), 2);
    net.pass(ms(3000));
    assert_eq!(net.plis(ALICE, 20), 0, "answered");
}

#[test]
fn the_old_picture_stays_until_the_new_ones_key_frame() {
    let mut net = Net::trio();
    net.assign(BOB, VIDEO_SLOT, Some(camera_of(ALICE)), 360);
    net.frame(ALICE, 500, true);
    net.frame(CAROL, 9000, false);
    net.pass(ms(33));
    net.assign(BOB, VIDEO_SLOT, Some(camera_of(CAROL)), 360);
    assert_eq!(net.plis(CAROL, 20), 1);
    for step in 1..=3 {
        net.frame(ALICE, 500 + step, false);
        net.frame(CAROL, 9000 + step, false);
        net.pass(ms(33));
    }
    net.frame(CAROL, 9004, true);
    net.frame(ALICE, 504, false);
    net.frame(CAROL, 9003, false);
    net.frame(CAROL, 9005, false);
    let got = net.rtp(BOB, 200);
    assert_eq!(got.len(), 6, "four of Alice, two of Carol, nothing late");
    let first = &got[0];
    for (at, packet) in got.iter().enumerate() {
        assert_eq!(packet.index, first.index + at as u64);
        let descriptor = Descriptor::parse(&packet.payload).unwrap();
        assert_eq!(descriptor.picture.unwrap().0, 500 + at as u16, "picture ids go on");
        assert_eq!(descriptor.tl0.unwrap().0, (500 + at) as u8);
    }
    let step = got[4].header.timestamp.wrapping_sub(got[3].header.timestamp);
    assert_eq!(step, 33 * 90, "by the time that passed");
    assert_eq!(got[5].header.timestamp.wrapping_sub(got[4].header.timestamp), 3000);
}

#[test]
fn sound_changes_at_once() {
    let mut net = Net::trio();
    net.assign(BOB, AUDIO_SLOT, Some(microphone_of(ALICE)), 0);
    for index in 1..=3 {
        net.send(ALICE, &Draft::audio(10, index, 127));
        net.pass(ms(20));
    }
    net.assign(BOB, AUDIO_SLOT, Some(microphone_of(CAROL)), 0);
    net.send(ALICE, &Draft::audio(10, 4, 127));
    net.send(CAROL, &Draft::audio(10, 77, 127));
    net.send(ALICE, &Draft::audio(10, 5, 127));
    let got = net.rtp(BOB, 100);
    let payloads: Vec<u8> = got.iter().map(|packet| packet.payload[0]).collect();
    assert_eq!(payloads, [1, 2, 3, 77]);
    assert_eq!(got[3].index, got[0].index + 3);
    assert_eq!(got[3].header.timestamp.wrapping_sub(got[0].header.timestamp), 3 * 960);
}

#[test]
fn a_voice_is_heard_from_its_first_syllable() {
    let mut net = Net::trio();
    net.assign(BOB, AUDIO_SLOT, Some(microphone_of(ALICE)), 0);
    for index in 1..=20 {
        net.send(ALICE, &Draft::audio(10, index, 127));
        net.send(CAROL, &Draft::audio(10, 100 + index, 127));
        net.pass(ms(20));
    }
    net.assign(BOB, AUDIO_SLOT, Some(microphone_of(CAROL)), 0);
    // Again, as a change of anything else may: nobody hears anything twice.
    net.assign(BOB, AUDIO_SLOT, Some(microphone_of(CAROL)), 0);
    net.send(CAROL, &Draft::audio(10, 121, 127));
    let got = net.rtp(BOB, 100);
    let payloads: Vec<u8> = got[20..].iter().map(|packet| packet.payload[0]).collect();
    assert_eq!(payloads, [115, 116, 117, 118, 119, 120, 121], "what was said in the last 120 ms, then what is said");
    for pair in got.windows(2) {
        assert_eq!(pair[1].index, pair[0].index + 1);
        let step = pair[1].header.timestamp.wrapping_sub(pair[0].header.timestamp);
        assert!((1..=960).contains(&step), "time goes on: {step}");
    }
}

#[test]
fn what_was_said_before_muting_is_not_heard_after() {
    let mut net = Net::trio();
    net.send(CAROL, &Draft::audio(10, 1, 127));
    net.router.silence(microphone_of(CAROL), true);
    net.router.silence(microphone_of(CAROL), false);
    net.assign(BOB, AUDIO_SLOT, Some(microphone_of(CAROL)), 0);
    net.send(CAROL, &Draft::audio(10, 2, 127));
    let payloads: Vec<u8> = net.rtp(BOB, 100).iter().map(|packet| packet.payload[0]).collect();
    assert_eq!(payloads, [2]);
}

#[test]
fn an_emptied_slot_is_silent_and_a_lost_publisher_leaves_it() {
    let mut net = Net::trio();
    net.assign(BOB, VIDEO_SLOT, Some(camera_of(ALICE)), 360);
    net.assign(BOB, SECOND_VIDEO_SLOT, Some(camera_of(ALICE)), 360);
    net.frame(ALICE, 1, true);
    net.assign(BOB, VIDEO_SLOT, None, 0);
    net.frame(ALICE, 2, true);
    assert_eq!((net.rtp(BOB, 200).len(), net.rtp(BOB, 300).len()), (1, 2));
    net.with(|router, now, out| router.remove_peer(now, ALICE, out));
    net.frame(ALICE, 3, true);
    assert_eq!(net.rtp(BOB, 300).len(), 0);
    assert_eq!(net.router.counters().dropped.unknown_peer, 1);
    net.assign(BOB, SECOND_VIDEO_SLOT, Some(camera_of(CAROL)), 360);
    net.frame(CAROL, 5, true);
    assert_eq!(net.rtp(BOB, 300).len(), 1);
}

#[test]
fn a_viewer_that_left_costs_nothing() {
    let mut net = Net::trio();
    net.assign(BOB, VIDEO_SLOT, Some(camera_of(ALICE)), 360);
    net.frame(ALICE, 1, true);
    net.with(|router, now, out| router.remove_peer(now, BOB, out));
    let before = net.router.counters().forwarded;
    net.frame(ALICE, 2, true);
    net.join(PeerId(4), ordinary());
    net.frame(ALICE, 3, true);
    assert_eq!(net.router.counters().forwarded, before, "nor does the tenant of its old place get it");
}

#[test]
fn before_the_keys_nothing_flows_and_then_a_key_frame_is_asked_for_again() {
    let mut net = Net::new();
    net.join(ALICE, ordinary());
    net.router.add_peer(BOB, "bob", ordinary());
    net.assign(BOB, VIDEO_SLOT, Some(camera_of(ALICE)), 360);
    net.frame(ALICE, 1, true);
    net.pass(ms(1000));
    net.plis(ALICE, 20);
    net.connect(BOB);
    net.pass(ms(5));
    net.frame(ALICE, 2, false);
    net.pass(ms(600));
    assert!(net.plis(ALICE, 20) >= 1);
    net.frame(ALICE, 3, true);
    assert_eq!(net.rtp(BOB, 200).len(), 1);
}

#[test]
fn a_silenced_track_is_dropped_where_it_enters() {
    let mut net = Net::trio();
    net.assign(BOB, VIDEO_SLOT, Some(camera_of(ALICE)), 360);
    net.assign(BOB, AUDIO_SLOT, Some(microphone_of(ALICE)), 0);
    net.frame(ALICE, 1, true);
    net.send(ALICE, &Draft::audio(10, 1, 127));
    net.router.silence(camera_of(ALICE), true);
    net.router.silence(microphone_of(ALICE), true);
    net.events.clear();
    for index in 2..600 {
        net.frame(ALICE, index, true);
        net.send(ALICE, &Draft::audio(10, index, 20));
        net.pass(ms(10));
    }
    assert_eq!((net.rtp(BOB, 200).len(), net.rtp(BOB, 100).len()), (1, 1));
    assert_eq!(net.events, [], "no level of a silenced microphone");
    assert_eq!(net.plis(ALICE, 20), 0);
    net.router.silence(camera_of(ALICE), false);
    net.router.silence(microphone_of(ALICE), false);
    net.frame(ALICE, 600, false);
    net.send(ALICE, &Draft::audio(10, 600, 20));
    assert_eq!(net.plis(ALICE, 20), 1);
    net.frame(ALICE, 601, true);
    let (video, audio) = (net.rtp(BOB, 200), net.rtp(BOB, 100));
    assert_eq!((video.len(), audio.len()), (1, 1), "with a key frame");
    let nacks = net.count_rtcp(ALICE, |packet| matches!(packet, rtcp_types::Packet::TransportFeedback(_)));
    assert_eq!((nacks, net.router.counters().nacks_sent), (0, 0));
}

#[test]
fn levels_are_told_of_microphones() {
    let mut net = Net::trio();
    for index in 0..25u64 {
        let level = if index == 3 { 0x80 | 20 } else { 50 };
        net.send(ALICE, &Draft::audio(10, index, level));
        net.send(BOB, &Draft::audio(10, index, 0x80 | 90));
        net.pass(ms(20));
    }
    let levels: Vec<_> = net.events.iter().filter(|event| matches!(event, RouterEvent::Level { .. })).collect();
    let level = |level| RouterEvent::Level { peer: ALICE, level };
    // Packet by packet for 100 ms, then ten a second.
    let told = [50, 50, 50, 20, 50, 50, 50, 50, 50].map(level);
    assert_eq!(levels, told.iter().collect::<Vec<_>>());
}

#[test]
fn what_was_not_agreed_on_is_dropped() {
    let mut net = Net::trio();
    net.assign(BOB, VIDEO_SLOT, Some(camera_of(ALICE)), 360);
    net.frame(ALICE, 1, true);
    let payload = vp8::tests::packet(2, 2, true, None);
    net.send(ALICE, &Draft { payload_type: 98, ..Draft::video(20, 2, payload.clone()) });
    net.send(ALICE, &Draft { payload_type: 98, ..Draft::video(22, 2, payload.clone()) });
    net.send(ALICE, &Draft { payload_type: 35, ..Draft::video(23, 2, payload) });
    let replayed = net.protect(ALICE, &Draft::video(20, 1, vec![0x10]));
    net.deliver(ALICE, replayed);
    assert_eq!(net.rtp(BOB, 200).len(), 1);
    let Counters { dropped, .. } = net.router.counters();
    assert_eq!((dropped.payload_type, dropped.unknown_stream, dropped.replay), (1, 2, 1));
}

#[test]
fn a_slot_without_the_codec_stays_empty() {
    let mut net = Net::trio();
    net.assign(BOB, AUDIO_SLOT, Some(camera_of(ALICE)), 360);
    net.assign(BOB, SlotIndex(77), Some(camera_of(ALICE)), 360);
    net.assign(BOB, VIDEO_SLOT, Some(camera_of(PeerId(99))), 360);
    net.frame(ALICE, 1, true);
    assert_eq!((net.rtp(BOB, 100).len(), net.router.counters().forwarded), (0, 0));
    assert_eq!(net.router.counters().codec_mismatches, 1);
}

#[test]
fn a_new_ssrc_of_the_same_section_goes_on() {
    let mut net = Net::trio();
    net.assign(BOB, VIDEO_SLOT, Some(camera_of(ALICE)), 360);
    net.frame(ALICE, 60_000, true);
    net.pass(ms(33));
    net.rtcp(ALICE);
    let draft = |index: u64, key: bool| {
        let payload = vp8::tests::packet(9, 9, true, key.then_some(360));
        Draft::video(25, index, payload).element(MID, b"1")
    };
    net.send(ALICE, &draft(7, false));
    net.pass(ms(1));
    assert_eq!(net.plis(ALICE, 25), 1);
    net.send(ALICE, &draft(8, true));
    net.frame(ALICE, 60_001, true);
    let got = net.rtp(BOB, 200);
    assert_eq!(got.len(), 2, "the old SSRC is over");
    assert_eq!(got[1].index, got[0].index + 1);
}

#[test]
fn padding_alone_leaves_no_gap() {
    let mut net = Net::trio();
    net.assign(BOB, VIDEO_SLOT, Some(camera_of(ALICE)), 360);
    net.frame(ALICE, 1, true);
    for index in 2..5 {
        net.send(ALICE, &Draft { padding: 200, ..Draft::video(20, index, vec![]) });
    }
    net.frame(ALICE, 5, false);
    let got = net.rtp(BOB, 200);
    assert_eq!(got[1].index, got[0].index + 1);
    assert_eq!(net.router.counters().dropped.padding, 3);
}

#[test]
fn a_track_that_sends_nothing_does_not_show_somebody_else() {
    let mut net = Net::trio();
    net.assign(BOB, VIDEO_SLOT, Some(camera_of(ALICE)), 360);
    net.frame(ALICE, 1, true);
    net.assign(BOB, VIDEO_SLOT, Some(camera_of(CAROL)), 360);
    net.frame(ALICE, 2, true);
    assert_eq!(net.rtp(BOB, 200).len(), 1);
    net.frame(CAROL, 5, true);
    assert_eq!(net.rtp(BOB, 200).len(), 1);
}

#[test]
fn h264_is_forwarded_from_its_parameter_sets_on() {
    let mut net = Net::new();
    let h264 = |payload_type| Codec { name: CodecName::H264, ..vp8_codec(payload_type, None) };
    let mut media = ordinary();
    media.receives[1].codec = h264(102);
    net.join(ALICE, media);
    let mut media = ordinary();
    media.slots[1].codecs = vec![vp8_codec(96, Some(97)), h264(108)];
    net.join(BOB, media);
    net.assign(BOB, VIDEO_SLOT, Some(camera_of(ALICE)), 360);
    let packets = [[0x61, 1], [0x67, 2], [0x68, 3], [0x65, 4], [0x61, 5]];
    for (index, packet) in packets.iter().enumerate() {
        net.send(ALICE, &Draft { payload_type: 102, ..Draft::video(20, index as u64, packet.to_vec()) });
    }
    let got = net.rtp(BOB, 200);
    assert_eq!(got.iter().map(|packet| packet.payload[1]).collect::<Vec<_>>(), [2, 3, 4, 5]);
    assert!(got.iter().all(|packet| packet.header.payload_type == 108));
}

/// A shared screen on which nothing moves: no packets for seconds, and still somebody comes to look.
#[test]
fn a_still_picture_is_asked_for_its_key_frame() {
    let mut net = Net::trio();
    net.frame(ALICE, 1, true);
    net.assign(BOB, VIDEO_SLOT, Some(camera_of(CAROL)), 360);
    net.frame(CAROL, 1, true);
    net.pass(ms(10_000));
    net.frame(CAROL, 2, false);
    net.assign(BOB, VIDEO_SLOT, Some(camera_of(ALICE)), 360);
    assert_eq!(net.plis(ALICE, 20), 1);
    net.frame(CAROL, 3, false);
    assert_eq!(net.rtp(BOB, 200).len(), 2, "nor is Carol taken for Alice meanwhile");
    net.pass(ms(10_000));
    assert_eq!(net.plis(ALICE, 20), 5, "patiently: perhaps there is no picture any more");
    net.frame(ALICE, 2, true);
    assert_eq!(net.rtp(BOB, 200).len(), 1);
}
