//! The client side of the data plane: backends, their connection pools, circuit breakers and `WebSocket`s.
//!
//! At load, [`Backends::load`] compiles the backend entities and the TLS profiles of a configuration. It is immutable,
//! `Send + Sync`, and part of what a request sees as one whole. TLS profiles and breakers that a reload leaves as they
//! were are taken over from the previous value.
//!
//! Each core has its own [`Pools`], made once and kept across reloads. A request puts the two together in a
//! [`Client`], which costs nothing and implements [`gatehouse_policy::Upstream`]:
//!
//! ```ignore
//! let backends = Backends::load(&BackendSources { .. }, &mut diagnostics);      // at load
//! let pools = Pools::new(PoolLimits::for_cores(cores), Rc::new(observer));      // once a core, within a LocalSet
//! let client = Client { backends: &snapshot.backends, pools: &pools, clock, random, buffered_body_bytes };
//! let world = World { upstream: &client, .. };                                   // for each request
//! match client.connect_websocket(&mut exchange, &options).await? {               // for a WebSocket
//!     WebSocket::Open(response, tunnel) => /* send it, then copy_bidirectional */,
//!     WebSocket::Refused(response) => /* send it */,
//! }
//! ```
//!
//! What the exchange must hold: `request.url` relative to the backend's base path, and in `original_url.host` the host
//! that the client sent. A `Host` field that says something else was set by a policy and is sent to the backend;
//! otherwise the backend sees its own host.
//!
//! A body that streams can be sent once. A second `forward` without `buffer_request_body` ends in
//! [`gatehouse_policy::UpstreamError::RequestBody`].

mod answer;
mod backends;
mod balance;
mod breaker;
mod certificate_check;
mod client;
mod credentials;
mod expect;
mod failure;
mod guard;
mod observer;
mod outgoing;
mod payload;
mod pool;
mod redirect;
mod request_body;
mod request_head;
mod tls_profile;
mod trailers;
mod websocket;

pub use self::backends::{BackendSources, Backends, check_base_url};
pub use self::breaker::BreakerState;
pub use self::client::Client;
pub use self::credentials::Resolve;
pub use self::failure::Reason;
pub use self::observer::Observer;
pub use self::pool::{PoolLimits, Pools, Tunnel};
pub use self::tls_profile::credential_tls;
pub use self::websocket::WebSocket;

#[cfg(test)]
mod tests;
