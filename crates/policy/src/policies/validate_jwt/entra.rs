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
use super::{ValidateToken, optional_integer, rules, texts};
use crate::compiler::{Builder, Reported};
use crate::document::Element;
use crate::value::{Boolean, Integer, Text};
use crate::{Action, Exchange, Failure, World};

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

/// Verifies tokens of one tenant for one audience.
#[derive(Debug)]
pub(in crate::policies) struct TenantTokens(Verifier);

/// Who a token of a tenant is about.
#[derive(Debug)]
pub(in crate::policies) struct Principal {
    /// `oid`.
    pub(in crate::policies) object: String,
    /// `tid`.
    pub(in crate::policies) tenant: String,
    /// `azp`, else `appid`.
    pub(in crate::policies) application: Option<String>,
}

impl TenantTokens {
    /// `None` where the tenant is neither an id, a domain nor an https URL.
    pub(in crate::policies) fn of(tenant: &str) -> Option<Self> {
        let sources = vec![Source::fixed(metadata(tenant)?, SourceKind::Metadata)];
        Some(Self(Verifier::new(sources, Vec::new(), Vec::new())))
    }

    /// Who a token is about; else why it is refused.
    pub(in crate::policies) async fn principal(
        &self,
        token: &str,
        audience: &'static str,
        exchange: &mut Exchange,
        world: &World<'_>,
    ) -> Result<Result<Principal, String>, Failure> {
        let sources = self.0.resolve(exchange, world)?;
        let verified = match self.0.verify(token, &sources, world).await {
            Ok(verified) => verified,
            Err(refusal) => return Ok(Err(refusal.message.into_owned())),
        };
        let clock = world.clock.now_millis() as f64 / 1000.0;
        let claims = &verified.claims;
        let checked = rules::check_type(&verified, None)
            .and_then(|()| rules::check_lifetime(claims, clock, 0.0, true))
            .and_then(|()| rules::check_audience(claims, &[audience.into()]))
            .and_then(|()| rules::check_issuer(&verified, &[], IssuerRule::Entra, &[]));
        if let Err(refusal) = checked {
            return Ok(Err(refusal.message.into_owned()));
        }
        let text = |name: &str| claims.get(name).and_then(Json::as_str).map(str::to_owned);
        let application = text("azp").or_else(|| text("appid"));
        Ok(match (text("oid"), text("tid")) {
            (Some(object), Some(tenant)) => Ok(Principal { object, tenant, application }),
            _ => Err("The token names no object or no tenant.".to_owned()),
        })
    }
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
