//! A forwarder for tests of the mix: its tracks are local pipelines of solid colours and tones, sent as RTP with sender
//! reports; what the mix publishes is counted.

#![allow(dead_code, unused_imports, unreachable_pub, missing_docs, clippy::unwrap_used, clippy::panic)] // Each test takes its part.

mod files;

use std::collections::HashMap;
use std::path::Path;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

use gst::prelude::*;
use tokio::sync::mpsc::{UnboundedReceiver, unbounded_channel};
use veranda::domain::ids::{OutputId, ParticipantId, PeerId, RoomId, Source, TrackId};
use veranda::domain::media::{Feed, MediaEvent, OutputEvent, Rect, Scene, Tile};
use veranda::media::links::{Links, SubscriptionId};
use veranda::media::mix::Mix;
use veranda::media::template::Templates;
use veranda::rtp::description::CodecName;
use veranda::rtp::sink::PacketSink;

pub use files::*;

/// What a track sends.
#[derive(Clone, Copy)]
pub enum Sends {
    /// A solid colour, RGB, VP8.
    Colour(u32),
    /// The same in H.264.
    ColourH264(u32),
    /// A sine, Hz.
    Tone(u32),
    /// Somebody at their desk, drawn in this colour: to be looked at.
    Portrait(u32),
    /// A white square in a red frame, as a shared window: what is cut off is seen to be missing.
    Window,
    /// A white flash, and a beep with it, each second. The picture arrives `u64` ms later than the sound.
    Flash(u64),
    Beep,
    /// Packets that say they are VP8, of noise.
    Garbage,
    /// A solid colour whose size is another one each second.
    Resizing(u32),
    /// A solid colour without a key frame, whoever asks, before so many seconds; then one each second.
    Keyless(u32, u64),
}

/// What [`Sends::Resizing`] sends, one after the other.
const SIZES: [(i32, i32); 4] = [(640, 360), (320, 180), (360, 640), (160, 90)];

struct Sender {
    pipeline: gst::Pipeline,
    /// Drops packets, to play a frozen camera.
    silent: Arc<std::sync::atomic::AtomicBool>,
}

impl Drop for Sender {
    fn drop(&mut self) {
        let _ = self.pipeline.set_state(gst::State::Null);
    }
}

/// A packet and when its media was composed.
pub type Published = (Vec<u8>, Instant);

#[derive(Default)]
pub struct FakeLinks {
    pub tracks: Mutex<HashMap<TrackId, Sends>>,
    senders: Mutex<HashMap<SubscriptionId, (TrackId, Sender)>>,
    next: AtomicU64,
    pub key_frames_asked: AtomicU64,
    pub published: Mutex<HashMap<Feed, Vec<Published>>>,
}

pub fn track(person: u64, source: Source) -> TrackId {
    TrackId { peer: PeerId(person), source }
}

impl FakeLinks {
    pub fn with(tracks: impl IntoIterator<Item = (u64, Source, Sends)>) -> Arc<Self> {
        let links = Self::default();
        links.tracks.lock().unwrap().extend(tracks.into_iter().map(|(p, s, sends)| (track(p, s), sends)));
        Arc::new(links)
    }

    pub fn subscriptions(&self) -> usize {
        self.senders.lock().unwrap().len()
    }

    pub fn silence(&self, track: TrackId, silent: bool) {
        for (of, sender) in self.senders.lock().unwrap().values() {
            if *of == track {
                sender.silent.store(silent, Ordering::Relaxed);
            }
        }
    }

    pub fn packets(&self, feed: Feed) -> usize {
        self.published.lock().unwrap().get(&feed).map_or(0, Vec::len)
    }
}

/// A drawing of head and shoulders in a room.
fn portrait(rgb: u32) -> std::path::PathBuf {
    let path = std::env::temp_dir().join(format!("veranda-portrait-{rgb:06x}.svg"));
    let svg = format!(
        "<svg xmlns='http://www.w3.org/2000/svg' width='640' height='360'>\
         <defs><linearGradient id='w' x2='0' y2='1'><stop stop-color='#d8d2c4'/><stop offset='1' stop-color='#8d8577'/></linearGradient></defs>\
         <rect width='640' height='360' fill='url(#w)'/><rect x='40' y='30' width='130' height='170' fill='#b9cfe0'/>\
         <rect x='500' y='60' width='110' height='14' fill='#6b5b45'/><rect x='510' y='20' width='22' height='40' fill='#{rgb:06x}'/>\
         <path d='M170 360c0-90 60-130 150-130s150 40 150 130z' fill='#{rgb:06x}'/>\
         <rect x='292' y='190' width='56' height='60' rx='20' fill='#d9a583'/><ellipse cx='320' cy='140' rx='68' ry='84' fill='#e8b894'/>\
         <path d='M250 130c0-60 30-85 70-85s70 25 70 85c-20-40-40-45-70-45s-50 10-70 45z' fill='#4a3426'/>\
         <circle cx='295' cy='140' r='6'/><circle cx='345' cy='140' r='6'/><path d='M295 180q25 18 50 0' fill='none' stroke='#844' stroke-width='5'/></svg>"
    );
    std::fs::write(&path, svg).unwrap();
    path
}

