//! Recordings of the mix, looked into: the right colours, tones and names, without a gap, whatever people do.

#![allow(clippy::unwrap_used, clippy::panic)] // A test may fail.

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
    let asked = std::time::Instant::now();
    room.mix.start(ONE, OutputJob::Record { path: path.clone() });
    room.wait(ONE, Duration::from_secs(10), |event| *event == OutputEvent::Live);
    println!("live {:?} after start", asked.elapsed());
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
    room.mix.compose(scene(vec![tile(1, "Ann Lee", None, left), tile(3, "Cy", camera(3), right)], vec![voice(2)]));
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
    let gap = longest_gap(&times(&path, "a"));
    assert!(gap < 0.03, "{gap} s without sound");

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
    let last = [tone(8.2, 400.0), tone(8.2, 900.0)];
    assert!(last[0] < 0.01 && last[1] > 0.15, "{last:?}");
}

/// A picture that is 80 ms late on its way, a voice that is not: in the recording they are together again. A camera that
/// freezes becomes a plain tile and holds nobody up.
#[test]
fn lips_stay_with_the_voice_and_a_frozen_camera_holds_nobody_up() {
    let links = FakeLinks::with([
        (1, Source::Camera, Sends::Flash(80)),
        (1, Source::Microphone, Sends::Beep),
        (2, Source::Camera, Sends::Colour(GREEN)),
    ]);
    let mut room = room(&links);
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("sync.mp4");
    let (left, right) = (rect(0, 0, 640, 720), rect(640, 0, 640, 720));
    let (face, other) = (track(1, Source::Camera), track(2, Source::Camera));
    room.mix.compose(scene(
        vec![tile(1, "Ann", Some(face), left), tile(2, "Bo", Some(other), right)],
        vec![track(1, Source::Microphone)],
    ));
    room.mix.start(ONE, OutputJob::Record { path: path.clone() });
    room.reach(ONE, 4.0);
    links.silence(other, true);
    room.reach(ONE, 10.0);
    links.silence(other, false);
    room.reach(ONE, 12.0);
    room.mix.stop(ONE);
    room.wait(ONE, Duration::from_secs(15), |event| matches!(event, OutputEvent::Finished { .. }));

    let flashes: Vec<f64> =
        onsets(&colours(&path, left).iter().map(|c| f32::from(c[1]) / 255.0).collect::<Vec<_>>(), 30.0);
    let heard = sound(&path);
    let levels: Vec<f32> = heard.chunks(240).map(|chunk| strength(chunk, 1000.0)).collect();
    let beeps: Vec<f64> = onsets(&levels, 200.0);
    assert!(flashes.len() >= 9 && beeps.len() >= 9, "{flashes:?} {beeps:?}");
    // The first two seconds may go by before the first sender reports. A busy machine may lose a packet here or there:
    // what counts is most of them.
    let nearest = |flash: &f64| beeps.iter().map(|beep| beep - flash).min_by(|a, b| a.abs().total_cmp(&b.abs()));
    let mut skews: Vec<f64> = flashes.iter().filter(|flash| **flash > 2.5).filter_map(nearest).map(f64::abs).collect();
    println!("skews {skews:?}");
    skews.sort_by(f64::total_cmp);
    assert!(skews[skews.len() / 2] < 0.045, "{skews:?}; {flashes:?} {beeps:?}");
    let frames = times(&path, "v");
    assert!(longest_gap(&frames) < 0.05, "{}", longest_gap(&frames));
    let others = colours(&path, right);
    assert!(near(others[3 * 30], GREEN) && near(*others.last().unwrap(), GREEN));
    assert!(!near(others[8 * 30], GREEN), "still the frozen picture");
}

/// Seconds at which a level rises over a third, `rate` values a second.
fn onsets(levels: &[f32], rate: f64) -> Vec<f64> {
    let over = |level: f32| level > 0.33;
    (1..levels.len()).filter(|i| over(levels[*i]) && !over(levels[i - 1])).map(|i| i as f64 / rate).collect()
}

/// What a crash leaves is nearly all there, and becomes an ordinary file.
#[test]
fn a_recording_survives_kill_9() {
    const CHILD: &str = "MIX_TEST_CHILD";
    let links = FakeLinks::with([(1, Source::Camera, Sends::Colour(RED)), (1, Source::Microphone, Sends::Tone(400))]);
    if let Ok(path) = std::env::var(CHILD) {
        let mut room = room(&links);
        let filmed = tile(1, "Ann", Some(track(1, Source::Camera)), rect(0, 0, 1280, 720));
        room.mix.compose(scene(vec![filmed], vec![track(1, Source::Microphone)]));
        room.mix.start(ONE, OutputJob::Record { path: path.clone().into() });
        room.reach(ONE, 5.0);
        std::fs::write(format!("{path}.reached"), "").unwrap();
        room.reach(ONE, 60.0);
    }
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("crash.mp4");
    let test = "a_recording_survives_kill_9";
    let mut child = std::process::Command::new(std::env::current_exe().unwrap())
        .args(["--exact", test])
        .env(CHILD, &path)
        .stdout(std::process::Stdio::null())
        .spawn()
        .unwrap();
    let reached = folder.path().join("crash.mp4.reached");
    let end = std::time::Instant::now() + Duration::from_secs(40);
    while !reached.exists() {
        assert!(std::time::Instant::now() < end && child.try_wait().unwrap().is_none(), "the child does not record");
        std::thread::park_timeout(Duration::from_millis(20));
    }
    // SIGKILL.
    child.kill().unwrap();
    child.wait().unwrap();
    gst::init().unwrap();
    let partial = veranda::media::remux::partial(&path);
    let done = veranda::media::remux::recover(&partial, &path).unwrap();
    assert!(done.duration > 4.0, "{done:?}");
    assert!(!partial.exists());
    let seen = colours(&path, rect(0, 0, 1280, 720));
    assert!(seen.len() > 120 && near(seen[100], RED), "{} frames", seen.len());
    assert!(strength(&sound(&path)[96_000..120_000], 400.0) > 0.15);
    assert_eq!(veranda::media::remux::recover(&partial, &path).unwrap(), done, "twice does no harm");
}

/// A place that can't be written to fails this output and no other.
#[test]
fn a_full_or_missing_disk_fails_one_recording_only() {
    let links = FakeLinks::with([(1, Source::Camera, Sends::Colour(RED))]);
    let mut room = room(&links);
    let folder = tempfile::tempdir().unwrap();
    let filmed = tile(1, "Ann", Some(track(1, Source::Camera)), rect(0, 0, 1280, 720));
    room.mix.compose(scene(vec![filmed], Vec::new()));
    let path = folder.path().join("good.mp4");
    room.mix.start(ONE, OutputJob::Record { path: path.clone() });
    room.reach(ONE, 1.0);
    let two = OutputId(2);
    room.mix.start(two, OutputJob::Record { path: folder.path().join("no/such/folder.mp4") });
    room.wait(two, Duration::from_secs(5), |event| matches!(event, OutputEvent::Failed { .. }));
    room.reach(ONE, 3.0);
    // As at SIGTERM: everything is finished when this returns.
    let waiting = room.mix.finish(Duration::from_secs(12));
    tokio::runtime::Builder::new_current_thread().build().unwrap().block_on(waiting);
    room.wait(ONE, Duration::ZERO.max(Duration::from_millis(50)), |event| {
        matches!(event, OutputEvent::Finished { .. })
    });
    assert!(longest_gap(&times(&path, "v")) < 0.05);
    assert_eq!(links.subscriptions(), 0, "the mix sleeps");
}
