//! What must hold for every room, tried with random ones.

#![allow(clippy::unwrap_used, clippy::panic)] // Helpers of tests fail like tests.

use std::collections::{HashMap, HashSet};
use std::time::Duration;

use proptest::prelude::*;
use veranda::domain::ids::{MediaKind, ParticipantId, PeerId, Priority, Source, TrackId};
use veranda::domain::layout::{Item, arrange};
use veranda::domain::media::{Assignment, Feed, Level, MediaCommand, MediaEvent, Rect, SlotInfo};
use veranda::domain::output::StreamUrl;
use veranda::domain::participant::Join;
use veranda::domain::room::{Act, Caller, ConnectionId, Effect, Input, RequestId, Room, Settings};
use veranda::domain::slots::{self, Slot, Want, WantedTile};
use veranda::domain::words::{Activity, Layout, MediaState, ParticipantKind, Rules, ViewChoice};
use veranda::protocol::client::ClientFrame;

fn layouts() -> impl Strategy<Value = Layout> {
    prop_oneof![Just(Layout::Auto), Just(Layout::Grid), Just(Layout::Speaker), Just(Layout::Stage)]
}

fn overlap(a: Rect, b: Rect) -> bool {
    a.x < b.x + b.width && b.x < a.x + a.width && a.y < b.y + b.height && b.y < a.y + a.height
}

proptest! {
    #[test]
    fn tiles_never_overlap_and_stay_inside(
        layout in layouts(),
        (width, height) in prop_oneof![Just((1280, 720)), Just((1920, 1080)), Just((640, 360)), Just((720, 1280))],
        items in prop::collection::vec((prop::bool::weighted(0.1), any::<bool>()), 0..=49),
    ) {
        let items: Vec<Item> = items.into_iter().map(|(screen, focus)| Item { screen, focus }).collect();
        let tiles = arrange(layout, width, height, &items);
        prop_assert_eq!(tiles.len(), items.len());
        for (at, tile) in tiles.iter().enumerate() {
            prop_assert!(tile.width >= 16 && tile.height >= 8, "{:?} of {}", tile, tiles.len());
            prop_assert!(tile.x + tile.width <= width && tile.y + tile.height <= height, "{:?}", tile);
            prop_assert_eq!([tile.x, tile.y, tile.width, tile.height].map(|number| number % 2), [0; 4]);
            for other in &tiles[at + 1..] {
                prop_assert!(!overlap(*tile, *other), "{:?} and {:?}", tile, other);
            }
        }
    }

    #[test]
    fn a_slot_changes_only_when_it_must(
        slots in 1..12_usize,
        rounds in prop::collection::vec(prop::collection::hash_set(0..20_u64, 0..15), 1..8),
    ) {
        let info = SlotInfo { mid: String::new(), kind: MediaKind::Video, h264: false };
        let mut filled = vec![Slot::new(info); slots];
        for wanted in rounds {
            let feed = |peer: &u64| Feed::Track(TrackId { peer: PeerId(*peer), source: Source::Camera });
            let wants: Vec<Want> = wanted.iter().map(|peer| Want { feed: feed(peer), height: 180, priority: Priority::Other }).collect();
            let served: HashSet<Feed> = wants.iter().take(slots).map(|want| want.feed).collect();
            let before: Vec<Option<Feed>> = filled.iter().map(|slot| slot.feed).collect();
            let changes = slots::fill(&mut filled, MediaKind::Video, &wants);
            let after: Vec<Option<Feed>> = filled.iter().map(|slot| slot.feed).collect();

            let shown: Vec<Feed> = after.iter().flatten().copied().collect();
            prop_assert_eq!(shown.iter().copied().collect::<HashSet<_>>(), served, "exactly what is wanted");
            for (old, new) in before.iter().zip(&after) {
                prop_assert!(old.is_none_or(|old| !shown.contains(&old)) || old == new, "a wanted one moved");
            }
            // Each newcomer costs one change, each slot emptied for good one more.
            let newcomers = shown.iter().filter(|feed| !before.contains(&Some(**feed))).count();
            let gone = before.iter().flatten().filter(|feed| !shown.contains(feed)).count();
            prop_assert_eq!(changes.len(), newcomers.max(gone));
        }
    }

    #[test]
    fn a_stream_address_never_shows_its_key(
        host in "[a-z]{1,10}(\\.[a-z]{2,3})?(:[1-9][0-9]{0,3})?",
        application in "(/[a-z0-9]{1,8}){1,3}",
        key in "[A-Z]{8,20}",
        query in "(\\?[A-Z]{8,20}=[A-Z]{8,20})?",
        slash in "/{0,2}",
    ) {
        let url = StreamUrl::parse(&format!("rtmp://{host}{application}/{key}{slash}{query}"));
        let told = url.map(|url| url.without_key()).unwrap();
        prop_assert_eq!(told, format!("rtmp://{host}{application}/…"));
    }

    #[test]
    fn no_frame_breaks_the_reader_of_messages(
        kind in "join|media|view|act|offer|set_role|mute|start_recording|start_stream|change_room|[a-z_]{0,8}",
        fields in prop::collection::vec(("[a-z_]{1,9}|role|name|tiles|sdp|request", "null|true|-?[0-9]{1,22}|\"[ -!#-\\[\\]-~]{0,9}\"|\\[\\]|\\{\\}"), 0..5),
        cut in 0..400_usize,
    ) {
        let fields: String = fields.iter().map(|(name, value)| format!(",\"{name}\":{value}")).collect();
        let text = format!("{{\"type\":\"{kind}\"{fields}}}");
        let _ = serde_json::from_str::<ClientFrame>(&text);
        prop_assert!(serde_json::from_str::<ClientFrame>(&text[..cut % text.len()]).is_err(), "half a frame is none");
    }

    #[test]
    fn no_text_breaks_the_reader_of_addresses(text in ".{0,80}", scheme in "(rtmps?://)?") {
        if let Ok(url) = StreamUrl::parse(&(scheme + &text)) {
            prop_assert!(!url.host().contains('@') && url.without_key().ends_with('…'));
        }
    }
}

