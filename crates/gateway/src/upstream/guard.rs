//! Where connections may lead: looked at for every address that a name has, before any of them is connected to.
//!
//! Some places are refused whoever names them: link-local addresses, the services that tell an instance its own
//! credentials, and the listeners of this instance that serve more than APIs. What policies compute is held against
//! the `egress` block besides.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr, UdpSocket};

use gatehouse_model::configuration::{Egress, EgressRule, Listener, Role};
use ipnet::IpNet;
use smallvec::SmallVec;

/// Addresses outside the link-local networks at which clouds answer for their instances: Amazon, Google, Azure's wire
/// server, Alibaba, Oracle.
const METADATA: [IpAddr; 5] = [
    IpAddr::V6(Ipv6Addr::new(0xfd00, 0xec2, 0, 0, 0, 0, 0, 0x254)),
    IpAddr::V6(Ipv6Addr::new(0xfd20, 0xce, 0, 0, 0, 0, 0, 0x254)),
    IpAddr::V4(Ipv4Addr::new(168, 63, 129, 16)),
    IpAddr::V4(Ipv4Addr::new(100, 100, 100, 200)),
    IpAddr::V4(Ipv4Addr::new(192, 0, 0, 192)),
];

/// Decides about addresses.
#[derive(Debug, Default)]
pub(super) struct Guard {
    rules: Egress,
    /// Whether the rules are those of places that policies compute, rather than of the configuration and the artifacts.
    is_strict: bool,
    /// Listeners of this instance that serve more than APIs.
    own: Vec<SocketAddr>,
}

/// Why a place is refused.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub(in crate::upstream) enum Forbidden {
    /// A service of the cloud that hands out credentials.
    #[error("it is a metadata service of a cloud; `egress.allow` can name it")]
    Metadata,
    /// It is only of this link.
    #[error("it is a link-local address; `egress.allow` can name it")]
    LinkLocal,
    /// It stands for no host.
    #[error("it is the address of no single host")]
    NoHost,
    /// It serves the administration of this instance.
    #[error("it is a listener of this instance that serves more than APIs; `egress.allow` can name it")]
    OwnListener,
    /// A rule says so.
    #[error("`egress.deny` names it")]
    Denied,
    /// No rule allows it.
    #[error("`egress.allow` does not name it")]
    NotAllowed,
}

impl Guard {
    /// A guard for the places that the configuration and the artifacts name.
    pub(super) fn of_backends(rules: &Egress, listeners: &[Listener]) -> Self {
        let own = listeners
            .iter()
            .filter(|listener| listener.serves.iter().any(|role| *role != Role::Gateway))
            .map(|listener| listener.address.value)
            .collect();
        Self { rules: rules.clone(), is_strict: false, own }
    }

    /// The guard for the places that policies compute; `None`: the same.
    pub(super) fn of_policies(&self) -> Option<Self> {
        let Egress { denies_by_default, deny, .. } = &self.rules;
        let has_rules = *denies_by_default || !deny.is_empty();
        has_rules.then(|| Self { rules: self.rules.clone(), is_strict: true, own: self.own.clone() })
    }

    /// Whether a host may be asked for whose name another one resolves.
    pub(super) fn check_name(&self, host: &str, port: u16) -> Result<(), Forbidden> {
        if let Ok(address) = host.parse::<IpAddr>() {
            return self.check(host, SocketAddr::new(address, port));
        }
        let named = |rules: &[EgressRule]| rules.iter().any(|rule| matches(rule, host, &[]));
        if self.is_strict && named(&self.rules.deny) {
            return Err(Forbidden::Denied);
        }
        if self.is_strict && self.rules.denies_by_default && !named(&self.rules.allow) {
            return Err(Forbidden::NotAllowed);
        }
        Ok(())
    }

    /// Whether a host may be connected to at an address that its name has.
    pub(super) fn check(&self, host: &str, address: SocketAddr) -> Result<(), Forbidden> {
        let forms = forms(address.ip());
        let named = |rules: &[EgressRule]| rules.iter().any(|rule| matches(rule, host, &forms));
        if self.is_strict && named(&self.rules.deny) {
            return Err(Forbidden::Denied);
        }
        let is_listed = self.rules.allow.iter().any(|rule| {
            matches!(rule, EgressRule::Network(network) if forms.iter().any(|form| contains(network, *form)))
        });
        if !is_listed {
            if let Some(reason) = forms.iter().find_map(|form| special(*form)) {
                return Err(reason);
            }
            let is_own = |own: &SocketAddr| {
                own.port() == address.port() && forms.iter().any(|form| leads_to(*form, own.ip()))
            };
            if self.own.iter().any(is_own) {
                return Err(Forbidden::OwnListener);
            }
        }
        if self.is_strict && self.rules.denies_by_default && !is_listed && !named(&self.rules.allow) {
            return Err(Forbidden::NotAllowed);
        }
        Ok(())
    }
}

