//! The web application firewall in the pipeline: the rules in force, where they stand, and what they count.

mod audit;
mod definitions;
mod held_body;
mod inspection;
mod load;
mod measures;

use std::collections::HashMap;
use std::sync::Arc;

use bytes::Bytes;
use foldhash::fast::RandomState;
use gatehouse_model::configuration::{WafMode, WafProtocol, Zone};
use gatehouse_model::resources::{Api, Operation};
use gatehouse_waf::{Collections, Limits, RuleSet};
use http::StatusCode;

pub use self::definitions::Declared;
use self::definitions::Definitions;
pub(crate) use self::inspection::{Aim, Inspection, Seen};
pub use self::load::{load, rules, rules_with};
pub use self::measures::WafMeasures;

/// The most collections (addresses, sessions …) that rules may keep.
const MAX_COLLECTIONS: usize = 100_000;

/// The firewall of a snapshot.
#[derive(Debug)]
pub struct Firewall {
    rules: Arc<RuleSet>,
    limits: Limits,
    collections: Arc<Collections>,
    mode: WafMode,
    zones: Vec<Zone>,
    listeners: HashMap<Arc<str>, WafMode, RandomState>,
    /// By API, and by API and operation.
    apis: HashMap<String, WafMode, RandomState>,
    pass: Vec<WafProtocol>,
    definitions: Definitions,
    /// Whether values that a definition proves harmless are left out by rules that look for injections.
    uses_definitions: bool,
    block_status: Option<StatusCode>,
    block_page: Option<BlockPage>,
    audit_headers: Vec<String>,
    /// Names of fields and arguments that carry keys.
    key_fields: Vec<String>,
    key_arguments: Vec<String>,
}

/// The body of a refusal.
#[derive(Debug)]
struct BlockPage {
    text: String,
    media_type: &'static str,
}

impl Firewall {
    /// The mode on a listener; none where the firewall does not stand there.
    pub(crate) fn mode_on(&self, listener: &str, zone: Zone) -> Option<WafMode> {
        let mode =
            self.listeners.get(listener).copied().or_else(|| self.zones.contains(&zone).then_some(self.mode));
        // Where it is off, a single API may have it on.
        mode.filter(|mode| *mode != WafMode::Off || !self.apis.is_empty())
    }

    /// What it knows of the arguments of an operation.
    pub(crate) fn declared(
        &self,
        workspace: Option<&str>,
        api: &Api,
        operation: &Operation,
    ) -> Option<Declared> {
        self.definitions.operation(workspace, api, operation, self.uses_definitions)
    }

    /// The mode of an operation, or of its API.
    pub(crate) fn mode_of(&self, api: &str, operation: Option<&str>) -> Option<WafMode> {
        operation
            .and_then(|operation| self.apis.get(&format!("{api}/{operation}")))
            .or_else(|| self.apis.get(api))
            .copied()
    }

    /// The rules in force.
    pub fn rules(&self) -> &Arc<RuleSet> {
        &self.rules
    }

    /// The body of a refusal and its media type.
    fn page(&self, request_id: &str) -> Option<(Bytes, &'static str)> {
        let page = self.block_page.as_ref()?;
        Some((Bytes::from(page.text.replace("{{request_id}}", request_id)), page.media_type))
    }
}
