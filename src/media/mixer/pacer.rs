//! What the threads of canvas and desk wait with: for a moment of the mix's time, or for the end.

use std::sync::{Condvar, Mutex, PoisonError};

use super::lock;
use crate::media::pipeline::Time;

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
    pub(super) fn end(&self) {
        *lock(&self.over) = true;
        self.told.notify_all();
    }
}
