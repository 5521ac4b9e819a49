//! Between .NET values and JSON tokens.

use std::cmp::Ordering;
use std::sync::Arc;

use super::Json;
use crate::class::Type;
use crate::exception::Thrown;
use crate::machine::Machine;
use crate::number::Number;
use crate::types::{self, Id};
use crate::value::Value;

/// The token that a value becomes (`JToken.FromObject`, and the content of a new container).
pub(crate) fn from_value(machine: &mut Machine<'_>, value: &Value) -> Result<Json, Thrown> {
    convert(machine, value, 0)
}

fn convert(machine: &mut Machine<'_>, value: &Value, depth: u16) -> Result<Json, Thrown> {
    machine.step()?;
    if depth > super::MAX_DEPTH {
        return Err(Thrown::Limit("nested JSON too deeply"));
    }
    Ok(match value {
        Value::Json(json) => json.clone(),
        Value::Null
        | Value::Boolean(_)
        | Value::Double(_)
        | Value::Decimal(_)
        | Value::String(_)
        | Value::DateTime(_)
        | Value::DateTimeOffset(_)
        | Value::Guid(_)
        | Value::UInt64(_)
        | Value::Int64(_)
        | Value::Single(_)
        | Value::TimeSpan(_) => Json::value(value.clone()),
        Value::Char(_) => Json::value(Value::from(value.display())),
        Value::Enumeration(e) => Json::value(Value::Int64(e.number)),
        Value::Part(_) | Value::Object(_) => return container(machine, value, depth),
        number => Json::value(Number::of(number).and_then(Number::whole).map_or(Value::Null, Value::Int64)),
    })
}

fn container(machine: &mut Machine<'_>, value: &Value, depth: u16) -> Result<Json, Thrown> {
    let class = value.class();
    if class.is(Id::Uri)
        || class.is(Id::BigInteger)
        || matches!(&class, Type::Array(of) if **of == Type::BYTE)
    {
        return Ok(Json::value(value.clone()));
    }
    if class.view(Id::IDictionary).is_some() || class.view(Id::IReadOnlyDictionary).is_some() {
        let object = Json::object();
        for (key, item) in types::entries(machine, value)? {
            let item = convert(machine, &item, depth + 1)?;
            object.set(&key.to_text(), &item)?;
        }
        return Ok(object);
    }
    if let Some(members) = types::record_members(value) {
        let object = Json::object();
        for (name, item) in members {
            let item = convert(machine, &item, depth + 1)?;
            object.set(&name, &item)?;
        }
        return Ok(object);
    }
    if class.element().is_some() {
        let array = Json::array();
        for item in machine.collect(value)? {
            let item = convert(machine, &item, depth + 1)?;
            array.add(&item)?;
        }
        return Ok(array);
    }
    Err(Thrown::argument(format!("Could not determine JSON object type for type {}.", class.full_name())))
}

