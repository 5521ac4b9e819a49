//! Transport security: the `tls` block of a listener and what it shares with backends.

use std::collections::HashMap;
use std::path::{Path, PathBuf};
use std::time::Duration;

use serde_json::{Value, json};
use url::Url;

use super::shapes::{duration, host, path};
use crate::tree::Node;
use crate::tree::decode::{Context, Fields, Invalid, Shape, choice, list, located, record, text};
use crate::{Diagnostic, Located, Location};

/// The `tls` block of a listener.
#[derive(Clone, Debug)]
pub struct ListenerTls {
    /// Certificates, the first of which answers where no name matches.
    pub certificates: Vec<CertificateEntry>,
    /// The settings of hosts that have none of their own.
    pub settings: TlsSettings,
    /// Where the block stands.
    pub location: Location,
}

/// One certificate with the hosts that it serves.
#[derive(Clone, Debug)]
pub struct CertificateEntry {
    /// PEM file: leaf first, then intermediates.
    pub certificate: Located<PathBuf>,
    /// PEM file of the private key (PKCS#8, PKCS#1 or SEC1).
    pub key: Located<PathBuf>,
    /// Host names, lower case, `*.` allowed as first label; empty: the names in the certificate.
    pub hosts: Vec<String>,
    /// The settings in force for these hosts: the listener's, with what the entry itself says laid over.
    pub settings: TlsSettings,
}

/// What a TLS handshake may use.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct TlsSettings {
    /// The lowest version accepted; default 1.3.
    pub min_version: TlsVersion,
    /// Allowed suites in order of preference; empty: the library's safe set.
    pub cipher_suites: Vec<CipherSuite>,
    /// Allowed key exchanges in order of preference; default X25519MLKEM768, X25519, secp256r1, secp384r1.
    pub key_exchange: Vec<KeyExchange>,
    /// Client certificates.
    pub client_certificates: ClientCertificates,
}

impl Default for TlsSettings {
    fn default() -> Self {
        Self {
            min_version: TlsVersion::Tls13,
            cipher_suites: Vec::new(),
            key_exchange: KeyExchange::DEFAULT.to_vec(),
            client_certificates: ClientCertificates::default(),
        }
    }
}

/// A TLS protocol version. Nothing older exists here.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum TlsVersion {
    /// RFC 5246.
    Tls12,
    /// RFC 8446.
    Tls13,
}

/// A cipher suite by its IANA name.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[allow(non_camel_case_types, missing_docs)]
pub enum CipherSuite {
    TLS_AES_256_GCM_SHA384,
    TLS_AES_128_GCM_SHA256,
    TLS_CHACHA20_POLY1305_SHA256,
    TLS_ECDHE_ECDSA_WITH_AES_256_GCM_SHA384,
    TLS_ECDHE_ECDSA_WITH_AES_128_GCM_SHA256,
    TLS_ECDHE_ECDSA_WITH_CHACHA20_POLY1305_SHA256,
    TLS_ECDHE_RSA_WITH_AES_256_GCM_SHA384,
    TLS_ECDHE_RSA_WITH_AES_128_GCM_SHA256,
    TLS_ECDHE_RSA_WITH_CHACHA20_POLY1305_SHA256,
}

impl CipherSuite {
    /// Every suite with its IANA name and the version that it belongs to.
    pub const ALL: [(&'static str, Self, TlsVersion); 9] = [
        ("TLS_AES_256_GCM_SHA384", Self::TLS_AES_256_GCM_SHA384, TlsVersion::Tls13),
        ("TLS_AES_128_GCM_SHA256", Self::TLS_AES_128_GCM_SHA256, TlsVersion::Tls13),
        ("TLS_CHACHA20_POLY1305_SHA256", Self::TLS_CHACHA20_POLY1305_SHA256, TlsVersion::Tls13),
        (
            "TLS_ECDHE_ECDSA_WITH_AES_256_GCM_SHA384",
            Self::TLS_ECDHE_ECDSA_WITH_AES_256_GCM_SHA384,
            TlsVersion::Tls12,
        ),
        (
            "TLS_ECDHE_ECDSA_WITH_AES_128_GCM_SHA256",
            Self::TLS_ECDHE_ECDSA_WITH_AES_128_GCM_SHA256,
            TlsVersion::Tls12,
        ),
        (
            "TLS_ECDHE_ECDSA_WITH_CHACHA20_POLY1305_SHA256",
            Self::TLS_ECDHE_ECDSA_WITH_CHACHA20_POLY1305_SHA256,
            TlsVersion::Tls12,
        ),
        (
            "TLS_ECDHE_RSA_WITH_AES_256_GCM_SHA384",
            Self::TLS_ECDHE_RSA_WITH_AES_256_GCM_SHA384,
            TlsVersion::Tls12,
        ),
        (
            "TLS_ECDHE_RSA_WITH_AES_128_GCM_SHA256",
            Self::TLS_ECDHE_RSA_WITH_AES_128_GCM_SHA256,
            TlsVersion::Tls12,
        ),
        (
            "TLS_ECDHE_RSA_WITH_CHACHA20_POLY1305_SHA256",
            Self::TLS_ECDHE_RSA_WITH_CHACHA20_POLY1305_SHA256,
            TlsVersion::Tls12,
        ),
    ];
}

/// A key exchange group by its IANA name.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum KeyExchange {
    /// The hybrid of X25519 and ML-KEM-768.
    X25519Mlkem768,
    /// RFC 7748.
    X25519,
    /// NIST P-256.
    Secp256r1,
    /// NIST P-384.
    Secp384r1,
}

