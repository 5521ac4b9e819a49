//! Revocation lists that are published at URLs: fetched into files, which listeners watch.
//!
//! The file is replaced only by a list that can be read and is current; while a publisher is away the last good one stays,
//! and ends by its own date: then handshakes of its issuer's clients fail.

use std::path::{Path, PathBuf};
use std::sync::{Arc, Weak};
use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};

use gatehouse_identity::http_client::{HttpClient, HttpRequest};
use gatehouse_model::configuration::{Configuration, fetched_list};
use gatehouse_model::{Diagnostic, Diagnostics, Location, Severity};
use gatehouse_vault::block_on;
use parking_lot::Mutex;
use rustls_pki_types::CertificateRevocationListDer;
use rustls_pki_types::pem::PemObject as _;
use url::Url;
use x509_parser::prelude::FromDer as _;
use x509_parser::revocation_list::CertificateRevocationList;

/// The largest list that is taken.
const MAX_LIST: usize = 32 * 1024 * 1024;
/// How often it is looked whether one is due.
const LOOK_EVERY: Duration = Duration::from_millis(500);
/// The least time between two attempts.
const PAUSE: Duration = Duration::from_secs(30);

/// The lists of a configuration.
pub struct RevocationLists {
    client: Mutex<Arc<dyn HttpClient>>,
    watched: Mutex<Vec<Watched>>,
}

struct Watched {
    url: Url,
    file: PathBuf,
    refresh: Duration,
    location: Location,
    due: Instant,
}

impl RevocationLists {
    /// Fetches over a client.
    pub fn new(client: Arc<dyn HttpClient>) -> Arc<Self> {
        Arc::new(Self { client: Mutex::new(client), watched: Mutex::default() })
    }

    /// Fetches what a configuration names and is not known yet, over its client; blocks. Keeps all of it fresh from then on.
    /// A list of which there is none at all is an error: clients that were revoked would be let in.
    pub fn watch(
        &self,
        configuration: &Configuration,
        client: &Arc<dyn HttpClient>,
        diagnostics: &mut Diagnostics,
    ) {
        *self.client.lock() = Arc::clone(client);
        let mut watched: Vec<Watched> = Vec::new();
        for listener in &configuration.listeners {
            let entries = listener.tls.certificates.iter().map(|entry| &entry.settings);
            for clients in entries.map(|settings| &settings.client_certificates) {
                for url in &clients.crl_urls {
                    let file = fetched_list(configuration.store.folder(), &url.value);
                    if watched.iter().any(|known| known.file == file) {
                        continue;
                    }
                    watched.push(Watched {
                        url: url.value.clone(),
                        file,
                        refresh: clients.crl_refresh,
                        location: url.location.clone(),
                        due: Instant::now(),
                    });
                }
            }
        }
        for list in &mut watched {
            let known =
                self.watched.lock().iter().find(|known| known.file == list.file).map(|known| known.due);
            if let Some(due) = known {
                list.due = due.min(Instant::now() + list.refresh);
                continue;
            }
            let outcome = block_on(fetch(&**client, &list.url, &list.file));
            list.due = Instant::now() + if outcome.is_ok() { list.refresh } else { PAUSE };
            if let Err(why) = outcome {
                let message = format!("the revocation list {} cannot be fetched: {why}", list.url);
                let finding = Diagnostic::error("tls-file", list.location.clone(), message);
                diagnostics.push(if list.file.exists() {
                    finding.severity(Severity::Medium)
                } else {
                    finding.fix("make it reachable: without it revoked certificates would be let in")
                });
            }
        }
        *self.watched.lock() = watched;
    }

    /// Keeps lists fresh on a thread of its own, for as long as somebody holds this. `report` is told what goes wrong.
    ///
    /// # Errors
    /// The operating system gives no thread.
    pub fn refresh_in_background(
        self: &Arc<Self>,
        report: impl Fn(String) + Send + 'static,
    ) -> std::io::Result<()> {
        let lists: Weak<Self> = Arc::downgrade(self);
        std::thread::Builder::new().name("revocation-lists".to_owned()).spawn(move || {
            while let Some(lists) = lists.upgrade() {
                lists.refresh_due(&report);
                drop(lists);
                std::thread::sleep(LOOK_EVERY);
            }
        })?;
        Ok(())
    }

    fn refresh_due(&self, report: &impl Fn(String)) {
        let now = Instant::now();
        let due: Vec<(Url, PathBuf, Duration)> = {
            let watched = self.watched.lock();
            let due = watched.iter().filter(|list| list.due <= now);
            due.map(|list| (list.url.clone(), list.file.clone(), list.refresh)).collect()
        };
        for (url, file, refresh) in due {
            let client = Arc::clone(&self.client.lock());
            let outcome = block_on(fetch(&*client, &url, &file));
            let pause = if outcome.is_ok() { refresh } else { PAUSE.min(refresh) };
            if let Err(why) = outcome {
                report(format!("the revocation list {url} cannot be fetched, the last one stays: {why}"));
            }
            if let Some(list) = self.watched.lock().iter_mut().find(|list| list.file == file) {
                list.due = Instant::now() + pause;
            }
        }
    }
}

impl std::fmt::Debug for RevocationLists {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("RevocationLists").field("lists", &self.watched.lock().len()).finish_non_exhaustive()
    }
}

async fn fetch(client: &dyn HttpClient, url: &Url, file: &Path) -> Result<(), String> {
    let mut request = HttpRequest::get(url.clone());
    request.limit = MAX_LIST;
    let answer = client.send(request).await.map_err(|error| error.to_string())?;
    if answer.status != 200 {
        return Err(format!("status {}", answer.status));
    }
    check(&answer.body)?;
    let told = |error: std::io::Error| format!("{}: {error}", file.display());
    if std::fs::read(file).is_ok_and(|before| before == *answer.body) {
        return Ok(());
    }
    if let Some(folder) = file.parent() {
        std::fs::create_dir_all(folder).map_err(told)?;
    }
    let fresh = file.with_extension("new");
    std::fs::write(&fresh, &*answer.body).map_err(told)?;
    std::fs::rename(&fresh, file).map_err(told)
}

/// A list that can be read, and is current. Its signature is verified where it is used.
fn check(body: &[u8]) -> Result<(), String> {
    let lists: Vec<CertificateRevocationListDer<'_>> = match body.first() {
        Some(0x30) => vec![CertificateRevocationListDer::from(body)],
        _ => CertificateRevocationListDer::pem_slice_iter(body)
            .collect::<Result<_, _>>()
            .map_err(|error| format!("it is no list: {error}"))?,
    };
    if lists.is_empty() {
        return Err("it is neither DER nor holds a PEM block `X509 CRL`".to_owned());
    }
    let now = SystemTime::now().duration_since(UNIX_EPOCH).map_or(0, |since| since.as_secs() as i64);
    for list in &lists {
        let (_, list) =
            CertificateRevocationList::from_der(list).map_err(|error| format!("it is no list: {error}"))?;
        if list.next_update().is_some_and(|next| next.timestamp() < now) {
            return Err("it has expired".to_owned());
        }
    }
    Ok(())
}
