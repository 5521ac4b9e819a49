//! What the claims of a verified token must say.

use std::sync::Arc;

use gatehouse_identity::issuer::vouched_issuer;
use gatehouse_identity::jose::Json;

use super::refusal::Refusal;
use crate::compiler::{Builder, Reported};
use crate::document::Element;
use crate::tokens::VerifiedToken;
use crate::value::Text;
use crate::{Exchange, Failure, World};

/// Moments beyond the year 9999 are none.
const LAST_MOMENT: f64 = 253_402_300_799.0;

/// `exp` and `nbf` against the clock, both in seconds since 1970.
pub(super) fn check_lifetime(
    claims: &Json,
    now: f64,
    skew: f64,
    needs_expiration: bool,
) -> Result<(), Refusal> {
    let moment = |name: &'static str| match claims.get(name) {
        None => Ok(None),
        Some(value) => match value.as_f64() {
            Some(moment) if (-LAST_MOMENT..=LAST_MOMENT).contains(&moment) => Ok(Some(moment)),
            _ => Err(Refusal::invalid(&format!("The claim {name} is no moment."))),
        },
    };
    match moment("exp")? {
        Some(expiration) if now >= expiration + skew => {
            return Err(Refusal::new("TokenExpired", "The token is expired."));
        }
        None if needs_expiration => return Err(Refusal::invalid("The token has no expiration time.")),
        _ => {}
    }
    if moment("nbf")?.is_some_and(|begin| now + skew < begin) {
        return Err(Refusal::invalid("The token is not yet valid."));
    }
    moment("iat")?;
    Ok(())
}

/// Which types of token are taken. What is signed for another purpose (RFC 8725, section 3.11) is no access token.
pub(super) fn check_type(token: &VerifiedToken, wanted: Option<&str>) -> Result<(), Refusal> {
    let kind = token.kind.as_deref().map(|kind| match kind.split_once('/') {
        Some((kind, subtype)) if kind.eq_ignore_ascii_case("application") => subtype,
        _ => kind,
    });
    let fits = match (wanted, kind) {
        (Some(wanted), Some(kind)) => kind.eq_ignore_ascii_case(wanted),
        (Some(_), None) => false,
        (None, None) => true,
        (None, Some(kind)) => {
            let structured =
                kind.rsplit_once('+').is_some_and(|(_, suffix)| suffix.eq_ignore_ascii_case("jwt"));
            !structured || kind.eq_ignore_ascii_case("at+jwt")
        }
    };
    if fits { Ok(()) } else { Err(Refusal::invalid("The token is of another type than asked for.")) }
}

/// `aud` must be one of these; where the policy names none, it may be anything that an audience can be.
pub(super) fn check_audience(claims: &Json, allowed: &[Arc<str>]) -> Result<(), Refusal> {
    let not_allowed = || Refusal::new("TokenAudienceNotAllowed", "The audience of the token is not allowed.");
    let held: Vec<&str> = match claims.get("aud") {
        None => Vec::new(),
        Some(Json::String(audience)) => vec![audience],
        Some(Json::Array(audiences)) if audiences.iter().all(|one| one.as_str().is_some()) => {
            audiences.iter().filter_map(Json::as_str).collect()
        }
        Some(_) if allowed.is_empty() => {
            return Err(Refusal::invalid("The claim aud is neither text nor a list of texts."));
        }
        Some(_) => return Err(not_allowed()),
    };
    let is_allowed = |audience: &&str| allowed.iter().any(|one| **one == **audience);
    if allowed.is_empty() || held.iter().any(is_allowed) { Ok(()) } else { Err(not_allowed()) }
}

/// How `iss` is checked where the policy lists no issuers.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum IssuerRule {
    /// It is that of the metadata which gave the key.
    OfMetadata,
    /// It is that of the metadata or, in tokens of version 1, the security token service of the same tenant.
    Entra,
}

/// The issuer of one source, as far as it is known.
pub(super) struct Known<'s> {
    pub(super) url: &'s str,
    pub(super) issuer: Option<&'s str>,
}

