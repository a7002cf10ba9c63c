//! A room's mix: asleep it is a scene in memory; awake it is a thread that owns the pipelines. It wakes with the first
//! output or viewer and sleeps soon after the last.

mod worker;

use std::sync::mpsc::{Receiver, Sender, channel};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use tokio::sync::{mpsc::UnboundedSender, oneshot};

use self::worker::Worker;
use super::encoder::Encoding;
use super::links::Links;
use super::pipeline::BusEvent;
use super::problem::Problem;
use super::remux::Finished;
use super::template::Templates;
use crate::domain::ids::{OutputId, RoomId, TrackId};
use crate::domain::media::{Feed, MediaEvent, OutputEvent, OutputJob, OwnTrack, Rendition, Scene, StillSize};
use crate::domain::target::Targets;

/// The mix of one room. Every call is at most a channel send. Dropping it ends all outputs in order (recordings are
/// still finished, in the background) and then everything stops.
pub struct Mix {
    shared: Arc<Shared>,
}

/// What the handle and the thread share.
struct Shared {
    room: RoomId,
    templates: Arc<Templates>,
    links: Arc<dyn Links>,
    events: UnboundedSender<MediaEvent>,
    targets: Targets,
    state: Mutex<State>,
}

#[derive(Default)]
struct State {
    scene: Scene,
    /// The thread's inbox while it is awake. Sends happen under the lock, so the thread can only leave when its inbox
    /// is empty.
    awake: Option<Sender<Command>>,
}

/// Everything that can wake the thread.
enum Command {
    Compose(Scene),
    Start(OutputId, OutputJob),
    KeepTracks(OutputId, Vec<OwnTrack>),
    Pause(OutputId, bool),
    Stop(OutputId),
    Watch(Rendition, bool),
    KeyFrame(Feed),
    Bus(Speaker, BusEvent),
    Still(StillSize),
    Taken(StillSize, Vec<u8>),
    Remuxed(OutputId, Result<Finished, Problem>),
    /// End all outputs; answer when done or at the deadline.
    Finish(Instant, Option<oneshot::Sender<()>>),
}

/// Whose bus spoke. The number tells a pipeline from the one it replaced.
#[derive(Debug, Clone, Copy, PartialEq)]
enum Speaker {
    Input(TrackId),
    Encoder(Encoding, u32),
    Viewer(Encoding),
    Output(OutputId, u32),
    Still(StillSize),
}

/// How long a dropped mix may take to finish its recordings.
const FAREWELL: Duration = Duration::from_secs(3600);

impl Mix {
    /// Asleep, with an empty scene. `events` hears [`MediaEvent::Output`] and [`MediaEvent::Still`] only.
    pub fn new(
        room: RoomId,
        templates: Arc<Templates>,
        links: Arc<dyn Links>,
        events: UnboundedSender<MediaEvent>,
    ) -> Self {
        Self::with_targets(room, templates, links, events, Targets::Any)
    }

    /// With a word on where streams may go.
    pub fn with_targets(
        room: RoomId,
        templates: Arc<Templates>,
        links: Arc<dyn Links>,
        events: UnboundedSender<MediaEvent>,
        targets: Targets,
    ) -> Self {
        let state = Mutex::default();
        Self { shared: Arc::new(Shared { room, templates, links, events, targets, state }) }
    }

    /// What is shown and heard from now on; kept while asleep.
    pub fn compose(&self, scene: Scene) {
        let mut state = self.shared.lock();
        if let Some(awake) = &state.awake {
            let _ = awake.send(Command::Compose(scene.clone()));
        }
        state.scene = scene;
    }

    /// Starts an output; it is told of by events. Wakes the mix.
    pub fn start(&self, output: OutputId, job: OutputJob) {
        if !self.send_awake(Command::Start(output, job)) {
            let error = "The server cannot mix now.".to_owned();
            self.shared.tell(output, OutputEvent::Failed { error });
        }
    }

    /// Which tracks are kept by themselves beside a recording.
    pub fn keep_tracks(&self, output: OutputId, tracks: Vec<OwnTrack>) {
        self.send(Command::KeepTracks(output, tracks));
    }

    /// Leaves out of a recording what comes from now on, or takes it in again.
    pub fn pause(&self, output: OutputId, paused: bool) {
        self.send(Command::Pause(output, paused));
    }

    /// Ends an output in order.
    pub fn stop(&self, output: OutputId) {
        self.send(Command::Stop(output));
    }

    /// One picture, told by [`MediaEvent::Still`]. Wakes the mix.
    pub fn still(&self, size: StillSize) {
        if !self.send_awake(Command::Still(size)) {
            let _ = self.shared.events.send(MediaEvent::Still { size, jpeg: None });
        }
    }

    /// Whether viewers take this rendition; sound comes with either. Wakes the mix.
    pub fn watch(&self, rendition: Rendition, viewers: bool) {
        if viewers {
            self.send_awake(Command::Watch(rendition, true));
        } else {
            self.send(Command::Watch(rendition, false));
        }
    }

    /// A viewer of the mix needs a key frame.
    pub fn key_frame(&self, feed: Feed) {
        self.send(Command::KeyFrame(feed));
    }

    /// Ends all outputs. Resolves when every recording is a finished file, at the latest after `limit`.
    pub fn finish(&self, limit: Duration) -> impl Future<Output = ()> + Send + 'static {
        let (done, wait) = oneshot::channel();
        self.send(Command::Finish(Instant::now() + limit, Some(done)));
        // Asleep, the sender is dropped at once: there was nothing to finish.
        async move { drop(wait.await) }
    }

    fn send(&self, command: Command) {
        if let Some(awake) = &self.shared.lock().awake {
            let _ = awake.send(command);
        }
    }

    /// Sends, waking the mix first. False when there can be no thread.
    fn send_awake(&self, command: Command) -> bool {
        let mut state = self.shared.lock();
        if state.awake.is_none() {
            let (sender, inbox) = channel();
            let scene = state.scene.clone();
            if !self.shared.clone().spawn(scene, sender.clone(), inbox) {
                return false;
            }
            state.awake = Some(sender);
        }
        state.awake.as_ref().is_some_and(|awake| awake.send(command).is_ok())
    }
}

impl Drop for Mix {
    fn drop(&mut self) {
        self.send(Command::Finish(Instant::now() + FAREWELL, None));
    }
}

impl Shared {
    fn spawn(self: Arc<Self>, scene: Scene, sender: Sender<Command>, inbox: Receiver<Command>) -> bool {
        let thread = std::thread::Builder::new().name(format!("mix-{}", self.room));
        thread.spawn(move || Worker::new(self, scene, sender).run(&inbox)).is_ok()
    }

    fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn tell(&self, output: OutputId, event: OutputEvent) {
        let _ = self.events.send(MediaEvent::Output { output, event });
    }
}
