//! The data plane: listeners, TLS, zones, routing, the request pipeline and upstream pools.

#![forbid(unsafe_code)]

mod client;
pub mod connection;
mod credential_client;
pub mod events;
pub mod firewall;
mod forwarding_fields;
mod hop_by_hop;
mod http1;
mod http2;
pub mod listener;
pub mod pipeline;
mod read_ahead;
pub mod router;
pub mod snapshot;
pub mod tls;
pub mod upstream;

pub use self::credential_client::CredentialClient;

/// What fuzz targets look into from outside; no part of the interface.
#[doc(hidden)]
pub mod probe {
    pub use crate::http1::judge_head;
}
