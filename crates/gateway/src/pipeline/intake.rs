//! From a request on the wire to an exchange.

use std::net::{IpAddr, SocketAddr};
use std::sync::Arc;

use gatehouse_policy::{
    BackendChoice, Body, Clock, Exchange, Marks, Query, Random, Request, RequestUrl, Route, Variables,
};
use gatehouse_telemetry::trace_context::TraceContext;
use http::header::{HOST, HeaderName, UPGRADE};
use http::{HeaderValue, Method};
use smallvec::SmallVec;
use uuid::Uuid;

use super::{client_certificate, forwarding};
use crate::connection::{Connection, ForwardingCache};
use crate::hop_by_hop;
use crate::snapshot::{ListenerFacts, Snapshot};

/// The header that carries the request id to the backend and back to the client.
pub(super) const X_REQUEST_ID: HeaderName = HeaderName::from_static("x-request-id");

/// What the request's target says, checked.
pub(super) struct Target {
    /// Host name or address, lower case, without port.
    pub(super) host: Arc<str>,
    /// The port in `Host`, else that of the listener.
    pub(super) port: u16,
    /// Whether it asks for a WebSocket.
    pub(super) websocket: bool,
}

impl Target {
    /// Reads the target of a request whose framing was checked: one authority, equal to `Host` where both are there.
    pub(super) fn of<B>(request: &http::Request<B>, connection: &Connection) -> Option<Self> {
        let authority = match request.uri().authority() {
            Some(authority) => authority.as_str(),
            None => request.headers().get(HOST)?.to_str().ok()?,
        };
        let (host, port) = split_authority(authority)?;
        if host.is_empty() {
            return None;
        }
        let host = if host.bytes().any(|byte| byte.is_ascii_uppercase()) {
            host.to_ascii_lowercase().into()
        } else {
            match &connection.server_name {
                // The name of the handshake is shared by all requests of the connection.
                Some(name) if **name == *host => Arc::clone(name),
                _ => host.into(),
            }
        };
        let port = port.unwrap_or_else(|| connection.local.port());
        Some(Self { host, port, websocket: is_websocket(request) })
    }
}

/// Builds the exchange. Hop-by-hop fields are taken out, forwarding fields and the trace context are written anew.
pub(super) fn exchange(
    request: http::Request<Body>,
    target: Target,
    connection: &Connection,
    listener: &ListenerFacts,
    snapshot: &Snapshot,
    clock: &dyn Clock,
    random: &dyn Random,
) -> Exchange {
    let (parts, body) = request.into_parts();
    let mut headers = parts.headers;
    let client_ip = forwarding::client_ip(listener, connection.peer, &headers);
    let certificate = client_certificate::of(listener, connection, &mut headers);
    hop_by_hop::strip_from_request(&mut headers);
    if !headers.contains_key(HOST)
        && let Some(authority) = parts.uri.authority()
        && let Ok(value) = HeaderValue::from_str(authority.as_str())
    {
        headers.insert(HOST, value);
    }
    forwarding::write_forwarding_headers(listener, connection, &target.host, &mut headers);
    let is_loop = snapshot.loop_mark.add(&mut headers);
    let id = random_id(random);
    let mut buffer = Uuid::encode_buffer();
    if let Ok(value) = HeaderValue::from_str(id.hyphenated().encode_lower(&mut buffer)) {
        headers.insert(X_REQUEST_ID, value);
    }
    TraceContext::propagate(&mut headers, || random.next());

    let path = parts.uri.path();
    let path = if path.is_empty() { "/" } else { path };
    let original_url = RequestUrl {
        scheme: "https",
        host: target.host,
        port: target.port,
        path: path.to_owned(),
        query: Query::new(parts.uri.query().unwrap_or_default()),
    };
    Exchange {
        id,
        started_micros: clock.monotonic_micros(),
        request: Request {
            // An extended CONNECT is what a GET with an upgrade is in HTTP/1.1; operations and policies see one method.
            method: if target.websocket { Method::GET } else { parts.method },
            url: original_url.clone(),
            original_url,
            headers,
            body,
            version: parts.version,
            websocket: target.websocket,
            client_ip,
            certificate,
            matched_parameters: SmallVec::new(),
            is_loop,
        },
        response: None,
        route: Route::default(),
        deployment: Arc::clone(&snapshot.deployment),
        variables: Variables::default(),
        backend: BackendChoice::Service,
        proxy: None,
        last_error: None,
        deferred: SmallVec::new(),
        counted: SmallVec::new(),
        marks: Marks::default(),
        trace: None,
    }
}

