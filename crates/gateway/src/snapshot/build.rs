//! From a configuration and its resources to a snapshot.

use std::borrow::Cow;
use std::collections::HashMap;
use std::sync::Arc;

use gatehouse_identity::authorization::Authorizations;
use gatehouse_identity::managed::{InstanceIssuer, ManagedIdentities};
use gatehouse_model::configuration::{Configuration, Zone};
use gatehouse_model::resources::{
    Api, Backend, BackendTarget, Catalog, Operation, Product, Resources, VersioningScheme,
};
use gatehouse_model::{Diagnostic, Diagnostics, Location, Severity, did_you_mean};
use gatehouse_policy::{
    ApiFacts, BackendChoice, CompileInput, Deployment, OperationFacts, PlanKey, Policies, ProductFacts,
};
use gatehouse_telemetry::metrics::Metrics;
use gatehouse_vault::NamedValues;
use http::HeaderName;
use secrecy::SecretString;

use super::Snapshot;
use super::backend_measures::BackendMeasures;
use super::listener::ListenerFacts;
use super::loop_mark::LoopMark;
use super::published::{OperationPlans, ProductIndex, PublishedApi, PublishedOperation, PublishedProduct};
use super::secrets::Secrets;
use crate::events::EventSinks;
use crate::firewall::{self, Firewall};
use crate::pipeline::soap::{self, SoapRouting};
use crate::router::{ApiTree, OperationTree, UrlTemplate, Versioning};
use crate::tls;
use crate::upstream::{BackendSources, Backends, check_base_url};

/// What a snapshot is built from.
pub struct SnapshotInput<'i> {
    /// `gatehouse.yaml`.
    pub configuration: &'i Configuration,
    /// The resources.
    pub catalog: &'i Catalog,
    /// The values of named values.
    pub named_values: &'i NamedValues,
    /// Who this instance is towards others.
    pub identities: &'i Arc<ManagedIdentities>,
    /// Connections to providers of tokens.
    pub authorizations: &'i Arc<Authorizations>,
    /// This instance as an issuer of tokens.
    pub issuer: Option<&'i Arc<InstanceIssuer>>,
    /// Where measures are kept.
    pub metrics: &'i Metrics,
    /// Distinguishes instances of one service.
    pub instance_id: &'i str,
    /// The snapshot in force, whose connection settings and breakers are taken over where nothing changed.
    pub previous: Option<&'i Snapshot>,
}

/// Builds a snapshot. With an error among the diagnostics there is none, or it must not be served.
pub fn build(input: &SnapshotInput<'_>, diagnostics: &mut Diagnostics) -> Option<Snapshot> {
    let certificates = tls::certificates(&input.configuration.certificates);
    let (policies, findings) = Policies::compile(&CompileInput {
        catalog: input.catalog,
        named_values: input.named_values,
        certificates: &certificates,
    });
    diagnostics.extend(findings);
    check_exposure(input, diagnostics);
    let backends = load_backends(input, diagnostics);
    let previous = input.previous.and_then(|snapshot| snapshot.firewall.as_deref());
    let firewall = firewall::load(input.configuration, input.catalog, previous, diagnostics);
    let mut builder = Builder {
        input,
        policies: &policies,
        firewall: firewall.as_deref(),
        diagnostics,
        mocks: mentions_mocks(input.catalog),
        products: Vec::new(),
        apis: Vec::new(),
        external: ApiTree::default(),
        internal: ApiTree::default(),
    };
    for (workspace, resources) in input.catalog.scopes() {
        builder.workspace(workspace, resources);
    }
    let Builder { products, apis, external, internal, .. } = builder;
    let backends = backends?;
    check_certificates(input, &policies, &backends, diagnostics);
    let configuration = input.configuration;
    let event_sinks = load_event_sinks(input, diagnostics);
    let listeners = configuration
        .listeners
        .iter()
        .map(|listener| (Arc::from(listener.name.as_str()), Arc::new(ListenerFacts::new(listener))))
        .collect();
    Some(Snapshot {
        deployment: Arc::new(Deployment {
            service_name: configuration.service.name.as_str().into(),
            region: configuration.service.region.as_str().into(),
            instance_id: input.instance_id.into(),
            certificates,
        }),
        loop_mark: LoopMark::new(&configuration.service.name, configuration.limits.passes),
        limits: configuration.limits.clone(),
        apis,
        external,
        internal,
        products,
        global: policies.global(),
        event_sinks,
        places: policies.places().to_vec(),
        firewall,
        identities: Arc::clone(input.identities),
        authorizations: Arc::clone(input.authorizations),
        issuer: input.issuer.cloned(),
        secrets: Secrets::of(input.named_values),
        backend_measures: BackendMeasures::new(input.metrics, &backends),
        backends: Arc::new(backends),
        listeners,
    })
}

