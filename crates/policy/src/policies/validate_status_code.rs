//! `validate-status-code`: only the status codes that the definition names leave the gateway.
//!
//! Source: <https://learn.microsoft.com/azure/api-management/validate-status-code-policy>.

use std::sync::Arc;

use gatehouse_validation::{Direction, Variant};

use super::validation_errors::{ACTIONS, Action as Policed, Errors, NO_SCHEMA, Subject, errors_variable};
use crate::compiler::{Builder, Message, Reported};
use crate::document::Element;
use crate::{Action, ErrorPlace, Exchange, Failure, Flow, Policy, World};

const NAME: &str = "validate-status-code";

#[derive(Debug)]
struct ValidateStatusCode {
    unspecified: Policed,
    codes: Vec<(u16, Policed)>,
    variable: Option<Arc<str>>,
}

pub(super) fn compile(builder: &mut Builder<'_>, element: &Element) -> Result<Action, Reported> {
    let attributes = ["unspecified-status-code-action", "errors-variable-name", "error-variable-name"];
    builder.only(element, &attributes, &["status-code"]);
    builder.no_text(element);
    let unspecified = builder.required_enumeration(element, "unspecified-status-code-action", ACTIONS)?;
    let variable = errors_variable(builder, element)?;
    let mut codes = Vec::new();
    for child in element.elements() {
        builder.only(child, &["code", "action"], &[]);
        let code = builder.literal_integer(child, "code", 100..=999);
        let code = u16::try_from(code).unwrap_or_default();
        if codes.iter().any(|(known, _)| *known == code) {
            let message = format!("the status code {code} is there twice");
            return Err(builder.error_with_fix(
                "repeated-element",
                &child.location,
                message,
                "keep one of them",
            ));
        }
        codes.push((code, builder.required_enumeration(child, "action", ACTIONS)?));
    }
    builder.want(Variant::plain(Direction::Response));
    Ok(Action::Now(Box::new(ValidateStatusCode { unspecified, codes, variable })))
}

/// The policy without exceptions.
pub(super) fn whole(builder: &mut Builder<'_>, action: &Policed, variable: Option<Arc<str>>) -> Action {
    builder.want(Variant::plain(Direction::Response));
    Action::Now(Box::new(ValidateStatusCode { unspecified: action.clone(), codes: Vec::new(), variable }))
}

impl Policy for ValidateStatusCode {
    fn apply(&self, exchange: &mut Exchange, world: &World<'_>) -> Result<Flow, Failure> {
        let Some(code) = exchange.response.as_ref().map(|response| response.status.as_u16()) else {
            return Ok(Flow::Continue);
        };
        let operation = exchange.route.operation.as_ref().and_then(|facts| facts.validation.clone());
        if operation.as_ref().is_some_and(|operation| operation.response(code).is_some()) {
            return Ok(Flow::Continue);
        }
        let own = self.codes.iter().find(|(known, _)| *known == code).map(|(_, action)| action);
        let action = own.unwrap_or(&self.unspecified).evaluate(exchange, world)?;
        let mut errors = Errors::new(NAME, Message::Response, self.variable.as_ref());
        let text = code.to_string();
        if operation.is_none() && own.is_none() {
            let subject = Subject { kind: "ApiSchema", name: "" };
            errors.add(action, subject, "", NO_SCHEMA.to_owned(), false, ErrorPlace::Message);
        } else {
            let details = format!("Response status code {code} is not allowed.");
            let subject = Subject { kind: "StatusCode", name: &text };
            errors.add(action, subject, "Unspecified", details, false, ErrorPlace::Message);
        }
        errors.conclude(exchange)
    }
}
