//! The mix on its way out: RTMP to a real nginx, also one that dies, and RTP for viewers.

#![allow(clippy::unwrap_used, clippy::panic)] // A test may fail.

mod mix_support;

use std::net::TcpListener;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use mix_support::*;
use veranda::domain::ids::{OutputId, Source};
use veranda::domain::media::{Feed, OutputEvent, OutputJob, Rendition, Scene};

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

#[test]
fn a_server_that_dies_is_tried_again_and_the_recording_does_not_notice() {
    let folder = tempfile::tempdir().unwrap();
    let (port, other_port) = (free_port(), free_port());
    let first = Server::start(&folder.path().join("a"), port);
    let other = Server::start(&folder.path().join("b"), other_port);
    let (mut room, scene) = one_person();
    room.mix.compose(scene);
    let (record, stream, second) = (OutputId(1), OutputId(2), OutputId(3));
    let path = folder.path().join("take.mp4");
    room.mix.start(record, OutputJob::Record { path: path.clone() });
    room.mix.start(stream, OutputJob::Stream { url: first.url("sekret") });
    room.mix.start(second, OutputJob::Stream { url: other.url("two") });
    room.wait(stream, Duration::from_secs(10), |event| *event == OutputEvent::Live);
    room.reach(stream, 3.0);
    drop(first);
    let event = room.wait(stream, Duration::from_secs(5), |event| matches!(event, OutputEvent::Retrying { .. }));
    assert!(!format!("{event:?}").contains("sekret"), "{event:?}");
    room.wait(stream, Duration::from_secs(5), |event| matches!(event, OutputEvent::Retrying { retries: 3.., .. }));
    let again = Server::start(&folder.path().join("a"), port);
    let back = Instant::now();
    room.wait(stream, Duration::from_secs(5), |event| *event == OutputEvent::Live);
    println!("live again {:?} after the server was back", back.elapsed());
    room.reach(stream, 6.0);
    for output in [stream, second, record] {
        room.mix.stop(output);
        room.wait(output, Duration::from_secs(15), |event| matches!(event, OutputEvent::Finished { .. }));
    }

    let frames = times(&path, "v");
    assert!(longest_gap(&frames) < 0.05, "{}", longest_gap(&frames));
    let streamed = again.files("sekret");
    assert_eq!(streamed.len(), 2, "before and after");
    for file in streamed.iter().chain(&other.files("two")) {
        let seen = colours(file, rect(0, 0, 1280, 720));
        assert!(seen.len() > 60 && near(seen[45], RED), "{file:?}: {} frames", seen.len());
        assert!(strength(&sound(file)[60_000..84_000], 400.0) > 0.15);
        let times = times(file, "v");
        assert!(times[0] < 0.5 && longest_gap(&times) < 0.06, "{:?} {}", times[0], longest_gap(&times));
    }
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
