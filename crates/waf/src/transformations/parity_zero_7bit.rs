//! `t:parityZero7bit`: clears the eighth bit of every byte.

use super::{Transformation, Trigger};

pub(super) const PARITY_ZERO_7BIT: Transformation = Transformation { trigger: Trigger::Always, apply };

fn apply(input: &[u8], output: &mut Vec<u8>) {
    output.extend(input.iter().map(|byte| byte & 0x7f));
}
