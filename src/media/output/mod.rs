//! Where the mix goes: files, streams, viewers. Each is a pipeline of its own; one that fails takes nothing with it.

mod connection;
mod freeze;
pub(crate) mod hls;
mod knock;
pub(crate) mod mp4;
mod playlist;
mod retry;
pub(crate) mod still;
pub(crate) mod streaming;
pub(crate) mod viewer;
mod words;

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use gst::prelude::*;

use super::link::{Rules, Stream, Tap, inlet};
use super::pipeline::{BusEvent, Pipeline, Time};
use super::problem::Problem;
use super::window::Window;

/// The two encoded streams that files and streams are made of.
pub(crate) struct Source<'a> {
    /// H.264
    pub(crate) picture: &'a Stream,
    /// AAC
    pub(crate) sound: &'a Stream,
    /// The mix's time.
    pub(crate) time: &'a Time,
}

/// A running output pipeline with picture and sound cut to one window.
struct Muxed {
    window: Arc<Window>,
    taps: [Tap; 2],
    written: Arc<AtomicU64>,
    _pipeline: Pipeline,
}

impl Muxed {
    /// Starts it at the next key frame. `launch` has appsrcs `video` and `audio`; `prepare` sets up the element `sink`.
    fn start(
        launch: &str,
        source: &Source<'_>,
        most: gst::ClockTime,
        prepare: impl FnOnce(&gst::Element) -> Result<(), Problem>,
        tell: impl Fn(BusEvent) + Send + Sync + 'static,
    ) -> Result<Self, Problem> {
        let pipeline = Pipeline::parse(launch, source.time, tell)?;
        let sink: gst::Element = pipeline.named("sink")?;
        prepare(&sink)?;
        let written = Arc::new(AtomicU64::new(0));
        if let Some(pad) = sink.static_pad("sink") {
            count_bytes(&pad, written.clone());
        }
        let window = Window::at_key_frame();
        let (video, audio) = (inlet(&pipeline, "video")?, inlet(&pipeline, "audio")?);
        // Started first: an appsrc that does not run yet refuses buffers, and the key frame would be lost.
        pipeline.play()?;
        let rules = |leads| Rules { window: window.clone(), leads, keyed: leads, most };
        let taps = [source.sound.tap(&audio, rules(false)), source.picture.tap(&video, rules(true))];
        source.picture.request_key_frame();
        Ok(Self { window, taps, written, _pipeline: pipeline })
    }

    fn bytes(&self) -> u64 {
        self.written.load(Ordering::Relaxed)
    }

    fn seconds(&self) -> f64 {
        self.window.seconds()
    }

    /// Frames of the picture that were left out because it was slow.
    fn dropped(&self) -> u64 {
        let [_, picture] = &self.taps;
        picture.dropped()
    }

    /// Ends both streams where they are.
    fn cut(&self) {
        self.taps.iter().for_each(Tap::end);
    }
}

fn count_bytes(pad: &gst::Pad, written: Arc<AtomicU64>) {
    pad.add_probe(gst::PadProbeType::BUFFER | gst::PadProbeType::BUFFER_LIST, move |_, info| {
        let size = match &info.data {
            Some(gst::PadProbeData::Buffer(buffer)) => buffer.size(),
            Some(gst::PadProbeData::BufferList(list)) => list.calculate_size(),
            _ => 0,
        };
        written.fetch_add(size as u64, Ordering::Relaxed);
        gst::PadProbeReturn::Ok
    });
}
