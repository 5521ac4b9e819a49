//! `gatehouse bench`: the load test. It starts the gateway that the configuration describes in a process of its own, puts
//! a backend of its own behind it, sends requests, and tells what they cost; or it sends them to a gateway that runs.

mod ablation;
mod arguments;
mod experiment;
mod generator;
mod instance;
mod machine;
mod measure;
mod progress;
mod report;
mod statistics;
mod stub;
mod target;
mod traffic;
mod variants;

use std::path::Path;
use std::sync::Arc;

use anyhow::{Context as _, Result, bail};
use gatehouse_model::configuration::{ClientCertificateMode, Configuration, Listener, Role, Zone};
use gatehouse_model::resources::Catalog;
use gatehouse_model::{Diagnostics, Severity, did_you_mean};

use self::experiment::Job;
use self::instance::Instance;
use self::measure::{Reach, rounds};
use self::report::{Report, Row};
use self::stub::Stub;
use self::traffic::{Draft, Filling, find_routes, from_definitions, from_file, prepare};
use crate::cli::{ConfigArgument, Outcome};
use crate::load;

pub(crate) use self::arguments::Arguments;
pub(crate) use self::experiment::serve as serve_experiment;

/// Measures and prints.
pub(crate) fn run(arguments: &Arguments, config: &ConfigArgument) -> Outcome {
    match measured(arguments, config).and_then(|report| print(&report, arguments)) {
        Ok(()) => Outcome::Good,
        Err(error) => {
            eprintln!("error: {error:#}");
            Outcome::Bad
        }
    }
}

fn print(report: &Report, arguments: &Arguments) -> Result<()> {
    let text = report.render(arguments.format);
    match &arguments.output {
        Some(file) => {
            std::fs::write(file, text).with_context(|| format!("cannot write {}", file.display()))?;
            eprintln!("written to {}", file.display());
        }
        None => print!("{text}"),
    }
    Ok(())
}

fn measured(arguments: &Arguments, config: &ConfigArgument) -> Result<Report> {
    let seed = measure::seed(arguments.seed)?;
    match &arguments.target {
        Some(url) => target::measured(arguments, config, url, seed),
        None => own_gateway(arguments, &config.path(), seed),
    }
}

/// The load test of a gateway that is started for it.
fn own_gateway(arguments: &Arguments, file: &Path, seed: u64) -> Result<Report> {
    let (configuration, catalog) = loaded(file)?;
    let listener = listener(&configuration, arguments.listener.as_deref())?;
    let (drafts, mut notes) = drafts(arguments, &configuration, &catalog, listener)?;
    notes.extend(changes(listener));
    let folder = tempfile::tempdir().context("no folder for the experiment")?;
    let authority = experiment::make_certificates(folder.path())?;
    let stub = Stub::start()?;
    let routes = drafts.iter().filter_map(|draft| draft.route.clone()).collect();
    let documents = ablation::Documents::around(&catalog, &routes).map_err(refused)?;
    let (edits, raised) = ablation::raised(&documents).map_err(refused)?;
    notes.extend(raised);
    let job = Job {
        configuration: file.to_owned(),
        listener: listener.name.clone(),
        folder: folder.path().to_owned(),
        backend: stub.address,
        subscriptions: variants::subscriptions(&catalog, &routes),
        edits,
        is_http2: arguments.http == arguments::HttpVersion::Http2,
        in_the_clear: false,
        without_firewall: false,
        without_logs: false,
    };
    // The first instance makes the keys, which the others find in the store of the experiment.
    let first = Instance::start(&job).context("the configuration cannot be served")?;
    let host = host(listener);
    let filling = Filling {
        keys: &first.ready.keys,
        key: None,
        extra: &arguments.header,
        host: &host,
        is_marked: true,
    };
    let calls = prepare(&drafts, &filling)?;
    drop(first);
    stub.answer_with(drafts.iter().map(|draft| draft.answer.clone()).collect());
    let tls = target::trusting(&authority, arguments.http)?;
    let reach = Reach {
        target: &|address, with_tls| {
            target::loopback(address, with_tls.then(|| Arc::clone(&tls)), arguments.http, &host)
        },
        running: None,
    };
    let policies = if arguments.ablate.is_empty() {
        Vec::new()
    } else {
        ablation::chosen(documents.policies().map_err(refused)?, &arguments.ablate)?
    };
    let (variants, subjects) = variants::all(
        &job,
        calls,
        arguments,
        policies,
        &variants::Parts::of(&configuration, listener),
        &mut notes,
    );
    let measured = rounds(&variants, &reach, arguments, seed)?;
    let is_ablation = !arguments.ablate.is_empty();
    let rows = Row::all(&variants, subjects, measured);
    notes.extend(target::warnings(&rows, arguments));
    Ok(Report::new(rows, is_ablation, target::conditions(arguments, seed, true), notes))
}

