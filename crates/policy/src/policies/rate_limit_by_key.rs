//! `rate-limit-by-key`: calls by any key within a sliding window.
//!
//! Source: <https://learn.microsoft.com/azure/api-management/rate-limit-by-key-policy>. A key has one counter, whatever the
//! scope of the policies that name it. With `increment-condition` the call is counted once the answer is known.

use std::sync::Arc;

use gatehouse_store::counters::{CounterKey, Rate, RateDecision};

use super::rate_answer::{RateAnswer, is_remote};
use crate::compiler::{Builder, Reported};
use crate::document::Element;
use crate::value::{Boolean, Integer, Text};
use crate::{Action, Deferred, Exchange, Failure, Flow, Policy, World};

/// The longest window in seconds.
const MAX_WINDOW: i64 = 300;
/// The most calls that one request counts as.
const MAX_INCREMENT: i64 = 1_000_000;

#[derive(Debug)]
struct RateLimitByKey {
    calls: Integer,
    window: Integer,
    key: Text,
    increment: Arc<Increment>,
    counts_after_response: bool,
    answer: RateAnswer,
}

/// What a request counts as.
#[derive(Debug)]
struct Increment {
    condition: Option<Boolean>,
    count: Option<Integer>,
}

pub(super) fn compile(builder: &mut Builder<'_>, element: &Element) -> Result<Action, Reported> {
    let mut attributes = vec![
        "calls",
        "renewal-period",
        "counter-key",
        "increment-condition",
        "increment-count",
        "increment-after-response",
    ];
    attributes.extend(RateAnswer::ATTRIBUTES);
    builder.only(element, &attributes, &[]);
    builder.no_text(element);
    let calls = builder.integer(element, "calls", 1..=i64::from(u32::MAX));
    let window = builder.integer(element, "renewal-period", 1..=MAX_WINDOW);
    let key = builder.text(element, "counter-key");
    let condition = builder.optional_boolean(element, "increment-condition");
    let count = builder.optional_integer(element, "increment-count", 0..=MAX_INCREMENT);
    let after = builder.literal_boolean(element, "increment-after-response", false);
    let counts_after_response =
        after || condition.as_ref().is_some_and(|condition| condition.literal() != Some(true));
    Ok(Action::Now(Box::new(RateLimitByKey {
        calls,
        window,
        key,
        increment: Arc::new(Increment { condition, count }),
        counts_after_response,
        answer: RateAnswer::compile(builder, element)?,
    })))
}

impl Increment {
    /// How many calls the request counts as; 0 where the condition does not hold.
    fn calls(&self, exchange: &mut Exchange, world: &World<'_>) -> Result<u32, Failure> {
        if let Some(condition) = &self.condition
            && !condition.evaluate(exchange, world)?
        {
            return Ok(0);
        }
        match &self.count {
            Some(count) => Ok(count.evaluate(exchange, world)? as u32),
            None => Ok(1),
        }
    }

    fn count_later(self: Arc<Self>, key: CounterKey, rate: Rate) -> Deferred {
        Deferred::Response(Box::new(move |exchange, world| {
            // The answer is made; a condition that fails now cannot change it, and nothing is counted.
            if let Ok(calls @ 1..) = self.calls(exchange, world) {
                drop(world.counters.add(key, rate, world.clock.monotonic_micros() / 1000, calls));
            }
        }))
    }
}

