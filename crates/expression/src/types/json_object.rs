//! `JObject`.

use std::sync::Arc;

use super::json_token::{add_content, child, parsed, tokens};
use super::{Definition, Id, member};
use crate::class::Type;
use crate::exception::Thrown;
use crate::json::{Json, from_value};
use crate::machine::Call;
use crate::text::Comparison;
use crate::value::Value;

fn of(c: &mut Call<'_, '_>, contents: &[Value]) -> Result<Value, Thrown> {
    let object = Json::object();
    for content in contents {
        if let Value::Json(other) = content
            && other.is_object()
        {
            for property in other.children() {
                object.add(&property)?;
            }
            continue;
        }
        add_content(c, &object, content)?;
    }
    Ok(Value::Json(object))
}

/// The value of the property by a kind of comparison, the exact one first.
fn get(c: &Call<'_, '_>, how: Comparison) -> Result<Option<Json>, Thrown> {
    let json = c.json(0)?;
    let Some(name) = c.text_or_null(1) else { return Ok(None) };
    if let Some(found) = json.property(name) {
        return Ok(Some(found));
    }
    Ok(json.names().iter().find(|n| how.equal(n, name)).and_then(|n| json.property(n)))
}

fn found(json: Option<Json>) -> Result<Value, Thrown> {
    Ok(json.map_or(Value::Null, Value::Json))
}

fn token(c: &mut Call<'_, '_>, index: usize) -> Result<Json, Thrown> {
    if c.get(index).is_null() { Ok(Json::value(Value::Null)) } else { from_value(c.machine, c.get(index)) }
}

pub(super) const JOBJECT: Definition = Definition {
    name: "Newtonsoft.Json.Linq.JObject",
    bases: &["JContainer", "IDictionary<string, JToken>"],
    members: &[
        member(
            "GetEnumerator(): System.Collections.Generic.IEnumerator<KeyValuePair<string, JToken>>",
            |c| super::enumerator::start(c, Type::generic(Id::KeyValuePair, [Type::STRING, Type::TOKEN])),
        ),
        member("new()", |c| of(c, &[])),
        member("new(JObject)", |c| Ok(Value::Json(c.json(0)?.deep_clone()))),
        member("new(object)", |c| {
            let content = c.value(0);
            of(c, &[content])
        }),
        member("new(params object[])", |c| {
            let contents = c.items(0)?;
            of(c, &contents)
        }),
        member("static Parse(string): JObject", |c| {
            let json = parsed(c, c.text(0)?)?;
            if json.is_object() {
                return Ok(Value::Json(json));
            }
            let kind = match json.kind() {
                2 => "StartArray",
                6 => "Integer",
                7 => "Float",
                8 => "String",
                9 => "Boolean",
                12 => "Date",
                _ => "Null",
            };
            Err(Thrown::new(
                Id::JsonReaderException,
                format!(
                    "Error reading JObject from JsonReader. Current JsonReader item is not an object: {kind}. Path '', line 1, position 1."
                ),
            ))
        }),
        member("static FromObject(object): JObject", |c| {
            if c.get(0).is_null() {
                return Err(Thrown::argument_null("o"));
            }
            let made = from_value(c.machine, c.get(0))?;
            if !made.is_object() {
                return Err(Thrown::argument(format!(
                    "Object serialized to {}. JObject instance expected.",
                    crate::json::kind_word(&made)
                )));
            }
            Ok(Value::Json(if made.parent().is_some() { made.deep_clone() } else { made }))
        }),
        member("this[string]: JToken", |c| child(c.json(0)?, c.get(1))),
        member("set this[string]: JToken", |c| {
            let value = token(c, 2)?;
            c.json(0)?.set(c.text(1)?, &value)?;
            Ok(Value::Null)
        }),
        member("Add(string, JToken)", |c| {
            let value = token(c, 2)?;
            let property = Json::new_property(c.shared_text(1)?, &value)?;
            c.machine.allocate(64)?;
            c.json(0)?.add(&property)?;
            Ok(Value::Null)
        }),
        member("TryAdd(string, JToken): bool", |c| {
            let value = token(c, 2)?;
            if c.json(0)?.property_node(c.text(1)?).is_some() {
                return Ok(Value::Boolean(false));
            }
            c.json(0)?.set(c.text(1)?, &value)?;
            Ok(Value::Boolean(true))
        }),
        member("ContainsKey(string): bool", |c| {
            Ok(Value::Boolean(c.json(0)?.property_node(c.text(1)?).is_some()))
        }),
        member("Remove(string): bool", |c| {
            Ok(Value::Boolean(c.json(0)?.remove_property(c.text(1)?).is_some()))
        }),
        member("Property(string): JProperty", |c| {
            found(c.text_or_null(1).and_then(|n| c.json(0).ok()?.property_node(n)))
        }),
        member("Property(string, StringComparison): JProperty", |c| {
            let how = Comparison::of(c.enumeration(2));
            let (json, name) = (c.json(0)?, c.text(1)?);
            found(json.property_node(name).or_else(|| {
                json.names().iter().find(|n| how.equal(n, name)).and_then(|n| json.property_node(n))
            }))
        }),
        member("Properties(): IEnumerable<JProperty>", |c| Ok(tokens(Id::JProperty, c.json(0)?.children()))),
        member("PropertyValues(): IEnumerable<JToken>", |c| {
            Ok(tokens(Id::JToken, c.json(0)?.children().iter().filter_map(Json::property_value)))
        }),
        member("GetValue(string): JToken", |c| found(get(c, Comparison::Ordinal)?)),
        member("GetValue(string, StringComparison): JToken", |c| {
            found(get(c, Comparison::of(c.enumeration(2)))?)
        }),
        member("TryGetValue(string, out JToken): bool", |c| {
            let value = get(c, Comparison::Ordinal)?;
            let is = value.is_some();
            c.out.push(value.map_or(Value::Null, Value::Json));
            Ok(Value::Boolean(is))
        }),
        member("TryGetValue(string, StringComparison, out JToken): bool", |c| {
            let value = get(c, Comparison::of(c.enumeration(2)))?;
            let is = value.is_some();
            c.out.push(value.map_or(Value::Null, Value::Json));
            Ok(Value::Boolean(is))
        }),
        member("Keys: ICollection<string>", |c| {
            let names: Vec<Arc<str>> = c.json(0)?.names();
            Ok(Value::object(super::List::new(Type::STRING, names.into_iter().map(Value::String).collect())))
        }),
    ],
    ..Definition::NEW
};
