//! `t:uppercase`: raises the letters of ASCII.

use super::{Transformation, Trigger};
use crate::byte_class::ByteSet;

pub(super) const UPPERCASE: Transformation =
    Transformation { trigger: Trigger::Bytes(ByteSet::range(b'a', b'z')), apply };

fn apply(input: &[u8], output: &mut Vec<u8>) {
    output.extend_from_slice(input);
    output.make_ascii_uppercase();
}
