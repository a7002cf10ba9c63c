//! A machine that cannot make the whole picture: fewer pictures a second are made, then smaller ones, then cheaper ones, and all
//! of it again when it can. The file plays through it all.

#![allow(clippy::unwrap_used, clippy::panic)] // A test may fail.

mod mix_support;

use std::fs::File;
use std::io::Read;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::mpsc::{RecvTimeoutError, Sender, channel};
use std::thread::JoinHandle;
use std::time::{Duration, Instant};

use mix_support::*;
use veranda::domain::ids::{OutputId, Source};
use veranda::domain::media::{Feed, OutputEvent, OutputJob, Quality, Rect, Rendition};
use veranda::domain::target::HlsWindow;
use veranda::media::remux;

const ONE: OutputId = OutputId(1);
const TWO: OutputId = OutputId(2);
/// Between two moments at which the server might have been killed.
const KILLS: Duration = Duration::from_millis(700);
const GREEN: u32 = 0x20_a040;

/// A machine that can do only so much: its encoder has to push every raw byte through a pipe that somebody empties slowly.
struct Machine {
    folder: tempfile::TempDir,
    speed: Sender<Option<f64>>,
    /// Bytes that were encoded.
    done: Arc<AtomicU64>,
}

impl Machine {
    /// In megabytes a second; `None`: as fast as it is asked to be.
    fn of_speed(speed: Option<f64>) -> Self {
        let folder = tempfile::tempdir().unwrap();
        let pipe = folder.path().join("pipe");
        assert!(Command::new("mkfifo").arg(&pipe).status().unwrap().success());
        std::fs::create_dir(folder.path().join("encoders")).unwrap();
        std::fs::write(folder.path().join("encoders/h264.toml"), encoders(&pipe)).unwrap();
        let mixer = include_str!("../pipelines/mixer.toml");
        let hasty = mixer.replace("down = 1.5", "down = 0.5").replace("up = 15", "up = 1.0");
        assert_ne!(hasty, mixer);
        std::fs::write(folder.path().join("mixer.toml"), hasty).unwrap();
        let (sender, orders) = channel();
        let done = Arc::new(AtomicU64::new(0));
        let count = done.clone();
        // Open for writing as well: it does not end between two encoders.
        let mut work = File::options().read(true).write(true).open(&pipe).unwrap();
        std::thread::spawn(move || {
            let (mut speed, mut bytes, mut free) = (speed, vec![0; 60_000], Instant::now());
            while let Ok(read) = work.read(&mut bytes) {
                count.fetch_add(read as u64, Ordering::Relaxed);
                let takes = speed.map_or(Duration::ZERO, |speed| Duration::from_secs_f64(read as f64 / speed / 1e6));
                let now = Instant::now();
                free = free.max(now - Duration::from_millis(50)) + takes;
                match orders.recv_timeout(free.saturating_duration_since(now)) {
                    Ok(order) => speed = order,
                    Err(RecvTimeoutError::Timeout) => {}
                    Err(RecvTimeoutError::Disconnected) => return,
                }
            }
        });
        Self { folder, speed: sender, done }
    }

    fn set_speed(&self, speed: Option<f64>) {
        self.speed.send(speed).unwrap();
    }
}

fn encoders(pipe: &Path) -> String {
    let x264 = "x264enc name=encoder tune=zerolatency speed-preset=ultrafast threads=1 key-int-max=60 ! video/x-h264,profile=constrained-baseline";
    let pipe = pipe.display();
    format!(
        r#"[[choice]]
        name = "slow"
        requires = ["x264enc"]
        launch = "tee name=work ! queue max-size-buffers=1 ! filesink location={pipe} sync=false async=false work. ! {x264}"
        cheaper = "{x264} ! identity"
        bitrate = {{ property = "bitrate", unit = "kbit/s" }}"#
    )
}

/// Waits for the next change of quality; where the recording was then. `zero` becomes when the file begins.
fn changes(room: &mut Room, zero: &mut Option<Instant>) -> (f64, Quality) {
    let mut at = 0.0;
    let heard = room.wait(ONE, Duration::from_secs(20), |event| {
        match event {
            OutputEvent::Progress { duration, .. } => at = *duration,
            OutputEvent::Placed { ago, at } => *zero = Some(Instant::now() - *ago - Duration::from_secs_f64(*at)),
            _ => {}
        }
        matches!(event, OutputEvent::Pace(_))
    });
    let OutputEvent::Pace(quality) = heard else { unreachable!() };
    println!("{at:.2} s: {quality:?}");
    (at, quality)
}

