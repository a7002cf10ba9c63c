//! Recordings and streams: any number of them, all made of the one mix.

use std::path::PathBuf;

use super::{EMPTY_LIMIT, Effect, Reply, RequestId, Room};
use crate::domain::canvas::{Canvas, Wish};
use crate::domain::error::{Reason, Refusal};
use crate::domain::ids::OutputId;
use crate::domain::media::{MediaCommand, OutputEvent, OutputJob};
use crate::domain::output::{Recording, Stream, StreamUrl};
use crate::domain::words::{Layout, RecordingState, StreamState};

/// So many of a kind may run at once: far more than anybody needs, and a bound.
const MAX_RUNNING: usize = 20;
/// So many that ended stay in the room's own list; manifests keep the rest.
const MAX_ENDED: usize = 100;

impl Room {
    pub(super) fn outputs_run(&self) -> bool {
        self.recordings.iter().any(Recording::runs) || self.streams.iter().any(Stream::runs)
    }

    pub(super) fn start_recording(
        &mut self,
        output: OutputId,
        layout: Option<Layout>,
        wish: Wish,
    ) -> Result<Reply, Refusal> {
        if !self.settings.rules.recording {
            return Err(Refusal::new(Reason::Conflict, "this room is not recorded; allow it in its settings first"));
        }
        if self.recordings.iter().filter(|recording| recording.runs()).count() >= MAX_RUNNING {
            return Err(too_many("recordings"));
        }
        self.size(wish)?;
        self.set_layout(layout);
        let (name, layout) = (self.settings.name.clone(), self.settings.layout);
        self.recordings.push(Recording::new(output, name, layout, self.canvas, self.now));
        forget_oldest(&mut self.recordings, Recording::runs);
        // The mix wakes in the new size and layout.
        self.settle_scene();
        self.outputs_began();
        self.effects.push(Effect::Progress(output));
        self.effects.push(Effect::Prepare(output));
        Ok(Reply::Recording(output))
    }

    pub(super) fn on_prepared(&mut self, output: OutputId, path: Result<PathBuf, String>) {
        let Some(recording) = self.recordings.iter_mut().find(|r| r.id == output && r.path.is_none()) else { return };
        if !recording.runs() {
            return;
        }
        match path {
            Ok(path) => {
                recording.path = Some(path.clone());
                let stop = recording.stop_asked;
                self.command(MediaCommand::Start { output, job: OutputJob::Record { path } });
                if stop {
                    self.command(MediaCommand::Stop { output });
                }
                self.effects.push(Effect::SaveRecording(output));
            }
            Err(error) => {
                recording.fail(error);
                self.output_changed(output);
            }
        }
    }

    /// Stopping twice is harmless.
    pub(super) fn stop_recording(&mut self, output: OutputId) -> Result<Reply, Refusal> {
        let recording = self.recordings.iter_mut().find(|recording| recording.id == output);
        let recording = recording.ok_or_else(|| no_such("recording"))?;
        if recording.runs() && recording.state != RecordingState::Finishing {
            recording.state = RecordingState::Finishing;
            if recording.path.is_some() {
                self.command(MediaCommand::Stop { output });
                self.output_changed(output);
            } else {
                recording.stop_asked = true;
                self.tell_room();
            }
        }
        Ok(Reply::Recording(output))
    }

    /// One of an earlier run of the server is not in the room's list: the store knows it.
    pub(super) fn delete_recording(&mut self, request: RequestId, output: OutputId) -> Result<(), Refusal> {
        if let Some(at) = self.recordings.iter().position(|recording| recording.id == output) {
            if self.recordings[at].runs() {
                return Err(Refusal::new(Reason::Conflict, "the recording is not finished; stop it first"));
            }
            self.recordings.remove(at);
            self.tell_room();
        }
        self.effects.push(Effect::DeleteRecording { request, output });
        Ok(())
    }

    pub(super) fn start_stream(
        &mut self,
        output: OutputId,
        url: &str,
        layout: Option<Layout>,
        wish: Wish,
    ) -> Result<Reply, Refusal> {
        let url = StreamUrl::parse(url)?;
        if self.streams.iter().filter(|stream| stream.runs()).count() >= MAX_RUNNING {
            return Err(too_many("streams"));
        }
        self.size(wish)?;
        self.set_layout(layout);
        self.streams.push(Stream::new(output, &url, self.now));
        forget_oldest(&mut self.streams, Stream::runs);
        self.settle_scene();
        self.command(MediaCommand::Start { output, job: OutputJob::Stream { url: url.secret().to_owned() } });
        self.outputs_began();
        self.effects.push(Effect::Progress(output));
        Ok(Reply::Stream(output))
    }

