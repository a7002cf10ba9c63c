//! What is made of an awake mix: recordings and streams, each with a pipeline of its own.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use super::super::{Command, Speaker};
use super::Worker;
use crate::domain::ids::OutputId;
use crate::domain::media::{OutputEvent, OutputJob, OwnTrack};
use crate::media::encoder::Encoding;
use crate::media::encoder::line::Line;
use crate::media::output::Source;
use crate::media::output::hls::Broadcast;
use crate::media::output::mp4::{Now, Recording};
use crate::media::output::streaming::{Next, Streaming};
use crate::media::pipeline::{BusEvent, Time};
use crate::media::problem::Problem;
use crate::media::remux::{self, Finished};
use crate::media::tracks::{self, OwnMedia};

/// An output and the number of its pipeline.
pub(super) struct Output {
    kind: Kind,
    /// People's own media, beside a recording.
    own: OwnMedia,
    /// Why it ends early.
    broken: Option<String>,
    pub(super) generation: u32,
}

enum Kind {
    Recording(Recording),
    Remuxing,
    Streaming(Streaming),
    Broadcast(Broadcast),
}

impl Output {
    /// Whether it takes what is encoded. One that is only being finished is files and nothing more.
    pub(super) fn takes_media(&self) -> bool {
        !matches!(self.kind, Kind::Remuxing)
    }

    /// Whether it takes what is composed now.
    pub(super) fn wants_media(&self) -> bool {
        match &self.kind {
            Kind::Recording(recording) => recording.wants_media(),
            Kind::Remuxing => false,
            Kind::Streaming(_) | Kind::Broadcast(_) => true,
        }
    }

    /// How far a recording is.
    pub(super) fn progress(&self) -> Option<OutputEvent> {
        match &self.kind {
            Kind::Recording(recording) => Some(recording.progress()),
            Kind::Remuxing | Kind::Streaming(_) | Kind::Broadcast(_) => None,
        }
    }
}

impl Worker {
    pub(super) fn start(&mut self, output: OutputId, job: OutputJob) {
        if self.outputs.contains_key(&output) {
            return;
        }
        if self.waits_for_canvas() {
            self.postponed.insert(output, job);
            return;
        }
        let kind = match job {
            OutputJob::Record { path } => self.start_recording(output, path).map(Kind::Recording),
            OutputJob::Hls { folder, window } => Broadcast::new(folder, window).map(Kind::Broadcast),
            OutputJob::Stream { url } => Streaming::new(&url, self.shared.targets).map(Kind::Streaming),
        };
        match kind {
            Ok(kind) => {
                self.outputs.insert(output, Output { kind, own: OwnMedia::default(), broken: None, generation: 0 });
                if !self.load.is_easy() {
                    self.tell_quality_of(output);
                }
            }
            Err(problem) => self.fail(output, &problem),
        }
    }

    /// What waited for a canvas of another size, once it can be had.
    pub(super) fn start_postponed(&mut self) {
        if !self.waits_for_canvas() {
            for (output, job) in std::mem::take(&mut self.postponed) {
                self.start(output, job);
                if let Some(tracks) = self.postponed_tracks.remove(&output) {
                    self.keep_tracks(output, tracks);
                }
            }
        }
    }

    fn start_recording(&mut self, output: OutputId, path: PathBuf) -> Result<Recording, Problem> {
        self.encode(&[Encoding::Main, Encoding::Aac])?;
        let tell = self.tell(Speaker::Output(output, 0));
        let source = source(&self.lines, &self.time)?;
        Recording::start(&path, &source, &self.shared.templates, tell)
    }

    /// Of an output that waits for its canvas nothing is kept until it begins: see [`Self::start_postponed`].
    pub(super) fn keep_tracks(&mut self, id: OutputId, tracks: Vec<OwnTrack>) {
        if self.postponed.contains_key(&id) {
            self.postponed_tracks.insert(id, tracks);
            return;
        }
        let Some(Output { kind: Kind::Recording(recording), own, .. }) = self.outputs.get_mut(&id) else { return };
        let Some(folder) = recording.path().parent() else { return };
        let joint = tracks::Joint {
            links: self.shared.links.clone(),
            time: self.time.clone(),
            window: recording.window(),
            folder: folder.to_owned(),
        };
        own.follow(&joint, &tracks);
    }

