//! Answers that stand in for the world: the backend's, and those to the requests of policies.

use std::time::Duration;

use gatehouse_model::Located;
use gatehouse_model::tree::decode::{Context, Fields, Shape, choice, integer, list, record, text};
use gatehouse_model::tree::{Node, NodeValue};
use gatehouse_policy::{Body, Response, UpstreamError};
use http::{HeaderName, HeaderValue, StatusCode};

use super::shapes::{Content, HeaderList, Scalar, bytes};
use super::template::Templates;

/// An answer, or why there is none.
#[derive(Clone, Debug)]
pub(crate) struct Answer {
    pub(crate) status: u16,
    pub(crate) reason: Option<String>,
    pub(crate) headers: Vec<(Located<String>, Vec<String>)>,
    pub(crate) body: String,
    pub(crate) error: Option<Fault>,
}

/// Why there is no answer.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Fault {
    Connection,
    Timeout,
}

/// An answer to requests of policies.
#[derive(Clone, Debug)]
pub(crate) struct Stub {
    /// The URL; a `*` at its end stands for anything.
    pub(crate) url: String,
    /// The method; `None`: any.
    pub(crate) method: Option<String>,
    pub(crate) answer: Answer,
}

impl Default for Answer {
    fn default() -> Self {
        Self { status: 200, reason: None, headers: Vec::new(), body: String::new(), error: None }
    }
}

impl Answer {
    pub(crate) fn shape() -> impl Shape<Value = Self> {
        record("an answer", |fields| Some(Self::read(fields)))
    }

    fn read(fields: &mut Fields<'_>) -> Self {
        let status = fields.or("status", integer(100..=999), 200, "The status code.");
        let reason = fields.optional("reason", Scalar, "The reason phrase.");
        let headers = fields.optional("headers", HeaderList, "Header fields.");
        let body = fields.optional("body", Content, "The body.");
        let faults = [("connection", Fault::Connection), ("timeout", Fault::Timeout)];
        let error = fields.optional("error", choice(&faults), "Why there is no answer at all.");
        Self {
            status: status as u16,
            reason,
            headers: headers.unwrap_or_default(),
            body: body.unwrap_or_default(),
            error,
        }
    }

    /// The answer as the pipeline gets it.
    pub(super) fn respond(
        &self,
        templates: &Templates<'_>,
        timeout: Duration,
    ) -> Result<Response, UpstreamError> {
        match self.error {
            Some(Fault::Connection) => {
                return Err(UpstreamError::Connection("the stub refuses the connection".to_owned()));
            }
            Some(Fault::Timeout) => return Err(UpstreamError::Timeout(timeout)),
            None => {}
        }
        let bad = |why: String| UpstreamError::BadAnswer(format!("the stub {why}"));
        let status = StatusCode::from_u16(self.status)
            .map_err(|_| bad(format!("has the status {}, which there is not", self.status)))?;
        let mut response = Response::new(status);
        response.reason = self.reason.as_deref().map(Into::into);
        for (name, values) in &self.headers {
            let field = HeaderName::from_bytes(name.value.as_bytes())
                .map_err(|_| bad(format!("names the header `{}`, which there cannot be", name.value)))?;
            for value in values {
                let value = templates.fill(value).map_err(&bad)?;
                let value = HeaderValue::from_str(&value)
                    .map_err(|_| bad(format!("gives `{field}` a value that it cannot have")))?;
                response.headers.append(field.clone(), value);
            }
        }
        response.body = Body::from(bytes(templates.fill(&self.body).map_err(&bad)?));
        Ok(response)
    }
}

/// One answer, or a list of them for one call after the other.
pub(crate) struct Answers;

impl Shape for Answers {
    type Value = Vec<Answer>;

    fn decode(&self, node: &Node, context: &mut Context) -> Option<Vec<Answer>> {
        match node.value {
            NodeValue::Sequence(_) => list(Answer::shape()).not_empty().decode(node, context),
            _ => Answer::shape().decode(node, context).map(|answer| vec![answer]),
        }
    }

    fn expected(&self) -> String {
        "an answer or a list of answers".to_owned()
    }

    fn expected_entries(&self) -> String {
        "answers".to_owned()
    }

    fn schema(&self) -> serde_json::Value {
        serde_json::json!({ "oneOf": [Answer::shape().schema(), list(Answer::shape()).schema()] })
    }
}

impl Stub {
    pub(crate) fn shape() -> impl Shape<Value = Self> {
        record("a stub", |fields| {
            let url = fields.required(
                "url",
                text(),
                "The URL that it answers; `*` at its end stands for anything.",
            );
            let method = fields.optional("method", text(), "The method that it answers; default: any.");
            let answer = Answer::read(fields);
            Some(Self { url: url?, method, answer })
        })
    }

    /// Whether it answers a request.
    pub(crate) fn answers(&self, method: &str, url: &str) -> bool {
        let is_url = match self.url.strip_suffix('*') {
            Some(start) => url.starts_with(start),
            None => url == self.url || url.strip_suffix('/') == Some(&*self.url),
        };
        is_url && self.method.as_deref().is_none_or(|wanted| wanted.eq_ignore_ascii_case(method))
    }
}
