//! `gatehouse.yaml` as values. Paths are absolute or relative to the working directory: the reader has joined
//! them to the folder of the file already.

mod backend_tls;
mod limits;
mod listener;
mod store;
mod telemetry;
mod zones;

use std::collections::BTreeMap;
use std::path::PathBuf;

use crate::Located;

pub use self::backend_tls::{BackendConnection, ClientIdentity, Trust};
pub use self::limits::Limits;
pub use self::listener::{
    CertificateEntry, CipherSuite, ClientCertificateMode, ClientCertificates, KeyExchange, Listener,
    ListenerTls, Role, TlsSettings, TlsVersion, Zone,
};
pub use self::store::{Counters, Database, MasterKey, Store};
pub use self::telemetry::{LogTarget, Telemetry};
pub use self::zones::{Expose, Zones};

/// Everything that `gatehouse.yaml` says, with defaults filled in.
#[derive(Clone, Debug)]
pub struct Configuration {
    /// The file that was read.
    pub file: PathBuf,
    /// Who runs this instance and what policies see in `context.Deployment`.
    pub service: Service,
    /// `APIOps` folders; a later one wins over an earlier one.
    pub artifacts: Vec<Located<PathBuf>>,
    /// An `APIOps` publisher override file.
    pub overrides: Option<Located<PathBuf>>,
    /// Where the instance listens.
    pub listeners: Vec<Listener>,
    /// What each zone exposes.
    pub zones: Zones,
    /// How backends are reached where no entry of `backends` says otherwise.
    pub backend_tls: BackendConnection,
    /// How single backends are reached, by backend id.
    pub backends: BTreeMap<String, BackendConnection>,
    /// What outlives the process.
    pub store: Store,
    /// What the instance says about its work.
    pub telemetry: Telemetry,
    /// The bounds of everything that a client can grow.
    pub limits: Limits,
    /// Whether changes of the configuration and the artifacts are picked up by themselves.
    pub watch: bool,
}

/// The `service` block.
#[derive(Clone, Debug)]
pub struct Service {
    /// `context.Deployment.ServiceName`; default `gatehouse`.
    pub name: String,
    /// `context.Deployment.Region`; default `local`.
    pub region: String,
    /// The publisher's name, for the portal and for mails.
    pub publisher_name: Option<String>,
    /// The publisher's mail address.
    pub publisher_email: Option<String>,
}

impl Default for Service {
    fn default() -> Self {
        Self {
            name: "gatehouse".to_owned(),
            region: "local".to_owned(),
            publisher_name: None,
            publisher_email: None,
        }
    }
}
