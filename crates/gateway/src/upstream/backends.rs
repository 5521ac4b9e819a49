//! The backends of one configuration, compiled at load.

use std::collections::{BTreeMap, HashMap};
use std::sync::Arc;

use gatehouse_model::configuration::{BackendConnection, ClientIdentity, Egress, Listener};
use gatehouse_model::resources::{Backend, BackendTarget, BackendTls, PoolMember};
use gatehouse_model::{Diagnostic, Diagnostics, Located, Location, did_you_mean};
use url::Url;

use super::balance::{Balance, Member};
use super::breaker::{Breaker, BreakerState};
use super::credentials::{Credentials, Resolve};
use super::guard::Guard;
use super::tls_profile::{Manner, ProfileLoader, TlsProfile};

/// What backends are made of.
pub struct BackendSources<'s> {
    /// The backend entities.
    pub backends: &'s [Backend],
    /// `backend_tls`: how backends are reached where nothing else is said.
    pub default_connection: &'s BackendConnection,
    /// `backends`: how single ones are reached, by backend id.
    pub connections: &'s BTreeMap<String, BackendConnection>,
    /// `certificates`: what policies show to others, by id.
    pub certificates: &'s BTreeMap<String, ClientIdentity>,
    /// `egress`: where policies may send requests.
    pub egress: &'s Egress,
    /// The listeners of this instance.
    pub listeners: &'s [Listener],
    /// `gatehouse.yaml`, for findings about the two blocks that have no place of their own.
    pub configuration: Location,
    /// Puts named values into credentials.
    pub resolve: &'s Resolve<'s>,
    /// The backends that served before this load: unchanged TLS profiles and breakers are taken over.
    pub previous: Option<&'s Backends>,
}

/// The backends of one configuration. Immutable but for the state of breakers.
#[derive(Debug)]
pub struct Backends {
    default_profile: Arc<TlsProfile>,
    outgoing_profile: Arc<TlsProfile>,
    certificates: Vec<ShownCertificate>,
    profiles: Vec<Arc<TlsProfile>>,
    entities: HashMap<Arc<str>, Entity, foldhash::fast::RandomState>,
}

/// A certificate that policies show to others.
#[derive(Debug)]
struct ShownCertificate {
    id: Arc<str>,
    /// SHA-1 and SHA-256, in upper case hexadecimal digits.
    thumbprints: [String; 2],
    profile: Arc<TlsProfile>,
}

impl ShownCertificate {
    /// Whether it has this id or this thumbprint, however the thumbprint is written.
    fn is(&self, name: &str) -> bool {
        let digits = || {
            name.chars()
                .filter(|character| !matches!(character, ' ' | ':' | '\u{200e}'))
                .map(|character| character.to_ascii_uppercase())
        };
        *self.id == *name || self.thumbprints.iter().any(|known| known.chars().eq(digits()))
    }
}

/// A backend entity.
#[derive(Debug)]
pub(super) enum Entity {
    /// One address.
    Single(Arc<Single>),
    /// A pool, with a breaker of its own where it has rules.
    Pool {
        /// Its members.
        balance: Balance,
        /// Its own breaker.
        breaker: Option<Arc<Breaker>>,
    },
}

/// A backend with one address.
#[derive(Debug)]
pub(super) struct Single {
    /// Resource name.
    pub(super) name: Arc<str>,
    /// Base URL.
    pub(super) url: Url,
    /// How it is reached.
    pub(super) profile: Arc<TlsProfile>,
    /// What is added to requests.
    pub(super) credentials: Credentials,
    /// When it is given a rest.
    pub(super) breaker: Option<Arc<Breaker>>,
}

/// When a client may ask again for a backend whose credentials no vault gives yet, in seconds.
const WAIT: u64 = 10;

impl Single {
    /// Whether there is anything to check before a call.
    pub(super) fn may_rest(&self) -> bool {
        self.breaker.is_some() || self.credentials.is_waiting()
    }

    /// Whether its credentials are there and its breaker lets calls pass; else the seconds until it does.
    pub(super) fn check(&self, now_micros: u64) -> Result<(), u64> {
        if self.credentials.is_waiting() {
            return Err(WAIT);
        }
        self.breaker.as_ref().map_or(Ok(()), |breaker| breaker.check(now_micros))
    }
}

impl Backends {
    /// Compiles the backends. After an error, which is in the diagnostics then, there may be none.
    pub fn load<'s>(sources: &BackendSources<'s>, diagnostics: &'s mut Diagnostics) -> Option<Self> {
        let previous = sources.previous.map(|previous| previous.profiles.clone()).unwrap_or_default();
        let guards = Guards::of(sources);
        let mut loader = ProfileLoader::new(previous, diagnostics);
        let mut load = |guard, identity| {
            let connection = sources.default_connection;
            let manner = Manner { connection, identity, switches: BackendTls::default(), guard };
            loader.load(manner, &sources.configuration)
        };
        let default_profile = load(&guards.backends, None);
        let outgoing_profile = load(&guards.policies, None);
        let certificates: Vec<_> = sources
            .certificates
            .iter()
            .filter_map(|(id, identity)| {
                let profile = load(&guards.policies, Some(identity))?;
                let thumbprints = profile.thumbprints.clone()?;
                Some(ShownCertificate { id: id.as_str().into(), thumbprints, profile })
            })
            .collect();

