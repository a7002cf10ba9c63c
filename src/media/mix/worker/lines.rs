//! The encodings of an awake mix: started with those who take them, made easier for a machine that is too busy, at rest while
//! everything that takes them is paused.

use std::time::Instant;

use super::super::Speaker;
use super::Worker;
use super::load::{Effort, Signs};
use super::outputs::Output;
use crate::domain::canvas::Canvas;
use crate::domain::ids::OutputId;
use crate::domain::media::{OutputEvent, Quality};
use crate::media::encoder::{Ease, Encoding, Recipe};
use crate::media::pipeline::BusEvent;
use crate::media::problem::Problem;

impl Worker {
    /// Makes sure that these encodings are made, and the mix before them.
    pub(super) fn encode(&mut self, encodings: &[Encoding]) -> Result<(), Problem> {
        self.wake()?;
        let idle = |encoding: &&Encoding| !self.lines.entry(**encoding).or_default().works();
        let idle: Vec<Encoding> = encodings.iter().filter(idle).copied().collect();
        idle.into_iter().try_for_each(|encoding| self.start_encoder(encoding))
    }

    /// Starts an encoder with the present ease; one that works already is replaced.
    fn start_encoder(&mut self, encoding: Encoding) -> Result<(), Problem> {
        let (own, canvas) = (self.own.clone(), self.scene.canvas);
        let mixer = self.mixer.as_ref().ok_or_else(|| Problem::new("the mix is not awake"))?;
        let raw = if encoding.is_picture() { &mixer.picture } else { &mixer.sound };
        let ease = if encoding == Encoding::Main { self.load.effort().ease } else { Ease::default() };
        let recipe = Recipe { encoding, canvas, ease, templates: &self.shared.templates, time: &self.time };
        let tell = |number| move |event| drop(own.send(super::Command::Bus(Speaker::Encoder(encoding, number), event)));
        self.lines.entry(encoding).or_default().start(&recipe, raw, tell)
    }

    /// An encoder's pipeline spoke.
    pub(super) fn heard_encoder(&mut self, encoding: Encoding, number: u32, event: &BusEvent) {
        let Some(line) = self.lines.get_mut(&encoding).filter(|line| line.has(number)) else { return };
        match event {
            BusEvent::Eos => {
                let changed = line.ended(number);
                self.changed(encoding, changed);
            }
            BusEvent::Error { .. } => self.start_over(),
            BusEvent::Part { .. } => {}
        }
    }

    /// Another encoder took over, or should have.
    fn changed(&mut self, encoding: Encoding, changed: Result<bool, Problem>) {
        match changed {
            Ok(true) if encoding == Encoding::Main => self.tell_quality(),
            Ok(_) => {}
            Err(problem) => {
                tracing::error!(room = %self.shared.room, ?encoding, %problem, "an encoder does not start");
                self.start_over();
            }
        }
    }

    pub(super) fn tick_lines(&mut self) {
        let ticked: Vec<_> = self.lines.iter_mut().map(|(encoding, line)| (*encoding, line.tick())).collect();
        ticked.into_iter().for_each(|(encoding, changed)| self.changed(encoding, changed));
        self.keep_pace();
    }

    /// Makes less where the machine cannot make all, and more again.
    fn keep_pace(&mut self) {
        let (Some(mixer), Some(line)) = (&self.mixer, self.lines.get(&Encoding::Main)) else { return };
        if line.changes() || !line.works() {
            return;
        }
        let signs = Signs { late: mixer.lateness(), waiting: line.backlog() };
        let before = self.load.effort();
        let Some(effort) = self.load.look(Instant::now(), signs) else { return };
        tracing::warn!(room = %self.shared.room, ?effort, ?signs, "what is made of the picture follows what the machine can do");
        mixer.draw_every(effort.every);
        line.thin_out(apart(effort, self.scene.canvas));
        if effort.ease == before.ease {
            self.tell_quality();
        } else if let Err(problem) = self.start_encoder(Encoding::Main) {
            // What runs goes on as it is.
            tracing::error!(room = %self.shared.room, %problem, "the picture's encoder stays as it is");
        }
    }

    fn tell_quality(&mut self) {
        if self.told == self.load.effort() {
            return;
        }
        self.told = self.load.effort();
        let outputs: Vec<OutputId> =
            self.outputs.iter().filter(|(_, output)| output.takes_media()).map(|(id, _)| *id).collect();
        outputs.into_iter().for_each(|id| self.tell_quality_of(id));
    }

    pub(super) fn tell_quality_of(&self, id: OutputId) {
        // So that the change stands where it is.
        if let Some(progress) = self.outputs.get(&id).and_then(Output::progress) {
            self.shared.tell(id, progress);
        }
        self.shared.tell(id, OutputEvent::Pace(quality(self.load.effort(), self.scene.canvas)));
    }

    /// What nobody takes is not made.
    pub(super) fn let_idle_rest(&mut self) {
        let taken = self.outputs.values().any(Output::takes_media);
        let wanted = self.outputs.values().any(Output::wants_media);
        let [main, low] = self.watched;
        self.lines.retain(|encoding, _| match encoding {
            Encoding::Main => taken || main,
            Encoding::Aac => taken,
            Encoding::Low => low,
            Encoding::Opus => main || low,
        });
        let now = self.time.now();
        for (encoding, line) in &mut self.lines {
            let rests = match encoding {
                Encoding::Main => !wanted && !main,
                Encoding::Aac => !wanted,
                Encoding::Low | Encoding::Opus => false,
            };
            if rests {
                line.rest(now);
            }
        }
        if self.lines.is_empty() && !self.stills.are_wanted() {
            // While a finished recording is remuxed nothing need be mixed.
            self.take_down();
        }
    }
}

/// How far pictures are from each other, and a little less: times are rounded.
fn apart(effort: Effort, canvas: Canvas) -> gst::ClockTime {
    let step = u64::from(effort.every) * 1_000_000_000 / u64::from(canvas.fps.max(1));
    gst::ClockTime::from_nseconds(step.saturating_sub(2_000_000))
}

fn quality(effort: Effort, canvas: Canvas) -> Quality {
    let Canvas { width, height, .. } = if effort.ease.half { canvas.halved() } else { canvas };
    Quality { fps: canvas.fps / effort.every, width, height, cheaper: effort.ease.cheaper }
}
