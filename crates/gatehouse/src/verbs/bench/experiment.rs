//! What the process that is measured is told, and what it does then: it serves the configuration with what the
//! experiment changes, and reads its own counters when it is asked.

use std::collections::BTreeMap;
use std::io::{BufRead as _, Write as _};
use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use anyhow::{Context as _, Result, bail};
use gatehouse_model::configuration::{
    ClientCertificates, Configuration, Database, LogTarget, LoggerSink, LoggerTarget, MasterKey, WafMode,
};
use gatehouse_model::resources::{Catalog, PolicySource, Resources, Scope, Subscription, SubscriptionState};
use gatehouse_model::{Located, Location};
use gatehouse_telemetry::log::{Level, Log};
use serde::{Deserialize, Serialize};
use url::Url;

use super::machine::OwnCounters;
use crate::cli::Outcome;
use crate::load;
use crate::running::{Experiment, Running, Sources};

/// Takes what is written and costs only the writing.
const NOWHERE: &str = "/dev/null";
/// The backend of APIs that have none; as all others it is the one of the experiment.
const NO_BACKEND: &str = "https://backend.invalid";

/// What is to be served.
#[derive(Clone, Debug, Deserialize, Serialize)]
pub(super) struct Job {
    /// The configuration file.
    pub(super) configuration: PathBuf,
    /// The listener that is kept.
    pub(super) listener: String,
    /// Where the experiment keeps its store and its certificates.
    pub(super) folder: PathBuf,
    /// The backend that stands for all others.
    pub(super) backend: SocketAddr,
    /// Subscriptions beside those of the artifacts.
    pub(super) subscriptions: Vec<OwnSubscription>,
    /// What is different in the policy documents.
    pub(super) edits: Vec<Edit>,
    /// Whether requests come over HTTP/2 where there is no TLS to agree on it.
    pub(super) is_http2: bool,
    /// Whether the listener speaks plain text.
    pub(super) in_the_clear: bool,
    /// Whether the firewall stands aside.
    pub(super) without_firewall: bool,
    /// Whether nothing is logged.
    pub(super) without_logs: bool,
}

/// A subscription of the experiment.
#[derive(Clone, Debug, Deserialize, PartialEq, Eq, PartialOrd, Ord, Serialize)]
pub(super) struct OwnSubscription {
    /// The workspace.
    pub(super) workspace: Option<String>,
    /// Its name.
    pub(super) name: String,
    /// What it opens.
    pub(super) scope: String,
}

/// Another text in the place of some bytes of a policy document.
#[derive(Clone, Debug, Deserialize, PartialEq, Eq, PartialOrd, Ord, Serialize)]
pub(super) struct Edit {
    /// The document.
    pub(super) file: PathBuf,
    /// The first byte.
    pub(super) start: usize,
    /// The byte after the last.
    pub(super) end: usize,
    /// The text.
    pub(super) text: String,
}

/// The first answer of the process: where it listens.
#[derive(Clone, Debug, Deserialize, Serialize)]
pub(super) struct Ready {
    /// The address.
    pub(super) address: SocketAddr,
    /// Keys of subscriptions that were seen for the first time, by `NAME` or `WORKSPACE/NAME`.
    pub(super) keys: BTreeMap<String, String>,
}

/// Serves what standard input says, as `bench` starts it.
pub(crate) fn serve() -> Outcome {
    match serve_job() {
        Ok(()) => Outcome::Good,
        Err(error) => {
            eprintln!("error: {error:#}");
            Outcome::Bad
        }
    }
}

fn serve_job() -> Result<()> {
    let mut counters = OwnCounters::new();
    let mut lines = std::io::stdin().lock().lines();
    let first = lines.next().context("this verb is started by `bench`")??;
    let job: Arc<Job> = Arc::new(serde_json::from_str(&first).context("this verb is started by `bench`")?);
    let (running, issued) = Running::start(sources(&job)?, Log::direct(Level::Error))?;
    if job.in_the_clear && !running.go_in_the_clear(job.is_http2) {
        bail!("the listener is not on a loopback address");
    }
    let bound = running.bound();
    let address = bound.first().context("the listener is not bound")?.address;
    let keys = issued.iter().map(|keys| (keys.id.to_string(), keys.primary.expose().to_owned())).collect();
    let mut out = std::io::stdout().lock();
    writeln!(out, "{}", serde_json::to_string(&Ready { address, keys })?)?;
    out.flush()?;
    // Each line asks for the counters; the end of the input ends the process.
    for line in lines {
        line?;
        writeln!(out, "{}", serde_json::to_string(&counters.read())?)?;
        out.flush()?;
    }
    drop(running);
    Ok(())
}

fn sources(job: &Arc<Job>) -> Result<Sources> {
    let (before, after) = (Arc::clone(job), Arc::clone(job));
    let secrets = match load::read_configuration(&job.configuration).0 {
        Some(configuration) => load::store_if_there(&configuration)?,
        None => None,
    };
    let experiment = Experiment {
        configuration: Box::new(move |configuration| before.adjust(configuration)),
        artifacts: Box::new(move |configuration, catalog| after.adjust_artifacts(configuration, catalog)),
        backend: job.backend,
        secrets,
    };
    Ok(Sources {
        configuration: job.configuration.clone(),
        keys: None,
        sample_backend: None,
        experiment: Some(experiment),
    })
}

