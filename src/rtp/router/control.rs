//! Peers, slots and subscriptions come and go.

use std::time::Instant;

use crate::domain::ids::{PeerId, SlotIndex, Source, TrackId};

use super::super::Outbound;
use super::super::bucket::Bucket;
use super::super::clock::PublisherClock;
use super::super::description::{Codec, CodecName, Extensions, PeerMedia};
use super::super::egress::{Egress, Exit, Offered};
use super::super::lane::{Lane, LaneRef};
use super::super::line::Line;
use super::super::nack::Nacker;
use super::super::peer::Peer;
use super::super::rewrite::{Media, StreamKey};
use super::super::sink::PacketSink;
use super::super::slab::Key;
use super::super::srtp::{Receiver, Sender, SrtpKeys};
use super::super::stream::{Layer, Track, local_codec};
use super::super::watch::Watch;
use super::{Router, Subscription, View};

/// Longer names do not fit an SDES item (RFC 3550 section 6.5).
const MAX_CNAME: usize = 255;

impl Router {
    /// A negotiated peer. Its media is dropped until [`Router::set_keys`]. A peer of that id is replaced.
    pub fn add_peer(&mut self, peer: PeerId, cname: &str, media: PeerMedia) {
        let PeerMedia { receives, slots, extensions } = media;
        let mut egress = Egress::new(peer, extensions, slots, &mut self.random);
        egress.line = egress.can_be_probed().then(|| Box::new(Line::new(self.epoch, self.line_start)));
        let tracks = receives.iter().map(|receive| {
            let layers = receive.rids.len().max(1);
            (receive.source, receive.codec.clone(), layers)
        });
        let tracks = tracks.collect();
        self.insert(Peer::new(peer, cut(cname), extensions, receives, egress), tracks, false);
    }

    /// The mix as a publisher: its packets come by [`Router::publish`], in the clear.
    pub fn add_local_publisher(&mut self, peer: PeerId, cname: &str, tracks: &[(Source, CodecName)]) {
        let egress = Egress::new(peer, Extensions::default(), Vec::new(), &mut self.random);
        let tracks = tracks.iter().map(|&(source, name)| (source, local_codec(name), 1)).collect();
        self.insert(Peer::new(peer, cut(cname), Extensions::default(), Vec::new(), egress), tracks, true);
    }

    fn insert(&mut self, peer: Peer, tracks: Vec<(Source, Codec, usize)>, local: bool) {
        let (id, cname) = (peer.id, peer.cname.clone());
        if let Some(&old) = self.ids.get(&id) {
            self.forget(old);
        }
        let publisher = self.peers.insert(peer);
        self.ids.insert(id, publisher);
        for (source, codec, layers) in tracks {
            let track = self.tracks.insert(Track {
                id: TrackId { peer: id, source },
                publisher,
                cname: cname.clone(),
                codec,
                kind: source.kind(),
                local,
                silenced: false,
                started: false,
                layers: (0..layers).map(|_| Layer::new()).collect(),
                ceiling: Bucket::default(),
                lanes: Vec::new(),
                watch: Watch::new(layers),
                clock: if local { PublisherClock::same() } else { PublisherClock::default() },
            });
            if let Some(peer) = self.peers.get_mut(publisher) {
                peer.tracks.push((source, track));
            }
        }
    }

    /// DTLS is done: media may flow.
    pub fn set_keys(&mut self, peer: PeerId, keys: &SrtpKeys) {
        let Some(peer) = self.ids.get(&peer).and_then(|&key| self.peers.get_mut(key)) else { return };
        peer.receiver = Some(Receiver::new(&keys.receive));
        peer.egress.sender = Some(Sender::new(&keys.send));
        // Key frames that came before could not be sent.
        let targets: Vec<StreamKey> = peer.egress.slots.iter().filter_map(|slot| slot.lane.target).collect();
        for target in targets {
            self.want_key_frame(target);
            self.wake_at(self.epoch);
        }
    }

    /// A peer left: its tracks leave every slot and subscription.
    pub fn remove_peer(&mut self, _now: Instant, peer: PeerId, _out: &mut dyn Outbound) {
        if let Some(key) = self.ids.remove(&peer) {
            self.forget(key);
        }
    }

    fn forget(&mut self, key: Key) {
        let Some(peer) = self.peers.remove(key) else { return };
        for (_, track_key) in peer.tracks {
            let Some(track) = self.tracks.remove(track_key) else { continue };
            for lane in track.lanes {
                if let Some(lane) = self.lane_mut(lane) {
                    lane.lose(track_key);
                }
            }
        }
    }

