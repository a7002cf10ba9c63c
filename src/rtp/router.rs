//! The forwarder without its socket: who publishes what, who is shown what, and every packet's way between them.
//!
//! One value, moved by `&mut self` from one thread. Datagrams and times go in; datagrams, events and the next time to
//! wake go out. Nothing here reads a clock, blocks, or keeps more than is bounded per peer.
//!
//! - `control`: peers, slots, subscriptions come and go;
//! - `receive`: an SRTP packet's way in; `forward`: its way out to slots and subscriptions;
//! - `reception`: what peers report and ask for (RTCP in);
//! - `timers`: what the server reports and asks for (RTCP out), and choices of layer.

use std::collections::HashMap;
use std::hash::{BuildHasherDefault, Hasher};
use std::time::{Duration, Instant};

use crate::domain::ids::{PeerId, Priority, TrackId};

use super::clock::WallClock;
use super::counters::Refusal;
pub use super::counters::{Counters, Drops};
use super::description::CodecName;
use super::egress::Scratch;
use super::estimator::START;
use super::lane::{Lane, LaneRef};
use super::packet::{MAX_DATAGRAM, is_rtcp};
use super::peer::Peer;
use super::random::Random;
use super::rewrite::StreamKey;
use super::sink::PacketSink;
use super::slab::{Key, Slab};
pub use super::srtp::SrtpKeys;
use super::stream::{Layer, Track};

mod bandwidth;
mod control;
mod forward;
mod receive;
mod reception;
mod timers;

/// Timers fire on multiples of this.
const GRID_MICROS: u64 = 5_000;

/// What the router has to say to the rest of the program.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum RouterEvent {
    /// The first packet of a track arrived.
    TrackStarted(TrackId),
    /// Somebody speaks: the loudest level since the last event. For each packet while they begin, then every 100 ms.
    Level {
        /// Whose microphone.
        peer: PeerId,
        /// In -dBov (RFC 6464): 0 is loudest. Always below 60.
        level: u8,
    },
    /// A viewer of a local publisher needs a key frame.
    KeyFrameWanted(TrackId),
    /// How much a viewer's line carries, and what it would need for the lowest layers of all it is shown, in bits/s. When
    /// that changed by a tenth, at most once a second.
    Line {
        /// The viewer.
        peer: PeerId,
        /// The estimate.
        estimate: u32,
        /// The need: the viewer is starved where it is above the estimate.
        needed: u32,
    },
    /// How much of a track anybody takes or would take: the rest need not be sent. More at once, less after some seconds.
    Watched {
        /// The track.
        track: TrackId,
        /// The lowest so many; 0 is nobody.
        layers: u8,
        /// Lines that are enough for the largest of them.
        height: Option<u16>,
    },
}

/// What a slot is to carry.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct View {
    /// The track; `None` empties the slot.
    pub feed: Option<TrackId>,
    /// Pixels the picture is shown with.
    pub height: u16,
    /// Its rank where the viewer's line does not carry everything.
    pub priority: Priority,
}

/// Where the router's output goes.
pub trait Outbound {
    /// Sends an SRTP or SRTCP datagram to a peer.
    fn transmit(&mut self, peer: PeerId, datagram: &[u8]);
    /// Tells the rest of the program.
    fn event(&mut self, event: RouterEvent);
}

/// A track's packets on their way into this process: the mix as a viewer.
struct Subscription {
    ssrc: u32,
    codec: CodecName,
    lane: Lane,
    sink: Box<dyn PacketSink>,
    /// When the next sender report is due.
    report_at: Option<Instant>,
}

/// See the module.
pub struct Router {
    clock: WallClock,
    random: Random,
    ids: HashMap<PeerId, Key, BuildHasherDefault<IdHasher>>,
    peers: Slab<Peer>,
    tracks: Slab<Track>,
    subscription_ids: HashMap<u64, Key>,
    subscriptions: Slab<Subscription>,
    counters: Counters,
    /// When [`Router::handle_timeout`] has something to do.
    wake: Option<Instant>,
    /// When layers are next looked at.
    sweep_at: Option<Instant>,
    epoch: Instant,
    /// Taken for a line before anything is known of it, in bits/s.
    line_start: f64,
    scratch: Box<Scratch>,
}

impl Router {
    /// `seed` gives the random starts of SSRCs, sequence numbers and timestamps; `epoch_unix` is the Unix time of
    /// `epoch`, from which sender reports take their NTP time.
    pub fn new(seed: u64, epoch: Instant, epoch_unix: Duration) -> Router {
        Router {
            clock: WallClock::new(epoch, epoch_unix),
            random: Random::new(seed),
            ids: HashMap::default(),
            peers: Slab::new(),
            tracks: Slab::new(),
            subscription_ids: HashMap::new(),
            subscriptions: Slab::new(),
            counters: Counters::default(),
            wake: None,
            sweep_at: None,
            epoch,
            line_start: START,
            scratch: Box::new([0; MAX_DATAGRAM]),
        }
    }

