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
    builder.only(element, &["name", "exists-action"], &["value"]);
    builder.no_text(element);
    let name = builder.text(element, "name");
    if name.literal().is_some_and(|name| name.is_empty()) {
        let location = element.attribute("name").map_or(&element.location, |known| &known.value.location);
        builder.error("bad-value", location, "the name of a query parameter cannot be empty");
    }
    let action = builder.enumeration(element, "exists-action", EXISTS_ACTIONS, ExistsAction::Override);
    let mut values = Vec::new();
    for value in element.elements_named("value") {
        builder.only(value, &[], &[]);
        values.push(builder.content(value));
    }
    if values.is_empty() && action.literal().is_some_and(|action| action != ExistsAction::Delete) {
        let message = "`set-query-parameter` holds no `value`";
        let fix = "add `<value>…</value>`, or take the parameter out with `exists-action=\"delete\"`";
        builder.error_with_fix("missing-element", &element.location, message, fix);
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

#[cfg(test)]
mod tests {
    use crate::Query;
    use crate::testing::*;

    fn after(query: &'static str, name: &str, action: &str, values: &[&str]) -> String {
        let values =
            values.iter().map(|value| format!("<value>{value}</value>")).collect::<Vec<_>>().concat();
        let action = if action.is_empty() { String::new() } else { format!("exists-action=\"{action}\"") };
        let policy = format!("<set-query-parameter name=\"{name}\" {action}>{values}</set-query-parameter>");
        let exchange = run_with(&document("inbound", &policy), |exchange| {
            exchange.request.url.query = Query::new(query);
        });
        exchange.request.url.query.raw().to_owned()
    }

    #[test]
    fn the_action_decides_where_the_parameter_is_there() {
        assert_eq!(after("a=1&b=2&A=3", "a", "", &["x", "y"]), "b=2&a=x&a=y");
        assert_eq!(after("a=1", "a", "override", &["x"]), "a=x");
        assert_eq!(after("a=1", "a", "skip", &["x"]), "a=1");
        assert_eq!(after("b=1", "a", "skip", &["x"]), "b=1&a=x");
        assert_eq!(after("a=1", "a", "append", &["x"]), "a=1&a=x");
        assert_eq!(after("a=1&b=%20", "a", "delete", &[]), "b=%20");
        assert_eq!(after("b=1", "a", "delete", &[]), "b=1");
        assert_eq!(after("", "a", "append", &["x"]), "a=x");
    }

    #[test]
    fn a_value_adds_no_other_parameter() {
        assert_eq!(after("", "a b", "", &["1&amp;c=2", "@(\"é=#\")"]), "a%20b=1%26c%3D2&a%20b=%C3%A9%3D%23");
    }

    #[test]
    fn what_cannot_be_is_told_at_load() {
        let told =
            findings_in("inbound", "<set-query-parameter name=\"\"><value>1</value></set-query-parameter>");
        assert!(told[0].starts_with("policy.xml:1:85: error: the name of a query parameter"), "{told:?}");
        let told = findings_in("inbound", "<set-query-parameter name=\"a\" />");
        assert!(told[0].contains("`set-query-parameter` holds no `value`"), "{told:?}");
        let told = findings_in("inbound", "<set-query-parameter name=\"a\" exists-action=\"replace\" />");
        assert!(told[1].contains("`override`, `skip`, `append`, `delete`, not `replace`"), "{told:?}");
    }
}
