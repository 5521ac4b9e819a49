//! `t:length`: the number of bytes, in decimal digits.

use super::{Transformation, Trigger};

pub(super) const LENGTH: Transformation = Transformation { trigger: Trigger::Always, apply };

fn apply(input: &[u8], output: &mut Vec<u8>) {
    output.extend_from_slice(itoa::Buffer::new().format(input.len()).as_bytes());
}
