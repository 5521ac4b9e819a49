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
    builder.only(element, &attributes, &[])?;
    builder.no_text(element)?;
    let key = builder.text(element, "counter-key")?;
    let limits = Limits::compile(builder, element, MIN_PERIOD)?;
    let condition = match element.attribute("increment-condition") {
        Some(_) => Some(builder.required_boolean(element, "increment-condition")?),
        None => None,
    };
    let count = builder.optional_integer(element, "increment-count", 0..=MAX_INCREMENT)?;
    let anchor = match builder.optional_literal(element, "first-period-start")? {
        None => FIRST_PERIOD,
        Some(text) => match text.parse::<Timestamp>() {
            Ok(start) => start.as_second(),
            Err(_) => {
                let location = element
                    .attribute("first-period-start")
                    .map_or(&element.location, |known| &known.value.location);
                let message = format!("`{text}` is no point in time");
                let fix = "write it like `2026-01-01T00:00:00Z`";
                return Err(builder.error_with_fix("bad-value", location, message, fix));
            }
        },
    };
    Ok(Action::Now(Box::new(QuotaByKey {
        key,
        limits,
        anchor,
        increment: Arc::new(Increment { condition, count }),
    })))
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
        let key = {
            let text = self.key.evaluate(exchange, world)?;
            world.counter_keys.key(("quota-by-key", &*text, quota.period_seconds))
        };
        let now = now_seconds(world);
        let is_counted = exchange.counted.contains(&key);
        let counts_later =
            self.increment.condition.as_ref().is_some_and(|known| known.literal() != Some(true));
        let answer = if is_counted || counts_later {
            world.counters.peek_quota(key, &quota, now)
        } else {
            let calls = self.increment.calls(exchange, world)?;
            world.counters.take_quota(key, &quota, now, calls)
        };
        let decision = answer.ready().ok_or_else(|| is_remote("quota-by-key"))?;
        // A request that is counted already has taken its place: the next one is what a peek refuses.
        if !is_counted {
            conclude("quota-by-key", decision)?;
            exchange.counted.push(key);
            if counts_later {
                exchange.deferred.push(Arc::clone(&self.increment).count_later(key, quota));
            }
            count_bytes(exchange, key, quota);
        }
        Ok(Flow::Continue)
    }
}