/// The exchange of a request that comes over no connection, from a client at `client_ip`: what `test` and `trace` send
/// through the pipeline. `None` where it has not exactly one valid host.
pub fn exchange_of(
    request: http::Request<Body>,
    listener: &ListenerFacts,
    client_ip: IpAddr,
    snapshot: &Snapshot,
    clock: &dyn Clock,
    random: &dyn Random,
) -> Option<Exchange> {
    let connection = Connection {
        listener: Arc::clone(&listener.name),
        peer: SocketAddr::new(client_ip, 0),
        local: SocketAddr::from(([127, 0, 0, 1], 443)),
        tls_version: "TLSv1.3",
        tls_cipher: "",
        server_name: None,
        terms: None,
        certificate: None,
        forwarding: ForwardingCache::default(),
    };
    let target = Target::of(&request, &connection)?;
    Some(exchange(request, target, &connection, listener, snapshot, clock, random))
}

/// A request id (RFC 9562, version 4).
pub(super) fn random_id(random: &dyn Random) -> Uuid {
    let bytes = Uuid::from_u64_pair(random.next(), random.next()).into_bytes();
    uuid::Builder::from_random_bytes(bytes).into_uuid()
}

/// Whether a request asks for a WebSocket: an HTTP/1.1 upgrade (RFC 6455) or an extended CONNECT (RFC 8441).
pub(super) fn is_websocket<B>(request: &http::Request<B>) -> bool {
    if *request.method() == Method::CONNECT {
        return request
            .extensions()
            .get::<hyper::ext::Protocol>()
            .is_some_and(|protocol| protocol.as_str() == "websocket");
    }
    *request.method() == Method::GET
        && request
            .headers()
            .get(UPGRADE)
            .is_some_and(|value| value.as_bytes().eq_ignore_ascii_case(b"websocket"))
}

fn split_authority(authority: &str) -> Option<(&str, Option<u16>)> {
    if authority.starts_with('[') {
        let (host, rest) = authority.split_at(authority.find(']')? + 1);
        return match rest.strip_prefix(':') {
            Some(port) => Some((host, Some(port.parse().ok()?))),
            None => rest.is_empty().then_some((host, None)),
        };
    }
    match authority.split_once(':') {
        Some((host, port)) => Some((host, Some(port.parse().ok()?))),
        None => Some((authority, None)),
    }
}

#[cfg(test)]
mod tests {
    use http::HeaderMap;

    use super::*;

    #[test]
    fn fields_of_the_connection_do_not_travel() {
        let mut headers = HeaderMap::new();
        for (name, value) in [
            ("connection", "close, X-Secret-Hop"),
            ("x-secret-hop", "1"),
            ("keep-alive", "timeout=5"),
            ("te", "trailers"),
            ("upgrade", "h2c"),
            ("accept", "*/*"),
        ] {
            headers.append(name, HeaderValue::from_static(value));
        }
        hop_by_hop::strip_from_request(&mut headers);
        let mut left: Vec<&str> = headers.keys().map(HeaderName::as_str).collect();
        left.sort_unstable();
        assert_eq!(left, ["accept", "te"]);
    }

    #[test]
    fn authorities_are_split() {
        assert_eq!(split_authority("a.example"), Some(("a.example", None)));
        assert_eq!(split_authority("a.example:8443"), Some(("a.example", Some(8443))));
        assert_eq!(split_authority("[::1]:8443"), Some(("[::1]", Some(8443))));
        assert_eq!(split_authority("[::1]"), Some(("[::1]", None)));
        assert_eq!(split_authority("a:b"), None);
        assert_eq!(split_authority("[::1]x"), None);
    }
}
