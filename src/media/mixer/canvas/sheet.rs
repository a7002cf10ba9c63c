//! The pictures that leave the canvas: each in memory that comes back when nobody looks at it any more, and that remembers
//! what is drawn on it, so that only what changed is drawn again.

use std::sync::{Arc, Mutex, Weak};

use super::film::{Film, Frame, Look};
use super::surface::{Layout, Overlay};
use crate::media::mixer::lock;

/// What is below and above the films; replaced, never changed.
#[derive(Debug)]
pub(super) struct Base {
    /// A whole canvas.
    pub(super) background: Vec<u8>,
    pub(super) overlays: Vec<Overlay>,
}

/// A film and its picture of this moment.
#[derive(Debug, Clone)]
pub(super) struct Shown {
    pub(super) film: Arc<Film>,
    pub(super) look: Arc<Look>,
    pub(super) frame: Frame,
}

/// One whole picture: what is drawn, lowest first.
#[derive(Debug, Clone)]
pub(super) struct Plan {
    pub(super) base: Arc<Base>,
    pub(super) films: Vec<Shown>,
}

/// Memory that waits to be drawn on again.
pub(super) type Drawer = Mutex<Vec<(Vec<u8>, Option<Drawn>)>>;

/// More sheets than these are not kept: one is being encoded, one drawn.
const MOST_KEPT: usize = 4;

/// What is on a sheet. Frames hold memory, so only their numbers stay.
#[derive(Debug)]
pub(super) struct Drawn {
    base: Arc<Base>,
    films: Vec<(Weak<Film>, Weak<Look>, u64)>,
}

impl Drawn {
    fn of(plan: &Plan) -> Self {
        let film = |shown: &Shown| (Arc::downgrade(&shown.film), Arc::downgrade(&shown.look), shown.frame.number);
        Self { base: plan.base.clone(), films: plan.films.iter().map(film).collect() }
    }

    /// Which films must be drawn again; `None`: everything.
    fn stale(&self, plan: &Plan) -> Option<Vec<bool>> {
        let same = |shown: &Shown, (film, look, _): &(Weak<Film>, Weak<Look>, u64)| {
            film.as_ptr() == Arc::as_ptr(&shown.film) && look.as_ptr() == Arc::as_ptr(&shown.look)
        };
        let alike = Arc::ptr_eq(&self.base, &plan.base)
            && self.films.len() == plan.films.len()
            && plan.films.iter().zip(&self.films).all(|(shown, drawn)| same(shown, drawn));
        alike.then(|| plan.films.iter().zip(&self.films).map(|(shown, drawn)| shown.frame.number != drawn.2).collect())
    }
}

/// A drawn picture, as GStreamer's memory holds it.
pub(super) struct Sheet {
    data: Vec<u8>,
    drawn: Option<Drawn>,
    home: Weak<Drawer>,
}

impl AsRef<[u8]> for Sheet {
    fn as_ref(&self) -> &[u8] {
        &self.data
    }
}

impl Drop for Sheet {
    fn drop(&mut self) {
        if let Some(home) = self.home.upgrade() {
            let mut kept = lock(&home);
            if kept.len() < MOST_KEPT {
                kept.push((std::mem::take(&mut self.data), self.drawn.take()));
            }
        }
    }
}

impl Sheet {
    /// Draws the plan on memory of the drawer, or on new.
    pub(super) fn draw(plan: &Plan, layout: &Layout, drawer: &Arc<Drawer>, row: &mut Vec<u8>) -> Self {
        let (mut data, drawn) = lock(drawer).pop().unwrap_or_default();
        let stale = drawn.and_then(|drawn| drawn.stale(plan)).filter(|_| data.len() == layout.size);
        let changed = match stale {
            Some(stale) => Changed::of(plan, stale),
            None => {
                data.clear();
                data.extend_from_slice(&plan.base.background);
                data.resize(layout.size, 0);
                Changed { films: vec![true; plan.films.len()], overlays: plan.base.overlays.iter().collect() }
            }
        };
        changed.draw(plan, layout, (&mut data, row));
        Self { data, drawn: Some(Drawn::of(plan)), home: Arc::downgrade(drawer) }
    }
}

/// What must be drawn again.
struct Changed<'a> {
    films: Vec<bool>,
    overlays: Vec<&'a Overlay>,
}

impl<'a> Changed<'a> {
    /// These films, and whatever lies with them under a drawing that is laid over: twice laid over, it would be darker.
    fn of(plan: &'a Plan, mut films: Vec<bool>) -> Self {
        let mut overlays: Vec<&Overlay> = Vec::new();
        loop {
            let before = overlays.len();
            for overlay in &plan.base.overlays {
                let below = |(at, shown): (usize, &Shown)| overlay.touches(shown.look.rect).then_some(at);
                let below: Vec<usize> = plan.films.iter().enumerate().filter_map(below).collect();
                let known = overlays.iter().any(|known| std::ptr::eq(*known, overlay));
                if !known && below.iter().any(|at| films[*at]) {
                    below.into_iter().for_each(|at| films[at] = true);
                    overlays.push(overlay);
                }
            }
            if overlays.len() == before {
                return Self { films, overlays };
            }
        }
    }

    fn draw(self, plan: &Plan, layout: &Layout, (data, row): (&mut [u8], &mut Vec<u8>)) {
        self.overlays.iter().for_each(|overlay| layout.copy(&plan.base.background, data, overlay.rect));
        let Some(mut surface) = layout.surface(data) else { return };
        for (shown, _) in plan.films.iter().zip(self.films).filter(|(_, stale)| *stale) {
            shown.film.draw(&shown.frame, &shown.look, &mut surface, row);
        }
        self.overlays.iter().for_each(|overlay| overlay.lay_over(&mut surface, (0, 0)));
    }
}
