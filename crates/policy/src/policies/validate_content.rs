//! `validate-content`: the bodies of requests and answers against the definition, or against a schema of their own.
//!
//! Source: <https://learn.microsoft.com/azure/api-management/validate-content-policy>. A body is read once, up to
//! `max-size`, and sent on as it came. The size is counted on the bytes as they arrive and once more on the bytes without
//! their compression, whatever `Content-Length` says.

mod compile;
mod content;

use std::sync::Arc;

use bytes::Bytes;
use gatehouse_validation::openapi::{Media, Operation};
use gatehouse_validation::xml::{SoapOperation, SoapVersion};
use http::header::{CONTENT_ENCODING, CONTENT_TYPE};
use http::{Method, StatusCode};

use self::content::Content;
use super::content_coding::{self, CodingError};
use super::validation_errors::{Act, Action as Policed, Errors, Subject};
use super::whole_body;
use crate::compiler::Message;
use crate::plan::PolicyFuture;
use crate::value::{Boolean, Integer};
use crate::{AsyncPolicy, BodyError, ErrorPlace, Exchange, Failure, World, builtin};

pub(super) use self::compile::{MAX_SIZE, compile, whole};

const NAME: &str = "validate-content";

#[derive(Debug)]
struct ValidateContent {
    message: Message,
    unspecified: Policed,
    max_size: Integer,
    size_exceeded: Policed,
    variable: Option<Arc<str>>,
    map: ContentTypeMap,
    contents: Vec<Content>,
}

/// What content types count as.
#[derive(Debug, Default)]
struct ContentTypeMap {
    any: Option<Arc<str>>,
    missing: Option<Arc<str>>,
    rules: Vec<(Rule, Arc<str>)>,
}

#[derive(Debug)]
enum Rule {
    From(Arc<str>),
    When(Boolean),
}

/// The message as the policy sees it.
struct Seen {
    /// The content type as the message says it; empty where it says none.
    content_type: String,
    /// What it counts as, without parameters and in lower case.
    counts_as: String,
    operation: Option<Arc<Operation>>,
    /// What a WSDL definition says of the operation.
    soap: Option<Arc<SoapOperation>>,
    status: Option<StatusCode>,
}

impl AsyncPolicy for ValidateContent {
    fn apply<'a>(&'a self, exchange: &'a mut Exchange, world: &'a World<'a>) -> PolicyFuture<'a> {
        Box::pin(async move {
            let mut errors = Errors::new(NAME, self.message, self.variable.as_ref());
            self.judge(exchange, world, &mut errors).await?;
            errors.conclude(exchange)
        })
    }
}

