//! How much of a simulcast track anybody takes, and what of that its publisher is told: what is not taken need not be sent.
//!
//! Besides leaving layers out, the largest that is taken can be sent smaller: in a grid of nine at 1280x720 a tile has 240 lines, and
//! a layer of 360 would be carried and decoded at more than twice the pixels that are drawn.

use std::time::{Duration, Instant};

/// What nobody took for this long may stop.
pub(crate) const UNWATCHED: Duration = Duration::from_secs(5);
/// A layer is made smaller to this part of its lines or not at all: each change costs key frames.
const SMALLER: (u32, u32) = (2, 3);

/// What is of use: the more, the greater.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Default)]
pub(crate) struct Useful {
    /// The lowest so many; 0 is nothing.
    pub(crate) layers: u8,
    /// Lines that are enough for the largest of them; [`u16::MAX`]: all it has.
    height: u16,
}

impl Useful {
    /// Of a picture of `height` lines that is made of the lowest `layers`, of which the largest has `full` lines. The lowest stays
    /// as it is: it is what a thin line is sent when its tile is larger than that.
    pub(crate) fn new(layers: u8, height: u16, full: u16) -> Useful {
        // Even, as encoders want it.
        let smaller = (u32::from(full) * SMALLER.0 / SMALLER.1) as u16 & !1;
        Useful { layers, height: if layers > 1 && height <= smaller { smaller } else { u16::MAX } }
    }

    /// All of so many layers.
    pub(crate) fn whole(layers: u8) -> Useful {
        Useful { layers, height: u16::MAX }
    }

    /// Where the largest layer is to be smaller than it can be.
    pub(crate) fn lines(self) -> Option<u16> {
        (self.layers > 0 && self.height != u16::MAX).then_some(self.height)
    }
}

/// What the publisher was told.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Watch {
    told: Useful,
    before: Useful,
    /// Since when it is less, and the most in that time.
    less: Option<(Instant, Useful)>,
}

impl Watch {
    pub(crate) fn new(layers: usize) -> Watch {
        let all = Useful::whole(layers as u8);
        Watch { told: all, before: all, less: None }
    }

    /// So much is taken now; what to tell the publisher, if anything: more at once, less after a while.
    pub(crate) fn observe(&mut self, now: Instant, useful: Useful) -> Option<Useful> {
        if useful >= self.told {
            self.less = None;
            return self.tell(useful);
        }
        let (since, most) = self.less.map_or((now, useful), |(since, most)| (since, most.max(useful)));
        self.less = Some((since, most));
        if now.saturating_duration_since(since) < UNWATCHED {
            return None;
        }
        self.less = None;
        self.tell(most)
    }

    fn tell(&mut self, useful: Useful) -> Option<Useful> {
        if useful == self.told {
            return None;
        }
        self.before = std::mem::replace(&mut self.told, useful);
        Some(useful)
    }

    /// Whether the layer may have `height` lines only because it was asked for no more, now or until just now.
    pub(crate) fn has_shrunk(&self, layer: usize, height: u16) -> bool {
        [self.told, self.before].into_iter().any(|told| {
            usize::from(told.layers) == layer + 1
                && told.lines().is_some_and(|lines| height <= lines.saturating_add(lines / 16))
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_layer_is_smaller_by_a_third_or_as_it_is() {
        let lines = |height, full| Useful::new(2, height, full).lines();
        assert_eq!(
            [lines(236, 360), lines(240, 360), lines(241, 360), lines(10, 360)],
            [Some(240), Some(240), None, Some(240)]
        );
        assert_eq!([lines(480, 720), lines(120, 180), lines(0, 1)], [Some(480), Some(120), Some(0)]);
        assert_eq!(Useful::new(1, 100, 180).lines(), None, "the lowest stays");
    }

    #[test]
    fn what_grows_is_told_at_once_and_what_shrinks_after_a_while() {
        let start = Instant::now();
        let at = |ms| start + Duration::from_millis(ms);
        let (small, large) = (Useful::new(2, 240, 360), Useful::new(2, 300, 360));
        let mut watch = Watch::new(2);
        assert_eq!(watch.observe(at(0), small), None);
        assert_eq!(watch.observe(at(4900), small), None);
        assert_eq!(watch.observe(at(5000), small), Some(small));
        assert!(watch.has_shrunk(1, 240) && !watch.has_shrunk(1, 360) && !watch.has_shrunk(0, 180));
        assert_eq!(watch.observe(at(5001), large), Some(Useful::whole(2)));
        assert!(watch.has_shrunk(1, 240), "the last small key frames may come later");
        assert_eq!(watch.observe(at(6000), large), None);
    }
}