impl KeyExchange {
    /// Every group with its IANA name.
    pub const ALL: [(&'static str, Self); 4] = [
        ("X25519MLKEM768", Self::X25519Mlkem768),
        ("X25519", Self::X25519),
        ("secp256r1", Self::Secp256r1),
        ("secp384r1", Self::Secp384r1),
    ];

    /// The hybrid first, then the classical groups.
    pub const DEFAULT: [Self; 4] = [Self::X25519Mlkem768, Self::X25519, Self::Secp256r1, Self::Secp384r1];
}

/// The `client_certificates` block.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct ClientCertificates {
    /// Whether a certificate is asked for.
    pub mode: ClientCertificateMode,
    /// Whether any certificate is let in whose key the client holds: what it is worth is left to policies.
    pub any: bool,
    /// PEM files of the authorities that vouch for clients.
    pub trust: Vec<Located<PathBuf>>,
    /// PEM or DER files of revocation lists, those that are fetched too.
    pub crls: Vec<Located<PathBuf>>,
    /// Where lists are fetched from.
    pub crl_urls: Vec<Located<Url>>,
    /// How often they are fetched; zero: as often as by default.
    pub crl_refresh: Duration,
    /// The field, in lower case, in which a trusted proxy hands the certificate of its client on.
    pub header: Option<String>,
}

/// How often revocation lists are fetched by default.
pub(super) const CRL_REFRESH: Duration = Duration::from_secs(3600);

/// Whether a client certificate is asked for.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub enum ClientCertificateMode {
    /// Not asked for.
    #[default]
    Off,
    /// Asked for; a client without one is served, one with a bad one is not.
    Optional,
    /// No handshake without a good one.
    Required,
}