fn quality(fps: u32, height: u32, cheaper: bool) -> Quality {
    Quality { fps, width: height * 16 / 9, height, cheaper }
}

#[test]
fn a_busy_machine_goes_down_the_ladder_and_up_again_and_the_file_plays_through_it() {
    let machine = Machine::of_speed(Some(9.0));
    let links = FakeLinks::with([
        (1, Source::Camera, Sends::Flash(0)),
        (1, Source::Microphone, Sends::Beep),
        (2, Source::Camera, Sends::Colour(GREEN)),
    ]);
    let mut room = room_with(&links, Some(machine.folder.path()));
    let path = machine.folder.path().join("busy.mp4");
    let (left, right) = (rect(0, 0, 640, 720), rect(640, 0, 640, 720));
    let tiles = vec![
        tile(1, "Ann", Some(track(1, Source::Camera)), left),
        tile(2, "Bob", Some(track(2, Source::Camera)), right),
    ];
    room.mix.compose(scene(tiles, vec![track(1, Source::Microphone)]));
    room.mix.start(ONE, OutputJob::Record { path: path.clone() });
    let segments = machine.folder.path().join("live");
    room.mix.start(TWO, OutputJob::Hls { folder: segments.clone(), window: HlsWindow::Event });
    let kills = Kills::of(&path);

    room.mix.watch(Rendition::Main, true);
    // 1280x720 is 1.4 MB a picture: at 10 a second still too much, as is 640x360 at the second speed.
    let down = [quality(15, 720, false), quality(10, 720, false), quality(10, 360, false), quality(10, 360, true)];
    let (mut noted, mut zero) = (Vec::new(), None);
    for expected in down {
        if expected.cheaper {
            machine.set_speed(Some(2.8));
        }
        let (at, seen) = changes(&mut room, &mut zero);
        assert_eq!(seen, expected);
        noted.push((at, seen));
    }
    machine.set_speed(None);
    for expected in [down[2], down[1], down[0], quality(30, 720, false)] {
        let (at, seen) = changes(&mut room, &mut zero);
        assert_eq!(seen, expected);
        noted.push((at, seen));
    }
    let back = noted[7].0;
    room.reach(ONE, back + 3.0);
    let killed = kills.stop();
    for output in [ONE, TWO] {
        room.mix.stop(output);
        room.wait(output, Duration::from_secs(15), |event| matches!(event, OutputEvent::Finished { .. }));
    }
    survive(&killed, zero.unwrap(), back);
    breaks_are_told(&segments.join("index.m3u8"));
    plays(&path, &noted, right);
    viewers_see_one_stream(&links);
    let flashes = rises(&flashes(&path, left));
    let beeps = rises(&beeps(&path));
    let mut skews: Vec<f64> =
        flashes.iter().filter(|at| **at > back + 0.3).filter_map(|at| nearest(&beeps, *at)).collect();
    skews.sort_by(f64::total_cmp);
    println!("skews after it all: {skews:?}");
    // A single one may be of a busy test machine: nothing must have shifted for good.
    assert!(skews.len() >= 2 && skews[skews.len() / 2].abs() < 0.06, "{skews:?}");
}

