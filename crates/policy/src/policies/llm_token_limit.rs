//! `llm-token-limit` and `azure-openai-token-limit`: tokens of a language model by any key, within a minute and within
//! a period.
//!
//! Source: <https://learn.microsoft.com/azure/api-management/llm-token-limit-policy>. What a model has used is counted
//! when it reports it; the tokens of a prompt may be estimated before.

use std::sync::Arc;

use gatehouse_expression::Value;
use gatehouse_store::counters::{CounterKey, Quota, Rate, Usage};
use http::header::{ACCEPT_ENCODING, HeaderName, RETRY_AFTER};
use http::{HeaderValue, StatusCode};

use super::rate_answer::{header, is_remote};
use super::token_period::Period;
use crate::compiler::{Builder, Reported};
use crate::document::Element;
use crate::language_model::{estimate_prompt, is_streaming};
use crate::value::{Boolean, Integer, Text};
use crate::{Action, Deferred, Exchange, Failure, Flow, Policy, TokenWatch, World};

#[derive(Debug)]
struct LlmTokenLimit(Arc<Limit>);

#[derive(Debug)]
struct Limit {
    policy: &'static str,
    key: Text,
    per_minute: Option<Integer>,
    quota: Option<(u64, Period)>,
    estimates_prompt: Boolean,
    names: Names,
}

/// Where figures go.
#[derive(Debug)]
struct Names {
    retry_after_header: HeaderName,
    retry_after_variable: Option<Arc<str>>,
    remaining_header: Option<HeaderName>,
    remaining_variable: Option<Arc<str>>,
    remaining_quota_header: Option<HeaderName>,
    remaining_quota_variable: Option<Arc<str>>,
    consumed_header: Option<HeaderName>,
    consumed_variable: Option<Arc<str>>,
}

const ATTRIBUTES: &[&str] = &[
    "counter-key",
    "tokens-per-minute",
    "token-quota",
    "token-quota-period",
    "estimate-prompt-tokens",
    "estimate-prompt-token",
    "retry-after-header-name",
    "retry-after-variable-name",
    "remaining-quota-tokens-header-name",
    "remaining-quota-tokens-variable-name",
    "remaining-tokens-header-name",
    "remaining-tokens-variable-name",
    "tokens-consumed-header-name",
    "tokens-consumed-variable-name",
];

pub(super) fn compile(builder: &mut Builder<'_>, element: &Element) -> Result<Action, Reported> {
    builder.only(element, ATTRIBUTES, &[]);
    builder.no_text(element);
    let key = builder.text(element, "counter-key");
    let per_minute = builder.optional_integer(element, "tokens-per-minute", 1..=i64::from(u32::MAX));
    let quota = match (element.attribute("token-quota"), element.attribute("token-quota-period")) {
        (None, None) => None,
        _ => {
            let tokens = builder.literal_integer(element, "token-quota", 1..=i64::MAX).unsigned_abs();
            Some((tokens, Period::compile(builder, element)?))
        }
    };
    if per_minute.is_none() && quota.is_none() {
        let message = format!("`{}` limits nothing", element.name);
        let fix = "add `tokens-per-minute`, or `token-quota` with `token-quota-period`";
        return Err(builder.error_with_fix("missing-attribute", &element.location, message, fix));
    }
    let spelling = match element.attribute("estimate-prompt-token") {
        Some(_) => "estimate-prompt-token",
        None => "estimate-prompt-tokens",
    };
    // Azure's documentation asks for it in its table and leaves it out in an example.
    let estimates_prompt = builder.boolean(element, spelling, false);
    let names = Names {
        retry_after_header: header(builder, element, "retry-after-header-name").unwrap_or(RETRY_AFTER),
        retry_after_variable: builder.optional_literal(element, "retry-after-variable-name")?,
        remaining_header: header(builder, element, "remaining-tokens-header-name"),
        remaining_variable: builder.optional_literal(element, "remaining-tokens-variable-name")?,
        remaining_quota_header: header(builder, element, "remaining-quota-tokens-header-name"),
        remaining_quota_variable: builder
            .optional_literal(element, "remaining-quota-tokens-variable-name")?,
        consumed_header: header(builder, element, "tokens-consumed-header-name"),
        consumed_variable: builder.optional_literal(element, "tokens-consumed-variable-name")?,
    };
    // Whether the answer will stream stands in the body.
    builder.read_request_body();
    let limit = Limit { policy: builder.policy(), key, per_minute, quota, estimates_prompt, names };
    Ok(Action::Now(Box::new(LlmTokenLimit(Arc::new(limit)))))
}

