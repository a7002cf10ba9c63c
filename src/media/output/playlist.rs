//! The playlist of an HLS stream (RFC 8216): pure text of what segments there are.

use std::collections::VecDeque;
use std::fmt::Write;

use crate::domain::target::HlsWindow;

/// So many segments a rolling playlist names: twelve seconds.
const NAMED: usize = 6;
/// So many more are kept for players that read an older playlist (section 6.2.2: as long as it and one segment).
const KEPT: usize = NAMED + 1;
/// Segments begin at key frames, which come two seconds apart.
const TARGET: f64 = 2.0;

struct Segment {
    name: String,
    seconds: f64,
    /// Times and encoding begin anew.
    breaks: bool,
}

/// See the module.
pub(super) struct Playlist {
    window: HlsWindow,
    segments: VecDeque<Segment>,
    /// Of the first segment kept.
    sequence: u64,
    /// Breaks before it.
    breaks: u64,
    target: f64,
    ended: bool,
}

impl Playlist {
    pub(super) fn new(window: HlsWindow) -> Self {
        Self { window, segments: VecDeque::new(), sequence: 0, breaks: 0, target: TARGET, ended: false }
    }

    /// One more segment is complete. The names of those that can be deleted.
    pub(super) fn push(&mut self, name: String, seconds: f64, breaks: bool) -> Vec<String> {
        self.target = self.target.max(seconds.round());
        self.segments.push_back(Segment { name, seconds, breaks });
        let most = if self.window == HlsWindow::Event { usize::MAX } else { NAMED + KEPT };
        let mut old = Vec::new();
        while self.segments.len() > most
            && let Some(first) = self.segments.pop_front()
        {
            self.sequence += 1;
            self.breaks += u64::from(first.breaks);
            old.push(first.name);
        }
        old
    }

    /// Nothing more comes.
    pub(super) fn end(&mut self) {
        self.ended = true;
    }

    /// As players read it.
    pub(super) fn text(&self) -> String {
        let skipped = match self.window {
            HlsWindow::Event => 0,
            HlsWindow::Rolling => self.segments.len().saturating_sub(NAMED),
        };
        let (sequence, target) = (self.sequence + skipped as u64, self.target);
        let breaks = self.breaks + self.segments.iter().take(skipped).filter(|segment| segment.breaks).count() as u64;
        let mut text = format!("#EXTM3U\n#EXT-X-VERSION:3\n#EXT-X-TARGETDURATION:{target}\n");
        let _ = writeln!(text, "#EXT-X-MEDIA-SEQUENCE:{sequence}\n#EXT-X-INDEPENDENT-SEGMENTS");
        if breaks > 0 {
            let _ = writeln!(text, "#EXT-X-DISCONTINUITY-SEQUENCE:{breaks}");
        }
        if self.window == HlsWindow::Event {
            text.push_str("#EXT-X-PLAYLIST-TYPE:EVENT\n");
        }
        for segment in self.segments.iter().skip(skipped) {
            let breaks = if segment.breaks { "#EXT-X-DISCONTINUITY\n" } else { "" };
            let _ = write!(text, "{breaks}#EXTINF:{:.3},\n{}\n", segment.seconds, segment.name);
        }
        if self.ended {
            text.push_str("#EXT-X-ENDLIST\n");
        }
        text
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn run(window: HlsWindow, count: usize) -> (Playlist, Vec<String>) {
        let mut playlist = Playlist::new(window);
        let old = (0..count).flat_map(|n| playlist.push(format!("{n}.ts"), 2.0, n == 3)).collect();
        (playlist, old)
    }

    #[test]
    fn a_rolling_window_names_the_last_and_deletes_the_oldest() {
        let (playlist, old) = run(HlsWindow::Rolling, 20);
        assert_eq!(old, ["0.ts", "1.ts", "2.ts", "3.ts", "4.ts", "5.ts", "6.ts"]);
        let text = playlist.text();
        let first = "#EXTM3U\n#EXT-X-VERSION:3\n#EXT-X-TARGETDURATION:2\n#EXT-X-MEDIA-SEQUENCE:14\n\
                     #EXT-X-INDEPENDENT-SEGMENTS\n#EXT-X-DISCONTINUITY-SEQUENCE:1\n#EXTINF:2.000,\n14.ts\n";
        assert!(text.starts_with(first) && text.ends_with("19.ts\n"), "{text}");
    }

    #[test]
    fn an_event_keeps_all_and_ends() {
        let (mut playlist, old) = run(HlsWindow::Event, 30);
        playlist.push("30.ts".into(), 0.7, false);
        playlist.end();
        let text = playlist.text();
        assert!(old.is_empty() && text.contains("#EXT-X-MEDIA-SEQUENCE:0\n"), "{text}");
        assert!(
            text.contains("#EXT-X-PLAYLIST-TYPE:EVENT\n")
                && text.contains("#EXT-X-DISCONTINUITY\n#EXTINF:2.000,\n3.ts\n")
        );
        assert!(text.ends_with("#EXTINF:0.700,\n30.ts\n#EXT-X-ENDLIST\n"), "{text}");
    }
}
