//! The `backend_tls` block and the entries of `backends`.

use std::path::PathBuf;
use std::time::Duration;

use serde_json::{Value, json};

use super::shapes::{duration, path};
use super::tls::Handshake;
use super::{CipherSuite, KeyExchange, TlsVersion};
use crate::tree::Node;
use crate::tree::decode::{Context, Shape, Show, integer, list, record};
use crate::{Diagnostic, Located, Location};

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
    /// Where the entry of `backends` stands; `None` for `backend_tls`.
    pub location: Option<Location>,
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
            location: None,
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

impl BackendConnection {
    /// The `backend_tls` block.
    pub(super) fn shape() -> impl Shape<Value = Self> {
        record("backend_tls", |fields| {
            let default = Self::default();
            let handshake = Handshake::read(fields, true);
            let trust = fields.or(
                "trust",
                list(Authority).not_empty().unique(),
                default.trust.clone(),
                "Who vouches for backends: `system` is the store of the operating system, everything else the path of a PEM file.",
            );
            for diagnostic in handshake.useless_suites(default.min_version, &[], &fields.location()) {
                fields.push(diagnostic);
            }
            Some(Self {
                min_version: handshake.min_version(default.min_version),
                cipher_suites: handshake.cipher_suites(&default.cipher_suites),
                key_exchange: handshake.key_exchange(&default.key_exchange),
                trust,
                ..default
            })
        })
    }
}

/// An entry of `backends`. What it does not say is what `backend_tls` says.
pub(super) struct BackendDraft {
    handshake: Handshake,
    trust: Option<Vec<Trust>>,
    client_certificate: Option<ClientIdentity>,
    connect_timeout: Duration,
    idle_connections: usize,
    location: Location,
}

impl BackendDraft {
    pub(super) fn shape() -> impl Shape<Value = Self> {
        record("a backend", |fields| {
            let default = BackendConnection::default();
            let handshake = Handshake::read(fields, false);
            let trust = fields.optional(
                "trust",
                list(Authority).not_empty().unique(),
                "Who vouches for this backend, in place of what `backend_tls` says.",
            );
            let client_certificate = fields.optional(
                "client_certificate",
                ClientIdentity::shape(),
                "The certificate that is shown to the backend.",
            );
            let connect_timeout = fields.or(
                "connect_timeout",
                duration(Duration::from_millis(1)..=Duration::from_secs(600)),
                default.connect_timeout,
                "Time for the TCP connection and the TLS handshake together.",
            );
            let idle_connections = fields.or(
                "idle_connections",
                integer(0..=100_000),
                default.idle_connections as u64,
                "Idle connections that are kept for each core and authority.",
            );
            Some(Self {
                handshake,
                trust,
                client_certificate,
                connect_timeout,
                idle_connections: idle_connections as usize,
                location: fields.location(),
            })
        })
    }

    /// The connection, and what of it cannot work.
    pub(super) fn over(self, shared: &BackendConnection) -> (BackendConnection, Vec<Diagnostic>) {
        let conflicts =
            self.handshake.useless_suites(shared.min_version, &shared.cipher_suites, &self.location);
        let connection = BackendConnection {
            min_version: self.handshake.min_version(shared.min_version),
            trust: self.trust.unwrap_or_else(|| shared.trust.clone()),
            cipher_suites: self.handshake.cipher_suites(&shared.cipher_suites),
            key_exchange: self.handshake.key_exchange(&shared.key_exchange),
            client_certificate: self.client_certificate,
            connect_timeout: self.connect_timeout,
            idle_connections: self.idle_connections,
            location: Some(self.location),
        };
        (connection, conflicts)
    }
}

impl ClientIdentity {
    pub(super) fn shape() -> impl Shape<Value = Self> {
        record("a client certificate", |fields| {
            let certificate =
                fields.required("certificate", path(), "A PEM file: the leaf first, then the intermediates.");
            let key =
                fields.required("key", path(), "A PEM file with the private key: PKCS#8, PKCS#1 or SEC1.");
            Some(Self { certificate: certificate?, key: key? })
        })
    }
}

/// `system`, or the path of a PEM file.
struct Authority;

impl Shape for Authority {
    type Value = Trust;

    fn decode(&self, node: &Node, context: &mut Context) -> Option<Trust> {
        match node.as_str() {
            Some("system") => Some(Trust::System),
            _ => path().decode(node, context).map(Trust::File),
        }
    }

    fn expected(&self) -> String {
        "system or a path".to_owned()
    }

    fn expected_entries(&self) -> String {
        "system, paths".to_owned()
    }

    fn schema(&self) -> Value {
        json!({ "anyOf": [{ "const": "system" }, path().schema()] })
    }
}

impl Show for Authority {
    fn show(&self, value: &Trust) -> Value {
        match value {
            Trust::System => json!("system"),
            Trust::File(path) => json!(path.value),
        }
    }
}
