//! `{{named values}}` in credentials: each must exist.

use std::collections::{BTreeMap, BTreeSet};

use super::layout;
use super::resource::Resource;
use crate::resources::NamedValue;
use crate::{Located, did_you_mean};

/// The display names that credentials of a scope may refer to.
#[derive(Debug)]
pub(super) struct NamedValueNames {
    /// `None` where a named value could not be read, so that nothing can be said of what is missing.
    known: Option<BTreeSet<String>>,
}

impl NamedValueNames {
    /// The names of a scope's own values and of those around it.
    pub(super) fn new(
        scope: &Resource<'_>,
        own: &BTreeMap<String, NamedValue>,
        around: &BTreeMap<String, NamedValue>,
    ) -> Self {
        let complete = scope.entry.children(&layout::NAMED_VALUES).count() == own.len()
            && scope
                .scopes
                .service
                .is_none_or(|service| service.children(&layout::NAMED_VALUES).count() == around.len());
        let names = own.values().chain(around.values()).map(|value| value.display_name.clone());
        Self { known: complete.then(|| names.collect()) }
    }

    /// Refuses references to named values that do not exist.
    pub(super) fn check(&self, resource: &Resource<'_>, text: &Located<String>) {
        let Some(known) = &self.known else { return };
        for name in text.value.split("{{").skip(1).filter_map(|rest| rest.split_once("}}")) {
            let name = name.0.trim();
            if known.contains(name) {
                continue;
            }
            let fix = did_you_mean(name, known.iter().map(String::as_str)).map_or_else(
                || format!("add a named value with the display name `{name}`"),
                |known| format!("did you mean `{{{{{known}}}}}`?"),
            );
            resource.error_with_fix(
                "missing-reference",
                text.location.clone(),
                format!("{} refers to the named value `{name}`, which does not exist", resource.id),
                fix,
            );
        }
    }
}
