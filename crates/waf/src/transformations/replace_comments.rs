//! `t:replaceComments`: turns every `/* … */` into one space; one that never ends takes the rest with it.

use super::{Transformation, Trigger};
use crate::byte_class::ByteSet;
use crate::text::find;

pub(super) const REPLACE_COMMENTS: Transformation =
    Transformation { trigger: Trigger::Bytes(ByteSet::of(b"/")), apply };

fn apply(input: &[u8], output: &mut Vec<u8>) {
    let mut rest = input;
    while let Some(start) = find(rest, b"/*") {
        output.extend_from_slice(&rest[..start]);
        output.push(b' ');
        rest = find(&rest[start + 2..], b"*/").map_or(&[][..], |end| &rest[start + 2 + end + 2..]);
    }
    output.extend_from_slice(rest);
}