    pub(super) fn pause(&mut self, id: OutputId, paused: bool) {
        if !self.outputs.get(&id).is_some_and(|output| matches!(output.kind, Kind::Recording(_))) {
            return;
        }
        // Encoders that rested meanwhile.
        if !paused && let Err(problem) = self.encode(&[Encoding::Main, Encoding::Aac]) {
            tracing::error!(room = %self.shared.room, %problem, "the recording can't go on");
            return self.start_over();
        }
        let source = source(&self.lines, &self.time);
        if let (Some(Output { kind: Kind::Recording(recording), .. }), Ok(source)) = (self.outputs.get_mut(&id), source)
        {
            recording.pause(paused, &source);
        }
    }

    pub(super) fn stop(&mut self, output: OutputId) {
        if self.postponed.remove(&output).is_some() {
            self.postponed_tracks.remove(&output);
            self.fail(output, &Problem::new("stopped before it began"));
        }
        if let Some(output) = self.outputs.get_mut(&output) {
            output.own.end();
        }
        let comes = |encoding| self.lines.get(encoding).is_some_and(|line| !line.is_idle());
        let all_comes = [Encoding::Main, Encoding::Aac].iter().all(comes);
        match self.outputs.get_mut(&output).map(|output| &mut output.kind) {
            Some(Kind::Recording(recording)) => {
                recording.stop(self.time.now(), all_comes);
                self.shared.tell(output, OutputEvent::Finishing);
            }
            Some(Kind::Streaming(streaming)) => streaming.stop(),
            Some(Kind::Broadcast(broadcast)) => broadcast.stop(),
            Some(Kind::Remuxing) | None => {}
        }
    }

    pub(super) fn fail(&mut self, output: OutputId, problem: &Problem) {
        tracing::error!(room = %self.shared.room, %output, %problem, "an output failed");
        self.shared.tell(output, OutputEvent::Failed { error: problem.to_string() });
    }

    pub(super) fn tick_output(&mut self, id: OutputId) {
        let shared = self.shared.clone();
        let mut tell = |event| shared.tell(id, event);
        let Some(output) = self.outputs.get_mut(&id) else { return };
        if let Some(tracks) = output.own.tick() {
            tell(OutputEvent::Tracks(tracks));
        }
        let next = match &mut output.kind {
            Kind::Recording(recording) => {
                if matches!(recording.tick(self.time.now(), &mut tell), Now::Written) {
                    self.remux(id);
                }
                Next::Wait
            }
            Kind::Remuxing => Next::Wait,
            Kind::Streaming(streaming) => streaming.tick(&mut tell),
            Kind::Broadcast(broadcast) => broadcast.tick(&mut tell),
        };
        match next {
            Next::Wait => {}
            Next::Connect => self.connect(id),
            Next::Forget => drop(self.outputs.remove(&id)),
        }
    }

    fn connect(&mut self, id: OutputId) {
        let encoded = self.encode(&[Encoding::Main, Encoding::Aac]);
        let Some(output) = self.outputs.get_mut(&id) else { return };
        output.generation += 1;
        let speaker = Speaker::Output(id, output.generation);
        let own = self.own.clone();
        let bus = move |event| drop(own.send(Command::Bus(speaker, event)));
        let source = encoded.and_then(|()| source(&self.lines, &self.time));
        let templates = &self.shared.templates;
        let tried = source.and_then(|source| match &mut output.kind {
            Kind::Streaming(streaming) => streaming.connect(&source, templates, bus),
            Kind::Broadcast(broadcast) => broadcast.connect(&source, templates, bus),
            Kind::Recording(_) | Kind::Remuxing => Ok(()),
        });
        if let Err(problem) = tried {
            // Ours, not the server's: no further try would end better.
            self.outputs.remove(&id);
            self.fail(id, &problem);
        }
    }

