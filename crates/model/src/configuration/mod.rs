//! `gatehouse.yaml` as values. Paths are absolute or relative to the working directory: the reader has joined
//! them to the folder of the file already.

mod backend_tls;
mod egress;
mod identity;
mod limits;
mod listener;
mod loggers;
mod reader;
mod schema;
mod shapes;
mod store;
mod telemetry;
mod tls;
mod vaults;
mod waf;
mod zones;

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use self::backend_tls::BackendDraft;
use self::shapes::{mail_address, path};
use crate::Located;
use crate::tree::decode::{Shape, boolean, list, map, one_or_many, record, text};

pub use self::backend_tls::{BackendConnection, ClientIdentity, Trust};
pub use self::egress::{Egress, EgressRule};
pub use self::identity::{Identity, ManagedIdentity, ManagedIdentityKind};
pub use self::limits::Limits;
pub use self::listener::{Listener, Role, Zone};
pub use self::loggers::{LoggerSink, LoggerTarget};
pub use self::reader::{parse, read};
pub use self::schema::schema;
pub use self::store::{Counters, Database, MasterKey, Store};
pub use self::telemetry::{LogTarget, Telemetry, TraceVerbosity};
pub use self::tls::{
    CertificateEntry, CipherSuite, ClientCertificateMode, ClientCertificates, KeyExchange, ListenerTls,
    TlsSettings, TlsVersion, fetched_list,
};
pub use self::vaults::{Vault, VaultKind, VaultLogin};
pub use self::waf::{BeyondBounds, Undeclared, Waf, WafMode, WafProtocol};
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
    /// The web application firewall.
    pub waf: Waf,
    /// How backends are reached where no entry of `backends` says otherwise.
    pub backend_tls: BackendConnection,
    /// How single backends are reached, by backend id.
    pub backends: BTreeMap<String, BackendConnection>,
    /// The certificates that policies show to others, by the id that `authentication-certificate` names.
    pub certificates: BTreeMap<String, ClientIdentity>,
    /// Where policies may send requests.
    pub egress: Egress,
    /// Where secrets are that the artifacts only name.
    pub vaults: Vec<Vault>,
    /// Who this instance is towards others.
    pub identity: Identity,
    /// What outlives the process.
    pub store: Store,
    /// Where the events of loggers go instead of where the artifacts say, by logger id.
    pub loggers: BTreeMap<String, LoggerSink>,
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

impl Configuration {
    /// The whole file, which stands at `file`.
    fn shape(file: &Path) -> impl Shape<Value = Self> {
        record("the configuration", move |fields| {
            let service = fields.optional("service", Service::shape(), "Who runs this instance.");
            let artifacts = fields.optional(
                "artifacts",
                one_or_many(path()),
                "An APIOps folder, or a list of them: a later one wins over an earlier one.",
            );
            let overrides = fields.optional(
                "overrides",
                path(),
                "An APIOps publisher override file: what differs in this environment.",
            );
            let listeners = fields.required(
                "listeners",
                list(Listener::shape()).not_empty(),
                "Where the instance listens.",
            );
            let zones = fields.optional("zones", Zones::shape(), "What each zone exposes.");
            let waf = fields.optional("waf", Waf::shape(), "The web application firewall.");
            let backend_tls = fields.optional(
                "backend_tls",
                BackendConnection::shape(),
                "How backends are reached where no entry of `backends` says otherwise.",
            );
            let backends = fields.optional(
                "backends",
                map("backend ids with their connections", BackendDraft::shape()),
                "How single backends are reached, by backend id; `team/orders` is the backend `orders` of the workspace `team`.",
            );
            let certificates = fields.optional(
                "certificates",
                map("certificate ids with their files", ClientIdentity::shape()),
                "The certificates that are shown to others: `authentication-certificate` and credentials of backends name them by id or thumbprint.",
            );
            let egress = fields.optional("egress", Egress::shape(), "Where policies may send requests.");
            let store = fields.optional("store", Store::shape(file), "What outlives the process.");
            let loggers = fields.optional(
                "loggers",
                map("logger ids with their places", LoggerSink::shape()),
                "Where the events of loggers go instead of where the artifacts say, by logger id; `team/audit` is the logger `audit` of the workspace `team`.",
            );
            let telemetry =
                fields.optional("telemetry", Telemetry::shape(), "What the instance says about its work.");
            let limits =
                fields.optional("limits", Limits::shape(), "A bound for everything that a client can grow.");
            let watch = fields.or(
                "watch",
                boolean(),
                false,
                "Whether changes of this file and of the artifacts are picked up by themselves.",
            );
            let vaults =
                fields.optional("vaults", Vault::shape(), "Where secrets are that the artifacts only name.");
            let identity =
                fields.optional("identity", Identity::shape(), "Who this instance is towards others.");
            for key in ["management", "portal"] {
                fields.later(key);
            }

            let mut listeners = listeners.unwrap_or_default();
            let store = store.unwrap_or_else(|| Store::default_beside(file));
            for settings in listeners.iter_mut().flat_map(|listener| listener.tls.all_settings_mut()) {
                settings.client_certificates.keep_lists_in(store.folder());
            }
            for conflict in listener::conflicts(&listeners) {
                fields.push(conflict);
            }
            let backend_tls = backend_tls.unwrap_or_default();
            let mut connections = BTreeMap::new();
            for (id, draft) in backends.unwrap_or_default() {
                let (connection, conflicts) = draft.over(&backend_tls);
                for conflict in conflicts {
                    fields.push(conflict);
                }
                connections.insert(id.value, connection);
            }
            Some(Self {
                file: file.to_owned(),
                service: service.unwrap_or_default(),
                artifacts: artifacts.unwrap_or_default(),
                overrides,
                listeners,
                zones: zones.unwrap_or_default(),
                waf: waf.unwrap_or_default(),
                backend_tls,
                backends: connections,
                certificates: certificates
                    .unwrap_or_default()
                    .into_iter()
                    .map(|(id, identity)| (id.value, identity))
                    .collect(),
                egress: egress.unwrap_or_default(),
                vaults: vaults.unwrap_or_default(),
                identity: identity.unwrap_or_default(),
                store,
                loggers: loggers.unwrap_or_default().into_iter().map(|(id, sink)| (id.value, sink)).collect(),
                telemetry: telemetry.unwrap_or_default(),
                limits: limits.unwrap_or_default(),
                watch,
            })
        })
    }
}

impl Service {
    fn shape() -> impl Shape<Value = Self> {
        record("the service", |fields| {
            let default = Self::default();
            let name =
                fields.or("name", text(), default.name, "`context.Deployment.ServiceName` in policies.");
            let region =
                fields.or("region", text(), default.region, "`context.Deployment.Region` in policies.");
            let publisher = fields.optional(
                "publisher",
                record("the publisher", |fields| {
                    let name = fields.optional("name", text(), "The publisher's name.");
                    let email = fields.optional("email", mail_address(), "The publisher's mail address.");
                    Some((name, email))
                }),
                "Who publishes the APIs.",
            );
            let (publisher_name, publisher_email) = publisher.unwrap_or_default();
            Some(Self { name, region, publisher_name, publisher_email })
        })
    }
}