fn loaded(file: &Path) -> Result<(Configuration, Catalog)> {
    let (configuration, findings) = load::read_configuration(file);
    let Some(configuration) = configuration.filter(|_| !findings.has_errors()) else {
        return Err(refused(findings).context("the configuration has errors"));
    };
    let (catalog, findings) = load::read_artifacts(&configuration);
    if findings.has_errors() {
        return Err(refused(findings).context("the artifacts have errors"));
    }
    Ok((configuration, catalog))
}

/// The errors among findings.
fn refused(findings: Diagnostics) -> anyhow::Error {
    let mut errors = Diagnostics::new();
    for finding in findings {
        if finding.severity == Severity::Error {
            errors.push(finding);
        }
    }
    anyhow::anyhow!("\n{}", errors.to_string().trim_end().to_owned())
}

fn listener<'c>(configuration: &'c Configuration, name: Option<&str>) -> Result<&'c Listener> {
    let serving =
        || configuration.listeners.iter().filter(|listener| listener.serves.contains(&Role::Gateway));
    match name {
        Some(name) => serving().find(|listener| listener.name == name).with_context(|| {
            let near = did_you_mean(name, serving().map(|listener| listener.name.as_str()));
            let hint = near.map(|near| format!("; did you mean `{near}`?")).unwrap_or_default();
            format!("there is no listener `{name}` that serves APIs{hint}")
        }),
        None => serving()
            .min_by_key(|listener| listener.zone != Zone::External)
            .context("no listener serves APIs"),
    }
}

/// The requests that are to be sent, and what is to be told about them.
fn drafts(
    arguments: &Arguments,
    configuration: &Configuration,
    catalog: &Catalog,
    listener: &Listener,
) -> Result<(Vec<Draft>, Vec<String>)> {
    let (drafts, left_out) = match &arguments.requests {
        Some(file) => {
            let mut drafts = from_file(file).map_err(|findings| {
                refused(findings).context(format!("the requests in {} cannot be used", file.display()))
            })?;
            find_routes(&mut drafts, configuration, catalog, listener);
            (drafts, Vec::new())
        }
        None => from_definitions(configuration, catalog, listener, &arguments.api, &arguments.operation)?,
    };
    if drafts.is_empty() {
        let why = if left_out.is_empty() {
            format!("the listener `{}` exposes no operation", listener.name)
        } else {
            left_out.join("\n  ")
        };
        bail!("there is nothing to send: {why}");
    }
    Ok((drafts, left_out.into_iter().map(|why| format!("left out: {why}")).collect()))
}

/// What is different from the listener as it is configured.
fn changes(listener: &Listener) -> Option<String> {
    let settings =
        listener.tls.certificates.iter().map(|entry| &entry.settings).chain([&listener.tls.settings]);
    let asks =
        settings.into_iter().any(|settings| settings.client_certificates.mode != ClientCertificateMode::Off);
    asks.then(|| {
        "client certificates are not asked for: policies that want one refuse the requests".to_owned()
    })
}

/// A host that the listener answers to.
fn host(listener: &Listener) -> String {
    match listener.hosts.first() {
        None => "localhost".to_owned(),
        Some(host) => match host.strip_prefix("*.") {
            Some(domain) => format!("bench.{domain}"),
            None => host.clone(),
        },
    }
}