/// The value of type `target` that a token is converted to (casts, `Value<T>`, `ToObject<T>`).
pub(crate) fn to_type(machine: &mut Machine<'_>, json: &Json, target: &Type) -> Result<Value, Thrown> {
    let token = Value::Json(json.clone());
    let wanted = target.stripped();
    if *wanted == Type::OBJECT || token.is_instance(wanted) {
        return Ok(match json.scalar() {
            Some(scalar) if *wanted == Type::OBJECT => scalar,
            _ => token,
        });
    }
    let json =
        if json.is_property() { json.property_value().unwrap_or_else(|| json.clone()) } else { json.clone() };
    if let Some(scalar) = json.scalar() {
        if scalar.is_null() {
            return if target.takes_null() {
                Ok(Value::Null)
            } else {
                Err(Thrown::argument(format!("Can not convert Null to {}.", type_word(wanted))))
            };
        }
        if let Some(converted) = scalar.downcast::<types::BigInteger>().and_then(|n| n.to(wanted)) {
            return converted;
        }
        return types::change(&scalar, wanted).map_err(|thrown| match thrown {
            Thrown::Exception(e) if e.class == Id::InvalidCastException => {
                Thrown::argument(format!("Can not convert {} to {}.", kind_word(&json), type_word(wanted)))
            }
            other => other,
        });
    }
    if let Some(element) = collection_element(wanted) {
        if json.is_array() {
            let mut items = Vec::new();
            for child in json.children() {
                machine.step()?;
                items.push(to_type(machine, &child, &element)?);
            }
            return Ok(types::collection_of(wanted, element, items));
        }
        return Err(Thrown::new(
            Id::JsonSerializationException,
            format!(
                "Cannot deserialize the current JSON object (e.g. {{\"name\":\"value\"}}) into type '{}'",
                wanted.full_name()
            ),
        ));
    }
    if let Some(view) = wanted.view(Id::IDictionary).or_else(|| wanted.view(Id::IReadOnlyDictionary)) {
        let (key, of) = (view.argument(0), view.argument(1));
        let map = types::Dictionary::new(key, of.clone(), false);
        for name in json.names() {
            machine.step()?;
            if let Some(item) = json.property(&name) {
                map.set(Value::String(name), to_type(machine, &item, &of)?);
            }
        }
        return Ok(Value::object(map));
    }
    Err(Thrown::argument(format!("Can not convert {} to {}.", kind_word(&json), type_word(wanted))))
}

/// The element type, where `wanted` is a list-like collection that JSON arrays become.
fn collection_element(wanted: &Type) -> Option<Type> {
    match wanted {
        Type::Array(of) => Some(of.as_ref().clone()),
        Type::Generic(
            Id::List
            | Id::IList
            | Id::ICollection
            | Id::IEnumerableOfT
            | Id::HashSet
            | Id::IReadOnlyList
            | Id::IReadOnlyCollection,
            arguments,
        ) => arguments.first().cloned(),
        _ => None,
    }
}

fn type_word(class: &Type) -> String {
    types::registry().class(class.id()).name.rsplit('.').next().unwrap_or_default().to_owned()
}

/// The word that Newtonsoft has for a kind of token.
pub(crate) fn kind_word(json: &Json) -> &'static str {
    match json.kind() {
        1 => "Object",
        2 => "Array",
        4 => "Property",
        6 => "Integer",
        7 => "Float",
        8 => "String",
        9 => "Boolean",
        10 => "Null",
        12 => "Date",
        13 => "Raw",
        14 => "Bytes",
        15 => "Guid",
        16 => "Uri",
        _ => "TimeSpan",
    }
}

pub(crate) fn scalars_equal(a: &Value, b: &Value) -> bool {
    match (a, b) {
        (Value::Null, Value::Null) => true,
        (Value::Null, _) | (_, Value::Null) => false,
        (Value::String(x), Value::String(y)) => x == y,
        _ => match (Number::of(a), Number::of(b)) {
            (Some(x), Some(y)) => x.compare(y) == Some(Ordering::Equal),
            (None, None) => a.equals(b),
            _ => false,
        },
    }
}

/// The order of two values, where they have one (`JValue.CompareTo`, filters).
pub(crate) fn compare_scalars(a: &Value, b: &Value) -> Option<Ordering> {
    match (a, b) {
        (Value::Null, Value::Null) => Some(Ordering::Equal),
        (Value::Null, _) | (_, Value::Null) => None,
        (Value::Boolean(x), Value::Boolean(y)) => Some(x.cmp(y)),
        (Value::DateTime(x), Value::DateTime(y)) => Some(x.ticks.cmp(&y.ticks)),
        _ => match (Number::of(a), Number::of(b)) {
            (Some(x), Some(y)) => x.compare(y),
            _ => {
                let (x, y): (Arc<str>, Arc<str>) = (a.to_text(), b.to_text());
                Some(crate::text::compare_ordinal(&x, &y))
            }
        },
    }
}
