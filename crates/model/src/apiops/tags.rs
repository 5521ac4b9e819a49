//! Tags, and the APIs and products that have them.

use std::collections::BTreeMap;

use super::layout;
use super::links;
use super::resource::Resource;
use crate::resources::{Api, Product, Tag};

/// Reads the tags of a scope, and gives them to the APIs and products that they are linked to.
pub(super) fn read(
    scope: &Resource<'_>,
    apis: &mut BTreeMap<String, Api>,
    products: &mut BTreeMap<String, Product>,
) -> BTreeMap<String, Tag> {
    let mut tags = BTreeMap::new();
    for resource in scope.children(&layout::TAGS) {
        let tag = resource.read(|fields| {
            let display_name = fields.required(resource.context, "displayName")?;
            Some(Tag {
                name: resource.entry.name.clone(),
                display_name: display_name.value,
                location: resource.location(),
            })
        });
        let name = resource.entry.name.clone();
        for link in links::read(&resource, &layout::TAG_APIS) {
            let found = resource.scopes.find(
                resource.context,
                &resource.id,
                &layout::APIS,
                &link.value,
                &link.location,
            );
            if let Some(api) = found.and_then(|found| apis.get_mut(&found)) {
                add(&mut api.tags, &name);
            }
        }
        for link in links::read(&resource, &layout::TAG_PRODUCTS) {
            let found = resource.scopes.find(
                resource.context,
                &resource.id,
                &layout::PRODUCTS,
                &link.value,
                &link.location,
            );
            if let Some(product) = found.and_then(|found| products.get_mut(&found)) {
                add(&mut product.tags, &name);
            }
        }
        if let Some(tag) = tag {
            tags.insert(name, tag);
        }
    }
    tags
}

fn add(tags: &mut Vec<String>, name: &str) {
    if !tags.iter().any(|known| known == name) {
        tags.push(name.to_owned());
    }
}
