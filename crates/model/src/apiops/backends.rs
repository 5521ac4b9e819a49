//! Backends: single ones and pools.

use std::collections::BTreeMap;
use std::time::Duration;

use secrecy::SecretString;

use super::check;
use super::credentials::NamedValueNames;
use super::duration;
use super::fields::Fields;
use super::layout;
use super::resource::Resource;
use crate::resources::{
    Backend, BackendCredentials, BackendTarget, BackendTls, CircuitBreakerRule, PoolMember, StatusRange,
};
use crate::{Located, Location};

/// Reads the backends of a scope.
pub(super) fn read(scope: &Resource<'_>, names: &NamedValueNames) -> BTreeMap<String, Backend> {
    let backends: BTreeMap<_, _> = scope
        .children(&layout::BACKENDS)
        .filter_map(|resource| backend(&resource, names))
        .map(|backend| (backend.name.clone(), backend))
        .collect();
    for resource in scope.children(&layout::BACKENDS) {
        let Some(BackendTarget::Pool(members)) =
            backends.get(&resource.entry.name).map(|found| &found.target)
        else {
            continue;
        };
        for member in members {
            let target = backends.get(&member.backend.value).map(|backend| &backend.target);
            if matches!(target, Some(BackendTarget::Pool(_))) {
                resource.error_with_fix(
                    "nested-pool",
                    member.backend.location.clone(),
                    format!(
                        "the pool `{}` has the member `{}`, which is a pool itself",
                        resource.entry.name, member.backend.value
                    ),
                    "name its members here",
                );
            }
        }
    }
    backends
}

fn backend(resource: &Resource<'_>, names: &NamedValueNames) -> Option<Backend> {
    let context = resource.context;
    resource.read(|fields| {
        fields.ignore(&["description", "resourceId", "provisioningState", "azureRegion"]);
        fields.not_yet(context, &["proxy", "properties"]);
        let title = fields.text(context, "title").filter(|title| !title.is_empty());
        fields.choice(context, "protocol", &[("http", ()), ("soap", ())]);
        let pool = fields.object(context, "pool");
        let url = fields.string(context, "url").filter(|url| !url.value.is_empty());
        let is_pool = fields
            .choice(context, "type", &[("Single", false), ("Pool", true)])
            .map_or(pool.is_some(), |choice| choice.value);
        let credentials = fields
            .object(context, "credentials")
            .map(|fields| credentials(resource, &fields, names))
            .unwrap_or_default();
        let tls = fields.object(context, "tls").map(|fields| tls(resource, &fields)).unwrap_or_default();
        let circuit_breaker = fields
            .object(context, "circuitBreaker")
            .map(|fields| breaker(resource, &fields))
            .unwrap_or_default();
        let target = match (is_pool, pool, url) {
            (true, Some(pool), _) => BackendTarget::Pool(members(resource, &pool)),
            (true, None, _) => {
                fields.missing(context, "pool");
                return None;
            }
            (false, Some(_), _) => {
                resource.error_with_fix(
                    "ambiguous-value",
                    fields.location_of("pool"),
                    "a backend of type `Single` has no `pool`",
                    "write `\"type\": \"Pool\"`",
                );
                return None;
            }
            (false, None, Some(url)) => {
                BackendTarget::Single(check::url(resource, "url", &url, &["http", "https", "ws", "wss"])?)
            }
            (false, None, None) => {
                fields.missing(context, "url");
                return None;
            }
        };
        Some(Backend {
            name: resource.entry.name.clone(),
            title,
            target,
            credentials,
            tls,
            circuit_breaker,
            location: resource.location(),
        })
    })
}

