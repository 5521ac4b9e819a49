//! A gateway with one API whose policy answers by itself: everything that a request passes but sockets and backends.

use std::fs;
use std::net::SocketAddr;
use std::path::Path;
use std::rc::Rc;
use std::sync::Arc;
use std::sync::atomic::AtomicUsize;

use arc_swap::ArcSwap;
use futures_util::FutureExt as _;
use futures_util::future::BoxFuture;
use gatehouse_gateway::connection::{Connection, Handler as _};
use gatehouse_gateway::events::Events;
use gatehouse_gateway::pipeline::{Core, Shared, SystemClock};
use gatehouse_gateway::snapshot::{SnapshotInput, build};
use gatehouse_gateway::upstream::{PoolLimits, Pools};
use gatehouse_identity::authorization::Authorizations;
use gatehouse_identity::http_client::{HttpClient, HttpError, HttpRequest, HttpResponse};
use gatehouse_identity::managed::ManagedIdentities;
use gatehouse_model::resources::{Scope, SubscriptionState};
use gatehouse_model::{apiops, configuration};
use gatehouse_policy::{Body, Concurrency, MemoryValues, ResponseCache, Tokens};
use gatehouse_store::counters::{CounterKeys, MemoryCounters};
use gatehouse_store::{KeyRing, MasterKey, Origin, SubscriptionId, SubscriptionKey, SubscriptionRecord};
use gatehouse_telemetry::access_log::AccessLog;
use gatehouse_telemetry::log::{Level, Log};
use gatehouse_telemetry::metrics::Metrics;
use http::{Request, Response, StatusCode};

/// The subscription key that the gateway knows.
pub(crate) const KEY: &str = "bench-key-00000000000000000000000";

const CONFIGURATION: &str = "
artifacts: artifacts
listeners:
  - { name: public, zone: external, address: '127.0.0.1:8443', tls: { certificates: [ { certificate: a.pem, key: a.key } ] } }
zones: { external: { expose: all } }
";
const API: &str = r#"{ "properties": { "displayName": "Orders", "path": "orders", "protocols": ["https"],
  "serviceUrl": "http://127.0.0.1:1", "subscriptionRequired": SECURED, "isCurrent": true, "apiRevision": "1" } }"#;
const DEFINITION: &str = r#"{ "openapi": "3.0.3", "info": { "title": "Orders", "version": "1" }, "paths": {
  "/lines/{line}": { "get": { "operationId": "get-line",
    "parameters": [ { "name": "line", "in": "path", "required": true, "schema": { "type": "string" } } ],
    "responses": { "200": { "description": "ok" } } } } } }"#;

/// A gateway on one core.
pub(crate) struct Gateway {
    core: Rc<Core>,
    connection: Rc<Connection>,
    key: bool,
}

impl Gateway {
    /// A gateway whose API has these policies in its inbound section; `key` says whether it asks for a key.
    pub(crate) fn new(policies: &str, key: bool) -> Self {
        let folder = tempfile::tempdir().unwrap_or_else(|error| panic!("{error}"));
        write_artifacts(folder.path(), policies, key);
        let shared = Arc::new(load(&folder.path().join("gatehouse.yaml")));
        let pools = Pools::new(PoolLimits::for_cores(1), Rc::new(()));
        let address = SocketAddr::from(([127, 0, 0, 1], 8443));
        let connection = Rc::new(Connection {
            listener: "public".into(),
            peer: SocketAddr::from(([203, 0, 113, 9], 50_000)),
            local: address,
            tls_version: "TLSv1.3",
            tls_cipher: "TLS_AES_256_GCM_SHA384",
            server_name: Some("api.contoso.example".into()),
            terms: None,
            certificate: None,
            forwarding: Default::default(),
        });
        Self { core: Rc::new(Core::new(shared, pools, 1)), connection, key }
    }

    /// One request from its parsed head to the head of its answer, and to the access log.
    pub(crate) fn request(&self) -> Response<Body> {
        let mut request = Request::get("/orders/lines/12")
            .header("host", "api.contoso.example")
            .header("user-agent", "bench/1")
            .header("accept", "*/*");
        if self.key {
            request = request.header("ocp-apim-subscription-key", KEY);
        }
        let request = request.body(Body::Empty).unwrap_or_else(|error| panic!("{error}"));
        let answered = Rc::clone(&self.core).handle(request, Rc::clone(&self.connection)).now_or_never();
        answered.unwrap_or_else(|| panic!("nothing waits without a backend"))
    }

