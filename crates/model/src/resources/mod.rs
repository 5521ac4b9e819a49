//! The resources of an API platform, named and shaped as Azure API Management names and shapes them.

mod api;
mod authorization;
mod backend;
mod catalog;
mod logging;
mod named_value;
mod operation;
mod policy;
mod product;
mod schema;
mod subscription;
mod version_set;

pub use self::api::{Api, ApiKind, KeyParameterNames, Protocol};
pub use self::authorization::{
    AccessPolicy, Authorization, AuthorizationGrant, AuthorizationProvider, IdentityProvider,
};
pub use self::backend::{
    Backend, BackendCredentials, BackendTarget, BackendTls, CircuitBreakerRule, PoolMember, StatusRange,
};
pub use self::catalog::{Catalog, Resources};
pub use self::logging::{Diagnostic as LogDiagnostic, Logger};
pub use self::named_value::{NamedValue, NamedValueSource};
pub use self::operation::{
    DescribedAt, Example, Operation, Parameter, QName, Representation, ResponseDescription, ResponseStatus,
    SoapBinding,
};
pub use self::policy::{Fragment, PolicySource};
pub use self::product::{Group, Product, Tag};
pub use self::schema::{Schema, SchemaText};
pub use self::subscription::{Scope, Subscription, SubscriptionState};
pub use self::version_set::{VersionSet, VersioningScheme};
