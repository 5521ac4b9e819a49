//! `choose`: the policies of the first `when` whose condition is true, else those of `otherwise`.
//!
//! Source: <https://learn.microsoft.com/azure/api-management/choose-policy>.

use crate::compiler::{Builder, Reported};
use crate::document::Element;
use crate::plan::PolicyFuture;
use crate::steps::Steps;
use crate::value::Boolean;
use crate::{Action, AsyncPolicy, Exchange, Failure, Flow, Policy, World};

#[derive(Debug)]
struct Choose {
    branches: Vec<(Boolean, Steps)>,
    otherwise: Option<Steps>,
}

pub(super) fn compile(builder: &mut Builder<'_>, element: &Element) -> Result<Action, Reported> {
    builder.only(element, &[], &["when", "otherwise"])?;
    builder.no_text(element)?;
    let mut branches = Vec::new();
    let mut result = Ok(());
    for (index, when) in element.elements_named("when").enumerate() {
        let checked = builder.only_own(when, &["condition"]);
        let condition = builder.required_boolean(when, "condition");
        let steps = builder.steps_at(when, &format!("when[{}]", index + 1));
        match (checked, condition) {
            (Ok(()), Ok(condition)) => branches.push((condition, steps)),
            _ => result = Err(Reported),
        }
    }
    let otherwise = builder.child(element, "otherwise")?;
    let otherwise = match otherwise {
        Some(otherwise) => {
            result = result.and(builder.only_own(otherwise, &[]));
            Some(builder.steps_at(otherwise, "otherwise[1]"))
        }
        None => None,
    };
    result?;
    if branches.is_empty() {
        let message = "`choose` holds no `when`";
        return Err(builder.error_with_fix(
            "missing-element",
            &element.location,
            message,
            "add `<when condition=\"@(…)\">`",
        ));
    }
    let waits = branches.iter().map(|(_, steps)| steps).chain(&otherwise).any(Steps::waits);
    let choose = Choose { branches, otherwise };
    Ok(if waits { Action::Later(Box::new(choose)) } else { Action::Now(Box::new(choose)) })
}

impl Choose {
    fn choice(&self, exchange: &mut Exchange, world: &World<'_>) -> Result<Option<&Steps>, Failure> {
        for (condition, steps) in &self.branches {
            if condition.evaluate(exchange, world)? {
                return Ok(Some(steps));
            }
        }
        Ok(self.otherwise.as_ref())
    }
}

impl Policy for Choose {
    fn apply(&self, exchange: &mut Exchange, world: &World<'_>) -> Result<Flow, Failure> {
        match self.choice(exchange, world)? {
            Some(steps) => steps.run_now(exchange, world),
            None => Ok(Flow::Continue),
        }
    }
}

impl AsyncPolicy for Choose {
    fn apply<'a>(&'a self, exchange: &'a mut Exchange, world: &'a World<'a>) -> PolicyFuture<'a> {
        Box::pin(async move {
            match self.choice(exchange, world)? {
                Some(steps) => steps.run(exchange, world).await,
                None => Ok(Flow::Continue),
            }
        })
    }
}