/// The address, and the IPv4 addresses that it stands for (RFC 4291 section 2.5.5, RFC 6052, RFC 3056).
fn forms(address: IpAddr) -> SmallVec<[IpAddr; 2]> {
    let mut forms = SmallVec::new();
    forms.push(address.to_canonical());
    let IpAddr::V6(v6) = address else { return forms };
    let octets = v6.octets();
    let [a, b, c, d] = match octets {
        [0x20, 0x02, a, b, c, d, ..] | [0, 0x64, 0xff, 0x9b, .., a, b, c, d] => [a, b, c, d],
        [0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, a, b, c, d] if v6 != Ipv6Addr::LOCALHOST => [a, b, c, d],
        _ => return forms,
    };
    forms.push(Ipv4Addr::new(a, b, c, d).into());
    forms
}

fn contains(network: &IpNet, address: IpAddr) -> bool {
    match network {
        // A rule may be written with a mapped address.
        IpNet::V6(mapped) if address.is_ipv4() => match mapped.addr().to_ipv4_mapped() {
            Some(v4) => ipnet::Ipv4Net::new(v4, mapped.prefix_len().saturating_sub(96))
                .is_ok_and(|network| IpNet::V4(network).contains(&address)),
            None => false,
        },
        network => network.contains(&address),
    }
}

fn matches(rule: &EgressRule, host: &str, forms: &[IpAddr]) -> bool {
    match rule {
        EgressRule::Network(network) => forms.iter().any(|form| contains(network, *form)),
        EgressRule::Host(name) => {
            let host = host.trim_end_matches('.');
            match name.strip_prefix("*.") {
                Some(parent) => host
                    .len()
                    .checked_sub(parent.len() + 1)
                    .and_then(|at| host.split_at_checked(at))
                    .is_some_and(|(label, rest)| {
                        !label.is_empty()
                            && rest.starts_with('.')
                            && rest.get(1..).is_some_and(|rest| rest.eq_ignore_ascii_case(parent))
                    }),
                None => host.eq_ignore_ascii_case(name),
            }
        }
    }
}

fn special(address: IpAddr) -> Option<Forbidden> {
    if METADATA.contains(&address) || address == IpAddr::V4(Ipv4Addr::new(169, 254, 169, 254)) {
        return Some(Forbidden::Metadata);
    }
    let (is_link_local, is_no_host) = match address {
        IpAddr::V4(v4) => (
            v4.is_link_local(),
            // All of 0.0.0.0/8 is "this host on this network" (RFC 1122 section 3.2.1.3).
            v4.octets()[0] == 0 || v4.is_broadcast() || v4.is_multicast(),
        ),
        IpAddr::V6(v6) => (v6.is_unicast_link_local(), v6.is_unspecified() || v6.is_multicast()),
    };
    if is_link_local {
        Some(Forbidden::LinkLocal)
    } else if is_no_host {
        Some(Forbidden::NoHost)
    } else {
        None
    }
}

/// Whether an address reaches a listener that is bound to `bound`.
fn leads_to(address: IpAddr, bound: IpAddr) -> bool {
    address == bound.to_canonical() || bound.is_unspecified() && is_of_this_machine(address)
}

