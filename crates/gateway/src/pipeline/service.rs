//! The handler of one core: from a request on the wire to an answer on the wire.

use std::collections::HashMap;
use std::net::IpAddr;
use std::ops::Deref;
use std::rc::Rc;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use arc_swap::ArcSwap;
use bytes::Bytes;
use foldhash::fast::RandomState;
use futures_util::future::LocalBoxFuture;
use gatehouse_model::configuration::Zone;
use gatehouse_policy::{
    Body, Clock as _, Concurrency, ExpressionLimits, Failure, MemoryValues, ResponseCache, Tokens, World,
    accepts_problem, error_response,
};
use gatehouse_store::KeyRing;
use gatehouse_store::counters::{CounterKeys, Counters};
use gatehouse_telemetry::access_log::{AccessLog, AccessRecord, ErrorRecord};
use gatehouse_telemetry::metrics::{ListenerMetrics, Metrics, OperationMetrics};
use gatehouse_telemetry::trace_log::TraceLog;
use gatehouse_telemetry::waf_log::WafLog;
use http::header::CONTENT_TYPE;
use http::{HeaderValue, Method, Request, Response, StatusCode};
use uuid::Uuid;

use super::completion::{Completion, protocol};
use super::intake::{self, Target, random_id};
use super::live_trace::{LiveTrace, LiveTraces};
use super::outgoing::{OutgoingCounts, Outside};
use super::upstream::CoreUpstream;
use super::world::{CoreRandom, SystemClock};
use super::{answer, consent, ending, forwarding, process};
use crate::connection::{Connection, Handler};
use crate::events::Events;
use crate::firewall::{Inspection, Seen, WafMeasures};
use crate::router::check_path;
use crate::snapshot::{ListenerFacts, Snapshot};
use crate::upstream::Pools;

/// Where readiness is asked for, as in Azure API Management.
const STATUS_PATH: &str = "/status-0123456789abcdef";
/// Where the issuer of this instance publishes itself, where there is one.
const WELL_KNOWN: &str = "/.well-known/";
/// Where metrics are scraped.
const METRICS_PATH: &str = "/metrics";

/// The measures of listeners, by name.
pub type ListenerMeasures = HashMap<Arc<str>, Arc<ListenerMetrics>, RandomState>;

/// What all cores share.
pub struct Shared {
    /// The configuration in force.
    pub snapshot: ArcSwap<Snapshot>,
    /// The subscriptions in force.
    pub keys: ArcSwap<KeyRing>,
    /// Rate limits and quotas.
    pub counters: Arc<dyn Counters>,
    /// Names counters.
    pub counter_keys: CounterKeys,
    /// Executions under way.
    pub concurrency: Concurrency,
    /// Answers that are kept.
    pub response_cache: ResponseCache,
    /// Events of loggers.
    pub events: Events,
    /// Issuers' keys and verified tokens.
    pub tokens: Tokens,
    /// What becomes of the requests of policies.
    pub outgoing: Arc<OutgoingCounts>,
    /// Values that policies keep.
    pub values: MemoryValues,
    /// Traces that requests may ask for; `None`: none may.
    pub live_traces: Option<LiveTraces>,
    /// Time.
    pub clock: SystemClock,
    /// Requests under way.
    pub under_way: AtomicUsize,
    /// Where records of requests go.
    pub access_log: Option<AccessLog>,
    /// Where lines of `trace` policies go.
    pub trace_log: Option<TraceLog>,
    /// Where the firewall's records go.
    pub waf_log: Option<WafLog>,
    /// What the firewall counts.
    pub waf_measures: Arc<WafMeasures>,
    /// What is counted.
    pub metrics: Metrics,
    /// Counts of requests that belong to no operation.
    pub unmatched: Arc<OperationMetrics>,
    /// Counts of listeners.
    pub listeners: ArcSwap<ListenerMeasures>,
}

