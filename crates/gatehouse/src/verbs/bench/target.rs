//! Where requests go, and what is said of how they went.

use std::collections::BTreeMap;
use std::net::{SocketAddr, ToSocketAddrs as _};
use std::path::Path;
use std::sync::Arc;

use anyhow::{Context as _, Result, bail};
use rustls::pki_types::pem::PemObject as _;
use rustls::pki_types::{CertificateDer, ServerName};
use rustls::{ClientConfig, RootCertStore};
use url::Url;

use super::arguments::{Arguments, HttpVersion};
use super::generator::Target;
use super::measure::{Reach, Variant, rounds};
use super::report::{Report, Row, Subject};
use super::traffic::{Filling, from_definitions, from_file, prepare};
use super::{listener, loaded, refused};
use crate::cli::ConfigArgument;

/// The header field of subscription keys where nothing else is known.
const KEY_FIELD: &str = "Ocp-Apim-Subscription-Key";

/// The load test of a gateway that runs already.
pub(super) fn measured(
    arguments: &Arguments,
    config: &ConfigArgument,
    url: &Url,
    seed: u64,
) -> Result<Report> {
    let target = running(arguments, url)?;
    let key = match &arguments.key_file {
        Some(file) => {
            let text =
                std::fs::read_to_string(file).with_context(|| format!("cannot read {}", file.display()))?;
            Some(zeroize::Zeroizing::new(text.trim().to_owned()))
        }
        None => None,
    };
    let (mut drafts, left_out) = match &arguments.requests {
        Some(file) => {
            let drafts = from_file(file).map_err(|findings| {
                refused(findings).context(format!("the requests in {} cannot be used", file.display()))
            })?;
            (drafts, Vec::new())
        }
        None => {
            let (configuration, catalog) = loaded(&config.path())?;
            let listener = listener(&configuration, arguments.listener.as_deref())?;
            from_definitions(&configuration, &catalog, listener, &arguments.api, &arguments.operation)?
        }
    };
    if key.is_some() {
        for draft in &mut drafts {
            draft.key.get_or_insert_with(|| (KEY_FIELD.to_owned(), String::new()));
        }
    }
    if drafts.is_empty() {
        bail!("there is nothing to send: {}", left_out.join("\n  "));
    }
    let filling = Filling {
        keys: &BTreeMap::new(),
        key: key.as_ref().map(|key| key.as_str()),
        extra: &arguments.header,
        host: &target.authority,
        is_marked: false,
    };
    let calls = prepare(&drafts, &filling)?;
    let name = |count| if count == 1 { "1 request".to_owned() } else { format!("{count} requests") };
    let groups: Vec<(String, Arc<[_]>, Subject)> = if arguments.each {
        calls.into_iter().map(|call| (call.name.clone(), Arc::from([call]), Subject::Route)).collect()
    } else {
        vec![(name(calls.len()), calls.into(), Subject::Whole)]
    };
    let (mut variants, mut subjects) = (Vec::new(), Vec::new());
    for (name, calls, subject) in groups {
        variants.push(Variant { name, job: None, calls, is_needed: true });
        subjects.push(subject);
    }
    let reach = Reach {
        target: &|address, _| loopback(address, None, arguments.http, "localhost"),
        running: Some((target, arguments.pid)),
    };
    let measured = rounds(&variants, &reach, arguments, seed)?;
    let rows = Row::all(&variants, subjects, measured);
    let mut notes: Vec<String> = left_out.into_iter().map(|why| format!("left out: {why}")).collect();
    notes.extend(warnings(&rows, arguments));
    Ok(Report::new(rows, false, conditions(arguments, seed, false), notes))
}

/// A gateway of the experiment.
pub(super) fn loopback(
    address: SocketAddr,
    tls: Option<Arc<ClientConfig>>,
    version: HttpVersion,
    host: &str,
) -> Target {
    let name = ServerName::from(address.ip());
    // The certificate of the experiment is for `localhost`; a literal name cannot fail.
    let name = ServerName::try_from("localhost").map_or(name, |name| name);
    Target { address, tls: tls.map(|config| (config, name)), version, authority: host.to_owned() }
}

