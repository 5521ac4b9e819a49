//! What the tests share: certificates, folders, the running binary, clients and backends.

pub mod authority;
pub mod backend;
pub mod client;
pub mod gateway;
pub mod keep_alive;
pub mod landing;
pub mod openid_provider;
pub mod peers;
pub mod proxy;
pub mod raw;
pub mod tls_backend;

pub use authority::Authority;
pub use backend::Backend;
pub use client::{Answer, Client};
pub use gateway::{Gateway, gatehouse};
pub use keep_alive::Load;
pub use landing::{Api, Landing};
pub use openid_provider::OpenIdProvider;
pub use proxy::Proxy;
pub use raw::{RawBackend, RawClient, eventually, resident_kib};
pub use tls_backend::TlsBackend;
