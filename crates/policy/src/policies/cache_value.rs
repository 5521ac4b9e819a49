//! `cache-value`: the value under a key, computed by the policies in it where there is none or it is due.
//!
//! Source: `CacheValueConfig` of Microsoft's policy toolkit. The policies in `value` compute the value by setting the variable.
//! `expires-after` and `refresh-after` are seconds and read after them, so that both may depend on what was computed;
//! `refresh-after="0"` computes always. From `refresh-after` on, one request at a time renews the value while others go on
//! with the old one, which also counts where renewing fails or sets nothing.

use std::sync::Arc;

use super::cached_value::{Key, check_caching_type, now, snapshot};
use crate::cache::{Lifetime, ValueKey};
use crate::compiler::{Builder, Reported};
use crate::document::Element;
use crate::plan::PolicyFuture;
use crate::steps::Steps;
use crate::value::{Integer, Text};
use crate::{Action, AsyncPolicy, Exchange, Failure, Flow, ValueCache, World};

const NAME: &str = "cache-value";
/// How long a value counts where the policy says nothing, in seconds.
const EXPIRES_AFTER: i64 = 28_800;
/// How long others go on with the old value when the request that renews it does not come back.
const RENEWAL_MILLIS: u64 = 30_000;

#[derive(Debug)]
struct CacheValue {
    key: Key,
    variable: Arc<str>,
    expires_after: Option<Integer>,
    refresh_after: Option<Integer>,
    default: Option<Text>,
    steps: Steps,
}

pub(super) fn compile(builder: &mut Builder<'_>, element: &Element) -> Result<Action, Reported> {
    let attributes =
        ["key", "variable-name", "expires-after", "refresh-after", "default-value", "caching-type"];
    builder.only(element, &attributes, &["value"]);
    builder.no_text(element);
    check_caching_type(builder, element);
    let seconds = 0..=i64::from(i32::MAX);
    let key = Key::compile(builder, element);
    let variable = builder.literal(element, "variable-name");
    let expires_after = builder.optional_integer(element, "expires-after", seconds.clone());
    let refresh_after = builder.optional_integer(element, "refresh-after", seconds);
    let default = builder.optional_text(element, "default-value");
    if let (Some(Integer::Literal(expires)), Some(Integer::Literal(refresh))) =
        (&expires_after, &refresh_after)
        && refresh > expires
    {
        let message = format!("`refresh-after` is {refresh}, which is later than `expires-after`, {expires}");
        let fix = "renew the value before it expires";
        builder.error_with_fix("bad-value", &element.location, message, fix);
    }
    let Some(value) = builder.child(element, "value") else {
        let fix = "add `<value>` with policies that set the variable";
        let message = "`cache-value` holds no `value`";
        return Err(builder.error_with_fix("missing-element", &element.location, message, fix));
    };
    builder.only_own(value, &[]);
    let steps = builder.steps_at(value, "value[1]");
    let variable = variable?;
    Ok(Action::Later(Box::new(CacheValue { key, variable, expires_after, refresh_after, default, steps })))
}

impl CacheValue {
    fn refresh_after(&self, exchange: &mut Exchange, world: &World<'_>) -> Result<i64, Failure> {
        match &self.refresh_after {
            Some(seconds) => seconds.evaluate(exchange, world),
            None => self.expires_after(exchange, world),
        }
    }

    fn expires_after(&self, exchange: &mut Exchange, world: &World<'_>) -> Result<i64, Failure> {
        match &self.expires_after {
            Some(seconds) => seconds.evaluate(exchange, world),
            None => Ok(EXPIRES_AFTER),
        }
    }

    /// Runs the policies and keeps what they set.
    async fn compute(
        &self,
        key: &ValueKey,
        exchange: &mut Exchange,
        world: &World<'_>,
    ) -> Result<Flow, Failure> {
        let flow = self.steps.run(exchange, world).await?;
        let Some(value) = exchange.variables.get(&self.variable).filter(|value| !value.is_null()) else {
            return Ok(flow);
        };
        if let Some(value) = snapshot(value, NAME)? {
            let millis = |seconds: i64| u64::try_from(seconds).unwrap_or(0).saturating_mul(1000);
            let expires = millis(self.expires_after(exchange, world)?);
            let refresh = millis(self.refresh_after(exchange, world)?).min(expires);
            if expires > 0 {
                let lifetime = Lifetime { expires, refresh };
                world.values.put(key.clone(), value, lifetime, now(world)).wait().await;
            }
        }
        Ok(flow)
    }
}

