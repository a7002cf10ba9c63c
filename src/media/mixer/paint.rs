//! What is drawn and not filmed: the background with its plain tiles, names, muted marks, the room's title. Described
//! as SVG and rendered once per change by librsvg, then only copied.

use std::fmt::Write as _;
use std::time::Duration;

use gst::prelude::*;
use gst_video::{
    VideoFormat, VideoFrameExt as _, VideoOverlayComposition, VideoOverlayFormatFlags, VideoOverlayRectangle,
};

use crate::domain::ids::ParticipantId;
use crate::domain::media::{Rect, Tile};
use crate::media::problem::Problem;
use crate::media::template::Canvas;

/// How long one drawing may take.
const LIMIT: Duration = Duration::from_secs(3);
const BACKGROUND: &str = "#15171d";
/// The speaker's border, in RGB and in BT.601 YUV.
const SPEAKING: &str = "#4cc38a";
const SPEAKING_YUV: [u8; 3] = [145, 116, 71];
/// The border's width in pixels.
const BORDER: usize = 4;
const FONT: &str = "font-family='Inter, Noto Sans, DejaVu Sans, sans-serif'";

/// Calm, dark enough for white letters, and easily told apart.
const COLOURS: [&str; 8] = ["#3b5bdb", "#0b7285", "#2b8a3e", "#a6690a", "#a61e4d", "#6741d9", "#c2410c", "#495867"];

/// The background of a scene: canvas, plain tiles, and in `dressed` ones the marks that a filmed tile draws itself.
pub(super) fn background(canvas: Canvas, tiles: &[Tile]) -> Result<gst::Buffer, Problem> {
    let mut svg = open(canvas.width, canvas.height);
    let _ = write!(svg, "<rect width='100%' height='100%' fill='{BACKGROUND}'/>");
    for tile in tiles {
        plain_tile(&mut svg, tile);
    }
    svg.push_str("</svg>");
    let caps = gst::Caps::builder("video/x-raw").field("format", "I420").field("colorimetry", "bt601");
    render(&svg, canvas.width, canvas.height, caps.build())
}

/// The name at a tile's foot, as an overlay for its pictures. Height and place are the tile's.
pub(super) fn label(tile: &Tile) -> Result<VideoOverlayComposition, Problem> {
    let foot = Foot::of(tile);
    let (width, height) = (foot.width, foot.height);
    let mut svg = open(width, height);
    foot.draw(&mut svg, 0, 0);
    svg.push_str("</svg>");
    overlay(&svg, Rect { x: 0, y: tile.rect.height - height, width, height })
}

/// The room's title in the top left corner.
pub(super) fn title(text: &str) -> Result<VideoOverlayComposition, Problem> {
    let text = clipped(text, 60);
    let width = (text.chars().count() as u32 * 9 + 24).next_multiple_of(2);
    let mut svg = open(width, 26);
    let _ = write!(
        svg,
        "<rect width='{width}' height='26' rx='6' fill='#000' fill-opacity='0.45'/>\
         <text x='10' y='18' {FONT} font-size='14' fill='#fff' fill-opacity='0.9'>{}</text></svg>",
        escaped(&text)
    );
    overlay(&svg, Rect { x: 10, y: 10, width, height: 26 })
}

/// The border of who speaks, straight into a picture's I420 planes.
pub(super) fn border(frame: &mut gst_video::VideoFrameRef<&mut gst::BufferRef>) {
    for (plane, value) in SPEAKING_YUV.iter().enumerate() {
        let (stride, half) = (frame.plane_stride()[plane] as usize, usize::from(plane > 0));
        let (width, height) = (frame.width() as usize >> half, frame.height() as usize >> half);
        let thick = BORDER >> half;
        let Ok(data) = frame.plane_data_mut(plane as u32) else { return };
        for (y, row) in data.chunks_mut(stride).take(height).enumerate() {
            let Some(row) = row.get_mut(..width) else { continue };
            if y < thick || y + thick >= height {
                row.fill(*value);
            } else if width > 2 * thick {
                row[..thick].fill(*value);
                row[width - thick..].fill(*value);
            }
        }
    }
}

