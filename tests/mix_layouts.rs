//! The mix's layouts and sizes, looked for in recorded files.

#![allow(clippy::unwrap_used, clippy::panic)] // A test may fail.

mod mix_support;

use std::path::{Path, PathBuf};
use std::time::Duration;

use mix_support::*;
use veranda::domain::canvas::Canvas;
use veranda::domain::ids::{OutputId, ParticipantId, Source};
use veranda::domain::media::{Feed, OutputEvent, OutputJob, Rect, Rendition, Scene};
use veranda::domain::scene::{self, Frame, Person};
use veranda::domain::speaker::Speakers;
use veranda::domain::words::Layout;

const COLOURS: [u32; 4] = [0xc0_2020, 0x20_a040, 0x20_40c0, 0xc0_a020];
const RED: u32 = 0xff_0000;
const WHITE: u32 = 0xff_ffff;
const ONE: OutputId = OutputId(1);
const TWO: OutputId = OutputId(2);

/// Four filmed people; the first may share a window.
struct Meeting {
    room: Room,
    people: Vec<Person>,
    speakers: Speakers,
    scene: Scene,
    folder: tempfile::TempDir,
}

impl Meeting {
    fn new() -> Self {
        let cameras = (1..).zip(COLOURS).map(|(id, colour)| (id, Source::Camera, Sends::Colour(colour)));
        let links = FakeLinks::with(cameras.chain([(1, Source::Screen, Sends::Window)]));
        let person = |id: u64| Person {
            id: ParticipantId(id),
            name: format!("Person {id}"),
            muted: id == 2,
            camera: Some(track(id, Source::Camera)),
            screen: None,
            microphone: None,
            screen_sound: None,
        };
        Self {
            room: room(&links),
            people: (1..=4).map(person).collect(),
            speakers: Speakers::default(),
            scene: Scene::default(),
            folder: tempfile::tempdir().unwrap(),
        }
    }

    fn share(&mut self, shared: bool) {
        self.people[0].screen = shared.then(|| track(1, Source::Screen));
    }

    /// Shows them so from now on.
    fn show(&mut self, layout: Layout, canvas: Canvas) -> Vec<Rect> {
        let frame = Frame { title: "Looked at", canvas, layout };
        self.scene = scene::compose(frame, &self.people, &self.speakers, &self.scene);
        self.room.mix.compose(self.scene.clone());
        self.scene.tiles.iter().map(|tile| tile.rect).collect()
    }

    /// Where somebody's face is drawn.
    fn face(&self, person: u64) -> Rect {
        let is_it = |tile: &&veranda::domain::media::Tile| {
            tile.participant == ParticipantId(person) && tile.source == Source::Camera
        };
        self.scene.tiles.iter().find(is_it).unwrap().rect
    }

    fn record(&mut self, output: OutputId) -> PathBuf {
        let path = self.folder.path().join(format!("{output}.mp4"));
        self.room.mix.start(output, OutputJob::Record { path: path.clone() });
        path
    }

    fn finish(&mut self, output: OutputId) {
        self.room.mix.stop(output);
        self.room.wait(output, Duration::from_secs(20), |event| matches!(event, OutputEvent::Finished { .. }));
    }
}

/// A tile's picture without what is painted on it.
fn middle(rect: Rect) -> Rect {
    let Rect { x, y, width, height } = rect;
    let even = |number: u32| number & !1;
    Rect { x: even(x + width / 4), y: even(y + height / 4), width: even(width / 2), height: even(height / 3) }
}

fn seen(path: &Path, at: Rect, second: f64, fps: f64) -> [u8; 3] {
    colours_of(path, at)[(second * fps) as usize]
}

