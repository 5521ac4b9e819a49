//! Requests of policies, over the pools of this core and the backends of one configuration.

use std::rc::Rc;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, AtomicUsize, Ordering};

use futures_util::future::LocalBoxFuture;
use gatehouse_policy::{Outgoing, OutgoingRequest, Random, Response, Then, UpstreamError};

use super::service::Shared;
use super::world::CoreRandom;
use crate::snapshot::Snapshot;
use crate::upstream::{Client, Pools};

/// What becomes of the requests of policies.
#[derive(Debug, Default)]
pub struct OutgoingCounts {
    forbidden: AtomicU64,
    apart: AtomicUsize,
    answered_apart: AtomicU64,
    failed_apart: AtomicU64,
    dropped_apart: AtomicU64,
}

impl OutgoingCounts {
    /// Requests that the egress rules refused.
    pub fn forbidden(&self) -> u64 {
        self.forbidden.load(Ordering::Relaxed)
    }

    /// One-way requests under way.
    pub fn under_way(&self) -> usize {
        self.apart.load(Ordering::Relaxed)
    }

    /// One-way requests by outcome: answered, failed, and dropped because too many were under way.
    pub fn one_way(&self) -> [(&'static str, u64); 3] {
        [
            ("answered", self.answered_apart.load(Ordering::Relaxed)),
            ("failed", self.failed_apart.load(Ordering::Relaxed)),
            ("dropped", self.dropped_apart.load(Ordering::Relaxed)),
        ]
    }
}

/// What the policies of one exchange reach beside its backend.
pub(super) struct Outside<'o> {
    pub(super) shared: &'o Arc<Shared>,
    pub(super) snapshot: &'o Arc<Snapshot>,
    pub(super) pools: &'o Rc<Pools>,
    pub(super) random: &'o dyn Random,
}

impl<'o> Outside<'o> {
    fn client(&self) -> Client<'o> {
        Client {
            backends: &self.snapshot.backends,
            pools: self.pools,
            clock: &self.shared.clock,
            random: self.random,
            buffered_body_bytes: self.snapshot.limits.buffered_body_bytes,
        }
    }
}

impl Outgoing for Outside<'_> {
    fn send<'s>(
        &'s self,
        request: &'s OutgoingRequest,
    ) -> LocalBoxFuture<'s, Result<Response, UpstreamError>> {
        Box::pin(async move {
            let outcome = self.client().fetch(request).await;
            if let Err(UpstreamError::Forbidden(_)) = &outcome {
                self.shared.outgoing.forbidden.fetch_add(1, Ordering::Relaxed);
            }
            outcome
        })
    }

    fn send_apart(&self, request: OutgoingRequest) {
        let counts = &self.shared.outgoing;
        let Some(place) = Apart::take(self.shared, self.snapshot.limits.one_way_requests) else {
            counts.dropped_apart.fetch_add(1, Ordering::Relaxed);
            return;
        };
        let (snapshot, pools) = (Arc::clone(self.snapshot), Rc::clone(self.pools));
        let random = CoreRandom::new(self.random.next());
        tokio::task::spawn_local(async move {
            let outside = Outside { shared: &place.0, snapshot: &snapshot, pools: &pools, random: &random };
            let outcome = outside.send(&request).await;
            let counts = &place.0.outgoing;
            let count = if outcome.is_ok() { &counts.answered_apart } else { &counts.failed_apart };
            count.fetch_add(1, Ordering::Relaxed);
        });
    }

    fn fetch_apart(&self, request: OutgoingRequest, then: Then) {
        let (shared, snapshot, pools) =
            (Arc::clone(self.shared), Arc::clone(self.snapshot), Rc::clone(self.pools));
        let random = CoreRandom::new(self.random.next());
        tokio::task::spawn_local(async move {
            let outside = Outside { shared: &shared, snapshot: &snapshot, pools: &pools, random: &random };
            let outcome = outside.send(&request).await;
            then(&outside, outcome);
        });
    }
}

/// The place of a one-way request among those under way; given back when it is dropped.
struct Apart(Arc<Shared>);

impl Apart {
    fn take(shared: &Arc<Shared>, limit: usize) -> Option<Self> {
        if shared.outgoing.apart.fetch_add(1, Ordering::Relaxed) < limit {
            return Some(Self(Arc::clone(shared)));
        }
        shared.outgoing.apart.fetch_sub(1, Ordering::Relaxed);
        None
    }
}

impl Drop for Apart {
    fn drop(&mut self) {
        self.0.outgoing.apart.fetch_sub(1, Ordering::Relaxed);
    }
}
