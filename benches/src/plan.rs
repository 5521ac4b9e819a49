//! A plan by itself, over one exchange: what policies and expressions cost without the rest of the pipeline.

use std::path::Path;
use std::pin::Pin;
use std::sync::Arc;
use std::time::Duration;

use futures_util::FutureExt as _;
use futures_util::future::{BoxFuture, LocalBoxFuture};
use gatehouse_expression::Value;
use gatehouse_identity::authorization::Authorizations;
use gatehouse_identity::http_client::{HttpClient, HttpError, HttpRequest, HttpResponse};
use gatehouse_identity::managed::ManagedIdentities;
use gatehouse_model::resources::{Catalog, PolicySource};
use gatehouse_policy::{
    BackendChoice, Body, Certificates, Clock, CompileInput, Concurrency, Deployment, Exchange,
    ForwardOptions, LoggedEvent, Marks, Measure, MemoryValues, Outgoing, OutgoingRequest, Plan, Policies,
    Query, Random, Request, RequestUrl, Response, ResponseCache, Route, Signals, Then, Tokens, TraceLine,
    Upstream, UpstreamError, Variables, World,
};
use gatehouse_store::counters::{CounterKeys, MemoryCounters};
use http::{HeaderMap, HeaderName, HeaderValue, Method, StatusCode, Version};
use smallvec::SmallVec;
use uuid::Uuid;

/// A plan, and an exchange to run it over.
pub(crate) struct Bench {
    plan: Arc<Plan>,
    exchange: Exchange,
    outside: Outside,
}

struct Outside {
    counters: MemoryCounters,
    counter_keys: CounterKeys,
    concurrency: Concurrency,
    response_cache: ResponseCache,
    tokens: Tokens,
    values: MemoryValues,
    identities: ManagedIdentities,
    authorizations: Authorizations,
}

/// Nothing is fetched.
struct NoCredentials;

impl HttpClient for NoCredentials {
    fn send(&self, _: HttpRequest) -> BoxFuture<'static, Result<HttpResponse, HttpError>> {
        Box::pin(std::future::ready(Err(HttpError("there is no network".to_owned()))))
    }
}

impl Bench {
    /// A global document with these policies in its inbound section, and a request that they find.
    pub(crate) fn new(policies: &str) -> Self {
        let text = format!("<policies><inbound>{policies}</inbound></policies>");
        let mut catalog = Catalog::default();
        catalog.service.policy =
            Some(PolicySource { text: text.into(), file: Path::new("policy.xml").into() });
        let named_values = gatehouse_vault::resolve(&catalog, &[]);
        let (policies, findings) = Policies::compile(&CompileInput {
            catalog: &catalog,
            named_values: &named_values,
            certificates: &Default::default(),
        });
        assert!(!findings.has_errors(), "{findings}");
        let outside = Outside {
            counters: MemoryCounters::new(16),
            counter_keys: CounterKeys::new(),
            concurrency: Concurrency::default(),
            response_cache: ResponseCache::default(),
            tokens: Tokens::new(16, b"bench"),
            values: MemoryValues::default(),
            identities: ManagedIdentities::new(None, Vec::new(), Arc::new(NoCredentials)),
            authorizations: Authorizations::none(Arc::new(NoCredentials)),
        };
        Self { plan: policies.global(), exchange: exchange(), outside }
    }

    /// Fails unless the plan answers without an error.
    pub(crate) fn check(&mut self) {
        self.run();
        let status = self.exchange.response.as_ref().map(|response| response.status);
        assert_eq!(status, Some(StatusCode::OK), "{:?}", self.exchange.last_error);
    }

    /// Runs the plan once.
    pub(crate) fn run(&mut self) {
        let world = World {
            clock: &self.outside,
            random: &self.outside,
            counters: &self.outside.counters,
            counter_keys: &self.outside.counter_keys,
            concurrency: &self.outside.concurrency,
            response_cache: &self.outside.response_cache,
            values: &self.outside.values,
            tokens: &self.outside.tokens,
            identities: &self.outside.identities,
            authorizations: &self.outside.authorizations,
            upstream: &self.outside,
            signals: &self.outside,
            outgoing: &self.outside,
            expression_limits: Default::default(),
            buffered_body_bytes: 1 << 20,
        };
        self.exchange.response = None;
        let ran = gatehouse_policy::run(&self.plan, &mut self.exchange, &world).now_or_never();
        assert!(ran.is_some(), "nothing waits without a backend");
    }
}

impl Clock for Outside {
    fn now_millis(&self) -> u64 {
        1_700_000_000_000
    }

    fn monotonic_micros(&self) -> u64 {
        1_000
    }

    fn sleep(&self, _: Duration) -> Pin<Box<dyn Future<Output = ()>>> {
        Box::pin(std::future::ready(()))
    }
}

impl Random for Outside {
    fn next(&self) -> u64 {
        7
    }

    fn fill(&self, buffer: &mut [u8]) {
        buffer.fill(7);
    }
}

impl Upstream for Outside {
    fn forward<'f>(
        &'f self,
        _: &'f mut Exchange,
        _: &'f ForwardOptions,
    ) -> LocalBoxFuture<'f, Result<Response, UpstreamError>> {
        Box::pin(std::future::ready(Err(UpstreamError::NoBackend)))
    }
}

impl Outgoing for Outside {
    fn send<'s>(&'s self, _: &'s OutgoingRequest) -> LocalBoxFuture<'s, Result<Response, UpstreamError>> {
        Box::pin(std::future::ready(Err(UpstreamError::NoBackend)))
    }

    fn send_apart(&self, _: OutgoingRequest) {}

    fn fetch_apart(&self, _: OutgoingRequest, _: Then) {}
}

impl Signals for Outside {
    fn trace(&self, _: &Exchange, _: &TraceLine<'_>) {}
    fn measure(&self, _: &Measure<'_>) {}
    fn event(&self, _: &Exchange, _: LoggedEvent) {}
}

fn exchange() -> Exchange {
    let url = RequestUrl {
        scheme: "https",
        host: "api.contoso.example".into(),
        port: 443,
        path: "/orders/lines/12".into(),
        query: Query::new("a=1"),
    };
    let mut headers = HeaderMap::new();
    for (name, value) in [
        ("host", "api.contoso.example"),
        ("user-agent", "bench/1"),
        ("accept", "*/*"),
        ("x-kind", "order"),
        ("content-type", "application/json"),
    ] {
        headers.insert(HeaderName::from_static(name), HeaderValue::from_static(value));
    }
    let mut variables = Variables::default();
    variables.set(&"checked".into(), Value::Boolean(false));
    variables.set(&"caller".into(), Value::text("ana"));
    Exchange {
        id: Uuid::nil(),
        started_micros: 0,
        request: Request {
            method: Method::GET,
            original_url: url.clone(),
            url,
            headers,
            body: Body::Full(
                r#"{"order":{"id":"4711","lines":[{"n":1,"price":2.5},{"n":2,"price":3.5}]}}"#.into(),
            ),
            version: Version::HTTP_11,
            websocket: false,
            client_ip: [203, 0, 113, 9].into(),
            certificate: None,
            is_loop: false,
            matched_parameters: SmallVec::new(),
        },
        response: None,
        route: Route::default(),
        deployment: Arc::new(Deployment {
            service_name: "contoso".into(),
            region: "local".into(),
            instance_id: "one".into(),
            certificates: Certificates::default(),
        }),
        variables,
        backend: BackendChoice::Service,
        proxy: None,
        last_error: None,
        deferred: SmallVec::new(),
        counted: SmallVec::new(),
        marks: Marks::default(),
        trace: None,
    }
}
