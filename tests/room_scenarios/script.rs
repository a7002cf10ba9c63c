//! Plays a script against a room and keeps what came out of it.

use std::collections::HashMap;
use std::time::Duration;

use veranda::domain::error::{Reason, Refusal};
use veranda::domain::ids::{MediaKind, OutputId, ParticipantId, PeerId, Source, TrackId};
use veranda::domain::media::{Level, MediaCommand, MediaEvent, Scene, SlotInfo};
use veranda::domain::participant::Join;
use veranda::domain::room::{
    Act, Caller, ConnectionId, Effect, Input, News, Parting, Reply, RequestId, Room, Settings, Shown,
};
use veranda::domain::words::{Activity, Layout, MediaState, ParticipantKind, Rules, ViewChoice};

pub(crate) const ALL_ON: MediaState = MediaState { microphone: true, camera: true, screen: true, screen_sound: true };

pub(crate) struct Script {
    pub(crate) room: Room,
    now: Duration,
    next: u64,
    replies: HashMap<RequestId, Result<Reply, Refusal>>,
    told: Vec<(ConnectionId, News)>,
    pub(crate) closed: Vec<(ConnectionId, Parting)>,
    commands: Vec<MediaCommand>,
    others: Vec<Effect>,
    tokens: HashMap<ParticipantId, (String, ConnectionId)>,
}

impl Script {
    pub(crate) fn new() -> Self {
        Self::with(|_| ())
    }

    pub(crate) fn with(change: impl FnOnce(&mut Settings)) -> Self {
        let mut settings = Settings {
            name: "Room".into(),
            activity: Activity::Work,
            invitation: "first".into(),
            max_participants: 50,
            locked: false,
            lobby: false,
            layout: Layout::Auto,
            rules: Rules::default(),
        };
        change(&mut settings);
        Self {
            room: Room::new(settings),
            now: Duration::from_secs(1),
            next: 0,
            replies: HashMap::new(),
            told: vec![],
            closed: vec![],
            commands: vec![],
            others: vec![],
            tokens: HashMap::new(),
        }
    }

    fn number(&mut self) -> u64 {
        self.next += 1;
        self.next
    }

    pub(crate) fn input(&mut self, input: Input) {
        for effect in self.room.handle(self.now, input) {
            match effect {
                Effect::Tell { to, news } => self.told.extend(to.into_iter().map(|to| (to, news.clone()))),
                Effect::Close { connection, parting } => self.closed.push((connection, parting)),
                Effect::Reply { request, reply } => {
                    assert!(self.replies.insert(request, reply).is_none(), "{request:?} was answered twice");
                }
                Effect::Media(command) => self.commands.push(command),
                other => self.others.push(other),
            }
        }
    }

    /// Lets time pass, with a tick wherever the room asked for one.
    pub(crate) fn wait(&mut self, time: Duration) {
        let end = self.now + time;
        while let Some(at) = self.room.next_timer().filter(|at| *at <= end) {
            self.now = self.now.max(at);
            let before = self.room.next_timer();
            self.input(Input::Tick);
            assert_ne!(self.room.next_timer(), before, "a tick that does not settle its timer spins");
        }
        self.now = end;
    }

    /// A join of a guest in a browser, to be changed by the script.
    pub(crate) fn guest(&mut self, name: &str) -> Join {
        let number = self.number();
        Join {
            participant: ParticipantId(number),
            token: format!("token-{number}"),
            connection: ConnectionId(number),
            name: name.into(),
            kind: ParticipantKind::Browser,
            host: false,
            resume: None,
            media: ALL_ON,
            view: ViewChoice::Tiles,
            low: false,
        }
    }

    pub(crate) fn try_join(&mut self, join: Join) -> Result<ParticipantId, Refusal> {
        let request = RequestId(self.number());
        let (token, connection) = (join.token.clone(), join.connection);
        self.input(Input::Join { request, join });
        match self.replies.remove(&request) {
            Some(Ok(Reply::Joined(id))) => {
                let token = self.tokens.get(&id).map_or(token, |(token, _)| token.clone());
                self.tokens.insert(id, (token, connection));
                Ok(id)
            }
            Some(Err(refusal)) => Err(refusal),
            other => panic!("{other:?}"),
        }
    }

    pub(crate) fn join(&mut self, name: &str) -> ParticipantId {
        let join = self.guest(name);
        self.try_join(join).unwrap()
    }

    pub(crate) fn host(&mut self, name: &str) -> ParticipantId {
        let mut join = self.guest(name);
        join.host = true;
        self.try_join(join).unwrap()
    }

    pub(crate) fn token(&self, id: ParticipantId) -> String {
        self.tokens[&id].0.clone()
    }

    pub(crate) fn connection(&self, id: ParticipantId) -> ConnectionId {
        self.tokens[&id].1
    }

    pub(crate) fn begin(&mut self, caller: Caller, act: Act) -> RequestId {
        let request = RequestId(self.number());
        self.input(Input::Act { request, caller, act });
        request
    }

