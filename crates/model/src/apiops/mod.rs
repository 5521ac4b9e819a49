//! The `APIOps` folder in its three spellings, with publisher overrides laid over it.
//!
//! `docs/reference/artifacts.md` says what is read, and by which rules.

mod apis;
mod authorizations;
mod backends;
mod check;
mod context;
mod credentials;
mod definitions;
mod detect;
mod document;
mod duration;
mod fields;
mod folder;
mod fragments;
mod layered;
mod layout;
mod links;
mod logging;
mod named_values;
mod operations;
mod overrides;
mod products;
mod reference;
mod resource;
mod revisions;
mod rules;
mod schemas;
mod subscriptions;
mod tags;
mod unread;
mod version_sets;

use std::collections::BTreeMap;
use std::path::PathBuf;

pub use self::detect::is_artifacts;

use self::apis::Places;
use self::context::Context;
use self::credentials::NamedValueNames;
use self::overrides::{Overlay, Overrides};
use self::reference::Scopes;
use self::resource::Resource;
use crate::resources::{Catalog, NamedValue, Resources};
use crate::{Diagnostics, Located};

/// Reads artifacts: `folders` from the lowest layer to the highest (a file of a later folder takes the place of the
/// same file of an earlier one), then the publisher's `overrides`. `environment` answers `${NAME}` in overrides and
/// `{#NAME#}` in values.
///
/// Everything that is wrong is told at once, sorted by place. What could be read comes back even then; with an error
/// among the findings it must not serve.
pub fn read(
    folders: &[Located<PathBuf>],
    overrides: Option<&Located<PathBuf>>,
    environment: &dyn Fn(&str) -> Option<String>,
) -> (Catalog, Diagnostics) {
    let context = Context::new(environment);
    let catalog = read_catalog(&context, folders, overrides);
    (catalog, context.into_diagnostics())
}

fn read_catalog(
    context: &Context<'_>,
    folders: &[Located<PathBuf>],
    overrides: Option<&Located<PathBuf>>,
) -> Catalog {
    let service = folder::scan(context, folders);
    let overrides = overrides.and_then(|file| Overrides::read(context, file));
    if let Some(overrides) = &overrides {
        overrides.check(context, &service);
    }
    let root = Resource {
        context,
        entry: &service,
        id: String::new(),
        overlay: overrides.as_ref().map_or_else(Overlay::default, Overrides::overlay),
        scopes: Scopes { own: &service, service: None },
    };
    let (own, places) = read_scope(&root, &BTreeMap::new());
    let mut catalog = Catalog { service: own, workspaces: BTreeMap::new() };
    let mut all_places = vec![(None, places)];
    for workspace in root.children(&layout::WORKSPACES) {
        workspace.read(|fields| {
            fields.ignore(&["description", "displayName"]);
            Some(())
        });
        let scope = Resource {
            scopes: Scopes { own: workspace.entry, service: Some(&service) },
            ..workspace.clone()
        };
        let (resources, places) = read_scope(&scope, &catalog.service.named_values);
        catalog.workspaces.insert(workspace.entry.name.clone(), resources);
        all_places.push((Some(workspace.entry.name.clone()), places));
    }
    unread::check(context, &service);
    check_rules(context, &catalog, &all_places);
    catalog
}

fn read_scope(
    scope: &Resource<'_>,
    around: &BTreeMap<String, NamedValue>,
) -> (Resources, BTreeMap<String, Places>) {
    let named_values = named_values::read(scope);
    let names = NamedValueNames::new(scope, &named_values, around);
    let version_sets = version_sets::read(scope);
    let apis::Apis { mut apis, places } = apis::read(scope, &version_sets);
    let mut products = products::read(scope);
    let tags = tags::read(scope, &mut apis, &mut products);
    let resources = Resources {
        policy: scope.policy(),
        apis,
        products,
        subscriptions: subscriptions::read(scope),
        authorization_providers: authorizations::read(scope, &names),
        backends: backends::read(scope, &names),
        fragments: fragments::read(scope),
        schemas: schemas::read(scope),
        groups: products::read_groups(scope),
        loggers: logging::read_loggers(scope, &names),
        diagnostics: logging::read_diagnostics(scope, &layout::DIAGNOSTICS),
        named_values,
        version_sets,
        tags,
    };
    (resources, places)
}

fn check_rules(
    context: &Context<'_>,
    catalog: &Catalog,
    places: &[(Option<String>, BTreeMap<String, Places>)],
) {
    let scopes: Vec<_> = catalog
        .scopes()
        .zip(places)
        .map(|((_, resources), (workspace, places))| {
            let prefix = workspace.as_ref().map_or_else(String::new, |name| format!("workspaces/{name}/"));
            rules::Scope { prefix, resources, places }
        })
        .collect();
    rules::check_paths(context, &scopes);
    for scope in &scopes {
        rules::check_open_products(context, &scope.prefix, &scope.resources.products);
    }
}

#[cfg(test)]
mod tests;
