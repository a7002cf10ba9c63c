//! Random starts (SSRCs, sequence numbers) from one seed: the same seed gives the same packets, which tests rely on.

/// SplitMix64. Not for secrets: keys come from DTLS.
#[derive(Debug, Clone)]
pub(crate) struct Random(u64);

impl Random {
    pub(crate) fn new(seed: u64) -> Random {
        Random(seed)
    }

    pub(crate) fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mixed = (self.0 ^ self.0 >> 30).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        let mixed = (mixed ^ mixed >> 27).wrapping_mul(0x94d0_49bb_1331_11eb);
        mixed ^ mixed >> 31
    }

    /// An SSRC; never 0, which some stacks take for "none".
    pub(crate) fn ssrc(&mut self) -> u32 {
        (self.next() as u32).max(1)
    }
}
