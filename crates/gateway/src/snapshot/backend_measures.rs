//! The measures of backends, looked up once when a configuration is loaded.

use std::collections::HashMap;
use std::sync::Arc;

use foldhash::fast::RandomState;
use gatehouse_telemetry::metrics::{BackendMetrics, Metrics};

use crate::upstream::{Backends, BreakerState};

/// The label of everything that is no backend entity: service URLs, and those that policies set. A label for each would
/// let whoever has a say in a computed URL make series.
const OF_URLS: &str = "(url)";

/// The measures of every backend entity, and of all that is reached by URL.
#[derive(Debug)]
pub struct BackendMeasures {
    entities: HashMap<Arc<str>, Arc<BackendMetrics>, RandomState>,
    urls: Arc<BackendMetrics>,
}

impl BackendMeasures {
    /// Looks the measures of all entities up.
    pub fn new(metrics: &Metrics, backends: &Backends) -> Self {
        let entities = backends.names().map(|name| (Arc::from(name), metrics.backend(name))).collect();
        Self { entities, urls: metrics.backend(OF_URLS) }
    }

    /// The measures of an entity; `None`: of URLs.
    pub fn of(&self, entity: Option<&str>) -> &BackendMetrics {
        entity.and_then(|name| self.entities.get(name)).unwrap_or(&self.urls)
    }

    /// Says which breakers keep requests away now; `now_micros` on the world's monotonic clock.
    pub fn note_breakers(&self, backends: &Backends, now_micros: u64) {
        let open: Vec<&str> = backends
            .breakers(now_micros)
            .filter_map(|(name, state)| (state == BreakerState::Open).then_some(name))
            .collect();
        // Those that have no breaker may have had one before a reload.
        for (name, measures) in &self.entities {
            measures.breaker(open.contains(&&**name));
        }
    }
}
