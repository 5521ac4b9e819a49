//! `get-authorization-context`: the token of a connection to a provider, for those whom its access policies name.
//!
//! Source: <https://learn.microsoft.com/azure/api-management/get-authorization-context-policy>. Which tenants may vouch for
//! an `identity` is what the access policies say: a token names no place where keys are fetched.

use std::collections::BTreeMap;
use std::sync::Arc;

use gatehouse_expression::{Authorization, Jwt, Value};
use gatehouse_identity::authorization::{AuthorizationFailure, Caller};
use gatehouse_model::did_you_mean;

use super::validate_jwt::entra::{Principal, TenantTokens};
use crate::compiler::{Builder, Reported};
use crate::document::Element;
use crate::plan::PolicyFuture;
use crate::value::{Boolean, Enumeration, Text};
use crate::{Action, AsyncPolicy, Exchange, Failure, Flow, World};

#[derive(Debug)]
struct GetAuthorizationContext {
    provider: Text,
    authorization: Text,
    variable: Text,
    identity_type: Enumeration<IdentityType>,
    identity: Option<Text>,
    ignores_errors: Boolean,
    /// Those that access policies name, by what they call themselves.
    tenants: BTreeMap<String, TenantTokens>,
}

/// Whose access is checked.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum IdentityType {
    /// That of this instance.
    Managed,
    /// That of whom a token is about.
    Jwt,
}

const NAME: &str = "get-authorization-context";
const IDENTITY_TYPES: &[(&str, IdentityType)] =
    &[("managed", IdentityType::Managed), ("jwt", IdentityType::Jwt)];
/// The audience of tokens in `identity`.
const AUDIENCE: &str = "https://azure-api.net/authorization-manager";
/// The most tenants that one document's policy trusts.
const MAX_TENANTS: usize = 64;

pub(super) fn compile(builder: &mut Builder<'_>, element: &Element) -> Result<Action, Reported> {
    let attributes = [
        "provider-id",
        "authorization-id",
        "context-variable-name",
        "identity-type",
        "identity",
        "ignore-error",
    ];
    builder.only(element, &attributes, &[]);
    builder.no_text(element);
    let provider = builder.text(element, "provider-id");
    let authorization = builder.text(element, "authorization-id");
    let identity_type = builder.enumeration(element, "identity-type", IDENTITY_TYPES, IdentityType::Managed);
    let identity = builder.optional_text(element, "identity");
    if matches!(identity_type, Enumeration::Literal(IdentityType::Jwt)) && identity.is_none() {
        let message = "`identity-type=\"jwt\"` needs the token in `identity`";
        return Err(builder.error("missing-attribute", &element.location, message));
    }
    check_names(builder, element, &provider, &authorization);
    Ok(Action::Later(Box::new(GetAuthorizationContext {
        variable: builder.text(element, "context-variable-name"),
        ignores_errors: builder.boolean(element, "ignore-error", false),
        tenants: if matches!(identity_type, Enumeration::Literal(IdentityType::Managed)) {
            BTreeMap::new()
        } else {
            tenants(builder)
        },
        provider,
        authorization,
        identity_type,
        identity,
    })))
}

/// What is written out must exist.
fn check_names(builder: &mut Builder<'_>, element: &Element, provider: &Text, authorization: &Text) {
    let (Some(provider), Some(attribute)) = (provider.literal(), element.attribute("provider-id")) else {
        return;
    };
    let providers = &builder.service().authorization_providers;
    let found = providers.values().find(|known| known.name.eq_ignore_ascii_case(provider.trim()));
    let (what, name, location, known) = match (found, authorization.literal()) {
        (None, _) => {
            let known: Vec<String> = providers.keys().cloned().collect();
            ("authorization provider".to_owned(), provider.trim(), &attribute.value.location, known)
        }
        (Some(found), Some(name)) => {
            let known: Vec<String> = found.authorizations.keys().cloned().collect();
            let Some(attribute) = element.attribute("authorization-id") else { return };
            if known.iter().any(|known| known.eq_ignore_ascii_case(name.trim())) {
                return;
            }
            let what = format!("authorization of the provider `{}`", found.name);
            (what, name.trim(), &attribute.value.location, known)
        }
        (Some(_), None) => return,
    };
    if builder.is_alone() {
        return;
    }
    let message = format!("`{NAME}` names the {what} `{name}`, which does not exist");
    let near = did_you_mean(name, known.iter().map(String::as_str));
    let fix =
        near.map_or_else(|| "add it to the artifacts".to_owned(), |near| format!("did you mean `{near}`?"));
    builder.error_with_fix("missing-reference", location, message, fix);
}

