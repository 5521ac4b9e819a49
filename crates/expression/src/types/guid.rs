//! `System.Guid`.

use super::composite::formatted;
use super::{Definition, Form, member, pure};
use crate::exception::Thrown;
use crate::value::Value;

/// A Guid by one of its formats: `N`, `D`, `B`, `P`.
pub(crate) fn guid_text(bytes: &[u8; 16], format: char) -> String {
    let hex = format!("{:032x}", u128::from_be_bytes(*bytes));
    if format == 'N' {
        return hex;
    }
    let dashed = format!("{}-{}-{}-{}-{}", &hex[..8], &hex[8..12], &hex[12..16], &hex[16..20], &hex[20..]);
    match format {
        'B' => format!("{{{dashed}}}"),
        'P' => format!("({dashed})"),
        _ => dashed,
    }
}

/// Reads a Guid in any of its formats.
pub(super) fn parse(text: &str) -> Option<[u8; 16]> {
    let text = text.trim();
    let inner = text
        .strip_prefix('{')
        .and_then(|t| t.strip_suffix('}'))
        .or_else(|| text.strip_prefix('(').and_then(|t| t.strip_suffix(')')))
        .unwrap_or(text);
    let digits = if inner.len() == 36 {
        let dashes = [8, 13, 18, 23].iter().all(|n| inner.as_bytes().get(*n) == Some(&b'-'));
        if !dashes {
            return None;
        }
        inner.replace('-', "")
    } else if inner.len() == text.len() {
        inner.to_owned()
    } else {
        return None;
    };
    if digits.len() != 32 || !digits.bytes().all(|b| b.is_ascii_hexdigit()) {
        return None;
    }
    u128::from_str_radix(&digits, 16).ok().map(u128::to_be_bytes)
}

/// The bytes as `ToByteArray` orders them: the first three parts little-endian.
fn mixed(bytes: &[u8; 16]) -> [u8; 16] {
    let mut mixed = *bytes;
    mixed[..4].reverse();
    mixed[4..6].reverse();
    mixed[6..8].reverse();
    mixed
}

fn bad() -> Thrown {
    Thrown::format("Guid should contain 32 digits with 4 dashes (xxxxxxxx-xxxx-xxxx-xxxx-xxxxxxxxxxxx).")
}

pub(super) const GUID: Definition = Definition {
    name: "System.Guid",
    form: Form::Structure,
    bases: &["object"],
    members: &[
        pure("new(string)", |c| parse(c.text(0)?).map(Value::Guid).ok_or_else(bad)),
        member("new(byte[])", |c| {
            let bytes: [u8; 16] = c.bytes(0)?.try_into().map_err(|_| {
                Thrown::argument("Byte array for GUID must be exactly 16 bytes long. (Parameter 'b')")
            })?;
            Ok(Value::Guid(mixed(&bytes)))
        }),
        pure("static Empty: Guid", |_| Ok(Value::Guid([0; 16]))),
        member("static NewGuid(): Guid", |c| {
            let mut bytes = [0; 16];
            c.machine.context.random(&mut bytes);
            bytes[6] = bytes[6] & 0x0f | 0x40;
            bytes[8] = bytes[8] & 0x3f | 0x80;
            Ok(Value::Guid(bytes))
        }),
        pure("static Parse(string): Guid", |c| parse(c.text(0)?).map(Value::Guid).ok_or_else(bad)),
        member("static TryParse(string, out Guid): bool", |c| {
            let parsed = c.text_or_null(0).and_then(parse);
            c.out.push(Value::Guid(parsed.unwrap_or_default()));
            Ok(Value::Boolean(parsed.is_some()))
        }),
        pure("ToString(): string", |c| Ok(Value::from(c.get(0).display()))),
        pure("ToString(string): string", |c| {
            formatted(c.get(0), c.text_or_null(1).unwrap_or_default()).map(Value::from)
        }),
        member("ToByteArray(): byte[]", |c| match c.get(0) {
            Value::Guid(bytes) => Ok(Value::bytes(mixed(bytes))),
            other => Err(Thrown::mismatch("System.Guid", other)),
        }),
        pure("Equals(Guid): bool", |c| Ok(Value::Boolean(c.get(0).equals(c.get(1))))),
        pure("CompareTo(Guid): int", |c| match (c.get(0), c.get(1)) {
            (Value::Guid(a), Value::Guid(b)) => Ok(Value::Int32(a.cmp(b) as i32)),
            (_, other) => Err(Thrown::mismatch("System.Guid", other)),
        }),
        pure("operator ==(Guid, Guid): bool", |c| Ok(Value::Boolean(c.get(0).equals(c.get(1))))),
        pure("operator !=(Guid, Guid): bool", |c| Ok(Value::Boolean(!c.get(0).equals(c.get(1))))),
    ],
    ..Definition::NEW
};
