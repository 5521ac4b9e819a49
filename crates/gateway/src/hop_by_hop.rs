//! Header fields that belong to one connection (RFC 9110 section 7.6.1) and never pass the gateway.

use http::header::{CONNECTION, HeaderMap, HeaderName, HeaderValue, TE};
use smallvec::SmallVec;

/// Whether a field belongs to the connection whatever its `Connection` field says.
pub(crate) fn is_hop_by_hop(name: &HeaderName) -> bool {
    let name = name.as_str();
    // The length first: it tells most fields apart, and every field of every message is asked about.
    match name.len() {
        2 => name == "te",
        7 => name == "upgrade",
        10 => name == "connection" || name == "keep-alive",
        14 => name == "http2-settings",
        16 => name == "proxy-connection",
        17 => name == "transfer-encoding",
        18 => name == "proxy-authenticate",
        19 => name == "proxy-authorization",
        _ => false,
    }
}

/// The fields that `Connection` names besides those that are hop-by-hop anyway.
pub(crate) fn named_by_connection(headers: &HeaderMap) -> SmallVec<[HeaderName; 2]> {
    headers
        .get_all(CONNECTION)
        .iter()
        // What nearly every message says names no field.
        .filter(|value| *value != "keep-alive" && *value != "close")
        .filter_map(|value| value.to_str().ok())
        .flat_map(|value| value.split(','))
        .filter_map(|name| HeaderName::from_bytes(name.trim().as_bytes()).ok())
        .filter(|name| !is_hop_by_hop(name))
        .collect()
}

/// Takes hop-by-hop fields out of an answer.
pub(crate) fn strip(headers: &mut HeaderMap) {
    for name in present(headers) {
        headers.remove(name);
    }
}

/// Takes hop-by-hop fields out of a request; `TE: trailers` stays, gRPC lives by it.
pub(crate) fn strip_from_request(headers: &mut HeaderMap) {
    let gone = present(headers);
    let wants_trailers = gone.contains(&TE)
        && headers.get(TE).is_some_and(|value| value.as_bytes().eq_ignore_ascii_case(b"trailers"));
    for name in gone {
        headers.remove(name);
    }
    if wants_trailers {
        headers.insert(TE, HeaderValue::from_static("trailers"));
    }
}

/// The hop-by-hop fields of a message. One look at each name costs less than a look-up of each that there might be.
fn present(headers: &HeaderMap) -> SmallVec<[HeaderName; 4]> {
    let mut found = SmallVec::new();
    for name in headers.keys() {
        if is_hop_by_hop(name) {
            found.push(name.clone());
        }
    }
    if found.contains(&CONNECTION) {
        found.extend(named_by_connection(headers));
    }
    found
}

#[cfg(test)]
mod tests {
    use http::header::{
        AUTHORIZATION, PROXY_AUTHENTICATE, PROXY_AUTHORIZATION, TRAILER, TRANSFER_ENCODING, UPGRADE,
    };

    use super::*;

    #[test]
    fn the_fields_of_a_connection_are_known_by_name() {
        let own = [
            CONNECTION,
            TE,
            TRANSFER_ENCODING,
            UPGRADE,
            PROXY_AUTHENTICATE,
            PROXY_AUTHORIZATION,
            HeaderName::from_static("keep-alive"),
            HeaderName::from_static("proxy-connection"),
            HeaderName::from_static("http2-settings"),
        ];
        assert!(own.iter().all(is_hop_by_hop));
        assert!(![AUTHORIZATION, TRAILER, HeaderName::from_static("x-keep-al")].iter().any(is_hop_by_hop));
    }

    #[test]
    fn fields_that_connection_names_go_with_it() {
        let mut headers = HeaderMap::new();
        headers.insert(CONNECTION, HeaderValue::from_static("close, X-Internal,, bad name"));
        headers.insert("x-internal", HeaderValue::from_static("1"));
        headers.insert("keep-alive", HeaderValue::from_static("timeout=5"));
        headers.insert(UPGRADE, HeaderValue::from_static("h2c"));
        headers.insert("x-kept", HeaderValue::from_static("1"));
        strip(&mut headers);
        assert_eq!(headers.keys().map(HeaderName::as_str).collect::<Vec<_>>(), ["x-kept"]);
    }
}