impl TlsVersion {
    const WORDS: [(&'static str, Self); 2] = [("1.2", Self::Tls12), ("1.3", Self::Tls13)];
}

/// The keys that listeners, their certificates and backends share. What is not said is inherited.
pub(super) struct Handshake {
    min_version: Option<TlsVersion>,
    cipher_suites: Option<Vec<Located<CipherSuite>>>,
    key_exchange: Option<Vec<KeyExchange>>,
}

impl Handshake {
    /// Asks for the keys. With `defaults` nothing is inherited.
    pub(super) fn read(fields: &mut Fields<'_>, defaults: bool) -> Self {
        let versions = || choice(&TlsVersion::WORDS);
        let groups = || list(choice(&KeyExchange::ALL)).not_empty().unique();
        let help = "The lowest TLS version that is accepted.";
        let min_version = if defaults {
            Some(fields.or("min_version", versions(), TlsVersion::Tls13, help))
        } else {
            fields.optional("min_version", versions(), help)
        };
        let words = CipherSuite::ALL.map(|(name, suite, _)| (name, suite));
        let cipher_suites = fields.optional(
            "cipher_suites",
            list(located(choice(&words))).unique(),
            "The allowed cipher suites by their IANA names, in order of preference. Empty: the safe set of the TLS library.",
        );
        let help = "The allowed key exchanges by their IANA names, in order of preference.";
        let key_exchange = if defaults {
            Some(fields.or("key_exchange", groups(), KeyExchange::DEFAULT.to_vec(), help))
        } else {
            fields.optional("key_exchange", groups(), help)
        };
        Self { min_version, cipher_suites, key_exchange }
    }

    pub(super) fn min_version(&self, inherited: TlsVersion) -> TlsVersion {
        self.min_version.unwrap_or(inherited)
    }

    pub(super) fn cipher_suites(&self, inherited: &[CipherSuite]) -> Vec<CipherSuite> {
        match &self.cipher_suites {
            Some(suites) => suites.iter().map(|suite| suite.value).collect(),
            None => inherited.to_vec(),
        }
    }

    pub(super) fn key_exchange(&self, inherited: &[KeyExchange]) -> Vec<KeyExchange> {
        self.key_exchange.clone().unwrap_or_else(|| inherited.to_vec())
    }

    /// The suites that the lowest version keeps from ever being used. An inherited one is told at `place`.
    pub(super) fn useless_suites(
        &self,
        inherited_version: TlsVersion,
        inherited_suites: &[CipherSuite],
        place: &Location,
    ) -> Vec<Diagnostic> {
        if self.min_version.is_none() && self.cipher_suites.is_none()
            || self.min_version(inherited_version) < TlsVersion::Tls13
        {
            return Vec::new();
        }
        let suites = match &self.cipher_suites {
            Some(suites) => suites.clone(),
            None => {
                inherited_suites.iter().map(|suite| Located::new(*suite, place.clone())).collect::<Vec<_>>()
            }
        };
        let useless = suites.iter().filter_map(|suite| {
            let (name, _, version) = CipherSuite::ALL.iter().find(|(_, known, _)| *known == suite.value)?;
            (*version < TlsVersion::Tls13).then(|| {
                let message = format!("`{name}` is a suite of TLS 1.2, and `min_version` is 1.3");
                Diagnostic::error("unusable-cipher-suite", suite.location.clone(), message)
                    .fix("leave the suite out, or set `min_version: \"1.2\"`")
            })
        });
        useless.collect()
    }
}

impl ListenerTls {
    /// The same without lists that are fetched: where nothing is.
    #[must_use]
    pub fn without_fetched_lists(&self) -> Self {
        let mut all = self.clone();
        for settings in all.all_settings_mut() {
            let clients = &mut settings.client_certificates;
            for url in std::mem::take(&mut clients.crl_urls) {
                clients.crls.retain(|file| file.location != url.location);
            }
        }
        all
    }

    /// The settings of every host, and those of hosts that have none of their own.
    pub(super) fn all_settings_mut(&mut self) -> impl Iterator<Item = &mut TlsSettings> {
        std::iter::once(&mut self.settings)
            .chain(self.certificates.iter_mut().map(|entry| &mut entry.settings))
    }

    pub(super) fn shape() -> impl Shape<Value = Self> {
        record("tls", |fields| {
            let certificates = fields.required(
                "certificates",
                list(EntryDraft::shape()).not_empty(),
                "Certificates with their keys. The first one answers where no name matches.",
            );
            let handshake = Handshake::read(fields, true);
            let client_certificates = fields.optional(
                "client_certificates",
                ClientCertificates::shape(),
                "Whether clients show a certificate, and who vouches for it.",
            );
            let location = fields.location();
            let settings = TlsSettings {
                min_version: handshake.min_version(TlsVersion::Tls13),
                cipher_suites: handshake.cipher_suites(&[]),
                key_exchange: handshake.key_exchange(&KeyExchange::DEFAULT),
                client_certificates: client_certificates.unwrap_or_default(),
            };
            for diagnostic in handshake.useless_suites(TlsVersion::Tls13, &[], &location) {
                fields.push(diagnostic);
            }
            let drafts = certificates?;
            for diagnostic in drafts.iter().flat_map(|draft| draft.conflicts(&settings)) {
                fields.push(diagnostic);
            }
            for diagnostic in ambiguous_hosts(&drafts) {
                fields.push(diagnostic);
            }
            let certificates = drafts.into_iter().map(|draft| draft.over(&settings)).collect();
            Some(Self { certificates, settings, location })
        })
    }
}

/// An entry of `certificates` before the settings of its listener are laid under it.
struct EntryDraft {
    certificate: Located<PathBuf>,
    key: Located<PathBuf>,
    hosts: Vec<Located<String>>,
    handshake: Handshake,
    client_certificates: Option<ClientCertificates>,
    location: Location,
}

impl EntryDraft {
    fn shape() -> impl Shape<Value = Self> {
        record("a certificate", |fields| {
            let certificate =
                fields.required("certificate", path(), "A PEM file: the leaf first, then the intermediates.");
            let key =
                fields.required("key", path(), "A PEM file with the private key: PKCS#8, PKCS#1 or SEC1.");
            let hosts = fields.optional(
                "hosts",
                list(located(host())).not_empty().unique(),
                "The host names that it serves. Left out: the names in the certificate.",
            );
            let handshake = Handshake::read(fields, false);
            let client_certificates = fields.optional(
                "client_certificates",
                ClientCertificates::shape(),
                "Client certificates for these hosts, in place of what the listener says.",
            );
            Some(Self {
                certificate: certificate?,
                key: key?,
                hosts: hosts.unwrap_or_default(),
                handshake,
                client_certificates,
                location: fields.location(),
            })
        })
    }

    fn conflicts(&self, listener: &TlsSettings) -> Vec<Diagnostic> {
        self.handshake.useless_suites(listener.min_version, &listener.cipher_suites, &self.location)
    }

    fn over(self, listener: &TlsSettings) -> CertificateEntry {
        CertificateEntry {
            certificate: self.certificate,
            key: self.key,
            hosts: self.hosts.into_iter().map(|host| host.value).collect(),
            settings: TlsSettings {
                min_version: self.handshake.min_version(listener.min_version),
                cipher_suites: self.handshake.cipher_suites(&listener.cipher_suites),
                key_exchange: self.handshake.key_exchange(&listener.key_exchange),
                client_certificates: self
                    .client_certificates
                    .unwrap_or_else(|| listener.client_certificates.clone()),
            },
        }
    }
}

/// Hosts for which more than one certificate would have to answer.
fn ambiguous_hosts(drafts: &[EntryDraft]) -> Vec<Diagnostic> {
    let mut first = HashMap::new();
    let mut found = Vec::new();
    for (index, host) in
        drafts.iter().enumerate().flat_map(|(index, draft)| draft.hosts.iter().map(move |host| (index, host)))
    {
        match first.get(host.value.as_str()) {
            None => {
                first.insert(host.value.as_str(), (index, host));
            }
            // The same entry twice is told by the list already.
            Some((earlier, _)) if *earlier == index => {}
            Some((_, earlier)) => found.push(Diagnostic::error(
                "duplicate-value",
                host.location.clone(),
                format!("`{}` has two certificates, the first in line {}", host.value, earlier.location.line),
            )),
        }
    }
    found
}

impl ClientCertificateMode {
    const WORDS: [(&'static str, Self); 3] =
        [("off", Self::Off), ("optional", Self::Optional), ("required", Self::Required)];
}

impl ClientCertificates {
    fn shape() -> impl Shape<Value = Self> {
        record("client_certificates", |fields| {
            let said = fields.node("mode").is_some();
            let mode = fields.or(
                "mode",
                choice(&ClientCertificateMode::WORDS),
                ClientCertificateMode::Off,
                "`off`: none is asked for. `optional`: a client without one is served, one with a bad one is not. `required`: no handshake without a good one.",
            );
            let trust = fields.optional(
                "trust",
                list(ClientAuthority).not_empty().unique(),
                "PEM files of the authorities that vouch for clients. `any`: every certificate is let in whose key the client holds; what it is worth is left to `validate-client-certificate`, for which the authorities beside it count.",
            );
            let crls = fields.optional(
                "crls",
                list(ListAddress).unique(),
                "PEM or DER files of revocation lists, or URLs that they are fetched from.",
            );
            let crl_refresh = fields.or(
                "crl_refresh",
                duration(Duration::from_secs(1)..=Duration::from_secs(7 * 86_400)),
                CRL_REFRESH,
                "How often lists are fetched from URLs.",
            );
            let header = fields.optional(
                "header",
                text(),
                "The request field in which one of `trusted_proxies` hands the certificate of its own client on: RFC 9440 (`Client-Cert`), PEM in URL encoding, or Envoy's `X-Forwarded-Client-Cert`. From all others it is taken out.",
            );
            if let Some(name) = header.as_deref().filter(|name| !is_field_name(name)) {
                let message = format!("`{name}` cannot be the name of a request field");
                fields.push(Diagnostic::error("bad-value", fields.location(), message));
            }
            let location = fields.location();
            if mode != ClientCertificateMode::Off && fields.node("trust").is_none() {
                let message =
                    "client certificates are asked for, and `trust` names nobody who vouches for them";
                fields.push(
                    Diagnostic::error("missing-key", location, message)
                        .fix("add `trust: [clients-ca.pem]` with the PEM file of the authority"),
                );
            } else if !said && header.is_none() && (trust.is_some() || crls.is_some()) {
                let message = "`trust` and `crls` have no effect without `mode`, whose default is off";
                fields.push(
                    Diagnostic::error("missing-key", location, message)
                        .fix("add `mode: required` or `mode: optional`"),
                );
            }
            let (any, trust): (Vec<_>, Vec<_>) =
                trust.unwrap_or_default().into_iter().partition(|one| one.value.as_os_str() == ANY);
            let (mut files, mut urls) = (Vec::new(), Vec::new());
            for list in crls.unwrap_or_default() {
                match list {
                    CrlSource::File(file) => files.push(file),
                    CrlSource::Url(url) => urls.push(url),
                }
            }
            if !files.is_empty() || !urls.is_empty() {
                let nobody = !any.is_empty() && trust.is_empty();
                if nobody {
                    let message = "`crls` are lists of authorities, and `trust` names none beside `any`";
                    fields.push(
                        Diagnostic::error("missing-key", fields.location(), message)
                            .fix("add the PEM file of the authority to `trust`"),
                    );
                }
            }
            Some(Self {
                mode,
                any: !any.is_empty(),
                trust,
                crls: files,
                crl_urls: urls,
                crl_refresh,
                header: header.map(|name| name.to_ascii_lowercase()),
            })
        })
    }
}

/// The word that stands for every client.
const ANY: &str = "any";

fn is_field_name(name: &str) -> bool {
    !name.is_empty() && name.bytes().all(|byte| byte.is_ascii_alphanumeric() || byte == b'-')
}

/// `any`, or the path of a PEM file.
struct ClientAuthority;

impl Shape for ClientAuthority {
    type Value = Located<PathBuf>;

    fn decode(&self, node: &Node, context: &mut Context) -> Option<Located<PathBuf>> {
        match node.as_str() {
            Some(ANY) => Some(Located::new(PathBuf::from(ANY), context.place(node))),
            _ => path().decode(node, context),
        }
    }

    fn expected(&self) -> String {
        "any or a path".to_owned()
    }

    fn expected_entries(&self) -> String {
        "any, paths".to_owned()
    }

    fn schema(&self) -> Value {
        json!({ "anyOf": [{ "const": ANY }, path().schema()] })
    }
}

/// Where a revocation list is.
#[derive(Clone, PartialEq)]
enum CrlSource {
    File(Located<PathBuf>),
    Url(Located<Url>),
}

/// The path of a file, or a URL.
struct ListAddress;

impl Shape for ListAddress {
    type Value = CrlSource;

    fn decode(&self, node: &Node, context: &mut Context) -> Option<CrlSource> {
        let text = node.as_str().unwrap_or_default();
        if !text.starts_with("http://") && !text.starts_with("https://") {
            return path().decode(node, context).map(CrlSource::File);
        }
        // Lists are signed: http is what authorities publish them by.
        match Url::parse(text) {
            Ok(url) if url.host_str().is_some() && url.username().is_empty() && url.password().is_none() => {
                Some(CrlSource::Url(Located::new(url, context.place(node))))
            }
            _ => {
                context.invalid(node, &self.expected(), Invalid::because("it is no URL of a list"));
                None
            }
        }
    }

    fn expected(&self) -> String {
        "a path or a URL".to_owned()
    }

    fn expected_entries(&self) -> String {
        "paths, URLs".to_owned()
    }

    fn schema(&self) -> Value {
        json!({ "type": "string", "minLength": 1 })
    }
}

impl ClientCertificates {
    /// Says where lists that are fetched are kept: below a folder.
    pub(super) fn keep_lists_in(&mut self, folder: &Path) {
        for url in &self.crl_urls {
            self.crls.push(Located::new(fetched_list(folder, &url.value), url.location.clone()));
        }
    }
}

/// The file of a list that is fetched.
pub fn fetched_list(folder: &Path, url: &Url) -> PathBuf {
    // FNV-1a: the name has to be the same in every release.
    let hash = url.as_str().bytes().fold(0xcbf2_9ce4_8422_2325_u64, |hash, byte| {
        (hash ^ u64::from(byte)).wrapping_mul(0x0100_0000_01b3)
    });
    let shown: String =
        url.host_str().unwrap_or_default().chars().filter(char::is_ascii_alphanumeric).collect();
    folder.join("crls").join(format!("{shown}-{hash:016x}.crl"))
}
