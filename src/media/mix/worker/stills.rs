//! Still pictures of the mix, for who asks: it is woken for a moment where it sleeps.

use std::collections::BTreeMap;
use std::time::{Duration, Instant};

use super::super::{Command, Speaker};
use super::Worker;
use crate::domain::media::{MediaEvent, StillSize};
use crate::media::output::still::Still;
use crate::media::problem::Problem;

/// A mix that has just woken has no pictures yet: key frames must come first.
const WARM_UP: Duration = Duration::from_millis(1500);
/// Later than this nobody waits any more.
const LIMIT: Duration = Duration::from_secs(8);

/// Who waits for which picture.
#[derive(Default)]
pub(super) struct Stills {
    wanted: BTreeMap<StillSize, Instant>,
    cameras: BTreeMap<StillSize, Still>,
}

impl Stills {
    pub(super) fn are_wanted(&self) -> bool {
        !self.wanted.is_empty()
    }

    /// The mix they are taken of goes away.
    pub(super) fn interrupt(&mut self) {
        self.cameras.clear();
    }
}

impl Worker {
    pub(super) fn want_still(&mut self, size: StillSize) {
        self.stills.wanted.entry(size).or_insert_with(Instant::now);
        if let Err(problem) = self.wake() {
            self.tell_still(size, Err(&problem));
        }
    }

    pub(super) fn tick_stills(&mut self) {
        let wanted: Vec<(StillSize, Instant)> = self.stills.wanted.iter().map(|(size, at)| (*size, *at)).collect();
        for (size, since) in wanted {
            let taken = if since.elapsed() > LIMIT {
                Err(Problem::new("the mix makes no picture"))
            } else {
                self.wake().and_then(|()| self.take_still(size))
            };
            if let Err(problem) = taken {
                self.tell_still(size, Err(&problem));
            }
        }
    }

    fn take_still(&mut self, size: StillSize) -> Result<(), Problem> {
        let Some(mixer) = self.mixer.as_ref().filter(|_| self.woken.elapsed() >= WARM_UP) else { return Ok(()) };
        if !self.stills.cameras.contains_key(&size) {
            let own = self.own.clone();
            let taken = move |jpeg| drop(own.send(Command::Taken(size, jpeg)));
            let tell = self.tell(Speaker::Still(size));
            let camera = Still::start((size, self.scene.canvas), &mixer.picture, &self.time, taken, tell)?;
            self.stills.cameras.insert(size, camera);
        }
        Ok(())
    }

    pub(super) fn tell_still(&mut self, size: StillSize, jpeg: Result<Vec<u8>, &Problem>) {
        self.stills.cameras.remove(&size);
        if self.stills.wanted.remove(&size).is_some() {
            if let Err(problem) = &jpeg {
                tracing::warn!(room = %self.shared.room, %problem, "no still picture");
            }
            let jpeg = jpeg.ok().map(Into::into);
            let _ = self.shared.events.send(MediaEvent::Still { size, jpeg });
        }
    }
}
