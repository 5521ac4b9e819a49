//! Listeners under test: real sockets, real TLS, raw bytes.

mod authority;
mod client;
mod framing;
mod handler;
mod harness;
