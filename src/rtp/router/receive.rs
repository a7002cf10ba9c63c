//! An RTP packet's way in: decrypted, recognised, unwrapped if it is a retransmission, counted.

use std::time::{Duration, Instant};

use crate::domain::ids::{Source, TrackId};

use super::super::Outbound;
use super::super::clock::MediaTime;
use super::super::counters::Refusal;
use super::super::packet::Header;
use super::super::peer::Marks;
use super::super::rewrite::StreamKey;
use super::super::slab::Key;
use super::super::srtp::guess_index;
use super::{Router, RouterEvent};

/// After the first packet, until transport-wide feedback on it and its successors.
const FEEDBACK_DELAY: Duration = Duration::from_millis(60);
/// After the first packet, until the first receiver report.
const FIRST_REPORT_DELAY: Duration = Duration::from_millis(300);

/// An authentic packet of a known stream.
struct Received {
    stream: StreamKey,
    repair: bool,
    header: Header,
    /// Number in the life of its SSRC.
    index: u64,
    /// Where the payload is.
    start: usize,
    end: usize,
    level: Option<u8>,
    /// The SSRC is new.
    found: bool,
}

/// A packet in its stream.
pub(super) struct Packet<'a> {
    pub(super) sequence: u64,
    pub(super) timestamp: u32,
    pub(super) marker: bool,
    pub(super) payload: &'a [u8],
}

impl Router {
    pub(super) fn rtp(
        &mut self,
        now: Instant,
        from: Key,
        datagram: &mut [u8],
        out: &mut dyn Outbound,
    ) -> Result<(), Refusal> {
        let received = self.recognise(now, from, datagram)?;
        let Received { stream, header, index, .. } = received;
        if received.found && !received.repair {
            self.bind(stream, header.ssrc);
        }
        let track = self.tracks.get_mut(stream.track).ok_or(Refusal::UnknownStream)?;
        if !track.admits(now, received.end) {
            return Err(Refusal::Ceiling);
        }
        let rate = track.codec.clock_rate;
        let layer = track.layers.get_mut(usize::from(stream.layer)).ok_or(Refusal::UnknownStream)?;
        let payload = &datagram[received.start..received.end];
        let packet = if received.repair {
            let (original, payload) = payload.split_first_chunk().ok_or(Refusal::Padding)?;
            let highest = layer.highest.ok_or(Refusal::UnknownStream)?;
            let sequence = guess_index(Some(highest), u16::from_be_bytes(*original));
            Packet { sequence, timestamp: header.timestamp, marker: header.marker, payload }
        } else {
            if layer.ssrc != Some(header.ssrc) {
                return Err(Refusal::UnknownStream);
            }
            layer.reception.received(index, header.timestamp, rate, now);
            Packet { sequence: layer.sequence(index), timestamp: header.timestamp, marker: header.marker, payload }
        };
        if track.silenced {
            return Err(Refusal::Silenced);
        }
        let id = track.id;
        if let Some(level) = received.level.filter(|_| id.source == Source::Microphone) {
            self.level(now, from, level, out);
        }
        self.enter(now, stream, packet, received.repair, out)
    }

