//! The mix itself: one running pipeline with permanent base inputs, to which filmed tiles and voices come and go.
//!
//! ```text
//! in-… : RTP ─> jitterbuffer ─> decode ─> size ─> paint ─┐ (one pipeline per track)
//!                                                        v
//! mix  : black 30 fps ─> background ─> compositor (one pad per filmed tile) ─> title ─> raw picture ─> encoders
//!        silence ────────────────────> audiomixer (one pad per voice) ──────────────> raw sound ───> encoders
//! ```

pub(crate) mod input;
pub(crate) mod lipsync;
mod pad;
mod paint;
mod tile;
mod voice;

use std::collections::HashMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use gst::prelude::*;
use gst_video::VideoOverlayComposition;

use self::input::{REORDER, Recipe};
use self::lipsync::Group;
use self::paint::Backdrop;
use self::tile::Picture;
use self::voice::Voice;
use super::link::Stream;
use super::links::Links;
use super::pipeline::{BusEvent, Pipeline, Time};
use super::problem::Problem;
use super::template::Templates;
use crate::domain::canvas::Canvas;
use crate::domain::ids::{PeerId, TrackId};
use crate::domain::media::{Scene, Tile};

/// Cameras nearly always come so; naming it keeps the canvas the same whoever joins, and spares a conversion.
const COLOUR: &str = "colorimetry=bt601";

/// What the mix stands on.
#[derive(Clone)]
pub(crate) struct Joint {
    pub(crate) links: Arc<dyn Links>,
    pub(crate) templates: Arc<Templates>,
}

/// Which pipeline spoke on its bus.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Voiced {
    /// The mix's own.
    Mix,
    /// The input of a track.
    Input(TrackId),
}

/// Hands bus events of the mix and its inputs to their owner's thread.
pub(crate) type Tell = Arc<dyn Fn(Voiced, BusEvent) + Send + Sync>;

/// What the streaming threads paint with.
#[derive(Debug, Default)]
struct Drawn {
    background: Option<gst::Buffer>,
    title: Option<VideoOverlayComposition>,
    logo: Option<VideoOverlayComposition>,
}

/// The running mix. Dropping it stops everything in it.
pub(crate) struct Mixer {
    joint: Joint,
    time: Time,
    tell: Tell,
    scene: Scene,
    pictures: HashMap<TrackId, Picture>,
    voices: HashMap<TrackId, Voice>,
    groups: HashMap<PeerId, Arc<Mutex<Group>>>,
    drawn: Arc<Mutex<Drawn>>,
    compositor: gst::Element,
    audiomixer: gst::Element,
    /// The composed picture, raw.
    pub(crate) picture: Stream,
    /// The mixed sound, raw.
    pub(crate) sound: Stream,
    // Last: inputs leave before it stops.
    pipeline: Pipeline,
    ticks: u32,
}

