//! Version sets.

use std::collections::BTreeMap;

use super::check;
use super::layout;
use super::resource::Resource;
use crate::resources::{VersionSet, VersioningScheme};

/// Reads the version sets of a scope.
pub(super) fn read(scope: &Resource<'_>) -> BTreeMap<String, VersionSet> {
    scope.children(&layout::VERSION_SETS).filter_map(|resource| version_set(&resource)).map(named).collect()
}

fn named(set: VersionSet) -> (String, VersionSet) {
    (set.name.clone(), set)
}

fn version_set(resource: &Resource<'_>) -> Option<VersionSet> {
    #[derive(Clone, Copy)]
    enum Scheme {
        Segment,
        Query,
        Header,
    }
    let context = resource.context;
    resource.read(|fields| {
        fields.ignore(&["description"]);
        let display_name = fields.required(context, "displayName");
        let query = fields.string(context, "versionQueryName").filter(|name| !name.value.is_empty());
        let header = fields.string(context, "versionHeaderName").filter(|name| !name.value.is_empty());
        let choices = [("Segment", Scheme::Segment), ("Query", Scheme::Query), ("Header", Scheme::Header)];
        if fields.height("versioningScheme").is_none() {
            fields.missing(context, "versioningScheme");
        }
        let scheme = match fields.choice(context, "versioningScheme", &choices)?.value {
            Scheme::Segment => VersioningScheme::Segment,
            Scheme::Query => {
                let Some(name) = query else {
                    fields.missing(context, "versionQueryName");
                    return None;
                };
                check::query_name(resource, &name);
                VersioningScheme::Query(name.value)
            }
            Scheme::Header => {
                let Some(name) = header else {
                    fields.missing(context, "versionHeaderName");
                    return None;
                };
                check::header_name(resource, &name);
                VersioningScheme::Header(name.value)
            }
        };
        Some(VersionSet {
            name: resource.entry.name.clone(),
            display_name: display_name?.value,
            scheme,
            location: resource.location(),
        })
    })
}
