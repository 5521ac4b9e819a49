//! The JSON Schema of `gatehouse.yaml`, for editors.

use std::path::Path;

use serde_json::{Map, Value, json};

use super::Configuration;
use crate::tree::decode::Shape;

/// Where the schema is published.
const ID: &str = "https://gatehouse-project.github.io/schema/gatehouse.schema.json";

/// The JSON Schema (draft 2020-12) of `gatehouse.yaml`, made from the shapes that read the file.
pub fn schema() -> Value {
    let mut schema = Map::new();
    schema.insert("$schema".to_owned(), json!("https://json-schema.org/draft/2020-12/schema"));
    schema.insert("$id".to_owned(), json!(ID));
    schema.insert("title".to_owned(), json!("gatehouse.yaml"));
    schema.insert("description".to_owned(), json!("The configuration of a Gatehouse instance."));
    if let Value::Object(shape) = Configuration::shape(Path::new("gatehouse.yaml")).schema() {
        schema.extend(shape);
    }
    with_variables(Value::Object(schema))
}

/// Lets `${NAME}` stand for every scalar that is more than any text.
fn with_variables(schema: Value) -> Value {
    const VARIABLE: &str = r"\$\{";
    match schema {
        Value::Object(mut schema) => {
            if let Some(pattern) = schema.get("pattern").and_then(Value::as_str) {
                let pattern = format!("{pattern}|{VARIABLE}");
                schema.insert("pattern".to_owned(), json!(pattern));
            } else if let Some(kind @ ("integer" | "boolean")) = schema.get("type").and_then(Value::as_str) {
                schema.insert("type".to_owned(), json!([kind, "string"]));
                schema.insert("pattern".to_owned(), json!(VARIABLE));
            } else if let Some(words) = schema.remove("enum").or_else(|| schema.remove("const")) {
                let words = if words.is_array() { words } else { json!([words]) };
                let variable = json!({ "type": "string", "pattern": VARIABLE });
                schema.insert("anyOf".to_owned(), json!([{ "enum": words }, variable]));
                return Value::Object(schema);
            }
            let nested = schema.into_iter().map(|(key, value)| {
                let value = match (key.as_str(), value) {
                    ("properties", Value::Object(properties)) => Value::Object(
                        properties.into_iter().map(|(name, value)| (name, with_variables(value))).collect(),
                    ),
                    ("additionalProperties" | "items" | "anyOf" | "oneOf", value) => with_variables(value),
                    (_, value) => value,
                };
                (key, value)
            });
            Value::Object(nested.collect())
        }
        Value::Array(entries) => entries.into_iter().map(with_variables).collect(),
        other => other,
    }
}
