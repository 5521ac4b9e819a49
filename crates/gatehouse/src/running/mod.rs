//! A running instance: start, reload, drain.

mod changes;
mod low_priority;
mod retired;
mod traces;

use std::net::SocketAddr;
use std::path::PathBuf;
use std::rc::Rc;
use std::sync::Arc;
use std::sync::atomic::AtomicUsize;
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use anyhow::{Context as _, Result};
use arc_swap::ArcSwap;
use gatehouse_gateway::connection::Handler;
use gatehouse_gateway::events::Events;
use gatehouse_gateway::firewall::WafMeasures;
use gatehouse_gateway::listener::{Bound, HandlerFactory, Listeners};
use gatehouse_gateway::pipeline::{
    BackendObserver, Core, ListenerMeasures, LiveTraces, OutgoingCounts, Shared, SystemClock,
};
use gatehouse_gateway::snapshot::Snapshot;
use gatehouse_gateway::tls::RevocationLists;
use gatehouse_gateway::upstream::{PoolLimits, Pools};
use gatehouse_model::configuration::Configuration;
use gatehouse_model::resources::Catalog;
use gatehouse_model::{Diagnostics, Located, Location};
use gatehouse_policy::{CacheBounds, Concurrency, MemoryValues, ResponseCache, Tokens};
use gatehouse_store::counters::{CounterKeys, MemoryCounters};
use gatehouse_store::{IssuedKeys, KeyRing, Revision, effective, provision};
use gatehouse_telemetry::access_log::AccessLog;
use gatehouse_telemetry::log::Log;
use gatehouse_telemetry::metrics::Metrics;
use gatehouse_telemetry::trace_log::TraceLog;
use gatehouse_telemetry::waf_log::WafLog;
use url::Url;

use self::changes::Stamp;
use self::low_priority::do_behind_requests;
use self::retired::Retired;
use self::traces::TraceWriter;
use crate::load::{self, CompileWith, Credentials, OpenStore};

/// The most counters that are kept: about 100 bytes each.
const MAX_COUNTERS: usize = 1_000_000;

/// The time between attempts to make a key, in seconds.
const KEY_PAUSE: u64 = 3600;

/// How much longer than the drain timeout a stop may take.
const DRAIN_GRACE: Duration = Duration::from_secs(5);