fn load_event_sinks(input: &SnapshotInput<'_>, diagnostics: &mut Diagnostics) -> EventSinks {
    let resolve = |workspace: Option<&str>, text: &SecretString| {
        resolve_credential(input.named_values, workspace, text)
    };
    let is_named = |logger: &str| {
        any_policy(input.catalog, |text| text.contains("<log-to-eventhub") && text.contains(logger))
    };
    EventSinks::load(input.configuration, input.catalog, &resolve, is_named, diagnostics)
}

/// Whether any document has `mock-response`: only then the definitions' examples are kept.
fn mentions_mocks(catalog: &Catalog) -> bool {
    any_policy(catalog, |text| text.contains("<mock-response"))
}

/// Whether the text of any document or fragment has something.
fn any_policy(catalog: &Catalog, has: impl Fn(&str) -> bool) -> bool {
    catalog.scopes().any(|(_, resources)| {
        let of_apis = resources.apis.values().flat_map(|api| {
            api.policy.iter().chain(api.operations.values().filter_map(|operation| operation.policy.as_ref()))
        });
        let of_products = resources.products.values().filter_map(|product| product.policy.as_ref());
        let of_fragments = resources.fragments.values().map(|fragment| &fragment.policy);
        resources
            .policy
            .iter()
            .chain(of_apis)
            .chain(of_products)
            .chain(of_fragments)
            .any(|policy| has(&policy.text))
    })
}

fn load_backends(input: &SnapshotInput<'_>, diagnostics: &mut Diagnostics) -> Option<Backends> {
    let mut all = Vec::new();
    for (workspace, resources) in input.catalog.scopes() {
        all.extend(resources.backends.values().map(|backend| among_all(workspace, backend)));
    }
    let resolve = |entity: &str, text: &SecretString| {
        let (workspace, _) = BackendChoice::split_entity_name(entity);
        input.named_values.fill(workspace, text)
    };
    let sources = BackendSources {
        backends: &all,
        default_connection: &input.configuration.backend_tls,
        connections: &input.configuration.backends,
        certificates: &input.configuration.certificates,
        egress: &input.configuration.egress,
        listeners: &input.configuration.listeners,
        configuration: Location::file(input.configuration.file.as_path()),
        resolve: &resolve,
        previous: input.previous.map(|snapshot| &*snapshot.backends),
    };
    Backends::load(&sources, diagnostics)
}

/// A backend under its name among those of all workspaces; a pool has the members of its own workspace.
fn among_all(workspace: Option<&str>, backend: &Backend) -> Backend {
    let mut backend = backend.clone();
    if workspace.is_some() {
        backend.name = BackendChoice::entity_name(workspace, &backend.name).to_string();
        if let BackendTarget::Pool(members) = &mut backend.target {
            for member in members {
                let name = &mut member.backend.value;
                *name = BackendChoice::entity_name(workspace, name).to_string();
            }
        }
    }
    backend
}

fn resolve_credential(
    named_values: &NamedValues,
    workspace: Option<&str>,
    text: &SecretString,
) -> Result<SecretString, String> {
    named_values.fill(workspace, text).map_err(|unfilled| unfilled.message)
}