        let mut entities = HashMap::default();
        let mut profiles: Vec<_> = default_profile.iter().chain(&outgoing_profile).cloned().collect();
        profiles.extend(certificates.iter().map(|certificate| Arc::clone(&certificate.profile)));
        for backend in sources.backends {
            if let BackendTarget::Single(url) = &backend.target
                && let Some(single) =
                    load_single(sources, &guards.backends, &certificates, (backend, url), &mut loader)
            {
                if !profiles.iter().any(|profile| profile.id == single.profile.id) {
                    profiles.push(Arc::clone(&single.profile));
                }
                entities.insert(Arc::clone(&single.name), Entity::Single(Arc::new(single)));
            }
        }
        let mut pools = Vec::new();
        for backend in sources.backends {
            if let BackendTarget::Pool(members) = &backend.target {
                let balance = load_pool(sources, backend, members, &entities, loader.diagnostics());
                let breaker =
                    Breaker::load(backend, previous_breaker(sources, &backend.name), loader.diagnostics());
                let name: Arc<str> = backend.name.as_str().into();
                pools.push((name, Entity::Pool { balance, breaker }));
            }
        }
        entities.extend(pools);
        for (name, connection) in sources.connections {
            let known = || sources.backends.iter().map(|backend| backend.name.as_str());
            if !known().any(|backend| backend == name) {
                let message = format!("`backends` names `{name}`, but there is no backend of that name");
                let place = connection.location.as_ref().unwrap_or(&sources.configuration);
                let mut diagnostic = Diagnostic::error("unknown-backend", place.clone(), message);
                if let Some(meant) = did_you_mean(name, known()) {
                    diagnostic = diagnostic.fix(format!("did you mean `{meant}`?"));
                }
                loader.diagnostics().push(diagnostic);
            }
        }
        Some(Self {
            default_profile: default_profile?,
            outgoing_profile: outgoing_profile?,
            certificates,
            profiles,
            entities,
        })
    }

    /// Whether there is a backend of this name.
    pub fn contains(&self, name: &str) -> bool {
        self.entities.contains_key(name)
    }

    /// Whether there is a certificate of this id or thumbprint.
    pub fn has_certificate(&self, name: &str) -> bool {
        self.showing(name).is_some()
    }

    /// The names of all entities.
    pub fn names(&self) -> impl Iterator<Item = &str> {
        self.entities.keys().map(|name| &**name)
    }

    /// The breakers and their states, for metrics; `now_micros` on the world's monotonic clock.
    pub fn breakers(&self, now_micros: u64) -> impl Iterator<Item = (&str, BreakerState)> {
        self.entities
            .values()
            .filter_map(Entity::breaker)
            .map(move |breaker| (breaker.name(), breaker.state(now_micros)))
    }

    /// The entity of a name.
    pub(super) fn entity(&self, name: &str) -> Option<&Entity> {
        self.entities.get(name)
    }

    /// How URLs that policies compute are reached.
    pub(super) fn outgoing_profile(&self) -> &Arc<TlsProfile> {
        &self.outgoing_profile
    }

    /// How such URLs are reached with a certificate, which is named by its id or its thumbprint.
    pub(super) fn showing(&self, certificate: &str) -> Option<&Arc<TlsProfile>> {
        self.certificates.iter().find(|known| known.is(certificate)).map(|known| &known.profile)
    }

    /// How service URLs are reached.
    pub(super) fn default_profile(&self) -> &Arc<TlsProfile> {
        &self.default_profile
    }
}

impl Entity {
    fn breaker(&self) -> Option<&Arc<Breaker>> {
        match self {
            Self::Single(single) => single.breaker.as_ref(),
            Self::Pool { breaker, .. } => breaker.as_ref(),
        }
    }
}

fn previous_breaker<'s>(sources: &BackendSources<'s>, name: &str) -> Option<&'s Arc<Breaker>> {
    sources.previous?.entities.get(name)?.breaker()
}

/// Where connections may lead that the configuration names, and those that policies compute.
struct Guards {
    backends: Arc<Guard>,
    policies: Arc<Guard>,
}

impl Guards {
    fn of(sources: &BackendSources<'_>) -> Self {
        let backends = Arc::new(Guard::of_backends(sources.egress, sources.listeners));
        // Without rules they are the same, so that both share their connections.
        let policies = backends.of_policies().map_or_else(|| Arc::clone(&backends), Arc::new);
        Self { backends, policies }
    }
}

