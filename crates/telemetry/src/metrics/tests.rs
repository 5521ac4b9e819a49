// Every value is a count that a float holds exactly.
#![allow(clippy::float_cmp)]

use std::collections::HashSet;

use super::*;
use crate::log::{Level, Log};

fn metrics() -> Metrics {
    Metrics::new("1.2.3", 1_700_000_000)
}

fn value(text: &str, series: &str) -> f64 {
    let line =
        text.lines().find(|line| line.starts_with(series)).unwrap_or_else(|| panic!("{series} in:\n{text}"));
    line.rsplit_once(' ').unwrap().1.parse().unwrap()
}

#[test]
fn requests_are_counted_by_operation_and_status() {
    let metrics = metrics();
    let operation = metrics.operation("orders", "get-order");
    let measure = RequestMeasure {
        status: Some(200),
        duration_us: 812,
        backend_us: Some(700),
        bytes_in: 10,
        bytes_out: 1_000,
    };
    operation.record(&measure);
    operation.record(&measure);
    operation.record(&RequestMeasure { status: Some(429), duration_us: 90, ..RequestMeasure::default() });
    operation.record(&RequestMeasure::default());
    operation.limited(Limit::Rate);

    let text = metrics.encode();
    let labels = "{api=\"orders\",operation=\"get-order\"";
    assert_eq!(value(&text, &format!("gatehouse_requests_total{labels},status=\"2xx\"}}")), 2.0);
    assert_eq!(value(&text, &format!("gatehouse_requests_total{labels},status=\"4xx\"}}")), 1.0);
    assert_eq!(value(&text, &format!("gatehouse_requests_total{labels},status=\"none\"}}")), 1.0);
    assert_eq!(value(&text, &format!("gatehouse_request_duration_seconds_count{labels}}}")), 4.0);
    assert_eq!(value(&text, &format!("gatehouse_request_duration_seconds_sum{labels}}}")), 0.001_714);
    assert_eq!(value(&text, &format!("gatehouse_backend_duration_seconds_count{labels}}}")), 2.0);
    assert_eq!(value(&text, &format!("gatehouse_request_body_bytes_total{labels}}}")), 20.0);
    assert_eq!(value(&text, &format!("gatehouse_response_body_bytes_total{labels}}}")), 2_000.0);
    assert_eq!(value(&text, &format!("gatehouse_limited_requests_total{labels},limit=\"rate\"}}")), 1.0);
    let bucket = text.lines().find(|line| line.contains("request_duration") && line.contains("le=\"0.001\""));
    assert!(bucket.unwrap().ends_with(" 4"), "{bucket:?}");
}

#[test]
fn listeners_and_backends_are_measured() {
    let metrics = metrics();
    let listener = metrics.listener("public");
    let one = listener.accept();
    let two = listener.accept();
    drop(one);
    listener.handshake(HandshakeOutcome::Done(TlsProtocol::Tls13));
    listener.handshake(HandshakeOutcome::NothingInCommon);
    listener.refuse_connection(RefusedConnection::Limit);
    listener.refuse_request(RefusedRequest::NotFound);
    listener.request(Some(503));
    let backend = metrics.backend("orders-pool");
    backend.request();
    backend.failure(BackendFailure::Tls);
    backend.breaker(true);

    let text = metrics.encode();
    for (series, expected) in [
        ("gatehouse_connections_open{listener=\"public\"}", 1.0),
        ("gatehouse_connections_accepted_total{listener=\"public\"}", 2.0),
        ("gatehouse_connections_refused_total{listener=\"public\",reason=\"limit\"}", 1.0),
        ("gatehouse_requests_refused_total{listener=\"public\",reason=\"not_found\"}", 1.0),
        ("gatehouse_listener_requests_total{listener=\"public\",status=\"5xx\"}", 1.0),
        ("gatehouse_tls_handshakes_total{listener=\"public\",version=\"1.3\",outcome=\"done\"}", 1.0),
        (
            "gatehouse_tls_handshakes_total{listener=\"public\",version=\"none\",outcome=\"nothing_in_common\"}",
            1.0,
        ),
        ("gatehouse_backend_requests_total{backend=\"orders-pool\"}", 1.0),
        ("gatehouse_backend_failures_total{backend=\"orders-pool\",reason=\"tls\"}", 1.0),
        ("gatehouse_backend_breaker_open{backend=\"orders-pool\"}", 1.0),
    ] {
        assert_eq!(value(&text, series), expected, "{series}");
    }
    assert_eq!(listener.open_connections(), 1);
    drop(two);
}

