//! The mix on its way out: RTMP to a real nginx, also one that dies, and RTP for viewers.

#![allow(clippy::unwrap_used, clippy::panic)] // A test may fail.

mod mix_support;

use std::net::{TcpListener, TcpStream};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use mix_support::*;
use veranda::domain::ids::{OutputId, Source};
use veranda::domain::media::{Feed, MediaEvent, OutputEvent, OutputJob, Rendition, Scene, Sent, StillSize};
use veranda::domain::target::HlsWindow;

const RED: u32 = 0xc0_2020;

/// nginx with its RTMP module, recording what it gets.
struct Server {
    child: Child,
    port: u16,
    folder: PathBuf,
}

impl Server {
    fn start(folder: &Path, port: u16) -> Self {
        let folder = folder.to_owned();
        std::fs::create_dir_all(folder.join("flv")).unwrap();
        let config = format!(
            "load_module /usr/lib/nginx/modules/ngx_rtmp_module.so;\nuser root;\ndaemon off;\nmaster_process off;\n\
             error_log {0}/error.log;\npid {0}/pid;\nevents {{}}\n\
             rtmp {{ server {{ listen 127.0.0.1:{port}; application live {{ live on; record all; record_path {0}/flv; \
             record_unique on; }} }} }}\n",
            folder.display()
        );
        std::fs::write(folder.join("nginx.conf"), config).unwrap();
        let child = Command::new("nginx")
            .arg("-p")
            .arg(&folder)
            .arg("-c")
            .arg(folder.join("nginx.conf"))
            .stderr(Stdio::null())
            .spawn()
            .unwrap();
        Self { child, port, folder }
    }

    fn url(&self, key: &str) -> String {
        format!("rtmp://127.0.0.1:{}/live/{key}", self.port)
    }

    /// What it recorded of a stream, oldest first.
    fn files(&self, key: &str) -> Vec<PathBuf> {
        let mut files: Vec<PathBuf> = std::fs::read_dir(self.folder.join("flv"))
            .unwrap()
            .map(|entry| entry.unwrap().path())
            .filter(|path| path.file_name().unwrap().to_string_lossy().starts_with(key))
            .collect();
        files.sort();
        files
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

fn free_port() -> u16 {
    TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().port()
}

fn one_person() -> (Room, Scene) {
    let links = FakeLinks::with([(1, Source::Camera, Sends::Colour(RED)), (1, Source::Microphone, Sends::Tone(400))]);
    let room = room(&links);
    let filmed = tile(1, "Ann", Some(track(1, Source::Camera)), rect(0, 0, 1280, 720));
    (room, scene(vec![filmed], vec![track(1, Source::Microphone)]))
}

/// Everything that was told of all outputs, and when.
struct Heard<'a> {
    room: &'a mut Room,
    events: Vec<(OutputId, Instant, OutputEvent)>,
}

impl Heard<'_> {
    /// Listens until this holds; the moment it did.
    fn until(&mut self, what: &str, limit: Duration, holds: impl Fn(&Self) -> bool) -> Instant {
        let end = Instant::now() + limit;
        while !holds(self) {
            assert!(Instant::now() < end, "{what}: not within {limit:?}; heard {:?}", self.events);
            match self.room.events.try_recv() {
                Ok(MediaEvent::Output { output, event }) => self.events.push((output, Instant::now(), event)),
                Ok(_) => {}
                Err(_) => std::thread::park_timeout(Duration::from_millis(5)),
            }
        }
        self.events.last().map_or_else(Instant::now, |(_, at, _)| *at)
    }

    fn count(&self, output: OutputId, fits: impl Fn(&OutputEvent) -> bool) -> usize {
        self.events.iter().filter(|(of, _, event)| *of == output && fits(event)).count()
    }

    fn retried(&self, output: OutputId) -> usize {
        self.count(output, |event| matches!(event, OutputEvent::Retrying { .. }))
    }

    fn lives(&self, output: OutputId) -> usize {
        self.count(output, |event| *event == OutputEvent::Live)
    }

    fn ended(&self, output: OutputId) -> bool {
        self.count(output, |event| matches!(event, OutputEvent::Finished { .. })) > 0
    }