impl Mixer {
    /// Starts with nobody in it.
    pub(crate) fn start(joint: Joint, canvas: Canvas, time: &Time, tell: Tell) -> Result<Self, Problem> {
        let own = tell.clone();
        let pipeline = Pipeline::new("mix", time, move |event| own(Voiced::Mix, event));
        let named = |problem: Problem| problem.within("mixer.toml");
        let template = &joint.templates.mixer;
        let (picture, sound) = (&template.picture, &template.sound);
        let caps = format!(
            "video/x-raw,format=I420,width={},height={},framerate={}/1,pixel-aspect-ratio=1/1,{COLOUR}",
            canvas.width, canvas.height, canvas.fps
        );
        let video = pipeline
            .add_bin(&format!(
                "{} ! capsfilter name=black caps={caps} ! {} ! capsfilter name=composed caps={caps} ! appsink name=picture",
                picture.base, picture.mixer
            ))
            .map_err(named)?;
        let heard = voice::sound_caps();
        let audio = pipeline
            .add_bin(&format!("{} ! {heard} ! {} ! {heard} ! appsink name=sound", sound.base, sound.mixer))
            .map_err(named)?;
        let drawn = Arc::new(Mutex::new(Drawn::default()));
        let part = |bin: &gst::Bin, name: &str| {
            bin.by_name(name).ok_or_else(|| Problem::new(format!("no element named '{name}'"))).map_err(named)
        };
        paint_background(&part(&video, "black")?, drawn.clone());
        paint_overlays(&part(&video, "composed")?, drawn.clone());
        let sink = |bin: &gst::Bin, name: &str| {
            part(bin, name)?.downcast().map_err(|_| Problem::new(format!("'{name}' is not an appsink")))
        };
        let mixer = Self {
            picture: Stream::new(sink(&video, "picture")?),
            sound: Stream::new(sink(&audio, "sound")?),
            compositor: part(&video, "mixer")?,
            audiomixer: part(&audio, "mixer")?,
            joint: joint.clone(),
            time: time.clone(),
            tell,
            scene: Scene { canvas, ..Scene::default() },
            pictures: HashMap::new(),
            voices: HashMap::new(),
            groups: HashMap::new(),
            drawn,
            pipeline,
            ticks: 0,
        };
        mixer.draw_background();
        mixer.draw_logo();
        mixer.pipeline.play().map_err(named)?;
        Ok(mixer)
    }

    /// Shows this scene from now on, with the fewest changes. Its canvas is the one this was started with.
    pub(crate) fn show(&mut self, scene: &Scene) {
        let old = std::mem::replace(&mut self.scene, scene.clone());
        if backdrop(&old) != backdrop(scene) {
            self.draw_background();
        }
        if old.title != scene.title {
            self.draw_title();
        }
        self.show_pictures(scene);
        self.hear(scene);
        self.forget_groups();
    }

    fn show_pictures(&mut self, scene: &Scene) {
        let wanted: HashMap<TrackId, (u32, &Tile)> =
            (1..).zip(&scene.tiles).filter_map(|(order, tile)| Some((tile.picture?, (order, tile)))).collect();
        self.pictures.retain(|track, picture| {
            let stays = wanted.get(track).is_some_and(|(_, tile)| picture.can_become(tile));
            if !stays {
                picture.close();
            }
            stays
        });
        for (track, (order, tile)) in wanted {
            let shown = match self.pictures.get_mut(&track) {
                Some(picture) => picture.update(tile, order),
                None => self.open_picture(track, tile, order),
            };
            if let Err(problem) = shown {
                tracing::warn!(%track.peer, source = ?track.source, %problem, "a tile stays plain");
            }
        }
    }

    fn open_picture(&mut self, track: TrackId, tile: &Tile, order: u32) -> Result<(), Problem> {
        let group = self.group(track.peer);
        let recipe = Recipe { track, height: tile::height(tile.rect), reorder: REORDER, time: &self.time, group };
        let tell = self.tell.clone();
        let canvas = self.scene.canvas;
        let opened =
            Picture::open(&self.joint, recipe, (tile, canvas), move |event| tell(Voiced::Input(track), event))?;
        if let Some(mut picture) = opened {
            picture.update(tile, order)?;
            self.pictures.insert(track, picture);
        }
        Ok(())
    }

    fn hear(&mut self, scene: &Scene) {
        self.voices.retain(|track, voice| {
            let stays = scene.voices.contains(track);
            if !stays {
                voice.close();
            }
            stays
        });
        for &track in &scene.voices {
            if self.voices.contains_key(&track) {
                continue;
            }
            let group = self.group(track.peer);
            let recipe = Recipe { track, height: 0, reorder: REORDER, time: &self.time, group };
            let tell = self.tell.clone();
            match Voice::open(&self.joint, recipe, move |event| tell(Voiced::Input(track), event)) {
                Ok(Some(voice)) => drop(self.voices.insert(track, voice)),
                Ok(None) => {}
                Err(problem) => tracing::warn!(%track.peer, %problem, "a voice is not heard"),
            }
        }
    }