    pub(super) fn heard_output(&mut self, id: OutputId, event: BusEvent) {
        let Some(output) = self.outputs.get_mut(&id) else { return };
        let shared = self.shared.clone();
        match (&mut output.kind, event) {
            (Kind::Recording(_), BusEvent::Eos) => self.remux(id),
            (Kind::Recording(_), BusEvent::Error { text, full, .. }) => {
                // What is in the file so far is finished like any other.
                let error = cannot_write(&text, full);
                tracing::error!(room = %shared.room, output = %id, error, "a recording ends early");
                output.broken = Some(error.clone());
                output.own.end();
                shared.tell(id, OutputEvent::Interrupted { error });
                self.remux(id);
            }
            (Kind::Streaming(streaming), BusEvent::Eos) => streaming.written(),
            (Kind::Streaming(streaming), BusEvent::Error { text, details, .. }) => {
                streaming.failed(&format!("{text} {details}"), &mut |event| shared.tell(id, event));
            }
            (Kind::Broadcast(broadcast), BusEvent::Eos) => broadcast.written(),
            (Kind::Broadcast(broadcast), BusEvent::Part { done, path, at }) => {
                if let Err(problem) = broadcast.part(done, Path::new(&path), at) {
                    self.outputs.remove(&id);
                    self.fail(id, &problem);
                }
            }
            (Kind::Broadcast(_), BusEvent::Error { text, .. }) => {
                self.outputs.remove(&id);
                self.fail(id, &Problem::new(text));
            }
            (Kind::Remuxing, _) | (Kind::Recording(_) | Kind::Streaming(_), BusEvent::Part { .. }) => {}
        }
    }

    /// The mix itself failed: recordings end with what they have, streams try again on a new mix.
    pub(super) fn interrupt_outputs(&mut self) {
        let recordings: Vec<OutputId> = self
            .outputs
            .iter()
            .filter_map(|(id, output)| matches!(output.kind, Kind::Recording(_)).then_some(*id))
            .collect();
        recordings.into_iter().for_each(|id| self.remux(id));
        let shared = self.shared.clone();
        for (id, output) in &mut self.outputs {
            match &mut output.kind {
                Kind::Streaming(streaming) => streaming.interrupted(&mut |event| shared.tell(*id, event)),
                Kind::Broadcast(broadcast) => broadcast.interrupted(),
                Kind::Recording(_) | Kind::Remuxing => {}
            }
        }
    }

    /// The recording's pipeline is done: the rest is files, on a thread of its own.
    fn remux(&mut self, id: OutputId) {
        let Some(output) = self.outputs.get_mut(&id) else { return };
        let Kind::Recording(recording) = std::mem::replace(&mut output.kind, Kind::Remuxing) else { return };
        let mut own_media = std::mem::take(&mut output.own);
        let (path, own, shared) = (recording.path().to_owned(), self.own.clone(), self.shared.clone());
        // Closes the file.
        drop(recording);
        let work = move || {
            if let Some(tracks) = own_media.finish() {
                shared.tell(id, OutputEvent::Tracks(tracks));
            }
            let result = remux::recover(&remux::partial(&path), &path);
            let _ = own.send(Command::Remuxed(id, result));
        };
        if let Err(error) = std::thread::Builder::new().name("remux".into()).spawn(work) {
            self.remuxed(id, Err(Problem::new(error.to_string())));
        }
    }

    pub(super) fn remuxed(&mut self, id: OutputId, result: Result<Finished, Problem>) {
        let broken = self.outputs.remove(&id).and_then(|output| output.broken);
        match result {
            Ok(Finished { bytes, duration }) => self.shared.tell(id, OutputEvent::Finished { bytes, duration }),
            Err(problem) => self.fail(id, &broken.map_or(problem, Problem::new)),
        }
    }
}

/// For the host, who can do something about it.
fn cannot_write(text: &str, full: bool) -> String {
    if full {
        return "The disk is full: the recording ends here. What was recorded until now is kept.".to_owned();
    }
    format!("The recording's file can't be written, so it ends here: {text}")
}

/// The streams that files and RTMP are made of.
fn source<'a>(lines: &'a BTreeMap<Encoding, Line>, time: &'a Time) -> Result<Source<'a>, Problem> {
    let line = |encoding| lines.get(&encoding).ok_or_else(|| Problem::new("no encoder"));
    Ok(Source { picture: &line(Encoding::Main)?.out, sound: &line(Encoding::Aac)?.out, time })
}
