//! Raw media on its way to an encoder. It waits here and not in the encoder's pipeline, so that another encoder goes on right where
//! one ends.

use std::collections::VecDeque;
use std::sync::{Arc, Mutex};

use gst_app::{AppSrc, AppSrcCallbacks};

use super::lock;

/// See the module.
#[derive(Debug, Default)]
pub(crate) struct Reservoir {
    inner: Mutex<Inner>,
}

#[derive(Debug, Default)]
struct Inner {
    waiting: VecDeque<gst::Buffer>,
    caps: Option<gst::Caps>,
    ended: bool,
    taker: Option<AppSrc>,
    /// The taker waits for the next buffer.
    hungry: bool,
}

impl Reservoir {
    /// Hands what waits and what comes to this taker, one buffer at a time.
    pub(crate) fn feed(self: &Arc<Self>, taker: &AppSrc) {
        let (inner, own) = (Arc::downgrade(self), taker.clone());
        lock(&self.inner).taker = Some(own.clone());
        let need = move |asking: &AppSrc, _| {
            if let Some(reservoir) = inner.upgrade() {
                let mut inner = lock(&reservoir.inner);
                if inner.taker.as_ref() == Some(asking) {
                    inner.hungry = true;
                    inner.serve();
                }
            }
        };
        taker.set_callbacks(AppSrcCallbacks::builder().need_data(need).build());
    }

    /// The taker ends after what it has.
    pub(crate) fn part(&self) {
        let taker = {
            let mut inner = lock(&self.inner);
            inner.hungry = false;
            inner.taker.take()
        };
        if let Some(taker) = taker {
            let _ = taker.end_of_stream();
        }
    }

    /// Leaves out of what waits what comes sooner than so long after the one before it.
    pub(crate) fn thin_out(&self, apart: gst::ClockTime) {
        let mut next = gst::ClockTime::ZERO;
        lock(&self.inner).waiting.retain(|buffer| {
            let at = buffer.pts().unwrap_or_default();
            let stays = at >= next;
            if stays {
                next = at + apart;
            }
            stays
        });
    }

    pub(super) fn set_caps(&self, caps: Option<&gst::Caps>) {
        lock(&self.inner).caps = caps.cloned();
    }

    pub(super) fn push(&self, buffer: gst::Buffer) {
        let mut inner = lock(&self.inner);
        inner.waiting.push_back(buffer);
        inner.serve();
    }

    /// Nothing more comes.
    pub(super) fn end(&self) {
        let mut inner = lock(&self.inner);
        inner.ended = true;
        inner.serve();
    }

    /// Media that waits.
    pub(super) fn level(&self) -> gst::ClockTime {
        let inner = lock(&self.inner);
        let (Some(first), Some(last)) = (inner.waiting.front(), inner.waiting.back()) else {
            return gst::ClockTime::ZERO;
        };
        let end = last.pts().unwrap_or_default() + last.duration().unwrap_or_default();
        end.saturating_sub(first.pts().unwrap_or_default())
    }
}

impl Inner {
    fn serve(&mut self) {
        let Some(taker) = self.taker.as_ref().filter(|_| self.hungry) else { return };
        if let Some(next) = self.waiting.pop_front() {
            self.hungry = false;
            taker.set_caps(self.caps.as_ref());
            let _ = taker.push_buffer(next);
        } else if self.ended {
            self.hungry = false;
            let _ = taker.end_of_stream();
        }
    }
}

#[cfg(test)]
mod tests {
    use gst::prelude::*;

    use super::*;

    fn taker() -> AppSrc {
        gst::init().expect("GStreamer");
        gst::ElementFactory::make("appsrc").build().expect("appsrc").downcast().expect("an appsrc")
    }

    fn buffer(nth: u64) -> gst::Buffer {
        let mut buffer = gst::Buffer::new();
        if let Some(buffer) = buffer.get_mut() {
            buffer.set_pts(gst::ClockTime::from_mseconds(nth * 100));
            buffer.set_duration(gst::ClockTime::from_mseconds(100));
        }
        buffer
    }

    #[test]
    fn what_one_taker_did_not_take_waits_for_the_next() {
        let (reservoir, first, second) = (Arc::new(Reservoir::default()), taker(), taker());
        let ask = || {
            lock(&reservoir.inner).hungry = true;
            lock(&reservoir.inner).serve();
        };
        reservoir.feed(&first);
        (0..5).for_each(|nth| reservoir.push(buffer(nth)));
        assert_eq!(reservoir.level().mseconds(), 500, "nobody asked");
        ask();
        assert_eq!(reservoir.level().mseconds(), 400, "one at a time");
        reservoir.part();
        ask();
        assert_eq!(reservoir.level().mseconds(), 400, "nobody takes");
        reservoir.feed(&second);
        ask();
        reservoir.push(buffer(5));
        assert_eq!(reservoir.level().mseconds(), 400, "the next goes on where the first ended");
        reservoir.thin_out(gst::ClockTime::from_mseconds(190));
        let left: Vec<_> = lock(&reservoir.inner).waiting.iter().filter_map(|buffer| buffer.pts()).collect();
        assert_eq!(left.iter().map(|at| at.mseconds()).collect::<Vec<_>>(), [200, 400]);
    }
}
