//! A disk that runs full ends the recording on it as a file that plays; everything else goes on.

#![allow(clippy::unwrap_used, clippy::panic)] // A test may fail.

mod mix_support;

use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::Duration;

use mix_support::*;
use veranda::domain::canvas::Canvas;
use veranda::domain::ids::{OutputId, Source};
use veranda::domain::media::{OutputEvent, OutputJob, OwnTrack, Scene};

const RED: u32 = 0xc0_2020;
const ONE: OutputId = OutputId(1);
const TWO: OutputId = OutputId(2);
/// Little to do: on a busy machine, where fewer pictures were made than asked for, this said nothing of disks.
const SMALL: Canvas = Canvas { width: 640, height: 360, fps: 10, bitrate: None };
/// Set in a process whose files may not grow over some 100 kB.
const LIMITED: &str = "MIX_TEST_LIMITED";

/// A disk of a megabyte with 150 kB left. `None`: this machine lets nobody mount one.
struct SmallDisk(tempfile::TempDir);

impl SmallDisk {
    fn mount() -> Option<Self> {
        let folder = tempfile::tempdir().unwrap();
        let mounted = Command::new("mount").args(["-t", "tmpfs", "-o", "size=1m", "tmpfs"]).arg(folder.path()).status();
        if !mounted.is_ok_and(|status| status.success()) {
            return None;
        }
        std::fs::write(folder.path().join("ballast"), vec![7; 870_000]).unwrap();
        Some(Self(folder))
    }
}

impl Drop for SmallDisk {
    fn drop(&mut self) {
        let _ = Command::new("umount").arg("-l").arg(self.0.path()).status();
    }
}

#[test]
fn a_full_disk_ends_one_recording_as_a_file_that_plays() {
    if let Ok(folder) = std::env::var(LIMITED) {
        return run_full(Path::new(&folder), None);
    }
    let folder = tempfile::tempdir().unwrap();
    match SmallDisk::mount() {
        Some(disk) => run_full(disk.0.path(), Some(folder.path())),
        None => {
            println!("no small disk can be mounted here: files that may not grow take its place");
            let script =
                "trap '' XFSZ; ulimit -f 100; exec \"$0\" --exact a_full_disk_ends_one_recording_as_a_file_that_plays";
            let test = std::env::current_exe().unwrap();
            let mut limited = Command::new("sh");
            limited.args(["-c", script]).arg(test).env(LIMITED, folder.path());
            assert!(limited.status().unwrap().success());
        }
    }
}

/// Records onto the small disk and, where there is one, onto a large one.
fn run_full(small: &Path, large: Option<&Path>) {
    let camera = track(1, Source::Camera);
    let voice = track(1, Source::Microphone);
    let links = FakeLinks::with([(1, Source::Camera, Sends::Colour(RED)), (1, Source::Microphone, Sends::Tone(400))]);
    let mut room = room(&links);
    let filmed = tile(1, "Ann", Some(camera), rect(0, 0, 640, 360));
    room.mix.compose(Scene { canvas: SMALL, voices: vec![voice], ..scene(vec![filmed], vec![]) });
    let path = small.join("full.mp4");
    let other: Option<PathBuf> = large.map(|folder| folder.join("good.mp4"));
    if let Some(path) = &other {
        room.mix.start(TWO, OutputJob::Record { path: path.clone() });
        room.reach(TWO, 1.0);
    }
    room.mix.start(ONE, OutputJob::Record { path: path.clone() });
    let own = OwnTrack { track: voice, participant: veranda::domain::ids::ParticipantId(1), name: "Ann".into() };
    room.mix.keep_tracks(ONE, vec![own]);
    let told = room.wait(ONE, Duration::from_secs(60), |event| matches!(event, OutputEvent::Interrupted { .. }));
    println!("{told:?}");
    let OutputEvent::Interrupted { error } = told else { unreachable!() };
    assert!(large.is_none() || error.contains("disk is full"), "{error}");
    let done = room.wait(ONE, Duration::from_secs(10), |event| matches!(event, OutputEvent::Finished { .. }));
    let OutputEvent::Finished { bytes, duration } = done else { unreachable!() };
    println!("{bytes} bytes, {duration} s");
    assert_eq!(bytes, std::fs::metadata(&path).unwrap().len());
    let frames = times(&path, "v");
    assert!(duration > 2.0 && (duration - frames.len() as f64 / 10.0).abs() < 0.4, "{duration} {}", frames.len());
    assert!(longest_gap(&frames) < 0.11);
    let seen = colours(&path, rect(0, 0, 640, 360));
    assert!(seen.len() == frames.len() && near(seen[seen.len() - 1], RED));
    assert!(strength(&sound(&path)[48_000..72_000], 400.0) > 0.15);
    assert!(!veranda::media::remux::partial(&path).exists());

    if let Some(path) = other {
        room.reach(TWO, duration + 3.0);
        room.mix.stop(TWO);
        room.wait(TWO, Duration::from_secs(15), |event| matches!(event, OutputEvent::Finished { .. }));
        assert!(longest_gap(&times(&path, "v")) < 0.11, "the other goes on as if nothing was");
    }
}
