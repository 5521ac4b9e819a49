//! The world of a request without sockets: time stands still until a policy waits, randomness is a sequence that a seed
//! decides, and answers are given.

use std::cell::{Cell, RefCell};
use std::rc::Rc;
use std::time::Duration;

use bytes::Bytes;
use futures_util::FutureExt as _;
use futures_util::future::LocalBoxFuture;
use gatehouse_expression::Limits as ExpressionLimits;
use gatehouse_gateway::pipeline::CoreRandom;
use gatehouse_identity::authorization::Authorizations;
use gatehouse_identity::managed::ManagedIdentities;
use gatehouse_policy::{
    BackendChoice, Clock, Concurrency, Exchange, ForwardOptions, LoggedEvent, Measure, MemoryValues,
    Outgoing, OutgoingRequest, OutgoingTarget, Random, Response, ResponseCache, Signals, Then, Tokens,
    TraceLine, Upstream, UpstreamError, World,
};
use gatehouse_store::counters::{CounterKeys, MemoryCounters};
use http::{HeaderMap, Method};

use super::gateway::BackendUrls;
use super::identity::identities;
use super::token;
use super::{Answer, Stub, Templates};

/// Counters that one case can have.
const MAX_COUNTERS: usize = 4096;
/// Verified tokens that one case remembers.
const MAX_TOKENS: usize = 64;

/// What decides how a case runs.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Settings {
    /// Milliseconds since 1970.
    pub(crate) now_millis: u64,
    /// Where randomness begins.
    pub(crate) seed: u64,
    /// The bound on buffered bodies.
    pub(crate) buffered_body_bytes: usize,
}

/// A request that was sent.
#[derive(Clone, Debug)]
pub(crate) struct Sent {
    pub(crate) method: Method,
    pub(crate) url: String,
    pub(crate) headers: HeaderMap,
    pub(crate) body: Bytes,
}

/// Everything outside of the pipeline.
pub(crate) struct OfflineWorld<'w> {
    clock: StillClock,
    random: SeededRandom,
    counters: MemoryCounters,
    counter_keys: CounterKeys,
    concurrency: Concurrency,
    response_cache: ResponseCache,
    values: MemoryValues,
    tokens: Tokens,
    identities: ManagedIdentities,
    authorizations: Authorizations,
    backend: StubbedBackend<'w>,
    outgoing: StubbedRequests<'w>,
    buffered_body_bytes: usize,
}

impl<'w> OfflineWorld<'w> {
    /// A world in which the backend gives these answers, the last of them again and again, and `stubs` answer the
    /// requests of policies.
    pub(crate) fn new(
        settings: Settings,
        backend: &'w [Answer],
        stubs: &'w [Stub],
        urls: &'w BackendUrls,
        templates: &'w Templates<'w>,
    ) -> Self {
        Self {
            clock: StillClock { start: settings.now_millis, passed: Rc::default() },
            random: SeededRandom(CoreRandom::new(settings.seed)),
            counters: MemoryCounters::new(MAX_COUNTERS),
            counter_keys: CounterKeys::new(),
            concurrency: Concurrency::default(),
            response_cache: ResponseCache::default(),
            values: MemoryValues::default(),
            tokens: Tokens::new(MAX_TOKENS, &[0; 32]),
            identities: identities(stubs, templates),
            authorizations: Authorizations::empty(),
            backend: StubbedBackend { answers: backend, urls, templates, sent: RefCell::default() },
            outgoing: StubbedRequests { stubs, urls, templates, sent: RefCell::default() },
            buffered_body_bytes: settings.buffered_body_bytes,
        }
    }

    /// The world as the pipeline sees it.
    pub(crate) fn world(&self) -> World<'_> {
        World {
            clock: &self.clock,
            random: &self.random,
            counters: &self.counters,
            counter_keys: &self.counter_keys,
            concurrency: &self.concurrency,
            response_cache: &self.response_cache,
            values: &self.values,
            tokens: &self.tokens,
            identities: &self.identities,
            authorizations: &self.authorizations,
            upstream: &self.backend,
            outgoing: &self.outgoing,
            signals: &Silence,
            expression_limits: ExpressionLimits::default(),
            buffered_body_bytes: self.buffered_body_bytes,
        }
    }

    /// The requests to the backend, in their order.
    pub(crate) fn backend_requests(&self) -> Vec<Sent> {
        self.backend.sent.borrow().clone()
    }

    /// The requests of policies, in their order.
    pub(crate) fn policy_requests(&self) -> Vec<Sent> {
        self.outgoing.sent.borrow().clone()
    }
}

/// Time that passes only while a policy waits.
struct StillClock {
    /// Milliseconds since 1970 at the begin.
    start: u64,
    /// Microseconds since then.
    passed: Rc<Cell<u64>>,
}

impl Clock for StillClock {
    fn now_millis(&self) -> u64 {
        self.start + self.passed.get() / 1000
    }

