//! The thread of an awake mix: one loop, one inbox, all pipelines.

mod lines;
mod load;
mod outputs;
mod stills;

use std::collections::BTreeMap;
use std::sync::Arc;
use std::sync::mpsc::{Receiver, RecvTimeoutError, Sender};
use std::time::{Duration, Instant};

use tokio::sync::oneshot;

use self::load::{Effort, Load};
use self::outputs::Output;
use self::stills::Stills;
use super::{Command, Shared, Speaker};
use crate::domain::ids::OutputId;
use crate::domain::media::{Feed, OutputJob, OwnTrack, Rendition, Scene};
use crate::media::encoder::Encoding;
use crate::media::encoder::line::Line;
use crate::media::mixer::{Joint, Mixer};
use crate::media::output::viewer::{self, Viewer};
use crate::media::pipeline::{BusEvent, Time};
use crate::media::problem::Problem;

const TICK: Duration = Duration::from_millis(100);
/// Stays awake this long without anybody, for those who come right back.
const LINGER: Duration = Duration::from_secs(1);
/// Key frames are not made more often than this, however many ask.
const KEY_FRAMES_APART: Duration = Duration::from_millis(400);
/// And not less often than this.
const KEY_FRAMES_AT_LEAST: Duration = Duration::from_secs(2);

/// The owner of everything in an awake mix.
pub(super) struct Worker {
    shared: Arc<Shared>,
    scene: Scene,
    /// Came in and is not drawn yet.
    next_scene: Option<Scene>,
    own: Sender<Command>,
    time: Time,
    /// When the mixer was made.
    woken: Instant,
    // Dropped in this order: takers before makers.
    stills: Stills,
    outputs: BTreeMap<OutputId, Output>,
    /// Start when the canvas has its new size.
    postponed: BTreeMap<OutputId, OutputJob>,
    postponed_tracks: BTreeMap<OutputId, Vec<OwnTrack>>,
    viewers: BTreeMap<Encoding, Viewer>,
    lines: BTreeMap<Encoding, Line>,
    mixer: Option<Mixer>,
    watched: [bool; 2],
    key_frames: BTreeMap<Encoding, (Instant, bool)>,
    load: Load,
    /// What outputs were told last.
    told: Effort,
    needed: Instant,
    finishing: Option<(Instant, Vec<oneshot::Sender<()>>)>,
}

