//! How many connections there may be, in all and from one address.

use std::collections::HashMap;
use std::hash::BuildHasher as _;
use std::net::{IpAddr, Ipv6Addr};
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use foldhash::fast::RandomState;
use gatehouse_model::configuration::Limits;
use parking_lot::Mutex;

/// Counts are spread, so that cores seldom wait for each other.
const SHARDS: usize = 16;

/// The connections of the process.
#[derive(Debug, Default)]
pub(super) struct Quota {
    open: AtomicUsize,
    most: AtomicUsize,
    most_per_client: AtomicUsize,
    clients: [Mutex<HashMap<IpAddr, usize, RandomState>>; SHARDS],
    hasher: RandomState,
}

impl Quota {
    pub(super) fn new(limits: &Limits) -> Arc<Self> {
        let quota = Arc::new(Self::default());
        quota.set(limits);
        quota
    }

    /// Takes new bounds. Connections above them stay.
    pub(super) fn set(&self, limits: &Limits) {
        self.most.store(limits.connections, Ordering::Relaxed);
        self.most_per_client.store(limits.connections_per_client, Ordering::Relaxed);
    }

    /// Open connections.
    pub(super) fn open(&self) -> usize {
        self.open.load(Ordering::Relaxed)
    }

    /// Room for one more connection from a peer, until the value is dropped.
    pub(super) fn admit(self: &Arc<Self>, peer: IpAddr) -> Option<Permit> {
        if self.open.fetch_add(1, Ordering::Relaxed) >= self.most.load(Ordering::Relaxed) {
            self.open.fetch_sub(1, Ordering::Relaxed);
            return None;
        }
        let mut permit = Permit { quota: Arc::clone(self), client: None };
        let most = self.most_per_client.load(Ordering::Relaxed);
        if most > 0 {
            let client = client_of(peer);
            let mut clients = self.shard(&client).lock();
            let count = clients.entry(client).or_insert(0);
            if *count >= most {
                return None;
            }
            *count += 1;
            permit.client = Some(client);
        }
        Some(permit)
    }

    fn shard(&self, client: &IpAddr) -> &Mutex<HashMap<IpAddr, usize, RandomState>> {
        let index = self.hasher.hash_one(client) as usize % SHARDS;
        self.clients.get(index).unwrap_or(&self.clients[0])
    }
}

/// One open connection.
#[derive(Debug)]
pub(super) struct Permit {
    quota: Arc<Quota>,
    client: Option<IpAddr>,
}

impl Drop for Permit {
    fn drop(&mut self) {
        self.quota.open.fetch_sub(1, Ordering::Relaxed);
        let Some(client) = self.client else { return };
        let mut clients = self.quota.shard(&client).lock();
        if let Some(count) = clients.get_mut(&client) {
            *count -= 1;
            if *count == 0 {
                clients.remove(&client);
            }
        }
    }
}

/// Whom an address stands for: a subscriber has a /64 of IPv6, and an IPv4 address may come in IPv6 clothes.
fn client_of(peer: IpAddr) -> IpAddr {
    match peer.to_canonical() {
        IpAddr::V6(address) => {
            let [a, b, c, d, ..] = address.segments();
            IpAddr::V6(Ipv6Addr::new(a, b, c, d, 0, 0, 0, 0))
        }
        v4 @ IpAddr::V4(_) => v4,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn quota(connections: usize, connections_per_client: usize) -> Arc<Quota> {
        Quota::new(&Limits { connections, connections_per_client, ..Limits::default() })
    }

    #[test]
    fn the_process_has_a_bound() {
        let quota = quota(2, 0);
        let peer = "192.0.2.1".parse().unwrap();
        let first = quota.admit(peer).unwrap();
        let _second = quota.admit(peer).unwrap();
        assert!(quota.admit(peer).is_none());
        drop(first);
        assert!(quota.admit(peer).is_some());
        assert_eq!(quota.open(), 1);
    }

    #[test]
    fn a_client_has_one_too_and_a_network_of_ipv6_is_one_client() {
        let quota = quota(100, 1);
        let first = quota.admit("2001:db8::1".parse().unwrap()).unwrap();
        assert!(quota.admit("2001:db8::2".parse().unwrap()).is_none());
        let _other = quota.admit("2001:db8:0:1::1".parse().unwrap()).unwrap();
        let _v4 = quota.admit("192.0.2.1".parse().unwrap()).unwrap();
        assert!(quota.admit("::ffff:192.0.2.1".parse().unwrap()).is_none());
        drop(first);
        let _again = quota.admit("2001:db8::2".parse().unwrap()).unwrap();
        assert_eq!(quota.open(), 3);
    }
}
