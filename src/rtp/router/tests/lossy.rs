//! A publisher and a viewer over a line that loses packets both ways: with NACK and RTX on both sides, everything
//! arrives, and reads as one stream.

use std::collections::BTreeMap;

use rtcp_types::{Nack, Packet, TransportFeedback};

use super::harness::*;
use crate::rtp::random::Random;
use crate::rtp::vp8::{self, Descriptor};

struct Line {
    net: Net,
    random: Random,
    /// What Alice sent, by sequence number.
    sent: BTreeMap<u16, Draft>,
    rtx: u64,
    /// What Bob has, by index: the payload.
    got: BTreeMap<u64, Vec<u8>>,
}

impl Line {
    fn loses(&mut self) -> bool {
        self.random.next() % 100 < 8
    }

    fn frame(&mut self, index: u64) {
        let payload =
            vp8::tests::packet(index as u16 & 0x7fff, index as u8, true, index.is_multiple_of(300).then_some(360));
        let draft = Draft::video(20, index, payload);
        self.sent.insert(index as u16, draft.clone());
        if !self.loses() {
            self.upload(&draft);
        }
    }

    fn upload(&mut self, draft: &Draft) {
        self.net.broken = self.loses();
        self.net.send(ALICE, draft);
        self.net.broken = false;
    }

    /// Alice answers what the router asks for.
    fn answer(&mut self) {
        for compound in self.net.rtcp(ALICE) {
            for packet in parse(&compound) {
                let Packet::TransportFeedback(feedback) = packet else { continue };
                let Ok(nack) = feedback.parse_fci::<Nack<'_>>() else { continue };
                for lost in nack.entries() {
                    let Some(original) = self.sent.get(&lost).cloned() else { continue };
                    self.rtx += 1;
                    let payload = [&lost.to_be_bytes()[..], &original.payload].concat();
                    let rtx = Draft { ssrc: 21, payload_type: 97, index: self.rtx, payload, ..original };
                    if !self.loses() {
                        self.upload(&rtx);
                    }
                }
            }
        }
    }

    /// Bob takes what came and asks for what is missing.
    fn take(&mut self) {
        for packet in self.net.rtp(BOB, 200) {
            self.got.insert(packet.index, packet.payload);
        }
        for packet in self.net.rtp(BOB, 201) {
            let number = u16::from_be_bytes([packet.payload[0], packet.payload[1]]);
            let newest = *self.got.last_key_value().expect("something came before").0;
            let index = crate::rtp::srtp::guess_index(Some(newest), number);
            self.got.insert(index, packet.payload[2..].to_vec());
        }
        let Some((&newest, _)) = self.got.last_key_value() else { return };
        let oldest = *self.got.first_key_value().expect("it is not empty").0;
        let missing: Vec<u64> =
            (oldest.max(newest.saturating_sub(200))..newest).filter(|n| !self.got.contains_key(n)).collect();
        if !missing.is_empty() && !self.loses() {
            let nack = missing.iter().fold(Nack::builder(), |nack, &number| nack.add_rtp_sequence(number as u16));
            self.net.broken = self.loses();
            self.net.feedback(BOB, TransportFeedback::builder_owned(nack).sender_ssrc(9).media_ssrc(200));
            self.net.broken = false;
        }
    }
}

#[test]
fn everything_arrives_and_reads_as_one_stream() {
    let mut net = Net::trio();
    net.assign(BOB, VIDEO_SLOT, Some(camera_of(ALICE)), 360);
    net.frame(ALICE, 64_799, true);
    let mut line = Line { net, random: Random::new(5), sent: BTreeMap::new(), rtx: 0, got: BTreeMap::new() };
    for index in 64_800..67_000 {
        line.frame(index);
        line.net.pass(ms(10));
        line.answer();
        if index % 3 == 0 {
            line.take();
        }
    }
    for _ in 0..60 {
        line.net.pass(ms(20));
        line.answer();
        line.take();
    }
    let counters = line.net.router.counters();
    assert!(counters.repaired > 50 && counters.rtx_sent > 50, "{counters:?}");
    let numbers: Vec<u64> = line.got.keys().copied().collect();
    let (first, last) = (numbers[0], *numbers.last().unwrap());
    assert!(last - first > 2100);
    assert_eq!(numbers.len() as u64, last - first + 1, "no hole is left");
    let pictures = line.got.values().map(|payload| Descriptor::parse(payload).unwrap().picture.unwrap().0);
    let pictures: Vec<u16> = pictures.collect();
    assert!(pictures.windows(2).all(|pair| pair[1] == (pair[0] + 1) & 0x7fff), "nor in the pictures");
}
