//! `t:trim`: drops white space at both ends.

use super::{Transformation, Trigger};
use crate::byte_class::ByteSet;

pub(super) const TRIM: Transformation =
    Transformation { trigger: Trigger::Bytes(ByteSet::of(b" \t\n\x0b\x0c\r")), apply };

fn apply(input: &[u8], output: &mut Vec<u8>) {
    output.extend_from_slice(crate::text::trim(input));
}
