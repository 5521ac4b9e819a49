//! `t:urlDecode`: decodes `%HH` and `+`; what is no valid escape stays.

use super::{Transformation, Trigger};
use crate::byte_class::ByteSet;
use crate::text::hex_pair;

pub(super) const URL_DECODE: Transformation =
    Transformation { trigger: Trigger::Bytes(ByteSet::of(b"%+")), apply };

/// Decodes `%HH` and `+` as forms have them.
pub(crate) fn apply(input: &[u8], output: &mut Vec<u8>) {
    let mut rest = input;
    while let [first, tail @ ..] = rest {
        rest = match (first, hex_pair(tail)) {
            (b'%', Some(byte)) => {
                output.push(byte);
                &tail[2..]
            }
            (b'+', _) => {
                output.push(b' ');
                tail
            }
            _ => {
                output.push(*first);
                tail
            }
        };
    }
}
