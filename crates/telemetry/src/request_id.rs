//! Request ids.

use std::fmt;

/// The id of a request: a random UUID (RFC 9562, version 4) as text, kept in place.
#[derive(Clone, Copy, PartialEq, Eq, Hash)]
pub struct RequestId([u8; 36]);

impl RequestId {
    /// The id of 16 random bytes.
    pub fn from_random(mut bytes: [u8; 16]) -> Self {
        bytes[6] = bytes[6] & 0x0F | 0x40;
        bytes[8] = bytes[8] & 0x3F | 0x80;
        let mut text = [b'-'; 36];
        let mut at = 0;
        for (number, byte) in bytes.into_iter().enumerate() {
            if matches!(number, 4 | 6 | 8 | 10) {
                at += 1;
            }
            text[at] = HEX[(byte >> 4) as usize];
            text[at + 1] = HEX[(byte & 15) as usize];
            at += 2;
        }
        Self(text)
    }

    /// Its text, 36 characters.
    pub fn as_str(&self) -> &str {
        // Only ASCII is ever put in.
        std::str::from_utf8(&self.0).unwrap_or_default()
    }
}

impl fmt::Display for RequestId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

impl fmt::Debug for RequestId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

const HEX: &[u8; 16] = b"0123456789abcdef";

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_text_is_a_version_4_uuid() {
        assert_eq!(RequestId::from_random([0; 16]).as_str(), "00000000-0000-4000-8000-000000000000");
        assert_eq!(RequestId::from_random([0xFF; 16]).as_str(), "ffffffff-ffff-4fff-bfff-ffffffffffff");
        let counting = std::array::from_fn(|byte| byte as u8 * 0x11);
        assert_eq!(RequestId::from_random(counting).to_string(), "00112233-4455-4677-8899-aabbccddeeff");
    }
}
