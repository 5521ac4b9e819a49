//! `t:hexEncode`: writes every byte as two hexadecimal digits.

use super::{Transformation, Trigger};

pub(super) const HEX_ENCODE: Transformation = Transformation { trigger: Trigger::Always, apply };

fn apply(input: &[u8], output: &mut Vec<u8>) {
    const DIGITS: &[u8; 16] = b"0123456789abcdef";
    for byte in input {
        output.push(DIGITS[usize::from(byte >> 4)]);
        output.push(DIGITS[usize::from(byte & 0xf)]);
    }
}
