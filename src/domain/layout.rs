//! Where things are drawn on a canvas: plain functions to rectangles. Numbers are even, nothing overlaps, nothing leaves
//! the canvas. The web client draws with the same rules.

use super::media::Rect;
use super::words::Layout;

/// Pixels between two tiles, and between tiles and the canvas' edge.
const GAP: u32 = 8;

/// Something to be drawn.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Item {
    /// A shared screen.
    pub screen: bool,
    /// Who has the floor.
    pub focus: bool,
}

/// A rectangle for each item, in their order. A shared screen turns `Grid` and `Speaker` into `Stage`; a stage without a
/// screen shows who has the floor large.
pub fn arrange(layout: Layout, width: u32, height: u32, items: &[Item]) -> Vec<Rect> {
    let canvas = Rect { x: 0, y: 0, width, height };
    let large: Vec<bool> = if items.iter().any(|item| item.screen) {
        items.iter().map(|item| item.screen).collect()
    } else if layout == Layout::Grid || items.len() < 3 {
        // Of two people neither is small.
        vec![true; items.len()]
    } else {
        let focus = items.iter().position(|item| item.focus).unwrap_or(0);
        (0..items.len()).map(|at| at == focus).collect()
    };
    let beside = large.iter().filter(|large| !**large).count();
    let (main, side) = split(canvas, beside);
    let mut main = grid(main, items.len() - beside).into_iter();
    let mut side = grid(side, beside).into_iter();
    large.into_iter().filter_map(|large| if large { main.next() } else { side.next() }).collect()
}

/// Cuts off a column on the right for `beside` small tiles.
fn split(canvas: Rect, beside: usize) -> (Rect, Rect) {
    let column = match beside {
        0 => 0,
        1..=5 => canvas.width / 5,
        6..=12 => canvas.width / 4,
        _ => canvas.width / 3,
    };
    let main = Rect { width: even(canvas.width - column), ..canvas };
    (main, Rect { x: main.width, width: canvas.width - main.width, ..canvas })
}

/// Equal tiles, as large as they get, between 4:3 and 16:9; the last row is centred. One tile alone takes everything.
fn grid(area: Rect, count: usize) -> Vec<Rect> {
    let Ok(count) = u32::try_from(count) else { return Vec::new() };
    if count == 0 {
        return Vec::new();
    }
    if count == 1 {
        return vec![Rect { width: even(area.width), height: even(area.height), ..area }];
    }
    let size = |columns: u32| tile_size(area, columns, count.div_ceil(columns));
    // The first of the largest: with equal tiles, fewer columns leave fewer holes.
    let columns = (1..=count).rev().max_by_key(|columns| {
        let (width, height) = size(*columns);
        width * height
    });
    let columns = columns.unwrap_or(1);
    let rows = count.div_ceil(columns);
    let (width, height) = size(columns);
    let top = area.y + area.height.saturating_sub(rows * (height + GAP) - GAP) / 2;
    let place = |at: u32| {
        let (row, column) = (at / columns, at % columns);
        let in_row = columns.min(count - row * columns);
        let left = area.x + area.width.saturating_sub(in_row * (width + GAP) - GAP) / 2;
        Rect { x: even(left + column * (width + GAP)), y: even(top + row * (height + GAP)), width, height }
    };
    (0..count).map(place).collect()
}

/// The largest tile of which so many fit; the smallest possible is 2x2.
fn tile_size(area: Rect, columns: u32, rows: u32) -> (u32, u32) {
    let width = (area.width.saturating_sub(GAP * (columns + 1))) / columns;
    let height = (area.height.saturating_sub(GAP * (rows + 1))) / rows;
    let (width, height) = if width * 9 > height * 16 {
        (height * 16 / 9, height)
    } else if width * 3 < height * 4 {
        (width, width * 3 / 4)
    } else {
        (width, height)
    };
    (even(width), even(height))
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
    fn a_shared_screen_makes_a_stage_of_every_layout() {
        for layout in [Layout::Grid, Layout::Speaker, Layout::Stage] {
            let mut items = faces(4);
            items[2].screen = true;
            let tiles = arrange(layout, 1280, 720, &items);
            assert!(tiles[2].width >= 1024 && tiles[2].height == 720, "{layout:?}");
            assert!([0, 1, 3].iter().all(|&face| tiles[face].x >= 1024), "faces are beside it");
        }
    }

    #[test]
    fn who_has_the_floor_is_large_among_three() {
        let mut items = faces(3);
        items[1].focus = true;
        let tiles = arrange(Layout::Speaker, 1280, 720, &items);
        assert!(tiles[1].width > 2 * tiles[0].width);
        assert_eq!(arrange(Layout::Speaker, 1280, 720, &items[..2]), arrange(Layout::Grid, 1280, 720, &items[..2]));
    }
}
