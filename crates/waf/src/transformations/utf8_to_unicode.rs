//! `t:utf8toUnicode`: writes every sequence of UTF-8 above ASCII as `%uhhhh`; bytes that are none stay.

use super::{Transformation, Trigger};
use crate::byte_class::ByteSet;

pub(super) const UTF8_TO_UNICODE: Transformation =
    Transformation { trigger: Trigger::Bytes(ByteSet::range(0x80, 0xff)), apply };

fn apply(input: &[u8], output: &mut Vec<u8>) {
    let mut rest = input;
    while let Some(first) = rest.first() {
        let length = sequence(rest);
        if length > 1 {
            let point = rest[1..length]
                .iter()
                .fold(u32::from(first & (0x7f >> length)), |point, byte| point << 6 | u32::from(byte & 0x3f));
            push_escape(point, output);
        } else {
            output.push(*first);
        }
        rest = &rest[length..];
    }
}

/// How many bytes the sequence at the start has; 1 where none begins, or one too long for its code point.
fn sequence(bytes: &[u8]) -> usize {
    let length = match bytes.first() {
        Some(0xc2..=0xdf) => 2,
        Some(0xe0..=0xef) => 3,
        Some(0xf0..=0xf4) => 4,
        _ => return 1,
    };
    match bytes.get(1..length) {
        Some(tail) if tail.iter().all(|byte| byte & 0xc0 == 0x80) => match (bytes[0], tail[0]) {
            (0xe0, ..=0x9f) | (0xf0, ..=0x8f) | (0xf4, 0x90..) => 1,
            _ => length,
        },
        _ => 1,
    }
}

fn push_escape(point: u32, output: &mut Vec<u8>) {
    const DIGITS: &[u8; 16] = b"0123456789abcdef";
    output.extend_from_slice(b"%u");
    let digits = if point > 0xffff { 5 } else { 4 };
    for digit in (0..digits).rev() {
        output.push(DIGITS[(point >> (4 * digit) & 0xf) as usize]);
    }
}