/// The handler of one core.
pub struct Core {
    shared: Arc<Shared>,
    pools: Rc<Pools>,
    random: CoreRandom,
}

impl Core {
    /// A handler with connection pools of its own; `seed` differs from core to core and from start to start.
    pub fn new(shared: Arc<Shared>, pools: Rc<Pools>, seed: u64) -> Self {
        Self { shared, pools, random: CoreRandom::new(seed) }
    }

    async fn answer(
        self: Rc<Self>,
        mut request: Request<Body>,
        connection: Rc<Connection>,
    ) -> Response<Body> {
        let snapshot = self.shared.snapshot.load_full();
        let Some(listener) = snapshot.listeners.get(&connection.listener).map(Arc::clone) else {
            // The listener is gone from the configuration; its connections are being drained.
            return self.refuse(StatusCode::SERVICE_UNAVAILABLE, "This listener has closed.", &connection);
        };
        let Some(target) = Target::of(&request, &connection) else {
            let reason = "The request needs exactly one valid Host.";
            return self.turn_away(
                &Refused::of(&request, None),
                StatusCode::BAD_REQUEST,
                reason,
                &connection,
            );
        };
        if !listener.answers_to(&target.host) || connection.is_misdirected(&target.host) {
            let refused = Refused::of(&request, Some(&target.host));
            let status = StatusCode::MISDIRECTED_REQUEST;
            return self.turn_away(&refused, status, "This host is not served here.", &connection);
        }
        if let Some(response) = self.built_in(&request, &listener) {
            return response;
        }
        if let Some(query) = consent::query(&request, &listener, &snapshot) {
            return consent::answer(&snapshot, query, self.shared.clock.now_millis() / 1000).await;
        }
        let Some(place) = Place::take(&self.shared, snapshot.limits.requests) else {
            let refused = Refused::of(&request, Some(&target.host));
            let status = StatusCode::SERVICE_UNAVAILABLE;
            return self.turn_away(&refused, status, "Too many requests are under way.", &connection);
        };
        let upgrade = target.websocket.then(|| hyper::upgrade::on(&mut request));
        let shared = &*self.shared;
        let mut inspection = inspection(&request, &target, &connection, &listener, &snapshot, shared);
        let exchange =
            intake::exchange(request, target, &connection, &listener, &snapshot, &shared.clock, &self.random);
        let mut exchange = exchange;
        let live = LiveTrace::begin(&mut exchange, shared, &snapshot);
        let mut completion = Completion::new(place, exchange, &connection, listener.zone);
        let bound = snapshot.limits.buffered_body_bytes;
        let upstream = CoreUpstream::new(&self.pools, &snapshot.backends, &shared.clock, &self.random, bound);
        let outside =
            Outside { shared: &self.shared, snapshot: &snapshot, pools: &self.pools, random: &self.random };
        let world = World {
            clock: &shared.clock,
            random: &self.random,
            counters: &*shared.counters,
            counter_keys: &shared.counter_keys,
            concurrency: &shared.concurrency,
            response_cache: &shared.response_cache,
            tokens: &shared.tokens,
            values: &shared.values,
            identities: &snapshot.identities,
            authorizations: &snapshot.authorizations,
            upstream: &upstream,
            outgoing: &outside,
            signals: &outside,
            expression_limits: ExpressionLimits {
                time: snapshot.limits.expression_time,
                bytes: snapshot.limits.expression_memory as u64,
                ..ExpressionLimits::default()
            },
            buffered_body_bytes: bound,
        };
        if let Some(inspected) = &mut inspection {
            if let Some(aim) = snapshot.aim(listener.zone, completion.exchange()) {
                inspected.aim_at(&aim);
            }
            let goes_on = inspected.request(completion.exchange()).await;
            // A path that no request may have is answered as such, whatever the rules say of it.
            let path = &completion.exchange().request.original_url.path;
            if !goes_on && check_path(path).is_ok() {
                end_inspection(inspection, &mut completion, shared);
                return answer::respond(completion);
            }
        }
        let keys = shared.keys.load_full();
        let zone = listener.serves_gateway.then_some(listener.zone);
        let metrics = process(&snapshot, &keys, zone, completion.exchange(), &world).await;
        if let Some(live) = live {
            live.end(completion.exchange(), shared);
        }
        completion.matched(metrics, upstream.backend_micros());
        if let Some(inspected) = &mut inspection
            && !inspected.blocked
        {
            inspected.response(completion.exchange()).await;
        }
        end_inspection(inspection, &mut completion, shared);
        if let (Some(upgrade), Some(tunnel)) = (upgrade, upstream.take_tunnel()) {
            let silence = snapshot.limits.tunnel_idle_timeout;
            return answer::switch_protocols(completion, upgrade, tunnel, silence);
        }
        answer::respond(completion)
    }

