//! The `telemetry` block.

use std::path::PathBuf;

use serde_json::{Value, json};

use super::shapes::path;
use crate::Located;
use crate::tree::Node;
use crate::tree::decode::{Context, Shape, Show, boolean, choice, integer, record};

/// What the instance says about its work.
#[derive(Clone, Debug)]
pub struct Telemetry {
    /// Where access log lines go; `None`: nowhere.
    pub access_log: Option<LogTarget>,
    /// Whether metrics are kept.
    pub metrics: bool,
    /// Series that the metrics of policies may have together; default 1 000.
    pub custom_series: usize,
    /// Where lines of `trace` policies go; default standard error. `None`: nowhere.
    pub trace_log: Option<LogTarget>,
    /// The least severity of lines that are written; default `information`.
    pub trace_verbosity: TraceVerbosity,
}

/// How much a line of a `trace` policy matters, the least first.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
#[allow(missing_docs)]
pub enum TraceVerbosity {
    Verbose,
    Information,
    Error,
}

impl TraceVerbosity {
    /// Its word.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Verbose => "verbose",
            Self::Information => "information",
            Self::Error => "error",
        }
    }
}

const VERBOSITIES: &[(&str, TraceVerbosity)] = &[
    ("verbose", TraceVerbosity::Verbose),
    ("information", TraceVerbosity::Information),
    ("error", TraceVerbosity::Error),
];

impl Default for Telemetry {
    fn default() -> Self {
        Self {
            access_log: Some(LogTarget::Stdout),
            metrics: true,
            custom_series: 1000,
            trace_log: Some(LogTarget::Stderr),
            trace_verbosity: TraceVerbosity::Information,
        }
    }
}

/// Where log lines go.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum LogTarget {
    /// Standard output.
    Stdout,
    /// Standard error.
    Stderr,
    /// A file that is appended to, and opened anew on SIGHUP.
    File(Located<PathBuf>),
}

impl Telemetry {
    pub(super) fn shape() -> impl Shape<Value = Self> {
        record("telemetry", |fields| {
            let default = Self::default();
            let access_log = fields.or(
                "access_log",
                LogAddress,
                default.access_log,
                "Where access log lines go: `stdout`, `stderr`, `off`, or the path of a file.",
            );
            let metrics = fields.or("metrics", boolean(), default.metrics, "Whether metrics are kept.");
            let custom_series = fields.or(
                "custom_series",
                integer(0..=1_000_000),
                default.custom_series as u64,
                "Series that the metrics of policies may have together. Values above are dropped and counted.",
            );
            let trace_log = fields.or(
                "trace_log",
                LogAddress,
                default.trace_log,
                "Where lines of `trace` policies go: `stdout`, `stderr`, `off`, or the path of a file.",
            );
            let trace_verbosity = fields.or(
                "trace_verbosity",
                choice(VERBOSITIES),
                default.trace_verbosity,
                "The least severity of the lines of `trace` policies that are written.",
            );
            fields.later("otlp");
            let custom_series = custom_series as usize;
            Some(Self { access_log, metrics, custom_series, trace_log, trace_verbosity })
        })
    }
}

/// Where log lines go, or `off`.
struct LogAddress;

impl Shape for LogAddress {
    type Value = Option<LogTarget>;

    fn decode(&self, node: &Node, context: &mut Context) -> Option<Option<LogTarget>> {
        match node.as_str() {
            Some("off") => Some(None),
            Some("stdout") => Some(Some(LogTarget::Stdout)),
            Some("stderr") => Some(Some(LogTarget::Stderr)),
            Some(_) => path().decode(node, context).map(|file| Some(LogTarget::File(file))),
            None => {
                context.wrong_type(node, &self.expected());
                None
            }
        }
    }

    fn expected(&self) -> String {
        "stdout, stderr, off or a path".to_owned()
    }

    fn expected_entries(&self) -> String {
        self.expected()
    }

    fn schema(&self) -> Value {
        json!({ "anyOf": [{ "enum": ["stdout", "stderr", "off"] }, path().schema()] })
    }
}

impl Show for LogAddress {
    fn show(&self, value: &Option<LogTarget>) -> Value {
        match value {
            None => json!("off"),
            Some(LogTarget::Stdout) => json!("stdout"),
            Some(LogTarget::Stderr) => json!("stderr"),
            Some(LogTarget::File(path)) => json!(path.value),
        }
    }
}
