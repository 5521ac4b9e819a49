//! `@detectXSS`: libinjection finds active HTML in the value.

use super::{Argument, CALL, Captures, Expand, Operator};
use crate::byte_class::{ByteSet, Gate};

#[derive(Debug)]
struct DetectXss;

pub(super) fn build(argument: &Argument<'_>) -> Result<Box<dyn Operator>, String> {
    if !argument.text.trim().is_empty() {
        return Err("@detectXSS takes no argument".to_owned());
    }
    Ok(Box::new(DetectXss))
}

impl Operator for DetectXss {
    fn matches(&self, input: &[u8], _: &dyn Expand, _: &mut Captures) -> bool {
        libinjectionrs::detect_xss(input).is_injection()
    }

    /// Tags, comments and declarations begin with `<`; attributes have `=`.
    fn gate(&self) -> Gate {
        Gate::new(vec![ByteSet::of(b"<=")], 2)
    }

    fn work(&self, input: &[u8]) -> u64 {
        (input.len() as u64 + CALL) * 16
    }
}
