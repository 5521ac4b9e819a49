//! `System.Convert`.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use base64::engine::{DecodePaddingMode, GeneralPurpose, GeneralPurposeConfig};
use rust_decimal::prelude::ToPrimitive as _;

use super::{Definition, Id, floats, integers, member, pure};
use crate::class::Type;
use crate::exception::Thrown;
use crate::machine::Call;
use crate::number::{self, Number};
use crate::value::Value;

/// `Convert.ChangeType`: the value as one of the simple types, with rounding and range checks.
pub(crate) fn change(value: &Value, target: &Type) -> Result<Value, Thrown> {
    let target = target.stripped();
    let Type::Plain(id) = target else { return value.clone().cast(target) };
    let id = *id;
    if value.class() == *target {
        return Ok(value.clone());
    }
    let refused = || {
        Thrown::new(
            Id::InvalidCastException,
            format!(
                "Invalid cast from '{}' to '{}'.",
                value.class().full_name().trim_start_matches("System."),
                target.full_name().trim_start_matches("System.")
            ),
        )
    };
    match id {
        Id::Object => Ok(value.clone()),
        Id::String => Ok(Value::String(value.to_text())),
        Id::Boolean => match value {
            Value::String(text) => super::boolean::parse(text).map(Value::Boolean).ok_or_else(|| {
                Thrown::format(format!("String '{text}' was not recognized as a valid Boolean."))
            }),
            other => Number::of(other).map(|n| Value::Boolean(n.double() != 0.0)).ok_or_else(refused),
        },
        Id::Char => match value {
            Value::String(text) if crate::text::length(text) == 1 => {
                Ok(Value::Char(crate::text::unit(text, 0).unwrap_or_default()))
            }
            Value::String(_) => Err(Thrown::format("String must be exactly one character long.")),
            Value::Boolean(_) | Value::Single(_) | Value::Double(_) | Value::Decimal(_) => Err(refused()),
            other => whole(other, id, &refused),
        },
        Id::Double | Id::Single | Id::Decimal => match value {
            Value::String(text) => floats::parse(text, id),
            Value::Boolean(b) => crate::bind::to_number(&Value::Int32(i32::from(*b)), id),
            other if Number::of(other).is_some() => crate::bind::to_number(other, id),
            _ => Err(refused()),
        },
        Id::DateTime => match value {
            Value::String(text) => crate::time::parse::any(text, 0)
                .and_then(crate::time::parse::to_date_time)
                .map(Value::DateTime)
                .ok_or_else(|| {
                    Thrown::format(format!("String '{text}' was not recognized as a valid DateTime."))
                }),
            Value::DateTimeOffset(d) => Ok(Value::DateTime(crate::time::DateTime {
                ticks: d.ticks,
                kind: crate::time::Kind::Unspecified,
            })),
            _ => Err(refused()),
        },
        Id::DateTimeOffset => match value {
            Value::String(text) => crate::time::parse::any(text, 0)
                .and_then(|p| crate::time::DateTimeOffset::new(p.ticks, p.offset.unwrap_or(0)))
                .map(Value::DateTimeOffset)
                .ok_or_else(|| {
                    Thrown::format(format!("String '{text}' was not recognized as a valid DateTime."))
                }),
            Value::DateTime(d) => {
                Ok(Value::DateTimeOffset(crate::time::DateTimeOffset { ticks: d.ticks, offset: 0 }))
            }
            _ => Err(refused()),
        },
        Id::TimeSpan => match value {
            Value::String(text) => crate::time::TimeSpan::parse(text).map(Value::TimeSpan).ok_or_else(|| {
                Thrown::format(format!("String '{text}' was not recognized as a valid TimeSpan."))
            }),
            _ => Err(refused()),
        },
        Id::Guid => match value {
            Value::String(text) => super::guid::parse(text).map(Value::Guid).ok_or_else(|| {
                Thrown::format(
                    "Guid should contain 32 digits with 4 dashes (xxxxxxxx-xxxx-xxxx-xxxx-xxxxxxxxxxxx).",
                )
            }),
            _ => Err(refused()),
        },
        Id::Uri => match value {
            Value::String(text) => {
                super::uri::parse(text, true).map(Value::object).ok_or_else(super::uri::bad)
            }
            _ => Err(refused()),
        },
        _ if number::range(id).is_some() => match value {
            Value::String(text) => integers::parse(text, id, 7),
            Value::Boolean(b) => Ok(number::wrap(i128::from(*b), id)),
            other => whole(other, id, &refused),
        },
        _ if crate::bind::is_enumeration(target) => match Number::of(value).and_then(Number::whole) {
            Some(number) => Ok(Value::Enumeration(crate::value::Enumeration { id, number })),
            None => Err(refused()),
        },
        _ => value.clone().cast(target),
    }
}

