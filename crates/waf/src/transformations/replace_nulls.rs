//! `t:replaceNulls`: turns NUL bytes into spaces.

use super::{Transformation, Trigger};
use crate::byte_class::ByteSet;

pub(super) const REPLACE_NULLS: Transformation =
    Transformation { trigger: Trigger::Bytes(ByteSet::of(b"\0")), apply };

fn apply(input: &[u8], output: &mut Vec<u8>) {
    output.extend(input.iter().map(|byte| if *byte == 0 { b' ' } else { *byte }));
}
