//! Azure API Management policy documents, compiled into plans that run over an [`Exchange`].
//!
//! A document is read once, at load. What runs for a request is a [`Plan`]: the sections of all scopes merged by
//! `<base />` into flat lists of steps. The world outside (clock, randomness, counters, backends) is handed in as a
//! [`World`], so that serving, testing and tracing run the same code.

#![forbid(unsafe_code)]

pub mod builtin;
mod cache;
mod compiler;
mod concurrency;
pub mod document;
mod error_response;
mod evaluation;
mod exchange;
mod failure;
mod language_model;
mod liquid;
mod outgoing;
mod plan;
mod policies;
mod runner;
mod signals;
mod steps;
#[cfg(test)]
mod testing;
mod tokens;
pub mod trace;
mod unavailable;
mod validators;
mod value;
mod world;

pub use self::cache::{CacheBounds, Lifetime, MemoryValues, ResponseCache, ValueCache, ValueFound, ValueKey};
pub use self::compiler::{
    Certificates, CompileInput, Coverage, CoverageFinding, FindingKind, Place, PlanKey, Policies,
    PolicyScope, PolicyUse,
};
pub use self::concurrency::{Concurrency, Permit};
pub use self::error_response::{accepts_problem, error_response};
pub use self::exchange::{
    ApiFacts, BackendChoice, Body, BodyError, Completion, Deferred, Deployment, Exchange, LastError, Marks,
    MeasureLater, OperationFacts, ProductFacts, Query, Request, RequestUrl, Response, Route,
    SubscriptionFacts, TokenUse, TokenWatch, Variables,
};
pub use self::failure::{ErrorDetail, ErrorPlace, Extras, Failure};
pub use self::outgoing::{Outgoing, OutgoingRequest, OutgoingTarget, Proxy, Then};
pub use self::plan::{Action, AsyncPolicy, Flow, Needs, Origin, Plan, Policy, PolicyFuture, Section, Step};
pub use self::runner::{cross_domain, fail, preflight, run};
pub use self::signals::{LoggedEvent, Measure, Partition, Signals, TraceLine, TraceSeverity};
pub use self::tokens::Tokens;
pub use self::validators::{Validators, openapi_document};
pub use self::world::{Clock, ForwardOptions, Random, Upstream, UpstreamError, World};
pub use gatehouse_expression::Limits as ExpressionLimits;
