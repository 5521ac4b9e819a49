//! What must come out of a case, and what differs from it.

use gatehouse_model::Located;
use gatehouse_model::tree::decode::{Context, Invalid, Shape, integer, map, one_or_many, record};
use gatehouse_model::tree::{Node, NodeValue};
use http::HeaderMap;
use serde_json::{Value, json};

use super::matcher::{Matcher, MatcherShape, Pattern, PatternShape, quoted};
use crate::offline::{Any, Finished, Scalar, Sent, Templates};

/// What must come out.
#[derive(Debug, Default)]
pub(super) struct Expectation {
    status: Option<u64>,
    reason: Option<String>,
    message: Message,
    backend_called: Option<Calls>,
    backend_request: Option<SentExpectation>,
    policy_requests: Option<Vec<SentExpectation>>,
    last_error: Option<Vec<(Located<String>, Matcher)>>,
    variables: Vec<(Located<String>, Node)>,
}

/// Header fields and body of a message.
#[derive(Debug, Default)]
struct Message {
    headers: Vec<(Located<String>, Matcher)>,
    body: Option<Node>,
    contains: Vec<String>,
    matches: Option<Pattern>,
}

/// A request that must have been sent.
#[derive(Debug)]
struct SentExpectation {
    method: Option<String>,
    url: Option<Matcher>,
    message: Message,
}

/// How often the backend must have been called.
#[derive(Clone, Copy, Debug)]
enum Calls {
    AtAll(bool),
    Times(u64),
}

impl Expectation {
    pub(super) fn shape() -> impl Shape<Value = Self> {
        record("what is expected", |fields| {
            let status = fields.optional("status", integer(100..=999), "The status code.");
            let reason = fields.optional("reason", Scalar, "The reason phrase.");
            let message = Message::read(fields);
            let backend_called = fields.optional(
                "backend_called",
                CallsShape,
                "Whether the backend was called, or how often.",
            );
            let backend_request = fields.optional(
                "backend_request",
                SentExpectation::shape(),
                "What was sent to the backend, the last time.",
            );
            let policy_requests = fields.optional(
                "policy_requests",
                gatehouse_model::tree::decode::list(SentExpectation::shape()),
                "What policies sent, all of it, in its order.",
            );
            let last_error =
                fields.optional("last_error", LastErrorShape, "Parts of `context.LastError`, or `absent`.");
            let variables =
                fields.optional("variables", map("variables", Any), "Values of `context.Variables`.");
            Some(Self {
                status,
                reason,
                message,
                backend_called,
                backend_request,
                policy_requests,
                last_error,
                variables: variables.unwrap_or_default(),
            })
        })
    }

    /// What differs, a line each.
    pub(super) fn differences(
        &self,
        finished: &Finished,
        to_backend: &[Sent],
        by_policies: &[Sent],
        templates: &Templates<'_>,
    ) -> Vec<String> {
        let mut out = Vec::new();
        let exchange = &finished.exchange;
        let response = exchange.response.as_ref();
        let status = response.map_or(500, |response| u64::from(response.status.as_u16()));
        if self.status.is_some_and(|wanted| wanted != status) {
            out.push(format!("status: expected {}, got {status}", self.status.unwrap_or_default()));
        }
        let empty = HeaderMap::new();
        let headers = response.map_or(&empty, |response| &response.headers);
        if let (Some(wanted), Some(response)) = (&self.reason, response) {
            let got = match &response.reason {
                Some(reason) => reason,
                None => response.status.canonical_reason().unwrap_or_default(),
            };
            if wanted != got {
                out.push(format!("reason: expected `{wanted}`, got `{got}`"));
            }
        }
        self.message.differences("", headers, &finished.body, templates, &mut out);
        self.calls(to_backend, templates, &mut out);
        if let Some(wanted) = &self.policy_requests {
            if wanted.len() != by_policies.len() {
                let got: Vec<_> =
                    by_policies.iter().map(|sent| format!("{} {}", sent.method, sent.url)).collect();
                let (wanted, count) = (wanted.len(), got.len());
                out.push(format!("policy_requests: expected {wanted}, got {count}: {}", got.join(", ")));
            }
            for (index, (wanted, sent)) in wanted.iter().zip(by_policies).enumerate() {
                wanted.differences(&format!("policy_requests[{index}]."), sent, templates, &mut out);
            }
        }
        self.last_error(finished, &mut out);
        for (name, wanted) in &self.variables {
            variable(&name.value, wanted, finished, &mut out);
        }
        out
    }

