//! Who a caller is: facts about client certificates, and tokens.

#![forbid(unsafe_code)]

mod client_certificate;
mod distinguished_name;
pub mod jose;

pub use self::client_certificate::{ClientCertificate, InvalidCertificate};
