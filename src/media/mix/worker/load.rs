//! When the machine cannot keep up: fewer pictures a second before any is lost at random, and all of them again when it can.
//! A recording is never stopped for it. Pure; times are arguments.

use std::time::{Duration, Instant};

/// What of the pictures is made, worst last: every one, every second, every third.
const STEPS: [u32; 3] = [1, 2, 3];
/// Signs of strain for this long make it a step less. Shorter ones are bursts, and buffers are for those.
const STRAINED: Duration = Duration::from_millis(1500);
/// None for this long make it a step more,
const CALM: Duration = Duration::from_secs(15);
/// or twice as long each time that was too early, up to this.
const CALM_AT_MOST: Duration = Duration::from_secs(240);
/// A step more that fails within this time was too early.
const TOO_EARLY: Duration = Duration::from_secs(30);

/// Signs of how the machine does.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Signs {
    /// How late the last picture was drawn.
    pub(super) late: Duration,
    /// Raw pictures that wait for the encoder.
    pub(super) waiting: Duration,
}

impl Signs {
    fn are_bad(self) -> bool {
        self.late > Duration::from_millis(250) || self.waiting > Duration::from_millis(400)
    }

    fn are_good(self) -> bool {
        self.late < Duration::from_millis(60) && self.waiting < Duration::from_millis(120)
    }
}

/// Decides how many pictures are made.
#[derive(Debug)]
pub(super) struct Load {
    step: usize,
    /// Since when it is bad and does not get better, and how much waited then.
    bad: Option<(Instant, Duration)>,
    good: Option<Instant>,
    calm: Duration,
    raised: Option<Instant>,
}

impl Default for Load {
    fn default() -> Self {
        Self { step: 0, bad: None, good: None, calm: CALM, raised: None }
    }
}

impl Load {
    /// Looks at the machine, about ten times a second. Tells when something other than every n-th picture is to be made.
    pub(super) fn look(&mut self, now: Instant, signs: Signs) -> Option<u32> {
        // What waits and grows less is being worked off.
        let lasting = self.bad.filter(|(_, waited)| signs.waiting >= *waited * 9 / 10);
        self.bad = signs.are_bad().then(|| lasting.unwrap_or((now, signs.waiting)));
        self.good = signs.are_good().then(|| self.good.unwrap_or(now));
        let lasts = |from: Option<Instant>, long: Duration| from.is_some_and(|from| now.duration_since(from) >= long);
        if lasts(self.bad.map(|(from, _)| from), STRAINED) && self.step + 1 < STEPS.len() {
            self.step += 1;
            if self.raised.take().is_some_and(|raised| now.duration_since(raised) < TOO_EARLY) {
                self.calm = (self.calm * 2).min(CALM_AT_MOST);
            }
        } else if lasts(self.good, self.calm) && self.step > 0 {
            self.step -= 1;
            self.raised = Some(now);
        } else {
            if self.step == 0 && self.raised.is_some_and(|raised| now.duration_since(raised) > TOO_EARLY) {
                (self.calm, self.raised) = (CALM, None);
            }
            return None;
        }
        (self.bad, self.good) = (None, None);
        Some(STEPS[self.step])
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const BAD: Signs = Signs { late: Duration::ZERO, waiting: Duration::from_millis(900) };
    const GOOD: Signs = Signs { late: Duration::ZERO, waiting: Duration::ZERO };

    /// Looks ten times a second; what was decided, and after how many tenths.
    fn watch(load: &mut Load, now: &mut Instant, signs: Signs, tenths: u32) -> Vec<(u32, u32)> {
        let step = |tenth| {
            *now += Duration::from_millis(100);
            load.look(*now, signs).map(|every| (tenth, every))
        };
        (1..=tenths).filter_map(step).collect()
    }

    #[test]
    fn strain_that_lasts_lowers_the_rate_and_calm_brings_it_back() {
        let (mut load, mut now) = (Load::default(), Instant::now());
        assert_eq!(watch(&mut load, &mut now, BAD, 14), [], "a burst");
        assert_eq!(watch(&mut load, &mut now, GOOD, 1), []);
        assert_eq!(watch(&mut load, &mut now, BAD, 100), [(16, 2), (32, 3)], "and never less");
        assert_eq!(watch(&mut load, &mut now, GOOD, 400), [(151, 2), (302, 1)]);
    }

    #[test]
    fn what_is_being_worked_off_is_let_alone() {
        let (mut load, mut now) = (Load::default(), Instant::now());
        assert_eq!(watch(&mut load, &mut now, BAD, 16), [(16, 2)]);
        for waiting in (0..90).rev() {
            let signs = Signs { waiting: Duration::from_millis(20 * waiting), ..GOOD };
            assert_eq!(watch(&mut load, &mut now, signs, 1), []);
        }
    }

    #[test]
    fn who_comes_back_too_early_waits_longer_the_next_time() {
        let (mut load, mut now) = (Load::default(), Instant::now());
        watch(&mut load, &mut now, BAD, 16);
        let mut waits = Vec::new();
        for _ in 0..6 {
            let calm = (1..4000).find(|_| !watch(&mut load, &mut now, GOOD, 1).is_empty());
            waits.extend(calm);
            watch(&mut load, &mut now, BAD, 16);
        }
        assert_eq!(waits, [151, 301, 601, 1201, 2401, 2401]);
    }
}
