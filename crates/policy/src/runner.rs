//! Runs a plan over an exchange.

use http::StatusCode;

use crate::error_response::{accepts_problem, error_response};
use crate::policies::CROSS_DOMAIN_PATH;
use crate::steps::run_all;
use crate::{Action, Exchange, Failure, Flow, LastError, Plan, Response, World};

/// Runs inbound, backend and outbound, and `on-error` after a failure. There is an answer in the exchange afterwards.
///
/// A policy that answers by itself ends all three sections. Without a call of the backend the answer is an empty 200.
pub async fn run(plan: &Plan, exchange: &mut Exchange, world: &World<'_>) {
    match sections(plan, exchange, world).await {
        Ok(()) => finish(exchange, world),
        Err(failure) => fail(plan, failure, exchange, world).await,
    }
}

/// Answers a failure of a policy or of a step before the plan: the default answer, then `on-error` over it. Where
/// `on-error` fails too, its rest is skipped and the answer is 500.
pub async fn fail(plan: &Plan, failure: Failure, exchange: &mut Exchange, world: &World<'_>) {
    answer(exchange, failure);
    if let Err(second) = run_all(&plan.on_error, exchange, world).await {
        let status = StatusCode::INTERNAL_SERVER_ERROR;
        let internal = Failure { status, keeps_response: false, ..second };
        answer(exchange, internal.public("Internal server error"));
    }
    finish(exchange, world);
}

/// Answers a CORS preflight request (Fetch standard, section 4.8) that no operation is defined for: only the `cors`
/// policies directly in the inbound section look at it. `None` where there are none.
pub fn preflight(plan: &Plan, exchange: &mut Exchange, world: &World<'_>) -> Option<Response> {
    let mut cors = plan.inbound.iter().filter(|step| step.origin.policy == "cors").peekable();
    cors.peek()?;
    for step in cors {
        let Action::Now(policy) = &step.action else { continue };
        match policy.answer_unmatched(exchange, world) {
            Ok(None) => {}
            Ok(answer) => return answer,
            Err(failure) => {
                let problem = accepts_problem(&exchange.request.headers);
                return Some(error_response(&failure.at(&step.origin), exchange.id, problem));
            }
        }
    }
    Some(Response::new(StatusCode::OK))
}

/// Answers `/crossdomain.xml` by a `cross-domain` policy directly in the inbound section. `None` where there is none, or
/// another path was asked for.
pub fn cross_domain(plan: &Plan, exchange: &mut Exchange, world: &World<'_>) -> Option<Response> {
    if exchange.request.url.path != CROSS_DOMAIN_PATH {
        return None;
    }
    let found = plan.inbound.iter().find(|step| step.origin.policy == "cross-domain")?;
    let Action::Now(policy) = &found.action else { return None };
    policy.answer_unmatched(exchange, world).unwrap_or_else(|failure| {
        let problem = accepts_problem(&exchange.request.headers);
        Some(error_response(&failure.at(&found.origin), exchange.id, problem))
    })
}

async fn sections(plan: &Plan, exchange: &mut Exchange, world: &World<'_>) -> Result<(), Failure> {
    for section in [&plan.inbound, &plan.backend] {
        match run_all(section, exchange, world).await? {
            Flow::Continue => {}
            Flow::Outbound => break,
            Flow::Respond => return Ok(()),
        }
    }
    exchange.response.get_or_insert_with(|| Response::new(StatusCode::OK));
    run_all(&plan.outbound, exchange, world).await?;
    Ok(())
}

fn answer(exchange: &mut Exchange, failure: Failure) {
    let is_answered = failure.keeps_response && exchange.response.is_some();
    if !is_answered {
        let problem = accepts_problem(&exchange.request.headers);
        exchange.response = Some(error_response(&failure, exchange.id, problem));
    }
    let origin = failure.origin.as_deref();
    exchange.last_error = Some(LastError {
        scope: origin.map(|origin| origin.scope),
        section: origin.map(|origin| origin.section.as_str()),
        path: origin.map(|origin| origin.path.to_string()),
        policy_id: origin.and_then(|origin| origin.policy_id.as_deref().map(str::to_owned)),
        source: failure.source.into_owned(),
        reason: failure.reason.into_owned(),
        message: failure.message.into_owned(),
        is_private: failure.is_private,
    });
}

fn finish(exchange: &mut Exchange, world: &World<'_>) {
    exchange.response.get_or_insert_with(|| Response::new(StatusCode::OK));
    exchange.run_deferred_response(world);
}

#[cfg(test)]
mod tests {
    use futures_util::FutureExt as _;
    use http_body_util::{BodyExt as _, Full};

    use super::*;
    use crate::testing::{TestWorld, document, exchange, plan, run};
    use crate::{Body, BodyError, UpstreamError, builtin};

    const ON_ERROR: &str = "<set-header name=\"x-seen\" id=\"mine\"><value>yes</value></set-header>";

    #[test]
    fn sections_run_in_order_around_the_backend() {
        let exchange = run(
            "<policies><inbound><set-variable name=\"a\" value=\"1\" /></inbound><backend><forward-request /></backend><outbound><set-header name=\"b\"><value>2</value></set-header></outbound></policies>",
        );
        assert_eq!((exchange.answered(), exchange.answer_text().as_str()), (200, "backend"));
        assert_eq!(exchange.response.unwrap().headers["b"], "2");
        assert!(exchange.variables.get("a").is_some());
    }

    #[test]
    fn without_a_call_of_the_backend_the_answer_is_an_empty_200() {
        let exchange = run("<policies />");
        assert_eq!((exchange.answered(), exchange.answer_text().as_str()), (200, ""));
    }

