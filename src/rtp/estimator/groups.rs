//! Packets of one burst taken together (draft-ietf-rmcat-gcc-02 section 5.2), and the change of delay from burst to
//! burst (section 5.1).

use std::time::{Duration, Instant};

/// Packets sent within this are one group.
const BURST: Duration = Duration::from_millis(5);
/// A group that was held up somewhere and came at once is not longer than this, in microseconds.
const MAX_BURST: i64 = 100_000;
/// A jump of the viewer's clock, in microseconds.
const JUMP: i64 = 3_000_000;
/// So many groups that came before their predecessors mean that the clock was set back.
const MAX_REORDERED: u8 = 3;

/// How two neighbouring groups differ.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(crate) struct Delta {
    /// How much longer the later one took than the earlier one, in ms.
    pub(crate) delay: f64,
    /// Between their sending, in ms.
    pub(crate) spacing: f64,
    /// When the later one arrived, in ms of the viewer's clock.
    pub(crate) arrived: f64,
}

#[derive(Debug, Clone, Copy)]
struct Group {
    first_sent: Instant,
    last_sent: Instant,
    first_arrived: i64,
    last_arrived: i64,
}

/// See the module.
#[derive(Debug, Default)]
pub(crate) struct Groups {
    current: Option<Group>,
    previous: Option<Group>,
    reordered: u8,
}

impl Groups {
    /// What follows is not compared with what came before.
    pub(crate) fn reset(&mut self) {
        (self.current, self.previous) = (None, None);
    }

    /// A packet; the difference of the last two groups if it begins a new one.
    pub(crate) fn add(&mut self, sent: Instant, arrived: i64) -> Option<Delta> {
        let fresh = Group { first_sent: sent, last_sent: sent, first_arrived: arrived, last_arrived: arrived };
        let Some(current) = &mut self.current else {
            self.current = Some(fresh);
            return None;
        };
        if sent < current.first_sent {
            // Sent again or reported late: of an older group.
            return None;
        }
        if belongs(current, sent, arrived) {
            current.last_sent = current.last_sent.max(sent);
            current.last_arrived = current.last_arrived.max(arrived);
            return None;
        }
        let current = *current;
        let previous = self.previous.replace(current);
        self.current = Some(fresh);
        self.compare(current, previous?)
    }

    fn compare(&mut self, current: Group, previous: Group) -> Option<Delta> {
        let spacing = current.last_sent.saturating_duration_since(previous.last_sent).as_micros() as i64;
        let arrival = current.last_arrived.saturating_sub(previous.last_arrived);
        if arrival.saturating_sub(spacing) >= JUMP {
            self.reset();
            return None;
        }
        if arrival < 0 {
            self.reordered += 1;
            if self.reordered >= MAX_REORDERED {
                self.reordered = 0;
                self.reset();
            }
            return None;
        }
        self.reordered = 0;
        let ms = |micros: i64| micros as f64 / 1000.0;
        Some(Delta { delay: ms(arrival - spacing), spacing: ms(spacing), arrived: ms(current.last_arrived) })
    }
}

/// Sent in the same burst, or held up with the rest of the group and let go together.
fn belongs(group: &Group, sent: Instant, arrived: i64) -> bool {
    if sent.saturating_duration_since(group.first_sent) <= BURST {
        return true;
    }
    let spacing = sent.saturating_duration_since(group.last_sent).as_micros() as i64;
    let arrival = arrived.saturating_sub(group.last_arrived);
    (0..=BURST.as_micros() as i64).contains(&arrival)
        && arrival < spacing
        && arrived.saturating_sub(group.first_arrived) < MAX_BURST
}