impl Worker {
    pub(super) fn new(shared: Arc<Shared>, scene: Scene, own: Sender<Command>) -> Self {
        let load = Load::of(&shared.templates);
        Self {
            shared,
            scene,
            next_scene: None,
            own,
            time: Time::start(),
            woken: Instant::now(),
            stills: Stills::default(),
            outputs: BTreeMap::new(),
            postponed: BTreeMap::new(),
            postponed_tracks: BTreeMap::new(),
            viewers: BTreeMap::new(),
            lines: BTreeMap::new(),
            mixer: None,
            watched: [false; 2],
            key_frames: BTreeMap::new(),
            told: load.effort(),
            load,
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

    /// Shows the scene that came in last. One of another size waits for outputs that run, and viewers have a short break.
    fn compose(&mut self) {
        if self.waits_for_canvas() {
            return;
        }
        if let Some(scene) = self.next_scene.take() {
            if self.scene.canvas != scene.canvas {
                self.take_down();
            }
            self.scene = scene;
            if let Some(mixer) = &mut self.mixer {
                mixer.show(&self.scene);
            }
        }
    }

    /// A picture of another size is to be made, and outputs still take the present one: the last frames of a recording
    /// that was stopped.
    fn waits_for_canvas(&self) -> bool {
        self.next_scene.as_ref().is_some_and(|next| next.canvas != self.scene.canvas)
            && self.outputs.values().any(Output::takes_media)
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
        self.take_down();
        for done in self.finishing.take().into_iter().flat_map(|(_, waiting)| waiting) {
            let _ = done.send(());
        }
    }

    fn is_over(&self) -> bool {
        match &self.finishing {
            Some((deadline, _)) => {
                (self.outputs.is_empty() && self.postponed.is_empty()) || Instant::now() >= *deadline
            }
            None => self.needed.elapsed() > LINGER,
        }
    }

    fn handle(&mut self, command: Command) {
        match command {
            Command::Compose(scene) => self.next_scene = Some(scene),
            Command::Start(output, job) => self.start(output, job),
            Command::KeepTracks(output, tracks) => self.keep_tracks(output, tracks),
            Command::Pause(output, paused) => self.pause(output, paused),
            Command::Stop(output) => self.stop(output),
            Command::Watch(rendition, viewers) => {
                self.watched[rendition as usize] = viewers;
                self.serve_viewers();
            }
            Command::KeyFrame(feed) => self.key_frame(feed),
            Command::Bus(speaker, event) => self.heard(speaker, event),
            Command::Still(size) => self.want_still(size),
            Command::Taken(size, jpeg) => self.tell_still(size, Ok(jpeg)),
            Command::Remuxed(output, result) => self.remuxed(output, result),
            Command::Finish(deadline, done) => {
                self.watched = [false; 2];
                self.finishing.get_or_insert_with(|| (deadline, Vec::new())).1.extend(done);
                let all: Vec<OutputId> = self.outputs.keys().chain(self.postponed.keys()).copied().collect();
                all.into_iter().for_each(|output| self.stop(output));
            }
        }
    }

    fn wake(&mut self) -> Result<(), Problem> {
        self.compose();
        if self.mixer.is_none() {
            self.time = Time::start();
            self.woken = Instant::now();
            let joint = Joint { links: self.shared.links.clone(), templates: self.shared.templates.clone() };
            let own = self.own.clone();
            let tell = Arc::new(move |track, event| drop(own.send(Command::Bus(Speaker::Input(track), event))));
            let mut mixer = Mixer::start(joint, self.scene.canvas, &self.time, tell)?;
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
        let line = self.lines.get(&encoding).ok_or_else(|| Problem::new("no encoder"))?;
        let tell = self.tell(Speaker::Viewer(encoding));
        let viewer = Viewer::start(encoding, &line.out, self.shared.links.clone(), &self.time, tell)?;
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

    /// Encoders count frames, and at a low rate their sixty are many seconds: too long to lose, or to wait for.
    fn want_regular_key_frames(&mut self) {
        if self.scene.canvas.fps < 30 && self.lines.contains_key(&Encoding::Main) {
            let (last, wanted) = self.key_frames.entry(Encoding::Main).or_insert((Instant::now(), false));
            *wanted |= last.elapsed() >= KEY_FRAMES_AT_LEAST;
        }
    }

    fn make_key_frames(&mut self) {
        for (encoding, (last, wanted)) in &mut self.key_frames {
            if *wanted
                && last.elapsed() >= KEY_FRAMES_APART
                && let Some(line) = self.lines.get(encoding)
            {
                line.out.request_key_frame();
                (*last, *wanted) = (Instant::now(), false);
            }
        }
    }

    fn tick(&mut self) {
        if let Some(mixer) = &mut self.mixer {
            mixer.tick();
        }
        self.tick_lines();
        let all: Vec<OutputId> = self.outputs.keys().copied().collect();
        all.into_iter().for_each(|output| self.tick_output(output));
        self.compose();
        self.start_postponed();
        self.tick_stills();
        self.serve_viewers();
        self.want_regular_key_frames();
        self.make_key_frames();
        self.let_idle_rest();
        let taken = !self.outputs.is_empty() || !self.postponed.is_empty() || self.watched != [false; 2];
        if taken || self.stills.are_wanted() {
            self.needed = Instant::now();
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
            (Speaker::Input(track), BusEvent::Error { .. }) => {
                if let Some(mixer) = &mut self.mixer {
                    mixer.input_failed(track);
                }
            }
            (Speaker::Viewer(encoding), BusEvent::Error { .. }) => drop(self.viewers.remove(&encoding)),
            (Speaker::Encoder(encoding, number), event) => self.heard_encoder(encoding, number, &event),
            (Speaker::Still(size), BusEvent::Error { text, .. }) => self.tell_still(size, Err(&Problem::new(text))),
            (_, BusEvent::Eos | BusEvent::Part { .. }) => {}
        }
    }

    /// The mix itself failed.
    fn start_over(&mut self) {
        self.interrupt_outputs();
        self.take_down();
    }

    /// Ends mixing and encoding. Who still takes something wakes it again.
    fn take_down(&mut self) {
        self.stills.interrupt();
        self.viewers.clear();
        self.lines.clear();
        self.mixer = None;
        self.load = Load::of(&self.shared.templates);
        self.told = self.load.effort();
    }
}

// `Rendition as usize` indexes `watched`.
const _: () = assert!(Rendition::Main as usize == 0 && Rendition::Low as usize == 1);
