//! What backends are told of a client that is not behind a trusted proxy. It changes with the host alone, so that a
//! connection writes it once and its requests share it.

use std::cell::RefCell;
use std::net::{IpAddr, SocketAddr};
use std::sync::Arc;

use http::HeaderValue;

/// Keeps the fields that the last request of a connection was given.
#[derive(Debug, Default)]
pub struct ForwardingCache(RefCell<Option<ForwardingFields>>);

impl ForwardingCache {
    /// The fields for a host; `None` where no field can hold it.
    pub(crate) fn get(&self, peer: IpAddr, local: SocketAddr, host: &Arc<str>) -> Option<ForwardingFields> {
        let mut cache = self.0.borrow_mut();
        if cache.as_ref().is_none_or(|known| *known.host != **host) {
            *cache = ForwardingFields::new(peer, local, host);
        }
        cache.clone()
    }
}

/// The values of forwarding fields.
#[derive(Clone, Debug)]
pub(crate) struct ForwardingFields {
    host: Arc<str>,
    /// `X-Forwarded-For`.
    pub(crate) x_forwarded_for: HeaderValue,
    /// `Forwarded` (RFC 7239).
    pub(crate) forwarded: HeaderValue,
    /// `X-Forwarded-Host`.
    pub(crate) x_forwarded_host: HeaderValue,
    /// `X-Forwarded-Port`.
    pub(crate) x_forwarded_port: HeaderValue,
}

impl ForwardingFields {
    fn new(peer: IpAddr, local: SocketAddr, host: &Arc<str>) -> Option<Self> {
        Some(Self {
            host: Arc::clone(host),
            x_forwarded_for: peer.to_string().try_into().ok()?,
            forwarded: element(peer, host).try_into().ok()?,
            x_forwarded_host: HeaderValue::from_str(host).ok()?,
            x_forwarded_port: HeaderValue::from(local.port()),
        })
    }
}

/// One hop in `Forwarded`.
pub(crate) fn element(peer: IpAddr, host: &str) -> String {
    match peer {
        IpAddr::V4(address) => format!("for={address};host=\"{host}\";proto=https"),
        IpAddr::V6(address) => format!("for=\"[{address}]\";host=\"{host}\";proto=https"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn another_host_of_the_same_connection_gets_fields_of_its_own() {
        let cache = ForwardingCache::default();
        let (peer, local) = ("2001:db8::1".parse().unwrap(), "192.0.2.1:8443".parse().unwrap());
        for host in ["a.example", "b.example", "a.example"] {
            let fields = cache.get(peer, local, &host.into()).unwrap();
            assert_eq!(fields.x_forwarded_host, host);
            assert_eq!(fields.forwarded, format!("for=\"[2001:db8::1]\";host=\"{host}\";proto=https"));
        }
        assert!(cache.get(peer, local, &"a\nb".into()).is_none());
    }
}
