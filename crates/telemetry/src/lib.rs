//! Access log, metrics and request tracing.

#![forbid(unsafe_code)]
