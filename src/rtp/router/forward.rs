//! A packet's way out: remembered once, then offered to every slot and subscription of its track.

use std::mem::take;
use std::time::Instant;

use super::super::Outbound;
use super::super::counters::Refusal;
use super::super::description::CodecName;
use super::super::egress::{Exit, OVERHEAD, Offered, Scratch};
use super::super::h264;
use super::super::lane::{LaneRef, Verdict};
use super::super::nack::Arrival;
use super::super::packet::{MAX_DATAGRAM, OutHeader};
use super::super::rewrite::{Media, StreamKey};
use super::super::sink::local_payload_type;
use super::super::vp8::Descriptor;
use super::receive::Packet;
use super::timers::SWEEP;
use super::{Router, RouterEvent, Subscription};

impl Router {
    /// A packet of `stream` in the clear. `repaired`: it came as a retransmission.
    pub(super) fn enter(
        &mut self,
        now: Instant,
        stream: StreamKey,
        packet: Packet<'_>,
        repaired: bool,
        out: &mut dyn Outbound,
    ) -> Result<(), Refusal> {
        let track = self.tracks.get_mut(stream.track).ok_or(Refusal::UnknownStream)?;
        let (codec, clock_rate, video) = (track.codec.name, track.codec.clock_rate, track.is_video());
        let (entry, vp8) = read(codec, packet.payload)?;
        let layer = &mut track.layers[usize::from(stream.layer)];
        if video && !layer.cache.insert(packet.sequence, packet.timestamp, packet.marker, packet.payload) {
            return Err(Refusal::Duplicate);
        }
        if !video && !packet.payload.is_empty() {
            layer.history.push(now, packet.sequence, packet.timestamp, packet.marker, packet.payload);
        }
        let tid = vp8.and_then(|descriptor| descriptor.temporal).map_or(0, |temporal| temporal.tid);
        layer.meter.add(tid, (packet.payload.len() + OVERHEAD) as u32);
        let revived = layer.touch(packet.sequence, packet.timestamp, now);
        let restart = video && layer.nacker.received(packet.sequence, now) == Arrival::Restart;
        let mut resized = false;
        if video && entry {
            layer.nacker.key_frame(packet.sequence);
        }
        let due = layer.nacker.next_due();
        if let Some(height) = vp8.and_then(|descriptor| descriptor.height).filter(|_| video && entry) {
            resized = track.sized(stream.layer, height);
        }
        let stopped = video && !repaired && track.notice_stopped(stream.layer, now);
        if !std::mem::replace(&mut track.started, true) {
            out.event(RouterEvent::TrackStarted(track.id));
        }
        self.counters.repaired += u64::from(repaired);
        if restart {
            self.interrupt(stream);
            self.want_key_frame(stream);
        }
        if revived {
            self.settle_viewers(now, stream.track, out);
        }
        if revived || resized || stopped {
            self.aim_all(stream.track);
        }
        // Whoever waited for this key frame asks no more.
        if let Some(layer) = self.layer_mut(stream).filter(|_| entry) {
            layer.key.answer();
        }
        let Packet { sequence, timestamp, marker, payload } = packet;
        if payload.is_empty() {
            self.skip(stream, sequence);
        } else {
            let media = Media { sequence, timestamp, marker, payload, entry, vp8, clock_rate, arrived: now };
            self.fan_out(now, stream, (&media, codec), out);
        }
        if revived || resized || stopped || restart {
            self.ask_key_frames(now, stream.track, out);
        }
        self.set_timers(now, due);
        if payload.is_empty() { Err(Refusal::Padding) } else { Ok(()) }
    }

    fn set_timers(&mut self, now: Instant, repair: Option<Instant>) {
        if let Some(at) = repair {
            self.wake_at(at);
        }
        if self.sweep_at.is_none() {
            let at = now + SWEEP;
            self.sweep_at = Some(at);
            self.wake_at(at);
        }
    }

