//! `@containsWord`: the text stands in the value, with no letter, digit or `_` right before or after it.

use super::{Argument, Captures, Expand, Operator};
use crate::macros::Macro;

#[derive(Debug)]
struct ContainsWord(Macro);

pub(super) fn build(argument: &Argument<'_>) -> Result<Box<dyn Operator>, String> {
    Ok(Box::new(ContainsWord(argument.expanded.clone())))
}

impl Operator for ContainsWord {
    fn matches(&self, input: &[u8], context: &dyn Expand, _: &mut Captures) -> bool {
        let wanted = context.expand(&self.0);
        if wanted.is_empty() {
            return true;
        }
        let part_of_word =
            |byte: Option<&u8>| byte.is_some_and(|byte| byte.is_ascii_alphanumeric() || *byte == b'_');
        memchr::memmem::find_iter(input, &*wanted).any(|at| {
            let before = at.checked_sub(1).and_then(|before| input.get(before));
            !part_of_word(before) && !part_of_word(input.get(at + wanted.len()))
        })
    }
}
