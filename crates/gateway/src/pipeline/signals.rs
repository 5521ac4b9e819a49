//! What policies tell about requests: to the log of traces and to the metrics.

use gatehouse_model::configuration::TraceVerbosity;
use gatehouse_policy::{Clock as _, Exchange, LoggedEvent, Measure, Signals, TraceLine, TraceSeverity};
use gatehouse_telemetry::trace_log::TraceRecord;
use uuid::Uuid;

use super::outgoing::Outside;
use crate::events::{self, Event};

impl Signals for Outside<'_> {
    fn trace(&self, exchange: &Exchange, line: &TraceLine<'_>) {
        let Some(log) = &self.shared.trace_log else { return };
        let severity = match line.severity {
            TraceSeverity::Verbose => TraceVerbosity::Verbose,
            TraceSeverity::Information => TraceVerbosity::Information,
            TraceSeverity::Error => TraceVerbosity::Error,
        };
        if !log.wants(severity) {
            return;
        }
        let secrets = &self.snapshot.secrets;
        let masked: Vec<_> =
            line.metadata.iter().map(|(name, value)| (secrets.mask(name), secrets.mask(value))).collect();
        let mut buffer = Uuid::encode_buffer();
        let record = TraceRecord {
            time_millis: self.shared.clock.now_millis(),
            request_id: exchange.id.hyphenated().encode_lower(&mut buffer),
            api: exchange.route.api.as_ref().map(|api| &*api.id),
            operation: exchange.route.operation.as_ref().map(|operation| &*operation.id),
            source: line.source,
            severity,
            message: &secrets.mask(line.message),
        };
        log.record(&record, masked.iter().map(|(name, value)| (&**name, &**value)));
    }

    fn measure(&self, measure: &Measure<'_>) {
        self.shared.metrics.custom(measure.name, measure.dimensions, measure.value);
    }

    fn event(&self, exchange: &Exchange, event: LoggedEvent) {
        let LoggedEvent { logger, message, partition } = event;
        let event = Event {
            time_millis: self.shared.clock.now_millis(),
            request_id: exchange.id,
            message,
            partition,
        };
        events::log(self.shared, self.snapshot, self.pools, &logger, event);
    }
}
