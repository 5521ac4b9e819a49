//! `t:removeWhitespace`: drops white space, the no-break space of Latin-1 included.

use super::{Transformation, Trigger};
use crate::byte_class::ByteSet;
use crate::text::is_space;

pub(super) const REMOVE_WHITESPACE: Transformation =
    Transformation { trigger: Trigger::Bytes(ByteSet::of(b" \t\n\x0b\x0c\r\xa0")), apply };

fn apply(input: &[u8], output: &mut Vec<u8>) {
    output.extend(input.iter().filter(|byte| !is_space(**byte) && **byte != 0xa0));
}
