//! What the tests of policies share: a catalog from texts, a world without sockets, an exchange to run.

use std::cell::{Cell, RefCell};
use std::collections::VecDeque;
use std::path::Path;
use std::sync::Arc;

use futures_util::FutureExt as _;
use futures_util::future::{BoxFuture, LocalBoxFuture};
use gatehouse_identity::authorization::Authorizations;
use gatehouse_identity::http_client::{HttpClient, HttpError, HttpRequest, HttpResponse};
use gatehouse_identity::managed::{IdentityKind, ManagedIdentities};
use gatehouse_model::resources::{
    Api, ApiKind, Catalog, Fragment, KeyParameterNames, NamedValue, NamedValueSource, Operation,
    PolicySource, Product,
};
use gatehouse_model::{Diagnostics, Located, Location};
use gatehouse_store::counters::{CounterKeys, MemoryCounters};
use gatehouse_vault::{Place, ProviderError, SecretProvider};
use http::{HeaderMap, Method, StatusCode, Version};
use parking_lot::Mutex;
use secrecy::SecretString;
use smallvec::SmallVec;
use uuid::Uuid;

use crate::{
    ApiFacts, BackendChoice, Body, Certificates, Clock, CompileInput, Concurrency, Deployment, Exchange,
    ForwardOptions, LoggedEvent, Marks, Measure, MemoryValues, OperationFacts, Outgoing, OutgoingRequest,
    Plan, PlanKey, Policies, Query, Random, Request, RequestUrl, Response, ResponseCache, Route, Signals,
    SubscriptionFacts, Then, Tokens, TraceLine, Upstream, UpstreamError, Variables, World,
};

/// The text of a document of a file.
pub(crate) fn source(file: &str, text: &str) -> PolicySource {
    PolicySource { text: text.into(), file: Path::new(file).into() }
}

fn location(file: &str) -> Location {
    Location::file(Path::new(file))
}

/// A service with this global policy.
pub(crate) fn catalog(global: &str) -> Catalog {
    let mut catalog = Catalog::default();
    catalog.service.policy = Some(source("policy.xml", global));
    catalog
}

/// A document with one section, and `forward-request` in `backend` unless that is the section.
pub(crate) fn document(section: &str, policies: &str) -> String {
    let forward = if section == "backend" { "" } else { "<backend><forward-request /></backend>" };
    format!("<policies>{forward}<{section}>{policies}</{section}></policies>")
}

pub(crate) fn api(name: &str, policy: Option<&str>) -> Api {
    Api {
        name: name.into(),
        root: name.split(';').next().unwrap_or(name).into(),
        revision: "1".into(),
        is_current: true,
        is_online: true,
        display_name: name.into(),
        description: None,
        path: name.into(),
        service_url: None,
        kind: ApiKind::Http,
        protocols: Vec::new(),
        version: None,
        version_set: None,
        subscription_required: false,
        key_names: KeyParameterNames::default(),
        operations: Default::default(),
        policy: policy.map(|text| source(&format!("apis/{name}/policy.xml"), text)),
        diagnostics: Default::default(),
        tags: Vec::new(),
        definition: None,
        location: location("apis"),
    }
}

pub(crate) fn operation(name: &str, policy: Option<&str>) -> Operation {
    Operation {
        name: name.into(),
        method: "GET".into(),
        display_name: name.into(),
        description: None,
        url_template: "/".into(),
        parameters: Vec::new(),
        responses: Vec::new(),
        policy: policy.map(|text| source(&format!("operations/{name}/policy.xml"), text)),
        described: None,
        soap: None,
        location: location("operations"),
    }
}

pub(crate) fn product(name: &str, apis: &[&str], policy: Option<&str>) -> Product {
    Product {
        name: name.into(),
        display_name: name.into(),
        description: None,
        terms: None,
        published: true,
        subscription_required: true,
        approval_required: false,
        subscriptions_limit: None,
        apis: apis.iter().map(|api| Located::new((*api).to_owned(), location("products"))).collect(),
        groups: Vec::new(),
        tags: Vec::new(),
        policy: policy.map(|text| source(&format!("products/{name}/policy.xml"), text)),
        location: location("products"),
    }
}

pub(crate) fn fragment(name: &str, text: &str) -> Fragment {
    Fragment {
        name: name.into(),
        description: None,
        policy: source(&format!("fragments/{name}.xml"), text),
        location: location("fragments"),
    }
}

