//! What must hold for every layout, tried with random rooms; and the rules that the page shares, written down for its tests.

#![allow(clippy::unwrap_used, clippy::panic)] // Helpers of tests fail like tests.

use std::collections::{HashMap, HashSet};
use std::time::Duration;

use proptest::prelude::*;
use serde_json::{Value, json};
use veranda::domain::canvas::Canvas;
use veranda::domain::ids::{ParticipantId, PeerId, Source, TrackId};
use veranda::domain::layout::{Item, STRIP, arrange};
use veranda::domain::media::{Rect, Scene};
use veranda::domain::scene::{Frame, Person, compose};
use veranda::domain::speaker::Speakers;
use veranda::domain::words::Layout;

fn layouts() -> impl Strategy<Value = Layout> {
    prop_oneof![Just(Layout::Auto), Just(Layout::Grid), Just(Layout::Speaker), Just(Layout::Stage)]
}

fn canvases() -> impl Strategy<Value = Canvas> {
    (320..=960_u32, 180..=540_u32).prop_map(|(w, h)| Canvas { width: 2 * w, height: 2 * h, ..Canvas::default() })
}

fn overlap(a: Rect, b: Rect) -> bool {
    a.x < b.x + b.width && b.x < a.x + a.width && a.y < b.y + b.height && b.y < a.y + a.height
}

fn sound(rects: &[Rect], canvas: Canvas) -> Result<(), TestCaseError> {
    for (at, rect) in rects.iter().enumerate() {
        prop_assert!(rect.width >= 16 && rect.height >= 16, "{:?}", rect);
        prop_assert!(rect.x + rect.width <= canvas.width && rect.y + rect.height <= canvas.height, "{:?}", rect);
        prop_assert_eq!([rect.x, rect.y, rect.width, rect.height].map(|number| number % 2), [0; 4]);
        prop_assert!(rects[at + 1..].iter().all(|other| !overlap(*rect, *other)), "{:?} of {:?}", rect, rects);
    }
    Ok(())
}

fn person(id: u64) -> Person {
    let camera = Some(TrackId { peer: PeerId(id), source: Source::Camera });
    let (screen, microphone, screen_sound) = (None, None, None);
    Person { id: ParticipantId(id), name: format!("P{id}"), muted: false, camera, screen, microphone, screen_sound }
}

/// What happens between two scenes.
#[derive(Debug, Clone)]
enum Step {
    Join,
    Leave(usize),
    Mute(usize),
    Camera(usize),
    Share(usize),
    Speak(usize),
    Choose(Layout),
}

fn steps() -> impl Strategy<Value = Vec<Step>> {
    let who = || 0..50_usize;
    let step = prop_oneof![
        4 => Just(Step::Join),
        2 => who().prop_map(Step::Leave),
        2 => who().prop_map(Step::Mute),
        1 => who().prop_map(Step::Camera),
        1 => who().prop_map(Step::Share),
        5 => who().prop_map(Step::Speak),
        1 => layouts().prop_map(Step::Choose),
    ];
    prop::collection::vec(step, 1..80)
}

