//! `@streq`: the value is the text.

use super::{Argument, Captures, Expand, Operator};
use crate::macros::Macro;

#[derive(Debug)]
struct Streq(Macro);

pub(super) fn build(argument: &Argument<'_>) -> Result<Box<dyn Operator>, String> {
    Ok(Box::new(Streq(argument.expanded.clone())))
}

impl Operator for Streq {
    fn matches(&self, input: &[u8], context: &dyn Expand, _: &mut Captures) -> bool {
        let wanted = context.expand(&self.0);
        *input == *wanted
    }
}
