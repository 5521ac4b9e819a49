//! A gateway without listeners.

use std::collections::{BTreeMap, HashMap};
use std::net::IpAddr;
use std::path::Path;
use std::time::{SystemTime, UNIX_EPOCH};

use bytes::Bytes;
use futures_util::FutureExt as _;
use gatehouse_gateway::pipeline::{exchange_of, process};
use gatehouse_gateway::snapshot::{ListenerFacts, Snapshot};
use gatehouse_model::Diagnostics;
use gatehouse_model::configuration::{self, Configuration, Zone};
use gatehouse_model::resources::{BackendTarget, Catalog, NamedValueSource, SubscriptionState};
use gatehouse_policy::trace::Trace;
use gatehouse_policy::{BackendChoice, Body, Exchange, UpstreamError};
use gatehouse_store::{
    KeyRing, MasterKey, Origin, SubscriptionId, SubscriptionKey, SubscriptionRecord, effective,
};
use gatehouse_telemetry::metrics::Metrics;
use secrecy::SecretString;

use super::OfflineWorld;
use crate::load::{self, CompileWith, Credentials, OpenStore};

/// What a gateway without listeners is made of.
pub(crate) struct Sources<'s> {
    pub(crate) configuration: &'s Configuration,
    pub(crate) catalog: Catalog,
    /// Real subscriptions, beside those that tests have keys for.
    pub(crate) store: Option<&'s OpenStore>,
    /// Values of named values, by display name.
    pub(crate) named_values: &'s BTreeMap<String, String>,
}

/// A gateway without listeners.
pub(crate) struct OfflineGateway {
    pub(crate) snapshot: Snapshot,
    ring: KeyRing,
    pub(crate) keys: TestKeys,
    pub(crate) urls: BackendUrls,
}

/// A key for every subscription of the artifacts, which opens it in tests alone.
#[derive(Debug, Default)]
pub(crate) struct TestKeys(BTreeMap<String, String>);

/// Where backends are, by entity name.
#[derive(Debug, Default)]
pub(crate) struct BackendUrls(HashMap<String, String>);

/// An exchange that has come to its end.
pub(crate) struct Finished {
    pub(crate) exchange: Exchange,
    /// The answer's body.
    pub(crate) body: Bytes,
}

impl FromIterator<(String, String)> for TestKeys {
    fn from_iter<K: IntoIterator<Item = (String, String)>>(keys: K) -> Self {
        Self(keys.into_iter().collect())
    }
}

impl TestKeys {
    pub(super) fn get(&self, name: &str) -> Option<&str> {
        self.0.get(name).map(String::as_str)
    }

    pub(super) fn names(&self) -> impl Iterator<Item = &str> {
        self.0.keys().map(String::as_str)
    }
}

impl BackendUrls {
    pub(super) fn of(&self, entity: &str) -> Result<String, UpstreamError> {
        self.0.get(entity).cloned().ok_or_else(|| UpstreamError::UnknownBackend(entity.to_owned()))
    }

    fn new(catalog: &Catalog) -> Self {
        let mut urls = HashMap::new();
        for (workspace, resources) in catalog.scopes() {
            for backend in resources.backends.values() {
                let name = BackendChoice::entity_name(workspace, &backend.name);
                let url = match &backend.target {
                    BackendTarget::Pool(_) => format!("pool://{name}"),
                    BackendTarget::Single(url) => url.to_string(),
                };
                urls.insert(name.to_string(), url);
            }
        }
        Self(urls)
    }
}

impl OfflineGateway {
    /// Compiles everything that `serve` would, but for certificates of listeners.
    pub(crate) fn load(sources: Sources<'_>) -> Result<Self, Diagnostics> {
        let Sources { configuration, mut catalog, store, named_values } = sources;
        give(&mut catalog.service.named_values, named_values);
        for resources in catalog.workspaces.values_mut() {
            give(&mut resources.named_values, named_values);
        }
        let metrics = Metrics::new(env!("CARGO_PKG_VERSION"), 0);
        let mut diagnostics = Diagnostics::new();
        let Some(credentials) = Credentials::of(configuration, None, None, &mut diagnostics) else {
            return Err(diagnostics);
        };
        let with = CompileWith {
            store: store.map(|open| &*open.store),
            metrics: &metrics,
            instance_id: "test",
            credentials: &credentials,
            previous: None,
        };
        let snapshot = load::compile(configuration, &catalog, &with, &mut diagnostics);
        let (Some(snapshot), Some((ring, keys))) = (snapshot, key_ring(&catalog, store)) else {
            return Err(diagnostics);
        };
        Ok(Self { snapshot, ring, keys, urls: BackendUrls::new(&catalog) })
    }

