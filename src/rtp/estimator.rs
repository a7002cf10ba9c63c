//! How much a viewer's line carries, after draft-ietf-rmcat-gcc-02: from when packets were sent and when the viewer's
//! transport-wide feedback says they arrived.
//!
//! ```text
//! groups      packets of one burst, and how much later each burst came than the one before
//! trend       the slope of that delay, and whether it means that a queue grows
//! queue       how long the queue is, for one that stands without growing
//! throughput  what arrives, in bits/s
//! rate        the estimate: up while nothing is wrong, down to below what arrives when the queue grows
//! loss        a second, upper bound for lines that drop instead of queueing
//! probe       short bursts above the estimate, by which it finds that there is more
//! ```
//!
//! The draft's arrival-time filter is a Kalman filter; this is the linear regression that libwebrtc has used in its
//! place since 2016: it needs no model of the noise, reacts within 20 groups whatever their spacing, and makes our
//! figures comparable with those of browsers. Bitrates are in bits/s with IP and UDP headers.

use std::time::{Duration, Instant};

mod groups;
mod loss;
pub(crate) mod probe;
mod queue;
mod rate;
mod throughput;
mod trend;

use groups::Groups;
use loss::LossBound;
use probe::Prober;
use queue::QueueDelay;
use rate::{Load, RateControl};
use throughput::Throughput;
use trend::Trend;

pub(crate) use probe::Goal;

/// Taken for the line before anything is known, as in libwebrtc: a voice and a small picture. The first probe goes out at
/// once.
pub(crate) const START: f64 = 300_000.0;
/// Never below: one voice.
pub(crate) const FLOOR: f64 = 50_000.0;
/// Never above.
pub(crate) const CEILING: f64 = 30_000_000.0;
/// Sending less than this part of the estimate tests nothing.
const LIMITED: f64 = 0.8;
/// A queue that bothers nobody even if it grows, in ms.
const NEGLIGIBLE: f64 = 25.0;
/// The queue is empty, in ms.
const EMPTY: f64 = 8.0;
/// A queue that shows that the line is full although little is sent, in ms.
const NOTICEABLE: f64 = 60.0;
/// After that long without feedback on what is being sent, the line has got worse.
const SILENCE: Duration = Duration::from_millis(1500);
/// Between two reductions for silence.
const SILENCE_STEP: Duration = Duration::from_secs(1);
const SILENCE_FACTOR: f64 = 0.8;

/// What the delay says.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Usage {
    /// The queue is being emptied.
    Under,
    Normal,
    /// The queue grows, or is too long.
    Over,
}

/// A packet that the viewer reported as received for the first time.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Acked {
    pub(crate) sent: Instant,
    /// Microseconds of the viewer's clock.
    pub(crate) arrived: i64,
    /// On the line, headers included.
    pub(crate) bytes: u32,
    /// The cluster of packets it was sent with to probe; 0 for none.
    pub(crate) probe: u8,
}

/// See the module.
pub(crate) struct Estimator {
    groups: Groups,
    trend: Trend,
    queue: QueueDelay,
    /// What arrives, on the viewer's clock.
    arriving: Throughput,
    /// What is sent, on ours.
    sending: Throughput,
    rate: RateControl,
    loss: LossBound,
    pub(crate) prober: Prober,
    epoch: Instant,
    /// `SendLog`'s count at the last feedback.
    sent_bytes: u64,
    /// Packets of the message being read.
    received: u32,
    lost: u32,
    heard: Option<Instant>,
    /// When the newest packet was sent that the delay was taken of.
    newest: Option<Instant>,
    silent_since: Option<Instant>,
}

impl Estimator {
    pub(crate) fn new(now: Instant, start: f64) -> Estimator {
        Estimator {
            groups: Groups::default(),
            trend: Trend::default(),
            queue: QueueDelay::default(),
            arriving: Throughput::default(),
            sending: Throughput::default(),
            rate: RateControl::new(start),
            loss: LossBound::default(),
            prober: Prober::default(),
            epoch: now,
            sent_bytes: 0,
            received: 0,
            lost: 0,
            heard: None,
            newest: None,
            silent_since: None,
        }
    }

