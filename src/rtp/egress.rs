//! One peer as a viewer: its slots, and the one pass that rewrites and protects a packet for it.

use std::time::{Duration, Instant};

use rtcp_types::prelude::*;
use rtcp_types::{CompoundBuilder, ReceiverReport, ReportBlockBuilder, Sdes, SdesBuilder, SdesChunk, SdesItem};

use crate::domain::ids::{PeerId, Priority};

use super::Outbound;
use super::bucket::{Bucket, Rate};
use super::cache::Cached;
use super::description::{Codec, Slot as SlotDescription};
use super::description::{CodecName, Extensions};
use super::lane::{Lane, Verdict};
use super::line::Line;
use super::packet::{MAX_DATAGRAM, OutHeader};
use super::random::Random;
use super::rewrite::{Media, Placed, StreamKey};
use super::srtp::{RTCP_TRAILER, Sender};
use super::twcc::SendLog;
use super::vp8::Descriptor;

/// The longest payload that is forwarded: header, extensions, OSN and tag must fit beside it.
const MAX_PAYLOAD: usize = MAX_DATAGRAM - 128;
/// What a packet has on the line besides its payload: IP and UDP (28), RTP with the transport-wide number (20), SRTP's tag.
pub(crate) const OVERHEAD: usize = 58;
/// The longest padding (RFC 3550 section 5.1).
const PADDING: usize = 255;
/// Packets of a slot that carry its mid: for receivers that find the section by it.
const MID_PACKETS: u16 = 64;
/// Retransmissions to one viewer.
const RESENDS: Rate = Rate { per_second: 400.0, burst: 200.0 };
/// The same in bytes, on top of [`RESEND_SHARE`].
const RESENT_BYTES: Rate = Rate { per_second: 16_000.0, burst: 96_000.0 };
/// Repairs of pictures are no more than this of what the line carries, in s: it lost them because it was full.
const RESENT_SECONDS: Rate = Rate { per_second: 0.25, burst: 0.5 };
/// Of each byte of media, so much may be sent again: whoever asks for everything cannot double their own line's load, and
/// 20 % loss, repairs lost and all, needs a quarter.
const RESEND_SHARE: f64 = 0.5;
/// Retransmissions of one packet to one viewer.
const RESENDS_PER_PACKET: u8 = 6;
/// Packets of a slot whose retransmissions are remembered.
const RESEND_MEMORY: usize = 256;
/// Before anything was measured.
const FIRST_ROUND_TRIP: Duration = Duration::from_millis(50);
/// The name under which the server reports (RFC 3550 section 6.5.1).
const SERVER_CNAME: &str = "veranda";

/// The scratch in which outgoing datagrams are made.
pub(crate) type Scratch = [u8; MAX_DATAGRAM];

/// The way out of the router.
pub(crate) struct Exit<'a> {
    pub(crate) scratch: &'a mut Scratch,
    pub(crate) out: &'a mut dyn Outbound,
}

/// What came of a packet offered to a viewer.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Offered {
    /// The viewer has nothing to do with the track any more.
    Leave,
    /// Not sent.
    Pass,
    /// Sent.
    Sent,
    /// Sent, as the first of a new source.
    Begun,
}

/// A slot's payload types for one codec.
#[derive(Debug, Clone, Copy)]
struct SlotCodec {
    payload_type: u8,
    rtx: Option<u8>,
    transport_cc: bool,
}

/// When and how often a packet was sent again.
#[derive(Debug, Clone, Copy)]
struct Resent {
    sequence: u64,
    times: u8,
    at: Instant,
}

/// A send section of a peer.
pub(crate) struct Slot {
    pub(crate) ssrc: u32,
    rtx_ssrc: u32,
    codecs: Vec<Codec>,
    mid: Box<[u8]>,
    mids_left: u16,
    pub(crate) lane: Lane,
    /// Of the source it shows now.
    codec: Option<SlotCodec>,
    /// What its viewer said to have lost of it, in 1/256, and when.
    pub(crate) lost: Option<(u8, Instant)>,
    rtx_sequence: u64,
    resent: Vec<Option<Resent>>,
}

