//! The data plane: listeners, TLS, zones, routing, the request pipeline and upstream pools.

#![forbid(unsafe_code)]

mod client;
pub mod connection;
mod http1;
mod http2;
pub mod listener;
pub mod tls;
pub mod upstream;
pub mod pipeline;
mod router;
pub mod snapshot;
