//! Layers: which one a viewer gets, and how it changes.

use super::harness::*;
use crate::domain::ids::Source;
use crate::rtp::description::PeerMedia;
use crate::rtp::router::RouterEvent;
use crate::rtp::vp8;

/// Like Chromium: no a=ssrc, three rids.
fn chromium() -> PeerMedia {
    let mut media = ordinary();
    media.receives[1] = receive("1", Source::Camera, vp8_codec(96, Some(97)), &["q", "h", "f"]);
    media
}

const RIDS: [&str; 3] = ["q", "h", "f"];

/// A frame of a layer; its SSRC is 31, 32 or 33, its height 180, 360 or 720.
fn frame(net: &mut Net, layer: usize, index: u64, key: bool) {
    let payload = vp8::tests::packet(index as u16, index as u8, true, key.then_some(180 << layer));
    let draft = Draft::video(31 + layer as u32, index, payload);
    net.send(ALICE, &draft.element(MID, b"1").element(RID, RIDS[layer].as_bytes()));
}

/// Which layers Bob's packets were of: a layer's frames end with its number.
fn layers(net: &mut Net) -> Vec<u64> {
    let got = net.rtp(BOB, 200);
    for pair in got.windows(2) {
        assert_eq!(pair[1].index, pair[0].index + 1, "no seam in sequence numbers");
        let step = pair[1].header.timestamp.wrapping_sub(pair[0].header.timestamp);
        assert!(step < 90_000, "nor in time: {step}");
    }
    got.iter().map(|packet| u64::from(packet.payload[packet.payload.len() - 1])).collect()
}

/// How many frames it has sent, and the lines of its layers.
struct Sender(u64, [u16; 3]);

impl Sender {
    /// One frame of each of `layers`, marked with the layer's number in its last byte.
    fn send(&mut self, net: &mut Net, layers: &[usize], key: bool) {
        self.0 += 1;
        for &layer in layers {
            let index = 1000 * (layer as u64 + 1) + self.0;
            let mut payload = vp8::tests::packet(index as u16, index as u8, true, key.then_some(self.1[layer]));
            *payload.last_mut().unwrap() = layer as u8;
            let draft = Draft::video(31 + layer as u32, index, payload);
            net.send(ALICE, &draft.element(MID, b"1").element(RID, RIDS[layer].as_bytes()));
        }
        net.pass(ms(33));
    }
}

fn watching(height: u16) -> (Net, Sender) {
    let mut net = Net::new();
    net.join(ALICE, chromium());
    net.join(BOB, ordinary());
    net.assign(BOB, VIDEO_SLOT, Some(camera_of(ALICE)), height);
    (net, Sender(0, [180, 360, 720]))
}

#[test]
fn the_smallest_layer_that_fills_the_tile() {
    for (height, layer) in [(0, 0), (180, 0), (181, 1), (360, 1), (361, 2), (720, 2), (1080, 2)] {
        let (mut net, mut sender) = watching(height);
        for step in 0..5 {
            sender.send(&mut net, &[0, 1, 2], step % 2 == 0);
        }
        let got = layers(&mut net);
        assert_eq!(got.last(), Some(&layer), "height {height}");
        assert!(got.len() >= 5, "and it starts at once");
    }
}

#[test]
fn another_height_switches_at_a_key_frame_of_the_other_layer() {
    let (mut net, mut sender) = watching(180);
    sender.send(&mut net, &[0, 1, 2], true);
    sender.send(&mut net, &[0, 1, 2], false);
    net.rtcp(ALICE);
    net.assign(BOB, VIDEO_SLOT, Some(camera_of(ALICE)), 700);
    net.pass(ms(400));
    assert_eq!(net.plis(ALICE, 33), 1, "asked of that layer alone");
    sender.send(&mut net, &[0, 1, 2], false);
    sender.send(&mut net, &[0, 1, 2], true);
    sender.send(&mut net, &[0, 1, 2], false);
    assert_eq!(layers(&mut net), [0, 0, 0, 0, 2, 2], "the key frame of the low layer came first");
}

#[test]
fn a_layer_that_stops_is_replaced_and_comes_back() {
    let (mut net, mut sender) = watching(720);
    sender.send(&mut net, &[0, 1, 2], true);
    sender.send(&mut net, &[0, 1, 2], true);
    layers(&mut net);
    net.rtcp(ALICE);
    for _ in 0..50 {
        sender.send(&mut net, &[0, 1], false);
    }
    assert!(net.plis(ALICE, 32) >= 1, "the next layer down");
    sender.send(&mut net, &[0, 1], true);
    assert_eq!(layers(&mut net), [1]);
    sender.send(&mut net, &[0, 1, 2], false);
    net.pass(ms(400));
    assert!(net.plis(ALICE, 33) >= 1);
    sender.send(&mut net, &[0, 1, 2], true);
    sender.send(&mut net, &[0, 1, 2], false);
    assert_eq!(layers(&mut net).last(), Some(&2));
}

/// A browser that gives up its largest layer freezes its viewers until that is noticed.
#[test]
fn a_layer_that_stops_while_its_neighbours_go_on_is_left_soon() {
    let (mut net, mut sender) = watching(720);
    for step in 0..15 {
        sender.send(&mut net, &[0, 1, 2], step == 0);
    }
    net.rtcp(ALICE);
    let stopped = net.now;
    while net.plis(ALICE, 32) == 0 {
        sender.send(&mut net, &[0, 1], false);
    }
    assert!(net.now - stopped < ms(400), "{:?}", net.now - stopped);
}