/// What an instance is started from.
pub(crate) struct Sources {
    /// The configuration file.
    pub(crate) configuration: PathBuf,
    /// Keys that the operator gives.
    pub(crate) keys: Option<PathBuf>,
    /// Puts the address of a backend into the place of an API's service URL: the quickstart's sample backend.
    pub(crate) sample_backend: Option<(&'static str, Url)>,
    /// What a load test changes.
    pub(crate) experiment: Option<Experiment>,
}

/// What is different in an instance that a load test measures.
pub(crate) struct Experiment {
    /// Changes the configuration after it was read.
    pub(crate) configuration: Box<dyn Fn(&mut Configuration) + Send + Sync>,
    /// Changes both after the artifacts were read.
    pub(crate) artifacts: Box<dyn Fn(&mut Configuration, &mut Catalog) + Send + Sync>,
    /// Where every connection to a backend goes.
    pub(crate) backend: SocketAddr,
    /// Has the secrets that the store of the experiment does not have.
    pub(crate) secrets: Option<OpenStore>,
}

/// A running instance.
pub(crate) struct Running {
    sources: Sources,
    log: Log,
    open: OpenStore,
    shared: Arc<Shared>,
    listeners: Option<Listeners>,
    in_force: InForce,
    credentials: Credentials,
    /// How many values of vaults had changed when the configuration in force was loaded.
    vault_changes: u64,
    revocation_lists: Arc<RevocationLists>,
    /// When a new key of the issuer was tried last, in seconds since 1970.
    key_tried: u64,
    retired: Retired,
    instance_id: String,
}

/// What the instance goes by now.
struct InForce {
    configuration: Configuration,
    catalog: Catalog,
    revision: Revision,
    stamp: Stamp,
}

/// Everything that a load gives.
struct Loaded {
    configuration: Configuration,
    catalog: Catalog,
    snapshot: Snapshot,
    findings: Diagnostics,
    stamp: Stamp,
}

impl Running {
    /// Loads everything and serves. Gives the keys that were made for subscriptions seen for the first time.
    pub(crate) fn start(sources: Sources, log: Log) -> Result<(Self, Vec<IssuedKeys>)> {
        let (configuration, mut findings) = good_configuration(&sources)?;
        let open = load::open_store(&configuration)?;
        let credentials = credentials(&configuration, &open, None, &mut findings)?;
        let vault_changes = credentials.vaults.changes();
        let metrics = Metrics::new(env!("CARGO_PKG_VERSION"), now_seconds().unsigned_abs());
        let instance_id = instance_id()?;
        let secrets = sources.experiment.as_ref().and_then(|experiment| experiment.secrets.as_ref());
        let with = CompileWith {
            store: Some(&*secrets.unwrap_or(&open).store),
            metrics: &metrics,
            instance_id: &instance_id,
            credentials: &credentials,
            previous: None,
        };
        let loaded = load_rest(configuration, findings, &sources, &with)?;
        tell(&log, &loaded.findings);
        let access_log = match &loaded.configuration.telemetry.access_log {
            Some(target) => Some(AccessLog::start(target, &log)?),
            None => None,
        };
        if let Some(access_log) = &access_log {
            metrics.watch_access_log(access_log);
        }
        let telemetry = &loaded.configuration.telemetry;
        let trace_log = match &telemetry.trace_log {
            Some(target) => Some(TraceLog::start(target, telemetry.trace_verbosity, &log)?),
            None => None,
        };
        if let Some(trace_log) = &trace_log {
            metrics.watch_trace_log(trace_log);
        }
        metrics.bound_custom(telemetry.custom_series);
        let waf_log = match &loaded.configuration.waf.audit_log {
            Some(file) => Some(WafLog::start(file, &log)?),
            None => None,
        };
        let counters = Arc::new(MemoryCounters::new(MAX_COUNTERS));
        watch_counters(&metrics, &counters);
        let (issued, revision, ring) = bring_subscriptions_in(&open, &loaded.catalog, &sources)?;
        let shared = Arc::new(Shared {
            outgoing: watch_outgoing(&metrics),
            events: Events::new(log.clone()),
            keys: ArcSwap::from_pointee(ring),
            counters,
            counter_keys: CounterKeys::new(),
            concurrency: Concurrency::default(),
            tokens: {
                let limits = &loaded.configuration.limits;
                Tokens::bounded(limits.tokens, limits.proofs, &nonce_secret()?)
            },
            response_cache: ResponseCache::new(cache_bounds(&loaded.configuration)),
            values: MemoryValues::new(cache_bounds(&loaded.configuration)),
            live_traces: Some(live_traces(&loaded.configuration, &open, &log)?),
            clock: SystemClock::new(),
            under_way: AtomicUsize::new(0),
            access_log,
            trace_log,
            waf_log,
            waf_measures: WafMeasures::new(&metrics),
            unmatched: metrics.unmatched(),
            listeners: ArcSwap::from_pointee(listener_measures(&metrics, &loaded.configuration)),
            metrics,
            snapshot: ArcSwap::from_pointee(loaded.snapshot),
        });
        watch_events(&shared);
        let revocation_lists = RevocationLists::new(Arc::clone(&credentials.client));
        fetch_lists(&revocation_lists, &loaded.configuration, &credentials, &log)?;
        let told = log.clone();
        revocation_lists.refresh_in_background(move |problem| told.warn(problem))?;
        // Keys are shown once, even where the start fails after they were made.
        let diverted_to = sources.experiment.as_ref().map(|experiment| experiment.backend);
        let listeners = start_listeners(&loaded.configuration, &shared, &log, diverted_to)
            .inspect_err(|_| issued.iter().for_each(print_keys))?;
        let Loaded { configuration, catalog, stamp, .. } = loaded;
        let in_force = InForce { configuration, catalog, revision, stamp };
        let listeners = Some(listeners);
        credentials.vaults.refresh_in_background()?;
        let running = Self {
            sources,
            log,
            open,
            shared,
            listeners,
            in_force,
            retired: Retired::default(),
            credentials,
            vault_changes,
            key_tried: 0,
            revocation_lists,
            instance_id,
        };
        Ok((running, issued))
    }