/// A number as a whole one, half to even.
fn whole(value: &Value, id: Id, refused: &dyn Fn() -> Thrown) -> Result<Value, Thrown> {
    let n = match Number::of(value).ok_or_else(refused)? {
        Number::Integer(n) => n,
        Number::Float(n) => {
            let rounded = n.round_ties_even();
            if !rounded.is_finite() || rounded.abs() > 1.9e19 {
                return Err(too_large(id));
            }
            rounded as i128
        }
        Number::Decimal(n) => n.round().to_i128().ok_or_else(|| too_large(id))?,
    };
    match number::range(id) {
        Some((least, most)) if (least..=most).contains(&n) => Ok(number::wrap(n, id)),
        _ => Err(too_large(id)),
    }
}

fn too_large(id: Id) -> Thrown {
    let name = crate::types::registry().class(id).name.trim_start_matches("System.");
    let article = if name.starts_with(['I', 'U']) && name != "UInt16" && name != "UInt32" && name != "UInt64"
    {
        "an"
    } else {
        "a"
    };
    Thrown::overflow(&format!("Value was either too large or too small for {article} {name}."))
}

fn to(c: &mut Call<'_, '_>, class: &Type) -> Result<Value, Thrown> {
    match c.get(0) {
        Value::Null if *class == Type::STRING => Ok(Value::from("")),
        Value::Null => Ok(Value::default_of(class)),
        Value::Json(json) => {
            let value = json.scalar().unwrap_or_else(|| c.value(0));
            if value.is_null() { Ok(Value::default_of(class)) } else { change(&value, class) }
        }
        value => change(value, class),
    }
}

/// Reads digits of radix 2, 8, 10 or 16 as the bits of a type.
fn from_radix(c: &Call<'_, '_>, id: Id) -> Result<Value, Thrown> {
    let radix = c.int(1)?;
    if !matches!(radix, 2 | 8 | 10 | 16) {
        return Err(Thrown::argument("Invalid Base."));
    }
    let Some(text) = c.text_or_null(0) else { return Ok(number::wrap(0, id)) };
    if radix == 10 {
        return integers::parse(text, id, 7);
    }
    let digits = if radix == 16 {
        text.strip_prefix("0x").or_else(|| text.strip_prefix("0X")).unwrap_or(text)
    } else {
        text
    };
    if digits.is_empty() {
        return Err(Thrown::out_of_range(
            "startIndex",
            "Index was out of range. Must be non-negative and less than the size of the collection.",
        ));
    }
    let n = i128::from_str_radix(digits, radix as u32)
        .map_err(|_| Thrown::format("Could not find any recognizable digits."))?;
    let (least, most) = number::range(id).unwrap_or_default();
    let limit = if least < 0 { 2 * most + 1 } else { most };
    if n > limit || n < 0 {
        return Err(too_large(id));
    }
    Ok(number::wrap(n, id))
}

fn to_radix(c: &Call<'_, '_>) -> Result<Value, Thrown> {
    let (n, bits) = match c.get(0) {
        Value::Byte(n) => (i128::from(*n), 8),
        Value::Int16(n) => (i128::from(*n), 16),
        Value::Int32(n) => (i128::from(*n), 32),
        Value::Int64(n) => (i128::from(*n), 64),
        other => return Err(Thrown::mismatch("System.Int64", other)),
    };
    let radix = c.int(1)?;
    if radix == 10 {
        return Ok(Value::from(n.to_string()));
    }
    let unsigned = if n < 0 { (n + (1_i128 << bits)) as u128 } else { n as u128 };
    Ok(Value::from(match radix {
        2 => format!("{unsigned:b}"),
        8 => format!("{unsigned:o}"),
        16 => format!("{unsigned:x}"),
        _ => return Err(Thrown::argument("Invalid Base.")),
    }))
}