    fn seconds(&self, output: OutputId) -> f64 {
        self.sent(output).map_or(0.0, |sent| sent.seconds)
    }

    fn sent(&self, output: OutputId) -> Option<Sent> {
        let of = |(of, _, event): &(OutputId, Instant, OutputEvent)| match event {
            OutputEvent::Sent(sent) if *of == output => Some(*sent),
            _ => None,
        };
        self.events.iter().rev().find_map(of)
    }
}

/// A server that takes every connection on to another, as slowly as this.
fn slow_line(to: u16, bytes_a_second: usize) -> u16 {
    use std::io::{Read, Write};
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let port = listener.local_addr().unwrap().port();
    std::thread::spawn(move || {
        for client in listener.incoming().flatten() {
            let server = TcpStream::connect(("127.0.0.1", to)).unwrap();
            let (mut down, mut up) = (server.try_clone().unwrap(), client.try_clone().unwrap());
            std::thread::spawn(move || drop(std::io::copy(&mut down, &mut up)));
            let (mut from, mut into) = (client, server);
            std::thread::spawn(move || {
                let mut part = vec![0; bytes_a_second / 20];
                while let Ok(count) = from.read(&mut part)
                    && count > 0
                    && into.write_all(&part[..count]).is_ok()
                {
                    std::thread::park_timeout(Duration::from_millis(50));
                }
            });
        }
    });
    port
}

fn signal(signal: &str, child: &Child) {
    assert!(Command::new("kill").args([signal, &child.id().to_string()]).status().unwrap().success());
}

/// The picture and the tone are whole.
fn is_red(file: &Path) {
    let seen = colours(file, rect(0, 0, 1280, 720));
    assert!(seen.len() > 60 && near(seen[45], RED), "{file:?}: {} frames", seen.len());
    assert!(strength(&sound(file)[60_000..84_000], 400.0) > 0.15);
}

/// And there is no hole.
fn is_whole(file: &Path) {
    is_red(file);
    let times = times(file, "v");
    assert!(times[0] < 1.5 && longest_gap(&times) < 0.06, "{file:?}: {:?} {}", times[0], longest_gap(&times));
}

#[test]
fn no_server_touches_another_whatever_becomes_of_it() {
    let folder = tempfile::tempdir().unwrap();
    let [first, steady, frozen] = ["a", "b", "c"].map(|name| Server::start(&folder.path().join(name), free_port()));
    let start = Instant::now();
    let (mut room, scene) = one_person();
    room.mix.compose(scene);
    let [record, dying, good, stopped, nobody, unwanted, slow] = [1, 2, 3, 4, 5, 6, 7].map(OutputId);
    let path = folder.path().join("take.mp4");
    room.mix.start(record, OutputJob::Record { path: path.clone() });
    for (output, url) in [
        (dying, first.url("sekret")),
        (good, steady.url("two")),
        (stopped, frozen.url("three")),
        (nobody, format!("rtmp://127.0.0.1:{}/live/key", free_port())),
        (unwanted, format!("rtmp://127.0.0.1:{}/elsewhere/sekret", steady.port)),
        // Far less than it is sent: it gets what fits.
        (slow, format!("rtmp://127.0.0.1:{}/live/slow", slow_line(steady.port, 12_000))),
    ] {
        room.mix.start(output, OutputJob::Stream { url });
    }
    let mut heard = Heard { room: &mut room, events: Vec::new() };
    let s = Duration::from_secs;
    heard.until("all that can be are live", s(15), |heard| {
        [dying, good, stopped, slow].iter().all(|output| heard.seconds(*output) > 3.0)
    });
    assert_eq!((heard.lives(nobody), heard.lives(unwanted)), (0, 0));

    signal("-STOP", &frozen.child);
    let at = Instant::now();
    let noticed = heard.until("the frozen one is noticed", s(8), |heard| heard.retried(stopped) > 0);
    println!("frozen: noticed after {:?}", noticed - at);
    assert!(noticed - at < s(5));
    let port = first.port;
    drop(first);
    heard.until("the dead one is tried again and again", s(5), |heard| heard.retried(dying) > 3);
    let again = Server::start(&folder.path().join("a"), port);
    let at = Instant::now();
    println!("back: {:?}", heard.until("the dead one is back", s(5), |heard| heard.lives(dying) > 1) - at);
    signal("-CONT", &frozen.child);
    let at = Instant::now();
    println!("thawed: {:?}", heard.until("the frozen one is back", s(5), |heard| heard.lives(stopped) > 1) - at);
    let since = [dying, stopped].map(|output| (output, heard.seconds(output)));
    let both = |heard: &Heard<'_>| since.iter().all(|(output, since)| heard.seconds(*output) > since + 3.5);
    heard.until("both go on", s(20), both);

    let all = [record, dying, good, stopped, nobody, unwanted, slow];
    for output in all {
        heard.room.mix.stop(output);
    }
    heard.until("all end", s(20), |heard| all.iter().all(|output| heard.ended(*output)));
    assert!(!format!("{:?}", heard.events).contains("sekret"));
    assert_eq!((heard.retried(good), heard.lives(good)), (0, 1));
    let of_slow: Vec<_> =
        heard.events.iter().filter(|(of, ..)| *of == slow).map(|(_, at, event)| (*at - start, event)).collect();
    assert!(heard.retried(slow) < 2, "who is slow is not started over and over: {of_slow:#?}");
    let (sent, short) = (heard.sent(good).unwrap(), heard.sent(slow).unwrap());
    println!("good {sent:?}\nslow {short:?}");
    assert!(sent.bitrate > 50_000 && sent.dropped == 0 && sent.bytes > 100_000);

    let frames = times(&path, "v");
    assert!(longest_gap(&frames) < 0.05, "{}", longest_gap(&frames));
    let (ends, thawed) = (again.files("sekret"), frozen.files("three"));
    assert_eq!((ends.len(), thawed.len()), (2, 2), "before and after");
    // What a killed server had not written yet is gone: only what came after can be whole.
    ends[1..].iter().chain(&steady.files("two")).chain(&thawed[1..]).for_each(|file| is_whole(file));
}

