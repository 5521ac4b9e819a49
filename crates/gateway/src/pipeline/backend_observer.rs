//! Counts what happens at backends.

use std::sync::Arc;

use gatehouse_telemetry::metrics::{BackendFailure, BackendMetrics};
use http::StatusCode;

use super::service::Shared;
use crate::upstream::{Observer, Reason};

/// Feeds the measures of the configuration in force.
pub struct BackendObserver {
    shared: Arc<Shared>,
}

impl BackendObserver {
    /// An observer for the pools of a core.
    pub fn new(shared: Arc<Shared>) -> Self {
        Self { shared }
    }

    fn count(&self, backend: Option<&str>, add: impl FnOnce(&BackendMetrics)) {
        add(self.shared.snapshot.load().backend_measures.of(backend));
    }
}

impl Observer for BackendObserver {
    fn connection_opened(&self, backend: Option<&str>, _host: &str, _http2: bool, _micros: u64) {
        self.count(backend, BackendMetrics::connection);
    }

    fn retried(&self, backend: Option<&str>, _host: &str) {
        self.count(backend, BackendMetrics::retry);
    }

    fn answered(&self, backend: Option<&str>, _host: &str, _status: StatusCode) {
        self.count(backend, BackendMetrics::request);
    }

    fn failed(&self, backend: Option<&str>, _host: &str, reason: Option<Reason>) {
        self.count(backend, |measures| {
            measures.request();
            if let Some(reason) = reason {
                measures.failure(failure(reason));
            }
        });
    }
}

fn failure(reason: Reason) -> BackendFailure {
    match reason {
        Reason::Connect => BackendFailure::Connect,
        Reason::Protocol => BackendFailure::Protocol,
        Reason::Reset => BackendFailure::Reset,
        Reason::Timeout => BackendFailure::Timeout,
        Reason::Tls => BackendFailure::Tls,
    }
}
