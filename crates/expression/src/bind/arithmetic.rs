//! Arithmetic on numbers of one type, as .NET does it unchecked.

use std::cmp::Ordering;

use rust_decimal::Decimal;

use super::conversion::to_number;
use crate::exception::Thrown;
use crate::number::{self, Number};
use crate::types::Id;
use crate::value::Value;

pub(super) fn negate(operator: &str, value: &Value, target: Id) -> Result<Value, Thrown> {
    Ok(match (operator, to_number(value, target)?) {
        ("-", Value::Double(n)) => Value::Double(-n),
        ("-", Value::Single(n)) => Value::Single(-n),
        ("-", Value::Decimal(n)) => Value::Decimal(-n),
        ("+", other) => other,
        (_, other) => match Number::of(&other) {
            Some(Number::Integer(n)) => number::wrap(if operator == "-" { -n } else { !n }, target),
            // -2147483648 and its like: the literal alone does not fit.
            _ => other,
        },
    })
}

/// An arithmetic operator on two numbers of type `id`.
pub(super) fn arithmetic(operator: &str, a: &Value, b: &Value, id: Id) -> Result<Value, Thrown> {
    if matches!(operator, "<<" | ">>") {
        return shift(operator, a, b, id);
    }
    let (Some(x), Some(y)) = (Number::of(a), Number::of(b)) else { return Err(Thrown::null_reference()) };
    if matches!(operator, "==" | "!=" | "<" | ">" | "<=" | ">=") {
        let ordering = if id == Id::Single {
            (x.double() as f32).partial_cmp(&(y.double() as f32))
        } else {
            x.compare(y)
        };
        return Ok(Value::Boolean(holds(operator, ordering)));
    }
    match id {
        Id::Double => Ok(Value::Double(float(operator, x.double(), y.double()))),
        Id::Single => Ok(Value::Single(float(operator, x.double(), y.double()) as f32)),
        Id::Decimal => decimal(operator, x, y),
        _ => {
            let (Number::Integer(x), Number::Integer(y)) = (x, y) else {
                return Err(Thrown::null_reference());
            };
            if matches!(operator, "/" | "%") && y == 0 {
                return Err(Thrown::new(Id::DivideByZeroException, "Attempted to divide by zero."));
            }
            let n = match operator {
                "+" => x + y,
                "-" => x - y,
                "*" => x.wrapping_mul(y),
                "/" => x / y,
                "%" => x % y,
                "&" => x & y,
                "|" => x | y,
                _ => x ^ y,
            };
            if operator == "/" && number::range(id).is_some_and(|(_, most)| n > most) {
                return Err(Thrown::overflow("Arithmetic operation resulted in an overflow."));
            }
            Ok(number::wrap(n, id))
        }
    }
}

pub(super) fn shift(operator: &str, a: &Value, b: &Value, id: Id) -> Result<Value, Thrown> {
    let a = to_number(a, id)?;
    let (Some(Number::Integer(x)), Some(Number::Integer(by))) = (Number::of(&a), Number::of(b)) else {
        return Err(Thrown::null_reference());
    };
    let bits = if matches!(id, Id::Int64 | Id::UInt64) { 63 } else { 31 };
    let by = (by & bits) as u32;
    Ok(number::wrap(if operator == "<<" { x << by } else { x >> by }, id))
}

pub(super) fn float(operator: &str, x: f64, y: f64) -> f64 {
    match operator {
        "+" => x + y,
        "-" => x - y,
        "*" => x * y,
        "/" => x / y,
        _ => x % y,
    }
}

pub(super) fn decimal(operator: &str, x: Number, y: Number) -> Result<Value, Thrown> {
    let overflow = || Thrown::overflow("Value was either too large or too small for a Decimal.");
    let (x, y) = (x.decimal().ok_or_else(overflow)?, y.decimal().ok_or_else(overflow)?);
    if matches!(operator, "/" | "%") && y == Decimal::ZERO {
        return Err(Thrown::new(Id::DivideByZeroException, "Attempted to divide by zero."));
    }
    let n = match operator {
        "+" => x.checked_add(y),
        "-" => x.checked_sub(y),
        "*" => x.checked_mul(y),
        "/" => x.checked_div(y).map(|n| without_zeros(n, x.scale().saturating_sub(y.scale()))),
        _ => x.checked_rem(y),
    };
    n.map(Value::Decimal).ok_or_else(overflow)
}

/// A quotient without the zeros at its end, but for those that the scales of the operands keep.
pub(super) fn without_zeros(n: Decimal, keep: u32) -> Decimal {
    let mut n = n;
    while n.scale() > keep && n.mantissa() % 10 == 0 {
        n = Decimal::from_i128_with_scale(n.mantissa() / 10, n.scale() - 1);
    }
    n
}

pub(super) fn holds(operator: &str, ordering: Option<Ordering>) -> bool {
    match operator {
        "==" => ordering == Some(Ordering::Equal),
        "!=" => ordering != Some(Ordering::Equal),
        "<" => ordering == Some(Ordering::Less),
        ">" => ordering == Some(Ordering::Greater),
        "<=" => matches!(ordering, Some(Ordering::Less | Ordering::Equal)),
        _ => matches!(ordering, Some(Ordering::Greater | Ordering::Equal)),
    }
}

pub(super) fn int_comparison(operator: &str) -> Option<fn(&i32, &i32) -> bool> {
    Some(match operator {
        "==" => i32::eq,
        "!=" => i32::ne,
        "<" => i32::lt,
        ">" => i32::gt,
        "<=" => i32::le,
        ">=" => i32::ge,
        _ => return None,
    })
}