    /// Fails unless a request is answered 200 by the API's policy.
    pub(crate) fn check(&self) {
        let response = self.request();
        assert_eq!(response.status(), StatusCode::OK);
        assert!(response.headers().contains_key("x-answered"), "the policy has answered");
    }
}

fn write_artifacts(folder: &Path, policies: &str, key: bool) {
    let api = folder.join("artifacts/apis/orders");
    let policy = format!(
        "<policies><inbound><base />{policies}<return-response><set-status code=\"200\" reason=\"OK\" />\
         <set-header name=\"x-answered\"><value>yes</value></set-header></return-response></inbound>\
         <backend><base /></backend><outbound><base /></outbound><on-error><base /></on-error></policies>"
    );
    let files = [
        (folder.join("gatehouse.yaml"), CONFIGURATION),
        (api.join("apiInformation.json"), &*API.replace("SECURED", if key { "true" } else { "false" })),
        (api.join("specification.json"), DEFINITION),
        (api.join("policy.xml"), &*policy),
    ];
    fs::create_dir_all(&api).unwrap_or_else(|error| panic!("{error}"));
    for (file, text) in files {
        fs::write(&file, text).unwrap_or_else(|error| panic!("{}: {error}", file.display()));
    }
}

/// No request of these cases asks for credentials.
struct Nobody;

impl HttpClient for Nobody {
    fn send(&self, _: HttpRequest) -> BoxFuture<'static, Result<HttpResponse, HttpError>> {
        Box::pin(std::future::ready(Err(HttpError("nobody answers".to_owned()))))
    }
}

/// What `serve` loads, with one subscription to all APIs and an access log that goes nowhere.
fn load(file: &Path) -> Shared {
    let nothing = |_: &str| None;
    let (configuration, mut findings) = configuration::read(file, &nothing);
    let configuration = configuration.unwrap_or_else(|| panic!("{findings}"));
    let (catalog, found) = apiops::read(&configuration.artifacts, None, &nothing);
    findings.extend(found);
    let metrics = Metrics::new("0", 0);
    let named_values = gatehouse_vault::resolve(&catalog, &[]);
    let identities = Arc::new(ManagedIdentities::new(None, Vec::new(), Arc::new(Nobody)));
    let snapshot = build(
        &SnapshotInput {
            configuration: &configuration,
            catalog: &catalog,
            named_values: &named_values,
            identities: &identities,
            authorizations: &Arc::new(Authorizations::none(Arc::new(Nobody))),
            issuer: None,
            metrics: &metrics,
            instance_id: "bench",
            previous: None,
        },
        &mut findings,
    );
    let snapshot = snapshot.filter(|_| !findings.has_errors()).unwrap_or_else(|| panic!("{findings}"));
    Shared {
        outgoing: Default::default(),
        trace_log: None,
        events: Events::new(Log::direct(Level::Error)),
        live_traces: None,
        keys: ArcSwap::from_pointee(ring()),
        counters: Arc::new(MemoryCounters::new(1_000)),
        counter_keys: CounterKeys::new(),
        concurrency: Concurrency::default(),
        tokens: Tokens::new(Tokens::DEFAULT_CAPACITY, b"bench"),
        response_cache: ResponseCache::default(),
        values: MemoryValues::default(),
        clock: SystemClock::new(),
        access_log: AccessLog::to_writer(std::io::sink(), &Log::direct(Level::Error)).ok(),
        waf_log: None,
        waf_measures: gatehouse_gateway::firewall::WafMeasures::new(&metrics),
        unmatched: metrics.unmatched(),
        listeners: ArcSwap::from_pointee(
            [("public".into(), metrics.listener("public"))].into_iter().collect(),
        ),
        metrics,
        snapshot: ArcSwap::from_pointee(snapshot),
        under_way: AtomicUsize::new(0),
    }
}

fn ring() -> KeyRing {
    let master = MasterKey::from_bytes(&[7; 32]).unwrap_or_else(|error| panic!("{error}"));
    let hash = |text: &str| {
        let key = SubscriptionKey::parse(text).unwrap_or_else(|error| panic!("{error}"));
        master.key_hasher().hash(&key)
    };
    let record = SubscriptionRecord {
        id: SubscriptionId::service("bench"),
        display_name: "Bench".to_owned(),
        scope: Scope::AllApis,
        owner: None,
        state: SubscriptionState::Active,
        allow_tracing: false,
        created: 0,
        started: None,
        expires: None,
        origin: Origin::Artifacts,
        primary: hash(KEY),
        secondary: hash("bench-key-00000000000000000000001"),
    };
    KeyRing::new(master.key_hasher().clone(), [record])
}
