//! `t:removeCommentsChar`: drops the characters that begin and end comments: `/*`, `*/`, `<!--`, `-->`, `--`, `#`.

use super::{Transformation, Trigger};
use crate::byte_class::ByteSet;

pub(super) const REMOVE_COMMENTS_CHAR: Transformation =
    Transformation { trigger: Trigger::Bytes(ByteSet::of(b"/*<-#")), apply };

fn apply(input: &[u8], output: &mut Vec<u8>) {
    let mut rest = input;
    while let [first, tail @ ..] = rest {
        rest = match rest {
            [b'<', b'!', b'-', b'-', after @ ..]
            | [b'-', b'-', b'>', after @ ..]
            | [b'/', b'*', after @ ..]
            | [b'*', b'/', after @ ..]
            | [b'-', b'-', after @ ..]
            | [b'#', after @ ..] => after,
            _ => {
                output.push(*first);
                tail
            }
        };
    }
}
