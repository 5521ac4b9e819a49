//! `quota-by-key`: calls and kilobytes by any key within a long period.
//!
//! Source: <https://learn.microsoft.com/azure/api-management/quota-by-key-policy>. A request that several policies with
//! the same key meet counts once.

use std::sync::Arc;

use gatehouse_store::counters::{CounterKey, Quota, Usage};
use jiff::Timestamp;

use super::quota::{Limits, conclude, count_bytes, now_seconds};
use super::rate_answer::is_remote;
use crate::compiler::{Builder, Reported};
use crate::document::Element;
use crate::value::{Boolean, Integer, Text};
use crate::{Action, Deferred, Exchange, Failure, Flow, Policy, World};

/// The shortest period in seconds.
const MIN_PERIOD: i64 = 300;
/// The most calls that one request counts as.
const MAX_INCREMENT: i64 = 1_000_000;
/// 0001-01-01T00:00:00Z, from which periods are counted by default, in seconds since 1970.
const FIRST_PERIOD: i64 = -62_135_596_800;

#[derive(Debug)]
struct QuotaByKey {
    key: Text,
    limits: Limits,
    anchor: i64,
    increment: Arc<Increment>,
}

#[derive(Debug)]
struct Increment {
    condition: Option<Boolean>,
    count: Option<Integer>,
}

pub(super) fn compile(builder: &mut Builder<'_>, element: &Element) -> Result<Action, Reported> {
    let attributes = [
        "counter-key",
        "calls",
        "bandwidth",
        "renewal-period",
        "increment-condition",
        "increment-count",
        "first-period-start",
    ];
    builder.only(element, &attributes, &[]);
    builder.no_text(element);
    let key = builder.text(element, "counter-key");
    let limits = Limits::compile(builder, element, MIN_PERIOD, None)?;
    let condition = builder.optional_boolean(element, "increment-condition");
    let count = builder.optional_integer(element, "increment-count", 0..=MAX_INCREMENT);
    let anchor = first_period(builder, element);
    Ok(Action::Now(Box::new(QuotaByKey {
        key,
        limits,
        anchor,
        increment: Arc::new(Increment { condition, count }),
    })))
}

/// When a period begins, in seconds since 1970.
fn first_period(builder: &mut Builder<'_>, element: &Element) -> i64 {
    let Ok(Some(text)) = builder.optional_literal(element, "first-period-start") else {
        return FIRST_PERIOD;
    };
    let Ok(first) = text.parse::<Timestamp>() else {
        let location =
            element.attribute("first-period-start").map_or(&element.location, |known| &known.value.location);
        let message = format!("`{text}` is no point in time");
        builder.error_with_fix("bad-value", location, message, "write it like `2026-01-01T00:00:00Z`");
        return FIRST_PERIOD;
    };
    first.as_second()
}

impl Increment {
    fn calls(&self, exchange: &mut Exchange, world: &World<'_>) -> Result<u64, Failure> {
        if let Some(condition) = &self.condition
            && !condition.evaluate(exchange, world)?
        {
            return Ok(0);
        }
        match &self.count {
            Some(count) => Ok(count.evaluate(exchange, world)?.unsigned_abs()),
            None => Ok(1),
        }
    }

    fn count_later(self: Arc<Self>, key: CounterKey, quota: Quota) -> Deferred {
        Deferred::Response(Box::new(move |exchange, world| {
            // The answer is made; a condition that fails now cannot change it, and nothing is counted.
            if let Ok(calls @ 1..) = self.calls(exchange, world) {
                let usage = Usage { calls, bytes: 0 };
                drop(world.counters.add_quota(key, &quota, now_seconds(world), usage));
            }
        }))
    }
}

