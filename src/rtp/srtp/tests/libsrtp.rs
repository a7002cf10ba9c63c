//! Ours against libsrtp, which GStreamer's `srtpenc` and `srtpdec` are: the same bytes out, the same verdicts in.
//!
//! Both are fed the same seeded packets: random lengths, CSRCs, header extensions, losses, repetitions, reordering,
//! and sequence numbers that run over several times. The elements work on the caller's thread: push in, read out.

use std::sync::{Arc, Mutex};

use gst::prelude::*;

use super::super::*;
use crate::rtp::random::Random;

const MASTER: [u8; 30] = *b"sixteen bytes key fourteenSALT";
const SSRC: u32 = 0xcafe_babe;

/// One of libsrtp's elements, by a pair of its pads.
struct Libsrtp {
    element: gst::Element,
    input: gst::Pad,
    taken: Arc<Mutex<Vec<Vec<u8>>>>,
    _output: gst::Pad,
}

impl Libsrtp {
    fn new(element: gst::Element, (sink, source): (&str, &str), caps: &str) -> Libsrtp {
        let taken: Arc<Mutex<Vec<Vec<u8>>>> = Arc::default();
        let sink = element.static_pad(sink).or_else(|| element.request_pad_simple(sink)).unwrap();
        let source = element.static_pad(source).unwrap();
        let into = taken.clone();
        let output = gst::Pad::builder(gst::PadDirection::Sink)
            .chain_function(move |_, _, buffer| {
                into.lock().unwrap().push(buffer.map_readable().unwrap().to_vec());
                Ok(gst::FlowSuccess::Ok)
            })
            .event_function(|_, _, _| true)
            .build();
        let input = gst::Pad::new(gst::PadDirection::Src);
        output.set_active(true).unwrap();
        input.set_active(true).unwrap();
        source.link(&output).unwrap();
        input.link(&sink).unwrap();
        element.set_state(gst::State::Playing).unwrap();
        let caps: gst::Caps = caps.parse().unwrap();
        input.push_event(gst::event::StreamStart::new("test"));
        input.push_event(gst::event::Caps::new(&caps));
        input.push_event(gst::event::Segment::new(&gst::FormattedSegment::<gst::ClockTime>::new()));
        Libsrtp { element, input, taken, _output: output }
    }

    fn protects(rtcp: bool) -> Libsrtp {
        let element = gst::ElementFactory::make("srtpenc").build().unwrap();
        element.set_property("key", gst::Buffer::from_slice(MASTER));
        match rtcp {
            false => Libsrtp::new(element, ("rtp_sink_0", "rtp_src_0"), "application/x-rtp"),
            true => Libsrtp::new(element, ("rtcp_sink_0", "rtcp_src_0"), "application/x-rtcp"),
        }
    }

    fn unprotects(rtcp: bool) -> Libsrtp {
        let element = gst::ElementFactory::make("srtpdec").build().unwrap();
        element.connect("request-key", false, |_| {
            let profile = "application/x-srtp, srtp-cipher=aes-128-icm, srtp-auth=hmac-sha1-80, \
                srtcp-cipher=aes-128-icm, srtcp-auth=hmac-sha1-80, roc=(uint)0";
            let mut caps: gst::Caps = profile.parse().unwrap();
            caps.make_mut().set("srtp-key", gst::Buffer::from_slice(MASTER));
            Some(caps.to_value())
        });
        match rtcp {
            false => Libsrtp::new(element, ("rtp_sink", "rtp_src"), "application/x-srtp"),
            true => Libsrtp::new(element, ("rtcp_sink", "rtcp_src"), "application/x-srtcp"),
        }
    }

    /// What becomes of a packet; `None` if it is refused.
    fn pass(&self, packet: &[u8]) -> Option<Vec<u8>> {
        // A refused packet may also end in an error of flow.
        let _ = self.input.push(gst::Buffer::from_slice(packet.to_vec()));
        self.taken.lock().unwrap().pop()
    }
}

impl Drop for Libsrtp {
    fn drop(&mut self) {
        let _ = self.element.set_state(gst::State::Null);
    }
}

fn up_to(random: &mut Random, most: u64) -> u64 {
    random.next() % (most + 1)
}

fn bytes(random: &mut Random, count: u64) -> Vec<u8> {
    (0..count).map(|_| random.next() as u8).collect()
}

/// An RTP packet with whatever a header may have.
fn rtp(random: &mut Random, index: u64) -> Vec<u8> {
    let csrcs = if random.next().is_multiple_of(4) { up_to(random, 15) } else { 0 };
    let extended = random.next().is_multiple_of(2);
    let mut packet = vec![0x80 | u8::from(extended) << 4 | csrcs as u8, 96 | (random.next() as u8 & 0x9f)];
    packet.extend((index as u16).to_be_bytes());
    packet.extend(bytes(random, 4));
    packet.extend(SSRC.to_be_bytes());
    packet.extend(bytes(random, csrcs * 4));
    if extended {
        let words = up_to(random, 6);
        packet.extend([0xbe, 0xde, 0, words as u8]);
        packet.extend(bytes(random, words * 4));
    }
    let payload = up_to(random, 1200);
    packet.extend(bytes(random, payload));
    packet
}

/// A sender report with any contents.
fn rtcp(random: &mut Random) -> Vec<u8> {
    let blocks = up_to(random, 31);
    let mut packet = vec![0x80 | blocks as u8, 200, 0, (6 + 6 * blocks) as u8];
    packet.extend(SSRC.to_be_bytes());
    packet.extend(bytes(random, 20 + 24 * blocks));
    packet
}

