//! Recordings of the mix, looked into: the right colours, tones and names, without a gap, whatever people do.

mod mix_support;

use std::time::Duration;

use mix_support::*;
use veranda::domain::ids::{OutputId, Source};
use veranda::domain::media::{OutputEvent, OutputJob};

const RED: u32 = 0xc0_2020;
const GREEN: u32 = 0x20_a040;
const BLUE: u32 = 0x20_40c0;
const ONE: OutputId = OutputId(1);

/// Three people in halves and a foot, one without a camera; one leaves, one turns the camera off, all while recorded.
#[test]
fn people_come_and_go_and_the_recording_holds_it_all() {
    use Sends::{Colour, ColourH264, Tone};
    let links = FakeLinks::with([
        (1, Source::Camera, Colour(RED)),
        (1, Source::Microphone, Tone(400)),
        (2, Source::Camera, ColourH264(GREEN)),
        (2, Source::Microphone, Tone(900)),
        (3, Source::Camera, Colour(BLUE)),
    ]);
    let mut room = room(&links);
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("take.mp4");
    let (whole, left, right) = (rect(0, 0, 1280, 720), rect(0, 0, 640, 720), rect(640, 0, 640, 720));
    let camera = |person| Some(track(person, Source::Camera));
    let voice = |person| track(person, Source::Microphone);

    room.mix.compose(scene(vec![tile(1, "Ann Lee", camera(1), whole)], vec![voice(1)]));
    room.mix.start(ONE, OutputJob::Record { path: path.clone() });
    room.wait(ONE, Duration::from_secs(10), |event| *event == OutputEvent::Live);
    room.reach(ONE, 3.0);
    // Two join: one filmed, one not.
    let mut ann = tile(1, "Ann Lee", camera(1), left);
    ann.speaking = true;
    let mut bo = tile(2, "Bo", camera(2), rect(640, 0, 640, 360));
    bo.muted = true;
    let cy = tile(3, "Élodie <Cy>", None, rect(640, 360, 640, 360));
    room.mix.compose(scene(vec![ann, bo, cy], vec![voice(1), voice(2)]));
    room.reach(ONE, 6.0);
    // One leaves; the other's camera goes on.
    room.mix.compose(scene(
        vec![tile(1, "Ann Lee", None, left), tile(3, "Cy", camera(3), right)],
        vec![voice(2)],
    ));
    room.reach(ONE, 9.0);
    room.mix.stop(ONE);
    let done = room.wait(ONE, Duration::from_secs(15), |event| matches!(event, OutputEvent::Finished { .. }));
    if let Ok(keep) = std::env::var("MIX_KEEP") {
        std::fs::copy(&path, keep).unwrap();
    }
    assert!(!path.with_extension("mp4.partial").exists());
    let OutputEvent::Finished { bytes, duration } = done else { unreachable!() };
    assert_eq!(bytes, std::fs::metadata(&path).unwrap().len());

    let frames = times(&path, "v");
    assert!((duration - frames.len() as f64 / 30.0).abs() < 0.2, "{duration} s, {} frames", frames.len());
    assert!(longest_gap(&frames) < 0.05, "{}", longest_gap(&frames));
    assert!(longest_gap(&times(&path, "a")) < 0.03);

    let at = |colours: &[[u8; 3]], seconds: f64| colours[(seconds * 30.0) as usize];
    let (a, b, c) = (colours(&path, whole), colours(&path, rect(640, 0, 640, 360)), colours(&path, right));
    assert!(near(at(&a, 2.5), RED), "{:?}", at(&a, 2.5));
    assert!(near(at(&b, 5.5), GREEN), "{:?}", at(&b, 5.5));
    assert!(near(at(&colours(&path, left), 5.5), RED));
    assert!(near(at(&c, 8.7), BLUE), "{:?}", at(&c, 8.7));
    // Nothing is ever black: a tile without a picture is a plain one.
    assert!(c.iter().all(|c| c.iter().map(|v| u32::from(*v)).sum::<u32>() > 60));

    let heard = sound(&path);
    let tone = |from: f64, hz| strength(&heard[(from * 48_000.0) as usize..][..24_000], hz);
    assert!(tone(2.0, 400.0) > 0.15 && tone(2.0, 900.0) < 0.01, "{} {}", tone(2.0, 400.0), tone(2.0, 900.0));
    assert!(tone(5.0, 400.0) > 0.15 && tone(5.0, 900.0) > 0.15);
    assert!(tone(8.2, 400.0) < 0.01 && tone(8.2, 900.0) > 0.15);
}
