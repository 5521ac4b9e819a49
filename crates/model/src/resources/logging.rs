//! Loggers and diagnostics: kept for the policies and the telemetry that use them.

use std::collections::BTreeMap;

use secrecy::SecretString;
use serde_json::Value;

use crate::{Located, Location};

/// A logger.
#[derive(Clone, Debug)]
pub struct Logger {
    /// Resource name: what `logger-id` names.
    pub name: String,
    /// `applicationInsights`, `azureEventHub` or `azureMonitor`.
    pub kind: String,
    /// Whether records are buffered.
    pub is_buffered: bool,
    /// How the sink is reached; values may hold `{{named values}}`.
    pub credentials: BTreeMap<String, SecretString>,
    /// Where it stands.
    pub location: Location,
}

/// A diagnostic: what is logged about requests, and where.
#[derive(Clone, Debug)]
pub struct Diagnostic {
    /// Resource name.
    pub name: String,
    /// The logger's resource name.
    pub logger: Located<String>,
    /// `verbose`, `information` or `error`.
    pub verbosity: String,
    /// Per cent of requests that are logged.
    pub sampling: f64,
    /// Whether the client's address is logged.
    pub log_client_ip: bool,
    /// Everything else as written: headers, bytes and masking of both sides.
    pub settings: Value,
    /// Where it stands.
    pub location: Location,
}
