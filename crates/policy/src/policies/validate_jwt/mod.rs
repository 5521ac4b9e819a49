//! `validate-jwt`: a token that must be there, signed by a trusted issuer, for this audience, with these claims.
//!
//! Source: <https://learn.microsoft.com/azure/api-management/validate-jwt-policy>. Tokens that are not signed are refused
//! whatever `require-signed-tokens` says. Extensions: `jwks-uri`, `dpop`, `certificate-bound`, `introspection`, and the
//! attribute `token-type`.

pub(super) mod entra;
mod introspection;
mod keys;
mod place;
mod refusal;
mod rules;
mod sender;
mod verifier;

use std::sync::Arc;

use gatehouse_model::Severity;
use http::StatusCode;
use smallvec::SmallVec;

use self::introspection::Introspection;
use self::place::{Place, Presented};
use self::refusal::Refusal;
use self::rules::{IssuerRule, Known, RequiredClaim};
use self::sender::{CertificateBound, Dpop};
use self::verifier::{Verifier, now};
use crate::compiler::{Builder, Reported};
use crate::document::Element;
use crate::plan::PolicyFuture;
use crate::tokens::{TokenDigest, VerifiedToken};
use crate::value::{Boolean, Integer, Text};
use crate::{Action, AsyncPolicy, Exchange, Failure, Flow, World};

/// The policy, and `validate-azure-ad-token`, which differs in what it asks for only.
#[derive(Debug)]
struct ValidateToken {
    policy: &'static str,
    place: Place,
    scheme: Option<Text>,
    status: Integer,
    message: Option<Text>,
    needs_expiration: Boolean,
    /// Seconds.
    skew: Integer,
    variable: Option<Arc<str>>,
    kind: Option<Arc<str>>,
    verifier: Verifier,
    audiences: Vec<Text>,
    issuers: Vec<Text>,
    issuer_rule: IssuerRule,
    /// What `appid` or `azp` may be; empty: anything.
    clients: Vec<Text>,
    required: Vec<RequiredClaim>,
    dpop: Option<Dpop>,
    certificate_bound: Option<CertificateBound>,
    introspection: Option<Introspection>,
}

/// The longest clock skew, a day.
const MAX_SKEW: i64 = 86_400;

pub(super) fn compile(builder: &mut Builder<'_>, element: &Element) -> Result<Action, Reported> {
    let attributes = [
        "header-name",
        "query-parameter-name",
        "token-value",
        "failed-validation-httpcode",
        "failed-validation-error-message",
        "require-expiration-time",
        "require-scheme",
        "require-signed-tokens",
        "clock-skew",
        "output-token-variable-name",
        "token-type",
    ];
    let children = [
        "openid-config",
        "issuer-signing-keys",
        "decryption-keys",
        "audiences",
        "issuers",
        "required-claims",
        "jwks-uri",
        "dpop",
        "certificate-bound",
        "introspection",
    ];
    builder.only(element, &attributes, &children);
    builder.no_text(element);
    let place = Place::compile(builder, element, None)?;
    let scheme = builder.optional_text(element, "require-scheme");
    if builder.boolean(element, "require-signed-tokens", true).literal() == Some(false) {
        let location =
            element.attribute("require-signed-tokens").map_or(&element.location, |a| &a.value.location);
        let message =
            "anybody can make a token that is not signed: `require-signed-tokens` cannot be `false`";
        return Err(builder.error_with_fix("unsigned-tokens", location, message, "take the attribute out"));
    }
    let skew = optional_integer(builder, element, "clock-skew", 0..=MAX_SKEW, 0);
    let kind = builder.optional_literal(element, "token-type")?;
    if let Some(attribute) = element.attribute("token-type") {
        let message = "`token-type` is an extension of Gatehouse, which Azure API Management refuses";
        builder.warn(Severity::Info, "extension", &attribute.location, message);
    }
    let sources = keys::compile_sources(builder, element)?;
    let introspection = Introspection::compile(builder, element)?;
    let has_keys = element.element("issuer-signing-keys").is_some();
    if sources.is_empty() && !has_keys && introspection.is_none() {
        let message =
            "`validate-jwt` names neither `openid-config` nor `issuer-signing-keys`: it refuses every token";
        builder.warn(Severity::High, "no-keys", &element.location, message);
    }
    let signing_keys = keys::compile_signing_keys(builder, element)?;
    let decryption_keys = keys::compile_decryption_keys(builder, element)?;
    Ok(Action::Later(Box::new(ValidateToken {
        policy: builder.policy(),
        place,
        scheme,
        status: optional_integer(builder, element, "failed-validation-httpcode", 200..=999, 401),
        message: builder.optional_text(element, "failed-validation-error-message"),
        needs_expiration: builder.boolean(element, "require-expiration-time", true),
        skew,
        variable: builder.optional_literal(element, "output-token-variable-name")?,
        kind,
        verifier: Verifier::new(sources, signing_keys, decryption_keys),
        audiences: texts(builder, element, "audiences", "audience")?,
        issuers: texts(builder, element, "issuers", "issuer")?,
        issuer_rule: IssuerRule::OfMetadata,
        clients: Vec::new(),
        required: RequiredClaim::compile(builder, element)?,
        dpop: Dpop::compile(builder, element),
        certificate_bound: CertificateBound::compile(builder, element),
        introspection,
    })))
}

