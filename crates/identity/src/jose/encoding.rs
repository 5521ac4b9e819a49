//! Base64url as RFC 7515 section 2 writes it: no padding, and one encoding for each value.

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;

/// Decodes base64url; `None` where it is padded, has white space or characters of base64, or where the bits after the
/// last byte are not zero (such texts would be second spellings of the same token).
pub fn decode_base64url(text: &str) -> Option<Vec<u8>> {
    URL_SAFE_NO_PAD.decode(text).ok()
}

/// Encodes bytes as base64url without padding.
pub fn encode_base64url(bytes: impl AsRef<[u8]>) -> String {
    URL_SAFE_NO_PAD.encode(bytes)
}
