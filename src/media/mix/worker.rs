//! The thread of an awake mix: one loop, one inbox, all pipelines.

use std::collections::BTreeMap;
use std::path::PathBuf;
use std::sync::Arc;
use std::sync::mpsc::{Receiver, RecvTimeoutError, Sender};
use std::time::{Duration, Instant};

use tokio::sync::oneshot;

use super::{Command, Shared, Speaker};
use crate::domain::ids::OutputId;
use crate::domain::media::{Feed, OutputEvent, OutputJob, Rendition, Scene};
use crate::media::encoder::{Encoder, Encoding};
use crate::media::mixer::{Joint, Mixer, Voiced};
use crate::media::output::Source;
use crate::media::output::mp4::{Now, Recording};
use crate::media::output::rtmp::{Streaming, plain_words};
use crate::media::output::viewer::{self, Viewer};
use crate::media::pipeline::{BusEvent, Time};
use crate::media::problem::Problem;
use crate::media::remux::{self, Finished};

const TICK: Duration = Duration::from_millis(100);
/// Stays awake this long without anybody, for those who come right back.
const LINGER: Duration = Duration::from_secs(1);
/// Key frames are not made more often than this, however many ask.
const KEY_FRAMES_APART: Duration = Duration::from_millis(400);

/// An output and the number of its pipeline.
struct Output {
    kind: Kind,
    generation: u32,
}

enum Kind {
    Recording(Recording),
    Remuxing,
    Streaming(Streaming),
}

/// The owner of everything in an awake mix.
pub(super) struct Worker {
    shared: Arc<Shared>,
    scene: Scene,
    /// Came in and is not drawn yet.
    next_scene: Option<Scene>,
    own: Sender<Command>,
    time: Time,
    // Dropped in this order: takers before makers.
    outputs: BTreeMap<OutputId, Output>,
    viewers: BTreeMap<Encoding, Viewer>,
    encoders: BTreeMap<Encoding, Encoder>,
    mixer: Option<Mixer>,
    watched: [bool; 2],
    key_frames: BTreeMap<Encoding, (Instant, bool)>,
    needed: Instant,
    finishing: Option<(Instant, Vec<oneshot::Sender<()>>)>,
}

impl Worker {
    pub(super) fn new(shared: Arc<Shared>, scene: Scene, own: Sender<Command>) -> Self {
        Self {
            shared,
            scene,
            next_scene: None,
            own,
            time: Time::start(),
            outputs: BTreeMap::new(),
            viewers: BTreeMap::new(),
            encoders: BTreeMap::new(),
            mixer: None,
            watched: [false; 2],
            key_frames: BTreeMap::new(),
            needed: Instant::now(),
            finishing: None,
        }
    }

    /// Until nobody needs the mix.
    pub(super) fn run(mut self, inbox: &Receiver<Command>) {
        let mut next = Instant::now() + TICK;
        loop {
            match inbox.recv_timeout(next.saturating_duration_since(Instant::now())) {
                Ok(command) => self.handle(command),
                Err(RecvTimeoutError::Timeout) => {}
                Err(RecvTimeoutError::Disconnected) => return,
            }
            // Of several scenes that wait only the last need be drawn.
            inbox.try_iter().for_each(|command| self.handle(command));
            self.compose();
            if Instant::now() >= next {
                self.tick();
                next = Instant::now() + TICK;
                if self.is_over() && self.leave(inbox) {
                    return;
                }
            }
        }
    }

    fn compose(&mut self) {
        if let Some(scene) = self.next_scene.take() {
            self.scene = scene;
            if let Some(mixer) = &mut self.mixer {
                mixer.show(&self.scene);
            }
        }
    }

    /// Falls asleep, unless something came in meanwhile.
    fn leave(&mut self, inbox: &Receiver<Command>) -> bool {
        // Pipelines first: stopping them takes a moment, and the caller's lock must not wait for it.
        self.stop_all();
        let shared = self.shared.clone();
        let mut state = shared.lock();
        match inbox.try_recv() {
            Ok(command) => {
                drop(state);
                self.handle(command);
                false
            }
            Err(_) => {
                state.awake = None;
                true
            }
        }
    }

