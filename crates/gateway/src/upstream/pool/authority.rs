//! The connections to one scheme, host and port, reached in one way.

use std::cell::{Cell, RefCell};
use std::net::SocketAddr;
use std::rc::{Rc, Weak};
use std::sync::Arc;
use std::time::Duration;

use gatehouse_policy::Proxy;
use http::header::UPGRADE;
use http::uri::{self, Scheme};
use http::{HeaderValue, Request, Response, StatusCode, Version};
use hyper::body::Incoming;
use rustls::ClientConfig;
use rustls_pki_types::ServerName;
use smallvec::SmallVec;
use tokio::sync::Notify;
use tokio::time::{Instant, timeout_at};

use super::connect::{self, ConnectError};
use super::http1::{self, Http1Lease};
use super::http2::{self, Http2Lease};
use super::io::{Stream, Tunnel};
use super::proxy;
use super::resolve::Resolver;
use super::slot::{Places, Slot, StreamSlot};
use super::{PoolLimits, Pools};
use crate::upstream::guard::Guard;
use crate::upstream::observer::Observer;
use crate::upstream::request_body::RequestBody;
use crate::upstream::tls_profile::TlsProfile;

/// Which versions of HTTP may be spoken.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(in crate::upstream) enum Protocol {
    /// HTTP/2 where TLS agrees on it, else HTTP/1.1.
    Negotiated,
    /// HTTP/1.1 alone.
    Http1,
    /// HTTP/2 without TLS, known beforehand (RFC 9113 section 3.3).
    Http2,
}

/// The connections to one authority.
pub(in crate::upstream) struct Authority {
    https: bool,
    port: u16,
    protocol: Protocol,
    profile: u64,
    /// By way of which it is reached.
    proxy: Option<Arc<Proxy>>,
    /// As it stands in a URL, with brackets around an IPv6 address.
    host: Box<str>,
    server_name: ServerName<'static>,
    tls: Arc<ClientConfig>,
    guard: Arc<Guard>,
    connect_timeout: Duration,
    idle_bound: usize,
    /// Where connections go instead, without TLS.
    diverted_to: Option<SocketAddr>,
    limits: PoolLimits,
    observer: Rc<dyn Observer>,
    /// The `Host` field and the `:authority` of requests.
    pub(in crate::upstream) host_field: HeaderValue,
    /// The same, for HTTP/2.
    pub(in crate::upstream) in_uri: uri::Authority,

    /// Of the host, or of the proxy where there is one.
    resolver: Rc<Resolver>,
    /// Last in, first out: the warmest connection is used, and those beyond need grow old and are closed.
    idle: RefCell<Vec<http1::Idle>>,
    http2: RefCell<Vec<Rc<http2::Connection>>>,
    /// What TLS agreed on the last time.
    speaks_http2: Cell<Option<bool>>,
    connecting: Cell<usize>,
    waiting: Cell<usize>,
    connections: Places,
    bell: Arc<Notify>,
    used: Cell<Instant>,
}

/// A connection, or a stream of one, for one request.
pub(in crate::upstream) enum Lease {
    /// HTTP/1.1.
    Http1(Http1Lease),
    /// HTTP/2.
    Http2(Http2Lease),
}

impl Lease {
    /// The version that the connection speaks.
    pub(in crate::upstream) fn version(&self) -> Version {
        match self {
            Self::Http1(_) => Version::HTTP_11,
            Self::Http2(_) => Version::HTTP_2,
        }
    }
}

/// What came of a request.
pub(in crate::upstream) struct Sent {
    /// The answer.
    pub(in crate::upstream) response: Response<Incoming>,
    /// To be kept until an HTTP/2 answer has been read.
    pub(in crate::upstream) stream: Option<StreamSlot>,
    /// The place of an HTTP/1.1 connection whose protocol was switched.
    pub(in crate::upstream) switched: Option<SwitchedConnection>,
}

/// The place of a connection that becomes a tunnel.
pub(in crate::upstream) struct SwitchedConnection(Option<Arc<Slot>>);

impl SwitchedConnection {
    /// The tunnel.
    pub(in crate::upstream) fn tunnel(self, upgraded: hyper::upgrade::Upgraded) -> Tunnel {
        Tunnel::new(upgraded, self.0)
    }
}

/// A request without an answer.
pub(in crate::upstream) struct SendFailure {
    /// What is wrong.
    pub(in crate::upstream) error: hyper::Error,
    /// The request, where no byte of it was sent.
    pub(in crate::upstream) unsent: Option<Request<RequestBody>>,
    /// Whether the connection had been in the pool before.
    pub(in crate::upstream) reused: bool,
}

