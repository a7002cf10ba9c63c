//! A recording: fragments while it runs, an ordinary fast-start MP4 when it has stopped.

use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

use gst::prelude::*;

use super::{Muxed, Source};
use crate::domain::media::OutputEvent;
use crate::media::pipeline::BusEvent;
use crate::media::problem::Problem;
use crate::media::remux;
use crate::media::template::Templates;
use crate::media::window::Window;

/// Media that may wait for the disk before frames are dropped.
const MOST_WAITING: gst::ClockTime = gst::ClockTime::from_seconds(8);
/// How long the last frames may take to arrive and be written.
const LAST_FRAMES: Duration = Duration::from_secs(2);

/// A recording that is running or coming to its end.
pub(crate) struct Recording {
    path: PathBuf,
    muxed: Muxed,
    /// The first fragment is in the file: from here on a crash leaves something.
    begun: Arc<AtomicBool>,
    live: bool,
    paused: bool,
    told: Instant,
    /// Stopping since; the second is whether the streams were cut by force.
    stopping: Option<(Instant, bool)>,
}

/// What a recording is after a tick.
pub(crate) enum Now {
    /// Goes on.
    Running,
    /// Written to its end: drop it, then remux.
    Written,
}

impl Recording {
    /// Begins at the next key frame.
    pub(crate) fn start(
        path: &Path,
        source: &Source<'_>,
        templates: &Templates,
        tell: impl Fn(BusEvent) + Send + Sync + 'static,
    ) -> Result<Self, Problem> {
        let partial = remux::partial(path);
        let prepare = |sink: &gst::Element| {
            if sink.find_property("location").is_none() {
                return Err(Problem::new("outputs/mp4.toml: 'sink' has no location"));
            }
            sink.set_property_from_str("location", &partial.to_string_lossy());
            only_append(sink);
            Ok(())
        };
        let begun = Arc::new(AtomicBool::new(false));
        let noted = begun.clone();
        let prepare = |sink: &gst::Element| {
            prepare(sink)?;
            note_fragment(sink, noted);
            keep_description(sink);
            Ok(())
        };
        let muxed = Muxed::start(templates.output("mp4")?, source, MOST_WAITING, prepare, tell)
            .map_err(|problem| problem.within("the recording"))?;
        Ok(Self {
            begun,
            path: path.to_owned(),
            muxed,
            live: false,
            paused: false,
            told: Instant::now(),
            stopping: None,
        })
    }

    /// Where the finished file will be.
    pub(crate) fn path(&self) -> &Path {
        &self.path
    }

    /// Ends it with everything the mix had composed until now. Where nothing `comes` any more, because it is paused, nothing would
    /// tell where that is.
    pub(crate) fn stop(&mut self, now: gst::ClockTime, comes: bool) {
        if self.stopping.is_none() {
            self.muxed.window.close_at(now.nseconds());
            self.stopping = Some((Instant::now(), !comes));
            if !comes {
                self.muxed.cut();
            }
        }
    }

    /// Whether it takes what is composed now.
    pub(crate) fn wants_media(&self) -> bool {
        !self.paused || self.stopping.is_some()
    }

    /// How far it is.
    pub(crate) fn progress(&self) -> OutputEvent {
        OutputEvent::Progress { bytes: self.muxed.bytes(), duration: self.muxed.seconds() }
    }

    /// Leaves out what is composed from now on, or goes on at the next key frame.
    pub(crate) fn pause(&mut self, paused: bool, source: &Source<'_>) {
        self.paused = paused;
        if paused {
            self.muxed.window.pause_at(source.time.now().nseconds());
        } else {
            self.muxed.window.resume();
            source.picture.request_key_frame();
        }
    }

    /// Which part of the mix's time it holds.
    pub(crate) fn window(&self) -> Arc<Window> {
        self.muxed.window.clone()
    }

