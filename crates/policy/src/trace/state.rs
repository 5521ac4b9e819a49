//! What of an exchange a policy may change, kept to tell what it did.

use std::fmt::Write as _;

use http::HeaderMap;

use super::masks::{MASK, is_secret_name};
use super::{Change, MAX_VALUE};
use crate::{BackendChoice, Body, Exchange, Response};

/// An exchange at one moment.
#[derive(Clone, Debug, Default)]
pub(super) struct State {
    method: String,
    url: String,
    request_headers: HeaderMap,
    request_body: String,
    status: String,
    response_headers: HeaderMap,
    response_body: String,
    variables: Vec<(String, String)>,
    backend: String,
}

impl State {
    pub(super) fn of(exchange: &Exchange) -> Self {
        let response = exchange.response.as_ref();
        Self {
            method: exchange.request.method.to_string(),
            url: target(&exchange.request.url),
            request_headers: exchange.request.headers.clone(),
            request_body: body(&exchange.request.body),
            status: response.map(status).unwrap_or_default(),
            response_headers: response.map(|response| response.headers.clone()).unwrap_or_default(),
            response_body: response.map(|response| body(&response.body)).unwrap_or_default(),
            variables: exchange
                .variables
                .iter()
                .map(|(name, value)| (name.to_owned(), value.to_text().as_ref().to_owned()))
                .collect(),
            backend: backend(exchange),
        }
    }

    /// What is different afterwards. `secret` is told every value that carries a secret by its name.
    pub(super) fn changes(&self, after: &Self, secret: &mut dyn FnMut(&str)) -> Vec<Change> {
        let mut changes = Vec::new();
        let mut text = |what: &str, before: &str, after: &str| {
            if before != after {
                changes.push(Change {
                    what: what.to_owned(),
                    before: (!before.is_empty()).then(|| short(before)),
                    after: (!after.is_empty()).then(|| short(after)),
                });
            }
        };
        text("request.method", &self.method, &after.method);
        text("request.url", &self.url, &after.url);
        text("backend", &self.backend, &after.backend);
        text("request.body", &self.request_body, &after.request_body);
        text("response.status", &self.status, &after.status);
        text("response.body", &self.response_body, &after.response_body);
        headers("request.headers", &self.request_headers, &after.request_headers, secret, &mut changes);
        headers("response.headers", &self.response_headers, &after.response_headers, secret, &mut changes);
        for (name, value) in &after.variables {
            let before = self.variables.iter().find(|(known, _)| known == name).map(|(_, value)| value);
            if before == Some(value) {
                continue;
            }
            let is_secret = is_secret_name(name) && value.len() > 5;
            if is_secret {
                secret(value);
            }
            let show = |value: &String| if is_secret { MASK.to_owned() } else { short(value) };
            changes.push(Change {
                what: format!("variables.{name}"),
                before: before.map(show),
                after: Some(show(value)),
            });
        }
        changes
    }
}

fn headers(
    of: &str,
    before: &HeaderMap,
    after: &HeaderMap,
    secret: &mut dyn FnMut(&str),
    changes: &mut Vec<Change>,
) {
    let mut names: Vec<_> = before.keys().chain(after.keys()).collect();
    names.sort_unstable_by_key(|name| name.as_str());
    names.dedup();
    for name in names {
        let (old, new) = (joined(before, name), joined(after, name));
        if old == new {
            continue;
        }
        let is_secret = is_secret_name(name.as_str());
        if is_secret {
            old.iter().chain(&new).for_each(|value| hide_header(value, secret));
        }
        let show = |value: String| if is_secret { MASK.to_owned() } else { short(&value) };
        changes.push(Change { what: format!("{of}.{name}"), before: old.map(show), after: new.map(show) });
    }
}

/// Tells the secret parts of a header's value: all of it, and what follows a scheme.
pub(super) fn hide_header(value: &str, secret: &mut dyn FnMut(&str)) {
    secret(value);
    if let Some((_, credentials)) = value.split_once(' ') {
        secret(credentials);
    }
}

fn joined(headers: &HeaderMap, name: &http::HeaderName) -> Option<String> {
    let values: Vec<_> =
        headers.get_all(name).iter().map(|value| String::from_utf8_lossy(value.as_bytes())).collect();
    (!values.is_empty()).then(|| values.join(", "))
}

/// The request's path and query.
fn target(url: &crate::RequestUrl) -> String {
    let query = url.query.raw();
    if query.is_empty() { url.path.clone() } else { format!("{}?{query}", url.path) }
}

fn backend(exchange: &Exchange) -> String {
    match &exchange.backend {
        BackendChoice::Service => String::new(),
        BackendChoice::Url(url) => url.to_string(),
        BackendChoice::Entity(name) => format!("backend `{name}`"),
    }
}

fn status(response: &Response) -> String {
    let mut text = response.status.as_u16().to_string();
    if let Some(reason) = &response.reason {
        // Writing to a string cannot fail.
        let _ = write!(text, " {reason}");
    }
    text
}

/// The size of a body. What stands in it is the client's, and no part of a decision.
fn body(body: &Body) -> String {
    match body {
        Body::Empty => String::new(),
        Body::Full(bytes) => format!("{} bytes", bytes.len()),
        Body::Consumed => "consumed".to_owned(),
        Body::Stream(_) => "a stream".to_owned(),
    }
}

/// A value that fits into a trace.
pub(super) fn short(value: &str) -> String {
    match value.char_indices().nth(MAX_VALUE) {
        None => value.to_owned(),
        Some((at, _)) => {
            let total = value.chars().count();
            format!("{}… ({total} characters)", value.get(..at).unwrap_or_default())
        }
    }
}
