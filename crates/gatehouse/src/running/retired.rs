//! What a reload has replaced, on its way out.

use std::sync::Arc;

use gatehouse_gateway::snapshot::Snapshot;

/// Snapshots that requests may still hold. To free one takes milliseconds where there are many APIs, and whoever lets
/// go of it last pays for that: it must be no core that serves requests.
#[derive(Default)]
pub(super) struct Retired(Vec<Arc<Snapshot>>);

impl Retired {
    /// Keeps a snapshot until its requests have ended.
    pub(super) fn push(&mut self, snapshot: Arc<Snapshot>) {
        self.0.push(snapshot);
    }

    /// Whether there is nothing to free.
    pub(super) fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// Frees those that no request holds any more; tells whether there were any.
    pub(super) fn release(&mut self) -> bool {
        let before = self.0.len();
        self.0.retain(|snapshot| Arc::strong_count(snapshot) > 1);
        self.0.len() < before
    }
}
