//! `cache-lookup-value`: puts a value that was kept under a key into a variable.
//!
//! Source: <https://learn.microsoft.com/azure/api-management/cache-lookup-value-policy>. Where nothing is found, the variable
//! gets `default-value`; without one it is left as it was.

use std::sync::Arc;

use super::cached_value::{Key, check_caching_type, now};
use crate::compiler::{Builder, Reported};
use crate::document::Element;
use crate::plan::PolicyFuture;
use crate::value::Text;
use crate::{Action, AsyncPolicy, Exchange, Flow, World};

#[derive(Debug)]
struct CacheLookupValue {
    key: Key,
    variable: Arc<str>,
    default: Option<Text>,
}

pub(super) fn compile(builder: &mut Builder<'_>, element: &Element) -> Result<Action, Reported> {
    builder.only(element, &["key", "variable-name", "default-value", "caching-type"], &[]);
    builder.no_text(element);
    check_caching_type(builder, element);
    let variable = builder.literal(element, "variable-name");
    let key = Key::compile(builder, element);
    let default = builder.optional_text(element, "default-value");
    Ok(Action::Later(Box::new(CacheLookupValue { key, variable: variable?, default })))
}

impl AsyncPolicy for CacheLookupValue {
    fn apply<'a>(&'a self, exchange: &'a mut Exchange, world: &'a World<'a>) -> PolicyFuture<'a> {
        Box::pin(async move {
            let key = self.key.evaluate(exchange, world)?;
            let found = world.values.get(&key, now(world)).wait().await;
            let value = match (found, &self.default) {
                (Some(found), _) => found.value.value(),
                (None, Some(default)) => default.value(exchange, world)?,
                (None, None) => return Ok(Flow::Continue),
            };
            exchange.variables.set(&self.variable, value);
            Ok(Flow::Continue)
        })
    }
}

#[cfg(test)]
mod tests {
    use crate::testing::*;

    #[test]
    fn without_a_value_the_default_counts_and_keeps_its_type() {
        let looked = |attributes: &str| {
            let before = "<set-variable name=\"v\" value=\"before\" />";
            let lookup = format!("<cache-lookup-value key=\"none\" variable-name=\"v\" {attributes} />");
            let exchange = run(&document("inbound", &format!("{before}{lookup}")));
            let value = exchange.variables.get("v").unwrap().clone();
            (value.type_name(), value.to_text().to_string())
        };
        assert_eq!(looked("default-value=\"\""), ("System.String".into(), String::new()));
        assert_eq!(looked("default-value=\"@(7)\""), ("System.Int32".into(), "7".into()));
        assert_eq!(looked(""), ("System.String".into(), "before".into()));
    }

    #[test]
    fn its_attributes_are_checked() {
        for (attributes, wanted) in [
            ("variable-name=\"v\"", "has no attribute `key`, which it needs"),
            ("key=\"k\"", "has no attribute `variable-name`, which it needs"),
            ("key=\"k\" variable-name=\"@(1)\"", "takes no expression"),
            ("key=\"k\" variable-name=\"v\" default-valu=\"x\"", "did you mean `default-value`?"),
        ] {
            let told = findings_in("inbound", &format!("<cache-lookup-value {attributes} />"));
            assert!(told.len() == 1 && told[0].contains(wanted), "{told:?}");
        }
    }
}
