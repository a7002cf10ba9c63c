//! A filmed tile's round corners and the border of who speaks, straight into its I420 planes: no conversion, and only the
//! edges are touched.

use crate::domain::canvas::Canvas;
use crate::domain::media::Rect;
use crate::media::mixer::canvas::Surface;

/// The speaker's border, in RGB and in BT.601 YUV.
pub(super) const SPEAKING: &str = "#4cc38a";
const SPEAKING_YUV: [u8; 3] = [147, 121, 80];

/// What is drawn at a tile's edges.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(in crate::media::mixer) struct Edge {
    /// Of the corners, in pixels; 0 where the tile touches the canvas' own.
    pub(in crate::media::mixer) radius: u32,
    /// The width of the speaker's border in pixels.
    pub(in crate::media::mixer) border: u32,
    /// What shows outside the corners, in YUV.
    pub(in crate::media::mixer) background: [u8; 3],
}

impl Default for Edge {
    fn default() -> Self {
        Self { radius: 0, border: 0, background: [16, 128, 128] }
    }
}

impl Edge {
    /// Of a tile at this place. `background` is `#rrggbb`.
    pub(in crate::media::mixer) fn of(rect: Rect, canvas: Canvas, background: &str) -> Self {
        let radius =
            if rect.x == 0 || rect.y == 0 { 0 } else { canvas.scaled(12).min(rect.width.min(rect.height) / 4) };
        let border = (canvas.scaled(4) & !1).clamp(2, 8);
        Self { radius, border, background: yuv(background) }
    }

    /// Paints them over a tile.
    pub(in crate::media::mixer) fn paint(&self, surface: &mut Surface<'_>, rect: Rect, speaking: bool) {
        for (plane, (line, outside)) in SPEAKING_YUV.into_iter().zip(self.background).enumerate() {
            let half = usize::from(plane > 0);
            let (radius, border) = (self.radius as usize >> half, self.border as usize >> half);
            let rows = surface.rows(plane, rect);
            let height = rows.len();
            for (y, row) in rows.enumerate() {
                let from_edge = y.min(height - 1 - y);
                if speaking {
                    let inner = if from_edge < border {
                        row.len().div_ceil(2)
                    } else {
                        border.max(arc(radius, border, from_edge))
                    };
                    fill_ends(row, inner, line);
                } else if from_edge >= radius {
                    continue;
                }
                fill_ends(row, arc(radius, 0, from_edge), outside);
            }
        }
    }
}

/// How many pixels of a row lie outside the arc of a corner, `inset` further in.
fn arc(radius: usize, inset: usize, from_edge: usize) -> usize {
    if from_edge >= radius || radius <= inset {
        return 0;
    }
    let (radius, within) = (radius as f64, radius as f64 - inset as f64);
    let up = radius - from_edge as f64 - 0.5;
    (radius - (within * within - up * up).max(0.0).sqrt()).round() as usize
}

/// So many pixels at both ends of a row.
fn fill_ends(row: &mut [u8], count: usize, value: u8) {
    let width = row.len();
    let count = count.min(width.div_ceil(2));
    row[..count].fill(value);
    row[width - count..].fill(value);
}

/// `#rrggbb` in BT.601 of limited range.
fn yuv(colour: &str) -> [u8; 3] {
    let number = u32::from_str_radix(colour.trim_start_matches('#'), 16).unwrap_or(0);
    let [r, g, b] = [16, 8, 0].map(|shift| f64::from((number >> shift) & 0xff));
    [
        16.0 + (65.481 * r + 128.553 * g + 24.966 * b) / 255.0,
        128.0 + (-37.797 * r - 74.203 * g + 112.0 * b) / 255.0,
        128.0 + (112.0 * r - 93.786 * g - 18.214 * b) / 255.0,
    ]
    // Inside 16 to 240 by the matrix.
    .map(|value| value.round() as u8)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::media::mixer::canvas::Layout;

    #[test]
    fn colours_become_yuv() {
        assert_eq!(yuv("#000000"), [16, 128, 128]);
        assert_eq!(yuv("#ffffff"), [235, 128, 128]);
        for (is, told) in yuv(SPEAKING).into_iter().zip(SPEAKING_YUV) {
            assert!(is.abs_diff(told) <= 1, "{:?}", yuv(SPEAKING));
        }
    }

    #[test]
    fn corners_are_round_and_the_border_follows_them() {
        gst::init().unwrap();
        let layout = Layout::of(Canvas { width: 64, height: 48, ..Canvas::default() }).unwrap();
        let mut data = vec![200; layout.size];
        let whole = Rect { x: 0, y: 0, width: 64, height: 48 };
        let edge = Edge::of(Rect { x: 8, y: 8, ..whole }, Canvas::default(), "#000000");
        assert_eq!((edge.radius, edge.border), (12, 4));
        assert_eq!(Edge::of(whole, Canvas::default(), "#000000").radius, 0);
        let luma = |data: &[u8], x: usize, y: usize| data[y * 64 + x];
        edge.paint(&mut layout.surface(&mut data).unwrap(), whole, false);
        let seen = [(0, 0), (63, 47), (63, 0), (32, 0), (0, 24), (6, 6)].map(|(x, y)| luma(&data, x, y));
        assert_eq!(seen, [16, 16, 16, 200, 200, 200]);
        edge.paint(&mut layout.surface(&mut data).unwrap(), whole, true);
        let seen = [(0, 0), (32, 0), (0, 24), (32, 3), (32, 4), (3, 24), (4, 24), (4, 4)];
        assert_eq!(seen.map(|(x, y)| luma(&data, x, y)), [16, 147, 147, 147, 200, 147, 200, 147]);
    }
}
