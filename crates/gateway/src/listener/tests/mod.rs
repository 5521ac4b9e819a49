//! Listeners under test: real sockets, real TLS, raw bytes.

mod authority;
mod client;
mod floods;
mod framing;
mod handler;
mod harness;
mod http2;
mod idle;
mod limits;
mod redirect;
mod reload;
mod trust;
