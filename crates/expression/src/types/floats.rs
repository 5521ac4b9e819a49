//! `float`, `double` and `decimal`.

use rust_decimal::{Decimal, RoundingStrategy};

use super::composite::formatted;
use super::{Definition, Form, Id, member, pure};
use crate::exception::Thrown;
use crate::machine::Call;
use crate::number::{self, Number};
use crate::value::Value;

/// .NET's `NaN` has its sign set, which `BitConverter` shows.
const DOUBLE_NAN: f64 = f64::from_bits(0xfff8_0000_0000_0000);
const SINGLE_NAN: f32 = f32::from_bits(0xffc0_0000);

/// Reads a number of that type.
pub(super) fn parse(text: &str, id: Id) -> Result<Value, Thrown> {
    match id {
        Id::Double => number::parse_double(text).map(Value::Double),
        Id::Single => number::parse_double(text).map(|n| Value::Single(n as f32)),
        _ => number::parse_decimal(text).map(Value::Decimal),
    }
    .ok_or_else(Thrown::bad_number)
}

fn try_parse(c: &mut Call<'_, '_>, id: Id) -> Result<Value, Thrown> {
    let parsed = c.text_or_null(0).and_then(|t| parse(t, id).ok());
    let found = parsed.is_some();
    c.out.push(parsed.unwrap_or_else(|| Value::default_of(&crate::class::Type::Plain(id))));
    Ok(Value::Boolean(found))
}

fn compare(c: &Call<'_, '_>) -> Result<Value, Thrown> {
    let (Some(a), Some(b)) = (Number::of(c.get(0)), Number::of(c.get(1))) else { return Ok(Value::Int32(1)) };
    Ok(Value::Int32(a.compare(b).map_or(0, |o| o as i32)))
}

fn float(c: &Call<'_, '_>) -> f64 {
    Number::of(c.get(0)).map_or(0.0, Number::double)
}

fn decimal(c: &Call<'_, '_>, index: usize) -> Result<Decimal, Thrown> {
    Number::of(c.get(index))
        .and_then(Number::decimal)
        .ok_or_else(|| Thrown::mismatch("System.Decimal", c.get(index)))
}

macro_rules! common {
    ($id:ident, $alias:literal, [$($extra:expr),* $(,)?]) => {
        &[
            pure(concat!("static Parse(string): ", $alias), |c| parse(c.text(0)?, Id::$id)),
            pure(concat!("static Parse(string, System.Globalization.CultureInfo): ", $alias), |c| parse(c.text(0)?, Id::$id)),
            pure(concat!("static Parse(string, System.Globalization.NumberStyles): ", $alias), |c| parse(c.text(0)?, Id::$id)),
            pure(concat!("static Parse(string, System.Globalization.NumberStyles, System.Globalization.CultureInfo): ", $alias), |c| parse(c.text(0)?, Id::$id)),
            member(concat!("static TryParse(string, out ", $alias, "): bool"), |c| try_parse(c, Id::$id)),
            member(concat!("static TryParse(string, System.Globalization.NumberStyles, System.Globalization.CultureInfo, out ", $alias, "): bool"), |c| try_parse(c, Id::$id)),
            pure("ToString(): string", |c| Ok(Value::from(c.get(0).display()))),
            pure("ToString(string): string", |c| formatted(c.get(0), c.text_or_null(1).unwrap_or_default()).map(Value::from)),
            pure("ToString(System.Globalization.CultureInfo): string", |c| Ok(Value::from(c.get(0).display()))),
            pure("ToString(string, System.Globalization.CultureInfo): string", |c| {
                formatted(c.get(0), c.text_or_null(1).unwrap_or_default()).map(Value::from)
            }),
            pure(concat!("Equals(", $alias, "): bool"), |c| Ok(Value::Boolean(c.get(0).equals(c.get(1))))),
            pure("Equals(object): bool", |c| Ok(Value::Boolean(c.get(0).equals(c.get(1))))),
            pure(concat!("CompareTo(", $alias, "): int"), |c| compare(c)),
            $($extra),*
        ]
    };
}

pub(super) const DOUBLE: Definition = Definition {
    name: "System.Double",
    aliases: &["double"],
    form: Form::Structure,
    bases: &["object"],
    members: common!(
        Double,
        "double",
        [
            pure("static MaxValue: double", |_| Ok(Value::Double(f64::MAX))),
            pure("static MinValue: double", |_| Ok(Value::Double(f64::MIN))),
            pure("static Epsilon: double", |_| Ok(Value::Double(5e-324))),
            pure("static NaN: double", |_| Ok(Value::Double(DOUBLE_NAN))),
            pure("static PositiveInfinity: double", |_| Ok(Value::Double(f64::INFINITY))),
            pure("static NegativeInfinity: double", |_| Ok(Value::Double(f64::NEG_INFINITY))),
            pure("static IsNaN(double): bool", |c| Ok(Value::Boolean(float(c).is_nan()))),
            pure("static IsInfinity(double): bool", |c| Ok(Value::Boolean(float(c).is_infinite()))),
            pure("static IsFinite(double): bool", |c| Ok(Value::Boolean(float(c).is_finite()))),
        ]
    ),
    ..Definition::NEW
};

