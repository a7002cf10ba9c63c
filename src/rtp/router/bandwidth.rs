//! What viewers' lines carry: their feedback in, probes out, and the layers of their slots by it.

use std::time::{Duration, Instant};

use rtcp_types::Twcc;

use crate::domain::ids::PeerId;

use super::super::Outbound;
use super::super::allocator::{Demand, LAYERS, Level, TIDS};
use super::super::egress::{Exit, Slot};
use super::super::lane::LaneRef;
use super::super::slab::{Key, Slab};
use super::super::stream::Track;
use super::super::thinning::ALL_TIDS;
use super::timers::SWEEP;
use super::{Router, RouterEvent};

/// What a voice gets at least, in bits/s: it may begin to speak.
const VOICE: f64 = 20_000.0;
/// A layer that is not measured yet is taken for this much per line of its picture, in bits/s.
const PER_LINE: f64 = 1000.0;
/// A layer that is too much goes on for so long while the key frame of a lower one is on its way.
const GRACE: Duration = Duration::from_millis(1000);
/// Between two steps of a probe.
const PROBE_STEP: Duration = Duration::from_millis(5);
/// Packets sent in one step, and how far back the ones that are repeated lie.
const PROBE_PACKETS: usize = 48;
const PROBE_BACK: u16 = 100;

impl Router {
    /// A viewer says which packets came, and when.
    pub(super) fn line_report(&mut self, now: Instant, from: Key, twcc: &Twcc<'_>, out: &mut dyn Outbound) {
        let Some(peer) = self.peers.get_mut(from) else { return };
        let egress = &mut peer.egress;
        let Some(line) = &mut egress.line else { return };
        line.report(now, twcc, &mut egress.sent, egress.round_trip);
        if line.needs.allowed > line.estimator.estimate() {
            self.settle_line(now, from, None, out);
        }
        self.begin_probe(now, from, out);
    }

    /// Look for this many bits/s on a viewer's line, though less is sent to it.
    pub(crate) fn aim_line(&mut self, viewer: PeerId, bitrate: u32) {
        let peer = self.ids.get(&viewer).and_then(|&key| self.peers.get_mut(key));
        if let Some(line) = peer.and_then(|peer| peer.egress.line.as_mut()) {
            line.aim = f64::from(bitrate);
            line.estimator.prober.begin_anew();
        }
    }

    /// Looks at all lines: every quarter of a second.
    pub(super) fn settle_lines(&mut self, now: Instant, out: &mut dyn Outbound) {
        for at in 0..self.peers.places() {
            let Some(key) = self.peers.key_at(at) else { continue };
            let Some(peer) = self.peers.get_mut(key) else { continue };
            let egress = &mut peer.egress;
            let Some(line) = &mut egress.line else { continue };
            if !line.tick(now, &egress.sent) {
                self.set_free(now, key, out);
                continue;
            }
            self.settle_line(now, key, None, out);
            self.begin_probe(now, key, out);
            self.tell_line(now, key, out);
        }
    }

    /// A viewer that never reports is sent everything.
    fn set_free(&mut self, now: Instant, viewer: Key, out: &mut dyn Outbound) {
        let Some(peer) = self.peers.get_mut(viewer) else { return };
        peer.egress.line = None;
        for slot in 0..peer.egress.slots.len() {
            self.allow(now, (viewer, slot as u16), Level::ALL, out);
        }
    }

    fn tell_line(&mut self, now: Instant, viewer: Key, out: &mut dyn Outbound) {
        let Some(peer) = self.peers.get_mut(viewer) else { return };
        if let Some((estimate, needed)) = peer.egress.line.as_mut().and_then(|line| line.news(now)) {
            out.event(RouterEvent::Line { peer: peer.id, estimate, needed });
        }
    }

    /// A layer begins: what all who are to see the track may have of it.
    pub(super) fn settle_viewers(&mut self, now: Instant, track: Key, out: &mut dyn Outbound) {
        let lanes = self.tracks.get(track).map_or(0, |track| track.lanes.len());
        for at in 0..lanes {
            let lane = self.tracks.get(track).and_then(|track| track.lanes.get(at).copied());
            if let Some(LaneRef::Slot(viewer, slot)) = lane {
                self.settle_line(now, viewer, Some(usize::from(slot)), out);
            }
        }
    }

