//! Media sessions, who is in whose slots, who speaks, what the mix shows.

use std::time::Duration;

use veranda::domain::error::Reason;
use veranda::domain::ids::{ParticipantId, PeerId, Source, TrackId};
use veranda::domain::media::{Feed, MediaCommand, MediaEvent, PeerKind, Rendition, SlotInfo, StillSize};
use veranda::domain::room::{Act, Input, News, Parting, Shown};
use veranda::domain::slots::WantedTile;
use veranda::domain::thin::Pictures;
use veranda::domain::words::{MediaState, ParticipantKind, ViewChoice};

use crate::script::{ALL_ON, Script, reason, seconds};

fn shows(mid: &str, who: ParticipantId, source: Source) -> (String, Option<Shown>) {
    (mid.into(), Some(Shown::Track(who, source)))
}

#[test]
fn two_people_see_and_hear_each_other_and_never_themselves() {
    let mut s = Script::new();
    let (anna, _) = s.browser("Anna");
    assert_eq!(s.slots(anna), [], "alone");
    let (ben, _) = s.browser("Ben");
    let news = s.slots(anna);
    assert_eq!(news, [shows("0", ben, Source::Microphone), shows("3", ben, Source::Camera)]);
    assert_eq!(s.slots(ben), [shows("3", anna, Source::Camera), shows("0", anna, Source::Microphone)]);
    let voices: Vec<_> = s.scene().voices.iter().map(|voice| voice.source).collect();
    assert_eq!((s.scene().tiles.len(), voices), (2, vec![Source::Microphone; 2]));
}

#[test]
fn only_what_is_on_is_sent() {
    let mut s = Script::new();
    let (anna, _) = s.browser("Anna");
    let (ben, peer) = s.browser("Ben");
    s.forget();
    let audio_only = MediaState { microphone: true, ..MediaState::default() };
    assert!(s.act(ben, Act::Media(audio_only)).is_ok());
    assert_eq!(s.slots(anna), [("3".into(), None)]);
    assert_eq!(s.scene().tiles[1].picture, None, "a plain tile");
    assert!(s.act(ben, Act::Media(MediaState { camera: true, ..audio_only })).is_ok());
    assert_eq!(s.slots(anna), [shows("3", ben, Source::Camera)], "at once: its packets have come before");
    assert_eq!(s.scene().tiles[1].picture, Some(TrackId { peer, source: Source::Camera }));
}

#[test]
fn layers_that_nobody_takes_need_not_be_sent() {
    let mut s = Script::new();
    let (anna, peer) = s.browser("Anna");
    let (ben, _) = s.browser("Ben");
    s.forget();
    for (layers, height, told) in [(2, Some(240), 2), (0, None, 1)] {
        s.media(MediaEvent::Watched { track: TrackId { peer, source: Source::Camera }, layers, height });
        assert_eq!(s.told(anna), [News::Layers { layers: told, height }], "the lowest stays");
        assert_eq!(s.told(ben), []);
        s.forget();
    }
}

#[test]
fn a_shared_screen_comes_with_its_sound_and_makes_a_second_tile() {
    let mut s = Script::new();
    let (anna, _) = s.browser("Anna");
    let (ben, peer) = s.browser("Ben");
    s.forget();
    assert!(s.act(ben, Act::Media(ALL_ON)).is_ok());
    assert_eq!(s.slots(anna), [], "nothing has come yet");
    s.flows(peer, &[Source::Screen, Source::ScreenSound]);
    assert_eq!(s.slots(anna), [shows("4", ben, Source::Screen), shows("1", ben, Source::ScreenSound)]);
    let of_ben: Vec<_> = s.scene().tiles.iter().filter(|t| t.participant == ben).map(|t| (t.source, t.crop)).collect();
    assert_eq!(of_ben, [(Source::Screen, false), (Source::Camera, true)]);
    assert!(s.scene().tiles[0].rect.width > 1000, "the screen is large");
}