impl Authority {
    /// An authority without connections.
    pub(super) fn new(
        pools: &Pools,
        https: bool,
        host: &str,
        port: u16,
        profile: &Arc<TlsProfile>,
        protocol: Protocol,
        proxy: Option<&Arc<Proxy>>,
    ) -> Result<Self, ConnectError> {
        let resolver = match proxy {
            Some(proxy) => Resolver::new(&proxy.host, proxy.port),
            None => Resolver::new(host, port),
        };
        let server_name = ServerName::try_from(bare(host).to_owned())
            .map_err(|_| ConnectError::BadUrl("its host is neither a name nor an address"))?;
        let default_port = if https { 443 } else { 80 };
        let authority = if port == default_port { host.to_owned() } else { format!("{host}:{port}") };
        let bad_host = || ConnectError::BadUrl("its host holds characters that a host may not hold");
        let host_field = HeaderValue::from_str(&authority).map_err(|_| bad_host())?;
        let in_uri = uri::Authority::try_from(authority).map_err(|_| bad_host())?;
        let tls = match protocol {
            Protocol::Http1 => &profile.http1,
            Protocol::Negotiated | Protocol::Http2 => &profile.any_version,
        };
        let bell = Arc::new(Notify::new());
        Ok(Self {
            https,
            port,
            protocol,
            profile: profile.id,
            proxy: proxy.map(Arc::clone),
            host: host.into(),
            server_name,
            tls: Arc::clone(tls),
            guard: Arc::clone(&profile.guard),
            connect_timeout: profile.connect_timeout,
            idle_bound: profile.idle_connections,
            diverted_to: pools.diverted_to,
            limits: pools.limits,
            observer: Rc::clone(&pools.observer),
            host_field,
            in_uri,
            resolver: Rc::new(resolver),
            idle: RefCell::default(),
            http2: RefCell::default(),
            speaks_http2: Cell::new(match (https, protocol) {
                (_, Protocol::Http2) => Some(true),
                (_, Protocol::Http1) | (false, Protocol::Negotiated) => Some(false),
                (true, Protocol::Negotiated) => None,
            }),
            connecting: Cell::new(0),
            waiting: Cell::new(0),
            connections: Places::new(Arc::clone(&bell)),
            bell,
            used: Cell::new(Instant::now()),
        })
    }

    /// Whether this is the authority of these parts.
    pub(super) fn is(
        &self,
        https: bool,
        host: &str,
        port: u16,
        profile: u64,
        protocol: Protocol,
        proxy: Option<&Arc<Proxy>>,
    ) -> bool {
        self.port == port
            && self.https == https
            && self.profile == profile
            && self.protocol == protocol
            && self.proxy.as_ref() == proxy
            && *self.host == *host
    }

    /// The host as metrics name it.
    pub(in crate::upstream) fn name(&self) -> &str {
        self.in_uri.as_str()
    }

    fn host_and_port(&self) -> String {
        format!("{}:{}", self.host, self.port)
    }

    /// The scheme of requests.
    pub(in crate::upstream) fn scheme(&self) -> Scheme {
        if self.https { Scheme::HTTPS } else { Scheme::HTTP }
    }

    /// The proxy that requests themselves are sent to: they name the whole URL then (RFC 9112 section 3.2.2).
    pub(in crate::upstream) fn asks_proxy(&self) -> Option<&Proxy> {
        self.proxy.as_deref().filter(|_| !self.https)
    }

    /// How many connections stand or are being made.
    pub(super) fn connections(&self) -> usize {
        self.connections.taken()
    }

    /// Whether a connection stands or is being made.
    pub(super) fn has_connections(&self) -> bool {
        self.connections() > 0
    }

    /// How long there has been no request.
    pub(super) fn unused_since(&self, now: Instant) -> Duration {
        now.saturating_duration_since(self.used.get())
    }

    /// A connection from the pool; `None` where there is none.
    pub(in crate::upstream) fn take(&self) -> Option<Lease> {
        loop {
            let Some(idle) = self.idle.borrow_mut().pop() else { break };
            if !idle.is_closed() && self.still_leads_to(idle.peer()) {
                self.observer.connection_reused(self.name());
                return Some(Lease::Http1(idle.take()));
            }
        }
        let mut http2 = self.http2.borrow_mut();
        if http2.is_empty() {
            return None;
        }
        http2.retain(|connection| !connection.is_closed() && self.still_leads_to(connection.peer));
        let lease = http2.iter().find_map(|connection| connection.take(true))?;
        self.observer.connection_reused(self.name());
        Some(Lease::Http2(lease))
    }

