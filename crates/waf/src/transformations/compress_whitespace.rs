//! `t:compressWhitespace`: turns runs of white space, the no-break space of Latin-1 included, into one space.

use super::{Transformation, Trigger};
use crate::byte_class::ByteSet;
use crate::text::is_space;

pub(super) const COMPRESS_WHITESPACE: Transformation =
    Transformation { trigger: Trigger::Bytes(ByteSet::of(b" \t\n\x0b\x0c\r\xa0")), apply };

fn apply(input: &[u8], output: &mut Vec<u8>) {
    let mut after_space = false;
    for &byte in input {
        let space = is_space(byte) || byte == 0xa0;
        match (space, after_space) {
            (true, false) => output.push(b' '),
            (true, true) => {}
            (false, _) => output.push(byte),
        }
        after_space = space;
    }
}
