//! Calls over real sockets of this machine: what passes, what is retried, what is refused.

mod balancing;
mod bodies;
mod connections;
mod faults;
mod fields;
mod http2;
mod loading;
mod observing;
mod redirects;
mod tls;
mod websockets;

mod certificates;
mod peers;

use std::cell::{Cell, RefCell};
use std::collections::BTreeMap;
use std::net::{IpAddr, Ipv4Addr, SocketAddr};
use std::path::Path;
use std::rc::Rc;
use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use gatehouse_model::configuration::{BackendConnection, Egress, Trust};
use gatehouse_model::resources::{
    Backend, BackendCredentials, BackendTarget, BackendTls, CircuitBreakerRule, PoolMember,
};
use gatehouse_model::{Diagnostics, Located, Location};
use gatehouse_policy::{
    BackendChoice, Body, BodyError, Clock, Deployment, Exchange, ForwardOptions, Query, Random, Request,
    RequestUrl, Response, Route, Upstream as _, UpstreamError, Variables,
};
use http::{HeaderMap, HeaderName, HeaderValue, Method, StatusCode, Version};
use http_body_util::BodyExt as _;
use url::Url;

use super::{BackendSources, Backends, Client, Observer, PoolLimits, Pools, Reason};
use certificates::Authority;

/// A clock that tests turn.
#[derive(Default)]
struct TestClock(Cell<u64>);

impl TestClock {
    fn advance(&self, by: Duration) {
        self.0.set(self.0.get() + by.as_micros() as u64);
    }
}

impl Clock for TestClock {
    fn now_millis(&self) -> u64 {
        1_700_000_000_000 + self.0.get() / 1000
    }

    fn monotonic_micros(&self) -> u64 {
        1_000_000 + self.0.get()
    }

    fn sleep(&self, time: Duration) -> futures_util::future::LocalBoxFuture<'static, ()> {
        Box::pin(tokio::time::sleep(time))
    }
}

/// Chance that repeats itself.
struct TestRandom(Cell<u64>);

impl Random for TestRandom {
    fn next(&self) -> u64 {
        let mut state = self.0.get();
        state ^= state << 13;
        state ^= state >> 7;
        state ^= state << 17;
        self.0.set(state);
        state.wrapping_mul(0x2545_F491_4F6C_DD1D)
    }

    fn fill(&self, buffer: &mut [u8]) {
        for byte in buffer {
            *byte = self.next() as u8;
        }
    }
}

#[derive(Default)]
struct Counts {
    opened: Cell<usize>,
    reused: Cell<usize>,
    failed: Cell<usize>,
    retried: Cell<usize>,
    answered: Cell<usize>,
    /// Whom connections were made for, and who answered.
    backends: RefCell<Vec<Option<String>>>,
    /// Why there was no answer, and from whom.
    failures: RefCell<Vec<(Option<String>, Option<Reason>)>>,
}

fn count(cell: &Cell<usize>) {
    cell.set(cell.get() + 1);
}

impl Observer for Counts {
    fn connection_opened(&self, backend: Option<&str>, _: &str, _: bool, _: u64) {
        self.backends.borrow_mut().push(backend.map(str::to_owned));
        count(&self.opened);
    }

    fn connection_reused(&self, _: &str) {
        count(&self.reused);
    }

    fn connection_failed(&self, _: &str) {
        count(&self.failed);
    }

    fn retried(&self, _: Option<&str>, _: &str) {
        count(&self.retried);
    }

    fn answered(&self, backend: Option<&str>, _: &str, _: StatusCode) {
        self.backends.borrow_mut().push(backend.map(str::to_owned));
        count(&self.answered);
    }

    fn failed(&self, backend: Option<&str>, _: &str, reason: Option<Reason>) {
        self.failures.borrow_mut().push((backend.map(str::to_owned), reason));
    }
}

struct Counted(Rc<Counts>);

impl Observer for Counted {
    fn connection_opened(&self, backend: Option<&str>, host: &str, http2: bool, micros: u64) {
        self.0.connection_opened(backend, host, http2, micros);
    }

