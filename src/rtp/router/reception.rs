//! RTCP from peers: what publishers say about their streams, and what viewers report and ask for.

use std::time::{Duration, Instant};

use rtcp_types::prelude::*;
use rtcp_types::{
    Fir, Nack, PayloadFeedback, Pli, ReceiverReport, ReportBlock, RtcpParseError, SenderReport, TransportFeedback, Twcc,
};

use super::super::Outbound;
use super::super::bucket::Rate;
use super::super::clock::MediaTime;
use super::super::counters::Refusal;
use super::super::egress::Exit;
use super::super::rewrite::StreamKey;
use super::super::slab::Key;
use super::Router;

/// Packets read of one compound, and numbers read of all its NACKs.
const MAX_PACKETS: usize = 32;
const MAX_NUMBERS: usize = 256;
/// Compounds read of one peer: a browser with 25 pictures and much loss sends about 100 a second.
const COMPOUNDS: Rate = Rate { per_second: 500.0, burst: 500.0 };

impl Router {
    pub(super) fn rtcp(
        &mut self,
        now: Instant,
        from: Key,
        datagram: &mut [u8],
        out: &mut dyn Outbound,
    ) -> Result<(), Refusal> {
        let peer = self.peers.get_mut(from).ok_or(Refusal::UnknownPeer)?;
        let length = peer.receiver.as_mut().ok_or(Refusal::NoKeys)?.rtcp(datagram)?;
        if !peer.rtcp_budget.take(now, COMPOUNDS, 1.0) {
            return Err(Refusal::Flood);
        }
        let mut numbers = MAX_NUMBERS;
        let mut rest = &datagram[..length];
        for _ in 0..MAX_PACKETS {
            if rest.is_empty() {
                break;
            }
            let (packet, after) = split(rest).ok_or(Refusal::Malformed)?;
            rest = after;
            self.rtcp_packet(now, from, packet, &mut numbers, out).map_err(|_| Refusal::Malformed)?;
        }
        Ok(())
    }

    /// Reads those packets that say something to the router; the others may be anything.
    fn rtcp_packet(
        &mut self,
        now: Instant,
        from: Key,
        packet: &[u8],
        numbers: &mut usize,
        out: &mut dyn Outbound,
    ) -> Result<(), RtcpParseError> {
        match packet[1] {
            SenderReport::PACKET_TYPE => {
                let report = SenderReport::parse(packet)?;
                self.sender_report(now, from, &report);
                report.report_blocks().for_each(|block| self.report_block(now, from, &block));
            }
            ReceiverReport::PACKET_TYPE => {
                ReceiverReport::parse(packet)?.report_blocks().for_each(|block| self.report_block(now, from, &block));
            }
            TransportFeedback::PACKET_TYPE => {
                self.transport_feedback(now, from, &TransportFeedback::parse(packet)?, numbers, out);
            }
            PayloadFeedback::PACKET_TYPE => {
                self.payload_feedback(now, from, &PayloadFeedback::parse(packet)?, out);
            }
            _ => {}
        }
        Ok(())
    }

    /// A publisher ties a stream's timestamps to its clock.
    fn sender_report(&mut self, now: Instant, from: Key, report: &SenderReport<'_>) {
        let Some(stream) = self.stream_of(from, report.ssrc()) else { return };
        let Some(peer) = self.peers.get_mut(from) else { return };
        let sent = report.ntp_timestamp();
        peer.clock.observe(sent, self.clock.ntp(now), now);
        for &(_, track) in &peer.tracks {
            if let Some(track) = self.tracks.get_mut(track) {
                track.clock = peer.clock;
            }
        }
        let Some(track) = self.tracks.get_mut(stream.track) else { return };
        let Some(layer) = track.layers.get_mut(usize::from(stream.layer)) else { return };
        layer.reception.sender_report(sent, now);
        let first = layer.report.replace(MediaTime { ntp: sent, rtp: report.rtp_timestamp() }).is_none();
        if first {
            self.report_soon(now, stream);
        }
    }

    /// Everybody who is sent the stream hears at once how its timestamps lie in time.
    fn report_soon(&mut self, now: Instant, stream: StreamKey) {
        let Some(track) = self.tracks.get(stream.track) else { return };
        for &lane in &track.lanes {
            match lane {
                super::LaneRef::Slot(peer, _) => {
                    if let Some(peer) = self.peers.get_mut(peer).filter(|peer| peer.egress.report_at.is_some()) {
                        peer.egress.report_at = Some(now);
                    }
                }
                super::LaneRef::Subscription(key) => {
                    let subscription = self.subscriptions.get_mut(key);
                    if let Some(subscription) = subscription.filter(|subscription| subscription.report_at.is_some()) {
                        subscription.report_at = Some(now);
                    }
                }
            }
        }
        self.wake_at(now);
    }

