//! Who of a viewer's slots gets how much of the line. Voices come first, always, and the one picture that stands for all,
//! where there is no other; then every picture its lowest layer in order of priority; then better layers in the same order. Down at once, up only when there is room to spare for a
//! while, and later each time that was a mistake.
//!
//! Where a layer has temporal layers (RFC 7741 section 4.2, TID), the frames of the upper ones can be left out: at once
//! and without a key frame. A lowest layer that does not fit is thinned as far as it must be, down to TID 0, before there
//! is no picture. A better one loses its uppermost temporal layer before it is taken away; thinner than that, the layer
//! below with all its frames is the better picture, and nobody is raised to a thinned one.

use std::time::{Duration, Instant};

use crate::domain::ids::Priority;

/// Layers of a track.
pub(crate) const LAYERS: usize = 4;
/// Temporal layers of a layer.
pub(crate) const TIDS: usize = 4;
/// The part of the estimate that better layers may fill.
const MARGIN: f64 = 0.94;
/// Pictures that have nothing left to leave out go on until the queue that they make, if the estimate is right, is so long,
/// in s. While a queue that a key frame made is emptied the estimate is below what the line carries, and coming back would
/// cost the next key frame.
const HELD: f64 = 0.25;
/// How long there must be room: at first, and at most.
const PATIENCE: Duration = Duration::from_millis(800);
const MOST_PATIENCE: Duration = Duration::from_secs(20);
/// A step up that is taken back within this was a mistake.
const MISTAKE: Duration = Duration::from_secs(6);
/// Without mistakes for so long, patience is what it was.
const FORGIVEN: Duration = Duration::from_secs(30);

/// How much of a track a slot may have: nothing, or the lowest so many layers, and of the last of them the frames up to a
/// temporal layer.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct Level(u8);

impl Level {
    pub(crate) const NONE: Level = Level(0);
    pub(crate) const ALL: Level = Level((LAYERS * TIDS) as u8);

    fn new(layer: usize, tid: usize) -> Level {
        Level((layer * TIDS + tid + 1) as u8)
    }

    /// A layer with all its frames.
    fn whole(layer: usize) -> Level {
        Level::new(layer, TIDS - 1)
    }

    /// How many layers; 0 is nothing.
    pub(crate) fn layers(self) -> u8 {
        self.0.div_ceil(TIDS as u8)
    }

    /// The highest TID of the last of them.
    pub(crate) fn temporal(self) -> u8 {
        self.0.wrapping_sub(1) % TIDS as u8
    }

    /// The same layers with all their frames.
    fn filled(self) -> Level {
        Level(self.layers() * TIDS as u8)
    }
}

/// What one slot could use.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(crate) struct Demand {
    pub(crate) priority: Priority,
    /// Bits/s of the layers up to the one that fits the tile; `None` is not sent at present. Sound has one.
    pub(crate) layers: [Option<f64>; LAYERS],
    /// The same for their frames up to a TID, where there are frames above it.
    pub(crate) thinned: [[Option<f64>; TIDS - 1]; LAYERS],
}

impl Demand {
    fn rate(&self, layer: usize, tid: usize) -> Option<f64> {
        self.thinned[layer].get(tid).copied().unwrap_or(self.layers[layer])
    }

    fn lowest(&self) -> Option<usize> {
        self.layers.iter().position(Option::is_some)
    }

    /// The least that shows something.
    fn least(&self) -> Option<Level> {
        let layer = self.lowest()?;
        (0..TIDS).find(|&tid| self.rate(layer, tid).is_some()).map(|tid| Level::new(layer, tid))
    }

    /// The next step above `above` for a slot that has `present`.
    fn next(&self, above: Level, present: Level) -> Option<Level> {
        let lowest = self.lowest()?;
        let may_be_thinned = |layer: usize, tid: usize| {
            let uppermost = (tid + 1..TIDS - 1).all(|above| self.thinned[layer][above].is_none());
            layer == lowest || (uppermost && usize::from(present.layers()) == layer + 1)
        };
        let all = (lowest..LAYERS).flat_map(|layer| (0..TIDS).map(move |tid| (layer, tid)));
        all.filter(|&(layer, tid)| self.rate(layer, tid).is_some() && (tid == TIDS - 1 || may_be_thinned(layer, tid)))
            .map(|(layer, tid)| Level::new(layer, tid))
            .find(|&level| level > above)
    }

    /// What a slot with that allowance costs.
    fn cost(&self, level: Level) -> f64 {
        let Some(layer) = usize::from(level.layers()).checked_sub(1) else { return 0.0 };
        let of_layer = (usize::from(level.temporal())..TIDS).find_map(|tid| self.rate(layer, tid));
        of_layer.or_else(|| self.layers[..layer].iter().rev().flatten().next().copied()).unwrap_or(0.0)
    }