    /// Speaks plain text on its loopback addresses, for measuring what TLS costs; says whether every listener does.
    pub(crate) fn go_in_the_clear(&self, is_http2: bool) -> bool {
        self.listeners.as_ref().is_some_and(|listeners| listeners.go_in_the_clear(is_http2))
    }

    /// Where the instance listens.
    pub(crate) fn bound(&self) -> Vec<Bound> {
        self.listeners.as_ref().map(Listeners::bound).unwrap_or_default()
    }

    /// The configuration in force.
    pub(crate) fn configuration(&self) -> &Configuration {
        &self.in_force.configuration
    }

    /// Has every value of a vault fetched at once: an operator has changed one, and says so.
    pub(crate) fn refresh_secrets(&self) {
        self.credentials.vaults.refresh_all();
    }

    /// Reads everything anew. A bad change is refused whole; what served before goes on.
    pub(crate) fn reload(&mut self) {
        if let Some(access_log) = &self.shared.access_log {
            access_log.reopen();
        }
        if let Some(trace_log) = &self.shared.trace_log {
            trace_log.reopen();
        }
        self.shared.events.reopen();
        if let Some(waf_log) = &self.shared.waf_log {
            waf_log.reopen();
        }
        let outcome = self.try_reload();
        self.shared.metrics.reload(outcome.is_ok(), now_seconds().unsigned_abs());
        match outcome {
            Ok(issued) => {
                self.log.info("configuration reloaded");
                for keys in &issued {
                    print_keys(keys);
                }
                self.release_retired();
            }
            Err(error) => {
                // The measures of what was refused would stay otherwise.
                self.shared.metrics.forget_unused();
                self.in_force.stamp = Stamp::of(&self.in_force.configuration);
                self.log
                    .error(format!("reload refused, the last good configuration goes on serving: {error:#}"));
            }
        }
    }

    fn try_reload(&mut self) -> Result<Vec<IssuedKeys>> {
        let (configuration, mut findings) = good_configuration(&self.sources)?;
        let credentials = credentials(&configuration, &self.open, Some(&self.credentials), &mut findings)?;
        let vault_changes = credentials.vaults.changes();
        changes::check_restart(&self.in_force.configuration, &configuration)?;
        let previous = self.shared.snapshot.load_full();
        let with = CompileWith {
            store: Some(&*self.open.store),
            metrics: &self.shared.metrics,
            instance_id: &self.instance_id,
            credentials: &credentials,
            previous: Some(&previous),
        };
        let loaded = do_behind_requests(|| load_rest(configuration, findings, &self.sources, &with))??;
        if let Some(file) = &self.sources.keys {
            load::read_keys_file(file).map_err(|found| refused(found, "the keys file has errors"))?;
        }
        tell(&self.log, &loaded.findings);
        fetch_lists(&self.revocation_lists, &loaded.configuration, &credentials, &self.log)?;
        self.swap(loaded)?;
        credentials.vaults.refresh_in_background()?;
        self.credentials = credentials;
        self.vault_changes = vault_changes;
        let (issued, revision, ring) =
            bring_subscriptions_in(&self.open, &self.in_force.catalog, &self.sources)?;
        self.shared.keys.store(Arc::new(ring));
        self.in_force.revision = revision;
        Ok(issued)
    }

    /// Requests of a new listener must find its facts, and those of one that goes must find theirs to the end: the
    /// snapshot goes first, and listeners that cannot be had take it back.
    fn swap(&mut self, loaded: Loaded) -> Result<()> {
        let Loaded { configuration, catalog, snapshot, stamp, .. } = loaded;
        let before = self.shared.snapshot.swap(Arc::new(snapshot));
        if let Some(listeners) = &self.listeners
            && let Err(findings) = listeners.apply(&configuration.listeners, &configuration.limits)
        {
            self.shared.snapshot.store(before);
            return Err(refused(findings, "the listeners cannot be changed"));
        }
        self.shared.listeners.store(Arc::new(listener_measures(&self.shared.metrics, &configuration)));
        let bounds = cache_bounds(&configuration);
        self.shared.response_cache.set_bounds(bounds);
        self.shared.values.set_bounds(bounds);
        self.retired.push(before);
        self.in_force.configuration = configuration;
        let before = std::mem::replace(&mut self.in_force.catalog, catalog);
        // Without a thread for it, it is freed here.
        let _ = do_behind_requests(move || drop(before));
        self.in_force.stamp = stamp;
        Ok(())
    }