    /// What the line carries, in bits/s.
    pub(crate) fn estimate(&self) -> f64 {
        let bound = self.loss.bound().unwrap_or(f64::INFINITY);
        self.rate.estimate().min(bound).clamp(FLOOR, CEILING)
    }

    /// When the viewer last said anything about what it received.
    pub(crate) fn heard(&self) -> Option<Instant> {
        self.heard
    }

    /// A packet that the message being read reports as received. In the order in which they were sent.
    pub(crate) fn received(&mut self, packet: Acked) {
        self.received += 1;
        self.arriving.add(packet.arrived, packet.bytes);
        if packet.probe != 0 {
            self.prober.received(&packet);
            // A probe makes a short queue on purpose: that is not what the trend is to see.
            self.groups.reset();
            return;
        }
        if self.newest.is_some_and(|newest| packet.sent < newest) {
            // Reported late, or a voice's last moments, sent with the times at which they were said.
            return;
        }
        self.newest = Some(packet.sent);
        self.queue.add(packet.sent.saturating_duration_since(self.epoch).as_micros() as i64, packet.arrived);
        if let Some(delta) = self.groups.add(packet.sent, packet.arrived) {
            self.trend.update(delta);
        }
    }

    /// A packet that the message being read reports as missing.
    pub(crate) fn lost(&mut self, probe: u8) {
        self.lost += 1;
        self.prober.lost(probe);
    }

    /// The message is read. `sent_bytes`: all that were ever sent.
    pub(crate) fn conclude(&mut self, now: Instant, sent_bytes: u64, round_trip: Duration) {
        let (received, lost) = (std::mem::take(&mut self.received), std::mem::take(&mut self.lost));
        let fresh = sent_bytes.saturating_sub(self.sent_bytes).min(u64::from(u32::MAX)) as u32;
        self.sent_bytes = sent_bytes;
        self.sending.add(now.saturating_duration_since(self.epoch).as_micros() as i64, fresh);
        if received == 0 {
            return;
        }
        (self.heard, self.silent_since) = (Some(now), None);
        let usage = self.usage(now);
        self.prober.expect(self.queue.variation());
        let acked = self.arriving.rate();
        let load = match self.sending.rate() {
            Some(rate) if rate >= LIMITED * self.estimate() => Load::Full,
            _ if self.queue.current() > NOTICEABLE => Load::Queued,
            _ => Load::Light,
        };
        self.loss.count(now, received, lost, (self.rate.estimate(), acked), load);
        if self.rate.update(now, usage, (acked, self.arriving.recent()), round_trip, load) {
            self.queue.reduced(now);
            self.prober.postpone(now);
        }
        if let Some(result) = self.prober.conclude(now, round_trip, self.loss.fraction()) {
            self.rate.raise(now, result.rate, result.full);
            if result.intact {
                self.loss.lift(result.rate);
            }
        }
    }

    fn usage(&mut self, now: Instant) -> Usage {
        match self.trend.usage() {
            _ if self.queue.excessive(now) => Usage::Over,
            // The burst of a key frame, or of each frame. If more follows, there will be a queue.
            Usage::Over if self.queue.current() < NEGLIGIBLE || self.queue.between_bursts() < EMPTY => Usage::Under,
            usage => usage,
        }
    }

    /// Called now and then. `sending`: whether anything was sent lately that should have been reported.
    pub(crate) fn tick(&mut self, now: Instant, sending: bool) {
        let Some(heard) = self.heard.filter(|_| sending) else { return };
        let quiet = now.saturating_duration_since(heard);
        let due = self.silent_since.is_none_or(|since| now.saturating_duration_since(since) >= SILENCE_STEP);
        if quiet >= SILENCE && due {
            self.silent_since = Some(now);
            self.rate.scale(SILENCE_FACTOR);
        }
    }

    /// Whether the delay is in order, so that a probe may be sent.
    pub(crate) fn is_calm(&self, now: Instant) -> bool {
        self.trend.usage() != Usage::Over && self.silent_since.is_none() && self.rate.is_settled(now)
    }

    /// The queue that the last packets waited in, in ms.
    #[cfg(test)]
    pub(crate) fn queueing(&self) -> f64 {
        self.queue.current()
    }
}

#[cfg(test)]
mod tests;