impl Policy for RateLimitByKey {
    fn apply(&self, exchange: &mut Exchange, world: &World<'_>) -> Result<Flow, Failure> {
        let rate = Rate {
            calls: self.calls.evaluate(exchange, world)? as u32,
            window_seconds: self.window.evaluate(exchange, world)? as u32,
        };
        let key = {
            let text = self.key.evaluate(exchange, world)?;
            world.counter_keys.key(("rate-limit-by-key", &*text, rate.window_seconds))
        };
        let now = world.clock.monotonic_micros() / 1000;
        let decision: RateDecision = if self.counts_after_response {
            let decision = world.counters.peek(key, rate, now).ready();
            if decision.is_some_and(|decision| decision.allowed) {
                exchange.deferred.push(Arc::clone(&self.increment).count_later(key, rate));
            }
            decision
        } else {
            let calls = self.increment.calls(exchange, world)?;
            world.counters.take(key, rate, now, calls).ready()
        }
        .ok_or_else(|| is_remote("rate-limit-by-key"))?;
        self.answer.conclude(exchange, "rate-limit-by-key", rate, decision)
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use http::StatusCode;

    use crate::testing::*;
    use crate::{Plan, Response};

    const USUAL: &str = "calls=\"2\" renewal-period=\"60\" counter-key=\"k\"";

    fn limited(attributes: &str) -> Arc<Plan> {
        plan(&document("inbound", &format!("<rate-limit-by-key {attributes} />")))
    }

    fn statuses<const N: usize>(world: &TestWorld, plan: &Plan) -> [u16; N] {
        [(); N].map(|()| {
            let mut exchange = exchange();
            world.run(plan, &mut exchange);
            exchange.answered()
        })
    }

    #[test]
    fn a_key_has_its_calls_and_other_keys_theirs() {
        let world = TestWorld::new();
        assert_eq!(statuses(&world, &limited(USUAL)), [200, 200, 429]);
        assert_eq!(
            statuses(&world, &limited(&USUAL.replace("\"k\"", "\"@(context.Request.Method)\""))),
            [200, 200, 429]
        );
    }

    #[test]
    fn policies_share_the_counter_of_a_key() {
        let world = TestWorld::new();
        assert_eq!(statuses(&world, &limited(USUAL)), [200]);
        let twice = plan(&document("inbound", &format!("<rate-limit-by-key {USUAL} />").repeat(2)));
        assert_eq!(statuses(&world, &twice), [429]);
    }

    #[test]
    fn a_call_counts_as_many_and_as_none() {
        assert_eq!(
            statuses(&TestWorld::new(), &limited(&format!("{USUAL} increment-count=\"2\""))),
            [200, 429]
        );
        assert_eq!(
            statuses(&TestWorld::new(), &limited(&format!("{USUAL} increment-condition=\"false\""))),
            [200, 200, 200, 200]
        );
        assert_eq!(
            statuses(&TestWorld::new(), &limited(&format!("{USUAL} increment-condition=\"true\""))),
            [200, 200, 429]
        );
    }

    #[test]
    fn a_condition_may_look_at_the_answer() {
        let condition = "increment-condition=\"@(context.Response.StatusCode == 401)\"";
        let plan = limited(&format!("{USUAL} {condition}"));
        let world = TestWorld::new();
        assert_eq!(statuses(&world, &plan), [200, 200, 200]);
        for _ in 0..2 {
            *world.answer.borrow_mut() = Some(Ok(Response::new(StatusCode::UNAUTHORIZED)));
            assert_eq!(statuses(&world, &plan), [401]);
        }
        assert_eq!(statuses(&world, &plan), [429]);
    }

    #[test]
    fn counting_after_the_answer_lets_the_call_that_crosses_the_line_through() {
        let plan = limited(&format!("{USUAL} increment-count=\"9\" increment-after-response=\"true\""));
        assert_eq!(statuses(&TestWorld::new(), &plan), [200, 429]);
    }

    #[test]
    fn calls_and_window_may_be_expressions() {
        let plan = limited("calls=\"@(1)\" renewal-period=\"@(300)\" counter-key=\"k\"");
        assert_eq!(statuses(&TestWorld::new(), &plan), [200, 429]);
        let plan = limited("calls=\"@(1)\" renewal-period=\"@(301)\" counter-key=\"k\"");
        assert_eq!(statuses(&TestWorld::new(), &plan), [500]);
    }

    #[test]
    fn its_attributes_are_checked() {
        for (attributes, wanted) in [
            ("calls=\"1\" renewal-period=\"60\"", "`rate-limit-by-key` has no attribute `counter-key`"),
            (
                "calls=\"1\" renewal-period=\"301\" counter-key=\"k\"",
                "must be a whole number from 1 to 300, not `301`",
            ),
            ("calls=\"0\" renewal-period=\"60\" counter-key=\"k\"", "must be a whole number from 1"),
            (
                "calls=\"1\" renewal-period=\"60\" counter-key=\"k\" increment=\"1\"",
                "has no attribute `increment`",
            ),
            (
                "calls=\"1\" renewal-period=\"60\" counter-key=\"k\" retry-after-header-name=\"@(1)\"",
                "takes no expression",
            ),
        ] {
            let told = findings_in("inbound", &format!("<rate-limit-by-key {attributes} />"));
            assert!(told.len() == 1 && told[0].contains(wanted), "{told:?}");
        }
    }
}