/// The limits of one request, and what of them was taken before the model answers.
#[derive(Clone, Copy, Debug)]
struct Taken {
    rate: Option<(CounterKey, Rate)>,
    quota: Option<(CounterKey, Quota)>,
    prompt: u64,
}

/// How much is left.
#[derive(Clone, Copy, Debug, Default)]
struct Left {
    per_minute: Option<u32>,
    quota: Option<u64>,
}

impl Policy for LlmTokenLimit {
    fn apply(&self, exchange: &mut Exchange, world: &World<'_>) -> Result<Flow, Failure> {
        let limit = &self.0;
        let body = exchange.request.body.bytes().cloned().unwrap_or_default();
        let estimates = limit.estimates_prompt.evaluate(exchange, world)? || is_streaming(&body);
        let estimated = if estimates { estimate_prompt(&body) } else { 0 };
        watch(exchange, &body);
        limit.consumed(exchange, estimated);
        let (taken, left) = limit.take(exchange, world, estimated)?;
        limit.tell(exchange, left);
        let later = Arc::clone(limit);
        exchange.deferred.push(Deferred::Tokens(Box::new(move |exchange, world, watch| {
            later.settle(exchange, world, watch, taken);
        })));
        let shown = Arc::clone(limit);
        exchange.deferred.push(Deferred::Response(Box::new(move |exchange, _| shown.show(exchange, left))));
        Ok(Flow::Continue)
    }
}

/// Has the tokens of the answer counted.
pub(super) fn watch(exchange: &mut Exchange, body: &[u8]) {
    if exchange.marks.tokens.is_none() {
        exchange.marks.tokens = Some(TokenWatch::new(estimate_prompt(body)));
        // Only what is not compressed can be looked into.
        exchange.request.headers.remove(ACCEPT_ENCODING);
    }
}

impl Limit {
    /// Takes the estimate from both limits, or sees whether anything is left of them.
    fn take(
        &self,
        exchange: &mut Exchange,
        world: &World<'_>,
        estimated: u64,
    ) -> Result<(Taken, Left), Failure> {
        let mut taken = Taken { rate: None, quota: None, prompt: estimated };
        let mut left = Left::default();
        let key: Arc<str> = self.key.evaluate(exchange, world)?.into();
        if let Some((tokens, period)) = &self.quota {
            let now = (world.clock.now_millis() / 1000) as i64;
            let quota = period.quota(*tokens, now);
            let key = world.counter_keys.key(("llm-token-quota", &*key, period.name()));
            let decision = match estimated {
                0 => world.counters.peek_quota(key, &quota, now),
                estimated => world.counters.take_quota(key, &quota, now, estimated),
            };
            let decision = decision.ready().ok_or_else(|| is_remote(self.policy))?;
            left.quota = decision.remaining_calls;
            if !decision.allowed() {
                let seconds = decision.renews_in_seconds.unwrap_or(u64::MAX);
                self.tell(exchange, left);
                return Err(self.refusal(
                    exchange,
                    StatusCode::FORBIDDEN,
                    "TokenQuotaExceeded",
                    "Token quota",
                    seconds,
                ));
            }
            taken.quota = Some((key, quota));
        }
        if let Some(per_minute) = &self.per_minute {
            let rate = Rate { calls: per_minute.evaluate(exchange, world)? as u32, window_seconds: 60 };
            let key = world.counter_keys.key(("llm-token-limit", &*key));
            let now = world.clock.monotonic_micros() / 1000;
            let decision = match estimated {
                0 => world.counters.peek(key, rate, now),
                estimated => world.counters.take(key, rate, now, clamp(estimated)),
            };
            let decision = decision.ready().ok_or_else(|| is_remote(self.policy))?;
            left.per_minute = Some(decision.remaining);
            if !decision.allowed {
                let seconds = u64::from(decision.retry_after_seconds);
                self.tell(exchange, left);
                return Err(self.refusal(
                    exchange,
                    StatusCode::TOO_MANY_REQUESTS,
                    "TokenLimitExceeded",
                    "Token limit",
                    seconds,
                ));
            }
            taken.rate = Some((key, rate));
        }
        Ok((taken, left))
    }

