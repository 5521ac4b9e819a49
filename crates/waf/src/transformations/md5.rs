//! `t:md5`: the MD5 hash, as 16 raw bytes.

use super::{Transformation, Trigger};
use ::md5::{Digest, Md5};

pub(super) const MD5: Transformation = Transformation { trigger: Trigger::Always, apply };

fn apply(input: &[u8], output: &mut Vec<u8>) {
    output.extend_from_slice(&Md5::digest(input));
}