    fn best(&self) -> Level {
        self.layers.iter().rposition(Option::is_some).map_or(Level::NONE, Level::whole)
    }
}

/// What the slots of a viewer need together, in bits/s.
#[derive(Debug, Clone, Copy, PartialEq, Default)]
pub(crate) struct Needs {
    /// The lowest layers of everything, and voices.
    pub(crate) least: f64,
    /// The layers that fit the tiles, and voices.
    pub(crate) wanted: f64,
    /// What is allowed now.
    pub(crate) allowed: f64,
}

impl Needs {
    /// Whether a better estimate would give somebody a better picture.
    pub(crate) fn are_unmet(&self) -> bool {
        self.wanted > self.allowed
    }
}

/// See the module.
#[derive(Debug, Default)]
pub(crate) struct Allocator {
    allowed: Vec<Level>,
    /// Since when a better allocation fits.
    room_since: Option<Instant>,
    raised: Option<Instant>,
    /// The queue, in s, of pictures that go on although the estimate has no room for them, and when it was added to.
    held: Option<(f64, Instant)>,
    /// `None` before anything was ever too much.
    patience: Option<Duration>,
    mistaken: Option<Instant>,
}

impl Allocator {
    /// How much each slot may have.
    pub(crate) fn allowed(&self) -> &[Level] {
        &self.allowed
    }

    /// Shares `estimate` bits/s out. `changed`: a slot that is to carry something else than before.
    pub(crate) fn allocate(
        &mut self,
        now: Instant,
        estimate: f64,
        demands: &[Demand],
        changed: Option<usize>,
    ) -> Needs {
        let present: f64 = demands.iter().zip(&self.allowed).map(|(demand, &level)| demand.cost(level)).sum();
        if demands.len() != self.allowed.len() {
            self.allowed = share(estimate * MARGIN, demands, &[]);
        } else if let Some(changed) = changed {
            self.admit(changed, &share(estimate * MARGIN, demands, &self.allowed));
        } else if present > estimate {
            self.lower(now, estimate, demands);
        } else {
            self.held = None;
            self.consider(now, estimate, demands);
        }
        let sum = |of: &dyn Fn(&Demand) -> f64| demands.iter().map(of).sum();
        let allowed = demands.iter().zip(&self.allowed).map(|(demand, &level)| demand.cost(level)).sum();
        Needs {
            least: sum(&|demand| demand.lowest().and_then(|lowest| demand.layers[lowest]).unwrap_or(0.0)),
            wanted: sum(&|demand| demand.cost(demand.best())),
            allowed,
        }
    }

    /// Gives a slot with new content its share at once. The others make room if they must, and get no more by it: their
    /// patience would be worth nothing in a room where the speaker changes often.
    fn admit(&mut self, changed: usize, shared: &[Level]) {
        for (slot, (present, &level)) in self.allowed.iter_mut().zip(shared).enumerate() {
            *present = if slot == changed { level } else { level.min(*present) };
        }
        self.room_since = None;
    }

    fn lower(&mut self, now: Instant, estimate: f64, demands: &[Demand]) {
        let patience = *self.patience.get_or_insert(PATIENCE);
        if self.raised.take().is_some_and(|at| now.saturating_duration_since(at) < MISTAKE) {
            self.patience = Some((patience * 2).min(MOST_PATIENCE));
            self.mistaken = Some(now);
        }
        // Better pictures than before are no way to save.
        let shared = share(estimate, demands, &self.allowed);
        let cut = |(present, shared): (&Level, Level)| shared.min(*present);
        let cut = self.allowed.iter().zip(shared).map(cut).collect();
        self.allowed = self.hold(now, estimate, demands).unwrap_or(cut);
        self.room_since = None;
    }

    /// The least of everything that is shown, if that may go on for a moment.
    fn hold(&mut self, now: Instant, estimate: f64, demands: &[Demand]) -> Option<Vec<Level>> {
        let least = |(demand, &present): (&Demand, &Level)| present.min(demand.least().unwrap_or(present));
        let least: Vec<Level> = demands.iter().zip(&self.allowed).map(least).collect();
        let cost: f64 = demands.iter().zip(&least).map(|(demand, &level)| demand.cost(level)).sum();
        if cost <= estimate {
            // Nobody has to go.
            self.held = None;
            return None;
        }
        let (queue, at) = self.held.unwrap_or((0.0, now));
        let queue = queue + (cost / estimate - 1.0) * now.saturating_duration_since(at).as_secs_f64();
        self.held = Some((queue, now));
        (queue < HELD).then_some(least)
    }

