//! A viewer's line: what it carries and what is allowed on it.

use std::time::{Duration, Instant};

use rtcp_types::{Twcc, TwccPacketStatus};

use super::allocator::{Allocator, Needs};
use super::estimator::{Acked, Estimator, Goal};
use super::twcc::SendLog;

/// Between two events about the line.
const TELL: Duration = Duration::from_secs(1);
/// If little changed.
const TELL_SMALL: Duration = Duration::from_secs(5);
/// What is not reported on for so long never is: the client negotiated what it does not do.
const DEAF: Duration = Duration::from_secs(4);
/// The reference time of a feedback message: its unit in microseconds, and how many there are before it wraps.
const REFERENCE: i64 = 64_000;
const REFERENCES: i64 = 1 << 24;
/// The unit of its deltas in microseconds.
const DELTA: i64 = 250;

/// See the module.
pub(crate) struct Line {
    pub(crate) estimator: Estimator,
    pub(crate) allocator: Allocator,
    pub(crate) needs: Needs,
    /// Bits/s that are looked for though nothing here needs them.
    pub(crate) aim: f64,
    /// The viewer's clock at the last message, in units of [`REFERENCE`] without wraps.
    reference: Option<i64>,
    /// Packets ever sent, at the last tick.
    packets: u64,
    first_sent: Option<Instant>,
    told: Option<(Instant, u32, u32)>,
}

impl Line {
    pub(crate) fn new(now: Instant, start: f64) -> Line {
        Line {
            estimator: Estimator::new(now, start),
            allocator: Allocator::default(),
            needs: Needs::default(),
            aim: 0.0,
            reference: None,
            packets: 0,
            first_sent: None,
            told: None,
        }
    }

    /// A feedback message (draft-holmer-rmcat-transport-wide-cc-extensions-01 section 3.1).
    pub(crate) fn report(&mut self, now: Instant, twcc: &Twcc<'_>, log: &mut SendLog, round_trip: Duration) {
        let mut arrived = self.unwrap(i64::from(twcc.reference_time())) * REFERENCE;
        for status in twcc.packets().take(SendLog::PACKETS) {
            let Ok((number, status)) = status else { break };
            match status {
                TwccPacketStatus::NotReceived => {
                    if let Some(sent) = log.report(number, false) {
                        self.estimator.lost(sent.probe);
                    }
                }
                TwccPacketStatus::Received { delta } => {
                    arrived += i64::from(delta) * DELTA;
                    if let Some(sent) = log.report(number, true) {
                        let (bytes, probe) = (u32::from(sent.bytes), sent.probe);
                        self.estimator.received(Acked { sent: sent.at, arrived, bytes, probe });
                    }
                }
            }
        }
        self.estimator.conclude(now, log.bytes, round_trip);
    }

    /// The nearest time to the last message's with those lower 24 bits.
    fn unwrap(&mut self, reference: i64) -> i64 {
        let last = self.reference.unwrap_or(reference);
        let ahead = (reference - last).rem_euclid(REFERENCES);
        let step = if ahead >= REFERENCES / 2 { ahead - REFERENCES } else { ahead };
        *self.reference.insert(last + step)
    }

    /// Called every quarter of a second; false if the viewer does not report at all.
    pub(crate) fn tick(&mut self, now: Instant, log: &SendLog) -> bool {
        let sending = log.packets > self.packets;
        self.packets = log.packets;
        self.estimator.tick(now, sending);
        if self.estimator.heard().is_some() {
            return true;
        }
        if !sending {
            self.first_sent = None;
            return true;
        }
        now.saturating_duration_since(*self.first_sent.get_or_insert(now)) < DEAF
    }

    /// What to probe for, if a better estimate is of use to anybody.
    pub(crate) fn goal(&self) -> Option<Goal> {
        let aims = self.aim > self.estimator.estimate();
        if self.needs.are_unmet() {
            Some(Goal { rate: self.needs.wanted, patient: false })
        } else {
            aims.then_some(Goal { rate: self.aim, patient: true })
        }
    }

    /// What to tell about the line now: estimate and need in bits/s.
    pub(crate) fn news(&mut self, now: Instant) -> Option<(u32, u32)> {
        let (estimate, needed) = (self.estimator.estimate() as u32, self.needs.least as u32);
        let differs = |a: u32, b: u32| a.abs_diff(b) > a.max(b) / 10;
        let news = self.told.is_none_or(|(at, told, need)| {
            let marked = differs(told, estimate) || differs(need, needed) || (told < need) != (estimate < needed);
            let since = now.saturating_duration_since(at);
            marked && since >= TELL || told != estimate && since >= TELL_SMALL
        });
        if !news || self.estimator.heard().is_none() {
            return None;
        }
        self.told = Some((now, estimate, needed));
        Some((estimate, needed))
    }
}
