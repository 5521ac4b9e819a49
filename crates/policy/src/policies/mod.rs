//! The policies: one file each, and the table that lists them.

mod choose;
mod forward_request;
mod return_response;
mod set_backend_service;
mod set_body;
mod set_header;
mod set_status;
mod set_variable;

use crate::compiler::{Builder, PolicyScope, Reported};
use crate::document::Element;
use crate::{Action, Section};

/// Compiles one policy element. The table has checked that it may stand where it stands.
pub(crate) type CompilePolicy = fn(&mut Builder<'_>, &Element) -> Result<Action, Reported>;

/// A policy as the compiler knows it.
pub(crate) struct PolicyKind {
    /// The element's name.
    pub(crate) name: &'static str,
    /// The sections that it may stand in.
    pub(crate) sections: &'static [Section],
    /// The scopes whose documents may hold it.
    pub(crate) scopes: &'static [PolicyScope],
    /// Whether it may stand only once in a list.
    pub(crate) once: bool,
    /// How it is compiled.
    pub(crate) compile: Compile,
}

/// How a policy is compiled.
#[derive(Clone, Copy)]
pub(crate) enum Compile {
    /// `base`: the sections of the scope around.
    Base,
    /// `include-fragment`: the policies of a fragment.
    IncludeFragment,
    /// A step.
    Policy(CompilePolicy),
}

const EVERYWHERE: &[Section] = &[Section::Inbound, Section::Backend, Section::Outbound, Section::OnError];
const BACKEND: &[Section] = &[Section::Backend];

/// Every policy that runs here, by name.
///
/// Sections are those that Microsoft's policy toolkit accepts, which is the union of what its documentation names.
pub(crate) const TABLE: &[PolicyKind] = &[
    PolicyKind::new("base", EVERYWHERE, Compile::Base),
    PolicyKind::new("choose", EVERYWHERE, Compile::Policy(choose::compile)),
    PolicyKind::new("forward-request", BACKEND, Compile::Policy(forward_request::compile)).once(),
    PolicyKind::new("include-fragment", EVERYWHERE, Compile::IncludeFragment),
    PolicyKind::new("return-response", EVERYWHERE, Compile::Policy(return_response::compile)),
    PolicyKind::new("set-backend-service", EVERYWHERE, Compile::Policy(set_backend_service::compile)),
    PolicyKind::new("set-body", EVERYWHERE, Compile::Policy(set_body::compile)),
    PolicyKind::new("set-header", EVERYWHERE, Compile::Policy(set_header::compile)),
    PolicyKind::new("set-status", EVERYWHERE, Compile::Policy(set_status::compile)),
    PolicyKind::new("set-variable", EVERYWHERE, Compile::Policy(set_variable::compile)),
];

/// Policies of Azure API Management that do not run here yet: they are refused by that name, never skipped.
pub(crate) const NOT_YET_AVAILABLE: &[&str] = &[
    "authentication-basic",
    "authentication-certificate",
    "authentication-managed-identity",
    "azure-openai-emit-token-metric",
    "azure-openai-semantic-cache-lookup",
    "azure-openai-semantic-cache-store",
    "azure-openai-token-limit",
    "cache-lookup",
    "cache-lookup-value",
    "cache-remove-value",
    "cache-store",
    "cache-store-value",
    "cache-value",
    "check-header",
    "cors",
    "cosmosdb-data-source",
    "cross-domain",
    "emit-metric",
    "find-and-replace",
    "get-authorization-context",
    "http-data-source",
    "invoke-dapr-binding",
    "invoke-request",
    "ip-filter",
    "json-to-xml",
    "jsonp",
    "limit-concurrency",
    "llm-content-safety",
    "llm-emit-token-metric",
    "llm-semantic-cache-lookup",
    "llm-semantic-cache-store",
    "llm-token-limit",
    "log-to-eventhub",
    "mock-response",
    "proxy",
    "publish-event",
    "publish-to-dapr",
    "quota",
    "quota-by-key",
    "rate-limit",
    "rate-limit-by-key",
    "redirect-content-urls",
    "retry",
    "rewrite-uri",
    "send-one-way-request",
    "send-request",
    "send-service-bus-message",
    "set-method",
    "set-query-parameter",
    "sql-data-source",
    "trace",
    "validate-azure-ad-token",
    "validate-client-certificate",
    "validate-content",
    "validate-graphql-request",
    "validate-headers",
    "validate-jwt",
    "validate-odata-request",
    "validate-parameters",
    "validate-status-code",
    "wait",
    "xml-to-json",
    "xsl-transform",
];

impl PolicyKind {
    const fn new(name: &'static str, sections: &'static [Section], compile: Compile) -> Self {
        Self { name, sections, scopes: PolicyScope::ALL, once: false, compile }
    }

    /// It may stand only once in a section.
    const fn once(mut self) -> Self {
        self.once = true;
        self
    }
}

/// The policy of a name.
pub(crate) fn find(name: &str) -> Option<&'static PolicyKind> {
    TABLE.iter().find(|kind| kind.name == name)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn both_tables_are_sorted_and_apart() {
        let names: Vec<&str> = TABLE.iter().map(|kind| kind.name).collect();
        assert!(names.is_sorted());
        assert!(NOT_YET_AVAILABLE.is_sorted());
        assert!(names.iter().all(|name| !NOT_YET_AVAILABLE.contains(name)));
    }
}
