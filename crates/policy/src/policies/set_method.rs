//! `set-method`: the method of the request as it will be forwarded.
//!
//! Source: <https://learn.microsoft.com/azure/api-management/set-method-policy>.

use http::Method;

use crate::compiler::{Builder, Reported};
use crate::document::Element;
use crate::value::Text;
use crate::{Action, Exchange, Failure, Flow, Policy, World};

/// A method for a request.
#[derive(Debug)]
enum SetMethod {
    Literal(Method),
    Computed(Text),
}

pub(super) fn compile(builder: &mut Builder<'_>, element: &Element) -> Result<Action, Reported> {
    builder.only(element, &[], &[])?;
    let text = builder.content(element)?;
    let Some(literal) = text.literal() else { return Ok(Action::Now(Box::new(SetMethod::Computed(text)))) };
    match method(literal) {
        Some(method) => Ok(Action::Now(Box::new(SetMethod::Literal(method)))),
        None => {
            let message = format!("`{literal}` is no HTTP method that can be forwarded");
            Err(builder.error_with_fix(
                "bad-value",
                &element.text().location,
                message,
                "such as `GET` or `POST`",
            ))
        }
    }
}

impl Policy for SetMethod {
    fn apply(&self, exchange: &mut Exchange, world: &World<'_>) -> Result<Flow, Failure> {
        exchange.request.method = match self {
            Self::Literal(method) => method.clone(),
            Self::Computed(text) => {
                let text = text.evaluate(exchange, world)?;
                let message =
                    || format!("The expression gave `{}`, which is no HTTP method.", text.escape_debug());
                method(&text).ok_or_else(|| Failure::internal("set-method", "MethodInvalid", message()))?
            }
        };
        Ok(Flow::Continue)
    }
}

/// A token in upper case; CONNECT makes a tunnel and is never forwarded.
fn method(text: &str) -> Option<Method> {
    let method = Method::from_bytes(text.trim().to_ascii_uppercase().as_bytes()).ok()?;
    (method != Method::CONNECT).then_some(method)
}
