//! Who may call an API: the decision tables of subscriptions.
//!
//! Source: "Subscriptions in Azure API Management", section "How API Management handles requests with or without
//! subscription keys", and the service's release notes of January 2025 for keys of other products in open products.

use std::sync::Arc;

use gatehouse_model::resources::Scope;
use gatehouse_store::{KeyRing, SubscriptionRecord};

use super::{ProductIndex, PublishedApi, Snapshot};

/// What a request may do.
#[derive(Debug, PartialEq, Eq)]
pub enum AccessDecision {
    /// It may go on, in the context of a product or not, by the subscription whose key it carries or without one.
    Allowed {
        /// The product whose policies apply.
        product: Option<ProductIndex>,
        /// The subscription.
        subscription: Option<Arc<SubscriptionRecord>>,
    },
    /// It may not.
    Denied(Denied),
}

/// Why a request may not go on.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Denied {
    /// It carries no key.
    KeyMissing,
    /// Its key opens nothing here.
    KeyInvalid,
}

/// Decides by the presented key, if any. `now` is UTC seconds.
pub fn decide_access(
    snapshot: &Snapshot,
    api: &PublishedApi,
    keys: &KeyRing,
    presented: Option<&[u8]>,
    now: i64,
) -> AccessDecision {
    let Some(presented) = presented else {
        return match (api.open_product, api.subscription_required) {
            (Some(product), _) => AccessDecision::Allowed { product: Some(product), subscription: None },
            (None, false) => AccessDecision::Allowed { product: None, subscription: None },
            (None, true) => AccessDecision::Denied(Denied::KeyMissing),
        };
    };
    let Some((record, _)) = keys.find(presented).filter(|(record, _)| record.is_open(now)) else {
        return AccessDecision::Denied(Denied::KeyInvalid);
    };
    if !may_enter(api, record) {
        return AccessDecision::Denied(Denied::KeyInvalid);
    }
    let subscription = Some(Arc::clone(record));
    match &record.scope {
        Scope::AllApis => AccessDecision::Allowed { product: None, subscription },
        Scope::Api(name) if **name == *api.root => AccessDecision::Allowed { product: None, subscription },
        Scope::Api(_) => AccessDecision::Denied(Denied::KeyInvalid),
        Scope::Product(name) => {
            let product =
                api.products.iter().copied().find(|index| is_product(snapshot, *index, name, record));
            match (product, api.open_product) {
                (Some(product), _) => AccessDecision::Allowed { product: Some(product), subscription },
                // A key of another product does not shut the caller out of a product that needs none.
                (None, Some(open)) => AccessDecision::Allowed { product: Some(open), subscription: None },
                (None, None) => AccessDecision::Denied(Denied::KeyInvalid),
            }
        }
    }
}

/// A subscription of a workspace opens what the workspace holds; one of the service opens what the service holds.
fn may_enter(api: &PublishedApi, record: &SubscriptionRecord) -> bool {
    api.facts.workspace.as_deref() == record.id.workspace.as_deref()
}

fn is_product(snapshot: &Snapshot, index: ProductIndex, name: &str, record: &SubscriptionRecord) -> bool {
    snapshot.products.get(index as usize).is_some_and(|product| {
        &*product.name == name && product.workspace.as_deref() == record.id.workspace.as_deref()
    })
}
