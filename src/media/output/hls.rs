//! An HLS stream: segments of two seconds and a playlist in a folder of its own, from where `http` hands them out. It goes on
//! through a failure of the mix, and its folder outlives it by a minute, for players that are behind.

use std::collections::VecDeque;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

use gst::prelude::*;

use super::playlist::Playlist;
use super::streaming::Next;
use super::{Muxed, Source};
use crate::domain::media::{OutputEvent, Sent};
use crate::domain::target::HlsWindow;
use crate::media::pipeline::BusEvent;
use crate::media::problem::Problem;
use crate::media::template::Templates;

const MOST_WAITING: gst::ClockTime = gst::ClockTime::from_seconds(4);
/// How long the last segment may take.
const GOODBYE: Duration = Duration::from_secs(4);
/// How long the folder stays after the end.
const AFTERWARDS: Duration = Duration::from_secs(60);
/// The bitrate is that of so many segments.
const BITRATE_OVER: usize = 3;
/// Times in segments are rounded.
const ROUNDED: gst::ClockTime = gst::ClockTime::from_mseconds(5);
/// What players set their decoder up by.
const SHAPE: [&str; 4] = ["width", "height", "profile", "level"];
/// What the playlist is called; the segments are named after their folder.
const PLAYLIST: &str = "index.m3u8";

/// See the module.
pub(crate) struct Broadcast {
    folder: PathBuf,
    playlist: Playlist,
    muxed: Option<Muxed>,
    /// The next segment's number.
    number: u32,
    /// When the present segment began.
    began: gst::ClockTime,
    /// It follows an interruption, or begins with another picture than the one before.
    breaks: bool,
    /// When the picture became another one, ns of running time; 0 where it did not.
    changed: Arc<AtomicU64>,
    live: bool,
    sent: Sent,
    recent: VecDeque<(f64, u64)>,
    told: Instant,
    stopping: Option<Instant>,
}

impl Broadcast {
    /// Makes its folder. Begins with [`Self::connect`].
    pub(crate) fn new(folder: PathBuf, window: HlsWindow) -> Result<Self, Problem> {
        std::fs::create_dir_all(&folder).map_err(|_| unwritable())?;
        Ok(Self {
            folder,
            playlist: Playlist::new(window),
            muxed: None,
            number: 0,
            began: gst::ClockTime::ZERO,
            breaks: false,
            changed: Arc::default(),
            live: false,
            sent: Sent::default(),
            recent: VecDeque::new(),
            told: Instant::now(),
            stopping: None,
        })
    }

    /// Starts segments at the next key frame.
    pub(crate) fn connect(
        &mut self,
        source: &Source<'_>,
        templates: &Templates,
        tell: impl Fn(BusEvent) + Send + Sync + 'static,
    ) -> Result<(), Problem> {
        let name = self.folder.file_name().unwrap_or_default().to_string_lossy();
        let pattern = self.folder.join(format!("{name}-%06d.ts"));
        self.changed = Arc::default();
        let changed = self.changed.clone();
        let prepare = |sink: &gst::Element| {
            for (property, value) in
                [("location", pattern.to_string_lossy().into_owned()), ("start-index", self.number.to_string())]
            {
                if sink.find_property(property).is_none() {
                    return Err(Problem::new(format!("outputs/hls.toml: 'sink' has no {property}")));
                }
                sink.set_property_from_str(property, &value);
            }
            split_at_changes(sink, changed);
            Ok(())
        };
        let muxed = Muxed::start(templates.output("hls")?, source, MOST_WAITING, prepare, tell)
            .map_err(|problem| problem.within("HLS"))?;
        self.muxed = Some(muxed);
        Ok(())
    }

    /// A segment was begun or is complete.
    pub(crate) fn part(&mut self, done: bool, path: &Path, at: gst::ClockTime) -> Result<(), Problem> {
        if !done {
            self.began = at;
            let changed = self.changed.load(Ordering::Relaxed);
            if changed > 0 && changed <= (at + ROUNDED).nseconds() {
                self.changed.store(0, Ordering::Relaxed);
                self.breaks = true;
            }
            return Ok(());
        }
        let Some(name) = path.file_name().map(|name| name.to_string_lossy().into_owned()) else { return Ok(()) };
        let (seconds, bytes) = ((at.saturating_sub(self.began)).nseconds() as f64 / 1e9, size(path));
        self.number += 1;
        if seconds > 0.0 {
            self.count(seconds, bytes);
            let old = self.playlist.push(name, seconds, std::mem::take(&mut self.breaks));
            self.write()?;
            // Who still reads an open file reads it to its end.
            old.iter().for_each(|name| drop(std::fs::remove_file(self.folder.join(name))));
        }
        Ok(())
    }