/// Whether an address is one of this machine's. The system's routes say: what is sent to an address of its own has that
/// address as its source too. Nothing is sent.
fn is_of_this_machine(address: IpAddr) -> bool {
    if address.is_loopback() {
        return true;
    }
    let any: IpAddr =
        if address.is_ipv4() { Ipv4Addr::UNSPECIFIED.into() } else { Ipv6Addr::UNSPECIFIED.into() };
    let source = UdpSocket::bind((any, 0))
        .and_then(|socket| socket.connect((address, 9)).and_then(|()| socket.local_addr()));
    source.is_ok_and(|source| source.ip() == address)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn rules(default: bool, allow: &[&str], deny: &[&str]) -> Egress {
        let rule = |text: &&str| match text.parse() {
            Ok(network) => EgressRule::Network(network),
            Err(_) => match text.parse::<IpAddr>() {
                Ok(address) => EgressRule::Network(address.into()),
                Err(_) => EgressRule::Host((*text).to_owned()),
            },
        };
        Egress {
            denies_by_default: default,
            allow: allow.iter().map(rule).collect(),
            deny: deny.iter().map(rule).collect(),
        }
    }

    fn guard(rules: Egress) -> Guard {
        Guard {
            rules,
            is_strict: true,
            own: vec!["0.0.0.0:8445".parse().unwrap(), "[::1]:9000".parse().unwrap()],
        }
    }

    fn decide(guard: &Guard, host: &str, address: &str) -> Option<Forbidden> {
        let address = match address.parse::<SocketAddr>() {
            Ok(address) => address,
            Err(_) => SocketAddr::new(address.parse().unwrap(), 443),
        };
        guard.check(host, address).err()
    }

    #[test]
    fn places_that_give_credentials_away_are_refused_in_every_spelling() {
        let guard = guard(Egress::default());
        for (address, wanted) in [
            ("169.254.169.254", Forbidden::Metadata),
            ("::ffff:169.254.169.254", Forbidden::Metadata),
            ("::169.254.169.254", Forbidden::Metadata),
            ("64:ff9b::a9fe:a9fe", Forbidden::Metadata),
            ("2002:a9fe:a9fe::1", Forbidden::Metadata),
            ("fd00:ec2::254", Forbidden::Metadata),
            ("fd20:ce::254", Forbidden::Metadata),
            ("168.63.129.16", Forbidden::Metadata),
            ("100.100.100.200", Forbidden::Metadata),
            ("169.254.170.2", Forbidden::LinkLocal),
            ("fe80::1", Forbidden::LinkLocal),
            ("0.0.0.0", Forbidden::NoHost),
            ("0.1.2.3", Forbidden::NoHost),
            ("::", Forbidden::NoHost),
            ("255.255.255.255", Forbidden::NoHost),
            ("224.0.0.1", Forbidden::NoHost),
            ("ff02::1", Forbidden::NoHost),
        ] {
            assert_eq!(decide(&guard, "rebound.example", address), Some(wanted), "{address}");
        }
        for address in ["10.0.0.1", "127.0.0.1", "::1", "192.0.2.1", "2001:db8::1"] {
            assert_eq!(decide(&guard, "a.example", address), None, "{address}");
        }
    }

    #[test]
    fn listeners_that_administer_this_instance_are_refused() {
        let guard = guard(Egress::default());
        for address in ["127.0.0.1:8445", "127.9.9.9:8445", "[::ffff:127.0.0.1]:8445", "[::1]:9000"] {
            assert_eq!(decide(&guard, "localhost", address), Some(Forbidden::OwnListener), "{address}");
        }
        for address in ["127.0.0.1:8446", "127.0.0.1:9000", "192.0.2.1:8445"] {
            assert_eq!(decide(&guard, "localhost", address), None, "{address}");
        }
    }

    #[test]
    fn networks_that_are_allowed_are_reached_and_names_only_lift_the_default() {
        let guard = guard(rules(true, &["169.254.169.254", "127.0.0.0/8", "*.ok.example", "b.example"], &[]));
        assert_eq!(decide(&guard, "x", "169.254.169.254"), None);
        assert_eq!(decide(&guard, "x", "::ffff:169.254.169.254"), None);
        assert_eq!(decide(&guard, "x", "127.0.0.1:8445"), None);
        assert_eq!(decide(&guard, "a.OK.example.", "192.0.2.1"), None);
        assert_eq!(decide(&guard, "b.example", "192.0.2.1"), None);
        assert_eq!(decide(&guard, "a.ok.example", "169.254.1.1"), Some(Forbidden::LinkLocal));
        for host in
            ["ok.example", "notok.example", "x.b.example", "c.example", ".ok.example", "ok.example.org"]
        {
            assert_eq!(decide(&guard, host, "192.0.2.1"), Some(Forbidden::NotAllowed), "{host}");
        }
    }

    #[test]
    fn what_is_denied_stays_denied() {
        let guard = guard(rules(false, &["10.0.0.0/8", "a.example"], &["10.1.0.0/16", "*.bad.example"]));
        assert_eq!(decide(&guard, "a.example", "10.1.2.3"), Some(Forbidden::Denied));
        assert_eq!(decide(&guard, "a.example", "64:ff9b::a01:203"), Some(Forbidden::Denied));
        assert_eq!(decide(&guard, "x.bad.example", "192.0.2.1"), Some(Forbidden::Denied));
        assert_eq!(decide(&guard, "a.example", "10.2.2.3"), None);
    }

    #[test]
    fn rules_do_not_bind_what_the_configuration_names() {
        let guard = Guard { is_strict: false, ..guard(rules(true, &[], &["10.0.0.0/8"])) };
        assert_eq!(decide(&guard, "a.example", "10.1.2.3"), None);
        assert_eq!(decide(&guard, "a.example", "169.254.169.254"), Some(Forbidden::Metadata));
        assert!(guard.of_policies().unwrap().check("a.example", "10.1.2.3:1".parse().unwrap()).is_err());
    }
}