fn load_single<'s>(
    sources: &BackendSources<'s>,
    guard: &'s Arc<Guard>,
    certificates: &[ShownCertificate],
    (backend, url): (&Backend, &Url),
    loader: &mut ProfileLoader<'s>,
) -> Option<Single> {
    let own = sources.connections.get(&backend.name);
    let identity = match &backend.credentials.certificate {
        // What the operator says of this backend counts more than what the artifacts say.
        Some(name) if own.is_none_or(|own| own.client_certificate.is_none()) => {
            let known = certificates.iter().find(|known| known.is(&name.value));
            let identity = known.and_then(|known| sources.certificates.get(&*known.id));
            if identity.is_none() {
                let ids = sources.certificates.keys().map(String::as_str);
                loader.diagnostics().push(unknown_certificate(backend, name, ids));
                return None;
            }
            identity
        }
        _ => None,
    };
    let profile = loader.load(
        Manner {
            connection: own.unwrap_or(sources.default_connection),
            identity,
            switches: backend.tls,
            guard,
        },
        own.map_or(&backend.location, |own| own.location.as_ref().unwrap_or(&sources.configuration)),
    );
    let credentials = Credentials::load(backend, sources.resolve, loader.diagnostics());
    let breaker = Breaker::load(backend, previous_breaker(sources, &backend.name), loader.diagnostics());
    if let Err(problem) = check_base_url(url) {
        let message = format!("backend `{}`: {problem}", backend.name);
        loader.diagnostics().push(
            Diagnostic::error("backend-url", backend.location.clone(), message)
                .resource(format!("backends/{}", backend.name)),
        );
        return None;
    }
    Some(Single {
        name: backend.name.as_str().into(),
        url: url.clone(),
        profile: profile?,
        credentials: credentials?,
        breaker,
    })
}

fn unknown_certificate<'i>(
    backend: &Backend,
    name: &Located<String>,
    ids: impl Iterator<Item = &'i str>,
) -> Diagnostic {
    let message = format!(
        "the credentials name the certificate `{}`, but `certificates` of the configuration has none of that id or thumbprint",
        name.value
    );
    let diagnostic = Diagnostic::error("unknown-certificate", name.location.clone(), message)
        .resource(format!("backends/{}", backend.name));
    match did_you_mean(&name.value, ids) {
        Some(meant) => diagnostic.fix(format!("did you mean `{meant}`?")),
        None => diagnostic,
    }
}

fn load_pool(
    sources: &BackendSources<'_>,
    pool: &Backend,
    members: &[PoolMember],
    entities: &HashMap<Arc<str>, Entity, foldhash::fast::RandomState>,
    diagnostics: &mut Diagnostics,
) -> Balance {
    // The reader of the artifacts has refused pools without members, and pools in pools.
    let mut list = Vec::with_capacity(members.len());
    for member in members {
        let name = member.backend.value.as_str();
        match entities.get(name) {
            Some(Entity::Single(single)) => list.push(Member {
                backend: Arc::clone(single),
                priority: member.priority,
                weight: member.weight,
            }),
            // One that exists and is not there has been reported already.
            _ if sources.backends.iter().any(|backend| backend.name == name) => {}
            _ => {
                let message =
                    format!("the pool `{}` names the backend `{name}`, which does not exist", pool.name);
                let mut diagnostic =
                    Diagnostic::error("unknown-backend", member.backend.location.clone(), message)
                        .resource(format!("backends/{}", pool.name));
                let known = sources.backends.iter().map(|backend| backend.name.as_str());
                if let Some(meant) = did_you_mean(name, known) {
                    diagnostic = diagnostic.fix(format!("did you mean `{meant}`?"));
                }
                diagnostics.push(diagnostic);
            }
        }
    }
    Balance::new(list)
}

/// Whether requests can be sent below a URL: the scheme, a host, no user, no query, no fragment.
///
/// # Errors
/// What is wrong, for people.
pub fn check_base_url(url: &Url) -> Result<(), String> {
    if !matches!(url.scheme(), "http" | "https" | "ws" | "wss") {
        return Err(format!(
            "`{}` is not a scheme that backends speak; http, https, ws and wss are",
            url.scheme()
        ));
    }
    if url.host_str().is_none_or(str::is_empty) {
        return Err("the URL has no host".to_owned());
    }
    if !url.username().is_empty() || url.password().is_some() {
        return Err("the URL holds a user name or password; use credentials instead".to_owned());
    }
    if url.fragment().is_some() {
        return Err("the URL has a fragment".to_owned());
    }
    if url.query().is_some() {
        return Err("the URL has a query; use credentials.query or set-query-parameter instead".to_owned());
    }
    Ok(())
}
