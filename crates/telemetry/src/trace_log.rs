//! The lines of `trace` policies, as JSON lines.

use std::sync::Arc;
use std::time::Duration;

use gatehouse_model::configuration::{LogTarget, TraceVerbosity};

use crate::json;
use crate::log::Log;
use crate::queue::{self, Queue};
pub use crate::queue::{Lost, OpenError};
use crate::timestamp::rfc3339_millis;

/// Takes lines and writes them from a thread of its own; lines that do not fit are dropped and counted. Cheap to clone.
#[derive(Clone, Debug)]
pub struct TraceLog {
    queue: Arc<Queue>,
    verbosity: TraceVerbosity,
}

/// A line.
#[derive(Clone, Copy, Debug)]
pub struct TraceRecord<'r> {
    /// Milliseconds since 1970.
    pub time_millis: u64,
    /// The request's id.
    pub request_id: &'r str,
    /// The API, if one was matched.
    pub api: Option<&'r str>,
    /// The operation, if one was matched.
    pub operation: Option<&'r str>,
    /// Who says it.
    pub source: &'r str,
    /// How much it matters.
    pub severity: TraceVerbosity,
    /// What is said.
    pub message: &'r str,
}

/// How many bytes of a message are written.
const LONGEST_MESSAGE: usize = 32 * 1024;
/// How many bytes of every other text are written.
const LONGEST_TEXT: usize = 8 * 1024;

impl TraceLog {
    /// Opens the target and starts the writer; lines below `verbosity` are left out.
    pub fn start(target: &LogTarget, verbosity: TraceVerbosity, log: &Log) -> Result<Self, OpenError> {
        Ok(Self { queue: Arc::new(queue::open("trace log", target, log)?), verbosity })
    }

    /// Whether lines of a severity are written.
    pub fn wants(&self, severity: TraceVerbosity) -> bool {
        severity >= self.verbosity
    }

    /// Writes a line with its properties.
    pub fn record<'p>(&self, record: &TraceRecord<'_>, properties: impl Iterator<Item = (&'p str, &'p str)>) {
        self.queue.put(|line| write_line(line, record, properties));
    }

    /// Opens a file anew, for rotation (SIGHUP); other targets stay as they are.
    pub fn reopen(&self) {
        self.queue.reopen();
    }

    /// Waits until every line so far is written or dropped; `false` when the time is over before.
    pub fn flush(&self, timeout: Duration) -> bool {
        self.queue.flush(timeout)
    }

    /// How many lines were dropped.
    pub fn lost(&self) -> Lost {
        self.queue.lost()
    }
}

fn write_line<'p>(
    line: &mut Vec<u8>,
    record: &TraceRecord<'_>,
    properties: impl Iterator<Item = (&'p str, &'p str)>,
) {
    line.extend_from_slice(b"{\"time\":\"");
    rfc3339_millis(line, record.time_millis);
    line.push(b'"');
    let texts = [
        ("request_id", Some(record.request_id), LONGEST_TEXT),
        ("api", record.api, LONGEST_TEXT),
        ("operation", record.operation, LONGEST_TEXT),
        ("source", Some(record.source), LONGEST_TEXT),
        ("severity", Some(record.severity.as_str()), LONGEST_TEXT),
        ("message", Some(record.message), LONGEST_MESSAGE),
    ];
    for (name, text, limit) in texts {
        let Some(text) = text else { continue };
        line.extend_from_slice(b",\"");
        line.extend_from_slice(name.as_bytes());
        line.extend_from_slice(b"\":");
        json::string(line, text.as_bytes(), limit);
    }
    line.extend_from_slice(b",\"metadata\":{");
    for (index, (name, value)) in properties.take(100).enumerate() {
        if index > 0 {
            line.push(b',');
        }
        json::string(line, name.as_bytes(), LONGEST_TEXT);
        line.push(b':');
        json::string(line, value.as_bytes(), LONGEST_TEXT);
    }
    line.extend_from_slice(b"}}\n");
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_line_is_json_whatever_stands_in_it() {
        let record = TraceRecord {
            time_millis: 1_700_000_000_000,
            request_id: "r",
            api: Some("orders"),
            operation: None,
            source: "s",
            severity: TraceVerbosity::Error,
            message: "a\n\"b\"",
        };
        let mut line = Vec::new();
        write_line(&mut line, &record, [("k", "v\u{2028}"), ("l", "")].into_iter());
        assert_eq!(line.iter().position(|byte| *byte == b'\n'), Some(line.len() - 1));
        let read: serde_json::Value = serde_json::from_slice(&line).unwrap();
        assert_eq!((&read["message"], &read["severity"]), (&"a\n\"b\"".into(), &"error".into()));
        assert_eq!((&read["metadata"]["l"], read.get("operation")), (&"".into(), None));
        let mut line = Vec::new();
        write_line(&mut line, &TraceRecord { message: &"x".repeat(100_000), ..record }, std::iter::empty());
        assert!(line.len() < LONGEST_MESSAGE + 1024);
    }
}
