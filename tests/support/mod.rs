//! What the tests share: certificates, folders, the running binary, clients and backends.

pub mod authority;
pub mod backend;
pub mod client;
pub mod gateway;
pub mod landing;

pub use authority::Authority;
pub use backend::Backend;
pub use client::{Answer, Client};
pub use gateway::{Gateway, gatehouse};
pub use landing::{Api, Landing};
