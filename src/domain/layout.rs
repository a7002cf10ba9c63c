//! Where things are drawn on a canvas: plain functions to rectangles. Numbers are even, nothing overlaps, nothing leaves
//! the canvas. The web client draws with the same rules (`web/src/state/layout.ts`): what both do is written down in
//! `tests/golden/layout.json`, which the tests of both read.

use super::media::Rect;
use super::words::Layout;

/// So many small tiles stand beside what is large, the one that counts the others included.
pub const STRIP: usize = 8;

/// Cameras are this wide for their height.
const CAMERA: f64 = 16.0 / 9.0;
/// A tile may be narrower than a camera's picture, whose sides are then cut.
const NARROWEST: f64 = 4.0 / 5.0;
/// A tile may be a little wider.
const WIDEST: f64 = 2.0;

/// Something to be drawn.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Item {
    /// A shared screen.
    pub screen: bool,
    /// Who has the floor.
    pub focus: bool,
}

/// Whether some are drawn large and the others in a strip. Of two people neither is small.
pub fn has_strip(layout: Layout, screens: usize, faces: usize) -> bool {
    match layout {
        Layout::Grid => false,
        Layout::Auto => screens > 0,
        Layout::Speaker | Layout::Stage => screens > 0 || faces > 2,
    }
}

/// A rectangle for each item, in their order. Where there is a strip, shared screens are large, else who has the floor.
pub fn arrange(layout: Layout, width: u32, height: u32, items: &[Item]) -> Vec<Rect> {
    let canvas = Rect { x: 0, y: 0, width, height };
    let gap = gap(width, height);
    let screens = items.iter().filter(|item| item.screen).count();
    if !has_strip(layout, screens, items.len() - screens) {
        return if items.len() == 1 { vec![canvas] } else { grid(items.len(), inset(canvas, gap), gap) };
    }
    let focus = items.iter().position(|item| item.focus).unwrap_or(0);
    let is_large = |(at, item): (usize, &Item)| if screens > 0 { item.screen } else { at == focus };
    let large: Vec<bool> = items.iter().enumerate().map(is_large).collect();
    let beside = large.iter().filter(|large| !**large).count();
    let (main, strip) = split(canvas, beside, gap);
    let mut main = large_in(items.len() - beside, main, gap).into_iter();
    let mut strip = grid(beside, strip, gap).into_iter();
    large.into_iter().filter_map(|large| if large { main.next() } else { strip.next() }).collect()
}

/// Pixels between two tiles, and between tiles and the canvas' edge.
fn gap(width: u32, height: u32) -> u32 {
    even(width.min(height) / 90).clamp(2, 16)
}

/// Cuts off a strip for `beside` small tiles: on the right, or below on an upright canvas.
fn split(canvas: Rect, beside: usize, gap: u32) -> (Rect, Rect) {
    if beside == 0 {
        return (canvas, Rect::default());
    }
    let Rect { width, height, .. } = canvas;
    if width * 10 >= height * 11 {
        let main = even(width * if beside > 4 { 74 } else { 80 } / 100);
        let strip = Rect { x: main, width: width - main, ..canvas };
        (Rect { width: main, ..canvas }, inset(strip, gap))
    } else {
        let main = even(height * if beside > 3 { 70 } else { 78 } / 100);
        let strip = Rect { y: main, height: height - main, ..canvas };
        (Rect { height: main, ..canvas }, inset(strip, gap))
    }
}

fn inset(area: Rect, by: u32) -> Rect {
    Rect {
        x: area.x + by,
        y: area.y + by,
        width: area.width.saturating_sub(2 * by),
        height: area.height.saturating_sub(2 * by),
    }
}

/// Equal tiles in the rows and columns that lose least of a camera's picture; the last row is centred.
fn grid(count: usize, area: Rect, gap: u32) -> Vec<Rect> {
    let Ok(count) = u32::try_from(count) else { return Vec::new() };
    // The first of the best: with equal tiles, fewer columns leave fewer holes.
    let tiles = (1..=count).rev().map(|columns| (columns, tile_size(count, columns, area, gap)));
    let best = tiles.max_by(|(_, a), (_, b)| worth(*a).total_cmp(&worth(*b)));
    best.map_or_else(Vec::new, |(columns, (width, height))| {
        place(count, columns, Rect { width: even(width as u32), height: even(height as u32), ..area }, area, gap)
    })
}

/// The largest tile of which so many columns fit.
fn tile_size(count: u32, columns: u32, area: Rect, gap: u32) -> (f64, f64) {
    let (width, height) = cell(count, columns, area, gap);
    let aspect = (width / height.max(1.0)).clamp(NARROWEST, WIDEST);
    let fitted = width.min(height * aspect);
    (fitted, fitted / aspect)
}

fn cell(count: u32, columns: u32, area: Rect, gap: u32) -> (f64, f64) {
    let side = |length: u32, parts: u32| f64::from(length.saturating_sub(gap * (parts - 1))) / f64::from(parts);
    (side(area.width, columns), side(area.height, count.div_ceil(columns)))
}

