//! Members of `dynamic` values, found by their types at run time.

use super::{Array, Kind, record_members, registry};
use crate::class::Type;
use crate::exception::Thrown;
use crate::machine::{Call, Machine};
use crate::types::Id;
use crate::value::Value;

/// What a JSON value holds, and anything else itself.
pub(crate) fn unwrapped(value: &Value) -> Value {
    match value {
        Value::Json(json) => json.scalar().unwrap_or_else(|| value.clone()),
        other => other.clone(),
    }
}

fn missing(value: &Value, name: &str) -> Thrown {
    Thrown::new(
        Id::Exception,
        format!("'{}' does not contain a definition for '{name}'", value.class().full_name()),
    )
}

fn lineage(class: &Type) -> Vec<Type> {
    let mut found = vec![class.clone()];
    let mut at = 0;
    while let Some(next) = found.get(at) {
        for base in next.bases() {
            if !found.contains(&base) {
                found.push(base);
            }
        }
        at += 1;
    }
    found.push(Type::OBJECT);
    found
}

/// `value.name`; a JSON object has its properties as members, missing ones are null.
pub(crate) fn late_property(machine: &mut Machine<'_>, value: &Value, name: &str) -> Result<Value, Thrown> {
    if value.is_null() {
        return Err(Thrown::null_reference());
    }
    if let Value::Json(json) = value
        && json.is_object()
    {
        return Ok(json.property(name).map_or(Value::Null, Value::Json));
    }
    if let Some(members) = record_members(value)
        && let Some((_, found)) = members.into_iter().find(|(n, _)| n.as_ref() == name)
    {
        return Ok(found);
    }
    if name == "Length" && value.downcast::<Array>().is_some() {
        return Ok(Value::Int32(machine.collect(value)?.len() as i32));
    }
    for owner in lineage(&value.class()) {
        if let Some(method) =
            registry().class(owner.id()).named(name).find(|m| !m.is_static && m.kind == Kind::Property)
        {
            machine.step()?;
            let arguments = std::slice::from_ref(value);
            return (method.call)(&mut Call {
                machine,
                arguments,
                types: owner.arguments(),
                out: &mut Vec::new(),
            });
        }
    }
    Err(missing(value, name))
}

/// `value.name(…)` or, for the name `this`, `value[…]`; the receiver is the first of the values.
pub(crate) fn late_call(machine: &mut Machine<'_>, name: &str, values: &[Value]) -> Result<Value, Thrown> {
    let Some((receiver, given)) = values.split_first() else { return Err(Thrown::null_reference()) };
    if receiver.is_null() {
        return Err(Thrown::null_reference());
    }
    let kind = if name == "this" { Kind::Index } else { Kind::Method };
    if let (Kind::Index, Some(_), [index]) = (kind, receiver.downcast::<Array>(), given) {
        return super::array_item(receiver, index);
    }
    for owner in lineage(&receiver.class()) {
        let fits = |m: &&super::Method| {
            !m.is_static
                && m.kind == kind
                && m.parameters.len() == given.len()
                && m.parameters.iter().zip(given).all(|(p, v)| {
                    let class = p.class.close(owner.arguments(), &[]);
                    if v.is_null() {
                        class.takes_null()
                    } else {
                        class == Type::OBJECT || v.is_instance(&class)
                    }
                })
        };
        if let Some(method) = registry().class(owner.id()).named(name).find(fits) {
            machine.step()?;
            let value = (method.call)(&mut Call {
                machine,
                arguments: values,
                types: owner.arguments(),
                out: &mut Vec::new(),
            })?;
            machine.charge(&value)?;
            return Ok(value);
        }
    }
    Err(missing(receiver, name))
}

/// A dynamic value as a type that is wanted.
pub(crate) fn late_convert(machine: &mut Machine<'_>, value: Value, wanted: &Type) -> Result<Value, Thrown> {
    if value.is_instance(wanted) || value.is_null() && wanted.takes_null() {
        return Ok(value);
    }
    match &value {
        Value::Null => Err(Thrown::null_reference()),
        Value::Json(json) => crate::json::to_type(machine, json, wanted),
        other => match crate::bind::implicit_number(&other.class(), wanted) {
            Some(id) => crate::bind::to_number(other, id),
            None => value.cast(wanted),
        },
    }
}
