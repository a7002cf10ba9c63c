//! Names of recordings: a person finds them by room and date, and every file system takes them.

use std::time::SystemTime;

use time::OffsetDateTime;

/// `Veranda ` and the date take 34 of the 80 characters; file systems count bytes (255, `.partial` included).
const NAME_CHARACTERS: usize = 44;
const NAME_BYTES: usize = 160;

/// `Veranda {room} {date}.mp4`: at most 80 characters, no separators, nothing hidden, nothing that reads backwards.
pub(super) fn recording(room: &str, started_at: SystemTime) -> String {
    let date = OffsetDateTime::from(started_at);
    let name = safe(room);
    let between = if name.is_empty() { "" } else { " " };
    format!(
        "Veranda {name}{between}{:04}-{:02}-{:02} {:02}.{:02}.{:02}.mp4",
        date.year(),
        u8::from(date.month()),
        date.day(),
        date.hour(),
        date.minute(),
        date.second(),
    )
}

fn safe(text: &str) -> String {
    let replaced: String = text.chars().map(|c| if is_unsafe(c) { ' ' } else { c }).collect();
    let mut name = String::new();
    for (count, c) in replaced.split_whitespace().collect::<Vec<_>>().join(" ").chars().enumerate() {
        if count == NAME_CHARACTERS || name.len() + c.len_utf8() > NAME_BYTES {
            break;
        }
        name.push(c);
    }
    name.trim_matches(['.', ' ']).to_owned()
}

/// Separators and wildcards of any system, controls, and what changes the reading direction without being seen.
fn is_unsafe(c: char) -> bool {
    c.is_control()
        || "/\\:*?\"<>|%".contains(c)
        || matches!(c, '\u{200b}' | '\u{200e}' | '\u{200f}' | '\u{2028}'..='\u{202e}' | '\u{2060}'..='\u{206f}' | '\u{feff}')
}

#[cfg(test)]
mod tests {
    use std::time::{Duration, UNIX_EPOCH};

    use super::*;

    #[test]
    fn names_are_safe_and_say_what_they_are() {
        let at = UNIX_EPOCH + Duration::from_secs(1_795_342_800);
        for (room, file) in [
            ("Chez Zoé", "Veranda Chez Zoé 2026-11-22 10.20.00.mp4"),
            ("../../etc/passwd", "Veranda etc passwd 2026-11-22 10.20.00.mp4"),
            ("a\0b\nc\u{202e}d", "Veranda a b c d 2026-11-22 10.20.00.mp4"),
            ("...", "Veranda 2026-11-22 10.20.00.mp4"),
            ("家族 🎉", "Veranda 家族 🎉 2026-11-22 10.20.00.mp4"),
        ] {
            assert_eq!(recording(room, at), file);
        }
    }

    #[test]
    fn long_names_are_cut() {
        for room in ["x".repeat(10_000), "🎉".repeat(10_000)] {
            let name = recording(&room, SystemTime::now());
            assert!(name.chars().count() <= 80, "{}", name.chars().count());
            assert!(name.len() + ".partial".len() <= 255, "{}", name.len());
        }
    }
}
