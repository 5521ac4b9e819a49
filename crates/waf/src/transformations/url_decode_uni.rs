//! `t:urlDecodeUni`: decodes `%HH`, `+` and the `%uHHHH` of Internet Information Services, whose full-width forms become ASCII.

use super::{Transformation, Trigger};
use crate::byte_class::ByteSet;
use crate::text::{hex, hex_pair};

pub(super) const URL_DECODE_UNI: Transformation =
    Transformation { trigger: Trigger::Bytes(ByteSet::of(b"%+")), apply };

fn apply(input: &[u8], output: &mut Vec<u8>) {
    let mut rest = input;
    while let [first, tail @ ..] = rest {
        let escape = if *first == b'%' { escape(tail) } else { None };
        rest = match (first, escape) {
            (_, Some((byte, length))) => {
                output.push(byte);
                &tail[length..]
            }
            (b'+', None) => {
                output.push(b' ');
                tail
            }
            (_, None) => {
                output.push(*first);
                tail
            }
        };
    }
}

/// The byte of the escape after a percent sign and how many bytes it takes.
fn escape(tail: &[u8]) -> Option<(u8, usize)> {
    if let [b'u' | b'U', digits @ ..] = tail {
        return low_byte(digits).map(|byte| (byte, 5));
    }
    hex_pair(tail).map(|byte| (byte, 2))
}

/// The low byte of the code point of four hexadecimal digits; U+FF01 to U+FF5E are ASCII in full width.
pub(super) fn low_byte(digits: &[u8]) -> Option<u8> {
    let [a, b, c, d, ..] = digits else { return None };
    let high = hex(*a)? << 4 | hex(*b)?;
    let low = hex(*c)? << 4 | hex(*d)?;
    Some(if high == 0xff && (0x01..=0x5e).contains(&low) { low + 0x20 } else { low })
}