    fn connection_reused(&self, host: &str) {
        self.0.connection_reused(host);
    }

    fn connection_failed(&self, host: &str) {
        self.0.connection_failed(host);
    }

    fn retried(&self, backend: Option<&str>, host: &str) {
        self.0.retried(backend, host);
    }

    fn answered(&self, backend: Option<&str>, host: &str, status: StatusCode) {
        self.0.answered(backend, host, status);
    }

    fn failed(&self, backend: Option<&str>, host: &str, reason: Option<Reason>) {
        self.0.failed(backend, host, reason);
    }
}

/// A gateway core with its backends.
struct Core {
    authority: Authority,
    backends: Backends,
    pools: Rc<Pools>,
    counts: Rc<Counts>,
    clock: TestClock,
    random: TestRandom,
}

impl Core {
    /// One that knows no backend entity.
    fn new() -> Self {
        Self::with(&[], |_| {})
    }

    /// One with entities and other settings than the default.
    fn with(backends: &[Backend], settings: impl FnOnce(&mut BackendConnection)) -> Self {
        let authority = Authority::new();
        let mut connection = BackendConnection {
            trust: vec![Trust::File(here(authority.file.clone()))],
            ..BackendConnection::default()
        };
        settings(&mut connection);
        let loaded = load(backends, &connection, None).unwrap_or_else(|findings| panic!("{findings}"));
        let counts = Rc::new(Counts::default());
        let limits = PoolLimits { connections: 64, ..PoolLimits::for_cores(1) };
        Self {
            authority,
            backends: loaded,
            pools: Pools::new(limits, Rc::new(Counted(Rc::clone(&counts)))),
            counts,
            clock: TestClock::default(),
            random: TestRandom(Cell::new(0x9E37_79B9_7F4A_7C15)),
        }
    }

    fn limited(mut self, limits: PoolLimits) -> Self {
        self.pools = Pools::new(limits, Rc::new(Counted(Rc::clone(&self.counts))));
        self
    }

    fn client(&self) -> Client<'_> {
        Client {
            backends: &self.backends,
            pools: &self.pools,
            clock: &self.clock,
            random: &self.random,
            buffered_body_bytes: 1024 * 1024,
        }
    }

    async fn forward(&self, exchange: &mut Exchange) -> Result<Response, UpstreamError> {
        self.forward_with(exchange, &ForwardOptions::default()).await
    }

    async fn forward_with(
        &self,
        exchange: &mut Exchange,
        options: &ForwardOptions,
    ) -> Result<Response, UpstreamError> {
        self.client().forward(exchange, options).await
    }

    /// Status and body of a GET.
    async fn get(&self, url: &str, path: &str) -> Result<(StatusCode, Bytes), UpstreamError> {
        let mut exchange = exchange(Method::GET, url, path);
        let response = self.forward(&mut exchange).await?;
        Ok((response.status, read(response.body).await.expect("the body is complete")))
    }
}

fn load(
    backends: &[Backend],
    connection: &BackendConnection,
    previous: Option<&Backends>,
) -> Result<Backends, Diagnostics> {
    load_with(backends, connection, &BTreeMap::new(), previous)
}

fn load_with(
    backends: &[Backend],
    connection: &BackendConnection,
    connections: &BTreeMap<String, BackendConnection>,
    previous: Option<&Backends>,
) -> Result<Backends, Diagnostics> {
    let mut diagnostics = Diagnostics::new();
    let (certificates, egress) = (BTreeMap::new(), Egress::default());
    let sources = BackendSources {
        certificates: &certificates,
        egress: &egress,
        listeners: &[],
        backends,
        default_connection: connection,
        connections,
        configuration: Location::file(Path::new("gatehouse.yaml")),
        resolve: &|_, secret| Ok(secret.clone()),
        previous,
    };
    match Backends::load(&sources, &mut diagnostics) {
        Some(backends) if !diagnostics.has_errors() => Ok(backends),
        _ => Err(diagnostics),
    }
}

