//! Who the client is behind trusted proxies, and what the backend is told of it.

use std::net::{IpAddr, SocketAddr};
use std::sync::Arc;

use http::header::{FORWARDED, HeaderName};
use http::{HeaderMap, HeaderValue};

use super::intake::X_REQUEST_ID;
use crate::connection::Connection;
use crate::forwarding_fields::element;
use crate::snapshot::ListenerFacts;

const X_FORWARDED_FOR: HeaderName = HeaderName::from_static("x-forwarded-for");
const X_FORWARDED_HOST: HeaderName = HeaderName::from_static("x-forwarded-host");
const X_FORWARDED_PROTO: HeaderName = HeaderName::from_static("x-forwarded-proto");
const X_FORWARDED_PORT: HeaderName = HeaderName::from_static("x-forwarded-port");
const HTTPS: HeaderValue = HeaderValue::from_static("https");

/// How far a chain of proxies is followed.
const MAX_HOPS: usize = 32;

/// The client's address: the peer, or behind trusted proxies the last address in the chain that is not one of them.
/// What lies left of that address is the client's own claim and is not believed.
pub(super) fn client_ip(listener: &ListenerFacts, peer: SocketAddr, headers: &HeaderMap) -> IpAddr {
    let peer = peer.ip().to_canonical();
    if !listener.trusts(peer) {
        return peer;
    }
    let chain = match chain_of_x_forwarded_for(headers) {
        chain if chain.is_empty() => chain_of_forwarded(headers),
        chain => chain,
    };
    let mut client = peer;
    for hop in chain.iter().rev().take(MAX_HOPS) {
        let Some(address) = hop else { break };
        client = *address;
        if !listener.trusts(client) {
            break;
        }
    }
    client
}

/// Writes the forwarding headers for the backend: anew where the peer is a stranger, with one hop more where it is
/// a trusted proxy.
pub(super) fn write_forwarding_headers(
    listener: &ListenerFacts,
    connection: &Connection,
    host: &Arc<str>,
    headers: &mut HeaderMap,
) {
    drop_disguised(headers);
    let peer = connection.peer.ip().to_canonical();
    if listener.trusts(peer) {
        return add_hop(peer, connection.local.port(), host, headers);
    }
    let Some(fields) = connection.forwarding.get(peer, connection.local, host) else {
        // A host that no field can hold was refused long before; a stale value must not stay in any case.
        for name in [X_FORWARDED_FOR, FORWARDED, X_FORWARDED_HOST, X_FORWARDED_PROTO, X_FORWARDED_PORT] {
            headers.remove(name);
        }
        return;
    };
    headers.insert(X_FORWARDED_FOR, fields.x_forwarded_for);
    headers.insert(FORWARDED, fields.forwarded);
    headers.insert(X_FORWARDED_HOST, fields.x_forwarded_host);
    headers.insert(X_FORWARDED_PROTO, HTTPS);
    headers.insert(X_FORWARDED_PORT, fields.x_forwarded_port);
}

/// Servers behind CGI and its kin read `X_Forwarded_For` as `X-Forwarded-For`: what the gateway vouches for must not
/// come under another spelling.
fn drop_disguised(headers: &mut HeaderMap) {
    const VOUCHED: [HeaderName; 6] =
        [X_FORWARDED_FOR, X_FORWARDED_HOST, X_FORWARDED_PROTO, X_FORWARDED_PORT, FORWARDED, X_REQUEST_ID];
    let is_disguised = |name: &&HeaderName| {
        name.as_str().contains('_')
            && VOUCHED.iter().any(|known| name.as_str().replace('_', "-") == known.as_str())
    };
    if headers.keys().any(|name| name.as_str().contains('_')) {
        let disguised: Vec<HeaderName> = headers.keys().filter(is_disguised).cloned().collect();
        for name in disguised {
            headers.remove(name);
        }
    }
}

/// Goes on with what a trusted proxy has written.
fn add_hop(peer: IpAddr, port: u16, host: &str, headers: &mut HeaderMap) {
    let chain = match joined(headers, &X_FORWARDED_FOR) {
        Some(previous) => format!("{previous}, {peer}"),
        None => peer.to_string(),
    };
    let element = element(peer, host);
    let forwarded = match joined(headers, &FORWARDED) {
        Some(previous) => format!("{previous}, {element}"),
        None => element,
    };
    set(headers, X_FORWARDED_FOR, &chain);
    set(headers, FORWARDED, &forwarded);
    if !headers.contains_key(&X_FORWARDED_HOST) {
        set(headers, X_FORWARDED_HOST, host);
    }
    if !headers.contains_key(&X_FORWARDED_PROTO) {
        headers.insert(X_FORWARDED_PROTO, HTTPS);
    }
    if !headers.contains_key(&X_FORWARDED_PORT) {
        headers.insert(X_FORWARDED_PORT, HeaderValue::from(port));
    }
}

fn set(headers: &mut HeaderMap, name: HeaderName, value: &str) {
    match HeaderValue::from_str(value) {
        Ok(value) => drop(headers.insert(name, value)),
        // A host that no header can hold was refused long before; a stale value must not stay in any case.
        Err(_) => drop(headers.remove(name)),
    }
}

/// All values of a field in one. Bytes that are no text are replaced: a value that was left out because of them would
/// take the hop along that a proxy has written behind them.
fn joined(headers: &HeaderMap, name: &HeaderName) -> Option<String> {
    let values: Vec<_> =
        headers.get_all(name).iter().map(|value| String::from_utf8_lossy(value.as_bytes())).collect();
    (!values.is_empty()).then(|| values.join(", "))
}

