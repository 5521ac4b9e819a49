//! `@validateUtf8Encoding`: the value is not UTF-8 (RFC 3629).

use super::{Argument, Captures, Expand, Operator};
use crate::byte_class::{ByteSet, Gate};

#[derive(Debug)]
struct ValidateUtf8Encoding;

pub(super) fn build(_: &Argument<'_>) -> Result<Box<dyn Operator>, String> {
    Ok(Box::new(ValidateUtf8Encoding))
}

impl Operator for ValidateUtf8Encoding {
    fn matches(&self, input: &[u8], _: &dyn Expand, _: &mut Captures) -> bool {
        std::str::from_utf8(input).is_err()
    }

    fn gate(&self) -> Gate {
        Gate::new(vec![ByteSet::range(0x80, 0xff)], 1)
    }
}