fn launch(sends: Sends) -> (String, CodecName) {
    let picture = |rgb: u32| {
        format!(
            "videotestsrc is-live=true pattern=solid-color foreground-color={} ! video/x-raw,format=I420,width=640,height=360,framerate=30/1",
            0xff00_0000 | rgb
        )
    };
    let vp8 = "vp8enc deadline=1 cpu-used=8 threads=1 keyframe-max-dist=300 target-bitrate=500000 name=encoder ! rtpvp8pay picture-id-mode=2 pt=96 mtu=1200 name=pay";
    let opus = "audioconvert ! opusenc frame-size=20 ! rtpopuspay pt=111 name=pay";
    match sends {
        Sends::Colour(rgb) => (format!("{} ! {vp8}", picture(rgb)), CodecName::Vp8),
        Sends::ColourH264(rgb) => (
            format!(
                "{} ! x264enc tune=zerolatency speed-preset=ultrafast key-int-max=300 name=encoder ! rtph264pay pt=102 config-interval=-1 mtu=1200 name=pay",
                picture(rgb)
            ),
            CodecName::H264,
        ),
        Sends::Tone(hz) => (
            format!(
                "audiotestsrc is-live=true freq={hz} volume=0.3 samplesperbuffer=960 ! audio/x-raw,rate=48000,channels=1 ! {opus}"
            ),
            CodecName::Opus,
        ),
        Sends::Portrait(rgb) => (
            format!(
                "filesrc location={} ! rsvgdec ! imagefreeze is-live=true ! videoconvert ! video/x-raw,format=I420,width=640,height=360,framerate=10/1 ! {vp8}",
                portrait(rgb).display()
            ),
            CodecName::Vp8,
        ),
        Sends::Window => (
            format!(
                "videotestsrc is-live=true pattern=white ! video/x-raw,format=I420,width=400,height=400,framerate=15/1 ! videobox top=-40 bottom=-40 left=-40 right=-40 fill=red ! {vp8}"
            ),
            CodecName::Vp8,
        ),
        // What becomes of these three: see `Spoiler`.
        Sends::Garbage => (format!("{} ! {vp8}", picture(0x40_4040)), CodecName::Vp8),
        Sends::Resizing(rgb) => {
            (format!("{} ! videoscale ! capsfilter name=size ! {vp8}", picture(rgb)), CodecName::Vp8)
        }
        Sends::Keyless(rgb, _) => {
            let deaf =
                vp8.replace("keyframe-max-dist=300", "keyframe-mode=disabled").replace("name=encoder", "name=deaf");
            (format!("{} ! {deaf}", picture(rgb)), CodecName::Vp8)
        }
        // Flashes are made by a probe: see `sender`.
        Sends::Flash(_) => (format!("{} ! identity name=flash ! {vp8}", picture(0)), CodecName::Vp8),
        Sends::Beep => (
            format!(
                "audiotestsrc is-live=true freq=1000 volume=0.6 samplesperbuffer=480 ! audio/x-raw,format=S16LE,rate=48000,channels=1 ! identity name=beep ! {opus}"
            ),
            CodecName::Opus,
        ),
    }
}

/// Whether a time is in the first tenth of a second of the wall's clock: when both flash and beep are on.
fn is_on(at: gst::ClockTime) -> bool {
    at.mseconds() % 1000 < 100
}

fn mark(pipeline: &gst::Pipeline, name: &str, bright: bool) {
    let Some(element) = pipeline.by_name(name) else { return };
    let base = pipeline.clone();
    element.static_pad("src").unwrap().add_probe(gst::PadProbeType::BUFFER, move |_, info| {
        let Some(buffer) = info.buffer_mut() else { return gst::PadProbeReturn::Ok };
        let at = buffer.pts().unwrap() + base.base_time().unwrap_or_default();
        let mut map = buffer.make_mut().map_writable().unwrap();
        match (bright, is_on(at)) {
            (true, true) => map[..640 * 360].fill(235),
            (false, false) => map.fill(0),
            _ => {}
        }
        drop(map);
        gst::PadProbeReturn::Ok
    });
}