impl Slot {
    fn new(description: SlotDescription, random: &mut Random) -> Slot {
        let mid = description.mid.into_bytes().into_boxed_slice();
        Slot {
            ssrc: description.ssrc,
            rtx_ssrc: description.rtx_ssrc,
            codecs: description.codecs,
            mids_left: if (1..=16).contains(&mid.len()) { MID_PACKETS } else { 0 },
            mid,
            lane: Lane::new(random.next()),
            codec: None,
            lost: None,
            rtx_sequence: random.next() & 0x7fff,
            resent: Vec::new(),
        }
    }

    /// Whether the slot can carry that codec.
    pub(crate) fn carries(&self, name: CodecName) -> bool {
        self.codec_for(name).is_some()
    }

    fn codec_for(&self, name: CodecName) -> Option<SlotCodec> {
        let codec = self.codecs.iter().find(|codec| codec.name == name)?;
        Some(SlotCodec { payload_type: codec.payload_type, rtx: codec.rtx, transport_cc: codec.transport_cc })
    }

    /// The payload type of its retransmissions, if they carry a transport-wide number.
    fn probing_type(&self) -> Option<u8> {
        self.codecs.iter().filter(|codec| codec.transport_cc).find_map(|codec| codec.rtx)
    }

    /// Whether the packet may be sent again now; notes that it was.
    fn may_resend(&mut self, sequence: u64, now: Instant, pause: Duration) -> bool {
        if self.resent.is_empty() {
            self.resent = vec![None; RESEND_MEMORY];
        }
        let place = &mut self.resent[sequence as usize % RESEND_MEMORY];
        match place {
            Some(resent) if resent.sequence == sequence => {
                let allowed = resent.times < RESENDS_PER_PACKET && now >= resent.at + pause;
                if allowed {
                    (resent.times, resent.at) = (resent.times + 1, now);
                }
                allowed
            }
            _ => {
                *place = Some(Resent { sequence, times: 1, at: now });
                true
            }
        }
    }
}

/// See the module.
pub(crate) struct Egress {
    peer: PeerId,
    extensions: Extensions,
    pub(crate) sender: Option<Sender>,
    pub(crate) slots: Vec<Slot>,
    pub(crate) sent: SendLog,
    /// What its line carries; `None` if it does not report on it, or cannot be probed.
    pub(crate) line: Option<Box<Line>>,
    pub(crate) round_trip: Duration,
    /// The SSRC under which the server reports on what it receives.
    pub(crate) rtcp_ssrc: u32,
    /// When the slots' next sender reports are due.
    pub(crate) report_at: Option<Instant>,
    resends: Bucket,
    resent_bytes: Bucket,
}

impl Egress {
    pub(crate) fn new(
        peer: PeerId,
        mut extensions: Extensions,
        slots: Vec<SlotDescription>,
        random: &mut Random,
    ) -> Egress {
        // Outgoing elements have one-byte heads: ids 1 to 14.
        let writable = |id: &u8| (1..=14).contains(id);
        extensions.transport_cc = extensions.transport_cc.filter(writable);
        extensions.mid = extensions.mid.filter(writable);
        Egress {
            peer,
            extensions,
            sender: None,
            slots: slots.into_iter().map(|slot| Slot::new(slot, random)).collect(),
            sent: SendLog::default(),
            line: None,
            round_trip: FIRST_ROUND_TRIP,
            rtcp_ssrc: random.ssrc(),
            report_at: None,
            resends: Bucket::default(),
            resent_bytes: Bucket::default(),
        }
    }

