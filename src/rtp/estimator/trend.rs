//! Whether the delay grows: a line fitted to the last groups, against a threshold that adapts to the line's own noise
//! (draft-ietf-rmcat-gcc-02 sections 5.3 and 5.4, with a regression in the place of the Kalman filter).

use std::collections::VecDeque;

use super::Usage;
use super::groups::Delta;

/// Groups that the line is fitted to.
const WINDOW: usize = 20;
/// How much of the smoothed delay is kept.
const SMOOTHING: f64 = 0.9;
/// The slope is weighed with the number of groups seen, up to this, and a gain.
const MAX_GROUPS: u32 = 60;
const GAIN: f64 = 4.0;
/// The threshold in ms: at first, and its limits.
const THRESHOLD: f64 = 12.5;
const THRESHOLD_RANGE: (f64, f64) = (6.0, 600.0);
/// How fast it follows upwards and downwards, per ms.
const ADAPT_UP: f64 = 0.0087;
const ADAPT_DOWN: f64 = 0.039;
/// A spike this far above does not move it.
const SPIKE: f64 = 15.0;
/// Longer pauses count as this, in ms.
const MAX_STEP: f64 = 100.0;
/// Overuse must last, in ms of sending.
const PERSISTENCE: f64 = 10.0;

/// See the module.
#[derive(Debug)]
pub(crate) struct Trend {
    /// Arrival and smoothed delay, in ms.
    points: VecDeque<(f64, f64)>,
    groups: u32,
    accumulated: f64,
    smoothed: f64,
    previous: f64,
    threshold: f64,
    /// Since when the threshold is exceeded, in ms of sending, and how often.
    over_for: f64,
    over_count: u32,
    updated: Option<f64>,
    usage: Usage,
}

impl Default for Trend {
    fn default() -> Trend {
        Trend {
            points: VecDeque::with_capacity(WINDOW + 1),
            groups: 0,
            accumulated: 0.0,
            smoothed: 0.0,
            previous: 0.0,
            threshold: THRESHOLD,
            over_for: 0.0,
            over_count: 0,
            updated: None,
            usage: Usage::Normal,
        }
    }
}

impl Trend {
    pub(crate) fn usage(&self) -> Usage {
        self.usage
    }

    /// The difference of two groups.
    pub(crate) fn update(&mut self, delta: Delta) {
        self.groups = (self.groups + 1).min(1000);
        self.accumulated += delta.delay;
        self.smoothed = SMOOTHING * self.smoothed + (1.0 - SMOOTHING) * self.accumulated;
        self.points.push_back((delta.arrived, self.smoothed));
        if self.points.len() > WINDOW {
            self.points.pop_front();
        }
        if self.points.len() == WINDOW
            && let Some(slope) = slope(&self.points)
        {
            let trend = f64::from(self.groups.min(MAX_GROUPS)) * slope * GAIN;
            self.detect(trend, delta);
            self.adapt(trend, delta.arrived);
        }
    }

    fn detect(&mut self, trend: f64, delta: Delta) {
        if trend > self.threshold {
            self.over_for += if self.over_count == 0 { delta.spacing / 2.0 } else { delta.spacing };
            self.over_count += 1;
            if self.over_for > PERSISTENCE && self.over_count > 1 && trend >= self.previous {
                (self.over_for, self.over_count) = (0.0, 0);
                self.usage = Usage::Over;
            }
        } else {
            (self.over_for, self.over_count) = (0.0, 0);
            self.usage = if trend < -self.threshold { Usage::Under } else { Usage::Normal };
        }
        self.previous = trend;
    }

    fn adapt(&mut self, trend: f64, arrived: f64) {
        let elapsed = self.updated.map_or(0.0, |at| (arrived - at).clamp(0.0, MAX_STEP));
        self.updated = Some(arrived);
        let excess = trend.abs() - self.threshold;
        if excess > SPIKE {
            return;
        }
        let speed = if excess < 0.0 { ADAPT_DOWN } else { ADAPT_UP };
        let (least, most) = THRESHOLD_RANGE;
        self.threshold = (self.threshold + speed * excess * elapsed).clamp(least, most);
    }
}

/// Of the line through the points, by least squares; `None` if they are all at one time.
fn slope(points: &VecDeque<(f64, f64)>) -> Option<f64> {
    let count = points.len() as f64;
    let (sum_x, sum_y) = points.iter().fold((0.0, 0.0), |(x, y), point| (x + point.0, y + point.1));
    let (mean_x, mean_y) = (sum_x / count, sum_y / count);
    let (over, under) = points.iter().fold((0.0, 0.0), |(over, under), &(x, y)| {
        (over + (x - mean_x) * (y - mean_y), under + (x - mean_x) * (x - mean_x))
    });
    (under > 0.0).then(|| over / under)
}