    pub(crate) fn reply(&mut self, request: RequestId) -> Option<Result<Reply, Refusal>> {
        self.replies.remove(&request)
    }

    pub(crate) fn act(&mut self, who: ParticipantId, act: Act) -> Result<Reply, Refusal> {
        let request = self.begin(Caller::Member(who), act);
        self.reply(request).expect("an answer at once")
    }

    pub(crate) fn api(&mut self, act: Act) -> Result<Reply, Refusal> {
        let request = self.begin(Caller::Host, act);
        self.reply(request).expect("an answer at once")
    }

    pub(crate) fn media(&mut self, event: MediaEvent) {
        self.input(Input::Media(event));
    }

    pub(crate) fn offer(&mut self, who: ParticipantId) -> (PeerId, RequestId) {
        let peer = PeerId(self.number());
        (peer, self.begin(Caller::Member(who), Act::Offer { peer, sdp: "offer".into() }))
    }

    pub(crate) fn answer(&mut self, peer: PeerId, audio: usize, video: usize) {
        let kinds = [vec![MediaKind::Audio; audio], vec![MediaKind::Video; video]].concat();
        let slot = |(at, kind)| SlotInfo { mid: format!("{at}"), kind, h264: false };
        let slots = kinds.into_iter().enumerate().map(slot).collect();
        self.media(MediaEvent::Answered { peer, sdp: "answer".into(), slots, sources: Source::ALL.to_vec() });
    }

    /// A whole media session with so many slots.
    pub(crate) fn connect(&mut self, who: ParticipantId, audio: usize, video: usize) -> PeerId {
        let (peer, request) = self.offer(who);
        self.answer(peer, audio, video);
        assert_eq!(self.reply(request), Some(Ok(Reply::Answer("answer".into()))));
        self.media(MediaEvent::Connected { peer });
        peer
    }

    /// A browser with 3 audio and 9 video slots, camera and microphone flowing.
    pub(crate) fn browser(&mut self, name: &str) -> (ParticipantId, PeerId) {
        let mut join = self.guest(name);
        (join.media.screen, join.media.screen_sound) = (false, false);
        let id = self.try_join(join).unwrap();
        let peer = self.connect(id, 3, 9);
        self.flows(peer, &[Source::Microphone, Source::Camera]);
        (id, peer)
    }

    pub(crate) fn flows(&mut self, peer: PeerId, sources: &[Source]) {
        for source in sources {
            self.media(MediaEvent::TrackStarted { track: TrackId { peer, source: *source } });
        }
    }

    /// So long somebody is heard at a normal voice.
    pub(crate) fn speak(&mut self, peer: PeerId, time: Duration) {
        for _ in 0..time.as_millis() / 100 {
            self.media(MediaEvent::Levels(vec![Level { peer, level: 25 }]));
            self.wait(Duration::from_millis(100));
        }
    }

    /// What somebody was told since the last call.
    pub(crate) fn told(&mut self, who: ParticipantId) -> Vec<News> {
        let connection = self.connection(who);
        let (theirs, rest) = std::mem::take(&mut self.told).into_iter().partition(|(to, _)| *to == connection);
        self.told = rest;
        let theirs: Vec<(ConnectionId, News)> = theirs;
        theirs.into_iter().map(|(_, news)| news).collect()
    }

    /// What the slots of somebody were said to show since the last call.
    pub(crate) fn slots(&mut self, who: ParticipantId) -> Vec<(String, Option<Shown>)> {
        let slots = self.told(who).into_iter().filter_map(|news| match news {
            News::Slots(slots) => Some(slots),
            _ => None,
        });
        slots.flatten().collect()
    }

    /// What was asked of the media side since the last call, scenes left out.
    pub(crate) fn commands(&mut self) -> Vec<MediaCommand> {
        let commands = std::mem::take(&mut self.commands).into_iter();
        commands.filter(|command| !matches!(command, MediaCommand::Compose(_))).collect()
    }

    /// The other effects since the last call: saving and the like.
    /// With what is to be shown among them.
    pub(crate) fn all_commands(&mut self) -> Vec<MediaCommand> {
        std::mem::take(&mut self.commands)
    }

    pub(crate) fn others(&mut self) -> Vec<Effect> {
        std::mem::take(&mut self.others)
    }

    pub(crate) fn forget(&mut self) {
        (self.told, self.commands, self.others, self.closed) = (vec![], vec![], vec![], vec![]);
    }

    pub(crate) fn scene(&self) -> &Scene {
        self.room.scene()
    }

    pub(crate) fn output(&mut self) -> OutputId {
        OutputId(self.number())
    }
}

pub(crate) fn reason<T>(result: Result<T, Refusal>) -> Option<Reason> {
    result.err().map(|refusal| refusal.reason)
}

pub(crate) fn seconds(seconds: u64) -> Duration {
    Duration::from_secs(seconds)
}
