//! `cors`: which pages of other origins may read the answers (Fetch standard, section 3.2).
//!
//! Source: <https://learn.microsoft.com/azure/api-management/cors-policy>. A preflight request that no operation of its own
//! answers is answered here. `terminate-unmatched-request` defaults to true, as the service behaves. Where policies of
//! several scopes stand in the way of a request, the first that allows its origin is the one that applies.

use http::header::{
    ACCESS_CONTROL_ALLOW_CREDENTIALS, ACCESS_CONTROL_ALLOW_HEADERS, ACCESS_CONTROL_ALLOW_METHODS,
    ACCESS_CONTROL_ALLOW_ORIGIN, ACCESS_CONTROL_EXPOSE_HEADERS, ACCESS_CONTROL_MAX_AGE,
    ACCESS_CONTROL_REQUEST_HEADERS, ACCESS_CONTROL_REQUEST_METHOD, HeaderName, ORIGIN, VARY,
};
use http::{HeaderMap, HeaderValue, Method, StatusCode};
use url::Url;

use crate::compiler::{Builder, Reported};
use crate::document::Element;
use crate::value::{Boolean, Integer, Text};
use crate::{Action, Deferred, Exchange, Failure, Flow, Policy, Response, World};

#[derive(Debug)]
struct Cors {
    allows_credentials: Boolean,
    terminates_unmatched: Boolean,
    origins: Vec<Text>,
    methods: Vec<Text>,
    max_age: Option<Integer>,
    headers: Vec<Text>,
    exposed: Vec<Text>,
}

pub(super) fn compile(builder: &mut Builder<'_>, element: &Element) -> Result<Action, Reported> {
    builder.only(
        element,
        &["allow-credentials", "terminate-unmatched-request"],
        &["allowed-origins", "allowed-methods", "allowed-headers", "expose-headers"],
    );
    builder.no_text(element);
    let allows_credentials = builder.boolean(element, "allow-credentials", false);
    let terminates_unmatched = builder.boolean(element, "terminate-unmatched-request", true);
    let origins = origins(builder, element, &allows_credentials);
    let methods = list(builder, element, "allowed-methods", "method", &["preflight-result-max-age"]);
    let max_age = match builder.child(element, "allowed-methods") {
        Some(methods) => builder.optional_integer(methods, "preflight-result-max-age", 0..=86_400),
        None => None,
    };
    let headers = list(builder, element, "allowed-headers", "header", &[]);
    let exposed = list(builder, element, "expose-headers", "header", &[]);
    Ok(Action::Now(Box::new(Cors {
        allows_credentials,
        terminates_unmatched,
        origins,
        methods,
        max_age,
        headers,
        exposed,
    })))
}

/// The texts in a list, which holds at least one where it stands at all.
fn list(
    builder: &mut Builder<'_>,
    element: &Element,
    name: &str,
    item: &str,
    attributes: &[&str],
) -> Vec<Text> {
    let Some(list) = builder.child(element, name) else { return Vec::new() };
    builder.only(list, attributes, &[item]);
    builder.no_text(list);
    let mut texts = Vec::new();
    for child in list.elements_named(item) {
        builder.only(child, &[], &[]);
        texts.push(builder.content(child));
    }
    if texts.is_empty() {
        let message = format!("`{name}` holds no `{item}`");
        let fix = format!("add `<{item}>…</{item}>`, or take the list out");
        builder.error_with_fix("missing-element", &list.location, message, fix);
    }
    texts
}