    fn count(&mut self, seconds: f64, bytes: u64) {
        self.recent.push_back((seconds, bytes));
        if self.recent.len() > BITRATE_OVER {
            self.recent.pop_front();
        }
        let (over, recent) = self.recent.iter().fold((0.0, 0), |(over, sum), (s, b)| (over + s, sum + b));
        self.sent.bytes += bytes;
        self.sent.seconds += seconds;
        self.sent.bitrate = (recent as f64 * 8.0 / over) as u32;
    }

    /// The playlist is replaced whole: nobody reads half of it.
    fn write(&self) -> Result<(), Problem> {
        let (path, new) = (self.folder.join(PLAYLIST), self.folder.join("index.new"));
        let written = std::fs::write(&new, self.playlist.text()).and_then(|()| std::fs::rename(&new, &path));
        written.map_err(|_| unwritable())
    }

    /// The mix failed under it: it goes on with the next one.
    pub(crate) fn interrupted(&mut self) {
        if let Some(muxed) = self.muxed.take() {
            self.sent.dropped += muxed.dropped();
            self.breaks = true;
            // The segment that was not completed.
            self.number += 1;
        }
    }

    /// Ends it with what there is.
    pub(crate) fn stop(&mut self) {
        if let Some(muxed) = &self.muxed {
            muxed.cut();
        }
        self.stopping.get_or_insert_with(Instant::now);
    }

    /// The last segment is complete, or will never be.
    pub(crate) fn written(&mut self) {
        self.muxed = None;
        self.stopping.get_or_insert_with(Instant::now);
    }

    /// Looks after it, about ten times a second.
    pub(crate) fn tick(&mut self, tell: &mut dyn FnMut(OutputEvent)) -> Next {
        if let Some(since) = self.stopping {
            if self.muxed.is_some() && since.elapsed() < GOODBYE {
                return Next::Wait;
            }
            self.playlist.end();
            if self.live {
                // Nobody is left to be told that the disk is full now.
                let _ = self.write();
            }
            tell(OutputEvent::Finished { bytes: self.sent.bytes, duration: self.sent.seconds });
            return Next::Forget;
        }
        let Some(muxed) = &self.muxed else { return Next::Connect };
        if !self.live && self.sent.bytes > 0 {
            self.live = true;
            tell(OutputEvent::Live);
        }
        if self.live && self.told.elapsed() >= Duration::from_secs(1) {
            self.told = Instant::now();
            tell(OutputEvent::Sent(Sent { dropped: self.sent.dropped + muxed.dropped(), ..self.sent }));
        }
        Next::Wait
    }
}

impl Drop for Broadcast {
    fn drop(&mut self) {
        self.muxed = None;
        let folder = std::mem::take(&mut self.folder);
        // What a server that stops leaves is deleted when it starts again.
        let _ = std::thread::Builder::new().name("hls-after".into()).spawn(move || {
            std::thread::sleep(AFTERWARDS);
            let _ = std::fs::remove_dir_all(folder);
        });
    }
}

/// Where the picture becomes another one, of half the size for example, a segment begins: players are told so in the playlist
/// (RFC 8216 section 4.3.2.3), which names whole segments. `changed` gets the time.
fn split_at_changes(sink: &gst::Element, changed: Arc<AtomicU64>) {
    const SPLIT: &str = "split-at-running-time";
    let can_split = gst::glib::subclass::SignalId::lookup(SPLIT, sink.type_()).is_some();
    let Some(pad) = sink.static_pad("video").filter(|_| can_split) else { return };
    let (sink, known) = (sink.downgrade(), Mutex::new((None, false)));
    pad.add_probe(gst::PadProbeType::EVENT_DOWNSTREAM | gst::PadProbeType::BUFFER, move |_, info| {
        // A panic elsewhere leaves it as it was.
        let mut known = known.lock().unwrap_or_else(PoisonError::into_inner);
        let (shape, is_new) = &mut *known;
        match &info.data {
            Some(gst::PadProbeData::Event(event)) => {
                if let gst::EventView::Caps(caps) = event.view() {
                    let new = caps.caps().structure(0).map(shape_of);
                    *is_new |= shape.is_some() && *shape != new;
                    *shape = new;
                }
            }
            Some(gst::PadProbeData::Buffer(buffer)) if std::mem::take(is_new) => {
                if let (Some(at), Some(sink)) = (buffer.pts(), sink.upgrade()) {
                    changed.store(at.nseconds(), Ordering::Relaxed);
                    sink.emit_by_name::<()>(SPLIT, &[&at.nseconds()]);
                }
            }
            _ => {}
        }
        gst::PadProbeReturn::Ok
    });
}

fn shape_of(caps: &gst::StructureRef) -> [Option<String>; SHAPE.len()] {
    SHAPE.map(|field| caps.value(field).ok().and_then(|value| value.serialize().ok()).map(Into::into))
}

fn size(path: &Path) -> u64 {
    std::fs::metadata(path).map_or(0, |metadata| metadata.len())
}

fn unwritable() -> Problem {
    Problem::new("the server cannot write the stream's segments: its disk may be full")
}
