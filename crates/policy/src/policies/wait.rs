//! `wait`: runs the policies inside beside one another, until all of them are done or one of them is.
//!
//! Source: <https://learn.microsoft.com/azure/api-management/wait-policy>. Each of them begins with the exchange as it
//! stands; what it changes is there for the others once it is done.

use futures_util::StreamExt as _;
use futures_util::stream::FuturesUnordered;

use crate::compiler::{Builder, Reported};
use crate::document::Element;
use crate::exchange::Base;
use crate::plan::PolicyFuture;
use crate::steps::{Steps, run_one};
use crate::value::Enumeration;
use crate::{Action, AsyncPolicy, Exchange, Flow, Section, World};

#[derive(Debug)]
struct Wait {
    until: Enumeration<Until>,
    steps: Steps,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Until {
    All,
    Any,
}

const UNTIL: &[(&str, Until)] = &[("all", Until::All), ("any", Until::Any)];
const ALLOWED: &[&str] = &["send-request", "cache-lookup-value", "choose"];

pub(super) fn compile(builder: &mut Builder<'_>, element: &Element) -> Result<Action, Reported> {
    builder.only_own(element, &["for"]);
    let until = builder.enumeration(element, "for", UNTIL, Until::All);
    // Branches cannot share a body that streams: what one of them reads is whole before they begin.
    let (steps, reads) = builder.reading(|builder| builder.steps(element, Some(ALLOWED)));
    builder.read(reads);
    if builder.section() == Some(Section::Backend) {
        builder.read_request_body();
    }
    if element.elements().next().is_none() {
        let message = "`wait` holds no policy";
        let fix = format!("add one of {}", ALLOWED.join(", "));
        return Err(builder.error_with_fix("missing-element", &element.location, message, fix));
    }
    Ok(Action::Later(Box::new(Wait { until, steps })))
}

impl AsyncPolicy for Wait {
    fn apply<'a>(&'a self, exchange: &'a mut Exchange, world: &'a World<'a>) -> PolicyFuture<'a> {
        Box::pin(async move {
            let until = self.until.evaluate(exchange, world)?;
            let base = Base::of(exchange);
            let mut branches: FuturesUnordered<_> = self
                .steps
                .iter()
                .map(|step| {
                    let mut branch = base.branch();
                    async move {
                        let flow = run_one(step, &mut branch, world).await;
                        (branch, flow)
                    }
                })
                .collect();
            while let Some((branch, flow)) = branches.next().await {
                base.join(exchange, branch);
                let flow = flow?;
                // An answer ends the others as well.
                if flow != Flow::Continue || until == Until::Any {
                    return Ok(flow);
                }
            }
            Ok(Flow::Continue)
        })
    }
}

#[cfg(test)]
mod tests {
    use bytes::Bytes;
    use http_body_util::BodyExt as _;

    use crate::testing::*;
    use crate::{Body, UpstreamError};

    fn send(variable: &str, more: &str) -> String {
        format!(
            "<send-request response-variable-name=\"{variable}\" {more}><set-url>https://{variable}.example/</set-url><set-method>GET</set-method></send-request>"
        )
    }

    #[test]
    fn what_all_branches_leave_is_there_afterwards() {
        let world = TestWorld::new();
        let mut exchange = exchange();
        let text = format!(
            "<wait>{}<choose><when condition=\"true\"><set-variable name=\"c\" value=\"3\" />{}<set-header name=\"X-A\"><value>1</value></set-header></when></choose></wait>",
            send("a", ""),
            send("b", "")
        );
        world.run(&plan(&document("inbound", &text)), &mut exchange);
        assert_eq!(exchange.answered(), 200, "{:?}", exchange.last_error);
        for variable in ["a", "b"] {
            assert_eq!(exchange.variables.get(variable).unwrap().as_response().unwrap().status, 200);
        }
        assert_eq!(&*exchange.variables.get("c").unwrap().to_text(), "3");
        assert_eq!(exchange.request.headers["x-a"], "1");
        assert_eq!(world.sent.borrow().len(), 2);
    }

    #[test]
    fn any_ends_with_the_first() {
        let exchange = run(&document(
            "inbound",
            &format!("<wait for=\"any\">{}{}</wait>", send("a", ""), send("b", "")),
        ));
        let set = ["a", "b"].map(|name| exchange.variables.get(name).is_some());
        assert_eq!(set.iter().filter(|is_set| **is_set).count(), 1);
    }

    #[test]
    fn a_failure_or_an_answer_of_one_ends_it() {
        let world = TestWorld::new();
        world.outside.borrow_mut().push_back(Err(UpstreamError::Connection("refused".into())));
        let mut exchange = exchange();
        world.run(&plan(&document("inbound", &format!("<wait>{}</wait>", send("a", "")))), &mut exchange);
        let error = exchange.last_error.unwrap();
        assert_eq!(
            (&*error.source, error.path.as_deref()),
            ("send-request", Some("wait[1]/send-request[1]"))
        );
        let text = "<wait><choose><when condition=\"true\"><return-response><set-status code=\"418\" /></return-response></when></choose></wait>";
        assert_eq!(run(&document("inbound", text)).answered(), 418);
    }

    #[test]
    fn a_body_that_a_branch_reads_is_whole_before_and_others_stream_on() {
        let stream =
            || Body::stream(http_body_util::Full::new(Bytes::from("x")).map_err(|never| match never {}));
        let read = "<choose><when condition=\"@(context.Request.Body.As<string>(true) == &quot;x&quot;)\"><set-variable name=\"v\" value=\"yes\" /></when></choose>";
        let exchange = run_with(&document("inbound", &format!("<wait>{read}</wait>")), |exchange| {
            exchange.request.body = stream();
        });
        assert!(exchange.variables.get("v").is_some(), "{:?}", exchange.last_error);
        let exchange =
            run_with(&document("inbound", &format!("<wait>{}</wait>", send("a", ""))), |exchange| {
                exchange.request.body = stream();
            });
        assert!(matches!(exchange.request.body, Body::Stream(_)));
    }

    #[test]
    fn its_parts_are_checked() {
        for (text, wanted) in [
            ("<wait />", "`wait` holds no policy"),
            (
                "<wait for=\"some\"><choose><when condition=\"true\" /></choose></wait>",
                "must be one of `all`, `any`",
            ),
            ("<wait><set-variable name=\"a\" value=\"b\" /></wait>", "`set-variable` cannot stand in `wait`"),
        ] {
            let told = findings_in("inbound", text);
            assert!(told.len() == 1 && told[0].contains(wanted), "{told:?}");
        }
    }
}
