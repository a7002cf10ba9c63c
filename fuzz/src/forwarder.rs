//! A whole router between three peers. The bytes say who sends what; it is protected with the peers' own keys, as a peer
//! that means harm would, so that everything behind the authentication is reached.

use std::time::{Duration, Instant};

use crate::domain::ids::{MediaKind, PeerId, Priority, SlotIndex, Source, TrackId};
use crate::rtp::description::{Codec, CodecName, Extensions, PeerMedia, Receive, Slot};
use crate::rtp::packet::{Header, MAX_DATAGRAM, is_rtcp};
use crate::rtp::router::{Outbound, Router, RouterEvent, SrtpKeys, View};
use crate::rtp::sink::PacketSink;
use crate::rtp::srtp::{RTCP_TRAILER, Receiver, Sender, TAG, guess_index};

const PEERS: u64 = 3;
const MEDIA_SSRCS: [u32; 6] = [10, 20, 21, 22, 30, 31];

/// Everything a peer may do, in any order: media, feedback, plain rubbish; and what the room decides meanwhile.
pub fn router(data: &[u8]) {
    let mut room = Room::new();
    let mut bytes = Bytes(data);
    for _ in 0..400 {
        let Some([kind, who, length]) = bytes.take() else { break };
        let peer = PeerId(1 + u64::from(who) % PEERS);
        let content = bytes.slice(usize::from(length));
        room.act(kind % 16, peer, who, content);
    }
    room.pass(Duration::from_secs(3));
}

/// Compounds of a publisher and a viewer of a stream that flows.
pub fn rtcp(data: &[u8]) {
    let mut room = Room::new();
    for (number, key) in [(1, true), (2, false), (5, false)] {
        room.frame(PeerId(1), number, key);
    }
    let mut bytes = Bytes(data);
    for _ in 0..50 {
        let Some([who, length]) = bytes.take() else { break };
        let content = bytes.slice(usize::from(length) * 4);
        room.send_rtcp(PeerId(1 + u64::from(who) % PEERS), content);
        room.pass(Duration::from_millis(7));
    }
    room.pass(Duration::from_secs(2));
}

struct Bytes<'a>(&'a [u8]);

impl<'a> Bytes<'a> {
    fn take<const N: usize>(&mut self) -> Option<[u8; N]> {
        let (taken, rest) = self.0.split_first_chunk::<N>()?;
        self.0 = rest;
        Some(*taken)
    }

    fn slice(&mut self, length: usize) -> &'a [u8] {
        let (taken, rest) = self.0.split_at(length.min(self.0.len()));
        self.0 = rest;
        taken
    }
}

struct Room {
    router: Router,
    now: Instant,
    senders: Vec<Sender>,
    /// The highest index sent by each peer under each of [`MEDIA_SSRCS`].
    highest: Vec<[Option<u64>; MEDIA_SSRCS.len()]>,
    out: Outcome,
}

/// Reads what leaves as its receiver would.
struct Outcome(Vec<Receiver>);

impl Outbound for Outcome {
    fn transmit(&mut self, peer: PeerId, datagram: &[u8]) {
        assert!(datagram.len() <= MAX_DATAGRAM);
        let receiver = &mut self.0[peer.0 as usize - 1];
        let mut copy = datagram.to_vec();
        if is_rtcp(datagram) {
            receiver.rtcp(&mut copy).expect("authentic RTCP, each once");
        } else {
            let header = Header::parse(datagram).expect("RTP");
            // Far behind the newest, a late packet is nothing to its receiver; what is authentic is authentic.
            let verdict = receiver.rtp(&mut copy, &header);
            assert!(!matches!(verdict, Err(crate::rtp::srtp::SrtpError::Tag)), "not authentic");
        }
    }

    fn event(&mut self, _: RouterEvent) {}
}

struct Nowhere;

impl PacketSink for Nowhere {
    fn rtp(&mut self, packet: &[u8]) {
        Header::parse(packet).expect("RTP");
    }

    fn rtcp(&mut self, _: &[u8]) {}
}

