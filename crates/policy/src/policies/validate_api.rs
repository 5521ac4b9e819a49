//! `validate-api`: everything that the definition says of a message, in one line. Not a policy of Azure API Management.
//!
//! In `inbound` it is `validate-parameters` and `validate-content`, in `outbound` and `on-error` it is
//! `validate-status-code`, `validate-headers` and `validate-content`. Header fields that the definition does not name are
//! let through. Of a SOAP service the envelopes are judged by its WSDL definition.

use gatehouse_model::resources::ApiKind;

use crate::compiler::{Builder, Message, Reported};
use crate::document::Element;
use crate::plan::PolicyFuture;
use crate::value::{Enumeration, Integer};
use crate::{Action, AsyncPolicy, Exchange, Failure, Flow, World};

use super::validation_errors::{ACTIONS, Act, errors_variable};
use super::{validate_content, validate_headers, validate_parameters, validate_status_code};

const NAME: &str = "validate-api";

/// How large a body may be where the policy does not say it, in bytes.
const MAX_SIZE: i64 = 1 << 20;

#[derive(Debug)]
struct ValidateApi {
    parts: Vec<Action>,
}

pub(super) fn compile(builder: &mut Builder<'_>, element: &Element) -> Result<Action, Reported> {
    builder.only(element, &["action", "max-size", "errors-variable-name", "error-variable-name"], &[]);
    builder.no_text(element);
    let action = builder.enumeration(element, "action", ACTIONS, Act::Prevent);
    let max_size = builder.optional_integer(element, "max-size", 0..=validate_content::MAX_SIZE);
    let max_size = max_size.unwrap_or(Integer::Literal(MAX_SIZE));
    let variable = errors_variable(builder, element)?;
    let message = builder.message();
    let ignore = || Enumeration::Literal(Act::Ignore);
    let mut parts = match message {
        Message::Request => vec![validate_parameters::whole(builder, &action, ignore(), variable.clone())],
        Message::Response => vec![
            validate_status_code::whole(builder, &action, variable.clone()),
            validate_headers::whole(builder, &action, ignore(), variable.clone()),
        ],
    };
    parts.push(validate_content::whole(builder, &action, max_size, variable));
    Ok(Action::Later(Box::new(ValidateApi { parts })))
}

impl AsyncPolicy for ValidateApi {
    fn apply<'a>(&'a self, exchange: &'a mut Exchange, world: &'a World<'a>) -> PolicyFuture<'a> {
        Box::pin(async move {
            // WSDL says nothing of parameters, status codes and header fields.
            let is_soap = exchange.route.api.as_ref().is_some_and(|api| api.kind == ApiKind::Soap);
            let skipped = if is_soap { self.parts.len().saturating_sub(1) } else { 0 };
            for part in self.parts.iter().skip(skipped) {
                let done = match part {
                    Action::Now(policy) => policy.apply(exchange, world),
                    Action::Later(policy) => policy.apply(exchange, world).await,
                };
                done.map_err(|failure| Failure { source: NAME.into(), ..failure })?;
            }
            Ok(Flow::Continue)
        })
    }
}
