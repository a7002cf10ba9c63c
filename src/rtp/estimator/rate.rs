//! The rate controller (draft-ietf-rmcat-gcc-02 section 5.5): multiplicative steps while the line's end is far,
//! additive ones near where it was last found, and down to a part of what arrives when the queue grows.

use std::time::{Duration, Instant};

use super::{CEILING, FLOOR, Usage};

/// What is left of the arriving rate after overuse.
const BACK_OFF: f64 = 0.85;
/// What is left of the estimate after overuse that it can hardly have caused.
const DOUBTFUL: f64 = 0.97;
/// Growth per second, far from the end.
const GROWTH: f64 = 1.08;
/// Not above this many times what arrives, and a little.
const HEADROOM: f64 = 1.5;
const HEADROOM_BITS: f64 = 10_000.0;
/// Bits of the packet by which an additive step grows.
const PACKET_BITS: f64 = 1200.0 * 8.0;
/// Until a change shows: a round trip and this.
const RESPONSE: Duration = Duration::from_millis(100);
/// The end of the line that a probe found holds for so long.
const BELIEF: Duration = Duration::from_secs(20);
/// After a reduction the line is left alone for so long.
const SETTLING: Duration = Duration::from_secs(3);

/// Where the line's end was found: mean and variance of what arrived at overuse.
#[derive(Debug, Default)]
struct Capacity {
    mean: Option<f64>,
    /// Relative to the mean, in kbit/s.
    variance: f64,
}

impl Capacity {
    fn observe(&mut self, rate: f64) {
        let rate = rate / 1000.0;
        let mean = self.mean.map_or(rate, |mean| 0.95 * mean + 0.05 * rate);
        let error = mean - rate;
        self.variance = (0.95 * self.variance + 0.05 * error * error / mean.max(1.0)).clamp(0.4, 2.5);
        self.mean = Some(mean);
    }

    fn range(&self) -> Option<(f64, f64)> {
        let mean = self.mean?;
        let deviation = 3.0 * (self.variance * mean).sqrt();
        Some(((mean - deviation) * 1000.0, (mean + deviation) * 1000.0))
    }
}

/// How much of the estimate is made use of.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Load {
    /// Not enough to test it, and no queue.
    Light,
    /// Not enough to test it, but a queue is there.
    Queued,
    /// Enough.
    Full,
}

/// See the module.
#[derive(Debug)]
pub(crate) struct RateControl {
    estimate: f64,
    capacity: Capacity,
    /// Waits for a normal delay before it grows again.
    holding: bool,
    updated: Option<Instant>,
    reduced: Option<Instant>,
    /// What a probe that filled the line found.
    found: Option<(f64, Instant)>,
}

impl RateControl {
    pub(crate) fn new(start: f64) -> RateControl {
        let capacity = Capacity::default();
        RateControl { estimate: start, capacity, holding: false, updated: None, reduced: None, found: None }
    }

    pub(crate) fn estimate(&self) -> f64 {
        self.estimate
    }

    /// Whether the last reduction was long enough ago.
    pub(crate) fn is_settled(&self, now: Instant) -> bool {
        self.reduced.is_none_or(|at| now.saturating_duration_since(at) >= SETTLING)
    }

    /// With every feedback. `acked` arrives: in the last half second, and just now. True if the estimate was reduced.
    pub(crate) fn update(
        &mut self,
        now: Instant,
        usage: Usage,
        (acked, recent): (Option<f64>, Option<f64>),
        round_trip: Duration,
        load: Load,
    ) -> bool {
        let elapsed = self.updated.map_or(0.0, |at| now.saturating_duration_since(at).as_secs_f64().min(1.0));
        self.updated = Some(now);
        match usage {
            Usage::Over => return self.reduce(now, recent, round_trip, load),
            Usage::Under => self.holding = true,
            Usage::Normal if self.holding => self.holding = false,
            Usage::Normal if load == Load::Full => self.grow(now, elapsed, acked, round_trip),
            Usage::Normal => {}
        }
        false
    }

    fn grow(&mut self, now: Instant, elapsed: f64, acked: Option<f64>, round_trip: Duration) {
        let Some(acked) = acked else { return };
        if self.capacity.range().is_some_and(|(_, high)| acked > high) {
            self.capacity = Capacity::default();
        }
        let near = self.capacity.mean.is_some();
        let grown = if near {
            self.estimate + elapsed * PACKET_BITS / (round_trip + RESPONSE).as_secs_f64()
        } else {
            self.estimate * GROWTH.powf(elapsed) + 1000.0 * elapsed
        };
        let found = self.found.filter(|&(_, at)| now.saturating_duration_since(at) < BELIEF);
        let most = (HEADROOM * acked + HEADROOM_BITS).min(found.map_or(f64::INFINITY, |(rate, _)| rate));
        self.estimate = grown.min(most).max(self.estimate).min(CEILING);
    }

    fn reduce(&mut self, now: Instant, acked: Option<f64>, round_trip: Duration, load: Load) -> bool {
        self.holding = true;
        let pause = round_trip.clamp(Duration::from_millis(10), Duration::from_millis(200)) + RESPONSE;
        if self.reduced.is_some_and(|at| now.saturating_duration_since(at) < pause) {
            return false;
        }
        self.reduced = Some(now);
        self.found = None;
        let Some(acked) = acked else {
            self.scale(BACK_OFF);
            return true;
        };
        if load == Load::Light {
            // So little cannot have filled the line: a key frame, or noise. If it did, the queue will show.
            self.scale(DOUBTFUL);
            return true;
        }
        if self.capacity.range().is_some_and(|(low, _)| acked < low) {
            self.capacity = Capacity::default();
        }
        self.capacity.observe(acked);
        let target = BACK_OFF * acked;
        // What arrives may be more than was allowed: then obeying the estimate helps, not lowering it much.
        self.estimate = if target < self.estimate { target } else { 0.95 * self.estimate }.max(FLOOR);
        true
    }

    /// A probe found so much; `full`: and no more.
    pub(crate) fn raise(&mut self, now: Instant, rate: f64, full: bool) {
        self.found = full.then_some((rate, now));
        if rate > self.estimate {
            self.estimate = rate.min(CEILING);
            if self.capacity.range().is_some_and(|(_, high)| rate > high) {
                self.capacity = Capacity::default();
            }
        }
    }

    /// Multiplies the estimate.
    pub(crate) fn scale(&mut self, factor: f64) {
        self.estimate = (self.estimate * factor).clamp(FLOOR, CEILING);
    }
}
