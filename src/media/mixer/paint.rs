//! What is drawn and not filmed: the background with its plain tiles, names, muted marks, the room's title, the operator's
//! logo. Described as SVG and rendered once per change by librsvg, then only copied.

mod edge;
mod render;
mod text;

use std::fmt::Write as _;

pub(super) use self::edge::Edge;
use self::edge::SPEAKING;
use self::render::{open, overlay};
use self::text::{clipped, escaped, hundredths, initials};
use crate::domain::canvas::Canvas;
use crate::domain::ids::{ParticipantId, Source};
use crate::domain::media::{More, Rect, Tile};
use crate::media::mixer::canvas::Overlay;
use crate::media::problem::Problem;
use crate::media::template::Brand;

const FONT: &str = "font-family='Inter, Noto Sans, DejaVu Sans, sans-serif'";

/// The page's own, in its order: calm, dark enough for white letters, and easily told apart.
const COLOURS: [&str; 8] = ["#42947f", "#945542", "#426494", "#644294", "#94426b", "#947642", "#5e9442", "#428694"];

/// Everything behind the filmed tiles.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Backdrop {
    pub(super) canvas: Canvas,
    pub(super) tiles: Vec<Tile>,
    pub(super) more: Option<More>,
}

/// The background of a scene: canvas, plain tiles, how many more there are.
pub(super) fn background(backdrop: &Backdrop, brand: &Brand) -> Result<Vec<u8>, Problem> {
    let canvas = backdrop.canvas;
    let mut svg = open(canvas.width, canvas.height);
    let _ = write!(svg, "<rect width='100%' height='100%' fill='{}'/>", brand.background);
    for tile in &backdrop.tiles {
        plain_tile(&mut svg, tile, canvas);
    }
    if let Some(more) = backdrop.more {
        more_tile(&mut svg, more, canvas);
    }
    svg.push_str("</svg>");
    render::canvas(&svg, canvas)
}

/// The name at a tile's foot, as an overlay for its pictures. Height and place are the tile's.
pub(super) fn label(tile: &Tile, canvas: Canvas) -> Result<Overlay, Problem> {
    let foot = Foot::of(tile, canvas);
    let (width, height) = (foot.width, foot.height);
    let mut svg = open(width, height);
    foot.draw(&mut svg, 0, 0);
    svg.push_str("</svg>");
    overlay(&svg, Rect { x: 0, y: tile.rect.height - height, width, height })
}

/// The room's title in the top left corner.
pub(super) fn title(text: &str, canvas: Canvas) -> Result<Overlay, Problem> {
    let text = clipped(text, 60);
    let font = canvas.scaled(13).max(10);
    let (padding, height) = (font * 2 / 3, (font * 9 / 5).next_multiple_of(2));
    let width = (hundredths(&text) * font / 100 + 2 * padding).next_multiple_of(2).min(canvas.width);
    let mut svg = open(width, height);
    let _ = write!(
        svg,
        "<rect width='{width}' height='{height}' rx='{}' fill='#000' fill-opacity='0.5'/>\
         <text x='{}' y='{}' {FONT} font-size='{font}' text-anchor='middle' fill='#fff' fill-opacity='0.92'>{}</text></svg>",
        height / 4,
        width / 2,
        height / 2 + font * 36 / 100,
        escaped(&text)
    );
    let corner = corner(canvas);
    overlay(&svg, Rect { x: corner, y: corner, width, height })
}

/// The operator's logo in the top right corner, a twelfth of the canvas high.
pub(super) fn logo(data: &str, canvas: Canvas) -> Result<Overlay, Problem> {
    let (width, height) = (canvas.scaled(180) & !1, canvas.scaled(60) & !1);
    let mut svg = open(width, height);
    let _ = write!(
        svg,
        "<image width='{width}' height='{height}' preserveAspectRatio='xMaxYMin meet' href='{}'/></svg>",
        escaped(data)
    );
    let corner = corner(canvas);
    overlay(&svg, Rect { x: canvas.width.saturating_sub(width + corner), y: corner, width, height })
}

/// How far title and logo are from the canvas' edges: inside the tiles' own corners.
fn corner(canvas: Canvas) -> u32 {
    canvas.scaled(18) & !1
}

fn plain_tile(svg: &mut String, tile: &Tile, canvas: Canvas) {
    let Rect { x, y, width, height } = tile.rect;
    let colour = colour(tile.participant);
    let (cx, cy, radius) = (x + width / 2, y + height / 2, height.min(width) / 4);
    let size = radius * 4 / 5;
    let edge = Edge::of(tile.rect, canvas, "#000000");
    let _ = write!(
        svg,
        "<rect x='{x}' y='{y}' width='{width}' height='{height}' rx='{}' fill='{colour}' fill-opacity='0.34'/>\
         <circle cx='{cx}' cy='{cy}' r='{radius}' fill='{colour}'/>\
         <text x='{cx}' y='{}' {FONT} font-size='{size}' font-weight='600' text-anchor='middle' fill='#fff'>{}</text>",
        edge.radius,
        cy + size * 36 / 100,
        escaped(&initials(&tile.name))
    );
    let foot = Foot::of(tile, canvas);
    foot.draw(svg, x, y + height - foot.height);
    if tile.speaking {
        let (half, border) = (edge.border / 2, edge.border);
        let _ = write!(
            svg,
            "<rect x='{}' y='{}' width='{}' height='{}' rx='{}' fill='none' stroke='{SPEAKING}' stroke-width='{border}'/>",
            x + half,
            y + half,
            width.saturating_sub(border),
            height.saturating_sub(border),
            edge.radius.saturating_sub(half)
        );
    }
}