fn tenants(builder: &Builder<'_>) -> BTreeMap<String, TenantTokens> {
    let providers = builder.service().authorization_providers.values();
    let policies = providers
        .flat_map(|provider| provider.authorizations.values())
        .flat_map(|authorization| &authorization.access_policies);
    let mut tenants = BTreeMap::new();
    for policy in policies {
        if tenants.len() < MAX_TENANTS
            && let Some(tokens) = TenantTokens::of(&policy.tenant_id)
        {
            tenants.entry(policy.tenant_id.clone()).or_insert(tokens);
        }
    }
    tenants
}

impl GetAuthorizationContext {
    async fn get(
        &self,
        exchange: &mut Exchange,
        world: &World<'_>,
    ) -> Result<Result<Value, Failure>, Failure> {
        let provider: String = self.provider.evaluate(exchange, world)?.trim().to_owned();
        let authorization: String = self.authorization.evaluate(exchange, world)?.trim().to_owned();
        let principal = match self.identity_type.evaluate(exchange, world)? {
            IdentityType::Managed => None,
            IdentityType::Jwt => {
                let token: String = match &self.identity {
                    Some(text) => text.evaluate(exchange, world)?.trim().to_owned(),
                    None => String::new(),
                };
                match self.principal(&provider, &authorization, &token, exchange, world).await? {
                    Ok(principal) => Some(principal),
                    Err(failure) => return Ok(Err(failure)),
                }
            }
        };
        let caller = principal.as_ref().map_or(Caller::Instance, |principal| Caller::Principal {
            tenant: &principal.tenant,
            object: &principal.object,
            application: principal.application.as_deref(),
        });
        let now = world.clock.now_millis() / 1000;
        let granted = match world.authorizations.granted(&provider, &authorization, caller, now).await {
            Ok(granted) => granted,
            Err(failure) => return Ok(Err(failed(&failure))),
        };
        let object = Authorization::from_parts(granted.access_token.expose(), &granted.claims);
        Ok(object.map(Value::from).ok_or_else(|| {
            Failure::internal(
                NAME,
                "AuthorizationTokenUnavailable",
                "The provider's answer is no JSON object.",
            )
        }))
    }

    /// Who a token is about, where one of the connection's tenants vouches for it.
    async fn principal(
        &self,
        provider: &str,
        authorization: &str,
        token: &str,
        exchange: &mut Exchange,
        world: &World<'_>,
    ) -> Result<Result<Principal, Failure>, Failure> {
        let access = match world.authorizations.access(provider, authorization) {
            Ok(access) => access,
            Err(failure) => return Ok(Err(failed(&failure))),
        };
        let token = match token.get(..7) {
            Some(scheme) if scheme.eq_ignore_ascii_case("bearer ") => {
                token.get(7..).unwrap_or_default().trim()
            }
            _ => token,
        };
        let denied = |message: String| Failure::internal(NAME, "AuthorizationAccessDenied", message);
        // Which of the trusted tenants may be meant: what the token says is believed only once its signature is right.
        let said =
            Jwt::parse(token).and_then(|jwt| jwt.claim("tid")).and_then(|texts| texts.first().cloned());
        let Some(said) = said else {
            return Ok(Err(denied("The identity is no token, or names no tenant.".to_owned())));
        };
        let meant = access.iter().find(|policy| policy.tenant_id().eq_ignore_ascii_case(&said));
        let Some(tokens) = meant.and_then(|policy| self.tenants.get(&policy.tenant)) else {
            return Ok(Err(denied("The tenant of the identity is in no access policy.".to_owned())));
        };
        let principal = tokens.principal(token, AUDIENCE, exchange, world).await?;
        Ok(principal.map_err(|why| denied(format!("The identity is refused: {why}"))))
    }
}

fn failed(failure: &AuthorizationFailure) -> Failure {
    Failure::internal(NAME, failure.reason(), failure.to_string())
}

impl AsyncPolicy for GetAuthorizationContext {
    fn apply<'a>(&'a self, exchange: &'a mut Exchange, world: &'a World<'a>) -> PolicyFuture<'a> {
        Box::pin(async move {
            let variable: Arc<str> = self.variable.evaluate(exchange, world)?.into();
            let ignores_errors = self.ignores_errors.evaluate(exchange, world)?;
            let value = match self.get(exchange, world).await? {
                Ok(value) => value,
                Err(_) if ignores_errors => Value::Null,
                Err(failure) => return Err(failure),
            };
            exchange.variables.set(&variable, value);
            Ok(Flow::Continue)
        })
    }
}

#[cfg(test)]
mod tests;
