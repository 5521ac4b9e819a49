//! `@noMatch`: never matches.

use super::{Argument, Captures, Expand, Operator};

#[derive(Debug)]
struct NoMatch;

pub(super) fn build(_: &Argument<'_>) -> Result<Box<dyn Operator>, String> {
    Ok(Box::new(NoMatch))
}

impl Operator for NoMatch {
    fn matches(&self, _: &[u8], _: &dyn Expand, _: &mut Captures) -> bool {
        false
    }
}
