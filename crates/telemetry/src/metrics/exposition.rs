//! The measures as families of metrics.

use std::fmt::Error;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use prometheus_client::collector::Collector;
use prometheus_client::encoding::{DescriptorEncoder, EncodeLabelSet, MetricEncoder, NoLabelSet};
use prometheus_client::metrics::MetricType;
use prometheus_client::registry::Unit;

use super::Measures;
use super::backend::{BackendFailure, BackendMetrics};
use super::histogram::Histogram;
use super::listener::{HandshakeOutcome, ListenerMetrics, RefusedConnection, RefusedRequest};
use super::operation::{Cells, Limit, OperationMetrics, STATUS_CLASSES};

impl Collector for Measures {
    fn encode(&self, encoder: DescriptorEncoder<'_>) -> Result<(), Error> {
        let mut families = Families(encoder);
        self.instance(&mut families)?;
        let operations: Vec<_> = self.operations.lock().values().map(Arc::clone).collect();
        let called: Vec<_> = operations.iter().filter_map(|one| Some((&**one, one.cells()?))).collect();
        encode_operations(&mut families, &called)?;
        let listeners: Vec<_> = self.listeners.lock().values().map(Arc::clone).collect();
        encode_listeners(&mut families, &listeners)?;
        let backends: Vec<_> = self.backends.lock().values().map(Arc::clone).collect();
        encode_backends(&mut families, &backends)?;
        self.watched(&mut families)
    }
}

impl Measures {
    fn instance(&self, families: &mut Families<'_>) -> Result<(), Error> {
        let build = [("version", self.version.as_str())];
        families.start("build", "The release that runs", None, MetricType::Info)?.encode_info(&build)?;
        families.gauge(
            "start_time",
            "When the process started, since 1970",
            &Unit::Seconds,
            self.start_seconds,
        )?;
        let mut reloads = families.start(
            "reloads",
            "Attempts to load another configuration while serving",
            None,
            MetricType::Counter,
        )?;
        for (outcome, count) in ["failure", "success"].into_iter().zip(&self.reloads) {
            counter(&mut reloads, &[("outcome", outcome)], count)?;
        }
        families.gauge(
            "last_successful_reload_time",
            "When the configuration in use was loaded, since 1970",
            &Unit::Seconds,
            self.last_success_seconds.load(Ordering::Relaxed),
        )
    }

    fn watched(&self, families: &mut Families<'_>) -> Result<(), Error> {
        for (name, watched) in self.watched.lock().iter() {
            let mut family = families.start(name, watched.help, None, MetricType::Counter)?;
            for (values, count) in (watched.read)() {
                let labels: Vec<(&str, &str)> =
                    watched.labels.iter().zip(&values).map(|(label, value)| (*label, &**value)).collect();
                family.encode_family(&labels)?.encode_counter::<NoLabelSet, u64, u64>(&count, None)?;
            }
        }
        Ok(())
    }
}

struct Families<'a>(DescriptorEncoder<'a>);

impl Families<'_> {
    fn start<'s>(
        &'s mut self,
        name: &'s str,
        help: &str,
        unit: Option<&'s Unit>,
        kind: MetricType,
    ) -> Result<MetricEncoder<'s>, Error> {
        self.0.encode_descriptor(name, help, unit, kind)
    }

    fn gauge(&mut self, name: &str, help: &str, unit: &Unit, value: u64) -> Result<(), Error> {
        self.start(name, help, Some(unit), MetricType::Gauge)?.encode_gauge(&value)
    }
}

fn counter(
    family: &mut MetricEncoder<'_>,
    labels: &impl EncodeLabelSet,
    value: &AtomicU64,
) -> Result<(), Error> {
    family.encode_family(labels)?.encode_counter::<NoLabelSet, u64, u64>(&value.load(Ordering::Relaxed), None)
}

type Called<'a> = (&'a OperationMetrics, &'a Cells);

fn encode_operations(families: &mut Families<'_>, called: &[Called<'_>]) -> Result<(), Error> {
    let mut family = families.start(
        "requests",
        "Requests that have ended, by class of status",
        None,
        MetricType::Counter,
    )?;
    for (operation, cells) in called {
        for (class, count) in STATUS_CLASSES.into_iter().zip(&cells.status) {
            let [api, name] = labels(operation);
            counter(&mut family, &[api, name, ("status", class)], count)?;
        }
    }
    durations(
        families,
        "request_duration",
        "Time from the request's head to the last byte of the response",
        called,
        |cells| &cells.duration,
    )?;
    durations(
        families,
        "backend_duration",
        "Time from the first byte sent to the backend to the head of its response",
        called,
        |cells| &cells.backend,
    )?;
    bytes(families, "request_body", "Bytes of request bodies", called, |cells| &cells.bytes_in)?;
    bytes(families, "response_body", "Bytes of response bodies", called, |cells| &cells.bytes_out)?;
    let mut family =
        families.start("limited_requests", "Requests that a limit refused", None, MetricType::Counter)?;
    for (operation, cells) in called {
        for (limit, count) in Limit::NAMES.into_iter().zip(&cells.limited) {
            let [api, name] = labels(operation);
            counter(&mut family, &[api, name, ("limit", limit)], count)?;
        }
    }
    Ok(())
}

