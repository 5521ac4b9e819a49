//! `@contains` and `@strmatch`: the text stands in the value.

use super::{Argument, Captures, Expand, Operator};
use crate::macros::Macro;

#[derive(Debug)]
struct Contains(Macro);

pub(super) fn build(argument: &Argument<'_>) -> Result<Box<dyn Operator>, String> {
    Ok(Box::new(Contains(argument.expanded.clone())))
}

impl Operator for Contains {
    fn matches(&self, input: &[u8], context: &dyn Expand, _: &mut Captures) -> bool {
        let wanted = context.expand(&self.0);
        crate::text::find(input, &wanted).is_some()
    }
}
