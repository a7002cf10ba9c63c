//! Peers without a network: each has its own SRTP and reads what the router sent it.

use std::collections::{HashMap, HashSet};
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

use rtcp_types::prelude::*;
use rtcp_types::{Compound, CompoundBuilder, ReceiverReport};

use crate::domain::ids::{MediaKind, PeerId, Priority, SlotIndex, Source, TrackId};
use crate::rtp::Outbound;
use crate::rtp::description::{Codec, CodecName, Extensions, PeerMedia, Receive, Slot};
use crate::rtp::packet::{Header, is_rtcp};
use crate::rtp::router::{Router, RouterEvent, View};
use crate::rtp::sink::PacketSink;
use crate::rtp::srtp::{Receiver, Sender, SrtpError, SrtpKeys, TAG};
use crate::rtp::vp8;

pub(super) const MID: u8 = 4;
pub(super) const LEVEL: u8 = 1;
pub(super) const TRANSPORT_CC: u8 = 3;
pub(super) const RID: u8 = 10;
pub(super) const REPAIRED_RID: u8 = 11;

pub(super) const ALICE: PeerId = PeerId(1);
pub(super) const BOB: PeerId = PeerId(2);
pub(super) const CAROL: PeerId = PeerId(3);

pub(super) fn ms(n: u64) -> Duration {
    Duration::from_millis(n)
}

pub(super) fn camera_of(peer: PeerId) -> TrackId {
    TrackId { peer, source: Source::Camera }
}

pub(super) fn microphone_of(peer: PeerId) -> TrackId {
    TrackId { peer, source: Source::Microphone }
}

pub(super) fn vp8_codec(payload_type: u8, rtx: Option<u8>) -> Codec {
    Codec {
        name: CodecName::Vp8,
        payload_type,
        rtx,
        clock_rate: 90_000,
        nack: true,
        pli: true,
        fir: true,
        transport_cc: true,
    }
}

pub(super) fn opus_codec(payload_type: u8) -> Codec {
    let codec = vp8_codec(payload_type, None);
    Codec { name: CodecName::Opus, clock_rate: 48_000, nack: false, pli: false, fir: false, ..codec }
}

pub(super) fn view(feed: Option<TrackId>, height: u16) -> View {
    View { feed, height, priority: Priority::Other }
}

pub(super) fn receive(mid: &str, source: Source, codec: Codec, rids: &[&str]) -> Receive {
    let rids = rids.iter().map(ToString::to_string).collect();
    Receive { mid: mid.to_owned(), source, codec, rids, ssrcs: vec![], rtx_ssrcs: vec![] }
}

pub(super) fn slot(mid: &str, codecs: Vec<Codec>, ssrc: u32) -> Slot {
    let kind = if codecs[0].name == CodecName::Opus { MediaKind::Audio } else { MediaKind::Video };
    Slot { mid: mid.to_owned(), kind, codecs, ssrc, rtx_ssrc: ssrc + 1 }
}

/// A microphone (SSRC 10) and a camera (SSRC 20, RTX 21), an audio slot (100) and two video slots (200, 300).
pub(super) fn ordinary() -> PeerMedia {
    let video = vp8_codec(96, Some(97));
    let mut camera = receive("1", Source::Camera, video.clone(), &[]);
    (camera.ssrcs, camera.rtx_ssrcs) = (vec![20], vec![(20, 21)]);
    PeerMedia {
        receives: vec![receive("0", Source::Microphone, opus_codec(111), &[]), camera],
        slots: vec![
            slot("2", vec![opus_codec(111)], 100),
            slot("3", vec![video.clone()], 200),
            slot("4", vec![video], 300),
        ],
        extensions: Extensions {
            mid: Some(MID),
            rid: Some(RID),
            repaired_rid: Some(REPAIRED_RID),
            audio_level: Some(LEVEL),
            transport_cc: Some(TRANSPORT_CC),
        },
    }
}

pub(super) const AUDIO_SLOT: SlotIndex = SlotIndex(0);
pub(super) const VIDEO_SLOT: SlotIndex = SlotIndex(1);
pub(super) const SECOND_VIDEO_SLOT: SlotIndex = SlotIndex(2);

/// An RTP packet as a peer received it.
#[derive(Debug, Clone)]
pub(super) struct Rtp {
    pub(super) header: Header,
    pub(super) payload: Vec<u8>,
    pub(super) elements: Vec<(u8, Vec<u8>)>,
    pub(super) index: u64,
}

/// What a test peer is about to send.
#[derive(Debug, Clone)]
pub(super) struct Draft {
    pub(super) ssrc: u32,
    pub(super) payload_type: u8,
    pub(super) index: u64,
    pub(super) timestamp: u32,
    pub(super) elements: Vec<(u8, Vec<u8>)>,
    pub(super) payload: Vec<u8>,
    pub(super) padding: u8,
}

impl Draft {
    pub(super) fn video(ssrc: u32, index: u64, payload: Vec<u8>) -> Draft {
        let timestamp = (index as u32).wrapping_mul(3000);
        Draft { ssrc, payload_type: 96, index, timestamp, elements: vec![], payload, padding: 0 }
    }

