//! Addresses of a backend's host: looked up off the core, kept for a short while so that changes are followed.

use std::cell::{Cell, RefCell};
use std::net::{IpAddr, SocketAddr};
use std::rc::Rc;
use std::time::Duration;

use tokio::sync::Mutex;
use tokio::time::Instant;

/// How long addresses are believed.
const TTL: Duration = Duration::from_secs(5);

/// How long a failure is believed, so that a burst of requests does not become a burst of look-ups.
const FAILURE_TTL: Duration = Duration::from_millis(500);

/// The addresses of one host and port.
#[derive(Debug)]
pub(super) struct Resolver {
    host: Box<str>,
    port: u16,
    literal: Option<SocketAddr>,
    known: RefCell<Option<Known>>,
    failed: RefCell<Option<(Instant, String)>>,
    /// One look-up at a time: those who come meanwhile take its outcome.
    looking_up: Mutex<()>,
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
        Self {
            host: bare.into(),
            port,
            literal,
            known: RefCell::default(),
            failed: RefCell::default(),
            looking_up: Mutex::new(()),
            refreshing: Cell::new(false),
        }
    }

    /// The host without brackets.
    pub(super) fn host(&self) -> &str {
        &self.host
    }

    /// Addresses that are at most [`TTL`] old, in the order in which they are to be tried; else what the resolver says.
    pub(super) async fn resolve(&self) -> Result<Rc<[SocketAddr]>, String> {
        if let Some(address) = self.literal {
            return Ok(Rc::from([address]));
        }
        if let Some(recent) = self.recent() {
            return recent;
        }
        let _turn = self.looking_up.lock().await;
        match self.recent() {
            Some(recent) => recent,
            None => self.look_up().await,
        }
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
                let _ = resolver.resolve().await;
                resolver.refreshing.set(false);
            });
        }
        known.addresses.contains(&address)
    }

    /// What a look-up has said a short while ago.
    fn recent(&self) -> Option<Result<Rc<[SocketAddr]>, String>> {
        if let Some(known) = self.known.borrow().as_ref().filter(|known| known.since.elapsed() < TTL) {
            return Some(Ok(Rc::clone(&known.addresses)));
        }
        let failed = self.failed.borrow();
        let (since, reason) = failed.as_ref()?;
        (since.elapsed() < FAILURE_TTL).then(|| Err(reason.clone()))
    }

    async fn look_up(&self) -> Result<Rc<[SocketAddr]>, String> {
        let outcome = match tokio::net::lookup_host((&*self.host, self.port)).await {
            Ok(found) => Ok(alternate_families(found.collect())),
            Err(error) => Err(error.to_string()),
        };
        match outcome {
            Ok(addresses) if !addresses.is_empty() => {
                let addresses: Rc<[SocketAddr]> = addresses.into();
                *self.known.borrow_mut() =
                    Some(Known { addresses: Rc::clone(&addresses), since: Instant::now() });
                *self.failed.borrow_mut() = None;
                Ok(addresses)
            }
            outcome => {
                let reason = outcome.err().unwrap_or_else(|| "the name has no address".to_owned());
                *self.failed.borrow_mut() = Some((Instant::now(), reason.clone()));
                Err(reason)
            }
        }
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
