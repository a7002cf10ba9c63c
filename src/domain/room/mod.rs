//! A room: who is in it, who may do what, who sees whom. [`Room::handle`] takes one [`Input`] and gives the
//! [`Effect`]s that carry out what follows; nothing else goes in or out.
//!
//! - `join`: the door: names, lock, lobby, coming back, leaving
//! - `host`: what hosts do
//! - `line`: what viewers' lines carry
//! - `session`: media sessions and their tracks
//! - `outputs`: recordings and streams
//! - `stills`: single pictures of the mix
//! - `together`: chat, reactions, hands
//! - `settle`: after every input: slots, scene, who speaks

mod host;
mod join;
mod line;
mod outputs;
mod parting;
mod session;
mod settle;
mod stills;
mod together;
mod words;

use std::collections::VecDeque;
use std::time::Duration;

use super::canvas::Canvas;
use super::disk::Disk;
use super::error::{Reason, Refusal};
use super::ids::{OutputId, ParticipantId};
use super::media::{MediaCommand, MediaEvent, Scene};
use super::output::{Recording, Stream};
use super::participant::{Join, Member};
use super::speaker::Speakers;
use super::talk::Log;
use super::target::Targets;
use super::words::{Activity, Layout, ParticipantKind, Role, Rules};

pub use parting::Parting;
pub use words::{Act, Caller, ConnectionId, Effect, Input, News, Reply, RequestId, Shown};

/// A place is kept this long for somebody whose connection broke.
pub const PLACE_KEPT: Duration = Duration::from_secs(30);
/// The media side has this long to answer an offer.
pub const ANSWER_LIMIT: Duration = Duration::from_secs(10);
/// Recordings and streams of a room that nobody is in end after this time: a forgotten one fills the disk.
pub const EMPTY_LIMIT: Duration = Duration::from_secs(600);

/// What hosts can change.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Settings {
    /// Its name.
    pub name: String,
    /// Its theme.
    pub activity: Activity,
    /// The present invitation's code.
    pub invitation: String,
    /// How many it holds.
    pub max_participants: u32,
    /// Nobody new comes in.
    pub locked: bool,
    /// Hosts let people in one by one.
    pub lobby: bool,
    /// The layout of the mix.
    pub layout: Layout,
    /// What guests may do.
    pub rules: Rules,
}

/// How far a room is. Moves only forward.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Phase {
    Open,
    /// Everybody was told; what remains are recordings being finished.
    Ending(Reason),
}

/// One room.
#[derive(Debug)]
pub struct Room {
    settings: Settings,
    phase: Phase,
    /// In order of arrival.
    members: Vec<Member>,
    /// At the door, longest first.
    waiting: Vec<Join>,
    /// Resume tokens of those who were removed, oldest first.
    removed: VecDeque<String>,
    recordings: Vec<Recording>,
    streams: Vec<Stream>,
    chat: Log,
    next_hand: u32,
    speakers: Speakers,
    told_speaking: Vec<ParticipantId>,
    told_at: Option<Duration>,
    scene: Scene,
    /// What the mix is drawn on, and what it is when nobody asked for anything else.
    canvas: Canvas,
    usual_canvas: Canvas,
    /// Where streams may go.
    targets: Targets,
    stills: stills::Stills,
    empty_since: Option<Duration>,
    /// Nearly full.
    disk: Option<Disk>,
    /// Of the input being handled.
    now: Duration,
    /// Gathered while an input is handled.
    effects: Vec<Effect>,
}

impl Room {
    /// An empty room.
    pub fn new(settings: Settings) -> Self {
        Self {
            settings,
            phase: Phase::Open,
            members: Vec::new(),
            waiting: Vec::new(),
            removed: VecDeque::new(),
            recordings: Vec::new(),
            streams: Vec::new(),
            chat: Log::default(),
            next_hand: 0,
            speakers: Speakers::default(),
            told_speaking: Vec::new(),
            told_at: None,
            scene: Scene::default(),
            canvas: Canvas::default(),
            usual_canvas: Canvas::default(),
            targets: Targets::Any,
            stills: stills::Stills::default(),
            empty_since: None,
            disk: None,
            now: Duration::ZERO,
            effects: Vec::new(),
        }
    }

    /// With another picture than 1280x720 where nobody asks for one.
    pub fn with_canvas(self, canvas: Canvas) -> Self {
        Self { canvas, usual_canvas: canvas, scene: Scene { canvas, ..self.scene }, ..self }
    }

    /// With a word on where its streams may go.
    pub fn with_targets(self, targets: Targets) -> Self {
        Self { targets, ..self }
    }