    fn built_in(&self, request: &Request<Body>, listener: &ListenerFacts) -> Option<Response<Body>> {
        let path = request.uri().path();
        if path == STATUS_PATH && listener.serves_gateway {
            return Some(Response::new(Body::Empty));
        }
        if path.starts_with(WELL_KNOWN) && listener.zone == Zone::Internal {
            let snapshot = self.shared.snapshot.load();
            let issuer = snapshot.issuer.as_ref()?;
            let text = match path.get(WELL_KNOWN.len()..)? {
                "openid-configuration" => issuer.metadata(),
                "jwks.json" => issuer.key_set(),
                _ => return None,
            };
            let text = if request.method() == Method::HEAD { String::new() } else { text };
            let mut response = Response::new(Body::from(Bytes::from(text)));
            response.headers_mut().insert(CONTENT_TYPE, HeaderValue::from_static("application/json"));
            return Some(response);
        }
        if path == METRICS_PATH && listener.serves_metrics {
            let snapshot = self.shared.snapshot.load();
            let now = self.shared.clock.monotonic_micros();
            snapshot.backend_measures.note_breakers(&snapshot.backends, now);
            let text =
                if request.method() == Method::HEAD { String::new() } else { self.shared.metrics.encode() };
            let mut response = Response::new(Body::from(Bytes::from(text)));
            response.headers_mut().insert(CONTENT_TYPE, HeaderValue::from_static(Metrics::CONTENT_TYPE));
            return Some(response);
        }
        None
    }

    /// Answers a request that does not come as far as the router.
    fn turn_away(
        &self,
        refused: &Refused<'_>,
        status: StatusCode,
        reason: &'static str,
        connection: &Connection,
    ) -> Response<Body> {
        let id = random_id(&self.random);
        let answer = error_response(
            &Failure::new(status, "framing", "BadRequest", reason),
            id,
            refused.accepts_problem,
        );
        let mut response = Response::new(Body::Empty);
        *response.status_mut() = status;
        *response.headers_mut() = answer.headers;
        let body = answer::fit(answer.body, refused.method == "HEAD", status, response.headers_mut());
        let bytes_out = body.bytes().map_or(0, Bytes::len) as u64;
        self.record_refusal(refused, id, status, reason, bytes_out, connection);
        *response.body_mut() = body;
        response
    }