    fn refusal(
        &self,
        exchange: &mut Exchange,
        status: StatusCode,
        reason: &'static str,
        what: &str,
        seconds: u64,
    ) -> Failure {
        if let Some(name) = &self.names.retry_after_variable {
            exchange.variables.set(name, integer(seconds));
        }
        Failure::new(status, self.policy, reason, format!("{what} is exceeded"))
            .public(format!("{what} is exceeded. Try again in {seconds} seconds."))
            .header(self.names.retry_after_header.clone(), HeaderValue::from(seconds))
    }

    /// Counts what the model has used, now or when its stream ends.
    fn settle(&self, exchange: &mut Exchange, world: &World<'_>, watch: &TokenWatch, taken: Taken) {
        if watch.is_streamed() {
            let watch = watch.clone();
            exchange.deferred.push(Deferred::Completed(Box::new(move |end, counters| {
                let more = watch.used().unwrap_or_default().total.saturating_sub(taken.prompt);
                if let Some((key, rate)) = taken.rate {
                    // A window counts on the clock that never goes back, which ends of streams do not know.
                    drop(counters.add(key, rate, end.monotonic_millis, clamp(more)));
                }
                if let Some((key, quota)) = taken.quota {
                    let usage = Usage { calls: more, bytes: 0 };
                    drop(counters.add_quota(key, &quota, (end.now_millis / 1000) as i64, usage));
                }
            })));
            return;
        }
        let Some(used) = watch.used() else { return };
        let more = used.total.saturating_sub(taken.prompt);
        let mut left = Left::default();
        if let Some((key, rate)) = taken.rate {
            let decision = world.counters.add(key, rate, world.clock.monotonic_micros() / 1000, clamp(more));
            left.per_minute = decision.ready().map(|decision| decision.remaining);
        }
        if let Some((key, quota)) = taken.quota {
            let now = (world.clock.now_millis() / 1000) as i64;
            let usage = Usage { calls: more, bytes: 0 };
            let decision = world.counters.add_quota(key, &quota, now, usage);
            left.quota = decision.ready().and_then(|decision| decision.remaining_calls);
        }
        self.tell(exchange, left);
        self.show(exchange, left);
        self.consumed(exchange, used.total);
        if let (Some(name), Some(response)) = (&self.names.consumed_header, &mut exchange.response) {
            response.headers.insert(name.clone(), HeaderValue::from(used.total));
        }
    }

    /// Puts what is left into variables.
    fn tell(&self, exchange: &mut Exchange, left: Left) {
        if let (Some(name), Some(left)) = (&self.names.remaining_variable, left.per_minute) {
            exchange.variables.set(name, integer(u64::from(left)));
        }
        if let (Some(name), Some(left)) = (&self.names.remaining_quota_variable, left.quota) {
            exchange.variables.set(name, integer(left));
        }
    }

    /// Puts what is left into header fields of the answer, unless later figures stand there.
    fn show(&self, exchange: &mut Exchange, left: Left) {
        let Some(response) = &mut exchange.response else { return };
        let figures = [
            (&self.names.remaining_header, left.per_minute.map(u64::from)),
            (&self.names.remaining_quota_header, left.quota),
        ];
        for (name, figure) in figures {
            if let (Some(name), Some(figure)) = (name, figure)
                && !response.headers.contains_key(name)
            {
                response.headers.insert(name.clone(), HeaderValue::from(figure));
            }
        }
    }

