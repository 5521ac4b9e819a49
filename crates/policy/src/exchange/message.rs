//! The two messages of an exchange.

use std::net::IpAddr;
use std::sync::Arc;

use gatehouse_identity::ClientCertificate;
use http::{HeaderMap, Method, StatusCode, Version};
use smallvec::SmallVec;

use super::{Body, RequestUrl};

/// The request: as it came, and then as policies change it.
#[derive(Debug)]
pub struct Request {
    /// The method, as it will be forwarded.
    pub method: Method,
    /// The URL as the client sent it: `context.Request.OriginalUrl`.
    pub original_url: RequestUrl,
    /// The URL as it will be forwarded; its path is relative to the backend's base path.
    pub url: RequestUrl,
    /// The header fields, hop-by-hop ones taken out.
    pub headers: HeaderMap,
    /// The body.
    pub body: Body,
    /// The version that the client speaks.
    pub version: Version,
    /// Whether the client asks for a WebSocket (RFC 6455, RFC 8441).
    pub websocket: bool,
    /// The client's address; behind a trusted proxy the one that the proxy vouches for.
    pub client_ip: IpAddr,
    /// The certificate that the client has proved to hold.
    pub certificate: Option<Arc<ClientCertificate>>,
    /// Whether it has passed through this service too often already (RFC 8586).
    pub is_loop: bool,
    /// Values of the template's parameters, percent-decoded.
    pub matched_parameters: SmallVec<[(Arc<str>, String); 4]>,
}

/// The answer: the backend's, or one that a policy has made.
#[derive(Debug)]
pub struct Response {
    /// The status code.
    pub status: StatusCode,
    /// The reason phrase, where one was set; sent with HTTP/1.1 only.
    pub reason: Option<Arc<str>>,
    /// The header fields, hop-by-hop ones taken out.
    pub headers: HeaderMap,
    /// The body.
    pub body: Body,
}

impl Response {
    /// An answer without header fields and body.
    pub fn new(status: StatusCode) -> Self {
        Self { status, reason: None, headers: HeaderMap::new(), body: Body::Empty }
    }
}
