//! One voice in the mixed sound: decoded while it is among the loudest, its strip at the desk given back after.

use std::sync::Arc;

use super::Joint;
use super::desk::{Desk, Strip, sound_caps};
use super::input::{Input, Outlet, Recipe};
use crate::media::pipeline::BusEvent;
use crate::media::problem::Problem;

/// A voice that is mixed. Dropping it ends it; what was decoded is still heard.
pub(super) struct Voice {
    /// Holds the subscription and the pipeline.
    input: Input,
    strip: Arc<Strip>,
}

impl Voice {
    /// Subscribes and starts decoding. `Ok(None)`: the track is gone.
    pub(super) fn open(
        joint: &Joint,
        recipe: Recipe<'_>,
        desk: &Desk,
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
        input.deliver_from("out")?;
        let voice = Self { input, strip: desk.add() };
        voice.input.connect(Some(Outlet::Sound(voice.strip.clone())));
        voice.input.pipeline.play()?;
        Ok(Some(voice))
    }
}

impl Drop for Voice {
    fn drop(&mut self) {
        self.input.connect(None);
        self.strip.close();
    }
}
