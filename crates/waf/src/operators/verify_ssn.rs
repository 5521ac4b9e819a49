//! `@verifySSN`: the pattern finds a number in the value that can be a social security number of the United States.

use super::rx::Linear;
use super::{Argument, Captures, Expand, Operator};

#[derive(Debug)]
struct VerifySsn(Linear);

pub(super) fn build(argument: &Argument<'_>) -> Result<Box<dyn Operator>, String> {
    Ok(Box::new(VerifySsn(Linear::new(argument.constant("verifySSN")?)?)))
}

impl Operator for VerifySsn {
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

/// Nine digits: an area other than 000, 666 and 900 to 999, a group other than 00, a serial number other than 0000.
fn valid(text: &[u8]) -> bool {
    let digits: Vec<u32> =
        text.iter().filter(|byte| byte.is_ascii_digit()).map(|byte| u32::from(byte - b'0')).collect();
    let [a, b, c, d, e, f, g, h, i] = digits[..] else { return false };
    let area = a * 100 + b * 10 + c;
    let increasing = digits.windows(2).all(|pair| pair[1] == pair[0] + 1);
    let same = digits.iter().all(|digit| *digit == a);
    area != 0 && area != 666 && area < 740 && d * 10 + e != 0 && f + g + h + i != 0 && !increasing && !same
}
