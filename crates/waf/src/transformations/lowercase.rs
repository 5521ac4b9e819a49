//! `t:lowercase`: lowers the letters of ASCII.

use super::{Transformation, Trigger};
use crate::byte_class::ByteSet;

pub(super) const LOWERCASE: Transformation =
    Transformation { trigger: Trigger::Bytes(ByteSet::range(b'A', b'Z')), apply };

fn apply(input: &[u8], output: &mut Vec<u8>) {
    output.extend_from_slice(input);
    output.make_ascii_lowercase();
}
