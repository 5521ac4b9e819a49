//! What is measured of each backend.

use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};

/// The measures of one backend.
#[derive(Debug)]
pub struct BackendMetrics {
    pub(super) name: String,
    pub(super) requests: AtomicU64,
    pub(super) retries: AtomicU64,
    pub(super) connections: AtomicU64,
    pub(super) failures: [AtomicU64; BackendFailure::NAMES.len()],
    pub(super) breaker_open: AtomicBool,
}

impl BackendMetrics {
    pub(super) fn new(name: &str) -> Self {
        Self {
            name: name.to_owned(),
            requests: AtomicU64::default(),
            retries: AtomicU64::default(),
            connections: AtomicU64::default(),
            failures: Default::default(),
            breaker_open: AtomicBool::default(),
        }
    }

    /// Counts a request that is sent to it.
    pub fn request(&self) {
        self.requests.fetch_add(1, Ordering::Relaxed);
    }

    /// Counts a request that is sent once more.
    pub fn retry(&self) {
        self.retries.fetch_add(1, Ordering::Relaxed);
    }

    /// Counts a connection that was opened to it.
    pub fn connection(&self) {
        self.connections.fetch_add(1, Ordering::Relaxed);
    }

    /// Counts a request that got no response.
    pub fn failure(&self, failure: BackendFailure) {
        if let Some(count) = self.failures.get(failure as usize) {
            count.fetch_add(1, Ordering::Relaxed);
        }
    }

    /// Says whether its circuit breaker keeps requests away from it.
    pub fn breaker(&self, open: bool) {
        self.breaker_open.store(open, Ordering::Relaxed);
    }
}

/// Why a backend gave no response.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum BackendFailure {
    /// No connection: refused, unreachable, no address, or not in time.
    Connect,
    /// What it sent is no HTTP message.
    Protocol,
    /// It closed the connection too early.
    Reset,
    /// It did not answer in time.
    Timeout,
    /// The TLS handshake failed, or its certificate is not trusted.
    Tls,
}

impl BackendFailure {
    pub(super) const NAMES: [&'static str; 5] = ["connect", "protocol", "reset", "timeout", "tls"];
}
