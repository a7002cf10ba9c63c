//! What the router does by the clock: RTCP out, requests repeated, layers that stopped noticed.

use std::time::{Duration, Instant};

use rtcp_types::prelude::*;
use rtcp_types::{CompoundBuilder, Fir, Nack, PayloadFeedback, Pli, SenderReport, TransportFeedback};

use super::super::Outbound;
use super::super::description::SERVER_CNAME;
use super::super::egress::{Exit, name};
use super::super::lane::{Lane, LaneRef};
use super::super::rewrite::StreamKey;
use super::super::slab::{Key, Slab};
use super::super::stream::{Due, STOPPED, Track};
use super::{Router, RouterEvent};

/// Between two sender or receiver reports.
const REPORT_INTERVAL: Duration = Duration::from_secs(1);
/// A viewer's report on a voice counts this long: browsers report on sound every 5 s.
const LOSS_MEMORY: Duration = Duration::from_secs(11);
/// One viewer's line never makes a voice worse for all by more than this (25 %): beyond it redundancy helps no more.
const MOST_LOST_BEYOND: u8 = 64;
/// Between two transport-wide feedbacks.
const FEEDBACK_INTERVAL: Duration = Duration::from_millis(60);
/// Between two looks at the layers.
pub(super) const SWEEP: Duration = Duration::from_millis(250);
/// Sender reports in one datagram.
const REPORTS_PER_DATAGRAM: usize = 10;
/// Numbers in one NACK.
const NUMBERS_PER_NACK: usize = 100;

/// What a sender report says about a lane.
struct LaneReport {
    ssrc: u32,
    timestamp: u32,
    packets: u32,
    octets: u32,
    cname: std::sync::Arc<str>,
}

impl Router {
    /// Does everything that is due.
    pub fn handle_timeout(&mut self, now: Instant, out: &mut dyn Outbound) {
        self.wake = None;
        self.sweep(now, out);
        for at in 0..self.tracks.places() {
            if let Some(key) = self.tracks.key_at(at) {
                self.repair(now, key, out);
            }
        }
        for at in 0..self.peers.places() {
            if let Some(key) = self.peers.key_at(at) {
                self.feed_back(now, key, out);
                self.report_reception(now, key, out);
                self.report_slots(now, key, out);
                self.send_probe(now, key, out);
            }
        }
        for at in 0..self.subscriptions.places() {
            if let Some(key) = self.subscriptions.key_at(at) {
                self.report_subscription(now, key);
            }
        }
    }

    /// Notices layers that stopped.
    fn sweep(&mut self, now: Instant, out: &mut dyn Outbound) {
        let Some(at) = self.sweep_at else { return };
        if now < at {
            self.wake_at(at);
            return;
        }
        let mut any = false;
        for place in 0..self.tracks.places() {
            let Some(key) = self.tracks.key_at(place) else { continue };
            let Some(track) = self.tracks.get_mut(key) else { continue };
            let mut stopped = false;
            for layer in &mut track.layers {
                let over = layer.alive && layer.seen.is_none_or(|seen| now.saturating_duration_since(seen) > STOPPED);
                if over {
                    layer.alive = false;
                    layer.key.cancel();
                    layer.meter.reset();
                    stopped = true;
                }
                any |= layer.alive;
                layer.meter.step();
            }
            if stopped {
                self.aim_all(key);
            }
            self.tell_watched(now, key, out);
        }
        self.settle_lines(now, out);
        // Without packets there is nothing to look at; the next one starts this again.
        self.sweep_at = any.then(|| now + SWEEP);
        if let Some(at) = self.sweep_at {
            self.wake_at(at);
        }
    }

    /// Asks the publisher for what is missing, and for key frames.
    fn repair(&mut self, now: Instant, key: Key, out: &mut dyn Outbound) {
        let Some(track) = self.tracks.get_mut(key) else { return };
        let (publisher, repairable) = (track.publisher, track.codec.nack);
        let round_trip = self.peers.get(publisher).map_or(Duration::ZERO, |peer| peer.egress.round_trip);
        for layer in 0..track.layers.len() {
            let stream = StreamKey { track: key, layer: layer as u8 };
            if self.layer_mut(stream).and_then(|layer| layer.nacker.next_due()).is_some_and(|due| due <= now) {
                let worth = repairable && self.is_watched(stream);
                let Some(layer) = self.layer_mut(stream) else { return };
                let ssrc = layer.ssrc;
                let mut numbers = Vec::new();
                let lost = if worth {
                    layer.nacker.due(now, round_trip, |number| numbers.push(number))
                } else {
                    layer.nacker.give_up()
                };
                if lost {
                    self.want_key_frame(stream);
                }
                if let Some(ssrc) = ssrc {
                    self.send_nacks(publisher, ssrc, &numbers, out);
                }
            }
            if let Some(due) = self.layer_mut(stream).and_then(|layer| layer.nacker.next_due()) {
                self.wake_at(due);
            }
        }
        self.ask_key_frames(now, key, out);
    }

