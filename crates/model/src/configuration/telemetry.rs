//! The `telemetry` block.

use std::path::PathBuf;

use crate::Located;

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