/// Every certificate that a policy names must be one of the configuration.
fn check_certificates(
    input: &SnapshotInput<'_>,
    policies: &Policies,
    backends: &Backends,
    diagnostics: &mut Diagnostics,
) {
    let known = || input.configuration.certificates.keys().map(String::as_str);
    for named in policies.certificates().iter().filter(|named| !backends.has_certificate(&named.value)) {
        let name = &named.value;
        let message = format!(
            "no certificate of `certificates` in gatehouse.yaml has the id or the thumbprint `{name}`"
        );
        let fix = match did_you_mean(name, known()) {
            Some(meant) => format!("did you mean `{meant}`?"),
            None => "add it: `certificates: { name: { certificate: …, key: … } }`".to_owned(),
        };
        diagnostics.push(Diagnostic::error("missing-reference", named.location.clone(), message).fix(fix));
    }
}

/// Every name that a zone exposes must be an API's.
fn check_exposure(input: &SnapshotInput<'_>, diagnostics: &mut Diagnostics) {
    use gatehouse_model::configuration::Expose;
    let zones = [
        (Zone::External, &input.configuration.zones.external),
        (Zone::Internal, &input.configuration.zones.internal),
    ];
    for (zone, expose) in zones {
        let names = match expose {
            Expose::Apis(names) => names,
            Expose::All if zone == Zone::External => {
                let location = Location::file(input.configuration.file.as_path());
                let message = "the external zone exposes every API, those to come too";
                diagnostics.push(
                    Diagnostic::error("exposes-all", location, message)
                        .severity(Severity::Medium)
                        .fix("name the APIs: `expose: [orders, stock]`"),
                );
                continue;
            }
            Expose::All => continue,
        };
        let known = || {
            input
                .catalog
                .scopes()
                .flat_map(|(_, resources)| resources.apis.values().map(|api| api.root.as_str()))
        };
        for name in names {
            if known().any(|root| root == name.value) || is_unread(&name.value, diagnostics) {
                continue;
            }
            let message =
                format!("zone `{}` exposes the API `{}`, which does not exist", zone.as_str(), name.value);
            let mut finding = Diagnostic::error("missing-reference", name.location.clone(), message);
            if let Some(near) = did_you_mean(&name.value, known()) {
                finding = finding.fix(format!("did you mean `{near}`?"));
            }
            diagnostics.push(finding);
        }
    }
}

/// Whether an error explains why the API is missing: it would be told twice otherwise.
fn is_unread(api: &str, diagnostics: &Diagnostics) -> bool {
    diagnostics.iter().filter(|finding| finding.severity == Severity::Error).any(|finding| {
        let Some(location) = &finding.location else { return false };
        let mut parts = location.file.iter();
        finding.id == "unreadable-artifacts"
            || parts.any(|part| part == "apis") && parts.next().is_some_and(|name| name == api)
    })
}

struct Builder<'b> {
    input: &'b SnapshotInput<'b>,
    policies: &'b Policies,
    firewall: Option<&'b Firewall>,
    diagnostics: &'b mut Diagnostics,
    mocks: bool,
    products: Vec<PublishedProduct>,
    apis: Vec<PublishedApi>,
    external: ApiTree,
    internal: ApiTree,
}

