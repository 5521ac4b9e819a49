//! `retry`: runs the policies inside, and again while a condition holds.
//!
//! Source: <https://learn.microsoft.com/azure/api-management/retry-policy>. A failure of a policy inside, such as a backend
//! that cannot be reached, is retried too where the condition holds then (Microsoft's policy toolkit,
//! `RetryHandler`); else, and after the last try, it goes on as failures do.

use std::time::Duration;

use crate::compiler::{Builder, Reported};
use crate::document::Element;
use crate::plan::PolicyFuture;
use crate::steps::{Branch, Steps};
use crate::value::{Boolean, Integer};
use crate::{Action, AsyncPolicy, Exchange, Failure, Flow, World};

/// The longest wait between two tries: an hour.
const MAX_SECONDS: i64 = 3600;

#[derive(Debug)]
struct Retry {
    condition: Boolean,
    count: Integer,
    interval: Integer,
    max_interval: Option<Integer>,
    delta: Option<Integer>,
    first_is_fast: Boolean,
    steps: Steps,
    again: Branch,
}

const ATTRIBUTES: &[&str] = &["condition", "count", "interval", "max-interval", "delta", "first-fast-retry"];

pub(super) fn compile(builder: &mut Builder<'_>, element: &Element) -> Result<Action, Reported> {
    builder.only_own(element, ATTRIBUTES);
    let condition = builder.required_boolean(element, "condition");
    // The condition is looked at after the policies inside, which make bodies whole by then where it reads one.
    let reads = builder.take_reads();
    builder.read_inside(reads);
    let count = builder.integer(element, "count", 1..=50);
    let interval = builder.integer(element, "interval", 0..=MAX_SECONDS);
    let max_interval = builder.optional_integer(element, "max-interval", 0..=MAX_SECONDS);
    let delta = builder.optional_integer(element, "delta", 0..=MAX_SECONDS);
    let first_is_fast = builder.boolean(element, "first-fast-retry", false);
    let mut steps = builder.steps(element, None);
    // The place of the condition: that of the element stands for the first try.
    let place = element.attribute("condition").map_or(&element.location, |known| &known.location);
    let again = builder.branch(place, "again");
    steps.afterwards(reads);
    Ok(Action::Later(Box::new(Retry {
        condition,
        count,
        interval,
        max_interval,
        delta,
        first_is_fast,
        steps,
        again,
    })))
}

/// The times between tries, in seconds.
#[derive(Clone, Copy, Debug)]
struct Waits {
    interval: f64,
    max_interval: Option<f64>,
    delta: Option<f64>,
    first_is_fast: bool,
}

impl Waits {
    /// The wait before a retry, counted from 1; `jitter` lies between 0.8 and 1.2.
    fn before(&self, retry: u32, jitter: f64) -> Duration {
        if retry == 1 && self.first_is_fast {
            return Duration::ZERO;
        }
        let done = retry.saturating_sub(1);
        let seconds = match (self.delta, self.max_interval) {
            (None, _) => self.interval,
            (Some(delta), None) => f64::from(done).mul_add(delta, self.interval),
            (Some(delta), Some(_)) => (2f64.powi(done as i32) - 1.0).mul_add(delta * jitter, self.interval),
        };
        Duration::from_secs_f64(seconds.min(self.max_interval.unwrap_or(MAX_SECONDS as f64)))
    }
}

impl Retry {
    fn waits(&self, exchange: &mut Exchange, world: &World<'_>) -> Result<Waits, Failure> {
        let mut seconds = |value: &Option<Integer>| match value {
            Some(value) => value.evaluate(exchange, world).map(|seconds| Some(seconds as f64)),
            None => Ok(None),
        };
        let (max_interval, delta) = (seconds(&self.max_interval)?, seconds(&self.delta)?);
        Ok(Waits {
            interval: self.interval.evaluate(exchange, world)? as f64,
            max_interval,
            delta,
            first_is_fast: self.first_is_fast.evaluate(exchange, world)?,
        })
    }
}

