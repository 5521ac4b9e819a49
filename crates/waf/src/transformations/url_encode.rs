//! `t:urlEncode`: encodes everything but letters, digits and `*`, `-`, `.`, `_` as `%hh`, and the space as `+`.

use super::{Transformation, Trigger};

pub(super) const URL_ENCODE: Transformation = Transformation { trigger: Trigger::Always, apply };

pub(crate) fn apply(input: &[u8], output: &mut Vec<u8>) {
    const DIGITS: &[u8; 16] = b"0123456789abcdef";
    for &byte in input {
        match byte {
            b' ' => output.push(b'+'),
            b'*' | b'-' | b'.' | b'_' | b'0'..=b'9' | b'A'..=b'Z' | b'a'..=b'z' => output.push(byte),
            _ => output.extend([b'%', DIGITS[usize::from(byte >> 4)], DIGITS[usize::from(byte & 0xf)]]),
        }
    }
}
