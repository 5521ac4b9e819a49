//! `@beginsWith`: the value begins with the text.

use super::{Argument, Captures, Expand, Operator};
use crate::macros::Macro;

#[derive(Debug)]
struct BeginsWith(Macro);

pub(super) fn build(argument: &Argument<'_>) -> Result<Box<dyn Operator>, String> {
    Ok(Box::new(BeginsWith(argument.expanded.clone())))
}

impl Operator for BeginsWith {
    fn matches(&self, input: &[u8], context: &dyn Expand, _: &mut Captures) -> bool {
        let wanted = context.expand(&self.0);
        input.starts_with(&wanted)
    }
}
