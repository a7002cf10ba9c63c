//! Tells a server that reads from one that does not, though its machine still takes what is sent for a while.
//!
//! A frozen server's machine goes on acknowledging until the server's buffer is full. What gives it away before that is the
//! right edge of the window it offers (RFC 9293, 3.8.6): who reads moves it on as fast as data comes, who does not lets
//! the window shrink and hardly moves it.

use std::collections::VecDeque;
use std::time::{Duration, Instant};

/// Without movement for so long a server counts as frozen, at first.
const SPAN: Duration = Duration::from_secs(3);
/// Less than this says nothing about a shrinking window, bytes.
const ENOUGH: u64 = 8_000;
/// The edge must move by this much of what was acknowledged, percent. A frozen Linux was measured at 22: its accounting of
/// buffers gives a little more room as it fills them.
const LEAST_MOVE: u64 = 35;
/// Each time a slow server was thought frozen the patience doubles, up to so often.
const MOST_DOUBLINGS: u32 = 3;

/// What is known of a connection at one moment.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Reading {
    /// Bytes the other side acknowledged, where its window is known too.
    pub(super) acknowledged: Option<u64>,
    /// How far it lets us send, counted from the beginning.
    pub(super) edge: u64,
    /// Something waits to be acknowledged.
    pub(super) waiting: bool,
}

/// Judges one connection.
#[derive(Debug)]
pub(super) struct Watch {
    span: Duration,
    /// A window that shrinks tells enough. Of a server known to be slow it tells nothing.
    by_window: bool,
    readings: VecDeque<(Instant, Reading)>,
}

impl Watch {
    /// `mistakes`: so often before, a server that was thought frozen turned out to be slow.
    pub(super) fn new(mistakes: u32) -> Self {
        let span = SPAN * 2_u32.pow(mistakes.min(MOST_DOUBLINGS));
        Self { span, by_window: mistakes == 0, readings: VecDeque::new() }
    }

    /// Takes a reading, about twice a second. True when the server does not read any more.
    pub(super) fn is_frozen(&mut self, now: Instant, reading: Reading) -> bool {
        self.readings.push_back((now, reading));
        while self.readings.get(1).is_some_and(|(at, _)| now.duration_since(*at) >= self.span) {
            self.readings.pop_front();
        }
        match self.readings.front() {
            Some((at, first)) if now.duration_since(*at) >= self.span => self.stands_still(*first, reading),
            _ => false,
        }
    }

    fn stands_still(&self, first: Reading, last: Reading) -> bool {
        let moved = last.edge.saturating_sub(first.edge);
        if moved == 0 && self.readings.iter().all(|(_, reading)| reading.waiting) {
            return true;
        }
        let acknowledged = first.acknowledged.zip(last.acknowledged).map_or(0, |(a, b)| b.saturating_sub(a));
        self.by_window && acknowledged >= ENOUGH && moved * 100 < acknowledged * LEAST_MOVE
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Half-second readings of `(acknowledged, window, waiting)`; at which the server is found frozen.
    fn found(mistakes: u32, readings: impl IntoIterator<Item = (u64, u64, bool)>) -> Option<usize> {
        let (mut watch, start) = (Watch::new(mistakes), Instant::now());
        readings.into_iter().enumerate().position(|(n, (acknowledged, window, waiting))| {
            let reading = Reading { acknowledged: Some(acknowledged), edge: acknowledged + window, waiting };
            watch.is_frozen(start + Duration::from_millis(500) * n as u32, reading)
        })
    }

    #[test]
    fn a_server_that_reads_is_left_alone() {
        let steady = (0..100).map(|n| (n * 25_000, 119_808, n % 3 == 0));
        assert_eq!(found(0, steady), None);
        // Nothing to send is no fault of the server.
        assert_eq!(found(0, (0..100).map(|_| (1000, 60_000, false))), None);
        // A slow one reads in steps, with the window shut and data waiting all the time.
        assert_eq!(found(0, (0..100).map(|n: u64| (n / 5 * 30_000, 0, true))), None);
    }

    #[test]
    fn a_frozen_server_is_found_while_its_machine_still_acknowledges() {
        // As measured: nginx under SIGSTOP at 400 kbit/s, its window of 117 KB shrinking to nothing.
        let measured = [
            (270_033, 114_688), (292_433, 96_256), (318_826, 73_728), (342_737, 56_320), (365_326, 38_912), (389_956, 20_480),
            (414_224, 1024), (415_248, 0),
        ];
        assert_eq!(found(0, measured.map(|(acknowledged, window)| (acknowledged, window, false))), Some(6));
        let stuck = (0..20).map(|n: u64| (n.min(4) * 100_000, 0, true));
        assert_eq!(found(0, stuck), Some(10));
    }

    #[test]
    fn mistakes_make_patient() {
        let stuck = || (0..100).map(|_| (0, 0, true));
        let seconds = |mistakes| found(mistakes, stuck()).map(|n| n / 2);
        assert_eq!([0, 1, 2, 3, 9].map(seconds), [3, 6, 12, 24, 24].map(Some));
        let shrinking = (0..100).map(|n: u64| (n * 10_000, 1_000_000 - n * 9_000, false));
        assert_eq!((found(0, shrinking.clone()), found(1, shrinking)), (Some(6), None));
    }
}