    fn still_leads_to(&self, peer: SocketAddr) -> bool {
        self.diverted_to.is_some() || self.resolver.still_leads_to(peer)
    }

    /// A connection: from the pool, or a new one, or the first that becomes free. `fresh` asks for a new one; `backend`
    /// is the entity that it is for.
    pub(in crate::upstream) async fn check_out(
        self: &Rc<Self>,
        fresh: bool,
        backend: Option<&str>,
    ) -> Result<Lease, ConnectError> {
        if !fresh && let Some(lease) = self.take() {
            return Ok(lease);
        }
        self.used.set(Instant::now());
        let deadline = Instant::now() + self.connect_timeout;
        loop {
            // Created before the pool is looked at, so that no bell is missed.
            let bell = self.bell.notified();
            if !fresh && let Some(lease) = self.take() {
                return Ok(lease);
            }
            // While it is not known that connections carry one request only, one connection is made at a time: the
            // others may share it.
            let shared_soon = self.connecting.get() > 0 && self.speaks_http2.get() != Some(false);
            if self.connections.taken() < self.limits.connections && !shared_soon {
                // Boxed, because handshakes are rare and their state would make every request's future larger.
                return Box::pin(self.connect(deadline, backend)).await;
            }
            if fresh {
                self.close_coldest();
            }
            if self.waiting.get() >= self.limits.waiting {
                return Err(ConnectError::TooManyWaiting(self.limits.waiting));
            }
            let _waiting = Counted::new(&self.waiting);
            if timeout_at(deadline, bell).await.is_err() {
                return Err(ConnectError::TimedOut(self.connect_timeout));
            }
        }
    }

    /// Sends a request, and lets the connection return to the pool once the answer has been read.
    pub(in crate::upstream) async fn send(
        &self,
        lease: Lease,
        request: Request<RequestBody>,
    ) -> Result<Sent, SendFailure> {
        match lease {
            Lease::Http1(mut lease) => {
                // Taken before the answer: the connection's own hold ends with the switch.
                let slot = if request.headers().contains_key(UPGRADE) { lease.slot() } else { None };
                match lease.sender.try_send_request(request).await {
                    Ok(response) if response.status() == StatusCode::SWITCHING_PROTOCOLS => {
                        Ok(Sent { response, stream: None, switched: Some(SwitchedConnection(slot)) })
                    }
                    Ok(response) => {
                        lease.give_back(self, response.headers());
                        Ok(Sent { response, stream: None, switched: None })
                    }
                    Err(mut failure) => {
                        let unsent = failure.take_message();
                        Err(SendFailure { error: failure.into_error(), unsent, reused: lease.reused })
                    }
                }
            }
            Lease::Http2(mut lease) => match lease.sender.try_send_request(request).await {
                Ok(response) => Ok(Sent { response, stream: Some(lease.slot), switched: None }),
                Err(mut failure) => {
                    let unsent = failure.take_message();
                    Err(SendFailure { error: failure.into_error(), unsent, reused: lease.reused })
                }
            },
        }
    }

    /// Makes room for a connection that must be a new one.
    fn close_coldest(&self) {
        let mut idle = self.idle.borrow_mut();
        if !idle.is_empty() {
            idle.remove(0);
        }
    }

    /// Keeps a connection for later.
    pub(super) fn put_idle(&self, connection: http1::Idle) {
        let mut idle = self.idle.borrow_mut();
        if idle.len() >= self.idle_bound && self.waiting.get() == 0 {
            return;
        }
        idle.push(connection);
        if self.waiting.get() > 0 {
            self.bell.notify_one();
        }
    }

    /// Closes what has been idle for longer than `bound`.
    pub(super) fn sweep(&self, now: Instant, bound: Duration) {
        let old = |since: Instant| now.saturating_duration_since(since) > bound;
        self.idle.borrow_mut().retain(|idle| !idle.is_closed() && !old(idle.since()));
        self.http2
            .borrow_mut()
            .retain(|connection| !connection.is_closed() && !connection.idle_since().is_some_and(old));
    }

