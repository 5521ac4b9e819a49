//! What an instance says about its work: the access log, its own log, metrics, and the trace context that it
//! passes on. Nothing here blocks a request.

#![forbid(unsafe_code)]

pub mod access_log;
mod json;
pub mod log;
pub mod metrics;
mod queue;
mod random;
mod request_id;
mod timestamp;
pub mod trace_context;

pub use self::random::Random;
pub use self::request_id::RequestId;
pub use self::timestamp::rfc3339_millis;
