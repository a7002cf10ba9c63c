//! One voice in the mixed sound: decoded while it is among the loudest, its pad given back when it falls silent.

use gst_app::{AppSink, AppSinkCallbacks};

use super::Joint;
use super::input::{Input, Outlet, Recipe};
use super::pad::MixPad;
use crate::media::pipeline::BusEvent;
use crate::media::problem::Problem;

/// A pad without sound for this long would only make the mixer wait.
const STALE: gst::ClockTime = gst::ClockTime::from_mseconds(600);

/// A voice that is mixed.
pub(super) struct Voice {
    input: Input,
    pad: Option<MixPad>,
}

impl Voice {
    /// Subscribes and starts decoding. `Ok(None)`: the track is gone.
    pub(super) fn open(
        joint: &Joint,
        recipe: Recipe<'_>,
        tell: impl Fn(BusEvent) + Send + Sync + 'static,
    ) -> Result<Option<Self>, Problem> {
        let decoder = &joint.templates.mixer.decoders.opus;
        let chain = |_| {
            format!(
                "{decoder} ! audioconvert ! audioresample ! {} ! \
                 appsink name=out sync=false async=false enable-last-sample=false",
                sound_caps()
            )
        };
        let Some(input) = Input::open(&joint.links, recipe, chain, tell)? else { return Ok(None) };
        let out: AppSink = input.pipeline.named("out")?;
        let flow = input.flow();
        out.set_callbacks(
            AppSinkCallbacks::builder()
                .new_sample(move |sink| {
                    let sample = sink.pull_sample().map_err(|_| gst::FlowError::Eos)?;
                    if let Some(buffer) = sample.buffer_owned() {
                        flow.deliver(buffer, sample.caps_owned());
                    }
                    Ok(gst::FlowSuccess::Ok)
                })
                .build(),
        );
        input.pipeline.play()?;
        Ok(Some(Self { input, pad: None }))
    }

    /// Joins or leaves the mix as sound comes or stops (DTX). Called about ten times a second.
    pub(super) fn tick(&mut self, audiomixer: &gst::Element) -> Result<(), Problem> {
        let fresh = self.input.is_fresh(STALE);
        if fresh && self.pad.is_none() {
            let pad = MixPad::open(audiomixer, &sound_caps())?;
            self.input.connect(Some(Outlet::Sound(pad.appsrc())));
            self.pad = Some(pad);
        } else if !fresh && self.pad.is_some() {
            self.close();
        }
        Ok(())
    }

    /// Leaves the mix.
    pub(super) fn close(&mut self) {
        self.input.connect(None);
        if let Some(pad) = self.pad.take() {
            pad.close();
        }
    }
}

/// The format of all sound in the mix.
pub(super) fn sound_caps() -> gst::Caps {
    gst::Caps::builder("audio/x-raw")
        .field("format", "F32LE")
        .field("layout", "interleaved")
        .field("rate", 48_000)
        .field("channels", 2)
        .build()
}