impl ValidateContent {
    fn kind(&self) -> &'static str {
        if self.message == Message::Request { "RequestBody" } else { "ResponseBody" }
    }

    async fn judge(
        &self,
        exchange: &mut Exchange,
        world: &World<'_>,
        errors: &mut Errors<'_>,
    ) -> Result<(), Failure> {
        let status = match self.message {
            Message::Request => None,
            Message::Response => match &exchange.response {
                Some(response) => Some(response.status),
                None => return Ok(()),
            },
        };
        let has_no_body = status.is_some_and(|status| {
            exchange.request.method == Method::HEAD
                || matches!(status, StatusCode::NO_CONTENT | StatusCode::NOT_MODIFIED)
                || status.is_informational()
        });
        if has_no_body {
            return Ok(());
        }
        let Some(seen) = self.see(exchange, world, status, errors)? else { return Ok(()) };
        let Some(body) = self.read(exchange, world, errors).await? else { return Ok(()) };
        if errors.prevents() {
            return Ok(());
        }
        if body.is_empty() {
            return self.empty(&seen, exchange, world, errors);
        }
        let Some(content) = self.contents.iter().find(|content| content.applies(&seen)) else {
            if seen.media().is_none() && !seen.is_soap() {
                let action = self.unspecified.evaluate(exchange, world)?;
                let shown = shown(&seen.content_type);
                let details = format!("Unspecified content type {shown} is not allowed.");
                let subject = Subject { kind: self.kind(), name: &shown };
                errors.add(action, subject, "Unspecified", details, true, ErrorPlace::Message);
            }
            return Ok(());
        };
        let action = content.action.evaluate(exchange, world)?;
        if content.strips
            && let Some(stripped) = content.strip(&seen, &body, errors)
        {
            whole_body::replace(exchange, self.message, Bytes::from(stripped));
            if let Some(response) = &mut exchange.response {
                response.headers.remove(CONTENT_ENCODING);
            }
            return Ok(());
        }
        if action != Act::Ignore {
            content.judge(&seen, self.message, action, &body, errors);
        }
        Ok(())
    }

    /// Looks at the head; `None` where it is refused.
    fn see(
        &self,
        exchange: &mut Exchange,
        world: &World<'_>,
        status: Option<StatusCode>,
        errors: &mut Errors<'_>,
    ) -> Result<Option<Seen>, Failure> {
        let Some((headers, _)) = whole_body::parts(exchange, self.message) else { return Ok(None) };
        let mut values = headers.get_all(CONTENT_TYPE).iter();
        let first = values.next().map(|value| String::from_utf8_lossy(value.as_bytes()).into_owned());
        if values.next().is_some() {
            let action = self.strictest(exchange, world)?;
            let details = "The message has more than one content type.".to_owned();
            let subject = Subject { kind: self.kind(), name: "" };
            errors.add(action, subject, "Unspecified", details, true, ErrorPlace::Message);
            return Ok(None);
        }
        let content_type = first.unwrap_or_default().trim().to_owned();
        let essence = essence(&content_type);
        let counts_as = self.map.apply(&essence, exchange, world)?;
        let facts = exchange.route.operation.as_ref();
        let operation = facts.and_then(|facts| facts.validation.clone());
        let soap = facts.and_then(|facts| facts.soap.clone());
        Ok(Some(Seen { content_type, counts_as, operation, soap, status }))
    }

    /// The strictest of all actions: for messages that cannot be told apart from others.
    fn strictest(&self, exchange: &mut Exchange, world: &World<'_>) -> Result<Act, Failure> {
        let mut strictest = self.unspecified.evaluate(exchange, world)?;
        for content in &self.contents {
            strictest = strictest.max(content.action.evaluate(exchange, world)?);
        }
        Ok(strictest)
    }

    /// Reads the body without its compression; `None` where it cannot be judged.
    async fn read(
        &self,
        exchange: &mut Exchange,
        world: &World<'_>,
        errors: &mut Errors<'_>,
    ) -> Result<Option<Bytes>, Failure> {
        let max_size = self.max_size.evaluate(exchange, world)?.unsigned_abs();
        let exceeded = self.size_exceeded.evaluate(exchange, world)?;
        let bound = world.buffered_body_bytes;
        let limit = match exceeded {
            Act::Prevent => usize::try_from(max_size).unwrap_or(usize::MAX).min(bound),
            Act::Detect | Act::Ignore => bound,
        };
        let Some((headers, body)) = whole_body::parts(exchange, self.message) else { return Ok(None) };
        let codings = content_coding::codings(headers);
        let announced = http_body::Body::size_hint(body).exact();
        let raw = match body.buffer(limit).await {
            Ok(raw) => raw,
            Err(BodyError::TooLarge { .. }) if exceeded == Act::Prevent && limit as u64 == max_size => {
                self.too_large(announced, max_size, exceeded, errors);
                return Ok(None);
            }
            Err(error) => {
                let failure = match self.message {
                    Message::Request => builtin::request_body(&error),
                    Message::Response => builtin::response_body(&error),
                };
                return Err(Failure { source: NAME.into(), ..failure });
            }
        };
        let decoded = match codings {
            Ok(codings) if codings.is_empty() => Ok(raw),
            Ok(codings) => content_coding::decode(&raw, &codings, limit),
            Err(error) => Err(error),
        };
        match decoded {
            Ok(decoded) => {
                if decoded.len() as u64 > max_size {
                    self.too_large(Some(decoded.len() as u64), max_size, exceeded, errors);
                }
                Ok(Some(decoded))
            }
            Err(CodingError::TooLarge) => {
                // What does not fit into memory cannot be judged, and is not let through unjudged.
                let action = if limit as u64 == max_size {
                    exceeded
                } else {
                    self.strictest(exchange, world)?.max(exceeded)
                };
                self.too_large(None, max_size.min(limit as u64), action, errors);
                Ok(None)
            }
            Err(error) => {
                let action = self.strictest(exchange, world)?;
                let details = format!("{} {error}", self.cannot_be_validated());
                let subject = Subject { kind: self.kind(), name: "" };
                errors.add(action, subject, "ValidationException", details, true, ErrorPlace::Message);
                Ok(None)
            }
        }
    }

    fn cannot_be_validated(&self) -> &'static str {
        if self.message == Message::Request {
            "Body of the request cannot be validated."
        } else {
            "Body of the response cannot be validated."
        }
    }

    fn too_large(&self, size: Option<u64>, max_size: u64, action: Act, errors: &mut Errors<'_>) {
        let whose = if self.message == Message::Request { "Request" } else { "Response" };
        let size = match size {
            Some(size) => size.to_string(),
            None => format!("more than {max_size}"),
        };
        let of = |limit: &str| {
            format!("{whose}'s body is {size} bytes long and it exceeds the {limit} of {max_size} bytes.")
        };
        let subject = Subject { kind: self.kind(), name: "" };
        errors.add(action, subject, "SizeLimit", of("configured limit"), true, ErrorPlace::Message);
        if action != Act::Ignore {
            errors.tell(of("limit"));
        }
    }

    /// A message without a body, where there must be one.
    fn empty(
        &self,
        seen: &Seen,
        exchange: &mut Exchange,
        world: &World<'_>,
        errors: &mut Errors<'_>,
    ) -> Result<(), Failure> {
        let is_needed = match self.message {
            Message::Request => {
                seen.operation
                    .as_ref()
                    .is_some_and(|operation| operation.body().is_some_and(|body| body.required))
                    || seen.soap.is_some()
            }
            Message::Response => !seen.content_type.is_empty() && seen.media().is_some_and(Media::has_schema),
        };
        if !is_needed {
            return Ok(());
        }
        let mut action = Act::Ignore;
        for content in &self.contents {
            action = action.max(content.action.evaluate(exchange, world)?);
        }
        let of = if self.message == Message::Request { "request" } else { "response" };
        let details = format!("Body of the {of} does not conform to the definition. The body is empty.");
        let subject = Subject { kind: self.kind(), name: &seen.content_type };
        errors.add(action, subject, "IncorrectMessage", details, true, ErrorPlace::Message);
        Ok(())
    }
}

