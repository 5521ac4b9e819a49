//! `t:base64Encode`: encodes as Base64 with padding (RFC 4648 section 4).

use super::{Transformation, Trigger};

pub(super) const BASE64_ENCODE: Transformation = Transformation { trigger: Trigger::Always, apply };

const DIGITS: &[u8; 64] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";

fn apply(input: &[u8], output: &mut Vec<u8>) {
    for chunk in input.chunks(3) {
        let byte = |at: usize| u32::from(chunk.get(at).copied().unwrap_or(0));
        let bits = byte(0) << 16 | byte(1) << 8 | byte(2);
        for digit in 0..4 {
            if digit <= chunk.len() {
                output.push(DIGITS[(bits >> (18 - 6 * digit) & 0x3f) as usize]);
            } else {
                output.push(b'=');
            }
        }
    }
}
