//! Which temporal layers of a stream are sent on. Down with the next frame, since no frame refers to one of a higher TID.
//! Up only where the frames above refer to nothing that was left out: at a key frame, or layer by layer at a frame with the
//! Y bit (RFC 7741 section 4.2). After any frame of TID 0 would not do: libvpx's frames of TID 1 refer to older ones of
//! TID 1.

use std::time::{Duration, Instant};

use super::rewrite::Media;

/// No limit.
pub(crate) const ALL_TIDS: u8 = u8::MAX;
/// libvpx has a frame with the Y bit in each layer at least twice a second. Whoever has none is asked for a key frame.
const PATIENCE: Duration = Duration::from_secs(3);

/// See the module.
#[derive(Debug)]
pub(crate) struct Thinning {
    /// The highest TID that is sent on.
    sent: u8,
    /// TIDs that the stream was seen to have, a bit each.
    seen: u8,
    /// The newest frame's first packet.
    newest: u64,
    /// Since when more might be sent, but for want of a place to begin.
    waiting: Option<Instant>,
}

impl Default for Thinning {
    fn default() -> Thinning {
        Thinning { sent: ALL_TIDS, seen: 0, newest: 0, waiting: None }
    }
}

impl Thinning {
    /// A packet that may be sent if its TID is not above `most`; the new limit if it changes with this packet.
    pub(crate) fn decide(&mut self, media: &Media<'_>, most: u8) -> Option<u8> {
        let descriptor = media.vp8.filter(|descriptor| descriptor.start && media.sequence > self.newest)?;
        let temporal = descriptor.temporal?;
        self.newest = media.sequence;
        let before = self.sent;
        if descriptor.key_frame || most < self.sent {
            self.sent = most;
        } else if temporal.sync && temporal.tid > self.sent && temporal.tid <= most && self.is_next(temporal.tid) {
            self.sent = temporal.tid;
        }
        self.seen |= 1 << temporal.tid;
        let above = u32::from(self.sent).saturating_add(1);
        if self.sent >= most || u32::from(self.seen).checked_shr(above).unwrap_or(0) == 0 {
            self.waiting = None;
        } else if self.sent != before {
            self.waiting = Some(media.arrived);
        } else {
            self.waiting.get_or_insert(media.arrived);
        }
        (self.sent != before).then_some(self.sent)
    }

    /// Whether the stream has no layer between those that are sent and this one.
    fn is_next(&self, tid: u8) -> bool {
        (self.sent + 1..tid).all(|between| self.seen & 1 << between == 0)
    }

    /// Whether a key frame is the only way to the frames that might be sent.
    pub(crate) fn needs_key_frame(&self, now: Instant) -> bool {
        self.waiting.is_some_and(|since| now.saturating_duration_since(since) > PATIENCE)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::rtp::vp8::{Descriptor, Temporal};

    struct Stream {
        thinning: Thinning,
        sequence: u64,
        now: Instant,
    }

    impl Stream {
        /// A frame of one packet; the limit it is under.
        fn frame(&mut self, tid: u8, sync: bool, most: u8) -> u8 {
            self.packet(
                Descriptor { start: true, temporal: Some(Temporal { tid, sync }), ..Descriptor::default() },
                most,
            )
        }

        fn packet(&mut self, descriptor: Descriptor, most: u8) -> u8 {
            self.sequence += 1;
            self.now += Duration::from_millis(33);
            let media = Media {
                sequence: self.sequence,
                timestamp: 0,
                marker: true,
                payload: &[],
                entry: descriptor.key_frame,
                vp8: Some(descriptor),
                clock_rate: 90_000,
                arrived: self.now,
            };
            let changed = self.thinning.decide(&media, most);
            assert!(changed.is_none_or(|limit| limit == self.thinning.sent));
            self.thinning.sent
        }
    }

    fn stream() -> Stream {
        Stream { thinning: Thinning::default(), sequence: 0, now: Instant::now() }
    }

    #[test]
    fn down_with_the_next_frame_up_at_sync_points_layer_by_layer() {
        let mut stream = stream();
        assert_eq!([stream.frame(0, false, ALL_TIDS), stream.frame(2, false, ALL_TIDS)], [ALL_TIDS; 2]);
        assert_eq!(stream.frame(1, false, ALL_TIDS), ALL_TIDS);
        assert_eq!(stream.frame(2, false, 0), 0);
        assert_eq!(stream.frame(0, false, 3), 0);
        assert_eq!(stream.frame(2, true, 3), 0, "TID 1, to which later ones refer, is not there yet");
        assert_eq!([stream.frame(1, false, 3), stream.frame(2, false, 3), stream.frame(0, false, 3)], [0; 3]);
        assert_eq!([stream.frame(2, true, 3), stream.frame(1, true, 3)], [0, 1]);
        assert_eq!([stream.frame(2, false, 3), stream.frame(2, true, 3)], [1, 2]);
        assert_eq!(stream.frame(2, false, 1), 1);
    }

    #[test]
    fn a_layer_that_does_not_exist_is_not_waited_for() {
        let mut stream = stream();
        stream.frame(0, false, 0);
        assert_eq!(stream.frame(2, true, 3), 2);
    }

    #[test]
    fn a_frame_is_never_cut() {
        let mut stream = stream();
        stream.frame(1, false, ALL_TIDS);
        let rest = Descriptor { temporal: Some(Temporal { tid: 1, sync: true }), ..Descriptor::default() };
        assert_eq!(stream.packet(rest, 0), ALL_TIDS);
        assert_eq!(stream.frame(0, false, 0), 0);
        assert_eq!(stream.packet(rest, 3), 0, "its first packet is missing");
    }

    #[test]
    fn a_key_frame_begins_everything_and_is_asked_for_where_nothing_else_would() {
        let mut stream = stream();
        stream.frame(0, false, 0);
        stream.frame(1, false, 0);
        for _ in 0..100 {
            stream.frame(0, false, 3);
            assert_eq!(stream.frame(1, false, 3), 0);
        }
        assert!(stream.thinning.needs_key_frame(stream.now));
        let key = Descriptor {
            key_frame: true,
            start: true,
            temporal: Some(Temporal { tid: 0, sync: false }),
            ..Descriptor::default()
        };
        assert_eq!(stream.packet(key, 3), 3);
        assert!(!stream.thinning.needs_key_frame(stream.now));
    }

    #[test]
    fn streams_without_temporal_layers_are_left_alone() {
        let mut stream = stream();
        assert_eq!(stream.packet(Descriptor { start: true, ..Descriptor::default() }, 0), ALL_TIDS);
    }
}