    /// The stream that a publisher sends with that SSRC.
    fn stream_of(&self, from: Key, ssrc: u32) -> Option<StreamKey> {
        self.peers.get(from)?.tracks.iter().find_map(|&(_, track)| {
            let layers = &self.tracks.get(track)?.layers;
            let layer = layers.iter().position(|layer| layer.ssrc == Some(ssrc))?;
            Some(StreamKey { track, layer: layer as u8 })
        })
    }

    /// A viewer reports on a slot: that gives its loss and the round trip (RFC 3550 section 6.4.1).
    fn report_block(&mut self, now: Instant, from: Key, block: &ReportBlock<'_>) {
        let arrived = (self.clock.ntp(now) >> 16) as u32;
        let Some(peer) = self.peers.get_mut(from) else { return };
        let sent = block.last_sender_report_timestamp();
        let Some(slot) = peer.egress.slots.iter_mut().find(|slot| slot.ssrc == block.ssrc()) else { return };
        slot.lost = Some((block.fraction_lost(), now));
        if sent == 0 {
            return;
        }
        let elapsed = arrived.wrapping_sub(sent).wrapping_sub(block.delay_since_last_sender_report_timestamp());
        // In 1/65536 s; a negative or absurd value is somebody's clock.
        if elapsed < 10 << 16 {
            let sample = Duration::from_secs_f64(f64::from(elapsed) / 65_536.0);
            peer.egress.round_trip = (peer.egress.round_trip * 7 + sample) / 8;
        }
    }

    fn slot_of(&self, viewer: Key, ssrc: u32) -> Option<u16> {
        let slots = &self.peers.get(viewer)?.egress.slots;
        slots.iter().position(|slot| slot.ssrc == ssrc).map(|at| at as u16)
    }

    fn transport_feedback(
        &mut self,
        now: Instant,
        from: Key,
        feedback: &TransportFeedback<'_>,
        numbers: &mut usize,
        out: &mut dyn Outbound,
    ) {
        if let Ok(twcc) = feedback.parse_fci::<Twcc<'_>>() {
            self.counters.feedback_received += 1;
            self.line_report(now, from, &twcc, out);
            return;
        }
        let Ok(nack) = feedback.parse_fci::<Nack<'_>>() else { return };
        let Some(slot) = self.slot_of(from, feedback.media_ssrc()) else { return };
        for sequence in nack.entries().take(*numbers) {
            *numbers -= 1;
            self.counters.nacks_received += 1;
            self.resend(now, (from, slot), sequence, out);
        }
    }

    /// Sends a slot's packet again, if its stream still has it.
    fn resend(&mut self, now: Instant, (viewer, slot): (Key, u16), sequence: u16, out: &mut dyn Outbound) {
        let Some(peer) = self.peers.get_mut(viewer) else { return };
        // Where nothing goes on, nothing need be whole: what a line could not carry is not sent to it again.
        let at = peer.egress.slots.get(usize::from(slot)).filter(|slot| slot.lane.current.is_some());
        let Some(at) = at else {
            self.counters.rtx_refused += 1;
            return;
        };
        let Some((source, number, resolved)) = at.lane.rewriter.resolve(sequence) else { return };
        let Some(track) = self.tracks.get(source.track) else { return };
        let layer = track.layers.get(usize::from(source.layer));
        let Some(packet) = layer.and_then(|layer| layer.cache.get(number)) else { return };
        let placed = resolved.place(packet.timestamp);
        let mut exit = Exit { scratch: &mut self.scratch, out };
        if peer.egress.resend(slot, placed, (packet, track.codec.name), now, &mut exit) {
            self.counters.rtx_sent += 1;
        } else {
            self.counters.rtx_refused += 1;
        }
    }

    fn payload_feedback(&mut self, now: Instant, from: Key, feedback: &PayloadFeedback<'_>, out: &mut dyn Outbound) {
        if feedback.parse_fci::<Pli<'_>>().is_ok() {
            self.viewer_wants_key_frame(now, from, feedback.media_ssrc(), out);
        } else if let Ok(request) = feedback.parse_fci::<Fir<'_>>() {
            for entry in request.entries().take(MAX_PACKETS) {
                self.viewer_wants_key_frame(now, from, entry.ssrc(), out);
            }
        }
    }

    fn viewer_wants_key_frame(&mut self, now: Instant, from: Key, ssrc: u32, out: &mut dyn Outbound) {
        self.counters.plis_received += 1;
        let Some(slot) = self.slot_of(from, ssrc) else { return };
        let lane =
            self.peers.get(from).and_then(|peer| peer.egress.slots.get(usize::from(slot))).map(|slot| &slot.lane);
        if let Some(stream) = lane.and_then(|lane| lane.target.or(lane.current)) {
            self.want_key_frame(stream);
            self.ask_key_frames(now, stream.track, out);
        }
    }
}

/// The first packet of a compound (RFC 3550 section 6.1), and the rest.
fn split(compound: &[u8]) -> Option<(&[u8], &[u8])> {
    let head = compound.first_chunk::<4>()?;
    let length = 4 + 4 * usize::from(u16::from_be_bytes([head[2], head[3]]));
    compound.split_at_checked(length)
}
