//! Numbers of every .NET type: comparing, converting and showing them.

mod format;

use std::cmp::Ordering;

use rust_decimal::Decimal;
use rust_decimal::prelude::{FromPrimitive as _, ToPrimitive as _};

pub(crate) use self::format::format;

use crate::value::Value;

/// A number, whatever its type.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Number {
    Decimal(Decimal),
    Float(f64),
    Integer(i128),
}

impl Number {
    pub(crate) fn of(value: &Value) -> Option<Self> {
        Some(match value {
            Value::SByte(n) => Self::Integer(i128::from(*n)),
            Value::Byte(n) => Self::Integer(i128::from(*n)),
            Value::Int16(n) => Self::Integer(i128::from(*n)),
            Value::UInt16(n) | Value::Char(n) => Self::Integer(i128::from(*n)),
            Value::Int32(n) => Self::Integer(i128::from(*n)),
            Value::UInt32(n) => Self::Integer(i128::from(*n)),
            Value::Int64(n) => Self::Integer(i128::from(*n)),
            Value::UInt64(n) => Self::Integer(i128::from(*n)),
            Value::Single(n) => Self::Float(f64::from(*n)),
            Value::Double(n) => Self::Float(*n),
            Value::Decimal(n) => Self::Decimal(*n),
            Value::Enumeration(e) => Self::Integer(i128::from(e.number)),
            _ => return None,
        })
    }

    pub(crate) fn double(self) -> f64 {
        match self {
            Self::Decimal(n) => n.to_f64().unwrap_or_default(),
            Self::Float(n) => n,
            Self::Integer(n) => n as f64,
        }
    }

    /// As a decimal, where it fits one.
    pub(crate) fn decimal(self) -> Option<Decimal> {
        match self {
            Self::Decimal(n) => Some(n),
            // .NET keeps 15 significant digits.
            Self::Float(n) => Decimal::from_f64(n).map(|d| d.round_sf(15).unwrap_or(d).normalize()),
            Self::Integer(n) => Decimal::from_i128(n),
        }
    }

    /// As a whole number, where it has no fraction and fits 64 bits.
    pub(crate) fn whole(self) -> Option<i64> {
        match self {
            Self::Decimal(n) => {
                if n.fract().is_zero() {
                    n.to_i64()
                } else {
                    None
                }
            }
            Self::Float(n) => (n.fract() == 0.0 && n.abs() < 9.2e18).then_some(n as i64),
            Self::Integer(n) => i64::try_from(n).ok(),
        }
    }

    pub(crate) fn compare(self, other: Self) -> Option<Ordering> {
        match (self, other) {
            (Self::Integer(a), Self::Integer(b)) => Some(a.cmp(&b)),
            (Self::Decimal(a), Self::Decimal(b)) => Some(a.cmp(&b)),
            (Self::Float(_), _) | (_, Self::Float(_)) => self.double().partial_cmp(&other.double()),
            _ => Some(self.decimal()?.cmp(&other.decimal()?)),
        }
    }
}

/// `ToString()` of a number.
pub(crate) fn display(value: &Value) -> String {
    match value {
        Value::Double(n) => shortest(*n),
        Value::Single(n) => scientific(&format!("{n:e}"), f64::from(*n), 9),
        Value::Decimal(n) => n.to_string(),
        other => match Number::of(other) {
            Some(Number::Integer(n)) => n.to_string(),
            _ => String::new(),
        },
    }
}

/// The shortest text that reads back as the same double, with an exponent from 1E+17 on.
pub(crate) fn shortest(n: f64) -> String {
    scientific(&format!("{n:e}"), n, 17)
}

fn scientific(shown: &str, n: f64, digits: i32) -> String {
    if n.is_nan() {
        return "NaN".to_owned();
    }
    if n.is_infinite() {
        return if n > 0.0 { "Infinity" } else { "-Infinity" }.to_owned();
    }
    let (mantissa, exponent) = shown.split_once('e').unwrap_or((shown, "0"));
    let exponent: i32 = exponent.parse().unwrap_or_default();
    let (sign, mantissa) = match mantissa.strip_prefix('-') {
        Some(rest) => ("-", rest),
        None => ("", mantissa),
    };
    if (-4..digits).contains(&exponent) {
        let figures: String = mantissa.chars().filter(|c| *c != '.').collect();
        return format!("{sign}{}", place_point(&figures, exponent + 1));
    }
    format!("{sign}{mantissa}E{}{:02}", if exponent < 0 { '-' } else { '+' }, exponent.abs())
}

