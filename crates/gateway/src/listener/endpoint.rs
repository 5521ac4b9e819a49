//! What is behind a listening address.

use std::sync::Arc;

use arc_swap::ArcSwap;
use gatehouse_model::configuration::Limits;
use gatehouse_telemetry::metrics::ListenerMetrics;

use crate::tls::ServerTls;

/// One address. What it serves may change while it listens; each new connection takes what is in force.
#[derive(Debug)]
pub(super) struct Endpoint {
    serving: ArcSwap<Serving>,
}

/// What new connections get.
#[derive(Debug)]
pub(super) struct Serving {
    /// The listener's name.
    pub(super) name: Arc<str>,
    /// The listener's measures.
    pub(super) metrics: Arc<ListenerMetrics>,
    /// The bounds.
    pub(super) limits: Arc<Limits>,
    /// HTTPS, or the redirection to it.
    pub(super) protocol: Protocol,
}

#[derive(Debug)]
pub(super) enum Protocol {
    /// TLS with this state, which changes when files do.
    Https(Arc<ArcSwap<ServerTls>>),
    /// Plain text, for measuring what TLS costs: HTTP/2 where the flag says so, else HTTP/1.
    InTheClear(bool),
    /// Plain text that answers 308 to this port, for these hosts (all where there are none).
    Redirect(u16, Vec<String>),
}

impl Endpoint {
    pub(super) fn new(serving: Serving) -> Arc<Self> {
        Arc::new(Self { serving: ArcSwap::from_pointee(serving) })
    }

    pub(super) fn serving(&self) -> Arc<Serving> {
        self.serving.load_full()
    }

    /// Where the connections of this address look for the TLS state in force.
    pub(super) fn tls(&self) -> Option<Arc<ArcSwap<ServerTls>>> {
        match &self.serving.load().protocol {
            Protocol::Https(tls) => Some(Arc::clone(tls)),
            Protocol::InTheClear(_) | Protocol::Redirect(..) => None,
        }
    }

    pub(super) fn set(&self, serving: Serving) {
        self.serving.store(Arc::new(serving));
    }
}