impl AsyncPolicy for Retry {
    fn apply<'a>(&'a self, exchange: &'a mut Exchange, world: &'a World<'a>) -> PolicyFuture<'a> {
        Box::pin(async move {
            let mut retry = 0;
            loop {
                let outcome = self.steps.run(exchange, world).await;
                let is_wanted = match &outcome {
                    Ok(Flow::Continue) => self.condition.evaluate(exchange, world)?,
                    Ok(_) => false,
                    // A condition that cannot be evaluated does not hide what failed.
                    Err(_) => self.condition.evaluate(exchange, world).unwrap_or(false),
                };
                retry += 1;
                if !is_wanted || i64::from(retry) > self.count.evaluate(exchange, world)? {
                    return outcome;
                }
                let chance = (world.random.next() >> 11) as f64 / (1u64 << 53) as f64;
                let wait = self.waits(exchange, world)?.before(retry, chance.mul_add(0.4, 0.8));
                if !wait.is_zero() {
                    world.clock.sleep(wait).await;
                }
                self.again.taken(exchange);
            }
        })
    }
}

#[cfg(test)]
mod tests {
    use http::StatusCode;

    use super::*;
    use crate::testing::*;
    use crate::{Response, UpstreamError};

    fn counting(attributes: &str) -> (i64, u64, Exchange) {
        let world = TestWorld::new();
        let begun = world.now_millis.get();
        let mut exchange = exchange();
        let text = format!(
            "<set-variable name=\"n\" value=\"@(0)\" /><retry {attributes}><set-variable name=\"n\" value=\"@((int)context.Variables[&quot;n&quot;] + 1)\" /></retry>"
        );
        world.run(&plan(&document("inbound", &text)), &mut exchange);
        let count = exchange.variables.get("n").and_then(gatehouse_expression::Value::to_integer).unwrap();
        (count, world.now_millis.get() - begun, exchange)
    }

    #[test]
    fn policies_run_once_and_again_while_the_condition_holds() {
        let until = |n: i32| format!("condition=\"@((int)context.Variables[&quot;n&quot;] &lt; {n})\"");
        assert_eq!(counting(&format!("{} count=\"10\" interval=\"2\"", until(3))).0, 3);
        assert_eq!(counting("condition=\"false\" count=\"10\" interval=\"2\"").0, 1);
        let (count, waited, _) = counting("condition=\"true\" count=\"4\" interval=\"2\"");
        assert_eq!((count, waited), (5, 8000));
        let (count, waited, _) =
            counting("condition=\"true\" count=\"@(1 + 1)\" interval=\"@(2 + 1)\" first-fast-retry=\"true\"");
        assert_eq!((count, waited), (3, 3000));
    }

    #[test]
    fn waits_are_fixed_linear_or_exponential() {
        let waits = |max_interval, delta, first_is_fast| {
            let waits = Waits { interval: 10.0, max_interval, delta, first_is_fast };
            [1, 2, 3, 4, 5, 50].map(|retry| waits.before(retry, 1.0).as_secs())
        };
        assert_eq!(waits(None, None, false), [10, 10, 10, 10, 10, 10]);
        assert_eq!(waits(None, Some(5.0), false), [10, 15, 20, 25, 30, 255]);
        assert_eq!(waits(Some(100.0), Some(10.0), false), [10, 20, 40, 80, 100, 100]);
        assert_eq!(waits(Some(100.0), Some(10.0), true), [0, 20, 40, 80, 100, 100]);
        let jittered =
            Waits { interval: 10.0, max_interval: Some(100.0), delta: Some(10.0), first_is_fast: false };
        assert_eq!(jittered.before(3, 0.8).as_secs(), 34);
    }