    /// Everything that can happen to a room. `now` never goes back; its origin is the caller's.
    pub fn handle(&mut self, now: Duration, input: Input) -> Vec<Effect> {
        self.now = now;
        let order = self.speakers.version();
        let only_levels = matches!(input, Input::Media(MediaEvent::Levels(_)));
        match input {
            Input::Join { request, join } => self.on_join(request, join),
            Input::Act { request, caller, act } => self.on_act(request, caller, act),
            Input::Disconnected(connection) => self.on_disconnected(connection),
            Input::Media(event) => self.on_media(event),
            Input::MediaGone => self.on_media_gone(),
            Input::Prepared { output, path } => self.on_prepared(output, path),
            Input::Disk(disk) => self.on_disk(disk),
            Input::Shutdown => self.close(Reason::Unavailable, Parting::Shutdown),
            Input::Tick => {}
        }
        self.on_time();
        // Levels come many times a second and mostly change nothing.
        if !only_levels || self.speakers.version() != order {
            self.settle_slots();
            self.settle_scene();
            self.settle_own_media();
        }
        self.settle_timelines();
        self.settle_speaking();
        std::mem::take(&mut self.effects)
    }

    /// When to send the next [`Input::Tick`].
    pub fn next_timer(&self) -> Option<Duration> {
        let places = self.members.iter().filter_map(|member| member.away_since).map(|since| since + PLACE_KEPT);
        let answers = self.members.iter().filter_map(session::deadline);
        let empty = self.empty_since.map(|since| since + EMPTY_LIMIT);
        let lines = self.members.iter().filter_map(|member| member.line.next_timer());
        places
            .chain(answers)
            .chain(empty)
            .chain(lines)
            .chain(self.stills.next_timer())
            .chain(self.speaking_timer())
            .min()
    }

    /// What hosts can change.
    pub fn settings(&self) -> &Settings {
        &self.settings
    }

    /// Everybody in the room, in order of arrival.
    pub fn members(&self) -> &[Member] {
        &self.members
    }

    /// Somebody in the room.
    pub fn member(&self, id: ParticipantId) -> Option<&Member> {
        self.members.iter().find(|member| member.id == id)
    }

    /// Everybody at the door, longest first.
    pub fn waiting(&self) -> impl Iterator<Item = (ParticipantId, &str)> {
        self.waiting.iter().map(|join| (join.participant, join.name.as_str()))
    }

    /// Recordings since the room was opened, oldest first.
    pub fn recordings(&self) -> &[Recording] {
        &self.recordings
    }

    /// One of them.
    pub fn recording(&self, id: OutputId) -> Option<&Recording> {
        self.recordings.iter().find(|recording| recording.id == id)
    }

    /// Streams since the room was opened, oldest first.
    pub fn streams(&self) -> &[Stream] {
        &self.streams
    }

    /// One of them.
    pub fn stream(&self, id: OutputId) -> Option<&Stream> {
        self.streams.iter().find(|stream| stream.id == id)
    }

    /// What was written, as far as it is kept.
    pub fn chat(&self) -> &Log {
        &self.chat
    }

    /// What the mix shows: the last [`MediaCommand::Compose`].
    pub fn scene(&self) -> &Scene {
        &self.scene
    }

    /// Whether anything needs the room's media side.
    pub fn needs_media(&self) -> bool {
        !self.members.is_empty() || self.outputs_run()
    }

    /// A host ended it for good, whatever is still being finished.
    pub fn has_ended(&self) -> bool {
        matches!(self.phase, Phase::Ending(Reason::Gone))
    }

    /// Nothing will happen here any more.
    pub fn is_over(&self) -> bool {
        self.phase != Phase::Open && !self.outputs_run()
    }

    fn on_act(&mut self, request: RequestId, caller: Caller, act: Act) {
        let done = self.check_open().and_then(|()| self.act(request, caller, act));
        match done {
            Ok(Some(reply)) => self.reply(request, Ok(reply)),
            // Answered later: an offer.
            Ok(None) => {}
            Err(refusal) => self.reply(request, Err(refusal)),
        }
    }

