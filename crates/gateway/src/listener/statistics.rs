//! Counts of what happens to connections before there are requests.

use std::sync::atomic::{AtomicU64, Ordering};

/// Counters since the start of the process.
#[derive(Debug, Default)]
pub struct Statistics {
    accepted: AtomicU64,
    refused: AtomicU64,
    handshakes_failed: AtomicU64,
    handshakes_late: AtomicU64,
    accept_errors: AtomicU64,
}

impl Statistics {
    /// Connections accepted.
    pub fn accepted(&self) -> u64 {
        self.accepted.load(Ordering::Relaxed)
    }

    /// Connections closed at once because of `limits.connections` or `limits.connections_per_client`.
    pub fn refused(&self) -> u64 {
        self.refused.load(Ordering::Relaxed)
    }

    /// TLS handshakes that failed.
    pub fn handshakes_failed(&self) -> u64 {
        self.handshakes_failed.load(Ordering::Relaxed)
    }

    /// TLS handshakes that took longer than `limits.handshake_timeout`.
    pub fn handshakes_late(&self) -> u64 {
        self.handshakes_late.load(Ordering::Relaxed)
    }

    /// Failures to accept, such as those for want of file descriptors.
    pub fn accept_errors(&self) -> u64 {
        self.accept_errors.load(Ordering::Relaxed)
    }

    pub(super) fn count_accepted(&self) {
        self.accepted.fetch_add(1, Ordering::Relaxed);
    }

    pub(super) fn count_refused(&self) {
        self.refused.fetch_add(1, Ordering::Relaxed);
    }

    pub(super) fn count_handshake_failed(&self) {
        self.handshakes_failed.fetch_add(1, Ordering::Relaxed);
    }

    pub(super) fn count_handshake_late(&self) {
        self.handshakes_late.fetch_add(1, Ordering::Relaxed);
    }

    pub(super) fn count_accept_error(&self) {
        self.accept_errors.fetch_add(1, Ordering::Relaxed);
    }
}