    fn consumed(&self, exchange: &mut Exchange, tokens: u64) {
        if let Some(name) = &self.names.consumed_variable {
            exchange.variables.set(name, integer(tokens));
        }
    }
}

fn integer(number: u64) -> Value {
    Value::Int32(i32::try_from(number).unwrap_or(i32::MAX))
}

fn clamp(tokens: u64) -> u32 {
    u32::try_from(tokens).unwrap_or(u32::MAX)
}

#[cfg(test)]
mod tests {
    use bytes::Bytes;
    use http::header::{CONTENT_TYPE, RETRY_AFTER};

    use super::*;
    use crate::testing::*;
    use crate::{Body, Completion, Plan, Response};

    fn limited(attributes: &str) -> Arc<Plan> {
        plan(&document("inbound", &format!("<llm-token-limit counter-key=\"k\" {attributes} />")))
    }

    fn model(total: u64) -> Response {
        let mut response = Response::new(StatusCode::OK);
        response.headers.insert(CONTENT_TYPE, HeaderValue::from_static("application/json"));
        let text = format!(
            "{{\"usage\":{{\"prompt_tokens\":1,\"completion_tokens\":{},\"total_tokens\":{total}}}}}",
            total - 1
        );
        response.body = Body::Full(text.into());
        response
    }

    fn ask(world: &TestWorld, plan: &Plan, body: &str, answer: Response) -> Exchange {
        *world.answer.borrow_mut() = Some(Ok(answer));
        let mut exchange = exchange();
        exchange.request.body = Body::Full(Bytes::copy_from_slice(body.as_bytes()));
        exchange.request.headers.insert(ACCEPT_ENCODING, HeaderValue::from_static("gzip"));
        world.run(plan, &mut exchange);
        exchange
    }

    const HI: &str = "{\"messages\":[{\"role\":\"user\",\"content\":\"Hello world\"}]}";

    #[test]
    fn tokens_that_a_model_reports_count_for_a_minute() {
        let world = TestWorld::new();
        let plan = limited(
            "tokens-per-minute=\"100\" estimate-prompt-tokens=\"false\" remaining-tokens-variable-name=\"left\" remaining-tokens-header-name=\"x-left\" tokens-consumed-header-name=\"x-used\" tokens-consumed-variable-name=\"used\" retry-after-variable-name=\"again\"",
        );
        let first = ask(&world, &plan, HI, model(60));
        let response = first.response.as_ref().unwrap();
        assert_eq!(
            (&response.headers["x-left"], &response.headers["x-used"]),
            (&"40".parse().unwrap(), &"60".parse().unwrap())
        );
        let variable =
            |exchange: &Exchange, name: &str| exchange.variables.get(name).and_then(Value::to_integer);
        assert_eq!((variable(&first, "left"), variable(&first, "used")), (Some(40), Some(60)));
        assert!(!first.request.headers.contains_key(ACCEPT_ENCODING));
        // The call that crosses the line is let through.
        assert_eq!(ask(&world, &plan, HI, model(60)).answered(), 200);
        let refused = ask(&world, &plan, HI, model(60));
        assert_eq!(refused.answered(), 429);
        assert!(refused.answer_text().contains("Token limit is exceeded. Try again in "));
        assert_eq!(refused.last_error.as_ref().unwrap().reason, "TokenLimitExceeded");
        assert!(refused.response.as_ref().unwrap().headers.contains_key(RETRY_AFTER));
        assert!(variable(&refused, "again").is_some_and(|seconds| seconds > 0));
        world.now_millis.set(world.now_millis.get() + 61_000);
        assert_eq!(ask(&world, &plan, HI, model(60)).answered(), 200);
    }