/// Makes of a publisher one that sends what it should not.
struct Spoiler {
    sends: Sends,
    pipeline: gst::Pipeline,
    began: Instant,
    second: usize,
    noise: u32,
}

impl Spoiler {
    fn new(sends: Sends, pipeline: &gst::Pipeline) -> Self {
        Self { sends, pipeline: pipeline.clone(), began: Instant::now(), second: 0, noise: 0x2545_f491 }
    }

    /// False: the packet is not sent.
    fn spoil(&mut self, packet: &mut [u8]) -> bool {
        let second = self.began.elapsed().as_secs() as usize;
        let new = std::mem::replace(&mut self.second, second) != second;
        match self.sends {
            Sends::Garbage => {
                // Every other packet keeps its descriptor and the first bytes of the frame's header.
                let from = if packet[3] & 1 == 0 { 12 } else { 20 };
                packet.iter_mut().skip(from).for_each(|byte| *byte = self.random());
                true
            }
            Sends::Resizing(_) if new => {
                let (width, height) = SIZES[second % SIZES.len()];
                let caps = gst::Caps::builder("video/x-raw").field("width", width).field("height", height).build();
                self.pipeline.by_name("size").unwrap().set_property("caps", caps);
                true
            }
            Sends::Keyless(_, until) if new && second as u64 >= until => {
                let event = gst_video::UpstreamForceKeyUnitEvent::builder().all_headers(true).build();
                self.pipeline.by_name("deaf").unwrap().static_pad("src").unwrap().send_event(event);
                true
            }
            // The first picture is a key frame.
            Sends::Keyless(..) => self.began.elapsed() > Duration::from_millis(500),
            _ => true,
        }
    }

    fn random(&mut self) -> u8 {
        self.noise ^= self.noise << 13;
        self.noise ^= self.noise >> 17;
        self.noise ^= self.noise << 5;
        self.noise as u8
    }
}

fn sender(sends: Sends, ssrc: u32, mut sink: Box<dyn PacketSink>) -> (Sender, CodecName) {
    let (text, codec) = launch(sends);
    let pipeline = gst::parse::launch(&format!("{text} ! appsink name=out sync=false")).unwrap();
    let pipeline = pipeline.downcast::<gst::Pipeline>().unwrap();
    pipeline.use_clock(Some(&gst::SystemClock::obtain()));
    pipeline.by_name("pay").unwrap().set_property("ssrc", ssrc);
    mark(&pipeline, "flash", true);
    mark(&pipeline, "beep", false);
    let silent = Arc::new(std::sync::atomic::AtomicBool::new(false));
    let quiet = silent.clone();
    let own = pipeline.clone();
    let delay = if let Sends::Flash(ms) = sends { ms } else { 0 };
    // A late camera: its packets leave by a thread that waits.
    let (late, packets) = std::sync::mpsc::channel::<(Instant, Vec<u8>, bool)>();
    std::thread::spawn(move || {
        for (due, packet, report) in packets {
            std::thread::sleep(due.saturating_duration_since(Instant::now()));
            if report { sink.rtcp(&packet) } else { sink.rtp(&packet) }
        }
    });
    let mut count = 0_u64;
    let mut spoiler = Spoiler::new(sends, &pipeline);
    let out: gst_app::AppSink = pipeline.by_name("out").unwrap().downcast().unwrap();
    out.set_callbacks(
        gst_app::AppSinkCallbacks::builder()
            .new_sample(move |out| {
                let sample = out.pull_sample().map_err(|_| gst::FlowError::Eos)?;
                let buffer = sample.buffer().unwrap();
                let mut packet = buffer.map_readable().unwrap().to_vec();
                if !spoiler.spoil(&mut packet) || quiet.load(Ordering::Relaxed) {
                    return Ok(gst::FlowSuccess::Ok);
                }
                let due = Instant::now() + Duration::from_millis(delay);
                if count.is_multiple_of(25) {
                    let wall = buffer.pts().unwrap() + own.base_time().unwrap();
                    let _ = late.send((due, report(ssrc, wall, &packet), true));
                }
                count += 1;
                let _ = late.send((due, packet, false));
                Ok(gst::FlowSuccess::Ok)
            })
            .build(),
    );
    pipeline.set_state(gst::State::Playing).unwrap();
    (Sender { pipeline, silent }, codec)
}

