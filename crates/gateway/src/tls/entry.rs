//! One certificate with the settings of the hosts that it serves, ready for handshakes.

use std::path::PathBuf;
use std::sync::Arc;

use gatehouse_model::configuration::{CertificateEntry, ClientCertificates, TlsSettings};
use gatehouse_model::{Diagnostic, Diagnostics, Located, Location};
use rustls::ServerConfig;
use rustls::crypto::aws_lc_rs::Ticketer;
use rustls::server::NoServerSessionStorage;
use rustls::sign::{CertifiedKey, SingleCertAndKey};

use super::judge::Judge;
use super::{client_certificates, files, inspection, provider};

/// A certificate entry. Session tickets are sealed with keys of this entry alone and die with it, so that a session
/// made under one set of authorities and revocation lists is never resumed under another.
#[derive(Debug)]
pub struct Entry {
    /// The handshake's settings.
    pub config: Arc<ServerConfig>,
    /// What they were made from.
    pub settings: Arc<TlsSettings>,
    /// What certificates of clients are worth.
    pub judge: Judge,
}

impl Entry {
    /// Reads the files of an entry. With it come the names in its certificate.
    pub(super) fn load(
        entry: &CertificateEntry,
        location: &Location,
        diagnostics: &mut Diagnostics,
    ) -> Option<(Self, Vec<String>)> {
        let settings = &entry.settings;
        let provider = provider::provider(&settings.cipher_suites, &settings.key_exchange);
        let mut found = Diagnostics::new();
        let mut names = Vec::new();
        let chain = files::certificates(&entry.certificate, "certificate")
            .inspect(|chain| names = inspection::chain(&entry.certificate, chain, &mut found))
            .map_err(|error| found.push(error));
        let key = files::key(&entry.key).map_err(|error| found.push(error));
        let clients =
            client_certificates::clients(&settings.client_certificates, &provider, location, &mut found);
        let failed = found.has_errors();
        diagnostics.extend(found);
        let (Ok(chain), Ok(key), Some(clients)) = (chain, key, clients) else { return None };
        if failed {
            return None;
        }
        let certified = CertifiedKey::from_der(chain, key, &provider)
            .map_err(|error| diagnostics.push(unusable_key(entry, &error)))
            .ok()?;
        let built = ServerConfig::builder_with_provider(provider)
            .with_protocol_versions(provider::versions(settings.min_version))
            .and_then(|builder| Ok((builder, Ticketer::new()?)));
        let (builder, ticketer) = built
            .map_err(|error| {
                let message =
                    format!("the versions, cipher suites and key exchanges do not fit together: {error}");
                diagnostics.error("tls-settings", location.clone(), message);
            })
            .ok()?;
        let mut config = builder
            .with_client_cert_verifier(clients.verifier)
            .with_cert_resolver(Arc::new(SingleCertAndKey::from(certified)));
        config.alpn_protocols = vec![b"h2".to_vec(), b"http/1.1".to_vec(), b"http/1.0".to_vec()];
        config.ticketer = ticketer;
        // A second ticket would serve a client that opens two connections at once; every handshake would pay for it.
        config.send_tls13_tickets = 1;
        config.session_storage = Arc::new(NoServerSessionStorage {});
        // An order that the operator has written is meant.
        config.ignore_client_order = !settings.cipher_suites.is_empty();
        let entry =
            Self { config: Arc::new(config), settings: Arc::new(settings.clone()), judge: clients.judge };
        Some((entry, names))
    }
}

/// Whether handshakes under both settings prove the same about a client and its connection.
pub(super) fn are_equivalent(a: &TlsSettings, b: &TlsSettings) -> bool {
    let paths = |located: &[Located<PathBuf>]| {
        let mut paths: Vec<_> = located.iter().map(|path| path.value.clone()).collect();
        paths.sort();
        paths
    };
    let same_clients = |a: &ClientCertificates, b: &ClientCertificates| {
        a.mode == b.mode
            && a.any == b.any
            && a.header == b.header
            && paths(&a.trust) == paths(&b.trust)
            && paths(&a.crls) == paths(&b.crls)
    };
    a.min_version == b.min_version
        && a.cipher_suites == b.cipher_suites
        && a.key_exchange == b.key_exchange
        && same_clients(&a.client_certificates, &b.client_certificates)
}

fn unusable_key(entry: &CertificateEntry, error: &rustls::Error) -> Diagnostic {
    if let rustls::Error::InconsistentKeys(rustls::InconsistentKeys::KeyMismatch) = error {
        let certificate = entry.certificate.value.display();
        return files::malformed(
            &entry.key,
            "key",
            &format!("it does not belong to the certificate `{certificate}`"),
        )
        .fix("name the key that the certificate was requested with");
    }
    files::malformed(&entry.key, "key", &error.to_string())
}
