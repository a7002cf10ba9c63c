//! How much of what a viewer chose its line carries: everybody, the one small picture, or sound alone. Down when a line has
//! been too thin for some seconds, up when there has been room for some, and later each time that was a mistake.

use std::time::Duration;

use super::words::{ViewChoice, ViewMode};

/// The small picture with some voices, bits/s: where less is needed it would save nothing.
const LOW: u32 = 200_000;
/// Below this only voices are sent, bits/s.
const LEAST: u32 = 80_000;
/// The small picture with voices is not taken for less, bits/s.
const PICTURE_AGAIN: u32 = 120_000;
/// A line must be too thin for so long, and if it does not carry half of what is needed, for so long.
const POOR: Duration = Duration::from_secs(3);
const HOPELESS: Duration = Duration::from_secs(2);
/// The small picture and voices are not taken for more, however they were measured, bits/s.
const ONE_AT_MOST: u32 = 300_000;
/// And have room for so long: at first, and at most.
const PATIENCE: Duration = Duration::from_secs(3);
const MOST_PATIENCE: Duration = Duration::from_secs(60);
/// A step up that is taken back within this was a mistake.
const MISTAKE: Duration = Duration::from_secs(30);

/// What the pictures of a viewer are made of.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Pictures {
    /// Everybody's own.
    Tiles,
    /// The mix; `low` even where the full rendition could be shown.
    Mix {
        /// The small one.
        low: bool,
    },
    /// None.
    Nothing,
}

impl Pictures {
    /// As others are told.
    pub fn mode(self) -> ViewMode {
        match self {
            Pictures::Tiles => ViewMode::Tiles,
            Pictures::Mix { .. } => ViewMode::Mix,
            Pictures::Nothing => ViewMode::Sound,
        }
    }
}

/// What is known of a viewer's line, in bits/s.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Reading {
    /// What it carries.
    pub estimate: u32,
    /// What the lowest layers of all that is to be sent now need, and voices.
    pub needed: u32,
    /// So many pictures of others there are.
    pub pictures: usize,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
enum Step {
    #[default]
    Full,
    Reduced,
    Least,
}

/// See the module. A new choice and a new media session begin with a new one.
#[derive(Debug, Clone, Default)]
pub struct LineFit {
    step: Step,
    last: Option<Reading>,
    /// The last reading while all of the choice was sent.
    full: Option<Reading>,
    /// What the one picture needed, with voices, when it was last sent.
    one: Option<u32>,
    poor_since: Option<Duration>,
    good_since: Option<Duration>,
    patience: Option<Duration>,
    raised: Option<Duration>,
}

impl LineFit {
    /// What is sent to somebody who chose this. `low`: the small picture was asked for by name.
    pub fn pictures(&self, choice: ViewChoice, low: bool) -> Pictures {
        match (choice, self.step) {
            (ViewChoice::Tiles, _) | (ViewChoice::Auto, Step::Full) => Pictures::Tiles,
            (ViewChoice::Auto, Step::Reduced) => Pictures::Mix { low: true },
            (ViewChoice::Auto, Step::Least) | (ViewChoice::Sound, _) => Pictures::Nothing,
            (ViewChoice::Mix, step) => Pictures::Mix { low: low || step != Step::Full },
        }
    }

    /// The line carries less than was chosen.
    pub fn is_reduced(&self) -> bool {
        self.step != Step::Full
    }

    /// Bits/s that are worth looking for on a line that carries less than was chosen; 0 for none.
    pub fn aim(&self) -> u32 {
        match self.step {
            Step::Full => 0,
            Step::Reduced => self.wanted() / 4 * 5,
            Step::Least => self.wanted_for_one() / 4 * 5,
        }
    }

    /// The line was measured.
    pub fn read(&mut self, now: Duration, choice: ViewChoice, reading: Reading) {
        self.last = Some(reading);
        match self.step {
            Step::Full => self.full = Some(reading),
            Step::Reduced => self.one = Some(reading.needed),
            Step::Least => {}
        }
        let (poor, good) = (self.is_poor(choice, reading), self.is_good(reading));
        self.poor_since = poor.then(|| self.poor_since.unwrap_or(now));
        self.good_since = good.then(|| self.good_since.unwrap_or(now));
    }

    /// When [`Self::settle`] may have something to change.
    pub fn next_timer(&self) -> Option<Duration> {
        let poor = self.poor_since.map(|since| since + self.endurance());
        let good = self.good_since.map(|since| since + self.patience.unwrap_or(PATIENCE));
        [poor, good].into_iter().flatten().min()
    }

