//! A stream's bitrate over the last two seconds, and that of each of its temporal layers, for one addition per packet.

use super::allocator::TIDS;

/// Steps that count.
const STEPS: usize = 8;

/// See the module.
#[derive(Debug, Default)]
pub(crate) struct Meter {
    /// Of the present step.
    bytes: [u32; TIDS],
    steps: [[u32; TIDS]; STEPS],
    /// Steps since the stream began or began again, up to `STEPS`.
    filled: usize,
    next: usize,
}

impl Meter {
    /// A packet of so many bytes; its temporal layer is 0 where there are none.
    #[inline]
    pub(crate) fn add(&mut self, tid: u8, bytes: u32) {
        if let Some(sum) = self.bytes.get_mut(usize::from(tid)) {
            *sum = sum.wrapping_add(bytes);
        }
    }

    /// A step is over.
    pub(crate) fn step(&mut self) {
        let bytes = std::mem::take(&mut self.bytes);
        if bytes == [0; TIDS] && self.filled == 0 {
            return;
        }
        self.steps[self.next] = bytes;
        self.next = (self.next + 1) % STEPS;
        self.filled = (self.filled + 1).min(STEPS);
    }

    /// The stream stopped: what it had says nothing about what it will have.
    pub(crate) fn reset(&mut self) {
        *self = Meter::default();
    }

    /// In bits/s by temporal layer, with steps of `step` seconds; `None` in the first two.
    pub(crate) fn rates(&self, step: f64) -> Option<[f64; TIDS]> {
        // The first step was not a whole one.
        let whole = if self.filled == STEPS { STEPS } else { self.filled.checked_sub(1).filter(|&whole| whole > 0)? };
        let mut bytes = [0u64; TIDS];
        for step in (1..=whole).map(|back| &self.steps[(self.next + STEPS - back) % STEPS]) {
            bytes.iter_mut().zip(step).for_each(|(sum, &bytes)| *sum += u64::from(bytes));
        }
        Some(bytes.map(|bytes| bytes as f64 * 8.0 / (whole as f64 * step)))
    }
}
