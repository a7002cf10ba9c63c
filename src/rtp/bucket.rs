//! How much of something a second: budgets against floods, and against asking for too much.

use std::time::Instant;

/// What a [`Bucket`] holds.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Rate {
    /// What comes in by itself.
    pub(crate) per_second: f64,
    /// The most it holds; it starts full.
    pub(crate) burst: f64,
}

impl Rate {
    /// No more than `part` of `whole`.
    pub(crate) fn at_most(self, whole: f64, part: Rate) -> Rate {
        let least = |own: f64, part: f64| own.min(whole * part);
        Rate { per_second: least(self.per_second, part.per_second), burst: least(self.burst, part.burst) }
    }
}

/// A token bucket.
#[derive(Debug, Clone, Copy, Default)]
pub(crate) struct Bucket {
    /// What is gone from a full one: so that all zeros is a full bucket of any size.
    gone: f64,
    since: Option<Instant>,
}

impl Bucket {
    /// Takes `amount` if that much is there.
    pub(crate) fn take(&mut self, now: Instant, rate: Rate, amount: f64) -> bool {
        let elapsed = self.since.replace(now).map_or(0.0, |since| now.saturating_duration_since(since).as_secs_f64());
        self.gone = (self.gone - elapsed * rate.per_second).max(0.0);
        let allowed = self.gone + amount <= rate.burst;
        if allowed {
            self.gone += amount;
        }
        allowed
    }

    /// Puts something in besides; what does not fit is lost.
    pub(crate) fn earn(&mut self, amount: f64) {
        self.gone = (self.gone - amount).max(0.0);
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;

    #[test]
    fn it_starts_full_and_fills_by_time_and_by_what_is_earned() {
        let (mut bucket, start) = (Bucket::default(), Instant::now());
        let rate = Rate { per_second: 10.0, burst: 5.0 };
        let taken = |bucket: &mut Bucket, ms| {
            (0..100).filter(|_| bucket.take(start + Duration::from_millis(ms), rate, 1.0)).count()
        };
        assert_eq!(taken(&mut bucket, 0), 5);
        assert_eq!(taken(&mut bucket, 50), 0);
        assert_eq!(taken(&mut bucket, 250), 2);
        bucket.earn(3.0);
        assert_eq!(taken(&mut bucket, 250), 3);
        bucket.earn(1000.0);
        assert_eq!(taken(&mut bucket, 100_000), 5, "never more than it holds");
        assert_eq!(taken(&mut bucket, 0), 0, "time that goes back brings nothing");
        assert!(!Bucket::default().take(start, rate, 5.1));
        let part = rate.at_most(2.0, Rate { per_second: 8.0, burst: 1.0 });
        assert_eq!((part.per_second, part.burst), (10.0, 2.0), "the less of each");
    }
}
