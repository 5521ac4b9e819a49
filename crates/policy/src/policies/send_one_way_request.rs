//! `send-one-way-request`: sends a request of its own and does not wait for what becomes of it.
//!
//! Source: <https://learn.microsoft.com/azure/api-management/send-one-way-request-policy>. How many may be under way is
//! bounded; those beyond the bound are dropped and counted.

use super::side_request::SideRequest;
use crate::compiler::{Builder, Reported};
use crate::document::Element;
use crate::plan::PolicyFuture;
use crate::trace::Outcome;
use crate::{Action, AsyncPolicy, Exchange, Failure, Flow, Policy, World};

#[derive(Debug)]
struct SendOneWayRequest(SideRequest);

pub(super) fn compile(builder: &mut Builder<'_>, element: &Element) -> Result<Action, Reported> {
    let request = SendOneWayRequest(SideRequest::compile(builder, element, &[])?);
    Ok(if request.0.waits() { Action::Later(Box::new(request)) } else { Action::Now(Box::new(request)) })
}

impl Policy for SendOneWayRequest {
    fn apply(&self, exchange: &mut Exchange, world: &World<'_>) -> Result<Flow, Failure> {
        let request = self.0.evaluate(exchange, world)?;
        if let Some(began) = exchange.traced_micros(world) {
            let outcome = Outcome::Told("sent, its answer is not waited for".to_owned());
            let section = self.0.section();
            exchange.note_trace(world, section, "outgoing-request", request.told(), outcome, began);
        }
        world.outgoing.send_apart(request);
        Ok(Flow::Continue)
    }
}

impl AsyncPolicy for SendOneWayRequest {
    fn apply<'a>(&'a self, exchange: &'a mut Exchange, world: &'a World<'a>) -> PolicyFuture<'a> {
        Box::pin(async move {
            let mut request = self.0.evaluate(exchange, world)?;
            self.0.authorize(&mut request, exchange, world).await?;
            world.outgoing.send_apart(request);
            Ok(Flow::Continue)
        })
    }
}

#[cfg(test)]
mod tests {
    use bytes::Bytes;

    use crate::Body;
    use crate::testing::*;

    #[test]
    fn a_request_is_sent_and_nothing_is_kept() {
        let world = TestWorld::new();
        let mut exchange = exchange();
        let text = "<send-one-way-request mode=\"new\" timeout=\"20\"><set-url>https://hooks.example/x</set-url><set-method>POST</set-method><set-body>@(context.Response.StatusCode.ToString())</set-body></send-one-way-request>";
        world.run(&plan(&document("outbound", text)), &mut exchange);
        assert_eq!((exchange.answered(), exchange.answer_text().as_str()), (200, "backend"));
        let (request, is_one_way) = world.sent.take().remove(0);
        assert!(is_one_way);
        assert_eq!((request.body, request.timeout.as_secs()), (Bytes::from_static(b"200"), 20));
    }

    #[test]
    fn a_copy_waits_for_the_body_only() {
        use http_body_util::BodyExt as _;
        let world = TestWorld::new();
        let mut exchange = exchange();
        let stream = http_body_util::Full::new(Bytes::from("hello")).map_err(|never| match never {});
        exchange.request.body = Body::stream(stream);
        let text = "<send-one-way-request mode=\"copy\"><set-url>https://log.example/x</set-url></send-one-way-request>";
        world.run(&plan(&document("inbound", text)), &mut exchange);
        assert_eq!(world.sent.take().remove(0).0.body, "hello");
        assert_eq!(exchange.request.body.bytes().unwrap(), "hello");
    }

    #[test]
    fn a_url_that_cannot_be_is_a_failure() {
        let text = "<send-one-way-request><set-url>@(\"x\")</set-url><set-method>GET</set-method></send-one-way-request>";
        let exchange = run(&document("inbound", text));
        let error = exchange.last_error.unwrap();
        assert_eq!((&*error.source, &*error.reason), ("send-one-way-request", "UrlInvalid"));
    }

    #[test]
    fn its_parts_are_checked() {
        let told = findings_in("inbound", "<send-one-way-request mode=\"copy\" ignore-error=\"true\" />");
        assert!(told[0].contains("`send-one-way-request` has no attribute `ignore-error`"), "{told:?}");
        let told = findings_in(
            "inbound",
            "<send-one-way-request><set-method>GET</set-method></send-one-way-request>",
        );
        assert!(told[0].contains("holds no `set-url`"), "{told:?}");
    }
}