    fn monotonic_micros(&self) -> u64 {
        self.passed.get()
    }

    fn sleep(&self, time: Duration) -> LocalBoxFuture<'static, ()> {
        let passed = Rc::clone(&self.passed);
        async move { passed.set(passed.get().saturating_add(time.as_micros() as u64)) }.boxed_local()
    }
}

/// Randomness that comes out the same every time.
struct SeededRandom(CoreRandom);

impl Random for SeededRandom {
    fn next(&self) -> u64 {
        self.0.next()
    }

    fn fill(&self, buffer: &mut [u8]) {
        for chunk in buffer.chunks_mut(8) {
            let bytes = self.0.next().to_le_bytes();
            for (byte, random) in chunk.iter_mut().zip(bytes) {
                *byte = random;
            }
        }
    }
}

/// The backend.
struct StubbedBackend<'w> {
    answers: &'w [Answer],
    urls: &'w BackendUrls,
    templates: &'w Templates<'w>,
    sent: RefCell<Vec<Sent>>,
}

impl StubbedBackend<'_> {
    fn target(&self, exchange: &Exchange) -> Result<String, UpstreamError> {
        let base = match &exchange.backend {
            BackendChoice::Url(url) => url.to_string(),
            BackendChoice::Entity(name) => self.urls.of(name)?,
            BackendChoice::Service => {
                let api = exchange.route.api.as_ref().and_then(|api| api.service_url.as_ref());
                api.ok_or(UpstreamError::NoBackend)?.to_string()
            }
        };
        let url = &exchange.request.url;
        let query = url.query.raw();
        let mark = if query.is_empty() { "" } else { "?" };
        Ok(format!("{}{}{mark}{query}", base.trim_end_matches('/'), url.path))
    }
}

impl Upstream for StubbedBackend<'_> {
    fn forward<'f>(
        &'f self,
        exchange: &'f mut Exchange,
        options: &'f ForwardOptions,
    ) -> LocalBoxFuture<'f, Result<Response, UpstreamError>> {
        Box::pin(async move {
            let url = self.target(exchange)?;
            let body = exchange.request.body.bytes().cloned().unwrap_or_default();
            if !options.buffer_request_body {
                exchange.request.body = gatehouse_policy::Body::Empty;
            }
            let request = &exchange.request;
            let sent = Sent { method: request.method.clone(), url, headers: request.headers.clone(), body };
            let index = self.sent.borrow().len();
            self.sent.borrow_mut().push(sent);
            match self.answers.get(index).or_else(|| self.answers.last()) {
                Some(answer) => answer.respond(self.templates, options.timeout),
                None => Ok(Response::new(http::StatusCode::OK)),
            }
        })
    }
}

/// The requests of policies.
struct StubbedRequests<'w> {
    stubs: &'w [Stub],
    urls: &'w BackendUrls,
    templates: &'w Templates<'w>,
    sent: RefCell<Vec<Sent>>,
}

impl StubbedRequests<'_> {
    fn answer(&self, request: &OutgoingRequest) -> Result<Response, UpstreamError> {
        let url = match &request.target {
            OutgoingTarget::Url(url) => url.to_string(),
            OutgoingTarget::Backend { entity, path } => {
                format!("{}{path}", self.urls.of(entity)?.trim_end_matches('/'))
            }
        };
        self.sent.borrow_mut().push(Sent {
            method: request.method.clone(),
            url: url.clone(),
            headers: request.headers.clone(),
            body: request.body.clone(),
        });
        if let Some(stub) = self.stubs.iter().find(|stub| stub.answers(request.method.as_str(), &url)) {
            return stub.answer.respond(self.templates, request.timeout);
        }
        match token::metadata(&url) {
            Some(answer) => answer.respond(self.templates, request.timeout),
            None => Err(UpstreamError::Connection(format!("no stub answers {} {url}", request.method))),
        }
    }
}

impl Outgoing for StubbedRequests<'_> {
    fn send<'s>(
        &'s self,
        request: &'s OutgoingRequest,
    ) -> LocalBoxFuture<'s, Result<Response, UpstreamError>> {
        let answer = self.answer(request);
        Box::pin(async move { answer })
    }

    fn send_apart(&self, request: OutgoingRequest) {
        // Nobody waits for what becomes of it.
        let _ = self.answer(&request);
    }

    fn fetch_apart(&self, request: OutgoingRequest, then: Then) {
        let outcome = self.answer(&request);
        then(self, outcome);
    }
}

/// Takes what policies tell, and tells it nobody: a trace has it all the same.
struct Silence;

impl Signals for Silence {
    fn trace(&self, _exchange: &Exchange, _line: &TraceLine<'_>) {}

    fn measure(&self, _measure: &Measure<'_>) {}

    fn event(&self, _exchange: &Exchange, _event: LoggedEvent) {}
}
