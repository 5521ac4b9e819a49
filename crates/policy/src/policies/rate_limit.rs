//! `rate-limit`: calls of a subscription within a sliding window.
//!
//! Source: <https://learn.microsoft.com/azure/api-management/rate-limit-policy>. Limits of the product, of an API and of an
//! operation are counted independently; each subscription is counted by itself, and requests without one are not.

use std::sync::Arc;

use gatehouse_store::counters::Rate;

use super::rate_answer::{RateAnswer, decide, is_remote};
use crate::compiler::{Builder, Reported};
use crate::document::Element;
use crate::{Action, Exchange, Failure, Flow, Policy, World};

/// The longest window in seconds.
const MAX_WINDOW: i64 = 300;

#[derive(Debug)]
struct RateLimit {
    identity: Arc<str>,
    levels: Vec<Level>,
    answer: RateAnswer,
}

/// One limit: of everything, of an API, or of an operation.
#[derive(Debug)]
struct Level {
    rate: Rate,
    api: Option<Target>,
    operation: Option<Target>,
}

/// A resource by its id or its display name; the id wins.
#[derive(Debug)]
pub(super) struct Target {
    id: Option<Arc<str>>,
    name: Option<Arc<str>>,
}

pub(super) fn compile(builder: &mut Builder<'_>, element: &Element) -> Result<Action, Reported> {
    let mut attributes = vec!["calls", "renewal-period"];
    attributes.extend(RateAnswer::ATTRIBUTES);
    builder.only(element, &attributes, &["api"]);
    builder.no_text(element);
    let mut levels = vec![Level { rate: rate(builder, element), api: None, operation: None }];
    for api in element.elements_named("api") {
        builder.only(api, &["name", "id", "calls", "renewal-period"], &["operation"]);
        levels.push(Level {
            rate: rate(builder, api),
            api: Some(Target::compile(builder, api)?),
            operation: None,
        });
        for operation in api.elements_named("operation") {
            builder.only(operation, &["name", "id", "calls", "renewal-period"], &[]);
            levels.push(Level {
                rate: rate(builder, operation),
                api: Some(Target::compile(builder, api)?),
                operation: Some(Target::compile(builder, operation)?),
            });
        }
    }
    let identity = builder.counter_identity();
    Ok(Action::Now(Box::new(RateLimit { identity, levels, answer: RateAnswer::compile(builder, element)? })))
}

fn rate(builder: &mut Builder<'_>, element: &Element) -> Rate {
    let calls = builder.literal_integer(element, "calls", 1..=i64::from(u32::MAX)) as u32;
    let window_seconds = builder.literal_integer(element, "renewal-period", 1..=MAX_WINDOW) as u32;
    Rate { calls, window_seconds }
}

impl Target {
    pub(super) fn compile(builder: &mut Builder<'_>, element: &Element) -> Result<Self, Reported> {
        let id = builder.optional_literal(element, "id")?;
        let name = builder.optional_literal(element, "name")?;
        if id.is_none() && name.is_none() {
            let message = format!("`{}` names nothing", element.name);
            builder.error_with_fix("missing-attribute", &element.location, message, "add `id` or `name`");
        }
        Ok(Self { id, name })
    }

    pub(super) fn is(&self, id: &str, name: &str) -> bool {
        match (&self.id, &self.name) {
            // The id of a revision that is not the current one ends with its number; it is the same API.
            (Some(wanted), _) => {
                let root = id.split(";rev=").next().unwrap_or(id);
                wanted.eq_ignore_ascii_case(id) || wanted.eq_ignore_ascii_case(root)
            }
            (None, Some(wanted)) => **wanted == *name,
            (None, None) => false,
        }
    }

    pub(super) fn is_api(target: Option<&Self>, exchange: &Exchange) -> bool {
        let Some(target) = target else { return true };
        exchange.route.api.as_ref().is_some_and(|api| target.is(&api.id, &api.name))
    }

    pub(super) fn is_operation(target: Option<&Self>, exchange: &Exchange) -> bool {
        let Some(target) = target else { return true };
        exchange.route.operation.as_ref().is_some_and(|operation| target.is(&operation.id, &operation.name))
    }
}