    #[test]
    fn a_prompt_that_is_estimated_is_refused_before_it_is_sent() {
        let world = TestWorld::new();
        let plan = limited(
            "tokens-per-minute=\"10\" estimate-prompt-tokens=\"true\" tokens-consumed-variable-name=\"used\"",
        );
        let long = HI.replace("Hello world", &"word ".repeat(40));
        let refused = ask(&world, &plan, &long, model(60));
        assert_eq!((refused.answered(), world.forwarded.borrow().len()), (429, 0));
        assert_eq!(ask(&world, &plan, HI, model(7)).answered(), 200);
    }

    #[test]
    fn a_quota_lasts_for_a_period_of_the_calendar() {
        let world = TestWorld::new();
        let plan = limited(
            "token-quota=\"100\" token-quota-period=\"Daily\" estimate-prompt-tokens=\"false\" remaining-quota-tokens-variable-name=\"left\" remaining-quota-tokens-header-name=\"x-left\"",
        );
        let first = ask(&world, &plan, HI, model(99));
        assert_eq!(first.variables.get("left").and_then(Value::to_integer), Some(1));
        assert_eq!(ask(&world, &plan, HI, model(99)).answered(), 200);
        let refused = ask(&world, &plan, HI, model(1));
        assert_eq!(refused.answered(), 403);
        assert_eq!(refused.last_error.unwrap().reason, "TokenQuotaExceeded");
        world.now_millis.set(world.now_millis.get() + 86_400_000);
        assert_eq!(ask(&world, &plan, HI, model(1)).answered(), 200);
    }

    #[test]
    fn tokens_of_a_stream_count_when_it_ends() {
        use http_body_util::BodyExt as _;
        let world = TestWorld::new();
        let plan = limited("tokens-per-minute=\"20\" estimate-prompt-tokens=\"false\"");
        let mut answer = Response::new(StatusCode::OK);
        answer.headers.insert(CONTENT_TYPE, HeaderValue::from_static("text/event-stream"));
        let events = "data: {\"choices\":[{\"delta\":{\"content\":\"Hello\"}}]}\n\ndata: {\"usage\":{\"total_tokens\":30,\"prompt_tokens\":9}}\n\n";
        let body = http_body_util::Full::new(Bytes::from(events)).map_err(|never| match never {});
        answer.body = Body::stream(body);
        let mut exchange =
            ask(&world, &plan, &HI.replace("{\"messages", "{\"stream\":true,\"messages"), answer);
        let mut body = exchange.response.take().unwrap().body;
        futures_util::FutureExt::now_or_never(body.buffer(4096)).unwrap().unwrap();
        let now_millis = world.now_millis.get();
        let end = Completion { bytes_in: 0, bytes_out: 0, now_millis, monotonic_millis: now_millis };
        for deferred in std::mem::take(&mut exchange.deferred) {
            if let Deferred::Completed(count) = deferred {
                count(&end, &world.counters);
            }
        }
        assert_eq!(ask(&world, &plan, HI, model(1)).answered(), 429);
    }

    #[test]
    fn its_parts_are_checked() {
        for (attributes, wanted) in [
            ("estimate-prompt-tokens=\"true\"", "`llm-token-limit` limits nothing"),
            ("token-quota=\"5\"", "has no attribute `token-quota-period`"),
            ("token-quota-period=\"Daily\"", "has no attribute `token-quota`"),
            ("token-quota=\"5\" token-quota-period=\"Never\"", "must be one of `Hourly`"),
            ("tokens-per-minute=\"0\"", "must be a whole number from 1"),
            ("tokens-per-minute=\"5\" retry-after-header-name=\"a b\"", "is not the name of a header field"),
        ] {
            let told = findings_in("inbound", &format!("<llm-token-limit counter-key=\"k\" {attributes} />"));
            assert!(told.len() == 1 && told[0].contains(wanted), "{told:?}");
        }
        let same = "<azure-openai-token-limit counter-key=\"k\" tokens-per-minute=\"5\" estimate-prompt-token=\"true\" />";
        assert!(findings_in("inbound", same).is_empty());
    }
}
