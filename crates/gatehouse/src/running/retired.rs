//! What a reload has replaced, on its way out.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::thread::yield_now;

use gatehouse_gateway::snapshot::Snapshot;
use gatehouse_model::resources::{Catalog, Resources};

/// Snapshots that requests may still hold. To free one takes milliseconds where there are many APIs, and whoever lets
/// go of it last pays for that: it must be no core that serves requests.
#[derive(Default)]
pub(super) struct Retired(Vec<Arc<Snapshot>>);

impl Retired {
    /// Keeps a snapshot until its requests have ended.
    pub(super) fn push(&mut self, snapshot: Arc<Snapshot>) {
        self.0.push(snapshot);
    }

    /// Frees those that no request holds any more; tells whether there were any.
    pub(super) fn release(&mut self) -> bool {
        let mut held = Vec::new();
        let before = self.0.len();
        for snapshot in std::mem::take(&mut self.0) {
            if Arc::strong_count(&snapshot) > 1 {
                held.push(snapshot);
            } else if let Some(snapshot) = Arc::into_inner(snapshot) {
                snapshot.apis.into_iter().for_each(drop_and_yield);
            }
        }
        self.0 = held;
        self.0.len() < before
    }
}

/// Frees what was read of the artifacts.
pub(super) fn release_catalog(catalog: Catalog) {
    let Catalog { service, workspaces } = catalog;
    for Resources { apis, .. } in std::iter::once(service).chain(workspaces.into_values()) {
        release_apis(apis);
    }
}

fn release_apis<T>(apis: BTreeMap<String, T>) {
    apis.into_values().for_each(drop_and_yield);
}

/// A reload shares its core with requests: between two APIs they go first.
fn drop_and_yield<T>(api: T) {
    drop(api);
    yield_now();
}
