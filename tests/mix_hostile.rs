//! Publishers that send what nobody should, and encoders that cannot be made: whoever is wrong is told or left out, the rest
//! goes on.

#![allow(clippy::unwrap_used, clippy::panic)] // A test may fail.

mod mix_support;

use std::path::Path;
use std::sync::atomic::Ordering;
use std::time::{Duration, Instant};

use mix_support::*;
use veranda::domain::ids::{OutputId, Source};
use veranda::domain::media::{Feed, MediaEvent, OutputEvent, OutputJob, Rect, Rendition, Scene};

const ONE: OutputId = OutputId(1);
const RED: u32 = 0xc0_2020;
const GREEN: u32 = 0x20_a040;
const BLUE: u32 = 0x20_30c0;
/// Seconds without a key frame.
const KEYLESS: u64 = 6;

fn quarter(at: u32) -> Rect {
    rect(640 * (at % 2), 360 * (at / 2), 640, 360)
}

fn four(sends: [Sends; 4]) -> (Room, Scene) {
    let cameras = sends.into_iter().zip(1..).map(|(sends, person)| (person, Source::Camera, sends));
    let links = FakeLinks::with(cameras.chain([(1, Source::Microphone, Sends::Tone(400))]));
    let tiles = (1..=4)
        .map(|person: u64| tile(person, "Somebody", Some(track(person, Source::Camera)), quarter(person as u32 - 1)));
    (room(&links), scene(tiles.collect(), vec![track(1, Source::Microphone)]))
}

/// The part of a tile's frames in these seconds that have the colour.
fn part(file: &Path, at: Rect, rgb: u32, seconds: std::ops::Range<usize>) -> f64 {
    let seen = colours(file, at);
    let seen = &seen[(seconds.start * 30).min(seen.len())..(seconds.end * 30).min(seen.len())];
    seen.iter().filter(|colour| near(**colour, rgb)).count() as f64 / seen.len().max(1) as f64
}

#[test]
fn garbage_new_sizes_and_missing_key_frames_are_the_business_of_one_tile() {
    hostile(KEYLESS);
}

/// The same for a minute, and what it does to memory: `cargo test --test mix_hostile -- --ignored --nocapture`.
#[test]
#[ignore = "takes more than a minute"]
fn a_minute_of_that() {
    hostile(std::env::var("VERANDA_SECONDS").map_or(60, |seconds| seconds.parse().unwrap()));
}

fn hostile(keyless: u64) {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("take.mp4");
    let (mut room, scene) =
        four([Sends::Colour(RED), Sends::Garbage, Sends::Resizing(GREEN), Sends::Keyless(BLUE, keyless)]);
    room.mix.compose(scene);
    room.mix.start(ONE, OutputJob::Record { path: path.clone() });
    let until = keyless as usize;
    let used = |second| {
        room.reach(ONE, f64::from(second as u32));
        memory()
    };
    let used: Vec<f64> = (6..=until + 6).step_by(3).map(used).collect();
    // A busy machine has pictures waiting, now and then: the least says what stays.
    let least = |some: &[f64]| some.iter().copied().fold(f64::INFINITY, f64::min);
    let grown = least(&used[used.len() / 2..]) - least(&used[..used.len() / 2]);
    room.mix.stop(ONE);
    room.wait(ONE, Duration::from_secs(15), |event| matches!(event, OutputEvent::Finished { .. }));

    let frames = times(&path, "v");
    let red = part(&path, quarter(0), RED, 1..until + 5);
    let green = part(&path, quarter(2), GREEN, 2..until + 5);
    let blue = [1..until - 2, until + 3..until + 5].map(|seconds| part(&path, quarter(3), BLUE, seconds));
    let first = colours(&path, quarter(3)).iter().position(|colour| near(*colour, BLUE));
    println!("the first picture after {:.1} s", first.map_or(f64::NAN, |at| at as f64 / 30.0));
    let asked = room.links.key_frames_asked.load(Ordering::Relaxed);
    println!(
        "{} frames; red {red:.2}, green {green:.2}, blue {blue:.2?}; {asked} key frames asked for; MiB {used:.0?}",
        frames.len()
    );
    // In a minute a busy machine may make fewer for a while.
    let most = if keyless <= KEYLESS { 0.06 } else { 0.17 };
    assert!(longest_gap(&frames) < most, "{}", longest_gap(&frames));
    assert!(strength(&sound(&path)[96_000..120_000], 400.0) > 0.15);
    assert!(red > 0.99, "who is in order is shown all the time");
    assert!(green > 0.9, "a new size costs a moment at most");
    assert!(blue[0] < 0.1 && blue[1] > 0.9, "shown from the first key frame on");
    assert!(asked > 10, "asked again and again: the forwarder throttles that");
    // In less time it says nothing: encoders and decoders have just begun.
    assert!(keyless <= KEYLESS || grown < 20.0, "pictures of any size are let go");
}

/// Of this process, MiB.
fn memory() -> f64 {
    let status = std::fs::read_to_string("/proc/self/status").unwrap();
    let line = status.lines().find_map(|line| line.strip_prefix("VmRSS:")).unwrap();
    line.trim().trim_end_matches(" kB").parse::<f64>().unwrap() / 1024.0
}

/// A mix whose H.264 encoder is this; what a recording is told of it, and whether the small picture is made all the same.
fn with_encoder(choices: &str) -> (String, bool) {
    let folder = tempfile::tempdir().unwrap();
    std::fs::create_dir(folder.path().join("encoders")).unwrap();
    std::fs::write(folder.path().join("encoders/h264.toml"), choices).unwrap();
    let links = FakeLinks::with([(1, Source::Camera, Sends::Colour(RED))]);
    let mut room = room_with(&links, Some(folder.path()));
    let filmed = tile(1, "Ann", Some(track(1, Source::Camera)), rect(0, 0, 1280, 720));
    room.mix.compose(scene(vec![filmed], Vec::new()));
    room.mix.watch(Rendition::Low, true);
    room.mix.start(ONE, OutputJob::Record { path: folder.path().join("take.mp4") });
    let end = Instant::now() + Duration::from_secs(15);
    let (mut told, low) = (None, Feed::MixPicture(Rendition::Low));
    while told.is_none() || room.links.packets(low) < 30 {
        assert!(Instant::now() < end, "told {told:?}, {} packets", room.links.packets(low));
        match room.events.try_recv() {
            Ok(MediaEvent::Output { event: OutputEvent::Failed { error }, .. }) => told = Some(error),
            Ok(_) => {}
            Err(_) => std::thread::park_timeout(Duration::from_millis(5)),
        }
    }
    (told.unwrap(), room.links.packets(low) >= 30)
}

#[test]
fn an_encoder_that_cannot_be_made_fails_what_needs_it_by_name() {
    let choice = |requires: &str, launch: &str| {
        format!(
            "[[choice]]\nname='own'\nrequires=['{requires}']\nlaunch='{launch}'\nbitrate={{property='bitrate',unit='kbit/s'}}\n"
        )
    };
    for (what, choices, words) in [
        ("an element that is not there", choice("nosuchenc", "nosuchenc name=encoder"), ["h264", "nosuchenc"]),
        ("no pipeline", choice("x264enc", "x264enc name=encoder !! nonsense"), ["h264", "own"]),
        ("an unknown setting", choice("x264enc", "x264enc name=encoder no-such=1"), ["h264", "no-such"]),
    ] {
        let (told, low) = with_encoder(&choices);
        println!("{what}: {told}");
        assert!(words.iter().all(|word| told.contains(word)), "{what}: {told}");
        assert!(low, "who needs another encoder is served");
    }
}
