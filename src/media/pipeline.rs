//! One GStreamer pipeline with an owner: its errors go to a channel, its state changes have a time limit, and dropping
//! it stops it.

use std::sync::mpsc;
use std::time::Duration;

use gst::prelude::*;

use super::problem::Problem;

/// What a pipeline tells its owner.
#[derive(Debug)]
pub(crate) enum BusEvent {
    /// It failed: for the log, with the failing element's name.
    Error {
        /// The element's name.
        element: String,
        /// What it said.
        text: String,
        /// The disk is full.
        full: bool,
        /// The details, which may hold addresses and stream keys: to be judged, never logged.
        details: String,
    },
    /// One file of several was begun, or is complete.
    Part {
        /// Complete.
        done: bool,
        /// Its path.
        path: String,
        /// The running time of that.
        at: gst::ClockTime,
    },
    /// Everything was written.
    Eos,
}

/// How long a state change may take before the pipeline is given up.
const STATE_LIMIT: Duration = Duration::from_secs(3);

/// The clock and its zero that all pipelines of a mix share, so that running times mean the same everywhere.
#[derive(Debug, Clone)]
pub(crate) struct Time {
    clock: gst::Clock,
    base: gst::ClockTime,
    base_instant: std::time::Instant,
}

impl Time {
    /// Zero is now.
    pub(crate) fn start() -> Self {
        let clock = gst::SystemClock::obtain();
        // The system clock is monotonic, like `Instant`: one reading of both joins them for good.
        let (base, base_instant) = (clock.time(), std::time::Instant::now());
        Self { clock, base, base_instant }
    }

    /// The running time of now.
    pub(crate) fn now(&self) -> gst::ClockTime {
        self.clock.time().saturating_sub(self.base)
    }

    /// The moment of a running time.
    pub(crate) fn instant(&self, running: gst::ClockTime) -> std::time::Instant {
        self.base_instant + Duration::from(running)
    }
}

/// An owned pipeline; NULL on drop.
#[derive(Debug)]
pub(crate) struct Pipeline {
    inner: gst::Pipeline,
}

impl Pipeline {
    /// An empty pipeline on the mix's time. `tell` is called on streaming threads and must only send.
    pub(crate) fn new(name: &str, time: &Time, tell: impl Fn(BusEvent) + Send + Sync + 'static) -> Self {
        Self::adopt(gst::Pipeline::with_name(name), time, tell)
    }

    /// A pipeline from launch text on the mix's time.
    pub(crate) fn parse(
        launch: &str,
        time: &Time,
        tell: impl Fn(BusEvent) + Send + Sync + 'static,
    ) -> Result<Self, Problem> {
        let element = gst::parse::launch(launch).map_err(|error| Problem::new(error.message()))?;
        let pipeline = element.downcast::<gst::Pipeline>().map_err(|_| Problem::new("is not a whole pipeline"))?;
        Ok(Self::adopt(pipeline, time, tell))
    }

    fn adopt(inner: gst::Pipeline, time: &Time, tell: impl Fn(BusEvent) + Send + Sync + 'static) -> Self {
        inner.use_clock(Some(&time.clock));
        inner.set_start_time(gst::ClockTime::NONE);
        inner.set_base_time(time.base);
        if let Some(bus) = inner.bus() {
            bus.set_sync_handler(move |_, message| {
                match message.view() {
                    gst::MessageView::Error(error) => tell(BusEvent::Error {
                        element: error.src().map(|s| s.name().to_string()).unwrap_or_default(),
                        text: error.error().message().to_owned(),
                        full: error.error().matches(gst::ResourceError::NoSpaceLeft),
                        details: error.debug().map(|text| text.to_string()).unwrap_or_default(),
                    }),
                    gst::MessageView::Eos(_) => tell(BusEvent::Eos),
                    gst::MessageView::Element(element) => {
                        if let Some(part) = element.structure().and_then(part) {
                            tell(part);
                        }
                    }
                    _ => {}
                }
                gst::BusSyncReply::Drop
            });
        }
        Self { inner }
    }

    /// Adds a bin made from launch text, with ghost pads for its loose ends.
    pub(crate) fn add_bin(&self, launch: &str) -> Result<gst::Bin, Problem> {
        let bin = gst::parse::bin_from_description(launch, true).map_err(|error| Problem::new(error.message()))?;
        self.inner.add(&bin).map_err(|_| Problem::new("can't be added"))?;
        Ok(bin)
    }

    /// The element of this name, wherever it is in the pipeline, as the type asked for.
    pub(crate) fn named<T: IsA<gst::Element>>(&self, name: &str) -> Result<T, Problem> {
        self.inner
            .by_name(name)
            .and_then(|element| element.downcast::<T>().ok())
            .ok_or_else(|| Problem::new(format!("has no fitting element named '{name}'")))
    }

    /// Starts it. Returns when the state change is under way; failures that come later arrive by the bus.
    pub(crate) fn play(&self) -> Result<(), Problem> {
        self.inner.set_state(gst::State::Playing).map(drop).map_err(|_| Problem::new("does not start"))
    }
}

/// What splitmuxsink says of its files.
fn part(said: &gst::StructureRef) -> Option<BusEvent> {
    let done = match said.name().as_str() {
        "splitmuxsink-fragment-opened" => false,
        "splitmuxsink-fragment-closed" => true,
        _ => return None,
    };
    let (path, at) = (said.get("location").ok()?, said.get("running-time").ok()?);
    Some(BusEvent::Part { done, path, at })
}

impl Drop for Pipeline {
    fn drop(&mut self) {
        stop_within(&self.inner, STATE_LIMIT);
    }
}

/// Sets a pipeline to NULL on a thread of its own, so that one that hangs takes only that thread with it.
fn stop_within(pipeline: &gst::Pipeline, limit: Duration) {
    if let Some(bus) = pipeline.bus() {
        bus.set_sync_handler(|_, _| gst::BusSyncReply::Drop);
    }
    let (done, wait) = mpsc::channel();
    let handed = pipeline.clone();
    let spawned = std::thread::Builder::new().name("gst-stop".into()).spawn(move || {
        let _ = handed.set_state(gst::State::Null);
        let _ = done.send(());
    });
    if spawned.is_err() {
        let _ = pipeline.set_state(gst::State::Null);
    } else if wait.recv_timeout(limit).is_err() {
        tracing::error!(pipeline = %pipeline.name(), "a pipeline does not stop: left behind");
    }
}
