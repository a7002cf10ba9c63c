//! The composed picture: a thread that draws, thirty times a second, whatever is newest of each film.
//!
//! GStreamer's compositor was here before: docs/decisions/0009-the-canvas-is-ours.md says why no more.

mod film;
mod scale;
mod sheet;
mod surface;

use std::collections::VecDeque;
use std::sync::atomic::{AtomicU32, AtomicU64, Ordering};
use std::sync::{Arc, Mutex};
use std::time::Duration;

pub(super) use self::film::{Film, Look};
use self::sheet::{Base, Drawer, Plan, Sheet, Shown};
pub(super) use self::surface::{Layout, Overlay, Surface};
use super::pacer::{Paced, Pacer};
use super::{COLOUR, LATENCY, MOST_BEHIND, lock};
use crate::domain::canvas::Canvas as Size;
use crate::media::link::Stream;
use crate::media::pipeline::Time;
use crate::media::problem::Problem;

/// The running canvas. Dropping it stops its thread.
pub(super) struct Canvas {
    shared: Arc<Shared>,
    time: Time,
    _thread: Paced,
    /// What is drawn, raw.
    pub(super) out: Stream,
}

struct Shared {
    size: Size,
    layout: Layout,
    board: Mutex<Board>,
    /// Every picture, every second, …
    every: AtomicU32,
    /// How late the last picture was drawn, in ms.
    late: AtomicU64,
}

/// What is to be drawn. Pictures are drawn some time after they were shown to the camera, so what changes waits for them: who
/// leaves is seen until then, and a recording that ends holds its last moment.
struct Board {
    now: Stand,
    /// Something was drawn; until then nothing need wait.
    drawn: bool,
    /// With the running times from which they hold, in order.
    next: VecDeque<(gst::ClockTime, Stand)>,
}

/// What is drawn at one moment.
#[derive(Debug, Clone)]
struct Stand {
    base: Arc<Base>,
    films: Vec<(Arc<Film>, Arc<Look>)>,
}

/// Changes that may wait: far more than come within the latency.
const MOST_CHANGES: usize = 200;

impl Board {
    fn change(&mut self, at: gst::ClockTime, change: impl FnOnce(&mut Stand)) {
        if !self.drawn {
            return change(&mut self.now);
        }
        let mut stand = self.next.back().map_or(&self.now, |(_, last)| last).clone();
        change(&mut stand);
        if self.next.len() >= MOST_CHANGES {
            self.next.pop_back();
        }
        self.next.push_back((at, stand));
    }

    fn at(&mut self, shown: gst::ClockTime) -> &Stand {
        self.drawn = true;
        while self.next.front().is_some_and(|(from, _)| *from <= shown) {
            if let Some((_, stand)) = self.next.pop_front() {
                self.now = stand;
            }
        }
        &self.now
    }
}

impl Canvas {
    /// Starts with an empty canvas.
    pub(super) fn start(size: Size, time: &Time) -> Result<Self, Problem> {
        let layout = Layout::of(size)?;
        let base = Arc::new(Base { background: layout.black(), overlays: Vec::new() });
        let shared = Arc::new(Shared {
            size,
            layout,
            board: Mutex::new(Board { now: Stand { base, films: Vec::new() }, drawn: false, next: VecDeque::new() }),
            every: AtomicU32::new(1),
            late: AtomicU64::new(0),
        });
        let out = Stream::made();
        let painter = Painter {
            shared: shared.clone(),
            time: time.clone(),
            out: out.clone(),
            drawer: Arc::default(),
            row: Vec::new(),
        };
        let thread = Paced::start("canvas", move |pacer| painter.run(pacer))?;
        Ok(Self { shared, time: time.clone(), _thread: thread, out })
    }

    /// What is below and above the films.
    pub(super) fn set_base(&self, background: Vec<u8>, overlays: Vec<Overlay>) {
        let base = Arc::new(Base { background, overlays });
        lock(&self.shared.board).change(self.time.now(), |stand| stand.base = base);
    }

    /// The films to show, with how they look from now on; in any order.
    pub(super) fn set_films(&self, films: Vec<(Arc<Film>, Arc<Look>)>) {
        lock(&self.shared.board).change(self.time.now(), |stand| stand.films = films);
    }

    /// Draws every n-th picture only.
    pub(super) fn draw_every(&self, nth: u32) {
        self.shared.every.store(nth.max(1), Ordering::Relaxed);
    }

    /// How late the last picture was drawn.
    pub(super) fn lateness(&self) -> Duration {
        Duration::from_millis(self.shared.late.load(Ordering::Relaxed))
    }
}

