//! Tells a server that reads from one that does not, though its machine still takes what is sent for a while.
//!
//! A frozen server's machine goes on acknowledging until the server's buffer is full: at 300 kbit/s that takes seconds. What
//! raises doubts before is the right edge of the window it offers (RFC 9293, 3.8.6): who reads moves it on as fast as data
//! comes. A slow one looks the same for a while, so a doubt is only a reason to ask the server; standing still for long is
//! certainty.

use std::collections::VecDeque;
use std::time::{Duration, Instant};

/// What makes doubtful is looked at over so long.
const DOUBT: Duration = Duration::from_secs(2);
/// Less than this says nothing about a shrinking window, bytes.
const ENOUGH: u64 = 8_000;
/// The edge must move by this much of what was acknowledged, percent. A frozen Linux was measured at 22 to 60: its accounting
/// of buffers gives a little more room as it fills them.
const LEAST_MOVE: u64 = 80;
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

/// What the readings say.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Verdict {
    Reads,
    /// It may be slow, or not read at all.
    Doubtful,
    Frozen,
}

/// Judges one connection.
#[derive(Debug)]
pub(super) struct Watch {
    sure: Duration,
    readings: VecDeque<(Instant, Reading)>,
}

impl Watch {
    /// Sure of one that stands still for so long; longer when that was a mistake before, so often.
    pub(super) fn new(sure: Duration, mistakes: u32) -> Self {
        Self { sure: sure * 2_u32.pow(mistakes.min(MOST_DOUBLINGS)), readings: VecDeque::new() }
    }

    /// Takes a reading, about twice a second.
    pub(super) fn judge(&mut self, now: Instant, reading: Reading) -> Verdict {
        self.readings.push_back((now, reading));
        while self.readings.get(1).is_some_and(|(at, _)| now.duration_since(*at) >= self.sure) {
            self.readings.pop_front();
        }
        if self.since(now, self.sure).is_some_and(|first| self.stands_still(now, self.sure, first, reading)) {
            Verdict::Frozen
        } else if self.since(now, DOUBT).is_some_and(|first| self.is_doubtful(now, first, reading)) {
            Verdict::Doubtful
        } else {
            Verdict::Reads
        }
    }

    /// The last reading at least this old.
    fn since(&self, now: Instant, age: Duration) -> Option<Reading> {
        let old = |(at, _): &&(Instant, Reading)| now.duration_since(*at) >= age;
        self.readings.iter().rev().find(old).map(|(_, reading)| *reading)
    }

    fn stands_still(&self, now: Instant, age: Duration, first: Reading, last: Reading) -> bool {
        let recent = self.readings.iter().filter(|(at, _)| now.duration_since(*at) <= age);
        first.edge == last.edge && recent.clone().all(|(_, reading)| reading.waiting)
    }

    fn is_doubtful(&self, now: Instant, first: Reading, last: Reading) -> bool {
        let moved = last.edge.saturating_sub(first.edge);
        let acknowledged = first.acknowledged.zip(last.acknowledged).map_or(0, |(a, b)| b.saturating_sub(a));
        self.stands_still(now, DOUBT, first, last)
            || (acknowledged >= ENOUGH && moved * 100 < acknowledged * LEAST_MOVE)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Half-second readings of `(acknowledged, window, waiting)`: at which there are doubts, and at which none are left.
    fn found(mistakes: u32, readings: impl IntoIterator<Item = (u64, u64, bool)>) -> [Option<usize>; 2] {
        let (mut watch, start) = (Watch::new(Duration::from_secs(8), mistakes), Instant::now());
        let verdicts = readings.into_iter().enumerate().map(|(n, (acknowledged, window, waiting))| {
            let reading = Reading { acknowledged: Some(acknowledged), edge: acknowledged + window, waiting };
            watch.judge(start + Duration::from_millis(500) * n as u32, reading)
        });
        let verdicts: Vec<Verdict> = verdicts.collect();
        [Verdict::Doubtful, Verdict::Frozen].map(|wanted| verdicts.iter().position(|verdict| *verdict == wanted))
    }

    #[test]
    fn a_server_that_reads_is_left_alone() {
        let steady = (0..100).map(|n| (n * 25_000, 119_808, n % 3 == 0));
        assert_eq!(found(0, steady), [None; 2]);
        // Nothing to send is no fault of the server.
        assert_eq!(found(0, (0..100).map(|_| (1000, 60_000, false))), [None; 2]);
        // A slow one reads in steps, with the window shut and data waiting all the time: doubts, never more.
        assert_eq!(found(0, (0..100).map(|n: u64| (n / 10 * 30_000, 0, true))), [Some(4), None]);
    }

    #[test]
    fn a_frozen_server_is_doubted_while_its_machine_still_acknowledges() {
        // As measured: nginx under SIGSTOP at 400 kbit/s, its window of 117 KB shrinking to nothing.
        let measured: [(u64, u64); 8] = [
            (270_033, 114_688),
            (292_433, 96_256),
            (318_826, 73_728),
            (342_737, 56_320),
            (365_326, 38_912),
            (389_956, 20_480),
            (414_224, 1024),
            (415_248, 0),
        ];
        assert_eq!(found(0, measured.map(|(acknowledged, window)| (acknowledged, window, false)))[0], Some(4));
        // And with the most room that a kernel was seen to give.
        assert_eq!(found(0, (0..9).map(|n: u64| (n * 10_000, 100_000 - n * 4_500, false)))[0], Some(4));
        assert_eq!(found(0, (0..30).map(|n: u64| (n.min(4) * 100_000, 0, true))), [Some(8), Some(20)]);
    }

    #[test]
    fn mistakes_make_patient() {
        let sure = |mistakes| found(mistakes, (0..200).map(|_| (0, 0, true)))[1].map(|n| n / 2);
        assert_eq!([0, 1, 2, 3, 9].map(sure), [8, 16, 32, 64, 64].map(Some));
    }
}
