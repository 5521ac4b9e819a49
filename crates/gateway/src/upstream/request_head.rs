//! The head of a request to a backend, written anew from the exchange's parts.

use bytes::Bytes;
use gatehouse_policy::Request as Incoming;
use http::header::{
    CONNECTION, CONTENT_LENGTH, CONTENT_TYPE, COOKIE, EXPECT, HOST, HeaderMap, HeaderName, HeaderValue,
    PROXY_AUTHORIZATION, TE, TRANSFER_ENCODING,
};
use http::uri::{PathAndQuery, Uri};
use http::{Method, Request, Version};
use http_body::Body as _;
use smallvec::SmallVec;

use super::credentials::Credentials;
use super::pool::Authority;
use super::request_body::RequestBody;
use crate::hop_by_hop::{is_hop_by_hop, named_by_connection};

/// What is sent, whichever connection it goes over.
#[derive(Clone, Copy)]
pub(super) struct Call<'c> {
    /// Method.
    pub(super) method: &'c Method,
    /// The base URL's path and query.
    pub(super) base: (&'c str, Option<&'c str>),
    /// Path below the base; empty for the base itself.
    pub(super) path: &'c str,
    /// Query without its question mark.
    pub(super) query: &'c str,
    /// The exchange's header fields.
    pub(super) headers: &'c HeaderMap,
    /// A `Host` that a policy has set.
    pub(super) host: Option<&'c HeaderValue>,
    /// What the backend entity adds.
    pub(super) credentials: Option<&'c Credentials>,
    /// Whether `Expect: 100-continue` goes to the backend.
    pub(super) expect: bool,
}

/// Which fields there are that something depends on: a look-up of each costs more than a look at all.
#[derive(Default)]
struct Seen {
    cookie: bool,
    /// Fields that may say that the client takes trailers.
    trailers: bool,
}

/// Why a request cannot be written.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub(super) enum HeadError {
    /// `CONNECT` asks for a tunnel, which only a `WebSocket` gets.
    #[error("the method CONNECT is not forwarded")]
    Connect,
    /// Path and query do not make a request target.
    #[error("the path of the request cannot be written as a request target")]
    Target,
}

impl Call<'_> {
    /// The request for a connection that speaks `version`.
    pub(super) fn write(
        &self,
        authority: &Authority,
        version: Version,
        body: RequestBody,
    ) -> Result<Request<RequestBody>, HeadError> {
        if *self.method == Method::CONNECT {
            return Err(HeadError::Connect);
        }
        let http2 = version == Version::HTTP_2;
        let target = self.target()?;
        let uri = if http2 {
            let mut parts = http::uri::Parts::default();
            parts.scheme = Some(authority.scheme());
            parts.authority = Some(match self.host.and_then(|host| host.to_str().ok()?.parse().ok()) {
                Some(host) => host,
                None => authority.in_uri.clone(),
            });
            parts.path_and_query = Some(target);
            Uri::from_parts(parts).map_err(|_| HeadError::Target)?
        } else if authority.asks_proxy().is_some() {
            let mut parts = http::uri::Parts::default();
            parts.scheme = Some(authority.scheme());
            parts.authority = Some(authority.in_uri.clone());
            parts.path_and_query = Some(target);
            Uri::from_parts(parts).map_err(|_| HeadError::Target)?
        } else {
            Uri::from(target)
        };
        let mut request = Request::new(body);
        *request.method_mut() = self.method.clone();
        *request.uri_mut() = uri;
        *request.version_mut() = version;
        // A copy of the whole map hashes nothing; field by field would hash every name anew.
        let mut headers = self.headers.clone();
        let seen = self.drop_fields(&mut headers, http2);
        if !http2 {
            headers.insert(HOST, self.host.unwrap_or(&authority.host_field).clone());
        }
        self.add_fields(&mut headers, &seen, http2);
        self.frame(&mut headers, request.body(), http2);
        if let Some(authorization) = authority.asks_proxy().and_then(|proxy| proxy.authorization.as_ref()) {
            headers.insert(PROXY_AUTHORIZATION, authorization.clone());
        }
        *request.headers_mut() = headers;
        Ok(request)
    }

    /// Takes out what belongs to the client's connection or is written anew.
    fn drop_fields(&self, headers: &mut HeaderMap, http2: bool) -> Seen {
        let mut seen = Seen::default();
        let mut gone: SmallVec<[HeaderName; 4]> = SmallVec::new();
        for name in self.headers.keys() {
            seen.cookie |= name == COOKIE;
            seen.trailers |= name == TE || name == CONTENT_TYPE;
            // In HTTP/1.1 the value of `Host` is replaced where it stands.
            let is_anew = name == CONTENT_LENGTH || name == EXPECT || (http2 && name == HOST);
            if is_anew || is_hop_by_hop(name) {
                gone.push(name.clone());
            }
        }
        if gone.contains(&CONNECTION) {
            gone.extend(named_by_connection(self.headers));
        }
        for name in gone {
            headers.remove(name);
        }
        seen
    }

    fn add_fields(&self, headers: &mut HeaderMap, seen: &Seen, http2: bool) {
        if seen.cookie && !http2 {
            join_cookies(headers);
        }
        if seen.trailers && wants_trailers(self.headers) {
            headers.insert(TE, HeaderValue::from_static("trailers"));
            if !http2 {
                headers.insert(CONNECTION, HeaderValue::from_static("te"));
            }
        }
        if let Some(credentials) = self.credentials {
            credentials.add_headers(headers);
        }
        if self.expect && !http2 {
            headers.insert(EXPECT, HeaderValue::from_static("100-continue"));
        }
    }

    fn frame(&self, headers: &mut HeaderMap, body: &RequestBody, http2: bool) {
        match body.size_hint().exact() {
            // RFC 9110 section 8.6: nothing is said of a body that the method does not expect.
            Some(0) if !matches!(*self.method, Method::POST | Method::PUT | Method::PATCH) => {}
            Some(length) => {
                headers.insert(CONTENT_LENGTH, HeaderValue::from(length));
            }
            // Said aloud, because hyper would drop the body of a GET otherwise.
            None if !http2 => {
                headers.insert(TRANSFER_ENCODING, HeaderValue::from_static("chunked"));
            }
            None => {}
        }
    }

    /// Path and query as they are sent.
    pub(super) fn target(&self) -> Result<PathAndQuery, HeadError> {
        let (base, base_query) = self.base;
        // The address of a SOAP service is its base and nothing else.
        let base = if self.path.is_empty() { base } else { base.trim_end_matches('/') };
        let added = self.credentials.map_or("", Credentials::query);
        let base_query = base_query.unwrap_or("");
        let capacity = base.len() + self.path.len() + base_query.len() + self.query.len() + added.len() + 4;
        let mut target = String::with_capacity(capacity);
        target.push_str(base);
        if !self.path.starts_with('/') && (!self.path.is_empty() || base.is_empty()) {
            target.push('/');
        }
        target.push_str(self.path);
        let mut separator = '?';
        for part in [base_query, self.query, added] {
            if !part.is_empty() {
                target.push(separator);
                target.push_str(part);
                separator = '&';
            }
        }
        if !target.bytes().all(is_target_byte) {
            target = encode(&target);
        }
        PathAndQuery::from_maybe_shared(Bytes::from(target)).map_err(|_| HeadError::Target)
    }
}

