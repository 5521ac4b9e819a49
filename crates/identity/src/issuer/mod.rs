//! Issuers of tokens: their metadata (`OpenID` Connect Discovery 1.0), their keys, and when both are fetched.

mod metadata;
mod source;

pub use self::metadata::{InvalidMetadata, IssuerMetadata, vouched_issuer};
pub use self::source::{IssuerKeys, IssuerSource, Lookup, Refresh, SourceKind};

/// The longest metadata document or key set that is read, in bytes.
pub const MAX_DOCUMENT_BYTES: usize = 256 * 1024;
