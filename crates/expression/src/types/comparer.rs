//! Comparing and sorting, `System.StringComparer`.

use std::cmp::Ordering;

use super::{Definition, Id, member, pure};
use crate::class::Type;
use crate::exception::Thrown;
use crate::machine::Machine;
use crate::number::Number;
use crate::text::Comparison;
use crate::value::{Object, Value};

/// A `StringComparer`.
pub(crate) struct Comparer(pub(crate) Comparison);

impl Object for Comparer {
    fn class(&self) -> Type {
        Type::Plain(Id::StringComparer)
    }
}

/// Whether the comparer at hand ignores case; null is the default one.
pub(super) fn ignores_case(comparer: &Value) -> bool {
    comparer.downcast::<Comparer>().is_some_and(|c| c.0.ignores_case())
}

/// The default order of two values.
pub(crate) fn compare(a: &Value, b: &Value) -> Result<Ordering, Thrown> {
    Ok(match (a, b) {
        (Value::Null, Value::Null) => Ordering::Equal,
        (Value::Null, _) => Ordering::Less,
        (_, Value::Null) => Ordering::Greater,
        (Value::String(x), Value::String(y)) => Comparison::Linguistic { ignore_case: false }.compare(x, y),
        (Value::Boolean(x), Value::Boolean(y)) => x.cmp(y),
        (Value::DateTime(x), Value::DateTime(y)) => x.ticks.cmp(&y.ticks),
        (Value::DateTimeOffset(x), Value::DateTimeOffset(y)) => x.utc_ticks().cmp(&y.utc_ticks()),
        (Value::TimeSpan(x), Value::TimeSpan(y)) => x.cmp(y),
        (Value::Guid(x), Value::Guid(y)) => x.cmp(y),
        (Value::Json(x), Value::Json(y)) => match (x.scalar(), y.scalar()) {
            (Some(x), Some(y)) => compare(&x, &y)?,
            _ => return Err(incomparable()),
        },
        _ => match (Number::of(a), Number::of(b)) {
            // NaN comes before every number.
            (Some(x), Some(y)) => {
                x.compare(y).unwrap_or_else(|| y.double().is_nan().cmp(&x.double().is_nan()))
            }
            _ => return Err(incomparable()),
        },
    })
}

fn incomparable() -> Thrown {
    Thrown::invalid_operation("Failed to compare two elements in the array.")
}

/// Sorts by a comparison, a comparer, or the default order where there is none.
pub(super) fn sort(machine: &mut Machine<'_>, items: &mut Vec<Value>, by: &Value) -> Result<(), Thrown> {
    let comparer = by.downcast::<Comparer>().map(|c| c.0);
    merge(machine, items, &mut |m, a, b| {
        m.step()?;
        if let Some(how) = comparer {
            return Ok(match (a, b) {
                (Value::String(a), Value::String(b)) => how.compare(a, b),
                _ => compare(a, b)?,
            });
        }
        if by.is_null() {
            return compare(a, b);
        }
        match m.invoke(by, &[a.clone(), b.clone()])? {
            Value::Int32(n) => Ok(n.cmp(&0)),
            other => Err(Thrown::mismatch("System.Int32", &other)),
        }
    })
}

/// What compares two elements, and may throw.
pub(super) type Compare<'f, T> = dyn FnMut(&mut Machine<'_>, &T, &T) -> Result<Ordering, Thrown> + 'f;

/// A stable sort whose comparison may throw.
pub(super) fn merge<T: Clone>(
    machine: &mut Machine<'_>,
    items: &mut Vec<T>,
    compare: &mut Compare<'_, T>,
) -> Result<(), Thrown> {
    let mut width = 1;
    while width < items.len() {
        let mut merged = Vec::with_capacity(items.len());
        for chunk in items.chunks(width * 2) {
            let (left, right) = chunk.split_at(width.min(chunk.len()));
            let (mut i, mut j) = (0, 0);
            while let (Some(a), Some(b)) = (left.get(i), right.get(j)) {
                if compare(machine, a, b)?.is_gt() {
                    merged.push(b.clone());
                    j += 1;
                } else {
                    merged.push(a.clone());
                    i += 1;
                }
            }
            merged.extend_from_slice(left.get(i..).unwrap_or_default());
            merged.extend_from_slice(right.get(j..).unwrap_or_default());
        }
        *items = merged;
        width *= 2;
    }
    Ok(())
}

macro_rules! comparer {
    ($name:literal, $how:expr) => {
        member(concat!("static ", $name, ": StringComparer"), |_| Ok(Value::object(Comparer($how))))
    };
}

pub(super) const STRING_COMPARER: Definition = Definition {
    name: "System.StringComparer",
    bases: &["object", "IEqualityComparer<string>"],
    members: &[
        comparer!("Ordinal", Comparison::Ordinal),
        comparer!("OrdinalIgnoreCase", Comparison::OrdinalIgnoreCase),
        comparer!("InvariantCulture", Comparison::Linguistic { ignore_case: false }),
        comparer!("InvariantCultureIgnoreCase", Comparison::Linguistic { ignore_case: true }),
        comparer!("CurrentCulture", Comparison::Linguistic { ignore_case: false }),
        comparer!("CurrentCultureIgnoreCase", Comparison::Linguistic { ignore_case: true }),
        pure("Equals(string, string): bool", |c| {
            let how = c.object::<Comparer>(0)?.0;
            Ok(Value::Boolean(match (c.text_or_null(1), c.text_or_null(2)) {
                (Some(a), Some(b)) => how.equal(a, b),
                (None, None) => true,
                _ => false,
            }))
        }),
        pure("Compare(string, string): int", |c| {
            let how = c.object::<Comparer>(0)?.0;
            Ok(Value::Int32(match (c.text_or_null(1), c.text_or_null(2)) {
                (Some(a), Some(b)) => how.difference(a, b),
                (None, None) => 0,
                (None, _) => -1,
                _ => 1,
            }))
        }),
    ],
    ..Definition::NEW
};