fn durations(
    families: &mut Families<'_>,
    name: &str,
    help: &str,
    called: &[Called<'_>],
    of: impl Fn(&Cells) -> &Histogram,
) -> Result<(), Error> {
    let mut family = families.start(name, help, Some(&Unit::Seconds), MetricType::Histogram)?;
    for (operation, cells) in called {
        let (sum, count, buckets) = of(cells).read();
        family
            .encode_family(&labels(operation))?
            .encode_histogram::<NoLabelSet>(sum, count, &buckets, None)?;
    }
    Ok(())
}

fn bytes(
    families: &mut Families<'_>,
    name: &str,
    help: &str,
    called: &[Called<'_>],
    of: impl Fn(&Cells) -> &AtomicU64,
) -> Result<(), Error> {
    let mut family = families.start(name, help, Some(&Unit::Bytes), MetricType::Counter)?;
    called.iter().try_for_each(|(operation, cells)| counter(&mut family, &labels(operation), of(cells)))
}

fn labels(operation: &OperationMetrics) -> [(&str, &str); 2] {
    [("api", &operation.api), ("operation", &operation.operation)]
}

fn encode_listeners(families: &mut Families<'_>, listeners: &[Arc<ListenerMetrics>]) -> Result<(), Error> {
    let mut family =
        families.start("connections_open", "Connections that are open", None, MetricType::Gauge)?;
    for one in listeners {
        family
            .encode_family(&[("listener", one.name.as_str())])?
            .encode_gauge(&one.open.load(Ordering::Relaxed))?;
    }
    let mut family = families.start(
        "connections_accepted",
        "Connections that were accepted",
        None,
        MetricType::Counter,
    )?;
    for one in listeners {
        counter(&mut family, &[("listener", one.name.as_str())], &one.accepted)?;
    }
    by_reason(
        families,
        "connections_refused",
        "Connections that were closed before they could send a request",
        listeners,
        &RefusedConnection::NAMES,
        |one| &one.refused_connections,
    )?;
    by_reason(
        families,
        "requests_refused",
        "Requests that were refused, whatever they ask for",
        listeners,
        &RefusedRequest::NAMES,
        |one| &one.refused_requests,
    )?;
    let mut family = families.start(
        "listener_requests",
        "Requests of a listener that have ended, by class of status",
        None,
        MetricType::Counter,
    )?;
    for one in listeners {
        for (class, count) in STATUS_CLASSES.into_iter().zip(&one.requests) {
            counter(&mut family, &[("listener", one.name.as_str()), ("status", class)], count)?;
        }
    }
    let mut family =
        families.start("tls_handshakes", "TLS handshakes, by how they ended", None, MetricType::Counter)?;
    for one in listeners {
        for ((version, outcome), count) in HandshakeOutcome::NAMES.into_iter().zip(&one.handshakes) {
            let labels = [("listener", one.name.as_str()), ("version", version), ("outcome", outcome)];
            counter(&mut family, &labels, count)?;
        }
    }
    Ok(())
}

fn by_reason<'a>(
    families: &mut Families<'_>,
    name: &str,
    help: &str,
    listeners: &'a [Arc<ListenerMetrics>],
    reasons: &[&str],
    of: impl Fn(&'a ListenerMetrics) -> &'a [AtomicU64],
) -> Result<(), Error> {
    let mut family = families.start(name, help, None, MetricType::Counter)?;
    for one in listeners {
        for (reason, count) in reasons.iter().zip(of(one)) {
            counter(&mut family, &[("listener", one.name.as_str()), ("reason", reason)], count)?;
        }
    }
    Ok(())
}

fn encode_backends(families: &mut Families<'_>, backends: &[Arc<BackendMetrics>]) -> Result<(), Error> {
    type Of = fn(&BackendMetrics) -> &AtomicU64;
    let counters: [(&str, &str, Of); 3] = [
        ("backend_requests", "Requests that were sent to a backend", |one| &one.requests),
        ("backend_retries", "Requests that were sent to a backend once more", |one| &one.retries),
        ("backend_connections_opened", "Connections that were opened to a backend", |one| &one.connections),
    ];
    for (name, help, of) in counters {
        let mut family = families.start(name, help, None, MetricType::Counter)?;
        for one in backends {
            counter(&mut family, &[("backend", one.name.as_str())], of(one))?;
        }
    }
    let mut family = families.start(
        "backend_failures",
        "Requests that got no response from a backend",
        None,
        MetricType::Counter,
    )?;
    for one in backends {
        for (reason, count) in BackendFailure::NAMES.into_iter().zip(&one.failures) {
            counter(&mut family, &[("backend", one.name.as_str()), ("reason", reason)], count)?;
        }
    }
    let mut family = families.start(
        "backend_breaker_open",
        "Whether the circuit breaker keeps requests away from a backend (1) or not (0)",
        None,
        MetricType::Gauge,
    )?;
    for one in backends {
        let open = i64::from(one.breaker_open.load(Ordering::Relaxed));
        family.encode_family(&[("backend", one.name.as_str())])?.encode_gauge(&open)?;
    }
    Ok(())
}