    /// Takes the steps that are due. True when what is sent changes.
    pub fn settle(&mut self, now: Duration) -> bool {
        let due = |since: Option<Duration>, wait| since.is_some_and(|since| since + wait <= now);
        if due(self.poor_since, self.endurance()) {
            self.down(now);
        } else if due(self.good_since, self.patience.unwrap_or(PATIENCE)) {
            let gains = self.full.is_none_or(|full| full.needed > LOW);
            self.step = if self.step == Step::Least && gains { Step::Reduced } else { Step::Full };
            self.raised = Some(now);
        } else {
            return false;
        }
        (self.poor_since, self.good_since) = (None, None);
        true
    }

    fn down(&mut self, now: Duration) {
        let patience = self.patience.unwrap_or(PATIENCE);
        let mistaken = self.raised.take().is_some_and(|raised| now < raised + MISTAKE);
        self.patience = Some(if mistaken { (patience * 2).min(MOST_PATIENCE) } else { PATIENCE });
        let gains = self.last.is_some_and(|last| last.needed > LOW);
        self.step = if self.step == Step::Full && gains { Step::Reduced } else { Step::Least };
    }

    /// What all of the choice needs, as far as is known now.
    fn wanted(&self) -> u32 {
        let Some((full, last)) = self.full.zip(self.last) else { return LOW };
        let of_each = u64::from(full.needed) * last.pictures as u64 / full.pictures.max(1) as u64;
        u32::try_from(of_each).unwrap_or(u32::MAX).clamp(LOW, u32::MAX / 5)
    }

    /// What one picture needs, as far as is known now.
    fn wanted_for_one(&self) -> u32 {
        self.one.map_or(LOW, |one| one.clamp(PICTURE_AGAIN, ONE_AT_MOST))
    }

    /// How long a line is borne that is too thin.
    fn endurance(&self) -> Duration {
        let hopeless = self.step == Step::Full && self.last.is_some_and(|last| last.estimate < last.needed / 2);
        if hopeless { HOPELESS } else { POOR }
    }

    fn is_poor(&self, choice: ViewChoice, reading: Reading) -> bool {
        match (choice, self.step) {
            (ViewChoice::Auto, Step::Full) if reading.needed <= LOW => reading.estimate < LEAST.min(reading.needed),
            (ViewChoice::Auto | ViewChoice::Mix, Step::Full) => {
                reading.needed > LOW && reading.estimate < reading.needed
            }
            (ViewChoice::Auto, Step::Reduced) => reading.estimate < LEAST,
            _ => false,
        }
    }