/// The thread that draws.
struct Painter {
    shared: Arc<Shared>,
    time: Time,
    out: Stream,
    drawer: Arc<Drawer>,
    /// Room to scale in.
    row: Vec<u8>,
}

impl Painter {
    fn run(mut self, pacer: &Pacer) {
        let caps = caps(self.shared.size);
        let mut nth = self.number(self.time.now());
        while pacer.waits_until(self.due(nth), &self.time) {
            let behind = self.time.now().saturating_sub(self.due(nth));
            self.shared.late.store(behind.mseconds(), Ordering::Relaxed);
            if behind > MOST_BEHIND {
                nth = self.number(self.time.now().saturating_sub(LATENCY));
                continue;
            }
            let every = self.shared.every.load(Ordering::Relaxed);
            self.send(nth, every, &caps);
            nth += u64::from(every);
        }
    }

    fn shown(&self, nth: u64) -> gst::ClockTime {
        gst::ClockTime::from_nseconds(nth * 1_000_000_000 / u64::from(self.shared.size.fps.max(1)))
    }

    fn due(&self, nth: u64) -> gst::ClockTime {
        self.shown(nth) + LATENCY
    }

    /// The first picture that is not before this.
    fn number(&self, running: gst::ClockTime) -> u64 {
        (running.nseconds() * u64::from(self.shared.size.fps.max(1))).div_ceil(1_000_000_000)
    }

    fn send(&mut self, nth: u64, every: u32, caps: &gst::Caps) {
        let (shown, end) = (self.shown(nth), self.shown(nth + u64::from(every)));
        // The newest picture of each film that begins before this one ends: the last before it began would be late. Where only some
        // are made, what is half over when it is seen is right.
        let (long, usual) = (end - shown, self.shown(nth + 1) - shown);
        let seen = shown + (long + usual) / 2;
        let plan = self.shared.plan(seen.saturating_sub(gst::ClockTime::from_nseconds(1)));
        let sheet = Sheet::draw(&plan, &self.shared.layout, &self.drawer, &mut self.row);
        drop(plan);
        let mut buffer = gst::Buffer::from_slice(sheet);
        if let Some(buffer) = buffer.get_mut() {
            buffer.set_pts(shown);
            buffer.set_duration(end - shown);
        }
        let segment = gst::FormattedSegment::<gst::ClockTime>::new();
        self.out.send(&gst::Sample::builder().buffer(&buffer).caps(caps).segment(&segment).build());
    }
}

impl Shared {
    fn plan(&self, now: gst::ClockTime) -> Plan {
        let mut board = lock(&self.board);
        let stand = board.at(now);
        let shown = |(film, look): &(Arc<Film>, Arc<Look>)| {
            Some(Shown { film: film.clone(), look: look.clone(), frame: film.at(now)? })
        };
        let mut films: Vec<Shown> = stand.films.iter().filter_map(shown).collect();
        films.sort_by_key(|shown| shown.look.order);
        Plan { base: stand.base.clone(), films }
    }
}

fn caps(size: Size) -> gst::Caps {
    gst::Caps::builder("video/x-raw")
        .field("format", "I420")
        .field("width", size.width as i32)
        .field("height", size.height as i32)
        .field("framerate", gst::Fraction::new(size.fps as i32, 1))
        .field("pixel-aspect-ratio", gst::Fraction::new(1, 1))
        .field("interlace-mode", "progressive")
        .field("colorimetry", COLOUR)
        .build()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn stand(layout: &Layout, luma: u8) -> Stand {
        let mut background = layout.black();
        background[0] = luma;
        Stand { base: Arc::new(Base { background, overlays: Vec::new() }), films: Vec::new() }
    }

    #[test]
    fn what_is_set_before_the_first_picture_is_in_it_and_what_changes_after_it_waits() {
        gst::init().expect("GStreamer");
        let layout = Layout::of(Size { width: 64, height: 36, ..Size::default() }).expect("a layout");
        let mut board = Board { now: stand(&layout, 1), drawn: false, next: VecDeque::new() };
        let second = gst::ClockTime::from_seconds(1);
        board.change(second, |now| *now = stand(&layout, 2));
        assert_eq!(board.at(gst::ClockTime::ZERO).base.background[0], 2);
        board.change(second, |now| *now = stand(&layout, 3));
        assert_eq!(board.at(gst::ClockTime::ZERO).base.background[0], 2);
        assert_eq!(board.at(second).base.background[0], 3);
    }
}
