//! `llm-emit-token-metric` and `azure-openai-emit-token-metric`: the tokens of a language model as metrics.
//!
//! Source: <https://learn.microsoft.com/azure/api-management/llm-emit-token-metric-policy>. Three metrics: total tokens,
//! prompt tokens, completion tokens.

use std::sync::Arc;

use gatehouse_model::Severity;

use super::dimensions::{Dimensions, Evaluated};
use super::emit_metric::name_of;
use super::llm_token_limit::watch;
use crate::compiler::{Builder, Reported};
use crate::document::Element;
use crate::{Action, Deferred, Exchange, Failure, Flow, Measure, Policy, TokenUse, TokenWatch, World};

/// The most dimensions with values of their own; as many as those of `emit-metric`.
const MOST: usize = 10;
/// How many Azure's documentation promises. Policies of its own landing zones have more.
const DOCUMENTED: usize = 5;

#[derive(Debug)]
struct EmitTokenMetric(Arc<Metrics>);

#[derive(Debug)]
struct Metrics {
    names: [Arc<str>; 3],
    dimensions: Dimensions,
}

pub(super) fn compile(builder: &mut Builder<'_>, element: &Element) -> Result<Action, Reported> {
    builder.only(element, &["namespace"], &["dimension"]);
    builder.no_text(element);
    let mut name = |name: &str| name_of(builder, element, name);
    let names = [name("Total Tokens")?, name("Prompt Tokens")?, name("Completion Tokens")?];
    let dimensions = Dimensions::compile(builder, element, MOST)?;
    let own = element.elements_named("dimension").filter(|child| child.attribute("value").is_some()).count();
    if own > DOCUMENTED {
        let message = format!(
            "`{}` has {own} dimensions of its own; Azure API Management promises no more than {DOCUMENTED}",
            element.name
        );
        builder.warn(Severity::Low, "too-many", &element.location, message);
    }
    // The prompt is estimated where an answer that streams says nothing of it.
    builder.read_request_body();
    Ok(Action::Now(Box::new(EmitTokenMetric(Arc::new(Metrics { names, dimensions })))))
}

impl Policy for EmitTokenMetric {
    fn apply(&self, exchange: &mut Exchange, _world: &World<'_>) -> Result<Flow, Failure> {
        let body = exchange.request.body.bytes().cloned().unwrap_or_default();
        watch(exchange, &body);
        let metrics = Arc::clone(&self.0);
        exchange.deferred.push(Deferred::Tokens(Box::new(move |exchange, world, watch| {
            metrics.settle(exchange, world, watch);
        })));
        Ok(Flow::Continue)
    }
}

impl Metrics {
    fn settle(self: Arc<Self>, exchange: &mut Exchange, world: &World<'_>, watch: &TokenWatch) {
        // A dimension that throws now cannot change the answer any more; then nothing is measured.
        let Ok(dimensions) = self.dimensions.evaluate(exchange, world) else { return };
        if watch.is_streamed() {
            let watch = watch.clone();
            exchange.deferred.push(Deferred::Measured(Box::new(move |measure| {
                self.measure(&dimensions, watch.used().unwrap_or_default(), measure);
            })));
        } else if let Some(used) = watch.used() {
            self.measure(&dimensions, used, &mut |measure| world.signals.measure(measure));
        }
    }

    fn measure(&self, dimensions: &Evaluated, used: TokenUse, measure: &mut dyn FnMut(&Measure<'_>)) {
        for (name, tokens) in self.names.iter().zip([used.total, used.prompt, used.completion]) {
            measure(&Measure { name, dimensions, value: tokens as f64 });
        }
    }
}

#[cfg(test)]
mod tests {
    use bytes::Bytes;
    use http::header::CONTENT_TYPE;
    use http::{HeaderValue, StatusCode};

    use crate::testing::*;
    use crate::{Body, Deferred, Response};

    const POLICY: &str = "<llm-emit-token-metric namespace=\"llm\"><dimension name=\"API ID\" /><dimension name=\"Who\" value=\"me\" /></llm-emit-token-metric>";
    const USAGE: &str = "{\"usage\":{\"prompt_tokens\":9,\"completion_tokens\":12,\"total_tokens\":21}}";
    const WANTED: [&str; 3] = [
        "llm_total_tokens{api_id=\"\",who=\"me\"} 21",
        "llm_prompt_tokens{api_id=\"\",who=\"me\"} 9",
        "llm_completion_tokens{api_id=\"\",who=\"me\"} 12",
    ];

    fn answer(media_type: &'static str, body: Body) -> Response {
        let mut response = Response::new(StatusCode::OK);
        response.headers.insert(CONTENT_TYPE, HeaderValue::from_static(media_type));
        response.body = body;
        response
    }

    #[test]
    fn the_tokens_that_a_model_reports_are_measured() {
        let world = TestWorld::new();
        *world.answer.borrow_mut() = Some(Ok(answer("application/json", Body::Full(USAGE.into()))));
        world.run(&plan(&document("inbound", POLICY)), &mut exchange());
        assert_eq!(world.measured.take(), WANTED);
        // An answer without a report is none of a model.
        world.run(&plan(&document("inbound", POLICY)), &mut exchange());
        assert!(world.measured.take().is_empty());
    }

    #[test]
    fn those_of_a_stream_are_measured_at_its_end() {
        use http_body_util::BodyExt as _;
        let world = TestWorld::new();
        let body = http_body_util::Full::new(Bytes::from(format!("data: {USAGE}\n\n")));
        let body = Body::stream(body.map_err(|never| match never {}));
        *world.answer.borrow_mut() = Some(Ok(answer("text/event-stream", body)));
        let mut exchange = exchange();
        world.run(&plan(&document("inbound", POLICY)), &mut exchange);
        assert!(world.measured.borrow().is_empty());
        let mut body = exchange.response.take().unwrap().body;
        futures_util::FutureExt::now_or_never(body.buffer(4096)).unwrap().unwrap();
        for deferred in std::mem::take(&mut exchange.deferred) {
            if let Deferred::Measured(act) = deferred {
                act(&mut |measure| crate::Signals::measure(&world, measure));
            }
        }
        assert_eq!(world.measured.take(), WANTED);
    }

    #[test]
    fn its_parts_are_checked() {
        let told = findings_in("inbound", "<azure-openai-emit-token-metric />");
        assert!(told[0].contains("`azure-openai-emit-token-metric` holds no `dimension`"), "{told:?}");
        let many = |count| {
            let dimensions = (0..count).map(|n| format!("<dimension name=\"d{n}\" value=\"v\" />"));
            let policy = dimensions.collect::<Vec<_>>().concat();
            findings_in("inbound", &format!("<llm-emit-token-metric>{policy}</llm-emit-token-metric>"))
        };
        assert_eq!(many(5), Vec::<String>::new());
        assert!(many(6)[0].contains("has 6 dimensions of its own; Azure"), "{:?}", many(6));
        assert!(many(11)[0].contains("has more than 10 dimensions of its own"), "{:?}", many(11));
        let told = findings_in(
            "inbound",
            "<llm-emit-token-metric value=\"1\"><dimension name=\"API ID\" /></llm-emit-token-metric>",
        );
        assert!(told[0].contains("has no attribute `value`"), "{told:?}");
    }
}
