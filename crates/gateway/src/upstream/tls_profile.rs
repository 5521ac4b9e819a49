//! How a backend is reached: its TLS client configuration, built once at load and shared by all connections.

use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use aws_lc_rs::digest::{self, SHA256};
use gatehouse_identity::thumbprints;
use gatehouse_model::configuration::{BackendConnection, ClientIdentity, Trust};
use gatehouse_model::resources::BackendTls;
use gatehouse_model::{Diagnostic, Diagnostics, Located, Location};
use rustls::crypto::CryptoProvider;
use rustls::{ClientConfig, RootCertStore};
use rustls_pki_types::pem::PemObject as _;
use rustls_pki_types::{CertificateDer, PrivateKeyDer};

use super::certificate_check::CertificateCheck;
use super::guard::Guard;
use crate::tls::provider;

/// Beyond this a patience is a mistake, and a deadline may not be representable.
const LONGEST_CONNECT: Duration = Duration::from_secs(3600);

/// How one or more backends are reached. Two profiles with the same `id` are the same one, so that connections and
/// TLS sessions outlive a reload that leaves the settings and the files as they were.
pub(super) struct TlsProfile {
    /// Distinguishes profiles within the process.
    pub(super) id: u64,
    /// What the profile was made of.
    fingerprint: [u8; 32],
    /// Offers HTTP/2 and HTTP/1.1.
    pub(super) any_version: Arc<ClientConfig>,
    /// Offers HTTP/1.1 alone.
    pub(super) http1: Arc<ClientConfig>,
    /// Time for the TCP connection and the TLS handshake together.
    pub(super) connect_timeout: Duration,
    /// Idle connections kept for each core and authority.
    pub(super) idle_connections: usize,
    /// Where connections may lead.
    pub(super) guard: Arc<Guard>,
    /// SHA-1 and SHA-256 of the certificate that is shown, in upper case hexadecimal digits.
    pub(super) thumbprints: Option<[String; 2]>,
}

impl std::fmt::Debug for TlsProfile {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("TlsProfile").field("id", &self.id).finish_non_exhaustive()
    }
}

/// How authorities, metadata services and vaults are reached: as backends are where nothing else is said.
pub fn credential_tls(
    connection: &BackendConnection,
    location: &Location,
    diagnostics: &mut Diagnostics,
) -> Option<Arc<ClientConfig>> {
    let guard = Arc::new(Guard::default());
    let manner = Manner { connection, identity: None, switches: BackendTls::default(), guard: &guard };
    let profile = ProfileLoader::new(Vec::new(), diagnostics).load(manner, location)?;
    Some(Arc::clone(&profile.http1))
}

/// Builds profiles, and finds those of before a reload again.
pub(super) struct ProfileLoader<'l> {
    previous: Vec<Arc<TlsProfile>>,
    /// What has been loaded already: most backends share their settings, and a finding is told once.
    loaded: Vec<(Manner<'l>, Option<Arc<TlsProfile>>)>,
    system: Option<SystemTrust>,
    diagnostics: &'l mut Diagnostics,
}

/// How something is reached.
#[derive(Clone, Copy)]
pub(super) struct Manner<'m> {
    /// The settings.
    pub(super) connection: &'m BackendConnection,
    /// The certificate that is shown in the place of that of the settings.
    pub(super) identity: Option<&'m ClientIdentity>,
    /// What of the other side's certificate is checked.
    pub(super) switches: BackendTls,
    /// Where connections may lead.
    pub(super) guard: &'m Arc<Guard>,
}

impl Manner<'_> {
    fn has_settings_of(&self, other: &Self) -> bool {
        std::ptr::eq(self.connection, other.connection)
            && self.identity == other.identity
            && self.switches == other.switches
    }
}

struct SystemTrust {
    roots: Vec<CertificateDer<'static>>,
    errors: Vec<String>,
}

impl<'l> ProfileLoader<'l> {
    /// A loader that knows the profiles of before.
    pub(super) fn new(previous: Vec<Arc<TlsProfile>>, diagnostics: &'l mut Diagnostics) -> Self {
        Self { previous, loaded: Vec::new(), system: None, diagnostics }
    }

    /// The findings so far.
    pub(super) fn diagnostics(&mut self) -> &mut Diagnostics {
        self.diagnostics
    }

