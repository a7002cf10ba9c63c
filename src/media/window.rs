//! The stretches of the mix's time that one output shows, shared by its picture, its sound and whatever else is to line
//! up with them. A pause ends one stretch; the next begins at a key frame, right where the last one ended.

use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

/// Not ended yet.
const OPEN: u64 = u64::MAX;

/// Where something of the mix belongs in an output. Times are nanoseconds.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Place {
    /// At this time of the output.
    At(u64),
    /// Nowhere: it came before the beginning, or in a pause.
    Nowhere,
    /// Undecided: the next key frame of the picture will tell.
    Waits,
    /// After the end.
    Over,
}

/// One stretch without a break.
#[derive(Debug, Clone, Copy)]
struct Span {
    /// Running times of the mix.
    from: u64,
    to: u64,
    /// The output's time at `from`.
    shown: u64,
}

#[derive(Debug, Default)]
struct Spans {
    spans: Vec<Span>,
    /// The next key frame begins a stretch.
    waits: bool,
    /// Nothing from here on.
    stop: Option<u64>,
    /// Where what does not lead begins, of what is waited for.
    followers: Option<u64>,
    /// The first key frame that came since, whether it opened or not.
    tried: Option<u64>,
}

/// The first sound is waited for as long as this.
const SOUND_WITHIN: u64 = 700_000_000;

/// See above.
#[derive(Debug)]
pub(crate) struct Window {
    spans: Mutex<Spans>,
    /// How far the picture came, in the output's time.
    position: AtomicU64,
    /// A stretch began and was not told of.
    news: AtomicBool,
}

impl Window {
    /// Opens at the first key frame of the tap that leads from where there is sound as well: a file whose sound begins later
    /// than its picture would have it too early all along.
    pub(crate) fn at_key_frame() -> Arc<Self> {
        Self::with(Spans { waits: true, ..Spans::default() })
    }

    /// Open from the beginning, for ever: times stay the mix's own.
    pub(crate) fn whole() -> Arc<Self> {
        Self::opened_at(0)
    }

    /// Open from this running time on: times stay the mix's own.
    pub(crate) fn opened_at(from: u64) -> Arc<Self> {
        Self::with(Spans { spans: vec![Span { from, to: OPEN, shown: from }], ..Spans::default() })
    }

    fn with(spans: Spans) -> Arc<Self> {
        Arc::new(Self { spans: Mutex::new(spans), position: AtomicU64::new(0), news: AtomicBool::new(false) })
    }

    fn spans(&self) -> MutexGuard<'_, Spans> {
        // The data is valid after every statement.
        self.spans.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Ends everything at this running time: each tap sends its end of stream there.
    pub(crate) fn close_at(&self, running: u64) {
        self.spans().stop = Some(running);
    }

    /// Leaves out what is from this running time on.
    pub(crate) fn pause_at(&self, running: u64) {
        let mut spans = self.spans();
        spans.waits = false;
        if let Some(last) = spans.spans.last_mut().filter(|last| last.to == OPEN) {
            last.to = running.max(last.from);
        }
    }

    /// Goes on with the next key frame.
    pub(crate) fn resume(&self) {
        let mut spans = self.spans();
        spans.waits = spans.spans.last().is_none_or(|last| last.to != OPEN);
        // Sound may be ahead of the picture: what of it came in the pause is gone.
        (spans.followers, spans.tried) = (None, None);
    }

    /// The leader has a key frame: a stretch begins here if one was waited for.
    pub(crate) fn open_at(&self, running: u64) {
        let mut spans = self.spans();
        let tried = *spans.tried.get_or_insert(running);
        let alone = spans.followers.is_none_or(|from| from > running) && running.saturating_sub(tried) < SOUND_WITHIN;
        if !alone && std::mem::take(&mut spans.waits) {
            let last = spans.spans.last();
            let (from, shown) =
                last.map_or((running, 0), |last| (running.max(last.to), last.shown + last.to - last.from));
            spans.spans.push(Span { from, to: OPEN, shown });
            self.news.store(true, Ordering::Release);
        }
    }

