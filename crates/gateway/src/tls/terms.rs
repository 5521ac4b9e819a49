//! What a connection was agreed on, against what the configuration asks for now.

use std::sync::Arc;

use arc_swap::ArcSwap;
use gatehouse_model::configuration::TlsSettings;

use super::judge::Judge;
use super::server::ServerTls;

/// The TLS settings that a connection was made under, and the listener's state in force.
#[derive(Clone, Debug)]
pub struct Terms {
    current: Arc<ArcSwap<ServerTls>>,
    agreed: Arc<TlsSettings>,
    judge: Judge,
}

impl Terms {
    /// Couples a connection's settings with the state that may change.
    pub fn new(current: Arc<ArcSwap<ServerTls>>, agreed: Arc<TlsSettings>, judge: Judge) -> Self {
        Self { current, agreed, judge }
    }

    /// The field in which trusted proxies hand certificates on, and what these are worth.
    pub fn certificate_field(&self) -> Option<(&str, &Judge)> {
        Some((self.agreed.client_certificates.header.as_deref()?, &self.judge))
    }

    /// Whether a request for `host` (lower case, without port) needs another connection: its certificate entry asks
    /// for other settings, which this connection would get around.
    pub fn is_misdirected(&self, host: &str) -> bool {
        self.current.load().is_misdirected(&self.agreed, host)
    }
}