/// `None` in the chain is a hop that is no address (`unknown`, an obfuscated identifier): nothing left of it counts.
fn chain_of_x_forwarded_for(headers: &HeaderMap) -> Vec<Option<IpAddr>> {
    let Some(text) = joined(headers, &X_FORWARDED_FOR) else { return Vec::new() };
    text.split(',').map(|hop| parse_node(hop.trim())).collect()
}

/// RFC 7239 section 4.
fn chain_of_forwarded(headers: &HeaderMap) -> Vec<Option<IpAddr>> {
    let Some(text) = joined(headers, &FORWARDED) else { return Vec::new() };
    text.split(',')
        .map(|element| {
            element
                .split(';')
                .filter_map(|pair| pair.split_once('='))
                .find(|(name, _)| name.trim().eq_ignore_ascii_case("for"))
                .and_then(|(_, value)| parse_node(value.trim()))
        })
        .collect()
}

/// An address, with or without port, quotes and brackets.
fn parse_node(text: &str) -> Option<IpAddr> {
    let text = text.trim_matches('"');
    let address = text
        .parse::<IpAddr>()
        .ok()
        .or_else(|| text.parse::<SocketAddr>().ok().map(|address| address.ip()))
        .or_else(|| text.strip_prefix('[')?.strip_suffix(']')?.parse().ok())?;
    Some(address.to_canonical())
}

#[cfg(test)]
mod tests {
    use gatehouse_model::configuration::Zone;

    use super::*;

    fn listener(trusted: &[&str]) -> ListenerFacts {
        ListenerFacts {
            name: Arc::from("public"),
            zone: Zone::External,
            serves_gateway: true,
            serves_metrics: false,
            hosts: Vec::new(),
            trusted_proxies: trusted.iter().map(|network| network.parse().unwrap()).collect(),
        }
    }

    fn connection(peer: &str, local: &str) -> Connection {
        Connection {
            listener: Arc::from("public"),
            peer: peer.parse().unwrap(),
            local: local.parse().unwrap(),
            tls_version: "TLSv1.3",
            tls_cipher: "",
            server_name: None,
            terms: None,
            certificate: None,
            forwarding: Default::default(),
        }
    }

    fn headers(fields: &[(&str, &str)]) -> HeaderMap {
        let mut headers = HeaderMap::new();
        for (name, value) in fields {
            headers.append(HeaderName::from_bytes(name.as_bytes()).unwrap(), value.parse().unwrap());
        }
        headers
    }

    #[test]
    fn a_strangers_claims_are_not_believed() {
        let peer = "203.0.113.9:5000".parse().unwrap();
        let headers = headers(&[("x-forwarded-for", "10.0.0.1"), ("forwarded", "for=10.0.0.1")]);
        assert_eq!(client_ip(&listener(&[]), peer, &headers).to_string(), "203.0.113.9");
    }

    #[test]
    fn behind_proxies_the_last_untrusted_hop_is_the_client() {
        let listener = listener(&["10.0.0.0/8"]);
        let peer = "10.0.0.1:5000".parse().unwrap();
        let chain = headers(&[("x-forwarded-for", "1.1.1.1, 198.51.100.7"), ("x-forwarded-for", "10.0.0.2")]);
        assert_eq!(client_ip(&listener, peer, &chain).to_string(), "198.51.100.7");
        let standard =
            headers(&[("forwarded", "for=1.1.1.1, for=\"[2001:db8::1]:4711\";proto=http, for=10.9.9.9")]);
        assert_eq!(client_ip(&listener, peer, &standard).to_string(), "2001:db8::1");
        let broken = headers(&[("x-forwarded-for", "198.51.100.7, unknown, 10.0.0.2")]);
        assert_eq!(client_ip(&listener, peer, &broken).to_string(), "10.0.0.2");
    }

    #[test]
    fn bytes_that_are_no_text_do_not_hide_what_a_proxy_has_written() {
        let listener = listener(&["10.0.0.0/8"]);
        let peer = "10.0.0.1:5000".parse().unwrap();
        let mut fields = headers(&[("forwarded", "for=192.0.2.99")]);
        let value = HeaderValue::from_bytes(b"\xff, 198.51.100.7").unwrap();
        fields.insert(X_FORWARDED_FOR, value);
        assert_eq!(client_ip(&listener, peer, &fields).to_string(), "198.51.100.7");
        let connection = connection("10.0.0.1:5000", "192.0.2.1:8443");
        write_forwarding_headers(&listener, &connection, &Arc::from("api.example"), &mut fields);
        assert!(fields[X_FORWARDED_FOR].as_bytes().ends_with(b", 198.51.100.7, 10.0.0.1"));
    }

    #[test]
    fn the_backend_is_told_the_truth() {
        let connection = connection("203.0.113.9:5000", "192.0.2.1:8443");
        let host = Arc::from("api.example");
        let mut fields = headers(&[
            ("x-forwarded-for", "10.0.0.1"),
            ("x-forwarded-proto", "http"),
            ("forwarded", "for=x"),
        ]);
        write_forwarding_headers(&listener(&[]), &connection, &host, &mut fields);
        assert_eq!(fields["x-forwarded-for"], "203.0.113.9");
        assert_eq!(fields["x-forwarded-proto"], "https");
        assert_eq!(fields["x-forwarded-host"], "api.example");
        assert_eq!(fields["forwarded"], "for=203.0.113.9;host=\"api.example\";proto=https");

        let mut fields = headers(&[("x-forwarded-for", "1.1.1.1"), ("x-forwarded-host", "outer.example")]);
        write_forwarding_headers(&listener(&["203.0.113.0/24"]), &connection, &host, &mut fields);
        assert_eq!(fields["x-forwarded-for"], "1.1.1.1, 203.0.113.9");
        assert_eq!(fields["x-forwarded-host"], "outer.example");
    }
}
