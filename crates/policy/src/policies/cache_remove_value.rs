//! `cache-remove-value`: forgets what was kept under a key.
//!
//! Source: <https://learn.microsoft.com/azure/api-management/cache-remove-value-policy>.

use super::cached_value::{Key, check_caching_type};
use crate::compiler::{Builder, Reported};
use crate::document::Element;
use crate::plan::PolicyFuture;
use crate::{Action, AsyncPolicy, Exchange, Flow, World};

#[derive(Debug)]
struct CacheRemoveValue {
    key: Key,
}

pub(super) fn compile(builder: &mut Builder<'_>, element: &Element) -> Result<Action, Reported> {
    builder.only(element, &["key", "caching-type"], &[]);
    builder.no_text(element);
    check_caching_type(builder, element);
    Ok(Action::Later(Box::new(CacheRemoveValue { key: Key::compile(builder, element) })))
}

impl AsyncPolicy for CacheRemoveValue {
    fn apply<'a>(&'a self, exchange: &'a mut Exchange, world: &'a World<'a>) -> PolicyFuture<'a> {
        Box::pin(async move {
            let key = self.key.evaluate(exchange, world)?;
            world.values.remove(&key).wait().await;
            Ok(Flow::Continue)
        })
    }
}

#[cfg(test)]
mod tests {
    use crate::testing::*;

    #[test]
    fn only_the_key_that_it_names_is_forgotten() {
        let store = |key: &str| format!("<cache-store-value key=\"{key}\" value=\"{key}\" duration=\"9\" />");
        let look = |key: &str| format!("<cache-lookup-value key=\"{key}\" variable-name=\"{key}\" />");
        let policies = format!(
            "{}{}<cache-remove-value key=\"@(&quot;a&quot;)\" />{}{}",
            store("a"),
            store("b"),
            look("a"),
            look("b")
        );
        let exchange = run(&document("inbound", &policies));
        assert!(exchange.variables.get("a").is_none());
        assert!(exchange.variables.get("b").is_some());
    }

    #[test]
    fn its_attributes_are_checked() {
        let told = findings_in("inbound", "<cache-remove-value name=\"k\" />");
        assert!(told.iter().any(|told| told.contains("has no attribute `name`")), "{told:?}");
    }
}