pub(crate) fn named_value(display_name: &str, value: Option<&str>, secret: bool) -> NamedValue {
    NamedValue {
        name: format!("{display_name}-resource"),
        display_name: display_name.into(),
        secret,
        source: match value {
            Some(value) => NamedValueSource::Value(SecretString::from(value)),
            None => NamedValueSource::External,
        },
        tags: Vec::new(),
        location: location("namedValues"),
    }
}

struct Vault;

impl SecretProvider for Vault {
    fn secret(&self, place: Place<'_>) -> Result<Option<SecretString>, ProviderError> {
        Ok((place.name == "from-vault").then(|| SecretString::from("vaulted")))
    }

    fn hint(&self, place: Place<'_>) -> String {
        format!("the secret of {}", place.name)
    }
}

pub(crate) fn compile(catalog: &Catalog) -> (Policies, Diagnostics) {
    compile_with(catalog, &Certificates::default())
}

/// Compiles a catalog with certificates beside it.
pub(crate) fn compile_with(catalog: &Catalog, certificates: &Certificates) -> (Policies, Diagnostics) {
    let named_values = gatehouse_vault::resolve(catalog, &[&Vault]);
    Policies::compile(&CompileInput { catalog, named_values: &named_values, certificates })
}

/// Compiles a catalog that has no errors.
pub(crate) fn policies(catalog: &Catalog) -> Policies {
    let (policies, diagnostics) = compile(catalog);
    assert!(!diagnostics.has_errors(), "{diagnostics}");
    policies
}

/// The findings of a catalog, each as it is told.
pub(crate) fn findings(catalog: &Catalog) -> Vec<String> {
    compile(catalog).1.iter().map(ToString::to_string).collect()
}

/// The findings of a global policy with these policies in a section.
pub(crate) fn findings_in(section: &str, policies: &str) -> Vec<String> {
    findings(&catalog(&document(section, policies)))
}

/// The plan of the service.
pub(crate) fn plan(global: &str) -> Arc<Plan> {
    policies(&catalog(global)).global()
}

/// The plan of an operation of the service.
pub(crate) fn plan_of(policies: &Policies, api: &str, operation: &str, product: Option<&str>) -> Arc<Plan> {
    policies.plan(&PlanKey { workspace: None, api, operation: Some(operation), product })
}

/// The world of a test: a clock that stands still until it is moved, memory counters, and a backend that gives what it
/// is told to.
pub(crate) struct TestWorld {
    pub(crate) now_millis: Cell<u64>,
    pub(crate) counters: MemoryCounters,
    pub(crate) counter_keys: CounterKeys,
    pub(crate) concurrency: Concurrency,
    pub(crate) response_cache: ResponseCache,
    pub(crate) tokens: Tokens,
    pub(crate) values: MemoryValues,
    pub(crate) credentials: Arc<CredentialPeer>,
    identities: ManagedIdentities,
    /// Connections to providers of tokens.
    pub(crate) authorizations: Authorizations,
    /// The backend's next answer; without one it answers 200 with the text `backend`.
    pub(crate) answer: RefCell<Option<Result<Response, UpstreamError>>>,
    /// What has been sent to the backend: method, path and where.
    pub(crate) forwarded: RefCell<Vec<(Method, String, BackendChoice, ForwardOptions)>>,
    /// What requests of policies are answered with, in their order; without one they get 200 with the text `outside`.
    pub(crate) outside: RefCell<VecDeque<Result<Response, UpstreamError>>>,
    /// The requests that policies have sent; `true`: one-way.
    pub(crate) sent: RefCell<Vec<(OutgoingRequest, bool)>>,
    /// Lines of `trace`: source, severity, message, metadata.
    pub(crate) traced: RefCell<Vec<String>>,
    /// Values of metrics, as `name{dimension="value"} value`.
    pub(crate) measured: RefCell<Vec<String>>,
    /// Events of `log-to-eventhub`.
    pub(crate) events: RefCell<Vec<LoggedEvent>>,
    random: Cell<u64>,
}

impl TestWorld {
    pub(crate) fn new() -> Self {
        Self::of(None)
    }

    /// A world with an identity.
    pub(crate) fn with_identity(kind: IdentityKind) -> Self {
        Self::of(Some(kind))
    }