fn optional_integer(
    builder: &mut Builder<'_>,
    element: &Element,
    name: &str,
    range: std::ops::RangeInclusive<i64>,
    default: i64,
) -> Integer {
    builder.optional_integer(element, name, range).unwrap_or(Integer::Literal(default))
}

/// The texts of a list such as `audiences`.
fn texts(
    builder: &mut Builder<'_>,
    element: &Element,
    list: &str,
    entry: &str,
) -> Result<Vec<Text>, Reported> {
    let Some(list) = builder.child(element, list) else { return Ok(Vec::new()) };
    builder.only(list, &[], &[entry]);
    builder.no_text(list);
    let mut texts = Vec::new();
    for child in list.elements() {
        builder.only(child, &[], &[]);
        texts.push(builder.content(child));
    }
    if texts.is_empty() {
        let message = format!("`{}` holds no `{entry}`: it would refuse every token", list.name);
        return Err(builder.error("missing-element", &list.location, message));
    }
    Ok(texts)
}

impl ValidateToken {
    async fn check(
        &self,
        exchange: &mut Exchange,
        world: &World<'_>,
    ) -> Result<Result<(), Refusal>, Failure> {
        let scheme = match &self.scheme {
            Some(text) => Some(text.evaluate(exchange, world)?),
            None => None,
        };
        let presented = match self.place.find(scheme.as_deref(), exchange, world)? {
            Ok(presented) => presented,
            Err(refusal) => return Ok(Err(refusal)),
        };
        let sources = self.verifier.resolve(exchange, world)?;
        let token = match self.verified(&presented, &sources, exchange, world).await? {
            Ok(token) => token,
            Err(refusal) => return Ok(Err(refusal)),
        };
        let allowed = self.allowed(exchange, world)?;
        let clock = world.clock.now_millis() as f64 / 1000.0;
        let checked = rules::check_type(&token, self.kind.as_deref())
            .and_then(|()| {
                rules::check_lifetime(&token.claims, clock, allowed.skew as f64, allowed.needs_expiration)
            })
            .and_then(|()| rules::check_audience(&token.claims, &allowed.audiences))
            .and_then(|()| self.check_issuer(&token, &allowed.issuers, &sources, world))
            .and_then(|()| entra::check_client(&token.claims, &allowed.clients));
        if let Err(refusal) = checked {
            return Ok(Err(refusal));
        }
        if let Err(refusal) = rules::check_claims(&self.required, &token, exchange, world)? {
            return Ok(Err(refusal));
        }
        if let Err(refusal) = self.check_sender(&token, &presented, exchange, world) {
            return Ok(Err(refusal));
        }
        if let Some(variable) = &self.variable
            && let Some(object) = token.object()
        {
            exchange.variables.set(variable, object);
        }
        Ok(Ok(()))
    }