#[test]
fn the_instance_tells_about_itself() {
    let metrics = metrics();
    metrics.reload(false, 1_700_000_100);
    assert_eq!(value(&metrics.encode(), "gatehouse_last_successful_reload_time_seconds"), 1_700_000_000.0);
    metrics.reload(true, 1_700_000_200);
    let log = Log::captured(Level::Info).0;
    metrics.watch_access_log(&AccessLog::to_writer(std::io::sink(), &log).unwrap());
    metrics.watch_counter("counters_evicted", "Evicted", "kind", || vec![("window", 7)]);

    let text = metrics.encode();
    assert_eq!(value(&text, "gatehouse_build_info{version=\"1.2.3\"}"), 1.0);
    assert_eq!(value(&text, "gatehouse_reloads_total{outcome=\"failure\"}"), 1.0);
    assert_eq!(value(&text, "gatehouse_reloads_total{outcome=\"success\"}"), 1.0);
    assert_eq!(value(&text, "gatehouse_last_successful_reload_time_seconds"), 1_700_000_200.0);
    assert_eq!(value(&text, "gatehouse_access_log_dropped_total{reason=\"queue_full\"}"), 0.0);
    assert_eq!(value(&text, "gatehouse_counters_evicted_total{kind=\"window\"}"), 7.0);
    assert!(value(&text, "process_resident_memory_bytes") > 0.0);
    assert!(value(&text, "process_open_fds") > 0.0);
    assert!(value(&text, "process_cpu_seconds_total") >= 0.0);
}

#[test]
fn the_text_is_well_formed() {
    let metrics = metrics();
    metrics.operation("a\"b\\c\nd", "x").record(&RequestMeasure::default());
    metrics.unmatched().record(&RequestMeasure::default());
    metrics.listener("public");
    metrics.backend("b");
    let text = metrics.encode();
    assert!(text.ends_with("# EOF\n"), "{text}");
    assert!(text.contains(r#"{api="a\"b\\c\nd",operation="x""#), "{text}");

    let mut families = HashSet::new();
    let mut series = HashSet::new();
    let mut current = String::new();
    for line in text.lines().filter(|line| *line != "# EOF") {
        if let Some(rest) = line.strip_prefix("# TYPE ") {
            current = rest.split(' ').next().unwrap().to_owned();
            assert!(families.insert(current.clone()), "{current} twice");
        } else if !line.starts_with('#') {
            let (name, _) = line.rsplit_once(' ').unwrap();
            assert!(name.starts_with(&current), "{name} outside of its family {current}");
            assert!(series.insert(name.to_owned()), "{name} twice");
        }
    }
    for family in families {
        assert!(family.starts_with("gatehouse_") || family.starts_with("process_"), "{family}");
    }
}

#[test]
fn measures_outlive_a_reload_and_go_when_nothing_uses_them() {
    let metrics = metrics();
    let (kept, gone) = (metrics.operation("kept", "x"), metrics.operation("gone", "x"));
    kept.record(&RequestMeasure::default());
    gone.record(&RequestMeasure::default());
    drop(gone);
    metrics.forget_unused();
    let text = metrics.encode();
    assert!(text.contains("api=\"kept\"") && !text.contains("api=\"gone\""));
    metrics.operation("kept", "x").record(&RequestMeasure::default());
    let series = "gatehouse_requests_total{api=\"kept\",operation=\"x\",status=\"none\"}";
    assert_eq!(value(&metrics.encode(), series), 2.0);
}

#[test]
fn operations_that_nobody_calls_make_no_series() {
    let metrics = metrics();
    let all: Vec<_> = (0..1_000).map(|number| metrics.operation("big", &number.to_string())).collect();
    all[0].record(&RequestMeasure::default());
    let text = metrics.encode();
    assert!(text.contains("operation=\"0\"") && !text.contains("operation=\"1\""));
}