/// Strict Base64; white space counts for nothing.
pub(super) fn from_base64(text: &str) -> Result<Vec<u8>, Thrown> {
    let engine = GeneralPurpose::new(
        &base64::alphabet::STANDARD,
        GeneralPurposeConfig::new()
            .with_decode_padding_mode(DecodePaddingMode::RequireCanonical)
            .with_decode_allow_trailing_bits(true),
    );
    let clean: String = text.chars().filter(|c| !matches!(c, ' ' | '\t' | '\r' | '\n')).collect();
    engine.decode(clean).map_err(|_| {
        Thrown::format("The input is not a valid Base-64 string as it contains a non-base 64 character, more than two padding characters, or an illegal character among the padding characters.")
    })
}

fn to_base64(bytes: &[u8], breaks: bool) -> Value {
    let text = STANDARD.encode(bytes);
    if !breaks {
        return Value::from(text);
    }
    let mut out = String::new();
    for (n, c) in text.chars().enumerate() {
        if n > 0 && n % 76 == 0 {
            out.push_str("\r\n");
        }
        out.push(c);
    }
    Value::from(out)
}

/// `To…` of one target type: any object, and with a culture.
macro_rules! conversion {
    ($name:literal, $alias:literal, $class:expr) => {
        [
            pure(concat!("static ", $name, "(object): ", $alias), |c| to(c, &$class)),
            pure(concat!("static ", $name, "(object, CultureInfo): ", $alias), |c| to(c, &$class)),
        ]
    };
}

const BOOLEAN_FORMS: [super::Member; 2] = conversion!("ToBoolean", "bool", Type::BOOLEAN);
const BOOLEAN: super::Member = BOOLEAN_FORMS[0];
const BOOLEAN_C: super::Member = BOOLEAN_FORMS[1];
const BYTE_FORMS: [super::Member; 2] = conversion!("ToByte", "byte", Type::BYTE);
const BYTE: super::Member = BYTE_FORMS[0];
const BYTE_C: super::Member = BYTE_FORMS[1];
const SBYTE_FORMS: [super::Member; 2] = conversion!("ToSByte", "sbyte", Type::Plain(Id::SByte));
const SBYTE: super::Member = SBYTE_FORMS[0];
const SBYTE_C: super::Member = SBYTE_FORMS[1];
const CHAR_FORMS: [super::Member; 2] = conversion!("ToChar", "char", Type::CHAR);
const CHAR: super::Member = CHAR_FORMS[0];
const CHAR_C: super::Member = CHAR_FORMS[1];
const INT16_FORMS: [super::Member; 2] = conversion!("ToInt16", "short", Type::Plain(Id::Int16));
const INT16: super::Member = INT16_FORMS[0];
const INT16_C: super::Member = INT16_FORMS[1];
const INT32_FORMS: [super::Member; 2] = conversion!("ToInt32", "int", Type::INT);
const INT32: super::Member = INT32_FORMS[0];
const INT32_C: super::Member = INT32_FORMS[1];
const INT64_FORMS: [super::Member; 2] = conversion!("ToInt64", "long", Type::LONG);
const INT64: super::Member = INT64_FORMS[0];
const INT64_C: super::Member = INT64_FORMS[1];
const UINT16_FORMS: [super::Member; 2] = conversion!("ToUInt16", "ushort", Type::Plain(Id::UInt16));
const UINT16: super::Member = UINT16_FORMS[0];
const UINT16_C: super::Member = UINT16_FORMS[1];
const UINT32_FORMS: [super::Member; 2] = conversion!("ToUInt32", "uint", Type::Plain(Id::UInt32));
const UINT32: super::Member = UINT32_FORMS[0];
const UINT32_C: super::Member = UINT32_FORMS[1];
const UINT64_FORMS: [super::Member; 2] = conversion!("ToUInt64", "ulong", Type::Plain(Id::UInt64));
const UINT64: super::Member = UINT64_FORMS[0];
const UINT64_C: super::Member = UINT64_FORMS[1];
const SINGLE_FORMS: [super::Member; 2] = conversion!("ToSingle", "float", Type::Plain(Id::Single));
const SINGLE: super::Member = SINGLE_FORMS[0];
const SINGLE_C: super::Member = SINGLE_FORMS[1];
const DOUBLE_FORMS: [super::Member; 2] = conversion!("ToDouble", "double", Type::DOUBLE);
const DOUBLE: super::Member = DOUBLE_FORMS[0];
const DOUBLE_C: super::Member = DOUBLE_FORMS[1];
const DECIMAL_FORMS: [super::Member; 2] = conversion!("ToDecimal", "decimal", Type::Plain(Id::Decimal));
const DECIMAL: super::Member = DECIMAL_FORMS[0];
const DECIMAL_C: super::Member = DECIMAL_FORMS[1];
const STRING_FORMS: [super::Member; 2] = conversion!("ToString", "string", Type::STRING);
const STRING: super::Member = STRING_FORMS[0];
const STRING_C: super::Member = STRING_FORMS[1];

