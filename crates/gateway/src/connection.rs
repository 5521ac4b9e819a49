//! What is known of a client connection, and who answers its requests.

use std::net::SocketAddr;
use std::rc::Rc;
use std::sync::Arc;

use futures_util::future::LocalBoxFuture;
use gatehouse_identity::ClientCertificate;
use gatehouse_policy::Body;
use http::{Request, Response};

pub use crate::forwarding_fields::ForwardingCache;
use crate::tls::Terms;

/// A client connection after its handshake. Shared by the requests of the connection, all on one core.
#[derive(Debug)]
pub struct Connection {
    /// The listener's name; the handler finds the listener's configuration by it.
    pub listener: Arc<str>,
    /// The peer of the TCP connection.
    pub peer: SocketAddr,
    /// The address that the client connected to.
    pub local: SocketAddr,
    /// `TLSv1.3` or `TLSv1.2`.
    pub tls_version: &'static str,
    /// IANA name of the cipher suite.
    pub tls_cipher: &'static str,
    /// The name that the client asked for, lower case.
    pub server_name: Option<Arc<str>>,
    /// The TLS settings that the handshake was made under; `None` where there was no handshake, as in tests.
    pub terms: Option<Terms>,
    /// The certificate that the client has proved to hold.
    pub certificate: Option<Arc<ClientCertificate>>,
    /// What backends are told of the client.
    pub forwarding: ForwardingCache,
}

impl Connection {
    /// Whether a request for `host` (lower case, without port) is misdirected (421): its certificate entry has other
    /// TLS settings than this connection was made under. Otherwise a host that asks for client certificates could be
    /// reached through one that does not.
    pub fn is_misdirected(&self, host: &str) -> bool {
        self.terms.as_ref().is_some_and(|terms| terms.is_misdirected(host))
    }
}

/// Answers requests. One value a core.
pub trait Handler {
    /// Answers one request. The body of the request is bounded already; what `http1` or `http2` found wrong with the
    /// request never comes here. For a WebSocket the request's extensions hold `hyper::upgrade::OnUpgrade`.
    fn handle(
        self: Rc<Self>,
        request: Request<Body>,
        connection: Rc<Connection>,
    ) -> LocalBoxFuture<'static, Response<Body>>;

    /// Answers a request that the framing layer refuses: the status that it found right (400, 408, 413, 431), for the
    /// access log and for an error body in the shape of all others; or one whose handler has panicked (500). On HTTP/1
    /// the connection is closed after it.
    fn refuse(
        &self,
        status: http::StatusCode,
        reason: &'static str,
        connection: &Connection,
    ) -> Response<Body>;
}
