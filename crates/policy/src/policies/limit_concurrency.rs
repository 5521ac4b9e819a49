//! `limit-concurrency`: a bound on how many requests run the enclosed policies at a time.
//!
//! Source: <https://learn.microsoft.com/azure/api-management/limit-concurrency-policy>. A key is shared by all policies
//! that name it, on this instance.

use http::StatusCode;

use crate::compiler::{Builder, Reported};
use crate::document::Element;
use crate::plan::PolicyFuture;
use crate::steps::Steps;
use crate::value::Text;
use crate::{Action, AsyncPolicy, Exchange, Failure, Flow, Permit, Policy, World};

#[derive(Debug)]
struct LimitConcurrency {
    key: Text,
    limit: u32,
    steps: Steps,
}

pub(super) fn compile(builder: &mut Builder<'_>, element: &Element) -> Result<Action, Reported> {
    builder.only_own(element, &["key", "max-count"]);
    let key = builder.text(element, "key");
    let limit = builder.literal_integer(element, "max-count", 1..=i64::from(u32::MAX)) as u32;
    let steps = builder.steps(element, None);
    let waits = steps.waits();
    let policy = LimitConcurrency { key, limit, steps };
    Ok(if waits { Action::Later(Box::new(policy)) } else { Action::Now(Box::new(policy)) })
}

impl LimitConcurrency {
    fn permit(&self, exchange: &mut Exchange, world: &World<'_>) -> Result<Permit, Failure> {
        let key = self.key.evaluate(exchange, world)?;
        world.concurrency.acquire(&key, self.limit).ok_or_else(|| {
            let message = "Too many requests run at the same time. Try again later.";
            Failure::new(
                StatusCode::TOO_MANY_REQUESTS,
                "limit-concurrency",
                "ConcurrencyLimitExceeded",
                message,
            )
        })
    }
}

impl Policy for LimitConcurrency {
    fn apply(&self, exchange: &mut Exchange, world: &World<'_>) -> Result<Flow, Failure> {
        let _permit = self.permit(exchange, world)?;
        self.steps.run_now(exchange, world)
    }
}

impl AsyncPolicy for LimitConcurrency {
    fn apply<'a>(&'a self, exchange: &'a mut Exchange, world: &'a World<'a>) -> PolicyFuture<'a> {
        Box::pin(async move {
            let _permit = self.permit(exchange, world)?;
            self.steps.run(exchange, world).await
        })
    }
}

#[cfg(test)]
mod tests {
    use crate::testing::*;

    const POLICY: &str = "<limit-concurrency key=\"k\" max-count=\"1\"><set-variable name=\"in\" value=\"yes\" /></limit-concurrency>";

    #[test]
    fn the_policies_inside_run_while_there_is_room() {
        let world = TestWorld::new();
        let plan = plan(&document("inbound", POLICY));
        for _ in 0..2 {
            let mut exchange = exchange();
            world.run(&plan, &mut exchange);
            assert!(exchange.variables.get("in").is_some());
        }
        let other = world.concurrency.acquire("k", 1);
        assert!(other.is_some());
        let mut exchange = exchange();
        world.run(&plan, &mut exchange);
        assert_eq!(exchange.answered(), 429);
        assert!(exchange.variables.get("in").is_none());
        assert_eq!(exchange.last_error.unwrap().source, "limit-concurrency");
    }

    #[test]
    fn a_permit_is_given_back_after_a_failure_too() {
        let world = TestWorld::new();
        *world.answer.borrow_mut() = Some(Err(crate::UpstreamError::NoBackend));
        let text = "<limit-concurrency key=\"k\" max-count=\"1\"><forward-request /></limit-concurrency>";
        world.run(&plan(&document("backend", text)), &mut exchange());
        assert!(world.concurrency.acquire("k", 1).is_some());
    }

    #[test]
    fn its_parts_are_checked() {
        let told = findings_in("inbound", "<limit-concurrency key=\"k\" max-count=\"0\" />");
        assert!(told[0].starts_with("policy.xml:1:96: error: the attribute `max-count`"), "{told:?}");
        let told = findings_in("inbound", "<limit-concurrency key=\"k\" max-count=\"@(1)\" />");
        assert!(told[0].contains("takes no expression"), "{told:?}");
        let told = findings_in("inbound", "<limit-concurrency max-count=\"1\" />");
        assert!(told[0].contains("`limit-concurrency` has no attribute `key`"), "{told:?}");
        let told = findings_in(
            "inbound",
            "<limit-concurrency key=\"k\" max-count=\"1\"><nothing /></limit-concurrency>",
        );
        assert!(told[0].contains("there is no policy `nothing`"), "{told:?}");
    }
}
