//! I420 planes in memory of our own, in GStreamer's layout, and what is laid over them.

use gst_video::VideoFormat;

use crate::domain::canvas::Canvas;
use crate::domain::media::Rect;
use crate::media::problem::Problem;

/// Where the planes of a canvas are in its bytes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(in crate::media::mixer) struct Layout {
    offsets: [usize; 3],
    strides: [usize; 3],
    /// Bytes in all.
    pub(in crate::media::mixer) size: usize,
}

impl Layout {
    /// GStreamer's own for this size: no meta need be attached.
    pub(in crate::media::mixer) fn of(canvas: Canvas) -> Result<Self, Problem> {
        let info = gst_video::VideoInfo::builder(VideoFormat::I420, canvas.width, canvas.height).build();
        let info = info.map_err(|_| Problem::new("the canvas' size is wrong"))?;
        let plane = |at: usize| (info.offset()[at], info.stride()[at] as usize);
        let planes = [plane(0), plane(1), plane(2)];
        Ok(Self { offsets: planes.map(|plane| plane.0), strides: planes.map(|plane| plane.1), size: info.size() })
    }

    /// A canvas that nothing is drawn on: zeros would be green.
    pub(super) fn black(&self) -> Vec<u8> {
        let mut data = vec![128; self.size];
        data[..self.offsets[1].min(self.size)].fill(16);
        data
    }

    /// The planes of these bytes; `None` when they are too few.
    pub(in crate::media::mixer) fn surface<'a>(&self, data: &'a mut [u8]) -> Option<Surface<'a>> {
        let [_, second, third] = self.offsets;
        let (luma, chroma) = data.split_at_mut_checked(second)?;
        let (blue, red) = chroma.split_at_mut_checked(third - second)?;
        Some(Surface { planes: [luma, blue, red], strides: self.strides })
    }

    /// Copies one rectangle between two canvases.
    pub(super) fn copy(&self, from: &[u8], to: &mut [u8], rect: Rect) {
        for (plane, (offset, stride)) in self.offsets.into_iter().zip(self.strides).enumerate() {
            let [x, y, width, height] = part(rect, plane);
            for row in y..y + height {
                let start = offset + row * stride + x;
                if let (Some(from), Some(to)) = (from.get(start..start + width), to.get_mut(start..start + width)) {
                    to.copy_from_slice(from);
                }
            }
        }
    }
}

/// A rectangle in a plane: half of it in those of colour.
fn part(rect: Rect, plane: usize) -> [usize; 4] {
    let half = u32::from(plane > 0);
    [rect.x, rect.y, rect.width, rect.height].map(|number| (number >> half) as usize)
}

/// A canvas that can be drawn on.
#[derive(Debug)]
pub(in crate::media::mixer) struct Surface<'a> {
    planes: [&'a mut [u8]; 3],
    strides: [usize; 3],
}

impl Surface<'_> {
    /// The rows of a rectangle in one plane, and its width there.
    pub(in crate::media::mixer) fn rows(
        &mut self,
        plane: usize,
        rect: Rect,
    ) -> impl ExactSizeIterator<Item = &mut [u8]> {
        let [x, y, width, height] = part(rect, plane);
        let stride = self.strides[plane].max(1);
        let rows = self.planes[plane].chunks_mut(stride).skip(y).take(height);
        rows.map(move |row| row.get_mut(x..x + width).unwrap_or_default())
    }

    /// A plane from the first pixel of a rectangle on, and its stride.
    pub(super) fn plane(&mut self, plane: usize, rect: Rect) -> (&mut [u8], usize) {
        let [x, y, ..] = part(rect, plane);
        let stride = self.strides[plane];
        (self.planes[plane].get_mut(y * stride + x..).unwrap_or_default(), stride)
    }

    /// One colour, in YUV.
    pub(super) fn fill(&mut self, rect: Rect, colour: [u8; 3]) {
        for (plane, value) in colour.into_iter().enumerate() {
            self.rows(plane, rect).for_each(|row| row.fill(value));
        }
    }
}

/// A small drawing that is laid over a picture: planes already multiplied by how much each pixel covers.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(in crate::media::mixer) struct Overlay {
    /// Its place; even numbers.
    pub(in crate::media::mixer) rect: Rect,
    planes: [Vec<u8>; 3],
    /// What of the picture below stays, of 255: for luma and for colour.
    clear: [Vec<u8>; 2],
}