    /// Shares a viewer's line among its slots. `changed`: one that is to carry something else than before.
    pub(super) fn settle_line(&mut self, now: Instant, viewer: Key, changed: Option<usize>, out: &mut dyn Outbound) {
        let Some(peer) = self.peers.get_mut(viewer) else { return };
        let Some(line) = &mut peer.egress.line else { return };
        let demands: Vec<Demand> = peer.egress.slots.iter().map(|slot| demand(&self.tracks, slot)).collect();
        line.needs = line.allocator.allocate(now, line.estimator.estimate(), &demands, changed);
        for slot in 0..demands.len() {
            let line = self.peers.get(viewer).and_then(|peer| peer.egress.line.as_ref());
            let Some(&allowed) = line.and_then(|line| line.allocator.allowed().get(slot)) else { continue };
            self.allow(now, (viewer, slot as u16), allowed, out);
        }
    }

    /// A slot may have so much from now on.
    fn allow(&mut self, now: Instant, (viewer, slot): (Key, u16), level: Level, out: &mut dyn Outbound) {
        let at = LaneRef::Slot(viewer, slot);
        let allowed = level.layers();
        let Some(lane) = self.lane_mut(at) else { return };
        lane.temporal = if usize::from(level.temporal()) == TIDS - 1 { ALL_TIDS } else { level.temporal() };
        if let Some(stuck) = lane.current.filter(|_| lane.thinning.needs_key_frame(now)) {
            self.want_key_frame(stuck);
            self.ask_key_frames(now, stuck.track, out);
        }
        let Some(lane) = self.lane_mut(at) else { return };
        let over = lane.current.is_some_and(|current| Some(current.track) == lane.feed && current.layer >= allowed);
        let cut = over && now.saturating_duration_since(*lane.over_since.get_or_insert(now)) > GRACE;
        if !over {
            lane.over_since = None;
        }
        if cut {
            (lane.current, lane.over_since) = (None, None);
        }
        let same = std::mem::replace(&mut lane.allowed, allowed) == allowed;
        if let Some(feed) = lane.feed.filter(|_| !same || cut) {
            self.aim(feed, at);
            self.ask_key_frames(now, feed, out);
        }
    }

    /// Probes a viewer's line if somebody would get a better picture by it.
    pub(super) fn begin_probe(&mut self, now: Instant, viewer: Key, out: &mut dyn Outbound) {
        let Some(peer) = self.peers.get_mut(viewer) else { return };
        let egress = &mut peer.egress;
        let Some(line) = &mut egress.line else { return };
        let Some(goal) = line.goal().filter(|_| egress.sender.is_some() && line.estimator.is_calm(now)) else { return };
        let (estimate, counts) = (line.estimator.estimate(), (egress.sent.bytes, egress.sent.packets));
        if let Some(mark) = line.estimator.prober.begin(now, estimate, goal, counts) {
            egress.sent.probe = mark;
            self.send_probe(now, viewer, out);
        }
    }

    /// Tells how much of a publisher's layers anybody could make use of. What viewers' lines carry does not count: they are
    /// only probed for layers that are there.
    pub(super) fn tell_watched(&mut self, now: Instant, key: Key, out: &mut dyn Outbound) {
        let Some(track) = self.tracks.get(key).filter(|track| track.layers.len() > 1 && !track.local) else { return };
        let takes = |lane: &LaneRef| {
            let lane = match *lane {
                LaneRef::Slot(peer, slot) => {
                    let slots = self.peers.get(peer).map(|peer| &peer.egress.slots);
                    slots.and_then(|slots| slots.get(usize::from(slot))).map(|slot| &slot.lane)
                }
                LaneRef::Subscription(key) => self.subscriptions.get(key).map(|subscription| &subscription.lane),
            };
            lane.filter(|lane| lane.feed == Some(key)).map(|lane| track.useful(lane.height))
        };
        let useful = track.lanes.iter().filter_map(takes).max().unwrap_or_default();
        let Some(track) = self.tracks.get_mut(key) else { return };
        if let Some(useful) = track.watch.observe(now, useful) {
            let (layers, height) = (useful.layers, useful.lines());
            out.event(RouterEvent::Watched { track: track.id, layers, height });
        }
    }