/// Something that happens in a room of a few people.
#[derive(Debug, Clone)]
enum Step {
    Join(u64, MediaState),
    Leave(u64),
    Connect(u64, usize, usize),
    Flow(u64, usize),
    Media(u64, MediaState),
    View(u64, ViewChoice, Vec<(u64, bool, u16, bool)>),
    Speak(u64, u8),
    Mute(u64, bool),
    Break(u64),
    Wait(u16),
}

fn media() -> impl Strategy<Value = MediaState> {
    any::<[bool; 4]>().prop_map(|[microphone, camera, screen, screen_sound]| MediaState {
        microphone,
        camera,
        screen,
        screen_sound,
    })
}

fn steps() -> impl Strategy<Value = Step> {
    let who = || 0..7_u64;
    let mode = prop_oneof![3 => Just(ViewChoice::Tiles), 1 => Just(ViewChoice::Mix)];
    let tile = (who(), any::<bool>(), prop_oneof![Just(0_u16), 90..1080_u16], any::<bool>());
    prop_oneof![
        3 => (who(), media()).prop_map(|(who, media)| Step::Join(who, media)),
        1 => who().prop_map(Step::Leave),
        4 => (who(), 0..4_usize, 0..5_usize).prop_map(|(who, audio, video)| Step::Connect(who, audio, video)),
        8 => (who(), 0..4_usize).prop_map(|(who, source)| Step::Flow(who, source)),
        3 => (who(), media()).prop_map(|(who, media)| Step::Media(who, media)),
        3 => (who(), mode, prop::collection::vec(tile, 0..6)).prop_map(|(who, mode, tiles)| Step::View(who, mode, tiles)),
        8 => (who(), 0..70_u8).prop_map(|(who, level)| Step::Speak(who, level)),
        1 => (who(), any::<bool>()).prop_map(|(who, muted)| Step::Mute(who, muted)),
        1 => who().prop_map(Step::Break),
        2 => (0..40_000_u16).prop_map(Step::Wait),
    ]
}

