//! Who of a viewer's slots gets how much of the line. Voices come first, always; then every picture its lowest layer in
//! order of priority; then better layers in the same order. Down at once, up only when there is room to spare for a
//! while, and later each time that was a mistake.

use std::time::{Duration, Instant};

use crate::domain::ids::Priority;

/// Layers of a track.
pub(crate) const LAYERS: usize = 4;
/// The part of the estimate that better layers may fill.
const MARGIN: f64 = 0.94;
/// How long there must be room: at first, and at most.
const PATIENCE: Duration = Duration::from_millis(800);
const MOST_PATIENCE: Duration = Duration::from_secs(20);
/// A step up that is taken back within this was a mistake.
const MISTAKE: Duration = Duration::from_secs(6);
/// Without mistakes for so long, patience is what it was.
const FORGIVEN: Duration = Duration::from_secs(30);

/// What one slot could use.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(crate) struct Demand {
    pub(crate) priority: Priority,
    /// Bits/s of the layers up to the one that fits the tile; `None` is not sent at present. Sound has one.
    pub(crate) layers: [Option<f64>; LAYERS],
}

impl Demand {
    fn lowest(&self) -> Option<usize> {
        self.layers.iter().position(Option::is_some)
    }

    fn next(&self, above: usize) -> Option<usize> {
        (above + 1..LAYERS).find(|&layer| self.layers[layer].is_some())
    }

    /// Of the highest layer that is not above `level - 1`: what a slot with that allowance costs.
    fn cost(&self, level: u8) -> f64 {
        self.layers[..usize::from(level).min(LAYERS)].iter().rev().flatten().next().copied().unwrap_or(0.0)
    }

    fn best(&self) -> u8 {
        self.layers.iter().rposition(Option::is_some).map_or(0, |layer| layer as u8 + 1)
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
    /// How many layers each slot may have; 0 pauses it.
    allowed: Vec<u8>,
    /// Since when a better allocation fits.
    room_since: Option<Instant>,
    raised: Option<Instant>,
    /// `None` before anything was ever too much.
    patience: Option<Duration>,
    mistaken: Option<Instant>,
}

impl Allocator {
    /// How many layers each slot may have.
    pub(crate) fn allowed(&self) -> &[u8] {
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
            self.allowed = share(estimate * MARGIN, demands);
        } else if let Some(changed) = changed {
            self.admit(changed, &share(estimate * MARGIN, demands));
        } else if present > estimate {
            self.lower(now, estimate, demands);
        } else {
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
    fn admit(&mut self, changed: usize, shared: &[u8]) {
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
        let shared = share(estimate, demands);
        let cut = |(present, shared): (&u8, u8)| shared.min(*present);
        self.allowed = self.allowed.iter().zip(shared).map(cut).collect();
        self.room_since = None;
    }

    fn consider(&mut self, now: Instant, estimate: f64, demands: &[Demand]) {
        let better = share(estimate * MARGIN, demands);
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

    /// All first pictures of what is to come, the first better one, and all that must give way. Each begins with a key
    /// frame, and those of better layers all at once would fill the line.
    fn raise_one(&mut self, better: &[u8], demands: &[Demand]) {
        let rises = |slot: &usize| self.allowed[*slot] > 0 && better[*slot] > self.allowed[*slot];
        let first = (0..demands.len()).filter(rises).min_by_key(|&slot| (demands[slot].priority, self.allowed[slot]));
        for (slot, &level) in better.iter().enumerate() {
            let (demand, present) = (&demands[slot], self.allowed[slot]);
            self.allowed[slot] = match present {
                0 => level.min(demand.lowest().map_or(level, |lowest| lowest as u8 + 1)),
                _ if first == Some(slot) || level < present || demand.best() <= present => level,
                _ => present,
            };
        }
    }
}

/// Whether somebody gets more, and nobody of higher or equal priority less.
fn is_better(next: &[u8], present: &[u8], demands: &[Demand]) -> bool {
    // A layer that is allowed but not there counts for nothing.
    let level = |demand: &Demand, allowed: u8| allowed.min(demand.best());
    let ranked = demands.iter().zip(next.iter().zip(present));
    let change = |(demand, (&next, &present)): (&Demand, (&u8, &u8))| {
        (demand.priority, level(demand, next).cmp(&level(demand, present)))
    };
    let first = |wanted| ranked.clone().map(change).filter(|(_, change)| *change == wanted).map(|(at, _)| at).min();
    match (first(std::cmp::Ordering::Greater), first(std::cmp::Ordering::Less)) {
        (Some(more), Some(less)) => more < less,
        (more, None) => more.is_some(),
        (None, Some(_)) => false,
    }
}

/// The allocation for a budget in bits/s, from nothing.
fn share(budget: f64, demands: &[Demand]) -> Vec<u8> {
    let mut order: Vec<usize> = (0..demands.len()).collect();
    order.sort_by_key(|&slot| demands[slot].priority);
    let mut left = budget;
    let mut allowed = vec![0; demands.len()];
    for &slot in &order {
        let demand = &demands[slot];
        let Some(lowest) = demand.lowest() else {
            // Nothing comes: nothing to hold back.
            allowed[slot] = LAYERS as u8;
            continue;
        };
        let cost = demand.layers[lowest].unwrap_or(0.0);
        if cost <= left || demand.priority == Priority::Voice {
            allowed[slot] = lowest as u8 + 1;
            left -= cost;
        }
    }
    for group in order.chunk_by(|&a, &b| demands[a].priority == demands[b].priority) {
        raise(group, demands, &mut allowed, &mut left);
    }
    for (slot, demand) in demands.iter().enumerate() {
        // What has all it wants is not limited: a layer that appears may be taken at once.
        if allowed[slot] > 0 && allowed[slot] >= demand.best() {
            allowed[slot] = LAYERS as u8;
        }
    }
    allowed
}

/// Better layers for slots of one priority, a step each in turn.
fn raise(group: &[usize], demands: &[Demand], allowed: &mut [u8], left: &mut f64) {
    loop {
        let mut any = false;
        for &slot in group {
            let Some(present) = usize::from(allowed[slot]).checked_sub(1).filter(|&present| present < LAYERS) else {
                continue;
            };
            let Some(next) = demands[slot].next(present) else { continue };
            let more = demands[slot].layers[next].unwrap_or(0.0) - demands[slot].layers[present].unwrap_or(0.0);
            if more <= *left {
                allowed[slot] = next as u8 + 1;
                *left -= more;
                any = true;
            }
        }
        if !any {
            return;
        }
    }
}

#[cfg(test)]
mod tests;
