//! Metrics, as `OpenMetrics` text.
//!
//! Every label value is a name from the configuration or one of a fixed list: a client cannot make a series. The metrics
//! that policies make are apart, and have a bound on their series.

mod backend;
mod custom;
mod exposition;
mod histogram;
mod listener;
mod operation;
mod process;

use std::borrow::Cow;
use std::collections::BTreeMap;
use std::fmt;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use parking_lot::Mutex;
use prometheus_client::encoding::text;
use prometheus_client::registry::Registry;

pub use self::backend::{BackendFailure, BackendMetrics};
use self::custom::{Custom, CustomCollector};
pub use self::listener::{
    HandshakeOutcome, ListenerMetrics, OpenConnection, RefusedConnection, RefusedRequest, TlsProtocol,
};
pub use self::operation::{Limit, OperationMetrics, RequestMeasure};
use self::process::Process;
use crate::access_log::AccessLog;
use crate::trace_log::TraceLog;

/// All metrics of an instance. Cheap to clone.
///
/// Measures of operations, listeners and backends are looked up by name when a configuration is loaded and
/// live on across reloads.
#[derive(Clone, Debug)]
pub struct Metrics {
    measures: Arc<Measures>,
    custom: Arc<Custom>,
    registries: Arc<[Registry; 3]>,
}

impl Metrics {
    /// No measures yet. `version` is the release; `start_seconds` is now, in seconds since 1970.
    pub fn new(version: &str, start_seconds: u64) -> Self {
        let measures = Arc::new(Measures {
            version: version.to_owned(),
            start_seconds,
            operations: Mutex::default(),
            listeners: Mutex::default(),
            backends: Mutex::default(),
            reloads: Default::default(),
            last_success_seconds: AtomicU64::new(start_seconds),
            watched: Mutex::default(),
        });
        let mut own = Registry::with_prefix("gatehouse");
        own.register_collector(Box::new(Arc::clone(&measures)));
        let mut process = Registry::default();
        process.register_collector(Box::new(Process));
        let custom = Arc::new(Custom::new());
        let mut of_policies = Registry::with_prefix("custom");
        of_policies.register_collector(Box::new(CustomCollector(Arc::clone(&custom))));
        let metrics = Self { measures, custom, registries: Arc::new([own, process, of_policies]) };
        let seen = Arc::clone(&metrics.custom);
        let help = "Values of policies that were dropped because their metrics have too many series";
        metrics.watch_counter("custom_metrics_dropped", help, "reason", move || {
            vec![("too_many_series", seen.dropped())]
        });
        metrics
    }

    /// The measures of an operation, by the names of its API and its own.
    pub fn operation(&self, api: &str, operation: &str) -> Arc<OperationMetrics> {
        let key = (api.to_owned(), operation.to_owned());
        let make = || Arc::new(OperationMetrics::new(api, operation));
        Arc::clone(self.measures.operations.lock().entry(key).or_insert_with(make))
    }

    /// The measures of requests that belong to no operation; their labels are empty.
    pub fn unmatched(&self) -> Arc<OperationMetrics> {
        self.operation("", "")
    }

    /// The measures of a listener.
    pub fn listener(&self, name: &str) -> Arc<ListenerMetrics> {
        let make = || Arc::new(ListenerMetrics::new(name));
        Arc::clone(self.measures.listeners.lock().entry(name.to_owned()).or_insert_with(make))
    }

    /// The measures of a backend.
    pub fn backend(&self, name: &str) -> Arc<BackendMetrics> {
        let make = || Arc::new(BackendMetrics::new(name));
        Arc::clone(self.measures.backends.lock().entry(name.to_owned()).or_insert_with(make))
    }

    /// Adds a value to a metric of policies, `custom_{name}`. Values beyond the bound on series are dropped and counted.
    pub fn custom(&self, name: &str, labels: &[(Arc<str>, Arc<str>)], value: f64) {
        self.custom.add(name, labels, value);
    }

    /// Sets how many series the metrics of policies may have together.
    pub fn bound_custom(&self, series: usize) {
        self.custom.bound(series);
    }

    /// Forgets the measures that no configuration holds any more; called after a reload.
    pub fn forget_unused(&self) {
        self.measures.operations.lock().retain(|_, measures| Arc::strong_count(measures) > 1);
        self.measures.listeners.lock().retain(|_, measures| Arc::strong_count(measures) > 1);
        self.measures.backends.lock().retain(|_, measures| Arc::strong_count(measures) > 1);
    }