fn here<T>(value: T) -> Located<T> {
    Located::new(value, Location::new(Path::new("gatehouse.yaml"), 7, 3))
}

/// A backend entity with one address.
fn single(name: &str, url: &str) -> Backend {
    Backend {
        name: name.to_owned(),
        title: None,
        target: BackendTarget::Single(Url::parse(url).unwrap()),
        credentials: BackendCredentials::default(),
        tls: BackendTls::default(),
        circuit_breaker: Vec::new(),
        location: Location::new(Path::new("backends/x/backendInformation.json"), 1, 1),
    }
}

/// A pool: name, priority and weight of each member.
fn pool(name: &str, members: &[(&str, u32, u32)]) -> Backend {
    let members = members
        .iter()
        .map(|(backend, priority, weight)| PoolMember {
            backend: here((*backend).to_owned()),
            priority: *priority,
            weight: *weight,
        })
        .collect();
    Backend { target: BackendTarget::Pool(members), ..single(name, "http://unused.example") }
}

fn rule() -> CircuitBreakerRule {
    CircuitBreakerRule {
        name: "rest".to_owned(),
        count: Some(3),
        percentage: None,
        interval: Duration::from_secs(10),
        status_codes: Vec::new(),
        error_reasons: vec!["Server errors".to_owned()],
        trip_duration: Duration::from_secs(30),
        accept_retry_after: false,
    }
}

/// An exchange whose request goes to a base URL.
fn exchange(method: Method, base: &str, path: &str) -> Exchange {
    let (path, query) = path.split_once('?').unwrap_or((path, ""));
    let url = RequestUrl {
        scheme: "https",
        host: "gateway.example".into(),
        port: 443,
        path: path.to_owned(),
        query: Query::new(query),
    };
    let backend = match base.strip_prefix("entity:") {
        Some(name) => BackendChoice::Entity(name.into()),
        None => BackendChoice::Url(Arc::new(Url::parse(base).unwrap())),
    };
    let mut headers = HeaderMap::new();
    headers.insert(http::header::HOST, HeaderValue::from_static("gateway.example"));
    Exchange {
        id: uuid::Uuid::nil(),
        started_micros: 0,
        request: Request {
            method,
            original_url: url.clone(),
            url,
            headers,
            body: Body::Empty,
            version: Version::HTTP_11,
            websocket: false,
            client_ip: IpAddr::V4(Ipv4Addr::LOCALHOST),
            certificate: None,
            matched_parameters: smallvec::SmallVec::new(),
            is_loop: false,
        },
        response: None,
        route: Route::default(),
        deployment: Arc::new(Deployment {
            service_name: "test".into(),
            region: "local".into(),
            instance_id: "1".into(),
            certificates: gatehouse_policy::Certificates::default(),
        }),
        variables: Variables::default(),
        backend,
        proxy: None,
        last_error: None,
        deferred: smallvec::SmallVec::new(),
        counted: smallvec::SmallVec::new(),
        marks: gatehouse_policy::Marks::default(),
        trace: None,
    }
}

fn set(exchange: &mut Exchange, name: &'static str, value: &'static str) {
    let value = HeaderValue::from_static(value);
    exchange.request.headers.append(HeaderName::from_static(name), value);
}

async fn read(body: Body) -> Result<Bytes, BodyError> {
    collect(body).await.map(http_body_util::Collected::to_bytes)
}

/// Data and trailers.
#[allow(clippy::disallowed_methods, reason = "a test bounds what it sends itself")]
async fn collect<B: http_body::Body>(body: B) -> Result<http_body_util::Collected<B::Data>, B::Error> {
    body.collect().await
}

fn http_url(address: SocketAddr) -> String {
    format!("http://{address}")
}

/// Runs a test as a core runs: one thread, local tasks.
fn run<T>(test: impl Future<Output = T>) -> T {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
    tokio::task::LocalSet::new()
        .block_on(&runtime, async { tokio::time::timeout(Duration::from_secs(30), test).await })
        .expect("the test ends in time")
}
