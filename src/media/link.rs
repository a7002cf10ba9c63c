//! The joint between pipelines: one [`Stream`] leaves a pipeline (an appsink) and is handed to any number of [`Tap`]s,
//! each an appsrc in a pipeline of its own. A slow or broken tap is dropped from, never waited for.
//!
//! Why not `gst_utils::StreamProducer`: an output needs its first buffer at time zero, sound and picture cut at the same
//! running times at both ends, and a bounded queue that falls back to the next key frame. All three are decided here,
//! buffer by buffer.

mod reservoir;

use std::collections::VecDeque;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError, Weak};
use std::time::{Duration, Instant};

use gst::prelude::*;
use gst_app::{AppSink, AppSinkCallbacks, AppSrc};

use super::pipeline::Pipeline;
use super::problem::Problem;
use super::window::{Place, Window};

pub(crate) use self::reservoir::Reservoir;

/// How a tap treats the stream.
#[derive(Debug, Clone)]
pub(crate) struct Rules {
    /// Its part of the time.
    pub(crate) window: Arc<Window>,
    /// Opens the window: the picture of an output.
    pub(crate) leads: bool,
    /// Starts at a key frame, and again after something was dropped: anything encoded.
    pub(crate) keyed: bool,
    /// Most media waiting in the appsrc, for longer than [`BURST`].
    pub(crate) most: gst::ClockTime,
}

/// A machine that stood still hands over all it missed at once: within this time a taker may work it off.
const BURST: Duration = Duration::from_secs(1);
/// More than this is dropped even in a burst: seconds of raw pictures are a lot of memory.
const MOST_IN_BURST: gst::ClockTime = gst::ClockTime::from_seconds(4);

/// What takes.
#[derive(Debug, Clone)]
enum Taker {
    Appsrc(AppSrc),
    Reservoir(Arc<Reservoir>),
}

impl Taker {
    fn set_caps(&self, caps: Option<&gst::Caps>) {
        match self {
            Self::Appsrc(appsrc) => appsrc.set_caps(caps),
            Self::Reservoir(reservoir) => reservoir.set_caps(caps),
        }
    }

    fn push(&self, buffer: gst::Buffer) {
        match self {
            Self::Appsrc(appsrc) => drop(appsrc.push_buffer(buffer)),
            Self::Reservoir(reservoir) => reservoir.push(buffer),
        }
    }

    fn end(&self) {
        match self {
            Self::Appsrc(appsrc) => drop(appsrc.end_of_stream()),
            Self::Reservoir(reservoir) => reservoir.end(),
        }
    }

    fn level(&self) -> gst::ClockTime {
        match self {
            Self::Appsrc(appsrc) => appsrc.current_level_time(),
            Self::Reservoir(reservoir) => reservoir.level(),
        }
    }

    fn name(&self) -> String {
        match self {
            Self::Appsrc(appsrc) => appsrc.name().into(),
            Self::Reservoir(_) => "encoder".into(),
        }
    }
}

#[derive(Debug)]
struct TapState {
    taker: Taker,
    rules: Rules,
    caps: Option<gst::Caps>,
    /// What came before the window opened: sound may be ahead of the picture that opens it.
    early: VecDeque<(gst::Sample, gst::ClockTime)>,
    needs_key: bool,
    ended: bool,
    dropped: u64,
    /// Since when more than the most waits.
    full: Option<Instant>,
}

/// Most samples kept before the window opens: a second and a bit of AAC.
const MOST_EARLY: usize = 64;

/// A taker of a stream; dropping it ends the taking.
#[derive(Debug)]
pub(crate) struct Tap {
    state: Arc<Mutex<TapState>>,
}

impl Tap {
    /// Media that was handed over and not taken yet.
    pub(crate) fn waiting(&self) -> Duration {
        lock(&self.state).taker.level().into()
    }

    /// Ends the stream now, whatever still comes.
    pub(crate) fn end(&self) {
        let mut state = lock(&self.state);
        if !state.ended {
            state.ended = true;
            state.taker.end();
        }
    }

    /// Ends the stream at this running time of the mix.
    pub(crate) fn end_at(&self, running: gst::ClockTime) {
        lock(&self.state).rules.window.close_at(running.nseconds());
    }

