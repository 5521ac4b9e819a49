//! `cache-store-value`: keeps a value under a key for later requests.
//!
//! Source: <https://learn.microsoft.com/azure/api-management/cache-store-value-policy>. The value keeps its type. Null and
//! values of more than 2 MiB are not kept; what was kept before under the key is forgotten then.

use super::cached_value::{Key, check_caching_type, now, snapshot};
use crate::cache::Lifetime;
use crate::compiler::{Builder, Reported};
use crate::document::Element;
use crate::plan::PolicyFuture;
use crate::value::{Integer, Text};
use crate::{Action, AsyncPolicy, Exchange, Flow, World};

const NAME: &str = "cache-store-value";

#[derive(Debug)]
struct CacheStoreValue {
    key: Key,
    value: Text,
    duration: Integer,
}

pub(super) fn compile(builder: &mut Builder<'_>, element: &Element) -> Result<Action, Reported> {
    builder.only(element, &["key", "value", "duration", "caching-type"], &[]);
    builder.no_text(element);
    check_caching_type(builder, element);
    Ok(Action::Later(Box::new(CacheStoreValue {
        key: Key::compile(builder, element),
        value: builder.text(element, "value"),
        duration: builder.integer(element, "duration", i64::MIN..=i64::MAX),
    })))
}

impl AsyncPolicy for CacheStoreValue {
    fn apply<'a>(&'a self, exchange: &'a mut Exchange, world: &'a World<'a>) -> PolicyFuture<'a> {
        Box::pin(async move {
            let key = self.key.evaluate(exchange, world)?;
            let value = self.value.value(exchange, world)?;
            // What is over before it begins is not kept: computed durations end up there.
            let seconds = u64::try_from(self.duration.evaluate(exchange, world)?).unwrap_or(0);
            let kept = if value.is_null() || seconds == 0 { None } else { snapshot(&value, NAME)? };
            match kept {
                Some(kept) => {
                    let millis = seconds.saturating_mul(1000);
                    let lifetime = Lifetime { expires: millis, refresh: millis };
                    world.values.put(key, kept, lifetime, now(world)).wait().await;
                }
                None => world.values.remove(&key).wait().await,
            }
            Ok(Flow::Continue)
        })
    }
}

#[cfg(test)]
mod tests {
    use gatehouse_expression::Value;

    use crate::testing::*;
    use crate::{Exchange, Section};

    const LOOKUP: &str = "<cache-lookup-value key=\"k\" variable-name=\"v\" />";

    /// Stores in one exchange and looks in the next.
    fn stored(policies: &str, after_millis: u64) -> Exchange {
        let world = TestWorld::new();
        let mut first = exchange();
        world.run(&plan(&document("inbound", policies)), &mut first);
        assert_eq!(first.answered(), 200, "{:?}", first.last_error);
        world.now_millis.set(world.now_millis.get() + after_millis);
        let mut second = exchange();
        world.run(&plan(&document("inbound", LOOKUP)), &mut second);
        assert_eq!(second.answered(), 200, "{:?}", second.last_error);
        second
    }

    fn store(value: &str) -> String {
        format!("<cache-store-value key=\"k\" value=\"{value}\" duration=\"60\" />")
    }

    #[test]
    fn values_come_back_with_their_types() {
        let found = |value: &str| {
            let exchange = stored(&store(value), 0);
            exchange.variables.get("v").map(|value| (value.type_name(), value.to_text().to_string()))
        };
        let is = |type_name: &str, text: &str| Some((type_name.to_owned(), text.to_owned()));
        assert_eq!(found("text"), is("System.String", "text"));
        assert_eq!(found("@(42)"), is("System.Int32", "42"));
        assert_eq!(found("@(42L)"), is("System.Int64", "42"));
        assert_eq!(found("@(true)"), is("System.Boolean", "True"));
        assert_eq!(found("@(TimeSpan.FromSeconds(90))"), is("System.TimeSpan", "00:01:30"));
        assert_eq!(found("@(new DateTime(2020, 1, 2))").unwrap().0, "System.DateTime");
        assert_eq!(found("@(Encoding.UTF8.GetBytes(\"hi\"))").unwrap().0, "System.Byte[]");
        let json = found("@(JArray.Parse(\"[1,{}]\"))").unwrap();
        assert_eq!(json.0, "Newtonsoft.Json.Linq.JArray");
        assert_eq!(json.1.split_whitespace().collect::<String>(), "[1,{}]");
        assert_eq!(found("@((string)null)"), None);
    }

