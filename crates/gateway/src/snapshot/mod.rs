//! The compiled configuration: everything that a request looks at, immutable, replaced as a whole by a reload.

mod access;
mod backend_measures;
mod build;
mod listener;
mod loop_mark;
mod published;
mod secrets;

use std::collections::HashMap;
use std::sync::Arc;

use foldhash::fast::RandomState;
use gatehouse_identity::authorization::Authorizations;
use gatehouse_identity::managed::{InstanceIssuer, ManagedIdentities};
use gatehouse_model::configuration::{Limits, Zone};
use gatehouse_policy::{Deployment, Place, Plan};

use crate::events::EventSinks;
use crate::firewall::Firewall;
use crate::router::ApiTree;
use crate::upstream::Backends;

pub use self::access::{AccessDecision, Denied, decide_access};
pub use self::backend_measures::BackendMeasures;
pub use self::build::{SnapshotInput, build};
pub use self::listener::ListenerFacts;
pub use self::loop_mark::LoopMark;
pub use self::published::{OperationPlans, ProductIndex, PublishedApi, PublishedOperation, PublishedProduct};
pub use self::secrets::Secrets;

/// The compiled configuration.
#[derive(Debug)]
pub struct Snapshot {
    /// Where this instance runs.
    pub deployment: Arc<Deployment>,
    /// How requests that come back are known.
    pub loop_mark: LoopMark,
    /// The bounds of everything that a client can grow.
    pub limits: Limits,
    /// Every API that is online, its revisions too.
    pub apis: Vec<PublishedApi>,
    /// Finds those that external listeners answer for, by path.
    pub external: ApiTree,
    /// Finds those that internal listeners answer for. Each zone has a tree of its own, so that an API that is not
    /// exposed leaves no trace in what the zone answers.
    pub internal: ApiTree,
    /// Every product.
    pub products: Vec<PublishedProduct>,
    /// What runs for a request that matches no API.
    pub global: Arc<Plan>,
    /// Where requests go.
    pub backends: Arc<Backends>,
    /// What is measured of where requests go.
    pub backend_measures: BackendMeasures,
    /// Where the events of loggers go.
    pub event_sinks: EventSinks,
    /// Every policy and every branch of one, by place.
    pub places: Vec<Place>,
    /// The web application firewall, where it stands anywhere.
    pub firewall: Option<Arc<Firewall>>,
    /// Who this instance is towards others.
    pub identities: Arc<ManagedIdentities>,
    /// Connections to providers of tokens.
    pub authorizations: Arc<Authorizations>,
    /// This instance as an issuer of tokens.
    pub issuer: Option<Arc<InstanceIssuer>>,
    /// What must stand in no log.
    pub secrets: Secrets,
    /// What each listener stands for.
    pub listeners: HashMap<Arc<str>, Arc<ListenerFacts>, RandomState>,
}

impl Snapshot {
    /// The APIs that listeners of a zone answer for.
    pub fn tree(&self, zone: Zone) -> &ApiTree {
        match zone {
            Zone::External => &self.external,
            Zone::Internal => &self.internal,
        }
    }
}
