//! `System.Math`.

use rust_decimal::Decimal;

use super::floats::{decimals, rounding};
use super::{Definition, Id, pure};
use crate::exception::Thrown;
use crate::machine::Call;
use crate::number::{self, Number};
use crate::value::Value;

fn decimal(c: &Call<'_, '_>, index: usize) -> Result<Decimal, Thrown> {
    Number::of(c.get(index))
        .and_then(Number::decimal)
        .ok_or_else(|| Thrown::mismatch("System.Decimal", c.get(index)))
}

/// The smaller or larger of two values of one type.
fn pick(c: &Call<'_, '_>, larger: bool) -> Result<Value, Thrown> {
    let (a, b) = (c.get(0), c.get(1));
    let (Some(x), Some(y)) = (Number::of(a), Number::of(b)) else { return Err(Thrown::null_reference()) };
    if matches!(x, Number::Float(n) if n.is_nan()) {
        return Ok(a.clone());
    }
    if matches!(y, Number::Float(n) if n.is_nan()) {
        return Ok(b.clone());
    }
    let less = x.compare(y).is_some_and(std::cmp::Ordering::is_le);
    Ok(if less == larger { b.clone() } else { a.clone() })
}

fn absolute(c: &Call<'_, '_>) -> Result<Value, Thrown> {
    let value = c.get(0);
    Ok(match value {
        Value::Double(n) => Value::Double(n.abs()),
        Value::Single(n) => Value::Single(n.abs()),
        Value::Decimal(n) => Value::Decimal(n.abs()),
        other => match Number::of(other) {
            Some(Number::Integer(n)) => {
                let id = value.class().id();
                if number::range(id).is_some_and(|(_, most)| n.abs() > most) {
                    return Err(Thrown::overflow(
                        "Negating the minimum value of a twos complement number is invalid.",
                    ));
                }
                number::wrap(n.abs(), id)
            }
            _ => value.clone(),
        },
    })
}

fn sign(c: &Call<'_, '_>) -> Result<Value, Thrown> {
    let n = Number::of(c.get(0)).map_or(0.0, Number::double);
    if n.is_nan() {
        return Err(Thrown::new(
            Id::ArithmeticException,
            "Function does not accept floating point Not-a-Number values.",
        ));
    }
    Ok(Value::Int32(if n > 0.0 {
        1
    } else if n < 0.0 {
        -1
    } else {
        0
    }))
}

/// Rounds a double to some digits: half to even, or by the number of a `MidpointRounding`.
pub(super) fn round(n: f64, digits: i32, mode: i64) -> Result<f64, Thrown> {
    if !(0..=15).contains(&digits) {
        return Err(Thrown::out_of_range("digits", "Rounding digits must be between 0 and 15, inclusive."));
    }
    if !n.is_finite() || n.abs() >= 1e16 {
        return Ok(n);
    }
    let power = 10_f64.powi(digits);
    let scaled = n * power;
    let rounded = match mode {
        1 => {
            // .NET rounds up where the fraction is a half or more.
            let whole = scaled.trunc();
            if (scaled - whole).abs() >= 0.5 { whole + scaled.signum() } else { whole }
        }
        2 => scaled.trunc(),
        3 => scaled.floor(),
        4 => scaled.ceil(),
        _ => scaled.round_ties_even(),
    };
    Ok(rounded / power)
}

/// One argument, one result, in doubles.
macro_rules! function {
    ($name:literal, $function:expr) => {
        pure(concat!("static ", $name, "(double): double"), |c| {
            let function: fn(f64) -> f64 = $function;
            Ok(Value::Double(function(c.double(0)?)))
        })
    };
}

/// `Min` and `Max` of one type.
macro_rules! picks {
    ($type:literal) => {
        [
            pure(concat!("static Max(", $type, ", ", $type, "): ", $type), |c| pick(c, true)),
            pure(concat!("static Min(", $type, ", ", $type, "): ", $type), |c| pick(c, false)),
        ]
    };
}

