//! `JProperty`.

use super::{Definition, member};
use crate::class::Type;
use crate::exception::Thrown;
use crate::json::{Json, from_value};
use crate::machine::Call;
use crate::value::Value;

/// The value of a new property: a sequence becomes an array.
fn content(c: &mut Call<'_, '_>) -> Result<Json, Thrown> {
    match c.get(1) {
        Value::Null => Ok(Json::value(Value::Null)),
        value => {
            let many = matches!(value, Value::Object(_))
                && value.class().element().is_some()
                && value.class() != Type::array(Type::BYTE);
            if many {
                let (array, value) = (Json::array(), value.clone());
                super::json_token::add_content(c, &array, &value)?;
                return Ok(array);
            }
            from_value(c.machine, value)
        }
    }
}

pub(super) const JPROPERTY: Definition = Definition {
    name: "Newtonsoft.Json.Linq.JProperty",
    bases: &["JContainer"],
    members: &[
        member("new(string, object)", |c| {
            let value = content(c)?;
            Json::new_property(c.shared_text(0)?, &value).map(Value::Json)
        }),
        member("new(string, params object[])", |c| {
            let value = content(c)?;
            Json::new_property(c.shared_text(0)?, &value).map(Value::Json)
        }),
        member("Name: string", |c| Ok(Value::text_or_null(c.json(0)?.name()))),
        member("Value: JToken", |c| Ok(c.json(0)?.property_value().map_or(Value::Null, Value::Json))),
        member("set Value: JToken", |c| {
            let value = if c.get(1).is_null() { Json::value(Value::Null) } else { c.json(1)?.clone() };
            c.json(0)?.put(&value)?;
            Ok(Value::Null)
        }),
        member("Remove()", |c| {
            c.json(0)?.remove()?;
            Ok(Value::Null)
        }),
    ],
    ..Definition::NEW
};