    /// So many buffers were left out because the taker was slow.
    pub(crate) fn dropped(&self) -> u64 {
        lock(&self.state).dropped
    }
}

/// A stream that leaves a pipeline, or several one after the other: its takers stay.
#[derive(Debug, Clone, Default)]
pub(crate) struct Stream {
    /// Where it comes from at present; none where it is made here.
    appsink: Arc<Mutex<Option<AppSink>>>,
    taps: Arc<Mutex<Vec<Weak<Mutex<TapState>>>>>,
}

impl Stream {
    /// Hands on what comes out of this appsink from now on. The encoder before it puts silence of the length `delay` first, without
    /// saying so in its times.
    pub(crate) fn carry(&self, appsink: AppSink, delay: gst::ClockTime) {
        appsink.set_property("sync", false);
        appsink.set_property("async", false);
        appsink.set_property("enable-last-sample", false);
        let handed = self.taps.clone();
        appsink.set_callbacks(
            AppSinkCallbacks::builder()
                .new_sample(move |sink| {
                    let sample = sink.pull_sample().map_err(|_| gst::FlowError::Eos)?;
                    if distribute(&handed, &sample, delay) {
                        ask_key_frame(sink);
                    }
                    Ok(gst::FlowSuccess::Ok)
                })
                .build(),
        );
        *lock(&self.appsink) = Some(appsink);
    }

    /// A stream of samples that are [`Stream::send`]: raw ones, in the mix's time.
    pub(crate) fn made() -> Self {
        Self::default()
    }

    /// Hands on one sample of a stream that is made here.
    pub(crate) fn send(&self, sample: &gst::Sample) {
        distribute(&self.taps, sample, gst::ClockTime::ZERO);
    }

    /// Hands the stream to one more appsrc, made by [`inlet`].
    pub(crate) fn tap(&self, appsrc: &AppSrc, rules: Rules) -> Tap {
        self.hand_to(Taker::Appsrc(appsrc.clone()), rules)
    }

    /// Hands the stream to a reservoir.
    pub(crate) fn fill(&self, reservoir: &Arc<Reservoir>, rules: Rules) -> Tap {
        self.hand_to(Taker::Reservoir(reservoir.clone()), rules)
    }

    fn hand_to(&self, taker: Taker, rules: Rules) -> Tap {
        let state = TapState {
            taker,
            needs_key: rules.keyed,
            rules,
            caps: None,
            early: VecDeque::new(),
            ended: false,
            dropped: 0,
            full: None,
        };
        let state = Arc::new(Mutex::new(state));
        lock(&self.taps).push(Arc::downgrade(&state));
        Tap { state }
    }

    /// Asks the encoder for a key frame.
    pub(crate) fn request_key_frame(&self) {
        let appsink = lock(&self.appsink).clone();
        if let Some(appsink) = appsink {
            ask_key_frame(&appsink);
        }
    }
}

/// The appsrc of this name, set up to be tapped into. Must be asked for before the pipeline starts.
pub(crate) fn inlet(pipeline: &Pipeline, name: &str) -> Result<AppSrc, Problem> {
    let appsrc: AppSrc = pipeline.named(name)?;
    appsrc.set_format(gst::Format::Time);
    // Bounded by the tap's rules, which know about key frames.
    appsrc.set_max_bytes(0);
    appsrc.set_max_buffers(0);
    appsrc.set_property("block", false);
    Ok(appsrc)
}

fn ask_key_frame(appsink: &AppSink) {
    // On the pad, not by `send_event`: that would take the state lock in a streaming thread.
    if let Some(pad) = appsink.static_pad("sink") {
        pad.push_event(gst_video::UpstreamForceKeyUnitEvent::builder().all_headers(true).build());
    }
}

/// Gives a sample to every tap. True when one of them waits for a key frame.
fn distribute(taps: &Mutex<Vec<Weak<Mutex<TapState>>>>, sample: &gst::Sample, delay: gst::ClockTime) -> bool {
    // What belongs before the beginning of time is only the silence.
    let Some(shown) = running_time(sample).and_then(|running| running.checked_sub(delay)) else { return false };
    let takers: Vec<_> = {
        let mut taps = lock(taps);
        taps.retain(|tap| tap.strong_count() > 0);
        taps.iter().filter_map(Weak::upgrade).collect()
    };
    let mut wants_key = false;
    for taker in takers {
        wants_key |= lock(&taker).take((sample, shown));
    }
    wants_key
}