pub(super) const SINGLE: Definition = Definition {
    name: "System.Single",
    aliases: &["float"],
    form: Form::Structure,
    bases: &["object"],
    members: common!(
        Single,
        "float",
        [
            pure("static MaxValue: float", |_| Ok(Value::Single(f32::MAX))),
            pure("static MinValue: float", |_| Ok(Value::Single(f32::MIN))),
            pure("static NaN: float", |_| Ok(Value::Single(SINGLE_NAN))),
            pure("static IsNaN(float): bool", |c| Ok(Value::Boolean(float(c).is_nan()))),
        ]
    ),
    ..Definition::NEW
};

pub(super) const DECIMAL: Definition = Definition {
    name: "System.Decimal",
    aliases: &["decimal"],
    form: Form::Structure,
    bases: &["object"],
    members: common!(
        Decimal,
        "decimal",
        [
            pure("static MaxValue: decimal", |_| Ok(Value::Decimal(Decimal::MAX))),
            pure("static MinValue: decimal", |_| Ok(Value::Decimal(Decimal::MIN))),
            pure("static Zero: decimal", |_| Ok(Value::Decimal(Decimal::ZERO))),
            pure("static One: decimal", |_| Ok(Value::Decimal(Decimal::ONE))),
            pure("static MinusOne: decimal", |_| Ok(Value::Decimal(Decimal::NEGATIVE_ONE))),
            pure("static Round(decimal): decimal", |c| Ok(Value::Decimal(decimal(c, 0)?.round()))),
            pure("static Round(decimal, int): decimal", |c| {
                Ok(Value::Decimal(decimal(c, 0)?.round_dp(decimals(c)?)))
            }),
            pure("static Round(decimal, int, MidpointRounding): decimal", |c| {
                Ok(Value::Decimal(
                    decimal(c, 0)?.round_dp_with_strategy(decimals(c)?, rounding(c.enumeration(2))),
                ))
            }),
            pure("static Floor(decimal): decimal", |c| Ok(Value::Decimal(decimal(c, 0)?.floor()))),
            pure("static Ceiling(decimal): decimal", |c| Ok(Value::Decimal(decimal(c, 0)?.ceil()))),
            pure("static Truncate(decimal): decimal", |c| Ok(Value::Decimal(decimal(c, 0)?.trunc()))),
            pure("static ToInt32(decimal): int", |c| super::change(c.get(0), &crate::class::Type::INT)),
            pure("static ToDouble(decimal): double", |c| Ok(Value::Double(
                Number::Decimal(decimal(c, 0)?).double()
            ))),
            pure("static Compare(decimal, decimal): int", |c| compare(c)),
            pure("static Add(decimal, decimal): decimal", |c| checked(
                decimal(c, 0)?.checked_add(decimal(c, 1)?)
            )),
            pure("static Subtract(decimal, decimal): decimal", |c| checked(
                decimal(c, 0)?.checked_sub(decimal(c, 1)?)
            )),
            pure("static Multiply(decimal, decimal): decimal", |c| checked(
                decimal(c, 0)?.checked_mul(decimal(c, 1)?)
            )),
            pure("static Negate(decimal): decimal", |c| Ok(Value::Decimal(-decimal(c, 0)?))),
        ]
    ),
    ..Definition::NEW
};

fn checked(result: Option<Decimal>) -> Result<Value, Thrown> {
    result
        .map(Value::Decimal)
        .ok_or_else(|| Thrown::overflow("Value was either too large or too small for a Decimal."))
}

/// How many decimals a number is rounded to.
pub(super) fn decimals(c: &Call<'_, '_>) -> Result<u32, Thrown> {
    u32::try_from(c.int(1)?).ok().filter(|n| *n <= 28).ok_or_else(|| {
        let message = "Decimal can only round to between 0 and 28 digits of precision.";
        Thrown::out_of_range("decimals", message)
    })
}

/// By the number of a `MidpointRounding`.
pub(super) fn rounding(number: i64) -> RoundingStrategy {
    match number {
        1 => RoundingStrategy::MidpointAwayFromZero,
        2 => RoundingStrategy::ToZero,
        3 => RoundingStrategy::ToNegativeInfinity,
        4 => RoundingStrategy::ToPositiveInfinity,
        _ => RoundingStrategy::MidpointNearestEven,
    }
}
