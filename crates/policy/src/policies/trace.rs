//! `trace`: a line about the request for those who look for what happened.
//!
//! Source: <https://learn.microsoft.com/azure/api-management/trace-policy>.

use std::sync::Arc;

use smallvec::SmallVec;

use crate::compiler::{Builder, Reported};
use crate::document::Element;
use crate::value::{Enumeration, Text};
use crate::{Action, Exchange, Failure, Flow, Policy, TraceLine, TraceSeverity, World};

#[derive(Debug)]
struct Trace {
    source: Text,
    severity: Enumeration<TraceSeverity>,
    message: Text,
    metadata: Vec<(Text, Text)>,
}

const SEVERITIES: &[(&str, TraceSeverity)] = &[
    ("verbose", TraceSeverity::Verbose),
    ("information", TraceSeverity::Information),
    ("error", TraceSeverity::Error),
];

pub(super) fn compile(builder: &mut Builder<'_>, element: &Element) -> Result<Action, Reported> {
    builder.only(element, &["source", "severity"], &["message", "metadata"]);
    let source = builder.text(element, "source");
    let severity = builder.enumeration(element, "severity", SEVERITIES, TraceSeverity::Verbose);
    let message = match builder.child(element, "message") {
        Some(message) => {
            builder.no_text(element);
            builder.only(message, &[], &[]);
            builder.content(message)
        }
        // An older form, without the element.
        None if !element.text().is_blank() => builder.content(element),
        None => {
            let message = "`trace` holds no `message`";
            let fix = "add `<message>…</message>`";
            return Err(builder.error_with_fix("missing-element", &element.location, message, fix));
        }
    };
    let metadata: Result<Vec<_>, _> = element
        .elements_named("metadata")
        .map(|child| {
            builder.only(child, &["name", "value"], &[]);
            builder.no_text(child);
            Ok((builder.text(child, "name"), builder.text(child, "value")))
        })
        .collect();
    Ok(Action::Now(Box::new(Trace { source, severity, message, metadata: metadata? })))
}

impl Policy for Trace {
    fn apply(&self, exchange: &mut Exchange, world: &World<'_>) -> Result<Flow, Failure> {
        let source = self.source.evaluate(exchange, world)?;
        let severity = self.severity.evaluate(exchange, world)?;
        let message = self.message.evaluate(exchange, world)?;
        let mut metadata: SmallVec<[(Arc<str>, Arc<str>); 4]> = SmallVec::new();
        for (name, value) in &self.metadata {
            metadata.push((name.evaluate(exchange, world)?.into(), value.evaluate(exchange, world)?.into()));
        }
        let line = TraceLine { source: &source, severity, message: &message, metadata: &metadata };
        world.signals.trace(exchange, &line);
        if exchange.trace.is_some() {
            exchange.say_in_trace(&format!("{source}: {message}"));
        }
        Ok(Flow::Continue)
    }
}

#[cfg(test)]
mod tests {
    use crate::testing::*;

    fn traced(policy: &str) -> Vec<String> {
        let world = TestWorld::new();
        let mut exchange = exchange();
        world.run(&plan(&document("inbound", policy)), &mut exchange);
        assert_eq!(exchange.answered(), 200, "{:?}", exchange.last_error);
        world.traced.take()
    }

    #[test]
    fn a_line_has_a_source_a_severity_a_message_and_properties() {
        let told = traced(
            "<trace source=\"shop\" severity=\"information\"><message> called with @(context.Request.Method) </message><metadata name=\"id\" value=\"@(1 + 1)\" /><metadata name=\"b\" value=\"c\" /></trace>",
        );
        assert_eq!(told, ["shop Information called with GET [id=2,b=c]"]);
        assert_eq!(traced("<trace source=\"a\"><message>b</message></trace>"), ["a Verbose b []"]);
        assert_eq!(traced("<trace source=\"a\"> @(\"b\") </trace>"), ["a Verbose b []"]);
    }

    #[test]
    fn its_parts_are_checked() {
        for (text, wanted) in [
            ("<trace><message>b</message></trace>", "`trace` has no attribute `source`"),
            ("<trace source=\"a\" />", "`trace` holds no `message`"),
            (
                "<trace source=\"a\" severity=\"warning\"><message>b</message></trace>",
                "must be one of `verbose`, `information`, `error`",
            ),
            (
                "<trace source=\"a\"><message>b</message><metadata name=\"c\" /></trace>",
                "`metadata` has no attribute `value`",
            ),
            (
                "<trace source=\"a\"><message>b</message><message>c</message></trace>",
                "holds a second `message`",
            ),
        ] {
            let told = findings_in("inbound", text);
            assert!(told.len() == 1 && told[0].contains(wanted), "{told:?}");
        }
    }
}
