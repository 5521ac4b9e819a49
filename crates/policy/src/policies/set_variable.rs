//! `set-variable`: keeps a value for later policies.
//!
//! Source: <https://learn.microsoft.com/azure/api-management/set-variable-policy>. A literal is a string; an expression
//! keeps its type. Every type is accepted, as policies in use rely on it.

use std::sync::Arc;

use crate::compiler::{Builder, Reported};
use crate::document::Element;
use crate::value::Text;
use crate::{Action, Exchange, Failure, Flow, Policy, World};

#[derive(Debug)]
struct SetVariable {
    name: Arc<str>,
    value: Text,
}

pub(super) fn compile(builder: &mut Builder<'_>, element: &Element) -> Result<Action, Reported> {
    builder.only(element, &["name", "value"], &[]);
    builder.no_text(element);
    let name = builder.literal(element, "name");
    let value = builder.text(element, "value");
    Ok(Action::Now(Box::new(SetVariable { name: name?, value })))
}

impl Policy for SetVariable {
    fn apply(&self, exchange: &mut Exchange, world: &World<'_>) -> Result<Flow, Failure> {
        let value = self.value.value(exchange, world)?;
        exchange.variables.set(&self.name, value);
        Ok(Flow::Continue)
    }
}

#[cfg(test)]
mod tests {
    use gatehouse_expression::Value;

    use crate::testing::*;

    #[test]
    fn a_literal_is_shared_and_not_copied() {
        let plan = plan(&document("inbound", "<set-variable name=\"a\" value=\"literal\" />"));
        let kept = || {
            let (world, mut exchange) = (TestWorld::new(), exchange());
            world.run(&plan, &mut exchange);
            match exchange.variables.get("a") {
                Some(Value::String(text)) => std::sync::Arc::clone(text),
                other => panic!("{:?}", other.map(Value::type_name)),
            }
        };
        assert!(std::sync::Arc::ptr_eq(&kept(), &kept()));
    }

    #[test]
    fn a_literal_is_a_string_and_an_expression_keeps_its_type() {
        let exchange = run(&document(
            "inbound",
            "<set-variable name=\"a\" value=\"1\" /><set-variable name=\"b\" value=\"@(1 + 1)\" /><set-variable name=\"a\" value=\"@((string)context.Variables[&quot;a&quot;] + 2)\" />",
        ));
        assert!(matches!(exchange.variables.get("b"), Some(Value::Int32(2))));
        assert_eq!(&*exchange.variables.get("a").unwrap().to_text(), "12");
        assert_eq!(exchange.variables.iter().count(), 2);
    }

    #[test]
    fn a_name_takes_no_expression() {
        let told = findings_in("inbound", "<set-variable name=\"@(1)\" value=\"x\" />");
        assert!(told[0].contains("the attribute `name` of `set-variable` takes no expression"), "{told:?}");
    }
}
