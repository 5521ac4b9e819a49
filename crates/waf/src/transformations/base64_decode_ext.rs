//! `t:base64DecodeExt`: decodes Base64 and skips every byte outside the alphabet (RFC 2045), which a lenient decoder would do.

use super::base64_decode::{decode, digit};
use super::{Transformation, Trigger};
use crate::byte_class::ByteSet;

pub(super) const BASE64_DECODE_EXT: Transformation =
    Transformation { trigger: Trigger::Bytes(ByteSet::ALL), apply };

fn apply(input: &[u8], output: &mut Vec<u8>) {
    decode(input.iter().map(|byte| digit(*byte)), output);
}