fn plain_tile(svg: &mut String, tile: &Tile) {
    let Rect { x, y, width, height } = tile.rect;
    let colour = colour(tile.participant);
    let (cx, cy, radius) = (x + width / 2, y + height / 2, height.min(width) / 5);
    let size = radius * 4 / 5;
    let _ = write!(
        svg,
        "<rect x='{x}' y='{y}' width='{width}' height='{height}' fill='{colour}'/>\
         <circle cx='{cx}' cy='{cy}' r='{radius}' fill='#fff' fill-opacity='0.16'/>\
         <text x='{cx}' y='{}' {FONT} font-size='{size}' text-anchor='middle' fill='#fff'>{}</text>",
        cy + size * 36 / 100,
        escaped(&initials(&tile.name))
    );
    let foot = Foot::of(tile);
    foot.draw(svg, x, y + height - foot.height);
    if tile.speaking {
        let half = BORDER as u32 / 2;
        let _ = write!(
            svg,
            "<rect x='{}' y='{}' width='{}' height='{}' fill='none' stroke='{SPEAKING}' stroke-width='{BORDER}'/>",
            x + half,
            y + half,
            width.saturating_sub(2 * half),
            height.saturating_sub(2 * half)
        );
    }
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
    fn of(tile: &'a Tile) -> Self {
        let font = (tile.rect.height / 16).clamp(11, 26);
        let mark = if tile.muted { font * 13 / 10 } else { 0 };
        let room = tile.rect.width.saturating_sub(4 * font + mark);
        // Letters are about 0.6 of their height wide; what is too long ends in an ellipsis.
        let name = clipped(&tile.name, (room * 10 / (font * 6)).max(1) as usize);
        let letters = name.chars().count() as u32 * font * 62 / 100;
        let width = (letters + mark + font * 5 / 2).min(tile.rect.width).next_multiple_of(2);
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

/// The colour of somebody's plain tile: the same all along, spread over the palette.
fn colour(participant: ParticipantId) -> &'static str {
    let mixed = participant.0.wrapping_mul(0x9e37_79b9_7f4a_7c15) >> 61;
    COLOURS[mixed as usize % COLOURS.len()]
}

/// The first letters of the first two words.
fn initials(name: &str) -> String {
    name.split_whitespace()
        .filter_map(|word| word.chars().find(|c| c.is_alphanumeric()))
        .take(2)
        .flat_map(char::to_uppercase)
        .collect()
}

fn clipped(text: &str, most: usize) -> String {
    let text: String = text.chars().filter(|c| !c.is_control()).collect();
    if text.chars().count() <= most {
        return text;
    }
    text.chars().take(most.saturating_sub(1)).chain(['…']).collect()
}

/// For XML; names come from strangers.
fn escaped(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    for c in text.chars() {
        match c {
            '&' => out.push_str("&amp;"),
            '<' => out.push_str("&lt;"),
            '>' => out.push_str("&gt;"),
            '\'' => out.push_str("&#39;"),
            '"' => out.push_str("&quot;"),
            // Not allowed in XML at all.
            c if c.is_control() || ('\u{fffe}'..='\u{ffff}').contains(&c) => {}
            c => out.push(c),
        }
    }
    out
}

fn open(width: u32, height: u32) -> String {
    format!("<svg xmlns='http://www.w3.org/2000/svg' width='{width}' height='{height}' viewBox='0 0 {width} {height}'>")
}

/// Draws `svg`, to be laid over a picture at `place`.
fn overlay(svg: &str, place: Rect) -> Result<VideoOverlayComposition, Problem> {
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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_from_strangers_stay_text() {
        assert_eq!(escaped("<b>&'\"\u{1}"), "&lt;b&gt;&amp;&#39;&quot;");
        assert_eq!(clipped("abcdef", 4), "abc…");
        assert_eq!(initials("élodie  marie curie"), "ÉM");
        assert_eq!(initials("😀"), "");
    }

    #[test]
    fn a_hostile_name_is_still_drawn() {
        gst::init().unwrap();
        let tile = Tile {
            participant: ParticipantId(1),
            source: crate::domain::ids::Source::Camera,
            picture: None,
            name: "</text><image href='file:///etc/passwd'/>".repeat(50),
            muted: true,
            speaking: true,
            crop: true,
            rect: Rect { x: 0, y: 0, width: 320, height: 180 },
        };
        label(&tile).expect("drawn");
        background(Canvas { width: 320, height: 180, framerate: 30 }, &[tile]).expect("drawn");
    }
}
