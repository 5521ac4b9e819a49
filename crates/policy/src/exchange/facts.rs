//! What was matched: the parts of the resources that policies and logs look at, shared by all requests.

use std::sync::Arc;

use gatehouse_model::resources::{ApiKind, KeyParameterNames, ResponseDescription};
use gatehouse_validation::graphql::Schema;
use gatehouse_validation::openapi::Operation;
use gatehouse_validation::xml::SoapOperation;
use http::HeaderValue;
use url::Url;

use crate::Certificates;

/// What a request was matched to. Everything is absent for a request that matched nothing.
#[derive(Clone, Debug, Default)]
pub struct Route {
    /// The API.
    pub api: Option<Arc<ApiFacts>>,
    /// The operation.
    pub operation: Option<Arc<OperationFacts>>,
    /// The product in whose context the request runs.
    pub product: Option<Arc<ProductFacts>>,
    /// The subscription whose key was used.
    pub subscription: Option<Arc<SubscriptionFacts>>,
}

/// `context.Api`.
#[derive(Debug)]
pub struct ApiFacts {
    /// Resource name; also `context.Api.Id`.
    pub id: Arc<str>,
    /// Display name.
    pub name: Arc<str>,
    /// URL path below the host, without slashes at its ends.
    pub path: Arc<str>,
    /// Revision.
    pub revision: Arc<str>,
    /// Whether the revision is the current one.
    pub is_current_revision: bool,
    /// Version.
    pub version: Option<Arc<str>>,
    /// The workspace that it belongs to.
    pub workspace: Option<Arc<str>>,
    /// Where requests go by default.
    pub service_url: Option<Arc<Url>>,
    /// The kind of API.
    pub kind: ApiKind,
    /// Where the key stands in a request.
    pub key_names: KeyParameterNames,
}

/// `context.Operation`.
#[derive(Debug)]
pub struct OperationFacts {
    /// Resource name.
    pub id: Arc<str>,
    /// Display name.
    pub name: Arc<str>,
    /// Method.
    pub method: Arc<str>,
    /// Template.
    pub url_template: Arc<str>,
    /// What the definition says of answers, for `mock-response`.
    pub responses: Vec<ResponseDescription>,
    /// What the definition says of its messages, where a policy validates them.
    pub validation: Option<Arc<Operation>>,
    /// What a WSDL definition says of its messages, where a policy validates them.
    pub soap: Option<Arc<SoapOperation>>,
    /// The schema of a GraphQL API, where a policy validates its requests.
    pub graphql: Option<Arc<Schema>>,
}

/// `context.Product`.
#[derive(Debug)]
pub struct ProductFacts {
    /// Resource name.
    pub id: Arc<str>,
    /// Display name.
    pub name: Arc<str>,
    /// Whether it is published.
    pub published: bool,
    /// Whether subscriptions wait for approval.
    pub approval_required: bool,
    /// Whether a key is needed.
    pub subscription_required: bool,
    /// Subscriptions a user may have.
    pub subscriptions_limit: Option<u32>,
    /// Names of its groups.
    pub groups: Vec<Arc<str>>,
    /// Names of its APIs.
    pub apis: Vec<Arc<str>>,
}

/// `context.Subscription`, for one request.
#[derive(Debug)]
pub struct SubscriptionFacts {
    /// Resource name.
    pub id: Arc<str>,
    /// Display name.
    pub name: Arc<str>,
    /// The owner's user id.
    pub owner: Option<Arc<str>>,
    /// UTC seconds.
    pub created: i64,
    /// UTC seconds.
    pub start: Option<i64>,
    /// UTC seconds.
    pub end: Option<i64>,
    /// The key that the request carried; it does not show itself. What is kept of keys is their keyed hashes.
    pub key: Option<HeaderValue>,
}

/// `context.Deployment`.
#[derive(Debug)]
pub struct Deployment {
    /// `service.name`.
    pub service_name: Arc<str>,
    /// `service.region`.
    pub region: Arc<str>,
    /// Distinguishes instances of one service.
    pub instance_id: Arc<str>,
    /// The certificates that policies name by id.
    pub certificates: Certificates,
}
