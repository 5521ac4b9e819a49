//! Arithmetic and comparison.

use std::cmp::Ordering;

use gatehouse_expression::Value;
use rust_decimal::Decimal;
use rust_decimal::prelude::{FromPrimitive as _, ToPrimitive as _};

use super::data::Data;

/// A number, or a text that is one.
pub(super) fn decimal(data: &Data) -> Option<Decimal> {
    match data {
        Data::Integer(value) => Some(Decimal::from(*value)),
        // The shortest digits that mean the number, as .NET converts it.
        Data::Real(value) => {
            Value::Double(*value).to_text().parse().ok().or_else(|| Decimal::from_f64(*value))
        }
        Data::Decimal(value) => Some(*value),
        Data::Text(text) => text.trim().replace(',', "").parse().ok(),
        _ => None,
    }
}

/// A number as a floating-point one.
pub(super) fn real(data: &Data) -> Option<f64> {
    match data {
        Data::Real(value) => Some(*value),
        other => decimal(other)?.to_f64(),
    }
}

/// A whole number, rounded to the nearest even where it is none.
pub(super) fn integer(data: &Data) -> Option<i64> {
    match data {
        Data::Integer(value) => Some(*value),
        other => decimal(other)?.round().to_i64(),
    }
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Operation {
    Add,
    Subtract,
    Multiply,
    Divide,
    Remainder,
}

/// Whole numbers stay whole; others are decimals, as long as they fit.
pub(super) fn calculate(operation: Operation, left: &Data, right: &Data) -> Result<Data, String> {
    let zero = || "it divides by zero".to_owned();
    let overflow = || "the result is too large".to_owned();
    if let (Data::Integer(a), Data::Integer(b)) = (left, right) {
        let (a, b) = (*a, *b);
        let result = match operation {
            Operation::Add => a.checked_add(b),
            Operation::Subtract => a.checked_sub(b),
            Operation::Multiply => a.checked_mul(b),
            Operation::Divide | Operation::Remainder if b == 0 => return Err(zero()),
            Operation::Divide => a.checked_div(b),
            Operation::Remainder => a.checked_rem(b),
        };
        return result.map(Data::Integer).ok_or_else(overflow);
    }
    let (Some(a), Some(b)) = (decimal(left), decimal(right)) else {
        return Err("it takes numbers".to_owned());
    };
    let result = match operation {
        Operation::Add => a.checked_add(b),
        Operation::Subtract => a.checked_sub(b),
        Operation::Multiply => a.checked_mul(b),
        Operation::Divide | Operation::Remainder if b.is_zero() => return Err(zero()),
        Operation::Divide => a.checked_div(b).map(|result| result.normalize()),
        Operation::Remainder => a.checked_rem(b),
    };
    result.map(Data::Decimal).ok_or_else(overflow)
}

/// The order of two values where they have one. A text beside a number counts as the number that it is.
pub(super) fn compare(left: &Data, right: &Data) -> Option<Ordering> {
    match (left, right) {
        (Data::Text(a), Data::Text(b)) => Some(a.cmp(b)),
        (Data::Date(a), Data::Date(b)) => Some(a.ticks.cmp(&b.ticks)),
        (Data::Boolean(a), Data::Boolean(b)) => Some(a.cmp(b)),
        _ => match (decimal(left), decimal(right)) {
            (Some(a), Some(b)) => Some(a.cmp(&b)),
            _ => real(left)?.partial_cmp(&real(right)?),
        },
    }
}

/// Whether two values are equal. A text is equal to what is written as it.
pub(super) fn equal(left: &Data, right: &Data) -> bool {
    let holds_nothing = |data: &Data| match data {
        Data::Text(_) | Data::List(_) | Data::Map(_) => data.size() == 0,
        _ => false,
    };
    match (left, right) {
        (Data::Empty, other) | (other, Data::Empty) => holds_nothing(other),
        (Data::Null, other) | (other, Data::Null) => matches!(other, Data::Null),
        (Data::Boolean(a), Data::Boolean(b)) => a == b,
        (Data::Boolean(value), Data::Text(text)) | (Data::Text(text), Data::Boolean(value)) => {
            text.trim().eq_ignore_ascii_case(if *value { "true" } else { "false" })
        }
        (Data::Text(a), b) | (b, Data::Text(a)) => a == &b.to_text(),
        (Data::Date(a), Data::Date(b)) => a.ticks == b.ticks,
        (Data::List(a), Data::List(b)) => {
            a.len() == b.len() && a.iter().zip(b.iter()).all(|(a, b)| equal(a, b))
        }
        _ => compare(left, right) == Some(Ordering::Equal),
    }
}

/// `Math.Round` of a decimal: halves to the even neighbour.
pub(super) fn round(data: &Data, places: i64) -> Data {
    match (decimal(data), u32::try_from(places)) {
        (Some(value), Ok(places @ 0..=28)) => Data::Decimal(value.round_dp(places)),
        _ => Data::Null,
    }
}

/// The absolute value, as a floating-point number; 0 of what is no number.
pub(super) fn absolute(data: &Data) -> Data {
    Data::Real(real(data).map_or(0.0, f64::abs))
}