impl Builder<'_> {
    fn workspace(&mut self, workspace: Option<&str>, resources: &Resources) {
        let mut by_api: HashMap<&str, Vec<(ProductIndex, &Product)>> = HashMap::new();
        for product in resources.products.values() {
            let index = self.products.len() as ProductIndex;
            for api in &product.apis {
                by_api.entry(api.value.as_str()).or_default().push((index, product));
            }
            self.products.push(published_product(workspace, product));
        }
        for api in resources.apis.values().filter(|api| api.is_online) {
            let products = by_api.get(api.root.as_str()).map_or(&[][..], Vec::as_slice);
            self.api(workspace, resources, api, products);
        }
    }

    fn api(
        &mut self,
        workspace: Option<&str>,
        resources: &Resources,
        api: &Api,
        products: &[(ProductIndex, &Product)],
    ) {
        let Ok(key_header) = HeaderName::from_bytes(api.key_names.header.as_bytes()) else {
            let message = format!("`{}` is not the name of a header field", api.key_names.header);
            self.diagnostics.error("bad-value", api.location.clone(), message);
            return;
        };
        let index = self.apis.len() as u32;
        if !self.insert_into_trees(resources, api, index) {
            return;
        }
        if let Some(url) = &api.service_url
            && let Err(problem) = check_base_url(&url.value)
        {
            let message = format!("the service URL of API `{}` cannot be used: {problem}", api.name);
            self.diagnostics.push(
                Diagnostic::error("service-url", url.location.clone(), message)
                    .resource(format!("apis/{}", api.name)),
            );
        }
        if let Some(url) = &api.service_url
            && url.value.scheme() == "http"
            && !is_loopback(&url.value)
        {
            let message = format!("API `{}` sends requests to {} without TLS", api.name, host_of(&url.value));
            self.diagnostics.push(
                Diagnostic::error("plain-backend", url.location.clone(), message)
                    .severity(Severity::High)
                    .resource(format!("apis/{}", api.name))
                    .fix("name an https address"),
            );
        }
        let facts = Arc::new(ApiFacts {
            id: api.name.as_str().into(),
            name: api.display_name.as_str().into(),
            path: api.path.as_str().into(),
            revision: api.revision.as_str().into(),
            is_current_revision: api.is_current,
            version: api.version.as_deref().map(Into::into),
            workspace: workspace.map(Into::into),
            service_url: api.service_url.as_ref().map(|url| Arc::new(url.value.clone())),
            kind: api.kind,
            key_names: api.key_names.clone(),
        });
        let mut tree = OperationTree::new();
        let mut operations = Vec::new();
        for operation in api.operations.values() {
            match UrlTemplate::parse(&soap::template(api.kind, &operation.url_template)) {
                Ok(template) => {
                    tree.insert(&operation.method, template, operations.len() as u32);
                    operations.push(self.operation(workspace, api, operation, products));
                }
                Err(why) => {
                    let message =
                        format!("the template of operation `{}` cannot be used: {why}", operation.name);
                    self.diagnostics.push(
                        Diagnostic::error("bad-template", operation.location.clone(), message)
                            .resource(format!("apis/{}/operations/{}", api.name, operation.name)),
                    );
                }
            }
        }
        let key = PlanKey { workspace, api: &api.name, operation: None, product: None };
        self.apis.push(PublishedApi {
            facts,
            root: api.root.as_str().into(),
            kind: api.kind,
            subscription_required: api.subscription_required,
            key_header,
            key_query: api.key_names.query.as_str().into(),
            products: products.iter().map(|(index, _)| *index).collect(),
            open_product: products
                .iter()
                .find(|(_, product)| !product.subscription_required)
                .map(|(index, _)| *index),
            tree,
            soap: SoapRouting::of(api),
            operations,
            plan: self.policies.plan(&key),
            metrics: self.input.metrics.operation(&label(workspace, &api.name), ""),
        });
    }

    fn insert_into_trees(&mut self, resources: &Resources, api: &Api, index: u32) -> bool {
        let versioning = versioning(resources, api);
        let zones = &self.input.configuration.zones;
        let mut result = Ok(());
        if zones.external.contains(&api.root) {
            result = result.and(self.external.insert(
                &api.path,
                &versioning,
                &api.revision,
                api.is_current,
                index,
            ));
        }
        if zones.internal.contains(&api.root) {
            result = result.and(self.internal.insert(
                &api.path,
                &versioning,
                &api.revision,
                api.is_current,
                index,
            ));
        }
        let Err(duplicate) = result else { return true };
        // The reader of the artifacts tells it with the place of the path.
        let is_told = |known: &Diagnostic| {
            let file = known.location.as_ref().map(|location| &location.file);
            known.id == "duplicate-path" && file == Some(&api.location.file)
        };
        if self.diagnostics.iter().any(is_told) {
            return false;
        }
        let first = self
            .apis
            .get(duplicate.first as usize)
            .map(|first| first.facts.id.to_string())
            .unwrap_or_default();
        let message = format!(
            "APIs `{first}` and `{}` answer the same path `/{}`, version and revision",
            api.name, api.path
        );
        self.diagnostics.push(
            Diagnostic::error("duplicate-path", api.location.clone(), message)
                .resource(format!("apis/{}", api.name)),
        );
        false
    }

    fn operation(
        &self,
        workspace: Option<&str>,
        api: &Api,
        operation: &Operation,
        products: &[(ProductIndex, &Product)],
    ) -> PublishedOperation {
        let key = PlanKey { workspace, api: &api.name, operation: Some(&operation.name), product: None };
        let by_product = products
            .iter()
            .map(|(index, product)| {
                let key = PlanKey { product: Some(&product.name), ..key };
                (*index, self.policies.plan(&key))
            })
            .collect();
        PublishedOperation {
            facts: Arc::new(OperationFacts {
                id: operation.name.as_str().into(),
                name: operation.display_name.as_str().into(),
                method: operation.method.as_str().into(),
                url_template: operation.url_template.as_str().into(),
                responses: if self.mocks { operation.responses.clone() } else { Vec::new() },
                validation: self.policies.validators().operation(workspace, &api.name, operation),
                soap: self.policies.validators().soap(workspace, &api.name, operation),
                graphql: self.policies.validators().graphql(workspace, &api.name),
            }),
            plans: OperationPlans { plain: self.policies.plan(&key), by_product },
            metrics: self.input.metrics.operation(&label(workspace, &api.name), &operation.name),
            declared: self.firewall.and_then(|firewall| firewall.declared(workspace, api, operation)),
        }
    }
}

