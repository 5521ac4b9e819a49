//! `JValue` and `JRaw`.

use super::composite::formatted;
use super::{Definition, member};
use crate::exception::Thrown;
use crate::json::{Json, from_value};
use crate::machine::Call;
use crate::value::Value;

fn create(c: &mut Call<'_, '_>) -> Result<Value, Thrown> {
    match c.get(0) {
        Value::Json(json) => Ok(Value::Json(json.deep_clone())),
        Value::Null => Ok(Value::Json(Json::value(Value::Null))),
        value => {
            let made = from_value(c.machine, value)?;
            if made.scalar().is_none() {
                return Err(Thrown::argument(format!(
                    "Could not determine JSON object type for type {}.",
                    value.class().full_name()
                )));
            }
            Ok(Value::Json(made))
        }
    }
}

pub(super) const JVALUE: Definition = Definition {
    name: "Newtonsoft.Json.Linq.JValue",
    bases: &["JToken"],
    members: &[
        member("new(object)", create),
        member("new(JValue)", create),
        member("static CreateNull(): JValue", |_| Ok(Value::Json(Json::value(Value::Null)))),
        member("static CreateString(string): JValue", |c| Ok(Value::Json(Json::value(c.value(0))))),
        member("Value: object", |c| Ok(c.json(0)?.scalar().unwrap_or(Value::Null))),
        member("set Value: object", |c| {
            let made = from_value(c.machine, c.get(1))?;
            c.json(0)?.set_scalar(made.scalar().unwrap_or(Value::Null));
            Ok(Value::Null)
        }),
        member("Equals(JValue): bool", |c| Ok(Value::Boolean(c.get(0).equals(c.get(1))))),
        member("ToString(): string", |c| Ok(Value::from(c.get(0).display()))),
        member("ToString(string): string", |c| {
            let scalar = c.json(0)?.scalar().unwrap_or(Value::Null);
            formatted(&scalar, c.text_or_null(1).unwrap_or_default()).map(Value::from)
        }),
        member("ToString(CultureInfo): string", |c| Ok(Value::from(c.get(0).display()))),
        member("ToString(string, CultureInfo): string", |c| {
            let scalar = c.json(0)?.scalar().unwrap_or(Value::Null);
            formatted(&scalar, c.text_or_null(1).unwrap_or_default()).map(Value::from)
        }),
    ],
    ..Definition::NEW
};

pub(super) const JRAW: Definition = Definition {
    name: "Newtonsoft.Json.Linq.JRaw",
    bases: &["JValue"],
    members: &[member("new(object)", |c| Ok(Value::Json(Json::raw(c.get(0).to_text()))))],
    ..Definition::NEW
};
