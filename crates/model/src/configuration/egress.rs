//! The `egress` block: where policies may send requests.

use std::net::IpAddr;

use ipnet::IpNet;

use super::shapes::{host, network};
use crate::tree::decode::{Invalid, Parsed, Shape, choice, list, parsed, record};

/// Where policies may send requests. What is denied stays denied whatever is allowed.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Egress {
    /// Whether only what is allowed may be reached; default: everything but what is denied.
    pub denies_by_default: bool,
    /// What may be reached. Networks that are named here are reached even where the gateway refuses them by itself.
    pub allow: Vec<EgressRule>,
    /// What may not be reached.
    pub deny: Vec<EgressRule>,
}

/// A place that requests go to.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub enum EgressRule {
    /// Addresses, compared after the name is resolved.
    Network(IpNet),
    /// A host name in lower case, as it stands in the URL; `*.` before it stands for every name below it.
    Host(String),
}

impl Egress {
    pub(super) fn shape() -> impl Shape<Value = Self> {
        record("egress", |fields| {
            let denies_by_default = fields.or(
                "default",
                choice(&[("allow", false), ("deny", true)]),
                false,
                "What holds for places that neither `allow` nor `deny` names.",
            );
            let allow = fields.optional(
                "allow",
                list(rule()).unique(),
                "Networks, addresses and host names that policies may send requests to. Networks and addresses are allowed here even where the gateway refuses them by itself.",
            );
            let deny = fields.optional(
                "deny",
                list(rule()).unique(),
                "Networks, addresses and host names that policies may not send requests to, whatever `allow` says.",
            );
            Some(Self { denies_by_default, allow: allow.unwrap_or_default(), deny: deny.unwrap_or_default() })
        })
    }
}

/// A network, an address, or a host name.
fn rule() -> Parsed<EgressRule> {
    parsed(
        [
            "a network such as 10.0.0.0/8, an IP address, or a host name such as api.example.com or *.example.com",
            "networks, IP addresses or host names",
        ],
        r"^[0-9A-Fa-f:.]+(/[0-9]{1,3})?$|^(\*\.)?[0-9A-Za-z.-]+$",
        |text| {
            let bare = text.trim_start_matches('[').trim_end_matches(']');
            let is_address = bare.parse::<IpAddr>().is_ok();
            if text != bare && is_address {
                return Err(Invalid::because("brackets are for URLs").fix(format!("did you mean `{bare}`?")));
            }
            let of_numbers = text.contains('/') && !text.contains("://");
            if is_address || of_numbers {
                return network().read(text).map(EgressRule::Network);
            }
            host().read(text).map(EgressRule::Host)
        },
        |rule| match rule {
            EgressRule::Network(network) => network.to_string(),
            EgressRule::Host(host) => host.clone(),
        },
    )
}
