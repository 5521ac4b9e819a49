//! `@unconditionalMatch`: always matches.

use super::{Argument, Captures, Expand, Operator};

#[derive(Debug)]
struct UnconditionalMatch;

pub(super) fn build(_: &Argument<'_>) -> Result<Box<dyn Operator>, String> {
    Ok(Box::new(UnconditionalMatch))
}

impl Operator for UnconditionalMatch {
    fn matches(&self, _: &[u8], _: &dyn Expand, _: &mut Captures) -> bool {
        true
    }
}