/// The host goes through all layouts while it is recorded: everybody is where the rules say, and no frame is missing.
#[test]
fn every_layout_is_in_the_file() {
    let mut meeting = Meeting::new();
    let canvas = Canvas { width: 960, height: 540, ..Canvas::default() };
    let mut wanted: Vec<(f64, Vec<(Rect, u32)>)> = Vec::new();
    let faces = |meeting: &Meeting| (1..).zip(COLOURS).map(|(id, colour)| (middle(meeting.face(id)), colour)).collect();

    meeting.show(Layout::Auto, canvas);
    let path = meeting.record(ONE);
    meeting.room.reach(ONE, 3.0);
    wanted.push((2.5, faces(&meeting)));

    // Automatically a stage; the window is whole in it.
    meeting.share(true);
    let screen = meeting.show(Layout::Auto, canvas)[0];
    meeting.room.reach(ONE, 6.0);
    let mut stage: Vec<(Rect, u32)> = faces(&meeting);
    assert!(screen.width > 600, "{screen:?}");
    let (wide, thin) = (screen.height, 12);
    let left = (screen.x + (screen.width - wide) / 2) & !1;
    let inside = Rect { x: left + 10, y: screen.y + 60, width: thin, height: 200 };
    stage.extend([
        (inside, RED),
        (Rect { x: (left + wide - 24) & !1, ..inside }, RED),
        (Rect { x: left + 200, y: screen.y + 8, width: 100, height: thin }, RED),
        (Rect { x: left + 200, y: screen.y + 200, width: 100, height: 100 }, WHITE),
    ]);
    wanted.push((5.5, stage));

    meeting.show(Layout::Grid, canvas);
    meeting.room.reach(ONE, 9.0);
    let mut grid: Vec<(Rect, u32)> = faces(&meeting);
    grid.push((middle(meeting.scene.tiles[0].rect), WHITE));
    wanted.push((8.5, grid));

    meeting.share(false);
    for at in 0..50 {
        meeting.speakers.hear(Duration::from_millis(20 * at), [(ParticipantId(3), 20)]);
    }
    meeting.show(Layout::Speaker, canvas);
    assert!(meeting.face(3).width > 2 * meeting.face(1).width);
    meeting.room.reach(ONE, 12.0);
    wanted.push((11.5, faces(&meeting)));
    meeting.finish(ONE);
    if let Ok(keep) = std::env::var("MIX_KEEP") {
        std::fs::copy(&path, keep).unwrap();
    }

    assert_eq!(shape(&path), (960, 540, 30.0));
    assert!(longest_gap(&times(&path, "v")) < 0.05, "{}", longest_gap(&times(&path, "v")));
    for (second, places) in wanted {
        for (place, colour) in places {
            let is = seen(&path, place, second, 30.0);
            assert!(near(is, colour), "{is:?} is not {colour:06x} at {second} s in {place:?}");
        }
    }
}

/// Each recording has the size and rate it was begun with, also when the next begins while the last is being ended; and
/// viewers of the mix see on.
#[test]
fn the_size_changes_between_recordings_and_viewers_see_on() {
    let mut meeting = Meeting::new();
    let small = Canvas { width: 640, height: 480, fps: 15, bitrate: Some(300_000) };
    let large = Canvas { width: 1280, height: 720, fps: 24, bitrate: None };
    meeting.show(Layout::Grid, Canvas::default());
    let (main, low) = (Feed::MixPicture(Rendition::Main), Feed::MixPicture(Rendition::Low));
    for rendition in [Rendition::Main, Rendition::Low] {
        meeting.room.mix.watch(rendition, true);
    }
    wait_for(|| meeting.room.links.packets(main) > 20 && meeting.room.links.packets(low) > 20);

    meeting.show(Layout::Grid, small);
    let one = meeting.record(ONE);
    meeting.room.reach(ONE, 4.0);
    let before = (meeting.room.links.packets(main), meeting.room.links.packets(low));
    meeting.room.mix.stop(ONE);
    // At once: its last frames are still on their way.
    meeting.show(Layout::Grid, large);
    let two = meeting.record(TWO);
    meeting.room.wait(ONE, Duration::from_secs(20), |event| matches!(event, OutputEvent::Finished { .. }));
    meeting.room.reach(TWO, 3.0);
    wait_for(|| meeting.room.links.packets(main) > before.0 + 20 && meeting.room.links.packets(low) > before.1 + 20);
    meeting.finish(TWO);
    for feed in [main, low] {
        let published = meeting.room.links.published.lock().unwrap();
        let steps = published[&feed].windows(2).map(|two| two[1].1.saturating_duration_since(two[0].1));
        println!("viewers of {feed:?} waited at most {:?}", steps.max());
    }

    let (width, height, rate) = shape(&one);
    assert!((width, height) == (640, 480) && (rate - 15.0).abs() < 0.2, "{width}x{height} at {rate}");
    assert!(times(&one, "v").len() >= 55, "to its end");
    let keys = key_frames(&one);
    assert!(keys.len() >= 2 && longest_gap(&keys) < 3.0, "a slow picture has key frames in time: {keys:?}");
    let (width, height, rate) = shape(&two);
    assert!((width, height) == (1280, 720) && (rate - 24.0).abs() < 0.2, "{width}x{height} at {rate}");
    for path in [&one, &two] {
        assert!(longest_gap(&times(path, "v")) < 0.09, "{}", longest_gap(&times(path, "v")));
    }
    let face = middle(meeting.face(2));
    assert!(near(seen(&two, face, 2.5, 24.0), COLOURS[1]), "drawn on the new canvas");
}

fn wait_for(mut done: impl FnMut() -> bool) {
    let end = std::time::Instant::now() + Duration::from_secs(20);
    while !done() {
        assert!(std::time::Instant::now() < end, "nothing comes");
        std::thread::park_timeout(Duration::from_millis(20));
    }
}
