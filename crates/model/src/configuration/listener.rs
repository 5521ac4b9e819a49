//! The `listeners` block.

use std::net::SocketAddr;
use std::path::PathBuf;

use ipnet::IpNet;

use crate::{Located, Location};

/// One listening address. It speaks HTTPS only; `http_redirect` answers 308 and nothing else.
#[derive(Clone, Debug)]
pub struct Listener {
    /// Name in logs and metrics; unique.
    pub name: String,
    /// Which zone its requests belong to.
    pub zone: Zone,
    /// Where it listens.
    pub address: Located<SocketAddr>,
    /// What it serves.
    pub serves: Vec<Role>,
    /// The host names it answers to, lower case, `*.` allowed as first label; empty: all. Others are refused with 421.
    pub hosts: Vec<String>,
    /// Transport security.
    pub tls: ListenerTls,
    /// Peers whose `X-Forwarded-*` and `Forwarded` headers are believed.
    pub trusted_proxies: Vec<IpNet>,
    /// A plain port that only answers 308 to https.
    pub http_redirect: Option<Located<SocketAddr>>,
    /// Where the entry stands.
    pub location: Location,
}

/// The side of the network a listener faces.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Zone {
    /// Reachable by strangers: serves only what is exposed.
    External,
    /// The own network.
    Internal,
}

impl Zone {
    /// The name in configuration, logs and metrics.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::External => "external",
            Self::Internal => "internal",
        }
    }
}

/// What a listener serves.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Role {
    /// Published APIs.
    Gateway,
    /// `OpenMetrics` at `/metrics`.
    Metrics,
}

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