fn origins(builder: &mut Builder<'_>, element: &Element, allows_credentials: &Boolean) -> Vec<Text> {
    let Some(allowed) = builder.child(element, "allowed-origins") else {
        let message = "`cors` names no origin";
        let fix = "add `<allowed-origins><origin>…</origin></allowed-origins>`";
        builder.error_with_fix("missing-element", &element.location, message, fix);
        return Vec::new();
    };
    let origins = list(builder, element, "allowed-origins", "origin", &[]);
    for (origin, child) in origins.iter().zip(allowed.elements_named("origin")) {
        let Some(literal) = origin.literal() else { continue };
        let location = child.text().trimmed().location;
        if &**literal == "*" {
            if allows_credentials.literal() == Some(true) {
                let message = "`cors` allows credentials to every origin: any page could act as the user";
                let fix = "name the origins, or leave out `allow-credentials`";
                builder.error_with_fix("bad-value", &location, message, fix);
            }
        } else if normalized(literal).is_none() {
            let message = format!("`{literal}` is no origin");
            let fix =
                "an origin is a scheme and a host, with a port where it is not the scheme's own, or `*`";
            builder.error_with_fix("bad-value", &location, message, fix);
        }
    }
    origins
}

/// Scheme, host and port of an origin.
fn normalized(origin: &str) -> Option<String> {
    let url = Url::parse(origin.trim()).ok()?;
    let is_origin = url.host_str().is_some_and(|host| !host.contains('*'))
        && matches!(url.path(), "" | "/")
        && url.query().is_none();
    is_origin.then(|| url.origin().ascii_serialization())
}

impl Cors {
    /// The value of `Access-Control-Allow-Origin` for the request's origin, if the policy allows it.
    fn allowed_origin(
        &self,
        exchange: &mut Exchange,
        world: &World<'_>,
    ) -> Result<Option<HeaderValue>, Failure> {
        let Some(origin) = exchange.request.headers.get(ORIGIN).cloned() else { return Ok(None) };
        let presented = origin.to_str().ok().and_then(normalized);
        for allowed in &self.origins {
            let allowed = allowed.evaluate(exchange, world)?;
            if &*allowed == "*" {
                // With credentials the wildcard means nothing to browsers, and an expression may have given it.
                let with_credentials = self.allows_credentials.evaluate(exchange, world)?;
                if !with_credentials {
                    return Ok(Some(HeaderValue::from_static("*")));
                }
            } else if presented.is_some() && normalized(&allowed) == presented {
                return Ok(Some(origin));
            }
        }
        Ok(None)
    }

    /// Whether another origin would get another answer: then caches must know (Fetch standard, "CORS protocol and HTTP caches").
    fn depends_on_origin(&self) -> bool {
        !self.origins.iter().all(|origin| origin.literal().is_some_and(|origin| &**origin == "*"))
    }

    /// The answer to a request that ends here: it allows nothing.
    fn nothing_allowed(&self) -> Response {
        let mut response = Response::new(StatusCode::OK);
        if self.depends_on_origin() {
            vary(&mut response.headers);
        }
        response
    }

    fn texts(texts: &[Text], exchange: &mut Exchange, world: &World<'_>) -> Result<Vec<String>, Failure> {
        texts.iter().map(|text| Ok(text.evaluate(exchange, world)?.trim().to_owned())).collect()
    }

    fn answer_preflight(
        &self,
        exchange: &mut Exchange,
        world: &World<'_>,
    ) -> Result<Option<Response>, Failure> {
        let Some(origin) = self.allowed_origin(exchange, world)? else { return Ok(None) };
        let requested = |exchange: &Exchange, name: &HeaderName| {
            exchange.request.headers.get(name).and_then(|value| value.to_str().ok()).map(str::to_owned)
        };
        let Some(method) = requested(exchange, &ACCESS_CONTROL_REQUEST_METHOD) else { return Ok(None) };
        let wanted = requested(exchange, &ACCESS_CONTROL_REQUEST_HEADERS).unwrap_or_default();
        let methods = match Self::texts(&self.methods, exchange, world)? {
            methods if methods.is_empty() => vec!["GET".to_owned(), "POST".to_owned()],
            methods => methods,
        };
        let all_methods = methods.iter().any(|allowed| allowed == "*");
        if !all_methods && !methods.iter().any(|allowed| allowed.eq_ignore_ascii_case(&method)) {
            return Ok(None);
        }
        let headers = Self::texts(&self.headers, exchange, world)?;
        let all_headers = headers.iter().any(|allowed| allowed == "*");
        let wanted: Vec<&str> = wanted.split(',').map(str::trim).filter(|name| !name.is_empty()).collect();
        let is_allowed = |name: &&str| headers.iter().any(|allowed| allowed.eq_ignore_ascii_case(name));
        if !all_headers && !wanted.iter().all(is_allowed) {
            return Ok(None);
        }
        let mut response = Response::new(StatusCode::OK);
        let fields = &mut response.headers;
        put(fields, ACCESS_CONTROL_ALLOW_METHODS, &if all_methods { method } else { methods.join(",") });
        if !wanted.is_empty() {
            put(fields, ACCESS_CONTROL_ALLOW_HEADERS, &wanted.join(","));
        }
        if let Some(max_age) = &self.max_age {
            let seconds = max_age.evaluate(exchange, world)?;
            if seconds > 0 {
                response.headers.insert(ACCESS_CONTROL_MAX_AGE, HeaderValue::from(seconds));
            }
        }
        let with_credentials = self.allows_credentials.evaluate(exchange, world)?;
        allow(&mut response.headers, origin, with_credentials);
        Ok(Some(response))
    }
}

