//! `@validateByteRange`: a byte of the value is outside the ranges. `TX:0` stays as it is.

use super::{Argument, Captures, Expand, Operator};

struct ValidateByteRange {
    allowed: [bool; 256],
}

impl std::fmt::Debug for ValidateByteRange {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        formatter.write_str("ValidateByteRange")
    }
}

pub(super) fn build(argument: &Argument<'_>) -> Result<Box<dyn Operator>, String> {
    let mut allowed = [false; 256];
    for part in argument.constant("validateByteRange")?.split(',').map(str::trim) {
        let bounds = match part.split_once('-') {
            Some((first, last)) => (first.trim().parse::<u8>(), last.trim().parse::<u8>()),
            None => (part.parse(), part.parse()),
        };
        let (Ok(first), Ok(last)) = bounds else {
            return Err(format!("expected a byte from 0 to 255 or a range such as 32-126, found {part:?}"));
        };
        if first > last {
            return Err(format!("the range {part:?} ends before it begins"));
        }
        allowed[usize::from(first)..=usize::from(last)].fill(true);
    }
    Ok(Box::new(ValidateByteRange { allowed }))
}

impl Operator for ValidateByteRange {
    fn matches(&self, input: &[u8], _: &dyn Expand, _: &mut Captures) -> bool {
        input.iter().any(|byte| !self.allowed[usize::from(*byte)])
    }
}