/// Digits with the decimal point after the first `point` of them.
pub(crate) fn place_point(digits: &str, point: i32) -> String {
    if point <= 0 {
        return format!("0.{}{digits}", "0".repeat((-point) as usize));
    }
    let point = point as usize;
    match digits.get(point..) {
        Some("") => digits.to_owned(),
        Some(fraction) => format!("{}.{fraction}", digits.get(..point).unwrap_or_default()),
        None => format!("{digits}{}", "0".repeat(point - digits.len())),
    }
}

/// Reads a number as `double.Parse` with the invariant culture does.
pub(crate) fn parse_double(text: &str) -> Option<f64> {
    let text = text.trim();
    match text {
        "NaN" => return Some(f64::NAN),
        "Infinity" | "∞" => return Some(f64::INFINITY),
        "-Infinity" | "-∞" => return Some(f64::NEG_INFINITY),
        _ => {}
    }
    let text = plain(text, true)?;
    text.parse().ok()
}

/// Reads a decimal as `decimal.Parse` with the invariant culture does.
pub(crate) fn parse_decimal(text: &str) -> Option<Decimal> {
    let text = plain(text.trim(), false)?;
    text.parse().ok()
}

/// Reads a whole number; leading and trailing space and a sign are taken.
pub(crate) fn parse_integer(text: &str) -> Option<i128> {
    let text = text.trim_matches([' ', '\t', '\n', '\r', '\u{b}', '\u{c}']).trim_end_matches('\0');
    let digits = text.strip_prefix(['-', '+']).unwrap_or(text);
    if digits.is_empty() || digits.len() > 36 || !digits.bytes().all(|b| b.is_ascii_digit()) {
        return None;
    }
    text.parse().ok()
}

/// A number without thousands separators, when it is one.
fn plain(text: &str, exponent: bool) -> Option<String> {
    let mut out = String::with_capacity(text.len());
    let (mut digits, mut point, mut power) = (false, false, false);
    for (n, c) in text.chars().enumerate() {
        match c {
            '0'..='9' => digits = true,
            ',' if digits && !point && !power => continue,
            '.' if !point && !power => point = true,
            '+' | '-' if n == 0 || out.ends_with(['e', 'E']) => {}
            'e' | 'E' if exponent && digits && !power => power = true,
            _ => return None,
        }
        out.push(c);
    }
    (digits && !out.ends_with(['e', 'E', '+', '-'])).then_some(out)
}

/// The value as the type named by `like`, wrapping where it does not fit, as an unchecked cast does.
pub(crate) fn wrap(number: i128, like: crate::types::Id) -> Value {
    use crate::types::Id;
    match like {
        Id::SByte => Value::SByte(number as i8),
        Id::Byte => Value::Byte(number as u8),
        Id::Int16 => Value::Int16(number as i16),
        Id::UInt16 => Value::UInt16(number as u16),
        Id::Char => Value::Char(number as u16),
        Id::UInt32 => Value::UInt32(number as u32),
        Id::Int64 => Value::Int64(number as i64),
        Id::UInt64 => Value::UInt64(number as u64),
        _ => Value::Int32(number as i32),
    }
}

/// The smallest and largest whole number of an integer type.
pub(crate) fn range(id: crate::types::Id) -> Option<(i128, i128)> {
    use crate::types::Id;
    Some(match id {
        Id::SByte => (i8::MIN.into(), i8::MAX.into()),
        Id::Byte => (u8::MIN.into(), u8::MAX.into()),
        Id::Int16 => (i16::MIN.into(), i16::MAX.into()),
        Id::UInt16 | Id::Char => (u16::MIN.into(), u16::MAX.into()),
        Id::Int32 => (i32::MIN.into(), i32::MAX.into()),
        Id::UInt32 => (u32::MIN.into(), u32::MAX.into()),
        Id::Int64 => (i64::MIN.into(), i64::MAX.into()),
        Id::UInt64 => (u64::MIN.into(), u64::MAX.into()),
        _ => return None,
    })
}