    /// Looks for changes of the store by another process, and of the files where `watch` says so.
    pub(crate) fn look_for_changes(&mut self) {
        self.release_retired();
        if let Err(error) = self.take_subscriptions_over() {
            self.log.warn(format!("the store cannot be read, known subscriptions go on: {error:#}"));
        }
        if self.credentials.vaults.changes() != self.vault_changes {
            // A configuration that is refused for another reason is not tried again for this one.
            self.vault_changes = self.credentials.vaults.changes();
            self.log.info("a value of a vault has changed");
            self.reload();
        } else if self.is_key_due() {
            self.log.info("the instance's issuer gets a new key");
            self.reload();
        } else if self.in_force.configuration.watch {
            let now = Stamp::of(&self.in_force.configuration);
            if now != self.in_force.stamp {
                self.reload();
            }
        }
    }

    /// Whether the issuer of this instance needs a new key; after an attempt that has failed, not within an hour.
    fn is_key_due(&mut self) -> bool {
        let now = now_seconds().unsigned_abs();
        let is_due = self.credentials.issuer.as_ref().is_some_and(|issuer| issuer.is_due(now));
        if !is_due || now < self.key_tried + KEY_PAUSE {
            return false;
        }
        self.key_tried = now;
        true
    }

    fn release_retired(&mut self) {
        if self.retired.is_empty() {
            return;
        }
        match do_behind_requests(|| self.retired.release()) {
            Ok(true) => self.shared.metrics.forget_unused(),
            Ok(false) => {}
            // They are looked at again soon.
            Err(error) => self.log.warn(format!("what was replaced cannot be freed: {error}")),
        }
    }

    fn take_subscriptions_over(&mut self) -> Result<()> {
        let revision = self.open.store.revision()?;
        if revision != self.in_force.revision {
            let ring = key_ring(&self.open, &self.in_force.catalog)?;
            self.shared.keys.store(Arc::new(ring));
            self.in_force.revision = revision;
        }
        Ok(())
    }

