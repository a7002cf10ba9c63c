//! Whether the disk that recordings go to will last.

use std::time::Duration;

/// Less time than this is told of even where there is more space than the operator asked for.
const SOON: u32 = 10;
/// The rate is measured over at least this.
const MEASURED: Duration = Duration::from_secs(5);

/// A disk that is nearly full.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Disk {
    /// Bytes, to the megabyte.
    pub free: u64,
    /// At the rate at which is being recorded now; unknown at first.
    pub minutes_left: Option<u32>,
}

/// Measures how fast it fills.
#[derive(Debug)]
pub struct Gauge {
    limit: u64,
    last: Option<(Duration, u64)>,
    /// Bytes a second, smoothed.
    rate: Option<f64>,
}

impl Gauge {
    /// Warns when less than `limit` bytes are free.
    pub fn new(limit: u64) -> Self {
        Self { limit, last: None, rate: None }
    }

    /// So much is free, and so much was written by everything that records now. Something when it is nearly full.
    pub fn look(&mut self, now: Duration, free: u64, written: u64) -> Option<Disk> {
        match self.last {
            Some((at, before)) if written >= before => {
                if now.saturating_sub(at) >= MEASURED {
                    let measured = (written - before) as f64 / (now - at).as_secs_f64();
                    self.rate = Some(self.rate.map_or(measured, |rate| rate * 0.7 + measured * 0.3));
                    self.last = Some((now, written));
                }
            }
            // Another set of recordings: begin anew, with the rate there was.
            _ => self.last = Some((now, written)),
        }
        let minutes_left = self.rate.filter(|rate| *rate >= 1.0).map(|rate| (free as f64 / rate / 60.0) as u32);
        let is_low = free < self.limit || minutes_left.is_some_and(|minutes| minutes < SOON);
        is_low.then_some(Disk { free: free / 1_000_000 * 1_000_000, minutes_left })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn it_is_low_by_space_or_by_time() {
        const MB: u64 = 1_000_000;
        let s = Duration::from_secs;
        let mut gauge = Gauge::new(100 * MB);
        assert_eq!(gauge.look(s(0), 5000 * MB, 0), None);
        assert_eq!(gauge.look(s(5), 5000 * MB, 5 * MB), None, "83 minutes");
        assert_eq!(gauge.look(s(10), 90 * MB, 10 * MB), Some(Disk { free: 90 * MB, minutes_left: Some(1) }));
        assert_eq!(gauge.look(s(15), 540 * MB + 7, 15 * MB), Some(Disk { free: 540 * MB, minutes_left: Some(9) }));
        assert_eq!(gauge.look(s(20), 700 * MB, 20 * MB), None);
        assert_eq!(gauge.look(s(25), 50 * MB, 0), Some(Disk { free: 50 * MB, minutes_left: Some(0) }), "another set");
        let mut fresh = Gauge::new(100 * MB);
        assert_eq!(fresh.look(s(0), 50 * MB, 7), Some(Disk { free: 50 * MB, minutes_left: None }));
    }
}
