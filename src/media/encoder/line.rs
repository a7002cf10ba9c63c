//! An encoding as its takers know it: they stay while the encoder behind it is replaced, or rests because nobody takes anything.
//!
//! ```text
//! raw ─> reservoir ─┬─> encoder ─> the end ─┐
//!                   └─> next, once it ended ─┴─> the same takers, at a key frame
//! ```

use std::sync::Arc;
use std::time::{Duration, Instant};

use super::{Encoder, Encoding, Recipe};
use crate::media::link::{Reservoir, Rules, Stream, Tap};
use crate::media::pipeline::BusEvent;
use crate::media::problem::Problem;
use crate::media::window::Window;

/// Pictures that may wait for an encoder before some are dropped: while a busy machine finds out what it can make, they do.
const MOST_PICTURE: gst::ClockTime = gst::ClockTime::from_mseconds(2500);
/// And sound: it takes little room, and what is missing of it is heard.
const MOST_SOUND: gst::ClockTime = gst::ClockTime::from_seconds(6);
/// An encoder has so long to come to its end. What a stuck one does not give back is lost.
const LAST_WORK: Duration = Duration::from_secs(5);

/// Raw media that waits.
#[derive(Debug)]
struct Raw {
    tap: Tap,
    reservoir: Arc<Reservoir>,
}

impl Raw {
    /// What is composed from this running time on.
    fn from(stream: &Stream, encoding: Encoding, from: u64) -> Self {
        let reservoir = Arc::default();
        let most = if encoding.is_picture() { MOST_PICTURE } else { MOST_SOUND };
        let rules = Rules { window: Window::opened_at(from), leads: false, keyed: false, most };
        Self { tap: stream.fill(&reservoir, rules), reservoir }
    }
}

/// See the module.
#[derive(Debug, Default)]
pub(crate) struct Line {
    /// What is made.
    pub(crate) out: Stream,
    raw: Option<Raw>,
    encoder: Option<Encoder>,
    next: Option<Encoder>,
    /// Since when `encoder` takes nothing more.
    ending: Option<Instant>,
    /// It rests from this running time on, and what there is for `next` if it is to go on.
    rests: Option<u64>,
    resumed: Option<Raw>,
    /// Counts encoders: of `encoder` or, where there is one, of `next`.
    number: u32,
}

impl Line {
    /// Starts an encoder, or one in place of another. `tell` is made for its number.
    pub(crate) fn start<T>(
        &mut self,
        recipe: &Recipe<'_>,
        raw: &Stream,
        tell: impl FnOnce(u32) -> T,
    ) -> Result<(), Problem>
    where
        T: Fn(BusEvent) + Send + Sync + 'static,
    {
        let encoder = Encoder::new(recipe, tell(self.number + 1))?;
        self.number += 1;
        let rested = self.rests.take();
        if self.encoder.is_none() {
            let raw = self.raw.insert(Raw::from(raw, recipe.encoding, 0));
            encoder.work(&raw.reservoir, &self.out)?;
            self.encoder = Some(encoder);
            return Ok(());
        }
        if let Some(from) = rested {
            self.resumed = Some(Raw::from(raw, recipe.encoding, from));
        } else if let Some(raw) = self.raw.as_ref().filter(|_| self.ending.is_none()) {
            raw.reservoir.part();
        }
        self.ending.get_or_insert_with(Instant::now);
        self.next = Some(encoder);
        Ok(())
    }

    /// Makes nothing of what is composed from now on.
    pub(crate) fn rest(&mut self, now: gst::ClockTime) {
        if let Some(raw) = self.raw.as_ref().filter(|_| self.encoder.is_some() && self.ending.is_none()) {
            raw.tap.end_at(now);
            (self.ending, self.rests) = (Some(Instant::now()), Some(now.nseconds()));
        }
    }

    /// Whether it makes something, or will by itself.
    pub(crate) fn works(&self) -> bool {
        self.next.is_some() || (self.encoder.is_some() && self.ending.is_none())
    }

    /// Whether nothing is made, and nothing is on its way.
    pub(crate) fn is_idle(&self) -> bool {
        self.encoder.is_none()
    }

    /// Whether an encoder is ending, in favour of another or of none.
    pub(crate) fn changes(&self) -> bool {
        self.ending.is_some()
    }

    /// Whether the encoder of this number is one of its own.
    pub(crate) fn has(&self, number: u32) -> bool {
        let oldest = self.number - u32::from(self.next.is_some());
        (oldest..=self.number).contains(&number) && self.encoder.is_some()
    }

    /// The encoder of this number has worked off everything. True when another took over.
    ///
    /// # Errors
    /// When the other one does not start.
    pub(crate) fn ended(&mut self, number: u32) -> Result<bool, Problem> {
        let present = self.number - u32::from(self.next.is_some());
        if self.ending.is_some() && number == present { self.go_on() } else { Ok(false) }
    }

    /// Looks after it, about ten times a second; else like [`Self::ended`].
    pub(crate) fn tick(&mut self) -> Result<bool, Problem> {
        if self.ending.is_some_and(|since| since.elapsed() > LAST_WORK) {
            tracing::warn!("an encoder does not come to its end: it is left out");
            return self.go_on();
        }
        Ok(false)
    }

    fn go_on(&mut self) -> Result<bool, Problem> {
        (self.ending, self.rests) = (None, None);
        self.encoder = self.next.take();
        self.raw = self.resumed.take().or(self.raw.take()).filter(|_| self.encoder.is_some());
        match (&self.encoder, &self.raw) {
            (Some(encoder), Some(raw)) => encoder.work(&raw.reservoir, &self.out).map(|()| true),
            _ => Ok(false),
        }
    }

    /// Of pictures that wait leaves those out that come sooner than so long after another: as if they had not been made.
    pub(crate) fn thin_out(&self, apart: gst::ClockTime) {
        if let Some(raw) = &self.raw {
            raw.reservoir.thin_out(apart);
        }
    }

    /// Raw media that waits for it.
    pub(crate) fn backlog(&self) -> Duration {
        self.raw.as_ref().map_or(Duration::ZERO, |raw| raw.tap.waiting())
    }
}
