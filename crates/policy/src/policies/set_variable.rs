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
    builder.only(element, &["name", "value"], &[])?;
    builder.no_text(element)?;
    let name = builder.literal(element, "name")?;
    let value = builder.text(element, "value")?;
    Ok(Action::Now(Box::new(SetVariable { name, value })))
}

impl Policy for SetVariable {
    fn apply(&self, exchange: &mut Exchange, world: &World<'_>) -> Result<Flow, Failure> {
        let value = self.value.value(exchange, world)?;
        exchange.variables.set(&self.name, value);
        Ok(Flow::Continue)
    }
}
