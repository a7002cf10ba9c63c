//! The media of one room: its sessions, its mix, and what joins them. One thread; commands in, events out.

use std::collections::HashMap;
use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::mpsc::{self as inbox, RecvTimeoutError};
use std::time::{Duration, Instant};

use tokio::runtime::Handle;
use tokio::sync::mpsc;

use crate::domain::ids::{PeerId, RoomId, Source, TrackId};
use crate::domain::media::{Assignment, Level, MediaCommand, MediaEvent, OutputJob, SlotInfo};
use crate::domain::target::Targets;
use crate::rtp::description::{CodecName, PeerMedia};
use crate::rtp::router::View;
use crate::transport::net::{Net, NetEvent};

use super::bridge::{self, Bridge};
use super::mix::Mix;
use super::opening::{self, OpenRequest, Opened};
use super::peer::{Session, SessionEvent};
use super::template::Templates;

/// How often levels are told at most: a new voice is to be heard within 50 ms.
const LEVELS: Duration = Duration::from_millis(20);

/// How long recordings may take to be finished when a room ends.
const FINISH: Duration = Duration::from_secs(12);

/// Mixes are named apart from sessions, which count from 1.
static NEXT_MIX: AtomicU64 = AtomicU64::new(1 << 63);

/// What all rooms share.
#[derive(Clone)]
pub struct Media {
    net: Net,
    templates: Arc<Templates>,
    targets: Targets,
    /// Where the segments of HLS streams are.
    segments: Arc<Path>,
}

/// Everything that can wake an engine.
pub(super) enum Input {
    Command(MediaCommand),
    /// The room is gone.
    Ended,
    Opened(PeerId, Result<Opened, String>),
    Net(PeerId, NetEvent),
    Session(PeerId, SessionEvent),
}

struct Engine {
    shared: Media,
    runtime: Handle,
    inbox: inbox::Sender<Input>,
    events: mpsc::Sender<MediaEvent>,
    members: HashMap<PeerId, Member>,
    mix: Mix,
    mix_peer: PeerId,
    bridge: Arc<Bridge>,
    levels: Vec<Level>,
    levels_due: Option<Instant>,
    levels_told: Instant,
}

enum Member {
    Opening,
    Open { session: Session, connected: bool },
}

impl Media {
    /// The media side of the server.
    pub fn new(net: Net, templates: Arc<Templates>) -> Self {
        Self { net, templates, targets: Targets::Any, segments: Path::new("hls").into() }
    }

    /// With a folder for the segments of HLS streams. Those of an earlier run are deleted.
    #[must_use]
    pub fn with_segments(self, folder: &Path) -> Self {
        let _ = std::fs::remove_dir_all(folder);
        Self { segments: folder.into(), ..self }
    }

    /// With a word on where streams may go.
    #[must_use]
    pub fn with_targets(self, targets: Targets) -> Self {
        Self { targets, ..self }
    }

    /// The net thread's handle, for its counters.
    pub fn net(&self) -> &Net {
        &self.net
    }

    /// Opens a room's media: commands go into the returned channel, events come by `events`. Ends when the sender is dropped.
    /// Called within tokio.
    pub fn open_room(&self, room: RoomId, events: mpsc::Sender<MediaEvent>) -> mpsc::Sender<MediaCommand> {
        let (commands, mut received) = mpsc::channel(256);
        let (sender, inputs) = inbox::channel();
        let commands_in = sender.clone();
        tokio::spawn(async move {
            while let Some(command) = received.recv().await {
                if commands_in.send(Input::Command(command)).is_err() {
                    return;
                }
            }
            let _ = commands_in.send(Input::Ended);
        });
        let (shared, runtime) = (self.clone(), Handle::current());
        let started = std::thread::Builder::new()
            .name(format!("room-{room}"))
            .spawn(move || Engine::new(room, shared, runtime, sender, events).run(&inputs));
        if let Err(error) = started {
            // The inbox is gone with the closure: the room hears that its commands go nowhere.
            tracing::error!(%room, %error, "no thread for a room's media");
        }
        commands
    }
}

