//! `t:parityEven7bit`: sets the eighth bit so that the number of set bits is even of every byte.

use super::{Transformation, Trigger};

pub(super) const PARITY_EVEN_7BIT: Transformation = Transformation { trigger: Trigger::Always, apply };

fn apply(input: &[u8], output: &mut Vec<u8>) {
    output.extend(
        input.iter().map(|byte| (byte & 0x7f) | if (byte & 0x7f).count_ones() % 2 == 1 { 0x80 } else { 0 }),
    );
}
