//! A recording with everybody's own media and a pause, looked into: nothing is transcoded, everything lines up, and what
//! happened in the pause is nowhere.

#![allow(clippy::unwrap_used, clippy::panic)] // A test may fail.

mod mix_support;

use std::path::PathBuf;
use std::time::{Duration, Instant};

use mix_support::*;
use veranda::domain::ids::{OutputId, ParticipantId, Source, TrackId};
use veranda::domain::media::{OutputEvent, OutputJob, OwnTrack, RecordedTrack, Rect};

const GREEN: u32 = 0x20_a040;
const ONE: OutputId = OutputId(1);

fn own(track: TrackId, name: &str) -> OwnTrack {
    OwnTrack { track, participant: ParticipantId(track.peer.0), name: name.into() }
}

/// A frame of the mix, what lip-sync lets pass in either (15 ms each), and a little: seconds.
const IN_STEP: f64 = 0.07;

/// Ann's half of the picture.
fn left() -> Rect {
    rect(0, 0, 640, 720)
}

/// What was recorded.
struct Take {
    folder: tempfile::TempDir,
    path: PathBuf,
    tracks: Vec<RecordedTrack>,
    /// Seconds: where the pause was cut out, and all of it.
    joint: f64,
    duration: f64,
}

/// How far the nearest of the others is.
fn nearest(at: f64, others: &[f64]) -> f64 {
    let far = others.iter().map(|other| other - at);
    far.min_by(|a, b| a.abs().total_cmp(&b.abs())).unwrap()
}

/// Ann flashes and beeps each second, in VP8; Bo comes later with H.264. It is paused for 2.3 s on the way.
fn record() -> Take {
    let links = FakeLinks::with([
        (1, Source::Camera, Sends::Flash(0)),
        (1, Source::Microphone, Sends::Beep),
        (2, Source::Camera, Sends::ColourH264(GREEN)),
        (2, Source::Microphone, Sends::Tone(400)),
    ]);
    let mut room = room(&links);
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("take.mp4");
    let right = rect(640, 0, 640, 720);
    let [ann, voice, bo, tone] =
        [(1, Source::Camera), (1, Source::Microphone), (2, Source::Camera), (2, Source::Microphone)]
            .map(|(person, source)| track(person, source));
    room.mix.compose(scene(vec![tile(1, "Ann", Some(ann), left()), tile(2, "Bo", Some(bo), right)], vec![voice]));
    room.mix.start(ONE, OutputJob::Record { path: path.clone() });
    room.mix.keep_tracks(ONE, vec![own(ann, "Ann"), own(voice, "Ann")]);
    room.reach(ONE, 4.0);
    let everybody = [own(ann, "Ann"), own(voice, "Ann"), own(bo, "Bo"), own(tone, "Bo")];
    room.mix.keep_tracks(ONE, everybody.to_vec());
    room.reach(ONE, 6.5);
    room.mix.pause(ONE, true);
    let paused = Instant::now();
    while paused.elapsed() < Duration::from_millis(2300) {
        std::thread::park_timeout(Duration::from_millis(20));
    }
    room.mix.pause(ONE, false);
    let again = room.wait(ONE, Duration::from_secs(5), |event| matches!(event, OutputEvent::Placed { .. }));
    room.reach(ONE, 10.0);
    room.mix.stop(ONE);
    let told = room.wait(ONE, Duration::from_secs(15), |event| matches!(event, OutputEvent::Finishing));
    assert_eq!(told, OutputEvent::Finishing);
    let mut tracks = Vec::new();
    let done = room.wait(ONE, Duration::from_secs(15), |event| {
        if let OutputEvent::Tracks(told) = event {
            tracks.clone_from(told);
        }
        matches!(event, OutputEvent::Finished { .. })
    });
    println!("{again:?} {done:?} {tracks:#?}");
    if let Ok(keep) = std::env::var("MIX_KEEP") {
        let all = tracks.iter().map(|track| track.file.clone()).chain(["take.mp4".into()]);
        for file in all {
            std::fs::copy(folder.path().join(&file), format!("{keep}/{file}")).unwrap();
        }
    }
    let OutputEvent::Placed { at: joint, .. } = again else { unreachable!() };
    let OutputEvent::Finished { duration, .. } = done else { unreachable!() };
    Take { folder, path, tracks, joint, duration }
}

