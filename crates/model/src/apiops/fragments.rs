//! Policy fragments.

use std::collections::BTreeMap;

use super::layout;
use super::resource::Resource;
use crate::resources::Fragment;

/// Reads the policy fragments of a scope.
pub(super) fn read(scope: &Resource<'_>) -> BTreeMap<String, Fragment> {
    scope
        .children(&layout::FRAGMENTS)
        .filter_map(|resource| fragment(&resource))
        .map(|fragment| (fragment.name.clone(), fragment))
        .collect()
}

fn fragment(resource: &Resource<'_>) -> Option<Fragment> {
    let context = resource.context;
    let description = resource.read(|fields| {
        fields.ignore(&["format", "provisioningState"]);
        if fields.string(context, "value").is_some() {
            resource.error_with_fix(
                "unknown-property",
                fields.location_of("value"),
                "the document of a fragment stands in its `policy.xml`",
                "move it there",
            );
        }
        Some(fields.bounded(context, "description", 1000).map(|text| text.value))
    })?;
    let policy = resource.policy();
    if resource.entry.file(layout::Role::Policy).is_none() {
        resource.error(
            "missing-file",
            resource.entry.location(),
            format!("{} has no `policy.xml`", resource.id),
        );
    }
    Some(Fragment {
        name: resource.entry.name.clone(),
        description: description.filter(|text| !text.is_empty()),
        policy: policy?,
        location: resource.location(),
    })
}
