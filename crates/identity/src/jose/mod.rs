//! JSON Object Signing and Encryption: signed tokens (RFC 7515), encrypted ones (RFC 7516), keys (RFC 7517) and their
//! algorithms (RFC 7518, 8037, 9864), strict as RFC 8725 wants it.
//!
//! What a token may be verified with is decided by the **key**, never by the token: a key names its algorithms, and the
//! token's `alg` must be one of them. No key, address or certificate that stands in a token is ever looked at. Members
//! that stand twice, `crit`, `b64`, `zip`, padded or otherwise unusual base64url, and every serialization but the compact
//! one are refused.

mod algorithm;
mod content;
mod decryption_key;
mod encoding;
mod error;
mod json;
mod jwe;
mod jwk;
mod jws;
mod key_management;
mod key_set;
mod roca;
mod verification_key;

pub use self::algorithm::{ContentEncryption, KeyManagement, SignatureAlgorithm};
pub use self::decryption_key::DecryptionKey;
pub use self::encoding::{decode_base64url, encode_base64url};
pub use self::error::JoseError;
pub use self::json::{Json, parse_json};
pub use self::jwe::EncryptedToken;
pub use self::jwk::{InvalidKey, Jwk};
pub use self::jws::SignedToken;
pub use self::key_set::{KeySet, SkippedKey};
pub use self::verification_key::VerificationKey;

/// The longest token that is looked at, in bytes.
pub const MAX_TOKEN_BYTES: usize = 16 * 1024;

/// The longest header of a token, in characters of its base64url form. What real issuers write is below 1 KB, with a
/// certificate chain below 8.
const MAX_HEADER_CHARS: usize = 8 * 1024;

/// How many keys are tried for a token that names none: each try costs a signature verification.
const MAX_TRIES: usize = 16;

#[cfg(test)]
mod tests;