fn members(resource: &Resource<'_>, pool: &Fields<'_>) -> Vec<PoolMember> {
    let context = resource.context;
    pool.not_yet(context, &["failureResponse", "sessionAffinity"]);
    let mut members: Vec<PoolMember> = Vec::new();
    let services = pool.objects(context, "services");
    let count = services.len();
    for service in services {
        let id = service.required(context, "id");
        let priority = service.integer(context, "priority", 0..=100).unwrap_or(1) as u32;
        let weight = service.integer(context, "weight", 0..=100).unwrap_or(1) as u32;
        service.not_yet(context, &["preferredCarbonEmission"]);
        service.finish(context);
        let Some(backend) = id.and_then(|id| resource.resolve(&layout::BACKENDS, &id)) else { continue };
        if members.iter().any(|member| member.backend.value == backend.value) {
            resource.error(
                "duplicate-name",
                backend.location.clone(),
                format!("`{}` is a member of this pool twice", backend.value),
            );
        }
        members.push(PoolMember { backend, priority, weight });
    }
    let location = pool.location_of("services");
    pool.finish(context);
    if count > 30 {
        resource.error("too-many", location, format!("a pool has at most 30 members, this one has {count}"));
    } else if count == 0 {
        resource.error("empty-value", location, "a pool needs members in `pool.services`");
    }
    members
}

fn credentials(resource: &Resource<'_>, fields: &Fields<'_>, names: &NamedValueNames) -> BackendCredentials {
    let context = resource.context;
    fields.not_yet(context, &["managedIdentity"]);
    let secrets = |values: Vec<Located<String>>| {
        values
            .into_iter()
            .map(|value| {
                names.check(resource, &value);
                Located::new(SecretString::from(value.value), value.location)
            })
            .collect::<Vec<_>>()
    };
    let headers = fields
        .lists(context, "header")
        .into_iter()
        .map(|(name, values)| {
            let location =
                values.first().map_or_else(|| fields.location_of("header"), |value| value.location.clone());
            check::header_name(resource, &Located::new(name.clone(), location));
            (name, secrets(values))
        })
        .collect();
    let query = fields
        .lists(context, "query")
        .into_iter()
        .map(|(name, values)| {
            let location =
                values.first().map_or_else(|| fields.location_of("query"), |value| value.location.clone());
            check::query_name(resource, &Located::new(name.clone(), location));
            (name, secrets(values))
        })
        .collect();
    let authorization = fields.object(context, "authorization").and_then(|fields| {
        let scheme = fields.required(context, "scheme");
        let parameter = fields.string(context, "parameter");
        fields.finish(context);
        let (scheme, parameter) = (scheme?, parameter.inspect(|parameter| names.check(resource, parameter)));
        if !check::is_token(&scheme.value) {
            resource.error(
                "bad-name",
                scheme.location.clone(),
                format!("`{}` cannot be an authorization scheme", scheme.value),
            );
        }
        let parameter = match parameter {
            Some(parameter) => Located::new(SecretString::from(parameter.value), parameter.location),
            None => Located::new(SecretString::default(), scheme.location),
        };
        Some((scheme.value, parameter))
    });
    let certificate = certificate(resource, fields);
    fields.finish(context);
    BackendCredentials { headers, query, authorization, certificate }
}

/// The client certificate. As in Azure, thumbprints do not count where there are ids.
fn certificate(resource: &Resource<'_>, fields: &Fields<'_>) -> Option<Located<String>> {
    let context = resource.context;
    let thumbprints = fields.strings(context, "certificate").unwrap_or_default();
    let mut named = fields.strings(context, "certificateIds").unwrap_or_default();
    for id in &mut named {
        if let Some((_, name)) = id.value.trim_end_matches('/').rsplit_once('/') {
            id.value = name.to_owned();
        }
    }
    if named.is_empty() {
        named = thumbprints;
    }
    if let [_, more, ..] = &named[..] {
        resource.error("too-many", more.location.clone(), "a backend can be shown one client certificate");
    }
    named.into_iter().next()
}

fn tls(resource: &Resource<'_>, fields: &Fields<'_>) -> BackendTls {
    let context = resource.context;
    let tls = BackendTls {
        validate_certificate_chain: fields.boolean(context, "validateCertificateChain").unwrap_or(true),
        validate_certificate_name: fields.boolean(context, "validateCertificateName").unwrap_or(true),
    };
    fields.finish(context);
    tls
}

