//! `@validateUrlEncoding`: a `%` of the value has no two hexadecimal digits after it.

use super::{Argument, Captures, Expand, Operator};
use crate::byte_class::{ByteSet, Gate};
use crate::text::hex_pair;

#[derive(Debug)]
struct ValidateUrlEncoding;

pub(super) fn build(_: &Argument<'_>) -> Result<Box<dyn Operator>, String> {
    Ok(Box::new(ValidateUrlEncoding))
}

impl Operator for ValidateUrlEncoding {
    fn matches(&self, input: &[u8], _: &dyn Expand, _: &mut Captures) -> bool {
        memchr::memchr_iter(b'%', input).any(|at| hex_pair(&input[at + 1..]).is_none())
    }

    fn gate(&self) -> Gate {
        Gate::new(vec![ByteSet::of(b"%")], 1)
    }
}
