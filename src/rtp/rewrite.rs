//! How packets of changing sources become one stream without seams: sequence numbers, timestamps and VP8 picture
//! numbers go on, whatever the source's are.
//!
//! The mapping is a short list of segments. Each says: from this source number on, add this. A new one begins when the
//! source changes and when a packet is taken out (padding, frames of a temporal layer that is not sent on); old ones still
//! tell what a viewer's NACK refers to.
//!
//! A packet that was missing when its neighbours were taken out has a number by then, whatever it turns out to be. If it
//! is of a frame that is not sent on, its place is filled with a packet without content: [`Placed::limit`].

use std::collections::VecDeque;
use std::time::{Duration, Instant};

use super::clock::ticks;
use super::nack::MAX_JUMP;
use super::slab::Key;
use super::vp8::{Descriptor, Shift};

/// Segments remembered: a second's worth where every other frame of 60 a second is taken out.
const SEGMENTS: usize = 32;

/// One stream of a publisher: a layer of a track.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct StreamKey {
    pub(crate) track: Key,
    pub(crate) layer: u8,
}

/// A packet on its way to its viewers.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Media<'a> {
    /// Sequence number without wraps.
    pub(crate) sequence: u64,
    pub(crate) timestamp: u32,
    pub(crate) marker: bool,
    pub(crate) payload: &'a [u8],
    /// A viewer may begin here.
    pub(crate) entry: bool,
    /// VP8 only.
    pub(crate) vp8: Option<Descriptor>,
    pub(crate) clock_rate: u32,
    pub(crate) arrived: Instant,
}

/// Where a packet goes in the stream of a slot.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Placed {
    /// Sequence number without wraps.
    pub(crate) sequence: u64,
    pub(crate) timestamp: u32,
    pub(crate) shift: Shift,
    /// The highest TID that is sent on there; the packet of a higher one goes without its content.
    pub(crate) limit: u8,
}

#[derive(Debug, Clone, Copy)]
struct Segment {
    source: StreamKey,
    /// Counts switches; a packet only goes through segments of the present one.
    epoch: u32,
    first_in: u64,
    first_out: u64,
    timestamp: u32,
    shift: Shift,
    limit: u8,
}

impl Segment {
    fn place(&self, sequence: u64, timestamp: u32) -> Placed {
        Placed {
            sequence: self.first_out + (sequence - self.first_in),
            timestamp: timestamp.wrapping_add(self.timestamp),
            shift: self.shift,
            limit: self.limit,
        }
    }
}

/// The mapping of one slot or subscription.
pub(crate) struct Rewriter {
    segments: VecDeque<Segment>,
    epoch: u32,
    /// The highest numbers of the present source and of what was sent.
    highest_in: u64,
    highest_out: u64,
    /// Of the newest packet sent.
    timestamp: u32,
    arrived: Option<Instant>,
    picture: Option<u16>,
    tl0: Option<u8>,
    /// The source's id of the last picture that was taken out.
    left_out: Option<u16>,
}

impl Rewriter {
    /// `seed` gives the random starts that RFC 3550 asks for. The sequence number starts in the lower half, so that
    /// the first packets cannot be on both sides of a rollover.
    pub(crate) fn new(seed: u64) -> Rewriter {
        Rewriter {
            segments: VecDeque::new(),
            epoch: 0,
            highest_in: 0,
            highest_out: seed & 0x7fff,
            timestamp: (seed >> 16) as u32,
            arrived: None,
            picture: None,
            tl0: None,
            left_out: None,
        }
    }

    /// From this packet on, the stream is `source`.
    pub(crate) fn switch(&mut self, source: StreamKey, first: &Media<'_>) {
        self.epoch = self.epoch.wrapping_add(1);
        let elapsed = self.arrived.map(|at| first.arrived.saturating_duration_since(at));
        let advance = elapsed.map_or(0, |elapsed| ticks(elapsed.max(Duration::from_millis(1)), first.clock_rate));
        let mut shift = Shift::default();
        if let Some(descriptor) = first.vp8 {
            if let (Some((id, _, _)), Some(last)) = (descriptor.picture, self.picture) {
                shift.picture = last.wrapping_add(1).wrapping_sub(id);
            }
            if let (Some((index, _)), Some(last)) = (descriptor.tl0, self.tl0) {
                shift.tl0 = last.wrapping_add(1).wrapping_sub(index);
            }
        }
        self.highest_in = first.sequence;
        self.push(Segment {
            source,
            epoch: self.epoch,
            first_in: first.sequence,
            first_out: self.highest_out + 1,
            timestamp: self.timestamp.wrapping_add(advance).wrapping_sub(first.timestamp),
            shift,
            limit: u8::MAX,
        });
        self.left_out = None;
    }