/// `iss` belongs to the metadata that gave the key: what one issuer signs cannot be another's.
pub(super) fn check_issuer(
    token: &VerifiedToken,
    listed: &[Arc<str>],
    rule: IssuerRule,
    others: &[Known<'_>],
) -> Result<(), Refusal> {
    let refusal = || Refusal::new("TokenIssuerNotAllowed", "The issuer of the token is not allowed.");
    let claims = &token.claims;
    let own = token.keys.as_ref();
    let issuer = match claims.get("iss") {
        Some(Json::String(issuer)) => &**issuer,
        None if listed.is_empty() && own.is_none() => return Ok(()),
        _ => return Err(refusal()),
    };
    let is_of_metadata = own.is_some_and(|(_, keys)| is_issuer(&keys.issuer, issuer, claims, rule));
    let is_allowed = if listed.is_empty() {
        own.is_none() || is_of_metadata
    } else {
        listed.iter().any(|one| **one == *issuer)
    };
    if !is_allowed {
        return Err(refusal());
    }
    let Some((source, _)) = own else { return Ok(()) };
    let bare = issuer.trim_end_matches('/');
    let vouches = |url: &str| vouched_issuer(url).is_some_and(|vouched| vouched == bare);
    let is_own = vouches(source.url().as_str());
    for other in others.iter().filter(|other| other.url != source.url().as_str()) {
        // Another source stands for this issuer; or it may, and nobody knows.
        let is_anothers = vouches(other.url)
            || match other.issuer {
                Some(known) => !is_of_metadata && is_issuer(known, issuer, claims, rule),
                None => !is_of_metadata,
            };
        if !is_own && is_anothers {
            return Err(refusal());
        }
    }
    Ok(())
}

/// Whether a token's issuer is the one that metadata names, which may leave the tenant open.
fn is_issuer(named: &str, issuer: &str, claims: &Json, rule: IssuerRule) -> bool {
    let is_tenant =
        |text: &str| text.len() == 36 && text.bytes().all(|byte| byte.is_ascii_hexdigit() || byte == b'-');
    let tenant = claims.get("tid").and_then(Json::as_str).filter(|tenant| is_tenant(tenant));
    let named = match (named.contains("{tenantid}"), tenant) {
        (false, _) => named.to_owned(),
        (true, Some(tenant)) => named.replace("{tenantid}", tenant),
        (true, None) => return false,
    };
    if named == *issuer {
        return true;
    }
    if rule != IssuerRule::Entra {
        return false;
    }
    let tenant = named.strip_suffix("/v2.0").and_then(|rest| rest.rsplit('/').next());
    tenant.is_some_and(|tenant| is_tenant(tenant) && *issuer == format!("https://sts.windows.net/{tenant}/"))
}

/// `required-claims`.
#[derive(Debug)]
pub(super) struct RequiredClaim {
    name: Text,
    any: bool,
    separator: Option<Text>,
    values: Vec<Text>,
}

impl RequiredClaim {
    /// Compiles `required-claims`.
    pub(super) fn compile(builder: &mut Builder<'_>, element: &Element) -> Result<Vec<Self>, Reported> {
        let Some(list) = builder.child(element, "required-claims") else { return Ok(Vec::new()) };
        builder.only(list, &[], &["claim"]);
        builder.no_text(list);
        let mut claims = Vec::new();
        for child in list.elements() {
            builder.only(child, &["name", "match", "separator"], &["value"]);
            builder.no_text(child);
            let name = builder.text(child, "name");
            let any = builder.enumeration(child, "match", &[("all", false), ("any", true)], false);
            let any = any.literal().ok_or_else(|| {
                builder.error("expression-not-allowed", &child.location, "`match` takes no expression")
            })?;
            let separator = builder.optional_text(child, "separator");
            let mut values = Vec::new();
            for value in child.elements() {
                builder.only(value, &[], &[]);
                values.push(builder.content(value));
            }
            claims.push(Self { name, any, separator, values });
        }
        Ok(claims)
    }
}

/// Checks all required claims; those that are missing are told together.
pub(super) fn check_claims(
    required: &[RequiredClaim],
    token: &VerifiedToken,
    exchange: &mut Exchange,
    world: &World<'_>,
) -> Result<Result<(), Refusal>, Failure> {
    let mut missing: Vec<String> = Vec::new();
    let mut mismatch = None;
    for claim in required {
        let name = claim.name.evaluate(exchange, world)?;
        let Some(value) = token.claims.get(&name).filter(|value| !matches!(value, Json::Null)) else {
            missing.push((*name).to_owned());
            continue;
        };
        if claim.values.is_empty() {
            continue;
        }
        let separator = match &claim.separator {
            Some(text) => Some(text.evaluate(exchange, world)?),
            None => None,
        };
        let held = texts(value, separator.as_deref());
        let mut all = true;
        let mut any = false;
        for wanted in &claim.values {
            let wanted = wanted.evaluate(exchange, world)?;
            let is_held = held.iter().any(|one| **one == *wanted);
            all &= is_held;
            any |= is_held;
        }
        let fits = if claim.any { any } else { all };
        if !fits && mismatch.is_none() {
            mismatch = Some(((*name).to_owned(), held.join(", ")));
        }
    }
    if !missing.is_empty() {
        let what = format!("JWT token is missing the following claims: {}.", missing.join(", "));
        return Ok(Err(Refusal::new("TokenClaimNotFound", &what)));
    }
    Ok(match mismatch {
        None => Ok(()),
        Some((name, value)) => {
            let what = format!("Claim {name} value of {value} is not allowed.");
            Err(Refusal::new("TokenClaimValueNotAllowed", &what).private())
        }
    })
}

/// The values of a claim as texts: the entries of a list, the parts of a text with a separator.
pub(super) fn texts(value: &Json, separator: Option<&str>) -> Vec<String> {
    match value {
        Json::Array(entries) => entries.iter().flat_map(|entry| texts(entry, separator)).collect(),
        Json::String(text) => match separator.filter(|separator| !separator.is_empty()) {
            Some(separator) => text.split(separator).map(|part| part.trim().to_owned()).collect(),
            None => vec![text.to_string()],
        },
        Json::Boolean(value) => vec![value.to_string()],
        Json::Integer(number) => vec![number.to_string()],
        Json::Number(number) => vec![number.to_string()],
        Json::Null | Json::Object(_) => Vec::new(),
    }
}