#[test]
fn an_offer_is_answered_refused_or_given_up() {
    let mut s = Script::new();
    let anna = s.join("Anna");
    s.forget();
    let (peer, request) = s.offer(anna);
    let open = MediaCommand::Open { peer, participant: anna, kind: PeerKind::Browser, offer: "offer".into() };
    assert_eq!(s.commands(), [open]);
    assert_eq!(s.reply(request), None, "not yet");
    s.media(MediaEvent::Refused { peer, problem: "no fingerprint".into() });
    let refusal = s.reply(request).unwrap().unwrap_err();
    assert_eq!((refusal.reason, refusal.message.as_str()), (Reason::BadOffer, "no fingerprint"));

    let (peer, request) = s.offer(anna);
    s.wait(seconds(10));
    assert_eq!(reason(s.reply(request).unwrap()), Some(Reason::Unavailable));
    assert!(s.commands().contains(&MediaCommand::Close { peer }));
    s.answer(peer, 1, 1);
    assert_eq!(s.told(anna), [], "too late");

    let (old, waiting) = s.offer(anna);
    let (peer, request) = s.offer(anna);
    assert_eq!(reason(s.reply(waiting).unwrap()), Some(Reason::Conflict));
    assert!(s.commands().contains(&MediaCommand::Close { peer: old }));
    s.answer(peer, 1, 1);
    assert!(s.reply(request).unwrap().is_ok());
    assert_eq!(s.told(anna), [News::Answer("answer".into())]);

    let (_, request) = s.offer(anna);
    assert!(s.act(anna, Act::Leave).is_ok());
    assert_eq!(reason(s.reply(request).unwrap()), Some(Reason::Gone));
}

#[test]
fn a_new_session_takes_the_place_of_the_old_one_in_all_slots() {
    let mut s = Script::new();
    let (anna, _) = s.browser("Anna");
    let (ben, old) = s.browser("Ben");
    s.forget();
    let new = s.connect(ben, 3, 9);
    let commands = s.commands();
    let at = |command: &dyn Fn(&MediaCommand) -> bool| commands.iter().position(command).unwrap();
    let closed = at(&|command| *command == MediaCommand::Close { peer: old });
    let opened = at(&|command| matches!(command, MediaCommand::Open { .. }));
    assert!(closed < opened);
    assert_eq!(s.slots(anna), [("3".into(), None), ("0".into(), None)]);
    assert_eq!(s.slots(ben).len(), 2, "Ben's new slots are filled with Anna");
    s.flows(new, &[Source::Microphone, Source::Camera]);
    assert_eq!(s.slots(anna), [shows("0", ben, Source::Microphone), shows("3", ben, Source::Camera)]);
}

#[test]
fn a_lost_session_empties_slots_and_only_a_browser_stays() {
    let mut s = Script::new();
    let (anna, _) = s.browser("Anna");
    let (ben, peer) = s.browser("Ben");
    let mut join = s.guest("Camera");
    join.kind = ParticipantKind::Whip;
    let camera = s.try_join(join).unwrap();
    let publisher = s.connect(camera, 0, 0);
    s.forget();
    s.media(MediaEvent::Lost { peer, cause: "silence".into() });
    assert!(matches!(s.told(ben)[..], [News::MediaLost(_)]));
    assert_eq!(s.slots(anna), [("3".into(), None), ("0".into(), None)]);
    s.media(MediaEvent::Lost { peer: publisher, cause: "silence".into() });
    assert_eq!(
        (s.closed.clone(), s.told(anna)),
        (vec![(s.connection(camera), Parting::Lost)], vec![News::Left(camera)])
    );
    s.input(Input::MediaGone);
    assert!(matches!(s.told(anna)[..], [News::MediaLost(_), ..]));
    assert_eq!(s.room.members().len(), 2);
}

#[test]
fn a_connection_that_broke_keeps_its_media_until_the_place_is_given_up() {
    let mut s = Script::new();
    let (_, peer) = s.browser("Anna");
    let (ben, _) = s.browser("Ben");
    s.forget();
    let anna = s.room.members()[0].id;
    s.input(Input::Disconnected(s.connection(anna)));
    assert_eq!((s.slots(ben), s.commands()), (vec![], vec![]), "the picture goes on");
    s.wait(seconds(31));
    assert_eq!(s.slots(ben), [("3".into(), None), ("0".into(), None)]);
    assert!(s.commands().contains(&MediaCommand::Close { peer }));
}

fn people(s: &mut Script, count: usize) -> Vec<(ParticipantId, PeerId)> {
    (0..count).map(|at| s.browser(&format!("Guest {at}"))).collect()
}

#[test]
fn with_more_voices_than_slots_who_speaks_takes_the_slot_of_the_longest_silent() {
    let mut s = Script::new();
    let people = people(&mut s, 6);
    let viewer = people[0].0;
    s.forget();
    s.speak(people[1].1, seconds(2));
    s.speak(people[2].1, seconds(2));
    assert_eq!(s.slots(viewer), [], "both were heard already");
    s.speak(people[5].1, seconds(2));
    assert_eq!(s.slots(viewer), [shows("2", people[5].0, Source::Microphone)], "one change, and the others stay");
}