    #[test]
    fn the_backend_is_called_again() {
        let world = TestWorld::new();
        *world.answer.borrow_mut() = Some(Ok(Response::new(StatusCode::SERVICE_UNAVAILABLE)));
        let mut exchange = exchange();
        let text = "<retry condition=\"@(context.Response.StatusCode == 503)\" count=\"3\" interval=\"1\"><forward-request buffer-request-body=\"true\" /></retry>";
        world.run(&plan(&document("backend", text)), &mut exchange);
        assert_eq!((exchange.answered(), world.forwarded.borrow().len()), (200, 2));
    }

    #[test]
    fn a_condition_reads_the_body_of_the_answer_that_came() {
        let world = TestWorld::new();
        let text = "<retry condition=\"@(context.Response.Body.As&lt;string&gt;(true).Contains(&quot;busy&quot;))\" count=\"3\" interval=\"1\"><forward-request /></retry>";
        let mut answer = Response::new(StatusCode::OK);
        let busy = http_body_util::Full::new(bytes::Bytes::from("busy"));
        answer.body = crate::Body::stream(http_body_util::BodyExt::map_err(busy, |never| match never {}));
        *world.answer.borrow_mut() = Some(Ok(answer));
        let mut exchange = exchange();
        world.run(&plan(&document("backend", text)), &mut exchange);
        assert_eq!(exchange.answer_text(), "backend", "{:?}", exchange.last_error);
        assert_eq!(world.forwarded.borrow().len(), 2);
    }

    #[test]
    fn a_backend_that_cannot_be_reached_is_tried_again_while_the_condition_holds() {
        let tries = |condition: &str| {
            let world = TestWorld::new();
            *world.answer.borrow_mut() = Some(Err(UpstreamError::Connection("refused".into())));
            let mut exchange = exchange();
            let text = format!(
                "<retry condition=\"{condition}\" count=\"3\" interval=\"1\"><forward-request /></retry>"
            );
            world.run(&plan(&document("backend", &text)), &mut exchange);
            let error = exchange.last_error.take().map(|error| (error.source, error.path));
            (world.forwarded.borrow().len(), error)
        };
        let failed = Some(("forward-request".into(), Some("retry[1]/forward-request[1]".into())));
        // The stand-in for the backend fails once and answers from then on.
        assert_eq!(tries("@(context.Response == null)"), (2, None));
        assert_eq!(tries("false"), (1, failed.clone()));
        assert_eq!(tries("@(context.Response.StatusCode == 503)"), (1, failed));
    }

    #[test]
    fn an_answer_inside_ends_it() {
        let exchange = run(&document(
            "inbound",
            "<retry condition=\"true\" count=\"3\" interval=\"1\"><return-response><set-status code=\"418\" /></return-response></retry>",
        ));
        assert_eq!(exchange.answered(), 418);
    }

    #[test]
    fn its_parts_are_checked() {
        for (attributes, wanted) in [
            ("count=\"1\" interval=\"1\"", "has no attribute `condition`"),
            ("condition=\"true\" interval=\"1\"", "has no attribute `count`"),
            ("condition=\"true\" count=\"1\"", "has no attribute `interval`"),
            (
                "condition=\"true\" count=\"51\" interval=\"1\"",
                "must be a whole number from 1 to 50, not `51`",
            ),
            ("condition=\"true\" count=\"0\" interval=\"1\"", "must be a whole number from 1 to 50, not `0`"),
            (
                "condition=\"true\" count=\"1\" interval=\"-1\"",
                "must be a whole number from 0 to 3600, not `-1`",
            ),
            ("condition=\"true\" count=\"1\" interval=\"1\" max=\"1\"", "has no attribute `max`"),
        ] {
            let told = findings_in("inbound", &format!("<retry {attributes} />"));
            assert!(told.len() == 1 && told[0].contains(wanted), "{told:?}");
        }
        let (_, _, exchange) = counting("condition=\"true\" count=\"@(51)\" interval=\"1\"");
        assert_eq!(exchange.last_error.unwrap().source, "retry");
    }
}