impl ContentTypeMap {
    fn apply(&self, essence: &str, exchange: &mut Exchange, world: &World<'_>) -> Result<String, Failure> {
        for (rule, to) in &self.rules {
            let holds = match rule {
                Rule::From(from) => **from == *essence,
                Rule::When(condition) => condition.evaluate(exchange, world)?,
            };
            if holds {
                return Ok((**to).to_owned());
            }
        }
        let mapped = match (&self.any, &self.missing) {
            (Some(any), _) => Some(any),
            (None, Some(missing)) if essence.is_empty() => Some(missing),
            _ => None,
        };
        Ok(mapped.map_or_else(|| essence.to_owned(), |to| (**to).to_owned()))
    }
}

impl Seen {
    /// Whether the body is an envelope of an operation that is known.
    fn is_soap(&self) -> bool {
        self.soap.is_some() && SoapVersion::of(&self.counts_as).is_some()
    }

    /// What the definition says of bodies of this type.
    fn media(&self) -> Option<&Media> {
        let operation = self.operation.as_ref()?;
        match self.status {
            None => operation.body()?.media(&self.counts_as),
            Some(status) => operation.response(status.as_u16())?.media(&self.counts_as),
        }
    }
}

/// A content type without parameters, in lower case.
fn essence(content_type: &str) -> String {
    content_type.split(';').next().unwrap_or_default().trim().to_ascii_lowercase()
}

fn shown(content_type: &str) -> String {
    content_type.chars().filter(|character| !character.is_control()).take(100).collect()
}

#[cfg(test)]
mod tests;
