//! One filmed tile: a track decoded to a [`Film`] that the canvas shows while pictures come. Before the first picture and after
//! the last the plain tile of the background shows instead.

use std::sync::Arc;

use super::Joint;
use super::canvas::{Film, Look};
use super::input::{Input, Outlet, Recipe};
use super::paint::{self, Edge};
use crate::domain::canvas::Canvas;
use crate::domain::media::{Rect, Tile};
use crate::media::pipeline::BusEvent;
use crate::media::problem::Problem;
use crate::rtp::description::CodecName;

/// No picture for this long shows the plain tile.
const STALE: gst::ClockTime = gst::ClockTime::from_mseconds(2000);

/// Asked for in vain so often, which is five seconds, the log says so.
const IN_VAIN: u32 = 17;

/// A tile with a picture.
pub(super) struct Picture {
    input: Input,
    film: Arc<Film>,
    look: Arc<Look>,
    shown: bool,
    /// So many key frames were asked for since there was a picture.
    asked: u32,
    tile: Tile,
    canvas: Canvas,
    background: String,
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
            format!(
                "{decoder} ! {} ! video/x-raw,format=I420,colorimetry={},pixel-aspect-ratio=1/1 ! \
                 appsink name=out sync=false async=false enable-last-sample=false",
                mixer.tile.convert,
                super::COLOUR
            )
        };
        let Some(input) = Input::open(&joint.links, recipe, chain, tell)? else { return Ok(None) };
        let background = mixer.brand.background.clone();
        let (film, look) = (Arc::new(Film::default()), Arc::new(look(tile, canvas, &background, 1)));
        input.deliver_from("out")?;
        let picture = Self { input, film, look, shown: false, asked: 0, tile: tile.clone(), canvas, background };
        picture.input.pipeline.play()?;
        picture.input.request_key_frame();
        Ok(Some(picture))
    }

    /// Moves, renames or marks the tile. `order` 0 is the background.
    pub(super) fn update(&mut self, tile: &Tile, order: u32) {
        let old = std::mem::replace(&mut self.tile, tile.clone());
        if old.rect.height != tile.rect.height {
            self.input.resize(height(tile.rect));
        }
        // The same look stays the same one: nothing need be drawn again.
        if old != *tile {
            self.look = Arc::new(look(tile, self.canvas, &self.background, order));
        } else if self.look.order != order {
            self.look = Arc::new(Look { order, ..(*self.look).clone() });
        }
    }

    /// Joins or leaves the composed picture as pictures come or stop. Called about ten times a second. True when it did.
    pub(super) fn tick(&mut self) -> bool {
        let fresh = self.input.is_fresh(STALE);
        if fresh == self.shown {
            return false;
        }
        if fresh {
            self.input.connect(Some(Outlet::Film(self.film.clone())));
            self.shown = true;
        } else {
            self.close();
        }
        true
    }

    /// What the canvas shows of it.
    pub(super) fn film(&self) -> Option<(Arc<Film>, Arc<Look>)> {
        self.shown.then(|| (self.film.clone(), self.look.clone()))
    }

    /// Asks again while nothing was decoded.
    pub(super) fn nudge(&mut self) {
        if self.input.has_begun() && self.input.is_fresh(STALE) {
            self.asked = 0;
            return;
        }
        self.input.request_key_frame();
        self.asked = self.asked.saturating_add(1);
        if self.asked == IN_VAIN {
            let (participant, source) = (self.tile.participant, self.tile.source);
            tracing::warn!(%participant, ?source, "nothing of it can be drawn, however often a key frame is asked for: its tile stays plain");
        }
    }

    /// Leaves the composed picture.
    pub(super) fn close(&mut self) {
        self.input.connect(None);
        self.shown = false;
    }
}

/// What links give for the layer to take.
pub(super) fn height(rect: Rect) -> u16 {
    u16::try_from(rect.height).unwrap_or(u16::MAX).max(1)
}

fn look(tile: &Tile, canvas: Canvas, background: &str, order: u32) -> Look {
    let label = paint::label(tile, canvas).inspect_err(|problem| tracing::warn!(%problem, "a tile without a name"));
    let edge = Edge::of(tile.rect, canvas, background);
    Look { rect: tile.rect, crop: tile.crop, order, label: label.ok(), edge, speaking: tile.speaking }
}