const MAX_INT_FORMS: [super::Member; 2] = picks!("int");
const MAX_INT: super::Member = MAX_INT_FORMS[0];
const MIN_INT: super::Member = MAX_INT_FORMS[1];
const MAX_UINT_FORMS: [super::Member; 2] = picks!("uint");
const MAX_UINT: super::Member = MAX_UINT_FORMS[0];
const MIN_UINT: super::Member = MAX_UINT_FORMS[1];
const MAX_LONG_FORMS: [super::Member; 2] = picks!("long");
const MAX_LONG: super::Member = MAX_LONG_FORMS[0];
const MIN_LONG: super::Member = MAX_LONG_FORMS[1];
const MAX_ULONG_FORMS: [super::Member; 2] = picks!("ulong");
const MAX_ULONG: super::Member = MAX_ULONG_FORMS[0];
const MIN_ULONG: super::Member = MAX_ULONG_FORMS[1];
const MAX_FLOAT_FORMS: [super::Member; 2] = picks!("float");
const MAX_FLOAT: super::Member = MAX_FLOAT_FORMS[0];
const MIN_FLOAT: super::Member = MAX_FLOAT_FORMS[1];
const MAX_DOUBLE_FORMS: [super::Member; 2] = picks!("double");
const MAX_DOUBLE: super::Member = MAX_DOUBLE_FORMS[0];
const MIN_DOUBLE: super::Member = MAX_DOUBLE_FORMS[1];
const MAX_DECIMAL_FORMS: [super::Member; 2] = picks!("decimal");
const MAX_DECIMAL: super::Member = MAX_DECIMAL_FORMS[0];
const MIN_DECIMAL: super::Member = MAX_DECIMAL_FORMS[1];

