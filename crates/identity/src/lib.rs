//! Who a caller is: facts about client certificates, and tokens.

#![forbid(unsafe_code)]

pub mod authorization;
mod client_certificate;
mod distinguished_name;
pub mod dpop;
pub mod http_client;
pub mod issuer;
pub mod jose;
pub mod managed;
mod replay;

pub use self::client_certificate::{ClientCertificate, InvalidCertificate, Standing, thumbprints};
pub use self::distinguished_name::DistinguishedName;
pub use self::replay::{Novelty, ReplayCache};