impl Policy for QuotaByKey {
    fn apply(&self, exchange: &mut Exchange, world: &World<'_>) -> Result<Flow, Failure> {
        let quota = self.limits.anchored(self.anchor);
        let (key, bytes) = {
            let text = self.key.evaluate(exchange, world)?;
            let key = |of| world.counter_keys.key((of, &*text, quota.period_seconds, self.anchor));
            (key("quota-by-key"), key("quota-by-key bytes"))
        };
        let now = now_seconds(world);
        let is_counted = exchange.counted.contains(&key);
        let counts_later =
            self.increment.condition.as_ref().is_some_and(|known| known.literal() != Some(true));
        let answer = if is_counted {
            // It has its place already: whether the count as it stands is within this policy's limits is what is asked.
            world.counters.take_quota(key, &quota, now, 0)
        } else if counts_later {
            world.counters.peek_quota(key, &quota, now)
        } else {
            let calls = self.increment.calls(exchange, world)?;
            world.counters.take_quota(key, &quota, now, calls)
        };
        conclude("quota-by-key", answer.ready().ok_or_else(|| is_remote("quota-by-key"))?)?;
        if !is_counted {
            exchange.counted.push(key);
            if counts_later {
                exchange.deferred.push(Arc::clone(&self.increment).count_later(key, quota));
            }
        }
        if self.limits.limits_bytes() && !exchange.counted.contains(&bytes) {
            exchange.counted.push(bytes);
            count_bytes(exchange, key, quota);
        }
        Ok(Flow::Continue)
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use http::StatusCode;
    use http::header::RETRY_AFTER;

    use crate::testing::*;
    use crate::{Completion, Deferred, Exchange, Plan, Response};

    const USUAL: &str = "calls=\"2\" renewal-period=\"3600\" counter-key=\"k\"";

    fn limited(attributes: &str) -> Arc<Plan> {
        plan(&document("inbound", &format!("<quota-by-key {attributes} />")))
    }

    /// Runs a plan; `bytes` go over the wire in each direction.
    fn call(world: &TestWorld, plan: &Plan, bytes: u64) -> Exchange {
        let mut exchange = exchange();
        world.run(plan, &mut exchange);
        let now_millis = world.now_millis.get();
        let end = Completion { bytes_in: bytes, bytes_out: bytes, now_millis, monotonic_millis: now_millis };
        for deferred in std::mem::take(&mut exchange.deferred) {
            if let Deferred::Completed(count) = deferred {
                count(&end, &world.counters);
            }
        }
        exchange
    }

    fn statuses<const N: usize>(world: &TestWorld, plan: &Plan) -> [u16; N] {
        [(); N].map(|()| call(world, plan, 0).answered())
    }

    #[test]
    fn a_key_has_its_calls_in_each_period() {
        let world = TestWorld::new();
        let plan = limited(USUAL);
        assert_eq!(statuses(&world, &plan), [200, 200, 403]);
        world.now_millis.set(world.now_millis.get() + 3_600_000);
        assert_eq!(statuses(&world, &plan), [200]);
    }

    #[test]
    fn periods_begin_where_the_policy_says() {
        let world = TestWorld::new();
        world.now_millis.set(1_700_000_000_000);
        // 2023-11-14T22:13:20Z: 20 seconds into the minute that the periods are counted from.
        let plan = limited(&format!("{USUAL} first-period-start=\"2023-11-14T22:13:00Z\""));
        call(&world, &plan, 0);
        call(&world, &plan, 0);
        let refused = call(&world, &plan, 0);
        assert_eq!(
            refused.answer_text(),
            r#"{"statusCode":403,"message":"Out of call volume quota. Quota will be replenished in 00:59:40."}"#
        );
        assert_eq!(refused.response.unwrap().headers[RETRY_AFTER], "3580");
        let error = refused.last_error.unwrap();
        assert_eq!((&*error.source, &*error.reason), ("quota-by-key", "QuotaExceeded"));
    }

    #[test]
    fn a_quota_without_periods_is_never_replenished() {
        let world = TestWorld::new();
        let plan = limited("calls=\"1\" renewal-period=\"0\" counter-key=\"k\"");
        call(&world, &plan, 0);
        world.now_millis.set(world.now_millis.get() + 1_000_000_000);
        let refused = call(&world, &plan, 0);
        assert_eq!(refused.answered(), 403);
        assert_eq!(refused.last_error.unwrap().message, "Out of call volume quota.");
        assert!(!refused.response.unwrap().headers.contains_key(RETRY_AFTER));
    }

    #[test]
    fn bytes_of_both_directions_count() {
        let world = TestWorld::new();
        let plan = limited("bandwidth=\"2\" renewal-period=\"3600\" counter-key=\"k\"");
        let statuses = [512, 512, 0].map(|bytes| call(&world, &plan, bytes).answered());
        assert_eq!(statuses, [200, 200, 403]);
        assert!(call(&world, &plan, 0).last_error.unwrap().message.starts_with("Out of bandwidth quota."));
    }

    #[test]
    fn policies_with_one_key_count_a_request_once_and_each_has_its_limit() {
        let both = |first: u32, second: u32| {
            let policy =
                |calls| format!("<quota-by-key {} />", USUAL.replace("\"2\"", &format!("\"{calls}\"")));
            plan(&document("inbound", &(policy(first) + &policy(second))))
        };
        assert_eq!(statuses(&TestWorld::new(), &both(2, 2)), [200, 200, 403]);
        assert_eq!(statuses(&TestWorld::new(), &both(9, 1)), [200, 403]);
        assert_eq!(statuses(&TestWorld::new(), &both(1, 9)), [200, 403]);
        let bytes = "<quota-by-key bandwidth=\"1\" renewal-period=\"3600\" counter-key=\"k\" />";
        let plan = plan(&document(
            "inbound",
            &format!("<quota-by-key {} />{bytes}{bytes}", USUAL.replace('2', "9")),
        ));
        let world = TestWorld::new();
        let statuses = [256, 256, 0].map(|bytes| call(&world, &plan, bytes).answered());
        assert_eq!(statuses, [200, 200, 403]);
    }

    #[test]
    fn a_condition_may_look_at_the_answer() {
        let world = TestWorld::new();
        let plan = limited(&format!("{USUAL} increment-condition=\"@(context.Response.StatusCode == 401)\""));
        assert_eq!(statuses(&world, &plan), [200, 200, 200]);
        for _ in 0..2 {
            *world.answer.borrow_mut() = Some(Ok(Response::new(StatusCode::UNAUTHORIZED)));
            assert_eq!(statuses(&world, &plan), [401]);
        }
        assert_eq!(statuses(&world, &plan), [403]);
    }

    #[test]
    fn its_attributes_are_checked() {
        for (attributes, wanted) in [
            ("renewal-period=\"300\" counter-key=\"k\"", "`quota-by-key` limits nothing"),
            ("calls=\"1\" renewal-period=\"299\" counter-key=\"k\"", "must be 0 or at least 300 seconds"),
            ("calls=\"@(1)\" renewal-period=\"300\" counter-key=\"k\"", "takes no expression"),
            ("calls=\"1\" counter-key=\"k\"", "`quota-by-key` has no attribute `renewal-period`"),
            ("calls=\"1\" renewal-period=\"300\"", "`quota-by-key` has no attribute `counter-key`"),
            (
                "calls=\"1\" renewal-period=\"300\" counter-key=\"k\" first-period-start=\"yesterday\"",
                "`yesterday` is no point in time",
            ),
        ] {
            let told = findings_in("inbound", &format!("<quota-by-key {attributes} />"));
            assert!(told.len() == 1 && told[0].contains(wanted), "{told:?}");
        }
    }
}
