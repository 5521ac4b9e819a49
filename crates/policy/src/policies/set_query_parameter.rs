//! `set-query-parameter`: sets, adds to, or takes out a parameter of the query that will be forwarded.
//!
//! Source: <https://learn.microsoft.com/azure/api-management/set-query-parameter-policy>.

use super::set_header::{EXISTS_ACTIONS, ExistsAction};
use crate::compiler::{Builder, Reported};
use crate::document::Element;
use crate::value::{Enumeration, Text};
use crate::{Action, Exchange, Failure, Flow, Policy, World};

#[derive(Debug)]
struct SetQueryParameter {
    name: Text,
    action: Enumeration<ExistsAction>,
    values: Vec<Text>,
}

pub(super) fn compile(builder: &mut Builder<'_>, element: &Element) -> Result<Action, Reported> {
    builder.only(element, &["name", "exists-action"], &["value"])?;
    builder.no_text(element)?;
    let name = builder.text(element, "name")?;
    if name.literal().is_some_and(|name| name.is_empty()) {
        return Err(builder.error(
            "bad-value",
            &element.location,
            "the name of a query parameter cannot be empty",
        ));
    }
    let action = builder.enumeration(element, "exists-action", EXISTS_ACTIONS, ExistsAction::Override)?;
    let mut values = Vec::new();
    for value in element.elements_named("value") {
        builder.only(value, &[], &[])?;
        values.push(builder.content(value)?);
    }
    if values.is_empty() && action.literal().is_some_and(|action| action != ExistsAction::Delete) {
        let message = "`set-query-parameter` holds no `value`";
        let fix = "add `<value>…</value>`, or take the parameter out with `exists-action=\"delete\"`";
        return Err(builder.error_with_fix("missing-element", &element.location, message, fix));
    }
    Ok(Action::Now(Box::new(SetQueryParameter { name, action, values })))
}

impl Policy for SetQueryParameter {
    fn apply(&self, exchange: &mut Exchange, world: &World<'_>) -> Result<Flow, Failure> {
        let name = self.name.evaluate(exchange, world)?;
        let action = self.action.evaluate(exchange, world)?;
        let is_there = exchange.request.url.query.first(&name).is_some();
        if action == ExistsAction::Skip && is_there {
            return Ok(Flow::Continue);
        }
        if matches!(action, ExistsAction::Override | ExistsAction::Delete) && is_there {
            exchange.request.url.query.remove(&name);
        }
        if action != ExistsAction::Delete {
            for value in &self.values {
                let value = value.evaluate(exchange, world)?;
                exchange.request.url.query.append(&name, &value);
            }
        }
        Ok(Flow::Continue)
    }
}
