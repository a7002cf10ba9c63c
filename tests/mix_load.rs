//! A machine that cannot make thirty pictures a second: fewer are made, evenly, and all again when it can.

#![allow(clippy::unwrap_used, clippy::panic)] // A test may fail.

mod mix_support;

use std::time::Duration;

use mix_support::*;
use veranda::domain::ids::{OutputId, Source};
use veranda::domain::media::{OutputEvent, OutputJob};

const ONE: OutputId = OutputId(1);

/// An encoder that takes 40 ms and more for a picture.
const SLOW: &str = r#"
[[choice]]
name = "slow"
requires = ["x264enc"]
launch = "identity sleep-time=40000 ! x264enc name=encoder tune=zerolatency speed-preset=ultrafast threads=1 key-int-max=60 ! video/x-h264,profile=constrained-baseline"
bitrate = { property = "bitrate", unit = "kbit/s" }
"#;

#[test]
fn where_the_encoder_is_slow_fewer_pictures_are_made_and_none_is_lost_at_random() {
    let folder = tempfile::tempdir().unwrap();
    std::fs::create_dir(folder.path().join("encoders")).unwrap();
    std::fs::write(folder.path().join("encoders/h264.toml"), SLOW).unwrap();
    let links = FakeLinks::with([(1, Source::Camera, Sends::Colour(0x20_a040)), (1, Source::Microphone, Sends::Beep)]);
    let mut room = room_with(&links, Some(folder.path()));
    let path = folder.path().join("slow.mp4");
    let whole = rect(0, 0, 1280, 720);
    room.mix.compose(scene(
        vec![tile(1, "Ann", Some(track(1, Source::Camera)), whole)],
        vec![track(1, Source::Microphone)],
    ));
    room.mix.start(ONE, OutputJob::Record { path: path.clone() });

    let slower = room.wait(ONE, Duration::from_secs(20), |event| matches!(event, OutputEvent::Pace { .. }));
    assert_eq!(slower, OutputEvent::Pace { fps: 15 });
    room.reach(ONE, 10.0);
    room.mix.stop(ONE);
    room.wait(ONE, Duration::from_secs(15), |event| matches!(event, OutputEvent::Finished { .. }));

    let frames = times(&path, "v");
    let gaps: Vec<f64> = frames.windows(2).map(|pair| pair[1] - pair[0]).collect();
    let last: Vec<i64> = gaps.iter().rev().take(60).map(|gap| (gap * 1000.0).round() as i64).collect();
    println!("{} pictures; the last gaps in ms: {last:?}", frames.len());
    assert!(last.iter().all(|gap| (66..=67).contains(gap)), "every second picture, evenly: {last:?}");
    let longest = gaps.iter().copied().fold(0.0, f64::max);
    assert!(longest < 0.4, "what waited before was made: {longest}");
}
