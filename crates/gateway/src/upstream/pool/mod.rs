//! Connections to backends, kept by core. Nothing here is shared between cores.

mod authority;
mod connect;
mod http1;
mod http2;
mod io;
mod proxy;
mod resolve;
mod slot;

use std::cell::{Cell, RefCell};
use std::collections::HashMap;
use std::hash::BuildHasher as _;
use std::net::SocketAddr;
use std::rc::{Rc, Weak};
use std::sync::Arc;
use std::time::Duration;

use gatehouse_policy::Proxy;
use smallvec::SmallVec;
use tokio::time::Instant;
use url::Url;

use super::observer::Observer;
use super::tls_profile::TlsProfile;

pub(super) use self::authority::{Authority, Lease, Protocol, SendFailure, Sent};
pub(super) use self::connect::ConnectError;
pub use self::io::Tunnel;
pub(super) use self::slot::StreamSlot;

/// How often idle connections are looked through, at the least.
const SWEEP: Duration = Duration::from_secs(5);

/// The bounds of a core's pools.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct PoolLimits {
    /// Connections to one authority; default 1,024 shared by all cores.
    pub connections: usize,
    /// Requests that wait for a connection to one authority; default 1,024.
    pub waiting: usize,
    /// Authorities; default 4,096. Those without connections make room for others.
    pub authorities: usize,
    /// How long a connection without a request is kept; default 60 s.
    pub idle_timeout: Duration,
}

impl PoolLimits {
    /// The defaults for one of so many cores.
    pub fn for_cores(cores: usize) -> Self {
        Self {
            connections: (1024 / cores.max(1)).max(1),
            waiting: 1024,
            authorities: 4096,
            idle_timeout: Duration::from_secs(60),
        }
    }
}

/// The pools of one core. They outlive reloads.
pub struct Pools {
    limits: PoolLimits,
    observer: Rc<dyn Observer>,
    diverted_to: Option<SocketAddr>,
    authorities: RefCell<HashMap<u64, SmallVec<[Rc<Authority>; 1]>, PassThrough>>,
    count: Cell<usize>,
    hasher: foldhash::fast::RandomState,
    sweeping: Cell<bool>,
}

impl std::fmt::Debug for Pools {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Pools").field("limits", &self.limits).finish_non_exhaustive()
    }
}

impl Pools {
    /// Empty pools. Connections run as local tasks: whoever calls a backend must be within a `LocalSet` or a local
    /// runtime.
    pub fn new(limits: PoolLimits, observer: Rc<dyn Observer>) -> Rc<Self> {
        Self::diverted(limits, observer, None)
    }

    /// The same; with an address, every connection goes there without TLS, whatever host it is for. Requests keep the
    /// host that they were meant for. A load test puts a backend of its own in the place of all others with it.
    pub fn diverted(limits: PoolLimits, observer: Rc<dyn Observer>, to: Option<SocketAddr>) -> Rc<Self> {
        Rc::new(Self {
            limits,
            observer,
            diverted_to: to,
            authorities: RefCell::default(),
            count: Cell::new(0),
            hasher: foldhash::fast::RandomState::default(),
            sweeping: Cell::new(false),
        })
    }

    /// How many connections to backends stand or are being made, tunnels among them.
    pub fn connections(&self) -> usize {
        self.authorities.borrow().values().flatten().map(|authority| authority.connections()).sum()
    }

    /// Who hears what happens.
    pub(super) fn observer(&self) -> &dyn Observer {
        &*self.observer
    }

    /// The connections to the host of a URL.
    pub(super) fn authority(
        self: &Rc<Self>,
        url: &Url,
        profile: &Arc<TlsProfile>,
        protocol: Protocol,
        proxy: Option<&Arc<Proxy>>,
    ) -> Result<Rc<Authority>, ConnectError> {
        let https = matches!(url.scheme(), "https" | "wss");
        let (Some(host), Some(port)) = (url.host_str(), url.port_or_known_default()) else {
            return Err(ConnectError::BadUrl("it has no host"));
        };
        let hash = self.hasher.hash_one((https, host, port, profile.id, protocol, proxy));
        if let Some(bucket) = self.authorities.borrow().get(&hash) {
            for authority in bucket {
                if authority.is(https, host, port, profile.id, protocol, proxy) {
                    return Ok(Rc::clone(authority));
                }
            }
        }
        self.add(hash, Authority::new(self, https, host, port, profile, protocol, proxy)?)
    }

    fn add(self: &Rc<Self>, hash: u64, authority: Authority) -> Result<Rc<Authority>, ConnectError> {
        if self.count.get() >= self.limits.authorities {
            self.drop_authorities(|authority| !authority.has_connections());
            if self.count.get() >= self.limits.authorities {
                return Err(ConnectError::TooManyAuthorities(self.limits.authorities));
            }
        }
        let authority = Rc::new(authority);
        self.authorities.borrow_mut().entry(hash).or_default().push(Rc::clone(&authority));
        self.count.set(self.count.get() + 1);
        if !self.sweeping.replace(true) {
            let pause = SWEEP.min(self.limits.idle_timeout);
            tokio::task::spawn_local(sweep(Rc::downgrade(self), pause));
        }
        Ok(authority)
    }

    fn drop_authorities(&self, unwanted: impl Fn(&Authority) -> bool) {
        let mut count = 0;
        self.authorities.borrow_mut().retain(|_, bucket| {
            bucket.retain(|authority| Rc::strong_count(authority) > 1 || !unwanted(authority));
            count += bucket.len();
            !bucket.is_empty()
        });
        self.count.set(count);
    }

    fn sweep(&self, now: Instant) {
        for authority in self.authorities.borrow().values().flatten() {
            authority.sweep(now, self.limits.idle_timeout);
        }
        self.drop_authorities(|authority| {
            !authority.has_connections() && authority.unused_since(now) > self.limits.idle_timeout
        });
    }
}

/// Closes what has been idle for too long, until the pools are gone.
async fn sweep(pools: Weak<Pools>, pause: Duration) {
    loop {
        tokio::time::sleep(pause).await;
        let Some(pools) = pools.upgrade() else { return };
        pools.sweep(Instant::now());
    }
}

/// The keys are hashes already.
#[derive(Clone, Copy, Default)]
struct PassThrough;

impl std::hash::BuildHasher for PassThrough {
    type Hasher = PassThroughHasher;

    fn build_hasher(&self) -> PassThroughHasher {
        PassThroughHasher(0)
    }
}

struct PassThroughHasher(u64);

impl std::hash::Hasher for PassThroughHasher {
    fn write(&mut self, bytes: &[u8]) {
        for byte in bytes {
            self.0 = self.0.rotate_left(8) ^ u64::from(*byte);
        }
    }

    fn write_u64(&mut self, hash: u64) {
        self.0 = hash;
    }

    fn finish(&self) -> u64 {
        self.0
    }
}
