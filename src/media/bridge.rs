//! Between a room's mix and the forwarder: the mix is one more publisher and one more subscriber.

use std::collections::HashMap;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::Instant;

use crate::domain::ids::{PeerId, SlotIndex, Source, TrackId};
use crate::domain::media::{Assignment, Feed, Rendition};
use crate::rtp::description::{CodecName, PeerMedia};
use crate::rtp::sink::PacketSink;
use crate::transport::net::Net;

use super::links::{Links, SubscriptionId};

/// The mix's tracks as a publisher: the full picture, the small one, the sound.
pub(super) const MIX_TRACKS: [(Source, CodecName); 3] =
    [(Source::Camera, CodecName::H264), (Source::Screen, CodecName::Vp8), (Source::Microphone, CodecName::Opus)];

/// Subscriptions are named once in a process.
static NEXT_SUBSCRIPTION: AtomicU64 = AtomicU64::new(1);

/// The joint. The mix's thread and the engine's use it.
pub(super) struct Bridge {
    net: Net,
    mix_peer: PeerId,
    state: Mutex<State>,
}

#[derive(Default)]
struct State {
    codecs: HashMap<TrackId, CodecName>,
    watched: HashMap<(PeerId, SlotIndex), Feed>,
}

/// Which feed of the mix a pseudo track carries.
pub(super) fn feed(source: Source) -> Feed {
    match source {
        Source::Camera => Feed::MixPicture(Rendition::Main),
        Source::Screen => Feed::MixPicture(Rendition::Low),
        Source::Microphone | Source::ScreenSound => Feed::MixSound,
    }
}

impl Bridge {
    pub(super) fn new(net: Net, mix_peer: PeerId) -> Self {
        Self { net, mix_peer, state: Mutex::default() }
    }

    fn state(&self) -> MutexGuard<'_, State> {
        // Nothing under this lock can panic half-way.
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// The track that carries a feed.
    fn track(&self, feed: Feed) -> TrackId {
        let source = match feed {
            Feed::Track(track) => return track,
            Feed::MixPicture(Rendition::Main) => Source::Camera,
            Feed::MixPicture(Rendition::Low) => Source::Screen,
            Feed::MixSound => Source::Microphone,
        };
        TrackId { peer: self.mix_peer, source }
    }

    pub(super) fn add_tracks(&self, peer: PeerId, media: &PeerMedia) {
        let tracks =
            media.receives.iter().map(|receive| (TrackId { peer, source: receive.source }, receive.codec.name));
        self.state().codecs.extend(tracks);
    }

    pub(super) fn remove_tracks(&self, peer: PeerId) {
        self.state().codecs.retain(|track, _| track.peer != peer);
    }

    pub(super) fn forget_viewer(&self, viewer: PeerId) {
        self.state().watched.retain(|(peer, _), _| *peer != viewer);
    }

    /// Notes what a slot is given, and says which track that is for the forwarder.
    pub(super) fn assign(&self, viewer: PeerId, assignment: &Assignment) -> Option<TrackId> {
        let key = (viewer, assignment.slot);
        match assignment.feed {
            Some(feed @ (Feed::MixPicture(_) | Feed::MixSound)) => self.state().watched.insert(key, feed),
            Some(Feed::Track(_)) | None => self.state().watched.remove(&key),
        };
        assignment.feed.map(|feed| self.track(feed))
    }

    /// Which renditions somebody watches. Sound alone comes with the cheap one.
    pub(super) fn demand(&self) -> [(Rendition, bool); 2] {
        let state = self.state();
        let watched = |feed| state.watched.values().any(|watched| *watched == feed);
        let main = watched(Feed::MixPicture(Rendition::Main));
        let low = watched(Feed::MixPicture(Rendition::Low));
        [(Rendition::Main, main), (Rendition::Low, low || (!main && watched(Feed::MixSound)))]
    }
}

impl Links for Bridge {
    fn subscribe(&self, track: TrackId, height: u16, sink: Box<dyn PacketSink>) -> Option<(SubscriptionId, CodecName)> {
        let codec = *self.state().codecs.get(&track)?;
        let id = NEXT_SUBSCRIPTION.fetch_add(1, Ordering::Relaxed);
        self.net.subscribe(id, track, height, sink);
        Some((SubscriptionId(id), codec))
    }

    fn resize(&self, subscription: SubscriptionId, height: u16) {
        self.net.resize(subscription.0, height);
    }

    fn unsubscribe(&self, subscription: SubscriptionId) {
        self.net.unsubscribe(subscription.0);
    }

    fn request_key_frame(&self, subscription: SubscriptionId) {
        self.net.request_key_frame(subscription.0);
    }

    fn publish(&self, feed: Feed, packet: &[u8], composed: Instant) {
        self.net.publish(self.track(feed), packet, composed);
    }
}