pub(super) const MATH: Definition = Definition {
    name: "System.Math",
    members: &[
        pure("static PI: double", |_| Ok(Value::Double(std::f64::consts::PI))),
        pure("static E: double", |_| Ok(Value::Double(std::f64::consts::E))),
        MAX_INT,
        MIN_INT,
        MAX_UINT,
        MIN_UINT,
        MAX_LONG,
        MIN_LONG,
        MAX_ULONG,
        MIN_ULONG,
        MAX_FLOAT,
        MIN_FLOAT,
        MAX_DOUBLE,
        MIN_DOUBLE,
        MAX_DECIMAL,
        MIN_DECIMAL,
        pure("static Abs(int): int", |c| absolute(c)),
        pure("static Abs(long): long", |c| absolute(c)),
        pure("static Abs(float): float", |c| absolute(c)),
        pure("static Abs(double): double", |c| absolute(c)),
        pure("static Abs(decimal): decimal", |c| absolute(c)),
        pure("static Sign(int): int", |c| sign(c)),
        pure("static Sign(long): int", |c| sign(c)),
        pure("static Sign(double): int", |c| sign(c)),
        pure("static Sign(decimal): int", |c| sign(c)),
        pure("static Round(double): double", |c| Ok(Value::Double(c.double(0)?.round_ties_even()))),
        pure("static Round(double, int): double", |c| Ok(Value::Double(round(c.double(0)?, c.int(1)?, 0)?))),
        pure("static Round(double, MidpointRounding): double", |c| {
            Ok(Value::Double(round(c.double(0)?, 0, c.enumeration(1))?))
        }),
        pure("static Round(double, int, MidpointRounding): double", |c| {
            Ok(Value::Double(round(c.double(0)?, c.int(1)?, c.enumeration(2))?))
        }),
        pure("static Round(decimal): decimal", |c| Ok(Value::Decimal(decimal(c, 0)?.round()))),
        pure("static Round(decimal, int): decimal", |c| {
            Ok(Value::Decimal(decimal(c, 0)?.round_dp(decimals(c)?)))
        }),
        pure("static Round(decimal, MidpointRounding): decimal", |c| {
            Ok(Value::Decimal(decimal(c, 0)?.round_dp_with_strategy(0, rounding(c.enumeration(1)))))
        }),
        pure("static Round(decimal, int, MidpointRounding): decimal", |c| {
            Ok(Value::Decimal(
                decimal(c, 0)?.round_dp_with_strategy(decimals(c)?, rounding(c.enumeration(2))),
            ))
        }),
        pure("static Floor(double): double", |c| Ok(Value::Double(c.double(0)?.floor()))),
        pure("static Floor(decimal): decimal", |c| Ok(Value::Decimal(decimal(c, 0)?.floor()))),
        pure("static Ceiling(double): double", |c| Ok(Value::Double(c.double(0)?.ceil()))),
        pure("static Ceiling(decimal): decimal", |c| Ok(Value::Decimal(decimal(c, 0)?.ceil()))),
        pure("static Truncate(double): double", |c| Ok(Value::Double(c.double(0)?.trunc()))),
        pure("static Truncate(decimal): decimal", |c| Ok(Value::Decimal(decimal(c, 0)?.trunc()))),
        pure("static Pow(double, double): double", |c| Ok(Value::Double(c.double(0)?.powf(c.double(1)?)))),
        pure("static Log(double, double): double", |c| {
            let (n, base) = (c.double(0)?, c.double(1)?);
            // There is no logarithm to these bases, but for that of 1.
            #[expect(clippy::float_cmp, reason = "these bases themselves are meant")]
            let none = base == 1.0 || (n != 1.0 && (base == 0.0 || base == f64::INFINITY));
            Ok(Value::Double(if none { f64::NAN } else { n.ln() / base.ln() }))
        }),
        pure("static Atan2(double, double): double", |c| Ok(Value::Double(c.double(0)?.atan2(c.double(1)?)))),
        pure("static IEEERemainder(double, double): double", |c| {
            let (x, y) = (c.double(0)?, c.double(1)?);
            Ok(Value::Double(x - y * (x / y).round_ties_even()))
        }),
        function!("Sqrt", f64::sqrt),
        function!("Cbrt", f64::cbrt),
        function!("Log", f64::ln),
        function!("Log10", f64::log10),
        function!("Log2", f64::log2),
        function!("Exp", f64::exp),
        function!("Sin", f64::sin),
        function!("Cos", f64::cos),
        function!("Tan", f64::tan),
        function!("Asin", f64::asin),
        function!("Acos", f64::acos),
        function!("Atan", f64::atan),
        function!("Sinh", f64::sinh),
        function!("Cosh", f64::cosh),
        function!("Tanh", f64::tanh),
        pure("static BigMul(int, int): long", |c| {
            Ok(Value::Int64(i64::from(c.int(0)?) * i64::from(c.int(1)?)))
        }),
        pure("static Clamp(int, int, int): int", |c| clamp(c)),
        pure("static Clamp(long, long, long): long", |c| clamp(c)),
        pure("static Clamp(double, double, double): double", |c| clamp(c)),
        pure("static Clamp(decimal, decimal, decimal): decimal", |c| clamp(c)),
    ],
    ..Definition::NEW
};

fn clamp(c: &Call<'_, '_>) -> Result<Value, Thrown> {
    let (Some(n), Some(least), Some(most)) =
        (Number::of(c.get(0)), Number::of(c.get(1)), Number::of(c.get(2)))
    else {
        return Err(Thrown::null_reference());
    };
    if least.compare(most).is_some_and(std::cmp::Ordering::is_gt) {
        return Err(Thrown::argument(format!(
            "'{}' cannot be greater than {}.",
            c.get(1).display(),
            c.get(2).display()
        )));
    }
    Ok(if n.compare(least).is_some_and(std::cmp::Ordering::is_lt) {
        c.value(1)
    } else if n.compare(most).is_some_and(std::cmp::Ordering::is_gt) {
        c.value(2)
    } else {
        c.value(0)
    })
}