    /// Something that does not lead is there from this running time on.
    pub(crate) fn follow(&self, running: u64) {
        let mut spans = self.spans();
        if spans.waits {
            spans.followers.get_or_insert(running);
        }
    }

    /// Where this running time belongs.
    pub(crate) fn place(&self, running: u64) -> Place {
        let spans = self.spans();
        if spans.stop.is_some_and(|stop| running >= stop) {
            return Place::Over;
        }
        match spans.spans.iter().rev().find(|span| span.from <= running) {
            Some(span) if running < span.to => Place::At(span.shown + running - span.from),
            // After the last stretch.
            Some(span) if spans.waits && spans.spans.last().is_some_and(|last| last.from == span.from) => Place::Waits,
            None if spans.waits && spans.spans.is_empty() => Place::Waits,
            _ => Place::Nowhere,
        }
    }

    /// The picture came so far.
    pub(crate) fn reached(&self, shown: u64) {
        self.position.store(shown, Ordering::Relaxed);
    }

    /// Seconds of picture that went through.
    pub(crate) fn seconds(&self) -> f64 {
        self.position.load(Ordering::Relaxed) as f64 / 1e9
    }

    /// Whether the first key frame went through.
    pub(crate) fn is_open(&self) -> bool {
        !self.spans().spans.is_empty()
    }

    /// The running time and the output's own at which a stretch began, told once.
    pub(crate) fn began(&self) -> Option<(u64, u64)> {
        if !self.news.swap(false, Ordering::AcqRel) {
            return None;
        }
        self.spans().spans.last().map(|span| (span.from, span.shown))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_pause_is_cut_out() {
        let window = Window::at_key_frame();
        window.follow(3);
        assert_eq!(window.place(5), Place::Waits);
        window.open_at(100);
        window.open_at(130);
        assert_eq!(
            (window.place(99), window.place(100), window.place(150)),
            (Place::Nowhere, Place::At(0), Place::At(50))
        );
        window.pause_at(200);
        window.pause_at(220);
        assert_eq!(
            (window.place(199), window.place(200), window.place(300)),
            (Place::At(99), Place::Nowhere, Place::Nowhere)
        );
        window.open_at(250);
        assert_eq!(window.place(260), Place::Nowhere, "nobody resumed");
        window.resume();
        window.follow(315);
        assert_eq!((window.place(310), window.place(150)), (Place::Waits, Place::At(50)));
        window.open_at(312);
        assert_eq!(window.place(313), Place::Waits, "sound of this moment went by in the pause");
        window.open_at(320);
        assert_eq!(
            (window.place(310), window.place(320), window.place(340)),
            (Place::Nowhere, Place::At(100), Place::At(120))
        );
        assert_eq!((window.began(), window.began()), (Some((320, 100)), None));
        window.close_at(350);
        assert_eq!((window.place(349), window.place(350)), (Place::At(129), Place::Over));
    }

    #[test]
    fn a_pause_may_be_the_end() {
        let window = Window::at_key_frame();
        window.follow(90);
        window.open_at(100);
        window.pause_at(200);
        window.close_at(300);
        assert_eq!(
            (window.place(150), window.place(250), window.place(300)),
            (Place::At(50), Place::Nowhere, Place::Over)
        );
    }

    #[test]
    fn the_picture_waits_for_the_sound_but_not_for_ever() {
        let window = Window::at_key_frame();
        window.open_at(100);
        window.follow(150);
        window.open_at(140);
        assert_eq!(window.place(145), Place::Waits);
        window.open_at(160);
        assert_eq!((window.place(155), window.place(165)), (Place::Nowhere, Place::At(5)));
        let silent = Window::at_key_frame();
        silent.open_at(100);
        silent.open_at(100 + SOUND_WITHIN);
        assert!(silent.is_open());
    }

    #[test]
    fn a_viewer_s_window_keeps_the_mix_s_own_times() {
        let window = Window::whole();
        window.open_at(7);
        assert_eq!((window.place(0), window.place(u64::MAX - 1)), (Place::At(0), Place::At(u64::MAX - 1)));
        let later = Window::opened_at(5);
        assert_eq!((later.place(4), later.place(5)), (Place::Nowhere, Place::At(5)));
    }
}