/// The `Host` that a policy has put in the place of the client's. The client's own is never sent on: it names the
/// gateway.
pub(super) fn host_set_by_policy(request: &Incoming) -> Option<&HeaderValue> {
    let field = request.headers.get(HOST)?;
    let text = field.to_str().ok()?;
    // As a rule it is the client's own, with a port or without one.
    let port = text.strip_prefix(&*request.original_url.host);
    if port.is_some_and(|port| port.is_empty() || is_port(port)) {
        return None;
    }
    let bare = match text.rfind(':') {
        Some(colon) if text.get(colon + 1..)?.bytes().all(|byte| byte.is_ascii_digit()) => {
            text.get(..colon)?
        }
        _ => text,
    };
    let same = plain_host(bare).eq_ignore_ascii_case(plain_host(&request.original_url.host));
    (!same && !bare.is_empty()).then_some(field)
}

fn is_port(text: &str) -> bool {
    text.strip_prefix(':').is_some_and(|digits| digits.bytes().all(|byte| byte.is_ascii_digit()))
}

fn plain_host(host: &str) -> &str {
    host.trim_matches(['[', ']']).trim_end_matches('.')
}

/// Whether a request is gRPC, which only HTTP/2 carries.
pub(super) fn is_grpc(headers: &HeaderMap) -> bool {
    headers.get(CONTENT_TYPE).is_some_and(|value| {
        let bytes = value.as_bytes();
        bytes.starts_with(b"application/grpc") && !bytes.starts_with(b"application/grpc-web")
    })
}

fn wants_trailers(headers: &HeaderMap) -> bool {
    is_grpc(headers)
        || headers
            .get_all(TE)
            .iter()
            .filter_map(|value| value.to_str().ok())
            .any(|value| value.split(',').any(|coding| coding.trim().eq_ignore_ascii_case("trailers")))
}

/// HTTP/2 clients may send cookies one by one; HTTP/1.1 wants them in one field (RFC 9113 section 8.2.3).
fn join_cookies(headers: &mut HeaderMap) {
    if headers.get_all(COOKIE).iter().nth(1).is_none() {
        return;
    }
    let mut joined = Vec::new();
    for crumb in headers.get_all(COOKIE) {
        if !joined.is_empty() {
            joined.extend_from_slice(b"; ");
        }
        joined.extend_from_slice(crumb.as_bytes());
    }
    if let Ok(mut value) = HeaderValue::from_maybe_shared(Bytes::from(joined)) {
        value.set_sensitive(true);
        headers.insert(COOKIE, value);
    }
}

/// What may stand in a request target as it is.
fn is_target_byte(byte: u8) -> bool {
    byte.is_ascii_graphic() && !matches!(byte, b'#' | b'"' | b'<' | b'>' | b'\\' | b'^' | b'`')
}

fn encode(target: &str) -> String {
    let mut encoded = String::with_capacity(target.len() + 16);
    for byte in target.bytes() {
        if is_target_byte(byte) {
            encoded.push(char::from(byte));
        } else {
            let digit =
                |value: u8| char::from_digit(u32::from(value), 16).unwrap_or('0').to_ascii_uppercase();
            encoded.extend(['%', digit(byte >> 4), digit(byte & 15)]);
        }
    }
    encoded
}

/// The fields that speak of a body, to be dropped with it.
pub(super) fn drop_content_fields(headers: &mut HeaderMap) {
    let content: Vec<HeaderName> = headers
        .keys()
        .filter(|name| name.as_str().starts_with("content-") && name.as_str() != "content-security-policy")
        .cloned()
        .collect();
    for name in content {
        headers.remove(name);
    }
    headers.remove(EXPECT);
}