/// ffmpeg as SRT listener, writing what it gets.
fn listen(port: u16, file: &Path) -> Child {
    let url = format!("srt://127.0.0.1:{port}?mode=listener&passphrase=0123456789ab&streamid=sekret");
    let mut command = Command::new("ffmpeg");
    command.args(["-v", "error", "-nostdin", "-y", "-i", &url, "-c", "copy", "-f", "mpegts"]).arg(file);
    command.stderr(Stdio::null()).spawn().unwrap()
}

#[test]
fn an_srt_listener_gets_the_same_and_may_freeze_and_come_back() {
    let folder = tempfile::tempdir().unwrap();
    let port = std::net::UdpSocket::bind("127.0.0.1:0").unwrap().local_addr().unwrap().port();
    let (mut room, scene) = one_person();
    room.mix.compose(scene);
    let (stream, wrong) = (OutputId(1), OutputId(2));
    let url = format!("srt://127.0.0.1:{port}?streamid=sekret&passphrase=0123456789ab&latency=200");
    room.mix.start(stream, OutputJob::Stream { url });
    let mut heard = Heard { room: &mut room, events: Vec::new() };
    let s = Duration::from_secs;
    heard.until("nobody listens", s(6), |heard| heard.retried(stream) > 0);
    let files = ["a.ts", "b.ts"].map(|name| folder.path().join(name));
    let mut first = listen(port, &files[0]);
    let at = Instant::now();
    println!("srt: live after {:?}", heard.until("live", s(8), |heard| heard.lives(stream) > 0) - at);
    heard.until("goes on", s(10), |heard| heard.seconds(stream) > 4.0);
    signal("-STOP", &first);
    let (at, before) = (Instant::now(), heard.retried(stream));
    let noticed = heard.until("noticed", s(8), |heard| heard.retried(stream) > before);
    println!("srt: frozen, noticed after {:?}", noticed - at);
    assert!(noticed - at < s(5));
    signal("-KILL", &first);
    first.wait().unwrap();
    let mut second = listen(port, &files[1]);
    let at = Instant::now();
    println!("srt: back {:?}", heard.until("back", s(8), |heard| heard.lives(stream) > 1) - at);
    heard.until("goes on", s(10), |heard| heard.seconds(stream) > 8.0);
    let url = format!("srt://127.0.0.1:{port}?passphrase=another-one");
    heard.room.mix.start(wrong, OutputJob::Stream { url });
    heard.until("another passphrase is refused", s(8), |heard| heard.retried(wrong) > 0);
    for output in [stream, wrong] {
        heard.room.mix.stop(output);
    }
    heard.until("all end", s(5), |heard| heard.ended(stream) && heard.ended(wrong));
    assert!(!format!("{:?}", heard.events).contains("sekret"));
    println!("{:?}", heard.events.iter().filter(|(of, ..)| *of == wrong).collect::<Vec<_>>());
    signal("-INT", &second);
    second.wait().unwrap();
    is_whole(&files[1]);
}