    /// From this packet of the present source on, frames up to that TID are sent on. Nothing after it was placed yet.
    pub(crate) fn limit(&mut self, sequence: u64, tid: u8) {
        let Some(last) = self.segments.back_mut().filter(|last| last.first_in <= sequence) else { return };
        if last.first_in == sequence {
            last.limit = tid;
            return;
        }
        let first_out = last.place(sequence, 0).sequence;
        let next = Segment { first_in: sequence, first_out, limit: tid, ..*last };
        self.push(next);
    }

    /// The place of a packet of the present source; `None` if it is from before the switch, or of a frame that is not sent
    /// on.
    pub(crate) fn place(&mut self, media: &Media<'_>) -> Option<Placed> {
        let placed = self.segment_for(media.sequence)?.place(media.sequence, media.timestamp);
        if placed.sequence > self.highest_out {
            if media.vp8.is_some_and(|descriptor| descriptor.is_above(placed.limit)) {
                self.leave_out(media);
                return None;
            }
            self.highest_out = placed.sequence;
            self.highest_in = media.sequence;
            self.timestamp = placed.timestamp;
            self.arrived = Some(media.arrived);
            if let Some(descriptor) = media.vp8 {
                self.picture = descriptor.picture.map(|(id, _, _)| id.wrapping_add(placed.shift.picture));
                self.tl0 = descriptor.tl0.map(|(index, _)| index.wrapping_add(placed.shift.tl0));
            }
        }
        Some(placed)
    }

    /// Whether a packet of the present source is further ahead than a hole may be. A receiver counts rollovers by what it
    /// saw last (RFC 3711 section 3.3.1): holes that add up to half the numbers there are would end the stream for good.
    pub(crate) fn leaps(&self, sequence: u64) -> bool {
        let placed = self.segment_for(sequence).map(|segment| segment.place(sequence, 0).sequence);
        placed.is_some_and(|placed| placed > self.highest_out + MAX_JUMP)
    }

    /// Takes a packet out of the stream, and its picture out of the numbers of pictures.
    fn leave_out(&mut self, media: &Media<'_>) {
        self.skip(media.sequence);
        let picture = media.vp8.and_then(|descriptor| descriptor.picture).map(|(id, _, _)| id);
        if picture.is_some() && picture != self.left_out {
            self.left_out = picture;
            if let Some(last) = self.segments.back_mut() {
                last.shift.picture = last.shift.picture.wrapping_sub(1);
            }
        }
    }

    /// Takes a packet without content out of the stream, if nothing after it was sent yet.
    pub(crate) fn skip(&mut self, sequence: u64) {
        let Some(&last) = self.segments.back() else { return };
        if sequence < last.first_in || sequence < self.highest_in || self.leaps(sequence) {
            return;
        }
        let gone = last.place(sequence, 0).sequence;
        if gone <= self.highest_out {
            return;
        }
        self.highest_in = sequence;
        // What is missing before it keeps its numbers.
        self.highest_out = gone - 1;
        let next = Segment { first_in: sequence + 1, first_out: gone, ..last };
        if gone == last.first_out {
            self.segments.pop_back();
        }
        self.push(next);
    }

    /// What was sent, or would have been, under `sequence`: its source, the number there, and how it was changed.
    pub(crate) fn resolve(&self, sequence: u16) -> Option<(StreamKey, u64, Resolved)> {
        let back = (self.highest_out as u16).wrapping_sub(sequence);
        let out = self.highest_out.checked_sub(u64::from(back)).filter(|_| back < 0x8000)?;
        let segment = self.segments.iter().rev().find(|segment| segment.first_out <= out)?;
        let sequence = segment.first_in + (out - segment.first_out);
        Some((segment.source, sequence, Resolved { out, segment: *segment }))
    }

    /// The number of the packet `back` before the newest one.
    pub(crate) fn recent(&self, back: u16) -> u16 {
        (self.highest_out as u16).wrapping_sub(back)
    }

    /// The RTP timestamp of the stream that corresponds to the present source's `timestamp`.
    pub(crate) fn timestamp_of(&self, timestamp: u32) -> Option<u32> {
        self.segments.back().map(|segment| timestamp.wrapping_add(segment.timestamp))
    }

    fn segment_for(&self, sequence: u64) -> Option<&Segment> {
        let present = self.segments.iter().rev().take_while(|segment| segment.epoch == self.epoch);
        present.into_iter().find(|segment| segment.first_in <= sequence)
    }

    fn push(&mut self, segment: Segment) {
        if self.segments.len() == SEGMENTS {
            self.segments.pop_front();
        }
        self.segments.push_back(segment);
    }
}

/// A packet found again for a retransmission.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Resolved {
    out: u64,
    segment: Segment,
}

impl Resolved {
    /// The same place as the first time.
    pub(crate) fn place(&self, timestamp: u32) -> Placed {
        let segment = &self.segment;
        let timestamp = timestamp.wrapping_add(segment.timestamp);
        Placed { sequence: self.out, timestamp, shift: segment.shift, limit: segment.limit }
    }
}

#[cfg(test)]
mod tests;