#[test]
fn while_a_recording_is_paused_nothing_is_encoded_and_it_goes_on_at_once() {
    let machine = Machine::of_speed(None);
    let links = FakeLinks::with([(1, Source::Camera, Sends::Colour(GREEN)), (1, Source::Microphone, Sends::Tone(400))]);
    let mut room = room_with(&links, Some(machine.folder.path()));
    let path = machine.folder.path().join("paused.mp4");
    let whole = tile(1, "Ann", Some(track(1, Source::Camera)), rect(0, 0, 1280, 720));
    room.mix.compose(scene(vec![whole], vec![track(1, Source::Microphone)]));
    room.mix.start(ONE, OutputJob::Record { path: path.clone() });
    room.reach(ONE, 1.5);
    room.mix.pause(ONE, true);
    let still = || {
        let before = machine.done.load(Ordering::Relaxed);
        let now = Instant::now();
        while now.elapsed() < Duration::from_millis(400) {
            std::thread::park_timeout(Duration::from_millis(400));
        }
        machine.done.load(Ordering::Relaxed) == before
    };
    assert!((0..10).any(|_| still()), "twelve pictures' time without one that is encoded");

    let resumed = Instant::now();
    while let Ok(early) = room.events.try_recv() {
        println!("{early:?}");
    }
    room.mix.pause(ONE, false);
    let placed = room.wait(ONE, Duration::from_secs(5), |event| matches!(event, OutputEvent::Placed { .. }));
    let OutputEvent::Placed { ago, at } = placed else { unreachable!() };
    let waited = resumed.elapsed().saturating_sub(ago);
    println!("goes on at {at:.2} s, {waited:?} after it was asked to");
    assert!(waited < Duration::from_secs(1), "{waited:?}");
    room.reach(ONE, at + 1.0);
    room.mix.pause(ONE, true);
    assert!((0..10).any(|_| still()));
    room.mix.stop(ONE);
    room.wait(ONE, Duration::from_secs(1), |event| matches!(event, OutputEvent::Finished { .. }));

    let times = times(&path, "v");
    assert!(longest_gap(&times) < 0.05 && times.len() > 60, "{}", longest_gap(&times));
    assert!(key_frames(&path).iter().any(|key| (key - at).abs() < 0.02), "it goes on with a key frame");
    assert!(colours(&path, rect(0, 0, 1280, 720)).iter().skip(10).all(|colour| near(*colour, GREEN)));
    let (sound, length) = (sound(&path), times[times.len() - 1]);
    assert!((sound.len() as f64 / 48_000.0 - length).abs() < 0.1);
    let around = ((at - 0.2) * 48_000.0) as usize..((at + 0.2) * 48_000.0) as usize;
    assert!(strength(&sound[around], 400.0) > 0.15, "and with sound");
}

/// What the disk had of a recording at one moment and another: what kill -9 leaves.
struct Kills {
    stop: Sender<()>,
    thread: JoinHandle<Vec<(Instant, PathBuf)>>,
}

impl Kills {
    fn of(path: &Path) -> Self {
        let (partial, folder) = (remux::partial(path), path.parent().unwrap().to_owned());
        let (stop, stopped) = channel();
        let thread = std::thread::spawn(move || {
            let mut killed = Vec::new();
            while stopped.recv_timeout(KILLS) == Err(RecvTimeoutError::Timeout) {
                let (now, left) = (Instant::now(), folder.join(format!("killed-{}.mp4", killed.len())));
                if std::fs::copy(&partial, remux::partial(&left)).is_ok() {
                    killed.push((now, left));
                }
            }
            killed
        });
        Self { stop, thread }
    }

    fn stop(self) -> Vec<(Instant, PathBuf)> {
        self.stop.send(()).unwrap();
        self.thread.join().unwrap()
    }
}

/// Each is finished by the next start, and plays through every change of size until shortly before the end.
fn survive(killed: &[(Instant, PathBuf)], zero: Instant, back: f64) {
    let mut sizes_seen = Vec::new();
    for (at, file) in killed {
        let at = at.saturating_duration_since(zero).as_secs_f64();
        let Ok(finished) = remux::recover(&remux::partial(file), file) else {
            assert!(at < 2.5, "nothing is left of {at:.2} s: the first pictures wait for an encoder that is too slow");
            continue;
        };
        let lost = at - finished.duration;
        let (packets, shown) = (times(file, "v").len(), sizes(file));
        println!("killed at {at:5.2} s: {:5.2} s are there, {lost:.2} lost, {packets} pictures", finished.duration);
        assert_eq!(packets, shown.len(), "every picture is decoded");
        assert!(at < back || lost <= 1.0, "{lost}");
        sizes_seen = shown.iter().map(|(_, _, height)| *height).collect();
        sizes_seen.dedup();
    }
    assert_eq!(sizes_seen, [720, 360, 720], "the last one goes through all of it");
    assert!(killed.len() > 10);
    if let (Some(kept), Some((_, last))) = (std::env::var_os("VERANDA_KEEP"), killed.last()) {
        std::fs::copy(last, Path::new(&kept).join("killed.mp4")).unwrap();
    }
}

