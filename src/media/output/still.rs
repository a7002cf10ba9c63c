//! One frame of the mix as a JPEG, made while somebody waits for it.

use gst::prelude::*;
use gst_app::{AppSink, AppSinkCallbacks};

use crate::domain::canvas::Canvas;
use crate::domain::media::StillSize;
use crate::media::link::{Rules, Stream, Tap, inlet};
use crate::media::pipeline::{BusEvent, Pipeline, Time};
use crate::media::problem::Problem;
use crate::media::window::Window;

const MOST_WAITING: gst::ClockTime = gst::ClockTime::from_mseconds(200);
/// A small one must fit through the thinnest line, beside a voice: on 60 kbit/s, in the letters of JSON, it is half a second's queue.
const SMALL: (u32, u32) = (320, 180);
const MOST_SMALL: usize = 2_700;
/// Quality, of 100, at first and how it falls until it fits.
const QUALITY: i32 = 80;
const SMALL_QUALITY: i32 = 45;
const STEP: i32 = 8;
const LEAST_QUALITY: i32 = 5;

/// A camera that is about to click.
pub(crate) struct Still {
    _tap: Tap,
    _pipeline: Pipeline,
}

impl Still {
    /// Takes the next frame; `taken` may be told of some more before this is dropped.
    pub(crate) fn start(
        (size, canvas): (StillSize, Canvas),
        picture: &Stream,
        time: &Time,
        taken: impl Fn(Vec<u8>) + Send + 'static,
        tell: impl Fn(BusEvent) + Send + Sync + 'static,
    ) -> Result<Self, Problem> {
        let ((width, height), quality, most) = match size {
            StillSize::Full => ((canvas.width, canvas.height), QUALITY, usize::MAX),
            StillSize::Small => (SMALL, SMALL_QUALITY, MOST_SMALL),
        };
        // JPEG's colours take the whole range (JFIF 1.02), the mix's do not.
        let launch = format!(
            "appsrc name=raw is-live=true ! videoscale ! video/x-raw,width={width},height={height} ! videoconvert ! \
             video/x-raw,format=I420,colorimetry=(string)1:4:0:0 ! jpegenc name=jpeg quality={quality} ! \
             appsink name=out sync=false async=false enable-last-sample=false"
        );
        let pipeline = Pipeline::parse(&launch, time, tell)?;
        let (encoder, out): (gst::Element, AppSink) = (pipeline.named("jpeg")?, pipeline.named("out")?);
        out.set_callbacks(
            AppSinkCallbacks::builder()
                .new_sample(move |sink| {
                    let sample = sink.pull_sample().map_err(|_| gst::FlowError::Eos)?;
                    let Some(jpeg) = sample.buffer().and_then(|buffer| buffer.map_readable().ok()) else {
                        return Ok(gst::FlowSuccess::Ok);
                    };
                    let quality: i32 = encoder.property("quality");
                    if jpeg.len() <= most || quality <= LEAST_QUALITY {
                        taken(jpeg.to_vec());
                    } else {
                        encoder.set_property("quality", (quality - STEP).max(LEAST_QUALITY));
                    }
                    Ok(gst::FlowSuccess::Ok)
                })
                .build(),
        );
        let source = inlet(&pipeline, "raw")?;
        pipeline.play()?;
        let rules = Rules { window: Window::whole(), leads: false, keyed: false, most: MOST_WAITING };
        Ok(Self { _tap: picture.tap(&source, rules), _pipeline: pipeline })
    }
}