/// Protected by ours.
fn protect(sender: &Sender, plain: &[u8], index: u64) -> Vec<u8> {
    let payload = Header::parse(plain).unwrap().payload;
    let mut packet = plain.to_vec();
    packet.resize(plain.len() + TAG, 0);
    assert_eq!(sender.rtp(&mut packet, payload, plain.len(), SSRC, index), packet.len());
    packet
}

/// Unprotected by ours; `None` if it is refused.
fn unprotect(receiver: &mut Receiver, packet: &[u8]) -> Option<Vec<u8>> {
    let mut packet = packet.to_vec();
    let header = Header::parse(&packet)?;
    let length = receiver.rtp(&mut packet, &header).ok()?.length;
    packet.truncate(length);
    Some(packet)
}

/// Ascending numbers: mostly in order, now and then a hole of up to half the numbers there are.
fn ascending(random: &mut Random, count: usize) -> Vec<u64> {
    let mut index = up_to(random, 0x7fff);
    let step = |random: &mut Random| match random.next() % 100 {
        0 => up_to(random, 30_000),
        1..=10 => 1 + up_to(random, 20),
        _ => 1,
    };
    (0..count)
        .map(|_| {
            index += step(random).max(1);
            index
        })
        .collect()
}

#[test]
fn the_same_bytes_leave() {
    gst::init().unwrap();
    let (theirs, ours) = (Libsrtp::protects(false), Sender::new(&MASTER));
    let mut random = Random::new(3711);
    let indices = ascending(&mut random, 6000);
    for &index in &indices {
        let plain = rtp(&mut random, index);
        assert_eq!(theirs.pass(&plain), Some(protect(&ours, &plain, index)), "index {index}");
    }
    let wraps = indices.last().unwrap() >> 16;
    println!("{} RTP packets, {wraps} rollovers: the same bytes", indices.len());
    assert!(wraps >= 10);

    let (theirs, mut ours) = (Libsrtp::protects(true), Sender::new(&MASTER));
    for number in 0..3000 {
        let plain = rtcp(&mut random);
        let mut packet = plain.clone();
        packet.resize(plain.len() + RTCP_TRAILER, 0);
        ours.rtcp(&mut packet, plain.len());
        assert_eq!(theirs.pass(&plain), Some(packet), "compound {number}");
    }
    println!("3000 RTCP compounds: the same bytes");
}

/// What a bad network makes of the packets: each near its place, some twice, some never, some spoilt.
fn shuffled(random: &mut Random, packets: Vec<Vec<u8>>) -> Vec<Vec<u8>> {
    let mut placed = Vec::new();
    for (at, packet) in packets.into_iter().enumerate() {
        // Most of the late ones are within the window of 128, some are not.
        let late = if random.next().is_multiple_of(5) { up_to(random, 200) } else { 0 };
        match random.next() % 20 {
            0 => continue,
            1 => placed.push((at as u64 + up_to(random, 200), packet.clone())),
            2 => {
                let mut spoilt = packet.clone();
                let bit = random.next() as usize % (spoilt.len() * 8 - 8) + 8;
                spoilt[bit / 8] ^= 1 << (bit % 8);
                placed.push((at as u64, spoilt));
            }
            _ => {}
        }
        placed.push((at as u64 + late, packet));
    }
    placed.sort_by_key(|(at, _)| *at);
    placed.into_iter().map(|(_, packet)| packet).collect()
}

#[test]
fn the_same_packets_are_accepted() {
    gst::init().unwrap();
    let (sender, mut ours) = (Sender::new(&MASTER), Receiver::new(&MASTER));
    let theirs = Libsrtp::unprotects(false);
    let mut random = Random::new(1889);
    let indices = ascending(&mut random, 6000);
    let packets = indices.iter().map(|&index| protect(&sender, &rtp(&mut random, index), index)).collect();
    let (mut accepted, mut refused) = (0, 0);
    for packet in shuffled(&mut random, packets) {
        // GStreamer itself refuses what a flipped bit made something else than RTP of this source.
        if packet[8..12] != SSRC.to_be_bytes() || packet[0] >> 6 != 2 {
            continue;
        }
        let verdict = unprotect(&mut ours, &packet);
        assert_eq!(verdict, theirs.pass(&packet), "after {accepted} and {refused}");
        (accepted, refused) = if verdict.is_some() { (accepted + 1, refused) } else { (accepted, refused + 1) };
    }
    let wraps = indices.last().unwrap() >> 16;
    println!("RTP over {wraps} rollovers: {accepted} accepted, {refused} refused, by both");
    assert!(accepted > 4000 && refused > 500 && wraps >= 10);

    let (mut sender, mut ours, theirs) = (Sender::new(&MASTER), Receiver::new(&MASTER), Libsrtp::unprotects(true));
    let packets = (0..3000).map(|_| {
        let mut packet = rtcp(&mut random);
        let length = packet.len();
        packet.resize(length + RTCP_TRAILER, 0);
        sender.rtcp(&mut packet, length);
        packet
    });
    let packets = packets.collect();
    let (mut accepted, mut refused) = (0, 0);
    for packet in shuffled(&mut random, packets) {
        if packet[1] != 200 || packet[4..8] != SSRC.to_be_bytes() || packet[0] >> 6 != 2 {
            continue;
        }
        let mut copy = packet.clone();
        let verdict = ours.rtcp(&mut copy).ok().map(|length| copy[..length].to_vec());
        assert_eq!(verdict, theirs.pass(&packet), "after {accepted} and {refused}");
        (accepted, refused) = if verdict.is_some() { (accepted + 1, refused) } else { (accepted, refused + 1) };
    }
    println!("RTCP: {accepted} accepted, {refused} refused, by both");
    assert!(accepted > 2000 && refused > 200);
}