impl Policy for Cors {
    fn apply(&self, exchange: &mut Exchange, world: &World<'_>) -> Result<Flow, Failure> {
        if exchange.marks.origin_allowed {
            return Ok(Flow::Continue);
        }
        let is_asked = exchange.request.headers.contains_key(ORIGIN);
        let Some(origin) = self.allowed_origin(exchange, world)? else {
            let is_simple = matches!(exchange.request.method, Method::GET | Method::HEAD);
            if is_asked && is_simple && self.terminates_unmatched.evaluate(exchange, world)? {
                exchange.response = Some(self.nothing_allowed());
                return Ok(Flow::Respond);
            }
            if self.depends_on_origin() {
                exchange.deferred.push(Deferred::Response(Box::new(|exchange, _| {
                    exchange.response.iter_mut().for_each(|response| vary(&mut response.headers));
                })));
            }
            return Ok(Flow::Continue);
        };
        exchange.marks.origin_allowed = true;
        let with_credentials = self.allows_credentials.evaluate(exchange, world)?;
        let exposed = Self::texts(&self.exposed, exchange, world)?.join(",");
        exchange.deferred.push(Deferred::Response(Box::new(move |exchange, _| {
            if let Some(response) = &mut exchange.response {
                allow(&mut response.headers, origin, with_credentials);
                if !exposed.is_empty() {
                    put(&mut response.headers, ACCESS_CONTROL_EXPOSE_HEADERS, &exposed);
                }
            }
        })));
        Ok(Flow::Continue)
    }

    fn answer_unmatched(
        &self,
        exchange: &mut Exchange,
        world: &World<'_>,
    ) -> Result<Option<Response>, Failure> {
        if let Some(answer) = self.answer_preflight(exchange, world)? {
            return Ok(Some(answer));
        }
        let terminates = self.terminates_unmatched.evaluate(exchange, world)?;
        Ok(terminates.then(|| self.nothing_allowed()))
    }
}

fn allow(headers: &mut HeaderMap, origin: HeaderValue, with_credentials: bool) {
    if origin != "*" {
        vary(headers);
    }
    headers.insert(ACCESS_CONTROL_ALLOW_ORIGIN, origin);
    if with_credentials {
        headers.insert(ACCESS_CONTROL_ALLOW_CREDENTIALS, HeaderValue::from_static("true"));
    }
}

/// Adds `Vary: Origin`, once.
fn vary(headers: &mut HeaderMap) {
    let names_origin = |value: &HeaderValue| {
        value
            .to_str()
            .is_ok_and(|names| names.split(',').any(|name| name.trim().eq_ignore_ascii_case("origin")))
    };
    if !headers.get_all(VARY).iter().any(names_origin) {
        headers.append(VARY, HeaderValue::from_static("Origin"));
    }
}

fn put(headers: &mut HeaderMap, name: HeaderName, value: &str) {
    if let Ok(value) = HeaderValue::from_str(value) {
        headers.insert(name, value);
    }
}

#[cfg(test)]
mod tests;
