//! From SVG to a canvas or an overlay, by librsvg.

use std::time::Duration;

use gst::prelude::*;

use crate::domain::canvas::Canvas;
use crate::domain::media::Rect;
use crate::media::mixer::COLOUR;
use crate::media::mixer::canvas::Overlay;
use crate::media::problem::Problem;

/// How long one drawing may take.
const LIMIT: Duration = Duration::from_secs(3);

/// The beginning of a drawing of this size.
pub(super) fn open(width: u32, height: u32) -> String {
    format!("<svg xmlns='http://www.w3.org/2000/svg' width='{width}' height='{height}' viewBox='0 0 {width} {height}'>")
}

/// Draws `svg`, to be laid over a picture at `place`.
pub(super) fn overlay(svg: &str, place: Rect) -> Result<Overlay, Problem> {
    let caps = gst::Caps::builder("video/x-raw").field("format", "BGRA");
    let buffer = render(svg, place.width, place.height, caps.build())?;
    let drawn = buffer.map_readable().map_err(|_| Problem::new("a label can't be read"))?;
    // Four bytes a pixel need no padding; rsvgdec's are premultiplied, as cairo has them.
    Ok(Overlay::new(place, &drawn))
}

/// Draws `svg` as a whole canvas.
pub(super) fn canvas(svg: &str, size: Canvas) -> Result<Vec<u8>, Problem> {
    let caps = gst::Caps::builder("video/x-raw").field("format", "I420").field("colorimetry", COLOUR);
    let buffer = render(svg, size.width, size.height, caps.build())?;
    let drawn = buffer.map_readable().map_err(|_| Problem::new("the background can't be read"))?;
    Ok(drawn.to_vec())
}

/// One frame of an SVG.
fn render(svg: &str, width: u32, height: u32, caps: gst::Caps) -> Result<gst::Buffer, Problem> {
    let launch = format!(
        "appsrc name=svg format=time caps=image/svg+xml,width={width},height={height},framerate=0/1 ! rsvgdec ! \
         videoconvert ! {caps} ! appsink name=drawn sync=false enable-last-sample=false"
    );
    let drawing = Drawing::start(&launch)?;
    drawing.frame(svg).ok_or_else(|| Problem::new("the picture can't be drawn"))
}

/// A pipeline that lives for one frame.
struct Drawing(gst::Pipeline);

impl Drawing {
    fn start(launch: &str) -> Result<Self, Problem> {
        let element = gst::parse::launch(launch).map_err(|error| Problem::new(error.message()))?;
        let pipeline = element.downcast::<gst::Pipeline>().map_err(|_| Problem::new("is not a whole pipeline"))?;
        let drawing = Self(pipeline);
        drawing.0.set_state(gst::State::Playing).map_err(|_| Problem::new("drawing does not start"))?;
        Ok(drawing)
    }

    fn frame(&self, svg: &str) -> Option<gst::Buffer> {
        let source = self.0.by_name("svg")?.downcast::<gst_app::AppSrc>().ok()?;
        let sink = self.0.by_name("drawn")?.downcast::<gst_app::AppSink>().ok()?;
        let mut buffer = gst::Buffer::from_slice(svg.to_owned().into_bytes());
        buffer.get_mut()?.set_pts(gst::ClockTime::ZERO);
        source.push_buffer(buffer).ok()?;
        source.end_of_stream().ok()?;
        let limit = gst::ClockTime::try_from(LIMIT).ok()?;
        sink.try_pull_sample(limit)?.buffer_owned()
    }
}

impl Drop for Drawing {
    fn drop(&mut self) {
        let _ = self.0.set_state(gst::State::Null);
    }
}
