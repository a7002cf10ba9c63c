//! How long packets wait on their way, against the least of the last seconds. The trend sees a queue that grows; this
//! sees one that stands, which an estimate that is only a little too high leaves behind.

use std::time::{Duration, Instant};

/// A queue longer than this is emptied, in ms.
const EXCESSIVE: f64 = 120.0;
/// Two of these are remembered, so the least is that of the last 15 to 30 s, in microseconds.
const WINDOW: i64 = 15_000_000;
/// The same for the least of the last moments: it spans the pictures of a slow camera, in microseconds.
const MOMENT: i64 = 150_000;
/// How much of the smoothed delay is kept with each packet.
const SMOOTHING: f64 = 0.95;
/// If so many reductions do not make it shorter, it is no queue of ours: the way itself became longer.
const FUTILE: u8 = 5;
/// But not before this: a queue of somebody else's making, or a long one, takes time to empty.
const FIGHT: Duration = Duration::from_millis(2500);
/// Reductions further apart than this have nothing to do with each other.
const FORGET: Duration = Duration::from_secs(5);

/// See the module.
#[derive(Debug, Default)]
pub(crate) struct QueueDelay {
    least: Option<f64>,
    previous_least: Option<f64>,
    rotated: i64,
    /// The least of this moment and of the one before, and when it began.
    lately: (Option<f64>, Option<f64>, i64),
    /// How much that differs from moment to moment, smoothed, in ms.
    variation: f64,
    smoothed: Option<f64>,
    reductions: u8,
    /// The delay at the first of them.
    at_first: f64,
    first: Option<Instant>,
    last: Option<Instant>,
}

impl QueueDelay {
    /// A packet sent at `sent` on our clock arrived at `arrived` on the viewer's, both in microseconds.
    pub(crate) fn add(&mut self, sent: i64, arrived: i64) {
        let way = arrived.saturating_sub(sent) as f64 / 1000.0;
        if arrived.saturating_sub(self.rotated).saturating_abs() > WINDOW {
            self.rotated = arrived;
            self.previous_least = self.least.take();
        }
        self.least = Some(self.least.map_or(way, |least| least.min(way)));
        let (present, before, began) = &mut self.lately;
        if arrived.saturating_sub(*began).saturating_abs() > MOMENT {
            let change = present.zip(*before).map_or(0.0, |(present, before)| (present - before).abs().min(EXCESSIVE));
            self.variation += (change - self.variation) / 8.0;
            (*before, *began) = (present.take(), arrived);
        }
        *present = Some(present.map_or(way, |least| least.min(way)));
        self.smoothed = Some(self.smoothed.map_or(way, |known| SMOOTHING * known + (1.0 - SMOOTHING) * way));
    }

    /// What packets wait at present, in ms.
    pub(crate) fn current(&self) -> f64 {
        self.smoothed.zip(self.base()).map_or(0.0, |(smoothed, least)| smoothed - least)
    }

    /// The least that a packet of the last moments waited, in ms: nothing where pictures come in bursts but the queue is
    /// empty before the next.
    pub(crate) fn between_bursts(&self) -> f64 {
        let (present, before, _) = self.lately;
        let lately = [present, before].into_iter().flatten().reduce(f64::min);
        lately.zip(self.base()).map_or(0.0, |(lately, least)| lately - least)
    }

    /// How uneven the way is, in ms: what jitters even where the queue is empty.
    pub(crate) fn variation(&self) -> f64 {
        self.variation
    }

    fn base(&self) -> Option<f64> {
        [self.least, self.previous_least].into_iter().flatten().reduce(f64::min)
    }

    /// Whether they wait too long.
    pub(crate) fn excessive(&mut self, now: Instant) -> bool {
        if self.last.is_some_and(|last| now.saturating_duration_since(last) > FORGET) {
            self.reductions = 0;
        }
        let waiting = self.current();
        let fought = self.first.is_some_and(|at| now.saturating_duration_since(at) >= FIGHT);
        if waiting > EXCESSIVE && fought && self.reductions >= FUTILE && waiting > 0.9 * self.at_first {
            (self.least, self.previous_least) = (self.smoothed, None);
            self.reductions = 0;
            return false;
        }
        waiting > EXCESSIVE
    }

    /// The estimate was reduced.
    pub(crate) fn reduced(&mut self, now: Instant) {
        if self.reductions == 0 {
            (self.at_first, self.first) = (self.current(), Some(now));
        }
        self.reductions = self.reductions.saturating_add(1);
        self.last = Some(now);
    }
}