    fn is_good(&self, reading: Reading) -> bool {
        match self.step {
            Step::Full => false,
            Step::Reduced => reading.estimate > self.wanted() / 20 * 23,
            Step::Least => reading.estimate > self.wanted_for_one() / 20 * 23,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const EVERYBODY: Reading = Reading { estimate: 2_000_000, needed: 700_000, pictures: 5 };

    fn s(seconds: u64) -> Duration {
        Duration::from_secs(seconds)
    }

    fn line(estimate: u32) -> Reading {
        Reading { estimate, ..EVERYBODY }
    }

    /// A reading a second; what is sent after each.
    fn run(fit: &mut LineFit, choice: ViewChoice, from: u64, readings: &[Reading]) -> Vec<Pictures> {
        let sent = readings.iter().zip(from..).map(|(reading, second)| {
            fit.read(s(second), choice, *reading);
            fit.settle(s(second));
            fit.pictures(choice, false)
        });
        sent.collect()
    }

    #[test]
    fn a_thin_line_shows_one_picture_and_a_better_one_everybody_again() {
        let mut fit = LineFit::default();
        let sent = run(&mut fit, ViewChoice::Auto, 0, &[&[line(2_000_000); 3][..], &[line(300_000); 2]].concat());
        assert_eq!(sent, [Pictures::Tiles; 5], "a moment is no reason");
        assert_eq!(run(&mut fit, ViewChoice::Auto, 5, &[line(300_000)])[0], Pictures::Mix { low: true });
        assert_eq!(fit.aim(), 875_000);
        // The mix needs little: that says nothing about everybody.
        let mixed = Reading { needed: 180_000, ..line(300_000) };
        assert_eq!(run(&mut fit, ViewChoice::Auto, 7, &[mixed; 100])[99], Pictures::Mix { low: true });
        let sent = run(&mut fit, ViewChoice::Auto, 108, &[Reading { needed: 180_000, ..line(900_000) }; 4]);
        assert_eq!(sent[2..], [Pictures::Mix { low: true }, Pictures::Tiles]);
        assert_eq!(fit.aim(), 0);
    }

    #[test]
    fn a_line_that_wavers_is_believed_later_each_time() {
        let mut fit = LineFit::default();
        let mut changes = Vec::new();
        let mut last = Pictures::Tiles;
        for second in 0..300 {
            let estimate = if fit.pictures(ViewChoice::Auto, false) == Pictures::Tiles { 300_000 } else { 900_000 };
            let sent = run(&mut fit, ViewChoice::Auto, second, &[line(estimate)])[0];
            if std::mem::replace(&mut last, sent) != sent {
                changes.push(second);
            }
        }
        // Two seconds of everybody each time, and 3, 6, 12, 24, 48, 60 s of one picture between; each begins with a reading.
        assert_eq!(changes, [2, 6, 9, 16, 19, 32, 35, 60, 63, 112, 115, 176, 179, 240, 243]);
    }

    #[test]
    fn the_thinnest_line_has_sound_alone() {
        let mut fit = LineFit::default();
        assert_eq!(run(&mut fit, ViewChoice::Auto, 0, &[line(60_000); 3])[2], Pictures::Mix { low: true });
        let one = |estimate| Reading { needed: 180_000, ..line(estimate) };
        assert_eq!(run(&mut fit, ViewChoice::Auto, 3, &[one(60_000); 4])[3], Pictures::Nothing);
        assert_eq!(fit.aim(), 225_000);
        let sound = |estimate| Reading { needed: 60_000, ..line(estimate) };
        assert_eq!(
            run(&mut fit, ViewChoice::Auto, 10, &[sound(150_000); 60])[59],
            Pictures::Nothing,
            "too thin for one"
        );
        assert_eq!(run(&mut fit, ViewChoice::Auto, 70, &[sound(220_000); 4])[3], Pictures::Mix { low: true });
        assert_eq!(run(&mut fit, ViewChoice::Auto, 74, &[one(220_000); 60])[59], Pictures::Mix { low: true });
    }

    #[test]
    fn a_line_that_carries_not_even_half_is_believed_sooner() {
        let first_mix = |estimate| {
            let sent = run(&mut LineFit::default(), ViewChoice::Auto, 0, &[line(estimate); 9]);
            sent.iter().position(|sent| *sent != Pictures::Tiles)
        };
        assert_eq!((first_mix(340_000), first_mix(360_000), first_mix(800_000)), (Some(2), Some(3), None));
    }

    #[test]
    fn who_chose_gets_what_they_chose() {
        for (choice, sent) in [(ViewChoice::Tiles, Pictures::Tiles), (ViewChoice::Sound, Pictures::Nothing)] {
            assert_eq!(run(&mut LineFit::default(), choice, 0, &[line(50_000); 30])[29], sent);
        }
        // One picture is the full one where the line carries it.
        let mut fit = LineFit::default();
        assert_eq!(run(&mut fit, ViewChoice::Mix, 0, &[line(1_000_000); 9])[8], Pictures::Mix { low: false });
        assert_eq!(run(&mut fit, ViewChoice::Mix, 9, &[line(300_000); 9])[8], Pictures::Mix { low: true });
    }

    #[test]
    fn two_people_gain_nothing_by_a_mix() {
        let two = Reading { estimate: 100_000, needed: 190_000, pictures: 1 };
        assert_eq!(run(&mut LineFit::default(), ViewChoice::Auto, 0, &[two; 30])[29], Pictures::Tiles);
        // But what is too thin for any picture is told so, and gets stills.
        let mut fit = LineFit::default();
        let thinnest = Reading { estimate: 60_000, ..two };
        assert_eq!(run(&mut fit, ViewChoice::Auto, 0, &[thinnest; 3])[2], Pictures::Nothing);
        assert_eq!(run(&mut fit, ViewChoice::Auto, 3, &[Reading { estimate: 240_000, ..two }; 4])[3], Pictures::Tiles);
        // Voices alone need less than that.
        let voices = Reading { needed: 45_000, pictures: 1, estimate: 60_000 };
        assert_eq!(run(&mut LineFit::default(), ViewChoice::Auto, 0, &[voices; 30])[29], Pictures::Tiles);
    }

    #[test]
    fn fewer_people_need_less() {
        let mut fit = LineFit::default();
        run(&mut fit, ViewChoice::Auto, 0, &[line(400_000); 5]);
        assert_eq!(fit.pictures(ViewChoice::Auto, false), Pictures::Mix { low: true });
        let fewer = Reading { estimate: 400_000, needed: 180_000, pictures: 2 };
        assert_eq!(run(&mut fit, ViewChoice::Auto, 5, &[fewer; 4])[3], Pictures::Tiles);
    }
}