    /// Decrypts the packet and finds its stream.
    fn recognise(&mut self, now: Instant, from: Key, datagram: &mut [u8]) -> Result<Received, Refusal> {
        let peer = self.peers.get_mut(from).ok_or(Refusal::UnknownPeer)?;
        let header = Header::parse(datagram).ok_or(Refusal::Malformed)?;
        let receiver = peer.receiver.as_mut().ok_or(Refusal::NoKeys)?;
        let done = receiver.rtp(datagram, &header)?;
        let packet = &datagram[..done.length];
        let end = header.payload_end(packet).ok_or(Refusal::Malformed)?;
        let marks = Marks::read(&header, packet, &peer.extensions);
        let mut wake = None;
        if let Some(number) = marks.transport_cc {
            peer.arrivals.record(number, self.clock.micros(now));
            if peer.feedback_at.is_none() {
                wake = Some(now + FEEDBACK_DELAY);
                peer.feedback_at = wake;
            }
        }
        let binding = peer.binding(done.source, &header, &marks);
        let found = binding.ok_or(Refusal::UnknownStream).and_then(|(binding, found)| {
            let codec = &peer.receives[usize::from(binding.receive)].codec;
            let agreed = if binding.repair { codec.rtx } else { Some(codec.payload_type) };
            if agreed != Some(header.payload_type) {
                return Err(Refusal::PayloadType);
            }
            let (_, track) = peer.tracks[usize::from(binding.receive)];
            let stream = StreamKey { track, layer: binding.layer };
            let (repair, index, start, level) = (binding.repair, done.index, header.payload, marks.level);
            Ok(Received { stream, repair, header, index, start, end, level, found })
        });
        if found.is_ok() && peer.report_at.is_none() {
            let at = now + FIRST_REPORT_DELAY;
            peer.report_at = Some(at);
            wake = Some(wake.map_or(at, |wake| wake.min(at)));
        }
        if let Some(at) = wake {
            self.wake_at(at);
        }
        found
    }

    /// The stream is sent with this SSRC from now on.
    fn bind(&mut self, stream: StreamKey, ssrc: u32) {
        let track = self.tracks.get_mut(stream.track);
        let layer = track.and_then(|track| track.layers.get_mut(usize::from(stream.layer)));
        if layer.is_some_and(|layer| layer.rebind(ssrc)) {
            self.restart(stream);
        }
    }

    /// Another encoder sends the stream: it goes on with a key frame, asked for with the next timeout unless it comes
    /// by itself.
    fn restart(&mut self, stream: StreamKey) {
        self.interrupt(stream);
        self.want_key_frame(stream);
        self.wake_at(self.epoch);
    }

    fn level(&mut self, now: Instant, from: Key, level: u8, out: &mut dyn Outbound) {
        let Some(peer) = self.peers.get_mut(from) else { return };
        if let Some(level) = peer.level.observe(level, now) {
            out.event(RouterEvent::Level { peer: peer.id, level });
        }
    }

    /// One RTP packet of a local publisher. `composed` is when its media was made: it ties the RTP timestamp to the
    /// clock.
    pub fn publish(&mut self, now: Instant, track: TrackId, packet: &[u8], composed: Instant, out: &mut dyn Outbound) {
        self.counters.published += 1;
        if let Err(reason) = self.publish_to(now, track, packet, composed, out) {
            self.counters.dropped(reason);
        }
    }

    fn publish_to(
        &mut self,
        now: Instant,
        id: TrackId,
        packet: &[u8],
        composed: Instant,
        out: &mut dyn Outbound,
    ) -> Result<(), Refusal> {
        let key = self.track_key(id).ok_or(Refusal::UnknownPeer)?;
        let header = Header::parse(packet).ok_or(Refusal::Malformed)?;
        let end = header.payload_end(packet).ok_or(Refusal::Malformed)?;
        let ntp = self.clock.ntp(composed);
        let track = self.tracks.get_mut(key).filter(|track| track.local).ok_or(Refusal::UnknownStream)?;
        if track.silenced {
            return Err(Refusal::Silenced);
        }
        let stream = StreamKey { track: key, layer: 0 };
        let layer = track.layers.first_mut().ok_or(Refusal::UnknownStream)?;
        let rebound = layer.ssrc != Some(header.ssrc) && layer.rebind(header.ssrc);
        layer.report = Some(MediaTime { ntp, rtp: header.timestamp });
        let sequence = match layer.highest {
            Some(highest) if !rebound => guess_index(Some(highest), header.sequence),
            _ => layer.sequence(u64::from(header.sequence)),
        };
        if rebound {
            self.restart(stream);
        }
        let payload = &packet[header.payload..end];
        let packet = Packet { sequence, timestamp: header.timestamp, marker: header.marker, payload };
        self.enter(now, stream, packet, false, out)
    }
}
