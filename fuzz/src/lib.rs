//! Whatever comes from the network: nothing panics, nothing grows, and what is written can be read. Each function is a
//! target of `script/fuzz`; the bytes are libFuzzer's.
//!
//! The program's pure parts are compiled in here by their paths, with coverage counters and overflow checks.

// The parts have more in them than is called from here.
#![allow(dead_code, unused_imports)]

#[path = "../../src/domain/mod.rs"]
mod domain;
#[path = "../../src/protocol/mod.rs"]
mod protocol;
#[path = "../../src/rtp/mod.rs"]
mod rtp;
#[path = "../../src/sdp/mod.rs"]
mod sdp;
#[path = "../../src/transport/stun.rs"]
mod stun_messages;

mod forwarder;
mod texts;

pub use forwarder::{router, rtcp};
pub use texts::{client, sdp_offer as sdp, stun};

use rtp::packet::{Header, OutHeader};
use rtp::vp8::{Descriptor, Shift};

/// RTP headers and header extensions.
pub fn rtp(data: &[u8]) {
    let Some(header) = Header::parse(data) else { return };
    assert!(header.payload <= data.len());
    let elements: Vec<(u8, &[u8])> = header.elements(data).collect();
    assert!(elements.iter().all(|(id, element)| (1..15).contains(id) && (1..=16).contains(&element.len())));
    if let Some(end) = header.payload_end(data) {
        assert!((header.payload..=data.len()).contains(&end));
    }
    // What is written for a viewer reads back.
    let mid = elements.first().map(|&(_, element)| (4, element));
    let out = OutHeader {
        marker: header.marker,
        payload_type: header.payload_type,
        sequence: header.sequence,
        timestamp: header.timestamp,
        ssrc: header.ssrc,
        transport_cc: Some((3, header.sequence)),
        mid,
    };
    let mut written = [0xff; 64];
    let length = out.write(&mut written);
    let read = Header::parse(&written[..length]).expect("what we write is RTP");
    assert_eq!((read.ssrc, read.sequence, read.payload), (header.ssrc, header.sequence, length));
    assert_eq!(read.elements(&written[..length]).nth(1), mid);
}

/// VP8 payload descriptors, and H.264 payloads.
pub fn vp8(data: &[u8]) {
    rtp::h264::is_key_frame(data);
    let Some((shift, payload)) = data.split_first_chunk::<3>() else { return };
    let shift = Shift { picture: u16::from_be_bytes([shift[0], shift[1]]), tl0: shift[2] };
    let Some(descriptor) = Descriptor::parse(payload) else { return };
    let mut shifted = payload.to_vec();
    descriptor.apply(shift, &mut shifted);
    let read = Descriptor::parse(&shifted).expect("a shifted descriptor is one");
    assert_eq!((read.key_frame, read.height), (descriptor.key_frame, descriptor.height));
    let picture = descriptor.picture.map(|(id, at, long)| {
        let bits = if long { 0x7fff } else { 0x7f };
        (id.wrapping_add(shift.picture) & bits, at, long)
    });
    assert_eq!(read.picture, picture);
    assert_eq!(read.tl0, descriptor.tl0.map(|(index, at)| (index.wrapping_add(shift.tl0), at)));
}
