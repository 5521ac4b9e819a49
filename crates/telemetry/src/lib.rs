//! What an instance says about its work: the access log, its own log, metrics, and the trace context that it
//! passes on. Nothing here blocks a request.

#![forbid(unsafe_code)]

pub mod access_log;
mod json;
pub mod line_log;
pub mod log;
pub mod metrics;
mod queue;
mod timestamp;
pub mod trace_context;
pub mod trace_log;
pub mod waf_log;