    /// Counts an attempt to load another configuration; `now_seconds` is in seconds since 1970.
    pub fn reload(&self, succeeded: bool, now_seconds: u64) {
        let [failures, successes] = &self.measures.reloads;
        if succeeded {
            successes.fetch_add(1, Ordering::Relaxed);
            self.measures.last_success_seconds.store(now_seconds, Ordering::Relaxed);
        } else {
            failures.fetch_add(1, Ordering::Relaxed);
        }
    }

    /// Shows what the log of `trace` policies loses, as `gatehouse_trace_log_dropped_total`.
    pub fn watch_trace_log(&self, log: &TraceLog) {
        let log = log.clone();
        self.watch_counter(
            "trace_log_dropped",
            "Lines of trace policies that were dropped",
            "reason",
            move || {
                let lost = log.lost();
                vec![("queue_full", lost.queue_full), ("write_failed", lost.write_failed)]
            },
        );
    }

    /// Shows what an access log loses, as `gatehouse_access_log_dropped_total`.
    pub fn watch_access_log(&self, log: &AccessLog) {
        let log = log.clone();
        self.watch_counter(
            "access_log_dropped",
            "Access log records that were dropped",
            "reason",
            move || {
                let lost = log.lost();
                vec![("queue_full", lost.queue_full), ("write_failed", lost.write_failed)]
            },
        );
    }

    /// Shows a counter that is kept elsewhere, as `gatehouse_{name}_total`: `read` gives its value for each
    /// value of the label. A second counter of that name replaces the first.
    pub fn watch_counter(
        &self,
        name: &'static str,
        help: &'static str,
        label: &'static str,
        read: impl Fn() -> Vec<(&'static str, u64)> + Send + Sync + 'static,
    ) {
        let read =
            move || read().into_iter().map(|(value, count)| (vec![Cow::Borrowed(value)], count)).collect();
        let labels = vec![label];
        self.measures.watched.lock().insert(name, Watched { help, labels, read: Box::new(read) });
    }

    /// The same where the values of the label come from the configuration.
    pub fn watch_configured_counter(
        &self,
        name: &'static str,
        help: &'static str,
        label: &'static str,
        read: impl Fn() -> Vec<(String, u64)> + Send + Sync + 'static,
    ) {
        let read =
            move || read().into_iter().map(|(value, count)| (vec![Cow::Owned(value)], count)).collect();
        let labels = vec![label];
        self.measures.watched.lock().insert(name, Watched { help, labels, read: Box::new(read) });
    }

    /// The same with two labels.
    pub fn watch_configured_pairs(
        &self,
        name: &'static str,
        help: &'static str,
        labels: [&'static str; 2],
        read: impl Fn() -> Vec<([String; 2], u64)> + Send + Sync + 'static,
    ) {
        let read = move || {
            read().into_iter().map(|(values, count)| (values.map(Cow::Owned).into(), count)).collect()
        };
        let labels = labels.into();
        self.measures.watched.lock().insert(name, Watched { help, labels, read: Box::new(read) });
    }

    /// All metrics as `OpenMetrics` text, to be sent as [`Self::CONTENT_TYPE`].
    pub fn encode(&self) -> String {
        let mut out = String::with_capacity(16 * 1024);
        let encoded =
            self.registries.iter().try_for_each(|registry| text::encode_registry(&mut out, registry));
        // Writing to a string does not fail; without the end mark a scraper knows that something is missing.
        if encoded.is_ok() {
            let _ = text::encode_eof(&mut out);
        }
        out
    }

    /// The media type of [`encode`](Self::encode).
    pub const CONTENT_TYPE: &'static str = "application/openmetrics-text; version=1.0.0; charset=utf-8";
}

#[derive(Debug)]
struct Measures {
    version: String,
    start_seconds: u64,
    operations: Mutex<BTreeMap<(String, String), Arc<OperationMetrics>>>,
    listeners: Mutex<BTreeMap<String, Arc<ListenerMetrics>>>,
    backends: Mutex<BTreeMap<String, Arc<BackendMetrics>>>,
    /// Failures and successes.
    reloads: [AtomicU64; 2],
    last_success_seconds: AtomicU64,
    watched: Mutex<BTreeMap<&'static str, Watched>>,
}

struct Watched {
    help: &'static str,
    labels: Vec<&'static str>,
    read: Box<dyn Fn() -> Vec<(Vec<Cow<'static, str>>, u64)> + Send + Sync>,
}

impl fmt::Debug for Watched {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Watched").field("help", &self.help).finish_non_exhaustive()
    }
}

#[cfg(test)]
mod tests;
