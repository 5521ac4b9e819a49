//! Addresses of a backend's host: looked up off the core, kept for a short while so that changes are followed.

use std::cell::{Cell, RefCell};
use std::net::{IpAddr, SocketAddr};
use std::rc::Rc;
use std::time::Duration;

use tokio::time::Instant;

/// How long addresses are believed.
const TTL: Duration = Duration::from_secs(5);

/// The addresses of one host and port.
#[derive(Debug)]
pub(super) struct Resolver {
    host: Box<str>,
    port: u16,
    literal: Option<SocketAddr>,
    known: RefCell<Option<Known>>,
    refreshing: Cell<bool>,
}

#[derive(Clone, Debug)]
struct Known {
    addresses: Rc<[SocketAddr]>,
    since: Instant,
}

impl Resolver {
    /// A resolver for a host as it stands in a URL: a name, an address, or an IPv6 address in brackets.
    pub(super) fn new(host: &str, port: u16) -> Self {
        let bare = host.trim_start_matches('[').trim_end_matches(']');
        let literal = bare.parse::<IpAddr>().ok().map(|address| SocketAddr::new(address, port));
        Self { host: bare.into(), port, literal, known: RefCell::new(None), refreshing: Cell::new(false) }
    }

    /// The host without brackets.
    pub(super) fn host(&self) -> &str {
        &self.host
    }

    /// Addresses that are at most [`TTL`] old, in the order in which they are to be tried.
    pub(super) async fn resolve(&self) -> std::io::Result<Rc<[SocketAddr]>> {
        if let Some(address) = self.literal {
            return Ok(Rc::from([address]));
        }
        if let Some(known) = self.known.borrow().as_ref().filter(|known| known.since.elapsed() < TTL) {
            return Ok(Rc::clone(&known.addresses));
        }
        self.look_up().await
    }

    /// Whether a connection to this address may be used again: false once the name leads elsewhere. Where the addresses
    /// have grown old, they are looked up behind the request's back.
    pub(super) fn still_leads_to(self: &Rc<Self>, address: SocketAddr) -> bool {
        if self.literal.is_some() {
            return true;
        }
        let known = self.known.borrow();
        let Some(known) = known.as_ref() else { return true };
        if known.since.elapsed() >= TTL && !self.refreshing.replace(true) {
            let resolver = Rc::clone(self);
            tokio::task::spawn_local(async move {
                // A failure leaves the addresses as they were: a name server's fault is not the backend's.
                let _ = resolver.look_up().await;
                resolver.refreshing.set(false);
            });
        }
        known.addresses.contains(&address)
    }

    async fn look_up(&self) -> std::io::Result<Rc<[SocketAddr]>> {
        let found = tokio::net::lookup_host((&*self.host, self.port)).await?;
        let addresses: Rc<[SocketAddr]> = alternate_families(found.collect()).into();
        if addresses.is_empty() {
            return Err(std::io::Error::new(std::io::ErrorKind::NotFound, "the name has no address"));
        }
        *self.known.borrow_mut() = Some(Known { addresses: Rc::clone(&addresses), since: Instant::now() });
        Ok(addresses)
    }
}

/// Keeps the resolver's order within a family and alternates between families (RFC 8305 section 4).
fn alternate_families(addresses: Vec<SocketAddr>) -> Vec<SocketAddr> {
    let Some(first) = addresses.first() else { return addresses };
    let first_is_v6 = first.is_ipv6();
    let (same, other): (Vec<_>, Vec<_>) =
        addresses.into_iter().partition(|address| address.is_ipv6() == first_is_v6);
    let mut others = other.into_iter();
    let mut ordered = Vec::with_capacity(same.len());
    for address in same {
        ordered.push(address);
        ordered.extend(others.next());
    }
    ordered.extend(others);
    ordered
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn families_take_turns() {
        let parse = |list: &[&str]| list.iter().map(|it| it.parse().unwrap()).collect::<Vec<SocketAddr>>();
        let mixed = parse(&["[::1]:1", "[::2]:1", "[::3]:1", "1.1.1.1:1"]);
        assert_eq!(alternate_families(mixed), parse(&["[::1]:1", "1.1.1.1:1", "[::2]:1", "[::3]:1"]));
    }

    #[tokio::test(flavor = "current_thread")]
    async fn a_connection_is_given_up_when_its_name_leads_elsewhere() {
        tokio::task::LocalSet::new()
            .run_until(async {
                let resolver = Rc::new(Resolver::new("localhost", 80));
                let addresses = resolver.resolve().await.unwrap();
                assert!(addresses.iter().all(|address| address.ip().is_loopback()));
                assert!(resolver.still_leads_to(addresses[0]));
                assert!(!resolver.still_leads_to("192.0.2.1:80".parse().unwrap()));
            })
            .await;
    }
}
