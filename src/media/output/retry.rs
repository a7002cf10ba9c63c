//! When a server that went away is tried again: for ever, soon while it may be a hiccup, and at once when it is back.

use std::time::{Duration, Instant};

const FIRST_WAIT: Duration = Duration::from_millis(250);
/// The longest wait between the cheap knocks at the door of a server that is away.
const KNOCKS: Duration = Duration::from_millis(500);
/// The longest wait in the first minute.
const SOON: Duration = Duration::from_secs(1);
/// The longest wait afterwards, where the server is there and does not take the stream.
const LATER: Duration = Duration::from_secs(10);
const MINUTE: Duration = Duration::from_secs(60);

/// How a try ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Ending {
    /// Nobody is there.
    Away,
    /// It takes the connection and says nothing. One that hangs is answered the moment the server wakes.
    Silent,
    /// It is there and does not take the stream.
    Refused,
    /// It was live.
    Lost,
}

/// See the module.
#[derive(Debug)]
pub(super) struct BackOff {
    wait: Duration,
    /// The beginning of the present trouble.
    since: Option<Instant>,
    away: bool,
    counted: Option<Instant>,
    /// Tries after the first, as people are told; of the knocks of a long absence one in ten seconds.
    pub(super) retries: u32,
}

impl BackOff {
    pub(super) fn new() -> Self {
        Self { wait: FIRST_WAIT, since: None, away: false, counted: None, retries: 0 }
    }

    /// A try ended: how long to wait before the next.
    pub(super) fn after(&mut self, now: Instant, ending: Ending) -> Duration {
        let away = ending == Ending::Away;
        // What changes begins anew: it died, it came back, it vanished.
        if ending == Ending::Lost || away != self.away {
            (self.since, self.wait) = (None, FIRST_WAIT);
        }
        self.away = away;
        let long = now.duration_since(*self.since.get_or_insert(now)) >= MINUTE;
        let rare = long && self.counted.is_some_and(|at| now.duration_since(at) < LATER);
        if !(away && rare) {
            self.counted = Some(now);
            self.retries += 1;
        }
        let wait = self.wait;
        let most = match ending {
            Ending::Away => KNOCKS,
            Ending::Refused if long => LATER,
            Ending::Refused | Ending::Silent | Ending::Lost => SOON,
        };
        self.wait = (self.wait * 2).min(most);
        if ending == Ending::Silent { FIRST_WAIT } else { wait.min(most) }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The waits of this many endings in a row, each try taking no time.
    fn waits(back_off: &mut BackOff, now: &mut Instant, ending: Ending, count: usize) -> Vec<u64> {
        let waits = (0..count).map(|_| {
            let wait = back_off.after(*now, ending);
            *now += wait;
            wait.as_millis() as u64
        });
        waits.collect()
    }

    #[test]
    fn a_refusal_is_tried_each_second_for_a_minute_and_then_every_ten() {
        let (mut back_off, mut now) = (BackOff::new(), Instant::now());
        assert_eq!(waits(&mut back_off, &mut now, Ending::Refused, 4), [250, 500, 1000, 1000]);
        waits(&mut back_off, &mut now, Ending::Refused, 58);
        assert_eq!(waits(&mut back_off, &mut now, Ending::Refused, 6)[2..], [4000, 8000, 10_000, 10_000]);
        assert_eq!(back_off.retries, 68);
    }

    #[test]
    fn a_server_that_is_away_is_knocked_at_twice_a_second_for_ever() {
        let (mut back_off, mut now) = (BackOff::new(), Instant::now());
        let start = now;
        assert!(waits(&mut back_off, &mut now, Ending::Away, 3600).iter().all(|wait| *wait <= 500));
        let seconds = now.duration_since(start).as_secs();
        assert!(u64::from(back_off.retries) < 125 + seconds / 10, "{} tries are told of", back_off.retries);
        // It is back, and does not take the key yet: an old session may be in its way.
        assert_eq!(waits(&mut back_off, &mut now, Ending::Refused, 4), [250, 500, 1000, 1000]);
    }

    #[test]
    fn who_was_live_is_tried_at_once() {
        let (mut back_off, mut now) = (BackOff::new(), Instant::now());
        waits(&mut back_off, &mut now, Ending::Refused, 100);
        assert_eq!(waits(&mut back_off, &mut now, Ending::Lost, 1), [250]);
        assert_eq!(waits(&mut back_off, &mut now, Ending::Silent, 3), [250; 3]);
    }
}