impl Job {
    fn adjust(&self, configuration: &mut Configuration) {
        let here = Location::file(configuration.file.as_path());
        let place = |path: PathBuf| Located::new(path, here.clone());
        configuration.watch = false;
        configuration.store.database = Database::Sqlite(place(self.folder.join("bench.db")));
        configuration.store.key = MasterKey::File(place(self.folder.join("master.key")));
        configuration.listeners.retain(|listener| listener.name == self.listener);
        for listener in &mut configuration.listeners {
            listener.address.value = SocketAddr::from(([127, 0, 0, 1], 0));
            listener.http_redirect = None;
            let tls = &mut listener.tls;
            // The settings stay as they are; the certificate is one that the load generator trusts.
            tls.certificates.truncate(1);
            tls.settings.client_certificates = ClientCertificates::default();
            for entry in &mut tls.certificates {
                entry.certificate = place(self.folder.join("certs/server.pem"));
                entry.key = place(self.folder.join("certs/server.key"));
                entry.hosts = Vec::new();
                entry.settings.client_certificates = ClientCertificates::default();
            }
        }
        let nowhere = || LogTarget::File(place(PathBuf::from(NOWHERE)));
        let telemetry = &mut configuration.telemetry;
        for target in [&mut telemetry.access_log, &mut telemetry.trace_log] {
            *target = if self.without_logs { None } else { target.take().map(|_| nowhere()) };
        }
        let waf = &mut configuration.waf;
        waf.audit_log = if self.without_logs {
            None
        } else {
            waf.audit_log.take().map(|_| place(PathBuf::from(NOWHERE)))
        };
        if self.without_firewall {
            waf.mode = WafMode::Off;
            waf.listeners.clear();
            waf.apis.clear();
        }
    }

    fn adjust_artifacts(&self, configuration: &mut Configuration, catalog: &mut Catalog) {
        let here = Location::file(configuration.file.as_path());
        // Events of loggers are made and written, and reach nobody.
        for (workspace, resources) in catalog.scopes() {
            for name in resources.loggers.keys() {
                let id = workspace.map_or_else(|| name.clone(), |workspace| format!("{workspace}/{name}"));
                let target = LoggerTarget::File(Located::new(PathBuf::from(NOWHERE), here.clone()));
                configuration.loggers.insert(id, LoggerSink { target, location: here.clone() });
            }
        }
        for wanted in &self.subscriptions {
            let resources = match &wanted.workspace {
                None => Some(&mut catalog.service),
                Some(workspace) => catalog.workspaces.get_mut(workspace),
            };
            if let (Some(resources), Some(scope)) = (resources, Scope::parse(&wanted.scope)) {
                let subscription = Subscription {
                    name: wanted.name.clone(),
                    display_name: wanted.name.clone(),
                    scope,
                    owner: None,
                    state: SubscriptionState::Active,
                    allow_tracing: false,
                    location: here.clone(),
                };
                resources.subscriptions.insert(wanted.name.clone(), subscription);
            }
        }
        reachable(&mut catalog.service, &here);
        documents(&mut catalog.service, &self.edits);
        for resources in catalog.workspaces.values_mut() {
            reachable(resources, &here);
            documents(resources, &self.edits);
        }
    }
}

/// An API that answers from a mock has a backend too, once the mock is taken out.
fn reachable(resources: &mut Resources, place: &Location) {
    for api in resources.apis.values_mut().filter(|api| api.service_url.is_none()) {
        api.service_url = Url::parse(NO_BACKEND).ok().map(|url| Located::new(url, place.clone()));
    }
}

/// Edits every policy document of a scope.
fn documents(resources: &mut Resources, edits: &[Edit]) {
    let mut change = |source: &mut PolicySource| *source = edited(source, edits);
    resources.policy.iter_mut().for_each(&mut change);
    resources.products.values_mut().filter_map(|product| product.policy.as_mut()).for_each(&mut change);
    resources.fragments.values_mut().for_each(|fragment| change(&mut fragment.policy));
    for api in resources.apis.values_mut() {
        api.policy.iter_mut().for_each(&mut change);
        api.operations.values_mut().filter_map(|operation| operation.policy.as_mut()).for_each(&mut change);
    }
}

fn edited(source: &PolicySource, edits: &[Edit]) -> PolicySource {
    let mut own: Vec<&Edit> = edits.iter().filter(|edit| *edit.file == *source.file).collect();
    if own.is_empty() {
        return source.clone();
    }
    own.sort();
    let mut text = String::with_capacity(source.text.len());
    let mut at = 0;
    for edit in own {
        // What lies within something that is gone already is gone too.
        if edit.start < at {
            continue;
        }
        text.push_str(source.text.get(at..edit.start).unwrap_or_default());
        text.push_str(&edit.text);
        at = edit.end;
    }
    text.push_str(source.text.get(at..).unwrap_or_default());
    PolicySource { text: text.into(), file: Arc::clone(&source.file) }
}

/// The certificates of an experiment: made anew in its folder. Gives the authority's.
pub(super) fn make_certificates(folder: &Path) -> Result<PathBuf> {
    Ok(crate::landing_zone::ensure_certificates(folder)?.certificate)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn edits_of_one_document_are_made_together() {
        let source = PolicySource { text: "<a><b c=\"1\"/><d/></a>".into(), file: Path::new("p.xml").into() };
        let edit = |start, end, text: &str| Edit { file: "p.xml".into(), start, end, text: text.into() };
        let elsewhere = Edit { file: "q.xml".into(), start: 0, end: 3, text: String::new() };
        let raised = edited(&source, &[edit(13, 17, "    "), edit(9, 10, "999"), elsewhere.clone()]);
        assert_eq!(&*raised.text, "<a><b c=\"999\"/>    </a>");
        let gone = edited(&source, &[edit(9, 10, "999"), edit(3, 13, "          ")]);
        assert_eq!(&*gone.text, "<a>          <d/></a>", "what lies within is gone too");
        assert_eq!(edited(&source, &[elsewhere]), source);
    }
}
