//! The mix itself: a canvas and a mixing desk, to which filmed tiles and voices come and go.
//!
//! ```text
//! in-…  : RTP ─> jitterbuffer ─> decode ─┬─> film ──┐ (one pipeline per track)
//!                                         └─> strip ─│─┐
//! canvas: background ─> films, scaled, with their names ─> title ─> raw picture ─> encoders
//! desk  : strips, added up ────────────────────────────────────────> raw sound ───> encoders
//! ```

mod canvas;
mod desk;
pub(crate) mod input;
pub(crate) mod lipsync;
mod pacer;
mod paint;
mod tile;
mod voice;

use std::collections::HashMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use self::canvas::{Canvas as Drawing, Overlay};
use self::desk::Desk;
use self::input::{REORDER, Recipe};
use self::lipsync::Group;
use self::paint::Backdrop;
use self::tile::Picture;
use self::voice::Voice;
use super::link::Stream;
use super::links::Links;
use super::pipeline::{BusEvent, Time};
use super::problem::Problem;
use super::template::Templates;
use crate::domain::canvas::Canvas;
use crate::domain::ids::{PeerId, TrackId};
use crate::domain::media::{Scene, Tile};

/// Cameras nearly always come so; naming it keeps the canvas the same whoever joins, and spares a conversion.
const COLOUR: &str = "bt601";

/// From the moment something shows or sounds to its being mixed: what jitterbuffers and decoders may take.
const LATENCY: gst::ClockTime = gst::ClockTime::from_mseconds(200);
/// A machine that stood still for longer than this has lost what was between.
const MOST_BEHIND: gst::ClockTime = gst::ClockTime::from_seconds(2);

/// What the mix stands on.
#[derive(Clone)]
pub(crate) struct Joint {
    pub(crate) links: Arc<dyn Links>,
    pub(crate) templates: Arc<Templates>,
}

/// Hands what the pipeline of a track says on its bus to the owner's thread.
pub(crate) type Tell = Arc<dyn Fn(TrackId, BusEvent) + Send + Sync>;

/// The running mix. Dropping it stops everything in it.
pub(crate) struct Mixer {
    joint: Joint,
    time: Time,
    tell: Tell,
    scene: Scene,
    pictures: HashMap<TrackId, Picture>,
    voices: HashMap<TrackId, Voice>,
    groups: HashMap<PeerId, Arc<Mutex<Group>>>,
    canvas: Drawing,
    background: Vec<u8>,
    title: Option<Overlay>,
    logo: Option<Overlay>,
    desk: Desk,
    /// The composed picture, raw.
    pub(crate) picture: Stream,
    /// The mixed sound, raw.
    pub(crate) sound: Stream,
    ticks: u32,
}

impl Mixer {
    /// Starts with nobody in it.
    pub(crate) fn start(joint: Joint, canvas: Canvas, time: &Time, tell: Tell) -> Result<Self, Problem> {
        let (drawing, desk) = (Drawing::start(canvas, time)?, Desk::start(time)?);
        let mut mixer = Self {
            picture: drawing.out.clone(),
            sound: desk.out.clone(),
            canvas: drawing,
            background: Vec::new(),
            title: None,
            logo: None,
            desk,
            joint,
            time: time.clone(),
            tell,
            scene: Scene { canvas, ..Scene::default() },
            pictures: HashMap::new(),
            voices: HashMap::new(),
            groups: HashMap::new(),
            ticks: 0,
        };
        mixer.draw_background();
        mixer.draw_logo();
        mixer.set_base();
        Ok(mixer)
    }

    /// Shows this scene from now on, with the fewest changes. Its canvas is the one this was started with.
    pub(crate) fn show(&mut self, scene: &Scene) {
        let old = std::mem::replace(&mut self.scene, scene.clone());
        let (moved, renamed) = (backdrop(&old) != backdrop(scene), old.title != scene.title);
        if moved {
            self.draw_background();
        }
        if renamed {
            self.draw_title();
        }
        self.show_pictures(scene);
        // Both at once: a tile moves together with what is below it.
        if moved || renamed {
            self.set_base();
        }
        self.set_films();
        self.hear(scene);
        self.forget_groups();
    }

    fn show_pictures(&mut self, scene: &Scene) {
        let wanted: HashMap<TrackId, (u32, &Tile)> =
            (1..).zip(&scene.tiles).filter_map(|(order, tile)| Some((tile.picture?, (order, tile)))).collect();
        self.pictures.retain(|track, picture| {
            let stays = wanted.contains_key(track);
            if !stays {
                picture.close();
            }
            stays
        });
        for (track, (order, tile)) in wanted {
            if let Some(picture) = self.pictures.get_mut(&track) {
                picture.update(tile, order);
            } else if let Err(problem) = self.open_picture(track, tile, order) {
                tracing::warn!(%track.peer, source = ?track.source, %problem, "a tile stays plain");
            }
        }
    }

