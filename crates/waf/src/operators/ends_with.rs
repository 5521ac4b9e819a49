//! `@endsWith`: the value ends with the text.

use super::{Argument, Captures, Expand, Operator};
use crate::macros::Macro;

#[derive(Debug)]
struct EndsWith(Macro);

pub(super) fn build(argument: &Argument<'_>) -> Result<Box<dyn Operator>, String> {
    Ok(Box::new(EndsWith(argument.expanded.clone())))
}

impl Operator for EndsWith {
    fn matches(&self, input: &[u8], context: &dyn Expand, _: &mut Captures) -> bool {
        let wanted = context.expand(&self.0);
        input.ends_with(&wanted)
    }
}
