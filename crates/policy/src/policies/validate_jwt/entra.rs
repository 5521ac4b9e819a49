//! `validate-azure-ad-token`: a token of Microsoft Entra ID.
//!
//! Source: <https://learn.microsoft.com/azure/api-management/validate-azure-ad-token-policy>. Tokens of version 1 and 2
//! are taken. A tenant may be given as a URL, too, which names the authority.

use std::sync::Arc;

use gatehouse_identity::issuer::SourceKind;
use gatehouse_identity::jose::Json;
use url::Url;

use super::keys::{Source, compile_decryption_keys};
use super::place::Place;
use super::refusal::Refusal;
use super::rules::{IssuerRule, RequiredClaim};
use super::sender::{CertificateBound, Dpop};
use super::verifier::Verifier;
use super::{ValidateToken, optional_integer, texts};
use crate::Action;
use crate::compiler::{Builder, Reported};
use crate::document::Element;
use crate::value::{Boolean, Integer, Text};

/// The authority of the public cloud.
const AUTHORITY: &str = "https://login.microsoftonline.com";

pub(in crate::policies) fn compile(builder: &mut Builder<'_>, element: &Element) -> Result<Action, Reported> {
    let attributes = [
        "tenant-id",
        "header-name",
        "query-parameter-name",
        "token-value",
        "failed-validation-httpcode",
        "failed-validation-error-message",
        "output-token-variable-name",
    ];
    let children = [
        "client-application-ids",
        "backend-application-ids",
        "audiences",
        "required-claims",
        "decryption-keys",
        "dpop",
        "certificate-bound",
    ];
    builder.only(element, &attributes, &children);
    builder.no_text(element);
    let tenant = builder.literal(element, "tenant-id")?;
    let Some(url) = metadata(&tenant) else {
        let location = element.attribute("tenant-id").map_or(&element.location, |a| &a.value.location);
        let message = "the `tenant-id` is neither an id, a domain nor an https URL";
        return Err(builder.error("bad-value", location, message));
    };
    let mut audiences = texts(builder, element, "audiences", "audience")?;
    for id in texts(builder, element, "backend-application-ids", "application-id")? {
        // An application is named by its id, or by the URI that is made of it.
        if let Some(literal) = id.literal() {
            audiences.push(Text::Literal(format!("api://{literal}").into()));
        }
        audiences.push(id);
    }
    let decryption_keys = compile_decryption_keys(builder, element)?;
    let sources = vec![Source::fixed(url, SourceKind::Metadata)];
    Ok(Action::Later(Box::new(ValidateToken {
        policy: builder.policy(),
        place: Place::compile(builder, element, Some("Authorization"))?,
        scheme: Some(Text::Literal("Bearer".into())),
        status: optional_integer(builder, element, "failed-validation-httpcode", 200..=999, 401),
        message: builder.optional_text(element, "failed-validation-error-message"),
        needs_expiration: Boolean::Literal(true),
        skew: Integer::Literal(0),
        variable: builder.optional_literal(element, "output-token-variable-name")?,
        kind: None,
        verifier: Verifier::new(sources, Vec::new(), decryption_keys),
        audiences,
        issuers: Vec::new(),
        issuer_rule: IssuerRule::Entra,
        clients: texts(builder, element, "client-application-ids", "application-id")?,
        required: RequiredClaim::compile(builder, element)?,
        dpop: Dpop::compile(builder, element),
        certificate_bound: CertificateBound::compile(builder, element),
        introspection: None,
    })))
}

/// Where the metadata of a tenant is.
fn metadata(tenant: &str) -> Option<Url> {
    let tenant = tenant.trim_end_matches('/');
    let base = if tenant.contains("://") {
        let url = Url::parse(tenant).ok()?;
        let is_plain = url.scheme() == "https" && url.query().is_none() && url.fragment().is_none();
        if !is_plain || url.host_str().is_none() || !url.username().is_empty() {
            return None;
        }
        tenant.to_owned()
    } else {
        // A placeholder that nobody has filled in names no tenant, and lets nobody in.
        let leads_away =
            |c: char| c.is_whitespace() || c.is_control() || matches!(c, '/' | '\\' | '?' | '#' | '%');
        if tenant.is_empty() || tenant.starts_with('.') || tenant.contains(leads_away) {
            return None;
        }
        format!("{AUTHORITY}/{tenant}")
    };
    let base = base.trim_end_matches("/v2.0");
    format!("{base}/v2.0/.well-known/openid-configuration").parse().ok()
}

/// The client that a token was issued to: `azp` in version 2, `appid` in version 1.
pub(super) fn check_client(claims: &Json, allowed: &[Arc<str>]) -> Result<(), Refusal> {
    if allowed.is_empty() {
        return Ok(());
    }
    let held = ["azp", "appid"].iter().find_map(|name| Some((*name, claims.get(name)?.as_str()?)));
    let Some((name, client)) = held else {
        return Err(Refusal::new("TokenClaimNotFound", "JWT token is missing the following claims: appid."));
    };
    if allowed.iter().any(|one| **one == *client) {
        return Ok(());
    }
    let what = format!("Claim {name} value of {client} is not allowed.");
    Err(Refusal::new("TokenClaimValueNotAllowed", &what).private())
}
