//! What the threads of canvas and desk wait with: for a moment of the mix's time, or for the end.

use std::sync::{Arc, Condvar, Mutex, PoisonError};
use std::thread::JoinHandle;

use super::lock;
use crate::media::pipeline::Time;
use crate::media::problem::Problem;

/// Waits, and can be told that it is over.
#[derive(Debug, Default)]
pub(super) struct Pacer {
    over: Mutex<bool>,
    told: Condvar,
}

impl Pacer {
    /// Waits for this moment. False when it is over.
    pub(super) fn waits_until(&self, due: gst::ClockTime, time: &Time) -> bool {
        let mut over = lock(&self.over);
        loop {
            let left = due.saturating_sub(time.now());
            if *over || left.is_zero() {
                return !*over;
            }
            over = self.told.wait_timeout(over, left.into()).unwrap_or_else(PoisonError::into_inner).0;
        }
    }

    /// Nobody waits any more.
    fn end(&self) {
        *lock(&self.over) = true;
        self.told.notify_all();
    }
}

/// A thread that waits with a pacer. Dropping it ends it and waits for its end.
#[derive(Debug)]
pub(super) struct Paced {
    pacer: Arc<Pacer>,
    thread: Option<JoinHandle<()>>,
}

impl Paced {
    /// `work` returns once the pacer says that it is over.
    ///
    /// # Errors
    /// When the system has no thread to give.
    pub(super) fn start(name: &str, work: impl FnOnce(&Pacer) + Send + 'static) -> Result<Self, Problem> {
        let pacer = Arc::<Pacer>::default();
        let own = pacer.clone();
        let thread = std::thread::Builder::new().name(name.into()).spawn(move || work(&own));
        let thread = thread.map_err(|error| Problem::new(error.to_string()))?;
        Ok(Self { pacer, thread: Some(thread) })
    }
}

impl Drop for Paced {
    fn drop(&mut self) {
        self.pacer.end();
        if let Some(thread) = self.thread.take() {
            let _ = thread.join();
        }
    }
}
