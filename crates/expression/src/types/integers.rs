//! The integer types.

use super::composite::formatted;
use super::{Definition, Form, Id, member, pure};
use crate::exception::Thrown;
use crate::machine::Call;
use crate::number::{self, Number};
use crate::value::Value;

/// Reads a whole number of that type; `styles` are the bits of `NumberStyles`.
pub(super) fn parse(text: &str, id: Id, styles: i64) -> Result<Value, Thrown> {
    let parsed = if styles & 512 != 0 {
        let digits = text.trim();
        (!digits.is_empty() && digits.len() <= 16 && digits.bytes().all(|b| b.is_ascii_hexdigit()))
            .then(|| i128::from_str_radix(digits, 16).ok())
            .flatten()
            .map(|n| wrapped_hex(n, digits.len(), id))
    } else if styles & (32 | 64 | 128) != 0 {
        number::parse_decimal(text)
            .filter(|d| d.fract().is_zero())
            .and_then(|d| Number::Decimal(d).whole())
            .map(i128::from)
    } else {
        number::parse_integer(text)
    };
    let Some(n) = parsed else {
        let digits = text.trim().trim_start_matches(['-', '+']);
        if !digits.is_empty() && digits.bytes().all(|b| b.is_ascii_digit()) {
            return Err(too_large(id));
        }
        return Err(Thrown::bad_number());
    };
    match number::range(id) {
        Some((least, most)) if (least..=most).contains(&n) => Ok(number::wrap(n, id)),
        _ => Err(too_large(id)),
    }
}

/// Hexadecimal digits are the bits of the type: `FFFFFFFF` is -1 as an `int`.
fn wrapped_hex(n: i128, digits: usize, id: Id) -> i128 {
    match number::range(id) {
        Some((least, most)) if least < 0 && n > most && n <= 2 * most + 1 && digits <= 16 => {
            n - 2 * (most + 1)
        }
        _ => n,
    }
}

fn too_large(id: Id) -> Thrown {
    let name = match id {
        Id::SByte => "a signed byte",
        Id::Byte => "an unsigned byte",
        Id::Int16 => "an Int16",
        Id::UInt16 => "a UInt16",
        Id::UInt32 => "a UInt32",
        Id::Int64 => "an Int64",
        Id::UInt64 => "a UInt64",
        _ => "an Int32",
    };
    Thrown::overflow(&format!("Value was either too large or too small for {name}."))
}

fn try_parse(c: &mut Call<'_, '_>, id: Id, styles: i64) -> Result<Value, Thrown> {
    let parsed = c.text_or_null(0).and_then(|t| parse(t, id, styles).ok());
    let found = parsed.is_some();
    c.out.push(parsed.unwrap_or_else(|| number::wrap(0, id)));
    Ok(Value::Boolean(found))
}

fn compare(c: &Call<'_, '_>) -> Result<Value, Thrown> {
    match (Number::of(c.get(0)), Number::of(c.get(1))) {
        (Some(a), Some(b)) => Ok(Value::Int32(a.compare(b).map_or(0, |o| o as i32))),
        (Some(_), None) if c.get(1).is_null() => Ok(Value::Int32(1)),
        _ => Err(Thrown::argument("Object must be of the same type.")),
    }
}

macro_rules! integer {
    ($constant:ident, $id:ident, $name:literal, $alias:literal) => {
        pub(super) const $constant: Definition = Definition {
            name: $name,
            aliases: &[$alias],
            form: Form::Structure,
            bases: &["object"],
            members: &[
                pure(concat!("static MinValue: ", $alias), |_| Ok(number::wrap(number::range(Id::$id).unwrap_or_default().0, Id::$id))),
                pure(concat!("static MaxValue: ", $alias), |_| Ok(number::wrap(number::range(Id::$id).unwrap_or_default().1, Id::$id))),
                pure(concat!("static Parse(string): ", $alias), |c| parse(c.text(0)?, Id::$id, 7)),
                pure(concat!("static Parse(string, System.Globalization.NumberStyles): ", $alias), |c| parse(c.text(0)?, Id::$id, c.enumeration(1))),
                pure(concat!("static Parse(string, System.Globalization.CultureInfo): ", $alias), |c| parse(c.text(0)?, Id::$id, 7)),
                pure(concat!("static Parse(string, System.Globalization.NumberStyles, System.Globalization.CultureInfo): ", $alias), |c| parse(c.text(0)?, Id::$id, c.enumeration(1))),
                member(concat!("static TryParse(string, out ", $alias, "): bool"), |c| try_parse(c, Id::$id, 7)),
                member(concat!("static TryParse(string, System.Globalization.NumberStyles, System.Globalization.CultureInfo, out ", $alias, "): bool"), |c| {
                    let styles = c.enumeration(1);
                    try_parse(c, Id::$id, styles)
                }),
                pure("ToString(): string", |c| Ok(Value::from(c.get(0).display()))),
                pure("ToString(string): string", |c| formatted(c.get(0), c.text_or_null(1).unwrap_or_default()).map(Value::from)),
                pure("ToString(System.Globalization.CultureInfo): string", |c| Ok(Value::from(c.get(0).display()))),
                pure("ToString(string, System.Globalization.CultureInfo): string", |c| {
                    formatted(c.get(0), c.text_or_null(1).unwrap_or_default()).map(Value::from)
                }),
                pure(concat!("Equals(", $alias, "): bool"), |c| Ok(Value::Boolean(c.get(0).equals(c.get(1))))),
                pure("Equals(object): bool", |c| Ok(Value::Boolean(c.get(0).equals(c.get(1))))),
                pure(concat!("CompareTo(", $alias, "): int"), |c| compare(c)),
                pure("CompareTo(object): int", |c| compare(c)),
                pure("GetHashCode(): int", |c| Ok(Value::Int32(c.get(0).to_integer().unwrap_or_default() as i32))),
            ],
            ..Definition::NEW
        };
    };
}

integer!(SBYTE, SByte, "System.SByte", "sbyte");
integer!(BYTE, Byte, "System.Byte", "byte");
integer!(INT16, Int16, "System.Int16", "short");
integer!(UINT16, UInt16, "System.UInt16", "ushort");
integer!(INT32, Int32, "System.Int32", "int");
integer!(UINT32, UInt32, "System.UInt32", "uint");
integer!(INT64, Int64, "System.Int64", "long");
integer!(UINT64, UInt64, "System.UInt64", "ulong");
