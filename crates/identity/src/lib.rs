//! Who a caller is: facts about client certificates, and tokens.

#![forbid(unsafe_code)]

mod client_certificate;
mod distinguished_name;
pub mod dpop;
pub mod issuer;
pub mod jose;
mod replay;

pub use self::client_certificate::{ClientCertificate, InvalidCertificate};
pub use self::replay::{Novelty, ReplayCache};