/// What measures call an API: its name, in a workspace with that of the workspace before it.
fn label<'n>(workspace: Option<&str>, api: &'n str) -> Cow<'n, str> {
    match workspace {
        Some(workspace) => format!("{workspace}/{api}").into(),
        None => api.into(),
    }
}

fn published_product(workspace: Option<&str>, product: &Product) -> PublishedProduct {
    let names = |located: &[gatehouse_model::Located<String>]| {
        located.iter().map(|name| name.value.as_str().into()).collect()
    };
    PublishedProduct {
        facts: Arc::new(ProductFacts {
            id: product.name.as_str().into(),
            name: product.display_name.as_str().into(),
            published: product.published,
            approval_required: product.approval_required,
            subscription_required: product.subscription_required,
            subscriptions_limit: product.subscriptions_limit,
            groups: names(&product.groups),
            apis: names(&product.apis),
        }),
        name: product.name.as_str().into(),
        workspace: workspace.map(Into::into),
    }
}

/// Where requests say that they mean this version. The original version of a set is asked for by saying nothing.
fn versioning(resources: &Resources, api: &Api) -> Versioning {
    let set = api.version_set.as_ref().and_then(|name| resources.version_sets.get(&name.value));
    match (set.map(|set| &set.scheme), api.version.as_deref()) {
        (Some(scheme), Some(version)) if !version.is_empty() => match scheme {
            VersioningScheme::Segment => Versioning::Segment(version.to_owned()),
            VersioningScheme::Query(name) => Versioning::Query(name.clone(), version.to_owned()),
            VersioningScheme::Header(name) => Versioning::Header(name.clone(), version.to_owned()),
        },
        _ => Versioning::None,
    }
}

/// What never leaves the machine needs no TLS.
fn is_loopback(url: &url::Url) -> bool {
    match url.host() {
        Some(url::Host::Domain(name)) => name == "localhost",
        Some(url::Host::Ipv4(address)) => address.is_loopback(),
        Some(url::Host::Ipv6(address)) => address.is_loopback(),
        None => false,
    }
}

fn host_of(url: &url::Url) -> &str {
    url.host_str().unwrap_or_default()
}