impl TapState {
    /// Takes, shifts or drops one sample. True asks for a key frame.
    fn take(&mut self, (sample, running): Timed<'_>) -> bool {
        let Some(buffer) = sample.buffer() else { return false };
        if self.ended {
            return false;
        }
        let key = !buffer.flags().contains(gst::BufferFlags::DELTA_UNIT);
        if self.is_slow(Instant::now()) {
            self.note_dropped();
            self.needs_key = self.rules.keyed;
            return false;
        }
        match self.rules.leads {
            true if key => self.rules.window.open_at(running.nseconds()),
            true => {}
            false => self.rules.window.follow(running.nseconds()),
        }
        match self.rules.window.place(running.nseconds()) {
            Place::At(_) if self.needs_key && !key => {
                self.note_dropped();
                return true;
            }
            Place::At(_) => {
                for (early, running) in std::mem::take(&mut self.early) {
                    self.place((&early, running));
                }
                self.place((sample, running));
            }
            // The picture itself decides where it goes on.
            Place::Waits if self.rules.leads => return true,
            Place::Waits => {
                self.early.push_back((sample.clone(), running));
                if self.early.len() > MOST_EARLY {
                    self.early.pop_front();
                }
            }
            Place::Nowhere => {
                self.needs_key = self.rules.keyed;
                self.early.clear();
            }
            Place::Over => {
                self.ended = true;
                self.taker.end();
            }
        }
        false
    }

    /// Whether more waits than should, and not only after a burst.
    fn is_slow(&mut self, now: Instant) -> bool {
        let waiting = self.taker.level();
        if waiting <= self.rules.most / 2 {
            self.full = None;
        }
        if waiting <= self.rules.most {
            // Whoever is always too slow loses a frame here and there, evenly.
            return false;
        }
        let since = *self.full.get_or_insert(now);
        now.duration_since(since) > BURST || waiting > MOST_IN_BURST.max(self.rules.most)
    }

    fn note_dropped(&mut self) {
        if self.dropped.is_multiple_of(100) {
            let waiting = self.taker.level().mseconds();
            tracing::warn!(taker = self.taker.name(), caps = ?self.caps, waiting, dropped = self.dropped + 1, "an output is slow");
        }
        self.dropped += 1;
    }

    /// Passes a sample on if the window holds it.
    fn place(&mut self, (sample, running): Timed<'_>) {
        let Some(buffer) = sample.buffer() else { return };
        if let Place::At(shown) = self.rules.window.place(running.nseconds()) {
            self.needs_key = false;
            self.push(sample, buffer, gst::ClockTime::from_nseconds(shown));
        }
    }

    fn push(&mut self, sample: &gst::Sample, buffer: &gst::BufferRef, shown: gst::ClockTime) {
        if sample.caps() != self.caps.as_deref() {
            self.caps = sample.caps_owned();
            self.taker.set_caps(self.caps.as_ref());
        }
        let mut copy = buffer.copy();
        if let Some(copy) = copy.get_mut() {
            // No encoder here reorders: what is decoded first is shown first.
            copy.set_pts(shown);
            copy.set_dts(shown);
            if self.rules.leads {
                self.rules.window.reached((shown + buffer.duration().unwrap_or_default()).nseconds());
            }
        }
        self.taker.push(copy);
    }
}

/// A sample, and when it is shown in the mix's running time.
type Timed<'a> = (&'a gst::Sample, gst::ClockTime);

/// When a sample's buffer says it is shown, in the mix's running time: encoders may shift their segments (x264enc by 1000 h).
fn running_time(sample: &gst::Sample) -> Option<gst::ClockTime> {
    let segment = sample.segment()?.downcast_ref::<gst::ClockTime>()?;
    segment.to_running_time(sample.buffer()?.pts()?)
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    // A panic elsewhere must not take the other outputs along; the data is valid after every statement.
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}
