//! The `listeners` block.

use std::net::SocketAddr;

use ipnet::IpNet;

use super::ListenerTls;
use super::shapes::{address, host, name, network};
use crate::tree::decode::{Fields, Shape, choice, list, located, record};
use crate::{Diagnostic, Located, Location};

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

impl Zone {
    pub(super) const WORDS: [(&'static str, Self); 2] =
        [("external", Self::External), ("internal", Self::Internal)];
}

impl Role {
    const WORDS: [(&'static str, Self); 2] = [("gateway", Self::Gateway), ("metrics", Self::Metrics)];
}

impl Listener {
    pub(super) fn shape() -> impl Shape<Value = Self> {
        record("a listener", |fields| {
            let name = fields.required("name", name(), "Its name in logs and metrics.");
            let zone = fields.required(
                "zone",
                choice(&Zone::WORDS),
                "The side of the network that it faces. On the external side only exposed APIs answer.",
            );
            let address = fields.required(
                "address",
                located(address()),
                "The IP address and port that it listens on. With port 0 the system chooses a free one.",
            );
            let serves = fields.or(
                "serves",
                list(choice(&Role::WORDS).later(&["portal", "management"])).not_empty().unique(),
                vec![Role::Gateway],
                "What it serves: `gateway` the published APIs, `metrics` OpenMetrics at `/metrics`.",
            );
            let hosts = fields.optional(
                "hosts",
                list(host()).not_empty().unique(),
                "The host names that it answers to. Others are refused with 421. Left out: all.",
            );
            let tls =
                fields.required("tls", ListenerTls::shape(), "Transport security. No listener is without.");
            let trusted_proxies = fields.optional(
                "trusted_proxies",
                list(network()).unique(),
                "The peers whose `X-Forwarded-*` and `Forwarded` headers are believed. Left out: none.",
            );
            let http_redirect = fields.optional(
                "http_redirect",
                located(self::address()),
                "The IP address and port of a plain listener that only answers 308 to https.",
            );
            let has_header = |tls: &ListenerTls| {
                let entries = tls.certificates.iter().map(|entry| &entry.settings);
                entries.chain([&tls.settings]).any(|settings| settings.client_certificates.header.is_some())
            };
            if trusted_proxies.is_none() && tls.as_ref().is_some_and(has_header) {
                let message =
                    "`client_certificates.header` is believed of `trusted_proxies`, and there are none";
                fields.push(
                    Diagnostic::error("missing-key", fields.location(), message)
                        .fix("add `trusted_proxies` with the addresses of the proxies"),
                );
            }
            if zone == Some(Zone::External) {
                refuse_management(fields);
            }
            Some(Self {
                name: name?,
                zone: zone?,
                address: address?,
                serves,
                hosts: hosts.unwrap_or_default(),
                tls: tls?,
                trusted_proxies: trusted_proxies.unwrap_or_default(),
                http_redirect,
                location: fields.location(),
            })
        })
    }
}

fn refuse_management(fields: &mut Fields<'_>) {
    let entries = fields.node("serves").and_then(|serves| serves.as_sequence()).unwrap_or_default();
    let place = fields.location();
    for entry in entries.iter().filter(|entry| entry.as_str() == Some("management")) {
        let message = "an external zone refuses `management`";
        fields.push(
            Diagnostic::error("management-outside", entry.location(&place.file), message)
                .fix("serve it on a listener of the internal zone"),
        );
    }
}

/// Names and addresses that two listeners claim.
pub(super) fn conflicts(listeners: &[Listener]) -> Vec<Diagnostic> {
    let mut found = Vec::new();
    for (index, listener) in listeners.iter().enumerate() {
        if let Some(first) = listeners.iter().take(index).find(|first| first.name == listener.name) {
            let message = format!(
                "two listeners are named `{}`, the first in line {}",
                listener.name, first.location.line
            );
            found.push(Diagnostic::error("duplicate-name", listener.location.clone(), message));
        }
    }
    let addresses: Vec<_> = listeners
        .iter()
        .flat_map(|listener| std::iter::once(&listener.address).chain(&listener.http_redirect))
        .collect();
    for (index, second) in addresses.iter().enumerate() {
        if let Some(first) = addresses.iter().take(index).find(|first| overlap(first.value, second.value)) {
            let message = format!(
                "`{}` is taken by `{}` in line {} already",
                second.value, first.value, first.location.line
            );
            found.push(Diagnostic::error("duplicate-address", second.location.clone(), message));
        }
    }
    found
}

/// Whether both cannot be listened on at once: the same port, and one address within the other.
fn overlap(a: SocketAddr, b: SocketAddr) -> bool {
    a.port() != 0
        && a.port() == b.port()
        && a.is_ipv4() == b.is_ipv4()
        && (a.ip() == b.ip() || a.ip().is_unspecified() || b.ip().is_unspecified())
}
