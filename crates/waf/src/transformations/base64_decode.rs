//! `t:base64Decode`: decodes Base64 (RFC 4648 section 4) up to the first byte outside the alphabet.

use super::{Transformation, Trigger};
use crate::byte_class::ByteSet;

pub(super) const BASE64_DECODE: Transformation =
    Transformation { trigger: Trigger::Bytes(ByteSet::ALL), apply };

fn apply(input: &[u8], output: &mut Vec<u8>) {
    decode(
        input
            .iter()
            .copied()
            .map_while(|byte| digit(byte).map(Some).or((byte == b'\n' || byte == b'\r').then_some(None))),
        output,
    );
}

/// Turns digits of six bits into bytes; `None` is skipped. What is left of the last byte is dropped.
pub(super) fn decode(digits: impl Iterator<Item = Option<u8>>, output: &mut Vec<u8>) {
    let mut bits = 0_u32;
    let mut count = 0;
    for value in digits.flatten() {
        bits = bits << 6 | u32::from(value);
        count += 6;
        if count >= 8 {
            count -= 8;
            output.push((bits >> count) as u8);
        }
    }
}

/// The value of a digit of Base64.
pub(super) const fn digit(byte: u8) -> Option<u8> {
    match byte {
        b'A'..=b'Z' => Some(byte - b'A'),
        b'a'..=b'z' => Some(byte - b'a' + 26),
        b'0'..=b'9' => Some(byte - b'0' + 52),
        b'+' => Some(62),
        b'/' => Some(63),
        _ => None,
    }
}
