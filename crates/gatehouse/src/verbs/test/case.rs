//! One case: its request goes through the pipeline, and what comes out is held against what is expected.

use std::time::Instant;

use bytes::Bytes;
use gatehouse_gateway::snapshot::ListenerFacts;
use gatehouse_model::Location;
use gatehouse_policy::Body;
use gatehouse_policy::trace::{Detail, Trace, as_text};
use http::{HeaderName, HeaderValue, Method, Request, Uri};

use super::file::Case;
use super::unreached::Reached;
use crate::offline::{OfflineGateway, OfflineWorld, Settings, Templates};

/// How a case came out.
pub(super) struct CaseOutcome {
    pub(super) name: String,
    pub(super) location: Location,
    /// What differs; empty where the case is passed.
    pub(super) failures: Vec<String>,
    /// Every decision, where it was asked for and the case failed.
    pub(super) trace: Option<String>,
    pub(super) micros: u64,
}

impl CaseOutcome {
    pub(super) fn failed(case: &Case, why: String) -> Self {
        Self {
            name: case.name.value.clone(),
            location: case.name.location.clone(),
            failures: vec![why],
            trace: None,
            micros: 0,
        }
    }
}

/// Runs a case.
pub(super) fn run(
    case: &Case,
    gateway: &OfflineGateway,
    with_trace: bool,
    reached: &mut Reached,
) -> CaseOutcome {
    let begun = Instant::now();
    let (failures, trace) = match attempt(case, gateway, with_trace, reached) {
        Ok(outcome) => outcome,
        Err(why) => (vec![why], None),
    };
    CaseOutcome {
        name: case.name.value.clone(),
        location: case.name.location.clone(),
        trace: trace.filter(|_| !failures.is_empty()),
        failures,
        micros: begun.elapsed().as_micros() as u64,
    }
}

fn attempt(
    case: &Case,
    gateway: &OfflineGateway,
    with_trace: bool,
    reached: &mut Reached,
) -> Result<(Vec<String>, Option<String>), String> {
    let templates = Templates::new(&gateway.keys, case.time);
    let settings = Settings {
        now_millis: case.time,
        seed: case.random,
        buffered_body_bytes: gateway.snapshot.limits.buffered_body_bytes,
    };
    let world = OfflineWorld::new(settings, &case.backend, &case.stubs, &gateway.urls, &templates);
    let listener = ListenerFacts {
        name: "test".into(),
        zone: case.zone,
        serves_gateway: true,
        serves_metrics: false,
        hosts: Vec::new(),
        trusted_proxies: Vec::new(),
    };
    let mut finished = None;
    for _ in 0..case.repeat {
        let request = request(case, &templates)?;
        let detail = if with_trace { Detail::Decisions } else { Detail::Reached };
        let secrets: Vec<_> =
            if with_trace { gateway.snapshot.secrets.iter().cloned().collect() } else { Vec::new() };
        let trace = Trace::new(detail, secrets);
        let done = gateway.run(request, &listener, case.request.client_ip, &world, trace)?;
        if let Some(trace) = &done.exchange.trace {
            reached.reaches(trace.reached());
        }
        finished = Some(done);
    }
    let mut finished = finished.ok_or("the case sends no request")?;
    let failures =
        case.expect.differences(&finished, &world.backend_requests(), &world.policy_requests(), &templates);
    let trace = finished.exchange.trace.take().filter(|trace| trace.tells_decisions());
    Ok((failures, trace.map(|trace| as_text(&trace.into_entries()))))
}

fn request(case: &Case, templates: &Templates<'_>) -> Result<Request<Body>, String> {
    let wanted = &case.request;
    let said = |what: &str, why: &str| format!("request.{what}: it {why}");
    let url = templates.fill(&wanted.url.value).map_err(|why| said("url", &why))?;
    let uri: Uri = url.parse().map_err(|_| format!("request.url: `{url}` is no URL"))?;
    if uri.scheme_str() != Some("https") || uri.host().is_none() {
        return Err(format!(
            "request.url: `{url}` is no absolute https URL, such as https://api.example/orders/7"
        ));
    }
    let body = templates.fill(&wanted.body).map_err(|why| said("body", &why))?;
    let mut request = Request::new(Body::from(Bytes::from(body)));
    *request.method_mut() = Method::from_bytes(wanted.method.as_bytes())
        .map_err(|_| format!("request.method: `{}` is no method", wanted.method))?;
    *request.uri_mut() = uri;
    for (name, values) in &wanted.headers {
        let field = HeaderName::from_bytes(name.value.as_bytes())
            .map_err(|_| format!("request.headers: `{}` is no name of a header field", name.value))?;
        for value in values {
            let value =
                templates.fill(value).map_err(|why| said(&format!("headers.{}", name.value), &why))?;
            let value = HeaderValue::from_str(&value)
                .map_err(|_| format!("request.headers.{}: it cannot have this value", name.value))?;
            request.headers_mut().append(field.clone(), value);
        }
    }
    Ok(request)
}
