//! The TLS side of one listener: which certificate and which settings a server name gets.

use std::collections::HashMap;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use foldhash::fast::RandomState;
use gatehouse_model::Diagnostics;
use gatehouse_model::configuration::{ListenerTls, TlsSettings};

use super::entry::{Entry, are_equivalent};

/// All certificate entries of a listener. A new one is made whole when a file changes; handshakes under way keep the
/// one that they began with.
#[derive(Debug)]
pub struct ServerTls {
    entries: Vec<Entry>,
    exact: HashMap<Box<str>, usize, RandomState>,
    /// By what follows the `*.`.
    wildcards: HashMap<Box<str>, usize, RandomState>,
}

impl ServerTls {
    /// Reads all files of a `tls` block.
    ///
    /// # Errors
    /// Everything that is wrong with the files, each at the key that names it.
    pub fn load(tls: &ListenerTls) -> Result<Self, Diagnostics> {
        let mut diagnostics = Diagnostics::new();
        let mut loaded = Self {
            entries: Vec::with_capacity(tls.certificates.len()),
            exact: HashMap::default(),
            wildcards: HashMap::default(),
        };
        if tls.certificates.is_empty() {
            diagnostics.error("tls-certificate", tls.location.clone(), "a listener needs a certificate");
        }
        let mut implied = Vec::new();
        for entry in &tls.certificates {
            let location = &entry.certificate.location;
            let Some((made, names)) = Entry::load(entry, &tls.location, &mut diagnostics) else { continue };
            let index = loaded.entries.len();
            loaded.entries.push(made);
            for host in &entry.hosts {
                if !loaded.serve(host, index) {
                    let message = format!("two certificates are to serve the host `{host}`");
                    diagnostics.error("tls-host", location.clone(), message);
                }
            }
            if entry.hosts.is_empty() {
                implied.extend(names.into_iter().map(|name| (name, index)));
            }
        }
        // What an entry says goes before what a certificate contains; the first of two equal ones serves.
        for (name, index) in implied {
            loaded.serve(&name, index);
        }
        if diagnostics.has_errors() { Err(diagnostics) } else { Ok(loaded) }
    }

    fn serve(&mut self, host: &str, index: usize) -> bool {
        let (map, name) = match host.strip_prefix("*.") {
            Some(suffix) => (&mut self.wildcards, suffix),
            None => (&mut self.exact, host),
        };
        match map.entry(name.into()) {
            std::collections::hash_map::Entry::Occupied(_) => false,
            std::collections::hash_map::Entry::Vacant(vacant) => {
                vacant.insert(index);
                true
            }
        }
    }

    /// The index of the entry for a lower-case host name: exact, then wildcard, then the first.
    pub fn select(&self, host: Option<&str>) -> usize {
        let Some(host) = host else { return 0 };
        // A name with the root's dot is the same name (RFC 3986 section 3.2.2), and has the same settings.
        let host = host.strip_suffix('.').unwrap_or(host);
        if let Some(index) = self.exact.get(host) {
            return *index;
        }
        host.split_once('.').and_then(|(_, suffix)| self.wildcards.get(suffix)).copied().unwrap_or(0)
    }

    /// The entry at an index.
    pub fn entry(&self, index: usize) -> Option<&Entry> {
        self.entries.get(index)
    }

    /// Whether a request for `host` (lower case, no port) must not be answered on a connection that was made under
    /// `settings`: the host asks for other settings, and would be reached around them (RFC 9110 section 15.5.20).
    pub fn is_misdirected(&self, settings: &Arc<TlsSettings>, host: &str) -> bool {
        // Where there is one entry, every host is its.
        let index = if self.entries.len() > 1 { self.select(Some(host)) } else { 0 };
        self.entry(index).is_none_or(|entry| {
            !Arc::ptr_eq(&entry.settings, settings) && !are_equivalent(&entry.settings, settings)
        })
    }
}

/// Every file that a `tls` block names.
pub(super) fn files_of(tls: &ListenerTls) -> Vec<PathBuf> {
    let mut files: Vec<&Path> = Vec::new();
    for entry in &tls.certificates {
        files.extend([entry.certificate.value.as_path(), entry.key.value.as_path()]);
        let clients = &entry.settings.client_certificates;
        files.extend(clients.trust.iter().chain(&clients.crls).map(|path| path.value.as_path()));
    }
    files.sort_unstable();
    files.dedup();
    files.into_iter().map(Path::to_path_buf).collect()
}