impl Engine {
    fn new(
        room: RoomId,
        shared: Media,
        runtime: Handle,
        inbox: inbox::Sender<Input>,
        events: mpsc::Sender<MediaEvent>,
    ) -> Self {
        let mix_peer = PeerId(NEXT_MIX.fetch_add(1, Ordering::Relaxed));
        let to_engine = inbox.clone();
        let on_event = Box::new(move |event| drop(to_engine.send(Input::Net(mix_peer, event))));
        shared.net.add_publisher(mix_peer, &format!("mix-{room}"), &bridge::MIX_TRACKS, on_event);
        let bridge = Arc::new(Bridge::new(shared.net.clone(), mix_peer));
        let (to_room, mut from_mix) = mpsc::unbounded_channel();
        let room_events = events.clone();
        runtime.spawn(async move {
            while let Some(event) = from_mix.recv().await {
                // A room that is gone wants to hear nothing.
                let _ = room_events.send(event).await;
            }
        });
        let mix = Mix::with_targets(room, shared.templates.clone(), bridge.clone(), to_room, shared.targets);
        let levels_told = Instant::now();
        let (members, levels) = (HashMap::new(), Vec::new());
        Self { shared, runtime, inbox, events, members, mix, mix_peer, bridge, levels, levels_due: None, levels_told }
    }

    fn run(mut self, inputs: &inbox::Receiver<Input>) {
        loop {
            let input = match self.levels_due {
                None => inputs.recv().map_err(|_| RecvTimeoutError::Disconnected),
                Some(due) => inputs.recv_timeout(due.saturating_duration_since(Instant::now())),
            };
            match input {
                Ok(Input::Ended) | Err(RecvTimeoutError::Disconnected) => break,
                Ok(input) => self.handle(input),
                Err(RecvTimeoutError::Timeout) => self.tell_levels(),
            }
        }
        // The room stops its outputs before it goes; whatever still runs is finished all the same.
        self.runtime.block_on(self.mix.finish(FINISH));
        let peers: Vec<PeerId> = self.members.keys().copied().collect();
        peers.into_iter().for_each(|peer| self.close(peer));
        self.shared.net.remove_peer(self.mix_peer);
    }

    fn handle(&mut self, input: Input) {
        match input {
            Input::Command(command) => self.obey(command),
            Input::Opened(peer, outcome) => self.opened(peer, outcome),
            Input::Net(peer, event) if peer == self.mix_peer => self.mix_wanted(&event),
            Input::Net(peer, event) => self.net_event(peer, event),
            Input::Session(peer, SessionEvent::Connected) => self.connected(peer),
            Input::Session(peer, SessionEvent::Broken(cause)) => self.lost(peer, cause),
            Input::Ended => {}
        }
    }

    fn obey(&mut self, command: MediaCommand) {
        match command {
            MediaCommand::Open { peer, participant, kind, offer } => {
                self.members.insert(peer, Member::Opening);
                let request = OpenRequest {
                    peer,
                    cname: participant.to_string(),
                    kind,
                    offer,
                    net: self.shared.net.clone(),
                    inbox: self.inbox.clone(),
                };
                self.runtime.spawn_blocking(move || opening::open(&request));
            }
            MediaCommand::Close { peer } => self.close(peer),
            MediaCommand::Assign { viewer, slots } => self.assign(viewer, &slots),
            MediaCommand::Aim { viewer, bitrate } => self.shared.net.aim(viewer, bitrate),
            MediaCommand::Silence { track, silenced } => self.shared.net.silence(track, silenced),
            MediaCommand::Compose(scene) => self.mix.compose(scene),
            MediaCommand::Still(size) => self.mix.still(size),
            MediaCommand::Start { output, job: OutputJob::Hls { folder, window } } => {
                self.mix.start(output, OutputJob::Hls { folder: self.shared.segments.join(folder), window });
            }
            MediaCommand::Start { output, job } => self.mix.start(output, job),
            MediaCommand::KeepTracks { output, tracks } => self.mix.keep_tracks(output, tracks),
            MediaCommand::Pause { output, paused } => self.mix.pause(output, paused),
            MediaCommand::Stop { output } => self.mix.stop(output),
        }
    }

    fn opened(&mut self, peer: PeerId, outcome: Result<Opened, String>) {
        match (self.members.get_mut(&peer), outcome) {
            (Some(member), Ok(opened)) => {
                self.bridge.add_tracks(peer, &opened.media);
                let (slots, sources) = summary(&opened.media);
                *member = Member::Open { session: opened.session, connected: false };
                self.tell(MediaEvent::Answered { peer, sdp: opened.answer, slots, sources });
            }
            (Some(_), Err(problem)) => {
                self.members.remove(&peer);
                self.tell(MediaEvent::Refused { peer, problem });
            }
            // Closed while it was being opened.
            (None, Ok(opened)) => self.end(peer, opened.session),
            (None, Err(_)) => {}
        }
    }

