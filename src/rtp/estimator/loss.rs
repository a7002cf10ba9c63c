//! The loss-based controller (draft-ietf-rmcat-gcc-02 section 6): an upper bound for lines that drop instead of
//! queueing. Unlike the draft's it gives up where reducing does not help: radio loses packets at any rate.

use std::time::{Duration, Instant};

use super::rate::Load;

/// Loss is looked at in stretches of at least this.
const STRETCH: Duration = Duration::from_millis(500);
/// And so many packets.
const LEAST_PACKETS: u32 = 30;
/// Above this the bound sinks, below the other it rises.
const HIGH: f64 = 0.10;
const LOW: f64 = 0.02;
const GROWTH: f64 = 1.05;
/// So many reductions that leave the loss as it was show that it is not the rate.
const FUTILE: u8 = 4;
/// How much of the loss may be left for them to have helped.
const HELPED: f64 = 0.7;
/// Loss that is not the rate's is believed in for this long.
const BELIEF: Duration = Duration::from_secs(20);

/// See the module.
#[derive(Debug, Default)]
pub(crate) struct LossBound {
    bound: Option<f64>,
    received: u32,
    lost: u32,
    since: Option<Instant>,
    /// Of the last stretch.
    fraction: f64,
    reductions: u8,
    at_first: f64,
    /// What is lost at any rate, and until when that is believed.
    inherent: Option<(f64, Instant)>,
}

impl LossBound {
    pub(crate) fn bound(&self) -> Option<f64> {
        self.bound
    }

    /// The part of all packets that was lost of late.
    pub(crate) fn fraction(&self) -> f64 {
        self.fraction
    }

    /// Of a feedback message: packets received and lost; `estimate` by delay, and what arrives. What is lost of a light
    /// load is not lost by it.
    pub(crate) fn count(
        &mut self,
        now: Instant,
        received: u32,
        lost: u32,
        (estimate, acked): (f64, Option<f64>),
        load: Load,
    ) {
        self.received = self.received.saturating_add(received);
        self.lost = self.lost.saturating_add(lost);
        let since = *self.since.get_or_insert(now);
        let packets = self.received.saturating_add(self.lost);
        if now.saturating_duration_since(since) < STRETCH || packets < LEAST_PACKETS {
            return;
        }
        let fraction = f64::from(self.lost) / f64::from(packets);
        (self.received, self.lost, self.since, self.fraction) = (0, 0, Some(now), fraction);
        let inherent = self.inherent.filter(|&(_, until)| now < until).map_or(0.0, |(fraction, _)| fraction);
        let caused = fraction - 1.3 * inherent;
        let bound = self.bound.unwrap_or(estimate).min(estimate);
        if caused > HIGH && load != Load::Light {
            self.reduce(now, fraction, bound, acked);
        } else if caused < LOW {
            self.reductions = 0;
            // Above the other estimate it bounds nothing.
            self.bound = self.bound.map(|bound| bound * GROWTH).filter(|&bound| bound < estimate);
        }
    }

    fn reduce(&mut self, now: Instant, fraction: f64, bound: f64, acked: Option<f64>) {
        if self.reductions == 0 {
            self.at_first = fraction;
        }
        self.reductions += 1;
        if self.reductions > FUTILE && fraction > HELPED * self.at_first {
            self.inherent = Some((fraction, now + BELIEF));
            (self.reductions, self.bound) = (0, None);
            return;
        }
        // What gets through despite the loss does get through.
        let reduced = (bound * (1.0 - 0.5 * fraction)).max(acked.unwrap_or(0.0));
        self.bound = Some(reduced.min(bound));
    }

    /// A probe of that rate came through.
    pub(crate) fn lift(&mut self, rate: f64) {
        self.bound = self.bound.filter(|&bound| bound > rate);
    }
}
