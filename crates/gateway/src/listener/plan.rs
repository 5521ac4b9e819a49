//! From a configuration to what has to be bound, kept and closed. Making a plan changes nothing that serves.

use std::net::{SocketAddr, TcpListener};
use std::sync::Arc;

use gatehouse_model::configuration::{Limits, Listener};
use gatehouse_model::{Diagnostics, Located};
use gatehouse_telemetry::metrics::Metrics;

use super::endpoint::{Endpoint, Protocol, Serving};
use super::socket::{bind_all, in_use};
use super::{Bound, State};
use crate::tls::{TlsStore, Watched};

/// A bound address.
#[derive(Clone, Debug)]
pub(super) struct Place {
    /// The number under which cores know it.
    pub(super) id: u64,
    /// What it serves.
    pub(super) endpoint: Arc<Endpoint>,
    configured: SocketAddr,
    bound: SocketAddr,
}

impl Place {
    pub(super) fn bound(&self) -> Bound {
        let serving = self.endpoint.serving();
        let is_redirect = matches!(serving.protocol, Protocol::Redirect(..));
        Bound { name: Arc::clone(&serving.name), address: self.bound, is_redirect }
    }

    /// Whether connections made from now on are plain text: only on a loopback address.
    pub(super) fn go_in_the_clear(&self, is_http2: bool) -> bool {
        let is_loopback = self.bound.ip().is_loopback();
        if is_loopback {
            let serving = self.endpoint.serving();
            self.endpoint.set(Serving {
                name: Arc::clone(&serving.name),
                metrics: Arc::clone(&serving.metrics),
                limits: Arc::clone(&serving.limits),
                protocol: Protocol::InTheClear(is_http2),
            });
        }
        is_loopback
    }

    fn answers(&self, address: SocketAddr, name: &str, is_redirect: bool) -> bool {
        // Port 0 is another port for each listener.
        let bound = self.bound();
        self.configured == address
            && (address.port() != 0 || (*bound.name == *name && bound.is_redirect == is_redirect))
    }
}

/// What a configuration asks for.
#[derive(Debug, Default)]
pub(super) struct Plan {
    /// Addresses that stay, with what they serve from now on.
    pub(super) kept: Vec<(Place, Serving)>,
    /// New addresses with a socket for each core.
    pub(super) added: Vec<(Place, Vec<TcpListener>)>,
    /// The TLS files to watch.
    pub(super) watched: Vec<Watched>,
}

impl Plan {
    pub(super) fn make(
        listeners: &[Listener],
        limits: &Limits,
        state: &mut State,
        cores: usize,
        tls: &TlsStore,
        metrics: &Metrics,
    ) -> Result<Self, Diagnostics> {
        let mut plan = Self::default();
        let mut diagnostics = Diagnostics::new();
        let limits = Arc::new(limits.clone());
        for listener in listeners {
            let watched = tls.load(&listener.tls);
            let name: Arc<str> = listener.name.as_str().into();
            let measures = metrics.listener(&name);
            let serving = |protocol| Serving {
                name: Arc::clone(&name),
                metrics: Arc::clone(&measures),
                limits: Arc::clone(&limits),
                protocol,
            };
            let https = match watched {
                Ok(watched) => {
                    let protocol = Protocol::Https(watched.state());
                    plan.watched.push(watched);
                    plan.place(&listener.address, serving(protocol), state, cores, &mut diagnostics)
                }
                Err(errors) => {
                    diagnostics.extend(errors);
                    None
                }
            };
            if let Some(redirect) = &listener.http_redirect {
                let port = https.map_or_else(|| listener.address.value.port(), |bound| bound.port());
                let protocol = Protocol::Redirect(port, listener.hosts.clone());
                plan.place(redirect, serving(protocol), state, cores, &mut diagnostics);
            }
        }
        if diagnostics.has_errors() { Err(diagnostics) } else { Ok(plan) }
    }

    /// Whether the plan has the address already.
    fn has(&self, address: SocketAddr) -> bool {
        let kept = self.kept.iter().map(|(place, _)| place.configured);
        let added = self.added.iter().map(|(place, _)| place.configured);
        address.port() != 0 && kept.chain(added).any(|other| other == address)
    }

    fn place(
        &mut self,
        address: &Located<SocketAddr>,
        serving: Serving,
        state: &mut State,
        cores: usize,
        diagnostics: &mut Diagnostics,
    ) -> Option<SocketAddr> {
        let is_redirect = matches!(serving.protocol, Protocol::Redirect(..));
        let is_taken = |plan: &Self, id: u64| plan.kept.iter().any(|(place, _)| place.id == id);
        let kept = state.places.iter().find(|place| {
            place.answers(address.value, &serving.name, is_redirect) && !is_taken(self, place.id)
        });
        if let Some(place) = kept {
            self.kept.push((place.clone(), serving));
            return Some(place.bound);
        }
        if self.has(address.value) {
            diagnostics.push(in_use(&serving.name, address));
            return None;
        }
        let is_ours = state
            .places
            .iter()
            .any(|place| place.bound.port() == address.value.port() && !is_taken(self, place.id));
        let sockets =
            bind_all(&serving.name, address, cores, is_ours).map_err(|error| diagnostics.push(error)).ok()?;
        let bound = sockets.first()?.local_addr().ok()?;
        state.next_id += 1;
        let place =
            Place { id: state.next_id, endpoint: Endpoint::new(serving), configured: address.value, bound };
        self.added.push((place, sockets));
        Some(bound)
    }
}
