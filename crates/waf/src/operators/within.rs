//! `@within`: the value stands in the text.

use super::{Argument, Captures, Expand, Operator};
use crate::macros::Macro;

#[derive(Debug)]
struct Within(Macro);

pub(super) fn build(argument: &Argument<'_>) -> Result<Box<dyn Operator>, String> {
    Ok(Box::new(Within(argument.expanded.clone())))
}

impl Operator for Within {
    fn matches(&self, input: &[u8], context: &dyn Expand, _: &mut Captures) -> bool {
        let wanted = context.expand(&self.0);
        crate::text::find(&wanted, input).is_some()
    }
}
