//! `@verifySVNR`: the pattern finds a number in the value with the check digit of Austrian social insurance.

use super::rx::Linear;
use super::{Argument, Captures, Expand, Operator};

#[derive(Debug)]
struct VerifySvnr(Linear);

pub(super) fn build(argument: &Argument<'_>) -> Result<Box<dyn Operator>, String> {
    Ok(Box::new(VerifySvnr(Linear::new(argument.constant("verifySVNR")?)?)))
}

impl Operator for VerifySvnr {
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

fn valid(text: &[u8]) -> bool {
    const WEIGHTS: [u32; 10] = [3, 7, 9, 0, 5, 8, 4, 2, 1, 6];
    let digits: Vec<u32> =
        text.iter().filter(|byte| byte.is_ascii_digit()).map(|byte| u32::from(byte - b'0')).collect();
    digits.len() == 10
        && digits.iter().zip(WEIGHTS).map(|(digit, weight)| digit * weight).sum::<u32>() % 11 == digits[3]
}