/// A tile's area, less for what is cut off a camera's picture to fill it.
fn worth((width, height): (f64, f64)) -> f64 {
    let aspect = width / height.max(1.0);
    width * height * (aspect / CAMERA).min(CAMERA / aspect.max(f64::MIN_POSITIVE)).sqrt()
}

/// Screens want every pixel: side by side or stacked, whichever shows 16:9 larger. Their borders are the picture's own.
fn large_in(count: usize, area: Rect, gap: u32) -> Vec<Rect> {
    let count = u32::try_from(count).unwrap_or(0);
    let shown = |columns: &u32| {
        let (width, height) = cell(count, *columns, area, gap);
        width.min(height * CAMERA)
    };
    let best = (1..=count).rev().max_by(|a, b| shown(a).total_cmp(&shown(b)));
    best.map_or_else(Vec::new, |columns| {
        let (width, height) = cell(count, columns, area, gap);
        place(count, columns, Rect { width: even(width as u32), height: even(height as u32), ..area }, area, gap)
    })
}

/// So many tiles like `tile` in rows, in the middle of the area.
fn place(count: u32, columns: u32, tile: Rect, area: Rect, gap: u32) -> Vec<Rect> {
    let Rect { width, height, .. } = tile;
    let rows = count.div_ceil(columns);
    let length = |parts: u32, side: u32| parts * side + (parts - 1) * gap;
    let top = area.y + area.height.saturating_sub(length(rows, height)) / 2;
    let rect = |at: u32| {
        let (row, column) = (at / columns, at % columns);
        let in_row = columns.min(count - row * columns);
        let left = area.x + area.width.saturating_sub(length(in_row, width)) / 2;
        Rect { x: even(left + column * (width + gap)), y: even(top + row * (height + gap)), width, height }
    };
    (0..count).map(rect).collect()
}

fn even(number: u32) -> u32 {
    number & !1
}

#[cfg(test)]
mod tests {
    use super::*;

    fn faces(count: usize) -> Vec<Item> {
        vec![Item::default(); count]
    }

    #[test]
    fn a_grid_is_as_square_as_its_canvas() {
        let one = arrange(Layout::Grid, 1280, 720, &faces(1));
        assert_eq!(one, [Rect { x: 0, y: 0, width: 1280, height: 720 }]);
        let two = arrange(Layout::Grid, 1280, 720, &faces(2));
        assert_eq!(two[0].y, two[1].y, "side by side");
        let three = arrange(Layout::Grid, 1280, 720, &faces(3));
        let centre = three[2].x + three[2].width / 2;
        assert!(three[0].y == three[1].y && centre.abs_diff(640) <= 1, "the last one is centred: {three:?}");
        for (count, columns) in [(4, 2), (9, 3), (16, 4), (25, 5), (49, 7)] {
            let tiles = arrange(Layout::Grid, 1280, 720, &faces(count));
            assert_eq!(tiles.iter().filter(|tile| tile.y == tiles[0].y).count(), columns, "{count}");
        }
    }

    #[test]
    fn a_shared_screen_makes_a_stage_of_every_layout_but_the_grid() {
        for layout in [Layout::Auto, Layout::Speaker, Layout::Stage] {
            let mut items = faces(4);
            items[2].screen = true;
            let tiles = arrange(layout, 1280, 720, &items);
            assert!(tiles[2].width >= 1024 && tiles[2].height == 720, "{layout:?}");
            assert!([0, 1, 3].iter().all(|&face| tiles[face].x >= 1024), "faces are beside it");
        }
        let mut items = faces(4);
        items[2].screen = true;
        let tiles = arrange(Layout::Grid, 1280, 720, &items);
        assert!(tiles.iter().all(|tile| tile.width == tiles[0].width), "a grid stays one");
    }

    #[test]
    fn who_has_the_floor_is_large_among_three() {
        let mut items = faces(3);
        items[1].focus = true;
        for layout in [Layout::Speaker, Layout::Stage] {
            let tiles = arrange(layout, 1280, 720, &items);
            assert!(tiles[1].width > 2 * tiles[0].width);
            assert_eq!(arrange(layout, 1280, 720, &items[..2]), arrange(Layout::Grid, 1280, 720, &items[..2]));
        }
        assert_eq!(arrange(Layout::Auto, 1280, 720, &items), arrange(Layout::Grid, 1280, 720, &items));
    }

    #[test]
    fn an_upright_canvas_has_its_strip_below() {
        let mut items = faces(5);
        items[0].focus = true;
        let tiles = arrange(Layout::Speaker, 640, 1080, &items);
        assert!(tiles[0].width == 640 && tiles[1..].iter().all(|tile| tile.y >= tiles[0].height), "{tiles:?}");
    }

    #[test]
    fn two_screens_are_as_large_as_they_get() {
        let items = [Item { screen: true, focus: false }; 2];
        let tiles = arrange(Layout::Auto, 1280, 720, &items);
        assert_eq!(tiles[0].y, tiles[1].y, "side by side on a wide canvas");
        let tiles = arrange(Layout::Auto, 640, 1080, &items);
        assert_eq!(tiles[0].x, tiles[1].x, "one above the other on an upright one");
    }
}
