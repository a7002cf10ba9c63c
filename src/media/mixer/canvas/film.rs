//! A filmed tile: the decoded frames that wait to be shown, and what one of them looks like on the canvas.

use std::collections::VecDeque;
use std::sync::Mutex;

use gst_video::VideoFrameExt as _;

use super::scale::{Axis, Plane, scale, snapped};
use super::surface::{Overlay, Surface};
use crate::domain::media::Rect;
use crate::media::mixer::lock;
use crate::media::mixer::paint::Edge;

/// Frames that may wait for their time: more than a second of a face that waits for its voice.
const MOST_WAITING: usize = 50;

/// A decoded picture. Cloning it copies no pixels.
#[derive(Debug, Clone)]
pub(super) struct Frame {
    buffer: gst::Buffer,
    info: gst_video::VideoInfo,
    /// In the mix's running time.
    shown: gst::ClockTime,
    /// Told apart by it from all others of the film.
    pub(super) number: u64,
}

/// Where and how a film is shown.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(in crate::media::mixer) struct Look {
    /// Its place on the canvas.
    pub(in crate::media::mixer) rect: Rect,
    /// Whether what does not fit is cut off; else it is framed.
    pub(in crate::media::mixer) crop: bool,
    /// Later ones are above.
    pub(in crate::media::mixer) order: u32,
    /// The name, laid over at the tile's own zero.
    pub(in crate::media::mixer) label: Option<Overlay>,
    pub(in crate::media::mixer) edge: Edge,
    pub(in crate::media::mixer) speaking: bool,
}

/// One tile's pictures, between the thread that decodes and the one that draws.
#[derive(Debug, Default)]
pub(in crate::media::mixer) struct Film {
    reel: Mutex<Reel>,
}

#[derive(Debug, Default)]
struct Reel {
    waiting: VecDeque<Frame>,
    current: Option<Frame>,
    frames: u64,
    scaler: Option<Scaler>,
}

impl Film {
    /// A decoded picture, to be shown at `shown`.
    pub(in crate::media::mixer) fn push(&self, buffer: gst::Buffer, info: gst_video::VideoInfo, shown: gst::ClockTime) {
        let mut reel = lock(&self.reel);
        reel.frames += 1;
        let number = reel.frames;
        reel.waiting.push_back(Frame { buffer, info, shown, number });
        if reel.waiting.len() > MOST_WAITING {
            reel.waiting.pop_front();
        }
    }

    /// The picture to be shown at `now`: the last whose time has come.
    pub(super) fn at(&self, now: gst::ClockTime) -> Option<Frame> {
        let mut reel = lock(&self.reel);
        while reel.waiting.front().is_some_and(|frame| frame.shown <= now) {
            reel.current = reel.waiting.pop_front();
        }
        reel.current.clone()
    }

    /// Draws a picture into its place.
    pub(super) fn draw(&self, frame: &Frame, look: &Look, surface: &mut Surface<'_>, row: &mut Vec<u8>) {
        let Ok(picture) = gst_video::VideoFrameRef::from_buffer_ref_readable(&frame.buffer, &frame.info) else {
            return;
        };
        let mut reel = lock(&self.reel);
        let key = Key { size: (picture.width(), picture.height()), rect: look.rect, crop: look.crop };
        let scaler = reel.scaler.take().filter(|scaler| scaler.key == key).unwrap_or_else(|| Scaler::new(key));
        if scaler.inside != look.rect {
            surface.fill(look.rect, look.edge.background);
        }
        for plane in 0..3_usize {
            let Ok(data) = picture.plane_data(plane as u32) else { return };
            let source = Plane { data, stride: picture.plane_stride()[plane] as usize };
            let axes = &scaler.axes[plane.min(1)];
            scale(source, [&axes[0], &axes[1]], surface.plane(plane, scaler.inside), row);
        }
        reel.scaler = Some(scaler);
        drop(reel);
        if let Some(label) = &look.label {
            label.lay_over(surface, (look.rect.x, look.rect.y));
        }
        look.edge.paint(surface, look.rect, look.speaking);
    }
}

/// What a scaler is made for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct Key {
    size: (u32, u32),
    rect: Rect,
    crop: bool,
}

