//! `cache-lookup`: answers from the cache what it has, without asking the backend.
//!
//! Source: <https://learn.microsoft.com/azure/api-management/cache-lookup-policy>. With a cached answer the rest of inbound
//! and the backend are skipped, and outbound runs over it. Only GET requests are looked up, and those with an
//! `Authorization` field only where the policy says so. What one `cache-lookup` finds is what a `cache-store` has kept
//! after a look of the same policy, for the same API, operation, host, path and query: with
//! `vary-by-query-parameter` only the parameters that it names, else all. The gateway does not know the groups of a
//! developer; `vary-by-developer-groups` keeps the answers of developers apart, which keeps groups apart, too.

use std::hash::{Hash, Hasher};
use std::sync::Arc;

use gatehouse_model::Severity;
use gatehouse_store::counters::CounterKey;
use http::header::{AUTHORIZATION, CACHE_CONTROL, EXPIRES, HeaderName, PRAGMA, RANGE};
use http::{HeaderMap, HeaderValue, Method};

use super::cached_value::check_caching_type;
use crate::compiler::{Builder, Reported};
use crate::document::Element;
use crate::exchange::{CachePlace, Downstream};
use crate::value::{Boolean, Enumeration, Text};
use crate::{Action, BackendChoice, Body, Exchange, Failure, Flow, Policy, Response, World};

const DOWNSTREAM: &[(&str, Downstream)] =
    &[("none", Downstream::None), ("private", Downstream::Private), ("public", Downstream::Public)];

#[derive(Debug)]
struct CacheLookup {
    identity: Arc<str>,
    by_developer: Boolean,
    by_groups: Boolean,
    downstream: Enumeration<Downstream>,
    must_revalidate: Boolean,
    allows_private: Boolean,
    headers: Vec<Text>,
    parameters: Vec<Text>,
}

pub(super) fn compile(builder: &mut Builder<'_>, element: &Element) -> Result<Action, Reported> {
    let attributes = [
        "vary-by-developer",
        "vary-by-developer-groups",
        "caching-type",
        "downstream-caching-type",
        "must-revalidate",
        "allow-private-response-caching",
    ];
    builder.only(element, &attributes, &["vary-by-header", "vary-by-query-parameter"]);
    builder.no_text(element);
    check_caching_type(builder, element);
    let policy = CacheLookup {
        identity: builder.counter_identity(),
        by_developer: builder.required_boolean(element, "vary-by-developer"),
        by_groups: builder.required_boolean(element, "vary-by-developer-groups"),
        downstream: builder.enumeration(element, "downstream-caching-type", DOWNSTREAM, Downstream::None),
        must_revalidate: builder.boolean(element, "must-revalidate", true),
        allows_private: builder.boolean(element, "allow-private-response-caching", false),
        headers: texts(builder, element, "vary-by-header"),
        parameters: texts(builder, element, "vary-by-query-parameter"),
    };
    let by_user = |text: &Text| text.literal().is_none_or(|name| name.eq_ignore_ascii_case("authorization"));
    if policy.allows_private.literal() == Some(true)
        && policy.by_developer.literal() == Some(false)
        && !policy.headers.iter().any(by_user)
    {
        let message = "`cache-lookup` gives answers to requests with credentials to others: \
                       nothing in it varies by `Authorization` or by developer";
        builder.warn(Severity::High, "shared-private-cache", &element.location, message);
    }
    Ok(Action::Now(Box::new(policy)))
}

fn texts(builder: &mut Builder<'_>, element: &Element, name: &str) -> Vec<Text> {
    let mut texts = Vec::new();
    for child in element.elements_named(name) {
        builder.only(child, &[], &[]);
        if child.text().is_blank() {
            let message = format!("`{name}` names nothing");
            builder.error("bad-value", &child.location, message);
        }
        texts.push(builder.content(child));
    }
    texts
}

impl CacheLookup {
    /// The place of the request in the cache.
    fn key(&self, exchange: &mut Exchange, world: &World<'_>) -> Result<CounterKey, Failure> {
        let developer =
            if self.by_developer.evaluate(exchange, world)? || self.by_groups.evaluate(exchange, world)? {
                let subscription = exchange.route.subscription.as_ref();
                subscription.map(|known| Arc::clone(known.owner.as_ref().unwrap_or(&known.id)))
            } else {
                None
            };
        let headers = names(&self.headers, exchange, world)?;
        let parameters = names(&self.parameters, exchange, world)?;
        Ok(world.counter_keys.key(Place { policy: self, exchange, developer, headers, parameters }))
    }
}