impl Overlay {
    /// From premultiplied BGRA, four bytes a pixel, rows without gaps; BT.601, limited range.
    pub(in crate::media::mixer) fn new(rect: Rect, bgra: &[u8]) -> Self {
        let (width, height) = (rect.width as usize, rect.height as usize);
        let pixel = |x: usize, y: usize| -> [i32; 4] {
            let found = bgra.get((y * width + x) * 4..).and_then(|rest| rest.first_chunk::<4>());
            found.copied().unwrap_or_default().map(i32::from)
        };
        let all = || (0..height).flat_map(|y| (0..width).map(move |x| (x, y)));
        let luma = all().map(|(x, y)| yuv(pixel(x, y))[0]).collect();
        let clear = all().map(|(x, y)| 255 - pixel(x, y)[3] as u8).collect();
        let blocks = || (0..height / 2).flat_map(|y| (0..width / 2).map(move |x| (2 * x, 2 * y)));
        let mean = |x: usize, y: usize| {
            let four = [pixel(x, y), pixel(x + 1, y), pixel(x, y + 1), pixel(x + 1, y + 1)];
            [0, 1, 2, 3].map(|part| (four.iter().map(|pixel| pixel[part]).sum::<i32>() + 2) / 4)
        };
        let chroma = |part: usize| blocks().map(|(x, y)| yuv(mean(x, y))[part]).collect();
        let clear_chroma = blocks().map(|(x, y)| 255 - mean(x, y)[3] as u8).collect();
        Self { rect, planes: [luma, chroma(1), chroma(2)], clear: [clear, clear_chroma] }
    }

    /// Lays it over, `origin` being where its own zero is.
    pub(super) fn lay_over(&self, surface: &mut Surface<'_>, origin: (u32, u32)) {
        let rect = Rect { x: origin.0 + self.rect.x, y: origin.1 + self.rect.y, ..self.rect };
        for (plane, drawn) in self.planes.iter().enumerate() {
            let clear = &self.clear[plane.min(1)];
            let width = (part(rect, plane)[2]).max(1);
            let drawing = drawn.chunks(width).zip(clear.chunks(width));
            for (row, (drawn, clear)) in surface.rows(plane, rect).zip(drawing) {
                for ((below, &drawn), &clear) in row.iter_mut().zip(drawn).zip(clear) {
                    *below = drawn.saturating_add(scaled(*below, clear));
                }
            }
        }
    }

    /// Whether it lies over any of this.
    pub(super) fn touches(&self, rect: Rect) -> bool {
        let own = self.rect;
        own.x < rect.x + rect.width
            && rect.x < own.x + own.width
            && own.y < rect.y + rect.height
            && rect.y < own.y + own.height
    }
}

/// `value * of / 255`, rounded.
fn scaled(value: u8, of: u8) -> u8 {
    let product = u16::from(value) * u16::from(of) + 128;
    ((product + (product >> 8)) >> 8) as u8
}

/// Premultiplied YUV of a premultiplied pixel.
fn yuv([blue, green, red, alpha]: [i32; 4]) -> [u8; 3] {
    let grey = 128 * alpha / 255;
    [
        (66 * red + 129 * green + 25 * blue + 128) / 256 + 16 * alpha / 255,
        (112 * blue - 74 * green - 38 * red + 128) / 256 + grey,
        (112 * red - 94 * green - 18 * blue + 128) / 256 + grey,
    ]
    .map(|value| value.clamp(0, 255) as u8)
}

#[cfg(test)]
mod tests {
    use super::*;

    const CANVAS: Canvas = Canvas { width: 12, height: 8, fps: 30, bitrate: None };

    #[test]
    fn a_drawing_covers_what_it_covers() {
        gst::init().unwrap();
        let layout = Layout::of(CANVAS).unwrap();
        let mut data = vec![100; layout.size];
        let rect = Rect { x: 2, y: 2, width: 4, height: 2 };
        let white = [255, 255, 255, 255].repeat(4);
        let overlay = Overlay::new(rect, &[white, [0; 16].to_vec()].concat());
        overlay.lay_over(&mut layout.surface(&mut data).unwrap(), (2, 0));
        let luma = |x: usize, y: usize| data[y * layout.strides[0] + x];
        assert_eq!([(4, 2), (7, 2), (3, 2), (8, 2), (4, 3)].map(|(x, y)| luma(x, y)), [235, 235, 100, 100, 100]);
        assert!(overlay.touches(Rect { x: 0, y: 0, width: 3, height: 3 }));
        assert!(!overlay.touches(Rect { x: 6, y: 0, width: 3, height: 3 }));
    }

    #[test]
    fn half_a_cover_is_half() {
        assert_eq!(
            [(200, 255), (200, 0), (200, 128), (255, 255)].map(|(value, of)| scaled(value, of)),
            [200, 0, 100, 255]
        );
        assert_eq!(yuv([127, 127, 127, 127]), [116, 63, 63]);
    }

    #[test]
    fn what_hangs_over_the_edge_is_left_out() {
        gst::init().unwrap();
        let layout = Layout::of(CANVAS).unwrap();
        let mut data = vec![0; layout.size];
        let mut surface = layout.surface(&mut data).unwrap();
        surface.fill(Rect { x: 8, y: 6, width: 40, height: 40 }, [1, 2, 3]);
        Overlay::new(Rect { x: 10, y: 6, width: 8, height: 8 }, &[255; 256]).lay_over(&mut surface, (0, 0));
        assert!(layout.surface(&mut [0; 20]).is_none());
    }
}
