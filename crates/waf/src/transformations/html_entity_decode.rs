//! `t:htmlEntityDecode`: decodes `&#xH…;`, `&#D…;` and the named entities `quot`, `amp`, `lt`, `gt`, `nbsp`, with or without the semicolon, each into one byte.

use super::{Transformation, Trigger};
use crate::byte_class::ByteSet;
use crate::text::hex;

pub(super) const HTML_ENTITY_DECODE: Transformation =
    Transformation { trigger: Trigger::Bytes(ByteSet::of(b"&")), apply };

fn apply(input: &[u8], output: &mut Vec<u8>) {
    let mut rest = input;
    while let [first, tail @ ..] = rest {
        let entity = if *first == b'&' { entity(tail) } else { None };
        match entity {
            Some((byte, length)) => {
                output.push(byte);
                rest = &tail[length..];
                if let [b';', after @ ..] = rest {
                    rest = after;
                }
            }
            None => {
                output.push(*first);
                rest = tail;
            }
        }
    }
}

/// The byte of the entity after an ampersand and how many bytes it takes without the semicolon.
fn entity(tail: &[u8]) -> Option<(u8, usize)> {
    if let [b'#', tail @ ..] = tail {
        return match tail {
            [b'x' | b'X', digits @ ..] => number(digits, 16).map(|(byte, length)| (byte, length + 2)),
            _ => number(tail, 10).map(|(byte, length)| (byte, length + 1)),
        };
    }
    let length = tail.iter().take_while(|byte| byte.is_ascii_alphanumeric()).count();
    let name = &tail[..length];
    let byte = [("quot", b'"'), ("amp", b'&'), ("lt", b'<'), ("gt", b'>'), ("nbsp", 0xa0)]
        .into_iter()
        .find_map(|(known, byte)| name.eq_ignore_ascii_case(known.as_bytes()).then_some(byte))?;
    Some((byte, length))
}

/// The low byte of the number at the start of a text and how many digits it has.
fn number(digits: &[u8], base: u32) -> Option<(u8, usize)> {
    let mut value = 0_u32;
    let mut length = 0;
    for digit in digits.iter().map_while(|byte| hex(*byte).map(u32::from).filter(|digit| *digit < base)) {
        value = value.saturating_mul(base).saturating_add(digit);
        length += 1;
    }
    (length > 0).then_some((value as u8, length))
}
