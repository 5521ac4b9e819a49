//! Who the client is behind trusted proxies, and what the backend is told of it.

use std::net::{IpAddr, SocketAddr};

use http::header::{FORWARDED, HeaderName};
use http::{HeaderMap, HeaderValue};

use crate::snapshot::ListenerFacts;

const X_FORWARDED_FOR: HeaderName = HeaderName::from_static("x-forwarded-for");
const X_FORWARDED_HOST: HeaderName = HeaderName::from_static("x-forwarded-host");
const X_FORWARDED_PROTO: HeaderName = HeaderName::from_static("x-forwarded-proto");
const X_FORWARDED_PORT: HeaderName = HeaderName::from_static("x-forwarded-port");

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
    peer: SocketAddr,
    local: SocketAddr,
    host: &str,
    headers: &mut HeaderMap,
) {
    let peer_ip = peer.ip().to_canonical();
    let trusted = listener.trusts(peer_ip);
    let previous_for = trusted.then(|| joined(headers, &X_FORWARDED_FOR)).flatten();
    let previous_forwarded = trusted.then(|| joined(headers, &FORWARDED)).flatten();

    let chain = match previous_for {
        Some(previous) => format!("{previous}, {peer_ip}"),
        None => peer_ip.to_string(),
    };
    let node = match peer_ip {
        IpAddr::V4(address) => address.to_string(),
        IpAddr::V6(address) => format!("\"[{address}]\""),
    };
    let element = format!("for={node};host=\"{host}\";proto=https");
    let forwarded = match previous_forwarded {
        Some(previous) => format!("{previous}, {element}"),
        None => element,
    };
    set(headers, X_FORWARDED_FOR, &chain);
    set(headers, FORWARDED, &forwarded);
    if !(trusted && headers.contains_key(&X_FORWARDED_HOST)) {
        set(headers, X_FORWARDED_HOST, host);
    }
    if !(trusted && headers.contains_key(&X_FORWARDED_PROTO)) {
        headers.insert(X_FORWARDED_PROTO, HeaderValue::from_static("https"));
    }
    if !(trusted && headers.contains_key(&X_FORWARDED_PORT)) {
        headers.insert(X_FORWARDED_PORT, HeaderValue::from(local.port()));
    }
}

fn set(headers: &mut HeaderMap, name: HeaderName, value: &str) {
    match HeaderValue::from_str(value) {
        Ok(value) => drop(headers.insert(name, value)),
        // A host that no header can hold was refused long before; a stale value must not stay in any case.
        Err(_) => drop(headers.remove(name)),
    }
}

fn joined(headers: &HeaderMap, name: &HeaderName) -> Option<String> {
    let values: Vec<&str> = headers.get_all(name).iter().filter_map(|value| value.to_str().ok()).collect();
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
    use std::sync::Arc;

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
    fn the_backend_is_told_the_truth() {
        let (peer, local) = ("203.0.113.9:5000".parse().unwrap(), "192.0.2.1:8443".parse().unwrap());
        let mut fields = headers(&[
            ("x-forwarded-for", "10.0.0.1"),
            ("x-forwarded-proto", "http"),
            ("forwarded", "for=x"),
        ]);
        write_forwarding_headers(&listener(&[]), peer, local, "api.example", &mut fields);
        assert_eq!(fields["x-forwarded-for"], "203.0.113.9");
        assert_eq!(fields["x-forwarded-proto"], "https");
        assert_eq!(fields["x-forwarded-host"], "api.example");
        assert_eq!(fields["forwarded"], "for=203.0.113.9;host=\"api.example\";proto=https");

        let mut fields = headers(&[("x-forwarded-for", "1.1.1.1"), ("x-forwarded-host", "outer.example")]);
        write_forwarding_headers(&listener(&["203.0.113.0/24"]), peer, local, "api.example", &mut fields);
        assert_eq!(fields["x-forwarded-for"], "1.1.1.1, 203.0.113.9");
        assert_eq!(fields["x-forwarded-host"], "outer.example");
    }
}
