//! `t:normalizePathWin`: turns `\` into `/`, then does what `normalizePath` does.

use super::normalize_path::normalize;
use super::{Transformation, Trigger};
use crate::byte_class::ByteSet;

pub(super) const NORMALIZE_PATH_WIN: Transformation =
    Transformation { trigger: Trigger::Bytes(ByteSet::of(b"/\\.")), apply };

fn apply(input: &[u8], output: &mut Vec<u8>) {
    let slashed: Vec<u8> = input.iter().map(|byte| if *byte == b'\\' { b'/' } else { *byte }).collect();
    normalize(&slashed, output);
}
