//! `@verifyCC`: the pattern finds a number in the value that ends in the check digit of a payment card.

use super::luhn::valid;
use super::rx::Linear;
use super::{Argument, Captures, Expand, Operator};

#[derive(Debug)]
struct VerifyCc(Linear);

pub(super) fn build(argument: &Argument<'_>) -> Result<Box<dyn Operator>, String> {
    Ok(Box::new(VerifyCc(Linear::new(argument.constant("verifyCC")?)?)))
}

impl Operator for VerifyCc {
    fn matches(&self, input: &[u8], _: &dyn Expand, captures: &mut Captures) -> bool {
        let found = self.0.find_iter(input).find(|(start, end)| valid(&input[*start..*end]));
        if let Some((start, end)) = found
            && captures.wanted
        {
            captures.push_range(start, end);
        }
        found.is_some()
    }
}