/// Where the picture becomes another one a segment begins, and the playlist says so (RFC 8216 section 4.3.2.3).
fn breaks_are_told(playlist: &Path) {
    let text = std::fs::read_to_string(playlist).unwrap();
    if let Some(kept) = std::env::var_os("VERANDA_KEEP") {
        for file in std::fs::read_dir(playlist.parent().unwrap()).unwrap().map(Result::unwrap) {
            std::fs::copy(file.path(), Path::new(&kept).join(file.file_name())).unwrap();
        }
    }
    let (mut heights, mut breaks) = (Vec::new(), false);
    for line in text.lines() {
        breaks |= line == "#EXT-X-DISCONTINUITY";
        if line.starts_with('#') {
            continue;
        }
        let shown = sizes(&playlist.with_file_name(line));
        assert!(shown.iter().all(|size| size.2 == shown[0].2), "{line} is of one size");
        heights.push((shown[0].2, std::mem::take(&mut breaks)));
    }
    println!("segments: {heights:?}");
    for pair in heights.windows(2) {
        assert!(pair[0].0 == pair[1].0 || pair[1].1, "a new size without a word: {text}");
    }
    let told = heights.iter().filter(|(_, breaks)| *breaks).count();
    assert!((2..=4).contains(&told), "and not more often than something changes: {text}");
    let all = times(playlist, "v");
    assert_eq!(all.len(), sizes(playlist).len(), "it plays through");
    assert!(longest_gap(&all) < 0.17, "{}", longest_gap(&all));
}

fn plays(path: &Path, noted: &[(f64, Quality)], coloured: Rect) {
    let (times, shown) = (times(path, "v"), sizes(path));
    assert_eq!(times.len(), shown.len(), "every picture is decoded");
    println!("{} pictures, {:.2} s of sound", times.len(), self::times(path, "a").len() as f64 * 1024.0 / 48_000.0);
    // As noted, to a picture.
    for (at, _, height) in &shown {
        let said = noted.iter().rev().find(|(from, _)| *from <= at + 0.01).map_or(720, |(_, quality)| quality.height);
        assert_eq!(*height, said, "at {at}: {noted:?}");
    }
    let gap = longest_gap(&times);
    // A fifteenth and a tenth of a second where the one follows the other.
    assert!(gap < 0.17, "nothing was lost: {gap}");
    let late: Vec<f64> = times.iter().copied().filter(|at| *at > noted[7].0 + 0.5).collect();
    assert!(longest_gap(&late) < 0.04, "all of it again");
    for (index, colour) in colours_shown(path, (1280, 720), coloured).iter().enumerate() {
        assert!(shown[index].0 < 1.0 || near(*colour, GREEN), "{:?}: {colour:?}", shown[index]);
    }
}

/// No packet is missing or twice, and each size is announced (RFC 6184, 5.6 and 5.7.1).
fn viewers_see_one_stream(links: &FakeLinks) {
    let published = links.published.lock().unwrap();
    let packets = &published[&Feed::MixPicture(Rendition::Main)];
    let number = |packet: &[u8]| u16::from_be_bytes([packet[2], packet[3]]);
    let gaps = packets.windows(2).filter(|pair| number(&pair[1].0) != number(&pair[0].0).wrapping_add(1)).count();
    let mut announced: Vec<Vec<u8>> =
        packets.iter().filter_map(|(packet, _)| parameters(packet)).map(<[u8]>::to_vec).collect();
    announced.dedup();
    println!("{} packets to viewers, {} different parameters in turn", packets.len(), announced.len());
    let seen = (gaps, announced.len() >= 3);
    drop(published);
    assert_eq!(seen, (0, true), "missing packets; whole, half, whole");
}

/// The SPS in an RTP packet of H.264.
fn parameters(packet: &[u8]) -> Option<&[u8]> {
    let mut rest = &packet[12..];
    if rest[0] & 31 != 24 {
        return (rest[0] & 31 == 7).then_some(rest);
    }
    rest = &rest[1..];
    while rest.len() > 2 {
        let (unit, after) = rest[2..].split_at(usize::from(u16::from_be_bytes([rest[0], rest[1]])));
        if unit[0] & 31 == 7 {
            return Some(unit);
        }
        rest = after;
    }
    None
}

/// When each picture is shown, and how bright it is there.
fn flashes(path: &Path, at: Rect) -> Vec<(f64, f32)> {
    let inner = rect(at.x + at.width / 4, at.height / 4, at.width / 2, at.height / 4);
    let light = |rgb: &[u8; 3]| rgb.iter().map(|part| f32::from(*part)).sum::<f32>() / 765.0;
    times(path, "v").into_iter().zip(colours_shown(path, (1280, 720), inner).iter().map(light)).collect()
}

fn nearest(beeps: &[f64], flash: f64) -> Option<f64> {
    beeps.iter().map(|beep| beep - flash).min_by(|a, b| a.abs().total_cmp(&b.abs()))
}
