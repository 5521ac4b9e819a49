//! `t:cssDecode`: decodes the escapes of CSS 2: `\` with up to six hexadecimal digits, of which the last two count, or before a character; a full-width ASCII code point becomes the ASCII character.

use super::{Transformation, Trigger};
use crate::byte_class::ByteSet;
use crate::text::{hex, hex_pair, is_space};

pub(super) const CSS_DECODE: Transformation =
    Transformation { trigger: Trigger::Bytes(ByteSet::of(b"\\")), apply };

fn apply(input: &[u8], output: &mut Vec<u8>) {
    let mut rest = input;
    while let [first, tail @ ..] = rest {
        if *first != b'\\' {
            output.push(*first);
            rest = tail;
            continue;
        }
        let digits = tail.iter().take(6).take_while(|byte| hex(**byte).is_some()).count();
        rest = match (digits, tail) {
            (0, [b'\n', after @ ..]) => after,
            (0, [escaped, after @ ..]) => {
                output.push(*escaped);
                after
            }
            (0, []) => tail,
            _ => {
                let (number, after) = tail.split_at(digits);
                output.push(low_byte(number));
                // One white space may end the number.
                match after {
                    [space, after @ ..] if is_space(*space) => after,
                    _ => after,
                }
            }
        };
    }
}

/// The byte of the last two digits, with the full-width forms U+FF01 to U+FF5E brought back to ASCII.
fn low_byte(digits: &[u8]) -> u8 {
    let Some(pair) = digits.len().checked_sub(2).map(|start| &digits[start..]) else {
        return digits.first().copied().and_then(hex).unwrap_or(0);
    };
    let byte = hex_pair(pair).unwrap_or(0);
    let leading = &digits[..digits.len() - 2];
    let full_width = leading.len() >= 2
        && leading[leading.len() - 2..].eq_ignore_ascii_case(b"ff")
        && leading[..leading.len() - 2].iter().all(|digit| *digit == b'0');
    if full_width && (0x01..=0x5e).contains(&byte) { byte + 0x20 } else { byte }
}