#[test]
fn an_address_without_a_server_is_retried_until_stopped() {
    let (mut room, scene) = one_person();
    room.mix.compose(scene);
    let stream = OutputId(1);
    room.mix.start(stream, OutputJob::Stream { url: format!("rtmp://127.0.0.1:{}/live/key", free_port()) });
    let event = room.wait(stream, Duration::from_secs(8), |event| {
        assert_ne!(*event, OutputEvent::Live);
        matches!(event, OutputEvent::Retrying { retries: 4, .. })
    });
    assert!(matches!(event, OutputEvent::Retrying { error, .. } if error.contains("does not answer")));
    room.mix.stop(stream);
    room.wait(stream, Duration::from_secs(5), |event| matches!(event, OutputEvent::Finished { .. }));
}

/// The playlist's segments with their lengths.
fn segments(playlist: &str) -> Vec<(f64, &str)> {
    let lines: Vec<&str> = playlist.lines().collect();
    let segment =
        |pair: &[&'_ str]| pair[0].strip_prefix("#EXTINF:").map(|text| text.trim_end_matches(',').parse().unwrap());
    lines.windows(2).filter_map(|pair| Some((segment(pair)?, pair[1]))).collect()
}

#[test]
fn players_find_segments_that_roll_on_or_stay_and_end() {
    let folder = tempfile::tempdir().unwrap();
    let (mut room, scene) = one_person();
    room.mix.compose(scene);
    let [rolling, event] = [1, 2].map(OutputId);
    let folders = [rolling, event].map(|output| folder.path().join(output.to_string()));
    for (output, folder, window) in [(rolling, &folders[0], HlsWindow::Rolling), (event, &folders[1], HlsWindow::Event)]
    {
        room.mix.start(output, OutputJob::Hls { folder: folder.clone(), window });
    }
    let mut heard = Heard { room: &mut room, events: Vec::new() };
    let s = Duration::from_secs;
    heard.until("segments are made", s(25), |heard| [rolling, event].iter().all(|output| heard.seconds(*output) > 5.0));
    let read = |folder: &Path| std::fs::read_to_string(folder.join("index.m3u8")).unwrap();
    let live = read(&folders[0]);
    assert!(!live.contains("ENDLIST") && segments(&live).len() >= 3, "{live}");
    for output in [rolling, event] {
        heard.room.mix.stop(output);
    }
    heard.until("both end", s(10), |heard| heard.ended(rolling) && heard.ended(event));
    for folder in &folders {
        let playlist = read(folder);
        assert!(playlist.ends_with("#EXT-X-ENDLIST\n") && playlist.contains("TARGETDURATION:2\n"), "{playlist}");
        let listed = segments(&playlist);
        assert!(listed.iter().all(|(seconds, _)| *seconds < 2.5), "{playlist}");
        let written = std::fs::read_dir(folder)
            .unwrap()
            .filter(|entry| entry.as_ref().unwrap().path().extension().is_some_and(|ending| ending == "ts"));
        assert_eq!(written.count(), listed.len());
        let whole = folder.join("index.m3u8");
        let seconds: f64 = listed.iter().map(|(seconds, _)| seconds).sum();
        let frames = times(&whole, "v");
        assert!((frames.len() as f64 / 30.0 - seconds).abs() < 0.2, "{} frames, {playlist}", frames.len());
        assert!(longest_gap(&frames) < 0.06, "{}", longest_gap(&frames));
        is_red(&whole);
        // Each segment can be the first that a player gets.
        assert_eq!(key_frames(&folder.join(listed[1].1)).first(), times(&folder.join(listed[1].1), "v").first());
    }
    assert_eq!(heard.lives(event), 1);
    println!("hls: {:?}", heard.sent(event));
}

#[test]
fn a_still_wakes_the_mix_for_a_moment() {
    let folder = tempfile::tempdir().unwrap();
    let (mut room, scene) = one_person();
    room.mix.compose(scene);
    for (size, width, height) in [(StillSize::Full, 1280, 720), (StillSize::Small, 320, 180)] {
        room.mix.still(size);
        let end = Instant::now() + Duration::from_secs(8);
        let jpeg = loop {
            assert!(Instant::now() < end, "no picture");
            match room.events.try_recv() {
                Ok(MediaEvent::Still { size: of, jpeg }) if of == size => break jpeg.expect("a picture"),
                _ => std::thread::park_timeout(Duration::from_millis(5)),
            }
        };
        let file = folder.path().join("still.jpg");
        std::fs::write(&file, &jpeg).unwrap();
        let (seen_width, seen_height, _) = shape(&file);
        assert_eq!((seen_width, seen_height), (width, height));
        assert!(
            near(colours(&file, rect(0, 0, width, height))[0], RED),
            "{:?}",
            colours(&file, rect(0, 0, width, height))
        );
        assert!(size == StillSize::Full || jpeg.len() <= 2_700, "{}", jpeg.len());
        println!("{size:?}: {} bytes", jpeg.len());
    }
    let end = Instant::now() + Duration::from_secs(10);
    while room.links.subscriptions() > 0 {
        assert!(Instant::now() < end, "the mix sleeps again");
        std::thread::park_timeout(Duration::from_millis(10));
    }
}

fn number(packet: &[u8], at: usize) -> u32 {
    u32::from_be_bytes(packet[at..at + 4].try_into().unwrap())
}

#[test]
fn viewers_get_rtp_of_what_they_watch_and_nothing_else() {
    let (room, scene) = one_person();
    room.mix.compose(scene);
    let (main, low) = (Feed::MixPicture(Rendition::Main), Feed::MixPicture(Rendition::Low));
    let until = |what: &str, fits: &dyn Fn() -> bool| {
        let end = Instant::now() + Duration::from_secs(15);
        while !fits() {
            assert!(Instant::now() < end, "{what}");
            std::thread::park_timeout(Duration::from_millis(10));
        }
    };
    room.mix.watch(Rendition::Low, true);
    until("low is published", &|| room.links.packets(low) > 60 && room.links.packets(Feed::MixSound) > 100);
    assert_eq!(room.links.packets(main), 0);
    room.mix.watch(Rendition::Main, true);
    until("main is published", &|| room.links.packets(main) > 100);
    room.mix.watch(Rendition::Low, false);
    room.mix.watch(Rendition::Main, false);
    until("the mix sleeps", &|| room.links.subscriptions() == 0);

    let published = room.links.published.lock().unwrap();
    for (feed, rate, kind) in [(low, 90_000.0, 96), (main, 90_000.0, 102), (Feed::MixSound, 48_000.0, 111)] {
        let packets = &published[&feed];
        let (first, last) = (&packets[0], &packets[packets.len() - 1]);
        assert!(packets.iter().all(|(packet, _)| packet.len() <= 1200 && packet[1] & 0x7f == kind));
        let rtp = f64::from(number(&last.0, 4).wrapping_sub(number(&first.0, 4))) / rate;
        let composed = (last.1 - first.1).as_secs_f64();
        assert!((rtp - composed).abs() < 0.01, "{feed:?}: {rtp} s of RTP, {composed} s composed");
        assert!(packets.iter().all(|(_, at)| *at <= Instant::now()), "composed before it is published");
    }
    // VP8: a key frame of 416x234 comes first (RFC 6386, 9.1), after the descriptor with its 15-bit picture id.
    let (first, _) = &published[&low][0];
    assert_eq!(first[12] & 0x90, 0x90, "extended, start of partition");
    let frame = &first[16..];
    assert_eq!(frame[0] & 1, 0, "key frame");
    assert_eq!((frame[6], frame[7], frame[8], frame[9]), (0xa0, 0x01, 0xea, 0x00), "416x234");
}
