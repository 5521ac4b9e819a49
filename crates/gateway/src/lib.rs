//! The data plane: listeners, TLS, zones, routing, the request pipeline and upstream pools.

#![forbid(unsafe_code)]

mod client;
pub mod connection;
mod hop_by_hop;
mod http1;
mod http2;
pub mod listener;
pub mod pipeline;
pub mod router;
pub mod snapshot;
pub mod tls;
pub mod upstream;
