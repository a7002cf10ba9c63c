//! Frames of every layout, to be looked at: `MIX_GALLERY=FOLDER cargo nextest run --run-ignored all --test mix_gallery`.

#![allow(clippy::unwrap_used, clippy::panic)] // Helpers of tests fail like tests.

mod mix_support;

use std::path::Path;
use std::process::Command;
use std::time::Duration;

use mix_support::*;
use veranda::domain::canvas::Canvas;
use veranda::domain::ids::{OutputId, ParticipantId, Source};
use veranda::domain::media::{OutputEvent, OutputJob, Scene};
use veranda::domain::scene::{self, Frame, Person};
use veranda::domain::speaker::Speakers;
use veranda::domain::words::Layout;

const ONE: OutputId = OutputId(1);
const NAMES: [&str; 30] = [
    "Anna Lindqvist",
    "Ben",
    "Chloé Dubois",
    "Dimitri Papadopoulos",
    "Emeka",
    "Fatima Zahra",
    "Guðrún",
    "Hiroshi Tanaka",
    "Inés",
    "João Pedro",
    "Kateryna",
    "Liam O’Neill",
    "Mei",
    "Nils",
    "Olga",
    "Priya Raghunathan",
    "Quentin",
    "Rosa",
    "Samuel Oyelaran-Fitzgerald",
    "Tuuli",
    "Umar",
    "Věra",
    "Wojciech",
    "Ximena",
    "Yusuf",
    "Zoë",
    "Andrés",
    "Bea",
    "Carl",
    "Dora",
];
const SHIRTS: [u32; 6] = [0x3b_5bdb, 0x2b_8a3e, 0xa6_1e4d, 0xc2_410c, 0x49_5867, 0x67_41d9];

fn people(count: usize, shares: bool) -> Vec<Person> {
    let person = |id: usize| Person {
        id: ParticipantId(id as u64 * 7919),
        name: NAMES[id - 1].into(),
        muted: id.is_multiple_of(3),
        camera: (id % 4 != 3).then(|| track(id as u64, Source::Camera)),
        screen: (shares && id == 1).then(|| track(1, Source::Screen)),
        microphone: None,
        screen_sound: None,
    };
    (1..=count).map(person).collect()
}

#[test]
#[ignore = "to be looked at, not judged by a program"]
fn gallery() {
    let folder = std::env::var("MIX_GALLERY").expect("MIX_GALLERY names a folder");
    let (width, height) = std::env::var("MIX_SIZE").map_or((1280, 720), |size| {
        let (width, height) = size.split_once('x').unwrap();
        (width.parse().unwrap(), height.parse().unwrap())
    });
    let canvas = Canvas { width, height, fps: 10, bitrate: Some(8_000_000) };
    let cameras = (1..=30).map(|id| (id, Source::Camera, Sends::Portrait(SHIRTS[id as usize % SHIRTS.len()])));
    let links = FakeLinks::with(cameras.chain([(1, Source::Screen, Sends::Window)]));
    let mut room = room(&links);
    let mut speakers = Speakers::default();
    for at in 0..50 {
        speakers.hear(Duration::from_millis(20 * at), [(ParticipantId(2 * 7919), 20)]);
    }
    let path = Path::new(&folder).join("gallery.mp4");
    let _ = std::fs::remove_file(&path);
    let mut scene = Scene { canvas, ..Scene::default() };
    let mut shots = Vec::new();
    room.mix.compose(scene.clone());
    room.mix.start(ONE, OutputJob::Record { path: path.clone() });
    let mut until = 0.5;
    for (name, layout, shares) in
        [("grid", Layout::Auto, false), ("speaker", Layout::Speaker, false), ("stage", Layout::Auto, true)]
    {
        for count in [1, 2, 3, 5, 9, 16, 25, 30] {
            let frame = Frame { title: "Tuesday with friends", canvas, layout };
            scene = scene::compose(frame, &people(count, shares), &speakers, &scene);
            room.mix.compose(scene.clone());
            until += if count > 9 { 5.0 } else { 2.5 };
            room.reach(ONE, until);
            shots.push((until - 0.4, format!("{name}-{count:02}.png")));
        }
    }
    room.mix.stop(ONE);
    room.wait(ONE, Duration::from_secs(30), |event| matches!(event, OutputEvent::Finished { .. }));
    for (at, name) in shots {
        let out = Path::new(&folder).join(name);
        let args =
            ["-v", "error", "-nostdin", "-y", "-ss", &at.to_string(), "-i", path.to_str().unwrap(), "-frames:v", "1"];
        assert!(Command::new("ffmpeg").args(args).arg(out).status().unwrap().success());
    }
}
