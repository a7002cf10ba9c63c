//! One filmed tile: a track decoded to the tile's size, its name painted on, and, while pictures come, a pad of the
//! compositor. Before the first picture and after the last the plain tile of the background shows instead.

use std::sync::{Arc, Mutex};

use gst::prelude::*;
use gst_app::{AppSink, AppSinkCallbacks};
use gst_video::VideoOverlayComposition;

use super::input::{Flow, Input, Recipe};
use super::pad::MixPad;
use super::paint::{self, Edge};
use super::{Joint, lock};
use crate::domain::canvas::Canvas;
use crate::domain::media::{Rect, Tile};
use crate::media::pipeline::BusEvent;
use crate::media::problem::Problem;
use crate::rtp::description::CodecName;

/// No picture for this long shows the plain tile.
const STALE: gst::ClockTime = gst::ClockTime::from_mseconds(2000);

/// What is painted on every frame of a tile.
#[derive(Debug, Default)]
struct Paint {
    label: Option<VideoOverlayComposition>,
    edge: Edge,
    speaking: bool,
}

/// A tile with a picture.
pub(super) struct Picture {
    input: Input,
    pad: Option<MixPad>,
    paint: Arc<Mutex<Paint>>,
    tile: Tile,
    canvas: Canvas,
    background: String,
    order: u32,
}

impl Picture {
    /// Subscribes and starts decoding. `Ok(None)`: the track is gone.
    pub(super) fn open(
        joint: &Joint,
        recipe: Recipe<'_>,
        (tile, canvas): (&Tile, Canvas),
        tell: impl Fn(BusEvent) + Send + Sync + 'static,
    ) -> Result<Option<Self>, Problem> {
        let mixer = &joint.templates.mixer;
        let chain = |codec| {
            let decoder = if codec == CodecName::H264 { &mixer.decoders.h264 } else { &mixer.decoders.vp8 };
            let shape = if tile.crop { &mixer.tile.fill } else { &mixer.tile.fit };
            format!("{decoder} ! {shape} ! appsink name=out sync=false async=false enable-last-sample=false")
        };
        let Some(input) = Input::open(&joint.links, recipe, chain, tell)? else { return Ok(None) };
        let paint = Arc::new(Mutex::new(Paint::default()));
        deliver_painted(&input.pipeline.named("out")?, input.flow(), paint.clone());
        let background = mixer.brand.background.clone();
        let picture = Self { input, pad: None, paint, tile: tile.clone(), canvas, background, order: 1 };
        picture.shape()?;
        picture.repaint();
        picture.input.pipeline.play()?;
        picture.input.request_key_frame();
        Ok(Some(picture))
    }

    /// Whether this tile can become `tile` without being made again.
    pub(super) fn can_become(&self, tile: &Tile) -> bool {
        self.tile.crop == tile.crop
    }

    /// Moves, renames or marks the tile. `order` 0 is the background.
    pub(super) fn update(&mut self, tile: &Tile, order: u32) -> Result<(), Problem> {
        let old = std::mem::replace(&mut self.tile, tile.clone());
        self.order = order;
        let size = |rect: Rect| (rect.width, rect.height);
        let resized = size(old.rect) != size(tile.rect);
        if resized {
            self.shape()?;
            self.input.resize(height(tile.rect));
        }
        let has_corners = |rect: Rect| rect.x > 0 && rect.y > 0;
        let edged = has_corners(old.rect) != has_corners(tile.rect);
        if resized || edged || old.name != tile.name || old.muted != tile.muted {
            self.repaint();
        }
        lock(&self.paint).speaking = tile.speaking;
        if let Some(pad) = &self.pad {
            pad.place(tile.rect, order);
        }
        Ok(())
    }

    /// The size of the decoded pictures; what doesn't fit is cut or framed.
    fn shape(&self) -> Result<(), Problem> {
        let Rect { width, height, .. } = self.tile.rect;
        let caps = gst::Caps::builder("video/x-raw")
            .field("format", "I420")
            .field("colorimetry", "bt601")
            .field("width", width as i32)
            .field("height", height as i32)
            .field("pixel-aspect-ratio", gst::Fraction::new(1, 1));
        let size: gst::Element = self.input.pipeline.named("size")?;
        size.set_property("caps", caps.build());
        if let Ok(crop) = self.input.pipeline.named::<gst::Element>("crop") {
            crop.set_property("aspect-ratio", gst::Fraction::new(width as i32, height as i32));
        }
        Ok(())
    }

    fn repaint(&self) {
        let label = paint::label(&self.tile, self.canvas)
            .inspect_err(|problem| tracing::warn!(%problem, "a tile without a name"));
        let mut paint = lock(&self.paint);
        paint.label = label.ok();
        paint.edge = Edge::of(self.tile.rect, self.canvas, &self.background);
        paint.speaking = self.tile.speaking;
    }

    /// Joins or leaves the composed picture as pictures come or stop. Called about ten times a second.
    pub(super) fn tick(&mut self, compositor: &gst::Element) -> Result<(), Problem> {
        let fresh = self.input.is_fresh(STALE);
        if fresh && self.pad.is_none() {
            let pad = MixPad::open(compositor, &raw_caps(self.tile.rect))?;
            pad.place(self.tile.rect, self.order);
            self.input.connect(Some(pad.appsrc()));
            self.pad = Some(pad);
        } else if !fresh && self.pad.is_some() {
            self.close();
        }
        Ok(())
    }

    /// Asks again while nothing was decoded.
    pub(super) fn nudge(&self) {
        if !self.input.has_begun() || !self.input.is_fresh(STALE) {
            self.input.request_key_frame();
        }
    }

    /// Leaves the composed picture.
    pub(super) fn close(&mut self) {
        self.input.connect(None);
        if let Some(pad) = self.pad.take() {
            pad.close();
        }
    }
}

/// What links give for the layer to take.
pub(super) fn height(rect: Rect) -> u16 {
    u16::try_from(rect.height).unwrap_or(u16::MAX).max(1)
}

fn raw_caps(rect: Rect) -> gst::Caps {
    gst::Caps::builder("video/x-raw")
        .field("format", "I420")
        .field("width", rect.width as i32)
        .field("height", rect.height as i32)
        .field("framerate", gst::Fraction::new(0, 1))
        .build()
}

fn deliver_painted(out: &AppSink, flow: Arc<Flow>, paint: Arc<Mutex<Paint>>) {
    out.set_callbacks(
        AppSinkCallbacks::builder()
            .new_sample(move |sink| {
                let sample = sink.pull_sample().map_err(|_| gst::FlowError::Eos)?;
                let caps = sample.caps_owned();
                let Some(mut buffer) = sample.buffer_owned() else { return Ok(gst::FlowSuccess::Ok) };
                drop(sample);
                if let Some(info) = caps.as_ref().and_then(|caps| gst_video::VideoInfo::from_caps(caps).ok()) {
                    apply(&lock(&paint), buffer.make_mut(), &info);
                }
                flow.deliver(buffer, caps);
                Ok(gst::FlowSuccess::Ok)
            })
            .build(),
    );
}

fn apply(paint: &Paint, buffer: &mut gst::BufferRef, info: &gst_video::VideoInfo) {
    let Ok(mut frame) = gst_video::VideoFrameRef::from_buffer_ref_writable(buffer, info) else { return };
    if let Some(label) = &paint.label {
        let _ = label.blend(&mut frame);
    }
    paint.edge.paint(&mut frame, paint.speaking);
}