    fn act(&mut self, request: RequestId, caller: Caller, act: Act) -> Result<Option<Reply>, Refusal> {
        let done = match act {
            Act::Offer { peer, sdp } => {
                return self.offer(request, self.sender(caller)?, peer, sdp).map(|()| None);
            }
            Act::Media(media) => self.set_media(self.sender(caller)?, media),
            Act::View { mode, tiles } => self.set_view(self.sender(caller)?, mode, tiles),
            Act::Chat { text } => self.write(self.sender(caller)?, &text),
            Act::React(reaction) => self.react(self.sender(caller)?, reaction),
            Act::RaiseHand(raised) => self.raise_hand(self.sender(caller)?, raised),
            Act::Leave => self.leave(caller),
            Act::DeleteRecording { output } => {
                self.check_host(caller)?;
                return self.delete_recording(request, output).map(|()| None);
            }
            Act::Snapshot => {
                self.check_host(caller)?;
                return self.snapshot(request);
            }
            act => {
                self.check_host(caller)?;
                return self.act_as_host(act).map(Some);
            }
        };
        done.map(|()| Some(Reply::Done))
    }

    /// The member who asks for something of their own.
    fn sender(&self, caller: Caller) -> Result<usize, Refusal> {
        let Caller::Member(id) = caller else {
            return Err(Refusal::new(Reason::Forbidden, "only somebody in the room can do this"));
        };
        if self.waiting.iter().any(|join| join.participant == id) {
            return Err(Refusal::new(Reason::Conflict, "wait until a host lets you in"));
        }
        self.position(id).ok_or_else(|| Refusal::new(Reason::Gone, "you are no longer in this room; join again"))
    }

    fn check_host(&self, caller: Caller) -> Result<(), Refusal> {
        let is_host = match caller {
            Caller::Host => true,
            Caller::Member(id) => self.member(id).is_some_and(|member| member.role == Role::Host),
        };
        is_host.then_some(()).ok_or_else(|| Refusal::new(Reason::Forbidden, "only a host can do this"))
    }

    fn check_open(&self) -> Result<(), Refusal> {
        match self.phase {
            Phase::Open => Ok(()),
            Phase::Ending(Reason::Gone) => Err(Refusal::new(Reason::Gone, "this room has ended")),
            Phase::Ending(reason) => Err(Refusal::new(reason, "the server is closing; try again in a moment")),
        }
    }

    fn on_time(&mut self) {
        self.drop_unanswered();
        self.drop_unreturned();
        self.end_forgotten_outputs();
        self.speakers.expire(self.now);
        self.settle_lines();
        self.settle_stills();
    }

    /// Everybody goes; streams end, recordings are finished.
    fn close(&mut self, reason: Reason, parting: Parting) {
        if self.phase != Phase::Open {
            return;
        }
        self.phase = Phase::Ending(reason);
        for join in std::mem::take(&mut self.waiting) {
            self.effects.push(Effect::Close { connection: join.connection, parting });
        }
        // Everybody first, then their places: nobody is told of the others who go as well.
        for connection in self.members.iter_mut().filter_map(|member| member.connection.take()) {
            self.effects.push(Effect::Close { connection, parting });
        }
        while let Some(id) = self.members.last().map(|member| member.id) {
            self.remove_member(id, parting);
        }
        self.stop_all_outputs();
        if reason == Reason::Gone {
            self.effects.push(Effect::Ended);
        }
    }

    fn position(&self, id: ParticipantId) -> Option<usize> {
        self.members.iter().position(|member| member.id == id)
    }

    fn reply(&mut self, request: RequestId, reply: Result<Reply, Refusal>) {
        self.effects.push(Effect::Reply { request, reply });
    }

    fn command(&mut self, command: MediaCommand) {
        self.effects.push(Effect::Media(command));
    }

    /// Tells one member, if connected. The standard doors have no ears for the room's small talk.
    fn tell(&mut self, id: ParticipantId, news: News) {
        let hears = |member: &&Member| member.id == id && member.kind == ParticipantKind::Browser;
        if let Some(connection) = self.members.iter().find(hears).and_then(|member| member.connection) {
            self.effects.push(Effect::Tell { to: vec![connection], news });
        }
    }

    /// Tells every browser for which `to` holds.
    fn tell_those(&mut self, to: impl Fn(&Member) -> bool, news: News) {
        let hears = |member: &&Member| member.kind == ParticipantKind::Browser && to(member);
        let to: Vec<_> = self.members.iter().filter(hears).filter_map(|member| member.connection).collect();
        if !to.is_empty() {
            self.effects.push(Effect::Tell { to, news });
        }
    }

    fn tell_all(&mut self, news: News) {
        self.tell_those(|_| true, news);
    }

    fn tell_hosts(&mut self, news: News) {
        self.tell_those(|member| member.role == Role::Host, news);
    }

    /// The room changed; hosts hear more of its streams than guests.
    fn tell_room(&mut self) {
        self.tell_hosts(News::Room { for_hosts: true });
        self.tell_those(|member| member.role != Role::Host, News::Room { for_hosts: false });
    }
}
