//! APIs, operations and products as requests see them.

use std::sync::Arc;

use gatehouse_model::resources::ApiKind;
use gatehouse_policy::{ApiFacts, OperationFacts, Plan, ProductFacts};
use gatehouse_telemetry::metrics::OperationMetrics;
use http::HeaderName;
use smallvec::SmallVec;

use crate::firewall::Declared;
use crate::pipeline::soap::SoapRouting;
use crate::router::OperationTree;

/// The position of a product in the snapshot.
pub type ProductIndex = u32;

/// One revision of one version of an API.
#[derive(Debug)]
pub struct PublishedApi {
    /// What policies and logs see.
    pub facts: Arc<ApiFacts>,
    /// The name without `;rev=N`: what subscriptions and zones name.
    pub root: Arc<str>,
    /// The kind of API.
    pub kind: ApiKind,
    /// Whether a key is needed where no open product covers the API.
    pub subscription_required: bool,
    /// The header that a key may stand in.
    pub key_header: HeaderName,
    /// The query parameter that a key may stand in.
    pub key_query: Arc<str>,
    /// The products that hold it.
    pub products: Vec<ProductIndex>,
    /// The one of them that needs no key.
    pub open_product: Option<ProductIndex>,
    /// Finds its operations.
    pub tree: OperationTree,
    /// How its operations are told apart, where it is a SOAP service.
    pub(crate) soap: Option<SoapRouting>,
    /// Its operations.
    pub operations: Vec<PublishedOperation>,
    /// What runs for a request that matches none of them.
    pub plan: Arc<Plan>,
    /// Counts of requests that match none of them.
    pub metrics: Arc<OperationMetrics>,
}

/// One operation.
#[derive(Debug)]
pub struct PublishedOperation {
    /// What policies and logs see.
    pub facts: Arc<OperationFacts>,
    /// What runs.
    pub plans: OperationPlans,
    /// Its counts.
    pub metrics: Arc<OperationMetrics>,
    /// What its definition says of arguments, for the firewall.
    pub declared: Option<Declared>,
}

/// The plans of an operation: without a product, and in the context of each product of its API.
#[derive(Debug)]
pub struct OperationPlans {
    /// Without a product.
    pub plain: Arc<Plan>,
    /// In the context of a product.
    pub by_product: SmallVec<[(ProductIndex, Arc<Plan>); 2]>,
}

impl OperationPlans {
    /// The plan in the context of a product, or without one.
    pub fn of(&self, product: Option<ProductIndex>) -> &Arc<Plan> {
        product
            .and_then(|wanted| self.by_product.iter().find(|(index, _)| *index == wanted))
            .map_or(&self.plain, |(_, plan)| plan)
    }
}

/// One product.
#[derive(Debug)]
pub struct PublishedProduct {
    /// What policies and logs see.
    pub facts: Arc<ProductFacts>,
    /// Its resource name.
    pub name: Arc<str>,
    /// The workspace that it belongs to.
    pub workspace: Option<Arc<str>>,
}