    #[test]
    fn a_policy_that_answers_ends_all_three_sections() {
        let world = TestWorld::new();
        let mut exchange = exchange();
        let text = "<policies><inbound><return-response><set-status code=\"418\" reason=\"Teapot\" /></return-response><set-variable name=\"a\" value=\"1\" /></inbound><backend><forward-request /></backend><outbound><set-variable name=\"a\" value=\"1\" /></outbound></policies>";
        world.run(&plan(text), &mut exchange);
        assert_eq!(exchange.answered(), 418);
        assert!(world.forwarded.borrow().is_empty());
        assert!(exchange.variables.get("a").is_none());
    }

    #[test]
    fn a_failure_goes_to_on_error_with_its_place() {
        let world = TestWorld::new();
        *world.answer.borrow_mut() = Some(Err(UpstreamError::Connection("refused".into())));
        let mut exchange = exchange();
        let text = format!(
            "<policies><backend><choose><when condition=\"true\"><forward-request id=\"call\" /></when></choose></backend><on-error>{ON_ERROR}</on-error></policies>"
        );
        world.run(&plan(&text), &mut exchange);
        assert_eq!(exchange.answered(), 500);
        assert!(
            exchange.answer_text().starts_with("{\"statusCode\":500,\"message\":\"Internal server error\",")
        );
        assert_eq!(exchange.response.unwrap().headers["x-seen"], "yes");
        let error = exchange.last_error.unwrap();
        assert_eq!((&*error.source, &*error.reason), ("forward-request", "BackendConnectionFailure"));
        assert_eq!(error.message, "the connection to the backend failed: refused");
        assert_eq!((error.scope, error.section), (Some("global"), Some("backend")));
        assert_eq!(error.path.as_deref(), Some("choose[1]/when[1]/forward-request[1]"));
        assert_eq!(error.policy_id.as_deref(), Some("call"));
    }

    #[test]
    fn a_failure_in_on_error_ends_it_with_500() {
        let world = TestWorld::new();
        let mut exchange = exchange();
        let text = format!(
            "<policies><on-error><return-response response-variable-name=\"none\" />{ON_ERROR}</on-error></policies>"
        );
        fail(&plan(&text), builtin::operation_not_found(), &mut exchange, &world.world())
            .now_or_never()
            .expect("nothing waits");
        assert_eq!(exchange.answered(), 500);
        assert!(!exchange.response.as_ref().unwrap().headers.contains_key("x-seen"));
        assert_eq!(exchange.last_error.unwrap().source, "return-response");
    }

    #[test]
    fn a_built_in_step_fails_with_the_default_answer() {
        let world = TestWorld::new();
        let mut exchange = exchange();
        let plan = plan(&document("on-error", ON_ERROR));
        fail(&plan, builtin::operation_not_found(), &mut exchange, &world.world())
            .now_or_never()
            .expect("nothing waits");
        assert_eq!(exchange.answer_text(), r#"{"statusCode":404,"message":"Resource not found"}"#);
        let error = exchange.last_error.unwrap();
        assert_eq!((&*error.source, error.scope), ("configuration", None));
    }

    fn needing(body: &'static str) -> (u16, Exchange) {
        let world = TestWorld::new();
        let mut exchange = exchange();
        let stream = Full::new(bytes::Bytes::from(body)).map_err(|never| match never {});
        exchange.request.body = Body::stream(stream);
        let text = document(
            "inbound",
            "<set-variable name=\"b\" value=\"@(context.Request.Body.As<string>(true))\" />",
        );
        world.run(&plan(&text), &mut exchange);
        (exchange.answered(), exchange)
    }

    #[test]
    fn a_body_that_an_expression_reads_is_whole_before() {
        let (status, exchange) = needing("hello");
        assert_eq!(status, 200);
        assert_eq!(&*exchange.variables.get("b").unwrap().to_text(), "hello");
        assert!(matches!(exchange.request.body, Body::Full(_)));
    }

    #[test]
    fn a_body_beyond_the_bound_is_413_and_an_answer_beyond_it_502() {
        let (status, exchange) = needing(LONG);
        assert_eq!(status, 413);
        assert_eq!(exchange.last_error.unwrap().source, "set-variable");

        let world = TestWorld::new();
        let mut response = Response::new(StatusCode::OK);
        response.body = Body::stream(
            Full::new(bytes::Bytes::from(LONG)).map_err(|never| -> BodyError { match never {} }),
        );
        *world.answer.borrow_mut() = Some(Ok(response));
        let mut exchange = crate::testing::exchange();
        let text = document(
            "outbound",
            "<set-variable name=\"b\" value=\"@(context.Response.Body.As<string>(true))\" />",
        );
        world.run(&plan(&text), &mut exchange);
        assert_eq!(exchange.answered(), 502);
    }

    /// More than the 1,024 bytes of a test's world.
    static LONG: &str = match std::str::from_utf8(&[b'x'; 2000]) {
        Ok(text) => text,
        Err(_) => "",
    };

    #[test]
    fn an_exception_of_an_expression_is_500_and_says_nothing_to_the_client() {
        let exchange = run(&document(
            "inbound",
            "<set-variable name=\"b\" value=\"@((string)context.Variables[&quot;none&quot;])\" />",
        ));
        assert_eq!(exchange.answered(), 500);
        assert!(!exchange.answer_text().contains("none"));
        let error = exchange.last_error.unwrap();
        assert_eq!((&*error.source, &*error.reason), ("set-variable", "ExpressionValueEvaluationFailure"));
        assert!(error.message.contains("'none'"), "{}", error.message);
    }
}
