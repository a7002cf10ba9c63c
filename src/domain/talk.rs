//! What people say without their voice: the lines that are kept for late comers, and how fast one person may write.

use std::collections::VecDeque;
use std::time::Duration;

use super::error::{Reason, Refusal};
use super::ids::ParticipantId;
use super::participant::{is_forbidden, is_invisible};

/// The longest line, in characters.
pub const MAX_TEXT: usize = 2000;
/// So many lines are kept for late comers,
const KEPT_LINES: usize = 200;
/// and so many bytes of them: the oldest go first.
const KEPT_BYTES: usize = 64 * 1024;

/// Whoever writes, reacts or raises a hand is let do so once in this time,
const EACH: Duration = Duration::from_secs(1);
/// after so many at once.
const BURST: u32 = 8;
/// So many refusals in one go, and it is no person.
const PATIENCE: u32 = 20;

/// One line of the chat.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Line {
    /// Counts up in the room.
    pub id: u32,
    /// Whose.
    pub from: ParticipantId,
    /// Their name when they wrote: they may have left since.
    pub name: String,
    /// Checked. Plain text.
    pub text: String,
    /// When.
    pub at: Duration,
}

/// The chat of a room, as far as it is kept.
#[derive(Debug, Default)]
pub struct Log {
    lines: VecDeque<Line>,
    bytes: usize,
    next: u32,
}

impl Log {
    /// Keeps a line and gives its number.
    pub fn add(&mut self, from: ParticipantId, name: String, text: String, at: Duration) -> u32 {
        let id = self.next;
        self.next = self.next.wrapping_add(1);
        self.bytes += text.len();
        self.lines.push_back(Line { id, from, name, text, at });
        while self.lines.len() > KEPT_LINES || self.bytes > KEPT_BYTES {
            self.bytes -= self.lines.pop_front().map_or(0, |line| line.text.len());
        }
        id
    }

    /// Oldest first, from this number on.
    pub fn since(&self, id: u32) -> impl Iterator<Item = &Line> {
        self.lines.iter().filter(move |line| line.id >= id)
    }

    /// Nobody wrote yet.
    pub fn is_empty(&self) -> bool {
        self.lines.is_empty()
    }
}

/// What becomes of one more word of somebody.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Verdict {
    /// Let through.
    Fine,
    /// Refused: slow down.
    TooFast,
    /// Refused so often that this is a flood.
    Flood,
}

/// How fast one person writes.
#[derive(Debug, Clone, Copy, Default)]
pub struct Pace {
    /// When all that was let through would have been due at one an [`EACH`].
    due: Duration,
    refused: u32,
}

impl Pace {
    /// One more word.
    pub fn take(&mut self, now: Duration) -> Verdict {
        if self.due <= now {
            *self = Self { due: now, refused: 0 };
        }
        if self.due + EACH <= now + EACH * BURST {
            self.due += EACH;
            return Verdict::Fine;
        }
        self.refused += 1;
        if self.refused > PATIENCE { Verdict::Flood } else { Verdict::TooFast }
    }
}

/// A line as it is shown: trimmed, without control characters (but for new lines) and without those that turn the
/// direction of the text around them.
///
/// # Errors
/// `OutOfRange` when nothing is left, or too much.
pub fn check_text(text: &str) -> Result<String, Refusal> {
    // Bytes first: nobody counts the characters of a megabyte.
    if text.len() > MAX_TEXT * 4 || text.chars().count() > MAX_TEXT {
        return Err(Refusal::new(Reason::OutOfRange, format!("text must not be longer than {MAX_TEXT} characters")));
    }
    let text: String = text.chars().filter(|c| *c == '\n' || !is_forbidden(*c)).collect();
    let text = text.trim();
    if text.chars().all(is_invisible) {
        return Err(Refusal::new(Reason::OutOfRange, "text must not be empty"));
    }
    Ok(text.to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn text_stays_text() {
        let html = "<img src=x onerror=alert(1)> & \"quotes\"";
        assert_eq!(check_text(html).as_deref(), Ok(html), "it is shown as it is, never as markup");
        assert_eq!(check_text("  two\nlines \u{0}\u{7}").as_deref(), Ok("two\nlines"));
        assert_eq!(check_text("safe\u{202e}gpj.exe").as_deref(), Ok("safegpj.exe"));
        assert_eq!(check_text("👩‍👩‍👧 سلام").as_deref(), Ok("👩‍👩‍👧 سلام"));
        let refused = |text: &str| check_text(text).is_err_and(|refusal| refusal.reason == Reason::OutOfRange);
        for bad in ["", " \n ", "\u{200b}", &"x".repeat(10_000), &"é".repeat(2001)] {
            assert!(refused(bad), "{} characters", bad.chars().count());
        }
        assert!(check_text(&"é".repeat(2000)).is_ok());
    }

    #[test]
    fn what_is_kept_is_bounded() {
        let mut log = Log::default();
        for _ in 0..1000 {
            log.add(ParticipantId(1), "Anna".into(), "hello".into(), Duration::ZERO);
        }
        assert_eq!((log.since(0).count(), log.since(998).count()), (KEPT_LINES, 2));
        for _ in 0..100 {
            log.add(ParticipantId(1), "Anna".into(), "x".repeat(2000), Duration::ZERO);
        }
        let bytes: usize = log.since(0).map(|line| line.text.len()).sum();
        assert!(bytes <= KEPT_BYTES && bytes > KEPT_BYTES - 2000, "{bytes}");
    }

    #[test]
    fn a_person_may_be_quick_but_a_flood_is_seen() {
        let mut pace = Pace::default();
        let mut at = Duration::from_secs(100);
        let burst = (0..8).all(|_| pace.take(at) == Verdict::Fine);
        assert!(burst && pace.take(at) == Verdict::TooFast);
        at += EACH;
        assert_eq!((pace.take(at), pace.take(at)), (Verdict::Fine, Verdict::TooFast));
        assert!((0..18).all(|_| pace.take(at) == Verdict::TooFast));
        assert_eq!(pace.take(at), Verdict::Flood);
        at += EACH * 10;
        assert_eq!(pace.take(at), Verdict::Fine, "after a rest all is forgotten");
        assert_eq!(pace.refused, 0);
    }
}
