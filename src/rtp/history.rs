//! The last moments of a voice, so that whoever is given a slot because they began to speak is heard from the first syllable:
//! deciding that takes some packets, and those are sent with the first one after it.

use std::collections::VecDeque;
use std::time::{Duration, Instant};

/// Packets kept: at 20 ms each, the time from the first loud packet to the slot, and some to spare.
const PACKETS: usize = 6;
/// What is older is not the beginning of what is said now.
const LONGEST: Duration = Duration::from_millis(120);

/// A packet of sound as it came.
pub(crate) struct Said {
    pub(crate) sequence: u64,
    pub(crate) timestamp: u32,
    pub(crate) marker: bool,
    pub(crate) payload: Vec<u8>,
    pub(crate) arrived: Instant,
}

/// See the module.
#[derive(Default)]
pub(crate) struct History {
    packets: VecDeque<Said>,
}

impl History {
    /// Remembers a packet, unless a newer one came before it.
    pub(crate) fn push(&mut self, now: Instant, sequence: u64, timestamp: u32, marker: bool, payload: &[u8]) {
        if self.packets.back().is_some_and(|last| last.sequence >= sequence) {
            return;
        }
        let oldest = if self.packets.len() < PACKETS { None } else { self.packets.pop_front() };
        let mut kept = oldest.map_or_else(Vec::new, |said| said.payload);
        kept.clear();
        kept.extend_from_slice(payload);
        self.packets.push_back(Said { sequence, timestamp, marker, payload: kept, arrived: now });
    }

    /// What was said in the last moments, in its order.
    pub(crate) fn recent(&self, now: Instant) -> impl Iterator<Item = &Said> {
        self.packets.iter().filter(move |said| now.saturating_duration_since(said.arrived) <= LONGEST)
    }

    /// Forgets it: what is muted must not be heard later.
    pub(crate) fn clear(&mut self) {
        self.packets.clear();
    }
}
