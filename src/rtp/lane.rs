//! What a slot and a subscription have in common: which track they are to carry, which stream they carry now, and the
//! switch between the two.

use std::cmp::Ordering;
use std::time::Instant;

use crate::domain::ids::Priority;

use super::rewrite::{Media, Placed, Rewriter, StreamKey};
use super::slab::Key;
use super::thinning::{ALL_TIDS, Thinning};

/// Who takes the packets of a track.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum LaneRef {
    /// A slot of a peer.
    Slot(Key, u16),
    /// A subscription of the mix.
    Subscription(Key),
}

/// What a lane does with a packet.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Verdict {
    /// It has nothing to do with that track any more.
    Leave,
    /// Not this packet.
    Pass,
    /// Send it there.
    Send(Placed),
    /// Send it there: it is the first of a new source.
    Begin(Placed),
}

/// See the module.
pub(crate) struct Lane {
    /// What was asked for.
    pub(crate) feed: Option<Key>,
    /// Pixels the picture is shown with.
    pub(crate) height: u16,
    /// Its rank among the viewer's slots.
    pub(crate) priority: Priority,
    /// How many layers the viewer's line carries; 0 pauses it.
    pub(crate) allowed: u8,
    /// The highest TID it carries of the best of those layers.
    pub(crate) temporal: u8,
    pub(crate) thinning: Thinning,
    /// Since when more than that is sent, for want of a key frame.
    pub(crate) over_since: Option<Instant>,
    /// What is being sent.
    pub(crate) current: Option<StreamKey>,
    /// What will be sent from its next key frame on.
    pub(crate) target: Option<StreamKey>,
    pub(crate) rewriter: Rewriter,
    /// Packets and payload bytes sent, for sender reports.
    pub(crate) packets: u32,
    pub(crate) octets: u32,
}

impl Lane {
    pub(crate) fn new(seed: u64) -> Lane {
        let rewriter = Rewriter::new(seed);
        Lane {
            feed: None,
            height: 0,
            priority: Priority::Other,
            allowed: u8::MAX,
            temporal: ALL_TIDS,
            thinning: Thinning::default(),
            over_since: None,
            current: None,
            target: None,
            rewriter,
            packets: 0,
            octets: 0,
        }
    }

    /// Carries nothing from now on.
    pub(crate) fn clear(&mut self) {
        (self.feed, self.current, self.target) = (None, None, None);
    }

    /// The stream was interrupted: it begins again at its next key frame.
    pub(crate) fn interrupt(&mut self, source: StreamKey) {
        if self.current == Some(source) {
            self.current = None;
            if self.feed == Some(source.track) && self.target.is_none() {
                self.target = Some(source);
            }
        }
    }

    /// The track went away.
    pub(crate) fn lose(&mut self, track: Key) {
        let of_track = |stream: &Option<StreamKey>| stream.is_some_and(|stream| stream.track == track);
        if of_track(&self.current) {
            self.current = None;
        }
        if of_track(&self.target) {
            self.target = None;
        }
        if self.feed == Some(track) {
            self.feed = None;
        }
    }

    /// A packet of `source`.
    pub(crate) fn offer(&mut self, source: StreamKey, media: &Media<'_>) -> Verdict {
        if self.begins(source, media) {
            self.current = Some(source);
            if self.target == self.current {
                self.target = None;
            }
            self.switch(source, media);
            return self.rewriter.place(media).map_or(Verdict::Pass, |placed| self.sent(media, Verdict::Begin(placed)));
        }
        if self.current != Some(source) {
            return if self.concerns(source.track) { Verdict::Pass } else { Verdict::Leave };
        }
        if self.rewriter.leaps(media.sequence) {
            if !media.entry {
                return Verdict::Pass;
            }
            self.switch(source, media);
        } else {
            self.thin(source, media);
        }
        self.rewriter.place(media).map_or(Verdict::Pass, |placed| self.sent(media, Verdict::Send(placed)))
    }

    fn switch(&mut self, source: StreamKey, media: &Media<'_>) {
        self.rewriter.switch(source, media);
        self.thinning = Thinning::default();
        self.thin(source, media);
    }

    /// Lets the temporal layers through that the line carries, from the first frame on with which that can be.
    fn thin(&mut self, source: StreamKey, media: &Media<'_>) {
        let most = match (source.layer + 1).cmp(&self.allowed) {
            Ordering::Less => ALL_TIDS,
            Ordering::Equal => self.temporal,
            // More than is allowed, until the key frame of another layer comes.
            Ordering::Greater => 0,
        };
        if let Some(limit) = self.thinning.decide(media, most) {
            self.rewriter.limit(media.sequence, limit);
        }
    }

    /// A packet of `source` without content.
    pub(crate) fn skip(&mut self, source: StreamKey, sequence: u64) {
        if self.current == Some(source) {
            self.rewriter.skip(sequence);
        }
    }

    /// Whether packets of the track may still be of use.
    fn concerns(&self, track: Key) -> bool {
        self.feed == Some(track) || self.current.is_some_and(|current| current.track == track)
    }

    fn begins(&self, source: StreamKey, media: &Media<'_>) -> bool {
        let wanted = self.target == Some(source);
        // A new track starts with whatever layer can be entered first; the right one follows.
        let new = self.feed == Some(source.track) && self.current.is_none_or(|current| current.track != source.track);
        media.entry && source.layer < self.allowed && (wanted || new)
    }

    fn sent(&mut self, media: &Media<'_>, verdict: Verdict) -> Verdict {
        self.packets = self.packets.wrapping_add(1);
        self.octets = self.octets.wrapping_add(media.payload.len() as u32);
        verdict
    }
}
