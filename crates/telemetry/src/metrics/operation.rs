//! What is measured of each operation.

use std::sync::OnceLock;
use std::sync::atomic::{AtomicU64, Ordering};

use super::histogram::Histogram;

/// The measures of one operation. Looked up once when a configuration is loaded; a request then only adds.
#[derive(Debug)]
pub struct OperationMetrics {
    pub(super) api: String,
    pub(super) operation: String,
    /// Made at the first request, so that operations that nobody calls cost nothing.
    cells: OnceLock<Box<Cells>>,
}

impl OperationMetrics {
    pub(super) fn new(api: &str, operation: &str) -> Self {
        Self { api: api.to_owned(), operation: operation.to_owned(), cells: OnceLock::new() }
    }

    /// Counts a request that has ended.
    pub fn record(&self, measure: &RequestMeasure) {
        let cells = self.cells.get_or_init(Box::default);
        if let Some(count) = cells.status.get(status_class(measure.status)) {
            count.fetch_add(1, Ordering::Relaxed);
        }
        cells.duration.observe(measure.duration_us);
        if let Some(backend_us) = measure.backend_us {
            cells.backend.observe(backend_us);
        }
        if measure.bytes_in > 0 {
            cells.bytes_in.fetch_add(measure.bytes_in, Ordering::Relaxed);
        }
        if measure.bytes_out > 0 {
            cells.bytes_out.fetch_add(measure.bytes_out, Ordering::Relaxed);
        }
    }

    /// Counts a request that a limit refused.
    pub fn limited(&self, limit: Limit) {
        let cells = self.cells.get_or_init(Box::default);
        if let Some(count) = cells.limited.get(limit as usize) {
            count.fetch_add(1, Ordering::Relaxed);
        }
    }

    pub(super) fn cells(&self) -> Option<&Cells> {
        self.cells.get().map(|cells| &**cells)
    }
}

/// A request that has ended.
#[derive(Clone, Copy, Debug, Default)]
pub struct RequestMeasure {
    /// The status that was sent; `None` when the client was gone before.
    pub status: Option<u16>,
    /// From the request's head to the response's last byte, in microseconds.
    pub duration_us: u64,
    /// From the first byte sent to the backend to its response's head, in microseconds.
    pub backend_us: Option<u64>,
    /// Bytes of the request's body.
    pub bytes_in: u64,
    /// Bytes of the response's body.
    pub bytes_out: u64,
}

/// What refused a request.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Limit {
    /// `limit-concurrency`.
    Concurrency,
    /// `quota` and `quota-by-key`.
    Quota,
    /// `rate-limit` and `rate-limit-by-key`.
    Rate,
}

impl Limit {
    pub(super) const NAMES: [&'static str; 3] = ["concurrency", "quota", "rate"];
}

/// The label values of statuses, by [`status_class`].
pub(super) const STATUS_CLASSES: [&str; 6] = ["none", "1xx", "2xx", "3xx", "4xx", "5xx"];

/// The class of a status; 0: none was sent.
pub(super) fn status_class(status: Option<u16>) -> usize {
    match status {
        Some(status @ 100..=599) => usize::from(status / 100),
        _ => 0,
    }
}

#[derive(Debug, Default)]
pub(super) struct Cells {
    pub(super) status: [AtomicU64; STATUS_CLASSES.len()],
    pub(super) duration: Histogram,
    pub(super) backend: Histogram,
    pub(super) bytes_in: AtomicU64,
    pub(super) bytes_out: AtomicU64,
    pub(super) limited: [AtomicU64; Limit::NAMES.len()],
}