/// Plays steps and keeps, as the media side would, what every slot of every session carries.
struct World {
    room: Room,
    now: Duration,
    next: u64,
    /// The person behind a number, while they are here.
    people: HashMap<u64, (ParticipantId, Option<PeerId>)>,
    carried: HashMap<PeerId, Vec<Option<Feed>>>,
    replies: HashSet<RequestId>,
    asked: HashSet<RequestId>,
}

impl World {
    fn new() -> Self {
        let settings = Settings {
            name: "Room".into(),
            activity: Activity::Party,
            invitation: "code".into(),
            max_participants: 50,
            locked: false,
            lobby: false,
            layout: Layout::Grid,
            rules: Rules::default(),
        };
        let room = Room::new(settings);
        let (people, carried, replies, asked) = Default::default();
        Self { room, now: Duration::ZERO, next: 0, people, carried, replies, asked }
    }

    fn number(&mut self) -> u64 {
        self.next += 1;
        self.next
    }

    fn input(&mut self, input: Input) {
        for effect in self.room.handle(self.now, input) {
            match effect {
                Effect::Reply { request, .. } => assert!(self.replies.insert(request), "answered twice"),
                Effect::Media(MediaCommand::Assign { viewer, slots }) => self.assign(viewer, &slots),
                Effect::Media(MediaCommand::Close { peer }) => {
                    self.carried.remove(&peer);
                }
                _ => {}
            }
        }
    }

    fn assign(&mut self, viewer: PeerId, changes: &[Assignment]) {
        let slots = self.carried.get_mut(&viewer).expect("slots are filled only of sessions that are connected");
        let named: HashSet<u16> = changes.iter().map(|change| change.slot.0).collect();
        assert_eq!(named.len(), changes.len(), "a slot is named once");
        for change in changes {
            slots[usize::from(change.slot.0)] = change.feed;
        }
    }

    fn act(&mut self, caller: Caller, act: Act) {
        let request = RequestId(self.number());
        self.asked.insert(request);
        self.input(Input::Act { request, caller, act });
    }

    fn play(&mut self, step: Step) {
        let here = |world: &Self, who: &u64| world.people.get(who).copied();
        match step {
            Step::Join(who, media) => self.join(who, media),
            Step::Leave(who) => {
                if let Some((id, _)) = self.people.remove(&who) {
                    self.act(Caller::Member(id), Act::Leave);
                }
            }
            Step::Connect(who, audio, video) => {
                if let Some((id, _)) = here(self, &who) {
                    self.connect(who, id, audio, video);
                }
            }
            Step::Flow(who, source) => {
                if let Some((_, Some(peer))) = here(self, &who) {
                    let track = TrackId { peer, source: Source::ALL[source] };
                    self.input(Input::Media(MediaEvent::TrackStarted { track }));
                }
            }
            Step::Media(who, media) => {
                if let Some((id, _)) = here(self, &who) {
                    self.act(Caller::Member(id), Act::Media(media));
                }
            }
            Step::View(who, mode, tiles) => {
                if let Some((id, _)) = here(self, &who) {
                    let tiles = tiles.into_iter().filter_map(|tile| self.tile(tile)).collect();
                    self.act(Caller::Member(id), Act::View { mode, tiles });
                }
            }
            Step::Speak(who, level) => {
                if let Some((_, Some(peer))) = here(self, &who) {
                    self.now += Duration::from_millis(100);
                    self.input(Input::Media(MediaEvent::Levels(vec![Level { peer, level }])));
                }
            }
            Step::Mute(who, muted) => {
                if let Some((participant, _)) = here(self, &who) {
                    self.act(Caller::Host, Act::Mute { participant, muted });
                }
            }
            Step::Break(who) => {
                if let Some((id, Some(peer))) = here(self, &who) {
                    self.people.insert(who, (id, None));
                    self.carried.remove(&peer);
                    self.input(Input::Media(MediaEvent::Lost { peer, cause: String::new() }));
                }
            }
            Step::Wait(time) => {
                self.now += Duration::from_millis(time.into());
                self.input(Input::Tick);
            }
        }
    }

