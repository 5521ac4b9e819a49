//! `t:escapeSeqDecode`: decodes the escapes of ANSI C: `\a \b \f \n \r \t \v \\ \? \' \"`, `\xHH`, `\0` to `\377`; others lose nothing.

use super::{Transformation, Trigger};
use crate::byte_class::ByteSet;
use crate::text::hex_pair;

pub(super) const ESCAPE_SEQ_DECODE: Transformation =
    Transformation { trigger: Trigger::Bytes(ByteSet::of(b"\\")), apply };

fn apply(input: &[u8], output: &mut Vec<u8>) {
    let mut rest = input;
    while let [first, tail @ ..] = rest {
        if *first != b'\\' {
            output.push(*first);
            rest = tail;
            continue;
        }
        let Some((byte, length)) = escape(tail) else {
            // The backslash of an escape that C does not know goes; the character stays.
            if tail.is_empty() {
                output.push(b'\\');
            }
            rest = tail;
            continue;
        };
        output.push(byte);
        rest = &tail[length..];
    }
}

/// The byte of the escape after a backslash and how many bytes it takes.
fn escape(tail: &[u8]) -> Option<(u8, usize)> {
    Some(match tail.first()? {
        b'a' => (0x07, 1),
        b'b' => (0x08, 1),
        b'f' => (0x0c, 1),
        b'n' => (b'\n', 1),
        b'r' => (b'\r', 1),
        b't' => (b'\t', 1),
        b'v' => (0x0b, 1),
        known @ (b'\\' | b'?' | b'\'' | b'"') => (*known, 1),
        b'x' | b'X' => (hex_pair(&tail[1..])?, 3),
        b'0'..=b'7' => {
            let digits = tail.iter().take(3).take_while(|byte| (b'0'..=b'7').contains(*byte)).count();
            let value =
                tail[..digits].iter().fold(0_u32, |value, digit| value << 3 | u32::from(digit - b'0'));
            (value as u8, digits)
        }
        _ => return None,
    })
}
