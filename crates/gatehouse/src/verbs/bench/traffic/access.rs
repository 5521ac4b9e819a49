//! How a request gets in: the path of its API, the product and the subscription.

use gatehouse_model::resources::{Api, Product, Resources, VersioningScheme};

use crate::verbs::bench::experiment::OwnSubscription;

/// What requests of an API need.
#[derive(Clone, Debug)]
pub(in crate::verbs::bench) struct Access {
    /// The path before that of operations, without a slash at its end.
    pub(in crate::verbs::bench) base: String,
    /// Where the version is asked for in a query parameter: `name=value`.
    pub(super) query: Option<String>,
    /// Where the version is asked for in a header field.
    pub(super) header: Option<(String, String)>,
    /// The product in whose context requests run.
    pub(in crate::verbs::bench) product: Option<String>,
    /// The subscription whose key opens the API.
    pub(in crate::verbs::bench) subscription: Option<OwnSubscription>,
    /// The header field of the key.
    pub(super) key_field: String,
}

impl Access {
    /// How requests of this API get in.
    pub(in crate::verbs::bench) fn of(workspace: Option<&str>, resources: &Resources, api: &Api) -> Self {
        let set = api.version_set.as_ref().and_then(|name| resources.version_sets.get(&name.value));
        let version = api.version.as_deref().filter(|version| !version.is_empty());
        let path = api.path.trim_matches('/');
        let mut base = if path.is_empty() { String::new() } else { format!("/{path}") };
        let (mut query, mut header) = (None, None);
        match (set.map(|set| &set.scheme), version) {
            (Some(VersioningScheme::Segment), Some(version)) => {
                base.push('/');
                base.push_str(version);
            }
            (Some(VersioningScheme::Query(name)), Some(version)) => query = Some(format!("{name}={version}")),
            (Some(VersioningScheme::Header(name)), Some(version)) => {
                header = Some((name.clone(), version.to_owned()));
            }
            _ => {}
        }
        let has_api = |product: &&Product| product.apis.iter().any(|name| name.value == api.root);
        let mut products = resources.products.values().filter(has_api);
        let open = products.clone().find(|product| !product.subscription_required);
        let closed = products.find(|product| product.subscription_required);
        let own = |name: String, scope: String| OwnSubscription {
            workspace: workspace.map(str::to_owned),
            name,
            scope,
        };
        let subscription = match (open, closed) {
            (None, Some(product)) => {
                Some(own(format!("bench-product-{}", product.name), format!("/products/{}", product.name)))
            }
            (None, None) if api.subscription_required => {
                Some(own(format!("bench-api-{}", api.root), format!("/apis/{}", api.root)))
            }
            (Some(_), _) | (None, None) => None,
        };
        Self {
            base,
            query,
            header,
            product: open.or(closed).map(|product| product.name.clone()),
            subscription,
            key_field: api.key_names.header.clone(),
        }
    }
}

impl OwnSubscription {
    /// Its name among the keys.
    pub(in crate::verbs::bench) fn id(&self) -> String {
        match &self.workspace {
            Some(workspace) => format!("{workspace}/{}", self.name),
            None => self.name.clone(),
        }
    }
}