    fn send_nacks(&mut self, publisher: Key, ssrc: u32, numbers: &[u16], out: &mut dyn Outbound) {
        let Some(peer) = self.peers.get_mut(publisher) else { return };
        for numbers in numbers.chunks(NUMBERS_PER_NACK) {
            let nack = numbers.iter().fold(Nack::builder(), |nack, &number| nack.add_rtp_sequence(number));
            let from = peer.egress.rtcp_ssrc;
            let feedback = TransportFeedback::builder_owned(nack).sender_ssrc(from).media_ssrc(ssrc);
            if peer.egress.report(
                [],
                |compound| compound.add_packet(feedback),
                &mut Exit { scratch: &mut self.scratch, out },
            ) {
                self.counters.nacks_sent += numbers.len() as u64;
            }
        }
    }

    /// Asks the publisher for the key frames that are wanted, unless the last requests are too young.
    pub(super) fn ask_key_frames(&mut self, now: Instant, track: Key, out: &mut dyn Outbound) {
        let layers = self.tracks.get(track).map_or(0, |track| track.layers.len());
        for layer in 0..layers {
            self.ask_key_frame(now, StreamKey { track, layer: layer as u8 }, out);
        }
    }

    fn ask_key_frame(&mut self, now: Instant, stream: StreamKey, out: &mut dyn Outbound) {
        let Some(track) = self.tracks.get_mut(stream.track) else { return };
        let (id, publisher, local, silenced) = (track.id, track.publisher, track.local, track.silenced);
        let (pli, fir) = (track.codec.pli, track.codec.fir);
        let Some(layer) = track.layers.get_mut(usize::from(stream.layer)) else { return };
        let Some(due) = layer.key.due(layer.alive).filter(|_| !silenced) else { return };
        if due.reached(now) {
            layer.key.asked(now);
            let ssrc = layer.ssrc;
            self.counters.plis_sent += 1;
            if local {
                out.event(RouterEvent::KeyFrameWanted(id));
            } else if let (Some(ssrc), Some(peer)) = (ssrc, self.peers.get_mut(publisher)) {
                let from = peer.egress.rtcp_ssrc;
                let feedback = if fir && !pli {
                    peer.intra_requests = peer.intra_requests.wrapping_add(1);
                    let request = Fir::builder().add_ssrc(ssrc, peer.intra_requests);
                    PayloadFeedback::builder_owned(request).sender_ssrc(from)
                } else {
                    PayloadFeedback::builder_owned(Pli::builder()).sender_ssrc(from).media_ssrc(ssrc)
                };
                peer.egress.report(
                    [],
                    |compound| compound.add_packet(feedback),
                    &mut Exit { scratch: &mut self.scratch, out },
                );
            }
        }
        if let Some(Due::At(at)) = self.layer_mut(stream).and_then(|layer| layer.key.due(layer.alive)) {
            self.wake_at(at);
        }
    }

    /// Transport-wide feedback to a publisher.
    fn feed_back(&mut self, now: Instant, key: Key, out: &mut dyn Outbound) {
        let Some(peer) = self.peers.get_mut(key) else { return };
        let Some(at) = peer.feedback_at else { return };
        if now < at {
            self.wake_at(at);
            return;
        }
        // Any SSRC of the peer will do: the message is about the transport.
        let first = peer.tracks.iter().find_map(|&(_, track)| {
            self.tracks.get(track).and_then(|track| track.layers.iter().find_map(|layer| layer.ssrc))
        });
        while let Some(message) = peer.arrivals.message() {
            let from = peer.egress.rtcp_ssrc;
            let feedback =
                TransportFeedback::builder_owned(message).sender_ssrc(from).media_ssrc(first.unwrap_or_default());
            if peer.egress.report(
                [],
                |compound| compound.add_packet(feedback),
                &mut Exit { scratch: &mut self.scratch, out },
            ) {
                self.counters.feedback_sent += 1;
            }
            peer.feedback_at = Some(now + FEEDBACK_INTERVAL);
        }
        if peer.feedback_at.is_some_and(|at| at <= now) {
            peer.feedback_at = None;
        }
        if let Some(at) = peer.feedback_at {
            self.wake_at(at);
        }
    }

