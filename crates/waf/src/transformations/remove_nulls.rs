//! `t:removeNulls`: drops NUL bytes.

use super::{Transformation, Trigger};
use crate::byte_class::ByteSet;

pub(super) const REMOVE_NULLS: Transformation =
    Transformation { trigger: Trigger::Bytes(ByteSet::of(b"\0")), apply };

fn apply(input: &[u8], output: &mut Vec<u8>) {
    output.extend(input.iter().filter(|byte| **byte != 0));
}