impl Policy for RateLimit {
    fn apply(&self, exchange: &mut Exchange, world: &World<'_>) -> Result<Flow, Failure> {
        let Some(subscription) = exchange.route.subscription.clone() else { return Ok(Flow::Continue) };
        let now = world.clock.monotonic_micros() / 1000;
        let workspace = exchange.route.api.as_ref().and_then(|api| api.workspace.clone());
        let key = |level: usize| {
            world.counter_keys.key((
                "rate-limit",
                &*self.identity,
                level,
                workspace.as_deref(),
                &*subscription.id,
            ))
        };
        let mut tightest = None;
        for (index, level) in self.levels.iter().enumerate() {
            if !Target::is_api(level.api.as_ref(), exchange)
                || !Target::is_operation(level.operation.as_ref(), exchange)
            {
                continue;
            }
            let answer = world.counters.take(key(index), level.rate, now, 1);
            let decision = answer.ready().ok_or_else(|| is_remote("rate-limit"))?;
            decide(&mut tightest, level.rate, decision);
            if !decision.allowed {
                break;
            }
        }
        match tightest {
            Some((rate, decision)) => self.answer.conclude(exchange, "rate-limit", rate, decision),
            None => Ok(Flow::Continue),
        }
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use http::header::RETRY_AFTER;

    use crate::testing::*;
    use crate::{Exchange, Plan, PlanKey};

    /// The plan of an operation of the API `api` in the product `starter`, whose policy limits.
    fn limited(policy: &str) -> Arc<Plan> {
        let mut catalog = catalog(&document("inbound", ""));
        catalog.service.apis.insert("api".into(), api("api", None));
        let text = format!("<policies><inbound>{policy}</inbound><backend><base /></backend></policies>");
        catalog.service.products.insert("starter".into(), product("starter", &["api"], Some(&text)));
        policies(&catalog).plan(&PlanKey {
            workspace: None,
            api: "api",
            operation: None,
            product: Some("starter"),
        })
    }

    fn call(
        world: &TestWorld,
        plan: &Plan,
        subscription: Option<&str>,
        api: &str,
        operation: &str,
    ) -> Exchange {
        let mut exchange = exchange();
        exchange.route = route(api, operation, subscription);
        world.run(plan, &mut exchange);
        exchange
    }

    #[test]
    fn each_subscription_has_its_calls_within_the_window() {
        let world = TestWorld::new();
        let plan = limited("<rate-limit calls=\"2\" renewal-period=\"90\" />");
        let status = |subscription| call(&world, &plan, subscription, "api", "op").answered();
        assert_eq!([status(Some("a")), status(Some("a")), status(Some("a"))], [200, 200, 429]);
        assert_eq!(status(Some("b")), 200);
        assert_eq!([status(None), status(None), status(None)], [200, 200, 200]);
        world.now_millis.set(world.now_millis.get() + 90_000);
        assert_eq!(status(Some("a")), 200);
    }

    #[test]
    fn a_refusal_says_when_to_come_back() {
        let world = TestWorld::new();
        let plan = limited("<rate-limit calls=\"1\" renewal-period=\"90\" />");
        call(&world, &plan, Some("a"), "api", "op");
        world.now_millis.set(world.now_millis.get() + 30_000);
        let exchange = call(&world, &plan, Some("a"), "api", "op");
        assert_eq!(
            exchange.answer_text(),
            r#"{"statusCode":429,"message":"Rate limit is exceeded. Try again in 60 seconds."}"#
        );
        assert_eq!(exchange.response.unwrap().headers[RETRY_AFTER], "60");
        let error = exchange.last_error.unwrap();
        assert_eq!((&*error.source, &*error.reason), ("rate-limit", "RateLimitExceeded"));
        assert_eq!(error.message, "Rate limit is exceeded");
    }

    #[test]
    fn apis_and_operations_are_counted_besides() {
        let world = TestWorld::new();
        let plan = limited(
            "<rate-limit calls=\"9\" renewal-period=\"90\"><api name=\"wrong\" id=\"api\" calls=\"3\" renewal-period=\"90\">\
             <operation name=\"Op one\" calls=\"1\" renewal-period=\"90\" /></api>\
             <api name=\"other\" calls=\"1\" renewal-period=\"90\" /></rate-limit>",
        );
        let status = |api, operation| call(&world, &plan, Some("a"), api, operation).answered();
        assert_eq!([status("api", "one"), status("api", "one")], [200, 429]);
        assert_eq!([status("api", "two"), status("api", "two")], [200, 429]);
        assert_eq!(status("api;rev=2", "two"), 429);
        assert_eq!([status("third", "one"), status("third", "one")], [200, 200]);
    }

    #[test]
    fn its_parts_are_checked() {
        let told = |policy: &str| {
            let mut catalog = catalog("<policies />");
            catalog.service.products.insert(
                "starter".into(),
                product("starter", &[], Some(&format!("<policies><inbound>{policy}</inbound></policies>"))),
            );
            findings(&catalog)
        };
        for (policy, wanted) in [
            (
                "<rate-limit calls=\"1\" renewal-period=\"301\" />",
                "the attribute `renewal-period` must be a whole number from 1 to 300",
            ),
            ("<rate-limit calls=\"@(1)\" renewal-period=\"3\" />", "takes no expression"),
            ("<rate-limit renewal-period=\"3\" />", "`rate-limit` has no attribute `calls`"),
            (
                "<rate-limit calls=\"1\" renewal-period=\"3\"><api calls=\"1\" renewal-period=\"3\" /></rate-limit>",
                "1:61: error: `api` names nothing",
            ),
            (
                "<rate-limit calls=\"1\" renewal-period=\"3\"><operation id=\"a\" calls=\"1\" renewal-period=\"3\" /></rate-limit>",
                "`operation` cannot stand in `rate-limit`",
            ),
            (
                "<rate-limit calls=\"1\" renewal-period=\"3\" total-calls-header-name=\"a b\" />",
                "`a b` is not the name of a header field",
            ),
        ] {
            let told = told(policy);
            assert!(told.len() == 1 && told[0].contains(wanted), "{told:?}");
        }
        let told = findings_in("inbound", "<rate-limit calls=\"1\" renewal-period=\"3\" />");
        assert!(told[0].contains("`rate-limit` cannot stand in a policy of the scope `global`"), "{told:?}");
    }

    #[test]
    fn it_may_stand_in_a_fragment_that_nothing_includes_yet() {
        let mut catalog = catalog("<policies />");
        let text = "<fragment><rate-limit calls=\"1\" renewal-period=\"3\" /></fragment>";
        catalog.service.fragments.insert("limits".into(), fragment("limits", text));
        assert_eq!(findings(&catalog), Vec::<String>::new());
    }
}