    /// Lets requests under way end, within `limits.drain_timeout`.
    pub(crate) fn drain(mut self) {
        self.log.info("draining");
        exit_at_last(self.in_force.configuration.limits.drain_timeout + DRAIN_GRACE);
        if let Some(listeners) = self.listeners.take() {
            let shared = &self.shared;
            let is_busy = || shared.outgoing.under_way() > 0 || shared.events.are_waiting();
            let drained = listeners.drain_with(&is_busy);
            if drained.aborted > 0 {
                self.log
                    .warn(format!("{} connections were cut: their requests took too long", drained.aborted));
            }
        }
        if let Some(access_log) = &self.shared.access_log {
            access_log.flush(Duration::from_secs(2));
        }
        if let Some(trace_log) = &self.shared.trace_log {
            trace_log.flush(Duration::from_secs(2));
        }
        self.shared.events.flush(Duration::from_secs(2));
        if let Some(waf_log) = &self.shared.waf_log {
            waf_log.flush(Duration::from_secs(2));
        }
        self.log.info("stopped");
        self.log.flush(Duration::from_secs(2));
    }
}

/// Ends the process where a core that does not come back would keep it.
fn exit_at_last(patience: Duration) {
    std::thread::spawn(move || {
        std::thread::sleep(patience);
        eprintln!("error: stopped by force: a request did not end within the drain timeout");
        std::process::exit(1);
    });
}

/// Prints keys that were made for a subscription; this is the only time.
pub(crate) fn print_keys(keys: &IssuedKeys) {
    println!("Keys of the subscription {}, shown this once:", keys.id);
    println!("  primary    {}", keys.primary.expose());
    println!("  secondary  {}", keys.secondary.expose());
}

fn good_configuration(sources: &Sources) -> Result<(Configuration, Diagnostics)> {
    match load::read_configuration(&sources.configuration) {
        (Some(mut configuration), findings) if !findings.has_errors() => {
            if let Some(experiment) = &sources.experiment {
                (experiment.configuration)(&mut configuration);
            }
            Ok((configuration, findings))
        }
        (_, findings) => Err(refused(findings, "the configuration has errors")),
    }
}

fn credentials(
    configuration: &Configuration,
    open: &OpenStore,
    previous: Option<&Credentials>,
    findings: &mut Diagnostics,
) -> Result<Credentials> {
    let mut found = Diagnostics::new();
    let credentials = Credentials::of(configuration, Some(open.kept()), previous, &mut found);
    match credentials.filter(|_| !found.has_errors()) {
        Some(credentials) => {
            findings.extend(found);
            Ok(credentials)
        }
        None => Err(refused(found, "the configuration has errors")),
    }
}

/// Fetches revocation lists that are published at URLs.
fn fetch_lists(
    lists: &RevocationLists,
    configuration: &Configuration,
    credentials: &Credentials,
    log: &Log,
) -> Result<()> {
    let mut found = Diagnostics::new();
    lists.watch(configuration, &credentials.client, &mut found);
    if found.has_errors() {
        return Err(refused(found, "revocation lists cannot be had"));
    }
    tell(log, &found);
    Ok(())
}

fn load_rest(
    mut configuration: Configuration,
    mut findings: Diagnostics,
    sources: &Sources,
    with: &CompileWith<'_>,
) -> Result<Loaded> {
    // Before anything is read: a file that changes meanwhile is seen as changed afterwards.
    let stamp = Stamp::of(&configuration);
    let (mut catalog, found) = load::read_artifacts(&configuration);
    findings.extend(found);
    if let Some((name, url)) = &sources.sample_backend
        && let Some(api) = catalog.service.apis.get_mut(*name)
        && api.service_url.is_none()
    {
        let location = Location::file(sources.configuration.as_path());
        api.service_url = Some(Located::new(url.clone(), location));
    }
    if let Some(experiment) = &sources.experiment {
        (experiment.artifacts)(&mut configuration, &mut catalog);
    }
    match load::compile(&configuration, &catalog, with, &mut findings) {
        Some(snapshot) => Ok(Loaded { configuration, catalog, snapshot, findings, stamp }),
        None => Err(refused(findings, "the configuration cannot be served")),
    }
}

fn start_listeners(
    configuration: &Configuration,
    shared: &Arc<Shared>,
    log: &Log,
    diverted_to: Option<SocketAddr>,
) -> Result<Listeners> {
    let cores = std::thread::available_parallelism().map_or(1, usize::from);
    let factory: HandlerFactory = {
        let shared = Arc::clone(shared);
        Arc::new(move |core| {
            let observer = Rc::new(BackendObserver::new(Arc::clone(&shared)));
            let pools = Pools::diverted(PoolLimits::for_cores(cores), observer, diverted_to);
            Rc::new(Core::new(Arc::clone(&shared), pools, seed(core))) as Rc<dyn Handler>
        })
    };
    let report = {
        let log = log.clone();
        Arc::new(move |findings: &Diagnostics| {
            log.error(format!(
                "changed TLS files are refused, the last good ones go on serving:\n{findings}"
            ));
        })
    };
    Listeners::start(
        &configuration.listeners,
        &configuration.limits,
        Some(cores),
        &factory,
        report,
        &shared.metrics,
    )
    .map_err(|findings| refused(findings, "the listeners cannot be started"))
}

fn watch_events(shared: &Arc<Shared>) {
    let seen = Arc::downgrade(shared);
    shared.metrics.watch_counter("events", "Events of log-to-eventhub", "outcome", move || {
        seen.upgrade().map(|shared| shared.events.counts().to_vec()).unwrap_or_default()
    });
}

fn watch_outgoing(metrics: &Metrics) -> Arc<OutgoingCounts> {
    let counts = Arc::new(OutgoingCounts::default());
    let seen = Arc::clone(&counts);
    let help = "Requests of policies that were refused because of where they lead";
    metrics.watch_counter("egress_refused", help, "reason", move || vec![("forbidden", seen.forbidden())]);
    let seen = Arc::clone(&counts);
    let help = "One-way requests of policies that have ended";
    metrics.watch_counter("one_way_requests", help, "outcome", move || seen.one_way().to_vec());
    counts
}

fn cache_bounds(configuration: &Configuration) -> CacheBounds {
    let limits = &configuration.limits;
    CacheBounds { bytes: limits.cache_bytes, entries: limits.cache_entries }
}

fn live_traces(configuration: &Configuration, open: &OpenStore, log: &Log) -> Result<LiveTraces> {
    let sink = TraceWriter::start(load::trace_store(configuration), log.clone())
        .context("the thread that keeps traces cannot be started")?;
    Ok(LiveTraces { tokens: open.master.debug_tokens().clone(), sink: Box::new(sink) })
}
fn watch_counters(metrics: &Metrics, counters: &Arc<MemoryCounters>) {
    let counters = Arc::clone(counters);
    let help = "Rate limits and quotas that were forgotten before their time";
    metrics.watch_counter("counters_evicted", help, "kind", move || {
        let evicted = counters.evicted();
        vec![("window", evicted.windows), ("quota", evicted.quotas)]
    });
}

fn listener_measures(metrics: &Metrics, configuration: &Configuration) -> ListenerMeasures {
    let names = configuration.listeners.iter().map(|listener| listener.name.as_str());
    names.map(|name| (Arc::from(name), metrics.listener(name))).collect()
}

/// Gives keys to subscriptions that the artifacts declare and the store does not know, lays the operator's over, and
/// makes the ring of all that is known then.
fn bring_subscriptions_in(
    open: &OpenStore,
    catalog: &Catalog,
    sources: &Sources,
) -> Result<(Vec<IssuedKeys>, Revision, KeyRing)> {
    let given = match &sources.keys {
        Some(file) => {
            Some(load::read_keys_file(file).map_err(|found| refused(found, "the keys file has errors"))?)
        }
        None => None,
    };
    let hasher = open.master.key_hasher();
    let mut issued = provision(&*open.store, hasher, catalog, now_seconds())?;
    if let Some(given) = given {
        given
            .apply(&*open.store, hasher)
            .map_err(|findings| refused(findings, "the keys file cannot be used"))?;
        issued.retain(|made| !given.gives(&made.id));
    }
    let revision = open.store.revision()?;
    Ok((issued, revision, key_ring(open, catalog)?))
}

fn key_ring(open: &OpenStore, catalog: &Catalog) -> Result<KeyRing> {
    let records = open.store.subscriptions().context("the subscriptions cannot be read")?;
    Ok(KeyRing::new(open.master.key_hasher().clone(), effective(records, catalog)))
}

fn tell(log: &Log, findings: &Diagnostics) {
    for finding in findings {
        log.warn(finding);
    }
}

fn refused(findings: Diagnostics, what: &str) -> anyhow::Error {
    let mut errors = Diagnostics::new();
    for finding in findings {
        if finding.severity == gatehouse_model::Severity::Error {
            errors.push(finding);
        }
    }
    anyhow::anyhow!("{what}\n{errors}")
}

fn instance_id() -> Result<String> {
    let mut bytes = [0; 8];
    getrandom::fill(&mut bytes).context("the operating system has no randomness")?;
    Ok(u64::from_be_bytes(bytes).to_string())
}

/// What nonces are made with, new at every start.
fn nonce_secret() -> Result<[u8; 32]> {
    let mut secret = [0; 32];
    getrandom::fill(&mut secret).context("the operating system has no randomness")?;
    Ok(secret)
}

fn seed(core: usize) -> u64 {
    let mut bytes = [0; 8];
    // Without randomness the clock serves: the seed is for balancing and ids, not for secrets.
    if getrandom::fill(&mut bytes).is_err() {
        bytes = (now_seconds().unsigned_abs() << 8 | core as u64).to_be_bytes();
    }
    u64::from_be_bytes(bytes)
}

fn now_seconds() -> i64 {
    SystemTime::now().duration_since(UNIX_EPOCH).map_or(0, |elapsed| elapsed.as_secs() as i64)
}
