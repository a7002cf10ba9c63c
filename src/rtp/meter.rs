//! A stream's bitrate over the last two seconds, for one addition per packet.

/// Steps that count.
const STEPS: usize = 8;

/// See the module.
#[derive(Debug, Default)]
pub(crate) struct Meter {
    /// Of the present step.
    bytes: u32,
    steps: [u32; STEPS],
    /// Steps since the stream began or began again, up to `STEPS`.
    filled: usize,
    next: usize,
}

impl Meter {
    /// A packet of so many bytes.
    #[inline]
    pub(crate) fn add(&mut self, bytes: u32) {
        self.bytes = self.bytes.wrapping_add(bytes);
    }

    /// A step is over.
    pub(crate) fn step(&mut self) {
        let bytes = std::mem::take(&mut self.bytes);
        if bytes == 0 && self.filled == 0 {
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

    /// In bits/s, with steps of `step` seconds; `None` in the first two.
    pub(crate) fn rate(&self, step: f64) -> Option<f64> {
        // The first step was not a whole one.
        let whole = if self.filled == STEPS { STEPS } else { self.filled.checked_sub(1).filter(|&whole| whole > 0)? };
        let bytes: u64 = (1..=whole).map(|back| u64::from(self.steps[(self.next + STEPS - back) % STEPS])).sum();
        Some(bytes as f64 * 8.0 / (whole as f64 * step))
    }
}
