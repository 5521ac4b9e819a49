//! `t:normalizePath`: removes `//`, `/./` and `/../` with what it goes back over.

use super::{Transformation, Trigger};
use crate::byte_class::ByteSet;

pub(super) const NORMALIZE_PATH: Transformation =
    Transformation { trigger: Trigger::Bytes(ByteSet::of(b"/.")), apply };

fn apply(input: &[u8], output: &mut Vec<u8>) {
    normalize(input, output);
}

/// Writes the path without repeated slashes, self references and back references. A relative path keeps the back
/// references that lead out of it; an absolute one has none.
pub(super) fn normalize(input: &[u8], output: &mut Vec<u8>) {
    let absolute = input.first() == Some(&b'/');
    let directory = matches!(input, [.., b'/'] | [.., b'/', b'.'] | [.., b'/', b'.', b'.']);
    let start = output.len();
    // Where each segment of the output begins that a back reference may remove.
    let mut segments: smallvec::SmallVec<[usize; 16]> = smallvec::SmallVec::new();
    for segment in input.split(|byte| *byte == b'/').filter(|segment| !segment.is_empty() && *segment != b".")
    {
        if segment == b".." {
            if let Some(at) = segments.pop() {
                output.truncate(at);
                continue;
            }
            if absolute {
                continue;
            }
        }
        let at = output.len();
        if absolute || at > start {
            output.push(b'/');
        }
        output.extend_from_slice(segment);
        if segment != b".." {
            segments.push(at);
        }
    }
    if directory && (output.len() > start || absolute) && output.last() != Some(&b'/') {
        output.push(b'/');
    }
}