    /// Offers a packet of `source` to a slot and sends it if it is taken.
    pub(crate) fn offer(
        &mut self,
        slot: u16,
        source: StreamKey,
        (media, codec): (&Media<'_>, CodecName),
        exit: &mut Exit<'_>,
    ) -> Offered {
        let Some(at) = self.slots.get_mut(usize::from(slot)) else { return Offered::Leave };
        // Nothing is numbered before it can be sent.
        if self.sender.is_none() || media.payload.len() > MAX_PAYLOAD {
            return Offered::Pass;
        }
        let (placed, offered) = match at.lane.offer(source, media) {
            Verdict::Leave => return Offered::Leave,
            Verdict::Pass => return Offered::Pass,
            Verdict::Send(placed) => (placed, Offered::Sent),
            Verdict::Begin(placed) => {
                at.codec = at.codec_for(codec);
                (placed, Offered::Begun)
            }
        };
        let Some(codec) = at.codec else { return Offered::Pass };
        let packet = Cached { timestamp: media.timestamp, marker: media.marker, payload: media.payload };
        self.resent_bytes.earn(packet.payload.len() as f64 * RESEND_SHARE);
        self.write(slot, (placed, codec, false), (packet, media.vp8), media.arrived, exit);
        offered
    }

    /// Answers a NACK for the packet at `placed` with the publisher's `packet`; false if that is too much.
    pub(crate) fn resend(
        &mut self,
        slot: u16,
        placed: Placed,
        (packet, name): (Cached<'_>, CodecName),
        now: Instant,
        exit: &mut Exit<'_>,
    ) -> bool {
        let pause = (self.round_trip / 2).max(Duration::from_millis(10));
        let carried = self.line.as_ref().map_or(f64::INFINITY, |line| line.estimator.estimate() / 8.0);
        let Some(at) = self.slots.get_mut(usize::from(slot)) else { return false };
        let bytes = packet.payload.len() as f64;
        let budget = match at.lane.priority {
            Priority::Voice => RESENT_BYTES,
            _ => RESENT_BYTES.at_most(carried, RESENT_SECONDS),
        };
        if self.sender.is_none()
            || at.codec_for(name).is_none()
            || !at.may_resend(placed.sequence, now, pause)
            || !self.resends.take(now, RESENDS, 1.0)
            || !self.resent_bytes.take(now, budget, bytes)
        {
            return false;
        }
        self.repeat(slot, placed, (packet, name), now, exit);
        true
    }

    /// Whether the viewer reports on what it receives, and takes packets that are sent only to be reported on.
    pub(crate) fn can_be_probed(&self) -> bool {
        self.extensions.transport_cc.is_some() && self.slots.iter().any(|slot| slot.probing_type().is_some())
    }

    /// Sends a packet of the slot once more, to probe.
    pub(crate) fn repeat(
        &mut self,
        slot: u16,
        placed: Placed,
        (packet, name): (Cached<'_>, CodecName),
        now: Instant,
        exit: &mut Exit<'_>,
    ) {
        let Some(codec) = self.slots.get(usize::from(slot)).and_then(|slot| slot.codec_for(name)) else { return };
        let vp8 = if name == CodecName::Vp8 { Descriptor::parse(packet.payload) } else { None };
        self.write(slot, (placed, codec, true), (packet, vp8), now, exit);
    }

    /// Sends a packet of nothing but padding, to probe: on the retransmissions' SSRC, where a receiver expects it and
    /// misses nothing (RFC 4588 gives it numbers of its own). False if no slot has one.
    pub(crate) fn pad(&mut self, now: Instant, exit: &mut Exit<'_>) -> bool {
        let Some(sender) = &self.sender else { return false };
        let found = self.slots.iter_mut().find_map(|slot| Some((slot.probing_type()?, slot)));
        let (Some((payload_type, slot)), Some(id)) = (found, self.extensions.transport_cc) else { return false };
        slot.rtx_sequence += 1;
        let (ssrc, sequence) = (slot.rtx_ssrc, slot.rtx_sequence);
        let header = OutHeader {
            marker: false,
            payload_type,
            sequence: sequence as u16,
            timestamp: 0,
            ssrc,
            transport_cc: Some((id, self.sent.send(now, PADDING + OVERHEAD))),
            mid: None,
        };
        let Exit { scratch, out } = exit;
        let start = header.write(&mut scratch[..]);
        scratch[0] |= 0x20;
        let end = start + PADDING;
        scratch[start..end].fill(0);
        scratch[end - 1] = PADDING as u8;
        let length = sender.rtp(&mut scratch[..], start, end, ssrc, sequence);
        out.transmit(self.peer, &scratch[..length]);
        true
    }

    /// Header, payload, shifts, protection, in one pass. `again`: as a retransmission (RFC 4588 where agreed). The place of
    /// a packet of a temporal layer that is not sent on is filled without its content.
    fn write(
        &mut self,
        slot: u16,
        (placed, codec, again): (Placed, SlotCodec, bool),
        (mut packet, mut vp8): (Cached<'_>, Option<Descriptor>),
        now: Instant,
        exit: &mut Exit<'_>,
    ) {
        if vp8.is_some_and(|descriptor| descriptor.is_above(placed.limit)) {
            (packet.payload, vp8) = (&[], None);
        }
        let (Some(sender), Some(slot)) = (&self.sender, self.slots.get_mut(usize::from(slot))) else { return };
        let rtx = codec.rtx.filter(|_| again);
        let (ssrc, sequence) = match rtx {
            Some(_) => {
                slot.rtx_sequence += 1;
                (slot.rtx_ssrc, slot.rtx_sequence)
            }
            None => (slot.ssrc, placed.sequence),
        };
        let mid = self.extensions.mid.filter(|_| slot.mids_left > 0 && !again);
        slot.mids_left = slot.mids_left.saturating_sub(1);
        let transport_cc = self.extensions.transport_cc.filter(|_| codec.transport_cc);
        let header = OutHeader {
            marker: packet.marker,
            payload_type: rtx.unwrap_or(codec.payload_type),
            sequence: sequence as u16,
            timestamp: placed.timestamp,
            ssrc,
            transport_cc: transport_cc.map(|id| (id, self.sent.send(now, packet.payload.len() + OVERHEAD))),
            mid: mid.map(|id| (id, &*slot.mid)),
        };
        let Exit { scratch, out } = exit;
        let start = header.write(&mut scratch[..]);
        let mut at = start;
        if rtx.is_some() {
            scratch[at..at + 2].copy_from_slice(&(placed.sequence as u16).to_be_bytes());
            at += 2;
        }
        let end = at + packet.payload.len();
        scratch[at..end].copy_from_slice(packet.payload);
        if let Some(descriptor) = vp8 {
            descriptor.apply(placed.shift, &mut scratch[at..end]);
        }
        let length = sender.rtp(&mut scratch[..], start, end, ssrc, sequence);
        out.transmit(self.peer, &scratch[..length]);
    }

    /// Sends a compound that starts with a receiver report of `blocks` and the server's name.
    pub(crate) fn report(
        &mut self,
        blocks: impl IntoIterator<Item = ReportBlockBuilder>,
        more: impl FnOnce(CompoundBuilder<'static>) -> CompoundBuilder<'static>,
        exit: &mut Exit<'_>,
    ) -> bool {
        let report = blocks.into_iter().fold(ReceiverReport::builder(self.rtcp_ssrc), |r, b| r.add_report_block(b));
        let compound = CompoundBuilder::default().add_packet(report).add_packet(name(self.rtcp_ssrc, SERVER_CNAME));
        self.rtcp(&more(compound), exit)
    }

    /// Protects and sends a compound; false if it cannot be sent.
    pub(crate) fn rtcp(&mut self, compound: &CompoundBuilder<'_>, exit: &mut Exit<'_>) -> bool {
        let Some(sender) = &mut self.sender else { return false };
        let room = MAX_DATAGRAM - RTCP_TRAILER;
        let Exit { scratch, out } = exit;
        // The builders skip padding bytes instead of clearing them.
        scratch.fill(0);
        let Ok(length) = compound.write_into(&mut scratch[..room]) else { return false };
        let length = sender.rtcp(&mut scratch[..], length);
        out.transmit(self.peer, &scratch[..length]);
        true
    }
}

/// An SDES packet with the CNAME of an SSRC.
pub(crate) fn name(ssrc: u32, cname: &str) -> SdesBuilder<'_> {
    Sdes::builder().add_chunk(SdesChunk::builder(ssrc).add_item(SdesItem::builder(SdesItem::CNAME, cname)))
}
