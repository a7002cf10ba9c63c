//! What the mix draws and lets be heard.

use crate::domain::canvas::Canvas;
use crate::domain::ids::{ParticipantId, Source, TrackId};

/// The picture and sound that the mix makes: everything already decided.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Scene {
    /// What it is drawn on. While outputs run a new one waits until they have ended.
    pub canvas: Canvas,
    /// Drawn small in a corner; empty for none.
    pub title: String,
    /// What is drawn, back to front.
    pub tiles: Vec<Tile>,
    /// Those for whom there is no tile.
    pub more: Option<More>,
    /// What is heard, in order of arrival; already cut to the loudest few.
    pub voices: Vec<TrackId>,
}

/// "+12": so many more are in the room.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct More {
    /// How many.
    pub count: usize,
    /// Where, in pixels of the mix's canvas.
    pub rect: Rect,
}

/// One rectangle of the mix.
#[derive(Debug, Clone, PartialEq)]
pub struct Tile {
    /// Whose it is. With `source`, what a tile is known by: stays the same when tiles move, so that a tile can be moved
    /// instead of made again.
    pub participant: ParticipantId,
    /// `Camera` for a face or a name, `Screen` for a shared screen: somebody may have a tile of each.
    pub source: Source,
    /// The picture; `None` draws a plain tile with initials.
    pub picture: Option<TrackId>,
    /// Drawn at the tile's foot.
    pub name: String,
    /// Draws the muted mark.
    pub muted: bool,
    /// Draws the speaker's border.
    pub speaking: bool,
    /// True fills the tile and cuts the edges (faces); false shows all of it (screens).
    pub crop: bool,
    /// Where, in pixels of the mix's canvas.
    pub rect: Rect,
}

/// A rectangle in pixels of the canvas, origin top left.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default)]
pub struct Rect {
    /// Left edge.
    pub x: u32,
    /// Top edge.
    pub y: u32,
    /// Width, even.
    pub width: u32,
    /// Height, even.
    pub height: u32,
}