impl Room {
    fn new() -> Room {
        let now = Instant::now();
        let mut router = Router::new(7, now, Duration::from_secs(1_700_000_000));
        let keys = |peer: u64| SrtpKeys { receive: [peer as u8; 30], send: [peer as u8 + 100; 30] };
        for peer in 1..=PEERS {
            router.add_peer(PeerId(peer), "fuzz", media(peer == 2));
            router.set_keys(PeerId(peer), &keys(peer));
        }
        let senders = (1..=PEERS).map(|peer| Sender::new(&keys(peer).receive)).collect();
        let receivers = (1..=PEERS).map(|peer| Receiver::new(&keys(peer).send)).collect();
        let mut room =
            Room { router, now, senders, highest: vec![Default::default(); PEERS as usize], out: Outcome(receivers) };
        for viewer in 1..=PEERS {
            let shown = PeerId(1 + viewer % PEERS);
            room.router.assign(now, PeerId(viewer), SlotIndex(0), view(track(shown, 0), 0, 0), &mut room.out);
            room.router.assign(now, PeerId(viewer), SlotIndex(1), view(track(shown, 1), 360, 3), &mut room.out);
        }
        room
    }

    fn act(&mut self, kind: u8, peer: PeerId, choice: u8, content: &[u8]) {
        let (router, now, out) = (&mut self.router, self.now, &mut self.out);
        let first = content.first().copied().unwrap_or_default();
        let slot = SlotIndex(u16::from(first % 5));
        match kind {
            0 => self.pass(Duration::from_millis(u64::from(choice) * 4)),
            1 => {
                let shown = track(PeerId(1 + u64::from(choice >> 4) % 4), choice);
                router.assign(now, peer, slot, view(shown, 90 << (choice % 4), choice), out);
            }
            2 => router.assign(now, peer, slot, view(None, 0, 0), out),
            3 => router.silence(track(peer, choice >> 2).expect("a track"), choice & 1 == 0),
            4 => router.subscribe(now, 5, track(peer, choice >> 2).expect("a track"), 90, Box::new(Nowhere), out),
            5 => router.request_key_frame(now, 5, out),
            6 => {
                let mut datagram = content.to_vec();
                router.handle(now, peer, &mut datagram, out);
            }
            7 | 8 => self.send_rtcp(peer, content),
            _ => self.send_rtp(peer, usize::from(choice >> 2) % MEDIA_SSRCS.len(), content),
        }
    }

    /// `content` is the packet from its second byte on, without the SSRC; what else a header says is as it comes.
    fn send_rtp(&mut self, peer: PeerId, source: usize, content: &[u8]) {
        let (ssrc, payload_type) = (MEDIA_SSRCS[source], [111, 96, 97, 96, 96, 97][source]);
        let Some((head, rest)) = content.split_first_chunk::<8>() else { return };
        let kind = if head[1] & 0x40 != 0 { head[1] } else { head[1] & 0x80 | payload_type };
        let mut packet = vec![0x80 | head[0] & 0x3f, kind, head[2], head[3], head[4], head[5], head[6], head[7]];
        packet.extend(ssrc.to_be_bytes());
        packet.extend(rest);
        let Some(header) = Header::parse(&packet).filter(|_| !is_rtcp(&packet)) else { return };
        let highest = &mut self.highest[peer.0 as usize - 1][source];
        let index = guess_index(*highest, header.sequence);
        *highest = Some(highest.map_or(index, |highest| highest.max(index)));
        let length = packet.len();
        packet.resize(length + TAG, 0);
        self.senders[peer.0 as usize - 1].rtp(&mut packet, header.payload, length, ssrc, index);
        self.router.handle(self.now, peer, &mut packet, &mut self.out);
    }

    /// `content` from the second byte on; its first says how many packets' lengths are put right.
    fn send_rtcp(&mut self, peer: PeerId, content: &[u8]) {
        let mut compound = content.to_vec();
        compound.truncate(1400);
        compound.resize(compound.len().next_multiple_of(4).max(8), 0);
        compound[0] = 0x80 | compound[0] & 0x3f;
        compound[1] = 200 + compound[1] % 8;
        let length = compound.len();
        compound.resize(length + RTCP_TRAILER, 0);
        self.senders[peer.0 as usize - 1].rtcp(&mut compound, length);
        self.router.handle(self.now, peer, &mut compound, &mut self.out);
    }

