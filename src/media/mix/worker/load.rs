//! When the machine cannot keep up: less is made of the picture before any of it is lost at random, and all of it again when it
//! can. First fewer pictures a second, then smaller ones, then cheaper ones. A recording is never stopped for it. Pure; times are
//! arguments.

use std::time::{Duration, Instant};

use crate::media::encoder::Ease;
use crate::media::template::{Busy, Templates};

/// How much of the work is done.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Effort {
    /// Every picture is made, every second, every third.
    pub(super) every: u32,
    /// What is made easier about those.
    pub(super) ease: Ease,
}

const fn effort(every: u32, half: bool, cheaper: bool) -> Effort {
    Effort { every, ease: Ease { half, cheaper } }
}

/// Worst last. Smaller is half as wide and high at once: three quarters save a sixth of the encoder's time, scaling included,
/// and half two thirds.
const STEPS: [Effort; 5] = [
    effort(1, false, false),
    effort(2, false, false),
    effort(3, false, false),
    effort(3, true, false),
    effort(3, true, true),
];

/// The wait for calm doubles each time that a step up was too early, up to so many times what it was.
const CALM_AT_MOST: u32 = 16;
/// A step up that fails within so many times the wait for calm was too early.
const TOO_EARLY: u32 = 2;

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

/// Decides what is made.
#[derive(Debug)]
pub(super) struct Load {
    steps: &'static [Effort],
    step: usize,
    /// Signs of strain for so long make it a step less. Shorter ones are bursts, and buffers are for those.
    strained: Duration,
    /// None for so long make it a step more.
    usual_calm: Duration,
    calm: Duration,
    /// Since when it is bad and does not get better, and how much waited then.
    bad: Option<(Instant, Duration)>,
    good: Option<Instant>,
    raised: Option<Instant>,
}

impl Load {
    /// As the operator wants it.
    pub(super) fn of(templates: &Templates) -> Self {
        let main = templates.choose(&templates.mixer.renditions.main.encoder);
        Self::new(templates.mixer.busy, main.is_ok_and(|choice| choice.cheaper.is_some()))
    }

    fn new(busy: Busy, has_cheaper: bool) -> Self {
        let usual_calm = Duration::from_secs_f64(busy.up);
        Self {
            steps: if has_cheaper { &STEPS } else { &STEPS[..STEPS.len() - 1] },
            step: 0,
            strained: Duration::from_secs_f64(busy.down),
            usual_calm,
            calm: usual_calm,
            bad: None,
            good: None,
            raised: None,
        }
    }

    /// What is made now.
    pub(super) fn effort(&self) -> Effort {
        self.steps[self.step]
    }

    /// Everything is made.
    pub(super) fn is_easy(&self) -> bool {
        self.step == 0
    }

    /// Looks at the machine, about ten times a second. Tells when something else is to be made.
    pub(super) fn look(&mut self, now: Instant, signs: Signs) -> Option<Effort> {
        // What waits and grows less is being worked off.
        let lasting = self.bad.filter(|(_, waited)| signs.waiting >= *waited * 9 / 10);
        self.bad = signs.are_bad().then(|| lasting.unwrap_or((now, signs.waiting)));
        self.good = signs.are_good().then(|| self.good.unwrap_or(now));
        let lasts = |from: Option<Instant>, long: Duration| from.is_some_and(|from| now.duration_since(from) >= long);
        if lasts(self.bad.map(|(from, _)| from), self.strained) && self.step + 1 < self.steps.len() {
            self.step += 1;
            let early = self.usual_calm * TOO_EARLY;
            if self.raised.take().is_some_and(|raised| now.duration_since(raised) < early) {
                self.calm = (self.calm * 2).min(self.usual_calm * CALM_AT_MOST);
            }
        } else if lasts(self.good, self.calm) && self.step > 0 {
            self.step -= 1;
            self.raised = Some(now);
        } else {
            let held = self.raised.is_some_and(|raised| now.duration_since(raised) > self.usual_calm * TOO_EARLY);
            if self.step == 0 && held {
                (self.calm, self.raised) = (self.usual_calm, None);
            }
            return None;
        }
        (self.bad, self.good) = (None, None);
        Some(self.effort())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const BAD: Signs = Signs { late: Duration::ZERO, waiting: Duration::from_millis(900) };
    const GOOD: Signs = Signs { late: Duration::ZERO, waiting: Duration::ZERO };

    fn load() -> Load {
        Load::new(Busy::default(), true)
    }

    /// Looks ten times a second; what was decided, and after how many tenths.
    fn watch(load: &mut Load, now: &mut Instant, signs: Signs, tenths: u32) -> Vec<(u32, Effort)> {
        let step = |tenth| {
            *now += Duration::from_millis(100);
            load.look(*now, signs).map(|effort| (tenth, effort))
        };
        (1..=tenths).filter_map(step).collect()
    }

    #[test]
    fn strain_that_lasts_goes_down_the_ladder_and_calm_comes_back_up() {
        let (mut load, mut now) = (load(), Instant::now());
        assert_eq!(watch(&mut load, &mut now, BAD, 14), [], "a burst");
        assert_eq!(watch(&mut load, &mut now, GOOD, 1), []);
        let (full, second, third) = (effort(1, false, false), effort(2, false, false), effort(3, false, false));
        let (small, cheap) = (effort(3, true, false), effort(3, true, true));
        let down = watch(&mut load, &mut now, BAD, 200);
        assert_eq!(down, [(16, second), (32, third), (48, small), (64, cheap)], "and never less");
        let up = watch(&mut load, &mut now, GOOD, 800);
        assert_eq!(up, [(151, small), (302, third), (453, second), (604, full)]);
        assert!(load.is_easy());
    }

    #[test]
    fn an_encoder_without_cheaper_settings_has_one_step_less() {
        let (mut load, mut now) = (Load::new(Busy { down: 0.5, up: 1.0 }, false), Instant::now());
        let down = watch(&mut load, &mut now, BAD, 200);
        assert_eq!(down.iter().map(|(tenth, _)| *tenth).collect::<Vec<_>>(), [6, 12, 18]);
        assert_eq!(load.effort(), effort(3, true, false));
    }

    #[test]
    fn what_is_being_worked_off_is_let_alone() {
        let (mut load, mut now) = (load(), Instant::now());
        assert_eq!(watch(&mut load, &mut now, BAD, 16).len(), 1);
        for waiting in (0..90).rev() {
            let signs = Signs { waiting: Duration::from_millis(20 * waiting), ..GOOD };
            assert_eq!(watch(&mut load, &mut now, signs, 1), []);
        }
    }

    #[test]
    fn who_comes_back_too_early_waits_longer_the_next_time() {
        let (mut load, mut now) = (load(), Instant::now());
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