proptest! {
    #![proptest_config(ProptestConfig { failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn rectangles_are_sound_for_everybody(
        layout in layouts(), canvas in canvases(), screens in 0..=4_usize, faces in 1..=50_usize, focus in 0..50_usize,
    ) {
        let mut items = vec![Item { screen: true, focus: false }; screens];
        items.extend((0..faces).map(|at| Item { screen: false, focus: at == focus }));
        let rects = arrange(layout, canvas.width, canvas.height, &items);
        prop_assert_eq!(rects.len(), items.len());
        sound(&rects, canvas)?;
        // Faces are cut a little at most: none is a slit.
        if screens == 0 && faces > 1 && matches!(layout, Layout::Auto | Layout::Grid) {
            for Rect { width, height, .. } in &rects {
                let aspect = f64::from(*width) / f64::from(*height);
                prop_assert!((0.75..=2.15).contains(&aspect), "{}", aspect);
            }
        }
        if screens == 1 && layout != Layout::Grid {
            let share = f64::from(rects[0].width * rects[0].height) / f64::from(canvas.width * canvas.height);
            prop_assert!(share > 0.65, "a screen wants every pixel: {}", share);
        }
    }

    #[test]
    fn little_moves_and_everybody_is_counted(canvas in canvases(), steps in steps()) {
        let (mut people, mut speakers) = (vec![person(0)], Speakers::default());
        let (mut layout, mut scene, mut now) = (Layout::Speaker, Scene::default(), Duration::ZERO);
        for (id, step) in (1..).zip(steps) {
            let at = |who: usize| who % people.len();
            match step {
                Step::Join if people.len() < 50 => people.push(person(id)),
                Step::Leave(who) if people.len() > 1 => {
                    let gone = people.remove(at(who));
                    speakers.remove(gone.id);
                }
                Step::Join | Step::Leave(_) => {}
                Step::Mute(who) => { let at = at(who); people[at].muted ^= true }
                Step::Camera(who) => { let at = at(who); people[at].camera = person(at as u64).camera.filter(|_| people[at].camera.is_none()) }
                Step::Share(who) => {
                    let at = at(who);
                    let shared = TrackId { peer: PeerId(people[at].id.0), source: Source::Screen };
                    people[at].screen = people[at].screen.is_none().then_some(shared);
                }
                Step::Speak(who) => {
                    for _ in 0..150 {
                        now += Duration::from_millis(20);
                        speakers.hear(now, [(people[at(who)].id, 20)]);
                    }
                }
                Step::Choose(chosen) => layout = chosen,
            }
            let frame = Frame { title: "", canvas, layout };
            let next = compose(frame, &people, &speakers, &scene);
            prop_assert_eq!(&compose(frame, &people, &speakers, &next), &next, "its own scene changes nothing");
            let rects: Vec<Rect> = next.tiles.iter().map(|tile| tile.rect).chain(next.more.map(|more| more.rect)).collect();
            sound(&rects, canvas)?;
            let faces = |scene: &Scene| -> HashMap<ParticipantId, Rect> {
                scene.tiles.iter().filter(|tile| tile.source == Source::Camera).map(|tile| (tile.participant, tile.rect)).collect()
            };
            let (old, new) = (faces(&scene), faces(&next));
            prop_assert_eq!(new.len() + next.more.map_or(0, |more| more.count), people.len(), "everybody is counted");
            let drawn: HashSet<_> = next.tiles.iter().map(|tile| (tile.participant, tile.source)).collect();
            prop_assert_eq!(drawn.len(), next.tiles.len());
            let small = |scene: &Scene| scene.tiles.len() <= STRIP + 4;
            prop_assert!(layout != Layout::Speaker || small(&next), "a strip is short");
            let moved = new.iter().filter(|(id, rect)| old.get(*id).is_some_and(|before| before != *rect)).count();
            match step {
                Step::Mute(_) => prop_assert_eq!(moved, 0, "a mute moves nobody"),
                // Who is large without ever having spoken gives way to somebody with a picture.
                Step::Camera(_) => prop_assert!(moved <= 2, "{} moved", moved),
                Step::Speak(_) => prop_assert!(moved <= 2, "{} moved", moved),
                _ => {}
            }
            scene = next;
        }
    }
}

/// The rectangles that the page's rules give as well, but for rounding.
fn shared() -> Value {
    let list = |rects: &[Rect]| -> Vec<[u32; 4]> { rects.iter().map(|r| [r.x, r.y, r.width, r.height]).collect() };
    let mut grids = Vec::new();
    for (width, height, gap) in [(1280, 720, 8), (1920, 1080, 12), (1280, 960, 10), (640, 1080, 6)] {
        for count in [2, 3, 4, 5, 6, 7, 9, 12, 16, 20, 25, 36, 50] {
            let tiles = list(&arrange(Layout::Grid, width, height, &vec![Item::default(); count]));
            grids.push(json!({"width": width, "height": height, "gap": gap, "tiles": tiles}));
        }
    }
    let mut stages = Vec::new();
    for (width, height, gap) in [(1280, 720, 8), (640, 960, 6)] {
        for beside in [1, 3, 4, 5, 8] {
            let mut items = vec![Item { screen: true, focus: false }];
            items.resize(beside + 1, Item::default());
            let tiles = list(&arrange(Layout::Auto, width, height, &items));
            stages.push(json!({"width": width, "height": height, "gap": gap, "large": tiles[0], "others": tiles[1..]}));
        }
    }
    json!({"grids": grids, "stages": stages})
}

#[test]
fn the_rules_that_the_page_shares_are_written_down() {
    let path = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/golden/layout.json");
    let text = serde_json::to_string(&shared()).unwrap().replace("},", "},\n") + "\n";
    if std::env::var_os("VERANDA_UPDATE").is_some() {
        std::fs::write(path, &text).unwrap();
    }
    assert!(
        std::fs::read_to_string(path).is_ok_and(|kept| kept == text),
        "VERANDA_UPDATE=1 writes it anew; the page must follow"
    );
}
