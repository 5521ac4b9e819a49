//! The policies: one file each, and the table that lists them.

mod authentication_basic;
mod authentication_certificate;
mod authentication_managed_identity;
mod cache_lookup;
mod cache_lookup_value;
mod cache_remove_value;
mod cache_store;
mod cache_store_value;
mod cache_value;
mod cached_value;
mod check_header;
mod choose;
mod content_coding;
mod cors;
mod cross_domain;
mod dimensions;
mod emit_metric;
mod find_and_replace;
mod forward_request;
mod get_authorization_context;
mod ip_filter;
mod json_to_xml;
mod jsonp;
mod limit_concurrency;
mod llm_content_safety;
mod llm_emit_token_metric;
mod llm_token_limit;
mod log_to_eventhub;
mod mock_response;
mod proxy;
mod quota;
mod quota_by_key;
mod rate_answer;
mod rate_limit;
mod rate_limit_by_key;
mod redirect_content_urls;
mod retry;
mod return_response;
mod rewrite_uri;
mod send_one_way_request;
mod send_request;
mod set_backend_service;
mod set_body;
mod set_header;
mod set_method;
mod set_query_parameter;
mod set_status;
mod set_variable;
mod side_request;
mod token_period;
mod trace;
mod validate_api;
mod validate_client_certificate;
mod validate_content;
mod validate_graphql_request;
mod validate_headers;
mod validate_jwt;
mod validate_parameters;
mod validate_status_code;
mod validation_errors;
mod wait;
mod whole_body;
mod xml_to_json;

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
const AFTERWARDS: &[Section] = &[Section::Outbound, Section::OnError];
const BACKEND: &[Section] = &[Section::Backend];
const INBOUND: &[Section] = &[Section::Inbound];
const INBOUND_BACKEND: &[Section] = &[Section::Inbound, Section::Backend];
const INBOUND_BACKEND_OUTBOUND: &[Section] = &[Section::Inbound, Section::Backend, Section::Outbound];
const INBOUND_OUTBOUND: &[Section] = &[Section::Inbound, Section::Outbound];
const NOT_BACKEND: &[Section] = &[Section::Inbound, Section::Outbound, Section::OnError];
const OUTBOUND: &[Section] = &[Section::Outbound];

const NARROW: &[PolicyScope] = &[PolicyScope::Product, PolicyScope::Api, PolicyScope::Operation];

