//! `log-to-eventhub`: an event for a logger.
//!
//! Source: <https://learn.microsoft.com/azure/api-management/log-to-eventhub-policy>. The request does not wait for the
//! event hub: events wait in a queue with a bound.

use std::sync::Arc;

use crate::compiler::{Builder, Reported};
use crate::document::Element;
use crate::value::Text;
use crate::{Action, Exchange, Failure, Flow, LoggedEvent, Partition, Policy, World};

/// The longest event in bytes; longer ones are cut.
const LONGEST: usize = 200 * 1024;

#[derive(Debug)]
struct LogToEventHub {
    logger: Arc<str>,
    partition: Choice,
    message: Text,
}

#[derive(Debug)]
enum Choice {
    Any,
    Id(u32),
    Key(Text),
}

pub(super) fn compile(builder: &mut Builder<'_>, element: &Element) -> Result<Action, Reported> {
    builder.only(element, &["logger-id", "partition-id", "partition-key"], &[]);
    let name = builder.literal(element, "logger-id")?;
    let location = element.attribute("logger-id").map_or(&element.location, |known| &known.value.location);
    let resources = builder.resources();
    let kind = resources.loggers.get(&*name).map(|logger| logger.kind.clone());
    let known: Vec<String> = resources.loggers.keys().cloned().collect();
    builder.must_exist("logger", &name, location, known.iter().map(String::as_str));
    if let Some(kind) = kind.filter(|kind| kind != "azureEventHub") {
        let message = format!("the logger `{name}` is of the type `{kind}`, which takes no events");
        let fix = "name one of the type `azureEventHub`";
        return Err(builder.error_with_fix("bad-value", location, message, fix));
    }
    let partition = match (element.attribute("partition-id"), element.attribute("partition-key")) {
        (Some(_), Some(second)) => {
            let message = "`log-to-eventhub` takes either `partition-id` or `partition-key`";
            return Err(builder.error("bad-value", &second.location, message));
        }
        (Some(_), None) => Choice::Id(builder.literal_integer(element, "partition-id", 0..=65_535) as u32),
        (None, Some(_)) => Choice::Key(builder.text(element, "partition-key")),
        (None, None) => Choice::Any,
    };
    let message = builder.content(element);
    let logger = builder.backend_entity(&name);
    Ok(Action::Now(Box::new(LogToEventHub { logger, partition, message })))
}

impl Policy for LogToEventHub {
    fn apply(&self, exchange: &mut Exchange, world: &World<'_>) -> Result<Flow, Failure> {
        let partition = match &self.partition {
            Choice::Any => None,
            Choice::Id(id) => Some(Partition::Id(*id)),
            Choice::Key(text) => Some(Partition::Key(text.evaluate(exchange, world)?.into())),
        };
        let message: Arc<str> = self.message.evaluate(exchange, world)?.into();
        let event = LoggedEvent { logger: Arc::clone(&self.logger), message: cut(message), partition };
        world.signals.event(exchange, event);
        Ok(Flow::Continue)
    }
}

fn cut(message: Arc<str>) -> Arc<str> {
    if message.len() <= LONGEST {
        return message;
    }
    let end = (0..=LONGEST).rev().find(|end| message.is_char_boundary(*end)).unwrap_or(0);
    message[..end].into()
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;
    use std::path::Path;

    use gatehouse_model::Location;
    use gatehouse_model::resources::{Catalog, Logger};

    use crate::testing::*;
    use crate::{LoggedEvent, Partition};

    fn catalog_with(policy: &str) -> Catalog {
        let mut catalog = catalog(&document("inbound", policy));
        for (name, kind) in [("hub", "azureEventHub"), ("insights", "applicationInsights")] {
            let logger = Logger {
                name: name.into(),
                kind: kind.into(),
                is_buffered: true,
                credentials: BTreeMap::new(),
                location: Location::file(Path::new("loggers")),
            };
            catalog.service.loggers.insert(name.into(), logger);
        }
        catalog
    }

    fn logged(policy: &str) -> LoggedEvent {
        let world = TestWorld::new();
        let mut exchange = exchange();
        world.run(&policies(&catalog_with(policy)).global(), &mut exchange);
        assert_eq!(exchange.answered(), 200, "{:?}", exchange.last_error);
        world.events.take().remove(0)
    }

    #[test]
    fn an_event_has_a_logger_a_text_and_perhaps_a_partition() {
        let event = logged(
            "<log-to-eventhub logger-id=\"hub\"> @(context.Request.Method + \"!\") </log-to-eventhub>",
        );
        assert_eq!(event, LoggedEvent { logger: "hub".into(), message: "GET!".into(), partition: None });
        let event = logged("<log-to-eventhub logger-id=\"hub\" partition-id=\"3\">text</log-to-eventhub>");
        assert_eq!((&*event.message, event.partition), ("text", Some(Partition::Id(3))));
        let event = logged(
            "<log-to-eventhub logger-id=\"hub\" partition-key=\"@(context.Request.IpAddress)\">x</log-to-eventhub>",
        );
        assert_eq!(event.partition, Some(Partition::Key("192.0.2.1".into())));
    }

    #[test]
    fn a_long_event_is_cut_between_characters() {
        let event =
            logged("<log-to-eventhub logger-id=\"hub\">@(\"x\" + new string('ü', 150000))</log-to-eventhub>");
        assert_eq!(event.message.len(), 204_799);
    }

    #[test]
    fn its_parts_are_checked() {
        for (text, wanted) in [
            ("<log-to-eventhub>x</log-to-eventhub>", "has no attribute `logger-id`"),
            (
                "<log-to-eventhub logger-id=\"hubb\">x</log-to-eventhub>",
                "names the logger `hubb`, which does not exist",
            ),
            (
                "<log-to-eventhub logger-id=\"insights\">x</log-to-eventhub>",
                "is of the type `applicationInsights`",
            ),
            (
                "<log-to-eventhub logger-id=\"hub\" partition-id=\"1\" partition-key=\"a\">x</log-to-eventhub>",
                "takes either",
            ),
            (
                "<log-to-eventhub logger-id=\"hub\" partition-id=\"@(1)\">x</log-to-eventhub>",
                "takes no expression",
            ),
            (
                "<log-to-eventhub logger-id=\"hub\" partition-id=\"a\">x</log-to-eventhub>",
                "must be a whole number",
            ),
        ] {
            let told = findings(&catalog_with(text));
            assert!(told.len() == 1 && told[0].contains(wanted), "{told:?}");
        }
    }
}