fn running(arguments: &Arguments, url: &Url) -> Result<Target> {
    if url.scheme() != "https" {
        bail!("`{url}` is no https URL; a gateway speaks nothing else");
    }
    if !matches!(url.path(), "" | "/") || url.query().is_some() {
        bail!("`{url}` names more than a host and a port; paths are those of the requests");
    }
    let host = url.host_str().with_context(|| format!("`{url}` has no host"))?;
    let port = url.port_or_known_default().unwrap_or(443);
    let bare = host.trim_start_matches('[').trim_end_matches(']');
    let mut addresses =
        (bare, port).to_socket_addrs().with_context(|| format!("`{host}` cannot be resolved"))?;
    let address = addresses.next().with_context(|| format!("`{host}` has no address"))?;
    let tls = match &arguments.ca {
        Some(file) => trusting(file, arguments.http)?,
        None => trusting_the_system(arguments.http)?,
    };
    let name = ServerName::try_from(bare.to_owned()).with_context(|| format!("`{host}` is no host name"))?;
    let authority = if port == 443 { host.to_owned() } else { format!("{host}:{port}") };
    Ok(Target { address, tls: Some((tls, name)), version: arguments.http, authority })
}

/// TLS that trusts the authorities of a file.
pub(super) fn trusting(file: &Path, version: HttpVersion) -> Result<Arc<ClientConfig>> {
    let place = || format!("the authorities in {} cannot be used", file.display());
    let text = std::fs::read(file).with_context(place)?;
    let mut roots = RootCertStore::empty();
    for certificate in CertificateDer::pem_slice_iter(&text) {
        roots.add(certificate.with_context(place)?).with_context(place)?;
    }
    if roots.is_empty() {
        bail!("{} has no certificate in PEM", file.display());
    }
    client(roots, version)
}

fn trusting_the_system(version: HttpVersion) -> Result<Arc<ClientConfig>> {
    let mut roots = RootCertStore::empty();
    roots.add_parsable_certificates(rustls_native_certs::load_native_certs().certs);
    if roots.is_empty() {
        bail!("the system has no certificates of authorities; name one with --ca");
    }
    client(roots, version)
}

fn client(roots: RootCertStore, version: HttpVersion) -> Result<Arc<ClientConfig>> {
    let provider = Arc::new(rustls::crypto::aws_lc_rs::default_provider());
    let mut config = ClientConfig::builder_with_provider(provider)
        .with_safe_default_protocol_versions()?
        .with_root_certificates(roots)
        .with_no_client_auth();
    config.alpn_protocols = match version {
        HttpVersion::Http1 => vec![b"http/1.1".to_vec()],
        HttpVersion::Http2 => vec![b"h2".to_vec()],
    };
    Ok(Arc::new(config))
}

/// How it was measured.
pub(super) fn conditions(arguments: &Arguments, seed: u64, is_own: bool) -> Vec<String> {
    let at_a_time = match arguments.http {
        HttpVersion::Http1 => String::new(),
        HttpVersion::Http2 => format!(" with {} requests at a time each", arguments.streams),
    };
    let manner = match arguments.rate {
        None => "closed loop: each request waits for the answer before it".to_owned(),
        Some(rate) => {
            format!(
                "open loop: {rate} requests a second at times of their own; what waits counts with its waiting"
            )
        }
    };
    let version = arguments.http.as_str();
    let mut conditions = vec![
        format!("{version} over TLS, {} connections{at_a_time}, {manner}.", arguments.connections),
        format!(
            "{} rounds of {} ms a row in an order by chance (seed {seed}), {} ms before each without counting.",
            arguments.rounds,
            arguments.slice().as_millis(),
            arguments.warm_up.as_millis()
        ),
    ];
    if is_own {
        conditions.push(
            "The gateway has a process of its own; CPU, memory and allocations are those of this process alone. The \
             backend answers at once."
                .to_owned(),
        );
    }
    let cores = std::thread::available_parallelism().map_or(1, usize::from);
    let load = std::fs::read_to_string("/proc/loadavg").unwrap_or_default();
    let load =
        load.split_whitespace().next().map(|load| format!(", load average {load}")).unwrap_or_default();
    conditions.push(format!("{} {}, {cores} cores{load}.", std::env::consts::OS, std::env::consts::ARCH));
    if cfg!(debug_assertions) && is_own {
        conditions.push("This is a debug build: its figures say nothing of a release.".to_owned());
    }
    conditions
}

/// What makes figures doubtful.
pub(super) fn warnings(rows: &[Row], arguments: &Arguments) -> Vec<String> {
    let mut warnings = Vec::new();
    for row in rows.iter().filter(|row| row.unsent > 0) {
        warnings.push(format!(
            "{}: {} requests could not be sent: the gateway does not keep up with {} requests a second",
            row.name,
            row.unsent,
            arguments.rate.unwrap_or_default()
        ));
    }
    for row in rows {
        if let Some(late) = row.late_us.filter(|late| *late > 2000.0) {
            warnings.push(format!(
                "{}: one request in a hundred was sent {:.1} ms late, because the load generator had no processor: times are too long by that",
                row.name,
                late / 1000.0
            ));
        }
    }
    warnings
}