    /// How many layers each video slot of a viewer is being sent; 0 is nothing.
    #[cfg(test)]
    pub(super) fn sent_layers(&self, viewer: PeerId) -> Vec<u8> {
        let slots = self.ids.get(&viewer).and_then(|&key| self.peers.get(key)).map(|peer| &peer.egress.slots);
        let video =
            slots.into_iter().flatten().filter(|slot| slot.lane.priority != crate::domain::ids::Priority::Voice);
        video.map(|slot| slot.lane.current.map_or(0, |current| current.layer + 1)).collect()
    }

    /// Sends what is due of a probe: packets that were sent before, or padding.
    pub(super) fn send_probe(&mut self, now: Instant, viewer: Key, out: &mut dyn Outbound) {
        let Some(peer) = self.peers.get_mut(viewer) else { return };
        let egress = &mut peer.egress;
        let Some(line) = egress.line.as_mut().filter(|line| line.estimator.prober.is_sending()) else { return };
        let Some(due) = line.estimator.prober.due(now, (egress.sent.bytes, egress.sent.packets)) else {
            egress.sent.probe = 0;
            return;
        };
        let until = egress.sent.bytes + due as u64;
        for step in 0..PROBE_PACKETS {
            let Some(peer) = self.peers.get_mut(viewer) else { return };
            let egress = &mut peer.egress;
            let left = until.saturating_sub(egress.sent.bytes) as usize;
            if left == 0 {
                break;
            }
            let mut exit = Exit { scratch: &mut self.scratch, out };
            let again = (egress.sent.packets as u16 % PROBE_BACK).wrapping_add(step as u16);
            if !repeat(egress, &self.tracks, (again, left), now, &mut exit) && !egress.pad(now, &mut exit) {
                break;
            }
        }
        self.wake_at(now + PROBE_STEP);
    }
}

/// Sends a packet of at most about `left` bytes once more; false if there is none at that place.
fn repeat(
    egress: &mut super::super::egress::Egress,
    tracks: &Slab<Track>,
    (back, left): (u16, usize),
    now: Instant,
    exit: &mut Exit<'_>,
) -> bool {
    let found = egress.slots.iter().enumerate().find_map(|(at, slot)| {
        let current = slot.lane.current?;
        let track = tracks.get(current.track).filter(|track| track.is_video())?;
        let (source, number, resolved) = slot.lane.rewriter.resolve(slot.lane.rewriter.recent(back % PROBE_BACK))?;
        let layer = track.layers.get(usize::from(source.layer)).filter(|_| source == current)?;
        let packet = layer.cache.get(number).filter(|packet| (400..left + 400).contains(&packet.payload.len()))?;
        Some((at as u16, resolved.place(packet.timestamp), (packet, track.codec.name)))
    });
    let Some((slot, placed, packet)) = found else { return false };
    egress.repeat(slot, placed, packet, now, exit);
    true
}

/// What a slot could use.
fn demand(tracks: &Slab<Track>, slot: &Slot) -> Demand {
    let priority = slot.lane.priority;
    let (mut layers, mut thinned) = ([None; LAYERS], [[None; TIDS - 1]; LAYERS]);
    let Some(track) = slot.lane.feed.and_then(|feed| tracks.get(feed)).filter(|track| track.is_alive()) else {
        return Demand { priority, layers, thinned };
    };
    let best = track.choose(slot.lane.height, u8::MAX).unwrap_or(0);
    for (at, layer) in track.layers.iter().enumerate().take(usize::from(best) + 1).filter(|(_, layer)| layer.alive) {
        let measured = layer.meter.rates(SWEEP.as_secs_f64());
        let whole = measured.map(|rates| rates.iter().sum::<f64>());
        let rate = match (track.is_video(), whole) {
            (true, Some(rate)) => rate,
            (true, None) => PER_LINE * f64::from(track.height_of(at)),
            (false, rate) => rate.unwrap_or(0.0).max(VOICE),
        };
        if let Some(place) = layers.get_mut(at) {
            (*place, thinned[at]) = (Some(rate), measured.map(thin).unwrap_or_default());
        }
    }
    Demand { priority, layers, thinned }
}

/// What is left of a layer without its upper temporal layers, of which these are the rates.
fn thin(rates: [f64; TIDS]) -> [Option<f64>; TIDS - 1] {
    std::array::from_fn(|tid| {
        let above = rates[tid + 1..].iter().any(|&rate| rate > 0.0);
        (above && rates[tid] > 0.0).then(|| rates[..=tid].iter().sum())
    })
}
