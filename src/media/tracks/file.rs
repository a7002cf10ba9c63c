//! One track's file.

use std::fs;
use std::path::PathBuf;
use std::sync::mpsc::{Receiver, channel};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Instant;

use gst::prelude::*;

use super::Joint;
use crate::domain::ids::{MediaKind, Source};
use crate::domain::media::{OwnTrack, RecordedTrack};
use crate::media::mixer::input::{Input, Recipe};
use crate::media::mixer::lipsync::Group;
use crate::media::pipeline::BusEvent;
use crate::media::problem::Problem;
use crate::media::window::{Place, Window};
use crate::rtp::description::CodecName;

/// How long packets wait for one that was lost, in ms: nobody watches, so a second retransmission is waited for as well.
const REORDER: u32 = 500;

/// A file that is being written.
pub(super) struct TrackFile {
    input: Input,
    path: PathBuf,
    about: RecordedTrack,
    gate: Arc<Mutex<Gate>>,
    ended: Receiver<()>,
}

/// What stands before the muxer: it lets through what belongs into the recording.
struct Gate {
    window: Arc<Window>,
    group: Arc<Mutex<Group>>,
    source: Source,
    /// Nanoseconds of the recording.
    first: Option<u64>,
    last: u64,
    bytes: u64,
    needs_key: bool,
}

impl TrackFile {
    /// Subscribes to the largest layer and begins. `Ok(None)`: the track is gone.
    pub(super) fn open(
        joint: &Joint,
        own: &OwnTrack,
        number: usize,
        group: Arc<Mutex<Group>>,
    ) -> Result<Option<Self>, Problem> {
        let source = own.track.source;
        let is_picture = source.kind() == MediaKind::Video;
        let height = if is_picture { u16::MAX } else { 0 };
        let gate = Gate {
            window: joint.window.clone(),
            group: group.clone(),
            source,
            first: None,
            last: 0,
            bytes: 0,
            needs_key: is_picture,
        };
        let gate = Arc::new(Mutex::new(gate));
        let (over, ended) = channel();
        let track = own.track;
        let tell = move |event| {
            if let BusEvent::Error { text, .. } = &event {
                tracing::warn!(peer = %track.peer, source = ?track.source, text, "a track's own file ends early");
            }
            let _ = over.send(());
        };
        let mut codec = CodecName::Opus;
        let chain = |named| {
            codec = named;
            chain(named)
        };
        let recipe = Recipe { track, height, reorder: REORDER, time: &joint.time, group };
        let Some(input) = Input::open(&joint.links, recipe, chain, tell)? else { return Ok(None) };
        let (codec, extension) = match codec {
            CodecName::Opus => ("opus", "webm"),
            CodecName::Vp8 => ("vp8", "webm"),
            CodecName::H264 => ("h264", "mkv"),
        };
        let file = format!("{}-{}-{number}.{extension}", own.participant, word(source));
        let path = joint.folder.join(&file);
        let sink: gst::Element = input.pipeline.named("sink")?;
        sink.set_property_from_str("location", &path.to_string_lossy());
        guard(&input, &gate)?;
        input.pipeline.play()?;
        let about = RecordedTrack {
            file,
            participant: own.participant,
            name: own.name.clone(),
            source,
            codec: codec.to_owned(),
            offset: 0.0,
            duration: 0.0,
            bytes: 0,
        };
        Ok(Some(Self { input, path, about, gate, ended }))
    }

    /// A picture begins with a key frame, and begins again with one after a pause.
    pub(super) fn want_key_frame(&self) {
        if lock(&self.gate).needs_key {
            self.input.request_key_frame();
        }
    }

    /// Nothing more comes; what waits is still written.
    pub(super) fn end(&self) {
        self.input.end();
    }

    /// Whether everything is in the file.
    pub(super) fn is_written(&self) -> bool {
        self.ended.try_recv().is_ok()
    }

    /// Blocks until everything is in the file.
    pub(super) fn wait_until(&self, limit: Instant) {
        let _ = self.ended.recv_timeout(limit.saturating_duration_since(Instant::now()));
    }

    /// What there is so far; `None` while nothing came.
    pub(super) fn told(&self) -> Option<RecordedTrack> {
        let gate = lock(&self.gate);
        let first = gate.first?;
        let seconds = |nanoseconds: u64| nanoseconds as f64 / 1e9;
        let (offset, duration) = (seconds(first), seconds(gate.last.saturating_sub(first)));
        Some(RecordedTrack { offset, duration, bytes: gate.bytes, ..self.about.clone() })
    }

