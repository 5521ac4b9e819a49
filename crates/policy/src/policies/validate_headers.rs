//! `validate-headers`: the header fields of answers against the definition.
//!
//! Source: <https://learn.microsoft.com/azure/api-management/validate-headers-policy>.

use std::sync::Arc;

use gatehouse_validation::{Direction, Variant};

use super::validate_parameters::{header, tell};
use super::validation_errors::{
    ACTIONS, Act, Action as Policed, Errors, NO_SCHEMA, Subject, errors_variable,
};
use crate::compiler::{Builder, Message, Reported};
use crate::document::Element;
use crate::{Action, ErrorPlace, Exchange, Failure, Flow, Policy, World};

const NAME: &str = "validate-headers";

/// Fields that every answer may have: OpenAPI describes the content type elsewhere, HTTP the rest.
const ALWAYS: [&str; 6] =
    ["connection", "content-encoding", "content-length", "content-type", "date", "transfer-encoding"];

#[derive(Debug)]
struct ValidateHeaders {
    specified: Policed,
    unspecified: Policed,
    named: Vec<(Arc<str>, Policed)>,
    variable: Option<Arc<str>>,
}

pub(super) fn compile(builder: &mut Builder<'_>, element: &Element) -> Result<Action, Reported> {
    let attributes = [
        "specified-header-action",
        "unspecified-header-action",
        "errors-variable-name",
        "error-variable-name",
    ];
    builder.only(element, &attributes, &["header"]);
    builder.no_text(element);
    let specified = builder.required_enumeration(element, "specified-header-action", ACTIONS)?;
    let unspecified = builder.required_enumeration(element, "unspecified-header-action", ACTIONS)?;
    let variable = errors_variable(builder, element)?;
    let mut named: Vec<(Arc<str>, Policed)> = Vec::new();
    for child in element.elements() {
        builder.only(child, &["name", "action"], &[]);
        let name = builder.literal(child, "name")?;
        if named.iter().any(|(known, _)| known.eq_ignore_ascii_case(&name)) {
            let message = format!("the header `{name}` is there twice");
            return Err(builder.error_with_fix(
                "repeated-element",
                &child.location,
                message,
                "keep one of them",
            ));
        }
        named.push((name, builder.required_enumeration(child, "action", ACTIONS)?));
    }
    builder.want(Variant::plain(Direction::Response));
    Ok(Action::Now(Box::new(ValidateHeaders { specified, unspecified, named, variable })))
}

/// The policy without exceptions.
pub(super) fn whole(
    builder: &mut Builder<'_>,
    action: &Policed,
    unnamed: Policed,
    variable: Option<Arc<str>>,
) -> Action {
    builder.want(Variant::plain(Direction::Response));
    let (specified, named) = (action.clone(), Vec::new());
    Action::Now(Box::new(ValidateHeaders { specified, unspecified: unnamed, named, variable }))
}

impl ValidateHeaders {
    fn action(
        &self,
        name: &str,
        default: &Policed,
        exchange: &mut Exchange,
        world: &World<'_>,
    ) -> Result<Act, Failure> {
        let own = self.named.iter().find(|(known, _)| known.eq_ignore_ascii_case(name));
        own.map_or(default, |(_, action)| action).evaluate(exchange, world)
    }
}

impl Policy for ValidateHeaders {
    fn apply(&self, exchange: &mut Exchange, world: &World<'_>) -> Result<Flow, Failure> {
        let mut errors = Errors::new(NAME, Message::Response, self.variable.as_ref());
        let Some(answer) = &exchange.response else { return Ok(Flow::Continue) };
        let (status, headers) = (answer.status.as_u16(), answer.headers.clone());
        let operation = exchange.route.operation.as_ref().and_then(|facts| facts.validation.clone());
        let Some(operation) = operation else {
            let action = self.specified.evaluate(exchange, world)?;
            let subject = Subject { kind: "ApiSchema", name: "" };
            errors.add(action, subject, "", NO_SCHEMA.to_owned(), false, ErrorPlace::Message);
            return errors.conclude(exchange);
        };
        let described = operation.response(status);
        for parameter in described.map(|response| response.headers.as_slice()).unwrap_or_default() {
            let action = self.action(&parameter.name, &self.specified, exchange, world)?;
            if action == Act::Ignore {
                continue;
            }
            if let Err(fault) = header(&operation, parameter, &headers) {
                tell(parameter, fault, action, &mut errors);
            }
        }
        for name in headers.keys() {
            let name = name.as_str();
            let is_specified = ALWAYS.contains(&name)
                || described.is_some_and(|response| {
                    response.headers.iter().any(|known| known.name.eq_ignore_ascii_case(name))
                });
            if is_specified {
                continue;
            }
            let action = self.action(name, &self.unspecified, exchange, world)?;
            let details = format!("Unspecified header {name} is not allowed.");
            let subject = Subject { kind: "ResponseHeader", name };
            errors.add(
                action,
                subject,
                "Unspecified",
                details,
                false,
                ErrorPlace::Parameter(name.to_owned()),
            );
        }
        errors.conclude(exchange)
    }
}