    /// Points a slot at a track, or at nothing. The old picture stays until the new one's key frame; sound changes at
    /// once. Calling again with another height changes the layer.
    pub fn assign(
        &mut self,
        now: Instant,
        viewer: PeerId,
        SlotIndex(slot): SlotIndex,
        View { feed, height, priority }: View,
        out: &mut dyn Outbound,
    ) {
        let Some(&viewer) = self.ids.get(&viewer) else { return };
        let track = feed.and_then(|feed| self.track_key(feed));
        let codec = track.and_then(|track| self.tracks.get(track)).map(|track| track.codec.name);
        let Some(at) = self.peers.get_mut(viewer).and_then(|peer| peer.egress.slots.get_mut(usize::from(slot))) else {
            return;
        };
        let fits = codec.is_none_or(|codec| at.carries(codec));
        if !fits {
            self.counters.codec_mismatches += 1;
        }
        at.lane.priority = priority;
        let lane = LaneRef::Slot(viewer, slot);
        self.retarget(lane, track.filter(|_| fits), height);
        self.settle_line(now, viewer, Some(usize::from(slot)), out);
        self.point(now, lane, track.filter(|_| fits), out);
        self.begin_probe(now, viewer, out);
    }

    /// The mix takes a track: its packets go to `sink` with one SSRC and without jumps, followed by sender reports. `id`
    /// names the subscription; one of that id is replaced.
    #[allow(clippy::too_many_arguments, reason = "a command with its fields, called in one place")]
    pub fn subscribe(
        &mut self,
        now: Instant,
        id: u64,
        track: TrackId,
        height: u16,
        sink: Box<dyn PacketSink>,
        out: &mut dyn Outbound,
    ) {
        self.unsubscribe(id);
        let Some(track) = self.track_key(track) else { return };
        let Some(codec) = self.tracks.get(track).map(|track| track.codec.name) else { return };
        let lane = Lane::new(self.random.next());
        let subscription = Subscription { ssrc: self.random.ssrc(), codec, lane, sink, report_at: None };
        let key = self.subscriptions.insert(subscription);
        self.subscription_ids.insert(id, key);
        self.retarget(LaneRef::Subscription(key), Some(track), height);
        self.point(now, LaneRef::Subscription(key), Some(track), out);
    }

    /// The mix's tile changed its size.
    pub fn resize_subscription(&mut self, now: Instant, id: u64, height: u16, out: &mut dyn Outbound) {
        let Some(&key) = self.subscription_ids.get(&id) else { return };
        let feed = self.subscriptions.get(key).and_then(|subscription| subscription.lane.feed);
        self.retarget(LaneRef::Subscription(key), feed, height);
        self.point(now, LaneRef::Subscription(key), feed, out);
    }

    /// No more packets; the sink is dropped.
    pub fn unsubscribe(&mut self, id: u64) {
        if let Some(key) = self.subscription_ids.remove(&id) {
            self.subscriptions.remove(key);
        }
    }

    /// The mix's decoder needs a key frame.
    pub fn request_key_frame(&mut self, now: Instant, id: u64, out: &mut dyn Outbound) {
        let Some(subscription) = self.subscription_ids.get(&id).and_then(|&key| self.subscriptions.get(key)) else {
            return;
        };
        let lane = &subscription.lane;
        if let Some(stream) = lane.target.or(lane.current) {
            self.want_key_frame(stream);
            self.ask_key_frames(now, stream.track, out);
        }
    }

    /// The publisher muted the track, or was muted: packets are dropped where they enter. Afterwards pictures go on
    /// with a key frame.
    pub fn silence(&mut self, track: TrackId, silenced: bool) {
        let Some(key) = self.track_key(track) else { return };
        let Some(track) = self.tracks.get_mut(key) else { return };
        if std::mem::replace(&mut track.silenced, silenced) == silenced {
            return;
        }
        for layer in &mut track.layers {
            // What is missing now will never come.
            layer.nacker = Nacker::default();
            layer.history.clear();
            layer.alive &= !silenced;
        }
        for layer in 0..track.layers.len() {
            let stream = StreamKey { track: key, layer: layer as u8 };
            self.interrupt(stream);
        }
        if !silenced {
            self.aim_all(key);
            self.wake_at(self.epoch);
        }
    }

