//! `t:removeComments`: drops comments: `/* … */`, `<!-- … -->`, and `--` or `#` with all that follows.

use super::{Transformation, Trigger};
use crate::byte_class::ByteSet;
use crate::text::find;

pub(super) const REMOVE_COMMENTS: Transformation =
    Transformation { trigger: Trigger::Bytes(ByteSet::of(b"/<-#")), apply };

fn apply(input: &[u8], output: &mut Vec<u8>) {
    let mut rest = input;
    while let [first, tail @ ..] = rest {
        let end: Option<&[u8]> = match rest {
            [b'/', b'*', ..] => Some(b"*/"),
            [b'<', b'!', b'-', b'-', ..] => Some(b"-->"),
            _ => None,
        };
        if let Some(end) = end {
            rest = find(&rest[2..], end).map_or(&[][..], |at| &rest[2 + at + end.len()..]);
        } else if rest.starts_with(b"--") || *first == b'#' {
            return;
        } else {
            output.push(*first);
            rest = tail;
        }
    }
}