    fn stop_all(&mut self) {
        self.outputs.clear();
        self.viewers.clear();
        self.encoders.clear();
        self.mixer = None;
        for done in self.finishing.take().into_iter().flat_map(|(_, waiting)| waiting) {
            let _ = done.send(());
        }
    }

    fn is_over(&self) -> bool {
        match &self.finishing {
            Some((deadline, _)) => self.outputs.is_empty() || Instant::now() >= *deadline,
            None => self.needed.elapsed() > LINGER,
        }
    }

    fn handle(&mut self, command: Command) {
        match command {
            Command::Compose(scene) => self.next_scene = Some(scene),
            Command::Start(output, job) => self.start(output, job),
            Command::Stop(output) => self.stop(output),
            Command::Watch(rendition, viewers) => {
                self.watched[rendition as usize] = viewers;
                self.serve_viewers();
            }
            Command::KeyFrame(feed) => self.key_frame(feed),
            Command::Bus(speaker, event) => self.heard(speaker, event),
            Command::Remuxed(output, result) => self.remuxed(output, result),
            Command::Finish(deadline, done) => {
                self.watched = [false; 2];
                self.finishing.get_or_insert_with(|| (deadline, Vec::new())).1.extend(done);
                let all: Vec<OutputId> = self.outputs.keys().copied().collect();
                all.into_iter().for_each(|output| self.stop(output));
            }
        }
    }

    fn start(&mut self, output: OutputId, job: OutputJob) {
        if self.outputs.contains_key(&output) {
            return;
        }
        let kind = match job {
            OutputJob::Record { path } => self.start_recording(output, path).map(Kind::Recording),
            OutputJob::Stream { url } => Ok(Kind::Streaming(Streaming::new(url))),
        };
        match kind {
            Ok(kind) => drop(self.outputs.insert(output, Output { kind, generation: 0 })),
            Err(problem) => self.fail(output, &problem),
        }
    }

    fn start_recording(&mut self, output: OutputId, path: PathBuf) -> Result<Recording, Problem> {
        self.encode(&[Encoding::Main, Encoding::Aac])?;
        let tell = self.tell(Speaker::Output(output, 0));
        let source = source(&self.encoders, &self.time)?;
        Recording::start(&path, &source, &self.shared.templates, tell)
    }

    fn stop(&mut self, output: OutputId) {
        match self.outputs.get_mut(&output).map(|output| &mut output.kind) {
            Some(Kind::Recording(recording)) => {
                recording.stop(self.time.now());
                self.shared.tell(output, OutputEvent::Finishing);
            }
            Some(Kind::Streaming(streaming)) => streaming.stop(),
            Some(Kind::Remuxing) | None => {}
        }
    }

    fn fail(&mut self, output: OutputId, problem: &Problem) {
        tracing::error!(room = %self.shared.room, %output, %problem, "an output failed");
        self.shared.tell(output, OutputEvent::Failed { error: problem.to_string() });
    }

    /// Makes sure that these encodings run, and the mix before them.
    fn encode(&mut self, encodings: &[Encoding]) -> Result<(), Problem> {
        self.wake()?;
        let mixer = self.mixer.as_ref().ok_or_else(|| Problem::new("the mix is not awake"))?;
        for &encoding in encodings {
            if !self.encoders.contains_key(&encoding) {
                let raw = if encoding.is_picture() { &mixer.picture } else { &mixer.sound };
                let tell = self.tell(Speaker::Encoder(encoding));
                let encoder = Encoder::start(encoding, raw, &self.shared.templates, &self.time, tell)?;
                self.encoders.insert(encoding, encoder);
            }
        }
        Ok(())
    }

    fn wake(&mut self) -> Result<(), Problem> {
        self.compose();
        if self.mixer.is_none() {
            self.time = Time::start();
            let joint = Joint { links: self.shared.links.clone(), templates: self.shared.templates.clone() };
            let own = self.own.clone();
            let tell = Arc::new(move |voiced, event| drop(own.send(Command::Bus(Speaker::Mixer(voiced), event))));
            let mut mixer = Mixer::start(joint, &self.time, tell)?;
            mixer.show(&self.scene);
            self.mixer = Some(mixer);
        }
        Ok(())
    }

