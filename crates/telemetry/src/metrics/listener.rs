//! What is measured of each listener.

use std::sync::Arc;
use std::sync::atomic::{AtomicI64, AtomicU64, Ordering};

use super::operation::{STATUS_CLASSES, status_class};

/// The measures of one listener.
#[derive(Debug)]
pub struct ListenerMetrics {
    pub(super) name: String,
    pub(super) accepted: AtomicU64,
    pub(super) open: AtomicI64,
    pub(super) refused_connections: [AtomicU64; RefusedConnection::NAMES.len()],
    pub(super) refused_requests: [AtomicU64; RefusedRequest::NAMES.len()],
    pub(super) handshakes: [AtomicU64; HandshakeOutcome::NAMES.len()],
    pub(super) requests: [AtomicU64; STATUS_CLASSES.len()],
}

impl ListenerMetrics {
    pub(super) fn new(name: &str) -> Self {
        Self {
            name: name.to_owned(),
            accepted: AtomicU64::default(),
            open: AtomicI64::default(),
            refused_connections: Default::default(),
            refused_requests: Default::default(),
            handshakes: Default::default(),
            requests: Default::default(),
        }
    }

    /// Counts an accepted connection, and counts it as open until the returned value goes.
    #[must_use = "the connection counts as closed when this value goes"]
    pub fn accept(self: &Arc<Self>) -> OpenConnection {
        self.accepted.fetch_add(1, Ordering::Relaxed);
        self.open.fetch_add(1, Ordering::Relaxed);
        OpenConnection(Arc::clone(self))
    }

    /// How many connections are open.
    pub fn open_connections(&self) -> u64 {
        self.open.load(Ordering::Relaxed).max(0).cast_unsigned()
    }

    /// Counts a connection that was closed before it could send a request.
    pub fn refuse_connection(&self, reason: RefusedConnection) {
        add(&self.refused_connections, reason as usize);
    }

    /// Counts a request that was refused, whatever it asks for.
    pub fn refuse_request(&self, reason: RefusedRequest) {
        add(&self.refused_requests, reason as usize);
    }

    /// Counts a TLS handshake.
    pub fn handshake(&self, outcome: HandshakeOutcome) {
        add(&self.handshakes, outcome.index());
    }

    /// Counts a request that has ended; `None`: the client was gone before a status was sent.
    pub fn request(&self, status: Option<u16>) {
        add(&self.requests, status_class(status));
    }
}

/// A connection that is open; goes with it.
#[derive(Debug)]
pub struct OpenConnection(Arc<ListenerMetrics>);

impl Drop for OpenConnection {
    fn drop(&mut self) {
        self.0.open.fetch_sub(1, Ordering::Relaxed);
    }
}

/// Why a connection was closed before it could send a request.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum RefusedConnection {
    /// Too many connections are open.
    Limit,
    /// The system has no descriptors or no memory for another connection.
    Resources,
}

impl RefusedConnection {
    pub(super) const NAMES: [&'static str; 2] = ["limit", "resources"];
}

/// Why a request was refused, whatever it asks for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum RefusedRequest {
    /// The body took too long.
    BodyTimeout,
    /// The body is larger than the limit.
    BodyTooLarge,
    /// The message is malformed or ambiguous.
    Framing,
    /// The head took too long.
    HeadTimeout,
    /// The head is larger, or has more fields, than the limit.
    HeadTooLarge,
    /// The host is none of the listener's.
    Host,
    /// The peer broke the rules of HTTP/2, or wears the connection out.
    Http2,
    /// Nothing is published there.
    NotFound,
}

impl RefusedRequest {
    pub(super) const NAMES: [&'static str; 8] = [
        "body_timeout",
        "body_too_large",
        "framing",
        "head_timeout",
        "head_too_large",
        "host",
        "http2",
        "not_found",
    ];
}

/// A version of TLS.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum TlsProtocol {
    /// TLS 1.2.
    Tls12,
    /// TLS 1.3.
    Tls13,
}

/// How a TLS handshake ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum HandshakeOutcome {
    /// The client's certificate is expired, revoked, or of nobody who is trusted.
    BadClientCertificate,
    /// The client closed the connection, or sent an alert.
    Closed,
    /// It was completed.
    Done(TlsProtocol),
    /// The client sent something else than TLS.
    Malformed,
    /// The client sent no certificate where one is required.
    NoClientCertificate,
    /// Client and listener have no version, cipher suite or key exchange in common.
    NothingInCommon,
    /// It took too long.
    Timeout,
}

impl HandshakeOutcome {
    /// Version and outcome as label values.
    pub(super) const NAMES: [(&'static str, &'static str); 8] = [
        ("none", "bad_client_certificate"),
        ("none", "closed"),
        ("1.2", "done"),
        ("1.3", "done"),
        ("none", "malformed"),
        ("none", "no_client_certificate"),
        ("none", "nothing_in_common"),
        ("none", "timeout"),
    ];

    fn index(self) -> usize {
        match self {
            Self::BadClientCertificate => 0,
            Self::Closed => 1,
            Self::Done(TlsProtocol::Tls12) => 2,
            Self::Done(TlsProtocol::Tls13) => 3,
            Self::Malformed => 4,
            Self::NoClientCertificate => 5,
            Self::NothingInCommon => 6,
            Self::Timeout => 7,
        }
    }
}

fn add(cells: &[AtomicU64], index: usize) {
    if let Some(cell) = cells.get(index) {
        cell.fetch_add(1, Ordering::Relaxed);
    }
}