    /// The finished file; one without media is deleted.
    pub(super) fn close(self) -> Option<RecordedTrack> {
        let told = self.told();
        let Self { input, path, .. } = self;
        // Closes the file.
        drop(input);
        match told {
            Some(told) => {
                let bytes = fs::metadata(&path).map_or(told.bytes, |metadata| metadata.len());
                Some(RecordedTrack { bytes, ..told })
            }
            None => {
                let _ = fs::remove_file(&path);
                None
            }
        }
    }
}

/// The word for a source in a file's name.
fn word(source: Source) -> &'static str {
    match source {
        Source::Microphone => "microphone",
        Source::Camera => "camera",
        Source::Screen => "screen",
        Source::ScreenSound => "screen_sound",
    }
}

/// From ordered RTP to the disk. Clusters of half a second: a crash loses no more.
fn chain(codec: CodecName) -> String {
    let (media, muxer) = match codec {
        CodecName::Opus => ("rtpopusdepay ! identity name=gate silent=true", "webmmux"),
        CodecName::Vp8 => {
            ("rtpvp8depay request-keyframe=true wait-for-keyframe=true ! identity name=gate silent=true", "webmmux")
        }
        CodecName::H264 => (
            "rtph264depay request-keyframe=true wait-for-keyframe=true ! h264parse config-interval=-1 ! \
             video/x-h264,stream-format=avc3,alignment=au ! identity name=gate silent=true",
            "matroskamux",
        ),
    };
    format!(
        "{media} ! {muxer} writing-app=Veranda min-cluster-duration=300000000 max-cluster-duration=500000000 ! \
         filesink name=sink buffer-mode=unbuffered sync=false async=false"
    )
}

fn guard(input: &Input, gate: &Arc<Mutex<Gate>>) -> Result<(), Problem> {
    let element: gst::Element = input.pipeline.named("gate")?;
    let pads = element.static_pad("sink").zip(element.static_pad("src"));
    let Some((sink, pad)) = pads else { return Err(Problem::new("the gate has no way through")) };
    let kind = lock(gate).source.kind();
    let first = Mutex::new(None);
    sink.add_probe(gst::PadProbeType::EVENT_DOWNSTREAM, move |_, info| {
        describe(kind, &mut lock(&first), info);
        gst::PadProbeReturn::Ok
    });
    let gate = gate.clone();
    pad.add_probe(gst::PadProbeType::BUFFER, move |_, info| {
        let Some(buffer) = info.buffer_mut() else { return gst::PadProbeReturn::Ok };
        match lock(&gate).pass(buffer) {
            Some(shown) => {
                let buffer = buffer.make_mut();
                buffer.set_pts(gst::ClockTime::from_nseconds(shown));
                buffer.set_dts(gst::ClockTime::NONE);
                gst::PadProbeReturn::Ok
            }
            None => gst::PadProbeReturn::Drop,
        }
    });
    Ok(())
}

/// What the muxer hears of the format: always the same. Matroska has no place for another size or another number of
/// channels on the way, and needs none, for both are in the stream itself.
fn describe(kind: MediaKind, first: &mut Option<gst::Caps>, info: &mut gst::PadProbeInfo<'_>) {
    let Some(gst::EventView::Caps(event)) = info.event().map(|event| event.view()) else { return };
    let caps = first.get_or_insert_with(|| {
        let mut caps = event.caps_owned();
        if kind == MediaKind::Audio {
            // RFC 7587, section 4.1: whatever is sent, decoding to two channels is right.
            let writable = caps.make_mut();
            writable.set("channels", 2);
            writable.set("rate", 48_000);
        }
        caps
    });
    info.data = Some(gst::PadProbeData::Event(gst::event::Caps::new(caps)));
}

impl Gate {
    /// The time in the file, for what belongs into it.
    fn pass(&mut self, buffer: &gst::BufferRef) -> Option<u64> {
        let delay = lock(&self.group).delay(self.source);
        let Place::At(shown) = self.window.place(buffer.pts()?.nseconds() + delay) else {
            self.needs_key = self.source.kind() == MediaKind::Video;
            return None;
        };
        if self.needs_key && buffer.flags().contains(gst::BufferFlags::DELTA_UNIT) {
            return None;
        }
        self.needs_key = false;
        let first = *self.first.get_or_insert(shown);
        let shown = shown.max(first);
        let usual = if self.source.kind() == MediaKind::Audio { 20_000_000 } else { 33_333_333 };
        self.last = self.last.max(shown + buffer.duration().map_or(usual, gst::ClockTime::nseconds));
        self.bytes += buffer.size() as u64;
        Some(shown - first)
    }
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}