    fn of(kind: Option<IdentityKind>) -> Self {
        let credentials = Arc::new(CredentialPeer::default());
        let client: Arc<dyn HttpClient> = Arc::<CredentialPeer>::clone(&credentials);
        Self {
            authorizations: Authorizations::none(Arc::clone(&client)),
            identities: ManagedIdentities::new(kind, Vec::new(), client),
            credentials,
            now_millis: Cell::new(1_700_000_000_000),
            counters: MemoryCounters::new(1024),
            counter_keys: CounterKeys::new(),
            concurrency: Concurrency::default(),
            response_cache: ResponseCache::default(),
            tokens: Tokens::new(1024, b"a test's secret"),
            values: MemoryValues::default(),
            answer: RefCell::default(),
            forwarded: RefCell::default(),
            outside: RefCell::default(),
            sent: RefCell::default(),
            traced: RefCell::default(),
            measured: RefCell::default(),
            events: RefCell::default(),
            random: Cell::new(1),
        }
    }

    pub(crate) fn world(&self) -> World<'_> {
        World {
            clock: self,
            random: self,
            counters: &self.counters,
            counter_keys: &self.counter_keys,
            concurrency: &self.concurrency,
            response_cache: &self.response_cache,
            tokens: &self.tokens,
            values: &self.values,
            identities: &self.identities,
            authorizations: &self.authorizations,
            upstream: self,
            outgoing: self,
            signals: self,
            expression_limits: Default::default(),
            buffered_body_bytes: 1024,
        }
    }

    /// Runs a plan; nothing in a test's world ever waits.
    pub(crate) fn run(&self, plan: &Plan, exchange: &mut Exchange) {
        crate::run(plan, exchange, &self.world()).now_or_never().expect("nothing waits");
    }
}

/// Where a test's world gets credentials: it answers as it is told, and remembers what it was asked.
#[derive(Default)]
pub(crate) struct CredentialPeer {
    pub(crate) answers: Mutex<VecDeque<(u16, String)>>,
    pub(crate) asked: Mutex<Vec<String>>,
}

impl HttpClient for CredentialPeer {
    fn send(&self, request: HttpRequest) -> BoxFuture<'static, Result<HttpResponse, HttpError>> {
        self.asked.lock().push(format!("{} {}", request.method, request.url));
        let answer = self.answers.lock().pop_front().map(|(status, body)| HttpResponse {
            status,
            headers: Vec::new(),
            body: body.into_bytes().into(),
        });
        Box::pin(std::future::ready(answer.ok_or_else(|| HttpError("nobody answers".into()))))
    }
}

impl Clock for TestWorld {
    fn now_millis(&self) -> u64 {
        self.now_millis.get()
    }

    fn monotonic_micros(&self) -> u64 {
        self.now_millis.get() * 1000
    }

    /// Time passes at once.
    fn sleep(&self, time: std::time::Duration) -> LocalBoxFuture<'static, ()> {
        self.now_millis.set(self.now_millis.get() + time.as_millis() as u64);
        Box::pin(std::future::ready(()))
    }
}

impl Random for TestWorld {
    fn next(&self) -> u64 {
        self.random.set(self.random.get().wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1));
        self.random.get()
    }

    fn fill(&self, buffer: &mut [u8]) {
        buffer.fill_with(|| self.next() as u8);
    }
}

impl Signals for TestWorld {
    fn trace(&self, _exchange: &Exchange, line: &TraceLine<'_>) {
        let metadata: Vec<String> =
            line.metadata.iter().map(|(name, value)| format!("{name}={value}")).collect();
        let told = format!("{} {:?} {} [{}]", line.source, line.severity, line.message, metadata.join(","));
        self.traced.borrow_mut().push(told);
    }

    fn measure(&self, measure: &Measure<'_>) {
        let dimensions: Vec<String> =
            measure.dimensions.iter().map(|(name, value)| format!("{name}=\"{value}\"")).collect();
        let told = format!("{}{{{}}} {}", measure.name, dimensions.join(","), measure.value);
        self.measured.borrow_mut().push(told);
    }

    fn event(&self, _exchange: &Exchange, event: LoggedEvent) {
        self.events.borrow_mut().push(event);
    }
}