#[test]
fn speaking_is_told_on_change_and_not_too_often() {
    let mut s = Script::new();
    let (anna, peer) = s.browser("Anna");
    let (ben, _) = s.browser("Ben");
    s.forget();
    s.speak(peer, seconds(3));
    assert_eq!(s.told(ben), [News::Speaking(vec![anna])]);
    assert!(s.scene().tiles[0].speaking && !s.scene().tiles[1].speaking);
    s.wait(seconds(2));
    assert_eq!(s.told(ben), [News::Speaking(vec![])], "by its own timer: silence sends no levels");
    assert!(!s.scene().tiles[0].speaking);
    s.wait(seconds(3600));
    assert_eq!(s.told(ben), []);
    let muted = MediaState { camera: true, ..MediaState::default() };
    assert!(s.act(anna, Act::Media(muted)).is_ok());
    s.told(ben);
    s.speak(peer, seconds(1));
    assert_eq!(s.told(ben), [], "a muted microphone speaks to nobody");
}

#[test]
fn a_view_chooses_people_sizes_and_pins() {
    let mut s = Script::new();
    let people = people(&mut s, 5);
    let viewer = s.join("Viewer");
    let peer = s.connect(viewer, 1, 2);
    s.forget();
    let tile =
        |at: usize, height, pinned| WantedTile { participant: people[at].0, source: Source::Camera, height, pinned };
    let view = vec![tile(3, 0, false), tile(2, 360, false), tile(4, 720, true)];
    assert!(s.act(viewer, Act::View { mode: ViewChoice::Tiles, tiles: view }).is_ok());
    let Some(MediaCommand::Assign { viewer: to, slots }) = s.commands().into_iter().next() else { panic!("no change") };
    assert_eq!(to, peer);
    let given: Vec<_> = slots.iter().map(|slot| (slot.feed, slot.height)).collect();
    let feed = |at: usize| Some(Feed::Track(TrackId { peer: people[at].1, source: Source::Camera }));
    assert_eq!(given, [(feed(4), 720), (feed(2), 360)]);
    let tiles = vec![tile(0, 90, false); 101];
    assert_eq!(reason(s.act(viewer, Act::View { mode: ViewChoice::Tiles, tiles })), Some(Reason::OutOfRange));
}

#[test]
fn the_mix_is_one_picture_and_single_voices() {
    let mut s = Script::new();
    let people = people(&mut s, 3);
    let (viewer, _) = people[0];
    s.forget();
    assert!(s.act(viewer, Act::View { mode: ViewChoice::Mix, tiles: vec![] }).is_ok());
    assert_eq!(s.slots(viewer), [("3".into(), Some(Shown::Mix)), ("4".into(), None)], "voices stay as they are");
    let assigned = s.commands();
    let MediaCommand::Assign { slots, .. } = &assigned[0] else { panic!("{assigned:?}") };
    assert_eq!(slots[0].feed, Some(Feed::MixPicture(Rendition::Low)), "this slot has no H.264");
    assert!(s.act(viewer, Act::View { mode: ViewChoice::Tiles, tiles: vec![] }).is_ok());
    assert_eq!(s.slots(viewer).len(), 2);
}

#[test]
fn a_thin_line_gets_one_picture_then_voices_alone_and_everybody_when_it_is_better() {
    let mut s = Script::new();
    let people = people(&mut s, 3);
    let (viewer, peer) = people[0];
    let line = |s: &mut Script, estimate, needed| {
        s.media(MediaEvent::Line { peer, estimate, needed });
        s.wait(seconds(5));
    };
    assert!(s.act(viewer, Act::View { mode: ViewChoice::Auto, tiles: vec![] }).is_ok());
    s.forget();
    line(&mut s, 2_000_000, 500_000);
    assert_eq!(s.commands(), []);
    line(&mut s, 300_000, 500_000);
    assert_eq!(s.slots(viewer), [("3".into(), Some(Shown::Mix)), ("4".into(), None)], "voices stay as they are");
    assert!(s.commands().contains(&MediaCommand::Aim { viewer: peer, bitrate: 625_000 }));
    assert_eq!(s.told(people[1].0), [News::Changed(viewer)], "a badge says so");
    s.forget();
    line(&mut s, 60_000, 180_000);
    assert_eq!(s.slots(viewer), [("3".into(), None)]);
    assert!(s.commands().contains(&MediaCommand::Still(StillSize::Small)), "a picture now and then");
    s.wait(seconds(24));
    assert_eq!(s.commands().len(), 2, "each twelve seconds");
    s.forget();
    s.media(MediaEvent::Still { size: StillSize::Small, jpeg: Some([1][..].into()) });
    assert_eq!(s.told(viewer), [News::Still([1][..].into())]);
    assert_eq!(s.told(people[1].0), []);
    line(&mut s, 220_000, 40_000);
    assert_eq!(s.slots(viewer), [("3".into(), Some(Shown::Mix))]);
    line(&mut s, 900_000, 180_000);
    assert_eq!(s.slots(viewer).len(), 2, "everybody");
    assert!(s.commands().contains(&MediaCommand::Aim { viewer: peer, bitrate: 0 }));
}

