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
pub(super) struct MethodEdit {
    policy: &'static str,
    method: Value,
}

#[derive(Debug)]
enum Value {
    Literal(Method),
    Computed(Text),
}

pub(super) fn compile(builder: &mut Builder<'_>, element: &Element) -> Result<Action, Reported> {
    Ok(Action::Now(Box::new(MethodEdit::compile(builder, element))))
}

impl MethodEdit {
    pub(super) fn compile(builder: &mut Builder<'_>, element: &Element) -> Self {
        builder.only(element, &[], &[]);
        let policy = builder.policy();
        let text = builder.content(element);
        let Some(literal) = text.literal() else { return Self { policy, method: Value::Computed(text) } };
        let Some(method) = method(literal) else {
            let message = format!("`{literal}` is no HTTP method that can be forwarded");
            let location = element.text().trimmed().location;
            builder.error_with_fix("bad-value", &location, message, "such as `GET` or `POST`");
            return Self { policy, method: Value::Computed(text) };
        };
        Self { policy, method: Value::Literal(method) }
    }

    /// The method for this exchange.
    pub(super) fn evaluate(&self, exchange: &mut Exchange, world: &World<'_>) -> Result<Method, Failure> {
        match &self.method {
            Value::Literal(method) => Ok(method.clone()),
            Value::Computed(text) => {
                let text = text.evaluate(exchange, world)?;
                let message =
                    || format!("The expression gave `{}`, which is no HTTP method.", text.escape_debug());
                method(&text).ok_or_else(|| Failure::internal(self.policy, "MethodInvalid", message()))
            }
        }
    }
}

impl Policy for MethodEdit {
    fn apply(&self, exchange: &mut Exchange, world: &World<'_>) -> Result<Flow, Failure> {
        exchange.request.method = self.evaluate(exchange, world)?;
        Ok(Flow::Continue)
    }
}

/// A token in upper case; CONNECT makes a tunnel and is never forwarded.
fn method(text: &str) -> Option<Method> {
    let method = Method::from_bytes(text.trim().to_ascii_uppercase().as_bytes()).ok()?;
    (method != Method::CONNECT).then_some(method)
}

#[cfg(test)]
mod tests {
    use crate::testing::*;

    #[test]
    fn a_literal_or_an_expression_gives_the_method() {
        let method = |text: &str| {
            let exchange = run(&document("inbound", &format!("<set-method> {text} </set-method>")));
            exchange.request.method
        };
        assert_eq!(method("post"), "POST");
        assert_eq!(method("@(\"Patch\")"), "PATCH");
    }

    #[test]
    fn what_is_no_method_fails() {
        for text in ["CONNECT", "a b", ""] {
            let told = findings_in("inbound", &format!("<set-method>{text}</set-method>"));
            assert!(told[0].contains("is no HTTP method that can be forwarded"), "{told:?}");
        }
        let told = findings_in("inbound", "<set-method>a b</set-method>");
        assert!(told[0].starts_with("policy.xml:1:70: error: "), "{told:?}");
        let exchange = run(&document("inbound", "<set-method>@(\"connect\")</set-method>"));
        assert_eq!(exchange.answered(), 500);
        assert_eq!(exchange.last_error.unwrap().reason, "MethodInvalid");
        assert_eq!(exchange.request.method, "GET");
    }
}
