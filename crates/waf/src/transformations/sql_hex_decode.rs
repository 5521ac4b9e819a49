//! `t:sqlHexDecode`: decodes the hexadecimal literals of SQL: `0x414243` becomes `ABC`.

use super::{Transformation, Trigger};
use crate::byte_class::ByteSet;
use crate::text::hex_pair;

pub(super) const SQL_HEX_DECODE: Transformation =
    Transformation { trigger: Trigger::Bytes(ByteSet::of(b"xX")), apply };

fn apply(input: &[u8], output: &mut Vec<u8>) {
    let mut rest = input;
    while let [first, tail @ ..] = rest {
        if let [b'0', b'x' | b'X', digits @ ..] = rest
            && let length = digits.chunks(2).map_while(hex_pair).count()
            && length > 0
        {
            output.extend(digits.chunks(2).map_while(hex_pair));
            rest = &digits[2 * length..];
        } else {
            output.push(*first);
            rest = tail;
        }
    }
}
