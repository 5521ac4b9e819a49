//! Rules between resources: what must be there once.

use std::collections::BTreeMap;

use super::apis::Places;
use super::context::Context;
use crate::resources::{Api, Product, Resources, VersioningScheme};
use crate::{Diagnostic, Located, Location};

/// The APIs of one scope with what the rules need of them.
pub(super) struct Scope<'a> {
    /// What the names of its resources begin with in findings: nothing, or `workspaces/W/`.
    pub(super) prefix: String,
    /// The scope.
    pub(super) resources: &'a Resources,
    /// Where the paths of its APIs stand.
    pub(super) places: &'a BTreeMap<String, Places>,
}

/// Checks that no two current APIs, of whatever scope, answer the same requests.
pub(super) fn check_paths(context: &Context<'_>, scopes: &[Scope<'_>]) {
    let mut answered: BTreeMap<(String, String), Claim<'_>> = BTreeMap::new();
    let mut by_path: BTreeMap<String, Claim<'_>> = BTreeMap::new();
    for scope in scopes {
        for api in scope.resources.apis.values().filter(|api| api.is_current) {
            let Some(places) = scope.places.get(&api.name) else { continue };
            let claim = Claim::new(scope, api, &places.path);
            let key = (claim.path.clone(), claim.version.clone());
            if let Some(first) = answered.get(&key) {
                collide(context, &claim, first);
                continue;
            }
            if let Some(set) = &claim.set {
                let other = by_path.get(&claim.path);
                if let Some(other) = other.filter(|other| other.set.as_ref() != Some(set)) {
                    two_sets(context, &claim, other);
                }
                by_path.entry(claim.path.clone()).or_insert_with(|| claim.clone());
            }
            answered.insert(key, claim);
        }
    }
}

/// The requests that an API answers.
#[derive(Clone)]
struct Claim<'a> {
    /// The path with a version that is a segment of it, in lower case: paths do not tell case apart.
    path: String,
    /// The version where a header or a query parameter says it.
    version: String,
    /// The version set, where a header or a query parameter says the version.
    set: Option<String>,
    name: String,
    location: &'a Location,
}

impl<'a> Claim<'a> {
    fn new(scope: &Scope<'a>, api: &'a Api, location: &'a Location) -> Self {
        let set = api.version_set.as_ref().and_then(|set| scope.resources.version_sets.get(&set.value));
        let version = api.version.as_deref().unwrap_or_default();
        let path = match set.map(|set| &set.scheme) {
            Some(VersioningScheme::Segment) if !version.is_empty() && api.path.is_empty() => {
                version.to_owned()
            }
            Some(VersioningScheme::Segment) if !version.is_empty() => format!("{}/{version}", api.path),
            _ => api.path.clone(),
        };
        let by_request =
            set.is_some_and(|set| set.scheme != VersioningScheme::Segment) && !version.is_empty();
        Self {
            path: path.to_lowercase(),
            version: if by_request { version.to_owned() } else { String::new() },
            set: set.filter(|_| by_request).map(|set| format!("{}{}", scope.prefix, set.name)),
            name: format!("{}apis/{}", scope.prefix, api.name),
            location,
        }
    }
}

fn collide(context: &Context<'_>, second: &Claim<'_>, first: &Claim<'_>) {
    let version =
        if second.version.is_empty() { String::new() } else { format!(" with version `{}`", second.version) };
    context.push(
        Diagnostic::error(
            "duplicate-path",
            second.location.clone(),
            format!(
                "{} answers at `/{}`{version}, and so does {} ({})",
                second.name, second.path, first.name, first.location
            ),
        )
        .resource(second.name.as_str())
        .fix("give one of them another path or version"),
    );
}

fn two_sets(context: &Context<'_>, second: &Claim<'_>, first: &Claim<'_>) {
    context.push(
        Diagnostic::error(
            "duplicate-path",
            second.location.clone(),
            format!(
                "{} and {} ({}) answer at `/{}` and belong to different version sets",
                second.name, first.name, first.location, second.path
            ),
        )
        .resource(second.name.as_str())
        .fix("versions at one path belong to one version set"),
    );
}

/// Checks that no API is in two open products: without a key there is one product at most that a request can be in.
pub(super) fn check_open_products(context: &Context<'_>, prefix: &str, products: &BTreeMap<String, Product>) {
    let mut open: BTreeMap<&str, (&Product, &Located<String>)> = BTreeMap::new();
    for product in products.values().filter(|product| !product.subscription_required) {
        for api in &product.apis {
            if let Some((first, place)) = open.get(api.value.as_str()) {
                context.push(
                    Diagnostic::error(
                        "two-open-products",
                        api.location.clone(),
                        format!(
                            "the API `{}` is in two open products, `{}` and `{}` ({})",
                            api.value, product.name, first.name, place.location
                        ),
                    )
                    .resource(format!("{prefix}products/{}", product.name))
                    .fix("take it out of one of them, or let one of them need subscriptions"),
                );
            } else {
                open.insert(&api.value, (product, api));
            }
        }
    }
}
