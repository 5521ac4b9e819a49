//! Runs a plan over an exchange.

use http::StatusCode;

use crate::error_response::{accepts_problem, error_response};
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
        match policy.preflight(exchange, world) {
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

async fn sections(plan: &Plan, exchange: &mut Exchange, world: &World<'_>) -> Result<(), Failure> {
    for section in [&plan.inbound, &plan.backend] {
        if run_all(section, exchange, world).await? == Flow::Respond {
            return Ok(());
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
    });
}

fn finish(exchange: &mut Exchange, world: &World<'_>) {
    exchange.response.get_or_insert_with(|| Response::new(StatusCode::OK));
    exchange.run_deferred_response(world);
}