    /// The stream makes a jump: its viewers go on with its next key frame.
    pub(super) fn interrupt(&mut self, stream: StreamKey) {
        let Some(track) = self.tracks.get_mut(stream.track) else { return };
        let lanes = std::mem::take(&mut track.lanes);
        for &lane in &lanes {
            if let Some(lane) = self.lane_mut(lane) {
                lane.interrupt(stream);
            }
        }
        if let Some(track) = self.tracks.get_mut(stream.track) {
            track.lanes = lanes;
        }
    }

    /// Says what a lane is to carry.
    fn retarget(&mut self, at: LaneRef, feed: Option<Key>, height: u16) {
        let Some(lane) = self.lane_mut(at) else { return };
        if feed.is_none() {
            lane.clear();
        } else if lane.feed != feed {
            (lane.feed, lane.target) = (feed, None);
        }
        lane.height = height;
    }

    /// Lets a lane have the packets of what it is to carry.
    fn point(&mut self, now: Instant, at: LaneRef, feed: Option<Key>, out: &mut dyn Outbound) {
        let Some(feed) = feed else { return };
        let Some(track) = self.tracks.get_mut(feed) else { return };
        if !track.lanes.contains(&at) {
            track.lanes.push(at);
        }
        self.aim(feed, at);
        if let LaneRef::Slot(viewer, slot) = at {
            self.recall(now, feed, (viewer, slot), out);
        }
        self.tell_watched(now, feed, out);
        self.ask_key_frames(now, feed, out);
    }

    /// A voice that a slot does not carry yet begins in it with what was said in the last moments.
    fn recall(&mut self, now: Instant, feed: Key, (viewer, slot): (Key, u16), out: &mut dyn Outbound) {
        let stream = StreamKey { track: feed, layer: 0 };
        let Some(track) = self.tracks.get(feed).filter(|track| !track.is_video() && !track.local) else { return };
        let (Some(layer), codec) = (track.layers.first(), &track.codec) else { return };
        let Some(peer) = self.peers.get_mut(viewer) else { return };
        let carried = peer.egress.slots.get(usize::from(slot)).is_none_or(|slot| slot.lane.current == Some(stream));
        if carried {
            return;
        }
        let mut exit = Exit { scratch: &mut self.scratch, out };
        for said in layer.history.recent(now) {
            let media = Media {
                sequence: said.sequence,
                timestamp: said.timestamp,
                marker: said.marker,
                payload: &said.payload,
                entry: true,
                vp8: None,
                clock_rate: codec.clock_rate,
                arrived: said.arrived,
            };
            let offered = peer.egress.offer(slot, stream, (&media, codec.name), &mut exit);
            if offered == Offered::Begun {
                peer.egress.report_at = Some(now);
            }
            self.counters.forwarded += u64::from(matches!(offered, Offered::Sent | Offered::Begun));
        }
        self.wake_at(now);
    }

    /// Chooses the layer of a lane and wants the key frame it needs.
    pub(super) fn aim(&mut self, feed: Key, at: LaneRef) {
        let Some(track) = self.tracks.get(feed) else { return };
        // Nobody hears the one while seeing the other; and whose picture was shown before must not go on in the place
        // of somebody who sends nothing.
        let alive = track.is_alive();
        let at_once = !track.is_video() || !alive;
        let Some(lane) = self.lane_mut(at).filter(|lane| lane.feed == Some(feed)) else { return };
        let (height, allowed) = (lane.height, lane.allowed);
        if at_once && lane.current.is_some_and(|current| current.track != feed) {
            lane.current = None;
        }
        if allowed == 0 {
            (lane.current, lane.target) = (None, None);
            return;
        }
        if !alive && lane.current.is_some() {
            // What is shown stays; the next packet decides.
            return;
        }
        let Some(layer) = self.tracks.get(feed).and_then(|track| track.choose(height, allowed)) else { return };
        let wanted = StreamKey { track: feed, layer };
        let Some(lane) = self.lane_mut(at) else { return };
        if lane.current == Some(wanted) {
            lane.target = None;
        } else {
            lane.target = Some(wanted);
            self.want_key_frame(wanted);
        }
    }

    /// Chooses the layers of all lanes of a track again.
    pub(super) fn aim_all(&mut self, track: Key) {
        let lanes = self.tracks.get(track).map_or(0, |track| track.lanes.len());
        for at in 0..lanes {
            let lane = self.tracks.get(track).and_then(|track| track.lanes.get(at).copied());
            if let Some(lane) = lane {
                self.aim(track, lane);
            }
        }
    }
}

/// The longest start of `name` that fits an SDES item.
fn cut(name: &str) -> &str {
    &name[..name.floor_char_boundary(MAX_CNAME)]
}
