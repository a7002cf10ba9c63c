//! One encoding of the mix, in a pipeline of its own, for however many take it.

use std::time::Duration;

use gst::prelude::*;

use super::link::{Rules, Stream, Tap, inlet};
use super::pipeline::{BusEvent, Pipeline, Time};
use super::problem::Problem;
use super::template::{RenditionTemplate, Templates};
use super::window::Window;
use crate::domain::canvas::Canvas;

/// The encodings there are.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub(crate) enum Encoding {
    /// H.264, the whole canvas.
    Main,
    /// VP8, small.
    Low,
    /// AAC, for files and streams.
    Aac,
    /// Opus, for viewers.
    Opus,
}

impl Encoding {
    /// Every encoding.
    pub(crate) const ALL: [Self; 4] = [Self::Main, Self::Low, Self::Aac, Self::Opus];

    /// Picture or sound.
    pub(crate) fn is_picture(self) -> bool {
        matches!(self, Self::Main | Self::Low)
    }

    /// bit/s on this canvas: what was asked for, what the template says, or what suits the size.
    pub(crate) fn bitrate(self, templates: &Templates, canvas: Canvas) -> u32 {
        let asked = canvas.bitrate.filter(|_| self == Self::Main);
        asked.or(self.template(templates).bitrate).unwrap_or_else(|| canvas.usual_bitrate())
    }

    pub(crate) fn template(self, templates: &Templates) -> &RenditionTemplate {
        let renditions = &templates.mixer.renditions;
        match self {
            Self::Main => &renditions.main,
            Self::Low => &renditions.low,
            Self::Aac => &renditions.aac,
            Self::Opus => &renditions.opus,
        }
    }
}

/// A running encoder. Dropping it stops it.
#[derive(Debug)]
pub(crate) struct Encoder {
    /// What it makes.
    pub(crate) out: Stream,
    raw: Tap,
    _pipeline: Pipeline,
}

/// Raw media that may wait for an encoder before frames are dropped.
const MOST_RAW: gst::ClockTime = gst::ClockTime::from_mseconds(1500);

/// What an encoder is made of.
#[derive(Debug)]
pub(crate) struct Recipe<'a> {
    pub(crate) encoding: Encoding,
    /// bit/s
    pub(crate) bitrate: u32,
    pub(crate) templates: &'a Templates,
    pub(crate) time: &'a Time,
}

impl Encoder {
    /// Starts encoding the raw stream.
    pub(crate) fn start(
        recipe: Recipe<'_>,
        raw: &Stream,
        tell: impl Fn(BusEvent) + Send + Sync + 'static,
    ) -> Result<Self, Problem> {
        let Recipe { encoding, bitrate, templates, time } = recipe;
        let template = encoding.template(templates);
        let choice = templates.choose(&template.encoder)?;
        let named = |problem: Problem| problem.within(format!("encoders/{}.toml: {}", template.encoder, choice.name));
        // A queue takes the frames off the mixer's thread; the appsrc before it bounds how many.
        let launch =
            format!("appsrc name=raw is-live=true ! {} ! {} ! appsink name=encoded", template.convert, choice.launch);
        let pipeline = Pipeline::parse(&launch, time, tell).map_err(named)?;
        let encoder: gst::Element = pipeline.named("encoder").map_err(named)?;
        set_bitrate(&encoder, &choice.bitrate.property, choice.bitrate.unit.of(bitrate)).map_err(named)?;
        let delay = gst::ClockTime::from_nseconds(u64::from(choice.delay) * 1_000_000_000 / 48_000);
        let out = Stream::delayed(pipeline.named("encoded")?, delay);
        let rules = Rules { window: Window::whole(), leads: false, keyed: false, most: MOST_RAW };
        let raw = raw.tap(&inlet(&pipeline, "raw")?, rules);
        pipeline.play().map_err(named)?;
        Ok(Self { out, raw, _pipeline: pipeline })
    }
}

impl Encoder {
    /// Raw media that waits for it.
    pub(crate) fn backlog(&self) -> Duration {
        self.raw.waiting()
    }
}

/// Encoders' bitrate properties differ in their integer type as well.
fn set_bitrate(encoder: &gst::Element, property: &str, value: u32) -> Result<(), Problem> {
    if encoder.find_property(property).is_none() {
        return Err(Problem::new(format!("the element named 'encoder' has no property '{property}'")));
    }
    encoder.set_property_from_str(property, &value.to_string());
    Ok(())
}
