//! What an instance says about its work: the access log, its own log, metrics, and the trace context that it
//! passes on. Nothing here blocks a request.

#![forbid(unsafe_code)]

mod access_log;
mod json;
mod log;
mod metrics;
mod queue;
mod random;
mod request_id;
mod timestamp;
mod trace_context;
mod trace_state;

pub use self::access_log::{AccessError, AccessLog, AccessLogError, AccessRecord};
pub use self::log::{Level, Log};
pub use self::metrics::{
    BackendFailure, BackendMetrics, HandshakeOutcome, Limit, ListenerMetrics, Metrics, OperationMetrics,
    RefusedConnection, RefusedRequest, RequestMeasure, TlsProtocol,
};
pub use self::queue::Lost;
pub use self::random::Random;
pub use self::request_id::RequestId;
pub use self::timestamp::rfc3339_millis;
pub use self::trace_context::{InvalidTraceParent, TraceContext};
pub use self::trace_state::bounded_trace_state;
