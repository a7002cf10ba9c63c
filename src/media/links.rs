//! How the mix is joined to the forwarder: it subscribes to tracks like a viewer and publishes like a person.

use std::time::Instant;

use crate::domain::ids::TrackId;
use crate::domain::media::Feed;
use crate::rtp::description::CodecName;
use crate::rtp::sink::PacketSink;

/// A subscription of the mix to one track.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct SubscriptionId(pub u64);

/// The mix's side of the forwarder. All calls return at once; everything is carried out on the net thread.
pub trait Links: Send + Sync + 'static {
    /// Take a track's packets in the smallest layer at least `height` pixels high. `None`: the track is gone.
    fn subscribe(&self, track: TrackId, height: u16, sink: Box<dyn PacketSink>) -> Option<(SubscriptionId, CodecName)>;
    /// The tile changed its size.
    fn resize(&self, subscription: SubscriptionId, height: u16);
    /// No more packets; the sink is dropped soon after.
    fn unsubscribe(&self, subscription: SubscriptionId);
    /// The decoder needs a key frame. Repeated and throttled on the other side.
    fn request_key_frame(&self, subscription: SubscriptionId);
    /// One RTP packet of the mix for viewers ([`Feed::MixPicture`] or [`Feed::MixSound`]), with the moment its media
    /// was composed: it keeps lips in sync.
    fn publish(&self, feed: Feed, packet: &[u8], composed: Instant);
}
