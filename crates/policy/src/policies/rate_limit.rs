//! `rate-limit`: calls of a subscription within a sliding window.
//!
//! Source: <https://learn.microsoft.com/azure/api-management/rate-limit-policy>. Limits of the product, of an API and of an
//! operation are counted independently; each subscription is counted by itself, and requests without one are not.

use std::sync::Arc;

use gatehouse_store::counters::Rate;

use super::rate_answer::{RateAnswer, decide, is_remote};
use crate::compiler::{Builder, PolicyScope, Reported};
use crate::document::Element;
use crate::{Action, Exchange, Failure, Flow, Policy, World};

/// The longest window in seconds.
const MAX_WINDOW: i64 = 300;

#[derive(Debug)]
struct RateLimit {
    identity: Arc<str>,
    levels: Vec<Level>,
    answer: RateAnswer,
}

/// One limit: of everything, of an API, or of an operation.
#[derive(Debug)]
struct Level {
    rate: Rate,
    api: Option<Target>,
    operation: Option<Target>,
}

/// A resource by its id or its display name; the id wins.
#[derive(Debug)]
pub(super) struct Target {
    id: Option<Arc<str>>,
    name: Option<Arc<str>>,
}

pub(super) fn compile(builder: &mut Builder<'_>, element: &Element) -> Result<Action, Reported> {
    let mut attributes = vec!["calls", "renewal-period"];
    attributes.extend(RateAnswer::ATTRIBUTES);
    builder.only(element, &attributes, &["api"])?;
    builder.no_text(element)?;
    if builder.scope() == PolicyScope::Global {
        let message = "`rate-limit` cannot stand in the policy of all APIs";
        let fix = "put it into a product, an API or an operation, or use `rate-limit-by-key`";
        return Err(builder.error_with_fix("wrong-scope", &element.location, message, fix));
    }
    let mut levels = vec![Level { rate: rate(builder, element)?, api: None, operation: None }];
    for api in element.elements_named("api") {
        builder.only(api, &["name", "id", "calls", "renewal-period"], &["operation"])?;
        levels.push(Level {
            rate: rate(builder, api)?,
            api: Some(Target::compile(builder, api)?),
            operation: None,
        });
        for operation in api.elements_named("operation") {
            builder.only(operation, &["name", "id", "calls", "renewal-period"], &[])?;
            levels.push(Level {
                rate: rate(builder, operation)?,
                api: Some(Target::compile(builder, api)?),
                operation: Some(Target::compile(builder, operation)?),
            });
        }
    }
    let identity = builder.counter_identity();
    Ok(Action::Now(Box::new(RateLimit { identity, levels, answer: RateAnswer::compile(builder, element)? })))
}

fn rate(builder: &mut Builder<'_>, element: &Element) -> Result<Rate, Reported> {
    let calls = builder.literal_integer(element, "calls", 1..=i64::from(u32::MAX))? as u32;
    let window_seconds = builder.literal_integer(element, "renewal-period", 1..=MAX_WINDOW)? as u32;
    Ok(Rate { calls, window_seconds })
}

impl Target {
    pub(super) fn compile(builder: &mut Builder<'_>, element: &Element) -> Result<Self, Reported> {
        let id = builder.optional_literal(element, "id")?;
        let name = builder.optional_literal(element, "name")?;
        if id.is_none() && name.is_none() {
            let message = format!("`{}` names nothing", element.name);
            return Err(builder.error_with_fix(
                "missing-attribute",
                &element.location,
                message,
                "add `id` or `name`",
            ));
        }
        Ok(Self { id, name })
    }

    pub(super) fn is(&self, id: &str, name: &str) -> bool {
        match (&self.id, &self.name) {
            (Some(wanted), _) => wanted.eq_ignore_ascii_case(id),
            (None, Some(wanted)) => **wanted == *name,
            (None, None) => false,
        }
    }

    pub(super) fn is_api(target: Option<&Self>, exchange: &Exchange) -> bool {
        let Some(target) = target else { return true };
        exchange.route.api.as_ref().is_some_and(|api| target.is(&api.id, &api.name))
    }

    pub(super) fn is_operation(target: Option<&Self>, exchange: &Exchange) -> bool {
        let Some(target) = target else { return true };
        exchange.route.operation.as_ref().is_some_and(|operation| target.is(&operation.id, &operation.name))
    }
}

impl Policy for RateLimit {
    fn apply(&self, exchange: &mut Exchange, world: &World<'_>) -> Result<Flow, Failure> {
        let Some(subscription) = exchange.route.subscription.clone() else { return Ok(Flow::Continue) };
        let now = world.clock.monotonic_micros() / 1000;
        let workspace = exchange.route.api.as_ref().and_then(|api| api.workspace.clone());
        let key = |level: usize| {
            world.counter_keys.key((
                "rate-limit",
                &*self.identity,
                level,
                workspace.as_deref(),
                &*subscription.id,
            ))
        };
        let mut tightest = None;
        for (index, level) in self.levels.iter().enumerate() {
            if !Target::is_api(level.api.as_ref(), exchange)
                || !Target::is_operation(level.operation.as_ref(), exchange)
            {
                continue;
            }
            let answer = world.counters.take(key(index), level.rate, now, 1);
            let decision = answer.ready().ok_or_else(|| is_remote("rate-limit"))?;
            decide(&mut tightest, level.rate, decision);
            if !decision.allowed {
                break;
            }
        }
        match tightest {
            Some((rate, decision)) => self.answer.conclude(exchange, "rate-limit", rate, decision),
            None => Ok(Flow::Continue),
        }
    }
}