    fn record_refusal(
        &self,
        refused: &Refused<'_>,
        id: Uuid,
        status: StatusCode,
        reason: &str,
        bytes_out: u64,
        connection: &Connection,
    ) {
        if let Some(measures) = self.shared.listeners.load().get(&connection.listener) {
            measures.request(Some(status.as_u16()));
            if let Some(reason) = ending::early_refusal(status) {
                measures.refuse_request(reason);
            }
        }
        let Some(log) = &self.shared.access_log else { return };
        let snapshot = self.shared.snapshot.load();
        let zone =
            snapshot.listeners.get(&connection.listener).map_or("external", |known| known.zone.as_str());
        let mut buffer = Uuid::encode_buffer();
        let client_ip: IpAddr = connection.peer.ip().to_canonical();
        log.record(&AccessRecord {
            time_millis: self.shared.clock.now_millis(),
            request_id: id.hyphenated().encode_lower(&mut buffer),
            listener: &connection.listener,
            zone,
            client_ip,
            method: refused.method,
            host: refused.host.or(connection.server_name.as_deref()).map(str::as_bytes),
            path: refused.path.as_bytes(),
            protocol: refused.protocol,
            tls_version: Some(connection.tls_version),
            tls_cipher: Some(connection.tls_cipher),
            client_certificate: connection.certificate.as_ref().map(|known| known.thumbprint_sha256.as_str()),
            status: Some(status.as_u16()),
            bytes_in: 0,
            bytes_out,
            duration_us: 0,
            backend_us: None,
            api: None,
            operation: None,
            product: None,
            subscription: None,
            error: Some(ErrorRecord {
                source: "framing",
                reason: status.canonical_reason().unwrap_or("Refused"),
                message: reason,
                section: None,
                path: None,
                policy_id: None,
            }),
        });
    }
}

impl Handler for Core {
    fn handle(
        self: Rc<Self>,
        request: Request<Body>,
        connection: Rc<Connection>,
    ) -> LocalBoxFuture<'static, Response<Body>> {
        Box::pin(self.answer(request, connection))
    }

    fn refuse(&self, status: StatusCode, reason: &'static str, connection: &Connection) -> Response<Body> {
        self.turn_away(&Refused::default(), status, reason, connection)
    }
}

/// Hands the head to the firewall as the client sent it, where the firewall stands on the listener.
fn inspection(
    request: &Request<Body>,
    target: &Target,
    connection: &Connection,
    listener: &ListenerFacts,
    snapshot: &Snapshot,
    shared: &Shared,
) -> Option<Box<Inspection>> {
    let firewall = snapshot.firewall.as_ref().filter(|_| listener.serves_gateway)?;
    let mode = firewall.mode_on(&connection.listener, listener.zone)?;
    let client = forwarding::client_ip(listener, connection.peer, request.headers());
    let seen = Seen { client, host: &target.host, websocket: target.websocket, connection };
    Inspection::begin(firewall, mode, request, &seen, shared.clock.now_millis())
}

fn end_inspection(inspection: Option<Box<Inspection>>, completion: &mut Completion, shared: &Shared) {
    let Some(inspection) = inspection else { return };
    let (method, received) = (completion.method().clone(), completion.received_millis());
    let log = shared.waf_log.as_ref();
    inspection.end(completion.exchange(), method.as_str(), received, &shared.waf_measures, log);
}

/// One of the requests under way; given back when it is dropped.
pub(super) struct Place(Arc<Shared>);

impl Place {
    fn take(shared: &Arc<Shared>, limit: usize) -> Option<Self> {
        if shared.under_way.fetch_add(1, Ordering::Relaxed) < limit {
            return Some(Self(Arc::clone(shared)));
        }
        shared.under_way.fetch_sub(1, Ordering::Relaxed);
        None
    }
}

impl Deref for Place {
    type Target = Shared;

    fn deref(&self) -> &Shared {
        &self.0
    }
}

impl Drop for Place {
    fn drop(&mut self) {
        self.0.under_way.fetch_sub(1, Ordering::Relaxed);
    }
}

/// What is known of a request that is turned away.
#[derive(Default)]
struct Refused<'r> {
    method: &'r str,
    host: Option<&'r str>,
    path: &'r str,
    protocol: &'static str,
    accepts_problem: bool,
}

impl<'r> Refused<'r> {
    fn of(request: &'r Request<Body>, host: Option<&'r str>) -> Self {
        Self {
            method: request.method().as_str(),
            host,
            path: request.uri().path(),
            protocol: protocol(request.version()),
            accepts_problem: accepts_problem(request.headers()),
        }
    }
}