#[test]
fn a_pause_of_all_layers_is_nobodys_end() {
    let (mut net, mut sender) = watching(720);
    for step in 0..15 {
        sender.send(&mut net, &[0, 1, 2], step == 0);
    }
    net.rtcp(ALICE);
    net.pass(ms(800));
    sender.send(&mut net, &[0, 1, 2], false);
    sender.send(&mut net, &[0, 1, 2], false);
    assert_eq!((31..34).map(|ssrc| net.plis(ALICE, ssrc)).sum::<usize>(), 0);
    assert_eq!(layers(&mut net).last(), Some(&2));
}

#[test]
fn layers_that_come_later_are_taken_when_they_come() {
    let (mut net, mut sender) = watching(720);
    sender.send(&mut net, &[0], true);
    sender.send(&mut net, &[0], false);
    sender.send(&mut net, &[0, 1], true);
    sender.send(&mut net, &[0, 1], false);
    assert_eq!(layers(&mut net), [0, 0, 0, 1, 1]);
}

#[test]
fn a_muted_camera_keeps_its_place() {
    let (mut net, mut sender) = watching(360);
    sender.send(&mut net, &[0, 1], true);
    sender.send(&mut net, &[0, 1], true);
    let asked = net.router.counters().plis_sent;
    net.pass(ms(10_000));
    assert_eq!(net.router.counters().plis_sent, asked, "nobody is asked for what is off");
    layers(&mut net);
    sender.send(&mut net, &[0, 1], true);
    sender.send(&mut net, &[0, 1], false);
    assert_eq!(layers(&mut net).last(), Some(&1));
}

#[test]
fn a_layer_needs_its_rid() {
    let mut net = Net::new();
    net.join(ALICE, chromium());
    net.send(ALICE, &Draft::video(31, 1, vp8::tests::packet(1, 1, true, Some(180))).element(MID, b"1"));
    assert_eq!(net.router.counters().dropped.unknown_stream, 1);
    frame(&mut net, 0, 2, true);
    assert_eq!(net.router.counters().dropped.unknown_stream, 1);
}

#[test]
fn a_layers_retransmissions_are_found_by_their_repaired_rid() {
    let (mut net, mut sender) = watching(180);
    sender.send(&mut net, &[0], true);
    // 1002 is lost, 1003 arrives, then 1002 as a retransmission.
    sender.0 += 1;
    sender.send(&mut net, &[0], false);
    let mut payload = 1002u16.to_be_bytes().to_vec();
    payload.extend(vp8::tests::packet(1002, 234, true, None));
    let draft = Draft { payload_type: 97, ..Draft::video(41, 1, payload) };
    net.send(ALICE, &draft.element(MID, b"1").element(REPAIRED_RID, b"q"));
    let got = net.rtp(BOB, 200);
    let indices: Vec<u64> = got.iter().map(|packet| packet.index - got[0].index).collect();
    assert_eq!(indices, [0, 2, 1], "it goes where the hole was");
    assert_eq!(net.router.counters().repaired, 1);
}

#[test]
fn the_largest_layer_may_be_no_larger_than_it_is_looked_at() {
    let told = |net: &mut Net| {
        let of = |event: RouterEvent| match event {
            RouterEvent::Watched { layers, height, .. } => Some((layers, height)),
            _ => None,
        };
        net.events.drain(..).filter_map(of).collect::<Vec<_>>()
    };
    let (mut net, mut sender) = watching(236);
    (0..180).for_each(|frame| sender.send(&mut net, &[0, 1, 2], frame == 0));
    assert_eq!(told(&mut net), [(2, Some(240))]);
    // It obeys; that 240 lines come now does not make the layer above wanted.
    sender.1 = [180, 240, 720];
    (0..180).for_each(|frame| sender.send(&mut net, &[0, 1], frame == 0));
    net.assign(BOB, VIDEO_SLOT, Some(camera_of(ALICE)), 238);
    assert_eq!(told(&mut net), []);
    net.assign(BOB, VIDEO_SLOT, Some(camera_of(ALICE)), 250);
    assert_eq!(told(&mut net), [(2, None)], "at once, and the same layer");
    (0..10).for_each(|frame| sender.send(&mut net, &[0, 1], frame == 0));
    net.assign(BOB, VIDEO_SLOT, Some(camera_of(ALICE)), 300);
    assert_eq!(told(&mut net), [], "what was still small says nothing of what the layer can be");
}

#[test]
fn a_layer_nobody_takes_is_told_after_a_while_and_its_return_at_once() {
    let told = |net: &mut Net| -> Vec<u8> {
        let layers = |event: RouterEvent| match event {
            RouterEvent::Watched { layers, .. } => Some(layers),
            _ => None,
        };
        net.events.drain(..).filter_map(layers).collect()
    };
    let (mut net, mut sender) = watching(180);
    let mut send = |net: &mut Net, seconds: u32| {
        (0..30 * seconds).for_each(|frame| sender.send(net, &[0, 1, 2], frame == 0));
    };
    send(&mut net, 4);
    assert!(told(&mut net).is_empty());
    send(&mut net, 3);
    assert_eq!(told(&mut net), [1], "a small tile needs one");
    net.assign(BOB, VIDEO_SLOT, Some(camera_of(ALICE)), 360);
    assert_eq!(told(&mut net), [2], "at once");
    let sink = Box::new(TestSink::default());
    net.with(|router, now, out| router.subscribe(now, 1, camera_of(ALICE), 720, sink, out));
    assert_eq!(told(&mut net), [3], "the mix counts");
    net.assign(BOB, VIDEO_SLOT, None, 0);
    net.with(|router, _, _| router.unsubscribe(1));
    send(&mut net, 3);
    net.assign(BOB, VIDEO_SLOT, Some(camera_of(ALICE)), 180);
    send(&mut net, 3);
    assert_eq!(told(&mut net), [1], "the most of the time");
}