    /// Offers a packet to everybody who takes the track.
    fn fan_out(
        &mut self,
        now: Instant,
        stream: StreamKey,
        (media, codec): (&Media<'_>, CodecName),
        out: &mut dyn Outbound,
    ) {
        // Taken out, so that peers and tracks can be borrowed side by side; no allocation either way.
        let Some(track) = self.tracks.get_mut(stream.track) else { return };
        let mut lanes = take(&mut track.lanes);
        let mut exit = Exit { scratch: &mut self.scratch, out };
        let mut at = 0;
        let mut begun = false;
        while let Some(&lane) = lanes.get(at) {
            let offered = match lane {
                LaneRef::Slot(peer, slot) => match self.peers.get_mut(peer) {
                    Some(peer) => {
                        let offered = peer.egress.offer(slot, stream, (media, codec), &mut exit);
                        if offered == Offered::Begun {
                            peer.egress.report_at = Some(now);
                        }
                        self.counters.forwarded += u64::from(matches!(offered, Offered::Sent | Offered::Begun));
                        offered
                    }
                    None => Offered::Leave,
                },
                LaneRef::Subscription(key) => match self.subscriptions.get_mut(key) {
                    Some(subscription) => {
                        let offered = subscription.offer(stream, media, exit.scratch);
                        if offered == Offered::Begun {
                            subscription.report_at = Some(now);
                        }
                        self.counters.delivered += u64::from(matches!(offered, Offered::Sent | Offered::Begun));
                        offered
                    }
                    None => Offered::Leave,
                },
            };
            begun |= offered == Offered::Begun;
            if offered == Offered::Leave {
                lanes.swap_remove(at);
            } else {
                at += 1;
            }
        }
        if let Some(track) = self.tracks.get_mut(stream.track) {
            track.lanes = lanes;
        }
        if begun {
            self.wake_at(now);
        }
    }

    /// Takes a packet without content out of the streams it would have been part of.
    fn skip(&mut self, stream: StreamKey, sequence: u64) {
        let lanes = self.tracks.get(stream.track).map_or(0, |track| track.lanes.len());
        for at in 0..lanes {
            let lane = self.tracks.get(stream.track).and_then(|track| track.lanes.get(at).copied());
            if let Some(lane) = lane.and_then(|lane| self.lane_mut(lane)) {
                lane.skip(stream, sequence);
            }
        }
    }
}

/// Whether a viewer may begin with this payload, and its VP8 descriptor.
fn read(codec: CodecName, payload: &[u8]) -> Result<(bool, Option<Descriptor>), Refusal> {
    match codec {
        CodecName::Opus => Ok((true, None)),
        CodecName::H264 => Ok((h264::is_key_frame(payload), None)),
        CodecName::Vp8 if payload.is_empty() => Ok((false, None)),
        CodecName::Vp8 => {
            let descriptor = Descriptor::parse(payload).ok_or(Refusal::Malformed)?;
            Ok((descriptor.key_frame, Some(descriptor)))
        }
    }
}

impl Subscription {
    /// Offers a packet of `source` and hands it to the sink if it is taken.
    fn offer(&mut self, source: StreamKey, media: &Media<'_>, scratch: &mut Scratch) -> Offered {
        if media.payload.len() > MAX_DATAGRAM - 64 {
            return Offered::Pass;
        }
        let (placed, offered) = match self.lane.offer(source, media) {
            Verdict::Leave => return Offered::Leave,
            Verdict::Pass => return Offered::Pass,
            Verdict::Send(placed) => (placed, Offered::Sent),
            Verdict::Begin(placed) => (placed, Offered::Begun),
        };
        let header = OutHeader {
            marker: media.marker,
            payload_type: local_payload_type(self.codec),
            sequence: placed.sequence as u16,
            timestamp: placed.timestamp,
            ssrc: self.ssrc,
            transport_cc: None,
            mid: None,
        };
        let start = header.write(scratch);
        let end = start + media.payload.len();
        scratch[start..end].copy_from_slice(media.payload);
        if let Some(descriptor) = media.vp8 {
            descriptor.apply(placed.shift, &mut scratch[start..end]);
        }
        self.sink.rtp(&scratch[..end]);
        offered
    }
}
