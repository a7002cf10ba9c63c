//! Recordings and streams: any number of them, all made of the one mix.

use std::path::PathBuf;

use super::{EMPTY_LIMIT, Effect, News, Reply, RequestId, Room};
use crate::domain::canvas::{Canvas, Wish};
use crate::domain::disk::Disk;
use crate::domain::error::{Reason, Refusal};
use crate::domain::ids::{OutputId, Source, TrackId};
use crate::domain::media::{MediaCommand, OutputEvent, OutputJob, OwnTrack};
use crate::domain::output::{Recording, Stream, StreamUrl};
use crate::domain::participant::Member;
use crate::domain::target::{HlsWindow, Targets};
use crate::domain::timeline::Seen;
use crate::domain::words::{Layout, ParticipantKind, RecordingState, StreamState};

/// So many of a kind may run at once: far more than anybody needs, and a bound.
const MAX_RUNNING: usize = 20;
/// Seconds of media after which the timeline is written again: a crash loses no more of it.
const TIMELINE_KEPT: u64 = 10;
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
        tracks: bool,
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
        let recording = Recording::new(output, name, layout, self.canvas, self.now);
        self.recordings.push(Recording { own_media: tracks, ..recording });
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

    /// What happens meanwhile is in no file.
    pub(super) fn pause_recording(&mut self, output: OutputId, paused: bool) -> Result<Reply, Refusal> {
        let recording = self.recordings.iter_mut().find(|recording| recording.id == output);
        let recording = recording.ok_or_else(|| no_such("recording"))?;
        let conflict = |message: &str| Err(Refusal::new(Reason::Conflict, message));
        recording.state = match (recording.state, paused) {
            (RecordingState::Live, true) => RecordingState::Paused,
            (RecordingState::Paused, false) => RecordingState::Live,
            (RecordingState::Starting, true) => return conflict("the recording has not begun yet"),
            (RecordingState::Paused, true) => return conflict("the recording is paused already"),
            (RecordingState::Live | RecordingState::Starting, false) => return conflict("the recording is not paused"),
            _ => return conflict("the recording has ended"),
        };
        if paused {
            recording.timeline.pause(self.now);
        }
        self.command(MediaCommand::Pause { output, paused });
        self.output_changed(output);
        Ok(Reply::Recording(output))
    }

    /// Notes who is there and what they do, while it is recorded.
    pub(super) fn settle_timelines(&mut self) {
        let (members, speakers) = (&self.members, &self.speakers);
        let seen = members.iter().filter(|member| member.kind != ParticipantKind::Whep).map(|member| Seen {
            id: member.id,
            name: &member.name,
            speaks: speakers.is_speaking(member.id),
            shares: member.live_track(Source::Screen).is_some(),
        });
        for recording in self.recordings.iter_mut().filter(|recording| recording.takes_media()) {
            recording.timeline.observe(self.now, seen.clone());
        }
    }

    /// The disk is nearly full, or is so no more: hosts are told.
    pub(super) fn on_disk(&mut self, disk: Option<Disk>) {
        if self.disk != disk {
            self.disk = disk;
            self.tell_hosts(News::Room { for_hosts: true });
            let running = self.recordings.iter().filter(|recording| recording.takes_media());
            self.effects.extend(running.map(|recording| Effect::Progress(recording.id)).collect::<Vec<_>>());
        }
    }

    /// What hosts who record are warned of.
    pub fn disk(&self) -> Option<Disk> {
        self.disk.filter(|_| self.recordings.iter().any(Recording::takes_media))
    }

    /// Whose own media each recording keeps: everything that has been sent since its owner came, so that a mute is a gap
    /// and not another file.
    pub(super) fn settle_own_media(&mut self) {
        if !self.recordings.iter().any(|recording| recording.own_media && recording.takes_media()) {
            return;
        }
        let of = |member: &Member| {
            let (participant, name) = (member.id, member.name.clone());
            let sessions = member.session.iter();
            let tracks = sessions.flat_map(|session| session.started.iter().map(|source| (session.peer, *source)));
            let own =
                move |(peer, source)| OwnTrack { track: TrackId { peer, source }, participant, name: name.clone() };
            tracks.map(own).collect::<Vec<_>>()
        };
        let wanted: Vec<OwnTrack> = self.members.iter().flat_map(of).collect();
        let mut commands = Vec::new();
        for recording in self.recordings.iter_mut().filter(|recording| recording.own_media && recording.takes_media()) {
            if recording.path.is_some() && recording.following != wanted {
                recording.following.clone_from(&wanted);
                commands.push(MediaCommand::KeepTracks { output: recording.id, tracks: wanted.clone() });
            }
        }
        commands.into_iter().for_each(|command| self.command(command));
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
        if let Some(window) = HlsWindow::parse(url) {
            return self.start_hls(output, window?, layout, wish);
        }
        let url = StreamUrl::parse(url)?;
        if self.targets == Targets::Public && url.is_plainly_private() {
            return Err(Targets::refusal());
        }
        let job = OutputJob::Stream { url: url.secret().to_owned() };
        self.begin_stream(Stream::new(output, &url, self.now), job, layout, wish)
    }

    /// Players come for it all to one address: there can be only one.
    fn start_hls(
        &mut self,
        output: OutputId,
        window: HlsWindow,
        layout: Option<Layout>,
        wish: Wish,
    ) -> Result<Reply, Refusal> {
        if self.streams.iter().any(|stream| stream.hls.is_some() && stream.runs()) {
            return Err(Refusal::new(Reason::Conflict, "the room is live to HLS already; end that first"));
        }
        let job = OutputJob::Hls { folder: output.to_string().into(), window };
        self.begin_stream(Stream::hls(output, window, self.now), job, layout, wish)
    }

    fn begin_stream(
        &mut self,
        stream: Stream,
        job: OutputJob,
        layout: Option<Layout>,
        wish: Wish,
    ) -> Result<Reply, Refusal> {
        if self.streams.iter().filter(|stream| stream.runs()).count() >= MAX_RUNNING {
            return Err(too_many("streams"));
        }
        self.size(wish)?;
        self.set_layout(layout);
        let output = stream.id;
        self.streams.push(stream);
        forget_oldest(&mut self.streams, Stream::runs);
        self.settle_scene();
        self.command(MediaCommand::Start { output, job });
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
        let sent = matches!(event, OutputEvent::Sent(_));
        let changed = if let Some(recording) = self.recordings.iter_mut().find(|recording| recording.id == output) {
            match &event {
                OutputEvent::Placed { ago, at } => {
                    let from = self.now.saturating_sub(*ago);
                    recording.first_frame.get_or_insert(from);
                    recording.timeline.place(from, *at);
                }
                OutputEvent::Progress { duration, .. } if (*duration as u64).is_multiple_of(TIMELINE_KEPT) => {
                    self.effects.push(Effect::SaveTimeline(output));
                }
                _ => {}
            }
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
            if sent {
                self.tell_hosts(News::Sent(output));
            }
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
            self.effects.push(Effect::SaveTimeline(output));
            self.effects.push(Effect::SaveRecording(output));
        } else {
            self.effects.push(Effect::Progress(output));
        }
        self.tell_room();
    }

    /// Whether something is being made of the mix that can't change its size on the way.
    pub(super) fn holds_canvas(&self) -> bool {
        self.recordings.iter().any(Recording::takes_media) || self.streams.iter().any(Stream::runs)
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
