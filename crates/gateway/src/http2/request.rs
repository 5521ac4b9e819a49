//! What an HTTP/2 request must be beyond what the codec checks (RFC 9113 section 8), so that both protocols hand the
//! same kind of request to the pipeline.

use http::header::{CONTENT_LENGTH, HOST, HeaderName, TE};
use http::{HeaderMap, Method, Request};
use hyper::ext::Protocol;

use crate::client::authority;
use crate::client::refusal::Refusal;

/// Judges a request by its head.
pub(super) fn check<B>(request: &Request<B>, max_fields: usize) -> Result<(), Refusal> {
    let headers = request.headers();
    if headers.len() > max_fields {
        return Err(Refusal::TooManyFields);
    }
    if headers.keys().any(is_of_the_connection) || !te_is_trailers(headers) {
        return Err(Refusal::ConnectionField);
    }
    check_target(request)?;
    check_authority(request)?;
    let mut lengths = headers.get_all(CONTENT_LENGTH).iter();
    if let Some(length) = lengths.next() {
        let is_number = !length.is_empty() && length.as_bytes().iter().all(u8::is_ascii_digit);
        if !is_number || lengths.next().is_some() {
            return Err(Refusal::ContentLength);
        }
    }
    Ok(())
}

/// Fields that HTTP/2 forbids (RFC 9113 section 8.2.2). A look at each name that is there costs less than a look-up of
/// each that must not be.
fn is_of_the_connection(name: &HeaderName) -> bool {
    let name = name.as_str();
    match name.len() {
        7 => name == "upgrade",
        10 => name == "connection" || name == "keep-alive",
        16 => name == "proxy-connection",
        17 => name == "transfer-encoding",
        _ => false,
    }
}

fn te_is_trailers(headers: &HeaderMap) -> bool {
    headers.get_all(TE).iter().all(|value| value.as_bytes().eq_ignore_ascii_case(b"trailers"))
}

fn check_target<B>(request: &Request<B>) -> Result<(), Refusal> {
    let uri = request.uri();
    if request.method() == Method::CONNECT {
        // Extended CONNECT (RFC 8441) for WebSockets alone; a tunnel to anywhere is no service of a gateway.
        let protocol = request.extensions().get::<Protocol>().ok_or(Refusal::Method)?;
        if !protocol.as_str().eq_ignore_ascii_case("websocket") {
            return Err(Refusal::Method);
        }
    }
    match uri.scheme_str() {
        Some("https" | "http") => {}
        _ => return Err(Refusal::PseudoHeader),
    }
    match uri.path() {
        "*" if request.method() == Method::OPTIONS => Ok(()),
        path if path.starts_with('/') => Ok(()),
        _ => Err(Refusal::Target),
    }
}

fn check_authority<B>(request: &Request<B>) -> Result<(), Refusal> {
    let authority = request.uri().authority().map(http::uri::Authority::as_str);
    let mut hosts = request.headers().get_all(HOST).iter();
    let host = hosts.next().map(http::HeaderValue::as_bytes);
    if hosts.next().is_some() {
        return Err(Refusal::Host);
    }
    if let (Some(authority), Some(host)) = (authority, host)
        && !authority.as_bytes().eq_ignore_ascii_case(host)
    {
        return Err(Refusal::AuthorityMismatch);
    }
    let named = authority.map(str::as_bytes).or(host).ok_or(Refusal::Host)?;
    if authority::is_valid(named) { Ok(()) } else { Err(Refusal::Host) }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn request(uri: &str, fields: &[(&str, &str)]) -> Request<()> {
        let mut request = Request::builder().uri(uri);
        for (name, value) in fields {
            request = request.header(*name, *value);
        }
        request.body(()).unwrap()
    }

    #[test]
    fn good_requests_pass() {
        assert_eq!(check(&request("https://a.example/x?y", &[("te", "trailers")]), 10), Ok(()));
        assert_eq!(check(&request("https://a:1/", &[("host", "A:1"), ("content-length", "3")]), 10), Ok(()));
    }

    #[test]
    fn others_do_not() {
        for (fields, refusal) in [
            (&[("host", "b.example")][..], Refusal::AuthorityMismatch),
            (&[("host", "a.example"), ("host", "a.example")], Refusal::Host),
            (&[("connection", "close")], Refusal::ConnectionField),
            (&[("keep-alive", "1")], Refusal::ConnectionField),
            (&[("proxy-connection", "x")], Refusal::ConnectionField),
            (&[("transfer-encoding", "chunked")], Refusal::ConnectionField),
            (&[("upgrade", "websocket")], Refusal::ConnectionField),
            (&[("te", "gzip")], Refusal::ConnectionField),
            (&[("te", "trailers"), ("te", "deflate")], Refusal::ConnectionField),
            (&[("content-length", "1"), ("content-length", "1")], Refusal::ContentLength),
            (&[("content-length", "+1")], Refusal::ContentLength),
            (&[("a", "1"), ("b", "1"), ("c", "1"), ("d", "1")], Refusal::TooManyFields),
        ] {
            assert_eq!(check(&request("https://a.example/", fields), 3), Err(refusal), "{fields:?}");
        }
        assert_eq!(check(&request("/x", &[("host", "a")]), 3), Err(Refusal::PseudoHeader));
        assert_eq!(check(&request("https://u@a/", &[]), 3), Err(Refusal::Host));
        let mut tunnel = request("https://a/", &[]);
        *tunnel.method_mut() = Method::CONNECT;
        assert_eq!(check(&tunnel, 3), Err(Refusal::Method));
        tunnel.extensions_mut().insert(Protocol::from_static("connect-udp"));
        assert_eq!(check(&tunnel, 3), Err(Refusal::Method));
        tunnel.extensions_mut().insert(Protocol::from_static("websocket"));
        assert_eq!(check(&tunnel, 3), Ok(()));
    }
}