    /// Notices pictures that came or stopped. Called about ten times a second.
    pub(crate) fn tick(&mut self) {
        self.ticks = self.ticks.wrapping_add(1);
        if self.ticks.is_multiple_of(10) {
            // Inputs that failed, or whose track was not there yet, are tried again.
            self.show(&self.scene.clone());
        }
        for picture in self.pictures.values_mut() {
            if let Err(problem) = picture.tick(&self.compositor) {
                tracing::warn!(%problem, "a picture is not composed");
            }
            if self.ticks.is_multiple_of(3) {
                picture.nudge();
            }
        }
        for voice in self.voices.values_mut() {
            if let Err(problem) = voice.tick(&self.audiomixer) {
                tracing::warn!(%problem, "a voice is not mixed");
            }
        }
    }

    /// An input's pipeline failed: it is taken out; the next tick of the scene makes it again.
    pub(crate) fn input_failed(&mut self, track: TrackId) {
        if let Some(mut picture) = self.pictures.remove(&track) {
            picture.close();
        }
        if let Some(mut voice) = self.voices.remove(&track) {
            voice.close();
        }
    }

    fn group(&mut self, peer: PeerId) -> Arc<Mutex<Group>> {
        self.groups.entry(peer).or_default().clone()
    }

    fn forget_groups(&mut self) {
        let used: Vec<PeerId> = self.pictures.keys().chain(self.voices.keys()).map(|track| track.peer).collect();
        self.groups.retain(|peer, _| used.contains(peer));
    }

    fn draw_background(&self) {
        match paint::background(&backdrop(&self.scene), &self.joint.templates.mixer.brand) {
            Ok(buffer) => lock(&self.drawn).background = Some(buffer),
            Err(problem) => tracing::warn!(%problem, "the background stays as it is"),
        }
    }

    fn draw_title(&self) {
        let title = Some(&self.scene.title).filter(|title| !title.is_empty());
        let drawn = title.and_then(|title| {
            paint::title(title, self.scene.canvas).inspect_err(|problem| tracing::warn!(%problem, "no title")).ok()
        });
        lock(&self.drawn).title = drawn;
    }

    fn draw_logo(&self) {
        let logo = self.joint.templates.mixer.brand.logo_data.as_deref();
        lock(&self.drawn).logo = logo.and_then(|data| {
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

/// Every frame of the permanent input becomes the background: the same memory each time, only the times are new.
fn paint_background(black: &gst::Element, drawn: Arc<Mutex<Drawn>>) {
    let Some(pad) = black.static_pad("src") else { return };
    pad.add_probe(gst::PadProbeType::BUFFER, move |_, info| {
        let background = lock(&drawn).background.clone();
        if let (Some(mut painted), Some(buffer)) = (background, info.buffer_mut()) {
            let writable = painted.make_mut();
            writable.set_pts(buffer.pts());
            writable.set_dts(buffer.dts());
            writable.set_duration(buffer.duration());
            *buffer = painted;
        }
        gst::PadProbeReturn::Ok
    });
}

fn paint_overlays(composed: &gst::Element, drawn: Arc<Mutex<Drawn>>) {
    let Some(pad) = composed.static_pad("src") else { return };
    pad.add_probe(gst::PadProbeType::BUFFER, move |pad, info| {
        let overlays = {
            let drawn = lock(&drawn);
            [drawn.title.clone(), drawn.logo.clone()]
        };
        if overlays.iter().all(Option::is_none) {
            return gst::PadProbeReturn::Ok;
        }
        let video = pad.current_caps().and_then(|caps| gst_video::VideoInfo::from_caps(&caps).ok());
        if let (Some(video), Some(buffer)) = (video, info.buffer_mut())
            && let Ok(mut frame) = gst_video::VideoFrameRef::from_buffer_ref_writable(buffer.make_mut(), &video)
        {
            for overlay in overlays.iter().flatten() {
                let _ = overlay.blend(&mut frame);
            }
        }
        gst::PadProbeReturn::Ok
    });
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}