/// "+12" in the last place.
fn more_tile(svg: &mut String, more: More, canvas: Canvas) {
    let Rect { x, y, width, height } = more.rect;
    let size = (height.min(width) / 4).max(11);
    let _ = write!(
        svg,
        "<rect x='{x}' y='{y}' width='{width}' height='{height}' rx='{}' fill='#fff' fill-opacity='0.09'/>\
         <text x='{}' y='{}' {FONT} font-size='{size}' font-weight='600' text-anchor='middle' fill='#fff' fill-opacity='0.9'>+{}</text>",
        Edge::of(more.rect, canvas, "#000000").radius,
        x + width / 2,
        y + height / 2 + size * 36 / 100,
        more.count
    );
}

/// The strip with the name.
struct Foot<'a> {
    tile: &'a Tile,
    name: String,
    width: u32,
    height: u32,
    font: u32,
}

impl<'a> Foot<'a> {
    fn of(tile: &'a Tile, canvas: Canvas) -> Self {
        let smallest = canvas.scaled(11).max(11);
        let font = (tile.rect.height / 16).clamp(smallest, canvas.scaled(26).max(smallest));
        let marks = u32::from(tile.muted) + u32::from(tile.source == Source::Screen);
        let mark = marks * font * 13 / 10;
        let room = tile.rect.width.saturating_sub(4 * font + mark);
        // Letters are about 0.6 of their height wide; what is too long ends in an ellipsis.
        let name = clipped(&tile.name, (room * 10 / (font * 6)).max(1) as usize);
        let letters = hundredths(&name) * font / 100;
        let width = (letters + mark + font * 21 / 10).min(tile.rect.width).next_multiple_of(2);
        let height = (font * 5 / 2).next_multiple_of(2).min(tile.rect.height);
        Self { tile, name, width, height, font }
    }

    fn draw(&self, svg: &mut String, x: u32, y: u32) {
        let (font, inset) = (self.font, self.font * 2 / 5);
        let plate = self.height - 2 * inset;
        let baseline = y + inset + plate / 2 + font * 36 / 100;
        let mut left = x + inset + font * 3 / 5;
        let _ = write!(
            svg,
            "<rect x='{}' y='{}' width='{}' height='{plate}' rx='{}' fill='#000' fill-opacity='0.55'/>",
            x + inset,
            y + inset,
            self.width.saturating_sub(2 * inset),
            font / 3
        );
        if self.tile.muted {
            muted_mark(svg, left, y + inset + (plate.saturating_sub(font)) / 2, font);
            left += font * 13 / 10;
        }
        if self.tile.source == Source::Screen {
            screen_mark(svg, left, y + inset + (plate.saturating_sub(font)) / 2, font);
            left += font * 13 / 10;
        }
        let name = escaped(&self.name);
        let _ = write!(svg, "<text x='{left}' y='{baseline}' {FONT} font-size='{font}' fill='#fff'>{name}</text>");
    }
}

/// A crossed-out microphone in a square of this size.
fn muted_mark(svg: &mut String, x: u32, y: u32, size: u32) {
    let scale = f64::from(size) / 24.0;
    let _ = write!(
        svg,
        "<g transform='translate({x} {y}) scale({scale:.3})' fill='none' stroke='#ff6b6b' stroke-width='2.4' \
         stroke-linecap='round'><rect x='8.5' y='2' width='7' height='12' rx='3.5' fill='#ff6b6b' stroke='none'/>\
         <path d='M5 11a7 7 0 0 0 14 0M12 18v4M3 3l18 18'/></g>"
    );
}

/// A display, in a square of this size: what is shown is not a face.
fn screen_mark(svg: &mut String, x: u32, y: u32, size: u32) {
    let scale = f64::from(size) / 24.0;
    let _ = write!(
        svg,
        "<g transform='translate({x} {y}) scale({scale:.3})' fill='none' stroke='#fff' stroke-width='2.2' \
         stroke-linecap='round'><rect x='2' y='4' width='20' height='13' rx='2'/><path d='M8 21h8'/></g>"
    );
}

/// The colour of somebody's tile: the same all along, and the same as on the page.
fn colour(participant: ParticipantId) -> &'static str {
    let sum = participant.to_string().bytes().fold(0_u32, |sum, byte| sum.wrapping_mul(31).wrapping_add(byte.into()));
    COLOURS[sum as usize % COLOURS.len()]
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_hostile_name_is_still_drawn() {
        gst::init().unwrap();
        let tile = Tile {
            participant: ParticipantId(1),
            source: Source::Camera,
            picture: None,
            name: "</text><image href='file:///etc/passwd'/>".repeat(50),
            muted: true,
            speaking: true,
            crop: true,
            rect: Rect { x: 0, y: 0, width: 320, height: 180 },
        };
        let canvas = Canvas { width: 320, height: 180, ..Canvas::default() };
        label(&tile, canvas).expect("drawn");
        title(&tile.name, canvas).expect("drawn");
        let more = Some(More { count: 12, rect: tile.rect });
        background(&Backdrop { canvas, tiles: vec![tile], more }, &Brand::default()).expect("drawn");
    }

    #[test]
    fn a_logo_is_drawn() {
        gst::init().unwrap();
        let svg = "data:image/svg+xml;base64,PHN2ZyB4bWxucz0iaHR0cDovL3d3dy53My5vcmcvMjAwMC9zdmciIHdpZHRoPSI4IiBoZWlnaHQ9IjgiLz4=";
        logo(svg, Canvas::default()).expect("drawn");
    }
}