    /// Receiver reports to a publisher.
    fn report_reception(&mut self, now: Instant, key: Key, out: &mut dyn Outbound) {
        let Some(peer) = self.peers.get(key) else { return };
        let Some(at) = peer.report_at else { return };
        if now < at {
            self.wake_at(at);
            return;
        }
        let beyond: Vec<u8> = peer.tracks.iter().map(|&(_, track)| self.voice_lost_beyond(track, now)).collect();
        let Some(peer) = self.peers.get_mut(key) else { return };
        let mut blocks = Vec::new();
        for (&(_, track), beyond) in peer.tracks.iter().zip(beyond) {
            let Some(track) = self.tracks.get_mut(track) else { continue };
            for layer in &mut track.layers {
                blocks.extend(layer.ssrc.and_then(|ssrc| layer.reception.block(ssrc, beyond, now)));
            }
        }
        peer.egress.report(blocks, |compound| compound, &mut Exit { scratch: &mut self.scratch, out });
        let next = now + REPORT_INTERVAL;
        peer.report_at = Some(next);
        self.wake_at(next);
    }

    /// What the viewer with the worst line loses of a voice, in 1/256. Nobody asks for sound again: what mends it is the
    /// redundancy its encoder adds (RFC 6716 section 2.1.7), and that looks at the loss reported to it.
    fn voice_lost_beyond(&self, track: Key, now: Instant) -> u8 {
        let Some(voice) = self.tracks.get(track).filter(|track| !track.is_video()) else { return 0 };
        let lost = voice.lanes.iter().filter_map(|&lane| {
            let LaneRef::Slot(peer, slot) = lane else { return None };
            let slot = self.peers.get(peer)?.egress.slots.get(usize::from(slot))?;
            let hears = slot.lane.current.is_some_and(|current| current.track == track);
            slot.lost.filter(|&(_, at)| hears && now.saturating_duration_since(at) < LOSS_MEMORY)
        });
        lost.map(|(lost, _)| lost).max().unwrap_or(0).min(MOST_LOST_BEYOND)
    }

    /// Sender reports for a viewer's slots.
    fn report_slots(&mut self, now: Instant, key: Key, out: &mut dyn Outbound) {
        let Some(peer) = self.peers.get_mut(key) else { return };
        let Some(at) = peer.egress.report_at else { return };
        if now < at {
            self.wake_at(at);
            return;
        }
        let ntp = self.clock.ntp(now);
        let reports = peer.egress.slots.iter().filter_map(|slot| {
            lane_report(&self.tracks, slot.ssrc, &slot.lane, ntp, now).map(LaneReport::of_the_server)
        });
        let reports: Vec<LaneReport> = reports.collect();
        for reports in reports.chunks(REPORTS_PER_DATAGRAM) {
            peer.egress.rtcp(&sender_reports(reports, ntp), &mut Exit { scratch: &mut self.scratch, out });
        }
        let next = now + REPORT_INTERVAL;
        peer.egress.report_at = Some(next);
        self.wake_at(next);
    }

    fn report_subscription(&mut self, now: Instant, key: Key) {
        let Some(subscription) = self.subscriptions.get_mut(key) else { return };
        let Some(at) = subscription.report_at else { return };
        let next = if now < at {
            at
        } else {
            let ntp = self.clock.ntp(now);
            if let Some(report) = lane_report(&self.tracks, subscription.ssrc, &subscription.lane, ntp, now) {
                self.scratch.fill(0);
                if let Ok(length) = sender_reports(&[report], ntp).write_into(&mut self.scratch[..]) {
                    subscription.sink.rtcp(&self.scratch[..length]);
                }
            }
            subscription.report_at = Some(now + REPORT_INTERVAL);
            now + REPORT_INTERVAL
        };
        self.wake_at(next);
    }
}

impl LaneReport {
    /// Slots all have the server's name, which the answer told: who is shown changes, the SSRC's name may not.
    fn of_the_server(self) -> Self {
        Self { cname: SERVER_CNAME.into(), ..self }
    }
}

/// What to say about a lane; `None` if it carries nothing.
fn lane_report(tracks: &Slab<Track>, ssrc: u32, lane: &Lane, ntp: u64, now: Instant) -> Option<LaneReport> {
    let current = lane.current?;
    let track = tracks.get(current.track)?;
    let timestamp = lane.rewriter.timestamp_of(track.timestamp_at(current.layer, ntp, now)?)?;
    Some(LaneReport { ssrc, timestamp, packets: lane.packets, octets: lane.octets, cname: track.cname.clone() })
}

/// The compound of these reports and their names. Each name has an SDES packet of its own: rtcp-types 0.3, and so
/// whoever reads with it, takes the zeros at the start of a second chunk's SSRC for the end of the first chunk.
fn sender_reports(reports: &[LaneReport], ntp: u64) -> CompoundBuilder<'_> {
    reports.iter().fold(CompoundBuilder::default(), |compound, report| {
        let sender = SenderReport::builder(report.ssrc)
            .ntp_timestamp(ntp)
            .rtp_timestamp(report.timestamp)
            .packet_count(report.packets)
            .octet_count(report.octets);
        compound.add_packet(sender).add_packet(name(report.ssrc, &report.cname))
    })
}