    /// Looks after it, about ten times a second.
    pub(crate) fn tick(&mut self, now: gst::ClockTime, tell: &mut dyn FnMut(OutputEvent)) -> Now {
        if let Some((from, shown)) = self.muxed.window.began() {
            let ago = Duration::from_nanos(now.nseconds().saturating_sub(from));
            tell(OutputEvent::Placed { ago, at: shown as f64 / 1e9 });
        }
        if !self.live && self.begun.load(Ordering::Relaxed) {
            self.live = true;
            tell(OutputEvent::Live);
        }
        if self.live && self.stopping.is_none() && self.told.elapsed() >= Duration::from_secs(1) {
            self.told = Instant::now();
            tell(self.progress());
        }
        match self.stopping {
            Some((since, false)) if since.elapsed() > LAST_FRAMES => {
                self.muxed.cut();
                self.stopping = Some((since, true));
                Now::Running
            }
            Some((since, true)) if since.elapsed() > 2 * LAST_FRAMES => Now::Written,
            _ => Now::Running,
        }
    }
}

/// Notes when the first fragment is written: before it there is only a header.
fn note_fragment(sink: &gst::Element, begun: Arc<AtomicBool>) {
    let Some(pad) = sink.static_pad("sink") else { return };
    pad.add_probe(gst::PadProbeType::BUFFER | gst::PadProbeType::BUFFER_LIST, move |_, info| {
        let first = match &info.data {
            Some(gst::PadProbeData::Buffer(buffer)) => Some(buffer.as_ref()),
            Some(gst::PadProbeData::BufferList(list)) => list.get(0),
            _ => None,
        };
        let mut kind = [0; 4];
        if first.is_some_and(|buffer| buffer.copy_to_slice(4, &mut kind).is_ok()) && &kind == b"moof" {
            begun.store(true, Ordering::Relaxed);
            return gst::PadProbeReturn::Remove;
        }
        gst::PadProbeReturn::Ok
    });
}

/// Keeps from the muxer that the picture's parameters changed: what it wrote first stays, and the new ones are in the media, before
/// each key frame. Muxers that can't change would fail, and those that can write what not every player understands.
fn keep_description(sink: &gst::Element) {
    let Some(pipeline) = sink.parent().and_downcast::<gst::Bin>() else { return };
    let muxers = pipeline.iterate_elements().into_iter().flatten().filter(is_muxer);
    for pad in muxers.flat_map(|muxer| muxer.sink_pads()) {
        let known = AtomicBool::new(false);
        pad.add_probe(gst::PadProbeType::EVENT_DOWNSTREAM, move |_, info| {
            match info.event().map(|event| event.view()) {
                Some(gst::EventView::Caps(caps)) if caps.caps().iter().any(|caps| caps.name() == "video/x-h264") => {
                    if known.swap(true, Ordering::Relaxed) {
                        gst::PadProbeReturn::Handled
                    } else {
                        gst::PadProbeReturn::Ok
                    }
                }
                _ => gst::PadProbeReturn::Ok,
            }
        });
    }
}

fn is_muxer(element: &gst::Element) -> bool {
    element.factory().is_some_and(|factory| factory.has_type(gst::ElementFactoryType::MUXER))
}

/// Tells the muxer that it can't go back: mp4mux of GStreamer 1.26 writes its header again when it ends, and where that has
/// grown (the stream's parameters changed on the way) it runs over the first fragments. The header we keep is the remuxer's.
fn only_append(sink: &gst::Element) {
    let Some(pad) = sink.static_pad("sink") else { return };
    pad.add_probe(gst::PadProbeType::QUERY_DOWNSTREAM, |_, info| match info.query_mut().map(gst::QueryRef::view_mut) {
        Some(gst::QueryViewMut::Seeking(seeking)) => {
            seeking.set(false, gst::format::Bytes::ZERO, None::<gst::format::Bytes>);
            gst::PadProbeReturn::Handled
        }
        _ => gst::PadProbeReturn::Ok,
    });
}