    fn calls(&self, sent: &[Sent], templates: &Templates<'_>, out: &mut Vec<String>) {
        let count = sent.len() as u64;
        match self.backend_called {
            Some(Calls::AtAll(wanted)) if wanted != (count > 0) => {
                let got = if count > 0 { "it was called" } else { "it was not" };
                out.push(format!("backend_called: expected {wanted}, but {got}"));
            }
            Some(Calls::Times(wanted)) if wanted != count => {
                out.push(format!("backend_called: expected {wanted} times, got {count}"));
            }
            _ => {}
        }
        match (&self.backend_request, sent.last()) {
            (Some(wanted), Some(sent)) => wanted.differences("backend_request.", sent, templates, out),
            (Some(_), None) => out.push("backend_request: the backend was not called".to_owned()),
            (None, _) => {}
        }
    }

    fn last_error(&self, finished: &Finished, out: &mut Vec<String>) {
        let Some(wanted) = &self.last_error else { return };
        let got = finished.exchange.last_error.as_ref();
        if wanted.is_empty() {
            if let Some(error) = got {
                out.push(format!(
                    "last_error: expected none, got {}: {}: {}",
                    error.source, error.reason, error.message
                ));
            }
            return;
        }
        let Some(error) = got else {
            out.push("last_error: there is none".to_owned());
            return;
        };
        for (name, matcher) in wanted {
            let value = match name.value.as_str() {
                "source" => Some(error.source.as_str()),
                "reason" => Some(error.reason.as_str()),
                "message" => Some(error.message.as_str()),
                "scope" => error.scope,
                "section" => error.section,
                "path" => error.path.as_deref(),
                _ => error.policy_id.as_deref(),
            };
            if let Some(why) = matcher.difference(value) {
                out.push(format!("last_error.{}: {why}", name.value));
            }
        }
    }
}

impl Message {
    fn read(fields: &mut gatehouse_model::tree::decode::Fields<'_>) -> Self {
        let headers = fields.optional("headers", map("header fields", MatcherShape), "Header fields.");
        let body = fields.optional("body", Any, "The whole body; a mapping or a list is compared as JSON.");
        let contains = fields.optional("body_contains", one_or_many(Scalar), "Texts that the body holds.");
        let matches =
            fields.optional("body_matches", PatternShape, "A regular expression that the body matches.");
        Self { headers: headers.unwrap_or_default(), body, contains: contains.unwrap_or_default(), matches }
    }

    fn differences(
        &self,
        of: &str,
        headers: &HeaderMap,
        body: &[u8],
        templates: &Templates<'_>,
        out: &mut Vec<String>,
    ) {
        for (name, matcher) in &self.headers {
            let values: Vec<_> = headers
                .get_all(name.value.to_ascii_lowercase())
                .iter()
                .map(|value| String::from_utf8_lossy(value.as_bytes()))
                .collect();
            let joined = (!values.is_empty()).then(|| values.join(", "));
            if let Some(why) = matcher.filled(templates).difference(joined.as_deref()) {
                out.push(format!("{of}headers.{}: {why}", name.value));
            }
        }
        let text = String::from_utf8_lossy(body);
        if let Some(wanted) = &self.body
            && let Some(why) = body_difference(wanted, &text, templates)
        {
            out.push(format!("{of}body: {why}"));
        }
        for wanted in &self.contains {
            if !text.contains(wanted.as_str()) {
                out.push(format!("{of}body_contains: `{wanted}` is not in {}", quoted(&text)));
            }
        }
        if let Some(pattern) = &self.matches
            && !pattern.is_match(&text)
        {
            out.push(format!("{of}body_matches: `{}` does not match {}", pattern.as_str(), quoted(&text)));
        }
    }
}

impl SentExpectation {
    fn shape() -> impl Shape<Value = Self> {
        record("a request that was sent", |fields| {
            let method = fields.optional("method", Scalar, "The method.");
            let url = fields.optional("url", MatcherShape, "The URL.");
            let message = Message::read(fields);
            Some(Self { method, url, message })
        })
    }

    fn differences(&self, of: &str, sent: &Sent, templates: &Templates<'_>, out: &mut Vec<String>) {
        if let Some(method) = self.method.as_ref().filter(|method| **method != sent.method.as_str()) {
            out.push(format!("{of}method: expected {method}, got {}", sent.method));
        }
        if let Some(matcher) = &self.url
            && let Some(why) = matcher.filled(templates).difference(Some(&sent.url))
        {
            out.push(format!("{of}url: {why}"));
        }
        self.message.differences(of, &sent.headers, &sent.body, templates, out);
    }
}

