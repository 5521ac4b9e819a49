//! The `backend_tls` block and the entries of `backends`.

use std::path::PathBuf;
use std::time::Duration;

use super::{CipherSuite, KeyExchange, TlsVersion};
use crate::Located;

/// How a backend is reached.
#[derive(Clone, Debug)]
pub struct BackendConnection {
    /// The lowest version accepted; default 1.3.
    pub min_version: TlsVersion,
    /// Who vouches for the backend; default the system's store.
    pub trust: Vec<Trust>,
    /// Allowed suites in order of preference; empty: the library's safe set.
    pub cipher_suites: Vec<CipherSuite>,
    /// Allowed key exchanges in order of preference.
    pub key_exchange: Vec<KeyExchange>,
    /// The certificate shown to the backend.
    pub client_certificate: Option<ClientIdentity>,
    /// Time for the TCP connection and the TLS handshake together; default 3 s.
    pub connect_timeout: Duration,
    /// Idle connections kept for each core and authority; default 64.
    pub idle_connections: usize,
}

impl Default for BackendConnection {
    fn default() -> Self {
        Self {
            min_version: TlsVersion::Tls13,
            trust: vec![Trust::System],
            cipher_suites: Vec::new(),
            key_exchange: KeyExchange::DEFAULT.to_vec(),
            client_certificate: None,
            connect_timeout: Duration::from_secs(3),
            idle_connections: 64,
        }
    }
}

/// Who vouches for a backend.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Trust {
    /// The store of the operating system.
    System,
    /// A PEM file of authorities.
    File(Located<PathBuf>),
}

/// A certificate chain and its key.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ClientIdentity {
    /// PEM file: leaf first, then intermediates.
    pub certificate: Located<PathBuf>,
    /// PEM file of the private key.
    pub key: Located<PathBuf>,
}
