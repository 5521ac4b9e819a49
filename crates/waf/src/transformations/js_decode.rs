//! `t:jsDecode`: decodes the escapes of JavaScript: `\uHHHH` (full-width forms become ASCII), `\xHH`, octal, `\n` and its kin.

use super::url_decode_uni::low_byte;
use super::{Transformation, Trigger};
use crate::byte_class::ByteSet;
use crate::text::hex_pair;

pub(super) const JS_DECODE: Transformation =
    Transformation { trigger: Trigger::Bytes(ByteSet::of(b"\\")), apply };

fn apply(input: &[u8], output: &mut Vec<u8>) {
    let mut rest = input;
    while let [first, tail @ ..] = rest {
        if *first != b'\\' || tail.is_empty() {
            output.push(*first);
            rest = tail;
            continue;
        }
        let (byte, length) = escape(tail);
        output.push(byte);
        rest = &tail[length..];
    }
}

/// The byte of the escape after a backslash and how many bytes it takes; any other character stands for itself.
fn escape(tail: &[u8]) -> (u8, usize) {
    match tail {
        [b'u', digits @ ..] => match low_byte(digits) {
            Some(byte) => (byte, 5),
            None => (b'u', 1),
        },
        [b'x', digits @ ..] => match hex_pair(digits) {
            Some(byte) => (byte, 3),
            None => (b'x', 1),
        },
        [b'0'..=b'7', ..] => {
            let mut digits = tail.iter().take(3).take_while(|byte| (b'0'..=b'7').contains(*byte)).count();
            // Three digits above 377 are two digits and a character.
            if digits == 3 && tail[0] > b'3' {
                digits = 2;
            }
            (tail[..digits].iter().fold(0, |value, digit| value << 3 | (digit - b'0')), digits)
        }
        [letter, ..] => {
            let byte = match letter {
                b'a' => 0x07,
                b'b' => 0x08,
                b'f' => 0x0c,
                b'n' => b'\n',
                b'r' => b'\r',
                b't' => b'\t',
                b'v' => 0x0b,
                other => *other,
            };
            (byte, 1)
        }
        [] => (b'\\', 0),
    }
}
