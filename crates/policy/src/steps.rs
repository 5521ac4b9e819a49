//! Policies that hold others: lists of steps and how they run.

use std::sync::Arc;

use gatehouse_model::Location;

use crate::{Action, Exchange, Failure, Flow, Needs, Step, World, builtin};

/// The steps inside a policy such as `when`.
#[derive(Debug, Default)]
pub(crate) struct Steps {
    list: Vec<Arc<Step>>,
    waits: bool,
    /// What must be whole after the last step.
    afterwards: Needs,
    /// What tells a trace that they run, where they are a branch.
    branch: Option<Branch>,
}

/// A branch of a policy, such as a `when`.
#[derive(Debug)]
pub(crate) struct Branch {
    pub(crate) location: Location,
    pub(crate) name: Box<str>,
}

impl Branch {
    /// Tells a trace, if there is one, that the branch is taken.
    pub(crate) fn taken(&self, exchange: &mut Exchange) {
        if exchange.trace.is_some() {
            exchange.branch_begins(&self.location, &self.name);
        }
    }
}

impl Steps {
    /// A list of steps.
    pub(crate) fn new(steps: Vec<Arc<Step>>) -> Self {
        let waits = steps.iter().any(|step| step.waits());
        Self { list: steps, waits, afterwards: Needs::default(), branch: None }
    }

    /// Says which branch they are.
    pub(crate) fn at(mut self, branch: Branch) -> Self {
        self.branch = Some(branch);
        self
    }

    /// Says what must be whole after the last step.
    pub(crate) fn afterwards(&mut self, needs: Needs) {
        self.afterwards = needs;
        self.waits |= !needs.is_none();
    }

    /// Whether one of them waits for the world, or for a body that it needs whole.
    pub(crate) fn waits(&self) -> bool {
        self.waits
    }

    /// The steps.
    pub(crate) fn iter(&self) -> impl Iterator<Item = &Step> {
        self.list.iter().map(|step| &**step)
    }

    /// Runs steps of which none waits.
    pub(crate) fn run_now(&self, exchange: &mut Exchange, world: &World<'_>) -> Result<Flow, Failure> {
        if let Some(branch) = &self.branch {
            branch.taken(exchange);
        }
        for step in &self.list {
            if exchange.trace.is_some() {
                exchange.step_begins(step, world);
            }
            let flow = match &step.action {
                Action::Now(policy) => policy.apply(exchange, world),
                Action::Later(_) => Err(Failure::internal(
                    step.origin.policy,
                    "InternalError",
                    "a policy that waits was compiled as one that does not",
                )),
            };
            if exchange.trace.is_some() {
                exchange.step_ends(&flow, world);
            }
            let flow = flow.map_err(|failure| failure.at(&step.origin))?;
            if flow != Flow::Continue {
                return Ok(flow);
            }
        }
        Ok(Flow::Continue)
    }

    /// Runs the steps.
    pub(crate) async fn run(&self, exchange: &mut Exchange, world: &World<'_>) -> Result<Flow, Failure> {
        if let Some(branch) = &self.branch {
            branch.taken(exchange);
        }
        let flow = run_all(&self.list, exchange, world).await?;
        make_whole(self.afterwards, exchange, world).await?;
        Ok(flow)
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
        let flow = match &step.action {
            // Most steps neither wait nor are traced.
            Action::Now(policy) if exchange.trace.is_none() && step.needs.is_none() => {
                policy.apply(exchange, world).map_err(|failure| failure.at(&step.origin))?
            }
            _ => run_one(step, exchange, world).await?,
        };
        if flow != Flow::Continue {
            return Ok(flow);
        }
    }
    Ok(Flow::Continue)
}

/// Runs one step.
pub(crate) async fn run_one(
    step: &Step,
    exchange: &mut Exchange,
    world: &World<'_>,
) -> Result<Flow, Failure> {
    run(step, exchange, world).await.map_err(|failure| failure.at(&step.origin))
}

async fn run(step: &Step, exchange: &mut Exchange, world: &World<'_>) -> Result<Flow, Failure> {
    if exchange.trace.is_none() {
        return run_untraced(step, exchange, world).await;
    }
    exchange.step_begins(step, world);
    let outcome = run_untraced(step, exchange, world).await;
    exchange.step_ends(&outcome, world);
    outcome
}

async fn run_untraced(step: &Step, exchange: &mut Exchange, world: &World<'_>) -> Result<Flow, Failure> {
    if !step.needs.is_none() {
        make_whole(step.needs, exchange, world)
            .await
            .map_err(|failure| Failure { source: step.origin.policy.into(), ..failure })?;
    }
    match &step.action {
        Action::Now(policy) => policy.apply(exchange, world),
        Action::Later(policy) => policy.apply(exchange, world).await,
    }
}

/// Reads bodies that are needed whole to their ends.
async fn make_whole(needs: Needs, exchange: &mut Exchange, world: &World<'_>) -> Result<(), Failure> {
    if needs.request_body {
        let whole = exchange.request.body.buffer(world.buffered_body_bytes).await;
        whole.map_err(|error| builtin::request_body(&error))?;
    }
    if needs.response_body
        && let Some(response) = &mut exchange.response
    {
        let whole = response.body.buffer(world.buffered_body_bytes).await;
        whole.map_err(|error| builtin::response_body(&error))?;
    }
    Ok(())
}
