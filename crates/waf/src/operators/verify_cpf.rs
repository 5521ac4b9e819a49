//! `@verifyCPF`: the pattern finds a number in the value with the two check digits of a Brazilian taxpayer.

use super::rx::Linear;
use super::{Argument, Captures, Expand, Operator};

#[derive(Debug)]
struct VerifyCpf(Linear);

pub(super) fn build(argument: &Argument<'_>) -> Result<Box<dyn Operator>, String> {
    Ok(Box::new(VerifyCpf(Linear::new(argument.constant("verifyCPF")?)?)))
}

impl Operator for VerifyCpf {
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
    let digits: Vec<u32> =
        text.iter().filter(|byte| byte.is_ascii_digit()).map(|byte| u32::from(byte - b'0')).collect();
    if digits.len() != 11 || digits.iter().all(|digit| *digit == digits[0]) {
        return false;
    }
    let check = |count: usize| {
        let sum: u32 = digits[..count]
            .iter()
            .zip((2..=count as u32 + 1).rev())
            .map(|(digit, weight)| digit * weight)
            .sum();
        sum * 10 % 11 % 10
    };
    check(9) == digits[9] && check(10) == digits[10]
}