pub(super) const CONVERT: Definition = Definition {
    name: "System.Convert",
    members: &[
        BOOLEAN,
        BOOLEAN_C,
        BYTE,
        BYTE_C,
        SBYTE,
        SBYTE_C,
        CHAR,
        CHAR_C,
        INT16,
        INT16_C,
        INT32,
        INT32_C,
        INT64,
        INT64_C,
        UINT16,
        UINT16_C,
        UINT32,
        UINT32_C,
        UINT64,
        UINT64_C,
        SINGLE,
        SINGLE_C,
        DOUBLE,
        DOUBLE_C,
        DECIMAL,
        DECIMAL_C,
        STRING,
        STRING_C,
        member("static ToDateTime(object): DateTime", |c| {
            if let Value::String(text) = c.get(0) {
                return super::date_time::read(c, text, 0);
            }
            to(c, &Type::Plain(Id::DateTime))
        }),
        member("static ToDateTime(object, CultureInfo): DateTime", |c| {
            if let Value::String(text) = c.get(0) {
                return super::date_time::read(c, text, 0);
            }
            to(c, &Type::Plain(Id::DateTime))
        }),
        pure("static ToByte(string, int): byte", |c| from_radix(c, Id::Byte)),
        pure("static ToInt16(string, int): short", |c| from_radix(c, Id::Int16)),
        pure("static ToInt32(string, int): int", |c| from_radix(c, Id::Int32)),
        pure("static ToInt64(string, int): long", |c| from_radix(c, Id::Int64)),
        pure("static ToUInt32(string, int): uint", |c| from_radix(c, Id::UInt32)),
        pure("static ToUInt64(string, int): ulong", |c| from_radix(c, Id::UInt64)),
        pure("static ToString(byte, int): string", |c| to_radix(c)),
        pure("static ToString(short, int): string", |c| to_radix(c)),
        pure("static ToString(int, int): string", |c| to_radix(c)),
        pure("static ToString(long, int): string", |c| to_radix(c)),
        // Null text stays null.
        pure("static ToString(string): string", |c| Ok(c.value(0))),
        member("static ToBase64String(byte[]): string", |c| Ok(to_base64(&c.bytes(0)?, false))),
        member("static ToBase64String(byte[], Base64FormattingOptions): string", |c| {
            Ok(to_base64(&c.bytes(0)?, c.enumeration(1) == 1))
        }),
        member("static ToBase64String(byte[], int, int): string", |c| {
            let bytes = c.bytes(0)?;
            let (start, count) = super::string::range(c.int(1)?, c.int(2)?, bytes.len())?;
            Ok(to_base64(&bytes[start..start + count], false))
        }),
        member("static FromBase64String(string): byte[]", |c| {
            let text = c.text(0)?;
            c.machine.allocate(text.len())?;
            from_base64(text).map(Value::bytes)
        }),
        member("static ChangeType(object, System.Type): object", |c| {
            let class = c.object::<super::object::TypeObject>(1)?.0.clone();
            to(c, &class)
        }),
        pure("static IsDBNull(object): bool", |_| Ok(Value::Boolean(false))),
    ],
    ..Definition::NEW
};
