//! What a listener stands for, as requests see it.

use std::net::IpAddr;
use std::sync::Arc;

use gatehouse_model::configuration::{Listener, Role, Zone};
use ipnet::IpNet;

use crate::client::authority;

/// What a listener stands for.
#[derive(Clone, Debug)]
pub struct ListenerFacts {
    /// Its name.
    pub name: Arc<str>,
    /// Its zone.
    pub zone: Zone,
    /// Whether it answers for APIs.
    pub serves_gateway: bool,
    /// Whether it answers at `/metrics`.
    pub serves_metrics: bool,
    /// The host names it answers to, lower case; empty: all.
    pub hosts: Vec<String>,
    /// Peers whose forwarding headers are believed.
    pub trusted_proxies: Vec<IpNet>,
}

impl ListenerFacts {
    /// Takes what requests need from a listener's configuration.
    pub fn new(listener: &Listener) -> Self {
        Self {
            name: listener.name.as_str().into(),
            zone: listener.zone,
            serves_gateway: listener.serves.contains(&Role::Gateway),
            serves_metrics: listener.serves.contains(&Role::Metrics),
            hosts: listener.hosts.clone(),
            trusted_proxies: listener.trusted_proxies.clone(),
        }
    }

    /// Whether the listener answers to a host name (lower case, without port).
    pub fn answers_to(&self, host: &str) -> bool {
        authority::is_served(host, &self.hosts)
    }

    /// Whether a peer's forwarding headers are believed.
    pub fn trusts(&self, peer: IpAddr) -> bool {
        let peer = peer.to_canonical();
        self.trusted_proxies.iter().any(|network| network.contains(&peer))
    }
}
