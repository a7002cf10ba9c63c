//! Temporal layers: a line that does not carry a picture with all its frames carries some of them, as one stream that can be
//! decoded.

use std::collections::HashSet;
use std::time::Duration;

use rtcp_types::{Nack, TransportFeedback};

use super::emulated::*;
use super::harness::*;
use crate::rtp::lane::LaneRef;
use crate::rtp::vp8::{self, Temporal};

const K: u64 = 1000;
/// A picture and a voice of 47 kbit/s.
const ALONE: Camera = Camera { rates: &[540 * K], temporal: 3, every: 33 };

/// Reads what was sent on a slot as a decoder would, and asserts that it could: numbers without gaps, whole frames, and
/// none that refers to one that was not sent. How many frames were sent from `from` to `to` (in s), by TID.
fn decode(pictures: &[Picture], from: u64, to: u64) -> [usize; 3] {
    let span = Duration::from_secs(from)..Duration::from_secs(to);
    let (mut known, mut frames, mut tl0) = (HashSet::new(), [0; 3], None);
    for (at, packet) in pictures.iter().enumerate() {
        let descriptor = packet.descriptor.unwrap();
        let Frame { number, refers, .. } = &packet.frame;
        if let Some(before) = at.checked_sub(1).map(|before| &pictures[before]) {
            assert_eq!(packet.index, before.index + 1, "no gap that would be asked for");
            assert_eq!(before.frame.left == 0, descriptor.start, "frames are whole");
            let step = u16::from(descriptor.start);
            let picture = |packet: &Picture| packet.descriptor.unwrap().picture.unwrap().0;
            assert_eq!(picture(packet), picture(before) + step, "one picture after another at {:?}", packet.at);
        }
        if !descriptor.start {
            continue;
        }
        if descriptor.key_frame {
            known.clear();
        }
        assert!(refers.iter().all(|frame| known.contains(frame)), "{number} refers to {refers:?} at {:?}", packet.at);
        known.insert(*number);
        let (tid, index) = (descriptor.temporal.unwrap().tid, descriptor.tl0.unwrap().0);
        let next = tl0.map_or(index, |tl0: u8| tl0.wrapping_add(u8::from(tid == 0)));
        assert_eq!(index, next, "TL0PICIDX counts frames of TID 0, all of which are sent");
        tl0 = Some(index);
        frames[usize::from(tid)] += usize::from(span.contains(&packet.at));
    }
    frames
}

#[test]
fn a_line_for_a_part_of_the_picture_gets_the_frames_it_carries() {
    for (rate, temporal, expected) in
        [(900, 3, [75, 75, 150]), (480, 3, [75, 75, 0]), (390, 3, [75, 0, 0]), (480, 2, [150, 0, 0])]
    {
        let camera = Camera { temporal, ..ALONE };
        let mut room = Room::with(camera, 1, &[Road::of(rate * K)], 720);
        room.run(ms(30_000));
        let viewer = &room.viewers[0];
        viewer.print("a part of the picture", 2, 32);
        let frames = decode(&viewer.pictures[0], 18, 28);
        println!("{rate} kbit/s, L1T{temporal}: {frames:?} frames in 10 s");
        for (tid, (&got, expected)) in frames.iter().zip(expected).enumerate() {
            assert!(got.abs_diff(expected) <= 3, "{rate} kbit/s, TID {tid}: {got} frames");
        }
        assert_eq!(viewer.voice_lost(), 0);
        assert!(viewer.waited(0.95, 7, 32) < 300.0);
        assert_eq!(room.router.counters().nacks_sent, 0, "nothing was missing");
    }
}

/// The same lines without temporal layers: that is what they are for.
#[test]
fn without_temporal_layers_it_is_the_whole_picture_or_none() {
    let mut room = Room::with(Camera { temporal: 1, ..ALONE }, 1, &[Road::of(390 * K)], 720);
    room.run(ms(30_000));
    let frames = room.viewers[0].pictures.first().map_or([0; 3], |pictures| decode(pictures, 18, 28));
    assert_eq!(frames, [0; 3]);
}

#[test]
fn a_line_that_gets_worse_loses_frames_at_once_and_gets_them_back() {
    let mut room = Room::with(Camera { temporal: 2, ..ALONE }, 1, &[Road::of(1500 * K)], 720);
    room.run(ms(10_000));
    room.change(0, Road::of(480 * K));
    room.run(ms(15_000));
    room.change(0, Road::of(1500 * K));
    room.run(ms(20_000));
    let viewer = &room.viewers[0];
    viewer.print("1500, then 480, then 1500 kbit/s", 2, 47);
    let frames = |from, to| decode(&viewer.pictures[0], from, to);
    assert_eq!(frames(5, 9)[0] + frames(5, 9)[1], 121);
    assert!(frames(13, 23)[0] >= 148 && frames(14, 23)[1] == 0, "{:?}", frames(13, 23));
    assert!(frames(35, 45)[1] >= 148, "{:?}", frames(35, 45));
}

#[test]
fn a_crowded_line_shows_everybody_some_frames() {
    let camera = Camera { temporal: 3, ..Camera::SIMULCAST };
    let mut room = Room::with(camera, 5, &[Road::of(600 * K)], 720);
    room.run(ms(40_000));
    let viewer = &room.viewers[0];
    viewer.print("600 kbit/s, five pictures", 2, 42);
    for pictures in &viewer.pictures {
        let frames = decode(pictures, 18, 38);
        println!("{frames:?}");
        assert!(frames[0] >= 140, "{frames:?}");
    }
    assert_eq!(viewer.voice_lost(), 0);
    assert!(viewer.waited(0.95, 7, 42) < 300.0);
}

#[test]
fn a_late_packet_of_a_frame_that_was_left_out_fills_its_place_without_content() {
    let mut net = Net::trio();
    net.assign(BOB, VIDEO_SLOT, Some(camera_of(ALICE)), 360);
    let frame = |net: &mut Net, index: u64, tid, key: bool| {
        let at = Temporal { tid, sync: false };
        let payload = vp8::tests::layered(index as u16, 1, at, true, key.then_some(360));
        net.send(ALICE, &Draft::video(20, index, payload));
    };
    frame(&mut net, 1, 0, true);
    let bob = net.router.ids[&BOB];
    let lane = net.router.lane_mut(LaneRef::Slot(bob, VIDEO_SLOT.0)).unwrap();
    (lane.allowed, lane.temporal) = (1, 0);
    frame(&mut net, 2, 0, false);
    frame(&mut net, 4, 1, false);
    frame(&mut net, 5, 0, false);
    frame(&mut net, 3, 1, false);
    let got = net.rtp(BOB, 200);
    let indices: Vec<u64> = got.iter().map(|packet| packet.index - got[0].index).collect();
    assert_eq!(indices, [0, 1, 3, 2]);
    let contents: Vec<bool> = got.iter().map(|packet| !packet.payload.is_empty()).collect();
    assert_eq!(contents, [true, true, true, false]);
    let nack = Nack::builder().add_rtp_sequence(got[3].header.sequence);
    net.feedback(BOB, TransportFeedback::builder_owned(nack).sender_ssrc(9).media_ssrc(200));
    let again = net.rtp(BOB, 201);
    assert_eq!(again[0].payload, got[3].header.sequence.to_be_bytes(), "nothing but its number");
}