#[test]
fn a_new_choice_and_a_new_session_begin_with_a_line_that_nothing_is_known_of() {
    let mut s = Script::new();
    let people = people(&mut s, 3);
    let (viewer, peer) = people[0];
    let thin = |s: &mut Script, peer| {
        s.media(MediaEvent::Line { peer, estimate: 300_000, needed: 500_000 });
        s.wait(seconds(5));
    };
    let view = |s: &Script| s.room.member(viewer).unwrap().pictures();
    assert!(s.act(viewer, Act::View { mode: ViewChoice::Auto, tiles: vec![] }).is_ok());
    thin(&mut s, peer);
    assert_eq!(view(&s), Pictures::Mix { low: true });
    s.forget();
    assert!(s.act(viewer, Act::View { mode: ViewChoice::Sound, tiles: vec![] }).is_ok());
    assert!(s.commands().contains(&MediaCommand::Aim { viewer: peer, bitrate: 0 }), "nothing is looked for any more");
    assert!(s.act(viewer, Act::View { mode: ViewChoice::Auto, tiles: vec![] }).is_ok());
    assert_eq!(view(&s), Pictures::Tiles);
    thin(&mut s, peer);
    assert_eq!(view(&s), Pictures::Mix { low: true });
    s.connect(viewer, 1, 2);
    assert_eq!(view(&s), Pictures::Tiles);
}

#[test]
fn a_whep_viewer_is_sent_the_mix_and_not_drawn_in_it() {
    let mut s = Script::new();
    s.browser("Anna");
    for (low, rendition) in [(false, Rendition::Main), (true, Rendition::Low)] {
        let mut join = s.guest("Viewer");
        (join.kind, join.low, join.media) = (ParticipantKind::Whep, low, MediaState::default());
        let viewer = s.try_join(join).unwrap();
        let (peer, _) = s.offer(viewer);
        let slot = |mid: &str, source: Source| SlotInfo { mid: mid.into(), kind: source.kind(), h264: true };
        let slots = vec![slot("a", Source::Microphone), slot("v", Source::Camera)];
        s.media(MediaEvent::Answered { peer, sdp: "answer".into(), slots, sources: vec![] });
        s.forget();
        s.media(MediaEvent::Connected { peer });
        let commands = s.commands();
        let [MediaCommand::Assign { slots, .. }] = &commands[..] else { panic!("{commands:?}") };
        let feeds: Vec<_> = slots.iter().map(|slot| (slot.slot.0, slot.feed)).collect();
        assert_eq!(feeds, [(1, Some(Feed::MixPicture(rendition))), (0, Some(Feed::MixSound))]);
        assert_eq!((s.scene().tiles.len(), s.told(viewer)), (1, vec![]));
    }
}

#[test]
fn a_scene_comes_only_when_something_is_different() {
    let mut s = Script::new();
    let (anna, peer) = s.browser("Anna");
    let scenes = |s: &mut Script, input: Input| {
        let effects = s.room.handle(Duration::from_secs(5), input);
        effects.into_iter().filter(|e| format!("{e:?}").contains("Compose")).count()
    };
    assert_eq!(scenes(&mut s, Input::Tick), 0);
    assert_eq!(
        scenes(&mut s, Input::Media(MediaEvent::TrackStarted { track: TrackId { peer, source: Source::Camera } })),
        0
    );
    s.room.handle(Duration::from_secs(6), Input::Disconnected(s.connection(anna)));
    assert_eq!(scenes(&mut s, Input::Tick), 0);
}