    /// The token, from the cache or verified now.
    async fn verified(
        &self,
        presented: &Presented,
        sources: &[Arc<gatehouse_identity::issuer::IssuerSource>],
        exchange: &mut Exchange,
        world: &World<'_>,
    ) -> Result<Result<Arc<VerifiedToken>, Refusal>, Failure> {
        let digest = TokenDigest::of(self.verifier.number, &presented.token);
        if let Some(token) = world.tokens.verified.get(&digest, now(world)) {
            // A URL that an expression computes may be another one this time.
            let is_of_sources =
                |(source, _): &(Arc<_>, _)| sources.iter().any(|one| Arc::ptr_eq(one, source));
            if token.keys.as_ref().is_none_or(is_of_sources) {
                return Ok(Ok(token));
            }
        }
        if let Some(introspection) = &self.introspection
            && Introspection::is_for(&presented.token)
        {
            let asked = introspection.ask(&presented.token, exchange, world).await?.map(Arc::new);
            if let Ok(token) = &asked {
                let until = now(world) + introspection.keep;
                world.tokens.verified.keep_until(digest, Arc::clone(token), until);
            }
            return Ok(asked);
        }
        let verified = self.verifier.verify(&presented.token, sources, world).await.map(Arc::new);
        if let Ok(token) = &verified {
            world.tokens.verified.keep(digest, Arc::clone(token), now(world));
        }
        Ok(verified)
    }

    fn allowed(&self, exchange: &mut Exchange, world: &World<'_>) -> Result<Allowed, Failure> {
        let mut evaluate = |texts: &[Text]| {
            let mut values = SmallVec::new();
            for text in texts {
                values.push(text.evaluate(exchange, world)?.into());
            }
            Ok::<_, Failure>(values)
        };
        let (audiences, issuers, clients) =
            (evaluate(&self.audiences)?, evaluate(&self.issuers)?, evaluate(&self.clients)?);
        Ok(Allowed {
            audiences,
            issuers,
            clients,
            skew: self.skew.evaluate(exchange, world)?,
            needs_expiration: self.needs_expiration.evaluate(exchange, world)?,
        })
    }

    fn check_issuer(
        &self,
        token: &VerifiedToken,
        listed: &[Arc<str>],
        sources: &[Arc<gatehouse_identity::issuer::IssuerSource>],
        world: &World<'_>,
    ) -> Result<(), Refusal> {
        if sources.len() < 2 {
            return rules::check_issuer(token, listed, self.issuer_rule, &[]);
        }
        let keys: Vec<_> = sources.iter().map(|source| source.peek(now(world))).collect();
        let known: Vec<Known<'_>> = sources
            .iter()
            .zip(&keys)
            .map(|(source, keys)| Known {
                url: source.url().as_str(),
                issuer: keys.as_ref().map(|keys| &*keys.issuer),
            })
            .collect();
        rules::check_issuer(token, listed, self.issuer_rule, &known)
    }

    fn check_sender(
        &self,
        token: &VerifiedToken,
        presented: &Presented,
        exchange: &Exchange,
        world: &World<'_>,
    ) -> Result<(), Refusal> {
        match &self.dpop {
            Some(dpop) => {
                dpop.check(&token.claims, &presented.token, presented.is_dpop, exchange, world)?;
            }
            // Without the check of proofs a token for which one is needed cannot be taken.
            None if presented.is_dpop => {
                return Err(Refusal::invalid("DPoP proofs are not checked here."));
            }
            None => {}
        }
        match &self.certificate_bound {
            Some(bound) => bound.check(&token.claims, exchange),
            None => Ok(()),
        }
    }
}

/// What is allowed for one request.
struct Allowed {
    audiences: SmallVec<[Arc<str>; 2]>,
    issuers: SmallVec<[Arc<str>; 2]>,
    clients: SmallVec<[Arc<str>; 2]>,
    skew: i64,
    needs_expiration: bool,
}

impl AsyncPolicy for ValidateToken {
    fn apply<'a>(&'a self, exchange: &'a mut Exchange, world: &'a World<'a>) -> PolicyFuture<'a> {
        Box::pin(async move {
            let Err(refusal) = self.check(exchange, world).await? else { return Ok(Flow::Continue) };
            let code = self.status.evaluate(exchange, world)?;
            let status = u16::try_from(code).ok().and_then(|code| StatusCode::from_u16(code).ok());
            let status = status.unwrap_or(StatusCode::UNAUTHORIZED);
            let failure = refusal.failure(self.policy, status, self.dpop.is_some());
            Err(match &self.message {
                Some(text) => failure.public(text.evaluate(exchange, world)?),
                None => failure,
            })
        })
    }
}

#[cfg(test)]
mod tests;
