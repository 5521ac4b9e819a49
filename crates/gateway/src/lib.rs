//! The data plane: listeners, TLS, zones, routing, the request pipeline and upstream pools.

#![forbid(unsafe_code)]

pub mod connection;