    /// The profile of these settings; `None` after an error, which is in the diagnostics then.
    pub(super) fn load(&mut self, manner: Manner<'l>, location: &Location) -> Option<Arc<TlsProfile>> {
        for (known, profile) in self.loaded.iter().filter(|(known, _)| known.has_settings_of(&manner)) {
            // Settings that do not work do not work elsewhere either, and that has been told.
            if profile.is_none() || Arc::ptr_eq(known.guard, manner.guard) {
                return profile.clone();
            }
        }
        let profile = self.build(manner, location);
        self.loaded.push((manner, profile.clone()));
        profile
    }

    fn build(&mut self, manner: Manner<'_>, location: &Location) -> Option<Arc<TlsProfile>> {
        let Manner { connection, switches, guard, .. } = manner;
        let mut fingerprint = digest::Context::new(&SHA256);
        let settings = (
            connection.min_version,
            &connection.cipher_suites,
            &connection.key_exchange,
            connection.connect_timeout,
            connection.idle_connections,
            switches,
            guard,
        );
        fingerprint.update(format!("{settings:?}").as_bytes());
        let trust = self.trust(connection, &mut fingerprint);
        let shown = manner.identity.or(connection.client_certificate.as_ref());
        let identity = match shown {
            Some(identity) => Some(self.identity(identity, &mut fingerprint)?),
            None => None,
        };
        let roots = trust?;
        if roots.is_empty() && switches.validate_certificate_chain {
            let problem = self.system.as_ref().map(|system| system.errors.join("; ")).unwrap_or_default();
            let message = if problem.is_empty() {
                "no authority vouches for backends: the trust list yields no certificate".to_owned()
            } else {
                format!("no authority vouches for backends: {problem}")
            };
            self.diagnostics.push(
                Diagnostic::error("backend-trust-empty", location.clone(), message)
                    .fix("install the system's CA certificates or name a PEM file in `trust`"),
            );
            return None;
        }
        let mut digest = [0; 32];
        digest.copy_from_slice(fingerprint.finish().as_ref());
        if let Some(same) = self.previous.iter().find(|profile| profile.fingerprint == digest) {
            return Some(Arc::clone(same));
        }
        let provider = provider::provider(&connection.cipher_suites, &connection.key_exchange);
        match client_config(connection, switches, roots, identity.as_ref(), &provider) {
            Ok(config) => {
                static NEXT: AtomicU64 = AtomicU64::new(1);
                let with = |protocols: &[&[u8]]| {
                    let mut config = config.clone();
                    config.alpn_protocols = protocols.iter().map(|name| name.to_vec()).collect();
                    Arc::new(config)
                };
                let profile = Arc::new(TlsProfile {
                    id: NEXT.fetch_add(1, Ordering::Relaxed),
                    fingerprint: digest,
                    any_version: with(&[b"h2", b"http/1.1"]),
                    http1: with(&[b"http/1.1"]),
                    connect_timeout: connection.connect_timeout.min(LONGEST_CONNECT),
                    idle_connections: connection.idle_connections,
                    guard: Arc::clone(guard),
                    thumbprints: identity
                        .as_ref()
                        .and_then(|(chain, _)| chain.first())
                        .map(|leaf| thumbprints(leaf)),
                });
                self.previous.push(Arc::clone(&profile));
                Some(profile)
            }
            Err(rustls::Error::InconsistentKeys(_)) => {
                let place = shown.map_or(location, |it| &it.key.location);
                self.diagnostics.error(
                    "client-key-mismatch",
                    place.clone(),
                    "the private key does not belong to the client certificate for backends",
                );
                None
            }
            Err(error) => {
                self.diagnostics.push(
                    Diagnostic::error(
                        "backend-tls",
                        location.clone(),
                        format!("these TLS settings for backends do not work: {error}"),
                    )
                    .fix("check `min_version`, `cipher_suites` and `key_exchange` against each other"),
                );
                None
            }
        }
    }

    fn trust(
        &mut self,
        connection: &BackendConnection,
        fingerprint: &mut digest::Context,
    ) -> Option<RootCertStore> {
        let mut store = RootCertStore::empty();
        let mut complete = true;
        for trust in &connection.trust {
            match trust {
                Trust::System => {
                    let system = self.system.get_or_insert_with(SystemTrust::load);
                    for certificate in &system.roots {
                        fingerprint.update(certificate);
                    }
                    // The system's store may hold certificates that no longer parse; they vouch for nobody.
                    store.add_parsable_certificates(system.roots.iter().cloned());
                }
                Trust::File(file) => {
                    let Some(certificates) = self.certificates(file, "authorities", fingerprint) else {
                        complete = false;
                        continue;
                    };
                    for certificate in certificates {
                        if let Err(error) = store.add(certificate) {
                            complete = false;
                            let message = format!(
                                "{} holds a certificate that cannot vouch for backends: {error}",
                                file.value.display()
                            );
                            self.diagnostics.error("backend-trust-file", file.location.clone(), message);
                        }
                    }
                }
            }
        }
        complete.then_some(store)
    }

