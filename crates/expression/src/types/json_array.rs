//! `JArray`.

use super::json_token::{add_content, child, parsed};
use super::{Definition, Id, member};
use crate::exception::Thrown;
use crate::json::{Json, from_value};
use crate::machine::Call;
use crate::value::Value;

fn place(c: &Call<'_, '_>, index: usize) -> Result<usize, Thrown> {
    usize::try_from(c.int(index)?).map_err(|_| Thrown::index())
}

fn token(c: &mut Call<'_, '_>, index: usize) -> Result<Json, Thrown> {
    if c.get(index).is_null() { Ok(Json::value(Value::Null)) } else { from_value(c.machine, c.get(index)) }
}

fn find(c: &Call<'_, '_>) -> Result<Option<usize>, Thrown> {
    // The token itself is looked for, not one that is like it.
    let Value::Json(token) = c.get(1) else { return Ok(None) };
    Ok(c.json(0)?.position(token))
}

pub(super) const JARRAY: Definition = Definition {
    name: "Newtonsoft.Json.Linq.JArray",
    bases: &["JContainer", "IList<JToken>"],
    members: &[
        member("new()", |_| Ok(Value::Json(Json::array()))),
        member("new(JArray)", |c| Ok(Value::Json(c.json(0)?.deep_clone()))),
        member("new(object)", |c| {
            let (array, content) = (Json::array(), c.value(0));
            add_content(c, &array, &content)?;
            Ok(Value::Json(array))
        }),
        member("new(params object[])", |c| {
            let array = Json::array();
            for content in c.items(0)? {
                add_content(c, &array, &content)?;
            }
            Ok(Value::Json(array))
        }),
        member("static Parse(string): JArray", |c| {
            let json = parsed(c, c.text(0)?)?;
            if json.is_array() {
                return Ok(Value::Json(json));
            }
            Err(Thrown::new(
                Id::JsonReaderException,
                "Error reading JArray from JsonReader. Current JsonReader item is not an array: StartObject. Path '', line 1, position 1.",
            ))
        }),
        member("static FromObject(object): JArray", |c| {
            let made = from_value(c.machine, c.get(0))?;
            if !made.is_array() {
                return Err(Thrown::argument(format!(
                    "Object serialized to {}. JArray instance expected.",
                    crate::json::kind_word(&made)
                )));
            }
            Ok(Value::Json(if made.parent().is_some() { made.deep_clone() } else { made }))
        }),
        member("this[int]: JToken", |c| child(c.json(0)?, c.get(1))),
        member("set this[int]: JToken", |c| {
            let (at, token) = (place(c, 1)?, token(c, 2)?);
            c.json(0)?.set_item(at, &token)?;
            Ok(Value::Null)
        }),
        member("Add(JToken)", |c| {
            let token = token(c, 1)?;
            c.machine.allocate(64)?;
            c.json(0)?.add(&token)?;
            Ok(Value::Null)
        }),
        member("Insert(int, JToken)", |c| {
            let (at, token) = (place(c, 1)?, token(c, 2)?);
            c.machine.allocate(64)?;
            c.json(0)?.insert(at, &token)?;
            Ok(Value::Null)
        }),
        member("RemoveAt(int)", |c| {
            c.json(0)?.remove_at(place(c, 1)?).map(|_| Value::Null).ok_or_else(Thrown::index)
        }),
        member("Remove(JToken): bool", |c| {
            let at = find(c)?;
            Ok(Value::Boolean(at.and_then(|n| c.json(0).ok()?.remove_at(n)).is_some()))
        }),
        member("IndexOf(JToken): int", |c| Ok(Value::Int32(find(c)?.map_or(-1, |n| n as i32)))),
        member("Contains(JToken): bool", |c| Ok(Value::Boolean(find(c)?.is_some()))),
        member("Clear()", |c| {
            c.json(0)?.clear();
            Ok(Value::Null)
        }),
    ],
    ..Definition::NEW
};