    pub(super) fn audio(ssrc: u32, index: u64, level: u8) -> Draft {
        let (timestamp, elements) = (index as u32 * 960, vec![(LEVEL, vec![level]), (MID, b"0".to_vec())]);
        Draft { ssrc, payload_type: 111, index, timestamp, elements, payload: vec![index as u8; 60], padding: 0 }
    }

    pub(super) fn element(mut self, id: u8, data: &[u8]) -> Draft {
        self.elements.push((id, data.to_vec()));
        self
    }

    pub(super) fn plain(&self) -> (Vec<u8>, usize) {
        let mut packet = vec![0x80, self.payload_type];
        packet.extend((self.index as u16).to_be_bytes());
        packet.extend(self.timestamp.to_be_bytes());
        packet.extend(self.ssrc.to_be_bytes());
        if !self.elements.is_empty() {
            packet[0] |= 0x10;
            let mut elements = Vec::new();
            for (id, data) in &self.elements {
                elements.push(id << 4 | (data.len() as u8 - 1));
                elements.extend(data);
            }
            elements.resize(elements.len().next_multiple_of(4), 0);
            packet.extend([0xbe, 0xde, 0, (elements.len() / 4) as u8]);
            packet.extend(elements);
        }
        let start = packet.len();
        packet.extend(&self.payload);
        if self.padding > 0 {
            packet[0] |= 0x20;
            packet.resize(packet.len() + usize::from(self.padding), self.padding);
        }
        (packet, start)
    }
}

struct TestPeer {
    sender: Sender,
    receiver: Receiver,
    rtp: Vec<Rtp>,
    rtcp: Vec<Vec<u8>>,
    seen: HashSet<(u32, u16)>,
}

/// Collects what leaves the router.
#[derive(Default)]
struct Collector {
    datagrams: Vec<(PeerId, Vec<u8>)>,
    events: Vec<RouterEvent>,
}

impl Outbound for Collector {
    fn transmit(&mut self, peer: PeerId, datagram: &[u8]) {
        self.datagrams.push((peer, datagram.to_vec()));
    }

    fn event(&mut self, event: RouterEvent) {
        self.events.push(event);
    }
}

/// A router and its peers.
pub(super) struct Net {
    pub(super) router: Router,
    pub(super) start: Instant,
    pub(super) now: Instant,
    pub(super) events: Vec<RouterEvent>,
    /// Datagrams from the router get lost.
    pub(super) broken: bool,
    peers: HashMap<PeerId, TestPeer>,
}

impl Net {
    pub(super) fn new() -> Net {
        let start = Instant::now();
        let mut router = Router::new(7, start, Duration::from_secs(1_700_000_000));
        // Nobody reports in most tests: their lines carry everything.
        router.line_start = 30e6;
        Net { router, start, now: start, events: vec![], broken: false, peers: HashMap::new() }
    }

    /// Alice, Bob and Carol with [`ordinary`] media, connected.
    pub(super) fn trio() -> Net {
        let mut net = Net::new();
        for peer in [ALICE, BOB, CAROL] {
            net.join(peer, ordinary());
        }
        net
    }

    pub(super) fn join(&mut self, peer: PeerId, media: PeerMedia) {
        self.router.add_peer(peer, &format!("cname-{peer}"), media);
        self.connect(peer);
    }

    pub(super) fn connect(&mut self, peer: PeerId) {
        let keys = SrtpKeys { receive: [peer.0 as u8; 30], send: [peer.0 as u8 + 100; 30] };
        self.router.set_keys(peer, &keys);
        let (sender, receiver) = (Sender::new(&keys.receive), Receiver::new(&keys.send));
        self.peers.insert(peer, TestPeer { sender, receiver, rtp: vec![], rtcp: vec![], seen: HashSet::new() });
    }

    /// Calls the router and hands out what it sent.
    pub(super) fn with(&mut self, act: impl FnOnce(&mut Router, Instant, &mut dyn Outbound)) {
        let mut out = Collector::default();
        act(&mut self.router, self.now, &mut out);
        self.events.append(&mut out.events);
        if self.broken {
            return;
        }
        for (peer, mut datagram) in out.datagrams {
            let peer = self.peers.get_mut(&peer).expect("the router knows no others");
            if is_rtcp(&datagram) {
                let length = peer.receiver.rtcp(&mut datagram).expect("authentic RTCP");
                datagram.truncate(length);
                peer.rtcp.push(datagram);
            } else {
                let header = Header::parse(&datagram).expect("RTP");
                let done = match peer.receiver.rtp(&mut datagram, &header) {
                    // Too late for a viewer's window is no fault; the same number twice is.
                    Err(SrtpError::Replay) if !peer.seen.contains(&(header.ssrc, header.sequence)) => continue,
                    done => done.expect("authentic RTP"),
                };
                peer.seen.insert((header.ssrc, header.sequence));
                datagram.truncate(done.length);
                let elements = header.elements(&datagram).map(|(id, data)| (id, data.to_vec())).collect();
                let payload = datagram[header.payload..].to_vec();
                peer.rtp.push(Rtp { header, payload, elements, index: done.index });
            }
        }
    }