    fn tell(&self, speaker: Speaker) -> impl Fn(BusEvent) + Send + Sync + 'static {
        let own = self.own.clone();
        move |event| drop(own.send(Command::Bus(speaker, event)))
    }

    /// Starts and stops what viewers take.
    fn serve_viewers(&mut self) {
        let [main, low] = self.watched;
        for (encoding, wanted) in [(Encoding::Main, main), (Encoding::Low, low), (Encoding::Opus, main || low)] {
            if !wanted {
                self.viewers.remove(&encoding);
            } else if !self.viewers.contains_key(&encoding)
                && let Err(problem) = self.serve(encoding)
            {
                tracing::error!(room = %self.shared.room, ?encoding, %problem, "the mix is not shown");
            }
        }
    }

    fn serve(&mut self, encoding: Encoding) -> Result<(), Problem> {
        self.encode(&[encoding])?;
        let encoder = self.encoders.get(&encoding).ok_or_else(|| Problem::new("no encoder"))?;
        let tell = self.tell(Speaker::Viewer(encoding));
        let viewer = Viewer::start(encoding, &encoder.out, self.shared.links.clone(), &self.time, tell)?;
        self.viewers.insert(encoding, viewer);
        Ok(())
    }

    fn key_frame(&mut self, feed: Feed) {
        let encoding = Encoding::ALL.into_iter().find(|encoding| viewer::feed(*encoding) == Some(feed));
        if let Some(encoding) = encoding.filter(|encoding| encoding.is_picture()) {
            self.key_frames.entry(encoding).or_insert((Instant::now() - KEY_FRAMES_APART, true)).1 = true;
            self.make_key_frames();
        }
    }

    fn make_key_frames(&mut self) {
        for (encoding, (last, wanted)) in &mut self.key_frames {
            if *wanted
                && last.elapsed() >= KEY_FRAMES_APART
                && let Some(encoder) = self.encoders.get(encoding)
            {
                encoder.out.request_key_frame();
                (*last, *wanted) = (Instant::now(), false);
            }
        }
    }

    fn tick(&mut self) {
        if let Some(mixer) = &mut self.mixer {
            mixer.tick();
        }
        let all: Vec<OutputId> = self.outputs.keys().copied().collect();
        all.into_iter().for_each(|output| self.tick_output(output));
        self.serve_viewers();
        self.make_key_frames();
        self.drop_idle_encoders();
        if !self.outputs.is_empty() || self.watched != [false; 2] {
            self.needed = Instant::now();
        }
    }

    fn tick_output(&mut self, id: OutputId) {
        let shared = self.shared.clone();
        let mut tell = |event| shared.tell(id, event);
        let Some(output) = self.outputs.get_mut(&id) else { return };
        match &mut output.kind {
            Kind::Recording(recording) => {
                if matches!(recording.tick(&mut tell), Now::Written) {
                    self.remux(id);
                }
            }
            Kind::Remuxing => {}
            Kind::Streaming(streaming) => {
                if streaming.tick(&mut tell) {
                    self.outputs.remove(&id);
                } else if streaming.is_due() {
                    self.connect(id);
                }
            }
        }
    }

    fn connect(&mut self, id: OutputId) {
        let encoded = self.encode(&[Encoding::Main, Encoding::Aac]);
        let Some(output) = self.outputs.get_mut(&id) else { return };
        output.generation += 1;
        let speaker = Speaker::Output(id, output.generation);
        let own = self.own.clone();
        let bus = move |event| drop(own.send(Command::Bus(speaker, event)));
        let Kind::Streaming(streaming) = &mut output.kind else { return };
        let tried = encoded
            .and_then(|()| source(&self.encoders, &self.time))
            .and_then(|source| streaming.connect(&source, &self.shared.templates, bus));
        if let Err(problem) = tried {
            // Ours, not the server's: no further try would end better.
            self.outputs.remove(&id);
            self.fail(id, &problem);
        }
    }

    /// A pipeline spoke.
    fn heard(&mut self, speaker: Speaker, event: BusEvent) {
        if let (BusEvent::Error { element, text, .. }, false) = (&event, matches!(speaker, Speaker::Output(..))) {
            tracing::warn!(room = %self.shared.room, ?speaker, element, text, "a pipeline of the mix failed");
        }
        match (speaker, event) {
            (Speaker::Output(id, generation), event) => {
                if self.outputs.get(&id).is_some_and(|output| output.generation == generation) {
                    self.heard_output(id, event);
                }
            }
            (Speaker::Mixer(Voiced::Input(track)), BusEvent::Error { .. }) => {
                if let Some(mixer) = &mut self.mixer {
                    mixer.input_failed(track);
                }
            }
            (Speaker::Viewer(encoding), BusEvent::Error { .. }) => drop(self.viewers.remove(&encoding)),
            (Speaker::Encoder(_) | Speaker::Mixer(Voiced::Mix), BusEvent::Error { .. }) => self.start_over(),
            (_, BusEvent::Eos) => {}
        }
    }

    fn heard_output(&mut self, id: OutputId, event: BusEvent) {
        let Some(output) = self.outputs.get_mut(&id) else { return };
        let shared = self.shared.clone();
        match (&mut output.kind, event) {
            (Kind::Recording(_), BusEvent::Eos) => self.remux(id),
            (Kind::Recording(_), BusEvent::Error { text, .. }) => {
                self.outputs.remove(&id);
                self.fail(id, &Problem::new(text));
            }
            (Kind::Streaming(streaming), BusEvent::Eos) => streaming.written(),
            (Kind::Streaming(streaming), BusEvent::Error { text, details, .. }) => {
                streaming.failed(plain_words(&format!("{text} {details}")), &mut |event| shared.tell(id, event));
            }
            (Kind::Remuxing, _) => {}
        }
    }

    /// The mix itself failed: recordings end with what they have, streams try again on a new mix.
    fn start_over(&mut self) {
        let recordings: Vec<OutputId> = self
            .outputs
            .iter()
            .filter_map(|(id, output)| matches!(output.kind, Kind::Recording(_)).then_some(*id))
            .collect();
        recordings.into_iter().for_each(|id| self.remux(id));
        let shared = self.shared.clone();
        for (id, output) in &mut self.outputs {
            if let Kind::Streaming(streaming) = &mut output.kind {
                streaming.failed("The mix was interrupted.", &mut |event| shared.tell(*id, event));
            }
        }
        self.viewers.clear();
        self.encoders.clear();
        self.mixer = None;
    }

    /// The recording's pipeline is done: the rest is files, on a thread of its own.
    fn remux(&mut self, id: OutputId) {
        let Some(output) = self.outputs.get_mut(&id) else { return };
        let Kind::Recording(recording) = std::mem::replace(&mut output.kind, Kind::Remuxing) else { return };
        let (path, own) = (recording.path().to_owned(), self.own.clone());
        // Closes the file.
        drop(recording);
        let work = move || {
            let result = remux::recover(&remux::partial(&path), &path);
            let _ = own.send(Command::Remuxed(id, result));
        };
        if let Err(error) = std::thread::Builder::new().name("remux".into()).spawn(work) {
            self.remuxed(id, Err(Problem::new(error.to_string())));
        }
    }

    fn remuxed(&mut self, id: OutputId, result: Result<Finished, Problem>) {
        self.outputs.remove(&id);
        match result {
            Ok(Finished { bytes, duration }) => self.shared.tell(id, OutputEvent::Finished { bytes, duration }),
            Err(problem) => self.fail(id, &problem),
        }
    }

    fn drop_idle_encoders(&mut self) {
        let made = self.outputs.values().any(|output| !matches!(output.kind, Kind::Remuxing));
        let [main, low] = self.watched;
        self.encoders.retain(|encoding, _| match encoding {
            Encoding::Main => made || main,
            Encoding::Aac => made,
            Encoding::Low => low,
            Encoding::Opus => main || low,
        });
        if self.encoders.is_empty() {
            // While a finished recording is remuxed nothing need be mixed.
            self.mixer = None;
        }
    }
}

/// The streams that files and RTMP are made of.
fn source<'a>(encoders: &'a BTreeMap<Encoding, Encoder>, time: &'a Time) -> Result<Source<'a>, Problem> {
    let running = |encoding| encoders.get(&encoding).ok_or_else(|| Problem::new("no encoder"));
    Ok(Source { picture: &running(Encoding::Main)?.out, sound: &running(Encoding::Aac)?.out, time })
}

// `Rendition as usize` indexes `watched`.
const _: () = assert!(Rendition::Main as usize == 0 && Rendition::Low as usize == 1);
