//! `JsonConvert`.

use super::json_token::parsed;
use super::{Definition, Id, member};
use crate::class::Type;
use crate::exception::Thrown;
use crate::json::{escape, from_value, to_type};
use crate::machine::Call;
use crate::value::Value;

fn serialize(c: &mut Call<'_, '_>, indented: bool) -> Result<Value, Thrown> {
    if c.get(0).is_null() {
        return Ok(Value::from("null"));
    }
    let json = from_value(c.machine, c.get(0)).map_err(|thrown| match thrown {
        Thrown::Exception(e) => {
            Thrown::new(Id::JsonSerializationException, std::sync::Arc::clone(&e.message))
        }
        other @ Thrown::Limit(_) => other,
    })?;
    Ok(Value::from(json.write(indented)))
}

fn deserialize(c: &mut Call<'_, '_>, class: &Type) -> Result<Value, Thrown> {
    let text = c.text(0)?;
    if text.trim().is_empty() {
        return Ok(Value::Null);
    }
    let json = parsed(c, text)?;
    if json.is_null() {
        return if class.takes_null() {
            Ok(Value::Null)
        } else {
            Err(Thrown::new(
                Id::JsonSerializationException,
                format!("Error converting value {{null}} to type '{}'.", class.full_name()),
            ))
        };
    }
    if matches!(class, Type::Plain(Id::Dynamic)) || *class == Type::OBJECT && json.scalar().is_none() {
        return Ok(Value::Json(json));
    }
    let wanted = class.clone();
    to_type(c.machine, &json, &wanted).map_err(|thrown| match thrown {
        Thrown::Exception(e)
            if e.class == Id::ArgumentException
                || e.class == Id::FormatException
                || e.class == Id::InvalidCastException =>
        {
            Thrown::new(
                if e.class == Id::FormatException {
                    Id::JsonReaderException
                } else {
                    Id::JsonSerializationException
                },
                format!("Error converting value to type '{}'. {}", wanted.full_name(), e.message),
            )
        }
        other => other,
    })
}

pub(super) const JSON_CONVERT: Definition = Definition {
    name: "Newtonsoft.Json.JsonConvert",
    members: &[
        member("static SerializeObject(object): string", |c| serialize(c, false)),
        member("static SerializeObject(object, Formatting): string", |c| {
            let indented = c.enumeration(1) == 1;
            serialize(c, indented)
        }),
        member("static DeserializeObject(string): object", |c| deserialize(c, &Type::OBJECT)),
        member("static DeserializeObject<T>(string): T", |c| {
            let class = c.class(0);
            deserialize(c, &class)
        }),
        member("static ToString(object): string", |c| {
            let mut out = String::new();
            match c.get(0) {
                Value::String(text) => escape(&mut out, text),
                value @ (Value::Json(_) | Value::Part(_) | Value::Object(_))
                    if value.downcast::<super::uri::Uri>().is_none() =>
                {
                    return Err(Thrown::argument(format!(
                        "Unsupported type: {}. Use the JsonSerializer class to get the object's JSON representation.",
                        value.class().full_name()
                    )));
                }
                value => out = from_value(c.machine, value)?.write(false),
            }
            Ok(Value::from(out))
        }),
    ],
    ..Definition::NEW
};