    fn consider(&mut self, now: Instant, estimate: f64, demands: &[Demand]) {
        let better = share(estimate * MARGIN, demands, &self.allowed);
        if !is_better(&better, &self.allowed, demands) {
            self.room_since = None;
            return;
        }
        if self.mistaken.is_some_and(|at| now.saturating_duration_since(at) > FORGIVEN) {
            (self.patience, self.mistaken) = (Some(PATIENCE), None);
        }
        let since = *self.room_since.get_or_insert(now);
        if now.saturating_duration_since(since) >= self.patience.unwrap_or_default() {
            self.raise_one(&better, demands);
            self.raised = Some(now);
        }
    }

    /// All first pictures of what is to come, frames that were left out, the first better picture, and all that must give
    /// way. Better layers begin with a key frame each, and those all at once would fill the line.
    fn raise_one(&mut self, better: &[Level], demands: &[Demand]) {
        let rises =
            |slot: &usize| self.allowed[*slot] > Level::NONE && better[*slot].layers() > self.allowed[*slot].layers();
        let first = (0..demands.len()).filter(rises).min_by_key(|&slot| (demands[slot].priority, self.allowed[slot]));
        for (slot, &level) in better.iter().enumerate() {
            let (demand, present) = (&demands[slot], self.allowed[slot]);
            self.allowed[slot] = match present {
                Level::NONE => level.min(demand.lowest().map_or(level, Level::whole)),
                _ if first == Some(slot) || demand.best() <= present => level,
                _ => level.min(present.filled()),
            };
        }
    }
}

/// Whether somebody gets more, and nobody of higher or equal priority less.
fn is_better(next: &[Level], present: &[Level], demands: &[Demand]) -> bool {
    // A layer that is allowed but not there counts for nothing.
    let level = |demand: &Demand, allowed: Level| allowed.min(demand.best());
    let ranked = demands.iter().zip(next.iter().zip(present));
    let change = |(demand, (&next, &present)): (&Demand, (&Level, &Level))| {
        (demand.priority, level(demand, next).cmp(&level(demand, present)))
    };
    let first = |wanted| ranked.clone().map(change).filter(|(_, change)| *change == wanted).map(|(at, _)| at).min();
    match (first(std::cmp::Ordering::Greater), first(std::cmp::Ordering::Less)) {
        (Some(more), Some(less)) => more < less,
        (more, None) => more.is_some(),
        (None, Some(_)) => false,
    }
}

/// The allocation for a budget in bits/s, from nothing. `present`: what the slots have, where they have something.
fn share(budget: f64, demands: &[Demand], present: &[Level]) -> Vec<Level> {
    let mut order: Vec<usize> = (0..demands.len()).collect();
    order.sort_by_key(|&slot| demands[slot].priority);
    let mut sharing = Sharing { demands, present, allowed: vec![Level::NONE; demands.len()], left: budget };
    order.iter().for_each(|&slot| sharing.begin(slot));
    for &slot in &order {
        let Some(lowest) = demands[slot].lowest() else { continue };
        while sharing.allowed[slot] > Level::NONE && sharing.step(slot, Level::whole(lowest)) {}
    }
    for group in order.chunk_by(|&a, &b| demands[a].priority == demands[b].priority) {
        // Better layers for slots of one priority, a step each in turn.
        while group.iter().filter(|&&slot| sharing.step(slot, Level::ALL)).count() > 0 {}
    }
    for (slot, demand) in demands.iter().enumerate() {
        // What has all it wants is not limited: a layer that appears may be taken at once.
        if sharing.allowed[slot] > Level::NONE && sharing.allowed[slot] >= demand.best() {
            sharing.allowed[slot] = Level::ALL;
        }
    }
    sharing.allowed
}

/// A budget on its way to the slots.
struct Sharing<'a> {
    demands: &'a [Demand],
    present: &'a [Level],
    allowed: Vec<Level>,
    left: f64,
}

impl Sharing<'_> {
    /// The least that a slot shows.
    fn begin(&mut self, slot: usize) {
        let demand = &self.demands[slot];
        let Some(least) = demand.least() else {
            // Nothing comes: nothing to hold back.
            self.allowed[slot] = Level::ALL;
            return;
        };
        let cost = demand.cost(least);
        if cost <= self.left || demand.priority <= Priority::Only {
            self.allowed[slot] = least;
            self.left -= cost;
        }
    }

    /// One step up for a slot that shows something, not above `most`; false if there is none or it costs too much.
    fn step(&mut self, slot: usize, most: Level) -> bool {
        let (demand, level) = (&self.demands[slot], self.allowed[slot]);
        if level == Level::NONE {
            return false;
        }
        let present = self.present.get(slot).copied().unwrap_or(Level::NONE);
        let Some(next) = demand.next(level, present).filter(|&next| next <= most) else { return false };
        let more = demand.cost(next) - demand.cost(level);
        let fits = more <= self.left;
        if fits {
            (self.allowed[slot], self.left) = (next, self.left - more);
        }
        fits
    }
}

#[cfg(test)]
mod tests;