fn breaker(resource: &Resource<'_>, fields: &Fields<'_>) -> Vec<CircuitBreakerRule> {
    let context = resource.context;
    fields.not_yet(context, &["failureResponse"]);
    let rules: Vec<_> =
        fields.objects(context, "rules").iter().filter_map(|rule| breaker_rule(resource, rule)).collect();
    if rules.len() > 15 {
        resource.error("too-many", fields.location_of("rules"), "a circuit breaker has at most 15 rules");
    }
    fields.finish(context);
    rules
}

fn breaker_rule(resource: &Resource<'_>, fields: &Fields<'_>) -> Option<CircuitBreakerRule> {
    let context = resource.context;
    fields.not_yet(context, &["failureResponse"]);
    let name = fields.text(context, "name").unwrap_or_default();
    let accept_retry_after = fields.boolean(context, "acceptRetryAfter").unwrap_or(false);
    let trip_duration = span(resource, fields, "tripDuration");
    let condition = fields.object(context, "failureCondition");
    if condition.is_none() && fields.height("failureCondition").is_none() {
        fields.missing(context, "failureCondition");
    }
    fields.finish(context);
    let condition = condition?;
    let count = condition.integer(context, "count", 1..=10_000).map(|count| count as u32);
    let percentage = condition.integer(context, "percentage", 1..=100).map(|percentage| percentage as u8);
    let given = (condition.height("count").is_some(), condition.height("percentage").is_some());
    if given.0 == given.1 {
        resource.error_with_fix(
            "ambiguous-value",
            condition.location(),
            "a failure condition has a `count` or a `percentage`",
            if given.0 { "take one of them out" } else { "add one of them" },
        );
    }
    let interval = span(resource, &condition, "interval");
    let mut status_codes = Vec::new();
    for range in condition.objects(context, "statusCodeRanges") {
        let min = range.integer(context, "min", 200..=599);
        let max = range.integer(context, "max", 200..=599);
        range.finish(context);
        match (min, max) {
            (Some(min), Some(max)) if min <= max => {
                status_codes.push(StatusRange { min: min as u16, max: max as u16 });
            }
            (Some(min), Some(max)) => resource.error(
                "bad-range",
                range.location(),
                format!("the range ends at {max}, before it begins at {min}"),
            ),
            _ => {
                for name in ["min", "max"].into_iter().filter(|name| range.height(name).is_none()) {
                    range.missing(context, name);
                }
            }
        }
    }
    let error_reasons: Vec<_> = condition
        .strings(context, "errorReasons")
        .unwrap_or_default()
        .into_iter()
        .map(|reason| reason.value)
        .collect();
    for (name, count) in [("statusCodeRanges", status_codes.len()), ("errorReasons", error_reasons.len())] {
        if count > 10 {
            resource.error(
                "too-many",
                condition.location_of(name),
                format!("`{name}` has at most 10 entries"),
            );
        }
    }
    if condition.height("statusCodeRanges").is_none() && condition.height("errorReasons").is_none() {
        resource.error_with_fix(
            "missing-property",
            condition.location(),
            "a failure condition says which answers are failures",
            "add `statusCodeRanges` or `errorReasons`",
        );
    }
    condition.finish(context);
    Some(CircuitBreakerRule {
        name,
        count,
        percentage,
        interval: interval?,
        status_codes,
        error_reasons,
        trip_duration: trip_duration?,
        accept_retry_after,
    })
}

/// A duration above zero that must be there.
fn span(resource: &Resource<'_>, fields: &Fields<'_>, name: &'static str) -> Option<Duration> {
    let text = fields.required(resource.context, name)?;
    let wrong = |location: Location, message: String| {
        resource.error_with_fix(
            "bad-duration",
            location,
            message,
            "write an ISO 8601 duration such as `PT10S` or `P1D`",
        );
        None
    };
    match duration::parse(&text.value) {
        Some(Duration::ZERO) => wrong(text.location, format!("`{name}` must be longer than nothing")),
        Some(duration) => Some(duration),
        None => wrong(text.location, format!("`{}` is not a duration", text.value)),
    }
}
