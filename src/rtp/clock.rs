//! Clocks: the server's NTP time, each publisher's offset from it, and media clocks through sender reports.
//!
//! Lips stay in sync because all tracks of a publisher go through one offset: whatever it is wrong by, sound and
//! picture are wrong alike.

use std::time::{Duration, Instant};

/// Seconds from 1900 (NTP) to 1970.
const NTP_EPOCH: u64 = 2_208_988_800;
/// Two of these are remembered, so an offset is the least of the last 10 to 20 s.
const OFFSET_WINDOW: Duration = Duration::from_secs(10);
/// A sender report this far from now is not believed: 32.32 fixed point.
const MAX_EXTRAPOLATION: i64 = 3600 << 32;

/// An NTP timestamp: seconds since 1900 as 32.32 fixed point. Wraps in 2036, hence only differences are used.
pub(crate) type Ntp = u64;

/// The server's wall clock.
#[derive(Debug, Clone, Copy)]
pub(crate) struct WallClock {
    epoch: Instant,
    epoch_unix: Duration,
}

impl WallClock {
    pub(crate) fn new(epoch: Instant, epoch_unix: Duration) -> WallClock {
        WallClock { epoch, epoch_unix }
    }

    /// The NTP time of `at`.
    pub(crate) fn ntp(&self, at: Instant) -> Ntp {
        let unix = match at.checked_duration_since(self.epoch) {
            Some(later) => self.epoch_unix + later,
            None => self.epoch_unix.saturating_sub(self.epoch - at),
        };
        let seconds = unix.as_secs().wrapping_add(NTP_EPOCH);
        let fraction = (u64::from(unix.subsec_nanos()) << 32) / 1_000_000_000;
        seconds << 32 | fraction
    }

    /// Microseconds since the epoch; transport-wide feedback counts from there.
    pub(crate) fn micros(&self, at: Instant) -> u64 {
        at.saturating_duration_since(self.epoch).as_micros() as u64
    }
}

/// The difference of two NTP times in 32.32 fixed point.
fn ntp_difference(later: Ntp, earlier: Ntp) -> i64 {
    later.wrapping_sub(earlier) as i64
}

/// How far a publisher's clock is behind the server's: the least seen between sending and arrival of a report, since
/// what is more than the least was spent in queues.
#[derive(Debug, Clone, Copy, Default)]
pub(crate) struct PublisherClock {
    current: Option<i64>,
    previous: Option<i64>,
    rotate_at: Option<Instant>,
}

impl PublisherClock {
    /// The clock of a publisher in this process: the server's.
    pub(crate) fn same() -> PublisherClock {
        PublisherClock { current: Some(0), ..PublisherClock::default() }
    }

    /// A sender report with `sent` came at `arrived`.
    pub(crate) fn observe(&mut self, sent: Ntp, arrived: Ntp, now: Instant) {
        let sample = ntp_difference(arrived, sent);
        match self.rotate_at {
            Some(at) if now < at => {}
            _ => {
                self.previous = self.current.take();
                self.rotate_at = Some(now + OFFSET_WINDOW);
            }
        }
        self.current = Some(self.current.map_or(sample, |least| least.min(sample)));
    }

    /// Server time minus publisher time.
    fn offset(&self) -> Option<i64> {
        match (self.current, self.previous) {
            (Some(a), Some(b)) => Some(a.min(b)),
            (a, b) => a.or(b),
        }
    }

    /// The publisher's time at the server's `ntp`.
    pub(crate) fn publisher_time(&self, ntp: Ntp) -> Option<Ntp> {
        self.offset().map(|offset| ntp.wrapping_sub(offset as u64))
    }
}

/// A moment on a media clock.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct MediaTime {
    pub(crate) ntp: Ntp,
    pub(crate) rtp: u32,
}

impl MediaTime {
    /// The RTP timestamp at `ntp` (of the same clock as `self.ntp`); `None` if that is too far away to mean anything.
    pub(crate) fn at(&self, ntp: Ntp, clock_rate: u32) -> Option<u32> {
        let elapsed = ntp_difference(ntp, self.ntp);
        if elapsed.unsigned_abs() > MAX_EXTRAPOLATION as u64 {
            return None;
        }
        let ticks = (i128::from(elapsed) * i128::from(clock_rate)) >> 32;
        Some(self.rtp.wrapping_add(ticks as u32))
    }
}

/// `elapsed` in ticks of a media clock, modulo 2^32.
pub(crate) fn ticks(elapsed: Duration, clock_rate: u32) -> u32 {
    (elapsed.as_nanos() * u128::from(clock_rate) / 1_000_000_000) as u32
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ntp_follows_the_unix_time() {
        let epoch = Instant::now();
        let clock = WallClock::new(epoch, Duration::from_secs(1_700_000_000));
        assert_eq!(clock.ntp(epoch) >> 32, 1_700_000_000 + NTP_EPOCH);
        let later = clock.ntp(epoch + Duration::from_millis(2500));
        assert_eq!(ntp_difference(later, clock.ntp(epoch)), 5 << 31);
    }

    #[test]
    fn the_offset_is_the_least_of_the_last_windows() {
        let (mut clock, start) = (PublisherClock::default(), Instant::now());
        assert_eq!(clock.publisher_time(5), None);
        let second = |n: u64| n << 32;
        clock.observe(second(100), second(105), start);
        clock.observe(second(101), second(104), start + Duration::from_secs(1));
        clock.observe(second(102), second(109), start + Duration::from_secs(2));
        assert_eq!(clock.publisher_time(second(10)), Some(second(7)));
        clock.observe(second(111), second(116), start + Duration::from_secs(11));
        assert_eq!(clock.publisher_time(second(10)), Some(second(7)), "the window before still counts");
        clock.observe(second(121), second(126), start + Duration::from_secs(22));
        assert_eq!(clock.publisher_time(second(10)), Some(second(5)), "then it is forgotten");
    }

    #[test]
    fn media_time_goes_both_ways_and_not_too_far() {
        let time = MediaTime { ntp: 1000 << 32, rtp: 10 };
        assert_eq!(time.at(1001 << 32, 90_000), Some(90_010));
        assert_eq!(time.at(999 << 32, 90_000), Some(10u32.wrapping_sub(90_000)));
        assert_eq!(time.at(9000 << 32, 90_000), None);
        assert_eq!(ticks(Duration::from_millis(20), 48_000), 960);
    }
}