    /// A datagram from a peer whose first byte is 128..=191: SRTP or SRTCP (RFC 5761). It is decrypted in place.
    pub fn handle(&mut self, now: Instant, peer: PeerId, datagram: &mut [u8], out: &mut dyn Outbound) {
        self.counters.received += 1;
        let handled = match self.ids.get(&peer) {
            None => Err(Refusal::UnknownPeer),
            Some(&key) if is_rtcp(datagram) => self.rtcp(now, key, datagram, out),
            Some(&key) => self.rtp(now, key, datagram, out),
        };
        if let Err(reason) = handled {
            self.counters.dropped(reason);
        }
    }

    /// When [`Router::handle_timeout`] is to be called next.
    pub fn next_timeout(&self) -> Option<Instant> {
        self.wake
    }

    /// What was done so far.
    pub fn counters(&self) -> Counters {
        self.counters
    }

    /// When the packet with that transport-wide number was sent to a peer, and its length on the line in bytes.
    pub fn sent(&self, peer: PeerId, number: u16) -> Option<(Instant, u16)> {
        let sent = self.peers.get(*self.ids.get(&peer)?)?.egress.sent.sent(number)?;
        Some((sent.at, sent.bytes))
    }

    /// What a viewer's line carries, in bits/s with IP headers; `None` if it does not report on what it receives.
    pub fn estimate(&self, peer: PeerId) -> Option<u32> {
        let line = self.peers.get(*self.ids.get(&peer)?)?.egress.line.as_ref()?;
        Some(line.estimator.estimate() as u32)
    }

    /// The round trip to a peer, smoothed; a guess until its first report.
    pub fn round_trip(&self, peer: PeerId) -> Option<Duration> {
        Some(self.peers.get(*self.ids.get(&peer)?)?.egress.round_trip)
    }

    /// Wakes at `at`, or earlier if that was agreed on already. Rounded up to a grid, so that the timers of many peers
    /// share their wakes.
    fn wake_at(&mut self, at: Instant) {
        let micros = self.clock.micros(at).next_multiple_of(GRID_MICROS);
        let at = self.epoch + Duration::from_micros(micros);
        self.wake = Some(self.wake.map_or(at, |wake| wake.min(at)));
    }

    fn track_key(&self, track: TrackId) -> Option<Key> {
        let peer = self.peers.get(*self.ids.get(&track.peer)?)?;
        peer.tracks.iter().find(|(source, _)| *source == track.source).map(|&(_, key)| key)
    }

    fn lane_mut(&mut self, lane: LaneRef) -> Option<&mut Lane> {
        match lane {
            LaneRef::Slot(peer, slot) => {
                let slots = &mut self.peers.get_mut(peer)?.egress.slots;
                slots.get_mut(usize::from(slot)).map(|slot| &mut slot.lane)
            }
            LaneRef::Subscription(key) => self.subscriptions.get_mut(key).map(|subscription| &mut subscription.lane),
        }
    }

    /// Whether anybody is sent the stream or waits for it: only then is it worth repairs and key frames.
    fn is_watched(&self, stream: StreamKey) -> bool {
        let Some(track) = self.tracks.get(stream.track) else { return false };
        track.lanes.iter().any(|&lane| {
            let lane = match lane {
                LaneRef::Slot(peer, slot) => self
                    .peers
                    .get(peer)
                    .and_then(|peer| peer.egress.slots.get(usize::from(slot)))
                    .map(|slot| &slot.lane),
                LaneRef::Subscription(key) => self.subscriptions.get(key).map(|subscription| &subscription.lane),
            };
            lane.is_some_and(|lane| lane.current == Some(stream) || lane.target == Some(stream))
        })
    }

    fn layer_mut(&mut self, stream: StreamKey) -> Option<&mut Layer> {
        self.tracks.get_mut(stream.track)?.layers.get_mut(usize::from(stream.layer))
    }

    /// Somebody may need a key frame of that stream; if so, [`Router::ask_key_frames`] asks for it.
    fn want_key_frame(&mut self, stream: StreamKey) {
        if self.tracks.get(stream.track).is_some_and(Track::is_video)
            && self.is_watched(stream)
            && let Some(layer) = self.layer_mut(stream)
        {
            layer.key.want();
        }
    }
}

/// A hash for ids that we gave out ourselves.
#[derive(Default)]
struct IdHasher(u64);

impl Hasher for IdHasher {
    fn finish(&self) -> u64 {
        self.0
    }

    fn write(&mut self, bytes: &[u8]) {
        for &byte in bytes {
            self.write_u64(self.0 ^ u64::from(byte));
        }
    }

    fn write_u64(&mut self, id: u64) {
        let spread = id.wrapping_mul(0x9e37_79b9_7f4a_7c15);
        self.0 = spread ^ spread >> 32;
    }
}

#[cfg(test)]
mod tests;
