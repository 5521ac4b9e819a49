//! `quota`: calls and kilobytes of a subscription within a long period.
//!
//! Source: <https://learn.microsoft.com/azure/api-management/quota-policy>. Periods begin at the subscription's start.

use std::sync::Arc;

use gatehouse_store::counters::{CounterKey, Counters, Exceeded, Quota, QuotaDecision, Usage};
use http::header::RETRY_AFTER;
use http::{HeaderValue, StatusCode};

use super::rate_answer::is_remote;
use super::rate_limit::Target;
use crate::compiler::{Builder, Reported};
use crate::document::Element;
use crate::{Action, Completion, Deferred, Exchange, Failure, Flow, Policy, World};

/// The longest period in seconds: a hundred years.
pub(super) const MAX_PERIOD: i64 = 100 * 366 * 86_400;

#[derive(Debug)]
struct QuotaPolicy {
    identity: Arc<str>,
    levels: Vec<Level>,
}

#[derive(Debug)]
struct Level {
    limits: Limits,
    api: Option<Target>,
    operation: Option<Target>,
}

/// Calls, kilobytes and the period of one limit.
#[derive(Clone, Copy, Debug)]
pub(super) struct Limits {
    calls: Option<u64>,
    kilobytes: Option<u64>,
    period_seconds: u64,
}

pub(super) fn compile(builder: &mut Builder<'_>, element: &Element) -> Result<Action, Reported> {
    builder.only(element, &["calls", "bandwidth", "renewal-period"], &["api"]);
    builder.no_text(element);
    let whole = Limits::compile(builder, element, 1, None)?;
    let mut levels = vec![Level { limits: whole, api: None, operation: None }];
    let attributes = ["name", "id", "calls", "bandwidth", "renewal-period"];
    for api in element.elements_named("api") {
        builder.only(api, &attributes, &["operation"]);
        let limits = Limits::compile(builder, api, 1, Some(whole))?;
        levels.push(Level { limits, api: Some(Target::compile(builder, api)?), operation: None });
        for operation in api.elements_named("operation") {
            builder.only(operation, &attributes, &[]);
            levels.push(Level {
                limits: Limits::compile(builder, operation, 1, Some(limits))?,
                api: Some(Target::compile(builder, api)?),
                operation: Some(Target::compile(builder, operation)?),
            });
        }
    }
    let identity = builder.counter_identity();
    Ok(Action::Now(Box::new(QuotaPolicy { identity, levels })))
}

impl Limits {
    /// Reads `calls`, `bandwidth` and `renewal-period`; a period is 0 (for ever) or at least `shortest` seconds. An API or
    /// an operation without a period has that of the limit around it, as the documentation's statement writes it.
    pub(super) fn compile(
        builder: &mut Builder<'_>,
        element: &Element,
        shortest: i64,
        outer: Option<Self>,
    ) -> Result<Self, Reported> {
        let mut limit = |name| -> Result<Option<u64>, Reported> {
            match element.attribute(name) {
                Some(_) => Ok(Some(builder.literal_integer(element, name, 1..=i64::MAX).unsigned_abs())),
                None => Ok(None),
            }
        };
        let (calls, kilobytes) = (limit("calls")?, limit("bandwidth")?);
        if calls.is_none() && kilobytes.is_none() {
            let message = format!("`{}` limits nothing", element.name);
            let fix = "add `calls` or `bandwidth` (kilobytes)";
            builder.error_with_fix("missing-attribute", &element.location, message, fix);
        }
        if let (Some(outer), None) = (outer, element.attribute("renewal-period")) {
            return Ok(Self { calls, kilobytes, ..outer });
        }
        let period = builder.literal_integer(element, "renewal-period", 0..=MAX_PERIOD);
        if period != 0 && period < shortest {
            let location =
                element.attribute("renewal-period").map_or(&element.location, |known| &known.location);
            let message = format!("the attribute `renewal-period` must be 0 or at least {shortest} seconds");
            builder.error("bad-value", location, message);
        }
        Ok(Self { calls, kilobytes, period_seconds: period.unsigned_abs() })
    }