    fn identity(
        &mut self,
        identity: &ClientIdentity,
        fingerprint: &mut digest::Context,
    ) -> Option<(Vec<CertificateDer<'static>>, PrivateKeyDer<'static>)> {
        let chain = self.certificates(&identity.certificate, "the client certificate", fingerprint);
        let key = self.read(&identity.key, fingerprint).and_then(|bytes| {
            PrivateKeyDer::from_pem_slice(&bytes)
                .map_err(|_| {
                    let message = format!("{} holds no private key", identity.key.value.display());
                    self.diagnostics.push(
                        Diagnostic::error("client-key", identity.key.location.clone(), message)
                            .fix("a PEM file with a PKCS#8, PKCS#1 or SEC1 key"),
                    );
                })
                .ok()
        });
        let chain = chain?;
        if let Some(leaf) = chain.first() {
            self.check_dates(leaf, &identity.certificate);
        }
        Some((chain, key?))
    }

    fn check_dates(&mut self, leaf: &CertificateDer<'_>, file: &Located<std::path::PathBuf>) {
        let Ok((_, certificate)) = x509_parser::parse_x509_certificate(leaf) else { return };
        let validity = certificate.validity();
        let name = file.value.display();
        let now = x509_parser::time::ASN1Time::now();
        let problem = if now > validity.not_after {
            format!("the client certificate {name} has expired at {}", validity.not_after)
        } else if now < validity.not_before {
            format!("the client certificate {name} is not valid before {}", validity.not_before)
        } else {
            return;
        };
        self.diagnostics.error("client-certificate-expired", file.location.clone(), problem);
    }

    fn certificates(
        &mut self,
        file: &Located<std::path::PathBuf>,
        what: &str,
        fingerprint: &mut digest::Context,
    ) -> Option<Vec<CertificateDer<'static>>> {
        let bytes = self.read(file, fingerprint)?;
        let name = file.value.display();
        let message = match CertificateDer::pem_slice_iter(&bytes).collect::<Result<Vec<_>, _>>() {
            Ok(certificates) if !certificates.is_empty() => return Some(certificates),
            Ok(_) => format!("{name} holds no certificate"),
            Err(error) => format!("{name} is not a PEM file of certificates: {error}"),
        };
        self.diagnostics.push(
            Diagnostic::error("backend-certificate-file", file.location.clone(), message)
                .fix(format!("a PEM file with {what}")),
        );
        None
    }

    fn read(
        &mut self,
        file: &Located<std::path::PathBuf>,
        fingerprint: &mut digest::Context,
    ) -> Option<zeroize::Zeroizing<Vec<u8>>> {
        match read_file(&file.value) {
            Ok(bytes) => {
                fingerprint.update(&(bytes.len() as u64).to_be_bytes());
                fingerprint.update(&bytes);
                Some(bytes)
            }
            Err(error) => {
                let message = format!("cannot read {}: {error}", file.value.display());
                self.diagnostics.error("unreadable-file", file.location.clone(), message);
                None
            }
        }
    }
}

impl SystemTrust {
    fn load() -> Self {
        let loaded = rustls_native_certs::load_native_certs();
        Self { roots: loaded.certs, errors: loaded.errors.iter().map(ToString::to_string).collect() }
    }
}

fn read_file(path: &Path) -> std::io::Result<zeroize::Zeroizing<Vec<u8>>> {
    std::fs::read(path).map(zeroize::Zeroizing::new)
}

fn client_config(
    connection: &BackendConnection,
    switches: BackendTls,
    roots: RootCertStore,
    identity: Option<&(Vec<CertificateDer<'static>>, PrivateKeyDer<'static>)>,
    provider: &Arc<CryptoProvider>,
) -> Result<ClientConfig, rustls::Error> {
    let builder = ClientConfig::builder_with_provider(Arc::clone(provider))
        .with_protocol_versions(provider::versions(connection.min_version))?;
    let builder = if switches == BackendTls::default() {
        builder.with_root_certificates(roots)
    } else {
        let check = CertificateCheck::new(switches, roots, provider.signature_verification_algorithms);
        builder.dangerous().with_custom_certificate_verifier(Arc::new(check))
    };
    match identity {
        Some((chain, key)) => builder.with_client_auth_cert(chain.clone(), key.clone_key()),
        None => Ok(builder.with_no_client_auth()),
    }
}
