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
    builder.only(element, &[], &["when", "otherwise"]);
    builder.no_text(element);
    let mut branches = Vec::new();
    for (index, when) in element.elements_named("when").enumerate() {
        builder.only_own(when, &["condition"]);
        let condition = builder.required_boolean(when, "condition");
        let steps = builder.steps_at(when, &format!("when[{}]", index + 1));
        branches.push((condition, steps));
    }
    let otherwise = builder.child(element, "otherwise");
    let otherwise = otherwise.map(|otherwise| {
        builder.only_own(otherwise, &[]);
        builder.steps_at(otherwise, "otherwise[1]")
    });
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

#[cfg(test)]
mod tests {
    use crate::testing::*;
    use crate::{Action, Body};

    fn chosen(conditions: [&str; 2]) -> String {
        let [first, second] = conditions;
        let set = |value: &str| format!("<set-variable name=\"v\" value=\"{value}\" />");
        let exchange = run(&document(
            "inbound",
            &format!(
                "<choose><when condition=\"{first}\">{}</when><when condition=\"{second}\">{}</when><otherwise>{}</otherwise></choose>",
                set("one"),
                set("two"),
                set("other")
            ),
        ));
        exchange.variables.get("v").map(|value| value.to_text().to_string()).unwrap_or_default()
    }

    #[test]
    fn the_first_true_condition_wins() {
        assert_eq!(chosen(["true", "true"]), "one");
        assert_eq!(chosen(["@(1 == 2)", "@(context.Request.Method == \"GET\")"]), "two");
        assert_eq!(chosen(["false", "@(false)"]), "other");
    }

    #[test]
    fn a_condition_that_is_no_bool_fails() {
        let text = "<choose><when condition=\"@(&quot;maybe&quot;)\" /></choose>";
        let exchange = run(&document("inbound", text));
        assert_eq!(exchange.answered(), 500);
        assert!(exchange.last_error.unwrap().message.contains("a bool is needed"));
    }

    #[test]
    fn it_waits_only_where_something_in_it_does() {
        let action = |section, text: &str| {
            let plan =
                plan(&document(section, &format!("<choose><when condition=\"true\">{text}</when></choose>")));
            let steps = if section == "backend" { &plan.backend } else { &plan.inbound };
            (matches!(steps[0].action, Action::Now(_)), steps[0].needs.is_none())
        };
        assert_eq!(action("inbound", "<set-variable name=\"a\" value=\"b\" />"), (true, true));
        assert_eq!(action("backend", "<forward-request />"), (false, true));
        let reading = "<set-variable name=\"a\" value=\"@(context.Request.Body.As<string>(true))\" />";
        assert_eq!(action("inbound", reading), (false, true));
    }

    #[test]
    fn a_body_is_made_whole_only_in_the_branch_that_reads_it() {
        let document = |condition: &str| {
            document(
                "inbound",
                &format!(
                    "<choose><when condition=\"{condition}\"><set-variable name=\"a\" value=\"@(context.Request.Body.As<string>(true))\" /></when></choose>"
                ),
            )
        };
        let stream = || {
            use http_body_util::BodyExt as _;
            Body::stream(http_body_util::Full::new(bytes::Bytes::from("x")).map_err(|never| match never {}))
        };
        let skipped = run_with(&document("false"), |exchange| exchange.request.body = stream());
        assert!(matches!(skipped.request.body, Body::Stream(_)));
        let taken = run_with(&document("true"), |exchange| exchange.request.body = stream());
        assert_eq!(&*taken.variables.get("a").unwrap().to_text(), "x");
    }

    #[test]
    fn its_parts_are_checked() {
        let told = findings_in("inbound", "<choose />");
        assert!(told[0].contains("`choose` holds no `when`"), "{told:?}");
        let told = findings_in("inbound", "<choose><if condition=\"true\" /></choose>");
        assert!(told[1].contains("`if` cannot stand in `choose`"), "{told:?}");
        let told = findings_in("inbound", "<choose><when condition=\"yes\" /></choose>");
        assert!(
            told[0].contains("the attribute `condition` must be `true`, `false` or an expression, not `yes`"),
            "{told:?}"
        );
        let told = findings_in("inbound", "<choose><when condition=\"@(nothing)\" /></choose>");
        assert!(told[0].starts_with("policy.xml:1:85: error: "), "{told:?}");
    }
}
