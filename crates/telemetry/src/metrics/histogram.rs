//! Durations by how long they took.

use std::sync::atomic::{AtomicU64, Ordering};

/// The upper bounds of the buckets in microseconds; a last bucket has everything above.
const BOUNDS: [u64; 15] = [
    250, 500, 1_000, 2_500, 5_000, 10_000, 25_000, 50_000, 100_000, 250_000, 500_000, 1_000_000, 2_500_000,
    5_000_000, 10_000_000,
];

/// A histogram that an observation changes with two relaxed additions.
#[derive(Debug, Default)]
pub(super) struct Histogram {
    buckets: [AtomicU64; BOUNDS.len() + 1],
    sum_micros: AtomicU64,
}

impl Histogram {
    pub(super) fn observe(&self, micros: u64) {
        let bucket = BOUNDS.partition_point(|bound| *bound < micros);
        if let Some(count) = self.buckets.get(bucket) {
            count.fetch_add(1, Ordering::Relaxed);
        }
        self.sum_micros.fetch_add(micros, Ordering::Relaxed);
    }

    /// Sum in seconds, number of observations, and the number in each bucket with its bound in seconds.
    pub(super) fn read(&self) -> (f64, u64, [(f64, u64); BOUNDS.len() + 1]) {
        let mut buckets = [(f64::INFINITY, 0); BOUNDS.len() + 1];
        for (bucket, bound) in buckets.iter_mut().zip(BOUNDS) {
            bucket.0 = bound as f64 / 1e6;
        }
        let mut count = 0;
        for (bucket, cell) in buckets.iter_mut().zip(&self.buckets) {
            bucket.1 = cell.load(Ordering::Relaxed);
            count += bucket.1;
        }
        (self.sum_micros.load(Ordering::Relaxed) as f64 / 1e6, count, buckets)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_bound_belongs_to_its_bucket() {
        let histogram = Histogram::default();
        for micros in [0, 250, 251, 10_000_000, 10_000_001, 60_000_000] {
            histogram.observe(micros);
        }
        let (sum, count, buckets) = histogram.read();
        assert_eq!(count, 6);
        assert!((sum - 80.000_502).abs() < 1e-9, "{sum}");
        assert_eq!(buckets[0], (0.000_25, 2));
        assert_eq!(buckets[1], (0.000_5, 1));
        assert_eq!(buckets[14], (10.0, 1));
        assert_eq!(buckets[15], (f64::INFINITY, 2));
    }
}
