//! From SVG to a frame or an overlay, by librsvg.

use std::time::Duration;

use gst::prelude::*;
use gst_video::{VideoFormat, VideoOverlayComposition, VideoOverlayFormatFlags, VideoOverlayRectangle};

use crate::domain::media::Rect;
use crate::media::problem::Problem;

/// How long one drawing may take.
const LIMIT: Duration = Duration::from_secs(3);

/// The beginning of a drawing of this size.
pub(super) fn open(width: u32, height: u32) -> String {
    format!("<svg xmlns='http://www.w3.org/2000/svg' width='{width}' height='{height}' viewBox='0 0 {width} {height}'>")
}

/// Draws `svg`, to be laid over a picture at `place`.
pub(super) fn overlay(svg: &str, place: Rect) -> Result<VideoOverlayComposition, Problem> {
    let caps = gst::Caps::builder("video/x-raw").field("format", "BGRA");
    let mut buffer = render(svg, place.width, place.height, caps.build())?;
    let strides = [place.width as i32 * 4];
    gst_video::VideoMeta::add_full(
        buffer.make_mut(),
        gst_video::VideoFrameFlags::empty(),
        VideoFormat::Bgra,
        place.width,
        place.height,
        &[0],
        &strides,
    )
    .map_err(|_| Problem::new("a label's size is wrong"))?;
    let rectangle = VideoOverlayRectangle::new_raw(
        &buffer,
        place.x as i32,
        place.y as i32,
        place.width,
        place.height,
        VideoOverlayFormatFlags::PREMULTIPLIED_ALPHA,
    );
    VideoOverlayComposition::new(Some(&rectangle)).map_err(|_| Problem::new("a label can't be laid over"))
}

/// One frame of an SVG.
pub(super) fn render(svg: &str, width: u32, height: u32, caps: gst::Caps) -> Result<gst::Buffer, Problem> {
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