    #[test]
    fn nobody_changes_what_is_kept() {
        let change = "<set-variable name=\"j\" value=\"@(JObject.Parse(&quot;{}&quot;))\" />\
            <cache-store-value key=\"k\" value=\"@((JObject)context.Variables[&quot;j&quot;])\" duration=\"60\" />\
            <set-variable name=\"c\" value=\"@{ ((JObject)context.Variables[&quot;j&quot;])[&quot;a&quot;] = 1; return 1; }\" />";
        let exchange = stored(change, 0);
        assert_eq!(&*exchange.variables.get("v").unwrap().to_text(), "{}");
    }

    #[test]
    fn time_ends_it() {
        assert!(stored(&store("x"), 59_999).variables.get("v").is_some());
        assert!(stored(&store("x"), 60_000).variables.get("v").is_none());
        let never = store("x").replace("\"60\"", "\"@(0 - 1)\"");
        assert!(stored(&never, 0).variables.get("v").is_none());
    }

    #[test]
    fn what_is_no_plain_data_fails() {
        let exchange = run(&document("inbound", &store("@(context.Request.Headers)")));
        assert_eq!(exchange.answered(), 500);
        let error = exchange.last_error.unwrap();
        assert_eq!((&*error.source, &*error.reason), ("cache-store-value", "ValueNotCacheable"));
        assert!(error.message.contains("cannot be kept"), "{}", error.message);
    }

    #[test]
    fn null_and_what_is_too_large_take_the_older_value_with_them() {
        for value in ["@((string)null)", "@(new string('x', 3000000))"] {
            assert!(stored(&format!("{}{}", store("old"), store(value)), 0).variables.get("v").is_none());
        }
    }

    #[test]
    fn a_value_may_be_stored_and_found_in_every_section() {
        for section in [Section::Inbound, Section::Outbound, Section::OnError] {
            let told = findings_in(section.as_str(), &format!("{}{LOOKUP}", store("x")));
            assert!(told.is_empty(), "{told:?}");
        }
        let told = findings_in("backend", LOOKUP);
        assert!(told.is_empty(), "{told:?}");
    }

    #[test]
    fn found_values_are_not_shared() {
        let world = TestWorld::new();
        let text = format!(
            "{}{LOOKUP}<set-variable name=\"c\" value=\"@{{ ((JArray)context.Variables[&quot;v&quot;]).Clear(); return 1; }}\" />",
            store("@(JArray.Parse(&quot;[1]&quot;))")
        );
        world.run(&plan(&document("inbound", &text)), &mut exchange());
        let mut second = exchange();
        world.run(&plan(&document("inbound", LOOKUP)), &mut second);
        let Some(Value::Json(json)) = second.variables.get("v") else { panic!("JSON") };
        assert_eq!(json.compact(), "[1]");
    }

    #[test]
    fn its_attributes_are_checked() {
        for (attributes, wanted) in [
            ("value=\"1\" duration=\"1\"", "has no attribute `key`, which it needs"),
            ("key=\"k\" duration=\"1\"", "has no attribute `value`, which it needs"),
            ("key=\"k\" value=\"1\"", "has no attribute `duration`, which it needs"),
            ("key=\"k\" value=\"1\" duration=\"soon\"", "must be a whole number"),
            ("key=\"k\" value=\"1\" duration=\"1\" ttl=\"1\"", "has no attribute `ttl`"),
            ("key=\"k\" value=\"1\" duration=\"1\" caching-type=\"redis\"", "not `redis`"),
        ] {
            let told = findings_in("inbound", &format!("<cache-store-value {attributes} />"));
            assert!(told.len() == 1 && told[0].contains(wanted), "{told:?}");
        }
        let external = store("x").replace("/>", "caching-type=\"external\" />");
        let told = findings_in("inbound", &external);
        assert!(told.len() == 1 && told[0].contains("none is configured"), "{told:?}");
    }
}