impl Take {
    /// One file, no gap and no jump at the joint, in step on both sides of it.
    fn the_mix_is_whole(&self) {
        let (path, joint, duration) = (&self.path, self.joint, self.duration);
        let frames = times(path, "v");
        assert!((10.0..11.5).contains(&duration), "{duration}: the pause is not in it");
        assert!((duration - frames.len() as f64 / 30.0).abs() < 0.2, "{duration} s, {} frames", frames.len());
        assert!(longest_gap(&frames) < 0.05, "{}", longest_gap(&frames));
        assert!(longest_gap(&times(path, "a")) < 0.045, "{}", longest_gap(&times(path, "a")));
        let (flashes, heard) = (rises(&brightness(path, left())), rises(&beeps(path)));
        for (side, range) in [("before", 1.5..joint - 0.3), ("after", joint + 0.3..10.0)] {
            let mut skews: Vec<f64> =
                flashes.iter().filter(|at| range.contains(at)).map(|at| nearest(*at, &heard)).collect();
            println!("skew {side} the pause: {skews:?}");
            skews.sort_by(|a, b| a.abs().total_cmp(&b.abs()));
            assert!(skews.len() >= 2 && skews[skews.len() / 2].abs() < 0.045, "{side}: {skews:?}");
        }
    }

    /// As they were sent, and where the manifest says they are.
    fn own_media_are_as_sent(&self) {
        assert_eq!(self.tracks.len(), 4);
        for (person, source, codec, kind) in [
            (1, Source::Camera, "vp8", "video"),
            (1, Source::Microphone, "opus", "audio"),
            (2, Source::Camera, "h264", "video"),
            (2, Source::Microphone, "opus", "audio"),
        ] {
            let track = self.of(person, source);
            let file = self.folder.path().join(&track.file);
            let (name, of_kind, length) = stream(&file);
            assert_eq!((name.as_str(), of_kind.as_str(), track.codec.as_str()), (codec, kind, codec));
            assert_eq!(track.bytes, std::fs::metadata(&file).unwrap().len());
            assert!((length - track.duration).abs() < 0.1, "{length} {track:?}");
            let end = track.offset + track.duration;
            assert!((end - self.duration).abs() < 0.35, "{track:?} ends at {end} of {}", self.duration);
            let begins = if person == 1 { 0.0..0.7 } else { 3.9..5.6 };
            assert!(begins.contains(&track.offset), "{track:?}");
        }
    }

    fn own_media_line_up(&self) {
        let (flashes, heard) = (rises(&brightness(&self.path, left())), rises(&beeps(&self.path)));
        let camera = self.of(1, Source::Camera);
        let file = self.folder.path().join(&camera.file);
        let own_flashes = rises(&brightness(&file, rect(0, 0, 640, 360)));
        let late: Vec<f64> = own_flashes.iter().map(|at| nearest(at + camera.offset, &flashes)).collect();
        println!("Ann's own picture against the mix: {late:?}");
        assert!(
            late.len() >= 8 && late.iter().filter(|late| late.abs() < IN_STEP).count() >= late.len() - 1,
            "{late:?}"
        );
        let microphone = self.of(1, Source::Microphone);
        let own_beeps = rises(&beeps(&self.folder.path().join(&microphone.file)));
        let late: Vec<f64> = own_beeps.iter().map(|at| nearest(at + microphone.offset, &heard)).collect();
        println!("Ann's own voice against the mix: {late:?}");
        assert!(
            late.len() >= 8 && late.iter().filter(|late| late.abs() < IN_STEP).count() >= late.len() - 1,
            "{late:?}"
        );
    }

    fn of(&self, person: u64, source: Source) -> &RecordedTrack {
        let found = self.tracks.iter().find(|t| t.participant == ParticipantId(person) && t.source == source);
        found.unwrap_or_else(|| panic!("no {source:?} of {person} in {:?}", self.tracks))
    }
}

#[test]
fn own_media_lines_up_and_a_pause_is_cut_out() {
    let take = record();
    take.the_mix_is_whole();
    take.own_media_are_as_sent();
    take.own_media_line_up();
}
