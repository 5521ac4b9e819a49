//! The trace that a request belongs to (W3C Trace Context, <https://www.w3.org/TR/trace-context/>).

mod parent;
mod propagate;
mod state;

pub use self::parent::{InvalidTraceParent, TraceContext};
