//! Sums, averages, extremes and folds.

use rust_decimal::Decimal;

use super::super::comparer::compare;
use super::super::{Id, Member, member};
use crate::exception::Thrown;
use crate::machine::Call;
use crate::number::{self, Number};
use crate::value::Value;

/// Numbers by the selector at 1, where there is one.
pub(super) fn numbers(c: &mut Call<'_, '_>) -> Result<Vec<Value>, Thrown> {
    let mut found = Vec::new();
    for item in c.items(0)? {
        let value = if c.count() > 1 { c.invoke(1, &[item])? } else { item };
        if !value.is_null() {
            found.push(value);
        }
    }
    Ok(found)
}

pub(super) fn sum(c: &mut Call<'_, '_>, id: Id) -> Result<Value, Thrown> {
    let values = numbers(c)?;
    Ok(match id {
        Id::Double => Value::Double(values.iter().filter_map(Number::of).map(Number::double).sum()),
        Id::Single => {
            Value::Single(values.iter().filter_map(Number::of).map(Number::double).sum::<f64>() as f32)
        }
        Id::Decimal => {
            let mut total = Decimal::ZERO;
            for n in values.iter().filter_map(Number::of).filter_map(Number::decimal) {
                total = total.checked_add(n).ok_or_else(|| {
                    Thrown::overflow("Value was either too large or too small for a Decimal.")
                })?;
            }
            Value::Decimal(total)
        }
        _ => {
            let total: i128 =
                values.iter().filter_map(Number::of).filter_map(Number::whole).map(i128::from).sum();
            match number::range(id) {
                Some((least, most)) if (least..=most).contains(&total) => number::wrap(total, id),
                _ => return Err(Thrown::overflow("Arithmetic operation resulted in an overflow.")),
            }
        }
    })
}

pub(super) fn average(c: &mut Call<'_, '_>) -> Result<Value, Thrown> {
    let values = numbers(c)?;
    if values.is_empty() {
        return Err(Thrown::no_elements());
    }
    if values.iter().all(|v| matches!(v, Value::Decimal(_))) {
        let total: Decimal = values.iter().filter_map(Number::of).filter_map(Number::decimal).sum();
        return Ok(Value::Decimal(total / Decimal::from(values.len())));
    }
    let total: f64 = values.iter().filter_map(Number::of).map(Number::double).sum();
    Ok(Value::Double(total / values.len() as f64))
}

/// The smallest or largest element, or what the selector at 1 gives for them.
pub(super) fn extreme(c: &mut Call<'_, '_>, largest: bool) -> Result<Value, Thrown> {
    let result = c.class(c.types.len().saturating_sub(1));
    let mut best: Option<Value> = None;
    for item in c.items(0)? {
        let value = if c.count() > 1 { c.invoke(1, &[item])? } else { item };
        if value.is_null() {
            continue;
        }
        best = Some(match best {
            None => value,
            Some(before) => {
                let order = compare(&value, &before)?;
                if (largest && order.is_gt()) || (!largest && order.is_lt()) { value } else { before }
            }
        });
    }
    match best {
        Some(best) => Ok(best),
        None if result.takes_null() => Ok(Value::Null),
        None => Err(Thrown::no_elements()),
    }
}

pub(super) fn aggregate(c: &mut Call<'_, '_>, seeded: bool) -> Result<Value, Thrown> {
    let mut items = c.items(0)?.into_iter();
    let (mut total, by) =
        if seeded { (c.value(1), 2) } else { (items.next().ok_or_else(Thrown::no_elements)?, 1) };
    for item in items {
        total = c.invoke(by, &[total, item])?;
        c.machine.charge(&total)?;
    }
    if c.count() > 3 { c.invoke(3, &[total]) } else { Ok(total) }
}

/// `Sum` and `Average` of one number type, alone and by a selector.
macro_rules! totals {
    ($type:literal, $average:literal, $id:ident) => {
        [
            member(concat!("extension Sum(IEnumerable<", $type, ">): ", $type), |c| sum(c, Id::$id)),
            member(concat!("extension Sum<T>(IEnumerable<T>, Func<T, ", $type, ">): ", $type), |c| {
                sum(c, Id::$id)
            }),
            member(concat!("extension Average(IEnumerable<", $type, ">): ", $average), average),
            member(
                concat!("extension Average<T>(IEnumerable<T>, Func<T, ", $type, ">): ", $average),
                average,
            ),
        ]
    };
}

const SUM_INT_FORMS: [Member; 4] = totals!("int", "double", Int32);
pub(super) const SUM_INT: Member = SUM_INT_FORMS[0];
pub(super) const SUM_INT_BY: Member = SUM_INT_FORMS[1];
pub(super) const AVERAGE_INT: Member = SUM_INT_FORMS[2];
pub(super) const AVERAGE_INT_BY: Member = SUM_INT_FORMS[3];
const SUM_LONG_FORMS: [Member; 4] = totals!("long", "double", Int64);
pub(super) const SUM_LONG: Member = SUM_LONG_FORMS[0];
pub(super) const SUM_LONG_BY: Member = SUM_LONG_FORMS[1];
pub(super) const AVERAGE_LONG: Member = SUM_LONG_FORMS[2];
pub(super) const AVERAGE_LONG_BY: Member = SUM_LONG_FORMS[3];
const SUM_FLOAT_FORMS: [Member; 4] = totals!("float", "float", Single);
pub(super) const SUM_FLOAT: Member = SUM_FLOAT_FORMS[0];
pub(super) const SUM_FLOAT_BY: Member = SUM_FLOAT_FORMS[1];
pub(super) const AVERAGE_FLOAT: Member = SUM_FLOAT_FORMS[2];
pub(super) const AVERAGE_FLOAT_BY: Member = SUM_FLOAT_FORMS[3];
const SUM_DOUBLE_FORMS: [Member; 4] = totals!("double", "double", Double);
pub(super) const SUM_DOUBLE: Member = SUM_DOUBLE_FORMS[0];
pub(super) const SUM_DOUBLE_BY: Member = SUM_DOUBLE_FORMS[1];
pub(super) const AVERAGE_DOUBLE: Member = SUM_DOUBLE_FORMS[2];
pub(super) const AVERAGE_DOUBLE_BY: Member = SUM_DOUBLE_FORMS[3];
const SUM_DECIMAL_FORMS: [Member; 4] = totals!("decimal", "decimal", Decimal);
pub(super) const SUM_DECIMAL: Member = SUM_DECIMAL_FORMS[0];
pub(super) const SUM_DECIMAL_BY: Member = SUM_DECIMAL_FORMS[1];
pub(super) const AVERAGE_DECIMAL: Member = SUM_DECIMAL_FORMS[2];
pub(super) const AVERAGE_DECIMAL_BY: Member = SUM_DECIMAL_FORMS[3];