impl Outgoing for TestWorld {
    fn send<'s>(
        &'s self,
        request: &'s OutgoingRequest,
    ) -> LocalBoxFuture<'s, Result<Response, UpstreamError>> {
        self.sent.borrow_mut().push((request.clone(), false));
        let answer = self.outside.borrow_mut().pop_front().unwrap_or_else(|| {
            let mut response = Response::new(StatusCode::OK);
            response.body = Body::Full("outside".into());
            Ok(response)
        });
        Box::pin(std::future::ready(answer))
    }

    fn send_apart(&self, request: OutgoingRequest) {
        self.sent.borrow_mut().push((request, true));
    }

    fn fetch_apart(&self, request: OutgoingRequest, then: Then) {
        let outcome = self.send(&request).now_or_never().expect("nothing waits");
        then(self, outcome);
    }
}

impl Upstream for TestWorld {
    fn forward<'f>(
        &'f self,
        exchange: &'f mut Exchange,
        options: &'f ForwardOptions,
    ) -> LocalBoxFuture<'f, Result<Response, UpstreamError>> {
        let request = &exchange.request;
        let call =
            (request.method.clone(), request.url.path.clone(), exchange.backend.clone(), options.clone());
        self.forwarded.borrow_mut().push(call);
        let answer = self.answer.borrow_mut().take().unwrap_or_else(|| {
            let mut response = Response::new(StatusCode::OK);
            response.body = Body::Full("backend".into());
            Ok(response)
        });
        Box::pin(std::future::ready(answer))
    }
}

/// A GET of `https://api.example/things?a=1`.
pub(crate) fn exchange() -> Exchange {
    let url = RequestUrl {
        scheme: "https",
        host: "api.example".into(),
        port: 443,
        path: "/things".into(),
        query: Query::new("a=1"),
    };
    Exchange {
        id: Uuid::nil(),
        started_micros: 0,
        request: Request {
            method: Method::GET,
            original_url: url.clone(),
            url,
            headers: HeaderMap::new(),
            body: Body::Empty,
            version: Version::HTTP_11,
            websocket: false,
            client_ip: [192, 0, 2, 1].into(),
            certificate: None,
            matched_parameters: SmallVec::new(),
            is_loop: false,
        },
        response: None,
        route: Route::default(),
        deployment: Arc::new(Deployment {
            service_name: "contoso".into(),
            region: "local".into(),
            instance_id: "one".into(),
            certificates: Certificates::default(),
        }),
        variables: Variables::default(),
        backend: BackendChoice::Service,
        proxy: None,
        last_error: None,
        deferred: SmallVec::new(),
        counted: SmallVec::new(),
        marks: Marks::default(),
        trace: None,
    }
}

/// A request for the API and the operation of these ids, with the key of a subscription that started at the epoch.
pub(crate) fn route(api: &str, operation: &str, subscription: Option<&str>) -> Route {
    let api = ApiFacts {
        id: api.into(),
        name: api.into(),
        path: api.into(),
        revision: "1".into(),
        is_current_revision: true,
        version: None,
        workspace: None,
        service_url: None,
        kind: ApiKind::Http,
        key_names: KeyParameterNames::default(),
    };
    let operation = OperationFacts {
        id: operation.into(),
        name: format!("Op {operation}").into(),
        method: "GET".into(),
        url_template: "/".into(),
        responses: Vec::new(),
        validation: None,
        soap: None,
        graphql: None,
    };
    let subscription = subscription.map(|name| {
        let (id, owner) = (Arc::from(name), None);
        Arc::new(SubscriptionFacts {
            name: Arc::clone(&id),
            id,
            owner,
            created: 0,
            start: None,
            end: None,
            key: None,
        })
    });
    Route { api: Some(Arc::new(api)), operation: Some(Arc::new(operation)), product: None, subscription }
}

/// Runs a global document over an exchange and gives the exchange.
pub(crate) fn run(global: &str) -> Exchange {
    run_with(global, |_| {})
}

/// Runs a global document over an exchange that is prepared first.
pub(crate) fn run_with(global: &str, prepare: impl FnOnce(&mut Exchange)) -> Exchange {
    let world = TestWorld::new();
    let mut exchange = exchange();
    prepare(&mut exchange);
    world.run(&plan(global), &mut exchange);
    exchange
}

impl Exchange {
    /// The status of the answer.
    pub(crate) fn answered(&self) -> u16 {
        self.response.as_ref().expect("an answer").status.as_u16()
    }

    /// The body of the answer.
    pub(crate) fn answer_text(&self) -> String {
        let body = self.response.as_ref().expect("an answer").body.bytes().expect("a whole body");
        String::from_utf8(body.to_vec()).expect("UTF-8")
    }
}