/// Names that the policy varies by: several may stand in one element, with semicolons between them.
fn names(texts: &[Text], exchange: &mut Exchange, world: &World<'_>) -> Result<Vec<String>, Failure> {
    let mut names = Vec::new();
    for text in texts {
        let text = text.evaluate(exchange, world)?;
        let found = text.split(';').map(|name| name.trim().to_ascii_lowercase());
        names.extend(found.filter(|name| !name.is_empty()));
    }
    Ok(names)
}

/// Everything that tells one cached answer from another.
struct Place<'p> {
    policy: &'p CacheLookup,
    exchange: &'p Exchange,
    developer: Option<Arc<str>>,
    headers: Vec<String>,
    parameters: Vec<String>,
}

impl Hash for Place<'_> {
    fn hash<H: Hasher>(&self, state: &mut H) {
        let Exchange { request, route, backend, .. } = self.exchange;
        ("cache", &*self.policy.identity, &self.developer).hash(state);
        let api = route.api.as_ref().map(|api| (&api.workspace, &api.id, &api.revision));
        (api, route.operation.as_ref().map(|operation| &operation.id)).hash(state);
        (&*request.original_url.host, &*request.original_url.path, &*request.url.path).hash(state);
        match backend {
            BackendChoice::Service => 0.hash(state),
            BackendChoice::Url(url) => (1, url.as_str()).hash(state),
            BackendChoice::Entity(name) => (2, &**name).hash(state),
        }
        if self.parameters.is_empty() {
            request.url.query.raw().hash(state);
        }
        for name in &self.parameters {
            let values: Vec<_> = request.url.query.values(name).collect();
            (name, values).hash(state);
        }
        for name in &self.headers {
            let values: Vec<&[u8]> =
                request.headers.get_all(name).iter().map(HeaderValue::as_bytes).collect();
            (name, values).hash(state);
        }
    }
}

impl Policy for CacheLookup {
    fn apply(&self, exchange: &mut Exchange, world: &World<'_>) -> Result<Flow, Failure> {
        exchange.marks.cache = None;
        let request = &exchange.request;
        // A part of an answer is not kept, and a whole one is not given where a part is wanted.
        if request.method != Method::GET || request.websocket || request.headers.contains_key(RANGE) {
            return Ok(Flow::Continue);
        }
        if request.headers.contains_key(AUTHORIZATION) && !self.allows_private.evaluate(exchange, world)? {
            return Ok(Flow::Continue);
        }
        let place = CachePlace {
            key: self.key(exchange, world)?,
            downstream: self.downstream.evaluate(exchange, world)?,
            must_revalidate: self.must_revalidate.evaluate(exchange, world)?,
        };
        let now = world.clock.monotonic_micros() / 1000;
        let Some(found) = world.response_cache.get(place.key, &exchange.request.headers, now) else {
            exchange.marks.cache = Some(place);
            return Ok(Flow::Continue);
        };
        let mut headers = found.headers.clone();
        control_downstream(&mut headers, &place, found.expires_millis.saturating_sub(now) / 1000);
        exchange.response = Some(Response {
            status: found.status,
            reason: found.reason.clone(),
            headers,
            body: Body::from(found.body.clone()),
        });
        Ok(Flow::Outbound)
    }
}

/// Tells caches on the way to the client how long they may keep the answer, if at all (RFC 9111, section 5.2.2).
pub(super) fn control_downstream(headers: &mut HeaderMap, place: &CachePlace, seconds: u64) {
    const OLDER: [HeaderName; 2] = [EXPIRES, PRAGMA];
    for name in OLDER {
        headers.remove(name);
    }
    let kind = match place.downstream {
        Downstream::None => {
            headers.insert(CACHE_CONTROL, HeaderValue::from_static("no-store"));
            return;
        }
        Downstream::Private => "private",
        Downstream::Public => "public",
    };
    let strict = if place.must_revalidate { ", must-revalidate" } else { "" };
    if let Ok(value) = HeaderValue::from_str(&format!("{kind}, max-age={seconds}{strict}")) {
        headers.insert(CACHE_CONTROL, value);
    }
}

#[cfg(test)]
mod tests;
