//! The `telemetry` block.

use std::path::PathBuf;

use serde_json::{Value, json};

use super::shapes::path;
use crate::Located;
use crate::tree::Node;
use crate::tree::decode::{Context, Shape, Show, boolean, record};

/// What the instance says about its work.
#[derive(Clone, Debug)]
pub struct Telemetry {
    /// Where access log lines go; `None`: nowhere.
    pub access_log: Option<LogTarget>,
    /// Whether metrics are kept.
    pub metrics: bool,
}

impl Default for Telemetry {
    fn default() -> Self {
        Self { access_log: Some(LogTarget::Stdout), metrics: true }
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
            fields.later("otlp");
            Some(Self { access_log, metrics })
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
