//! One encoding of the mix, in a pipeline of its own, for however many take it.

pub(crate) mod line;
pub(crate) mod temporal;

use std::sync::Arc;

use gst::prelude::*;
use gst_app::{AppSink, AppSrc};

use super::link::{Reservoir, Stream, inlet};
use super::pipeline::{BusEvent, Pipeline, Time};
use super::problem::Problem;
use super::template::{Choice, RenditionTemplate, Templates};
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

    /// bit/s on this canvas, half as large where that is easier: what was asked for, what the template says, or what
    /// suits the size.
    pub(crate) fn bitrate(self, templates: &Templates, canvas: Canvas, ease: Ease) -> u32 {
        let asked = canvas.bitrate.filter(|_| self == Self::Main);
        let whole = asked.or(self.template(templates).bitrate).unwrap_or_else(|| canvas.usual_bitrate());
        if ease.half { canvas.halved().share_of(whole, canvas) } else { whole }
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

/// What is made easier for the machine.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub(crate) struct Ease {
    /// Half as wide and high.
    pub(crate) half: bool,
    /// With the encoder's `cheaper` settings.
    pub(crate) cheaper: bool,
}

/// An encoder. Dropping it stops it.
#[derive(Debug)]
struct Encoder {
    raw: AppSrc,
    encoded: AppSink,
    /// What it puts first is silence of this length.
    delay: gst::ClockTime,
    pipeline: Pipeline,
}

/// What an encoder is made of.
#[derive(Debug)]
pub(crate) struct Recipe<'a> {
    pub(crate) encoding: Encoding,
    pub(crate) canvas: Canvas,
    pub(crate) ease: Ease,
    pub(crate) templates: &'a Templates,
    pub(crate) time: &'a Time,
}

impl Encoder {
    /// Makes one that works once it is fed.
    fn new(recipe: &Recipe<'_>, tell: impl Fn(BusEvent) + Send + Sync + 'static) -> Result<Self, Problem> {
        let Recipe { encoding, canvas, ease, templates, time } = *recipe;
        let template = encoding.template(templates);
        let choice = templates.choose(&template.encoder)?;
        let named = |problem: Problem| problem.within(format!("encoders/{}.toml: {}", template.encoder, choice.name));
        let pipeline = Pipeline::parse(&launch(recipe, choice), time, tell).map_err(named)?;
        let encoder: gst::Element = pipeline.named("encoder").map_err(named)?;
        let bitrate = encoding.bitrate(templates, canvas, ease);
        set_bitrate(&encoder, &choice.bitrate.property, choice.bitrate.unit.of(bitrate)).map_err(named)?;
        if choice.temporal {
            temporal::set(&encoder, bitrate).map_err(named)?;
        }
        let delay = gst::ClockTime::from_nseconds(u64::from(choice.delay) * 1_000_000_000 / 48_000);
        Ok(Self { raw: inlet(&pipeline, "raw")?, encoded: pipeline.named("encoded")?, delay, pipeline })
    }

    /// Works, from there to these.
    fn work(&self, from: &Arc<Reservoir>, to: &Stream) -> Result<(), Problem> {
        to.carry(self.encoded.clone(), self.delay);
        from.feed(&self.raw);
        self.pipeline.play()
    }
}

/// Whatever H.264 comes to, it goes on with its parameters before each key frame: they may be others from one encoder to the
/// next, and a player may begin anywhere.
const PARAMETERS: &str = "h264parse config-interval=-1 ! video/x-h264,stream-format=byte-stream,alignment=au";

fn launch(recipe: &Recipe<'_>, choice: &Choice) -> String {
    let Recipe { encoding, canvas, ease, templates, .. } = *recipe;
    let mut parts = vec!["appsrc name=raw is-live=true".to_owned()];
    if ease.half {
        let Canvas { width, height, .. } = canvas.halved();
        parts.push(format!(
            "videoscale add-borders=false ! video/x-raw,width={width},height={height},pixel-aspect-ratio=1/1"
        ));
    }
    parts.push(encoding.template(templates).convert.clone());
    parts.push(choice.cheaper.clone().filter(|_| ease.cheaper).unwrap_or_else(|| choice.launch.clone()));
    if encoding == Encoding::Main {
        parts.push(PARAMETERS.to_owned());
    }
    parts.push("appsink name=encoded sync=false async=false".to_owned());
    parts.join(" ! ")
}

/// Encoders' bitrate properties differ in their integer type as well.
fn set_bitrate(encoder: &gst::Element, property: &str, value: u32) -> Result<(), Problem> {
    if encoder.find_property(property).is_none() {
        return Err(Problem::new(format!("the element named 'encoder' has no property '{property}'")));
    }
    encoder.set_property_from_str(property, &value.to_string());
    Ok(())
}
