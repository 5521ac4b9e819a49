//! `t:sha1`: the SHA-1 hash, as 20 raw bytes.

use super::{Transformation, Trigger};
use aws_lc_rs::digest;

pub(super) const SHA1: Transformation = Transformation { trigger: Trigger::Always, apply };

fn apply(input: &[u8], output: &mut Vec<u8>) {
    output.extend_from_slice(digest::digest(&digest::SHA1_FOR_LEGACY_USE_ONLY, input).as_ref());
}
