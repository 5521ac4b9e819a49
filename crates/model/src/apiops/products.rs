//! Products and groups.

use std::collections::BTreeMap;

use super::layout;
use super::links;
use super::reference::root_name;
use super::resource::Resource;
use crate::Located;
use crate::resources::{Group, Product};

/// The groups that every service has, with what people read.
const SYSTEM_GROUPS: [(&str, &str); 3] =
    [("administrators", "Administrators"), ("developers", "Developers"), ("guests", "Guests")];

/// Reads the products of a scope.
pub(super) fn read(scope: &Resource<'_>) -> BTreeMap<String, Product> {
    scope
        .children(&layout::PRODUCTS)
        .filter_map(|resource| product(&resource))
        .map(|product| (product.name.clone(), product))
        .collect()
}

fn product(resource: &Resource<'_>) -> Option<Product> {
    let context = resource.context;
    let product = resource.read(|fields| {
        fields.not_yet(context, &["application"]);
        fields.ignore(&["provisioningState"]);
        let display_name = fields.required(context, "displayName");
        let description = fields.bounded(context, "description", 1000).map(|text| text.value);
        let terms = fields.text(context, "terms");
        let states = [("published", true), ("notPublished", false)];
        let published = fields.choice(context, "state", &states).is_some_and(|state| state.value);
        let subscription_required = fields.boolean(context, "subscriptionRequired").unwrap_or(true);
        let approval_required = fields.boolean(context, "approvalRequired").unwrap_or(false);
        let limit = fields.integer(context, "subscriptionsLimit", 1..=1_000_000);
        if approval_required && !subscription_required {
            resource.error_with_fix(
                "contradiction",
                fields.location_of("approvalRequired"),
                "`approvalRequired` needs `subscriptionRequired`: an open product has no subscriptions to approve",
                "take one of them back",
            );
        }
        let kinds = fields.strings(context, "authenticationType").unwrap_or_default();
        if let Some(kind) = kinds.into_iter().find(|kind| !kind.value.eq_ignore_ascii_case("subscriptionKey")) {
            resource.error(
                "not-yet-available",
                kind.location,
                format!("`authenticationType` `{}` is not yet available", kind.value),
            );
        }
        Some(Product {
            name: resource.entry.name.clone(),
            display_name: display_name?.value,
            description: description.filter(|text| !text.is_empty()),
            terms: terms.filter(|text| !text.is_empty()),
            published,
            subscription_required,
            approval_required,
            subscriptions_limit: limit.map(|limit| limit as u32),
            apis: Vec::new(),
            groups: Vec::new(),
            tags: Vec::new(),
            policy: None,
            location: resource.location(),
        })
    });
    let policy = resource.policy();
    let apis = links::read(resource, &layout::PRODUCT_APIS);
    let groups = links::read(resource, &layout::PRODUCT_GROUPS);
    let tags = links::read(resource, &layout::PRODUCT_TAGS);
    let find = |kind, name: &str, from: &Located<String>| {
        resource.scopes.find(context, &resource.id, kind, name, &from.location)
    };
    let resolved = |kind, name: &Located<String>| {
        find(kind, &name.value, name).map(|found| Located::new(found, name.location.clone()))
    };
    let apis: Vec<_> = apis
        .iter()
        .filter_map(|name| {
            let found = find(&layout::APIS, root_name(&name.value), name)?;
            Some(Located::new(found, name.location.clone()))
        })
        .collect();
    let groups: Vec<_> = groups
        .iter()
        .filter_map(|name| match system_group(&name.value) {
            Some(group) => Some(Located::new(group.to_owned(), name.location.clone())),
            None => resolved(&layout::GROUPS, name),
        })
        .collect();
    let tags: Vec<_> =
        tags.iter().filter_map(|name| resolved(&layout::TAGS, name)).map(|tag| tag.value).collect();
    Some(Product { apis, groups, tags, policy, ..product? })
}

fn system_group(name: &str) -> Option<&'static str> {
    SYSTEM_GROUPS.iter().find(|(group, _)| group.eq_ignore_ascii_case(name)).map(|(group, _)| *group)
}

/// Reads the groups of a scope; a service has its system groups even where no folder says so.
pub(super) fn read_groups(scope: &Resource<'_>) -> BTreeMap<String, Group> {
    let mut groups: BTreeMap<_, _> = scope
        .children(&layout::GROUPS)
        .filter_map(|resource| group(&resource))
        .map(|group| (group.name.clone(), group))
        .collect();
    if scope.scopes.service.is_none() {
        for (name, display_name) in SYSTEM_GROUPS {
            groups.entry(name.to_owned()).or_insert_with(|| Group {
                name: name.to_owned(),
                display_name: display_name.to_owned(),
                description: None,
                kind: "system".to_owned(),
                external_id: None,
                location: scope.entry.location(),
            });
        }
    }
    groups
}

fn group(resource: &Resource<'_>) -> Option<Group> {
    let context = resource.context;
    resource.read(|fields| {
        fields.ignore(&["builtIn"]);
        let display_name = fields.required(context, "displayName");
        let description = fields.bounded(context, "description", 1000).map(|text| text.value);
        let kinds = ["custom", "system", "external"].map(|kind| (kind, kind));
        let kind = fields.choice(context, "type", &kinds).map_or("custom", |kind| kind.value);
        let external_id = fields.text(context, "externalId").filter(|id| !id.is_empty());
        if kind == "external" && external_id.is_none() {
            fields.missing(context, "externalId");
        }
        Some(Group {
            name: resource.entry.name.clone(),
            display_name: display_name?.value,
            description: description.filter(|text| !text.is_empty()),
            kind: kind.to_owned(),
            external_id,
            location: resource.location(),
        })
    })
}
