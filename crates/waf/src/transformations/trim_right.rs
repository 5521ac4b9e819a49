//! `t:trimRight`: drops white space at the end.

use super::{Transformation, Trigger};
use crate::byte_class::ByteSet;
use crate::text::is_space;

pub(super) const TRIM_RIGHT: Transformation =
    Transformation { trigger: Trigger::Bytes(ByteSet::of(b" \t\n\x0b\x0c\r")), apply };

fn apply(input: &[u8], output: &mut Vec<u8>) {
    output.extend_from_slice(
        input.iter().rposition(|byte| !is_space(*byte)).map_or(&[][..], |last| &input[..=last]),
    );
}