    fn frame(&mut self, peer: PeerId, number: u16, key: bool) {
        let n = number.to_be_bytes();
        let mut content = vec![0, 0x80, n[0], n[1], 0, 0, n[0], n[1], 0x90, 0xe0, 0x80, n[1], n[1], 0x20];
        let picture = if key { [0x10, 0, 0, 0x9d, 1, 0x2a, 0x80, 2, 0x68, 1] } else { [0x11; 10] };
        content.extend(picture);
        self.send_rtp(peer, 1, &content);
    }

    fn pass(&mut self, time: Duration) {
        let until = self.now + time;
        let mut turns = 0;
        while let Some(at) = self.router.next_timeout().filter(|&at| at <= until) {
            self.now = self.now.max(at);
            self.router.handle_timeout(self.now, &mut self.out);
            turns += 1;
            assert!(turns < 5000, "the router wakes without end");
        }
        self.now = until;
    }
}

fn view(feed: Option<TrackId>, height: u16, rank: u8) -> View {
    let ranks = [Priority::Voice, Priority::Featured, Priority::Speaker, Priority::Other];
    View { feed, height, priority: ranks[usize::from(rank) % 4] }
}

fn track(peer: PeerId, choice: u8) -> Option<TrackId> {
    Some(TrackId { peer, source: [Source::Microphone, Source::Camera, Source::Screen][usize::from(choice) % 3] })
}

/// A microphone (10), a camera (20, RTX 21; with layers 20 and 22 told by SSRC), a screen in H.264 or VP8 (30, RTX 31).
fn media(simulcast: bool) -> PeerMedia {
    let codec = |name, payload_type, rtx| Codec {
        name,
        payload_type,
        rtx,
        clock_rate: if name == CodecName::Opus { 48_000 } else { 90_000 },
        nack: rtx.is_some(),
        pli: true,
        fir: simulcast,
        transport_cc: true,
    };
    let (voice, vp8, h264) =
        (codec(CodecName::Opus, 111, None), codec(CodecName::Vp8, 96, Some(97)), codec(CodecName::H264, 96, Some(97)));
    let receive = |mid: &str, source, codec: &Codec, rids: &[&str], ssrcs: &[u32], rtx: &[(u32, u32)]| Receive {
        mid: mid.into(),
        source,
        codec: codec.clone(),
        rids: rids.iter().map(ToString::to_string).collect(),
        ssrcs: ssrcs.to_vec(),
        rtx_ssrcs: rtx.to_vec(),
    };
    let slot = |mid: &str, kind, codecs: &[&Codec], ssrc| Slot {
        mid: mid.into(),
        kind,
        codecs: codecs.iter().map(|&codec| codec.clone()).collect(),
        ssrc,
        rtx_ssrc: ssrc + 1,
    };
    let (rids, ssrcs): (&[&str], &[u32]) = if simulcast { (&["l", "h"], &[20, 22]) } else { (&[], &[20]) };
    PeerMedia {
        receives: vec![
            receive("0", Source::Microphone, &voice, &[], &[10], &[]),
            receive("1", Source::Camera, &vp8, rids, ssrcs, &[(20, 21)]),
            receive("2", Source::Screen, if simulcast { &h264 } else { &vp8 }, &[], &[30], &[(30, 31)]),
        ],
        slots: vec![
            slot("3", MediaKind::Audio, &[&voice], 100),
            slot("4", MediaKind::Video, &[&vp8, &h264], 200),
            slot("5", MediaKind::Video, &[&vp8], 300),
        ],
        extensions: Extensions {
            mid: Some(4),
            rid: Some(10),
            repaired_rid: Some(11),
            audio_level: Some(1),
            transport_cc: Some(3),
        },
    }
}
