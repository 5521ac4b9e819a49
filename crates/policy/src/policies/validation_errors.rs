//! What the validation policies share: actions, error objects, and what becomes of them.
//!
//! Source: the error reference of <https://learn.microsoft.com/azure/api-management/validation-policies>.

use std::sync::Arc;

use gatehouse_expression::{Json, Value};
use gatehouse_validation::Violation;
use http::StatusCode;
use serde_json::json;

use crate::compiler::{Builder, Message, Reported};
use crate::document::Element;
use crate::value::Enumeration;
use crate::{ErrorDetail, ErrorPlace, Exchange, Failure, Flow, World};

/// What clients are told of what is not theirs to know.
pub(super) const INTERNAL: &str =
    "The request could not be processed due to an internal error. Contact the API owner.";

pub(super) const NO_DEFINITIONS: &str = "API's schema does not specify definitions.";

pub(super) const NO_SCHEMA: &str = "API's schema does not exist or it could not be resolved.";

/// What is done about an error.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Act {
    Ignore,
    Detect,
    Prevent,
}

pub(super) const ACTIONS: &[(&str, Act)] =
    &[("ignore", Act::Ignore), ("detect", Act::Detect), ("prevent", Act::Prevent)];

/// An action, or an expression that gives one.
pub(super) type Action = Enumeration<Act>;

/// An action that is worked out once, and only where it is needed.
pub(super) struct Decided<'p> {
    action: &'p Action,
    value: Option<Act>,
}

impl<'p> Decided<'p> {
    pub(super) fn new(action: &'p Action) -> Self {
        Self { action, value: action.literal() }
    }

    pub(super) fn get(&mut self, exchange: &mut Exchange, world: &World<'_>) -> Result<Act, Failure> {
        if let Some(value) = self.value {
            return Ok(value);
        }
        let value = self.action.evaluate(exchange, world)?;
        self.value = Some(value);
        Ok(value)
    }
}

/// One error object, and what the client is told.
#[derive(Debug)]
struct Entry {
    name: String,
    kind: &'static str,
    rule: &'static str,
    details: String,
    public: Option<String>,
    action: Act,
    at: ErrorPlace,
}

/// The errors that a policy has found in one exchange.
#[derive(Debug)]
pub(super) struct Errors<'p> {
    policy: &'static str,
    message: Message,
    variable: Option<&'p Arc<str>>,
    entries: Vec<Entry>,
}

/// What an error is about.
#[derive(Clone, Copy, Debug)]
pub(super) struct Subject<'s> {
    /// `RequestBody`, `QueryParameter` …
    pub(super) kind: &'static str,
    /// The content type or the parameter.
    pub(super) name: &'s str,
}

impl<'p> Errors<'p> {
    pub(super) fn new(policy: &'static str, message: Message, variable: Option<&'p Arc<str>>) -> Self {
        Self { policy, message, variable, entries: Vec::new() }
    }

    /// Adds an error. `public`: whether a client may read the details of its own request.
    pub(super) fn add(
        &mut self,
        action: Act,
        subject: Subject<'_>,
        rule: &'static str,
        details: String,
        public: bool,
        at: ErrorPlace,
    ) {
        if action == Act::Ignore {
            return;
        }
        let public = (public && self.message == Message::Request).then(|| details.clone());
        let Subject { kind, name } = subject;
        self.entries.push(Entry { name: name.to_owned(), kind, rule, details, public, action, at });
    }

    /// Says something else to the client.
    pub(super) fn tell(&mut self, public: String) {
        if let Some(entry) = self.entries.last_mut()
            && entry.public.is_some()
        {
            entry.public = Some(public);
        }
    }

    /// Adds what is wrong with a value, one error each.
    pub(super) fn add_violations(
        &mut self,
        action: Act,
        subject: Subject<'_>,
        violations: &[Violation],
        details: impl Fn(&str) -> String,
        at: impl Fn(&Violation) -> ErrorPlace,
    ) {
        for violation in violations {
            self.add(action, subject, "IncorrectMessage", details(&violation.details()), true, at(violation));
        }
    }

    /// Whether it is an answer that is judged.
    pub(super) fn is_of_response(&self) -> bool {
        self.message == Message::Response
    }

    /// Whether an error ends the exchange.
    pub(super) fn prevents(&self) -> bool {
        self.entries.iter().any(|entry| entry.action == Act::Prevent)
    }

    /// Puts the errors into the variable, and fails where one of them is to be prevented.
    pub(super) fn conclude(self, exchange: &mut Exchange) -> Result<Flow, Failure> {
        if self.entries.is_empty() {
            return Ok(Flow::Continue);
        }
        if let Some(variable) = self.variable {
            let objects: serde_json::Value = self.entries.iter().map(Entry::object).collect();
            if let Ok(array) = Json::read(&objects.to_string(), false) {
                exchange.variables.set(variable, Value::Json(array));
            }
        }
        let Some(first) = self.entries.iter().find(|entry| entry.action == Act::Prevent) else {
            return Ok(Flow::Continue);
        };
        let (status, reason) = match self.message {
            Message::Request => (StatusCode::BAD_REQUEST, "Bad request"),
            Message::Response => (StatusCode::BAD_GATEWAY, "Response not allowed"),
        };
        let public = first.public.clone().unwrap_or_else(|| INTERNAL.to_owned());
        let mut failure =
            Failure::new(status, self.policy, reason, first.details.clone()).public(public).private();
        let told: Vec<ErrorDetail> = self
            .entries
            .iter()
            .filter(|entry| entry.action == Act::Prevent)
            .filter_map(|entry| Some(ErrorDetail { detail: entry.public.clone()?, at: entry.at.clone() }))
            .collect();
        if !told.is_empty() {
            failure.extras.get_or_insert_default().errors = told;
        }
        Err(failure)
    }
}

impl Entry {
    fn object(&self) -> serde_json::Value {
        json!({
            "Name": self.name, "Type": self.kind, "ValidationRule": self.rule, "Details": self.details,
            "Action": match self.action { Act::Prevent => "prevent", Act::Detect => "detect", Act::Ignore => "ignore" },
        })
    }
}

/// The attribute that names the variable for errors; the policy toolkit writes it without its `s` in places.
pub(super) fn errors_variable(
    builder: &mut Builder<'_>,
    element: &Element,
) -> Result<Option<Arc<str>>, Reported> {
    match builder.optional_literal(element, "errors-variable-name")? {
        Some(name) => Ok(Some(name)),
        None => builder.optional_literal(element, "error-variable-name"),
    }
}
