//! A pad of the audiomixer with the appsrc that feeds it.

use gst::prelude::*;
use gst_app::{AppLeakyType, AppSrc};

use crate::media::problem::Problem;

/// Buffers that may wait for the mixer: with 20 ms of sound each, more would only be late.
const MOST_WAITING: u64 = 50;

/// A pad in use. [`MixPad::close`] gives it back.
pub(super) struct MixPad {
    /// The bin that the mixer is in: pads link only within one.
    bin: gst::Bin,
    mixer: gst::Element,
    pad: gst::Pad,
    appsrc: AppSrc,
}

impl MixPad {
    /// Adds an input to the running mixer.
    pub(super) fn open(mixer: &gst::Element, caps: &gst::Caps) -> Result<Self, Problem> {
        let appsrc = AppSrc::builder()
            .caps(caps)
            .is_live(true)
            .format(gst::Format::Time)
            .max_buffers(MOST_WAITING)
            .leaky_type(AppLeakyType::Downstream)
            .build();
        appsrc.set_max_bytes(0);
        let bin = mixer.parent().and_then(|parent| parent.downcast::<gst::Bin>().ok());
        let bin = bin.ok_or_else(|| Problem::new("the mixer is in no bin"))?;
        bin.add(&appsrc).map_err(|_| Problem::new("can't be added"))?;
        let linked = mixer.request_pad_simple("sink_%u").and_then(|pad| {
            let source = appsrc.static_pad("src")?;
            source.link(&pad).ok()?;
            Some(pad)
        });
        let Some(pad) = linked else {
            take_out(&bin, &appsrc);
            return Err(Problem::new("the mixer takes no further input"));
        };
        let opened = Self { bin, mixer: mixer.clone(), pad, appsrc };
        if opened.appsrc.sync_state_with_parent().is_err() {
            opened.close();
            return Err(Problem::new("an input of the mixer does not start"));
        }
        Ok(opened)
    }

    /// Where its buffers go in.
    pub(super) fn appsrc(&self) -> AppSrc {
        self.appsrc.clone()
    }

    /// Takes the input out of the running mixer.
    pub(super) fn close(self) {
        take_out(&self.bin, &self.appsrc);
        self.mixer.release_request_pad(&self.pad);
    }
}

fn take_out(bin: &gst::Bin, appsrc: &AppSrc) {
    // Locked, so that no state change of the pipeline wakes it again.
    appsrc.set_locked_state(true);
    let _ = appsrc.set_state(gst::State::Null);
    let _ = bin.remove(appsrc);
}
