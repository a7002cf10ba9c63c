//! What a publisher is asked to send again (RFC 4585 generic NACK): holes, retried until filled or given up.

use std::time::{Duration, Instant};

/// A packet out of order is given this long before it is missed: little, because a hole is seen only with the next packet,
/// often the next picture's, and by then its viewers wait for it already. Asking in vain costs one packet.
const REORDERING: Duration = Duration::from_millis(6);
/// Between two requests for a packet, on top of the round trip.
const RETRY: Duration = Duration::from_millis(20);
/// Requests for one packet: with a fifth of requests and answers lost, one in 25,000 is not repaired.
const TRIES: u8 = 10;
/// Missing packets beyond which only a key frame helps.
const MAX_MISSING: usize = 256;
/// A jump further than this is a new start, not a loss.
pub(crate) const MAX_JUMP: u64 = 512;

#[derive(Debug, Clone, Copy)]
struct Missing {
    sequence: u64,
    due: Instant,
    tries: u8,
}

/// What a packet meant for the sequence.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Arrival {
    /// The next one, or after a hole.
    New,
    /// An earlier one.
    Late,
    /// So far ahead, or after so many losses, that the holes before it will not be asked for.
    Restart,
}

/// The missing packets of one stream.
#[derive(Debug, Default)]
pub(crate) struct Nacker {
    highest: Option<u64>,
    /// Where the newest key frame began.
    key: u64,
    /// In ascending order.
    missing: Vec<Missing>,
}

impl Nacker {
    /// A packet came, first hand or repaired.
    pub(crate) fn received(&mut self, sequence: u64, now: Instant) -> Arrival {
        let Some(highest) = self.highest else {
            self.highest = Some(sequence);
            return Arrival::New;
        };
        if sequence <= highest {
            if let Ok(at) = self.missing.binary_search_by_key(&sequence, |missing| missing.sequence) {
                self.missing.remove(at);
            }
            return Arrival::Late;
        }
        self.highest = Some(sequence);
        let hole = sequence - highest - 1;
        if hole > MAX_JUMP || self.missing.len() + hole as usize > MAX_MISSING {
            self.missing.clear();
            return Arrival::Restart;
        }
        let due = now + REORDERING;
        self.missing.extend((highest + 1..sequence).map(|sequence| Missing { sequence, due, tries: 0 }));
        Arrival::New
    }

    /// Nobody can repair holes here: forgets them; true if a key frame is needed.
    pub(crate) fn give_up(&mut self) -> bool {
        let lost = self.missing.iter().any(|missing| missing.sequence > self.key);
        self.missing.clear();
        lost
    }

    /// A key frame begins at `sequence`: what was before it is still worth a repair, but no other key frame.
    pub(crate) fn key_frame(&mut self, sequence: u64) {
        self.key = self.key.max(sequence);
    }

    /// When [`Self::due`] has something to say.
    pub(crate) fn next_due(&self) -> Option<Instant> {
        self.missing.iter().map(|missing| missing.due).min()
    }

    /// Calls `ask` with each number to request now; true if a hole was given up and a key frame is needed.
    pub(crate) fn due(&mut self, now: Instant, round_trip: Duration, mut ask: impl FnMut(u16)) -> bool {
        let (mut lost, key) = (false, self.key);
        self.missing.retain_mut(|missing| {
            if missing.due > now {
                return true;
            }
            if missing.tries >= TRIES {
                lost |= missing.sequence > key;
                return false;
            }
            missing.tries += 1;
            missing.due = now + RETRY + round_trip.min(Duration::from_millis(300));
            ask(missing.sequence as u16);
            true
        });
        if lost {
            // The key frame repairs everything before it.
            self.missing.clear();
        }
        lost
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn ms(n: u64) -> Duration {
        Duration::from_millis(n)
    }

    fn due(nacker: &mut Nacker, now: Instant) -> (Vec<u16>, bool) {
        let mut asked = Vec::new();
        let lost = nacker.due(now, ms(20), |sequence| asked.push(sequence));
        (asked, lost)
    }

    #[test]
    fn a_hole_is_asked_for_until_it_is_filled() {
        let (mut nacker, start) = (Nacker::default(), Instant::now());
        assert_eq!(nacker.received(65_535, start), Arrival::New);
        assert_eq!(nacker.received(65_538, start), Arrival::New);
        assert_eq!(due(&mut nacker, start + ms(5)), (vec![], false), "it may only be out of order");
        assert_eq!(due(&mut nacker, start + ms(6)), (vec![0, 1], false));
        assert_eq!(nacker.received(65_536, start + ms(30)), Arrival::Late);
        assert_eq!(due(&mut nacker, start + ms(45)), (vec![], false));
        assert_eq!(nacker.next_due(), Some(start + ms(46)));
        assert_eq!(due(&mut nacker, start + ms(46)), (vec![1], false));
        nacker.received(65_537, start + ms(50));
        assert_eq!(nacker.next_due(), None);
    }

    #[test]
    fn what_stays_lost_needs_a_key_frame() {
        let (mut nacker, start) = (Nacker::default(), Instant::now());
        nacker.received(1, start);
        nacker.received(3, start);
        let mut requests = 0;
        let mut lost_at = None;
        for step in 0..1000 {
            let (asked, lost) = due(&mut nacker, start + ms(step));
            requests += asked.len();
            if lost {
                lost_at = Some(step);
            }
        }
        assert_eq!((requests, lost_at), (usize::from(TRIES), Some(6 + 10 * 40)));
    }

    #[test]
    fn jumps_and_floods_of_loss_are_a_restart() {
        let (mut nacker, now) = (Nacker::default(), Instant::now());
        nacker.received(1, now);
        assert_eq!(nacker.received(2 + MAX_JUMP + 1, now), Arrival::Restart);
        let mut sequence = 10_000;
        nacker.received(sequence, now);
        let mut worst = 0;
        for _ in 0..1000 {
            sequence += 2;
            nacker.received(sequence, now);
            worst = worst.max(nacker.missing.len());
        }
        assert_eq!(worst, MAX_MISSING);
    }

    #[test]
    fn a_loss_before_a_key_frame_needs_no_other() {
        let (mut nacker, start) = (Nacker::default(), Instant::now());
        nacker.received(1, start);
        nacker.received(3, start);
        nacker.key_frame(3);
        let mut requests = 0;
        for step in 0..1000 {
            let (asked, lost) = due(&mut nacker, start + ms(step));
            requests += asked.len();
            assert!(!lost);
        }
        assert_eq!((requests, nacker.next_due()), (usize::from(TRIES), None));
    }
}