    fn join(&mut self, who: u64, media: MediaState) {
        if self.people.contains_key(&who) {
            return;
        }
        let number = self.number();
        let join = Join {
            participant: ParticipantId(number),
            token: format!("token-{number}"),
            connection: ConnectionId(number),
            name: format!("Guest {who}"),
            kind: ParticipantKind::Browser,
            host: false,
            resume: None,
            media,
            view: ViewChoice::Tiles,
            low: false,
        };
        self.people.insert(who, (join.participant, None));
        self.input(Input::Join { request: RequestId(number), join });
    }

    fn connect(&mut self, who: u64, id: ParticipantId, audio: usize, video: usize) {
        let peer = PeerId(self.number());
        self.act(Caller::Member(id), Act::Offer { peer, sdp: String::new() });
        let kinds = [vec![MediaKind::Audio; audio], vec![MediaKind::Video; video]].concat();
        let slot = |(at, kind): (usize, MediaKind)| SlotInfo { mid: at.to_string(), kind, h264: at % 2 == 0 };
        let slots: Vec<_> = kinds.into_iter().enumerate().map(slot).collect();
        let count = slots.len();
        self.input(Input::Media(MediaEvent::Answered {
            peer,
            sdp: String::new(),
            slots,
            sources: Source::ALL.to_vec(),
        }));
        self.carried.insert(peer, vec![None; count]);
        self.input(Input::Media(MediaEvent::Connected { peer }));
        self.people.insert(who, (id, Some(peer)));
    }

    fn tile(&self, (who, screen, height, pinned): (u64, bool, u16, bool)) -> Option<WantedTile> {
        let (participant, _) = *self.people.get(&who)?;
        let source = if screen { Source::Screen } else { Source::Camera };
        Some(WantedTile { participant, source, height, pinned })
    }

    fn check(&self) -> Result<(), TestCaseError> {
        for member in self.room.members() {
            let Some(session) = &member.session else { continue };
            let Some(carried) = self.carried.get(&session.peer) else { continue };
            let told: Vec<_> = session.slots.iter().map(|slot| slot.feed).collect();
            prop_assert_eq!(&told, carried, "the media side was told everything");
            let feeds: Vec<Feed> = carried.iter().flatten().copied().collect();
            prop_assert_eq!(feeds.iter().collect::<HashSet<_>>().len(), feeds.len(), "two slots with the same feed");
            for (slot, feed) in session.slots.iter().zip(carried) {
                let Some(Feed::Track(track)) = feed else { continue };
                prop_assert_eq!(slot.info.kind, track.source.kind());
                let live = |m: &&veranda::domain::participant::Member| m.live_track(track.source) == Some(*track);
                let owner = self.room.members().iter().find(live);
                prop_assert!(owner.is_some_and(|owner| owner.id != member.id), "own or dead track {:?}", track);
            }
        }
        let scene = self.room.scene();
        let known: HashSet<_> = scene.tiles.iter().map(|tile| (tile.participant, tile.source)).collect();
        prop_assert_eq!(known.len(), scene.tiles.len(), "a tile is known by person and source");
        prop_assert!(self.asked.is_subset(&self.replies), "everything asked was answered");
        Ok(())
    }
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 300, ..ProptestConfig::default() })]

    #[test]
    fn nobody_gets_their_own_track_a_dead_one_or_one_twice(steps in prop::collection::vec(steps(), 1..120)) {
        let mut world = World::new();
        for step in steps {
            world.play(step);
            world.check()?;
        }
    }
}
