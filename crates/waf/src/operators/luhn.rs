//! The check digit of card numbers (ISO/IEC 7812-1).

/// Whether the digits of a text, whatever stands between them, end in their check digit.
pub(super) fn valid(text: &[u8]) -> bool {
    let digits = text.iter().rev().filter(|byte| byte.is_ascii_digit()).map(|byte| u32::from(byte - b'0'));
    let (sum, count) = digits.enumerate().fold((0, 0), |(sum, count), (at, digit)| {
        let doubled = if at % 2 == 1 { digit * 2 } else { digit };
        (sum + if doubled > 9 { doubled - 9 } else { doubled }, count + 1)
    });
    count > 0 && sum % 10 == 0
}
