//! Transport security: the `tls` block of a listener and what it shares with backends.

use std::collections::HashMap;
use std::path::PathBuf;

use super::shapes::{host, path};
use crate::tree::decode::{Fields, Shape, choice, list, located, record};
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
    /// PEM files of the authorities that vouch for clients.
    pub trust: Vec<Located<PathBuf>>,
    /// PEM or DER files of revocation lists.
    pub crls: Vec<Located<PathBuf>>,
}

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
                list(path()).not_empty().unique(),
                "PEM files of the authorities that vouch for clients.",
            );
            let crls =
                fields.optional("crls", list(path()).unique(), "PEM or DER files of revocation lists.");
            let location = fields.location();
            if mode != ClientCertificateMode::Off && fields.node("trust").is_none() {
                let message =
                    "client certificates are asked for, and `trust` names nobody who vouches for them";
                fields.push(
                    Diagnostic::error("missing-key", location, message)
                        .fix("add `trust: [clients-ca.pem]` with the PEM file of the authority"),
                );
            } else if !said && (trust.is_some() || crls.is_some()) {
                let message = "`trust` and `crls` have no effect without `mode`, whose default is off";
                fields.push(
                    Diagnostic::error("missing-key", location, message)
                        .fix("add `mode: required` or `mode: optional`"),
                );
            }
            Some(Self { mode, trust: trust.unwrap_or_default(), crls: crls.unwrap_or_default() })
        })
    }
}