/// The right to renew, given back in any case: also where the client goes away meanwhile.
struct Claim<'c> {
    values: &'c dyn ValueCache,
    key: &'c ValueKey,
}

impl Drop for Claim<'_> {
    fn drop(&mut self) {
        // A cache that answers later keeps the right until its time is over.
        drop(self.values.release(self.key));
    }
}

impl AsyncPolicy for CacheValue {
    fn apply<'a>(&'a self, exchange: &'a mut Exchange, world: &'a World<'a>) -> PolicyFuture<'a> {
        Box::pin(async move {
            let key = self.key.evaluate(exchange, world)?;
            // Before there is a value, an expression that reads it may fail: then it is due when it is due.
            let is_forced = match &self.refresh_after {
                Some(Integer::Literal(seconds)) => *seconds == 0,
                Some(computed) => computed.evaluate(exchange, world).is_ok_and(|seconds| seconds == 0),
                None => false,
            };
            let found = world.values.get(&key, now(world)).wait().await;
            let mut claim = None;
            if let Some(found) = &found
                && !is_forced
            {
                let may_renew =
                    found.is_due && world.values.claim(&key, RENEWAL_MILLIS, now(world)).wait().await;
                if !may_renew {
                    exchange.variables.set(&self.variable, found.value.value());
                    return Ok(Flow::Continue);
                }
                claim = Some(Claim { values: world.values, key: &key });
            }
            let before = exchange.variables.remove(&self.variable);
            let outcome = self.compute(&key, exchange, world).await;
            drop(claim);
            let is_set = exchange.variables.get(&self.variable).is_some_and(|value| !value.is_null());
            match (outcome, found) {
                (Ok(flow), _) if is_set => return Ok(flow),
                (Ok(_) | Err(_), Some(found)) => exchange.variables.set(&self.variable, found.value.value()),
                (Err(failure), None) => return Err(failure),
                (Ok(flow), None) => {
                    let value = match &self.default {
                        Some(default) => Some(default.value(exchange, world)?),
                        None => before,
                    };
                    if let Some(value) = value {
                        exchange.variables.set(&self.variable, value);
                    }
                    return Ok(flow);
                }
            }
            Ok(Flow::Continue)
        })
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use crate::testing::*;
    use crate::{Exchange, Plan};

    const COUNT: &str = "<set-variable name=\"v\" value=\"@(context.Request.Headers.GetValueOrDefault(&quot;n&quot;, &quot;none&quot;))\" />";

    fn cached(attributes: &str, policies: &str) -> Arc<Plan> {
        plan(&document(
            "inbound",
            &format!(
                "<cache-value key=\"k\" variable-name=\"v\" {attributes}><value>{policies}</value></cache-value>"
            ),
        ))
    }

    fn run_at(world: &TestWorld, plan: &Plan, second: u64, n: &str) -> Exchange {
        world.now_millis.set(1_700_000_000_000 + second * 1000);
        let mut exchange = exchange();
        exchange.request.headers.insert("n", n.parse().unwrap());
        world.run(plan, &mut exchange);
        exchange
    }

    fn value(exchange: &Exchange) -> Option<String> {
        assert_eq!(exchange.answered(), 200, "{:?}", exchange.last_error);
        exchange.variables.get("v").map(|value| value.to_text().to_string())
    }

    fn values(attributes: &str, policies: &str, runs: &[(u64, &str)]) -> Vec<String> {
        let (world, plan) = (TestWorld::new(), cached(attributes, policies));
        let run = |(second, n): &(u64, &str)| value(&run_at(&world, &plan, *second, n)).unwrap_or_default();
        runs.iter().map(run).collect()
    }

    #[test]
    fn it_is_computed_once_until_it_expires() {
        let runs = [(0, "a"), (1, "b"), (599, "c"), (600, "d"), (601, "e")];
        assert_eq!(values("expires-after=\"600\"", COUNT, &runs), ["a", "a", "a", "d", "d"]);
        let runs = [(0, "a"), (28_799, "b"), (28_800, "c")];
        assert_eq!(values("", COUNT, &runs), ["a", "a", "c"]);
    }

    #[test]
    fn it_is_renewed_when_it_is_due() {
        let runs = [(0, "a"), (59, "b"), (60, "c"), (61, "d"), (120, "e")];
        let attributes = "expires-after=\"600\" refresh-after=\"60\"";
        assert_eq!(values(attributes, COUNT, &runs), ["a", "a", "c", "c", "e"]);
        assert_eq!(values("refresh-after=\"0\"", COUNT, &runs[..2]), ["a", "b"]);
    }

    #[test]
    fn one_request_renews_while_others_go_on_with_the_old_value() {
        use crate::cache::{ValueCache as _, ValueKey};
        let world = TestWorld::new();
        let plan = cached("refresh-after=\"60\"", COUNT);
        assert_eq!(value(&run_at(&world, &plan, 0, "a")).unwrap(), "a");
        let key = ValueKey { workspace: None, key: "k".into() };
        assert!(world.values.claim(&key, 30_000, 1_700_000_060_000).ready().unwrap());
        assert_eq!(value(&run_at(&world, &plan, 60, "b")).unwrap(), "a");
        world.values.release(&key).ready().unwrap();
        assert_eq!(value(&run_at(&world, &plan, 60, "c")).unwrap(), "c");
    }

    #[test]
    fn the_old_value_counts_where_renewing_fails_or_sets_nothing() {
        let failing = "<choose><when condition=\"@(context.Request.Headers[&quot;n&quot;][0] == &quot;bad&quot;)\"><set-variable name=\"x\" value=\"@(int.Parse(&quot;x&quot;))\" /></when><when condition=\"@(context.Request.Headers[&quot;n&quot;][0] != &quot;nothing&quot;)\"><set-variable name=\"v\" value=\"@(context.Request.Headers[&quot;n&quot;][0])\" /></when></choose>";
        let runs = [(0, "a"), (60, "bad"), (61, "nothing"), (62, "b"), (63, "c")];
        let attributes = "expires-after=\"600\" refresh-after=\"60\"";
        assert_eq!(values(attributes, failing, &runs), ["a", "a", "a", "b", "b"]);
        let world = TestWorld::new();
        let exchange = run_at(&world, &cached("", failing), 0, "bad");
        assert_eq!(exchange.answered(), 500);
        assert_eq!(
            exchange.last_error.unwrap().path.as_deref(),
            Some("cache-value[1]/value[1]/choose[1]/when[1]/set-variable[1]")
        );
        assert_eq!(values("default-value=\"d\"", failing, &[(0, "nothing"), (1, "a")]), ["d", "a"]);
    }

    #[test]
    fn lifetimes_may_depend_on_what_was_computed() {
        let policies = format!("{COUNT}<set-variable name=\"ttl\" value=\"@(5)\" />");
        let attributes = "expires-after=\"@((int)context.Variables[&quot;ttl&quot;])\"";
        assert_eq!(values(attributes, &policies, &[(0, "a"), (4, "b"), (5, "c")]), ["a", "a", "c"]);
    }

    #[test]
    fn it_is_checked_at_load() {
        for (policy, wanted) in [
            ("<cache-value key=\"k\" variable-name=\"v\" />", "`cache-value` holds no `value`"),
            (
                "<cache-value key=\"k\" variable-name=\"v\" expires-after=\"1\" refresh-after=\"2\"><value /></cache-value>",
                "`refresh-after` is 2, which is later than `expires-after`, 1",
            ),
            (
                "<cache-value key=\"k\"><value /></cache-value>",
                "has no attribute `variable-name`, which it needs",
            ),
            (
                "<cache-value key=\"k\" variable-name=\"v\"><value><unknown /></value></cache-value>",
                "there is no policy `unknown`",
            ),
        ] {
            let told = findings_in("inbound", policy);
            assert!(told.len() == 1 && told[0].contains(wanted), "{told:?}");
        }
    }
}