    async fn connect(
        self: &Rc<Self>,
        deadline: Instant,
        backend: Option<&str>,
    ) -> Result<Lease, ConnectError> {
        let slot = self.connections.take();
        let connecting = Counted::new(&self.connecting);
        let begun = Instant::now();
        let outcome = match timeout_at(deadline, self.open(slot)).await {
            Ok(outcome) => outcome,
            Err(_) => Err(ConnectError::TimedOut(self.connect_timeout)),
        };
        drop(connecting);
        // Those who waited for what this connection turns out to be look for themselves now.
        if self.waiting.get() > 0 {
            self.bell.notify_waiters();
        }
        match &outcome {
            Ok(lease) => {
                let http2 = matches!(lease, Lease::Http2(_));
                let micros = begun.elapsed().as_micros() as u64;
                self.observer.connection_opened(backend, self.name(), http2, micros);
            }
            Err(_) => self.observer.connection_failed(self.name()),
        }
        outcome
    }

    /// The addresses that may be connected to: all of them, or some, but not none.
    fn permitted(&self, addresses: &[SocketAddr]) -> Result<SmallVec<[SocketAddr; 4]>, ConnectError> {
        let mut permitted = SmallVec::new();
        let mut forbidden = None;
        for address in addresses {
            match self.guard.check(self.resolver.host(), *address) {
                Ok(()) => permitted.push(*address),
                Err(reason) => forbidden = Some((address.ip(), reason)),
            }
        }
        match forbidden {
            Some((address, reason)) if permitted.is_empty() => {
                Err(ConnectError::Forbidden { host: self.name().to_owned(), address, reason })
            }
            _ => Ok(permitted),
        }
    }

    async fn open(self: &Rc<Self>, slot: Slot) -> Result<Lease, ConnectError> {
        let host = || self.name().to_owned();
        if let Some(address) = self.diverted_to {
            let (stream, peer) = connect::tcp(&[address])
                .await
                .map_err(|error| ConnectError::Tcp { host: host(), reason: error.to_string() })?;
            return self.speak(Stream::Plain(stream), peer, self.protocol == Protocol::Http2, slot).await;
        }
        if self.proxy.is_some() {
            // The proxy resolves the name; what can be seen here is looked at here.
            self.guard
                .check_name(bare(&self.host), self.port)
                .map_err(|reason| ConnectError::ForbiddenName { host: host(), reason })?;
        }
        let addresses =
            self.resolver.resolve().await.map_err(|reason| ConnectError::Resolve { host: host(), reason })?;
        let (mut stream, peer) = connect::tcp(&self.permitted(&addresses)?)
            .await
            .map_err(|error| ConnectError::Tcp { host: host(), reason: error.to_string() })?;
        if self.https
            && let Some(proxy) = &self.proxy
        {
            proxy::tunnel(&mut stream, self.host_and_port(), proxy)
                .await
                .map_err(|reason| ConnectError::Tcp { host: host(), reason })?;
        }
        let (stream, http2) = if self.https {
            connect::tls(stream, &self.tls, self.server_name.clone())
                .await
                .map_err(|error| ConnectError::Tls { host: host(), reason: error.to_string() })?
        } else {
            (Stream::Plain(stream), self.protocol == Protocol::Http2)
        };
        self.speak(stream, peer, http2, slot).await
    }

    async fn speak(
        self: &Rc<Self>,
        stream: Stream,
        peer: SocketAddr,
        http2: bool,
        slot: Slot,
    ) -> Result<Lease, ConnectError> {
        let host = || self.name().to_owned();
        self.speaks_http2.set(Some(http2));
        let failed = |error: hyper::Error| ConnectError::Http2 { host: host(), reason: error.to_string() };
        if http2 {
            let connection = http2::open(stream, peer, slot, Arc::clone(&self.bell)).await.map_err(failed)?;
            let lease = connection.take(false);
            self.http2.borrow_mut().push(connection);
            let lease = lease.ok_or_else(|| ConnectError::Http2 {
                host: host(),
                reason: "the backend allows no stream".to_owned(),
            })?;
            Ok(Lease::Http2(lease))
        } else {
            let authority: Weak<Self> = Rc::downgrade(self);
            http1::open(stream, peer, slot, authority).await.map(Lease::Http1).map_err(failed)
        }
    }
}

/// A host without the brackets of a URL.
fn bare(host: &str) -> &str {
    host.trim_start_matches('[').trim_end_matches(']')
}

/// Counts while it lives.
struct Counted<'c>(&'c Cell<usize>);

impl<'c> Counted<'c> {
    fn new(count: &'c Cell<usize>) -> Self {
        count.set(count.get() + 1);
        Self(count)
    }
}

impl Drop for Counted<'_> {
    fn drop(&mut self) {
        self.0.set(self.0.get().saturating_sub(1));
    }
}