/// A sender report for the moment of this packet.
fn report(ssrc: u32, wall: gst::ClockTime, packet: &[u8]) -> Vec<u8> {
    let mut report = vec![0x80, 200, 0, 6];
    report.extend(ssrc.to_be_bytes());
    let seconds = wall.seconds() + 3_000_000_000;
    let fraction = ((wall.nseconds() % 1_000_000_000) << 32) / 1_000_000_000;
    report.extend((seconds << 32 | fraction).to_be_bytes());
    report.extend(&packet[4..8]);
    report.extend([0; 8]);
    report
}

impl Links for FakeLinks {
    fn subscribe(&self, track: TrackId, _: u16, sink: Box<dyn PacketSink>) -> Option<(SubscriptionId, CodecName)> {
        let sends = *self.tracks.lock().unwrap().get(&track)?;
        let id = SubscriptionId(self.next.fetch_add(1, Ordering::Relaxed));
        let (sender, codec) = sender(sends, 1000 + id.0 as u32, sink);
        self.senders.lock().unwrap().insert(id, (track, sender));
        Some((id, codec))
    }
    fn resize(&self, _: SubscriptionId, _: u16) {}
    fn unsubscribe(&self, subscription: SubscriptionId) {
        let gone = self.senders.lock().unwrap().remove(&subscription);
        drop(gone);
    }
    fn request_key_frame(&self, subscription: SubscriptionId) {
        self.key_frames_asked.fetch_add(1, Ordering::Relaxed);
        if let Some((_, sender)) = self.senders.lock().unwrap().get(&subscription)
            && let Some(encoder) = sender.pipeline.by_name("encoder")
        {
            let event = gst_video::UpstreamForceKeyUnitEvent::builder().all_headers(true).build();
            encoder.static_pad("src").unwrap().send_event(event);
        }
    }
    fn publish(&self, feed: Feed, packet: &[u8], composed: Instant) {
        self.published.lock().unwrap().entry(feed).or_default().push((packet.to_vec(), composed));
    }
}

/// A mix with its ears.
pub struct Room {
    pub mix: Mix,
    pub links: Arc<FakeLinks>,
    pub events: UnboundedReceiver<MediaEvent>,
}

pub fn room(links: &Arc<FakeLinks>) -> Room {
    room_with(links, None)
}

/// With templates of its own.
pub fn room_with(links: &Arc<FakeLinks>, pipelines: Option<&Path>) -> Room {
    gst::init().unwrap();
    let _ = tracing_subscriber::fmt().with_test_writer().try_init();
    let (sender, events) = unbounded_channel();
    let templates = Arc::new(Templates::load(pipelines).unwrap());
    let mix = Mix::new(RoomId(1), templates, links.clone(), sender);
    Room { mix, links: links.clone(), events }
}

impl Room {
    /// Waits for an event of this output that fits; panics after `limit`, or on a failure that was not asked for.
    pub fn wait(
        &mut self,
        output: OutputId,
        limit: Duration,
        mut fits: impl FnMut(&OutputEvent) -> bool,
    ) -> OutputEvent {
        let end = Instant::now() + limit;
        let mut seen = Vec::new();
        while Instant::now() < end {
            match self.events.try_recv() {
                Ok(MediaEvent::Output { output: of, event }) if of == output => {
                    if fits(&event) {
                        return event;
                    }
                    assert!(!matches!(event, OutputEvent::Failed { .. }), "{event:?}");
                    seen.push(event);
                }
                Ok(_) => {}
                Err(_) => std::thread::park_timeout(Duration::from_millis(5)),
            }
        }
        panic!("not heard within {limit:?}; heard {seen:?}");
    }

    /// Until this output has this much media.
    pub fn reach(&mut self, output: OutputId, seconds: f64) {
        let fits = |event: &OutputEvent| match event {
            OutputEvent::Progress { duration, .. } => *duration >= seconds,
            OutputEvent::Sent(sent) => sent.seconds >= seconds,
            _ => false,
        };
        self.wait(output, Duration::from_secs(60), fits);
    }
}

pub fn tile(person: u64, name: &str, picture: Option<TrackId>, rect: Rect) -> Tile {
    Tile {
        participant: ParticipantId(person),
        source: Source::Camera,
        picture,
        name: name.into(),
        muted: false,
        speaking: false,
        crop: true,
        rect,
    }
}

pub fn rect(x: u32, y: u32, width: u32, height: u32) -> Rect {
    Rect { x, y, width, height }
}

pub fn scene(tiles: Vec<Tile>, voices: Vec<TrackId>) -> Scene {
    Scene { title: "Tuesday with friends".into(), tiles, voices, ..Scene::default() }
}