    fn open_picture(&mut self, track: TrackId, tile: &Tile, order: u32) -> Result<(), Problem> {
        let group = self.group(track.peer);
        let recipe = Recipe { track, height: tile::height(tile.rect), reorder: REORDER, time: &self.time, group };
        let tell = self.tell.clone();
        let canvas = self.scene.canvas;
        let opened = Picture::open(&self.joint, recipe, (tile, canvas), move |event| tell(track, event))?;
        if let Some(mut picture) = opened {
            picture.update(tile, order);
            self.pictures.insert(track, picture);
        }
        Ok(())
    }

    fn hear(&mut self, scene: &Scene) {
        self.voices.retain(|track, _| scene.voices.contains(track));
        for &track in &scene.voices {
            if self.voices.contains_key(&track) {
                continue;
            }
            let group = self.group(track.peer);
            let recipe = Recipe { track, height: 0, reorder: REORDER, time: &self.time, group };
            let tell = self.tell.clone();
            match Voice::open(&self.joint, recipe, &self.desk, move |event| tell(track, event)) {
                Ok(Some(voice)) => drop(self.voices.insert(track, voice)),
                Ok(None) => {}
                Err(problem) => tracing::warn!(%track.peer, %problem, "a voice is not heard"),
            }
        }
    }

    /// Makes every n-th picture only.
    pub(crate) fn draw_every(&self, nth: u32) {
        self.canvas.draw_every(nth);
    }

    /// How late the last picture was made.
    pub(crate) fn lateness(&self) -> Duration {
        self.canvas.lateness()
    }

    /// Notices pictures that came or stopped. Called about ten times a second.
    pub(crate) fn tick(&mut self) {
        self.ticks = self.ticks.wrapping_add(1);
        if self.ticks.is_multiple_of(10) {
            // Inputs that failed, or whose track was not there yet, are tried again.
            self.show(&self.scene.clone());
        }
        let mut changed = false;
        for picture in self.pictures.values_mut() {
            changed |= picture.tick();
            if self.ticks.is_multiple_of(3) {
                picture.nudge();
            }
        }
        if changed {
            self.set_films();
        }
    }

    /// An input's pipeline failed: it is taken out; the next tick of the scene makes it again.
    pub(crate) fn input_failed(&mut self, track: TrackId) {
        if let Some(mut picture) = self.pictures.remove(&track) {
            picture.close();
        }
        self.voices.remove(&track);
        self.set_films();
    }

    fn set_films(&self) {
        self.canvas.set_films(self.pictures.values().filter_map(Picture::film).collect());
    }

    fn set_base(&self) {
        let overlays = [&self.title, &self.logo].into_iter().flatten().cloned().collect();
        self.canvas.set_base(self.background.clone(), overlays);
    }

    fn group(&mut self, peer: PeerId) -> Arc<Mutex<Group>> {
        self.groups.entry(peer).or_default().clone()
    }

    fn forget_groups(&mut self) {
        let used: Vec<PeerId> = self.pictures.keys().chain(self.voices.keys()).map(|track| track.peer).collect();
        self.groups.retain(|peer, _| used.contains(peer));
    }

    fn draw_background(&mut self) {
        match paint::background(&backdrop(&self.scene), &self.joint.templates.mixer.brand) {
            Ok(drawn) => self.background = drawn,
            Err(problem) => tracing::warn!(%problem, "the background stays as it is"),
        }
    }

    fn draw_title(&mut self) {
        let title = Some(&self.scene.title).filter(|title| !title.is_empty());
        self.title = title.and_then(|title| {
            paint::title(title, self.scene.canvas).inspect_err(|problem| tracing::warn!(%problem, "no title")).ok()
        });
    }

    fn draw_logo(&mut self) {
        let logo = self.joint.templates.mixer.brand.logo_data.as_deref();
        self.logo = logo.and_then(|data| {
            paint::logo(data, self.scene.canvas).inspect_err(|problem| tracing::warn!(%problem, "no logo")).ok()
        });
    }
}

/// What of a scene is in the background: a filmed tile draws its own marks.
fn backdrop(scene: &Scene) -> Backdrop {
    let plain = |tile: &Tile| match tile.picture {
        None => tile.clone(),
        Some(_) => Tile { muted: false, speaking: false, ..tile.clone() },
    };
    Backdrop { canvas: scene.canvas, tiles: scene.tiles.iter().map(plain).collect(), more: scene.more }
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}
