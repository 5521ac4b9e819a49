//! `System.Nullable<T>`.

use super::{Definition, Form, member};
use crate::exception::Thrown;
use crate::value::Value;

pub(super) const NULLABLE: Definition = Definition {
    name: "System.Nullable<T>",
    form: Form::Structure,
    bases: &["object"],
    members: &[
        member("new(T)", |c| Ok(c.value(0))),
        member("HasValue: bool", |c| Ok(Value::Boolean(!c.get(0).is_null()))),
        member("Value: T", |c| match c.value(0) {
            Value::Null => Err(Thrown::invalid_operation("Nullable object must have a value.")),
            value => Ok(value),
        }),
        member("GetValueOrDefault(): T", |c| match c.value(0) {
            Value::Null => Ok(Value::default_of(&c.class(0))),
            value => Ok(value),
        }),
        member("GetValueOrDefault(T): T", |c| match c.value(0) {
            Value::Null => Ok(c.value(1)),
            value => Ok(value),
        }),
        member("ToString(): string", |c| Ok(Value::from(c.get(0).display()))),
        member("Equals(object): bool", |c| Ok(Value::Boolean(c.get(0).equals(c.get(1))))),
        member("GetHashCode(): int", |c| {
            Ok(Value::Int32(if c.get(0).is_null() { 0 } else { c.get(0).hash() as i32 }))
        }),
    ],
    ..Definition::NEW
};
