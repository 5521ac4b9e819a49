//! `t:hexDecode`: decodes pairs of hexadecimal digits; stops at the first that is none.

use super::{Transformation, Trigger};
use crate::text::hex_pair;

pub(super) const HEX_DECODE: Transformation = Transformation { trigger: Trigger::Always, apply };

fn apply(input: &[u8], output: &mut Vec<u8>) {
    output.extend(input.chunks(2).map_while(hex_pair));
}
