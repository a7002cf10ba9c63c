//! The rate controller (draft-ietf-rmcat-gcc-02 section 5.5): multiplicative steps while the line's end is far,
//! additive ones near where it was last found, and down to a part of what arrives when the queue grows.

use std::time::{Duration, Instant};

use super::{CEILING, FLOOR, Usage};

/// What is left of the arriving rate after overuse.
const BACK_OFF: f64 = 0.85;
/// Growth per second, far from the end.
const GROWTH: f64 = 1.08;
/// Not above this many times what arrives, and a little.
const HEADROOM: f64 = 1.5;
const HEADROOM_BITS: f64 = 10_000.0;
/// Bits of the packet by which an additive step grows.
const PACKET_BITS: f64 = 1200.0 * 8.0;
/// Until a change shows: a round trip and this.
const RESPONSE: Duration = Duration::from_millis(100);
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

/// See the module.
#[derive(Debug)]
pub(crate) struct RateControl {
    estimate: f64,
    capacity: Capacity,
    /// Waits for a normal delay before it grows again.
    holding: bool,
    updated: Option<Instant>,
    reduced: Option<Instant>,
    /// Overuse while too little was sent to cause it.
    doubts: u8,
}

impl RateControl {
    pub(crate) fn new(start: f64) -> RateControl {
        let capacity = Capacity::default();
        RateControl { estimate: start, capacity, holding: false, updated: None, reduced: None, doubts: 0 }
    }

    pub(crate) fn estimate(&self) -> f64 {
        self.estimate
    }

    /// Whether the last reduction was long enough ago.
    pub(crate) fn is_settled(&self, now: Instant) -> bool {
        self.reduced.is_none_or(|at| now.saturating_duration_since(at) >= SETTLING)
    }

    /// With every feedback. `acked` arrives; `limited`: not enough is sent to test the estimate. True if it was reduced.
    pub(crate) fn update(
        &mut self,
        now: Instant,
        usage: Usage,
        acked: Option<f64>,
        round_trip: Duration,
        limited: bool,
    ) -> bool {
        let elapsed = self.updated.map_or(0.0, |at| now.saturating_duration_since(at).as_secs_f64().min(1.0));
        self.updated = Some(now);
        match usage {
            Usage::Over => return self.reduce(now, acked, round_trip, limited),
            Usage::Under => self.holding = true,
            Usage::Normal if self.holding => (self.holding, self.doubts) = (false, 0),
            Usage::Normal if !limited => self.grow(elapsed, acked, round_trip),
            Usage::Normal => {}
        }
        false
    }

    fn grow(&mut self, elapsed: f64, acked: Option<f64>, round_trip: Duration) {
        let Some(acked) = acked else { return };
        self.doubts = 0;
        if self.capacity.range().is_some_and(|(_, high)| acked > high) {
            self.capacity = Capacity::default();
        }
        let near = self.capacity.mean.is_some();
        let grown = if near {
            self.estimate + elapsed * PACKET_BITS / (round_trip + RESPONSE).as_secs_f64()
        } else {
            self.estimate * GROWTH.powf(elapsed) + 1000.0 * elapsed
        };
        let most = HEADROOM * acked + HEADROOM_BITS;
        self.estimate = grown.min(most).max(self.estimate).min(CEILING);
    }

    fn reduce(&mut self, now: Instant, acked: Option<f64>, round_trip: Duration, limited: bool) -> bool {
        self.holding = true;
        let pause = round_trip.clamp(Duration::from_millis(10), Duration::from_millis(200)) + RESPONSE;
        if self.reduced.is_some_and(|at| now.saturating_duration_since(at) < pause) {
            return false;
        }
        self.reduced = Some(now);
        let Some(acked) = acked else {
            self.scale(BACK_OFF);
            return true;
        };
        if limited && self.doubts == 0 {
            // So little should not have filled the line: if it did, it will do so again.
            self.doubts = 1;
            self.scale(BACK_OFF);
            return true;
        }
        if self.capacity.range().is_some_and(|(low, _)| acked < low) {
            self.capacity = Capacity::default();
        }
        if !limited {
            self.capacity.observe(acked);
        }
        let target = BACK_OFF * acked;
        // What arrives may be more than was allowed: then obeying the estimate helps, not lowering it much.
        self.estimate = if target < self.estimate { target } else { 0.95 * self.estimate }.max(FLOOR);
        true
    }

    /// A probe found so much.
    pub(crate) fn raise(&mut self, rate: f64, _now: Instant) {
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