    /// Whether bytes have to be counted.
    pub(super) fn limits_bytes(self) -> bool {
        self.kilobytes.is_some()
    }

    /// The quota with periods that begin at `anchor_seconds` (UTC).
    pub(super) fn anchored(self, anchor_seconds: i64) -> Quota {
        let Self { calls, kilobytes, period_seconds } = self;
        Quota { calls, kilobytes, period_seconds, anchor_seconds }
    }
}

impl Policy for QuotaPolicy {
    fn apply(&self, exchange: &mut Exchange, world: &World<'_>) -> Result<Flow, Failure> {
        let Some(subscription) = exchange.route.subscription.clone() else { return Ok(Flow::Continue) };
        let now = now_seconds(world);
        let anchor = subscription.start.unwrap_or(subscription.created);
        let workspace = exchange.route.api.as_ref().and_then(|api| api.workspace.clone());
        for (index, level) in self.levels.iter().enumerate() {
            if !Target::is_api(level.api.as_ref(), exchange)
                || !Target::is_operation(level.operation.as_ref(), exchange)
            {
                continue;
            }
            let key = world.counter_keys.key((
                "quota",
                &*self.identity,
                index,
                workspace.as_deref(),
                &*subscription.id,
            ));
            let quota = level.limits.anchored(anchor);
            let decision = world.counters.take_quota(key, &quota, now, 1).ready();
            conclude("quota", decision.ok_or_else(|| is_remote("quota"))?)?;
            count_bytes(exchange, key, quota);
        }
        Ok(Flow::Continue)
    }
}

/// UTC seconds.
pub(super) fn now_seconds(world: &World<'_>) -> i64 {
    (world.clock.now_millis() / 1000) as i64
}

/// Counts the bytes of both bodies at the end of the exchange, where the quota limits them.
pub(super) fn count_bytes(exchange: &mut Exchange, key: CounterKey, quota: Quota) {
    if quota.kilobytes.is_none() {
        return;
    }
    exchange.deferred.push(Deferred::Completed(Box::new(
        move |end: &Completion, counters: &dyn Counters| {
            let usage = Usage { calls: 0, bytes: end.bytes_in.saturating_add(end.bytes_out) };
            drop(counters.add_quota(key, &quota, (end.now_millis / 1000) as i64, usage));
        },
    )));
}

/// Refuses what is beyond a quota.
pub(super) fn conclude(policy: &'static str, decision: QuotaDecision) -> Result<(), Failure> {
    let Some(exceeded) = decision.exceeded else { return Ok(()) };
    let volume = match exceeded {
        Exceeded::Calls => "call volume",
        Exceeded::Bandwidth => "bandwidth",
    };
    let message = match decision.renews_in_seconds {
        Some(seconds) => {
            format!("Out of {volume} quota. Quota will be replenished in {}.", time_span(seconds))
        }
        None => format!("Out of {volume} quota."),
    };
    let failure = Failure::new(StatusCode::FORBIDDEN, policy, "QuotaExceeded", message);
    Err(match decision.renews_in_seconds {
        Some(seconds) => failure.header(RETRY_AFTER, HeaderValue::from(seconds)),
        None => failure,
    })
}

/// `hh:mm:ss`, with days before it where there are any, as .NET writes a time span.
fn time_span(seconds: u64) -> String {
    let (days, hours, minutes) = (seconds / 86_400, seconds / 3600 % 24, seconds / 60 % 60);
    let clock = format!("{hours:02}:{minutes:02}:{:02}", seconds % 60);
    if days > 0 { format!("{days}.{clock}") } else { clock }
}

#[cfg(test)]
mod tests {
    use gatehouse_model::resources::Catalog;

    use super::*;
    use crate::testing::*;
    use crate::{Plan, PlanKey};

    #[test]
    fn spans_are_written_as_in_dotnet() {
        assert_eq!(time_span(59), "00:00:59");
        assert_eq!(time_span(7_384), "02:03:04");
        assert_eq!(time_span(86_400 * 6 + 1), "6.00:00:01");
    }