    pub(super) fn stop_stream(&mut self, output: OutputId) -> Result<Reply, Refusal> {
        let stream = self.streams.iter_mut().find(|stream| stream.id == output);
        let stream = stream.ok_or_else(|| no_such("stream"))?;
        if stream.runs() {
            stream.state = StreamState::Ended;
            self.command(MediaCommand::Stop { output });
            self.output_changed(output);
        }
        Ok(Reply::Stream(output))
    }

    pub(super) fn on_output(&mut self, output: OutputId, event: OutputEvent) {
        let changed = if let Some(recording) = self.recordings.iter_mut().find(|recording| recording.id == output) {
            recording.on(event)
        } else if let Some(stream) = self.streams.iter_mut().find(|stream| stream.id == output) {
            stream.on(event)
        } else {
            return;
        };
        if changed {
            self.output_changed(output);
        } else {
            self.effects.push(Effect::Progress(output));
        }
    }

    pub(super) fn stop_all_outputs(&mut self) {
        let running = self.recordings.iter().filter(|recording| recording.runs()).map(|recording| recording.id);
        for output in running.collect::<Vec<_>>() {
            // It is there: nothing to refuse.
            let _ = self.stop_recording(output);
        }
        let running = self.streams.iter().filter(|stream| stream.runs()).map(|stream| stream.id);
        for output in running.collect::<Vec<_>>() {
            let _ = self.stop_stream(output);
        }
    }

    pub(super) fn fail_all_outputs(&mut self) {
        let recordings = self.recordings.iter().filter(|recording| recording.runs()).map(|recording| recording.id);
        let streams = self.streams.iter().filter(|stream| stream.runs()).map(|stream| stream.id);
        for output in recordings.chain(streams).collect::<Vec<_>>() {
            self.on_output(output, OutputEvent::Failed { error: "the room's media failed".into() });
        }
    }

    /// Nobody is here any more and nobody came back to stop them.
    pub(super) fn end_forgotten_outputs(&mut self) {
        if self.empty_since.is_some_and(|since| since + EMPTY_LIMIT <= self.now) {
            self.empty_since = None;
            self.stop_all_outputs();
        }
    }

    fn outputs_began(&mut self) {
        if self.members.is_empty() {
            // Started by the API before anybody came: the time to come begins anew.
            self.empty_since = Some(self.now);
        }
        self.tell_room();
    }

    fn output_changed(&mut self, output: OutputId) {
        if self.recordings.iter().any(|recording| recording.id == output) {
            self.effects.push(Effect::SaveRecording(output));
        } else {
            self.effects.push(Effect::Progress(output));
        }
        self.tell_room();
    }

    /// Whether something is being made of the mix that can't change its size on the way.
    pub(super) fn holds_canvas(&self) -> bool {
        let takes = |recording: &Recording| matches!(recording.state, RecordingState::Starting | RecordingState::Live);
        self.recordings.iter().any(takes) || self.streams.iter().any(Stream::runs)
    }

    /// The canvas that outputs hold, while there are any.
    pub fn held_canvas(&self) -> Option<Canvas> {
        self.holds_canvas().then_some(self.canvas)
    }

    /// The mix is encoded once for all: who comes second takes the size there is, or is told of it.
    fn size(&mut self, wish: Wish) -> Result<(), Refusal> {
        let asked = wish.canvas(self.usual_canvas)?;
        if !self.holds_canvas() {
            self.canvas = asked;
        } else if !wish.is_met_by(self.canvas) {
            let message = format!(
                "the picture is being made at {} for another recording or stream; leave out width, height, fps and bitrate to join it, or end that first",
                self.canvas
            );
            return Err(Refusal::new(Reason::Conflict, message));
        }
        Ok(())
    }

    fn set_layout(&mut self, layout: Option<Layout>) {
        if let Some(layout) = layout.filter(|layout| *layout != self.settings.layout) {
            self.settings.layout = layout;
            self.effects.push(Effect::SaveSettings);
        }
    }
}

fn forget_oldest<T>(outputs: &mut Vec<T>, runs: impl Fn(&T) -> bool) {
    if outputs.iter().filter(|output| !runs(output)).count() > MAX_ENDED
        && let Some(oldest) = outputs.iter().position(|output| !runs(output))
    {
        outputs.remove(oldest);
    }
}

fn no_such(what: &str) -> Refusal {
    Refusal::new(Reason::NotFound, format!("there is no such {what}"))
}

fn too_many(what: &str) -> Refusal {
    Refusal::new(Reason::Conflict, format!("{MAX_RUNNING} {what} run already; stop one first"))
}