    /// Lets time pass, with every timeout on its way.
    pub(super) fn pass(&mut self, time: Duration) {
        let until = self.now + time;
        let mut turns = 0;
        while let Some(at) = self.router.next_timeout().filter(|&at| at <= until) {
            self.now = self.now.max(at);
            self.with(|router, now, out| router.handle_timeout(now, out));
            turns += 1;
            assert!(turns < 10_000, "the router wakes without end");
        }
        self.now = until;
    }

    pub(super) fn protect(&self, peer: PeerId, draft: &Draft) -> Vec<u8> {
        let (mut packet, start) = draft.plain();
        let length = packet.len();
        packet.resize(length + TAG, 0);
        self.peers[&peer].sender.rtp(&mut packet, start, length, draft.ssrc, draft.index);
        packet
    }

    pub(super) fn deliver(&mut self, peer: PeerId, mut datagram: Vec<u8>) {
        self.with(|router, now, out| router.handle(now, peer, &mut datagram, out));
    }

    pub(super) fn send(&mut self, peer: PeerId, draft: &Draft) {
        let datagram = self.protect(peer, draft);
        self.deliver(peer, datagram);
    }

    /// A frame of one packet on the peer's camera.
    pub(super) fn frame(&mut self, peer: PeerId, index: u64, key: bool) {
        let payload = vp8::tests::packet(index as u16, index as u8, true, key.then_some(360));
        self.send(peer, &Draft::video(20, index, payload));
    }

    pub(super) fn send_rtcp(&mut self, peer: PeerId, compound: &CompoundBuilder<'_>) {
        let mut datagram = vec![0; 1500];
        let length = compound.write_into(&mut datagram).expect("a valid compound");
        let length = self.peers.get_mut(&peer).expect("a peer").sender.rtcp(&mut datagram, length);
        datagram.truncate(length);
        self.deliver(peer, datagram);
    }

    /// A compound of a receiver report and `packet`.
    pub(super) fn feedback(&mut self, peer: PeerId, packet: impl RtcpPacketWriter + 'static) {
        let compound = CompoundBuilder::default().add_packet(ReceiverReport::builder(9)).add_packet(packet);
        self.send_rtcp(peer, &compound);
    }

    pub(super) fn assign(&mut self, viewer: PeerId, slot: SlotIndex, feed: Option<TrackId>, height: u16) {
        self.with(|router, now, out| router.assign(now, viewer, slot, view(feed, height), out));
    }

    /// The RTP packets with that SSRC the peer got since the last call.
    pub(super) fn rtp(&mut self, peer: PeerId, ssrc: u32) -> Vec<Rtp> {
        let all = &mut self.peers.get_mut(&peer).expect("a peer").rtp;
        all.extract_if(.., |packet| packet.header.ssrc == ssrc).collect()
    }

    /// The RTCP compounds the peer got since the last call.
    pub(super) fn rtcp(&mut self, peer: PeerId) -> Vec<Vec<u8>> {
        std::mem::take(&mut self.peers.get_mut(&peer).expect("a peer").rtcp)
    }

    /// How many of the RTCP packets the peer got since the last call match.
    pub(super) fn count_rtcp(&mut self, peer: PeerId, matches: impl Fn(&rtcp_types::Packet<'_>) -> bool) -> usize {
        let compounds = self.rtcp(peer);
        compounds.iter().flat_map(|bytes| parse(bytes)).filter(|packet| matches(packet)).count()
    }

    /// Key-frame requests for that SSRC since the last call.
    pub(super) fn plis(&mut self, peer: PeerId, ssrc: u32) -> usize {
        self.count_rtcp(peer, |packet| is_pli(packet, ssrc))
    }
}

pub(super) fn is_pli(packet: &rtcp_types::Packet<'_>, ssrc: u32) -> bool {
    let rtcp_types::Packet::PayloadFeedback(feedback) = packet else { return false };
    feedback.parse_fci::<rtcp_types::Pli<'_>>().is_ok() && feedback.media_ssrc() == ssrc
}

/// The packets of a compound, which must start with a report.
pub(super) fn parse(compound: &[u8]) -> Vec<rtcp_types::Packet<'_>> {
    let packets: Vec<_> = Compound::parse(compound).expect("a compound").map(|packet| packet.expect("valid")).collect();
    assert!(matches!(packets[0], rtcp_types::Packet::Rr(_) | rtcp_types::Packet::Sr(_)), "RFC 3550 section 6.1");
    packets
}

/// A sink that keeps what it gets.
#[derive(Clone, Default)]
pub(super) struct TestSink(pub(super) Arc<Mutex<Taken>>);

/// RTP and RTCP packets.
pub(super) type Taken = (Vec<Vec<u8>>, Vec<Vec<u8>>);

impl PacketSink for TestSink {
    fn rtp(&mut self, packet: &[u8]) {
        self.0.lock().unwrap().0.push(packet.to_vec());
    }

    fn rtcp(&mut self, packet: &[u8]) {
        self.0.lock().unwrap().1.push(packet.to_vec());
    }
}