    /// The listener that answers for a host: the first of the configuration that serves APIs there, else one of the zone.
    pub(crate) fn listener(&self, name: Option<&str>, host: &str) -> Option<ListenerFacts> {
        let mut all: Vec<_> = self.snapshot.listeners.values().filter(|known| known.serves_gateway).collect();
        all.sort_by_key(|known| (known.hosts.is_empty(), known.zone == Zone::Internal, known.name.clone()));
        let found = match name {
            Some(name) => all.into_iter().find(|known| &*known.name == name),
            None => all.into_iter().find(|known| known.answers_to(host)),
        };
        found.map(|facts| (**facts).clone())
    }

    /// Runs a request to its end. Nothing in it waits: time passes only in the world's own clock.
    pub(crate) fn run(
        &self,
        request: http::Request<Body>,
        listener: &ListenerFacts,
        client_ip: IpAddr,
        world: &OfflineWorld<'_>,
        trace: Trace,
    ) -> Result<Finished, String> {
        let world = world.world();
        let mut exchange =
            exchange_of(request, listener, client_ip, &self.snapshot, world.clock, world.random)
                .ok_or("the request needs exactly one valid host")?;
        exchange.begin_trace(trace);
        let zone = Some(listener.zone);
        let running = process(&self.snapshot, &self.ring, zone, &mut exchange, &world);
        running.now_or_never().ok_or("a policy waits for what no stub gives")?;
        let bound = world.buffered_body_bytes;
        let body = match &mut exchange.response {
            Some(response) => {
                let whole = response.body.buffer(bound).now_or_never();
                whole.ok_or("the answer's body does not end")?.map_err(|error| error.to_string())?
            }
            None => Bytes::new(),
        };
        Ok(Finished { exchange, body })
    }
}

/// The configuration of tests that name none: one internal listener, to which every API is exposed.
pub(crate) fn default_configuration(artifacts: &Path) -> Option<Configuration> {
    let text = format!(
        "artifacts: {}\nlisteners:\n  - {{ name: test, zone: internal, address: 127.0.0.1:443, serves: [gateway], tls: {{ certificates: [{{ certificate: none.pem, key: none.key }}] }} }}\n",
        serde_json::Value::from(artifacts.display().to_string())
    );
    configuration::parse(&text, Path::new("gatehouse.yaml"), &|_| None).0
}

fn give(
    named_values: &mut BTreeMap<String, gatehouse_model::resources::NamedValue>,
    given: &BTreeMap<String, String>,
) {
    for named in named_values.values_mut() {
        if let Some(value) = given.get(&named.display_name) {
            // What is not in the artifacts is secret; that it is given here does not change that.
            named.secret |= !matches!(named.source, NamedValueSource::Value(_));
            named.source = NamedValueSource::Value(SecretString::from(value.as_str()));
        }
    }
}

fn key_ring(catalog: &Catalog, store: Option<&OpenStore>) -> Option<(KeyRing, TestKeys)> {
    let master = match store {
        Some(open) => open.master.clone(),
        None => MasterKey::from_bytes(&[7; 32]).ok()?,
    };
    let hasher = master.key_hasher();
    let mut records = match store {
        Some(open) => open.store.subscriptions().ok()?,
        None => Vec::new(),
    };
    let created = SystemTime::now().duration_since(UNIX_EPOCH).map_or(0, |since| since.as_secs() as i64);
    let mut keys = BTreeMap::new();
    for (workspace, resources) in catalog.scopes() {
        for subscription in resources.subscriptions.values() {
            let id =
                SubscriptionId { workspace: workspace.map(str::to_owned), name: subscription.name.clone() };
            let text = format!("test-key-of-{id}");
            let primary = SubscriptionKey::parse(&text).ok()?;
            let secondary = SubscriptionKey::parse(&format!("{text}-2")).ok()?;
            keys.insert(id.to_string(), text);
            records.push(SubscriptionRecord {
                display_name: subscription.display_name.clone(),
                id,
                scope: subscription.scope.clone(),
                owner: subscription.owner.clone(),
                state: SubscriptionState::Active,
                allow_tracing: false,
                created,
                started: None,
                expires: None,
                origin: Origin::Artifacts,
                primary: hasher.hash(&primary),
                secondary: hasher.hash(&secondary),
            });
        }
    }
    Some((KeyRing::new(hasher.clone(), effective(records, catalog)), TestKeys(keys)))
}
