//! The backends as one request of one core sees them.

use std::cell::{Cell, RefCell};
use std::rc::Rc;

use futures_util::future::LocalBoxFuture;
use gatehouse_model::resources::ApiKind;
use gatehouse_policy::{Clock, Exchange, ForwardOptions, Random, Response, Upstream, UpstreamError};

use crate::upstream::{Backends, Client, Pools, Tunnel, WebSocket};

/// Forwards a request, or opens a WebSocket where the client asks for one and the API is of that kind.
pub(super) struct CoreUpstream<'u> {
    client: Client<'u>,
    clock: &'u dyn Clock,
    micros: Cell<Option<u64>>,
    tunnel: RefCell<Option<Tunnel>>,
}

impl<'u> CoreUpstream<'u> {
    pub(super) fn new(
        pools: &'u Rc<Pools>,
        backends: &'u Backends,
        clock: &'u dyn Clock,
        random: &'u dyn Random,
        buffered_body_bytes: usize,
    ) -> Self {
        let client = Client { backends, pools, clock, random, buffered_body_bytes };
        Self { client, clock, micros: Cell::new(None), tunnel: RefCell::new(None) }
    }

    /// Time from the first byte sent to the backend to its answer's head, summed over retries.
    pub(super) fn backend_micros(&self) -> Option<u64> {
        self.micros.get()
    }

    /// The tunnel that was opened.
    pub(super) fn take_tunnel(&self) -> Option<Tunnel> {
        self.tunnel.borrow_mut().take()
    }

    async fn send(
        &self,
        exchange: &mut Exchange,
        options: &ForwardOptions,
    ) -> Result<Response, UpstreamError> {
        let is_websocket_api = exchange.route.api.as_ref().is_some_and(|api| api.kind == ApiKind::WebSocket);
        if !(is_websocket_api && exchange.request.websocket) {
            return self.client.call(exchange, options).await;
        }
        match self.client.connect_websocket(exchange, options).await? {
            WebSocket::Refused(response) => Ok(response),
            WebSocket::Open(response, tunnel) => {
                *self.tunnel.borrow_mut() = Some(tunnel);
                Ok(response)
            }
        }
    }
}

impl Upstream for CoreUpstream<'_> {
    fn forward<'f>(
        &'f self,
        exchange: &'f mut Exchange,
        options: &'f ForwardOptions,
    ) -> LocalBoxFuture<'f, Result<Response, UpstreamError>> {
        Box::pin(async move {
            let begun = self.clock.monotonic_micros();
            let outcome = self.send(exchange, options).await;
            let taken = self.clock.monotonic_micros().saturating_sub(begun);
            self.micros.set(Some(self.micros.get().unwrap_or(0) + taken));
            outcome
        })
    }
}
