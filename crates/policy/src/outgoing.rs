//! Requests that policies make by themselves, to other places than the backend.

use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use futures_util::future::LocalBoxFuture;
use http::{HeaderMap, HeaderValue, Method};
use url::Url;

use crate::{Response, UpstreamError};

/// Sends requests of policies. It holds them against the egress rules: addresses are looked at after names are resolved.
pub trait Outgoing {
    /// Sends a request and gives the whole answer: its body is held in memory, up to the bound on buffered bodies.
    ///
    /// # Errors
    /// Why there is no answer. A status such as 500 is an answer.
    fn send<'s>(
        &'s self,
        request: &'s OutgoingRequest,
    ) -> LocalBoxFuture<'s, Result<Response, UpstreamError>>;

    /// Sends a request that goes on without the exchange that it comes from. What becomes of it is counted, and told to
    /// nobody.
    fn send_apart(&self, request: OutgoingRequest);

    /// Sends a request that goes on without the exchange that has begun it, and hands its outcome to `then`, which may send
    /// more. Its number is bounded by who asks.
    fn fetch_apart(&self, request: OutgoingRequest, then: Then);
}

/// What is done with the outcome of a request that goes on by itself.
pub type Then = Box<dyn FnOnce(&dyn Outgoing, Result<Response, UpstreamError>)>;

/// A request of a policy.
#[derive(Clone, Debug)]
pub struct OutgoingRequest {
    /// Where it goes.
    pub target: OutgoingTarget,
    /// Its method.
    pub method: Method,
    /// Its header fields. `Host` is the target's unless it is among them; framing is written by the sender.
    pub headers: HeaderMap,
    /// Its body.
    pub body: Bytes,
    /// Time until the answer is there to its last byte.
    pub timeout: Duration,
    /// The certificate that is shown to the other side: its id or its thumbprint in the configuration.
    pub certificate: Option<Arc<str>>,
    /// The proxy that it goes by.
    pub proxy: Option<Arc<Proxy>>,
}

/// An HTTP proxy.
#[derive(Clone, PartialEq, Eq, Hash)]
pub struct Proxy {
    /// Its name or address.
    pub host: Box<str>,
    /// Its port.
    pub port: u16,
    /// `Proxy-Authorization`, where it wants one.
    pub authorization: Option<HeaderValue>,
}

impl fmt::Debug for Proxy {
    /// Without the password.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Proxy({}:{})", self.host, self.port)
    }
}

impl OutgoingRequest {
    /// What a trace tells of it.
    pub(crate) fn told(&self) -> Vec<(&'static str, String)> {
        let target = match &self.target {
            OutgoingTarget::Url(url) => url.to_string(),
            OutgoingTarget::Backend { entity, path } => format!("backend `{entity}` {path}"),
        };
        let body = format!("{} bytes", self.body.len());
        vec![("method", self.method.to_string()), ("url", target), ("body", body)]
    }
}

/// Where a request of a policy goes.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum OutgoingTarget {
    /// An `http` or `https` URL.
    Url(Arc<Url>),
    /// A backend entity, with its credentials, its TLS settings and its circuit breaker.
    Backend {
        /// Its [entity name](crate::BackendChoice::entity_name).
        entity: Arc<str>,
        /// Path and query below its base URL, beginning with `/`.
        path: String,
    },
}
