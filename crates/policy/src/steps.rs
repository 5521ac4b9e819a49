//! Policies that hold others: lists of steps and how they run.

use std::sync::Arc;

use crate::{Action, Exchange, Failure, Flow, Needs, Step, World, builtin};

/// The steps inside a policy such as `when`.
#[derive(Debug, Default)]
pub(crate) struct Steps {
    steps: Vec<Arc<Step>>,
    waits: bool,
}

impl Steps {
    /// A list of steps.
    pub(crate) fn new(steps: Vec<Arc<Step>>) -> Self {
        let waits = steps.iter().any(|step| step.waits());
        Self { steps, waits }
    }

    /// Whether one of them waits for the world, or for a body that it needs whole.
    pub(crate) fn waits(&self) -> bool {
        self.waits
    }

    /// Runs steps of which none waits.
    pub(crate) fn run_now(&self, exchange: &mut Exchange, world: &World<'_>) -> Result<Flow, Failure> {
        for step in &self.steps {
            let flow = match &step.action {
                Action::Now(policy) => policy.apply(exchange, world),
                Action::Later(_) => Err(Failure::internal(
                    step.origin.policy,
                    "InternalError",
                    "a policy that waits was compiled as one that does not",
                )),
            };
            let flow = flow.map_err(|failure| failure.at(&step.origin))?;
            if flow != Flow::Continue {
                return Ok(flow);
            }
        }
        Ok(Flow::Continue)
    }

    /// Runs the steps.
    pub(crate) async fn run(&self, exchange: &mut Exchange, world: &World<'_>) -> Result<Flow, Failure> {
        run_all(&self.steps, exchange, world).await
    }
}

impl Step {
    /// Whether it waits for the world, or for a body that it needs whole.
    pub(crate) fn waits(&self) -> bool {
        matches!(self.action, Action::Later(_)) || self.needs != Needs::default()
    }
}

/// Runs steps in their order, until one answers or fails. Bodies are made whole just before the step that needs them.
pub(crate) async fn run_all(
    steps: &[Arc<Step>],
    exchange: &mut Exchange,
    world: &World<'_>,
) -> Result<Flow, Failure> {
    for step in steps {
        let flow = run(step, exchange, world).await.map_err(|failure| failure.at(&step.origin))?;
        if flow != Flow::Continue {
            return Ok(flow);
        }
    }
    Ok(Flow::Continue)
}

async fn run(step: &Step, exchange: &mut Exchange, world: &World<'_>) -> Result<Flow, Failure> {
    if step.needs.request_body {
        let whole = exchange.request.body.buffer(world.buffered_body_bytes).await;
        whole.map_err(|error| Failure {
            source: step.origin.policy.into(),
            ..builtin::request_body(&error)
        })?;
    }
    if step.needs.response_body
        && let Some(response) = &mut exchange.response
    {
        let whole = response.body.buffer(world.buffered_body_bytes).await;
        whole.map_err(|error| Failure {
            source: step.origin.policy.into(),
            ..builtin::response_body(&error)
        })?;
    }
    match &step.action {
        Action::Now(policy) => policy.apply(exchange, world),
        Action::Later(policy) => policy.apply(exchange, world).await,
    }
}