    #[test]
    fn a_refusal_says_when_to_come_back() {
        let decision = QuotaDecision {
            exceeded: Some(Exceeded::Bandwidth),
            remaining_calls: None,
            remaining_kilobytes: Some(0),
            renews_in_seconds: Some(60),
        };
        let failure = conclude("quota", decision).unwrap_err();
        assert_eq!(failure.status, StatusCode::FORBIDDEN);
        assert_eq!(failure.message, "Out of bandwidth quota. Quota will be replenished in 00:01:00.");
        assert_eq!(failure.extras.unwrap().headers[RETRY_AFTER], "60");
    }

    fn limited(policy: &str) -> (Catalog, Option<Arc<Plan>>) {
        let mut catalog = catalog(&document("inbound", ""));
        catalog.service.apis.insert("api".into(), api("api", None));
        let text = format!("<policies><inbound>{policy}</inbound><backend><base /></backend></policies>");
        catalog.service.products.insert("starter".into(), product("starter", &["api"], Some(&text)));
        let (policies, diagnostics) = crate::testing::compile(&catalog);
        let key = PlanKey { workspace: None, api: "api", operation: None, product: Some("starter") };
        let plan = (!diagnostics.has_errors()).then(|| policies.plan(&key));
        (catalog, plan)
    }

    fn call(world: &TestWorld, plan: &Plan, subscription: Option<&str>, operation: &str) -> Exchange {
        let mut exchange = exchange();
        exchange.route = route("api", operation, subscription);
        world.run(plan, &mut exchange);
        exchange
    }

    #[test]
    fn each_subscription_has_its_calls_in_periods_from_its_start() {
        let world = TestWorld::new();
        let plan = limited("<quota calls=\"2\" renewal-period=\"3600\" />").1.unwrap();
        // The subscriptions of tests start at the epoch.
        let now = world.now_millis.get() / 1000;
        let status = |subscription| call(&world, &plan, subscription, "op").answered();
        assert_eq!([status(Some("a")), status(Some("a")), status(Some("a"))], [200, 200, 403]);
        assert_eq!([status(Some("b")), status(None), status(None), status(None)], [200, 200, 200, 200]);
        let refused = call(&world, &plan, Some("a"), "op");
        let left = 3600 - now % 3600;
        assert_eq!(refused.response.unwrap().headers[RETRY_AFTER], left.to_string().as_str());
        world.now_millis.set(world.now_millis.get() + left * 1000);
        assert_eq!(status(Some("a")), 200);
    }

    #[test]
    fn apis_and_operations_are_counted_besides_and_may_share_the_period() {
        let world = TestWorld::new();
        let policy = "<quota calls=\"9\" renewal-period=\"3600\"><api id=\"api\" calls=\"3\">\
                      <operation id=\"one\" calls=\"1\" renewal-period=\"0\" /></api></quota>";
        let plan = limited(policy).1.unwrap();
        let status = |operation| call(&world, &plan, Some("a"), operation).answered();
        assert_eq!([status("one"), status("one"), status("two"), status("two")], [200, 403, 200, 403]);
        world.now_millis.set(world.now_millis.get() + 3_600_000);
        assert_eq!([status("two"), status("one")], [200, 403]);
    }

    #[test]
    fn its_parts_are_checked() {
        for (policy, wanted) in [
            ("<quota renewal-period=\"3600\" />", "`quota` limits nothing"),
            ("<quota calls=\"1\" />", "`quota` has no attribute `renewal-period`"),
            ("<quota calls=\"1\" renewal-period=\"-1\" />", "must be a whole number from 0"),
            ("<quota calls=\"0\" renewal-period=\"1\" />", "must be a whole number from 1 on"),
            ("<quota calls=\"1\" renewal-period=\"1\"><api calls=\"1\" /></quota>", "`api` names nothing"),
            ("<quota calls=\"1\" renewal-period=\"1\"><api id=\"a\" /></quota>", "`api` limits nothing"),
        ] {
            let told = findings(&limited(policy).0);
            assert!(told.len() == 1 && told[0].contains(wanted), "{told:?}");
        }
        let told = findings_in("inbound", "<quota calls=\"1\" renewal-period=\"1\" />");
        assert!(told[0].contains("`quota` cannot stand in a policy of the scope `global`"), "{told:?}");
    }
}
