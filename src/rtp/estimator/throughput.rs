//! Bits per second over the last half second, in fixed memory.

/// Length of a bucket in microseconds.
const BUCKET: i64 = 50_000;
/// Whole buckets that count, besides the one being filled.
const BUCKETS: usize = 10;
/// Buckets that count for what arrives just now.
const RECENT: usize = 3;
/// Before that much time there is no rate, in microseconds.
const LEAST: i64 = 200_000;

/// See the module.
#[derive(Debug, Default)]
pub(crate) struct Throughput {
    bytes: [u32; BUCKETS + 1],
    /// The bucket being filled, counted from the clock's zero.
    newest: i64,
    first: Option<i64>,
    latest: i64,
}

impl Throughput {
    /// So many bytes at `at` in microseconds of any clock. What is older than the window is left out.
    pub(crate) fn add(&mut self, at: i64, bytes: u32) {
        let bucket = at.div_euclid(BUCKET);
        let ahead = bucket.saturating_sub(self.newest);
        let gone = self.first.is_none() || ahead.saturating_abs() > 100 * BUCKETS as i64;
        if gone {
            *self = Throughput { newest: bucket, first: Some(at), latest: at, ..Throughput::default() };
        } else if ahead > 0 {
            // Going round more than once clears the same buckets again.
            (1..=ahead.min(self.bytes.len() as i64)).for_each(|step| self.bytes[place(bucket + 1 - step)] = 0);
            self.newest = bucket;
        } else if ahead < -(BUCKETS as i64) {
            return;
        }
        self.latest = self.latest.max(at);
        let here = &mut self.bytes[place(bucket)];
        *here = here.saturating_add(bytes);
    }

    /// In bits/s; `None` until there is enough to tell.
    pub(crate) fn rate(&self) -> Option<f64> {
        self.over(BUCKETS).filter(|_| self.first.is_some_and(|first| self.latest - first >= LEAST))
    }

    /// The same over the last 150 to 200 ms: what a full line carries, without what was before it was full.
    pub(crate) fn recent(&self) -> Option<f64> {
        self.rate().and(self.over(RECENT))
    }

    /// Over so many whole buckets and the one being filled.
    fn over(&self, buckets: usize) -> Option<f64> {
        let start = ((self.newest - buckets as i64) * BUCKET).max(self.first?);
        let bytes: u64 = (0..=buckets as i64).map(|back| u64::from(self.bytes[place(self.newest - back)])).sum();
        let span = self.latest - start;
        (span > 0).then(|| bytes as f64 * 8e6 / span as f64)
    }
}

fn place(bucket: i64) -> usize {
    bucket.rem_euclid(BUCKETS as i64 + 1) as usize
}