/// Every policy that runs here, by name.
///
/// Sections are those that Microsoft's policy toolkit accepts, which is the union of what its documentation names.
pub(crate) const TABLE: &[PolicyKind] = &[
    PolicyKind::new("authentication-basic", INBOUND, Compile::Policy(authentication_basic::compile)),
    PolicyKind::new(
        "authentication-certificate",
        INBOUND,
        Compile::Policy(authentication_certificate::compile),
    ),
    PolicyKind::new(
        "authentication-managed-identity",
        INBOUND_OUTBOUND,
        Compile::Policy(authentication_managed_identity::compile),
    ),
    PolicyKind::new(
        "azure-openai-emit-token-metric",
        INBOUND,
        Compile::Policy(llm_emit_token_metric::compile),
    ),
    PolicyKind::new("azure-openai-token-limit", INBOUND, Compile::Policy(llm_token_limit::compile)),
    PolicyKind::new("base", EVERYWHERE, Compile::Base),
    PolicyKind::new("cache-lookup", INBOUND, Compile::Policy(cache_lookup::compile)).once(),
    PolicyKind::new("cache-lookup-value", EVERYWHERE, Compile::Policy(cache_lookup_value::compile)),
    PolicyKind::new("cache-remove-value", EVERYWHERE, Compile::Policy(cache_remove_value::compile)),
    PolicyKind::new("cache-store", OUTBOUND, Compile::Policy(cache_store::compile)).once(),
    PolicyKind::new("cache-store-value", EVERYWHERE, Compile::Policy(cache_store_value::compile)),
    PolicyKind::new("cache-value", EVERYWHERE, Compile::Policy(cache_value::compile)),
    PolicyKind::new("check-header", INBOUND, Compile::Policy(check_header::compile)),
    PolicyKind::new("choose", EVERYWHERE, Compile::Policy(choose::compile)),
    PolicyKind::new("cors", INBOUND, Compile::Policy(cors::compile)).once(),
    PolicyKind::new("cross-domain", INBOUND, Compile::Policy(cross_domain::compile)).once(),
    PolicyKind::new("emit-metric", EVERYWHERE, Compile::Policy(emit_metric::compile)),
    PolicyKind::new("find-and-replace", EVERYWHERE, Compile::Policy(find_and_replace::compile)),
    PolicyKind::new("forward-request", BACKEND, Compile::Policy(forward_request::compile)).once(),
    PolicyKind::new(
        "get-authorization-context",
        INBOUND_BACKEND_OUTBOUND,
        Compile::Policy(get_authorization_context::compile),
    ),
    PolicyKind::new("include-fragment", EVERYWHERE, Compile::IncludeFragment),
    PolicyKind::new("ip-filter", INBOUND, Compile::Policy(ip_filter::compile)),
    PolicyKind::new("json-to-xml", EVERYWHERE, Compile::Policy(json_to_xml::compile)),
    PolicyKind::new("jsonp", OUTBOUND, Compile::Policy(jsonp::compile)).once(),
    PolicyKind::new("limit-concurrency", EVERYWHERE, Compile::Policy(limit_concurrency::compile)),
    PolicyKind::new("llm-content-safety", INBOUND_OUTBOUND, Compile::Policy(llm_content_safety::compile)),
    PolicyKind::new("llm-emit-token-metric", INBOUND, Compile::Policy(llm_emit_token_metric::compile)),
    PolicyKind::new("llm-token-limit", INBOUND, Compile::Policy(llm_token_limit::compile)),
    PolicyKind::new("log-to-eventhub", EVERYWHERE, Compile::Policy(log_to_eventhub::compile)),
    PolicyKind::new("mock-response", NOT_BACKEND, Compile::Policy(mock_response::compile)),
    PolicyKind::new("proxy", INBOUND, Compile::Policy(proxy::compile)),
    PolicyKind::new("quota", INBOUND, Compile::Policy(quota::compile)).once().scopes(&[PolicyScope::Product]),
    PolicyKind::new("quota-by-key", INBOUND, Compile::Policy(quota_by_key::compile)),
    PolicyKind::new("rate-limit", INBOUND, Compile::Policy(rate_limit::compile)).once().scopes(NARROW),
    PolicyKind::new("rate-limit-by-key", INBOUND, Compile::Policy(rate_limit_by_key::compile)),
    PolicyKind::new(
        "redirect-content-urls",
        INBOUND_OUTBOUND,
        Compile::Policy(redirect_content_urls::compile),
    )
    .once(),
    PolicyKind::new("retry", EVERYWHERE, Compile::Policy(retry::compile)),
    PolicyKind::new("return-response", EVERYWHERE, Compile::Policy(return_response::compile)),
    PolicyKind::new("rewrite-uri", INBOUND_BACKEND, Compile::Policy(rewrite_uri::compile)),
    PolicyKind::new("send-one-way-request", EVERYWHERE, Compile::Policy(send_one_way_request::compile)),
    PolicyKind::new("send-request", EVERYWHERE, Compile::Policy(send_request::compile)),
    PolicyKind::new("set-backend-service", EVERYWHERE, Compile::Policy(set_backend_service::compile)),
    PolicyKind::new("set-body", EVERYWHERE, Compile::Policy(set_body::compile)),
    PolicyKind::new("set-header", EVERYWHERE, Compile::Policy(set_header::compile)),
    PolicyKind::new("set-method", EVERYWHERE, Compile::Policy(set_method::compile)),
    PolicyKind::new("set-query-parameter", EVERYWHERE, Compile::Policy(set_query_parameter::compile)),
    PolicyKind::new("set-status", EVERYWHERE, Compile::Policy(set_status::compile)),
    PolicyKind::new("set-variable", EVERYWHERE, Compile::Policy(set_variable::compile)),
    PolicyKind::new("trace", EVERYWHERE, Compile::Policy(trace::compile)),
    PolicyKind::new("validate-api", NOT_BACKEND, Compile::Policy(validate_api::compile)).once(),
    PolicyKind::new("validate-azure-ad-token", INBOUND, Compile::Policy(validate_jwt::entra::compile)),
    PolicyKind::new(
        "validate-client-certificate",
        INBOUND,
        Compile::Policy(validate_client_certificate::compile),
    ),
    PolicyKind::new("validate-content", NOT_BACKEND, Compile::Policy(validate_content::compile)),
    PolicyKind::new("validate-graphql-request", INBOUND, Compile::Policy(validate_graphql_request::compile)),
    PolicyKind::new("validate-headers", AFTERWARDS, Compile::Policy(validate_headers::compile)).once(),
    PolicyKind::new("validate-jwt", INBOUND, Compile::Policy(validate_jwt::compile)),
    PolicyKind::new("validate-parameters", INBOUND, Compile::Policy(validate_parameters::compile)).once(),
    PolicyKind::new("validate-status-code", AFTERWARDS, Compile::Policy(validate_status_code::compile)),
    PolicyKind::new("wait", EVERYWHERE, Compile::Policy(wait::compile)),
    PolicyKind::new("xml-to-json", EVERYWHERE, Compile::Policy(xml_to_json::compile)),
];

/// Policies of Azure API Management that do not run here yet: they are refused by that name, never skipped.
pub(crate) const NOT_YET_AVAILABLE: &[&str] = &[
    "azure-openai-semantic-cache-lookup",
    "azure-openai-semantic-cache-store",
    "cosmosdb-data-source",
    "http-data-source",
    "invoke-dapr-binding",
    "invoke-request",
    "llm-semantic-cache-lookup",
    "llm-semantic-cache-store",
    "publish-event",
    "publish-to-dapr",
    "send-service-bus-message",
    "sql-data-source",
    "validate-odata-request",
    "xsl-transform",
];

/// What to do instead of a policy that is not available, where there is something to say.
pub(crate) fn why_not_available(name: &str) -> Option<&'static str> {
    (name == "xsl-transform").then_some(
        "no XSLT processor keeps bounds on time and memory here; use `set-body` with a Liquid template, or `xml-to-json`",
    )
}

impl PolicyKind {
    const fn new(name: &'static str, sections: &'static [Section], compile: Compile) -> Self {
        Self { name, sections, scopes: PolicyScope::ALL, once: false, compile }
    }

    /// It may stand in documents of these scopes only.
    const fn scopes(mut self, scopes: &'static [PolicyScope]) -> Self {
        self.scopes = scopes;
        self
    }

    /// It may stand only once in a section.
    const fn once(mut self) -> Self {
        self.once = true;
        self
    }
}

pub(crate) use self::cross_domain::PATH as CROSS_DOMAIN_PATH;

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

#[cfg(test)]
mod reference;