/// From pictures of one size to a tile.
#[derive(Debug)]
struct Scaler {
    key: Key,
    /// Where the picture itself goes.
    inside: Rect,
    /// Of luma and of colour, each across and down.
    axes: [[Axis; 2]; 2],
}

impl Scaler {
    fn new(key: Key) -> Self {
        let Key { size: (width, height), rect, crop } = key;
        let whole = Rect { x: 0, y: 0, width: width & !1, height: height & !1 };
        let (from, inside) = if crop { (trimmed(cut(whole, rect), rect), rect) } else { (whole, framed(whole, rect)) };
        let axes = [0, 1].map(|half| {
            let across = Axis::new(from.x >> half..(from.x + from.width) >> half, inside.width >> half);
            [across, Axis::new(from.y >> half..(from.y + from.height) >> half, inside.height >> half)]
        });
        Self { key, inside, axes }
    }
}

/// The middle of `whole` that has the shape of `shape`.
fn cut(whole: Rect, shape: Rect) -> Rect {
    let wanted = |of: u32, to: u32, from: u32| (u64::from(of) * u64::from(to) / u64::from(from.max(1))) as u32;
    let width = wanted(whole.height, shape.width, shape.height).min(whole.width).max(2) & !1;
    let height = wanted(whole.width, shape.height, shape.width).min(whole.height).max(2) & !1;
    Rect {
        x: ((whole.width - width.min(whole.width)) / 2) & !1,
        y: ((whole.height - height.min(whole.height)) / 2) & !1,
        width,
        height,
    }
}

/// A little less of a face, where that makes it much cheaper to draw, and sharper.
fn trimmed(from: Rect, to: Rect) -> Rect {
    let (width, height) = (snapped(from.width, to.width), snapped(from.height, to.height));
    Rect {
        x: from.x + (((from.width - width) / 2) & !1),
        y: from.y + (((from.height - height) / 2) & !1),
        width,
        height,
    }
}

/// The largest part in the middle of `place` that has the shape of `whole`.
fn framed(whole: Rect, place: Rect) -> Rect {
    let Rect { width, height, .. } = cut(place, whole);
    let middle = |room: u32, taken: u32| ((room - taken.min(room)) / 2) & !1;
    Rect { x: place.x + middle(place.width, width), y: place.y + middle(place.height, height), width, height }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn rect(x: u32, y: u32, width: u32, height: u32) -> Rect {
        Rect { x, y, width, height }
    }

    #[test]
    fn faces_are_cut_and_screens_framed() {
        assert_eq!(cut(rect(0, 0, 640, 360), rect(9, 9, 320, 180)), rect(0, 0, 640, 360));
        assert_eq!(cut(rect(0, 0, 640, 360), rect(0, 0, 100, 100)), rect(140, 0, 360, 360));
        assert_eq!(cut(rect(0, 0, 480, 640), rect(0, 0, 400, 200)), rect(0, 200, 480, 240));
        assert_eq!(framed(rect(0, 0, 1280, 720), rect(10, 10, 640, 640)), rect(10, 150, 640, 360));
        assert_eq!(framed(rect(0, 0, 100, 200), rect(0, 0, 640, 360)), rect(230, 0, 180, 360));
        // Nothing that a camera may send makes a size of nothing.
        for (width, height) in [(2, 2), (2, 4000), (4000, 2)] {
            let made = Scaler::new(Key { size: (width, height), rect: rect(0, 0, 320, 180), crop: width < 100 });
            assert!(made.inside.width >= 2 && made.inside.height >= 2, "{made:?}");
        }
    }

    #[test]
    fn the_last_picture_whose_time_has_come_is_shown() {
        gst::init().unwrap();
        let film = Film::default();
        let info = gst_video::VideoInfo::builder(gst_video::VideoFormat::I420, 8, 8).build().unwrap();
        for time in [10, 20, 30] {
            film.push(gst::Buffer::with_size(info.size()).unwrap(), info.clone(), gst::ClockTime::from_mseconds(time));
        }
        let at = |time| film.at(gst::ClockTime::from_mseconds(time)).map(|frame| frame.number);
        assert_eq!([at(5), at(10), at(29), at(29), at(99)], [None, Some(1), Some(2), Some(2), Some(3)]);
    }
}
