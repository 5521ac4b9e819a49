//! `System.Tuple`, `System.ValueTuple` and anonymous objects: values in a row.

use std::sync::Arc;

use super::{Definition, Form, Id, member};
use crate::class::Type;
use crate::exception::Thrown;
use crate::value::{Object, Value};

/// Values in a row, named where the type is anonymous.
pub(crate) struct Record {
    class: Type,
    values: Vec<Value>,
}

/// A tuple or anonymous object.
pub(crate) fn tuple(class: Type, values: Vec<Value>) -> Value {
    Value::object(Record { class, values })
}

/// The n-th value.
pub(crate) fn record_item(value: &Value, index: usize) -> Result<Value, Thrown> {
    if let Some(record) = value.downcast::<Record>() {
        return record.values.get(index).cloned().ok_or_else(Thrown::index);
    }
    if let Some(pair) = value.downcast::<super::Pair>() {
        return Ok(if index == 0 { pair.key.clone() } else { pair.value.clone() });
    }
    Err(if value.is_null() { Thrown::null_reference() } else { Thrown::mismatch("System.Tuple", value) })
}

/// Names and values, as JSON has them.
pub(crate) fn record_members(value: &Value) -> Option<Vec<(Arc<str>, Value)>> {
    if let Some(pair) = value.downcast::<super::Pair>() {
        return Some(vec![("Key".into(), pair.key.clone()), ("Value".into(), pair.value.clone())]);
    }
    let record = value.downcast::<Record>()?;
    Some(match &record.class {
        Type::Anonymous(shape) => shape
            .members
            .iter()
            .zip(&record.values)
            .map(|((name, _), v)| (Arc::clone(name), v.clone()))
            .collect(),
        _ => record
            .values
            .iter()
            .enumerate()
            .map(|(n, v)| (Arc::from(format!("Item{}", n + 1)), v.clone()))
            .collect(),
    })
}

impl Object for Record {
    fn class(&self) -> Type {
        self.class.clone()
    }

    fn text(&self) -> Option<String> {
        let values: Vec<String> = self.values.iter().map(Value::display).collect();
        Some(match &self.class {
            Type::Anonymous(shape) => {
                let members: Vec<String> = shape
                    .members
                    .iter()
                    .zip(values)
                    .map(|((name, _), value)| format!("{name} = {value}"))
                    .collect();
                format!("{{ {} }}", members.join(", "))
            }
            _ => format!("({})", values.join(", ")),
        })
    }

    fn equals(&self, other: &Value) -> Option<bool> {
        Some(other.downcast::<Self>().is_some_and(|o| {
            self.values.len() == o.values.len() && self.values.iter().zip(&o.values).all(|(a, b)| a.equals(b))
        }))
    }

    fn hash(&self) -> Option<u64> {
        Some(self.values.iter().fold(17_u64, |h, v| h.wrapping_mul(31).wrapping_add(v.hash())))
    }
}

pub(super) const TUPLE: Definition = Definition {
    name: "System.Tuple",
    bases: &["object"],
    members: &[
        member("static Create<A>(A): Tuple<A>", |c| create(c, Id::Tuple)),
        member("static Create<A, B>(A, B): Tuple<A, B>", |c| create(c, Id::Tuple)),
        member("static Create<A, B, C>(A, B, C): Tuple<A, B, C>", |c| create(c, Id::Tuple)),
        member("static Create<A, B, C, D>(A, B, C, D): Tuple<A, B, C, D>", |c| create(c, Id::Tuple)),
    ],
    ..Definition::NEW
};

pub(super) const VALUE_TUPLE: Definition = Definition {
    name: "System.ValueTuple",
    form: Form::Structure,
    bases: &["object"],
    members: &[
        member("static Create<A, B>(A, B): ValueTuple<A, B>", |c| create(c, Id::ValueTuple)),
        member("static Create<A, B, C>(A, B, C): ValueTuple<A, B, C>", |c| create(c, Id::ValueTuple)),
    ],
    ..Definition::NEW
};

fn create(c: &mut crate::machine::Call<'_, '_>, id: Id) -> Result<Value, Thrown> {
    Ok(tuple(Type::generic(id, c.types.iter().cloned()), c.arguments.to_vec()))
}