fn body_difference(wanted: &Node, got: &str, templates: &Templates<'_>) -> Option<String> {
    match &wanted.value {
        NodeValue::Mapping(_) | NodeValue::Sequence(_) => {
            let wanted = wanted.to_json();
            match serde_json::from_str::<Value>(got) {
                Ok(got) if same(&wanted, &got) => None,
                Ok(got) => Some(format!("expected {wanted}, got {got}")),
                Err(_) => Some(format!("expected {wanted}, got {}, which is no JSON", quoted(got))),
            }
        }
        NodeValue::Null => (!got.is_empty()).then(|| format!("expected none, got {}", quoted(got))),
        _ => {
            let wanted = wanted.scalar_text().unwrap_or_default();
            let wanted = templates.fill(&wanted).unwrap_or_else(|_| wanted.into_owned());
            (wanted != got).then(|| format!("expected {}, got {}", quoted(&wanted), quoted(got)))
        }
    }
}

fn variable(name: &str, wanted: &Node, finished: &Finished, out: &mut Vec<String>) {
    let got = finished.exchange.variables.get(name);
    let Some(value) = got else {
        if wanted.as_str() != Some("absent") {
            out.push(format!("variables.{name}: there is none"));
        }
        return;
    };
    let text = value.to_text();
    if wanted.as_str() == Some("present") {
        return;
    }
    let why = match &wanted.value {
        NodeValue::Mapping(_) | NodeValue::Sequence(_) => {
            let wanted = wanted.to_json();
            match serde_json::from_str::<Value>(&text) {
                Ok(got) if same(&wanted, &got) => None,
                _ => Some(format!("expected {wanted}, got {}", quoted(&text))),
            }
        }
        NodeValue::Null => (!value.is_null()).then(|| format!("expected null, got {}", quoted(&text))),
        // .NET writes `True`; a test file `true`.
        NodeValue::Boolean(wanted) => {
            (value.to_boolean() != Some(*wanted)).then(|| format!("expected {wanted}, got {}", quoted(&text)))
        }
        _ => {
            let wanted = wanted.scalar_text().unwrap_or_default();
            (wanted != *text).then(|| format!("expected {}, got {}", quoted(&wanted), quoted(&text)))
        }
    };
    if let Some(why) = why {
        out.push(format!("variables.{name}: {why}"));
    }
}

/// Whether two values are the same; `1` and `1.0` are, and the order of members does not count.
fn same(a: &Value, b: &Value) -> bool {
    match (a, b) {
        (Value::Number(a), Value::Number(b)) => a == b || a.as_f64() == b.as_f64(),
        (Value::Array(a), Value::Array(b)) => a.len() == b.len() && a.iter().zip(b).all(|(a, b)| same(a, b)),
        (Value::Object(a), Value::Object(b)) => {
            a.len() == b.len() && a.iter().all(|(name, a)| b.get(name).is_some_and(|b| same(a, b)))
        }
        (a, b) => a == b,
    }
}

struct CallsShape;

impl Shape for CallsShape {
    type Value = Calls;

    fn decode(&self, node: &Node, context: &mut Context) -> Option<Calls> {
        match (node.as_bool(), node.as_u64()) {
            (Some(called), _) => Some(Calls::AtAll(called)),
            (None, Some(times)) => Some(Calls::Times(times)),
            (None, None) => {
                context.wrong_type(node, &self.expected());
                None
            }
        }
    }

    fn expected(&self) -> String {
        "`true`, `false` or a number of calls".to_owned()
    }

    fn expected_entries(&self) -> String {
        "numbers".to_owned()
    }

    fn schema(&self) -> Value {
        json!({ "type": ["boolean", "integer"] })
    }
}

/// `absent`, or parts of the error.
struct LastErrorShape;

impl Shape for LastErrorShape {
    type Value = Vec<(Located<String>, Matcher)>;

    fn decode(&self, node: &Node, context: &mut Context) -> Option<Self::Value> {
        if node.as_str() == Some("absent") {
            return Some(Vec::new());
        }
        let shape = record("an error", |fields| {
            let mut found = Vec::new();
            for (name, help) in LAST_ERROR {
                let location = fields.location();
                if let Some(matcher) = fields.optional(name, MatcherShape, help) {
                    found.push((Located::new((*name).to_owned(), location), matcher));
                }
            }
            Some(found)
        });
        let found = shape.decode(node, context)?;
        if found.is_empty() {
            context.invalid(node, &self.expected(), Invalid::because("it says nothing"));
            return None;
        }
        Some(found)
    }

    fn expected(&self) -> String {
        "`absent`, or a mapping with parts of the error".to_owned()
    }

    fn expected_entries(&self) -> String {
        "errors".to_owned()
    }

    fn schema(&self) -> Value {
        json!({ "type": ["string", "object"] })
    }
}

const LAST_ERROR: &[(&str, &str)] = &[
    ("source", "The policy or the step that failed."),
    ("reason", "The code of the error."),
    ("message", "What people read."),
    ("scope", "The scope of the policy."),
    ("section", "The section of the policy."),
    ("path", "The place in the section."),
    ("policy_id", "The policy's `id`."),
];