    fn net_event(&mut self, peer: PeerId, event: NetEvent) {
        let Some(Member::Open { session, .. }) = self.members.get(&peer) else { return };
        match event {
            NetEvent::PathFound => session.link().connected(),
            NetEvent::Dtls(record) => session.link().receive_dtls(&record),
            NetEvent::Silent => self.lost(peer, "its client went silent".into()),
            NetEvent::TrackStarted(source) => self.tell(MediaEvent::TrackStarted { track: TrackId { peer, source } }),
            NetEvent::Level(level) => self.heard(Level { peer, level }),
            NetEvent::Line { estimate, needed } => {
                tracing::debug!(%peer, estimate, needed, "a viewer's line");
                self.tell(MediaEvent::Line { peer, estimate, needed });
            }
            NetEvent::Watched { source, layers, height } => {
                self.tell(MediaEvent::Watched { track: TrackId { peer, source }, layers, height });
            }
            NetEvent::KeyFrameWanted(_) => {}
        }
    }

    fn mix_wanted(&self, event: &NetEvent) {
        if let NetEvent::KeyFrameWanted(source) = event {
            self.mix.key_frame(bridge::feed(*source));
        }
    }

    fn connected(&mut self, peer: PeerId) {
        let Some(Member::Open { session, connected }) = self.members.get_mut(&peer) else { return };
        if std::mem::replace(connected, true) {
            return;
        }
        match session.keys() {
            Ok(keys) => {
                self.shared.net.set_keys(peer, keys);
                self.tell(MediaEvent::Connected { peer });
            }
            Err(error) => self.lost(peer, error.to_string()),
        }
    }

    fn lost(&mut self, peer: PeerId, cause: String) {
        if self.members.contains_key(&peer) {
            self.close(peer);
            self.tell(MediaEvent::Lost { peer, cause });
        }
    }

    fn close(&mut self, peer: PeerId) {
        self.bridge.remove_tracks(peer);
        self.bridge.forget_viewer(peer);
        self.watch_demand();
        if let Some(Member::Open { session, .. }) = self.members.remove(&peer) {
            self.end(peer, session);
        }
    }

    /// Setting a pipeline to NULL takes some ten milliseconds: not on this thread.
    fn end(&self, peer: PeerId, session: Session) {
        let net = self.shared.net.clone();
        self.runtime.spawn_blocking(move || {
            drop(session);
            net.remove_peer(peer);
        });
    }

    fn assign(&mut self, viewer: PeerId, slots: &[Assignment]) {
        for assignment in slots {
            let feed = self.bridge.assign(viewer, assignment);
            let (slot, height, priority) = (assignment.slot, assignment.height, assignment.priority);
            self.shared.net.assign(viewer, slot, View { feed, height, priority });
        }
        self.watch_demand();
    }

    /// Wakes and ends the mix's renditions for viewers.
    fn watch_demand(&self) {
        for (rendition, wanted) in self.bridge.demand() {
            self.mix.watch(rendition, wanted);
        }
    }

    fn heard(&mut self, level: Level) {
        match self.levels.iter_mut().find(|known| known.peer == level.peer) {
            Some(known) => known.level = known.level.min(level.level),
            None => self.levels.push(level),
        }
        if self.levels_told.elapsed() >= LEVELS {
            self.tell_levels();
        } else {
            self.levels_due.get_or_insert(self.levels_told + LEVELS);
        }
    }

    fn tell_levels(&mut self) {
        self.levels_due = None;
        self.levels_told = Instant::now();
        let levels = std::mem::take(&mut self.levels);
        if !levels.is_empty() {
            self.tell(MediaEvent::Levels(levels));
        }
    }

    fn tell(&self, event: MediaEvent) {
        // The room is going away: `Ended` follows.
        let _ = self.events.blocking_send(event);
    }
}

/// What the room needs to know of a session: its slots, and the sources it has sections for.
fn summary(media: &PeerMedia) -> (Vec<SlotInfo>, Vec<Source>) {
    let slots = media.slots.iter().map(|slot| SlotInfo {
        mid: slot.mid.clone(),
        kind: slot.kind,
        h264: slot.codecs.iter().any(|codec| codec.name == CodecName::H264),
    });
    (slots.collect(), media.receives.iter().map(|receive| receive.source).collect())
}
