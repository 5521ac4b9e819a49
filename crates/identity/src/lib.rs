//! Who a caller is: facts about client certificates.

#![forbid(unsafe_code)]

mod client_certificate;
mod distinguished_name;

pub use self::client_certificate::{ClientCertificate, InvalidCertificate};
